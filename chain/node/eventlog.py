"""Events as subscribers and the index see them: ``type.attribute`` to values, and the bus that
carries them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import msgspec

from chain.node import query as query_language
from chain.node.errors import RpcError
from cosmos_pb.tendermint.abci import types_pb2 as abci

BUFFER: Final = 200
"""Events that wait for one subscriber before it is dropped as too slow."""


def flatten(events: Iterable[abci.Event], *, indexed_only: bool = False) -> dict[str, list[str]]:
    """Values by ``type.attribute`` in order; events and attributes without a name are left out."""
    found: dict[str, list[str]] = {}
    for event in events:
        if not event.type:
            continue
        for attribute in event.attributes:
            if attribute.key and (attribute.index or not indexed_only):
                found.setdefault(f"{event.type}.{attribute.key}", []).append(attribute.value)
    return found


@dataclass
class Event:
    """One thing that happened. The JSON of ``data`` is made when the first subscriber wants it."""

    name: str
    events: dict[str, list[str]]
    data: Callable[[], dict[str, Any]]

    @cached_property
    def json(self) -> dict[str, Any]:
        """The ``data`` and ``events`` of a subscription's result."""
        data = {"type": f"tendermint/event/{self.name}", "value": self.data()}
        return {"data": data, "events": self.events}

    @cached_property
    def encoded(self) -> bytes:
        """``json`` without its opening brace: the same bytes for every subscriber."""
        return msgspec.json.encode(self.json)[1:]


@dataclass(eq=False)
class Subscription:
    """Events that match a query, in order; iterate until it is cancelled.

    A subscriber that falls more than ``BUFFER`` events behind gets an RpcError instead of the rest.
    """

    text: str
    bus: EventBus
    _queue: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(BUFFER + 1))
    _reason: str = ""

    def put(self, event: Event) -> None:
        if self._queue.qsize() >= BUFFER:
            self.cancel("internal subscription event buffer is out of capacity")
        else:
            self._queue.put_nowait(event)

    def cancel(self, reason: str = "") -> None:
        """Deliver what waits, then end; with ``reason``, end in an error."""
        if self in self.bus.subscriptions.get(self.text, ()):
            self._reason = reason
            self.bus.remove(self)
            self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._queue.get()) is not None:
            yield event
        if self._reason:
            raise SubscriptionEnded(f"subscription was canceled (reason: {self._reason})")


class SubscriptionEnded(RpcError):
    code = -32000
    message = "Server error"


class EventBus:
    """Queries and who waits for them. Belongs to one event loop."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, list[Subscription]] = {}
        self._queries: dict[str, query_language.Query] = {}

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self.subscriptions)

    def subscribe(self, text: str) -> Subscription:
        """Raises QueryError for text that is no query."""
        query = query_language.parse(text)
        subscription = Subscription(text, self)
        self._queries[text] = query
        self.subscriptions.setdefault(text, []).append(subscription)
        return subscription

    def remove(self, subscription: Subscription) -> None:
        waiting = self.subscriptions[subscription.text]
        waiting.remove(subscription)
        if not waiting:
            del self.subscriptions[subscription.text], self._queries[subscription.text]

    def publish(self, event: Event) -> None:
        """Hand the event to every subscription whose query it matches."""
        for text, query in list(self._queries.items()):
            if query.matches(event.events):
                for subscription in list(self.subscriptions.get(text, ())):
                    subscription.put(event)

    def close(self) -> None:
        for subscriptions in list(self.subscriptions.values()):
            for subscription in list(subscriptions):
                subscription.cancel("the node has stopped")
