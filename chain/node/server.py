"""CometBFT's RPC on one port: JSON-RPC by POST, URIs by GET, events over WebSocket
(``rpc/jsonrpc/server``).
"""

from __future__ import annotations

import asyncio
import html
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import WSMsgType, web

from chain.node import arguments
from chain.node.errors import (
    InvalidRequest,
    MethodNotFound,
    ParseError,
    QueryError,
    RpcError,
    listening,
)
from chain.node.limits import ServerLimits
from chain.node.pubsub import EventBus, Subscription
from chain.node.query import MAX_LENGTH
from chain.node.rpc import ROUTES, Rpc

PING_SECONDS: Final = 27.0
_URI_ID: Final = -1
_SOCKET_ONLY: Final = ("subscribe", "unsubscribe", "unsubscribe_all")
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "HEAD, GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Origin, Accept, Content-Type, X-Requested-With, X-Server-Time",
}

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
        app = web.Application(client_max_size=self._limits.body, middlewares=[self._admit])
        app.on_response_prepare.append(_allow_any_origin)
        app.router.add_post("/", self._post)
        app.router.add_get("/", _index)
        app.router.add_get("/websocket", self._websocket)
        app.router.add_get("/{method}", self._get)
        app.router.add_route("OPTIONS", "/{path:.*}", _preflight)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
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
        return await handler(request)

    async def _post(self, request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            too_large = InvalidRequest("error reading request body: http: request body too large")
            return _respond(_error(None, too_large), status=400)
        if not body:
            return await _index(request)
        try:
            requests = _requests(body, self._limits.batch)
        except ParseError as error:
            return _respond(_error(None, error), status=500)
        except RpcError as error:
            return _respond(_error(None, error))
        answers = await self._answers([each for each in requests if each.get("id") is not None])
        if not answers:
            return web.Response()
        return _respond(answers[0] if len(answers) == 1 else b"[" + b",".join(answers) + b"]")

    async def _answers(self, requests: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """One after the other, as they stand in the batch; reads that follow each other at the same time."""
        answers: list[bytes] = []
        for together, group in itertools.groupby(requests, _only_reads):
            calls = [self.answer(each["id"], each) for each in group]
            if together:
                answers += await asyncio.gather(*calls)
            else:
                answers += [await call for call in calls]
        return answers

    async def answer(self, identifier: Any, request: Mapping[str, Any]) -> bytes:
        """The encoded response to one request."""
        try:
            result = await self._rpc.call(request.get("method"), request.get("params"))  # type: ignore[arg-type] # route_of refuses other types
        except RpcError as error:
            return _error(identifier, error)
        return _success(identifier, result)

    async def _get(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if method in _SOCKET_ONLY:
            return _respond(_error(_URI_ID, MethodNotFound(method)), status=404)
        route = ROUTES.get(method)
        if route is None:
            raise web.HTTPNotFound(text="404 page not found\n")
        try:
            values = arguments.from_uri(route.parameters, dict(request.query))
            return _respond(_success(_URI_ID, await self._rpc.run(route, values)))
        except RpcError as error:
            return _respond(_error(_URI_ID, error), status=500)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=PING_SECONDS, max_msg_size=self._limits.body)
        if not socket.can_prepare(request):
            raise web.HTTPBadRequest(text="expected a WebSocket upgrade\n")
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
            request = _request(_decoded(data))
        except ParseError as error:
            await client.send(_error(None, error))
            return
        identifier = request.get("id")
        if identifier is None:
            return
        if request.get("method") in _SOCKET_ONLY:
            await self._subscription_call(client, identifier, request)
        else:
            await client.send(await self.answer(identifier, request))

    async def _subscription_call(
        self, client: _Client, identifier: Any, request: Mapping[str, Any]
    ) -> None:
        calls = {
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "unsubscribe_all": self._unsubscribe_all,
        }
        try:
            values = arguments.from_json(_QUERY, request.get("params"))
            started = calls[request["method"]](client, values.get("query", ""))
        except QueryError as error:
            failure = RpcError(f"failed to parse query: {error}")
            await client.send(_error(identifier, failure))
        except RpcError as error:
            await client.send(_error(identifier, error))
        else:
            await client.send(_success(identifier, {}))
            if started is not None:
                client.follow(started, identifier)

    def _subscribe(self, client: _Client, text: str) -> Subscription:
        limits = self._limits
        if not client.subscriptions and self.subscribed_clients >= limits.subscribed_clients:
            raise RpcError(f"max_subscription_clients {limits.subscribed_clients} reached")
        if len(client.subscriptions) >= limits.subscriptions:
            raise RpcError(f"max_subscriptions_per_client {limits.subscriptions} reached")
        if len(text) > MAX_LENGTH:
            raise RpcError("maximum query length exceeded")
        if text in client.subscriptions:
            raise RpcError("already subscribed")
        subscription = client.subscriptions[text] = self._bus.subscribe(text)
        return subscription

    def _unsubscribe(self, client: _Client, text: str) -> None:
        subscription = client.subscriptions.pop(text, None)
        if subscription is None:
            raise RpcError("subscription not found")
        subscription.cancel()

    def _unsubscribe_all(self, client: _Client, _: str) -> None:
        if not client.subscriptions:
            raise RpcError("subscription not found")
        client.unsubscribe()


@dataclass(eq=False)
class _Client:
    """One WebSocket connection and what it listens to."""

    socket: web.WebSocketResponse
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def send(self, message: bytes) -> None:
        await self.socket.send_str(message.decode())

    def follow(self, subscription: Subscription, identifier: Any) -> None:
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

    async def _follow(self, subscription: Subscription, identifier: Any) -> None:
        head = _success(identifier, {"query": subscription.text})[:-2] + b","
        try:
            async for event in subscription:
                await self.send(head + event.encoded + b"}")
        except RpcError as error:
            self.subscriptions.pop(subscription.text, None)
            await self.send(_error(identifier, error))
        except ConnectionError as error:
            log.debug("a subscriber is gone: %s", error)


_QUERY: Final = (arguments.Parameter("query", "text"),)


def _requests(body: bytes, most: int) -> list[Mapping[str, Any]]:
    decoded = _decoded(body)
    if not isinstance(decoded, list):
        return [_request(decoded)]
    if len(decoded) > most:
        raise InvalidRequest(f"batch request exceeds maximum ({most}) allowed number of requests")
    return [_request(each) for each in decoded]


def _only_reads(request: Mapping[str, Any]) -> bool:
    method = request.get("method")
    route = ROUTES.get(method) if isinstance(method, str) else None
    return route is not None and (route.reads or method == "abci_query")


def _decoded(body: str | bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:  # its DecodeError is a ValueError
        raise ParseError(f"error unmarshaling request: {error}") from error


def _request(decoded: Any) -> Mapping[str, Any]:
    if not isinstance(decoded, dict):
        raise ParseError(f"a request is an object, got {type(decoded).__name__}")
    identifier = decoded.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int | None):
        raise ParseError(f"json-rpc ID must be a string or a whole number, got {identifier!r:.60}")
    return decoded


def _success(identifier: Any, result: Any) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": identifier, "result": result})


def _error(identifier: Any, error: RpcError) -> bytes:
    """Without an ``id`` when the request's could not be read."""
    told = {} if identifier is None else {"id": identifier}
    return msgspec.json.encode({"jsonrpc": "2.0", **told, "error": error.as_json()})


def _respond(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")


async def _index(request: web.Request) -> web.Response:
    """The list of endpoints that CometBFT shows to a browser."""
    host = html.escape(request.host)
    links = []
    for name, route in ROUTES.items():
        query = "&".join(f"{each.name}=_" for each in route.parameters)
        link = f"//{host}/{name}" + (f"?{query}" if query else "")
        links.append(f'<a href="{link}">{link}</a><br>')
    page = f"<html><body><br>Available endpoints:<br>{''.join(links)}</body></html>"
    return web.Response(text=page, content_type="text/html")


async def _preflight(_: web.Request) -> web.Response:
    return web.Response(status=204)


async def _allow_any_origin(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_CORS)
