"""Packets per second through the whole round trip, sustained."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from benchmarks.measure import Result
from benchmarks.network import Network, network

AIM: Final = 200
PER_TX: Final = 50
PATIENCE: Final = 300.0
WALLETS: Final = 1


def run(quick: bool) -> list[Result]:
    """Both chains and the relayer are processes of their own; the contracts count what arrives."""
    return asyncio.run(_measure(300 if quick else 2_000))


async def _measure(packets: int) -> list[Result]:
    async with network(wallets=WALLETS) as net:
        await _round_trips(net, PER_TX)
        rate = await _round_trips(net, packets)
        a, b = await net.a.counters(), await net.b.counters()
    expected = packets + PER_TX
    if not a["acknowledged"] == b["received"] == expected:
        raise RuntimeError(f"{expected} packets were sent, the contracts counted {a} and {b}")
    what = "round trips: contract, relayer, contract, relayer, acknowledged; 3 processes"
    return [Result("packets", rate, "packets/s", packets, what, AIM)]


async def _round_trips(net: Network, packets: int) -> float:
    """Send, and wait until the last one is acknowledged; packets per second."""
    before = (await net.a.counters())["acknowledged"]
    began = time.perf_counter()
    sending = asyncio.create_task(_send(net, packets))
    try:
        while (await net.a.counters())["acknowledged"] < before + packets:
            if sending.done():
                sending.result()
            if not net.daemon.running or time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"the packets are not through after {PATIENCE:g} s")
            await asyncio.sleep(0.05)
        took = time.perf_counter() - began
    finally:
        sending.cancel()
    return packets / took


async def _send(net: Network, packets: int) -> None:
    """``PER_TX`` packets in each transaction, one transaction after the other."""
    for begun in range(0, packets, PER_TX):
        await net.a.ping(net.channel.a_channel, min(PER_TX, packets - begun))
