"""What relayers read: the events of packets (``ibc-go:modules/core/04-channel/keeper/events.go``)."""

from __future__ import annotations

from chain.context import Context
from chain.modules.ibc.channels import SUBMODULE, order_name
from chain.modules.ibc.store import emit
from cosmos_pb.ibc.core.channel.v1 import channel_pb2 as pb
from light_client.packet import Packet


def emit_packet(
    ctx: Context,
    type_: str,
    packet: Packet,
    channel: pb.Channel,
    *,
    with_data: bool = False,
    ack: bytes | None = None,
) -> None:
    """Attributes of ibc-go v10 in its order, with the raw ones of v8 before their hexadecimal successors."""
    pairs: list[tuple[str, str]] = []
    if with_data:
        pairs += _raw_and_hex("packet_data", packet.data)
    pairs += [
        ("packet_timeout_height", str(packet.timeout_height)),
        ("packet_timeout_timestamp", str(packet.timeout_timestamp)),
        ("packet_sequence", str(packet.sequence)),
        ("packet_src_port", packet.source_port),
        ("packet_src_channel", packet.source_channel),
        ("packet_dst_port", packet.destination_port),
        ("packet_dst_channel", packet.destination_channel),
    ]
    if ack is not None:
        pairs += _raw_and_hex("packet_ack", ack)
    ordering = ("packet_channel_ordering", order_name(channel))
    connection = channel.connection_hops[0]
    if type_ == "timeout_packet":
        pairs += [("connection_id", connection), ordering]
    else:
        pairs += [ordering, ("packet_connection", connection), ("connection_id", connection)]
    emit(ctx, SUBMODULE, type_, *pairs)


def _raw_and_hex(name: str, value: bytes) -> list[tuple[str, str]]:
    return [(name, value.decode("utf-8", "replace")), (f"{name}_hex", value.hex())]
