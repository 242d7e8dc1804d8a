"""Memos of packet-forward."""

import json
from typing import Any

import pytest

from chain.modules.transfer.forward import Forward, ForwardError, parse

HOP = {"receiver": "r", "port": "transfer", "channel": "channel-0"}


def wish(**changes: Any) -> str:
    return json.dumps({"forward": {**HOP, **changes}})


@pytest.mark.parametrize("memo", ["", "hello", "[" * 10_000, "[]", "1", '{"wasm":{}}'])
def test_memos_that_ask_for_nothing(memo: str) -> None:
    assert parse(memo) is None


def test_a_hop_and_the_next() -> None:
    found = parse(wish(timeout="1h2m3.5s", retries=2, next={"forward": {"a": "<"}}))
    assert found == Forward(
        "r", "transfer", "channel-0", 3_723_500_000_000, 2, '{"forward":{"a":"\\u003c"}}'
    )
    assert parse(wish(next="as it is")) == Forward("r", "transfer", "channel-0", next="as it is")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("10m", 600 * 10**9),
        ("-1.5s", -1_500_000_000),
        ("+3ns", 3),
        (".5us", 500),
        ("1µs", 1000),
    ],
)
def test_durations_are_gos(text: str, ns: int) -> None:
    found = parse(wish(timeout=text))
    assert found is not None
    assert found.timeout_ns == ns


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"receiver": ""}, "receiver is missing"),
        ({"port": 5}, "port is missing or no text"),
        ({"channel": "x!"}, "channel|identifier"),
        ({"timeout": "soon"}, "no duration"),
        ({"timeout": "10"}, "no duration"),
        ({"timeout": "9999999999999h"}, "too long"),
        ({"timeout": 1.5}, "neither nanoseconds nor a duration"),
        ({"timeout": True}, "neither nanoseconds nor a duration"),
        ({"retries": 256}, "0 to 255"),
        ({"retries": "2"}, "0 to 255"),
        ({"next": 5}, "neither an object nor a text"),
    ],
)
def test_what_is_asked_in_a_wrong_way(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ForwardError, match=said):
        parse(wish(**changes))


def test_forward_must_be_an_object() -> None:
    with pytest.raises(ForwardError, match="no object"):
        parse('{"forward": "x"}')
