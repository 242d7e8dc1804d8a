"""The unfinished packets of one link: in memory for planning, in the state file for survival."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from relayer.events import ChannelClosed, IbcEvent, Kind, PacketEvent
from relayer.packets import Entry, PacketKey, Stage, advance, key_of
from relayer.state import LinkIds, State

# Blocks with nothing for us may be read again after a crash, so not each of them is worth a write.
_CURSOR_EVERY: Final = 16

Admits = Callable[[str, str], bool]


@dataclass(slots=True)
class Totals:
    """What the chains have said was done, since this ledger was opened."""

    sent: int = 0
    received: int = 0
    acknowledged: int = 0
    timed_out: int = 0


class Ledger:
    """What is known of a link's packets. `admits` decides by a's port and channel what is ours."""

    def __init__(self, state: State, ids: LinkIds, admits: Admits | None = None) -> None:
        self._state = state
        self.admits = admits or (lambda _port, _channel: True)
        self.ids = ids
        self.packets: dict[PacketKey, Entry] = {entry.key: entry for entry in state.packets(ids.id)}
        self.cursors = {end.chain: state.cursor(ids.id, end.chain) for end in (ids.a, ids.b)}
        self.closed: set[tuple[str, str, str]] = set()
        self.totals = Totals()

    def counterparty(self, chain: str) -> str:
        return self.ids.b.chain if chain == self.ids.a.chain else self.ids.a.chain

    def connection(self, chain: str) -> str:
        end = self.ids.a if chain == self.ids.a.chain else self.ids.b
        return end.connection

    def read(self, chain: str, height: int, events: Sequence[IbcEvent]) -> int:
        """Take in the events of a block and move the cursor behind it; how many were ours."""
        ours = [event for event in events if self._is_ours(chain, event)]
        changes: dict[PacketKey, Entry | None] = {}
        for event in ours:
            if isinstance(event, ChannelClosed):
                self.closed.add((chain, event.port, event.channel))
            elif isinstance(event, PacketEvent):
                self._apply(chain, height, event, changes)
        if changes or height % _CURSOR_EVERY == 0:
            self._write(changes, (chain, height))
        self.cursors[chain] = height
        return len(ours)

    def learn(self, entries: Sequence[Entry]) -> None:
        """Add packets that were found by other ways than reading blocks; known ones stay as they are."""
        fresh: dict[PacketKey, Entry | None] = {
            entry.key: entry for entry in entries if entry.key not in self.packets
        }
        self._write(fresh)

    def skip_to(self, chain: str, height: int) -> None:
        """Declare that everything up to a block is known."""
        self._write({}, (chain, height))
        self.cursors[chain] = height

    def finish(self, key: PacketKey) -> None:
        """A packet that is proven to be done, or gone."""
        if key in self.packets:
            self._write({key: None})

    def mark_received(self, key: PacketKey) -> None:
        """A packet that is proven to be received, though we have not seen it happen."""
        entry = self.packets.get(key)
        if entry is not None and entry.stage is Stage.SENT:
            self._write({key: replace(entry, stage=Stage.RECEIVED, attempts=0, reason="")})

    def mark_acked(self, key: PacketKey, ack: bytes, height: int) -> None:
        """An acknowledgement that was found by other ways than reading blocks."""
        entry = self.packets.get(key)
        if entry is not None and entry.stage is not Stage.ACKED:
            self._write({key: replace(entry, stage=Stage.ACKED, ack=ack, height=height)})

    def mark_failed(self, key: PacketKey, reason: str) -> Entry | None:
        """One more failed attempt; the entry as it is now."""
        entry = self.packets.get(key)
        if entry is not None:
            self._write({key: entry.failed(reason)})
        return self.packets.get(key)

    def is_closed(self, entry: Entry) -> bool:
        """Whether the destination's end of the packet's channel was closed."""
        packet = entry.packet
        chain = self.counterparty(entry.key.source)
        return (chain, packet.destination_port, packet.destination_channel) in self.closed

    def _apply(
        self,
        chain: str,
        height: int,
        event: PacketEvent,
        changes: dict[PacketKey, Entry | None],
    ) -> None:
        key = key_of(event, chain, self.counterparty(chain))
        before = changes[key] if key in changes else self.packets.get(key)
        after = advance(before, event, key, height)
        if after is not before:
            changes[key] = after
        self._count(event.kind)

    def _count(self, kind: Kind) -> None:
        totals = self.totals
        totals.sent += kind is Kind.SENT
        totals.received += kind is Kind.RECEIVED
        totals.acknowledged += kind is Kind.ACKNOWLEDGED
        totals.timed_out += kind is Kind.TIMED_OUT

    def _is_ours(self, chain: str, event: IbcEvent) -> bool:
        if not isinstance(event, PacketEvent | ChannelClosed):
            return False
        if event.connection != self.connection(chain):
            return False
        if isinstance(event, ChannelClosed):
            return True
        return self.admits(*self._a_end(chain, event))

    def _a_end(self, chain: str, event: PacketEvent) -> tuple[str, str]:
        """Port and channel at a, since filters are written from a's side."""
        packet = event.packet
        source = chain if event.kind.on_source else self.counterparty(chain)
        if source == self.ids.a.chain:
            return packet.source_port, packet.source_channel
        return packet.destination_port, packet.destination_channel

    def _write(
        self,
        changes: dict[PacketKey, Entry | None],
        cursor: tuple[str, int] | None = None,
    ) -> None:
        if not changes and cursor is None:
            return
        self._state.record(self.ids.id, changes, cursor)
        for key, entry in changes.items():
            if entry is None:
                self.packets.pop(key, None)
            else:
                self.packets[key] = entry
