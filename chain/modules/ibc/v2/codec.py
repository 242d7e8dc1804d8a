"""Packets of IBC v2 to and from protobuf."""

from __future__ import annotations

from cosmos_pb.ibc.core.channel.v2 import packet_pb2
from light_client.packet_v2 import PacketV2, Payload


def payload_from_pb(pb: packet_pb2.Payload) -> Payload:
    return Payload(pb.source_port, pb.destination_port, pb.version, pb.encoding, pb.value)


def payload_to_pb(payload: Payload) -> packet_pb2.Payload:
    return packet_pb2.Payload(
        source_port=payload.source_port,
        destination_port=payload.destination_port,
        version=payload.version,
        encoding=payload.encoding,
        value=payload.value,
    )


def packet_from_pb(pb: packet_pb2.Packet) -> PacketV2:
    return PacketV2(
        pb.sequence,
        pb.source_client,
        pb.destination_client,
        pb.timeout_timestamp,
        tuple(map(payload_from_pb, pb.payloads)),
    )


def packet_to_pb(packet: PacketV2) -> packet_pb2.Packet:
    return packet_pb2.Packet(
        sequence=packet.sequence,
        source_client=packet.source_client,
        destination_client=packet.destination_client,
        timeout_timestamp=packet.timeout_timestamp,
        payloads=map(payload_to_pb, packet.payloads),
    )
