"""gRPC-Web on the REST port. Statuses, texts and bytes are those of wasmd 0.61.14 for the same requests."""

import gzip
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Final

import grpc.aio
import pytest
from helpers.accounts import Person
from helpers.rest import ALICE, RestClient, rest_chain
from hypothesis import given
from hypothesis import strategies as st

from chain.node import ServerLimits
from chain.node.grpcweb import MAX_MESSAGE, Refused, frame, unframe
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2 as auth
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank

BINARY: Final = "application/grpc-web+proto"
TEXT: Final = "application/grpc-web-text"
PARAMS: Final = "/cosmos.bank.v1beta1.Query/Params"
BALANCE: Final = "/cosmos.bank.v1beta1.Query/Balance"
ENDED: Final = bytes.fromhex("8000000010") + b"grpc-status: 0\r\n"
HEIGHT: Final = "x-cosmos-block-height"


@pytest.fixture
async def rest() -> AsyncIterator[RestClient]:
    async with rest_chain() as client:
        yield client


async def call(
    rest: RestClient, path: str, body: bytes, kind: str = BINARY, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = rest.node.rest_url + path
    sent = {"Content-Type": kind, "X-Grpc-Web": "1", **named}
    async with rest.session.post(url, data=body, headers=sent) as answer:
        return answer.status, answer.headers, await answer.read()


@pytest.mark.parametrize(
    "kind",
    [
        BINARY,
        "application/grpc-web",
        f"{BINARY}; charset=utf-8",
        TEXT,
        "application/grpc-web-text+proto",
    ],
)
async def test_a_call(rest: RestClient, kind: str) -> None:
    in_text = kind.startswith(TEXT)
    request = frame(
        bank.QueryBalanceRequest(address=ALICE.address, denom="gold").SerializeToString()
    )
    status, headers, body = await call(
        rest, BALANCE, b64encode(request) if in_text else request, kind
    )
    answer = b64decode(body) if in_text else body
    balance = bank.QueryBalanceResponse.FromString(unframe(answer)).balance
    assert (status, balance.amount, headers["Content-Type"]) == (200, "5", kind)
    assert answer.endswith(ENDED)
    assert headers[HEIGHT] == "2"
    assert "grpc-status" not in headers


async def test_the_bytes_of_a_call(rest: RestClient) -> None:
    _, __, body = await call(rest, PARAMS, frame(b""))
    assert body == bytes.fromhex("00000000040a021001") + ENDED
    _, __, body = await call(rest, PARAMS, b64encode(frame(b"")) + b"\r\n", TEXT)
    assert body == b"AAAAAAQKAhABgAAAABBncnBjLXN0YXR1czogMA0K"


async def test_browsers_may_read_what_they_need(rest: RestClient) -> None:
    for path, status in ((PARAMS, None), ("/no.Such/Thing", "12")):
        _, headers, _ = await call(rest, path, frame(b""), Origin="http://dapp.example")
        assert headers["Access-Control-Allow-Origin"] == "*"
        exposed = headers["Access-Control-Expose-Headers"].lower().split(", ")
        assert {"grpc-status", "grpc-message", HEIGHT} <= set(exposed)
        assert headers.get("grpc-status") == status
    wanted = {
        "Origin": "http://dapp.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-grpc-web,x-user-agent",
    }
    answer, _ = await rest.request("OPTIONS", PARAMS, headers=wanted)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Headers"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


async def test_a_height_is_asked_for(rest: RestClient) -> None:
    _, headers, _ = await call(rest, PARAMS, frame(b""), **{HEIGHT: "1"})
    assert headers[HEIGHT] == "1"


async def over_grpc(channel: grpc.aio.Channel, path: str) -> tuple[bytes, str, str]:
    """Answer, status and message of a request that says nothing."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
    try:
        answer: bytes = await method(b"", timeout=20)
    except grpc.aio.AioRpcError as error:
        return b"", str(error.code().value[0]), (error.details() or "").strip()
    return frame(answer) + ENDED, "", ""


async def test_every_method_of_grpc_is_served(rest: RestClient) -> None:
    """And says what it says over gRPC."""
    methods = sorted(rest.node._queries().methods)
    async with grpc.aio.insecure_channel(rest.node.grpc_address) as channel:
        for path in methods:
            status, headers, body = await call(rest, path, frame(b""))
            told = body, headers.get("grpc-status", ""), headers.get("grpc-message", "")
            assert (status, told) == (200, await over_grpc(channel, path)), path
    assert BALANCE in methods


NOBODY = Person("nobody").address
WELL = frame(b"")
ZIPPED = frame(gzip.compress(b""), 1)
TOO_LARGE: Final = "grpc: received message larger than max (4294967295 vs. 10485760)"
REFUSED: dict[str, tuple[str, bytes, dict[str, str], int, str]] = {
    "an unknown method": (
        "/cosmos.bank.v1beta1.Query/Nope",
        WELL,
        {},
        12,
        "unknown method Nope for service cosmos.bank.v1beta1.Query",
    ),
    "an unknown service": ("/no.Such/Thing", WELL, {}, 12, "unknown service no.Such"),
    "no method": ("/justone", WELL, {}, 12, 'malformed method name: "/justone"'),
    "no path": ("/", WELL, {}, 12, 'malformed method name: "/"'),
    "a stream": (
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        WELL,
        {},
        12,
        "unknown service grpc.reflection.v1.ServerReflection",
    ),
    "what is not there": (
        "/cosmos.auth.v1beta1.Query/Account",
        frame(auth.QueryAccountRequest(address=NOBODY).SerializeToString()),
        {},
        5,
        f"account {NOBODY} not found",
    ),
    "no address": (
        BALANCE,
        frame(bank.QueryBalanceRequest(address="x", denom="stake").SerializeToString()),
        {},
        3,
        "invalid address: decoding bech32 failed: invalid bech32 string length 1",
    ),
    "no height": (
        PARAMS,
        WELL,
        {HEIGHT: "abc"},
        2,
        (
            "codespace sdk code 18: invalid request: Baseapp.RegisterGRPCServer: invalid height header "
            '"x-cosmos-block-height": strconv.ParseInt: parsing "abc": invalid syntax'
        ),
    ),
    "nothing": (PARAMS, b"", {}, 2, "EOF"),
    "three bytes": (PARAMS, b"\0\0\0", {}, 2, "EOF"),
    "less than it says": (PARAMS, b"\0\0\0\0\x09abc", {}, 2, "unexpected EOF"),
    "a giant": (PARAMS, b"\0\xff\xff\xff\xffabc", {}, 8, TOO_LARGE),
    "compression without a name": (
        PARAMS,
        ZIPPED,
        {},
        13,
        "grpc: compressed flag set with identity or empty encoding",
    ),
    "an unknown flag": (
        PARAMS,
        frame(b"", 2),
        {},
        13,
        "grpc: received unexpected payload format 2",
    ),
    "trailers": (
        PARAMS,
        frame(b"", 0x80),
        {},
        13,
        "grpc: received unexpected payload format 128",
    ),
    "an unknown compression": (
        PARAMS,
        ZIPPED,
        {"grpc-encoding": "foo"},
        12,
        'grpc: Decompressor is not installed for grpc-encoding "foo"',
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused(rest: RestClient, name: str) -> None:
    path, body, headers, code, text = REFUSED[name]
    status, told, answer = await call(rest, path, body, **headers)
    assert (status, told["grpc-status"], told["grpc-message"]) == (200, str(code), text)
    assert (told["Content-Type"], answer) == (BINARY, b"")


@pytest.mark.parametrize(
    ("body", "at"), [(b"!!!!", 0), (b"AA==AAAAAA==", 4), (b"AAAAAAA", 4), (b"AAAA-_AA", 4)]
)
async def test_base64_that_is_none(rest: RestClient, body: bytes, at: int) -> None:
    _, told, answer = await call(rest, PARAMS, body, TEXT)
    text = f'connection error: desc = "illegal base64 data at input byte {at}"'
    assert (told["grpc-status"], told["grpc-message"], answer) == ("2", text, b"")


async def test_garbage_inside_a_frame(rest: RestClient) -> None:
    _, told, _ = await call(rest, BALANCE, frame(b"\xff\xff"))
    assert told["grpc-status"] == "13"
    assert told["grpc-message"].startswith("grpc: error unmarshalling request: ")


async def test_only_posts_of_that_type_are_calls(rest: RestClient) -> None:
    for verb, kind in (("GET", BINARY), ("PUT", BINARY), ("POST", "application/grpc")):
        headers = {"Content-Type": kind}
        answer, body = await rest.request(verb, PARAMS, data=WELL, headers=headers)
        assert (answer.status, body["message"]) == (501, "Not Implemented")


async def test_large_calls_are_refused() -> None:
    async with rest_chain(ServerLimits(body=1000)) as rest:
        _, told, _ = await call(rest, PARAMS, frame(bytes(1000)))
        text = "grpc: received message larger than max (1005 vs. 1000)"
        assert (told["grpc-status"], told["grpc-message"]) == ("8", text)


async def test_texts_that_headers_cannot_hold_are_escaped(rest: RestClient) -> None:
    strange = frame(bank.QueryBalanceRequest(address="ü%\n", denom="stake").SerializeToString())
    _, told, _ = await call(rest, BALANCE, strange)
    message = told["grpc-message"]
    assert "%25" in message or "length" in message
    assert message.isascii()
    assert "\n" not in message


def test_compressed_messages() -> None:
    assert unframe(frame(gzip.compress(b"text"), 1), compressed=True) == b"text"
    bomb = gzip.compress(bytes(MAX_MESSAGE + 1))
    for data, text in (
        (bomb, "after decompression larger than max"),
        (gzip.compress(b"text")[:-3], "unexpected EOF"),
        (b"text", "failed to decompress"),
    ):
        with pytest.raises(Refused, match=text):
            unframe(frame(data, 1), compressed=True)


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_are_a_message_or_refused(body: bytes, compressed: bool) -> None:
    try:
        message = unframe(body, compressed=compressed)
    except Refused:
        return
    assert body[0] == 1 or message == body[5 : 5 + int.from_bytes(body[1:5], "big")]
