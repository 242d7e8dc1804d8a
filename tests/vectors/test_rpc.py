"""Recorded RPC of real nodes: what a client asks and is told, and CometBFT's query language."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers import vectors
from helpers.vectors import Case

from chain.node.errors import QueryError
from chain.node.query import parse
from light_client import rpcjson
from relayer import events
from relayer.errors import NetworkError
from relayer.transport import request, result

FOLDER = vectors.topic("rpc")


def documents(kind: str) -> list[Any]:
    """Recorded requests (outgoing) or answers (incoming)."""
    return [
        pytest.param(name, document, id=name)
        for name, document in vectors.documents(FOLDER)
        if f"/{kind}/" in f"/{name}"
    ]


def listed() -> list[Any]:
    """The cases of files that are lists."""
    return [
        pytest.param(name, case, id=f"{name}::{case.get('id', number)}")
        for name, document in vectors.documents(FOLDER)
        if isinstance(document, list)
        for number, case in enumerate(document)
    ]


@pytest.mark.parametrize(("name", "case"), listed())
def test_vector(name: str, case: Case) -> None:
    vectors.run(name, case, RUNNERS)


def run_match(case: Case) -> None:
    assert parse(case["query"]).matches(case["events"]) is case["matches"]


def run_parse(case: Case) -> None:
    if case["valid"]:
        assert parse(case["query"]).conditions
    else:
        with pytest.raises(QueryError):
            parse(case["query"])


def run_events(case: Case) -> None:
    """IBC events of a transaction that another file of the set has recorded."""
    [found] = [
        tx
        for _, document in vectors.documents(FOLDER)
        for tx in txs_of(document)
        if tx["hash"] == case["hash"]
    ]
    assert (found["height"], found["tx_result"]["gas_used"]) == (case["height"], case["gas_used"])
    got = [(each["type"], events.attributes(each)) for each in found["tx_result"]["events"]]
    for wanted in case["events"]:
        attributes = dict(wanted["attributes"])
        assert any(
            kind == wanted["type"] and attributes.items() <= told.items() for kind, told in got
        )


def txs_of(document: Any) -> list[Any]:
    answer = document.get("result") if isinstance(document, dict) else None
    found = answer.get("txs") if isinstance(answer, dict) else None
    return found or []


RUNNERS: list[vectors.Runner] = [
    ({"query", "events", "matches"}, run_match),
    ({"query", "valid"}, run_parse),
    ({"tx_index", "events", "hash"}, run_events),
]


@pytest.mark.parametrize(("name", "request_"), documents("outgoing"))
def test_requests_are_ours_too(name: str, request_: Case) -> None:
    ours = request(request_["id"], request_["method"], request_.get("params") or {})
    assert ours == {**request_, "params": request_.get("params") or {}}


@pytest.mark.parametrize(("name", "answer"), documents("incoming"))
def test_answers_are_read(name: str, answer: Case) -> None:
    """Headers, commits and validators keep every field through our values; errors are errors."""
    if "error" in answer or "result" not in answer:
        with pytest.raises(NetworkError):
            result("recorded", name, answer)
        return
    for kind, value in parts(result("recorded", name, answer)):
        read, write = CODECS[kind]
        again = write(read(value))
        assert read(again) == read(value), name
        lost = {key for key in value if again.get(key) != value[key]} - set(LOOSE)
        assert not lost, f"{name}: {kind}: {lost}"


CODECS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "header": (rpcjson.header_from_json, rpcjson.header_to_json),
    "commit": (rpcjson.commit_from_json, rpcjson.commit_to_json),
    "block_id": (rpcjson.block_id_from_json, rpcjson.block_id_to_json),
}
LOOSE = ("time", "timestamp", "signatures", "last_block_id", "version", "parts", "part_set_header")
"""Fields that are written in more ways than one: zeros at the end of a time, null for what is empty."""

MARKS = {
    "header": {"chain_id", "height", "time", "app_hash"},
    "commit": {"height", "round", "block_id", "signatures"},
    "block_id": {"hash", "parts"},
}


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Everything in an answer that looks like one of ours."""
    if isinstance(value, dict):
        for kind, marks in MARKS.items():
            if marks <= value.keys():
                yield kind, value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def test_the_set_is_complete() -> None:
    vectors.enough(listed(), 73)
    vectors.enough([*documents("incoming"), *documents("outgoing")], 156)
