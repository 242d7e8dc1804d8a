"""Who waits for which events: queries, their subscribers, and the buffers between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from chain.node import query as query_language
from chain.node.errors import ServerError
from chain.node.eventlog import Event

BUFFER: Final = 200
"""Events that wait for one subscriber before it is dropped as too slow."""


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

    async def next(self) -> Event | None:
        """The next event; None once it is cancelled without a reason, ServerError with one."""
        event = await self._queue.get()
        if event is None and self._reason:
            raise ServerError(f"subscription was canceled (reason: {self._reason})")
        return event

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self.next()) is not None:
            yield event


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
            if query.may_be(event.name) and query.matches(event.events):
                for subscription in list(self.subscriptions.get(text, ())):
                    subscription.put(event)

    def close(self) -> None:
        for subscriptions in list(self.subscriptions.values()):
            for subscription in list(subscriptions):
                subscription.cancel("the node has stopped")
