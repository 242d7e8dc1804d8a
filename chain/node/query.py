"""CometBFT's query language (``libs/pubsub/query``): conditions on event attributes, joined by AND.

``tag op value`` with ``=``, ``<``, ``<=``, ``>``, ``>=``, ``CONTAINS``, or ``tag EXISTS``. Values
are strings in single quotes, numbers of any size, ``DATE yyyy-mm-dd`` and ``TIME`` in RFC 3339. A
condition holds when any value of the attribute satisfies it, whatever the other conditions look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import Final

from chain.node.errors import QueryError
from light_client.values import Timestamp

MAX_LENGTH: Final = 512
Argument = str | Decimal | Timestamp | None
Events = Mapping[str, Sequence[str]]

_SPACE: Final = re.compile(r"\s*")
_TOKEN: Final = re.compile(
    r"""(?:
        (?P<string>'[^']*')
      | (?P<time>TIME\ [-T:+Z0-9]*)
      | (?P<date>DATE\ [-0-9]*)
      | (?P<number>[0-9]+(?:\.[0-9]*)?)
      | (?P<op><=|>=|<|>|=)
      | (?P<tag>[^\W][\w.-]*)
    )""",
    re.VERBOSE,
)
_WORDS: Final = frozenset({"AND", "EXISTS", "CONTAINS"})
_OPERATORS: Final = ("<=", ">=", "<", ">", "=", "CONTAINS", "EXISTS")
_NAMES: Final = {
    **{word: f"{word} operator" for word in ("AND", *_OPERATORS)},
    "time": "timestamp",
    "date": "datestamp",
    "invalid": "invalid token",
}
"""What CometBFT calls tokens; the others by their own names."""
_NUMBER_OF_AND: Final = 6
"""What it calls AND where it prints the constant."""
_LEADING_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_COMPARE: Final[dict[str, Callable[[object, object], bool]]] = {
    "=": eq,
    "<": lt,  # type: ignore[dict-item] # the operands have the same ordered type
    "<=": le,  # type: ignore[dict-item]
    ">": gt,  # type: ignore[dict-item]
    ">=": ge,  # type: ignore[dict-item]
}
_ORDERED: Final = ("number", "time", "date")
_ACCEPTS: Final = {
    "=": (*_ORDERED, "string"),
    "CONTAINS": ("string",),
    **dict.fromkeys(("<", "<=", ">", ">="), _ORDERED),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """``kind`` is that of the argument: string, number, time or date; empty for EXISTS. ``word`` is its text."""

    tag: str
    op: str
    kind: str = ""
    argument: Argument = None
    word: str = ""

    def __str__(self) -> str:
        return f"{self.tag} {self.op}{' ' if self.kind else ''}{self.word}"

    def holds(self, events: Events) -> bool:
        """Whether any value of the tag satisfies it; for EXISTS, an event of that type is enough."""
        values = events.get(self.tag)
        if values is not None:
            return any(self.matches(value) for value in values)
        if self.op != "EXISTS":
            return False
        prefix = self.tag + "."
        return any(name.startswith(prefix) for name in events)

    def matches(self, value: str) -> bool:
        if self.op == "EXISTS":
            return True
        if self.op == "CONTAINS":
            return str(self.argument) in value
        if self.kind == "string":
            return value == self.argument
        read = _READ[self.kind](value)
        return read is not None and _COMPARE[self.op](read, self.argument)


@dataclass(frozen=True, slots=True)
class Query:
    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        """As CometBFT writes it: two texts with one form are one query."""
        return " AND ".join(map(str, self.conditions))

    def may_be(self, name: str) -> bool:
        """Whether an event of this name can match; most events do not, and need no look at what they carry."""
        return all(
            each.tag != "tm.event" or each.op != "=" or each.argument == name
            for each in self.conditions
        )

    def matches(self, events: Events) -> bool:
        return all(condition.holds(events) for condition in self.conditions)


def parse(text: str) -> Query:
    """Raises QueryError with the offset, in bytes, of what does not belong there (``syntax/parser.go``)."""
    scanner = _Scanner(text)
    conditions = [_condition(scanner)]
    while True:
        try:
            kind = scanner.next()
        except QueryError:
            kind = "invalid"
        if kind == "end":
            return Query(tuple(conditions))
        if kind != "AND":
            got = _NAMES.get(kind, kind)
            raise QueryError(f"offset {scanner.offset}: got {got}, want {_NUMBER_OF_AND}")
        conditions.append(_condition(scanner))


class _Scanner:
    """``syntax/scanner.go``: after ``next``, ``word`` is the token and ``offset`` where it begins, in bytes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._begin = 0
        self.word = ""

    @property
    def offset(self) -> int:
        return self._bytes(self._begin)

    def next(self) -> str:
        """The kind of the next token: its own word for operators, ``end`` behind the last. QueryError."""
        space = _SPACE.match(self._text, self._at)
        self._begin = self._at = space.end() if space else self._at
        if self._at == len(self._text):
            return "end"
        first = self._text[self._at]
        if first == "'" and self._text.find("'", self._at + 1) < 0:
            return "end"
        match = _TOKEN.match(self._text, self._at)
        if match is None or match.lastgroup is None:
            end = self._bytes(self._at + 1)
            raise QueryError(f"invalid input {first} at offset {end}")
        self._at = match.end()
        kind, self.word = match.lastgroup, match[0]
        if kind in {"time", "date"} and _ARGUMENT[kind](self.word) is None:
            raise QueryError(_no_moment(kind, self.word[5:]))
        return self.word if kind == "op" or self.word in _WORDS else kind

    def require(self, kinds: Sequence[str]) -> str:
        try:
            kind = self.next()
        except QueryError as error:
            raise self.error(str(error)) from error
        if kind == "end":
            raise self.error("EOF")
        if kind not in kinds:
            names = [_NAMES.get(each, each) for each in kinds]
            wanted = " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
            raise self.error(f"got {_NAMES.get(kind, kind)}, wanted {wanted}")
        return kind

    def error(self, text: str) -> QueryError:
        return QueryError(f"offset {self.offset}: {text}")

    def _bytes(self, at: int) -> int:
        return len(self._text[:at].encode("utf-8", "replace"))


