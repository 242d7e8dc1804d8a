"""CometBFT's RPC on one port: JSON-RPC by POST, URIs by GET, events over WebSocket
(``rpc/jsonrpc/server``).
"""

from __future__ import annotations

import asyncio
import html
import itertools
import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import unquote_plus

from aiohttp import WSMsgType, web

from chain.node import arguments, jsonrpc, query
from chain.node.arguments import Parameter
from chain.node.errors import (
    HandlerPanic,
    InvalidParams,
    InvalidRequest,
    MethodNotFound,
    ParseError,
    QueryError,
    RpcError,
    listening,
)
from chain.node.jsonrpc import Identifier, Request
from chain.node.limits import MAX_LINE, ServerLimits
from chain.node.pubsub import EventBus, Subscription
from chain.node.query import MAX_LENGTH
from chain.node.rpc import ROUTES, SOCKET_ROUTES, Rpc, route_of

PING_SECONDS: Final = 27.0
_URI_ID: Final = -1
_LARGE: Final = 1 << 16
_NO_SNIFFING: Final = {"X-Content-Type-Options": "nosniff"}
_BAD_ESCAPE: Final = re.compile("%(?![0-9a-fA-F]{2})")
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "HEAD, GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Origin, Accept, Content-Type, X-Requested-With, X-Server-Time",
}

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("chain.node")


