"""Two chains and a relayer as processes on loopback, and a channel between a ping-pong contract on each chain."""

from __future__ import annotations

import asyncio
import gzip
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message

import contracts
from chain.node.home import Home
from chain.node.privval import ValidatorKey
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as wasm_query
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from light_client.values import Timestamp
from lightship.devnet import Account, ChainFile, make_genesis
from lightship.processes import Process
from relayer.coins import Coin, GasPrice
from relayer.daemon import KEY_FOLDER, STATE_FILE
from relayer.endpoint import ChainSettings, Endpoint
from relayer.keyring import Argon2, Keyring
from relayer.link import ChannelPair, Link
from relayer.state import State
from relayer.transport import HttpTransport
from relayer.tx import pack
from relayer.wallet import Outcome

PREFIX: Final = "cosmos"
PASSWORD: Final = "lightship-bench"
PRICE: Final = GasPrice.parse("0.025stake")
STAKE: Final = 10**15
BATCH: Final = 100
VALIDATORS: Final = 4


@dataclass(frozen=True, slots=True)
class Keys:
    """The account that sends packets, and those that sign for the relayer."""

    user: Account
    relayers: tuple[Account, ...]


@dataclass(slots=True)
class Party:
    """One chain: its process, an endpoint of somebody who sends packets, and his contract."""

    name: str
    rpc: str
    keys: Keys
    process: Process
    user: Endpoint
    contract: str = ""

    @property
    def port(self) -> str:
        return f"wasm.{self.contract}"

    async def send(self, *messages: Message) -> Outcome:
        return await self.user.submit([pack(message) for message in messages])

    async def ping(self, channel: str, count: int) -> Outcome:
        return await self.send(self.ping_message(channel, count))

    def ping_message(self, channel: str, count: int) -> wasm_tx.MsgExecuteContract:
        wish = {
            "ping": {"channel": channel, "text": "ahoy", "timeout_seconds": 3600, "count": count}
        }
        return wasm_tx.MsgExecuteContract(
            sender=self.user.address, contract=self.contract, msg=json.dumps(wish).encode()
        )

    async def counters(self) -> dict[str, int]:
        """What the contract has counted: sent, received, acknowledged, timed_out."""
        found: dict[str, int] = await self.ask({"counters": {}})
        return found

    async def ask(self, message: Any) -> Any:
        request = wasm_query.QuerySmartContractStateRequest(
            address=self.contract, query_data=json.dumps(message).encode()
        )
        path = "/cosmwasm.wasm.v1.Query/SmartContractState"
        answer = await self.user.reader.ask(
            path, request, wasm_query.QuerySmartContractStateResponse
        )
        return json.loads(answer.data)


@dataclass(frozen=True, slots=True)
class Network:
    """``channel`` joins the contracts; the daemon relays it."""

    a: Party
    b: Party
    channel: ChannelPair
    daemon: Process


