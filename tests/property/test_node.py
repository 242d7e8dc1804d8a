"""The index finds what the query language says; whatever text comes, it is a query or our error, an
answer or an error object.
"""

import asyncio
import json
from contextlib import suppress
from typing import Any

from helpers.kv_app import build, genesis, keys
from hypothesis import given, settings
from hypothesis import strategies as st

from chain import gojson
from chain.node import Node, QueryError, RpcError, jsonrpc
from chain.node.arguments import from_uri
from chain.node.block import NO_COMMIT, Block, tx_hash
from chain.node.blockstore import BlockStore, StoredBlock
from chain.node.errors import InvalidRequest, ParseError
from chain.node.eventlog import flatten
from chain.node.query import Condition, Query, parse
from chain.node.rotation import new_set
from chain.node.rpc import ROUTES
from chain.node.server import RpcServer
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client.commit import Commit
from light_client.header import BlockID, Header, Version
from light_client.values import Timestamp

names = st.sampled_from(["a", "b"])
values = st.sampled_from(
    ["", "1", "2", "10", "1.5stake", "x", "xy", "long" * 60, "long" * 61, "\x01"]
)
attributes = st.lists(st.tuples(names, values, st.booleans()), max_size=3)
events = st.lists(st.tuples(st.sampled_from(["t", "u"]), attributes), max_size=3)
txs = st.lists(events, max_size=3)
chain = st.lists(st.tuples(events, txs), min_size=1, max_size=4)
tags = st.sampled_from(["t.a", "t.b", "u.a", "none.such"])
conditions = st.one_of(
    st.builds("{} = '{}'".format, tags, values),
    st.builds(
        "{} {} {}".format, tags, st.sampled_from(["<", "<=", "=", ">", ">="]), st.integers(0, 11)
    ),
    st.builds("{} CONTAINS '{}'".format, tags, st.sampled_from(["x", "1", ""])),
    st.builds("{} EXISTS".format, st.sampled_from(["t.a", "u", "none"])),
    st.builds("tx.height {} {}".format, st.sampled_from(["<", "=", ">="]), st.integers(0, 5)),
)
queries = st.lists(conditions, min_size=1, max_size=3).map(" AND ".join)


def to_events(described: Any) -> list[abci.Event]:
    found = []
    for kind, pairs in described:
        event = abci.Event(type=kind)
        for key, value, index in pairs:
            event.attributes.add(key=key, value=value, index=index)
        found.append(event)
    return found


def stored_block(height: int, described: Any) -> StoredBlock:
    own, of_txs = described
    empty = [b""] * 8
    header = Header(  # mypy cannot count the starred ones
        *(Version(11), "kv-1", height, Timestamp(height), BlockID(), *empty, bytes(20))  # type: ignore[arg-type]
    )
    results = abci.ResponseFinalizeBlock(events=to_events(own))
    results.tx_results.extend(abci.ExecTxResult(events=to_events(each)) for each in of_txs)
    txs = tuple(b"tx %d %d" % (height, index) for index in range(len(of_txs)))
    commit = Commit(height, 0, BlockID(tx_hash(b"%d" % height)), ())
    block = Block(header, txs, NO_COMMIT)
    return StoredBlock(block, len(block.encode()), commit, results)


def store_of(described_chain: Any) -> tuple[BlockStore, list[StoredBlock]]:
    store = BlockStore(None)
    blocks = [stored_block(height, each) for height, each in enumerate(described_chain, start=1)]
    validators = new_set([(keys()[0].pub_key, 1)])
    for block in blocks:
        store.save(block, block.block.encode(), validators=validators, changed=True, params=None)
        store.publish(block)
    return store, blocks


@given(chain, queries)
@settings(max_examples=300, deadline=None)
def test_searches_find_what_the_language_says(described: Any, text: str) -> None:
    store, blocks = store_of(described)
    query = parse(text)
    expected = []
    for block in blocks:
        for index, result in enumerate(block.results.tx_results):
            seen = flatten(result.events, indexed_only=True) | {"tx.height": [str(block.height)]}
            if query.matches(seen):
                expected.append((block.height, index))
    assert store.index.search_txs(query, store.height) == expected
    heights = [
        block.height
        for block in blocks
        if query.matches(
            flatten(block.results.events, indexed_only=True) | {"tx.height": [str(block.height)]}
        )
    ]
    assert store.index.search_blocks(query, store.height) == heights
    store.close()


@given(chain)
@settings(max_examples=50, deadline=None)
def test_blocks_are_read_as_they_were_written(described: Any) -> None:
    store, blocks = store_of(described)
    assert list(store.from_height(1)) == blocks
    for block in blocks:
        assert store.load_by_hash(block.block_id.hash) == block
    store.close()


@given(st.text(max_size=40) | queries)
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_query_or_our_error(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    assert isinstance(query, Query)
    assert all(isinstance(each, Condition) for each in query.conditions)
    query.matches({"t.a": ["1"], text: [text]})


nearly_json = st.text('{}[]",:\\u0123e.-+truefalsn \n\x01é', max_size=40).map(str.encode)


@given(st.binary(max_size=200) | nearly_json)
@settings(max_examples=500, deadline=None)
def test_any_body_is_requests_or_our_error(body: bytes) -> None:
    for read in (lambda data: jsonrpc.requests(data, 5), jsonrpc.first_request):
        with suppress(ParseError, InvalidRequest):
            read(body)


@given(nearly_json | st.builds(lambda value: json.dumps(value).encode(), st.text() | st.integers()))
@settings(max_examples=1000, deadline=None)
def test_what_is_json_is_what_the_standard_library_takes(body: bytes) -> None:
    try:
        json.loads(body, parse_constant=int)
    except ValueError:
        assert not gojson.valid(body)
    else:
        assert gojson.valid(body)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
parameter_names = sorted({each.name for route in ROUTES.values() for each in route.parameters})
arguments = st.dictionaries(
    st.sampled_from(parameter_names),
    st.integers(-2, 4) | st.integers().map(str) | st.text(max_size=12) | json_values,
    max_size=5,
)
methods = st.sampled_from(sorted(set(ROUTES) - {"broadcast_tx_commit"}))
calls = st.lists(st.tuples(methods, arguments | json_values), min_size=1, max_size=10)


@given(calls)
@settings(max_examples=60, deadline=None)
def test_any_call_has_an_answer_and_never_an_internal_one(requests: list[tuple[str, Any]]) -> None:
    async def ask() -> None:
        signers = keys()
        node = await Node.open(None, genesis(signers), signers, build=build)
        await node.next_block()
        server = RpcServer(node._rpc, node.engine.bus)
        for method, params in requests:
            encoded = json.dumps(params).encode()
            raw, _ = await server.answer(jsonrpc.Request(1, method, encoded))
            answer = json.loads(raw)
            assert ("result" in answer) != ("error" in answer)
            if "error" in answer:
                assert answer["error"]["code"] in {-32602, -32603}
                assert "its log says more" not in answer["error"]["data"], (method, params)
        assert await node.next_block() == 2
        await node.stop()

    asyncio.run(ask())


@given(st.dictionaries(st.sampled_from(parameter_names), st.text(max_size=20), max_size=3))
@settings(max_examples=300, deadline=None)
def test_any_uri_arguments_are_read_or_refused(given_: dict[str, str]) -> None:
    for route in ROUTES.values():
        try:
            values = from_uri(route.parameters, given_)
        except RpcError:
            continue
        assert set(values) <= {each.name for each in route.parameters}
