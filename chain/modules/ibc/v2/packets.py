"""04-channel of IBC v2: packets from client to client (``ibc-go:modules/core/04-channel/v2/keeper/packet.go``).

What is under the keys of ``24-host/v2`` is proven to the other chain. Timeouts are in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chain import gotext
from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.errors import CLIENT_INVALID_HEIGHT, bare, explaining
from chain.modules.ibc.store import STORE, emit, read_number, write_number
from chain.modules.ibc.v2.codec import packet_from_pb, packet_to_pb
from chain.modules.ibc.v2.counterparties import Counterparties
from chain.modules.ibc.v2.errors import (
    ACKNOWLEDGEMENT_EXISTS,
    INVALID_ACKNOWLEDGEMENT,
    INVALID_COUNTERPARTY,
    INVALID_PACKET,
    INVALID_TIMEOUT,
    NO_OP,
    SEQUENCE_SEND_NOT_FOUND,
    TIMEOUT_ELAPSED,
    TIMEOUT_NOT_REACHED,
)
from chain.modules.ibc.v2.validate import validate_acknowledgement, validate_packet
from cosmos_pb.ibc.core.channel.v2 import packet_pb2
from cosmos_pb.ibc.core.client.v2 import counterparty_pb2
from light_client import host
from light_client.packet_v2 import PacketV2, Payload, ack_commitment, packet_commitment
from light_client.values import Height

MAX_TIMEOUT: Final = 24 * 60 * 60
"""Seconds that a timeout may lie ahead of the block that sends the packet."""

RECEIPT: Final = b"\x02"
SUBMODULE: Final = "channelv2"
_GO_EPOCH: Final = 62_135_596_800
"""Seconds from the year 1, from which Go's times count, to 1970."""


