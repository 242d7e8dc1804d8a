"""How a long-running process of ours collects garbage.

State trees, code and validator sets live as long as the process and are no cycles. They are taken out of the
collector's sight, and what comes and goes is looked at less often: benchmarks/ measures what that is worth.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG: Final = 50_000
"""Allocations between collections of the youngest generation; CPython's default is 700."""


def settle() -> None:
    """Call once everything that stays is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
