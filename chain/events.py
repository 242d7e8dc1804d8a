"""Events that messages emit: a type and ordered attributes, as ``abci.Event`` carries them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cosmos_pb.tendermint.abci import types_pb2 as abci


@dataclass(frozen=True, slots=True)
class Event:
    type: str
    attributes: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, type_: str, /, *pairs: tuple[str, str], **attributes: str) -> Event:
        """``Event.of("transfer", sender=..., amount=...)``; ``pairs`` come first."""
        return cls(type_, (*pairs, *attributes.items()))

    def get(self, key: str) -> str | None:
        """The first value of ``key``."""
        return next((value for name, value in self.attributes if name == key), None)

    def with_attributes(self, *pairs: tuple[str, str]) -> Event:
        return Event(self.type, (*self.attributes, *pairs))


ERROR_PREFIX: Final = "ibccallbackerror-"


def error_event(event: Event) -> Event:
    """Renamed, so that nobody trusts what an IBC application said before it refused ("Huckleberry")."""
    attributes = tuple((f"{ERROR_PREFIX}{key}", value) for key, value in event.attributes)
    return Event(f"{ERROR_PREFIX}{event.type}", attributes)


class EventLog:
    """The events of one scope, in the order of emission."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, type_: str, /, *pairs: tuple[str, str], **attributes: str) -> None:
        self.events.append(Event.of(type_, *pairs, **attributes))

    def extend(self, events: Iterable[Event]) -> None:
        self.events.extend(events)


def to_pb(event: Event) -> abci.Event:
    message = abci.Event(type=event.type)
    for key, value in event.attributes:
        message.attributes.add(key=key, value=value, index=True)
    return message