class PacketsV2:
    """The channel keeper of IBC v2."""

    def __init__(self, clients: Clients, counterparties: Counterparties) -> None:
        self._clients = clients
        self._counterparties = counterparties

    # Sending.

    def send(
        self, ctx: Context, source_client: str, timeout: int, payloads: Sequence[Payload]
    ) -> PacketV2:
        """Commit to a new packet and return it; ``timeout`` in seconds since 1970."""
        counterparty = self._counterparties.require(ctx, source_client)
        _check_timeout(ctx, timeout)
        sequence = self.next_sequence(ctx, source_client)
        if sequence is None:
            raise SEQUENCE_SEND_NOT_FOUND(f"source client: {source_client}")
        packet = PacketV2(sequence, source_client, counterparty.client_id, timeout, tuple(payloads))
        try:
            with explaining():
                validate_packet(packet)
        except AbciError as error:
            text = f"constructed packet failed basic validation: {error}"
            raise INVALID_PACKET(text) from error
        self._check_client(ctx, packet)
        self.set_next_sequence(ctx, source_client, sequence + 1)
        key = host.packet_commitment_key_v2(source_client, sequence)
        ctx.kv(STORE).set(key, packet_commitment(packet))
        _emit(ctx, "send_packet", packet)
        return packet

    def _check_client(self, ctx: Context, packet: PacketV2) -> None:
        """The client must be active and not know a time at which the packet is late."""
        client_id = packet.source_client
        self._clients.require_active(ctx, client_id, f"client ({client_id}) status is {{}}")
        height = self._clients.latest_height(ctx, client_id)
        if height.is_zero:
            raise CLIENT_INVALID_HEIGHT(
                f"cannot send packet using client ({client_id}) with zero height"
            )
        latest = self._seconds_at(ctx, client_id, height)
        if latest >= packet.timeout_timestamp:
            raise TIMEOUT_ELAPSED(
                f"latest timestamp: {latest}, timeout timestamp: {packet.timeout_timestamp}"
            )

    # Receiving.

    def receive(self, ctx: Context, packet: PacketV2, proof: bytes, proof_height: Height) -> None:
        """Check a packet against the counterparty's commitment and note that it arrived."""
        client_id = packet.destination_client
        counterparty = self._counterpart(ctx, client_id, packet.source_client, "source")
        now = ctx.time.ns // 10**9
        if now >= packet.timeout_timestamp:
            raise TIMEOUT_ELAPSED(
                f"current timestamp: {now}, timeout timestamp: {packet.timeout_timestamp}"
            )
        receipt = host.packet_receipt_key_v2(client_id, packet.sequence)
        if ctx.kv(STORE).has(receipt):
            raise bare(NO_OP)
        key = host.packet_commitment_key_v2(packet.source_client, packet.sequence)
        path, commitment = merkle_path(counterparty, key), packet_commitment(packet)
        with explaining(f"failed packet commitment verification for client ({client_id})"):
            self._clients.verify_membership(ctx, client_id, proof_height, proof, path, commitment)
        ctx.kv(STORE).set(receipt, RECEIPT)
        _emit(ctx, "recv_packet", packet)

    def write_acknowledgement(
        self, ctx: Context, packet: PacketV2, app_acknowledgements: Sequence[bytes]
    ) -> None:
        """Commit to the acknowledgement of a received packet, once."""
        client_id, sequence = packet.destination_client, packet.sequence
        self._counterpart(ctx, client_id, packet.source_client, "source")
        kv, key = ctx.kv(STORE), host.packet_ack_key_v2(client_id, sequence)
        if kv.get(key):
            raise ACKNOWLEDGEMENT_EXISTS(
                f"acknowledgement for id {client_id}, sequence {sequence} already exists"
            )
        if not kv.get(host.packet_receipt_key_v2(client_id, sequence)):
            raise INVALID_PACKET("receipt not found for packet")
        kv.set(key, ack_commitment(app_acknowledgements))
        _emit(ctx, "write_acknowledgement", packet, app_acknowledgements)

    # Acknowledging later.

    def keep_for_later(self, ctx: Context, packet: PacketV2) -> None:
        """Remember a packet whose application will acknowledge it another time."""
        key = async_key(packet.destination_client, packet.sequence)
        ctx.kv(STORE).set(key, _encoded(packet))

    def kept(self, ctx: Context, client_id: str, sequence: int) -> PacketV2 | None:
        raw = ctx.kv(STORE).get(async_key(client_id, sequence))
        return packet_from_pb(packet_pb2.Packet.FromString(raw)) if raw else None

    def acknowledge_later(
        self, ctx: Context, client_id: str, sequence: int, app_acknowledgements: Sequence[bytes]
    ) -> None:
        """Acknowledge a packet that was kept, and forget it (``WriteAcknowledgement``)."""
        with explaining("invalid acknowledgement"):
            validate_acknowledgement(app_acknowledgements)
        packet = self.kept(ctx, client_id, sequence)
        if packet is None:
            raise INVALID_ACKNOWLEDGEMENT(
                f"packet with clientID ({client_id}) and sequence ({sequence}) not found for "
                "async acknowledgement"
            )
        with explaining("write acknowledgement failed"):
            self.write_acknowledgement(ctx, packet, app_acknowledgements)
        ctx.kv(STORE).delete(async_key(client_id, sequence))

    # Acknowledgements and timeouts that arrive.

    def acknowledge(
        self,
        ctx: Context,
        packet: PacketV2,
        app_acknowledgements: Sequence[bytes],
        proof: bytes,
        proof_height: Height,
    ) -> None:
        """Check an acknowledgement against the counterparty's commitment to it and forget the packet."""
        client_id = packet.source_client
        counterparty = self._counterpart(ctx, client_id, packet.destination_client, "destination")
        stored, computed = self._commitment(ctx, packet), packet_commitment(packet)
        if stored != computed:
            raise INVALID_PACKET(
                f"commitment bytes are not equal: got ({gotext.octets(computed)}), "
                f"expected ({gotext.octets(stored)})"
            )
        key = host.packet_ack_key_v2(packet.destination_client, packet.sequence)
        path, commitment = merkle_path(counterparty, key), ack_commitment(app_acknowledgements)
        with explaining(f"failed packet acknowledgement verification for client ({client_id})"):
            self._clients.verify_membership(ctx, client_id, proof_height, proof, path, commitment)
        self._forget(ctx, packet)
        _emit(ctx, "acknowledge_packet", packet)

    def time_out(self, ctx: Context, packet: PacketV2, proof: bytes, proof_height: Height) -> None:
        """Forget a packet that the counterparty had not received when its timeout passed there."""
        client_id = packet.source_client
        counterparty = self._counterpart(ctx, client_id, packet.destination_client, "destination")
        at = self._seconds_at(ctx, client_id, proof_height)
        if at < packet.timeout_timestamp:
            raise TIMEOUT_NOT_REACHED(
                f"proof timestamp: {at}, timeout timestamp: {packet.timeout_timestamp}"
            )
        stored, computed = self._commitment(ctx, packet), packet_commitment(packet)
        if stored != computed:
            raise INVALID_PACKET(
                f"packet commitment bytes are not equal: got ({gotext.octets(stored)}), "
                f"expected ({gotext.octets(computed)})"
            )
        key = host.packet_receipt_key_v2(packet.destination_client, packet.sequence)
        path = merkle_path(counterparty, key)
        with explaining(f"failed packet receipt absence verification for client ({client_id})"):
            self._clients.verify_non_membership(ctx, client_id, proof_height, proof, path)
        self._forget(ctx, packet)
        _emit(ctx, "timeout_packet", packet)

    # Parts.

    def next_sequence(self, ctx: Context, client_id: str) -> int | None:
        return read_number(ctx, next_sequence_path(client_id))

    def set_next_sequence(self, ctx: Context, client_id: str, sequence: int) -> None:
        write_number(ctx, next_sequence_path(client_id), sequence)

    def _counterpart(
        self, ctx: Context, client_id: str, named: str, which: str
    ) -> counterparty_pb2.CounterpartyInfo:
        """The counterparty of our client; clientv2/34 when the packet names another."""
        counterparty = self._counterparties.require(ctx, client_id)
        if counterparty.client_id != named:
            raise INVALID_COUNTERPARTY(
                f"counterparty id ({counterparty.client_id}) does not match packet {which} id ({named})"
            )
        return counterparty

    def _seconds_at(self, ctx: Context, client_id: str, height: Height) -> int:
        """The counterparty's time at a height, cut to seconds."""
        return self._clients.timestamp_at(ctx, client_id, height) // 10**9

    def _commitment(self, ctx: Context, packet: PacketV2) -> bytes:
        """What was stored when the packet was sent; NO_OP when it is gone."""
        stored = ctx.kv(STORE).get(_commitment_key(packet))
        if not stored:
            raise bare(NO_OP)
        return stored

    def _forget(self, ctx: Context, packet: PacketV2) -> None:
        ctx.kv(STORE).delete(_commitment_key(packet))


