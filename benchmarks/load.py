"""A chain process with one-second blocks under load from other processes: do its blocks stay on time?

cw20 transfers enter by ``broadcast_tx_sync``; then 200 WebSocket subscribers listen while 500 requests a second come
in.
"""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.measure import Result
from benchmarks.network import BATCH, PREFIX, Party, deploy, start_chain
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from light_client.values import Timestamp
from lightship.devnet import Account
from relayer import tx
from relayer.coins import Coin
from relayer.transport import HttpTransport
from relayer.tx import pack

SENDERS: Final = 100
RATE: Final = 1_000
REQUESTS: Final = 500
SUBSCRIBERS: Final = 200
GAS: Final = 160_000
FEE: Final = tx.Fee(GAS, (Coin("stake", GAS // 40),))
STEP: Final = 0.1
"""Seconds between two batches of what is sent."""
MOST_WAITS: Final = 600
LATE: Final = 1.1
"""Seconds between one-second blocks that are on time within ten percent."""


def run(quick: bool) -> list[Result]:
    return asyncio.run(_measure(4 if quick else 20))


async def _measure(seconds: int) -> list[Result]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="lightship-bench-")))
        party = await start_chain(stack, folder, "alpha", wallets=SENDERS, block_time="1s")
        token = await deploy(party, "cw20_token", _token(party))
        signed = await _signed(party, token, RATE * seconds)
        first, rate, behind = await _transfers(party, signed)
        kept = await _intervals(party, first)
        heard, asked, listened = await _readers(stack, party, seconds)
    blocks = f"one-second blocks, {seconds} s, client included"
    return [
        Result("load transfers", rate, "tx/s", len(signed), f"cw20 through RPC, {blocks}", RATE * 0.99),
        Result("load transfers behind", behind, "s", 1, "until all were in blocks", 2.0, lower=True),
        _interval("load transfers blocks", kept),
        Result("load requests", asked, "requests/s", seconds * REQUESTS, f"status, proofs, {blocks}", REQUESTS * 0.99),
        Result("load subscribers", heard, "x", SUBSCRIBERS, "share of the blocks that the last heard of", 1.0),
        _interval("load requests blocks", listened),
    ]  # fmt: skip


def _interval(name: str, intervals: Sequence[float]) -> Result:
    worst = max(intervals)
    what = f"mean time between blocks meanwhile; longest {worst:.3f} s"
    return Result(name, statistics.mean(intervals), "s", len(intervals), what, LATE, lower=True)


# --- transfers --------------------------------------------------------------------------------------


def _token(party: Party) -> Any:
    balances = [{"address": _address(each), "amount": "1000000"} for each in party.keys.relayers]
    return {"name": "Ship", "symbol": "SHIP", "decimals": 6, "initial_balances": balances}


def _address(account: Account) -> str:
    return account.address(PREFIX)


async def _signed(party: Party, token: str, count: int) -> list[str]:
    """Transactions of all senders in turns, signed before the clock starts; base64."""
    found = [await party.user.reader.account(_address(each)) for each in party.keys.relayers]
    jobs = [
        (sender.mnemonic, token, party.user.chain_id, account.number, account.sequence, count)
        for sender, account in zip(party.keys.relayers, found, strict=True)
        if account is not None
    ]
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        made = await asyncio.gather(*(loop.run_in_executor(pool, sign_all, *job) for job in jobs))
    return [txs[turn] for turn in range(len(made[0])) for txs in made]


