"""JSON-RPC over real sockets on loopback, with a server that can misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from helpers.simulated import TestClock

from relayer.errors import NetworkError, RpcError
from relayer.transport import HttpTransport, parse_query, result

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(call: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call["id"], "result": {"method": call["method"]}}


async def echo(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    request.app["bodies"].append(body)
    replies = [answer(call) for call in body] if isinstance(body, list) else answer(body)
    return web.json_response(replies)


@asynccontextmanager
async def served(handler: Handler, **options: Any) -> AsyncIterator[tuple[HttpTransport, Any]]:
    app = web.Application()
    app["bodies"] = []
    app.router.add_post("/", handler)
    app.router.add_get("/websocket", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    transport = HttpTransport(url, clock=TestClock(), **options)
    try:
        yield transport, app["bodies"]
    finally:
        await transport.close()
        await runner.cleanup()


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_calls_of_one_moment_travel_in_batches() -> None:
    async with served(echo, batch=10) as (transport, bodies):
        found = await asyncio.gather(*(transport.call(f"m{n}", {"n": str(n)}) for n in range(25)))
    assert [item["result"]["method"] for item in found] == [f"m{n}" for n in range(25)]
    assert sorted(len(body) for body in bodies) == [5, 10, 10]


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_a_single_call_is_no_batch() -> None:
    async with served(echo) as (transport, bodies):
        assert (await transport.call("status", {}))["result"] == {"method": "status"}
    assert isinstance(bodies[0], dict)


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_answers_are_matched_by_id_not_by_place() -> None:
    async def shuffled(request: web.Request) -> web.StreamResponse:
        return web.json_response([answer(call) for call in reversed(await request.json())])

    async with served(shuffled) as (transport, _):
        found = await asyncio.gather(*(transport.call(f"m{n}", {}) for n in range(3)))
    assert [item["result"]["method"] for item in found] == ["m0", "m1", "m2"]


def text(body: str, status: int = 200) -> Handler:
    async def reply(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=body, status=status)

    return reply


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
@pytest.mark.parametrize(
    "handler",
    [text("<html>", 502), text(""), text("3"), text("[]"), text('{"id": 99, "result": {}}')],
    ids=["gateway", "empty", "number", "no answers", "another id"],
)
async def test_an_endpoint_that_talks_nonsense(handler: Handler) -> None:
    async with served(handler) as (transport, _):
        with pytest.raises(NetworkError, match=r"127\.0\.0\.1"):
            await transport.call("status", {})


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_an_error_for_the_batch_as_a_whole_reaches_every_caller() -> None:
    refusal = {"jsonrpc": "2.0", "id": -1, "error": {"code": -32600, "message": "too many"}}
    async with served(text(json.dumps(refusal))) as (transport, _):
        found = await asyncio.gather(
            *(transport.call("m", {}) for _ in range(3)), return_exceptions=True
        )
    assert all(isinstance(item, RpcError) and item.code == -32600 for item in found)


async def test_nobody_listens() -> None:
    transport = HttpTransport("http://127.0.0.1:9", clock=TestClock())
    with pytest.raises(NetworkError, match=r"http://127\.0\.0\.1:9: "):
        await transport.call("status", {})
    await transport.close()


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_no_answer_in_time_and_broadcasts_only_once() -> None:
    asked: list[str] = []

    async def slow(request: web.Request) -> web.StreamResponse:
        asked.append((await request.json())["method"])
        await asyncio.sleep(5)
        return web.Response()

    async with served(slow, timeout=0.05) as (transport, _):
        with pytest.raises(NetworkError, match="no answer in time"):
            await transport.call("status", {})
        with pytest.raises(NetworkError, match="no answer in time"):
            await transport.call("broadcast_tx_sync", {"tx": ""})
    assert asked == ["status"] * 3 + ["broadcast_tx_sync"]


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_a_subscription_survives_a_broken_connection() -> None:
    served_times: list[int] = []

    async def events(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        call = json.loads((await socket.receive()).data)
        assert call["params"] == {"query": "tm.event='NewBlock'"}
        served_times.append(len(served_times))
        await socket.send_json({"jsonrpc": "2.0", "id": call["id"], "result": {}})
        await socket.send_json(
            {"jsonrpc": "2.0", "id": call["id"], "result": {"n": len(served_times)}}
        )
        await socket.close()
        return socket

    async with served(events) as (transport, _):
        found = []
        async for event in transport.subscribe("tm.event='NewBlock'"):
            found.append(event["n"])
            if len(found) == 3:
                break
    assert found == [1, 2, 3]


def test_results_and_errors_of_json_rpc() -> None:
    assert result("x", "m", {"result": None}) is None
    with pytest.raises(RpcError, match=r"x: m: no \(-32601\): what"):
        result("x", "m", {"error": {"code": -32601, "message": "no", "data": "what"}})
    nonsenses: list[Any] = [3, {}, {"error": "text"}, None, []]
    for nonsense in nonsenses:
        with pytest.raises(NetworkError):
            result("x", "m", nonsense)


def test_an_abci_answer_in_json() -> None:
    found = parse_query(
        {
            "response": {
                "code": 0,
                "key": "a2V5",
                "value": "dmFsdWU=",
                "height": "12",
                "proofOps": {"ops": [{"type": "ics23:iavl", "key": "a2V5", "data": "AAE="}]},
            }
        },
        "x",
    )
    assert (found.key, found.value, found.height) == (b"key", b"value", 12)
    assert found.proof_ops.ops[0].data == b"\x00\x01"


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        {},
        {"response": 3},
        {"response": {"height": "soon"}},
        {"response": {"value": "%%"}},
        {"response": {"proofOps": {"ops": [{}]}}},
        {"response": {"code": -1}},
    ],
)
def test_an_abci_answer_without_its_shape(nonsense: Any) -> None:
    with pytest.raises(NetworkError):
        parse_query(nonsense, "x")
