"""When blocks happen: on an interval, or as soon as there is a reason."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from chain.node.blockstore import StoredBlock
from chain.node.engine import Engine

log = logging.getLogger("chain.node")


@dataclass(frozen=True, slots=True)
class Pace:
    """``interval`` is seconds between the beginnings of blocks.

    When ``instant``, a transaction makes a block at once, and a block with transactions makes an
    empty one, whose header proves them; the interval is then how long nothing at all may happen.
    """

    interval: float = 1.0
    instant: bool = False


class Maker:
    def __init__(self, engine: Engine, pace: Pace) -> None:
        self._engine = engine
        self._pace = pace
        self._last: StoredBlock | None = None

    async def run(self, delay: float = 0.0) -> None:
        """Make blocks for ever, the first after ``delay`` seconds. What goes wrong in one ends it."""
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        while True:
            await self._wait(due - loop.time())
            began = loop.time()
            self._last = await self._engine.next_block()
            # Blocks on an interval keep to it; what took longer than one does not make others bunch up.
            begun = began if self._pace.instant else due
            due = max(begun + self._pace.interval, loop.time())

    async def _wait(self, seconds: float) -> None:
        if not self._pace.instant:
            await asyncio.sleep(max(seconds, 0))
        elif self._last is None or not self._last.block.txs:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._engine.wake.wait(), max(seconds, 0))
