"""A relayer of IBC v2 between two chains: clients that know each other, and each message with its proof.

The daemon relays IBC v1; this is what tests need of the other, on the same endpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from chain.modules.ibc.v2.codec import packet_from_pb, packet_to_pb
from cosmos_pb.ibc.core.channel.v2 import packet_pb2
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as tx
from cosmos_pb.ibc.core.client.v2 import tx_pb2 as client_tx
from light_client import host
from light_client.codec import height_to_pb
from light_client.packet_v2 import PacketV2
from relayer import Endpoint
from relayer.client import TrackedClient, create_client
from relayer.events import attributes
from relayer.reader import Included
from relayer.tx import pack
from relayer.verified import Proven


@dataclass
class RelayV2:
    """``on_a`` is A's client of B, ``on_b`` B's of A."""

    on_a: TrackedClient
    on_b: TrackedClient

    @classmethod
    async def between(cls, a: Endpoint, b: Endpoint) -> RelayV2:
        """Make both clients and let them know each other."""
        made = cls(await create_client(a, b), await create_client(b, a))
        for ours, theirs in ((made.on_a, made.on_b), (made.on_b, made.on_a)):
            message = client_tx.MsgRegisterCounterparty(
                client_id=ours.id,
                counterparty_merkle_prefix=[b"ibc", b""],
                counterparty_client_id=theirs.id,
                signer=ours.host.address,
            )
            await ours.host.submit([pack(message)])
        return made

    def client(self, on: Endpoint) -> TrackedClient:
        return self.on_a if on is self.on_a.host else self.on_b

    async def receive(self, at: Endpoint, packet: PacketV2) -> Included:
        """Show a packet to the chain that it is for."""
        key = host.packet_commitment_key_v2(packet.source_client, packet.sequence)
        proven = await self._proven(at, key)
        message = tx.MsgRecvPacket(
            packet=packet_to_pb(packet),
            proof_commitment=proven.proof,
            proof_height=height_to_pb(proven.height),
            signer=at.address,
        )
        return await self._submit(at, proven, message)

    async def acknowledge(self, at: Endpoint, packet: PacketV2, ack: bytes) -> Included:
        """Show an acknowledgement to the chain that sent the packet."""
        key = host.packet_ack_key_v2(packet.destination_client, packet.sequence)
        proven = await self._proven(at, key)
        message = tx.MsgAcknowledgement(
            packet=packet_to_pb(packet),
            acknowledgement=packet_pb2.Acknowledgement(app_acknowledgements=[ack]),
            proof_acked=proven.proof,
            proof_height=height_to_pb(proven.height),
            signer=at.address,
        )
        return await self._submit(at, proven, message)

    async def time_out(self, at: Endpoint, packet: PacketV2) -> Included:
        """Show to the chain that sent a packet that it was not received in time."""
        key = host.packet_receipt_key_v2(packet.destination_client, packet.sequence)
        proven = await self._proven(at, key)
        message = tx.MsgTimeout(
            packet=packet_to_pb(packet),
            proof_unreceived=proven.proof,
            proof_height=height_to_pb(proven.height),
            signer=at.address,
        )
        return await self._submit(at, proven, message)

    async def deliver(self, source: Endpoint, sent: Included) -> bytes:
        """Relay the packet of a transaction there and its acknowledgement back; the acknowledgement."""
        packet = packet_in(sent.events)
        target = self.client(source).subject
        received = await self.receive(target, packet)
        ack = ack_in(received.events)
        await self.acknowledge(source, packet, ack)
        return ack

    async def _proven(self, at: Endpoint, key: bytes) -> Proven:
        prover = self.client(at).subject
        await prover.catch_up()
        return await prover.prove(key)

    async def _submit(self, at: Endpoint, proven: Proven, message: Message) -> Included:
        client = self.client(at)
        updates = await client.update(proven.height, at.address)
        outcome = await at.submit([*updates, pack(message)])
        client.confirm(proven.height)
        return outcome.included


def told(events: Sequence[Any], type_: str) -> dict[str, str]:
    """The attributes of the last event of a type."""
    found = [attributes(event) for event in events if event["type"] == type_]
    assert found, f"no event {type_}"
    return found[-1]


def packet_in(events: Sequence[Any]) -> PacketV2:
    """The packet that was sent last."""
    encoded = told(events, "send_packet")["encoded_packet_hex"]
    return packet_from_pb(packet_pb2.Packet.FromString(bytes.fromhex(encoded)))


def ack_in(events: Sequence[Any]) -> bytes:
    """The acknowledgement that was written last."""
    encoded = told(events, "write_acknowledgement")["encoded_acknowledgement_hex"]
    (ack,) = packet_pb2.Acknowledgement.FromString(bytes.fromhex(encoded)).app_acknowledgements
    return bytes(ack)
