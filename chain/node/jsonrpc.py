"""JSON-RPC 2.0 requests and responses as CometBFT reads and writes them (``rpc/jsonrpc/types/types.go``)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec

from chain import gojson, gounmarshal
from chain.gojson import JsonError, Number
from chain.node.errors import InvalidRequest, ParseError, RpcError

_STRUCT: Final = (
    r'struct { JSONRPC string "json:\"jsonrpc\""; ID interface {} "json:\"id,omitempty\""; '
    r'Method string "json:\"method\""; Params json.RawMessage "json:\"params\"" }'
)
_FIELDS: Final = ("jsonrpc", "id", "method", "params")
_LEAST: Final = -(2**63)
_EXACT: Final = 2**53
"""Up to here a float64 holds every whole number."""

Identifier = str | int


@dataclass(frozen=True, slots=True)
class Request:
    """``params`` is their JSON, empty when absent. A notification has no ``identifier``, and is not answered."""

    identifier: Identifier | None = None
    method: str = ""
    params: bytes = b""

    @property
    def answerable(self) -> Identifier:
        """The identifier of what is no notification."""
        if self.identifier is None:
            raise ValueError("a notification is not answered")
        return self.identifier


def requests(body: bytes, most: int) -> list[Request]:
    """The requests of a POST, one or a batch of no more than ``most``. Raises ParseError, InvalidRequest."""
    plain = _plain(body)
    if plain is not None and len(plain) <= most:
        return plain
    try:
        gojson.check(body)
        batch = gounmarshal.elements(body.strip(b" \t\r\n"), "")
        found = [_request(each) for each in islice(batch, most + 1)]
    except ValueError:
        return [request(body)]
    if len(found) > most:
        raise InvalidRequest(f"batch request exceeds maximum ({most}) allowed number of requests")
    return found


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """A request as nearly everybody writes it, which has the same meaning to msgspec as to Go."""

    id: int | str
    method: str
    params: msgspec.Raw = msgspec.Raw()
    jsonrpc: str = ""


_PLAIN: Final = msgspec.json.Decoder(list[_Plain] | _Plain)


def _plain(body: bytes) -> list[Request] | None:
    """Requests that need no closer look; None for others."""
    try:
        msgspec.json.decode(body)  # for what a Raw holds is not judged
        found = _PLAIN.decode(body)
    except (ValueError, RecursionError):
        return None
    listed = found if isinstance(found, list) else [found]
    if any(isinstance(each.id, int) and abs(each.id) > _EXACT for each in listed):
        return None
    return [Request(each.id, each.method, bytes(each.params)) for each in listed]


def request(body: bytes) -> Request:
    """The request that a text is. Raises ParseError."""
    try:
        gojson.check(body)
        return _request(body.strip(b" \t\r\n"))
    except ValueError as error:
        raise ParseError(f"error unmarshaling request: {error}") from error


def first_request(body: bytes) -> Request:
    """The request that a WebSocket message begins with; what follows it is not looked at. Raises ParseError."""
    plain = _plain(body) if body[:1] == b"{" else None
    if plain is not None:
        return plain[0]
    try:
        return _request(gojson.first(body))
    except ValueError as error:
        raise ParseError(f"error unmarshaling request: {error}") from error


def success(identifier: Identifier, result: Any) -> bytes:
    return gojson.encode({"jsonrpc": "2.0", "id": identifier, "result": result})


def failure(identifier: Identifier | None, error: RpcError) -> bytes:
    """Without an ``id`` when the request's could not be read."""
    told = {} if identifier is None else {"id": identifier}
    return gojson.encode({"jsonrpc": "2.0", **told, "error": error.as_json()})


def _request(raw: bytes) -> Request:
    """Names match whatever their case; of two for one field the later counts."""
    held = gounmarshal.members(raw, _STRUCT)
    fields = {name.lower(): value for name, value in held.items() if name.lower() in _FIELDS}
    wrong = [_wrong(name, value) for name, value in fields.items()]
    if any(wrong):
        raise JsonError(next(text for text in wrong if text))
    identifier = _identifier(fields.get("id", b"null"))
    if identifier is None:
        return Request()
    method = gounmarshal.string(fields.get("method", b"null"))
    return Request(identifier, method, fields.get("params", b""))


def _wrong(name: str, raw: bytes) -> str:
    """Why a value does not fit its field; empty when it does."""
    if name in {"jsonrpc", "method"} and gounmarshal.kind(raw) not in {"string", "null"}:
        kind = gounmarshal.kind(raw)
        return f"json: cannot unmarshal {kind} into Go struct field .{name} of type string"
    if name == "id" and gounmarshal.kind(raw) == "number":
        try:
            gojson.float64(raw.decode())
        except ValueError:
            number = f"number {raw.decode()}"
            return f"json: cannot unmarshal {number} into Go struct field .id of type float64"
    return ""


def _identifier(raw: bytes) -> Identifier | None:
    """Text, or a number without its fraction; null is none."""
    value = gounmarshal.interface(raw)
    if value is None:
        return None
    if isinstance(value, str):
        return gojson.clean(value)
    if isinstance(value, Number):
        whole = int(gojson.float64(value.text))
        return whole if _LEAST <= whole < -_LEAST else _LEAST
    kind, shown = gounmarshal.interface_type(value), gounmarshal.shown(value)
    raise JsonError(f"json-rpc ID ({shown}) is of unknown type ({kind})")
