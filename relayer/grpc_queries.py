"""gRPC queries over gRPC, for endpoints that offer it; everything else goes the usual way."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import grpc

from cosmos_pb.tendermint.abci import types_pb2 as abci
from relayer.errors import NetworkError
from relayer.transport import Transport

MAX_MESSAGE: Final = 32 << 20
HEIGHT: Final = "x-cosmos-block-height"

_TIMEOUT = 10.0
# What the application itself says; the numbers are gRPC's, which is all that arrives of its codes.
_REFUSALS: Final = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.INTERNAL,
    }
)


class GrpcQueries:
    """A transport whose queries of gRPC paths travel by gRPC; proofs exist only in ABCI."""

    def __init__(self, transport: Transport, address: str) -> None:
        self._transport = transport
        self._address, secure = target(address)
        options = [("grpc.max_receive_message_length", MAX_MESSAGE)]
        self._channel = (
            grpc.aio.secure_channel(self._address, grpc.ssl_channel_credentials(), options)
            if secure
            else grpc.aio.insecure_channel(self._address, options)
        )

    async def call(self, method: str, params: Mapping[str, Any]) -> Any:
        return await self._transport.call(method, params)

    def subscribe(self, query: str) -> AsyncIterator[Any]:
        return self._transport.subscribe(query)

    async def query(
        self, path: str, data: bytes, *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        if prove or not path.startswith("/") or path.count("/") != 2 or "." not in path:
            return await self._transport.query(path, data, height=height, prove=prove)
        metadata = ((HEIGHT, str(height)),) if height else ()
        method: Any = self._channel.unary_unary(path)
        try:
            value = await method(data, metadata=metadata, timeout=_TIMEOUT)
        except grpc.aio.AioRpcError as error:
            if error.code() in _REFUSALS:
                return abci.ResponseQuery(
                    code=int(error.code().value[0]),
                    codespace="grpc",
                    log=f"rpc error: code = {_name(error.code())} desc = {error.details()}",
                )
            raise NetworkError(self._address, f"{path}: {error.details()}") from error
        return abci.ResponseQuery(value=value, height=height)

    async def close(self) -> None:
        await self._channel.close()
        await self._transport.close()


def _name(code: grpc.StatusCode) -> str:
    """The code as Go writes it: NotFound."""
    return str(code.name).title().replace("_", "")


def target(address: str) -> tuple[str, bool]:
    """Host and port, and whether TLS is meant: by https, or by port 443 without a scheme."""
    scheme, separator, rest = address.rpartition("://")
    host = rest.rstrip("/")
    return host, scheme == "https" or (not separator and host.endswith(":443"))