class RpcServer:
    def __init__(self, rpc: Rpc, bus: EventBus, limits: ServerLimits | None = None) -> None:
        self._rpc = rpc
        self._bus = bus
        self._limits = limits or ServerLimits()
        self._clients: set[_Client] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns the address, with the port that was free when ``port`` is 0. OSError if
        it is not.
        """
        app = web.Application(
            client_max_size=self._limits.body, middlewares=[self._admit, _preflight]
        )
        app.on_response_prepare.append(_mark)
        app.router.add_route("*", "/", self._json_rpc)
        app.router.add_route("*", "/websocket", self._websocket)
        app.router.add_route("*", "/{path:.*}", self._uri)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1.0, max_line_size=MAX_LINE
        )
        await self._runner.setup()
        with listening("RPC", host, port):
            await web.TCPSite(self._runner, host, port).start()
        bound = self._runner.addresses[0]
        return bound[0], bound[1]

    async def stop(self) -> None:
        for client in list(self._clients):
            await client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def subscribed_clients(self) -> int:
        return sum(1 for client in self._clients if client.subscriptions)

    @web.middleware
    async def _admit(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        server = self._runner.server if self._runner else None
        if server is not None and len(server.connections) > self._limits.connections:
            raise web.HTTPServiceUnavailable(text="too many open connections")
        try:
            await request.read()
        except web.HTTPRequestEntityTooLarge:
            too_large = InvalidRequest("error reading request body: http: request body too large")
            return _respond(jsonrpc.failure(None, too_large), status=400)
        return await handler(request)

    async def _json_rpc(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not body:
            return _index(request)
        try:
            requests = await _aside(body, jsonrpc.requests, body, self._limits.batch)
        except ParseError as error:
            return _respond(jsonrpc.failure(None, error), status=500)
        except RpcError as error:
            return _respond(jsonrpc.failure(None, error))
        try:
            answers = await self._answers(
                [each for each in requests if each.identifier is not None]
            )
        except HandlerPanic as error:
            return _respond(jsonrpc.failure(_URI_ID, error), status=500)
        if not answers:
            return web.Response()
        parts = [answer for answer, _ in answers]
        return _respond(
            parts[0] if len(parts) == 1 else b"[" + b",".join(parts) + b"]",
            cached=all(cached for _, cached in answers),
        )

    async def _answers(self, requests: Sequence[Request]) -> list[tuple[bytes, bool]]:
        """One after the other, as they stand in the batch; reads that follow each other at the same time."""
        answers: list[tuple[bytes, bool]] = []
        for together, group in itertools.groupby(requests, _only_reads):
            calls = [self.answer(each) for each in group]
            if together:
                answers += await asyncio.gather(*calls)
            else:
                answers += [await call for call in calls]
        return answers

    async def answer(self, request: Request) -> tuple[bytes, bool]:
        """The encoded response to one request, and whether it may be cached. Raises HandlerPanic."""
        identifier = request.answerable
        cached = False
        try:
            route = route_of(request.method)
            values = await _arguments(route.parameters, request)
            cached = route.cacheable(values)
            return jsonrpc.success(identifier, await self._rpc.run(route, values)), cached
        except HandlerPanic:
            raise
        except RpcError as error:
            return jsonrpc.failure(identifier, error), cached

    async def _uri(self, request: web.Request) -> web.Response:
        method = request.path[1:]
        if method in SOCKET_ROUTES:
            return _respond(jsonrpc.failure(_URI_ID, MethodNotFound(method)), status=404)
        route = ROUTES.get(method)
        if route is None:
            raise _not_found()
        try:
            values = arguments.from_uri(route.parameters, await _form(request))
            answer = jsonrpc.success(_URI_ID, await self._rpc.run(route, values))
            return _respond(answer, cached=route.cacheable(values))
        except RpcError as error:
            return _respond(jsonrpc.failure(_URI_ID, error), status=500)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=self._limits.body)
        if not socket.can_prepare(request):
            raise web.HTTPBadRequest(
                text="Bad Request\n", headers={"Sec-Websocket-Version": "13", **_NO_SNIFFING}
            )
        await socket.prepare(request)
        client = _Client(socket)
        self._clients.add(client)
        try:
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    await self._message(client, message.data)
        except ConnectionError as error:
            log.debug("a WebSocket client is gone: %s", error)
        finally:
            self._clients.discard(client)
            await client.close()
        return socket

    async def _message(self, client: _Client, data: str | bytes) -> None:
        try:
            body = data if isinstance(data, bytes) else data.encode()
            request = await _aside(body, jsonrpc.first_request, body)
        except ParseError as error:
            await client.send(jsonrpc.failure(None, error))
            return
        if request.identifier is None:
            return
        try:
            if request.method in SOCKET_ROUTES:
                await self._subscription_call(client, request)
            else:
                route = route_of(request.method)
                values = await _arguments(route.parameters, request)
                result = await self._rpc.run(route, values)
                await client.send(jsonrpc.success(request.answerable, result))
        except HandlerPanic as error:
            told = RpcError(error.data.replace("reflect:", "WSJSONRPC: reflect:"))
            await client.send(jsonrpc.failure(_URI_ID, told))
        except InvalidParams as error:
            await client.send(jsonrpc.failure(request.identifier, RpcError(error.data)))
        except RpcError as error:
            await client.send(jsonrpc.failure(request.identifier, error))

    async def _subscription_call(self, client: _Client, request: Request) -> None:
        calls = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "unsubscribe_all": self._unsubscribe_all,
        }
        values = await _arguments(SOCKET_ROUTES[request.method], request)
        try:
            started = calls[request.method](client, values.get("query", ""))
        except QueryError as error:
            raise RpcError(f"failed to parse query: {error}") from error
        await client.send(jsonrpc.success(request.answerable, {}))
        if started is not None:
            client.follow(started, request.answerable)

    def _subscribe(self, client: _Client, text: str) -> Subscription:
        limits = self._limits
        if self.subscribed_clients >= limits.subscribed_clients:
            raise RpcError(f"max_subscription_clients {limits.subscribed_clients} reached")
        if len(client.subscriptions) >= limits.subscriptions:
            raise RpcError(f"max_subscriptions_per_client {limits.subscriptions} reached")
        if len(text.encode("utf-8", "replace")) > MAX_LENGTH:
            raise RpcError("maximum query length exceeded")
        name = str(query.parse(text))
        if name in client.subscriptions:
            raise RpcError("already subscribed")
        subscription = client.subscriptions[name] = self._bus.subscribe(text)
        return subscription

    def _unsubscribe(self, client: _Client, text: str) -> None:
        """No query that is too long to subscribe to is looked at."""
        name = str(query.parse(text)) if len(text) <= MAX_LENGTH else ""
        subscription = client.subscriptions.pop(name, None)
        if subscription is None:
            raise RpcError("subscription not found")
        subscription.cancel()

    def _unsubscribe_all(self, client: _Client, _: str) -> None:
        if not client.subscriptions:
            raise RpcError("subscription not found")
        client.unsubscribe()


@dataclass(eq=False)
class _Client:
    """One WebSocket connection and what it listens to, by the query as CometBFT writes it."""

    socket: web.WebSocketResponse
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def send(self, message: bytes) -> None:
        await self.socket.send_str(message.decode())

    def follow(self, subscription: Subscription, identifier: Identifier) -> None:
        """Pass on events, under the id of the call that asked for them."""
        task = asyncio.create_task(self._follow(subscription, identifier))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def unsubscribe(self) -> None:
        for subscription in self.subscriptions.values():
            subscription.cancel()
        self.subscriptions.clear()

    async def close(self) -> None:
        self.unsubscribe()
        for task in list(self._tasks):
            task.cancel()
        await self.socket.close()

    async def _follow(self, subscription: Subscription, identifier: Identifier) -> None:
        head = jsonrpc.success(identifier, {"query": subscription.text})[:-2] + b","
        try:
            async for event in subscription:
                await self.send(head + event.encoded + b"}")
        except RpcError as error:
            self.subscriptions.pop(str(query.parse(subscription.text)), None)
            await self.send(jsonrpc.failure(identifier, error))
        except ConnectionError as error:
            log.debug("a subscriber is gone: %s", error)


async def _aside(body: bytes, call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """The result of a call that reads ``body``: on another thread when there is much of it."""
    if len(body) > _LARGE:
        return await asyncio.to_thread(call, *args, **named)
    return call(*args, **named)


async def _arguments(parameters: Sequence[Parameter], request: Request) -> dict[str, Any]:
    return await _aside(request.params, arguments.from_json, parameters, request.params)


def _only_reads(request: Request) -> bool:
    route = ROUTES.get(request.method)
    return route is not None and (route.reads or request.method == "abci_query")


async def _form(request: web.Request) -> dict[str, str]:
    """The first value of each name in the query, then in a form's body (``http.Request.FormValue``)."""
    body = b""
    if request.content_type == "application/x-www-form-urlencoded":
        body = await request.read()
    found: dict[str, str] = {}
    for text in (request.rel_url.raw_query_string, body.decode("latin-1")):
        for name, value in _pairs(text):
            if not found.get(name):
                found[name] = value
    return found


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """``url.ParseQuery``: what is malformed is left out."""
    for pair in text.split("&"):
        if ";" in pair or _BAD_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition("=")
        yield unquote_plus(name, errors="replace"), unquote_plus(value, errors="surrogateescape")


def _respond(body: bytes, status: int = 200, *, cached: bool = False) -> web.Response:
    headers = {"Cache-Control": "public, max-age=86400"} if cached else {}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def _not_found() -> web.HTTPNotFound:
    return web.HTTPNotFound(text="404 page not found\n", headers=_NO_SNIFFING)


def _index(request: web.Request) -> web.Response:
    """The list of endpoints that CometBFT shows to a browser."""
    host = html.escape(request.host)
    names = {name: route.parameters for name, route in ROUTES.items()} | SOCKET_ROUTES
    links = []
    for name in sorted(names):
        link = f"//{host}/{name}?{'&'.join(f'{each.name}=_' for each in names[name])}"
        links.append(f'<a href="{link}">{link}</a></br>')
    page = (
        "<html><body><br>Available endpoints:<br><br>Endpoints that require arguments:<br>"
        f"{''.join(links)}</body></html>"
    )
    return web.Response(body=page.encode(), headers={"Content-Type": "text/html"})


@web.middleware
async def _preflight(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What a browser asks before it calls from another origin."""
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return web.Response(status=204)
    return await handler(request)


async def _mark(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_CORS)
    response.headers["X-Server-Time"] = str(int(time.time()))
