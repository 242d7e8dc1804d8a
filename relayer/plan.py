"""What to relay next: pure decisions. Everything that asks a chain or waits stands elsewhere."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from light_client.packet import Packet
from light_client.values import Height, Timestamp
from relayer.packets import Entry, PacketKey, Stage

_BACKOFF = (0.0, 0.2, 1.0, 3.0, 10.0, 30.0)
_PARKED = 300.0

T = TypeVar("T")


class Action(Enum):
    """The message that a packet waits for."""

    RECEIVE = "recv"
    ACKNOWLEDGE = "ack"
    TIME_OUT = "timeout"
    TIME_OUT_ON_CLOSE = "timeout_on_close"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: its newest block, in its own time."""

    height: Height
    time: Timestamp


@dataclass(frozen=True, slots=True)
class Task:
    """One message to make: for which packet, and which one."""

    action: Action
    entry: Entry

    @property
    def key(self) -> PacketKey:
        return self.entry.key


Channel = tuple[str, str, str, Action]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one transaction may hold; 0 for unlimited gas. Bytes count the encoded messages."""

    messages: int
    bytes: int
    gas: int = 0


def next_action(
    entry: Entry, destination: Head, now: Timestamp, *, closed: bool = False
) -> Action | None:
    """What a packet needs, given the destination's newest block and our clock.

    None while it must wait: received and not acknowledged, or too late to be received and too early to
    be proven so. `closed`: the destination's end of the channel is closed.
    """
    if entry.stage is Stage.ACKED:
        return Action.ACKNOWLEDGE
    if entry.stage is Stage.RECEIVED:
        return None
    if closed:
        return Action.TIME_OUT_ON_CLOSE
    if expired(entry.packet, destination.height, destination.time):
        return Action.TIME_OUT
    if expired(entry.packet, destination.height.increment(), max(now, destination.time)):
        return None
    return Action.RECEIVE


def expired(packet: Packet, height: Height, time: Timestamp) -> bool:
    """Whether a block of that height and time is too late for the packet (ICS-4)."""
    at_height = not packet.timeout_height.is_zero and height >= packet.timeout_height
    at_time = packet.timeout_timestamp != 0 and time.ns >= packet.timeout_timestamp
    return at_height or at_time


def overdue(entry: Entry, destination: Head, now: Timestamp) -> bool:
    """Whether only a newer block of the destination is missing to prove the packet timed out."""
    if entry.stage is not Stage.SENT:
        return False
    late = expired(entry.packet, destination.height.increment(), max(now, destination.time))
    return late and not expired(entry.packet, destination.height, destination.time)


def delay(attempts: int, *, own_fault: bool = True) -> float:
    """Seconds to wait after so many failures: a few quick tries, then seldom.

    A packet that fails for what is no fault of its own (network, funds) is not set aside for long.
    """
    if attempts < len(_BACKOFF):
        return _BACKOFF[attempts]
    return _PARKED if own_fault else _BACKOFF[-1]


def in_order(tasks: Iterable[Task], following: Mapping[Channel, int]) -> list[Task]:
    """The tasks that may go now: of an ordered channel only an unbroken run from its next sequence.

    `following` holds the next sequence of each ordered channel. Timeouts need no order: the first one
    closes the channel, and the others are still accepted.
    """
    chosen = []
    expected = dict(following)
    for task in sorted(tasks, key=_place):
        channel = channel_of(task)
        if not needs_order(task):
            chosen.append(task)
        elif expected.get(channel) == task.key.sequence:
            chosen.append(task)
            expected[channel] = task.key.sequence + 1
    return chosen


def needs_order(task: Task) -> bool:
    """Whether the packet's channel takes this message only in the order of sequences."""
    return task.entry.ordered and task.action in {Action.RECEIVE, Action.ACKNOWLEDGE}


def channel_of(task: Task) -> Channel:
    """The packet's channel on its source, and the direction of the message."""
    return (task.key.source, task.key.port, task.key.channel, task.action)


def executes_on_source(action: Action) -> bool:
    """Whether the message goes to the packet's source, with a proof from its destination."""
    return action is not Action.RECEIVE


def batches(
    items: Sequence[T], limits: Limits, weigh: Callable[[T], tuple[int, int]]
) -> list[list[T]]:
    """Split items, in their order, into runs that fit one transaction each.

    `weigh` gives the bytes and the gas of one. What is too heavy even alone goes alone.
    """
    made: list[list[T]] = []
    size = gas = 0
    for item in items:
        item_size, item_gas = weigh(item)
        full = (
            not made
            or len(made[-1]) >= limits.messages
            or size + item_size > limits.bytes
            or (limits.gas and gas + item_gas > limits.gas)
        )
        if full:
            made.append([])
            size = gas = 0
        made[-1].append(item)
        size += item_size
        gas += item_gas
    return made


def split(items: Sequence[T], culprit: int | None) -> list[list[T]]:
    """A failed batch as smaller ones: the named item apart from the others, else two halves.

    A batch of one comes back as nothing: there is no more to find out.
    """
    if len(items) < 2:
        return []
    if culprit is not None and 0 <= culprit < len(items):
        rest = [*items[:culprit], *items[culprit + 1 :]]
        return [rest, [items[culprit]]]
    middle = len(items) // 2
    return [list(items[:middle]), list(items[middle:])]


def _place(task: Task) -> tuple[str, str, str, int]:
    return (task.key.source, task.key.port, task.key.channel, task.key.sequence)
