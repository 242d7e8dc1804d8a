"""What a chain process answers over HTTP per second."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.measure import Result
from benchmarks.network import BATCH, Party, start_chain
from relayer.transport import HttpTransport

IN_FLIGHT: Final = 32


def run(quick: bool) -> list[Result]:
    return asyncio.run(_measure(500 if quick else 5_000))


async def _measure(n: int) -> list[Result]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="lightship-bench-")))
        party = await start_chain(stack, folder, "alpha", wallets=1, block_time="1s")
        single = await _rate(party, n, batch=1)
        batched = await _rate(party, n, batch=BATCH)
    what = "proven abci_query of the ibc store over HTTP"
    return [
        Result("rpc single", single, "requests/s", n, f"{what}, {IN_FLIGHT} at once"),
        Result("rpc batched", batched, "requests/s", n, f"{what}, {BATCH} in a batch"),
    ]


async def _rate(party: Party, n: int, batch: int) -> float:
    transport = HttpTransport(party.rpc, batch=batch)
    height = (await party.user.reader.status()).height - 1
    at_once = IN_FLIGHT * batch

    async def ask() -> Any:
        return await transport.query(
            "/store/ibc/key", b"nextClientSequence", height=height, prove=True
        )

    try:
        await ask()
        began = time.perf_counter()
        for _ in range(0, n, at_once):
            await asyncio.gather(*(ask() for _ in range(at_once)))
        return -(-n // at_once) * at_once / (time.perf_counter() - began)
    finally:
        await transport.close()
