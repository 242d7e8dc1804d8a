"""gRPC-Web on the REST port: gRPC for browsers, which can neither frame HTTP/2 nor see trailers.

A call is a POST of one framed message to the method's path, in binary or in base64; its answer is a framed message and
a frame of trailers, or headers alone where it is refused (gRPC's PROTOCOL-WEB.md). What is refused and how is that of
the SDK's API server: github.com/improbable-eng/grpc-web around grpc-go.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from aiohttp import web
from grpc import StatusCode

from chain import gobase64
from chain.errors import AbciError
from chain.node.engine import Engine
from chain.node.errors import NodeError
from chain.node.grpc import HEIGHT_KEY, asked_height, status, unknown

CONTENT_TYPE: Final = "application/grpc-web"
TEXT: Final = "application/grpc-web-text"
MAX_MESSAGE: Final = 10 << 20
"""Bytes of a request's message (the SDK's ``max-recv-msg-size``)."""

EXPOSED: Final = "Content-Type, X-Cosmos-Block-Height, grpc-status, grpc-message"

_HEADER: Final = 5
_COMPRESSED: Final = 1
_TRAILERS: Final = 0x80
_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class Refused(Exception):
    """A call that ends with a status of gRPC's own."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Answer(NamedTuple):
    height: int
    message: bytes


def is_call(request: web.Request) -> bool:
    """As grpc-web tells them from all others."""
    kind = request.headers.get("Content-Type", "")
    return request.method == "POST" and kind.startswith(CONTENT_TYPE)


class GrpcWeb:
    """``methods`` are paths of the query table; the values do not matter here."""

    def __init__(self, engine: Engine, methods: Mapping[str, Any]) -> None:
        self._engine = engine
        self._methods = methods

    async def serve(self, request: web.Request, common: Mapping[str, str]) -> web.Response:
        """Answer a call; ``common`` are headers of every answer."""
        kind = request.headers["Content-Type"]
        headers = {**common, "Access-Control-Expose-Headers": EXPOSED, "Content-Type": kind}
        try:
            height, message = await self._answer(request)
        except Refused as refusal:
            number = str(refusal.code.value[0])
            told = {"grpc-status": number, "grpc-message": quote(str(refusal), _PRINTABLE)}
            return web.Response(headers={**headers, **told})
        body = frame(message) + frame(b"grpc-status: 0\r\n", _TRAILERS)
        return web.Response(
            body=b64encode(body) if kind.startswith(TEXT) else body,
            headers={**headers, HEIGHT_KEY: str(height)},
        )

    async def _answer(self, request: web.Request) -> Answer:
        path = request.path
        if path not in self._methods:
            raise Refused(StatusCode.UNIMPLEMENTED, unknown(path, self._methods))
        message = await _message(request)
        try:
            height = asked_height(request.headers.get(HEIGHT_KEY, ""))
            return Answer(*await self._engine.ask(path, message, height))
        except AbciError as error:
            raise Refused(*status(error)) from error
        except NodeError as error:
            raise Refused(StatusCode.UNAVAILABLE, str(error)) from error


async def _message(request: web.Request) -> bytes:
    encoding = request.headers.get("grpc-encoding", "identity")
    if encoding not in {"identity", "gzip"}:
        text = f'grpc: Decompressor is not installed for grpc-encoding "{encoding}"'
        raise Refused(StatusCode.UNIMPLEMENTED, text)
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        limit = request.client_max_size
        raise _too_large(request.content_length or limit + 1, limit) from error
    if request.headers["Content-Type"].startswith(TEXT):
        body = _decoded(body)
    return unframe(body, compressed=encoding == "gzip")


def frame(data: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(data).to_bytes(4, "big") + data


def unframe(body: bytes, *, compressed: bool = False) -> bytes:
    """The message of the first frame, which is all of a unary call; Refused for what grpc-go refuses.

    ``compressed``: the frame may say that its message is.
    """
    if len(body) < _HEADER:
        raise Refused(StatusCode.UNKNOWN, "EOF")
    flags, size = body[0], int.from_bytes(body[1:_HEADER], "big")
    if size > MAX_MESSAGE:
        raise _too_large(size, MAX_MESSAGE)
    data = body[_HEADER : _HEADER + size]
    if len(data) < size:
        raise Refused(StatusCode.UNKNOWN, "unexpected EOF")
    if flags > _COMPRESSED:
        raise Refused(StatusCode.INTERNAL, f"grpc: received unexpected payload format {flags}")
    if not flags:
        return data
    if not compressed:
        text = "grpc: compressed flag set with identity or empty encoding"
        raise Refused(StatusCode.INTERNAL, text)
    return _unzipped(data)


def _unzipped(data: bytes) -> bytes:
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        message = reader.decompress(data, MAX_MESSAGE + 1)
    except zlib.error as error:
        text = f"grpc: failed to decompress the received message: {error}"
        raise Refused(StatusCode.INTERNAL, text) from error
    if len(message) > MAX_MESSAGE:
        text = f"grpc: received message after decompression larger than max {MAX_MESSAGE}"
        raise Refused(StatusCode.RESOURCE_EXHAUSTED, text)
    if not reader.eof:
        text = "grpc: failed to decompress the received message: unexpected EOF"
        raise Refused(StatusCode.INTERNAL, text)
    return message


def _decoded(text: bytes) -> bytes:
    try:
        return gobase64.decode(text)
    except ValueError as error:
        raise Refused(StatusCode.UNKNOWN, f'connection error: desc = "{error}"') from error


def _too_large(size: int, limit: int) -> Refused:
    text = f"grpc: received message larger than max ({size} vs. {limit})"
    return Refused(StatusCode.RESOURCE_EXHAUSTED, text)
