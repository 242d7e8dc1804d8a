"""What the relayer reports while it works: typed notices, handed to whoever subscribed.

A sink is any callable that takes a notice; logs, metrics and tests are sinks. `Notices` is the registry.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import msgspec


@dataclass(frozen=True, slots=True)
class Notice:
    """The root of the family."""


@dataclass(frozen=True, slots=True)
class ChainReady(Notice):
    chain: str
    height: int


@dataclass(frozen=True, slots=True)
class BlockRead(Notice):
    """A block with something for this link in it."""

    link: str
    chain: str
    height: int
    events: int


@dataclass(frozen=True, slots=True)
class BadEvent(Notice):
    """An event that bears one of IBC's names and cannot be read."""

    chain: str
    height: int
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class BatchSent(Notice):
    """A transaction about to be signed for `chain`: how many messages, by action."""

    link: str
    chain: str
    messages: int
    actions: dict[str, int]


@dataclass(frozen=True, slots=True)
class BatchIncluded(Notice):
    link: str
    chain: str
    hash: str
    height: int
    messages: int
    gas_used: int
    fee: str
    seconds: float


@dataclass(frozen=True, slots=True)
class BatchFailed(Notice):
    """A transaction that was refused; its packets are tried again in smaller batches or later."""

    link: str
    chain: str
    messages: int
    reason: str


@dataclass(frozen=True, slots=True)
class PacketStuck(Notice):
    """A packet that failed alone; `attempts` so far, the next one after `seconds`."""

    link: str
    source: str
    port: str
    channel: str
    sequence: int
    action: str
    attempts: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class ClientUpdated(Notice):
    """A client that was refreshed because it was ageing, or moved on because packets waited for it."""

    chain: str
    client: str
    height: str
    why: str


@dataclass(frozen=True, slots=True)
class ClientCreated(Notice):
    chain: str
    client: str
    tracks: str


@dataclass(frozen=True, slots=True)
class HandshakeStep(Notice):
    """One step of a connection's or channel's handshake that a chain accepted."""

    chain: str
    step: str
    id: str
    port: str = ""


@dataclass(frozen=True, slots=True)
class Misbehaviour(Notice):
    """Two conflicting headers of one chain; whether evidence went to the other chain's client."""

    chain: str
    client: str
    height: int
    submitted: bool
    detail: str


@dataclass(frozen=True, slots=True)
class NetworkTrouble(Notice):
    """Something that is tried again."""

    link: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PathStarted(Notice):
    link: str


@dataclass(frozen=True, slots=True)
class PathStopped(Notice):
    """A path that does not go on: what it has read does not verify, or cannot be used."""

    link: str
    reason: str


Sink = Callable[[Notice], None]

_LEVELS: Final[dict[type[Notice], int]] = {
    BlockRead: logging.DEBUG,
    BatchSent: logging.DEBUG,
    BadEvent: logging.WARNING,
    BatchFailed: logging.WARNING,
    PacketStuck: logging.WARNING,
    NetworkTrouble: logging.WARNING,
    Misbehaviour: logging.ERROR,
    PathStopped: logging.ERROR,
}


class Notices:
    """The sinks that hear of everything. Calling it reports a notice."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = list(sinks)

    def add(self, sink: Sink) -> Callable[[], None]:
        """Subscribe; the answer unsubscribes."""
        self._sinks.append(sink)
        return lambda: self._sinks.remove(sink)

    def __call__(self, notice: Notice) -> None:
        for sink in tuple(self._sinks):
            sink(notice)


class LogSink:
    """Writes notices to a logger, as `name key=value ...` or as one JSON object per line."""

    def __init__(self, logger: logging.Logger, *, json: bool = False) -> None:
        self._logger = logger
        self._json = json

    def __call__(self, notice: Notice) -> None:
        level = _LEVELS.get(type(notice), logging.INFO)
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", self._text(notice))

    def _text(self, notice: Notice) -> str:
        found = contents(notice)
        if self._json:
            return msgspec.json.encode(found).decode()
        words = (f"{name}={_word(value)}" for name, value in found.items() if name != "event")
        return " ".join((found["event"], *words))


def contents(notice: Notice) -> dict[str, Any]:
    """The notice as plain data, its kind under "event"."""
    found = {field.name: getattr(notice, field.name) for field in fields(notice)}
    return {"event": type(notice).__name__, **found}


def _word(value: Any) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return repr(text) if " " in text or not text else text
