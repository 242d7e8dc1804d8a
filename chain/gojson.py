"""JSON as Go's ``encoding/json`` reads and writes it, where bytes must agree with other chains."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NoReturn

import msgspec

_ESCAPES: Final = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACE: Final = " \t\n\r"

MAX_DEPTH: Final = 10_000
"""How deep ``encoding/json`` follows arrays and objects into one another (its ``maxNestingDepth``)."""

_TOKEN: Final = re.compile(
    rb"""[ \t\n\r]*(?:
        (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<comma>,) | (?P<colon>:)
      | (?P<text>"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+")
      | (?P<other>true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)
    )""",
    re.VERBOSE,
)


_PLAIN_POWERS: Final = range(-6, 21)
"""Powers of ten that Go writes out; others get an exponent."""


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


def encode(value: Any) -> bytes:
    """``json.Marshal``: no spaces, ``< > &`` and the two line separators escaped; bytes become base64."""
    text = msgspec.json.encode(value)
    for raw, escaped in _ESCAPES:
        if raw in text:
            text = text.replace(raw, escaped)
    return text


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


def valid(data: bytes) -> bool:
    """``json.Valid``: Go minds neither bytes that are no UTF-8 nor numbers of any size."""
    try:
        msgspec.json.decode(data)
    except (ValueError, RecursionError):  # what msgspec refuses may still be JSON to Go
        return _scan(data)
    return True


def compact(data: bytes) -> bytes:
    """``json.Compact``: the same JSON without spaces between its tokens. ValueError for what is no JSON."""
    if not valid(data):
        raise ValueError("the bytes are not JSON")
    return b"".join(token[0].lstrip(_SPACE.encode()) for token in _TOKEN.finditer(data))


def _scan(data: bytes) -> bool:
    """The grammar of RFC 8259 over bytes, without recursion."""
    inside = bytearray()  # the brackets that are open
    wanted = "value"
    at = 0
    while token := _TOKEN.match(data, at):
        at = token.end()
        step = _step(inside, wanted, token.lastgroup or "", token[0][-1:])
        if step is None:
            return False
        wanted = step
    return wanted == "end" and not data[at:].strip(_SPACE.encode())


def _step(inside: bytearray, wanted: str, kind: str, last: bytes) -> str | None:
    """What may follow a token; None when the token may not stand where ``wanted`` is.

    ``wanted``: value, first (value or ``]``), name (of a member), member (name or ``}``), colon, next (comma or the
    closing bracket), end.
    """
    if kind == "open" and wanted in {"value", "first"}:
        inside += last
        return None if len(inside) > MAX_DEPTH else "first" if last == b"[" else "member"
    if kind == "close" and inside:
        opened = b"[" if last == b"]" else b"{"
        if inside[-1:] != opened or wanted not in {"next", "first" if opened == b"[" else "member"}:
            return None
        del inside[-1]
        return "next" if inside else "end"
    if kind == "comma" and wanted == "next":
        return "value" if inside[-1:] == b"[" else "name"
    if kind == "colon" and wanted == "colon":
        return "value"
    if kind == "text" and wanted in {"name", "member"}:
        return "colon"
    if kind in {"text", "other"} and wanted in {"value", "first"}:
        return "next" if inside else "end"
    return None


def is_number(text: str) -> bool:
    """Whether text is JSON that is a number."""
    token = _TOKEN.fullmatch(text.rstrip(_SPACE).encode())
    return token is not None and token["other"] is not None and token["other"][-1:].isdigit()


def text(data: bytes) -> str:
    """Bytes as Go shows a string of them: each that is not UTF-8 becomes U+FFFD."""
    return data.decode("utf-8", "lightship.go")


def float64(text: str) -> float:
    """A number as Go reads it where nothing says what it is; ValueError for one that is too large."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"cannot unmarshal number {text} into Go value of type float64")
    return value


def number(value: float) -> str:
    """The shortest digits that mean this number, with an exponent below 1e-6 and from 1e21 on (``encoding/json``)."""
    digits = Decimal(repr(value))
    if not value or digits.adjusted() in _PLAIN_POWERS:
        plain = f"{digits:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    sign, figures, _ = digits.normalize().as_tuple()
    head, rest = str(figures[0]), "".join(map(str, figures[1:]))
    mantissa = f"{'-' if sign else ''}{head}{'.' if rest else ''}{rest}"
    return f"{mantissa}e{digits.adjusted():+d}"


def clean(text: str) -> str:
    """Half of a surrogate pair reads as U+FFFD in Go."""
    return _SURROGATE.sub("\ufffd", text)


def quote(text: str) -> str:
    """A JSON string with Go's HTML-safe escapes."""
    return encode(clean(text)).decode()


def dumps(members: Iterable[tuple[str, str]]) -> bytes:
    """An object whose values are strings, in the order given, without spaces."""
    body = ",".join(f"{quote(name)}:{quote(value)}" for name, value in members)
    return f"{{{body}}}".encode()
