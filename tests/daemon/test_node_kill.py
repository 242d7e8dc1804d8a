"""``kill -9`` of a node in the middle of a stream of transactions, again and again: nothing is
lost, nothing is done twice.
"""

import asyncio
import base64
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
from helpers.kv_app import build

from chain.node import Node
from light_client import rpcjson
from light_client.commit import SignedHeader
from light_client.verify import verify_commit_light

ROOT = Path(__file__).parents[2]
TRANSFERS = 200
KILLS = 4


@asynccontextmanager
async def process(home: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "proto/python", "tests"))
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "helpers.kv_node",
        str(home),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(30):
            url = (await child.stdout.readline()).decode().strip()
        assert url, "the node did not start"
        yield child, url
    finally:
        kill(child)
        await child.wait()


async def call(session: aiohttp.ClientSession, url: str, method: str, **params: Any) -> Any:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    async with session.post(url, json=body) as response:
        return await response.json()


async def send_missing(session: aiohttp.ClientSession, url: str, txs: list[bytes]) -> int:
    """Offer every transaction that no block has yet; returns how many those were."""
    missing = 0
    for tx in txs:
        tx_hash = base64.b64encode(sha256(tx).digest()).decode()
        if "error" in await call(session, url, "tx", hash=tx_hash):
            missing += 1
            await call(session, url, "broadcast_tx_sync", tx=base64.b64encode(tx).decode())
    return missing


async def send_all(session: aiohttp.ClientSession, url: str, txs: list[bytes]) -> None:
    missing = len(txs)
    while missing:
        missing = await send_missing(session, url, txs)
        await asyncio.sleep(0.05)


def kill(child: asyncio.subprocess.Process) -> None:
    if child.returncode is None:
        child.send_signal(signal.SIGKILL)


async def test_killed_nodes_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(9)
    txs = [b"key-%03d=%d" % (number, number) for number in range(TRANSFERS)]
    kills = 0
    async with aiohttp.ClientSession() as session:
        while True:
            async with process(tmp_path) as (child, url):
                if kills < KILLS:
                    asyncio.get_running_loop().call_later(chance.uniform(0.05, 0.4), kill, child)
                    kills += 1
                try:
                    await send_all(session, url, txs)
                except aiohttp.ClientError:
                    continue
                if kills == KILLS and child.returncode is None:
                    break
    await check(tmp_path, txs)


async def check(home: Path, txs: list[bytes]) -> None:
    """Every transaction is in exactly one block, its write is in the state, and every block is
    signed.
    """
    node = await Node.open(home, build=build)
    store = node.engine.store
    found = [tx for stored in store.from_height(1) for tx in stored.block.txs]
    assert sorted(found) == txs
    transport = node.transport()
    for tx in txs:
        key, _, value = tx.partition(b"=")
        assert (await transport.query("/store/kv/key", key)).value == value
    for height in range(1, node.height + 1):
        block = (await transport.call("block", {"height": str(height)}))["result"]
        header = rpcjson.header_from_json(block["block"]["header"])
        commit = store.must_load(height).seen_commit
        SignedHeader(header, commit).validate_basic("kv-1")
        verify_commit_light("kv-1", store.validators(height), commit)
    await node.stop()
