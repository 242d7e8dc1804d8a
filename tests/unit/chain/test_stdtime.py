"""Times and durations as gogoproto reads them."""

import pytest

from chain import stdtime
from chain.errors import AbciError
from cosmos_pb.google.protobuf.duration_pb2 import Duration
from cosmos_pb.google.protobuf.timestamp_pb2 import Timestamp
from light_client import values


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(-62_135_596_800, 0), (0, 999_999_999), (253_402_300_799, 999_999_999)],
)
def test_times(seconds: int, nanos: int) -> None:
    read = stdtime.instant(Timestamp(seconds=seconds, nanos=nanos))
    assert read == values.Timestamp(seconds, nanos)


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (-62_135_596_801, 0, " before 0001-01-01"),
        (253_402_300_800, 0, " after 10000-01-01"),
        (0, -1, ": nanos not in range [0, 1e9)"),
        (0, 10**9, ": nanos not in range [0, 1e9)"),
    ],
)
def test_times_refused(seconds: int, nanos: int, text: str) -> None:
    with pytest.raises(AbciError) as refused:
        stdtime.instant(Timestamp(seconds=seconds, nanos=nanos))
    shown = f"&timestamppb.Timestamp{{Seconds: {seconds},\nNanos: {nanos},\n}}"
    assert refused.value.log == f"timestamp: {shown}{text}: tx parse error"


@pytest.mark.parametrize(
    ("seconds", "nanos", "total"),
    [
        (0, -1, -1),
        (-1, -1, -1_000_000_001),
        (9_223_372_036, 854_775_807, 2**63 - 1),
        (-9_223_372_036, -854_775_808, -(2**63)),
    ],
)
def test_durations(seconds: int, nanos: int, total: int) -> None:
    assert stdtime.nanoseconds(Duration(seconds=seconds, nanos=nanos)) == total


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (315_576_000_001, 0, ": seconds out of range"),
        (-315_576_000_001, 0, ": seconds out of range"),
        (0, 10**9, ": nanos out of range"),
        (1, -1, ": seconds and nanos have different signs"),
        (9_223_372_036, 854_775_808, " is out of range for time.Duration"),
        (-9_223_372_037, 0, " is out of range for time.Duration"),
    ],
)
def test_durations_refused(seconds: int, nanos: int, text: str) -> None:
    with pytest.raises(AbciError) as refused:
        stdtime.nanoseconds(Duration(seconds=seconds, nanos=nanos))
    shown = f"&durationpb.Duration{{Seconds: {seconds},\nNanos: {nanos},\n}}"
    assert refused.value.log == f"duration: {shown}{text}: tx parse error"
