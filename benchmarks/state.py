"""Writes into the IAVL store per second, each block's hashes and its commit to disk included."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.measure import Result
from chain.store.database import SqliteDatabase
from chain.store.multistore import MultiStore

KEYS: Final = 100_000
PER_BLOCK: Final = 1_000
STORE: Final = "bench"


def run(quick: bool) -> list[Result]:
    """Blocks of ``PER_BLOCK`` updates of keys picked at random."""
    keys, blocks = (10_000, 5) if quick else (KEYS, 20)
    with tempfile.TemporaryDirectory(prefix="lightship-bench-") as folder:
        store = MultiStore(SqliteDatabase(Path(folder) / "application.db"), [STORE])
        try:
            _write(store, range(keys), b"first")
            rate = _rate(store, keys, blocks)
        finally:
            store.close()
    what = f"updates at random among {keys:,} keys, {PER_BLOCK} to a block, SQLite"
    return [Result("state writes", rate, "writes/s", blocks * PER_BLOCK, what)]


def _rate(store: MultiStore, keys: int, blocks: int) -> float:
    dice = random.Random(7)
    times = []
    for number in range(blocks):
        chosen = dice.sample(range(keys), PER_BLOCK)
        began = time.perf_counter()
        _write(store, chosen, b"value %d" % number)
        times.append(time.perf_counter() - began)
    return PER_BLOCK / statistics.median(times)


def _write(store: MultiStore, keys: range | list[int], value: bytes) -> None:
    store.stage({STORE: {b"key %08d" % number: value for number in keys}})
    store.commit()