def _condition(scanner: _Scanner) -> Condition:
    scanner.require(("tag",))
    tag = scanner.word
    op = scanner.require(_OPERATORS)
    if op == "EXISTS":
        return Condition(tag, op)
    kind = scanner.require(_ACCEPTS[op])
    return Condition(tag, op, kind, _ARGUMENT[kind](scanner.word), scanner.word)


def _no_moment(kind: str, word: str) -> str:
    moment = _READ[kind](word)
    if moment is None:
        return f"invalid {kind.upper()} value: {_misread(kind, word)}"
    year = word[:4].lstrip("0") or "0"
    return f"{_NAMES[kind]} year {year} out of range"


def _misread(kind: str, word: str) -> str:
    """Go's ``time.ParseError``."""
    layout = "2006-01-02" if kind == "date" else "2006-01-02T15:04:05Z07:00"
    at = 0
    for piece, pattern in _LAYOUT[: 5 if kind == "date" else None]:
        match = re.compile(pattern, re.ASCII).match(word, at)
        if match is None:
            return f'parsing time "{word}" as "{layout}": cannot parse "{word[at:]}" as "{piece}"'
        low, high = _LIMITS.get(piece, ("", ""))
        if low and not low <= match[0] <= high:
            return f'parsing time "{word}": {_UNITS[piece]} out of range'
        at = match.end()
    if word[at:]:
        return f'parsing time "{word}": extra text: "{word[at:]}"'
    return f'parsing time "{word}": day out of range'


_LAYOUT: Final = (
    ("2006", r"\d{4}"), ("-", "-"), ("01", r"\d\d"), ("-", "-"), ("02", r"\d\d"), ("T", "T"), ("15", r"\d\d"),
    (":", ":"), ("04", r"\d\d"), (":", ":"), ("05", r"\d\d(?:\.\d+)?"), ("Z07:00", r"Z|[-+]\d\d:\d\d"),
)  # fmt: skip
_UNITS: Final = {"01": "month", "02": "day", "15": "hour", "04": "minute", "05": "second"}
_LIMITS: Final = {
    "01": ("01", "12"),
    "02": ("01", "31"),
    "15": ("00", "23"),
    "04": ("00", "59"),
    "05": ("00", "59~"),
}


def _number(value: str) -> Decimal | None:
    """The number that a value begins with: ``8.045stake`` is 8.045."""
    match = _LEADING_NUMBER.match(value)
    return Decimal(match[0]) if match else None


def _date(value: str) -> Timestamp | None:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII) is None:
        return None
    return _time(f"{value}T00:00:00Z")


def _time(value: str) -> Timestamp | None:
    try:
        return Timestamp.parse(value)
    except ValueError:
        return None


def _in_range(moment: Timestamp | None) -> Timestamp | None:
    """Arguments, unlike values, lie between the years 1900 and 2999."""
    return moment if moment is not None and _FIRST <= moment < _LAST else None


def _midnight(year: int) -> Timestamp:
    return Timestamp((date(year, 1, 1) - date(1970, 1, 1)).days * 86_400)


_FIRST: Final = _midnight(1900)
_LAST: Final = _midnight(3000)
_READ: Final[dict[str, Callable[[str], Decimal | Timestamp | None]]] = {
    "number": _number,
    "date": _date,
    "time": _time,
}
_ARGUMENT: Final[dict[str, Callable[[str], Argument]]] = {
    "string": lambda word: word[1:-1],
    "number": lambda word: Decimal(word.rstrip(".")),
    "date": lambda word: _in_range(_date(word[5:])),
    "time": lambda word: _in_range(_time(word[5:])),
}
