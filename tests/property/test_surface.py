"""Whatever is sent to any method of RPC and gRPC, by any way to it: an answer, or an error of that protocol.

The methods are those that the node declares, so that one which comes later is asked too. Nothing of our own is reported
meanwhile, no text holds a stack trace, and at the end the chain makes a block as before.
"""

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import grpc.aio
import pytest
from google.protobuf.message import Message
from grpc_reflection.v1alpha import reflection_pb2
from helpers.inputs import GIANT, Failures, Loop, messages, scalars, trees
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.node.reflection import NAMES
from chain.node.rpc import ROUTES, SOCKET_ROUTES
from lightship.faucet import Faucet, stock

EACH = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
CODES = {-32700, -32600, -32601, -32602, -32603, -32000}
PARAMETERS = {name: route.parameters for name, route in ROUTES.items()} | SOCKET_ROUTES
FENCE = {"jsonrpc": "2.0", "id": "fence", "method": "health"}


def params_of(method: str) -> st.SearchStrategy[Any]:
    """Objects that name the method's parameters, lists of about the right length, and anything else."""
    names = [each.name for each in PARAMETERS[method]]
    return st.one_of(
        st.fixed_dictionaries({}, optional=dict.fromkeys(names, scalars | trees)),
        st.lists(trees, max_size=len(names) + 1),
        trees,
    )


def check_response(answer: Any, failures: Failures) -> None:
    assert answer["jsonrpc"] == "2.0"
    assert ("result" in answer) != ("error" in answer)
    if "error" in answer:
        error = answer["error"]
        assert error["code"] in CODES
        assert "Traceback" not in error.get("data", "")
        assert "its log says more" not in error.get("data", "")
    assert failures.records == []


@pytest.mark.parametrize("method", sorted(PARAMETERS))
def test_json_rpc(chain: Loop, failures: Failures, method: str) -> None:
    @EACH
    @given(params_of(method), st.sampled_from([1, "x", 1.5, -1, "", None, True, [], {}]))
    def attempt(params: Any, identifier: Any) -> None:
        request = {"jsonrpc": "2.0", "id": identifier, "method": method, "params": params}
        status, text = chain.http("POST", chain.client.node.rpc_url, json=request)
        assert status in {200, 500}
        if identifier is not None:
            check_response(json.loads(text), failures)

    attempt()


@pytest.mark.parametrize("method", sorted(PARAMETERS))
def test_uri(chain: Loop, failures: Failures, method: str) -> None:
    names = [each.name for each in PARAMETERS[method]]
    texts = scalars.map(json.dumps) | st.text(max_size=12)

    @EACH
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys([*names, "other"], texts)))
    def attempt(given_: dict[str, str]) -> None:
        query = urlencode(given_, errors="replace")
        status, text = chain.http("GET", f"{chain.client.node.rpc_url}/{method}?{query}")
        assert status in ({404} if method in SOCKET_ROUTES else {200, 500})
        check_response(json.loads(text), failures)

    attempt()


@pytest.mark.parametrize("method", sorted(PARAMETERS))
def test_websocket(chain: Loop, failures: Failures, method: str) -> None:
    @EACH
    @given(params_of(method))
    def attempt(params: Any) -> None:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        for answer in chain.runner.run(over_socket(chain, request)):
            check_response(answer, failures)

    attempt()


async def over_socket(chain: Loop, request: Any) -> list[Any]:
    told = []
    url = f"{chain.client.node.rpc_url}/websocket"
    async with chain.client.session.ws_connect(url) as socket:
        await socket.send_json(request)
        await socket.send_json(FENCE)
        while (answer := await socket.receive_json(timeout=20)).get("id") != "fence":
            told.append(answer)
    return told


@settings(EACH, max_examples=200)
@given(st.lists(trees | st.fixed_dictionaries({"id": scalars, "method": scalars}), max_size=12))
def test_batches(chain: Loop, batch: list[Any]) -> None:
    body = io.BytesIO(json.dumps(batch).encode())
    status, text = chain.http("POST", chain.client.node.rpc_url, data=body)
    assert status in {200, 500}
    answers = json.loads(text) if text else []
    assert len(answers if isinstance(answers, list) else [answers]) <= max(1, len(batch))


