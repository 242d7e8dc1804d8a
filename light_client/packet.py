"""IBC v1 packets and what a chain commits to (`ibc-go:modules/core/04-channel/types/packet.go`)."""

from dataclasses import dataclass
from hashlib import sha256

from light_client.values import Height


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet; `timeout_timestamp` in nanoseconds since 1970, 0 for none, like height 0-0."""

    sequence: int
    source_port: str
    source_channel: str
    destination_port: str
    destination_channel: str
    data: bytes
    timeout_height: Height
    timeout_timestamp: int


def packet_commitment(packet: Packet) -> bytes:
    """The 32 bytes stored under the packet's commitment path on its source chain."""
    timeout = (
        packet.timeout_timestamp.to_bytes(8, "big")
        + packet.timeout_height.revision_number.to_bytes(8, "big")
        + packet.timeout_height.revision_height.to_bytes(8, "big")
    )
    return sha256(timeout + sha256(packet.data).digest()).digest()


def ack_commitment(ack: bytes) -> bytes:
    """The 32 bytes stored under the acknowledgement path on the destination chain."""
    return sha256(ack).digest()