def merkle_path(counterparty: counterparty_pb2.CounterpartyInfo, key: bytes) -> tuple[bytes, ...]:
    """Where the counterparty keeps a key: behind the last element of its prefix (``BuildMerklePath``)."""
    *before, last = counterparty.merkle_prefix
    return (*before, last + key)


def next_sequence_path(client_id: str) -> str:
    return f"nextSequenceSend/{client_id}"


def async_key(client_id: str, sequence: int) -> bytes:
    return async_prefix(client_id) + sequence.to_bytes(8, "big")


def async_prefix(client_id: str) -> bytes:
    return f"{client_id}async_packet".encode()


def _check_timeout(ctx: Context, timeout: int) -> None:
    """After the block's time, and not too far ahead; beyond 64 bits Go's times begin again in the past."""
    now, at = ctx.time.ns // 10**9, _go_seconds(timeout)
    if at <= now:
        raise TIMEOUT_ELAPSED(
            f"timeout is less than or equal the current block timestamp, {timeout} <= {now}"
        )
    if at > now + MAX_TIMEOUT:
        raise INVALID_TIMEOUT("timeout exceeds the maximum expected value")


def _go_seconds(timeout: int) -> int:
    """``time.Unix(int64(timeout), 0)``, in seconds since 1970."""
    return (timeout + _GO_EPOCH + 2**63) % 2**64 - 2**63 - _GO_EPOCH


def _commitment_key(packet: PacketV2) -> bytes:
    return host.packet_commitment_key_v2(packet.source_client, packet.sequence)


def _encoded(packet: PacketV2) -> bytes:
    return packet_to_pb(packet).SerializeToString(deterministic=True)


def _emit(
    ctx: Context, type_: str, packet: PacketV2, app_acknowledgements: Sequence[bytes] | None = None
) -> None:
    """The event of a packet (``keeper/events.go``)."""
    pairs = [
        ("packet_source_client", packet.source_client),
        ("packet_dest_client", packet.destination_client),
        ("packet_sequence", str(packet.sequence)),
        ("packet_timeout_timestamp", str(packet.timeout_timestamp)),
        ("encoded_packet_hex", _encoded(packet).hex()),
    ]
    if app_acknowledgements is not None:
        ack = packet_pb2.Acknowledgement(app_acknowledgements=app_acknowledgements)
        pairs.append(("encoded_acknowledgement_hex", ack.SerializeToString().hex()))
    emit(ctx, SUBMODULE, type_, *pairs)
