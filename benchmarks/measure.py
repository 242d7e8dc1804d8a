"""What a benchmark hands back, and how something short is timed."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One figure: ``value`` in ``unit`` out of ``n`` samples. ``aim`` 0 is none.

    ``lower`` says that less is better.
    """

    name: str
    value: float
    unit: str
    n: int
    what: str
    aim: float = 0.0
    lower: bool = False

    @property
    def reached(self) -> bool:
        return not self.aim or (self.value <= self.aim if self.lower else self.value >= self.aim)


def per_second(work: Callable[[], object], n: int) -> float:
    """Calls of ``work`` per second: the median of ``ROUNDS`` rounds that make up ``n`` calls."""
    work()
    count = max(1, n // ROUNDS)
    gc.collect()
    rates = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(count):
            work()
        rates.append(count / (time.perf_counter() - began))
    return statistics.median(rates)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that ``percent`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]