def sign_all(
    mnemonic: str, token: str, chain: str, number: int, sequence: int, total: int
) -> list[str]:
    """One sender's share of ``total`` transfers to himself; base64."""
    account = Account.new("sender", (), mnemonic)
    address = _address(account)
    wish = json.dumps({"transfer": {"recipient": address, "amount": "1"}}).encode()
    message = wasm_tx.MsgExecuteContract(sender=address, contract=token, msg=wish)
    body = tx.body_bytes([pack(message)])
    return [
        base64.b64encode(
            tx.sign(body, account.signer, tx.Account(chain, number, sequence + turn), FEE)
        ).decode()
        for turn in range(total // SENDERS)
    ]


async def _transfers(party: Party, signed: Sequence[str]) -> tuple[int, float, float]:
    """Send at RATE; the height before, how many per second entered, seconds until the last was in a block."""
    transport = HttpTransport(party.rpc, batch=BATCH)
    before = (await party.user.reader.status()).height
    share = round(RATE * STEP)
    began = time.perf_counter()
    try:
        async for turn in _steps(len(signed) // share):
            batch = signed[turn * share : (turn + 1) * share]
            calls = (transport.call("broadcast_tx_sync", {"tx": each}) for each in batch)
            for answer in await asyncio.gather(*calls):
                if "error" in answer or answer["result"]["code"]:
                    raise RuntimeError(f"a transfer is refused: {answer}")
        entered = time.perf_counter()
        async for _ in _steps(MOST_WAITS):
            if not await _pending(transport):
                break
        behind = time.perf_counter() - entered
    finally:
        await transport.close()
    took = max(entered - began, len(signed) / RATE)
    return before, len(signed) / took, behind


async def _steps(count: int) -> AsyncIterator[int]:
    """Turns at their times; one that is late starts at once."""
    began = time.perf_counter()
    for turn in range(count):
        await asyncio.sleep(max(0.0, began + turn * STEP - time.perf_counter()))
        yield turn


async def _pending(transport: HttpTransport) -> bool:
    answer = await transport.call("num_unconfirmed_txs", {})
    return int(answer["result"]["total"]) > 0


async def _intervals(party: Party, first: int) -> list[float]:
    """Seconds between the headers above a height, by their own times."""
    last = (await party.user.reader.status()).height
    times = []
    async with AsyncExitStack() as stack:
        transport = HttpTransport(party.rpc)
        stack.push_async_callback(transport.close)
        for height in range(first + 1, last + 1):
            answer = await transport.call("header", {"height": str(height)})
            times.append(Timestamp.parse(answer["result"]["header"]["time"]).ns)
    return [(later - earlier) / 1e9 for earlier, later in pairwise(times)]


# --- readers ----------------------------------------------------------------------------------------


async def _readers(
    stack: AsyncExitStack, party: Party, seconds: int
) -> tuple[float, float, list[float]]:
    """(share of the blocks that the worst subscriber heard of, requests per second, block intervals)."""
    heard = [0] * SUBSCRIBERS
    for number in range(SUBSCRIBERS):
        await stack.enter_async_context(_subscriber(party, heard, number))
    before = (await party.user.reader.status()).height
    for number in range(SUBSCRIBERS):
        heard[number] = 0
    transport = HttpTransport(party.rpc)
    stack.push_async_callback(transport.close)
    share = round(REQUESTS * STEP)
    began = time.perf_counter()
    async for _ in _steps(round(seconds / STEP)):
        await asyncio.gather(*(_ask(transport, number) for number in range(share)))
    elapsed = time.perf_counter() - began
    await asyncio.sleep(STEP)
    made = (await party.user.reader.status()).height - before
    return (
        min(min(heard) / made, 1.0),
        share * round(seconds / STEP) / elapsed,
        await _intervals(party, before),
    )


async def _ask(transport: HttpTransport, number: int) -> None:
    if number % 2:
        await transport.call("status", {})
    else:
        await transport.query("/store/bank/key", b"\x00stake", prove=True)


@asynccontextmanager
async def _subscriber(party: Party, heard: list[int], number: int) -> AsyncIterator[None]:
    transport = HttpTransport(party.rpc)
    task = asyncio.create_task(_listen(transport, heard, number))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await transport.close()


async def _listen(transport: HttpTransport, heard: list[int], number: int) -> None:
    async for _ in transport.subscribe("tm.event = 'NewBlockHeader'"):
        heard[number] += 1
