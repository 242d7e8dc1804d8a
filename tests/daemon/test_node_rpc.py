"""A node over real sockets, as CometBFT's clients talk to it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from itertools import pairwise
from typing import Any

import aiohttp
import grpc.aio
import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2
from helpers.kv_app import BALANCE, build, genesis, keys
from helpers.linked import until

from chain.node import ManualClock, MempoolLimits, Node, NodeConfig, Pace, RpcError, ServerLimits
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_pb2
from cosmos_pb.cosmos.base.tendermint.v1beta1 import query_pb2 as comet_pb2
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2
from light_client import merkle
from light_client.values import NS_PER_SECOND, Timestamp

NOW = Timestamp.parse("2024-05-06T07:08:09Z")
LIMITS = ServerLimits(body=100_000, batch=5, connections=500, subscribed_clients=3, subscriptions=2)
COMET = "/cosmos.base.tendermint.v1beta1.Service/"
TX = "/cosmos.tx.v1beta1.Service/"


class Client:
    """A node that serves, and what it takes to talk to it."""

    def __init__(self, node: Node, session: aiohttp.ClientSession) -> None:
        self.node = node
        self.session = session

    async def post(self, body: Any) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(self.node.rpc_url, data=data) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def call(self, method: str, **params: Any) -> Any:
        status, answer = await self.post(
            {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        )
        assert (status, answer["id"]) == (200, 7)
        return answer["result"] if "result" in answer else answer["error"]

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.node.rpc_url}/{path}") as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    async def block_with(self, *txs: bytes) -> int:
        for tx in txs:
            answer = await self.call("broadcast_tx_sync", tx=encoded(tx))
            assert answer["code"] == 0, answer
        return await self.node.next_block()

    def socket(self) -> Any:
        return self.session.ws_connect(f"{self.node.rpc_url}/websocket")


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    signers = keys(35)
    config = NodeConfig(
        clock=ManualClock(NOW),
        pace=Pace(interval=3600),
        server=LIMITS,
        mempool=MempoolLimits(max_tx_bytes=1000, max_txs=8),
    )
    node = await Node.open(None, genesis(signers), signers, config=config, build=build)
    await node.start()
    await node.serve()
    async with aiohttp.ClientSession() as session:
        yield Client(node, session)
    await node.stop()


def encoded(tx: bytes) -> str:
    return base64.b64encode(tx).decode()


def hash_of(tx: bytes) -> str:
    return sha256(tx).hexdigest().upper()


# JSON-RPC


async def test_ids_come_back_as_they_went(client: Client) -> None:
    for identifier in (1, "uuid-1", 0):
        request = {"jsonrpc": "2.0", "id": identifier, "method": "health"}
        assert await client.post(request) == (
            200,
            {"jsonrpc": "2.0", "id": identifier, "result": {}},
        )


async def test_notifications_get_no_answer(client: Client) -> None:
    assert await client.post({"jsonrpc": "2.0", "method": "health"}) == (200, None)


async def test_a_batch_answers_each_in_order(client: Client) -> None:
    batch = [{"jsonrpc": "2.0", "id": n, "method": m} for n, m in enumerate(["health", "nope"])]
    status, answers = await client.post(batch)
    assert status == 200
    assert [answer["id"] for answer in answers] == [0, 1]
    assert answers[1]["error"] == {"code": -32601, "message": "Method not found"}


@pytest.mark.parametrize(
    ("body", "status", "code", "text"),
    [
        (b"{", 500, -32700, "error unmarshaling request"),
        (b"17", 500, -32700, "cannot unmarshal number into Go value of type struct"),
        (b"\xff\xfe", 500, -32700, "error unmarshaling request"),
        (b"[" * 100_000, 500, -32700, "error unmarshaling request"),
        (b'{"id":{},"method":"health"}', 500, -32700, "json-rpc ID (map[]) is of unknown type"),
        (b"x" * 100_001, 400, -32600, "request body too large"),
        (json.dumps([{"id": 1}] * 6).encode(), 200, -32600, "exceeds maximum (5)"),
    ],
)
async def test_requests_that_are_none(
    client: Client, body: bytes, status: int, code: int, text: str
) -> None:
    got, answer = await client.post(body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert "id" not in answer
    assert text in answer["error"]["data"]


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("subscribe", {"query": "a=1"}, -32601, None),
        ("block", {"height": "x"}, -32602, "invalid character 'x' looking for beginning of value"),
        (
            "block",
            {"height": True},
            -32602,
            'invalid 64-bit integer encoding "true", expected string',
        ),
        ("block", {"height": "9223372036854775808"}, -32602, "into Go value of type int64"),
        ("block", ["1", "2"], -32602, "expected 1 parameters ([height]), got 2"),
        ("block", "1", -32602, "unknown type for JSON params"),
        ("tx", {"hash": "***"}, -32602, "illegal base64 data at input byte 0"),
        ("abci_query", {"data": "0x00"}, -32602, "encoding/hex: invalid byte: U+0078 'x'"),
        ("tx_search", {"query": 5}, -32602, "cannot unmarshal number into Go value of type string"),
        (
            "tx_search",
            {"query": "a=1", "prove": "yes"},
            -32602,
            "cannot unmarshal string into Go value of type bool",
        ),
        ("block", {"height": "0"}, -32603, "height must be greater than 0, but got 0"),
        (
            "block",
            {"height": "9"},
            -32603,
            "height 9 must be less than or equal to the current blockchain height 1",
        ),
        ("validators", {"page": "3"}, -32603, "page should be within [1, 2] range, given 3"),
        ("tx", {"hash": "AAAA"}, -32603, "tx (000000) not found"),
        ("tx_search", {"query": "a"}, -32603, "offset 1: EOF"),
        ("tx_search", {"query": "a=1" * 200}, -32603, "maximum query length exceeded"),
        (
            "block_search",
            {"query": "block.height>0", "order_by": "up"},
            -32603,
            "expected order_by to be either `asc` or `desc` or empty",
        ),
        ("blockchain", {"minHeight": "-1"}, -32603, "heights must be non-negative"),
        ("blockchain", {"minHeight": "5"}, -32603, "min height 5 can't be greater than max"),
        ("genesis_chunked", {"chunk": "1"}, -32603, "there are 0 chunks, 1 is invalid"),
        ("broadcast_evidence", {}, -32603, "no evidence was provided"),
        (
            "broadcast_evidence",
            {"evidence": 3},
            -32602,
            "into Go value of type json.interfaceWrapper",
        ),
    ],
)
async def test_bad_calls_say_what_is_wrong(
    client: Client, method: Any, params: Any, code: int, text: str | None
) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    status, answer = await client.post(request)
    assert (status, answer["error"]["code"]) == (200, code)
    if text is not None:
        assert text in answer["error"]["data"]


async def test_an_exception_of_ours_is_logged_and_not_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object, __: int) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(client.node.engine.store), "must_load", broken)
    answer = await client.call("block", height="1")
    assert answer["code"] == -32603
    assert answer["data"] == "ZeroDivisionError in the node; its log says more"
    assert "secret detail" in caplog.text


# URIs


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("block?height=1", ["block", "header", "height"]),
        ('block?height="1"', ["block", "header", "height"]),
        ("commit?height=1", ["signed_header", "header", "height"]),
        ('abci_query?path="/store/kv/key"&data=0x67656e65736973', ["response", "value"]),
        ('abci_query?path="/store/kv/key"&data="genesis"', ["response", "value"]),
        (
            "abci_query?path=0x2f73746f72652f6b762f6b6579&data=0x67656e65736973",
            ["response", "value"],
        ),
    ],
)
async def test_uris(client: Client, path: str, found: list[str]) -> None:
    status, answer = await client.get(path)
    assert (status, answer["id"]) == (200, -1)
    value = answer["result"]
    for name in found:
        value = value[name]
    assert value in {"1", encoded(b"yes")}


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("block?height=x", 500, 'invalid 64-bit integer encoding "x", expected string'),
        ("block?height=0x10", 500, "got a hex string arg, but expected 'int64'"),
        ('tx_search?query="1', 500, "unexpected end of JSON input"),
        ("tx?hash=zz", 500, "invalid character 'z' looking for beginning of value"),
        ("tx?hash=0xzz", 500, "encoding/hex: invalid byte: U+007A 'z'"),
        ("tx_search?prove=1", 500, "cannot unmarshal number into Go value of type bool"),
        ("subscribe?query=a", 404, "Method not found"),
        ("nope", 404, "404 page not found"),
        ("websocket", 400, "Bad Request"),
    ],
)
async def test_bad_uris(client: Client, path: str, status: int, text: str) -> None:
    got, answer = await client.get(path)
    assert got == status
    assert text in json.dumps(answer, ensure_ascii=False).replace('\\"', '"')


async def test_a_transaction_may_stand_in_a_uri(client: Client) -> None:
    tx = b"alice=" + b"1" * 900
    status, answer = await client.get(f"broadcast_tx_sync?tx=0x{tx.hex()}&other={'x' * 20_000}")
    assert (status, answer["result"]["hash"]) == (200, hash_of(tx))


async def test_browsers_get_a_page_and_may_call_from_anywhere(client: Client) -> None:
    async with client.session.get(client.node.rpc_url) as response:
        assert "block_search" in await response.text()
    asks = {"Origin": "http://dapp.example", "Access-Control-Request-Method": "POST"}
    async with client.session.options(f"{client.node.rpc_url}/status", headers=asks) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "*"


# Transactions


async def test_a_transaction_from_the_mempool_into_a_block(client: Client) -> None:
    tx = b"alice=1"
    answer = await client.call("broadcast_tx_sync", tx=encoded(tx))
    assert answer == {
        "code": 0,
        "data": "",
        "log": "",
        "codespace": "",
        "hash": hash_of(tx),
    }
    waiting = await client.call("unconfirmed_txs")
    assert waiting == {
        "n_txs": "1",
        "total": "1",
        "total_bytes": "7",
        "txs": [encoded(tx)],
    }
    height = await client.node.next_block()
    assert (await client.call("num_unconfirmed_txs"))["n_txs"] == "0"
    hash_base64 = base64.b64encode(sha256(tx).digest()).decode()
    found = await client.call("tx", hash=hash_base64, prove=True)
    assert (found["height"], found["index"], found["tx"]) == (str(height), 0, encoded(tx))
    assert found["tx_result"]["data"] == encoded(b"ok")
    assert found["tx_result"]["events"][0]["attributes"][2] == {
        "key": "hidden",
        "value": "secret",
        "index": False,
    }


async def test_refusals_of_the_application_and_of_the_mempool(client: Client) -> None:
    bad = await client.call("broadcast_tx_sync", tx=encoded(b"no equals sign"))
    assert (bad["code"], bad["codespace"]) == (2, "kv")
    again = await client.call("broadcast_tx_sync", tx=encoded(b"no equals sign"))
    assert again["code"] == 2, "what was refused may be sent again"
    assert (await client.call("broadcast_tx_sync", tx=encoded(b"a=1")))["code"] == 0
    cached = await client.call("broadcast_tx_sync", tx=encoded(b"a=1"))
    assert (cached["code"], cached["data"]) == (-32603, "tx already exists in cache")
    large = await client.call("broadcast_tx_sync", tx=encoded(b"=" * 1001))
    assert large["data"] == "Tx too large. Max size is 1000, but got 1001"
    for number in range(7):
        await client.call("broadcast_tx_async", tx=encoded(b"f%d=1" % number))
    full = await client.call("broadcast_tx_sync", tx=encoded(b"one=more"))
    assert full["data"].startswith("mempool is full: number of txs 8 (max: 8), total txs bytes")


async def test_a_failed_transaction_is_in_the_block_and_may_be_sent_again(client: Client) -> None:
    await client.block_with(b"fail=1")
    results = await client.call("block_results")
    assert results["txs_results"][0]["code"] == 5
    await client.block_with(b"fail=1")
    places = await client.call("tx_search", query=f"tx.hash='{hash_of(b'fail=1')}'")
    assert [each["height"] for each in places["txs"]] == ["2", "3"]


async def test_what_succeeded_stays_in_the_cache(client: Client) -> None:
    await client.block_with(b"a=1")
    answer = await client.call("broadcast_tx_sync", tx=encoded(b"a=1"))
    assert answer["data"] == "tx already exists in cache"


async def test_waiting_transactions_are_checked_again_after_a_block(client: Client) -> None:
    await client.block_with(b"max_gas=10")
    await client.block_with(b"first=1", b"once=1", b"third=3")
    assert client.node.engine.store.must_load(client.node.height).block.txs == (b"first=1",)
    waiting = [base64.b64decode(tx) for tx in (await client.call("unconfirmed_txs"))["txs"]]
    assert waiting == [b"third=3"], "there was gas for one, and the recheck refused another"


async def test_broadcast_commit_waits_for_the_block(client: Client) -> None:
    waiting = asyncio.create_task(client.call("broadcast_tx_commit", tx=encoded(b"c=1")))
    await asyncio.sleep(0.1)
    height = await client.node.next_block()
    answer = await waiting
    assert (answer["height"], answer["hash"]) == (str(height), hash_of(b"c=1"))
    assert (answer["check_tx"]["code"], answer["tx_result"]["data"]) == (0, encoded(b"ok"))
    refused = await client.call("broadcast_tx_commit", tx=encoded(b"nothing"))
    assert (refused["check_tx"]["code"], refused["height"]) == (2, "0")


async def test_broadcast_commit_gives_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.node.rpc.COMMIT_TIMEOUT", 0.05)
    answer = await client.call("broadcast_tx_commit", tx=encoded(b"d=1"))
    assert answer["data"] == "timed out waiting for tx to be included in a block"
    assert not client.node.engine.bus


async def test_check_tx_keeps_nothing(client: Client) -> None:
    assert (await client.call("check_tx", tx=encoded(b"e=1")))["gas_wanted"] == "10"
    assert (await client.call("num_unconfirmed_txs"))["total"] == "0"


# Searching


async def test_transactions_are_found_by_their_events(client: Client) -> None:
    for number in range(6):
        await client.block_with(*(b"k%d=%d" % (number, each) for each in range(3)))

    async def search(query: str, **params: Any) -> list[tuple[str, int]]:
        answer = await client.call("tx_search", query=query, **params)
        found = [(each["height"], each["index"]) for each in answer["txs"]]
        assert len(found) == int(answer["total_count"]) or params
        return found

    assert await search("set.key = 'k2'") == [("4", 0), ("4", 1), ("4", 2)]
    assert await search("set.key='k2' AND set.value='1'") == [("4", 1)]
    assert await search("set.key='k2'", order_by="desc") == [("4", 2), ("4", 1), ("4", 0)]
    assert await search("set.value='0' AND tx.height>=3 AND tx.height<5") == [("3", 0), ("4", 0)]
    assert await search("set.value > 1 AND set.key CONTAINS '5'") == [("7", 2)]
    assert await search("set.key EXISTS AND tx.height = 2") == [("2", 0), ("2", 1), ("2", 2)]
    assert await search("set EXISTS AND tx.height = 2 AND tm.event='Tx'") == [
        ("2", index) for index in range(3)
    ]
    assert await search("tx.height < 2.5 AND tx.height > 1.5") == [("2", n) for n in range(3)]
    assert await search("set.hidden='secret'") == [], "the application did not index it"
    assert await search("nothing.of='that'") == []
    assert await search("tx.height > 99999999999999999999") == []
    assert await search("set.value='2'", page="2", per_page="4") == [("6", 2), ("7", 2)]
    assert await search(f"tx.hash='{hash_of(b'k0=1')}' AND set.key='k0'") == [("2", 1)]
    assert await search(f"tx.hash='{hash_of(b'k0=1')}' AND set.key='k1'") == []


async def test_found_transactions_are_proven_under_the_data_hash(client: Client) -> None:
    height = await client.block_with(*(b"p%d=1" % number for number in range(5)))
    answer = await client.call("tx_search", query=f"tx.height={height}", prove=True)
    header = (await client.call("header", height=str(height)))["header"]
    for found in answer["txs"]:
        proof = found["proof"]
        node_hash = base64.b64decode(proof["proof"]["leaf_hash"])
        assert node_hash == merkle.leaf_hash(sha256(base64.b64decode(found["tx"])).digest())
        for aunt, on_left in zip(
            proof["proof"]["aunts"],
            aunts_on_left(int(proof["proof"]["index"]), int(proof["proof"]["total"])),
            strict=True,
        ):
            sibling = base64.b64decode(aunt)
            pair = (sibling, node_hash) if on_left else (node_hash, sibling)
            node_hash = merkle.inner_hash(*pair)
        assert node_hash.hex().upper() == header["data_hash"] == proof["root_hash"]


def aunts_on_left(index: int, total: int) -> list[bool]:
    """RFC 6962 path directions, from the leaf up."""
    if total == 1:
        return []
    split = 1 << (total - 1).bit_length() - 1
    if index < split:
        return [*aunts_on_left(index, split), False]
    return [*aunts_on_left(index - split, total - split), True]


async def test_blocks_are_found_by_their_own_events(client: Client) -> None:
    for _ in range(5):
        await client.node.next_block()
    answer = await client.call("block_search", query="block_done.parity='0' AND block.height<=4")
    assert [each["block"]["header"]["height"] for each in answer["blocks"]] == ["2", "4"]
    answer = await client.call(
        "block_search", query="block_done.parity EXISTS", per_page="2", order_by="desc"
    )
    assert [each["block"]["header"]["height"] for each in answer["blocks"]] == ["6", "5"]
    assert answer["total_count"] == "6"


async def test_lists_come_in_pages(client: Client) -> None:
    first = await client.call("validators", height="1")
    second = await client.call("validators", height="1", page="2", per_page="30")
    assert (first["count"], second["count"], first["total"]) == ("30", "5", "35")
    everyone = await client.call("validators", height="1", per_page="1000")
    assert everyone["validators"] == first["validators"] + second["validators"]
    for _ in range(24):
        await client.node.next_block()
    metas = (await client.call("blockchain"))["block_metas"]
    assert [meta["header"]["height"] for meta in metas] == [str(h) for h in range(25, 5, -1)]


async def test_blocks_by_hash(client: Client) -> None:
    block = await client.call("block", height="1")
    block_hash = bytes.fromhex(block["block_id"]["hash"])
    assert await client.call("block_by_hash", hash=encoded(block_hash)) == block
    header = await client.call("header_by_hash", hash=block_hash.hex())
    assert header == {"header": block["block"]["header"]}
    assert (await client.call("block_by_hash", hash=encoded(bytes(32))))["block"] is None
    assert await client.call("header_by_hash", hash="00" * 32) == {"header": None}


async def test_the_validators_of_the_next_block_are_known(client: Client) -> None:
    assert (await client.call("validators", height="2"))["block_height"] == "2"
    assert (await client.call("validators", height="3"))["code"] == -32603


async def test_the_latest_commit_becomes_canonical(client: Client) -> None:
    before = await client.call("commit", height="1")
    await client.node.next_block()
    after = await client.call("commit", height="1")
    assert (before["canonical"], after["canonical"]) == (False, True)
    assert before["signed_header"] == after["signed_header"]


async def test_genesis_in_one_piece_and_in_chunks(client: Client) -> None:
    whole = (await client.call("genesis"))["genesis"]
    chunk = await client.call("genesis_chunked", chunk="0")
    assert json.loads(base64.b64decode(chunk["data"])) == whole
    assert (chunk["chunk"], chunk["total"]) == ("0", "1")


# WebSocket


async def test_subscribers_see_transactions_and_blocks(client: Client) -> None:
    async with client.socket() as socket:
        for number, query in enumerate(["tm.event = 'NewBlock'", "tm.event='Tx' AND set.key='w'"]):
            await subscribe(socket, number, query)
        height = await client.block_with(b"w=1", b"other=2")
        events = [json.loads(await socket.receive_str()) for _ in range(2)]
        block, tx = sorted(events, key=lambda event: event["id"])
        assert block["result"]["query"] == "tm.event = 'NewBlock'"
        assert block["result"]["data"]["type"] == "tendermint/event/NewBlock"
        value = block["result"]["data"]["value"]
        assert value["block"]["header"]["height"] == str(height)
        assert block["result"]["events"]["block_done.parity"] == ["0"]
        result = tx["result"]
        assert result["events"]["tx.hash"] == [hash_of(b"w=1")]
        assert result["events"]["tx.height"] == [str(height)]
        assert result["events"]["set.key"] == ["w"]
        tx_result = result["data"]["value"]["TxResult"]
        assert (tx_result["height"], tx_result["tx"]) == (str(height), encoded(b"w=1"))
        assert "index" not in tx_result, "Go leaves a zero out"


async def subscribe(socket: Any, identifier: int, query: str) -> None:
    await socket.send_json(
        {"jsonrpc": "2.0", "id": identifier, "method": "subscribe", "params": {"query": query}}
    )
    assert json.loads(await socket.receive_str()) == {
        "jsonrpc": "2.0",
        "id": identifier,
        "result": {},
    }


async def ask(socket: Any, method: str, **params: Any) -> Any:
    await socket.send_json({"jsonrpc": "2.0", "id": "x", "method": method, "params": params})
    return json.loads(await socket.receive_str())


async def test_sockets_answer_calls_too_and_unsubscribe(client: Client) -> None:
    async with client.socket() as socket:
        assert (await ask(socket, "block", height="1"))["result"]["block"] is not None
        await subscribe(socket, 1, "tm.event='NewBlock'")
        again = await ask(socket, "subscribe", query="tm.event='NewBlock'")
        assert again["error"]["data"] == "already subscribed"
        assert (await ask(socket, "unsubscribe", query="tm.event='NewBlock'"))["result"] == {}
        gone = await ask(socket, "unsubscribe", query="tm.event='NewBlock'")
        assert gone["error"]["data"] == "subscription not found"
        await subscribe(socket, 1, "tm.event='NewBlock'")
        assert (await ask(socket, "unsubscribe_all"))["result"] == {}
        await client.node.next_block()
        assert not client.node.engine.bus
        assert (await ask(socket, "health"))["result"] == {}, "and no event came before it"


async def test_sockets_refuse_nonsense_and_go_on(client: Client) -> None:
    async with client.socket() as socket:
        await socket.send_str("{")
        assert json.loads(await socket.receive_str())["error"]["code"] == -32700
        await socket.send_str("[" * 90_000)
        assert json.loads(await socket.receive_str())["error"]["code"] == -32700
        bad = await ask(socket, "subscribe", query="tm.event=")
        assert bad["error"]["code"] == -32603
        assert bad["error"]["data"].startswith("failed to parse query: offset 9: EOF")
        assert (await ask(socket, "subscribe", query=7))["error"]["code"] == -32603
        long = await ask(socket, "subscribe", query=f"a='{'x' * 600}'")
        assert long["error"]["data"] == "maximum query length exceeded"
        assert (await ask(socket, "health"))["result"] == {}


async def test_subscriptions_are_limited_per_client_and_in_all(client: Client) -> None:
    async with client.socket() as first, client.socket() as second, client.socket() as third:
        await subscribe(first, 1, "tm.event='NewBlock'")
        await subscribe(first, 2, "tm.event='Tx'")
        answer = await ask(first, "subscribe", query="a=1")
        assert answer["error"]["data"] == "max_subscriptions_per_client 2 reached"
        for socket in (second, third):
            await subscribe(socket, 1, "tm.event='NewBlock'")
        async with client.socket() as fourth:
            answer = await ask(fourth, "subscribe", query="a=1")
            assert answer["error"]["data"] == "max_subscription_clients 3 reached"
    await asyncio.sleep(0.1)
    assert not client.node.engine.bus, "closed connections leave nothing behind"


async def test_a_slow_subscriber_is_told_and_dropped(client: Client) -> None:
    bus = client.node.engine.bus
    subscription = bus.subscribe("tm.event='NewBlock'")
    for _ in range(202):
        await client.node.next_block()
    assert not bus
    for _ in range(200):
        assert await subscription.next() is not None
    with pytest.raises(RpcError, match="buffer is out of capacity"):
        await subscription.next()


# gRPC


@pytest.fixture
async def channel(client: Client) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(client.node.grpc_address) as opened:
        yield opened


async def test_grpc_answers_queries_and_tells_the_height(channel: grpc.aio.Channel) -> None:
    method: Any = channel.unary_unary(BALANCE)
    call = method(
        bank_pb2.QueryBalanceRequest(address="alice", denom="x").SerializeToString(),
        metadata=(("x-cosmos-block-height", "1"),),
    )
    response = bank_pb2.QueryBalanceResponse.FromString(await call)
    assert response.balance.amount == "7"
    metadata = dict(tuple(pair) for pair in await call.initial_metadata())
    assert metadata["x-cosmos-block-height"] == "1"


@pytest.mark.parametrize(
    ("path", "request_", "height", "code", "text"),
    [
        (
            BALANCE,
            bank_pb2.QueryBalanceRequest(address="bob"),
            "0",
            "NOT_FOUND",
            "account bob not found",
        ),
        (
            "/cosmos.bank.v1beta1.Query/Nope",
            None,
            "0",
            "UNIMPLEMENTED",
            "unknown method Nope for service cosmos.bank.v1beta1.Query",
        ),
        ("/no.Service/Nope", None, "0", "UNIMPLEMENTED", "unknown service no.Service"),
        (BALANCE, None, "x", "UNKNOWN", 'strconv.ParseInt: parsing "x": invalid syntax'),
        (
            f"{TX}GetTx",
            service_pb2.GetTxRequest(hash="00"),
            "0",
            "NOT_FOUND",
            "tx not found: 00",
        ),
        (f"{TX}GetTx", service_pb2.GetTxRequest(hash="x"), "0", "UNKNOWN", "encoding/hex: invalid"),
        (
            f"{COMET}GetBlockByHeight",
            comet_pb2.GetBlockByHeightRequest(height=9),
            "0",
            "INVALID_ARGUMENT",
            "requested block height is bigger then the chain length",
        ),
    ],
)
async def test_grpc_refusals(
    channel: grpc.aio.Channel, path: str, request_: Any, height: str, code: str, text: str
) -> None:
    data = b"" if request_ is None else request_.SerializeToString()
    method: Any = channel.unary_unary(path)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(data, metadata=(("x-cosmos-block-height", height),))
    assert caught.value.code().name == code
    assert text in (caught.value.details() or "")


async def test_grpc_garbage_is_refused(channel: grpc.aio.Channel) -> None:
    method: Any = channel.unary_unary(BALANCE)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await method(b"\xff\xff")
    assert caught.value.code().name == "INTERNAL"
    assert "grpc: error unmarshalling request" in str(caught.value.details())


@pytest.mark.parametrize("version", ["v1alpha", "v1"])
async def test_reflection_lists_and_describes(channel: grpc.aio.Channel, version: str) -> None:
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="cosmos.bank.v1beta1.Query"),
    ]
    requests += [
        reflection_pb2.ServerReflectionRequest(
            file_containing_symbol=f"grpc.reflection.{each}.ServerReflection"
        )
        for each in ("v1alpha", "v1")
    ]
    answers = [answer async for answer in call(iter(requests))]
    names = {each.name for each in answers[0].list_services_response.service}
    assert {"cosmos.bank.v1beta1.Query", "cosmos.tx.v1beta1.Service"} <= names
    for answer in answers[1:]:
        assert answer.file_descriptor_response.file_descriptor_proto, answer.error_response


DESCRIBED = {
    "a service": ("cosmos.bank.v1beta1.Query", "cosmos/bank/v1beta1/query.proto"),
    "a method": ("cosmos.bank.v1beta1.Query.Balance", "cosmos/bank/v1beta1/query.proto"),
    "a message": ("cosmos.bank.v1beta1.MsgSend", "cosmos/bank/v1beta1/tx.proto"),
    "a field": ("cosmos.bank.v1beta1.MsgSend.amount", "cosmos/bank/v1beta1/tx.proto"),
    "itself": ("grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto"),
    "its older self": (
        "grpc.reflection.v1alpha.ServerReflection.ServerReflectionInfo",
        "grpc/reflection/v1alpha/reflection.proto",
    ),
    "no such method": ("cosmos.bank.v1beta1.Query.Nothing", ""),
    "no such service": ("cosmos.bank.v1beta1.Nothing.Balance", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("symbol", "file"), DESCRIBED.values(), ids=DESCRIBED)
async def test_reflection_finds(channel: grpc.aio.Channel, symbol: str, file: str) -> None:
    call = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
    (answer,) = [each async for each in call(iter([request]))]
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(each).name
        for each in answer.file_descriptor_response.file_descriptor_proto
    ]
    assert (files[0] if files else "") == file
    assert answer.error_response.error_code == (0 if file else grpc.StatusCode.NOT_FOUND.value[0])


async def test_node_services_over_grpc_and_abci(client: Client, channel: grpc.aio.Channel) -> None:
    tx = b"\x12\x00s=1"  # a protobuf message, if one does not look closely
    request = service_pb2.BroadcastTxRequest(
        tx_bytes=tx, mode=service_pb2.BROADCAST_MODE_SYNC
    ).SerializeToString()
    broadcast: Any = channel.unary_unary(f"{TX}BroadcastTx")
    sent = service_pb2.BroadcastTxResponse.FromString(await broadcast(request)).tx_response
    again = service_pb2.BroadcastTxResponse.FromString(await broadcast(request)).tx_response
    assert (sent.code, sent.txhash) == (0, hash_of(tx))
    assert (again.code, again.codespace) == (19, "sdk")
    get_latest: Any = channel.unary_unary(f"{COMET}GetLatestBlock")
    latest = await get_latest(b"")
    block = comet_pb2.GetLatestBlockResponse.FromString(latest)
    assert block.sdk_block.header.proposer_address.startswith("cosmosvalcons1")
    assert block.block_id.hash.hex().upper() == (await client.call("block"))["block_id"]["hash"]
    over_abci = await client.call("abci_query", path=f"{COMET}GetNodeInfo", data="")
    info = comet_pb2.GetNodeInfoResponse.FromString(
        base64.b64decode(over_abci["response"]["value"])
    )
    modules = {each.path: each.version for each in info.application_version.build_deps}
    assert modules["github.com/cometbft/cometbft"].startswith("v0.38.")
    assert info.default_node_info.version == (await client.call("status"))["node_info"]["version"]


# Under load


async def test_blocks_go_on_while_clients_keep_asking() -> None:
    signers = keys()
    node = await Node.open(
        None, genesis(signers), signers, config=NodeConfig(pace=Pace(interval=0.2)), build=build
    )
    await node.start()
    await node.serve()
    async with aiohttp.ClientSession() as session:
        client = Client(node, session)
        stop = asyncio.Event()

        async def keep_asking(number: int) -> int:
            asked = 0
            while not stop.is_set():
                await client.call("broadcast_tx_sync", tx=encoded(b"l%d-%d=1" % (number, asked)))
                await client.call("block")
                asked += 1
            return asked

        wanted = node.height + 8
        tasks = [asyncio.create_task(keep_asking(number)) for number in range(8)]
        await until(lambda: node.height >= wanted, 60)
        stop.set()
        assert min(await asyncio.gather(*tasks)) > 0
    times = [node.engine.store.must_load(h).header.time.ns for h in range(2, node.height + 1)]
    gaps = [(after - before) / NS_PER_SECOND for before, after in pairwise(times)]
    # how late they may be is measured by benchmarks/load.py; too early they are nowhere
    assert sum(gaps) / len(gaps) > 0.19
    await node.stop()
