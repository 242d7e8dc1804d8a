"""Two chains and a relayer as processes on loopback, which a test may kill and start again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.node.home import Home
from chain.node.privval import ValidatorKey
from light_client.values import Timestamp
from lightship.devnet import Account, ChainFile, make_genesis
from lightship.processes import Process
from relayer.coins import Coin, GasPrice
from relayer.daemon import KEY_FOLDER, STATE_FILE
from relayer.endpoint import ChainSettings, Endpoint
from relayer.keyring import Argon2, Keyring
from relayer.link import ChannelPair, Link
from relayer.reader import Reader
from relayer.state import State
from relayer.transport import HttpTransport

PASSWORD = "a password for tests"
PRICE = GasPrice.parse("0.025stake")
WEALTH = (Coin("stake", 10**12), Coin("gold", 10**9))


@dataclass
class ChainProcess:
    """A chain that keeps its port when it is started again."""

    name: str
    folder: Path
    user: Account
    relayer: Account
    block_time: str
    port: int = 0
    grpc: str = ""
    """Host and port, once it runs."""
    rest: str = ""
    """A URL, once it runs."""
    process: Process | None = None

    @property
    def chain_id(self) -> str:
        return f"{self.name}-1"

    @property
    def home(self) -> Path:
        return self.folder / self.name

    @property
    def rpc(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> Process:
        assert self.process is not None
        return self.process

    def make(self) -> None:
        keys = [ValidatorKey.generate() for _ in range(4)]
        now = Timestamp.from_ns(time.time_ns())
        genesis = make_genesis(self.chain_id, now, keys, (self.user, self.relayer))
        self.home.mkdir()
        Home(self.home).prepare(genesis, keys)
        ChainFile(block_time=self.block_time, gas_price=str(PRICE)).save(self.home)

    async def start(self) -> Any:
        ports = ["--rpc-port", str(self.port), "--grpc-port", "0", "--rest-port", "0"]
        arguments = ["chain", "start", "--home", str(self.home), *ports, "--json"]
        self.process = await Process.start(self.name, arguments, self.folder / f"{self.name}.log")
        ready = await self.process.ready()
        self.port = int(ready["rpc"].rpartition(":")[2])
        self.grpc = ready["grpc"]
        self.rest = ready["rest"]
        return ready

    def endpoint(self, account: Account) -> Endpoint:
        settings = ChainSettings(self.chain_id, "cosmos", PRICE)
        return Endpoint(settings, HttpTransport(self.rpc, batch=100), [account.signer])

    @asynccontextmanager
    async def as_user(self) -> AsyncIterator[Endpoint]:
        endpoint = self.endpoint(self.user)
        try:
            yield await endpoint.open()
        finally:
            await endpoint.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        transport = HttpTransport(self.rpc)
        try:
            yield Reader(self.chain_id, transport)
        finally:
            await transport.close()


@dataclass
class Network:
    folder: Path
    a: ChainProcess
    b: ChainProcess
    channel: ChannelPair
    relayer: Process

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    async def start_relayer(self) -> None:
        self.relayer = await start_relayer(self.folder)


async def start_relayer(folder: Path) -> Process:
    arguments = ["start", "--config", str(folder / "config.toml")]
    environment = {"LIGHTSHIP_PASSWORD": PASSWORD}
    return await Process.start("relayer", arguments, folder / "relayer.log", environment)


def _config(folder: Path, *chains: ChainProcess) -> str:
    parts = [f'[state]\nfolder = "{folder}"\n']
    parts += [
        f'[chains.{each.name}]\nid = "{each.chain_id}"\nrpc = "{each.rpc}"\nprefix = "cosmos"\n'
        f'gas_price = "{PRICE}"\nkeys = ["{each.name}"]\n'
        for each in chains
    ]
    parts.append(f'[[paths]]\na = "{chains[0].name}"\nb = "{chains[1].name}"\n')
    return "\n".join(parts)


def chain_of(name: str, folder: Path, block_time: str) -> ChainProcess:
    """A chain that is not made yet, with a rich user and a rich relayer."""
    user, relayer = (Account.new(who, WEALTH) for who in ("user", "relayer"))
    return ChainProcess(name, folder, user, relayer, block_time)


@asynccontextmanager
async def chain(
    folder: Path, name: str = "alpha", block_time: str = "200ms"
) -> AsyncIterator[ChainProcess]:
    """One chain, for as long as it is used."""
    alone = chain_of(name, folder, block_time)
    alone.make()
    await alone.start()
    try:
        yield alone
    finally:
        await _stop(alone)


@asynccontextmanager
async def network(folder: Path, block_time: str = "instant") -> AsyncIterator[Network]:
    """Two chains, a transfer channel, and a daemon that relays it."""
    a, b = (chain_of(name, folder, block_time) for name in ("alpha", "beta"))
    async with AsyncExitStack() as stack:
        ring = Keyring(folder / KEY_FOLDER, Argon2(iterations=1, lanes=1, memory=64))
        for chain in (a, b):
            chain.make()
            ring.add_secret(chain.name, chain.relayer.signer.secret, PASSWORD)
        await asyncio.gather(a.start(), b.start())
        for chain in (a, b):
            stack.push_async_callback(_stop, chain)
        channel = await _open_channel(folder, a, b)
        (folder / "config.toml").write_text(_config(folder, a, b))
        net = Network(folder, a, b, channel, await start_relayer(folder))
        stack.push_async_callback(_stop_relayer, net)
        yield net


async def _stop_relayer(net: Network) -> None:
    await net.relayer.stop()


async def _stop(chain: ChainProcess) -> None:
    await chain.running.stop()


async def _open_channel(folder: Path, a: ChainProcess, b: ChainProcess) -> ChannelPair:
    ends = [chain.endpoint(chain.relayer) for chain in (a, b)]
    with closing(State(folder / STATE_FILE)) as state:
        try:
            await asyncio.gather(*(end.open() for end in ends))
            link = await Link.create(ends[0], ends[1], state=state)
            return await link.open_channel("transfer", "transfer", "ics20-1")
        finally:
            await asyncio.gather(*(end.close() for end in ends))
