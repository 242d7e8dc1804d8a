"""Where a packet stands: a table of stages, moved by what the chains say happened and by nothing else."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from light_client.packet import Packet
from relayer.events import Kind, PacketEvent


class Stage(Enum):
    """How far an unfinished packet is. A finished one is not kept."""

    SENT = "sent"  # committed on its source, not yet received
    RECEIVED = "received"  # received, its acknowledgement not yet written
    ACKED = "acked"  # acknowledgement written, not yet brought back


@dataclass(frozen=True, slots=True)
class PacketKey:
    """A packet's name: the chain id of its source, and its channel there."""

    source: str
    port: str
    channel: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An unfinished packet.

    `height` is the block on the chain that proves its stage (source when SENT, else destination).
    `attempts` failed so far, the last one for `reason`.
    """

    key: PacketKey
    stage: Stage
    packet: Packet
    ordered: bool
    height: int
    ack: bytes = b""
    attempts: int = 0
    reason: str = ""

    def failed(self, reason: str) -> "Entry":
        return replace(self, attempts=self.attempts + 1, reason=reason)


# What an event makes of a packet in a stage (None: not known so far). Missing: nothing changes. Two
# chains are read independently, so an acknowledgement may be seen before the packet that it is for.
_FINISHED: Final = None
_TABLE: Final[dict[tuple[Stage | None, Kind], Stage | None]] = {
    (None, Kind.SENT): Stage.SENT,
    (None, Kind.RECEIVED): Stage.RECEIVED,
    (None, Kind.ACK_WRITTEN): Stage.ACKED,
    (Stage.SENT, Kind.RECEIVED): Stage.RECEIVED,
    (Stage.SENT, Kind.ACK_WRITTEN): Stage.ACKED,
    (Stage.SENT, Kind.ACKNOWLEDGED): _FINISHED,
    (Stage.SENT, Kind.TIMED_OUT): _FINISHED,
    (Stage.RECEIVED, Kind.ACK_WRITTEN): Stage.ACKED,
    (Stage.RECEIVED, Kind.ACKNOWLEDGED): _FINISHED,
    (Stage.RECEIVED, Kind.TIMED_OUT): _FINISHED,
    (Stage.ACKED, Kind.ACKNOWLEDGED): _FINISHED,
    (Stage.ACKED, Kind.TIMED_OUT): _FINISHED,
}


def key_of(event: PacketEvent, chain: str, counterparty: str) -> PacketKey:
    """The packet's name, given which chain the event is from and which is the other."""
    packet = event.packet
    source = chain if event.kind.on_source else counterparty
    return PacketKey(source, packet.source_port, packet.source_channel, packet.sequence)


def advance(entry: Entry | None, event: PacketEvent, key: PacketKey, height: int) -> Entry | None:
    """What becomes of a packet by an event in block `height`; None when it is finished or unknown."""
    stage = entry.stage if entry else None
    if (stage, event.kind) not in _TABLE:
        return entry
    following = _TABLE[stage, event.kind]
    if following is None:
        return None
    return Entry(key, following, event.packet, event.ordered, height, event.ack)
