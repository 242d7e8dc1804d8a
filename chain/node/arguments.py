"""What callers pass to RPC methods: names, types, and how JSON and URI spell them.

Sources: CometBFT ``rpc/jsonrpc/server/http_json_handler.go`` and ``http_uri_handler.go``, ``libs/json/decoder.go`` and
``libs/bytes/bytes.go``; their texts for what they refuse. Integers of 64 bits are strings in JSON; bytes are base64 in
JSON, ``0x`` hexadecimal or a quoted text in a URI; what CometBFT types as HexBytes is hexadecimal in JSON. A URI may
also hold JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain import gohex, gojson, gounmarshal
from chain.gojson import JsonError
from chain.node.errors import HandlerPanic, InvalidParams

_DIGITS: Final = re.compile(r"-?[0-9]+", re.ASCII)
_INTEGERS: Final = {
    "int64": (-(2**63), 2**63 - 1),
    "int": (-(2**63), 2**63 - 1),
    "uint": (0, 2**64 - 1),
}
_BYTES: Final = frozenset({"[]uint8", "types.Tx", "bytes.HexBytes"})
_MAP: Final = "map[string]json.RawMessage"
_LIST: Final = "[]json.RawMessage"
_WRAPPER: Final = "json.interfaceWrapper"
_EVIDENCE: Final = frozenset(
    {"tendermint/DuplicateVoteEvidence", "tendermint/LightClientAttackEvidence"}
)
_REGISTERED: Final = frozenset(
    f"tendermint/{name}"
    for name in ("PubKeyEd25519", "PrivKeyEd25519", "PubKeySecp256k1", "PrivKeySecp256k1")
)
"""What else the type registry of ``libs/json`` knows by name."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """``go_type`` is that of the method's argument without a pointer; what is absent or null has no value."""

    name: str
    go_type: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """``evidence`` of a known type; ``value`` is its JSON."""

    name: str
    value: bytes


def from_json(parameters: Sequence[Parameter], given: bytes) -> dict[str, Any]:
    """Arguments out of the ``params`` of a request: JSON of an object or an array in order; empty when absent.

    Raises InvalidParams; HandlerPanic where CometBFT calls the method without its arguments.
    """
    if not given:
        if parameters:
            raise HandlerPanic("reflect: Call with too few input arguments")
        return {}
    try:
        values = _named(parameters, given)
        return {
            each.name: _read(values[each.name], each.go_type)
            for each in parameters
            if values.get(each.name, b"null") != b"null"
        }
    except ValueError as error:
        raise InvalidParams(f"error converting json params to arguments: {error}") from error


def _named(parameters: Sequence[Parameter], given: bytes) -> dict[str, bytes]:
    if gounmarshal.kind(given) in {"object", "null"}:
        return gounmarshal.members(given, _MAP)
    try:
        listed = list(gounmarshal.elements(given, _LIST))
    except JsonError as error:
        raise JsonError(f"unknown type for JSON params: {error}. Expected map or array") from error
    if len(listed) != len(parameters):
        names = " ".join(each.name for each in parameters)
        shown = " ".join(f"[{' '.join(map(str, each))}]" for each in listed)
        raise JsonError(
            f"expected {len(parameters)} parameters ([{names}]), got {len(listed)} ([{shown}])"
        )
    return {each.name: value for each, value in zip(parameters, listed, strict=True)}


def from_uri(parameters: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    """Arguments out of a query string. Raises InvalidParams, and HandlerPanic as above."""
    found = {}
    try:
        for each in parameters:
            text = given.get(each.name)
            if text and text != "null":
                found[each.name] = _from_text(text, each.go_type)
    except ValueError as error:
        raise InvalidParams(f"error converting http params to arguments: {error}") from error
    return found


def _from_text(text: str, go_type: str) -> Any:
    quoted = text.startswith('"') and text.endswith('"')
    if go_type in _INTEGERS and _DIGITS.fullmatch(text):
        return _integer(f'"{text}"'.encode(), go_type)
    if text[:2].lower() == "0x":
        return _from_hex(text[2:], go_type)
    raw = text.encode("utf-8", "surrogateescape")
    if go_type in _BYTES and quoted:
        gojson.check(raw)
        return gounmarshal.string(raw).encode()
    if go_type not in _INTEGERS and go_type != "bytes.HexBytes":
        gojson.check(raw)
        raw = raw.strip(b" \t\r\n")
    return _read(raw, go_type)


def _from_hex(text: str, go_type: str) -> Any:
    if go_type in _BYTES:
        return gohex.decode(text)
    if go_type == "string":
        return gojson.text(gohex.decode(text))
    kind = "interface" if go_type == "types.Evidence" else go_type
    raise JsonError(f"got a hex string arg, but expected '{kind}'")


def _read(raw: bytes, go_type: str) -> Any:
    """JSON that is not null as a value of a type; ValueError with CometBFT's text."""
    return _READ[go_type](raw, go_type)


def _integer(raw: bytes, go_type: str) -> int:
    if raw == b'"':
        raise HandlerPanic("runtime error: slice bounds out of range [1:0]")
    if raw[:1] != b'"' or raw[-1:] != b'"':
        shown = gojson.quote_go(gojson.text(raw))
        raise JsonError(f"invalid 64-bit integer encoding {shown}, expected string")
    inner = raw[1:-1]
    gojson.check(inner)
    return gounmarshal.integer(inner.strip(b" \t\r\n"), go_type, *_INTEGERS[go_type])


def _hexadecimal(raw: bytes, _: str) -> bytes:
    if len(raw) < 2 or raw[:1] != b'"' or raw[-1:] != b'"':
        raise JsonError(f"invalid hex string: {gojson.text(raw)}")
    return gohex.decode(raw[1:-1].decode("utf-8", "surrogateescape"))


def _evidence(raw: bytes, _: str) -> Evidence:
    members = gounmarshal.members(raw, _WRAPPER)
    named = members.get("type", b"null")
    if gounmarshal.kind(named) not in {"string", "null"}:
        field = f"{gounmarshal.kind(named)} into Go struct field interfaceWrapper.type"
        raise JsonError(f"json: cannot unmarshal {field} of type string")
    name = gounmarshal.string(named)
    if not name:
        raise JsonError("interface type cannot be empty")
    if "value" not in members:
        raise JsonError("interface value cannot be empty")
    if name in _REGISTERED:
        raise JsonError(f"invalid type {gojson.quote_go(name)} for this value")
    if name not in _EVIDENCE:
        raise JsonError(f"unknown type {gojson.quote_go(name)}")
    return Evidence(name, members["value"])


_READ: Final[dict[str, Callable[[bytes, str], Any]]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    "bool": lambda raw, _: gounmarshal.boolean(raw),
    "string": lambda raw, _: gounmarshal.string(raw),
    "[]uint8": gounmarshal.bytes_,
    "types.Tx": gounmarshal.bytes_,
    "bytes.HexBytes": _hexadecimal,
    "types.Evidence": _evidence,
}
