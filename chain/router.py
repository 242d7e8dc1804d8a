"""Which module answers which message and which query.

A module registers its messages (class, handler, signers, stateless validation) and its gRPC query methods. The same
tables serve transactions, contracts' messages, ABCI queries, gRPC and reflection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from chain import goproto
from chain.context import Context
from chain.errors import UNKNOWN_REQUEST, UNPACK_ANY, AbciError, unregistered
from chain.events import Event
from chain.gas import HAS_COST
from cosmos_pb.google.protobuf import any_pb2

type_url = "/{}".format


@dataclass(frozen=True, slots=True)
class Service:
    """How one message type is served. ``handler(ctx, msg)`` returns the response message.

    ``signers(msg)`` gives bech32 addresses in the order in which the transaction must carry their signatures;
    ``validate(msg)`` is the stateless part (ValidateBasic) and raises AbciError.
    """

    message: type[Message]
    handler: Callable[[Context, Any], Message]
    signers: Callable[[Any], Sequence[str]]
    validate: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class MessageResult:
    response: any_pb2.Any
    events: tuple[Event, ...]


class MessageRouter:
    """Messages by type URL."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}

    def register(
        self,
        message: type[Message],
        handler: Callable[[Context, Any], Message],
        signers: Callable[[Any], Sequence[str]],
        validate: Callable[[Any], None] = lambda _: None,
    ) -> None:
        url = type_url(message.DESCRIPTOR.full_name)
        if url in self.services:
            raise ValueError(f"message {url} is registered twice")
        self.services[url] = Service(message, handler, signers, validate)

    def service(self, url: str) -> Service:
        """The service of a type URL; sdk/6 when no module serves it."""
        try:
            return self.services[url]
        except KeyError:
            raise UNKNOWN_REQUEST(f"unable to resolve type URL {url}") from None

    def unpack(self, packed: any_pb2.Any) -> Message:
        """The message inside an Any; sdk/2-style callers wrap the error as they need."""
        service = self.service(packed.type_url)
        try:
            return service.message.FromString(packed.value)
        except ProtobufDecodeError as error:
            raise UNPACK_ANY(f"{packed.type_url}: {error}") from error

    def dispatch(self, ctx: Context, message: Message, *, validate: bool = False) -> MessageResult:
        """Run one message in a scope of its own; its state and its events are kept on success.

        The returned events are those of the message (also appended to ``ctx``). ``validate`` is for messages that a
        module makes itself, whose stateless part nobody has looked at.
        """
        service = self.service(type_url(message.DESCRIPTOR.full_name))
        if validate:
            service.validate(message)
        if ctx.sdk.circuit_breaker:
            ctx.gas.consume(HAS_COST, "Has")  # x/circuit looks for the type
        with ctx.branch() as inner:
            response = service.handler(inner, message)
        packed = any_pb2.Any(
            type_url=type_url(response.DESCRIPTOR.full_name), value=response.SerializeToString()
        )
        return MessageResult(packed, tuple(inner.events.events))


@dataclass(frozen=True, slots=True)
class QueryMethod:
    request: type[Message]
    handler: Callable[[Context, Any], Message]

    def read(self, path: str, data: bytes) -> Message:
        """The request in ``data``; refused in Go's words when it is none."""
        try:
            return self.request.FromString(data)
        except ProtobufDecodeError as error:
            text = goproto.fault(data, cast("Descriptor", self.request.DESCRIPTOR))
            raise unregistered(text or f"{path} wants text in UTF-8") from error


Method = tuple[str, type[Message], Callable[[Context, Any], Message]]
"""The name of a query method, its request and its handler, as services list them."""


class QueryRouter:
    """gRPC query methods by path, for instance ``/cosmos.bank.v1beta1.Query/Balance``."""

    def __init__(self) -> None:
        self.methods: dict[str, QueryMethod] = {}

    def register(
        self, path: str, request: type[Message], handler: Callable[[Context, Any], Message]
    ) -> None:
        if path in self.methods:
            raise ValueError(f"query {path} is registered twice")
        self.methods[path] = QueryMethod(request, handler)

    def handle(self, ctx: Context, path: str, data: bytes) -> bytes:
        """Serialized response to a serialized request; AbciError for refusals."""
        method = self.method(path)
        answer = method.handler(ctx, method.read(path, data))
        return answer.SerializeToString(deterministic=True)

    def method(self, path: str) -> QueryMethod:
        """What answers ``path``; sdk/6 when nothing does."""
        found = self.methods.get(path)
        if found is None:
            raise unknown_method(path)
        return found


def unknown_method(path: str) -> AbciError:
    """The text of grpc-go for a method that a known or unknown service does not have."""
    service, _, method = path.removeprefix("/").rpartition("/")
    return UNKNOWN_REQUEST(f"unknown method {method} for service {service}")


class Module(Protocol):
    """What the application asks of a module. ``stores`` are the names of its IAVL stores."""

    @property
    def name(self) -> str: ...
    @property
    def stores(self) -> tuple[str, ...]: ...

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None: ...
    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None: ...
    def export_genesis(self, ctx: Context) -> dict[str, Any]: ...


@dataclass(slots=True)
class Routers:
    """Both tables, as modules that dispatch onwards (x/wasm, IBC applications) hold them."""

    messages: MessageRouter = field(default_factory=MessageRouter)
    queries: QueryRouter = field(default_factory=QueryRouter)
