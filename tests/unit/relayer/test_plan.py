"""What to relay next, decided without any chain."""

from itertools import pairwise

import pytest

from light_client.packet import Packet
from light_client.values import Height, Timestamp
from relayer import plan
from relayer.packets import Entry, PacketKey, Stage
from relayer.plan import Action, Head, Limits, Task

NOW = Timestamp(1_000)
HEAD = Head(Height(1, 50), Timestamp(999))


def entry(
    sequence: int = 1,
    stage: Stage = Stage.SENT,
    *,
    height: int = 0,
    time: int = 0,
    ordered: bool = False,
    channel: str = "channel-0",
) -> Entry:
    timeout = Height(1, height) if height else Height(0, 0)
    packet = Packet(sequence, "p", channel, "q", "channel-9", b"", timeout, time * 10**9)
    return Entry(PacketKey("a-1", "p", channel, sequence), stage, packet, ordered, 10)


@pytest.mark.parametrize(
    ("found", "closed", "action"),
    [
        (entry(), False, Action.RECEIVE),
        (entry(height=52), False, Action.RECEIVE),
        (entry(height=51), False, None),  # the next block is too late, this one is too early
        (entry(height=50), False, Action.TIME_OUT),
        (entry(time=1_001), False, Action.RECEIVE),
        (entry(time=1_000), False, None),
        (entry(time=999), False, Action.TIME_OUT),
        (entry(height=60, time=999), False, Action.TIME_OUT),
        (entry(stage=Stage.RECEIVED, height=1), False, None),
        (entry(stage=Stage.ACKED, height=1), False, Action.ACKNOWLEDGE),
        (entry(height=60), True, Action.TIME_OUT_ON_CLOSE),
        (entry(stage=Stage.ACKED), True, Action.ACKNOWLEDGE),
    ],
)
def test_what_a_packet_needs(found: Entry, closed: bool, action: Action | None) -> None:
    assert plan.next_action(found, HEAD, NOW, closed=closed) is action


def test_a_later_revision_is_later_than_any_height() -> None:
    packet = entry(height=50).packet
    assert plan.expired(packet, Height(2, 1), Timestamp(0))
    assert not plan.expired(packet, Height(0, 10**6), Timestamp(0))


def test_overdue_is_exactly_the_time_between() -> None:
    assert plan.overdue(entry(height=51), HEAD, NOW)
    assert plan.overdue(entry(time=1_000), HEAD, NOW)
    assert not plan.overdue(entry(height=50), HEAD, NOW)
    assert not plan.overdue(entry(height=52), HEAD, NOW)
    assert not plan.overdue(entry(height=51, stage=Stage.RECEIVED), HEAD, NOW)


def test_an_ordered_channel_goes_in_an_unbroken_run() -> None:
    ordered = [
        Task(Action.RECEIVE, entry(n, ordered=True, channel="channel-5")) for n in (9, 4, 5, 7)
    ]
    other = Task(Action.RECEIVE, entry(99))
    following = {plan.channel_of(ordered[0]): 4}
    chosen = plan.in_order([*ordered, other], following)
    assert sorted(task.key.sequence for task in chosen) == [4, 5, 99]
    assert plan.in_order(ordered, {}) == []


def test_timeouts_of_an_ordered_channel_need_no_order() -> None:
    late = [Task(Action.TIME_OUT, entry(n, ordered=True)) for n in (3, 8)]
    assert plan.in_order(late, {}) == late


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(2, 1000), [[10, 20], [30, 40]]),
        (Limits(9, 45), [[10, 20], [30], [40]]),
        (Limits(9, 1000, 60), [[10, 20, 30], [40]]),
        (Limits(9, 5), [[10], [20], [30], [40]]),
    ],
)
def test_batches_respect_every_limit(limits: Limits, expected: list[list[int]]) -> None:
    assert plan.batches([10, 20, 30, 40], limits, lambda item: (item, item)) == expected


@pytest.mark.parametrize(
    ("items", "culprit", "parts"),
    [
        ([1], 0, []),
        ([1], None, []),
        ([1, 2, 3], 1, [[1, 3], [2]]),
        ([1, 2, 3], None, [[1], [2, 3]]),
        ([1, 2, 3], 7, [[1], [2, 3]]),
        ([1, 2], -1, [[1], [2]]),
    ],
)
def test_a_failed_batch_is_split(
    items: list[int], culprit: int | None, parts: list[list[int]]
) -> None:
    assert plan.split(items, culprit) == parts


def test_pauses_grow_and_stay_finite() -> None:
    pauses = [plan.delay(attempts) for attempts in range(20)]
    assert all(before <= after for before, after in pairwise(pauses))
    assert pauses[0] == 0
    assert pauses[-1] == pauses[-2] < 3600
