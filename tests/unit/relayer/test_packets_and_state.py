"""Stages move by events only, and what is written survives."""

import sqlite3
from pathlib import Path

import pytest

from light_client.packet import Packet
from light_client.values import Height
from relayer.errors import StateError
from relayer.events import ChannelClosed, IbcEvent, Kind, PacketEvent
from relayer.ledger import Ledger
from relayer.packets import Entry, PacketKey, Stage
from relayer.state import EndIds, LinkIds, State

IDS = LinkIds(
    EndIds("a-1", "07-tendermint-0", "connection-0"),
    EndIds("b-1", "07-tendermint-4", "connection-7"),
)
PACKET = Packet(5, "transfer", "channel-0", "wasm.x", "channel-2", b"data", Height(1, 9), 2**64 - 1)


def event(kind: Kind, chain: str = "a-1", packet: Packet = PACKET, ack: bytes = b"") -> PacketEvent:
    connection = "connection-0" if chain == "a-1" else "connection-7"
    return PacketEvent(kind, packet, connection, ordered=False, ack=ack)


def ledger(state: State | None = None) -> Ledger:
    return Ledger(state or State(), IDS)


def only(book: Ledger) -> Entry | None:
    return next(iter(book.packets.values()), None)


def test_the_life_of_a_packet() -> None:
    book = ledger()
    book.read("a-1", 10, [event(Kind.SENT)])
    found = only(book)
    assert found is not None
    assert (found.stage, found.height) == (Stage.SENT, 10)
    book.read("b-1", 3, [event(Kind.RECEIVED, "b-1")])
    assert (found := only(book)) is not None
    assert found.stage is Stage.RECEIVED
    book.read("b-1", 4, [event(Kind.ACK_WRITTEN, "b-1", ack=b"ok")])
    assert (found := only(book)) is not None
    assert (found.stage, found.ack, found.height) == (Stage.ACKED, b"ok", 4)
    book.read("a-1", 11, [event(Kind.ACKNOWLEDGED)])
    assert only(book) is None
    assert book.cursors == {"a-1": 11, "b-1": 4}
    assert book.totals.acknowledged == 1


@pytest.mark.parametrize("kind", [Kind.ACKNOWLEDGED, Kind.TIMED_OUT])
def test_a_packet_that_others_finished_is_gone(kind: Kind) -> None:
    book = ledger()
    book.read("a-1", 10, [event(Kind.SENT)])
    book.read("a-1", 12, [event(kind)])
    assert only(book) is None


def test_all_in_one_block() -> None:
    book = ledger()
    book.read("b-1", 4, [event(Kind.RECEIVED, "b-1"), event(Kind.ACK_WRITTEN, "b-1", ack=b"x")])
    book.read("a-1", 9, [event(Kind.SENT)])  # this chain was read later
    found = only(book)
    assert found is not None
    assert (found.stage, found.ack) == (Stage.ACKED, b"x")


def test_events_of_other_connections_and_filtered_channels_are_not_ours() -> None:
    book = Ledger(State(), IDS, lambda port, _channel: port != "transfer")
    assert book.read("a-1", 10, [event(Kind.SENT)]) == 0
    foreign = PacketEvent(Kind.SENT, PACKET, "connection-9", ordered=False)
    assert ledger().read("a-1", 10, [foreign]) == 0


def test_the_filter_is_written_from_as_side_for_both_directions() -> None:
    asked: list[tuple[str, str]] = []

    def admits(port: str, channel: str) -> bool:
        asked.append((port, channel))
        return True

    book = Ledger(State(), IDS, admits)
    book.read("a-1", 1, [event(Kind.SENT)])
    book.read("b-1", 1, [event(Kind.RECEIVED, "b-1"), event(Kind.SENT, "b-1")])
    book.read("a-1", 2, [event(Kind.RECEIVED)])
    a_end, b_end = ("transfer", "channel-0"), ("wasm.x", "channel-2")
    assert asked == [a_end, a_end, b_end, b_end]


def test_a_closed_channel_is_remembered_at_its_end() -> None:
    book = ledger()
    book.read("a-1", 1, [event(Kind.SENT)])
    closed: list[IbcEvent] = [ChannelClosed("wasm.x", "channel-2", "connection-7")]
    book.read("b-1", 2, closed)
    found = only(book)
    assert found is not None
    assert book.is_closed(found)


def test_state_survives_and_keeps_64_bit_sequences(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "relayer.db"
    state = State(file)
    state.save_link(IDS, {"a-1": 3, "b-1": 4})
    book = ledger(state)
    big = Packet(2**64 - 1, "p", "channel-0", "q", "channel-1", b"", Height(0, 0), 1)
    book.read("a-1", 10, [event(Kind.SENT), event(Kind.SENT, packet=big)])
    book.mark_failed(PacketKey("a-1", "p", "channel-0", 2**64 - 1), "no gas")
    state.close()
    again = ledger(State(file))
    assert again.packets == book.packets
    assert again.cursors == {"a-1": 10, "b-1": 4}
    assert again.packets[PacketKey("a-1", "p", "channel-0", 2**64 - 1)].attempts == 1


def test_a_crash_in_the_middle_of_a_block_leaves_all_or_nothing(tmp_path: Path) -> None:
    state = State(tmp_path / "relayer.db")
    state.save_link(IDS, {"a-1": 3, "b-1": 4})
    key = PacketKey("a-1", "p", "channel-0", 1)
    broken = Entry(key, Stage.SENT, PACKET, ordered=False, height=2**70)
    with pytest.raises((StateError, OverflowError)):
        state.record(IDS.id, {key: broken}, ("a-1", 9))
    assert state.cursor(IDS.id, "a-1") == 3
    assert state.packets(IDS.id) == []


def test_links_are_found_from_both_sides() -> None:
    state = State()
    state.save_link(IDS, {})
    newer = LinkIds(EndIds("a-1", "c", "connection-12"), EndIds("b-1", "d", "connection-8"))
    state.save_link(newer, {})
    assert state.find_link("a-1", "b-1") == newer
    assert state.find_link("b-1", "a-1") == LinkIds(newer.b, newer.a)
    assert state.find_link("a-1", "c-1") is None


def test_a_file_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"not a database" * 100)
    with pytest.raises(StateError, match=r"garbage\.db"):
        State(garbage)
    newer = tmp_path / "newer.db"
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StateError, match="format 99"):
        State(newer)


def test_what_is_proven_done_leaves_the_ledger() -> None:
    book = ledger()
    book.read("a-1", 10, [event(Kind.SENT)])
    key = PacketKey("a-1", "transfer", "channel-0", 5)
    book.mark_received(key)
    assert book.packets[key].stage is Stage.RECEIVED
    book.mark_acked(key, b"late", 77)
    assert (book.packets[key].stage, book.packets[key].ack) == (Stage.ACKED, b"late")
    book.finish(key)
    book.finish(key)
    assert book.packets == {}
