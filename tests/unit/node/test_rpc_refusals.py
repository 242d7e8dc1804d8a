"""What a node says to calls that are wrong, byte for byte what CometBFT 0.38.21 under wasmd 0.61.14 said to them.

Each line of ``data/rpc/refusals.jsonl`` was recorded there: [way, request, status, cached, answer], where the way is
``post``, ``get`` (the request is a path), ``ws`` (no status; a list of answers), or a verb and a path (the request is a
form). An answer is [id, code, data], [id, code], [id, result] or text that is no JSON.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse
from helpers.rest import RestClient, rest_chain
from yarl import URL

from chain.node import ServerLimits

LINES = Path(__file__).parents[2] / "data" / "rpc" / "refusals.jsonl"
CASES: list[list[Any]] = [json.loads(line) for line in LINES.read_text("utf-8").splitlines()]
MESSAGES = {
    -32700: "Parse error. Invalid JSON",
    -32600: "Invalid Request",
    -32601: "Method not found",
    -32602: "Invalid params",
    -32603: "Internal error",
}
LIMITS = ServerLimits(batch=10)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FENCE = {"jsonrpc": "2.0", "id": "fence", "method": "health"}


def answer_of(told: Any) -> Any:
    """The response object, or objects of a batch, that a line tells in short."""
    if isinstance(told, str):
        return told
    if told and isinstance(told[0], list):
        return [answer_of(each) for each in told]
    identifier, what, *data = told
    known = {} if identifier is None else {"id": identifier}
    if isinstance(what, dict):
        return {"jsonrpc": "2.0", **known, "result": what}
    error = {"code": what, "message": MESSAGES[what]}
    return {"jsonrpc": "2.0", **known, "error": error | ({"data": data[0]} if data else {})}


def of_kind(*kinds: str) -> list[list[Any]]:
    return [case for case in CASES if case[0] in kinds]


async def http(session: ClientSession, url: str, case: list[Any]) -> list[Any]:
    way, request = case[:2]
    verb, _, path = way.partition(" ")
    if way == "get":
        call = session.get(URL(url + request, encoded=True))
    elif way == "post":
        call = session.post(url, data=request.encode())
    else:
        call = session.request(verb, url + path, data=request.encode(), headers=FORM)
    async with call as response:
        text = await response.text()
        body = json.loads(text) if text.startswith(("{", "[")) else text
        return [response.status, "Cache-Control" in response.headers, body]


async def over_socket(socket: ClientWebSocketResponse, request: str) -> list[Any]:
    """What comes before the answer to the call that follows."""
    await socket.send_str(request)
    await socket.send_json(FENCE)
    told = []
    while (answer := await socket.receive_json(timeout=20)).get("id") != "fence":
        told.append(answer)
    return told


async def wrong_over_http(chain: RestClient, cases: list[list[Any]]) -> list[Any]:
    wrong = []
    for case in cases:
        wanted = [case[2], case[3], answer_of(case[4])]
        got = await http(chain.session, chain.node.rpc_url, case)
        if got != wanted:
            wrong.append((case[:2], wanted, got))
    return wrong


async def wrong_over_socket(chain: RestClient, cases: list[tuple[str, Any]]) -> list[Any]:
    wrong = []
    for request, wanted in cases:
        async with chain.session.ws_connect(f"{chain.node.rpc_url}/websocket") as socket:
            got = await over_socket(socket, request)
        if got != wanted:
            wrong.append((request, wanted, got))
    return wrong


@pytest.mark.parametrize("kind", sorted({case[0] for case in CASES} - {"ws"}))
async def test_http(kind: str) -> None:
    async with rest_chain(LIMITS) as chain:
        assert await wrong_over_http(chain, of_kind(kind)) == []


async def test_websocket() -> None:
    cases = [(case[1], [answer_of(each) for each in case[2]]) for case in of_kind("ws")]
    async with rest_chain(LIMITS) as chain:
        assert await wrong_over_socket(chain, cases) == []


async def test_arguments_that_are_wrong_are_internal_errors_to_websocket() -> None:
    """CometBFT's WebSocket has no word for them."""
    cases = [
        (case[1], [answer_of([case[4][0], -32603, *case[4][2:]])])
        for case in of_kind("post")
        if len(case[4]) > 1 and case[4][1] == -32602
    ]
    assert len(cases) > 100
    async with rest_chain(LIMITS) as chain:
        assert await wrong_over_socket(chain, cases) == []


async def test_no_pairs_are_an_empty_text_and_no_value_is_null() -> None:
    async with rest_chain() as chain:
        for path, value in (("/store/bank/subspace", ""), ("/store/bank/key", None)):
            answer = await chain.node.transport().call("abci_query", {"path": path, "data": "ff"})
            assert answer["result"]["response"]["value"] == value
