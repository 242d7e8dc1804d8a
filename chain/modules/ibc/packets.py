"""04-channel: packets from sending to acknowledgement or timeout (``keeper/{packet,timeout}.go``).

A message about a packet that was dealt with before raises NO_OP; the message server answers it with success and
changes nothing.
"""

from __future__ import annotations

from chain.context import Context
from chain.errors import Registered
from chain.modules.ibc.channels import Channels, counterpart
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.errors import (
    ACKNOWLEDGEMENT_EXISTS,
    CHANNEL_NOT_FOUND,
    CLIENT_INVALID_HEIGHT,
    INVALID_ACKNOWLEDGEMENT,
    INVALID_CHANNEL_STATE,
    INVALID_PACKET,
    NO_OP,
    PACKET_OUT_OF_ORDER,
    PACKET_RECEIVED,
    SEQUENCE_ACK_NOT_FOUND,
    SEQUENCE_RECEIVE_NOT_FOUND,
    SEQUENCE_SEND_NOT_FOUND,
    TIMEOUT_ELAPSED,
    TIMEOUT_NOT_REACHED,
    bare,
    explaining,
)
from chain.modules.ibc.packet_events import emit_packet
from chain.modules.ibc.port import parse_ack
from chain.modules.ibc.store import STORE, enum_name, read_number, self_height, write_number
from chain.modules.ibc.timeouts import elapsed, timeout_error
from chain.modules.ibc.validate import validate_packet
from cosmos_pb.ibc.core.channel.v1 import channel_pb2 as pb
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from light_client import host
from light_client.packet import Packet, ack_commitment, packet_commitment
from light_client.values import Height

_RECEIPT = b"\x01"