@asynccontextmanager
async def network(*, wallets: int = 1, block_time: str = "instant") -> AsyncIterator[Network]:
    """Everything set up and running; ``wallets`` keys sign for the relayer on each chain."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lightship-bench-")))
        a, b = await asyncio.gather(
            start_chain(stack, folder, "alpha", wallets, block_time),
            start_chain(stack, folder, "beta", wallets, block_time),
        )
        for party in (a, b):
            party.contract = await deploy(party, "ping_pong", {})
        channel = await _channel(folder, a, b)
        daemon = await _daemon(stack, folder, a, b)
        yield Network(a, b, channel, daemon)


async def start_chain(
    stack: AsyncExitStack, folder: Path, name: str, wallets: int, block_time: str
) -> Party:
    home = folder / name
    home.mkdir()
    coins = (Coin("stake", STAKE),)
    keys = Keys(
        Account.new("user", coins),
        tuple(Account.new(f"{name}-{number}", coins) for number in range(wallets)),
    )
    signers = [ValidatorKey.generate() for _ in range(VALIDATORS)]
    now = Timestamp.from_ns(time.time_ns())
    genesis = make_genesis(f"{name}-1", now, signers, (keys.user, *keys.relayers), prefix=PREFIX)
    Home(home).prepare(genesis, signers)
    ChainFile(prefix=PREFIX, block_time=block_time, gas_price=str(PRICE)).save(home)
    arguments = [
        "chain",
        "start",
        "--home",
        str(home),
        "--rpc-port",
        "0",
        "--grpc-port",
        "0",
        "--rest-port",
        "0",
    ]
    process = await Process.start(name, [*arguments, "--json"], folder / f"{name}.log")
    stack.push_async_callback(process.stop)
    ready = await process.ready()
    user = await _endpoint(stack, name, ready["rpc"], [keys.user])
    return Party(name, ready["rpc"], keys, process, user)


async def _endpoint(
    stack: AsyncExitStack, name: str, rpc: str, accounts: Sequence[Account]
) -> Endpoint:
    """An open endpoint that listens to new blocks."""
    transport = HttpTransport(rpc, batch=BATCH)
    settings = ChainSettings(f"{name}-1", PREFIX, PRICE)
    endpoint = Endpoint(settings, transport, [account.signer for account in accounts])
    stack.push_async_callback(endpoint.close)
    await endpoint.open()
    follow = asyncio.create_task(endpoint.heights.follow())
    stack.callback(follow.cancel)
    return endpoint


async def deploy(party: Party, name: str, message: Any) -> str:
    """Store one of our contracts as the chain's first code and make one of it; returns its address."""
    code = gzip.compress(contracts.artifact(name), mtime=0)
    await party.send(wasm_tx.MsgStoreCode(sender=party.user.address, wasm_byte_code=code))
    made = await party.send(
        wasm_tx.MsgInstantiateContract(
            sender=party.user.address, code_id=1, label=name, msg=json.dumps(message).encode()
        )
    )
    return next(
        str(pair["value"])
        for event in made.included.events
        if event["type"] == "instantiate"
        for pair in event["attributes"]
        if pair["key"] == "_contract_address"
    )


async def _channel(folder: Path, a: Party, b: Party) -> ChannelPair:
    """Clients, connection and channel; the state file tells the daemon of them."""
    async with AsyncExitStack() as stack:
        ends = [
            await _endpoint(stack, each.name, each.rpc, each.keys.relayers[:1]) for each in (a, b)
        ]
        state = State(folder / STATE_FILE)
        stack.callback(state.close)
        link = await Link.create(ends[0], ends[1], state=state)
        return await link.open_channel(a.port, b.port, "ping-pong-1")


async def _daemon(stack: AsyncExitStack, folder: Path, a: Party, b: Party) -> Process:
    ring = Keyring(folder / KEY_FOLDER, Argon2(iterations=1, lanes=1, memory=8 * 1024))
    for party in (a, b):
        for account in party.keys.relayers:
            ring.add_secret(account.name, account.signer.secret, PASSWORD)
    file = folder / "config.toml"
    file.write_text(_config(folder, a, b), encoding="utf-8")
    process = await Process.start(
        "relayer",
        ["start", "--config", str(file)],
        folder / "relayer.log",
        {"LIGHTSHIP_PASSWORD": PASSWORD},
    )
    stack.push_async_callback(process.stop)
    return process


def _config(folder: Path, a: Party, b: Party) -> str:
    chains = "".join(
        f'[chains.{party.name}]\nid = "{party.name}-1"\nrpc = "{party.rpc}"\nprefix = "{PREFIX}"\n'
        f'gas_price = "{PRICE}"\nkeys = {json.dumps([each.name for each in party.keys.relayers])}\n'
        f"rpc_batch = {BATCH}\n\n"
        for party in (a, b)
    )
    return f'[state]\nfolder = "{folder}"\n\n{chains}[[paths]]\na = "{a.name}"\nb = "{b.name}"\n'
