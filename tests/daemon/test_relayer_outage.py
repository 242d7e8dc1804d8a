"""A chain that dies in the middle of a stream of packets, and comes back, costs nothing but time."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from helpers.accounts import Person
from helpers.chains import genesis
from helpers.linked import FUNDS, party, running

from chain.node.genesis import Genesis, equal_validators
from chain.node.node import Node
from chain.node.privval import ValidatorKey
from light_client.values import Timestamp
from relayer import (
    ChainSettings,
    Endpoint,
    GasPrice,
    HttpTransport,
    Link,
    NetworkError,
    Signer,
)

ROOT = Path(__file__).parents[2]
RELAYER = Person("relayer-beta-1-0")
PROGRAM = """
import asyncio, pathlib, sys
from chain.node.maker import Pace
from chain.node.node import Node, NodeConfig
async def main():
    config = NodeConfig(pace=Pace(interval=1.0, instant=True))
    node = await Node.open(pathlib.Path(sys.argv[1]), config=config)
    await node.start()
    await node.serve(rpc_port=int(sys.argv[2]))
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def prepare(home: Path) -> None:
    """Make the folder of the chain beta-1, with one account for the relayer."""
    key = ValidatorKey.from_secret("beta-1-0")
    document = Genesis(
        chain_id="beta-1",
        genesis_time=Timestamp.from_ns(time.time_ns()),
        validators=equal_validators([key.pub_key]),
        app_state=genesis({RELAYER: FUNDS}),
    )
    node = await Node.open(home, document, [key])
    await node.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def process(home: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "proto" / "python")])
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        str(home),
        str(port),
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def answering(port: int) -> Endpoint:
    """The relayer's endpoint on the process, once it answers."""
    settings = ChainSettings("beta-1", "cosmos", GasPrice.parse("0.01stake"), inclusion=5.0)
    transport = HttpTransport(f"http://127.0.0.1:{port}", timeout=2.0)
    endpoint = Endpoint(settings, transport, [Signer.from_secret(RELAYER.secret)])
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(NetworkError):
                return await endpoint.open()
            await asyncio.sleep(0.05)


async def received(endpoint: Endpoint, address: str) -> int:
    coins = await endpoint.reader.balances(address)
    return sum(coin.amount for coin in coins if coin.denom.startswith("ibc/"))


async def test_kill_9_of_a_chain_in_the_middle_of_two_hundred_transfers(tmp_path: Path) -> None:
    home, port = tmp_path / "beta", free_port()
    await prepare(home)
    async with party("alpha-1", sockets=True) as a:
        async with process(home, port) as beta:
            b = await answering(port)
            link = await Link.create(a.endpoint, b)
            channel = await link.open_channel("transfer", "transfer", "ics20-1")
            relaying = running(link)
            task = await relaying.__aenter__()

            async def send() -> None:
                for _ in range(20):
                    await a.send([a.transfer(channel.a_channel, RELAYER.address)] * 10)
                    await asyncio.sleep(0.01)

            sending = asyncio.create_task(send())
            async with asyncio.timeout(30):
                while await received(b, RELAYER.address) < 50:  # noqa: ASYNC110 - asks a chain
                    await asyncio.sleep(0.01)
            assert not sending.done()
            beta.send_signal(signal.SIGKILL)
            await beta.wait()
        await sending
        async with process(home, port):
            async with asyncio.timeout(60):
                while await a.endpoint.reader.commitments("transfer", channel.a_channel):
                    assert not task.done()
                    await asyncio.sleep(0.05)
            assert await received(b, RELAYER.address) == 200
            await relaying.__aexit__(None, None, None)
        await b.close()
