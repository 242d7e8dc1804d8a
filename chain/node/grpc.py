"""gRPC: every method of the application's query table, with reflection.

Calls go the way of an ABCI query with the method's path, so that both doors answer alike. The
metadata ``x-cosmos-block-height`` chooses a height, and the answer's metadata tells it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import grpc
import grpc.aio

from chain.errors import INVALID_REQUEST, AbciError
from chain.modules.status import over_grpc
from chain.node.engine import Engine
from chain.node.errors import listening
from chain.node.limits import ServerLimits
from chain.node.params import whole_number
from chain.node.reflection import reflection

HEIGHT_KEY: Final = "x-cosmos-block-height"
MAX_REQUEST: Final = 10 << 20
"""Bytes, as the SDK has it (server/config DefaultGRPCMaxRecvMsgSize)."""
_STATUS: Final = {code.name.replace("_", "").lower(): code for code in grpc.StatusCode} | {
    "canceled": grpc.StatusCode.CANCELLED
}


class GrpcServer:
    def __init__(
        self, engine: Engine, methods: Mapping[str, Any], limits: ServerLimits | None = None
    ) -> None:
        """``methods`` are paths of the query table; the values do not matter here.

        Of ``limits`` the number of connections counts: so many calls are answered at a time.
        """
        options = [
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", MAX_REQUEST),
            ("grpc.so_reuseport", 0),
        ]
        at_once = max(1, (limits or ServerLimits()).connections)
        self._server = grpc.aio.server(options=options, maximum_concurrent_rpcs=at_once)
        services = sorted({path.rpartition("/")[0].removeprefix("/") for path in methods})
        handlers = (*reflection(services), _Queries(engine, methods))
        self._server.add_generic_rpc_handlers(handlers)

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; returns the address. OSError when the port is taken."""
        with listening("gRPC", host, port):
            await _probe(host, port)
            try:
                bound = self._server.add_insecure_port(f"{host}:{port}")
            except RuntimeError as error:
                raise OSError(str(error)) from error
        await self._server.start()
        return host, bound

    async def stop(self) -> None:
        await self._server.stop(grace=0.5)


async def _probe(host: str, port: int) -> None:
    """Listen for a moment: gRPC's library would write to standard error that it cannot, and not say why."""
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    server.close()
    await server.wait_closed()


class _Queries(grpc.GenericRpcHandler):
    """Asked last: knows every path, if only to say that it is not there."""

    def __init__(self, engine: Engine, methods: Mapping[str, Any]) -> None:
        self._engine = engine
        self._methods = methods

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        path = handler_call_details.method

        async def serve(data: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            if path not in self._methods:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, unknown(path, self._methods))
            return await self._answer(path, data, context)

        return grpc.unary_unary_rpc_method_handler(serve)

    async def _answer(
        self, path: str, data: bytes, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> bytes:
        try:
            height = _height(context.invocation_metadata() or ())
            height, answer = await self._engine.ask(path, data, height)
        except AbciError as error:
            await context.abort(*status(error))
        await context.send_initial_metadata(((HEIGHT_KEY, str(height)),))
        return answer


def unknown(path: str, methods: Iterable[str]) -> str:
    """The words of grpc-go for a path that is none of ``methods``; relayers look for them."""
    service, slash, method = path.removeprefix("/").rpartition("/")
    if not slash:
        return f'malformed method name: "{path}"'
    if any(known.startswith(f"/{service}/") for known in methods):
        return f"unknown method {method} for service {service}"
    return f"unknown service {service}"


def status(error: AbciError) -> tuple[grpc.StatusCode, str]:
    """The gRPC status of a refused query."""
    name, message = over_grpc(error)
    return _STATUS[name.lower()], message


def asked_height(text: str) -> int:
    """The height that a caller asks for, 0 for the latest; AbciError in the words of baseapp/grpcserver.go."""
    number = whole_number(text or "0")
    if number is None:
        raise INVALID_REQUEST(
            f'Baseapp.RegisterGRPCServer: invalid height header "{HEIGHT_KEY}": '
            f'strconv.ParseInt: parsing "{text}": invalid syntax'
        )
    return number


def _height(metadata: Iterable[tuple[str, str | bytes]]) -> int:
    given = next((value for key, value in metadata if key.lower() == HEIGHT_KEY), "")
    return asked_height(given if isinstance(given, str) else given.decode("utf-8", "replace"))
