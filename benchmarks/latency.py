"""How long one packet takes while nothing else happens, with instant blocks."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

from benchmarks.measure import Result, percentile
from benchmarks.network import Network, network

AIM: Final = 0.25
PATIENCE: Final = 30.0
LOOK_EVERY: Final = 0.002


def run(quick: bool) -> list[Result]:
    return asyncio.run(_measure(5 if quick else 20))


async def _measure(packets: int) -> list[Result]:
    async with network() as net:
        await _one(net)
        samples = [await _one(net) for _ in range(packets)]
    received, acknowledged = zip(*samples, strict=True)
    return [
        *_results("received", received, "its user makes it -> received by the contract on B"),
        *_results("acknowledged", acknowledged, "its user makes it -> acknowledged on A"),
    ]


def _results(name: str, samples: tuple[float, ...], what: str) -> list[Result]:
    n = len(samples)
    return [
        Result(f"latency {name}", statistics.median(samples), "s", n, f"{what}, median", AIM, True),
        Result(
            f"latency {name} p90", percentile(samples, 90), "s", n, f"{what}, 9 of 10", AIM, True
        ),
    ]


async def _one(net: Network) -> tuple[float, float]:
    """Seconds from before its transaction is simulated and signed to its receipt, and to its acknowledgement."""
    await asyncio.sleep(0.3)  # everybody is idle
    here, there = await net.a.counters(), await net.b.counters()
    began = time.perf_counter()
    await net.a.ping(net.channel.a_channel, 1)
    await _until(net.b.counters, "received", there["received"] + 1)
    received = time.perf_counter() - began
    await _until(net.a.counters, "acknowledged", here["acknowledged"] + 1)
    return received, time.perf_counter() - began


async def _until(counters: Callable[[], Awaitable[dict[str, int]]], name: str, wanted: int) -> None:
    deadline = time.perf_counter() + PATIENCE
    while (await counters())[name] < wanted:
        if time.perf_counter() > deadline:
            raise RuntimeError(f"no packet was {name} within {PATIENCE:g} s")
        await asyncio.sleep(LOOK_EVERY)
