"""When a packet is too late (``ibc-go:modules/core/04-channel/types/timeout.go``)."""

from __future__ import annotations

from chain.errors import AbciError, Registered
from chain.modules.ibc.errors import TIMEOUT_ELAPSED
from light_client.packet import Packet
from light_client.values import Height


def elapsed(packet: Packet, height: Height, time: int) -> bool:
    """Whether the packet is too late at ``height`` and ``time`` (nanoseconds); revisions compare first."""
    return _height_elapsed(packet, height) or (
        packet.timeout_timestamp != 0 and time >= packet.timeout_timestamp
    )


def _height_elapsed(packet: Packet, height: Height) -> bool:
    return not packet.timeout_height.is_zero and height >= packet.timeout_height


def timeout_error(kind: Registered, packet: Packet, height: Height, time: int) -> AbciError:
    """The text names the height where that decides, else the time (``types/timeout.go``)."""
    limit = packet.timeout_height
    if _height_elapsed(packet, height) if kind is TIMEOUT_ELAPSED else not limit.is_zero:
        return kind(f"current height: {height}, timeout height {limit}")
    return kind(f"current timestamp: {time}, timeout timestamp {packet.timeout_timestamp}")
