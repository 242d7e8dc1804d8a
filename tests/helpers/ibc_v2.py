"""IBC v2 between the two chains of ``ibc_world``: counterparties, packets, and an application that obeys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.ibc_world import REFUSED, End, Link, MiniChain

from chain.context import Context
from chain.events import Event
from chain.modules.ibc.v2.codec import packet_from_pb, packet_to_pb
from chain.modules.ibc.v2.port import FAILURE, LATER, Delivery, RecvResult, Status
from cosmos_pb.ibc.core.channel.v2 import packet_pb2
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as tx
from cosmos_pb.ibc.core.client.v2 import tx_pb2 as client_tx
from light_client import host
from light_client.packet_v2 import ERROR_ACKNOWLEDGEMENT, PacketV2


@dataclass
class MockAppV2:
    """On port "mock" it remembers what it saw, and answers what the value of the payload asks for."""

    seen: list[tuple[str, Any]] = field(default_factory=list)

    def on_send_packet(self, ctx: Context, delivery: Delivery, signer: str) -> None:
        ctx.emit("mock_sent")
        if delivery.payload.value == b"keep":
            raise REFUSED
        self.seen.append(("send", (delivery, signer)))

    def on_recv_packet(self, ctx: Context, delivery: Delivery, relayer: str) -> RecvResult:
        value = delivery.payload.value
        ctx.kv("transfer").set(b"mock/" + value, b"here")
        ctx.emit("mock_received", data=value.decode())
        self.seen.append(("receive", (delivery, relayer)))
        if value == b"crash":
            raise REFUSED
        answers = {
            b"refuse": FAILURE,
            b"later": LATER,
            b"empty": RecvResult(Status.SUCCESS),
            b"sentinel": RecvResult(Status.SUCCESS, ERROR_ACKNOWLEDGEMENT),
        }
        return answers.get(value, RecvResult(Status.SUCCESS, b"thanks"))

    def on_acknowledgement_packet(
        self, ctx: Context, delivery: Delivery, ack: bytes, relayer: str
    ) -> None:
        if delivery.payload.value == b"deaf":
            raise REFUSED
        key = host.packet_commitment_key_v2(delivery.source_client, delivery.sequence)
        self.seen.append(("ack", (delivery.sequence, ack, relayer, ctx.kv("ibc").get(key))))

    def on_timeout_packet(self, _: Context, delivery: Delivery, relayer: str) -> None:
        if delivery.payload.value == b"deaf":
            raise REFUSED
        self.seen.append(("timeout", (delivery.sequence, relayer)))


class LinkV2(Link):
    """A relayer of IBC v2 between two chains, one step at a time."""

    def __init__(self, a: MiniChain, b: MiniChain) -> None:
        super().__init__(a, b)
        self.apps = {chain.chain_id: MockAppV2() for chain in (a, b)}
        for chain in (a, b):
            chain.ibc.route_v2("mock", self.apps[chain.chain_id])

    def app(self, end: End) -> MockAppV2:
        return self.apps[end.chain.chain_id]

    def registration(self, end: End, **changes: Any) -> client_tx.MsgRegisterCounterparty:
        fields: dict[str, Any] = {
            "client_id": end.client,
            "counterparty_merkle_prefix": [b"ibc", b""],
            "counterparty_client_id": self.other(end).client,
            "signer": end.signer,
        }
        return client_tx.MsgRegisterCounterparty(**{**fields, **changes})

    def register(self) -> None:
        for end in (self.a, self.b):
            end.chain.run(self.registration(end))
        self.update(self.a)
        self.update(self.b)

    def sending(self, end: End, value: bytes = b"hello", **changes: Any) -> tx.MsgSendPacket:
        """The message; ``seconds`` until the packet is late, a minute unless said."""
        seconds = changes.pop("seconds", 60)
        fields: dict[str, Any] = {
            "source_client": end.client,
            "timeout_timestamp": end.chain.clock.ns // 10**9 + seconds,
            "payloads": [payload(value, **changes.pop("payload", {}))],
            "signer": end.signer,
        }
        return tx.MsgSendPacket(**{**fields, **changes})

    def send(self, end: End, value: bytes = b"hello", **changes: Any) -> PacketV2:
        """Send and let the other side's client see it."""
        packet = packet_of(end.chain.run(self.sending(end, value, **changes)).events)
        self.update(self.other(end))
        return packet

    def receiving(self, end: End, packet: PacketV2) -> tx.MsgRecvPacket:
        source = self.other(end).chain
        key = host.packet_commitment_key_v2(packet.source_client, packet.sequence)
        return tx.MsgRecvPacket(
            packet=packet_to_pb(packet),
            proof_commitment=source.prove(key),
            proof_height=source.proof_height,
            signer=end.signer,
        )

    def acknowledging(self, end: End, packet: PacketV2, ack: bytes) -> tx.MsgAcknowledgement:
        destination = self.other(end).chain
        key = host.packet_ack_key_v2(packet.destination_client, packet.sequence)
        return tx.MsgAcknowledgement(
            packet=packet_to_pb(packet),
            acknowledgement=packet_pb2.Acknowledgement(app_acknowledgements=[ack]),
            proof_acked=destination.prove(key),
            proof_height=destination.proof_height,
            signer=end.signer,
        )

    def timing_out(self, end: End, packet: PacketV2) -> tx.MsgTimeout:
        destination = self.other(end).chain
        key = host.packet_receipt_key_v2(packet.destination_client, packet.sequence)
        return tx.MsgTimeout(
            packet=packet_to_pb(packet),
            proof_unreceived=destination.prove(key),
            proof_height=destination.proof_height,
            signer=end.signer,
        )


def payload(value: bytes = b"hello", **changes: Any) -> packet_pb2.Payload:
    fields: dict[str, Any] = {
        "source_port": "mock",
        "destination_port": "mock",
        "version": "mock-1",
        "encoding": "text/plain",
        "value": value,
    }
    return packet_pb2.Payload(**{**fields, **changes})


def packet_of(events: Sequence[Event], type_: str = "send_packet") -> PacketV2:
    """The packet that the last event of that type describes."""
    (event,) = [event for event in events if event.type == type_][-1:]
    encoded = event.get("encoded_packet_hex")
    assert encoded is not None
    return packet_from_pb(packet_pb2.Packet.FromString(bytes.fromhex(encoded)))


def ack_of(events: Sequence[Event]) -> bytes:
    """The acknowledgement that was written last."""
    (event,) = [event for event in events if event.type == "write_acknowledgement"][-1:]
    encoded = event.get("encoded_acknowledgement_hex")
    assert encoded is not None
    (ack,) = packet_pb2.Acknowledgement.FromString(bytes.fromhex(encoded)).app_acknowledgements
    return bytes(ack)


def clients() -> LinkV2:
    """Two chains with clients of each other and no more."""
    link = LinkV2(MiniChain("alpha-1"), MiniChain("beta"))
    link.create_clients()
    return link


def linked_v2() -> LinkV2:
    """Two chains whose clients know each other."""
    link = clients()
    link.register()
    return link
