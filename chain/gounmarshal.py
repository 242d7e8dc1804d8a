"""JSON into Go's types: what ``encoding/json`` takes for each of them, and its words for what it refuses.

Values are bytes of JSON that is valid (``gojson.check``), as ``json.RawMessage`` holds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import msgspec

from chain import gobase64, gojson
from chain.gojson import JsonError, Number, Pairs

_KINDS: Final = {
    b'"': "string",
    b"{": "object",
    b"[": "array",
    b"t": "bool",
    b"f": "bool",
    b"n": "null",
}
_SHORT: Final = re.compile(rb"-?[0-9]{1,20}")
_INTERFACES: Final = {
    bool: "bool",
    list: "[]interface {}",
    Pairs: "map[string]interface {}",
}


def kind(raw: bytes) -> str:
    """string, object, array, bool, null or number."""
    return _KINDS.get(raw[:1], "number")


def refused(raw: bytes, go_type: str) -> JsonError:
    """``UnmarshalTypeError``."""
    return JsonError(f"json: cannot unmarshal {kind(raw)} into Go value of type {go_type}")


def members(raw: bytes, go_type: str) -> dict[str, bytes]:
    """An object's values by name, the last of each; null is an empty one."""
    if kind(raw) == "null":
        return {}
    if kind(raw) != "object":
        raise refused(raw, go_type)
    try:
        held = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):  # Go also reads names that msgspec does not
        found: Iterator[bytes] = gojson.parts(raw)
        return {string(name): next(found) for name in found}
    return {name: bytes(value) for name, value in held.items()}


def elements(raw: bytes, go_type: str) -> Iterator[bytes]:
    """The values of an array; null is an empty one."""
    if kind(raw) == "null":
        return iter(())
    if kind(raw) != "array":
        raise refused(raw, go_type)
    try:
        held = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except (ValueError, RecursionError):
        return gojson.parts(raw)
    return map(bytes, held)


def string(raw: bytes) -> str:
    """Text; null is an empty one."""
    with suppress(
        ValueError
    ):  # Go takes more than msgspec for text, but what msgspec takes means the same to both
        return msgspec.json.decode(raw, type=str)
    if kind(raw) == "null":
        return ""
    if kind(raw) != "string":
        raise refused(raw, "string")
    return gojson.clean(gojson.loads(raw))


def boolean(raw: bytes) -> bool:
    """True or false; null is false."""
    if kind(raw) not in {"bool", "null"}:
        raise refused(raw, "bool")
    return raw == b"true"


def integer(raw: bytes, go_type: str, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``; null is 0."""
    if kind(raw) == "null":
        return 0
    if kind(raw) != "number":
        raise refused(raw, go_type)
    if _SHORT.fullmatch(raw) is not None and low <= int(raw) <= high:
        return int(raw)
    raise JsonError(f"json: cannot unmarshal number {raw.decode()} into Go value of type {go_type}")


def bytes_(raw: bytes, go_type: str) -> bytes:
    """Base64 text, or an array of numbers; null is empty."""
    if kind(raw) == "array":
        if (
            raw.translate(None, b"0123456789, \t\r\n") == b"[]"
        ):  # msgspec takes 1.0 for a whole number
            with suppress(ValueError):
                return bytes(msgspec.json.decode(raw, type=list[int]))
        return bytes(integer(each, "uint8", 0, 255) for each in gojson.parts(raw))
    if kind(raw) not in {"string", "null"}:
        raise refused(raw, go_type)
    try:
        return gobase64.decode(string(raw).encode())
    except ValueError as error:
        raise JsonError(str(error)) from error


def interface(raw: bytes) -> Any:
    """What a value becomes where Go's type is ``interface{}``; numbers are Number."""
    return gojson.loads(raw)


def interface_type(value: Any) -> str:
    """The Go type of such a value."""
    return _INTERFACES[type(value)]


def shown(value: Any) -> str:
    """Such a value as ``fmt`` prints it with ``%v``."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Number):
        return _general(gojson.float64(value.text))
    if isinstance(value, Pairs):
        held = sorted(dict(value).items(), key=lambda member: member[0].encode("utf-8", "replace"))
        return f"map[{' '.join(f'{name}:{shown(each)}' for name, each in held)}]"
    if isinstance(value, list):
        return f"[{' '.join(map(shown, value))}]"
    return gojson.clean(value)


def _general(value: float) -> str:
    """``%v`` of a float64: an exponent, of two digits at least, below 1e-4 and from 1e6 on."""
    digits = Decimal(repr(value))
    if not value or -5 < digits.adjusted() < 6:
        return gojson.number(value)
    sign, figures, _ = digits.normalize().as_tuple()
    head, rest = str(figures[0]), "".join(map(str, figures[1:]))
    mantissa = f"{'-' if sign else ''}{head}{'.' if rest else ''}{rest}"
    return f"{mantissa}e{digits.adjusted():+03d}"
