"""Times and durations that Go decodes together with the message that holds them; sdk/2 for what it refuses.

Sources: gogoproto types/timestamp.go and types/duration.go.
"""

from __future__ import annotations

from typing import Final

from chain.errors import TX_DECODE
from cosmos_pb.google.protobuf import duration_pb2, timestamp_pb2
from light_client.values import ZERO_TIME, Timestamp

_YEAR_10000: Final = 253_402_300_800
_MAX_SECONDS: Final = 315_576_000_000
_SECOND: Final = 10**9


def instant(message: timestamp_pb2.Timestamp) -> Timestamp:
    """A time within the years 1 to 9999."""
    seconds, nanos = message.seconds, message.nanos
    shown = f"timestamp: {_shown('timestamppb.Timestamp', seconds, nanos)}"
    if seconds < ZERO_TIME.seconds:
        raise TX_DECODE(f"{shown} before 0001-01-01")
    if seconds >= _YEAR_10000:
        raise TX_DECODE(f"{shown} after 10000-01-01")
    if not 0 <= nanos < _SECOND:
        raise TX_DECODE(f"{shown}: nanos not in range [0, 1e9)")
    return Timestamp(seconds, nanos)


def nanoseconds(message: duration_pb2.Duration) -> int:
    """A duration whose nanoseconds fit into 64 bits."""
    seconds, nanos = message.seconds, message.nanos
    shown = f"duration: {_shown('durationpb.Duration', seconds, nanos)}"
    if abs(seconds) > _MAX_SECONDS:
        raise TX_DECODE(f"{shown}: seconds out of range")
    if abs(nanos) >= _SECOND:
        raise TX_DECODE(f"{shown}: nanos out of range")
    if seconds * nanos < 0:
        raise TX_DECODE(f"{shown}: seconds and nanos have different signs")
    total = seconds * _SECOND + nanos
    if not -(2**63) <= total < 2**63:
        raise TX_DECODE(f"{shown} is out of range for time.Duration")
    return total


def _shown(name: str, seconds: int, nanos: int) -> str:
    return f"&{name}{{Seconds: {seconds},\nNanos: {nanos},\n}}"
