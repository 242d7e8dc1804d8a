"""gRPC reflection as grpc-go answers it, under its two names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from cosmos_pb._pool import POOL

NAMES: Final = tuple(f"grpc.reflection.{each}.ServerReflection" for each in ("v1", "v1alpha"))
"""Of the service; their messages have the same bytes."""

_UNREADABLE: Final = (
    "grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data"
)


def reflection(services: Iterable[str]) -> list[grpc.GenericRpcHandler]:
    """Handlers that tell of these services, and of themselves."""
    servicer = ReflectionServicer([*services, *NAMES], pool=_Symbols())

    async def tell(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        async for response in servicer.ServerReflectionInfo(_read(requests, context), context):
            yield response

    handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
        tell,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handlers = {"ServerReflectionInfo": handler}
    return [grpc.method_handlers_generic_handler(name, handlers) for name in NAMES]


async def _read(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
    """The requests of a stream, which ends with the first that is none."""
    async for data in requests:
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(data)
        except DecodeError:
            await context.abort(grpc.StatusCode.INTERNAL, _UNREADABLE)


class _Symbols:
    """Our pool, in which the methods of a service are found by their names too.

    grpc-go finds them (reflection/internal/reflection.go, ``fileDescEncodingContainingSymbol``), Python's pools do not.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(POOL, name)

    def FindFileContainingSymbol(self, name: str) -> FileDescriptor:  # noqa: N802 - the pool's name
        """KeyError for what is not there."""
        try:
            return POOL.FindFileContainingSymbol(name)
        except KeyError:
            service, _, method = name.rpartition(".")
            return POOL.FindServiceByName(service).methods_by_name[method].containing_service.file