class Packets:
    """The packet half of the channel keeper."""

    def __init__(self, clients: Clients, connections: Connections, channels: Channels) -> None:
        self._clients = clients
        self._connections = connections
        self._channels = channels

    # Sending.

    def send(
        self,
        ctx: Context,
        port: str,
        channel_id: str,
        timeout_height: Height,
        timeout_timestamp: int,
        data: bytes,
    ) -> int:
        """Commit to a new packet and return its sequence."""
        channel = self._open_channel(ctx, port, channel_id)
        path = host.next_sequence_send_path(port, channel_id)
        sequence = read_number(ctx, path)
        if sequence is None:
            raise SEQUENCE_SEND_NOT_FOUND(f"source port: {port}, source channel: {channel_id}")
        packet = Packet(
            sequence,
            port,
            channel_id,
            channel.counterparty.port_id,
            channel.counterparty.channel_id,
            data,
            timeout_height,
            timeout_timestamp,
        )
        with explaining("constructed packet failed basic validation"):
            validate_packet(packet)
        self._check_sendable(ctx, packet, channel)
        write_number(ctx, path, sequence + 1)
        commitment_key = host.packet_commitment_path(port, channel_id, sequence).encode()
        ctx.kv(STORE).set(commitment_key, packet_commitment(packet))
        emit_packet(ctx, "send_packet", packet, channel, with_data=True)
        return sequence

    def _check_sendable(self, ctx: Context, packet: Packet, channel: pb.Channel) -> None:
        client_id = self._connections.require(ctx, channel.connection_hops[0]).client_id
        self._clients.require_active(
            ctx, client_id, f"cannot send packet using client ({client_id}) with status {{}}"
        )
        height = self._clients.latest_height(ctx, client_id)
        if height.is_zero:
            raise CLIENT_INVALID_HEIGHT(
                f"cannot send packet using client ({client_id}) with zero height"
            )
        time = self._clients.timestamp_at(ctx, client_id, height)
        if elapsed(packet, height, time):
            with explaining("invalid packet timeout"):
                raise timeout_error(TIMEOUT_ELAPSED, packet, height, time)

    # Receiving.

    def receive(self, ctx: Context, packet: Packet, proof: bytes, proof_height: Height) -> None:
        """Check a packet against the counterparty's commitment and note that it arrived."""
        channel = self._open_channel(ctx, packet.destination_port, packet.destination_channel)
        _check_source(packet, channel)
        end = self._connections.require_open(ctx, channel.connection_hops[0])
        height, time = self_height(ctx), ctx.time.ns
        if elapsed(packet, height, time):
            with explaining("packet timeout elapsed"):
                raise timeout_error(TIMEOUT_ELAPSED, packet, height, time)
        with explaining("couldn't verify counterparty packet commitment"):
            self._connections.verify(
                ctx,
                end,
                host.packet_commitment_path(
                    packet.source_port, packet.source_channel, packet.sequence
                ),
                packet_commitment(packet),
                proof,
                proof_height,
                what="packet commitment",
            )
        self._mark_received(ctx, packet, channel)
        emit_packet(ctx, "recv_packet", packet, channel, with_data=True)

    def rehearse_receive(self, ctx: Context, packet: Packet) -> None:
        """What is left of receiving when a transaction is checked again (``RecvPacketReCheckTx``)."""
        port, channel_id = packet.destination_port, packet.destination_channel
        channel = self._channels.get(ctx, port, channel_id)
        if channel is None:
            raise CHANNEL_NOT_FOUND(channel_id)
        self._mark_received(ctx, packet, channel)

    def _mark_received(self, ctx: Context, packet: Packet, channel: pb.Channel) -> None:
        """Replay protection: a receipt per packet, or the next sequence of an ordered channel."""
        port, channel_id = packet.destination_port, packet.destination_channel
        _check_start(ctx, packet)
        if channel.ordering == pb.ORDER_UNORDERED:
            key = host.packet_receipt_path(port, channel_id, packet.sequence).encode()
            if ctx.kv(STORE).get(key):
                raise bare(NO_OP)
            ctx.kv(STORE).set(key, _RECEIPT)
            return
        path = host.next_sequence_recv_path(port, channel_id)
        expected = read_number(ctx, path)
        if expected is None:
            raise SEQUENCE_RECEIVE_NOT_FOUND(
                f"destination port: {port}, destination channel: {channel_id}"
            )
        if packet.sequence < expected:
            raise bare(NO_OP)
        if packet.sequence != expected:
            raise PACKET_OUT_OF_ORDER(
                f"packet sequence ≠ next receive sequence ({packet.sequence} ≠ {expected})"
            )
        write_number(ctx, path, expected + 1)

    def write_acknowledgement(self, ctx: Context, packet: Packet, ack: bytes) -> None:
        """Commit to the acknowledgement of a received packet, once."""
        port, channel_id = packet.destination_port, packet.destination_channel
        channel = self._open_channel(ctx, port, channel_id)
        _check_start(ctx, packet)
        key = host.packet_ack_path(port, channel_id, packet.sequence).encode()
        if ctx.kv(STORE).has(key):
            raise bare(ACKNOWLEDGEMENT_EXISTS)
        if not ack:
            raise INVALID_ACKNOWLEDGEMENT("acknowledgement cannot be empty")
        ctx.kv(STORE).set(key, ack_commitment(ack))
        emit_packet(ctx, "write_acknowledgement", packet, channel, with_data=True, ack=ack)

    # Acknowledging.

    def acknowledge(
        self, ctx: Context, packet: Packet, ack: bytes, proof: bytes, proof_height: Height
    ) -> None:
        """Check an acknowledgement against the counterparty's commitment to it and forget the packet."""
        channel = self._channels.require(ctx, packet.source_port, packet.source_channel)
        _require_open(channel)
        _check_destination(packet, channel)
        end = self._connections.require_open(ctx, channel.connection_hops[0])
        commitment = self._commitment(ctx, packet)
        standard = parse_ack(ack)
        if standard is not None and standard.marshal() != ack:
            raise INVALID_ACKNOWLEDGEMENT("acknowledgement marshalling error")
        _check_commitment(packet, commitment, "commitment bytes are not equal")
        self._connections.verify(
            ctx,
            end,
            host.packet_ack_path(
                packet.destination_port, packet.destination_channel, packet.sequence
            ),
            ack_commitment(ack),
            proof,
            proof_height,
            what="packet acknowledgement",
        )
        if channel.ordering == pb.ORDER_ORDERED:
            self._count_ack(ctx, packet)
        self._forget(ctx, packet)
        emit_packet(ctx, "acknowledge_packet", packet, channel)

    def _count_ack(self, ctx: Context, packet: Packet) -> None:
        path = host.next_sequence_ack_path(packet.source_port, packet.source_channel)
        expected = read_number(ctx, path)
        if expected is None:
            raise SEQUENCE_ACK_NOT_FOUND(
                f"source port: {packet.source_port}, source channel: {packet.source_channel}"
            )
        if packet.sequence != expected:
            raise PACKET_OUT_OF_ORDER(
                f"packet sequence ≠ next ack sequence ({packet.sequence} ≠ {expected})"
            )
        write_number(ctx, path, expected + 1)

    # Timeouts.

    def time_out(
        self, ctx: Context, packet: Packet, proof: bytes, proof_height: Height, next_recv: int
    ) -> None:
        """Forget a packet that the counterparty had not received when its timeout passed there."""
        channel = self._channels.require(ctx, packet.source_port, packet.source_channel)
        _check_destination(packet, channel)
        end = self._connections.require(ctx, channel.connection_hops[0])
        time = self._clients.timestamp_at(ctx, end.client_id, proof_height)
        if not elapsed(packet, proof_height, time):
            with explaining("packet timeout not reached"):
                raise timeout_error(TIMEOUT_NOT_REACHED, packet, proof_height, time)
        _check_commitment(
            packet, self._commitment(ctx, packet), "packet commitment bytes are not equal"
        )
        self._verify_unreceived(
            ctx, end, channel, packet, proof, proof_height, next_recv, PACKET_RECEIVED
        )
        self._finish_timeout(ctx, packet, channel)

    def time_out_on_close(
        self,
        ctx: Context,
        packet: Packet,
        proof: bytes,
        proof_close: bytes,
        proof_height: Height,
        next_recv: int,
    ) -> None:
        """Forget a packet that the counterparty can no longer receive because it closed the channel."""
        port, channel_id = packet.source_port, packet.source_channel
        channel = self._channels.require(ctx, port, channel_id)
        _check_destination(packet, channel)
        end = self._connections.require(ctx, channel.connection_hops[0])
        _check_commitment(
            packet, self._commitment(ctx, packet), "packet commitment bytes are not equal"
        )
        closed = counterpart(pb.STATE_CLOSED, port, channel_id, channel, end)
        self._channels.verify(ctx, end, channel.counterparty, closed, proof_close, proof_height)
        self._verify_unreceived(
            ctx, end, channel, packet, proof, proof_height, next_recv, INVALID_PACKET
        )
        self._finish_timeout(ctx, packet, channel)

    def _verify_unreceived(
        self,
        ctx: Context,
        end: connection_pb2.ConnectionEnd,
        channel: pb.Channel,
        packet: Packet,
        proof: bytes,
        proof_height: Height,
        next_recv: int,
        received: Registered,
    ) -> None:
        """Ordered: their next sequence is not beyond the packet. Unordered: they have no receipt of it."""
        port, channel_id = packet.destination_port, packet.destination_channel
        if channel.ordering == pb.ORDER_UNORDERED:
            path = host.packet_receipt_path(port, channel_id, packet.sequence)
            self._connections.verify_absence(
                ctx, end, path, proof, proof_height, what="packet receipt absence"
            )
            return
        if next_recv > packet.sequence:
            raise received(
                "packet already received, next sequence receive > packet sequence "
                f"({next_recv} > {packet.sequence})"
            )
        self._connections.verify(
            ctx,
            end,
            host.next_sequence_recv_path(port, channel_id),
            next_recv.to_bytes(8, "big"),
            proof,
            proof_height,
            what="next sequence receive",
        )

    def _finish_timeout(self, ctx: Context, packet: Packet, channel: pb.Channel) -> None:
        self._forget(ctx, packet)
        if channel.ordering == pb.ORDER_ORDERED:
            self._channels.close_after_timeout(
                ctx, packet.source_port, packet.source_channel, channel
            )
        emit_packet(ctx, "timeout_packet", packet, channel)

    # Parts.

    def _open_channel(self, ctx: Context, port: str, channel_id: str) -> pb.Channel:
        channel = self._channels.get(ctx, port, channel_id)
        if channel is None:
            raise CHANNEL_NOT_FOUND(channel_id)
        _require_open(channel)
        return channel

    def _commitment(self, ctx: Context, packet: Packet) -> bytes:
        """What was stored when the packet was sent; NO_OP when it is gone."""
        stored = ctx.kv(STORE).get(_commitment_key(packet))
        if not stored:
            raise bare(NO_OP)
        return stored

    def _forget(self, ctx: Context, packet: Packet) -> None:
        ctx.kv(STORE).delete(_commitment_key(packet))


