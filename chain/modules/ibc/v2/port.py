"""The seam between IBC v2 and its applications (``ibc-go:modules/core/api``)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from chain.context import Context
from chain.errors import PANIC, AbciError
from light_client.packet_v2 import Payload


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload on its way: what an application sees of a packet."""

    source_client: str
    destination_client: str
    sequence: int
    payload: Payload


class Status(Enum):
    """What became of a payload that arrived."""

    SUCCESS = "success"
    FAILURE = "failure"
    ASYNC = "async"


@dataclass(frozen=True, slots=True)
class RecvResult:
    """An application's answer to a payload.

    The acknowledgement counts on success only: a failure is acknowledged with the same 32 bytes whatever failed, and
    what is to come later is written with ``Ibc.write_acknowledgement_v2``.
    """

    status: Status
    acknowledgement: bytes = b""


FAILURE = RecvResult(Status.FAILURE)
LATER = RecvResult(Status.ASYNC)


class PortModuleV2(Protocol):
    """An application of IBC v2. Callbacks refuse by raising AbciError; addresses are bech32."""

    def on_send_packet(self, ctx: Context, delivery: Delivery, signer: str) -> None: ...
    def on_recv_packet(self, ctx: Context, delivery: Delivery, relayer: str) -> RecvResult: ...
    def on_acknowledgement_packet(
        self, ctx: Context, delivery: Delivery, ack: bytes, relayer: str
    ) -> None: ...
    def on_timeout_packet(self, ctx: Context, delivery: Delivery, relayer: str) -> None: ...


class PortRouterV2:
    """Applications by port: exact names first, then prefixes."""

    def __init__(self) -> None:
        self._exact: dict[str, PortModuleV2] = {}
        self._prefixes: dict[str, PortModuleV2] = {}

    def route(self, port: str, module: PortModuleV2) -> None:
        """Serve ``port``; ValueError when somebody does."""
        if any(port.startswith(prefix) for prefix in self._prefixes) or port in self._exact:
            raise ValueError(f"port {port} is routed twice")
        self._exact[port] = module

    def route_prefix(self, prefix: str, module: PortModuleV2) -> None:
        """Serve every port that starts with ``prefix``; ValueError when somebody serves some of them."""
        if any(name.startswith(prefix) for name in (*self._exact, *self._prefixes)) or any(
            prefix.startswith(other) for other in self._prefixes
        ):
            raise ValueError(f"ports {prefix} are routed twice")
        self._prefixes[prefix] = module

    def module(self, port: str) -> PortModuleV2:
        """The application bound to ``port``; without one the transaction ends in a panic, as in ibc-go."""
        found = self._exact.get(port) or next(
            (module for prefix, module in self._prefixes.items() if port.startswith(prefix)), None
        )
        if found is None:
            raise no_route(port)
        return found


def no_route(port: str) -> AbciError:
    return PANIC(f"recovered: no route for {port}")
