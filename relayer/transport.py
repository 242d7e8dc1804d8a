"""The seam to a chain, and its form over HTTP and WebSocket.

Everything that crosses it is CometBFT's JSON-RPC 2.0 (`cometbft:rpc`), with `abci_query` as a call of its
own, since a chain in the same process answers it without text in between.
"""

import asyncio
import base64
import binascii
import io
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from cosmos_pb.tendermint.abci import types_pb2 as abci
from relayer.clock import Clock, SystemClock
from relayer.errors import NetworkError, RpcError

if TYPE_CHECKING:
    from aiohttp import ClientSession

MAX_RESPONSE: Final = 64 << 20
LARGE_REQUEST: Final = 1 << 20
"""From here on aiohttp wants a file, which it sends in parts (`aiohttp:payload.py`, TOO_LARGE_BYTES_BODY)."""
_RETRIES = 3
_RETRY_DELAY = 0.2
_RECONNECT_DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0)
_PING_SECONDS = 20.0
_ONCE: Final = frozenset({"broadcast_tx_sync", "broadcast_tx_async", "broadcast_tx_commit"})


class Transport(Protocol):
    """What the relayer asks of a chain."""

    async def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """The whole JSON-RPC response object, with "result" or "error"."""

    async def query(
        self, path: str, data: bytes, *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        """`abci_query` at a height (0 the latest), with a proof when asked for."""

    def subscribe(self, query: str) -> AsyncIterator[Any]:
        """The "result" object of each event, for as long as the iterator is consumed."""

    async def close(self) -> None: ...


class HttpTransport:
    """JSON-RPC by POST, where calls made at the same moment travel as one batch; events by WebSocket.

    `batch` is how many calls one POST may carry: CometBFT's default limit is 10. Reads are tried again
    when the network fails; broadcasts are not, since the caller must know.
    """

    def __init__(
        self,
        url: str,
        *,
        batch: int = 10,
        timeout: float = 10.0,
        connections: int = 8,
        clock: Clock | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._batch = batch
        self._timeout = timeout
        self._connections = connections
        self._clock: Clock = clock or SystemClock()
        self._ids = itertools.count(1)
        self._waiting: list[_Call] = []
        self._posts: set[asyncio.Task[None]] = set()
        self._session: ClientSession | None = None

    async def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """One call; NetworkError when there is no answer in JSON-RPC to it."""
        attempts = 1 if method in _ONCE else _RETRIES
        for attempt in range(1, attempts + 1):
            try:
                return await self._enqueue(method, params)
            except NetworkError:
                if attempt == attempts:
                    raise
            await self._clock.sleep(_RETRY_DELAY * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def query(
        self, path: str, data: bytes, *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        params = {"path": path, "data": data.hex(), "height": str(height), "prove": prove}
        answer = await self.call("abci_query", params)
        return parse_query(result(self.url, "abci_query", answer), self.url)

    async def subscribe(self, query: str) -> AsyncIterator[Any]:
        """Events of one query; a broken connection is made again, what happened meanwhile is lost."""
        failures = 0
        while True:
            try:
                async with self._socket() as socket:
                    call = request(next(self._ids), "subscribe", {"query": query})
                    await socket.send_str(_json(call).decode())
                    async for event in self._events(socket):
                        failures = 0
                        yield event
            except NetworkError:
                failures += 1
            delay = _RECONNECT_DELAYS[min(failures, len(_RECONNECT_DELAYS) - 1)]
            await self._clock.sleep(delay)

    async def close(self) -> None:
        for post in list(self._posts):
            post.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)
        for call in self._waiting:
            call.fail(NetworkError(self.url, "closed"))
        self._waiting.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _enqueue(self, method: str, params: Mapping[str, Any]) -> Any:
        """Join the batch that leaves when all coroutines which are ready now have had their turn."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        call = _Call(next(self._ids), method, params, loop.create_future())
        self._waiting.append(call)
        return await call.answer

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for at in range(0, len(waiting), self._batch):
            task = asyncio.create_task(self._post(waiting[at : at + self._batch]))
            self._posts.add(task)
            task.add_done_callback(self._posts.discard)

    async def _post(self, calls: "Sequence[_Call]") -> None:
        requests = [call.request() for call in calls]
        body = _json(requests if len(requests) > 1 else requests[0])
        try:
            answers = await self._exchange(body)
            _deliver(self.url, calls, answers)
        except NetworkError as error:
            for call in calls:
                call.fail(error)
        finally:
            for call in calls:  # what is left was cancelled, or skipped by the server
                call.fail(NetworkError(self.url, f"{call.method}: no answer"))

    async def _exchange(self, body: bytes) -> Any:
        with _gate(self.url):
            session = self._connected()
            headers = {"Content-Type": "application/json"}
            data = body if len(body) < LARGE_REQUEST else io.BytesIO(body)
            async with session.post(self.url, data=data, headers=headers) as response:
                content = await _bounded(response, self.url)
        try:
            return msgspec.json.decode(content)
        except msgspec.MsgspecError as error:
            raise NetworkError(self.url, f"HTTP {response.status} without JSON") from error

    def _connected(self) -> "ClientSession":
        if self._session is None:
            from aiohttp import ClientSession, ClientTimeout, TCPConnector  # noqa: PLC0415 - heavy

            self._session = ClientSession(
                connector=TCPConnector(limit=0, limit_per_host=self._connections),
                timeout=ClientTimeout(total=self._timeout),
            )
        return self._session

    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[Any]:
        with _gate(self.url):
            async with self._connected().ws_connect(
                f"{self.url}/websocket", heartbeat=_PING_SECONDS, max_msg_size=MAX_RESPONSE
            ) as socket:
                yield socket

    async def _events(self, socket: Any) -> AsyncIterator[Any]:
        async for frame in socket:
            try:
                message = msgspec.json.decode(frame.data)
            except (msgspec.MsgspecError, TypeError) as error:
                raise NetworkError(self.url, "WebSocket frame without JSON") from error
            event = result(self.url, "subscribe", message)
            if event:  # the first answer only acknowledges
                yield event


class _Call:
    """A request on its way and the future of its answer."""

    __slots__ = ("answer", "id", "method", "params")

    def __init__(
        self, id_: int, method: str, params: Mapping[str, Any], answer: asyncio.Future[Any]
    ) -> None:
        self.id = id_
        self.method = method
        self.params = params
        self.answer = answer

    def request(self) -> dict[str, Any]:
        return request(self.id, self.method, self.params)

    def succeed(self, answer: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: NetworkError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


def request(id_: int | str, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}


def result(endpoint: str, method: str, answer: Any) -> Any:
    """The "result" of a JSON-RPC response; RpcError for its "error", NetworkError for neither."""
    if not isinstance(answer, dict):
        raise NetworkError(endpoint, f"{method}: the answer is no JSON-RPC object")
    error = answer.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        raise RpcError(
            endpoint,
            method,
            code if isinstance(code, int) else 0,
            str(error.get("message", "")),
            str(error.get("data", "")),
        )
    if error is not None or "result" not in answer:
        raise NetworkError(endpoint, f"{method}: the answer has neither result nor error")
    return answer["result"]


def parse_query(answer: Any, endpoint: str) -> abci.ResponseQuery:
    """The "result" of `abci_query` as a message; NetworkError unless it has CometBFT's shape."""
    try:
        response = answer["response"]
        query = abci.ResponseQuery(
            code=int(response.get("code") or 0),
            log=str(response.get("log") or ""),
            info=str(response.get("info") or ""),
            index=int(response.get("index") or 0),
            key=_decode64(response.get("key")),
            value=_decode64(response.get("value")),
            height=int(response.get("height") or 0),
            codespace=str(response.get("codespace") or ""),
        )
        ops = (response.get("proofOps") or response.get("proof_ops") or {}).get("ops") or []
        for op in ops:
            query.proof_ops.ops.add(
                type=str(op["type"]), key=_decode64(op["key"]), data=_decode64(op["data"])
            )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NetworkError(endpoint, f"abci_query: unexpected answer: {error!r}") from error
    return query


def _deliver(endpoint: str, calls: Sequence[_Call], answers: Any) -> None:
    by_id = {call.id: call for call in calls}
    listed = answers if isinstance(answers, list) else [answers]
    for answer in listed:
        if not isinstance(answer, dict):
            raise NetworkError(endpoint, "the answer is no JSON-RPC object")
        call = by_id.get(answer.get("id", -1))
        if call is not None:
            call.succeed(answer)
        elif "error" in answer:  # of the batch as a whole, with no id or another one
            result(endpoint, calls[0].method, answer)


@contextmanager
def _gate(url: str) -> Iterator[None]:
    """The one place where errors of the network library become ours."""
    from aiohttp import ClientConnectorError, ClientError, InvalidURL  # noqa: PLC0415 - heavy, loaded by now

    try:
        yield
    except ClientConnectorError as error:
        reason = error.strerror or str(error.os_error)
        raise NetworkError(url, f"cannot connect: {reason}") from error
    except TimeoutError as error:
        raise NetworkError(url, "no answer in time") from error
    except InvalidURL as error:
        raise NetworkError(url, "is not a URL of a host") from error
    except (ClientError, OSError, ValueError) as error:
        raise NetworkError(url, str(error) or type(error).__name__) from error


async def _bounded(response: Any, url: str) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_RESPONSE:
            raise NetworkError(url, f"the answer exceeds {MAX_RESPONSE} bytes")
    return bytes(content)


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _decode64(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
