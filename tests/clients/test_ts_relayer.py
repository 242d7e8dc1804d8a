"""@confio/relayer by its own commands, as documented: from keys to packets both ways, timeouts too."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from helpers.bring import program
from helpers.clients import provide, run_steps
from helpers.contracts import instantiate
from helpers.network import ChainProcess, chain
from helpers.npm import install

from contracts import artifact
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as wasm_query
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.ibc.applications.transfer.v1 import query_pb2 as transfer_query
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from light_client.values import Timestamp
from relayer.tx import pack

PACKAGE: Final = "@confio/relayer@0.12.0"
FUNDS: Final = 500_000_000_000
BLOCKS: Final = {"estimated_block_time": 200, "estimated_indexer_time": 100}
PORT: Final = "transfer"

pytestmark = [pytest.mark.xdist_group("reflection and ts-relayer"), pytest.mark.timeout(300)]


@dataclass
class TsRelayer:
    """``ibc-setup`` and ``ibc-relayer`` with a home of their own."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    async def said(self, command: str, *words: str) -> str:
        """What one of its commands says; it must succeed."""
        process = await self.start(command, *words)
        async with asyncio.timeout(120):
            out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()

    async def start(self, command: str, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            program("node"),
            str(self.folder / "node_modules" / ".bin" / command),
            *words,
            "--home",
            str(self.home),
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
        )

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        """``ibc-relayer start``, which looks for packets every second."""
        process = await self.start("ibc-relayer", "start", "--poll", "1")
        reading = asyncio.create_task(process.communicate())  # it may write as much as it likes
        try:
            yield
            assert process.returncode is None, (await reading)[0].decode()
        finally:
            if process.returncode is None:
                process.terminate()
            await reading

    def register(self, *chains: ChainProcess) -> None:
        """``registry.yaml``, written as JSON, which is YAML too."""
        registered = {
            each.name: {
                "chain_id": each.chain_id,
                "prefix": "cosmos",
                "gas_price": "0.025stake",
                "rpc": [each.rpc],
                **BLOCKS,
            }
            for each in chains
        }
        self.home.mkdir()
        text = json.dumps({"version": 1, "chains": registered})
        (self.home / "registry.yaml").write_text(text)

    def configured(self, key: str) -> str:
        """A line of ``app.yaml``."""
        [found] = re.findall(rf"^{key}: (.*)$", (self.home / "app.yaml").read_text(), re.MULTILINE)
        return str(found)


def only(pattern: str, text: str) -> str:
    [found] = re.findall(pattern, text)
    return str(found)


def stake(amount: int) -> coin_pb2.Coin:
    return coin_pb2.Coin(denom="stake", amount=str(amount))


async def submit(chain: ChainProcess, *messages: Message) -> None:
    async with chain.as_user() as user:
        await user.submit([pack(message) for message in messages])


async def fund(chain: ChainProcess, receiver: str) -> None:
    sender = chain.user.address("cosmos")
    await submit(
        chain,
        bank_tx.MsgSend(from_address=sender, to_address=receiver, amount=[stake(FUNDS)]),
    )


async def transfer(chain: ChainProcess, channel: str, receiver: str, *amounts: int) -> None:
    """ICS-20 packets with an hour to arrive."""
    deadline = Timestamp.parse("2100-01-01T00:00:00Z").ns
    messages = [
        transfer_tx.MsgTransfer(
            source_port=PORT,
            source_channel=channel,
            token=stake(amount),
            sender=chain.user.address("cosmos"),
            receiver=receiver,
            timeout_timestamp=deadline,
        )
        for amount in amounts
    ]
    await submit(chain, *messages)


async def balance(chain: ChainProcess, address: str, denom: str) -> int:
    async with chain.reading() as reader:
        coins = await reader.balances(address)
    return next((coin.amount for coin in coins if coin.denom == denom), 0)


async def escrow(chain: ChainProcess) -> int:
    """What the transfer module keeps of what left."""
    path = "/ibc.applications.transfer.v1.Query/TotalEscrowForDenom"
    request = transfer_query.QueryTotalEscrowForDenomRequest(denom="stake")
    async with chain.reading() as reader:
        answer = await reader.ask(path, request, transfer_query.QueryTotalEscrowForDenomResponse)
    return int(answer.amount.amount)