def _commitment_key(packet: Packet) -> bytes:
    return host.packet_commitment_path(
        packet.source_port, packet.source_channel, packet.sequence
    ).encode()


def _require_open(channel: pb.Channel) -> None:
    if channel.state != pb.STATE_OPEN:
        raise INVALID_CHANNEL_STATE(
            f"channel is not OPEN (got {enum_name(pb.State, channel.state)})"
        )


def _check_start(ctx: Context, packet: Packet) -> None:
    """Packets from before a channel upgrade are over; a state from such times has the first sequence after it."""
    port, channel_id = packet.destination_port, packet.destination_channel
    start = read_number(ctx, f"recvStartSequence/ports/{port}/channels/{channel_id}") or 0
    if packet.sequence < start:
        raise PACKET_RECEIVED("packet already processed in previous channel upgrade")


def _check_source(packet: Packet, channel: pb.Channel) -> None:
    _check_end("source", (packet.source_port, packet.source_channel), channel)


def _check_destination(packet: Packet, channel: pb.Channel) -> None:
    _check_end("destination", (packet.destination_port, packet.destination_channel), channel)


def _check_end(which: str, got: tuple[str, str], channel: pb.Channel) -> None:
    expected = channel.counterparty.port_id, channel.counterparty.channel_id
    for what, mine, theirs in zip(("port", "channel"), got, expected, strict=True):
        if mine != theirs:
            raise INVALID_PACKET(
                f"packet {which} {what} doesn't match the counterparty's {what} ({mine} ≠ {theirs})"
            )


def _check_commitment(packet: Packet, stored: bytes, description: str) -> None:
    computed = packet_commitment(packet)
    if computed != stored:
        raise INVALID_PACKET(
            f"{description}: got ({computed.hex().upper()}), expected ({stored.hex().upper()})"
        )
