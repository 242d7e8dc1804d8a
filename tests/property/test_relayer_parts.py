"""For any input: a value or one of our errors, and decisions that keep their promises."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from light_client.packet import Packet
from light_client.values import Height, Timestamp
from relayer import config, plan
from relayer.config import Duration
from relayer.errors import ConfigError, KeyringError, NetworkError
from relayer.events import Kind, PacketEvent, of_block, read
from relayer.mnemonic import WORD_COUNTS, entropy_to_mnemonic, mnemonic_to_entropy
from relayer.packets import Entry, PacketKey, Stage, advance
from relayer.plan import Action, Head, Limits, Task
from relayer.transport import parse_query, result

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=20,
)
U64 = st.integers(0, 2**64 - 1)
HEIGHTS = st.builds(Height, st.integers(0, 3), st.integers(0, 100))
PACKETS = st.builds(
    Packet,
    U64,
    st.just("p"),
    st.sampled_from(["channel-0", "channel-1"]),
    st.just("q"),
    st.just("channel-9"),
    st.binary(max_size=8),
    HEIGHTS,
    st.integers(0, 100),
)
STAGES = st.sampled_from(list(Stage))


@given(st.text())
def test_any_text_is_a_configuration_or_one_line_about_it(text: str) -> None:
    with suppress(ConfigError):
        config.parse(text, "c.toml")


@given(st.dictionaries(st.sampled_from(["chains", "paths", "log", "state", "x"]), JSON))
def test_any_document_is_converted_or_refused(document: dict[str, Any]) -> None:
    with suppress(ConfigError):
        config._convert(document, config.Config, "c.toml", "")


@given(JSON)
def test_any_answer_is_read_or_refused(answer: Any) -> None:
    with suppress(NetworkError):
        result("x", "m", answer)
    with suppress(NetworkError):
        parse_query(answer, "x")


@given(
    st.sampled_from(["send_packet", "write_acknowledgement", "channel_close_init"]),
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "packet_sequence",
                    "packet_src_port",
                    "packet_src_channel",
                    "packet_dst_port",
                    "packet_dst_channel",
                    "packet_data_hex",
                    "packet_timeout_height",
                    "packet_timeout_timestamp",
                    "packet_ack_hex",
                ]
            ),
            st.text(max_size=12),
        )
    ),
)
def test_any_event_is_read_or_passed_over(type_: str, pairs: list[tuple[str, str]]) -> None:
    attributes = [{"key": key, "value": value} for key, value in pairs]
    read({"type": type_, "attributes": attributes})
    of_block({"txs_results": [{"code": 0, "events": [{"type": type_, "attributes": attributes}]}]})


@given(st.sampled_from(WORD_COUNTS), st.data())
def test_entropy_and_words_are_one_to_one(words: int, data: st.DataObject) -> None:
    entropy = data.draw(st.binary(min_size=words * 4 // 3, max_size=words * 4 // 3))
    mnemonic = entropy_to_mnemonic(entropy)
    assert len(mnemonic.split()) == words
    assert mnemonic_to_entropy(mnemonic) == entropy


@given(st.text())
def test_any_text_is_a_mnemonic_or_refused(text: str) -> None:
    with suppress(KeyringError):
        mnemonic_to_entropy(text)


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations(number: int, unit: str) -> None:
    assert Duration.parse(f"{number}{unit}") >= number * 10**6


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))),
    st.integers(1, 8),
    st.integers(1, 120),
    st.integers(0, 120),
)
def test_batches_lose_nothing_and_exceed_no_limit(
    items: list[tuple[int, int]], count: int, size: int, gas: int
) -> None:
    made = plan.batches(items, Limits(count, size, gas), lambda item: item)
    assert [item for batch in made for item in batch] == items
    for batch in made:
        assert len(batch) <= count
        if len(batch) > 1:
            assert sum(item[0] for item in batch) <= size
            assert not gas or sum(item[1] for item in batch) <= gas


@given(st.lists(st.integers(), max_size=20), st.none() | st.integers(-3, 25))
def test_a_split_ends_and_loses_nothing(items: list[int], culprit: int | None) -> None:
    parts = plan.split(items, culprit)
    assert sorted(item for part in parts for item in part) == (
        sorted(items) if len(items) > 1 else []
    )
    assert all(0 < len(part) < len(items) for part in parts)


@given(PACKETS, STAGES, HEIGHTS, st.integers(0, 100), st.integers(0, 100), st.booleans())
def test_a_packet_is_never_received_and_timed_out_by_the_same_block(
    packet: Packet, stage: Stage, height: Height, time: int, now: int, closed: bool
) -> None:
    entry = Entry(PacketKey("a", "p", "channel-0", 1), stage, packet, ordered=False, height=1)
    head = Head(height, Timestamp.from_ns(time))
    action = plan.next_action(entry, head, Timestamp.from_ns(now), closed=closed)
    if action is Action.RECEIVE:
        assert not plan.expired(packet, head.height.increment(), head.time)
    if action is Action.TIME_OUT:
        assert plan.expired(packet, head.height, head.time)
    if action is None and stage is Stage.SENT:
        assert plan.overdue(entry, head, Timestamp.from_ns(now))


@given(st.lists(st.integers(1, 30), unique=True), st.integers(1, 30))
def test_an_ordered_channel_never_skips(sequences: list[int], following: int) -> None:
    tasks = [
        Task(
            Action.RECEIVE,
            Entry(
                PacketKey("a", "p", "channel-0", sequence),
                Stage.SENT,
                Packet(sequence, "p", "channel-0", "q", "channel-1", b"", Height(0, 0), 1),
                ordered=True,
                height=1,
            ),
        )
        for sequence in sequences
    ]
    expected = {plan.channel_of(task): following for task in tasks}
    chosen = [task.key.sequence for task in plan.in_order(tasks, expected)]
    assert chosen == list(range(following, following + len(chosen)))
    assert following + len(chosen) not in sequences


@given(st.lists(st.tuples(st.sampled_from(list(Kind)), PACKETS), max_size=12))
def test_whatever_happens_a_finished_packet_needs_a_new_event_to_come_back(
    happened: list[tuple[Kind, Packet]],
) -> None:
    key = PacketKey("a", "p", "channel-0", 1)
    entry: Entry | None = None
    for height, (kind, packet) in enumerate(happened, 1):
        entry = advance(
            entry, PacketEvent(kind, packet, "connection-0", ordered=False), key, height
        )
        if kind in {Kind.ACKNOWLEDGED, Kind.TIMED_OUT}:
            assert entry is None
        if entry is not None:
            assert entry.key == key
