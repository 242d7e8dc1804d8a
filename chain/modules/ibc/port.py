"""The seam between IBC core and its applications: ports, callbacks, acknowledgements (ICS-26)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chain import gobase64, gojson
from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc.errors import ROUTE_NOT_FOUND
from light_client.packet import Packet

_ERROR_TEXT = "error handling packet: see events for details"


@dataclass(frozen=True, slots=True)
class Counterparty:
    """The other end of a channel; ``channel`` is empty until it is known."""

    port: str
    channel: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What an application answers to a packet. Without ``success`` its state changes are dropped."""

    data: bytes
    success: bool


class PortModule(Protocol):
    """An IBC application. Callbacks refuse by raising AbciError."""

    def on_chan_open_init(
        self,
        ctx: Context,
        order: int,
        hops: Sequence[str],
        port: str,
        channel: str,
        counterparty: Counterparty,
        version: str,
    ) -> str:
        """The version to propose."""
        ...

    def on_chan_open_try(
        self,
        ctx: Context,
        order: int,
        hops: Sequence[str],
        port: str,
        channel: str,
        counterparty: Counterparty,
        counterparty_version: str,
    ) -> str:
        """The version to settle on."""
        ...

    def on_chan_open_ack(
        self,
        ctx: Context,
        port: str,
        channel: str,
        counterparty_channel: str,
        counterparty_version: str,
    ) -> None: ...

    def on_chan_open_confirm(self, ctx: Context, port: str, channel: str) -> None: ...
    def on_chan_close_init(self, ctx: Context, port: str, channel: str) -> None: ...
    def on_chan_close_confirm(self, ctx: Context, port: str, channel: str) -> None: ...

    def on_recv_packet(self, ctx: Context, packet: Packet, relayer: str) -> Acknowledgement | None:
        """The acknowledgement, or None when it will be written later (``Ibc.write_acknowledgement``)."""
        ...

    def on_acknowledgement_packet(
        self, ctx: Context, packet: Packet, ack: bytes, relayer: str
    ) -> None: ...

    def on_timeout_packet(self, ctx: Context, packet: Packet, relayer: str) -> None: ...


class PortRouter:
    """Applications by port: exact names first, then prefixes, which end in a dot or a hyphen."""

    def __init__(self) -> None:
        self._exact: dict[str, PortModule] = {}
        self._prefixes: dict[str, PortModule] = {}

    def route(self, port: str, module: PortModule) -> None:
        """Serve ``port``, or when it ends in a dot or a hyphen every port that starts with it."""
        table = self._prefixes if port.endswith((".", "-")) else self._exact
        if port in table:
            raise ValueError(f"port {port} is routed twice")
        table[port] = module

    def module(self, port: str) -> PortModule:
        """The application bound to ``port``; port/5 when there is none."""
        found = self._exact.get(port) or next(
            (module for prefix, module in self._prefixes.items() if port.startswith(prefix)), None
        )
        if found is None:
            raise ROUTE_NOT_FOUND(f"route not found to portID: {port}")
        return found


@dataclass(frozen=True, slots=True)
class StandardAck:
    """ibc-go's ``Acknowledgement`` message: a result, an error, or (with neither) nothing at all."""

    result: bytes | None = None
    error: str | None = None
    null_result: bool = False

    @property
    def success(self) -> bool:
        return self.error is None and (self.result is not None or self.null_result)

    def marshal(self) -> bytes:
        """The JSON that ibc-go commits to."""
        if self.error is not None:
            return gojson.dumps([("error", self.error)])
        if self.null_result:
            return b'{"result":null}'
        if self.result is None:
            return b"{}"
        return gojson.dumps([("result", base64.b64encode(self.result).decode())])

    def compact_text(self) -> str:
        """The one-line text form of gogoproto, which events of ICS-20 carry."""
        if self.error is not None:
            return f'error:"{_text_escape(self.error.encode())}" '
        return f'result:"{_text_escape(self.result or b"")}" ' if self.success else ""


def result_ack(result: bytes) -> Acknowledgement:
    return Acknowledgement(StandardAck(result=result).marshal(), success=True)


def error_ack(error: AbciError) -> Acknowledgement:
    """The code, but not the text: texts are not the same on every node (``NewErrorAcknowledgement``)."""
    return Acknowledgement(StandardAck(error=error_text(error)).marshal(), success=False)


def error_text(error: AbciError) -> str:
    return f"ABCI code: {error.code}: {_ERROR_TEXT}"


def parse_ack(data: bytes) -> StandardAck | None:
    """Read as jsonpb reads an Acknowledgement; None where that fails (then the application has a format of its own).

    Follows gogo/protobuf ``jsonpb``: names are exact, unknown ones are errors, trailing text is ignored.
    """
    try:
        members = gojson.loads(data, trailing=True)
        if members is None:
            return StandardAck()
        if not isinstance(members, gojson.Pairs):
            return None
        return _from_members(dict(members))
    except ValueError:
        return None


def _from_members(members: dict[str, object]) -> StandardAck | None:
    if members.keys() - {"result", "error"}:
        return None
    if "error" in members:
        error = members["error"]
        text = "" if error is None else error
        return StandardAck(error=gojson.clean(text)) if isinstance(text, str) else None
    if "result" not in members:
        return StandardAck()
    result = members["result"]
    if result is None:
        return StandardAck(null_result=True)
    return StandardAck(result=gobase64.decode(result.encode())) if isinstance(result, str) else None


def _text_escape(data: bytes) -> str:
    short = {0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x22: '\\"', 0x5C: "\\\\"}
    return "".join(
        short.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}") for byte in data
    )