async def until(ask: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    """Ask again and again, for a minute at most."""
    found = None
    try:
        async with asyncio.timeout(60):
            found = await ask()
            while found != wanted:
                await asyncio.sleep(0.2)
                found = await ask()
    except TimeoutError:
        pytest.fail(f"still {found}, not {wanted}")


def voucher(channel: str) -> str:
    return "ibc/" + sha256(f"{PORT}/{channel}/stake".encode()).hexdigest().upper()


@dataclass
class Player:
    """A ping-pong contract."""

    chain: ChainProcess
    address: str

    @classmethod
    async def on(cls, chain: ChainProcess) -> Player:
        async with chain.as_user() as user:
            return cls(chain, await instantiate(user, artifact("ping_pong"), {}))

    async def ping(self, channel: str, count: int) -> None:
        message = {"channel": channel, "text": "x", "count": count, "timeout_seconds": 3600}
        await submit(
            self.chain,
            wasm_tx.MsgExecuteContract(
                sender=self.chain.user.address("cosmos"),
                contract=self.address,
                msg=json.dumps({"ping": message}).encode(),
            ),
        )

    async def counters(self) -> Any:
        request = wasm_query.QuerySmartContractStateRequest(
            address=self.address, query_data=b'{"counters":{}}'
        )
        async with self.chain.reading() as reader:
            answer = await reader.ask(
                "/cosmwasm.wasm.v1.Query/SmartContractState",
                request,
                wasm_query.QuerySmartContractStateResponse,
            )
        return json.loads(answer.data)


async def set_up(ts: TsRelayer, alpha: ChainProcess, beta: ChainProcess) -> None:
    """Keys, funds, two clients and a connection."""
    ts.register(alpha, beta)
    made = await ts.said("ibc-setup", "init", "--src", "alpha", "--dest", "beta")
    address = only(r"Source address: (\S+)", made)
    keys = await ts.said("ibc-setup", "keys", "list")
    assert re.findall(r"(\w+): +(\S+)", keys) == [("alpha", address), ("beta", address)]
    assert "No funds found" in await ts.said("ibc-setup", "balances")
    await asyncio.gather(fund(alpha, address), fund(beta, address))
    balances = await ts.said("ibc-setup", "balances")
    assert re.findall(r"(\w+) +(\d+)stake", balances) == [
        ("alpha", str(FUNDS)),
        ("beta", str(FUNDS)),
    ]
    connected = await ts.said("ibc-setup", "connect")
    ends = "connection-0 (07-tendermint-0)"
    assert f"Created connections {ends} <=> {ends}" in connected
    assert "connection-0" in await ts.said("ibc-setup", "connections", "--chain", "alpha")


async def ics20(ts: TsRelayer, alpha: ChainProcess, beta: ChainProcess) -> dict[str, str]:
    """A transfer channel; its identifiers on both chains."""
    created = await ts.said("ibc-setup", "ics20")
    assert "Used existing connections" in created
    found = {
        side: only(rf"{each.chain_id}: {PORT}/(channel-\d+) ", created)
        for side, each in (("A", alpha), ("B", beta))
    }
    listed = await ts.said("ibc-setup", "channels", "--chain", "beta", "--port", PORT)
    assert found["B"] in listed
    return found


async def ordered_channel(ts: TsRelayer, a: Player, b: Player) -> tuple[str, str]:
    """An ordered channel between two contracts."""
    ports = ("--src-port", f"wasm.{a.address}", "--dest-port", f"wasm.{b.address}")
    created = await ts.said("ibc-setup", "channel", *ports, "--ordered", "--version", "ping-pong-1")
    at_a, at_b = (
        only(rf"  {each.chain.chain_id}: wasm\.{each.address}/(channel-\d+) ", created)
        for each in (a, b)
    )
    return at_a, at_b


async def transfers_both_ways(
    alpha: ChainProcess, beta: ChainProcess, channels: dict[str, str]
) -> None:
    receiver = alpha.relayer.address("cosmos")
    await transfer(alpha, channels["A"], receiver, 1, 2, 3)
    await transfer(beta, channels["B"], receiver, 50)
    await transfer(alpha, channels["A"], "nobody", 9)  # refused there, given back here
    await until(lambda: balance(beta, receiver, voucher(channels["B"])), 6)
    await until(lambda: balance(alpha, receiver, voucher(channels["A"])), 50)
    await until(lambda: escrow(alpha), 6)
    await until(lambda: escrow(beta), 50)


async def test_its_own_commands(tmp_path: Path) -> None:
    ts = TsRelayer(install(tmp_path, PACKAGE))
    async with AsyncExitStack() as stack:
        alpha, beta = [
            await stack.enter_async_context(chain(tmp_path, name)) for name in ("alpha", "beta")
        ]
        await set_up(ts, alpha, beta)
        channels = await ics20(ts, alpha, beta)
        players = await asyncio.gather(Player.on(alpha), Player.on(beta))
        at_a, at_b = await ordered_channel(ts, *players)
        async with ts.relaying():
            await transfers_both_ways(alpha, beta, channels)
            await players[0].ping(at_a, 3)
            await players[1].ping(at_b, 1)
            for player, sent, received in ((players[0], 3, 1), (players[1], 1, 3)):
                counted = {"sent": sent, "acknowledged": sent, "received": received}
                await until(player.counters, {**counted, "timed_out": 0})
        await timeouts(ts, alpha, beta, channels)


async def timeouts(
    ts: TsRelayer, alpha: ChainProcess, beta: ChainProcess, channels: dict[str, str]
) -> None:
    provide(ts.folder, "steps.mjs", "ts_timeouts.mjs")
    settings = {
        "rpc": {"A": alpha.rpc, "B": beta.rpc},
        "mnemonic": ts.configured("mnemonic"),
        "connections": {
            "A": ts.configured("srcConnection"),
            "B": ts.configured("destConnection"),
        },
        "channels": channels,
    }
    steps = await run_steps([program("node"), "ts_timeouts.mjs"], ts.folder, settings)
    assert "relayAll delivers what is in time" in steps