def test_every_grpc_method(chain: Loop, failures: Failures) -> None:
    for path, method in sorted(chain.methods.items()):
        requests = messages(method.request).map(serialized)

        @EACH
        @given(requests | st.binary(max_size=60) | st.just(b"\x0a" + b"\xff" * 9 + b"\x01"))
        def attempt(data: bytes) -> None:
            code, told = chain.runner.run(call(chain, path, data))  # noqa: B023
            assert isinstance(code, grpc.StatusCode)
            assert "Traceback" not in told
            assert failures.records == [], path  # noqa: B023

        attempt()


def serialized(message: Message) -> bytes:
    return message.SerializeToString()


async def call(chain: Loop, path: str, data: bytes) -> tuple[grpc.StatusCode, str]:
    async with grpc.aio.insecure_channel(chain.client.node.grpc_address) as channel:
        ask: Any = channel.unary_unary(path)
        try:
            await ask(data, timeout=30)
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize("service", NAMES)
def test_reflection(chain: Loop, failures: Failures, service: str) -> None:
    @settings(EACH, max_examples=100)
    @given(
        messages(reflection_pb2.ServerReflectionRequest).map(serialized) | st.binary(max_size=40)
    )
    def attempt(data: bytes) -> None:
        code, told = chain.runner.run(stream(chain, service, data))
        assert code in {grpc.StatusCode.OK, grpc.StatusCode.INTERNAL}
        assert "Traceback" not in told

    attempt()
    assert failures.records == []


async def stream(chain: Loop, service: str, data: bytes) -> tuple[grpc.StatusCode, str]:
    async with grpc.aio.insecure_channel(chain.client.node.grpc_address) as channel:
        talk: Any = channel.stream_stream(f"/{service}/ServerReflectionInfo")
        try:
            async for _ in talk(iter([data]), timeout=30):
                pass
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture(scope="module")
def faucet(chain: Loop) -> Iterator[str]:
    served = Faucet(chain.client.node, stock(["stake"]), "")
    yield chain.runner.run(served.start("127.0.0.1", 0))
    chain.runner.run(served.stop())


@settings(EACH, max_examples=200)
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.sampled_from(
        ["/credit", "/credit", "/credit", "/status", "/", "/healthz", "/x", "//", "/%00"]
    ),
    st.sampled_from(["application/json", "application/json", "text/plain", ""]),
    st.one_of(
        st.fixed_dictionaries({"address": scalars | trees, "denom": scalars | trees}).map(encoded),
        trees.map(encoded),
        st.binary(max_size=40),
        st.just(b"[" * 5000),
    ),
)
def test_faucet(
    chain: Loop, faucet: str, failures: Failures, verb: str, path: str, kind: str, body: bytes
) -> None:
    headers = {"Content-Type": kind}
    status, text = chain.http(verb, faucet + path, data=io.BytesIO(body), headers=headers)
    assert status in {200, 400, 404, 405, 413, 415, 422, 429}
    assert "Traceback" not in text
    assert failures.records == []


def test_giant_values(chain: Loop, failures: Failures) -> None:
    giant = "A" * (GIANT * 4)
    for method, parameters in sorted(PARAMETERS.items()):
        for each in parameters:
            request = {"id": 1, "method": method, "params": {each.name: giant}}
            _, text = chain.http("POST", chain.client.node.rpc_url, json=request)
            check_response(json.loads(text), failures)
    for path, query in sorted(chain.methods.items()):
        for field in query.request.DESCRIPTOR.fields:
            if field.type == field.TYPE_STRING and not field.is_repeated:
                wanted = query.request(**{field.name: giant})
                code, _ = chain.runner.run(call(chain, path, wanted.SerializeToString()))
                assert isinstance(code, grpc.StatusCode)
    assert failures.records == []


def test_what_is_too_large_is_refused(chain: Loop) -> None:
    node = chain.client.node
    body = b" " * (5 << 20)
    status, text = chain.http("POST", node.rpc_url, data=io.BytesIO(body))
    assert (status, json.loads(text)["error"]["code"]) == (400, -32600)
    assert chain.ask("POST", "/cosmos/tx/v1beta1/simulate", data=io.BytesIO(body))[0] == 400
    path = "/cosmos.bank.v1beta1.Query/Balance"
    assert chain.runner.run(call(chain, path, bytes(11 << 20)))[0] is (
        grpc.StatusCode.RESOURCE_EXHAUSTED
    )


def test_the_chain_goes_on(chain: Loop) -> None:
    """Runs last, after everything above."""
    node = chain.client.node
    before = node.height
    assert chain.runner.run(asyncio.wait_for(node.next_block(), 60)) == before + 1
    assert json.loads(chain.http("GET", f"{node.rpc_url}/health")[1])["result"] == {}
