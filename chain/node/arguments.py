"""What callers pass to RPC methods: names, kinds, and how JSON and URI spell them (CometBFT
``rpc/jsonrpc/server``).

Whole numbers may come as JSON numbers or as strings; bytes are base64 in JSON, ``0x`` hexadecimal
or a quoted text in a URI; hashes that CometBFT types as HexBytes are hexadecimal in both.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain.node.errors import InvalidParams
from chain.node.params import whole_number


@dataclass(frozen=True, slots=True)
class Parameter:
    """``kind`` is a key of the tables below; an argument that is absent or null has no value."""

    name: str
    kind: str


def from_json(parameters: Sequence[Parameter], given: Any) -> dict[str, Any]:
    """Arguments out of the ``params`` of a request: an object, an array in order, or nothing.

    Raises InvalidParams.
    """
    if given is None:
        given = {}
    if isinstance(given, list):
        if len(given) != len(parameters):
            raise InvalidParams(
                f"error converting json params to arguments: expected {len(parameters)} "
                f"parameters ({_names(parameters)}), got {len(given)}"
            )
        given = dict(zip((each.name for each in parameters), given, strict=True))
    if not isinstance(given, Mapping):
        raise InvalidParams(
            "error converting json params to arguments: params must be an object or an array, "
            f"got {type(given).__name__}"
        )
    return _read(parameters, given, _JSON, "json")


def from_uri(parameters: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, Any]:
    """Arguments out of a query string. Raises InvalidParams."""
    present = {name: value for name, value in given.items() if value}
    return _read(parameters, present, _URI, "http")


def _read(
    parameters: Sequence[Parameter],
    given: Mapping[str, Any],
    readers: Mapping[str, Callable[[Any], Any]],
    origin: str,
) -> dict[str, Any]:
    found = {}
    for parameter in parameters:
        value = given.get(parameter.name)
        if value is None:
            continue
        try:
            found[parameter.name] = readers[parameter.kind](value)
        except ValueError as error:
            raise InvalidParams(
                f"error converting {origin} params to arguments: {parameter.name}: {error}"
            ) from error
    return found


def _names(parameters: Sequence[Parameter]) -> str:
    return ", ".join(each.name for each in parameters) or "none"


def _int(value: Any) -> int:
    number = whole_number(value)
    if number is None:
        raise ValueError(f"expected a 64-bit integer, got {_shown(value)}")
    return number


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {_shown(value)}")  # noqa: TRY004
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {_shown(value)}")  # noqa: TRY004
    return value


def _base64(value: Any) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except (binascii.Error, UnicodeError):
        raise ValueError(f"expected base64, got {_shown(value)}") from None


def _hex(value: Any) -> bytes:
    text = _text(value)
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if 2 * len(data) != len(text):  # fromhex skips white space
        raise ValueError(f"expected hexadecimal, got {_shown(value)}")
    return data


def _uri_int(value: str) -> int:
    return _int(_unquoted(value) if value.startswith('"') else value)


def _uri_bool(value: str) -> bool:
    if value not in {"true", "false"}:
        raise ValueError(f"expected true or false, got {_shown(value)}")
    return value == "true"


def _uri_text(value: str) -> str:
    return _unquoted(value) if value.startswith('"') else value


def _uri_bytes(value: str) -> bytes:
    if value[:2].lower() == "0x":
        return _hex(value[2:])
    if value.startswith('"'):
        return _unquoted(value).encode()
    raise ValueError(f"expected 0x and hexadecimal, or a quoted string, got {_shown(value)}")


def _unquoted(value: str) -> str:
    try:
        text = json.loads(value)
    except ValueError:
        raise ValueError(f"expected a quoted string, got {_shown(value)}") from None
    return _text(text)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


_JSON: Final[dict[str, Callable[[Any], Any]]] = {
    "int": _int,
    "bool": _bool,
    "text": _text,
    "bytes": _base64,
    "hex": _hex,
    "any": lambda value: value,
}
_URI: Final[dict[str, Callable[[Any], Any]]] = {
    "int": _uri_int,
    "bool": _uri_bool,
    "text": _uri_text,
    "bytes": _uri_bytes,
    "hex": _uri_bytes,
    "any": lambda value: value,
}
