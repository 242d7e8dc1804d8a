"""Time as an argument: everything that waits or looks at a clock is handed one of these."""

import asyncio
import time
from typing import Protocol

from light_client.values import Timestamp


class Clock(Protocol):
    """Wall time for expiry, monotonic time for intervals, and sleep."""

    def now(self) -> Timestamp: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Timestamp:
        return Timestamp.from_ns(time.time_ns())

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
