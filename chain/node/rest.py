"""REST: queries under the HTTP paths that their methods declare (the SDK's API server with grpc-gateway v1).

A request goes the way of an ABCI query with the method's path, and its answer is written as gogoproto's jsonpb writes
it. Errors are ``{"code", "message", "details"}`` under the HTTP status of their gRPC code. Every origin may read
answers, as with ``enabled-unsafe-cors``: wallets in browsers are who asks. gRPC-Web is served on the same port.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from posixpath import normpath
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from aiohttp import web
from google.protobuf.message import Message
from grpc import StatusCode

from chain import gojson, protojson
from chain.errors import AbciError
from chain.node import httprequest, httprule
from chain.node.engine import Engine
from chain.node.errors import NodeError, listening
from chain.node.grpc import HEIGHT_KEY, asked_height, status
from chain.node.grpcweb import GrpcWeb, is_call
from chain.node.httprequest import RequestError
from chain.node.httprule import Route
from chain.node.limits import MAX_LINE, ServerLimits

log = logging.getLogger("chain.node")

_FORM: Final = "application/x-www-form-urlencoded"
_METADATA: Final = f"grpc-metadata-{HEIGHT_KEY}"
"""The same height under the name that grpc-gateway gives to metadata, asked for or told."""

_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "HEAD, GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": f"{HEIGHT_KEY}, {_METADATA}",
    "Access-Control-Max-Age": "600",
}
_HTTP: Final[Mapping[StatusCode, int]] = {
    StatusCode.CANCELLED: 408,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
}
"""grpc-gateway v1, ``runtime/errors.go``."""

Page = Callable[[str], Awaitable[Mapping[str, Any]]]
"""A JSON document of the node's own, made for a client that reached it under this host name."""


class RestServer:
    """``methods`` is the query table by path, ``pages`` further documents by path."""

    def __init__(
        self,
        engine: Engine,
        methods: Mapping[str, Any],
        limits: ServerLimits | None = None,
        pages: Mapping[str, Page] | None = None,
    ) -> None:
        self._engine = engine
        self._routes = httprule.routes(methods)
        self._grpc_web = GrpcWeb(engine, methods)
        self._limits = limits or ServerLimits()
        self._pages = pages or {}
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns the address, with the port that was free when ``port`` is 0. OSError if it is not."""
        app = web.Application(client_max_size=self._limits.body, middlewares=[self._admit])
        app.router.add_route("*", r"/{path:[\s\S]*}", self._serve)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, max_line_size=MAX_LINE
        )
        await self._runner.setup()
        with listening("REST", host, port):
            await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        return bound[0], bound[1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _admit(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        server = self._runner.server if self._runner else None
        if server is not None and len(server.connections) > self._limits.connections:
            return _error(StatusCode.UNAVAILABLE, "too many open connections")
        return await handler(request)

    async def _serve(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_CORS)
        if is_call(request):
            return await self._grpc_web.serve(request, _CORS)
        path = unquote(request.rel_url.raw_path)
        if path != _clean(path):
            return web.Response(status=301, headers={**_CORS, "Location": _location(request)})
        page = self._pages.get(path) if request.method == "GET" else None
        if page is not None:
            return await _shown_page(page, request.url.host or "")
        form = request.method == "POST" and request.content_type == _FORM
        found = httprule.find(self._routes, request.method, path)
        if found is None and form:
            found = httprule.find(self._routes, "GET", path)
        if found is None:
            return _error(StatusCode.UNIMPLEMENTED, "Not Implemented")
        try:
            message = await self._message(*found, request)
        except RequestError as error:
            return _error(StatusCode.INVALID_ARGUMENT, str(error))
        except web.HTTPRequestEntityTooLarge:
            return _error(StatusCode.INVALID_ARGUMENT, "http: request body too large")
        wanted = request.headers.get(HEIGHT_KEY) or request.headers.get(_METADATA)
        return await self._ask(found[0], message, wanted or "")

    async def _message(
        self, route: Route, held: Mapping[str, str], request: web.Request
    ) -> Message:
        message = route.request()
        body = await request.read()
        if route.whole_body:
            httprequest.from_body(message, body)
            return message
        httprequest.from_path(message, held)
        query = request.rel_url.raw_query_string
        given = parse_qsl(query, keep_blank_values=True)
        if request.method == "POST":
            given = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) + given
        httprequest.from_parameters(message, given, held)
        return message

    async def _ask(self, route: Route, message: Message, wanted: str) -> web.Response:
        data = message.SerializeToString()
        try:
            height, answer = await self._engine.ask(route.method, data, asked_height(wanted))
        except AbciError as error:
            return _error(*status(error))
        except NodeError as error:
            return _error(StatusCode.UNAVAILABLE, str(error))
        try:
            body = await self._engine.read(_shown, route, answer)
        except (ValueError, KeyError, RecursionError) as error:
            log.warning("%s has an answer that JSON cannot show: %r", route.method, error)
            return _error(StatusCode.UNKNOWN, f"the answer cannot be shown as JSON: {error}")
        return _json(body, headers=dict.fromkeys((HEIGHT_KEY, _METADATA), str(height)))


def _clean(path: str) -> str:
    """Go's ``path.Clean``, which keeps no empty or dotted segments; a slash at the end stays (gorilla/mux)."""
    cleaned = normpath("/" + path.lstrip("/"))
    return f"{cleaned}/" if path.endswith("/") and cleaned != "/" else cleaned


def _location(request: web.Request) -> str:
    url = request.rel_url
    query = f"?{url.raw_query_string}" if url.raw_query_string else ""
    return quote(_clean(unquote(url.raw_path)), safe="/:@!$&'()*+,;=~") + query


async def _shown_page(page: Page, hostname: str) -> web.Response:
    try:
        return _json(gojson.encode(await page(hostname)))
    except AbciError as error:
        return _error(*status(error))
    except NodeError as error:
        return _error(StatusCode.UNAVAILABLE, str(error))


def _shown(route: Route, answer: bytes) -> bytes:
    return protojson.encode(route.response.FromString(answer))


def _error(code: StatusCode, message: str) -> web.Response:
    number, _ = code.value
    body = {"code": number, "message": gojson.clean(message), "details": []}
    return _json(gojson.encode(body), status=_HTTP[code])


def _json(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=body,
        status=status,
        content_type="application/json",
        headers={**_CORS, **(headers or {})},
    )
