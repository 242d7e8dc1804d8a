"""CometBFT's query language (``libs/pubsub/query``): conditions on event attributes, joined by AND.

``tag op value`` with ``=``, ``<``, ``<=``, ``>``, ``>=``, ``CONTAINS``, or ``tag EXISTS``. Values
are strings in single quotes, numbers of any size, ``DATE yyyy-mm-dd`` and ``TIME`` in RFC 3339. A
condition holds when any value of the attribute satisfies it, whatever the other conditions look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<string>'[^']*')
      | (?P<time>TIME\ [-T:+Z0-9]*)
      | (?P<date>DATE\ [-0-9]*)
      | (?P<number>[0-9]+(?:\.[0-9]*)?)
      | (?P<op><=|>=|<|>|=)
      | (?P<tag>[^\W][\w.-]*)
    )""",
    re.VERBOSE,
)
_WORDS: Final = {"AND": "and", "EXISTS": "op", "CONTAINS": "op"}
_LEADING_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_COMPARE: Final[dict[str, Callable[[object, object], bool]]] = {
    "=": eq,
    "<": lt,  # type: ignore[dict-item] # the operands have the same ordered type
    "<=": le,  # type: ignore[dict-item]
    ">": gt,  # type: ignore[dict-item]
    ">=": ge,  # type: ignore[dict-item]
}
_ACCEPTS: Final = {
    "=": {"string", "number", "time", "date"},
    "CONTAINS": {"string"},
    "EXISTS": set[str](),
} | {op: {"number", "time", "date"} for op in ("<", "<=", ">", ">=")}


@dataclass(frozen=True, slots=True)
class Condition:
    """``kind`` is that of the argument: string, number, time or date; empty for EXISTS."""

    tag: str
    op: str
    kind: str = ""
    argument: Argument = None

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

    def may_be(self, name: str) -> bool:
        """Whether an event of this name can match; most events do not, and need no look at what they carry."""
        return all(
            each.tag != "tm.event" or each.op != "=" or each.argument == name
            for each in self.conditions
        )

    def matches(self, events: Events) -> bool:
        return all(condition.holds(events) for condition in self.conditions)


def parse(text: str) -> Query:
    """Raises QueryError with the offset of what does not belong there."""
    tokens = _tokens(text)
    conditions = [_condition(tokens)]
    for kind, _, offset in tokens:
        if kind == "end":
            return Query(tuple(conditions))
        if kind != "and":
            raise QueryError(f"offset {offset}: got {kind}, want AND operator")
        conditions.append(_condition(tokens))
    return Query(tuple(conditions))


Token = tuple[str, str, int]


def _tokens(text: str) -> Iterator[Token]:
    """(kind, text, offset) of each token, then one of kind ``end``."""
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise QueryError(f"offset {at}: invalid input {text[at:].strip()[0]!r}")
        kind, word = match.lastgroup, match[match.lastgroup]
        yield (_WORDS.get(word, kind) if kind == "tag" else kind), word, match.start(kind)
        at = match.end()
    yield "end", "", at


def _condition(tokens: Iterator[Token]) -> Condition:
    _, tag, _ = _require(tokens, {"tag"})
    _, op, _ = _require(tokens, {"op"})
    if op == "EXISTS":
        return Condition(tag, op)
    kind, word, offset = _require(tokens, _ACCEPTS[op])
    argument = _ARGUMENT[kind](word)
    if argument is None:
        raise QueryError(f"offset {offset}: invalid {kind.upper()} value {word!r}")
    return Condition(tag, op, kind, argument)


def _require(tokens: Iterator[Token], kinds: set[str]) -> Token:
    kind, word, offset = next(tokens)
    if kind not in kinds:
        raise QueryError(f"offset {offset}: got {kind}, wanted {' or '.join(sorted(kinds))}")
    return kind, word, offset


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
