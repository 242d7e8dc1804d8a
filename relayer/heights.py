"""The newest block of a chain: told by its events where they are followed, else asked for."""

import asyncio
from typing import Any, Final

from relayer.clock import Clock
from relayer.reader import Reader

NEW_BLOCK: Final = "tm.event='NewBlockHeader'"  # the whole block would come with NewBlock

_QUIET = 1.0  # with events: ask after this long a silence, since one may be lost
_POLL = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25)


class Heights:
    """The height of a chain's newest block, which only grows.

    `follow` listens to the chain until cancelled; waiting works without it too, by asking.
    """

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock
        self._changed = asyncio.Event()
        self._followers = 0
        self.latest = 0
        self.since = clock.monotonic()

    def announce(self, height: int) -> None:
        if height > self.latest:
            self.latest = height
            self.since = self._clock.monotonic()
            self._changed.set()
            self._changed = asyncio.Event()

    async def refresh(self) -> int:
        """Ask for the newest height."""
        self.announce((await self._reader.status()).height)
        return self.latest

    async def follow(self) -> None:
        """Listen to new blocks, without end."""
        self._followers += 1
        try:
            async for event in self._reader.transport.subscribe(NEW_BLOCK):
                height = _height(event)
                if height:
                    self.announce(height)
        finally:
            self._followers -= 1

    async def wait(self, height: int, timeout: float) -> bool:
        """Wait until the chain has this height; False when it has not within `timeout` seconds."""
        deadline = self._clock.monotonic() + timeout
        attempt = 0
        while self.latest < height:
            left = deadline - self._clock.monotonic()
            if left <= 0:
                return False
            if self._followers:
                await self._heard(min(_QUIET, left))
            else:
                await self.refresh()
                if self.latest < height:
                    await self._clock.sleep(min(_POLL[min(attempt, len(_POLL) - 1)], left))
            attempt += 1
        return True

    async def _heard(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await self._changed.wait()
        except TimeoutError:
            await self.refresh()


def _height(event: Any) -> int:
    """The height in a NewBlock or NewBlockHeader event; 0 when there is none."""
    try:
        value = event["data"]["value"]
        header = value["block"]["header"] if "block" in value else value["header"]
        return int(header["height"])
    except (KeyError, TypeError, ValueError):
        return 0
