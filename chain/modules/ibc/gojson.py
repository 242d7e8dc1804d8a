"""JSON as Go's ``encoding/json`` reads and writes it, where bytes must agree with other chains."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

_ESCAPES: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACE: Final = " \t\n\r"


class JsonError(ValueError):
    """JSON that is well-formed but not of the type that was expected."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number, kept as text: no reader here wants one, and its size is not bounded."""

    text: str


class Pairs(list[tuple[str, Any]]):
    """A JSON object: its members in order, duplicates included."""


def _one_per_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"invalid character in literal {text}")


codecs.register_error("lightship.go", _one_per_byte)
_DECODER = json.JSONDecoder(
    object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=_no_constant
)


def loads(data: bytes, *, trailing: bool = False) -> Any:
    """The value of JSON text; objects as Pairs, numbers as Number. Bytes that are not UTF-8 read as U+FFFD.

    With ``trailing`` whatever follows the value is ignored, as gogoproto's jsonpb does. Raises ValueError.
    """
    text = data.decode("utf-8", "lightship.go").lstrip(_SPACE)
    try:
        value, end = _DECODER.raw_decode(text)
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    if not trailing and text[end:].strip(_SPACE):
        raise ValueError(f"invalid character {text[end:].strip(_SPACE)[0]!r} after top-level value")
    return value


def clean(text: str) -> str:
    """Half of a surrogate pair reads as U+FFFD in Go."""
    return _SURROGATE.sub("\ufffd", text)


def quote(text: str) -> str:
    """A JSON string with Go's HTML-safe escapes."""
    return json.dumps(clean(text), ensure_ascii=False).translate(_ESCAPES)


def dumps(members: Iterable[tuple[str, str]]) -> bytes:
    """An object whose values are strings, in the order given, without spaces."""
    body = ",".join(f"{quote(name)}:{quote(value)}" for name, value in members)
    return f"{{{body}}}".encode()
