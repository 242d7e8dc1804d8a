"""Where block times come from: the wall, or the hands of whoever tests with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from light_client.values import Timestamp


class Clock(Protocol):
    def now(self) -> Timestamp: ...


class SystemClock:
    """The wall clock, to the nanosecond."""

    def now(self) -> Timestamp:
        return Timestamp.from_ns(time.time_ns())


@dataclass(slots=True)
class ShiftedClock:
    """Another clock, ahead (or behind) by a number of nanoseconds that ``advance`` adds to."""

    base: Clock
    offset_ns: int = 0

    def now(self) -> Timestamp:
        return self.base.now().add(self.offset_ns)

    def advance(self, ns: int) -> None:
        self.offset_ns += ns


@dataclass(slots=True)
class ManualClock:
    """Stands still until it is moved."""

    time: Timestamp

    def now(self) -> Timestamp:
        return self.time

    def advance(self, ns: int) -> None:
        self.time = self.time.add(ns)
