"""JSON as Go's ``encoding/json`` reads and writes it, where bytes must agree with other chains."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable, Iterator
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
      | (?P<text>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
      | (?P<other>true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)
    )""",
    re.VERBOSE,
)


_TEXT: Final = re.compile(
    rb"""[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+""",
)
_LITERALS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}
_WANTED_VALUES: Final = frozenset({"value", "first"})
_CONTEXT: Final = {
    "value": "looking for beginning of value",
    "first": "looking for beginning of value",
    "name": "looking for beginning of object key string",
    "member": "looking for beginning of object key string",
    "colon": "after object key",
    "end": "after top-level value",
}
_GO_ESCAPES: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip

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
    except ValueError:
        (first if trailing else check)(data)  # says it in Go's words
        raise
    if not trailing and text[end:].strip(_SPACE):
        raise ValueError(f"invalid character {text[end:].strip(_SPACE)[0]!r} after top-level value")
    return value


def valid(data: bytes) -> bool:
    """``json.Valid``: Go minds neither bytes that are no UTF-8 nor numbers of any size."""
    try:
        check(data)
    except JsonError:
        return False
    return True


def check(data: bytes) -> None:
    """JsonError, in the words of its scanner, for what ``encoding/json`` does not take for JSON."""
    try:
        msgspec.json.decode(data)
    except (ValueError, RecursionError):  # what msgspec refuses may still be JSON to Go
        _scan(data)


def compact(data: bytes) -> bytes:
    """``json.Compact``: the same JSON without spaces between its tokens. ValueError for what is no JSON."""
    if not valid(data):
        raise ValueError("the bytes are not JSON")
    return b"".join(token[0].lstrip(_SPACE.encode()) for token in _TOKEN.finditer(data))


def parts(data: bytes) -> Iterator[bytes]:
    """The items of an array, or names and values of an object in turn, as they stand in JSON that is valid."""
    depth, begin, end = 0, -1, 0
    for token in _TOKEN.finditer(data):
        kind = token.lastgroup
        at, previous = token.start(kind or 0), end
        end = token.end()
        if kind == "close":
            depth -= 1
        if (kind in {"comma", "colon"} and depth == 1) or (kind == "close" and not depth):
            if begin >= 0:
                yield data[begin:previous]
            begin = -1
        elif depth == 1 and begin < 0:
            begin = at
        if kind == "open":
            depth += 1


def first(data: bytes) -> bytes:
    """The value that bytes begin with, as ``json.Decoder`` finds it. JsonError."""
    if not data.strip(_SPACE.encode()):
        raise JsonError("EOF")
    return data[: _scan(data, alone=False)].strip(_SPACE.encode())


def _scan(data: bytes, *, alone: bool = True) -> int:
    """The grammar of RFC 8259 over bytes, without recursion: where the value ends. JsonError.

    Nothing may follow a value that is ``alone``.
    """
    inside = bytearray()  # the brackets that are open
    wanted, before = "value", b""
    at = 0
    while token := _TOKEN.match(data, at):
        step = _step(inside, wanted, token.lastgroup or "", token[0][-1:])
        if step is None:
            if len(inside) > MAX_DEPTH:
                raise JsonError(
                    f"invalid character {_char(data[token.end() - 1])} exceeded max depth"
                )
            break
        at, wanted, before = token.end(), step, token["other"] or b""
        if wanted == "end" and not alone and not _unfinished(data, at, before):
            return at
    if wanted == "end" and not data[at:].strip(_SPACE.encode()):
        return at
    at, context = _unfinished(data, at, before) or _misplaced(data, at, wanted, inside)
    if at >= len(data):
        raise JsonError(_cut_short(context) if alone else "unexpected EOF")
    raise JsonError(f"invalid character {_char(data[at])} {context}")


def _cut_short(context: str) -> str:
    """At the end Go's scanner tries a space, which only some tokens refuse."""
    if context.startswith(("in string literal", "looking", "after object", "after array")):
        return "unexpected end of JSON input"
    return f"invalid character ' ' {context}"


def _unfinished(data: bytes, at: int, before: bytes) -> tuple[int, str] | None:
    """Where Go stops when ``before``, a number, goes on with a fraction or an exponent that is none."""
    mark = data[at : at + 1].lower()
    if not before[-1:].isdigit() or mark not in {b".", b"e"} or b"e" in before.lower():
        return None
    if mark == b".":
        return None if b"." in before else (at + 1, "after decimal point in numeric literal")
    signed = data[at + 1 : at + 2] in {b"+", b"-"}
    return at + 1 + signed, "in exponent of numeric literal"


def _misplaced(data: bytes, at: int, wanted: str, inside: bytearray) -> tuple[int, str]:
    """The first byte that Go's scanner does not take at or after ``at``, and what it says of it."""
    at = len(data) - len(data[at:].lstrip(_SPACE.encode()))
    first = data[at : at + 1]
    if first == b'"' and wanted in _WANTED_VALUES | {"name", "member"}:
        return _inside_text(data, at + 1)
    if first and first in b"-tfn" and wanted in _WANTED_VALUES:
        return _inside_other(data, at)
    if wanted == "next":
        kind = "array element" if inside[-1:] == b"[" else "object key:value pair"
        return at, f"after {kind}"
    return at, _CONTEXT[wanted]


def _inside_text(data: bytes, at: int) -> tuple[int, str]:
    good = _TEXT.match(data, at)
    at = good.end() if good else at
    if data[at : at + 1] != b"\\":
        return at, "in string literal"
    if data[at + 1 : at + 2] != b"u":
        return at + 1, "in string escape code"
    at += 2
    while data[at : at + 1] and data[at : at + 1] in b"0123456789abcdefABCDEF":
        at += 1
    return at, "in \\u hexadecimal character escape"


def _inside_other(data: bytes, at: int) -> tuple[int, str]:
    literal = _LITERALS.get(data[at : at + 1])
    if literal is None:
        return at + 1, "in numeric literal"
    same = 1
    while data[at + same : at + same + 1] == literal[same : same + 1]:
        same += 1
    return at + same, f"in literal {literal.decode()} (expecting '{chr(literal[same])}')"


def _char(byte: int) -> str:
    quoted = quote_go(chr(byte))[1:-1]
    return {"'": r"'\''", '"': "'\"'"}.get(chr(byte), f"'{quoted}'")


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


def quote_go(text: str) -> str:
    """``strconv.Quote``: a Go string literal."""
    return '"' + "".join(map(_go_escape, text)) + '"'


def _go_escape(char: str) -> str:
    if char in _GO_ESCAPES:
        return _GO_ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return (
        f"\\x{code:02x}"
        if code < 0x80
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


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
