"""The main job, end to end: two chains and a relayer as processes, contracts on both chains, tokens between them.

Everything that is told is asked from the chains: balances by queries, heights from blocks, acknowledgements from the
contracts that got them. Every sum is checked; a check that does not hold is said and turns the outcome into a failure.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import Message

import contracts
from chain.node.home import Home
from chain.node.privval import ValidatorKey
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_query
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as wasm_query
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.ibc.applications.transfer.v1 import query_pb2 as transfer_query
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from light_client.values import Timestamp
from lightship.devnet import Account, ChainFile, make_genesis
from lightship.errors import StoryError
from lightship.processes import Process
from relayer.client import create_client
from relayer.coins import Coin, GasPrice
from relayer.config import Duration
from relayer.daemon import STATE_FILE
from relayer.endpoint import ChainSettings, Endpoint
from relayer.handshake import ChannelWish, Side
from relayer.keyring import Argon2, Keyring
from relayer.link import ChannelPair, Link
from relayer.state import State
from relayer.transport import HttpTransport
from relayer.tx import pack
from relayer.wallet import Outcome

PREFIX: Final = "cosmos"
PASSWORD: Final = "lightship-demo"  # noqa: S105 - keys of play money
GAS_PRICE: Final = GasPrice.parse("0.025stake")
STAKE: Final = 1_000_000_000_000
COINS: Final = 1_000_000
SHIP: Final = 1_000_000
PATIENCE: Final = 40.0
"""Seconds after which what was awaited is said not to have happened."""

CODES: Final = ("cw20_token", "cw20_bridge", "ping_pong")

Say = Callable[[str], None]
Play = Callable[["Scene"], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Scene:
    """One part of the story: told at once, or kept until it is its turn."""

    title: str
    say: Say
    lines: list[str] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    told: int | None = 0
    """How many lines are told already; None while another scene is being told."""

    def line(self, text: str) -> None:
        self.lines.append(text)
        self.tell()

    def check(self, what: str, got: Any, expected: Any) -> None:
        """Say whether something is as it must be."""
        holds = got == expected
        self.checks.append({"what": what, "got": got, "expected": expected, "holds": holds})
        verdict = _plain(got) if holds else f"expected {_plain(expected)}, got {_plain(got)}"
        self.line(f"{'+' if holds else '!'} {what}: {verdict}")

    def tell(self) -> None:
        """Say what was not said yet, if it is this scene's turn."""
        if self.told is None:
            return
        for text in self.lines[self.told :]:
            self.say(f"    {text}")
        self.told = len(self.lines)

    @property
    def failures(self) -> list[str]:
        return [
            f"{each['what']}: expected {_plain(each['expected'])}, got {_plain(each['got'])}"
            for each in self.checks
            if not each["holds"]
        ]


def _plain(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


@dataclass(slots=True)
class Teller:
    """Tells the story line by line, and remembers it as data."""

    say: Say
    started: float = field(default_factory=time.monotonic)
    scenes: list[Scene] = field(default_factory=list)

    def scene(self, title: str) -> Scene:
        """A new scene, whose turn it is."""
        self.say("")
        self.say(f"[{time.monotonic() - self.started:5.2f} s] {title}")
        self.scenes.append(Scene(title, self.say))
        return self.scenes[-1]

    async def together(self, plays: Sequence[tuple[str, Play]]) -> None:
        """Scenes that happen at the same time, told one after the other."""
        scenes = [Scene(title, self.say, told=None) for title, _ in plays]
        self.scenes += scenes
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(play(scene))
                for scene, (_, play) in zip(scenes, plays, strict=True)
            ]
            for scene, task in zip(scenes, tasks, strict=True):
                self.say("")
                self.say(f"  {scene.title}")
                scene.told = 0
                scene.tell()
                await task

    @property
    def failures(self) -> list[str]:
        return [failure for scene in self.scenes for failure in scene.failures]


@dataclass(slots=True)
class Stage:
    """One chain: its process, somebody who uses it, and the contracts on it."""

    name: str
    chain_id: str
    user: Account
    relayer: Account
    process: Process
    rpc: str
    grpc: str
    endpoint: Endpoint
    codes: dict[str, int] = field(default_factory=dict)
    contracts: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The user's."""
        return self.endpoint.address

    async def send(self, *messages: Message) -> Outcome:
        return await self.endpoint.submit([pack(message) for message in messages])

    async def execute(self, contract: str, message: Any, funds: Sequence[Coin] = ()) -> Outcome:
        return await self.send(
            wasm_tx.MsgExecuteContract(
                sender=self.address,
                contract=contract,
                msg=_json(message),
                funds=[coin_pb2.Coin(denom=coin.denom, amount=str(coin.amount)) for coin in funds],
            )
        )

    async def ask(self, contract: str, message: Any) -> Any:
        """A contract's answer."""
        request = wasm_query.QuerySmartContractStateRequest(
            address=contract, query_data=_json(message)
        )
        path = "/cosmwasm.wasm.v1.Query/SmartContractState"
        answer = await self.endpoint.reader.ask(
            path, request, wasm_query.QuerySmartContractStateResponse
        )
        return json.loads(answer.data)

    async def cw20(self, contract: str, address: str) -> int:
        answer = await self.ask(contract, {"balance": {"address": address}})
        return int(answer["balance"])

    async def coins(self, address: str, denom: str) -> int:
        request = bank_query.QueryBalanceRequest(address=address, denom=denom)
        path = "/cosmos.bank.v1beta1.Query/Balance"
        answer = await self.endpoint.reader.ask(path, request, bank_query.QueryBalanceResponse)
        return int(answer.balance.amount)


@dataclass(frozen=True, slots=True)
class Channels:
    """Bridge to bridge, transfer module to transfer module, ping-pong to ping-pong."""

    bridge: ChannelPair
    transfer: ChannelPair
    ping: ChannelPair


@dataclass(frozen=True, slots=True)
class Demo:
    """How the story is to be told. ``block_time`` as in ``lightship chain start``."""

    folder: Path
    block_time: str = "1s"

    async def run(self, teller: Teller, keep: asyncio.Event | None = None) -> dict[str, Any]:
        """Tell it; with ``keep`` everything stays up until the event is set.

        Returns what happened, as data. Raises LightshipError and RelayerError when the story cannot go on.
        """
        async with AsyncExitStack() as stack:
            a, b = await self._start(teller, stack)
            channels = await self._set_up(teller, a, b)
            await self._start_relayer(teller, stack, a, b)
            await self._play(teller, a, b, channels)
            result = self._result(teller, a, b, channels)
            if keep is not None:
                self._invite(teller, a, b)
                await keep.wait()
            return result

    # Setting up

    async def _start(self, teller: Teller, stack: AsyncExitStack) -> tuple[Stage, Stage]:
        scene = teller.scene("Two chains")
        made = await asyncio.gather(
            self._start_chain("alpha", "alice", stack, 0),
            self._start_chain("beta", "bob", stack, self._interval / 2),
        )
        for stage in made:
            height = stage.endpoint.heights.latest
            scene.line(f"{stage.chain_id} at height {height}: RPC {stage.rpc}, gRPC {stage.grpc}")
            scene.line(f"  {stage.user.name} is {stage.address}")
        return made[0], made[1]

    @property
    def _interval(self) -> float:
        """Seconds between blocks."""
        return 0 if self.block_time == "instant" else Duration.parse(self.block_time).seconds

    async def _start_chain(
        self, name: str, user: str, stack: AsyncExitStack, delay: float
    ) -> Stage:
        """A chain that begins ``delay`` seconds late: chains whose blocks coincide are the rare case."""
        await asyncio.sleep(delay)
        chain_id, home = f"{name}-1", self.folder / name
        person = Account.new(
            user, (Coin("stake", STAKE), Coin("gold", COINS), Coin("silver", COINS))
        )
        relayer = Account.new("relayer", (Coin("stake", STAKE),))
        keys = [ValidatorKey.generate() for _ in range(4)]
        genesis = make_genesis(
            chain_id, Timestamp.from_ns(time.time_ns()), keys, (person, relayer), prefix=PREFIX
        )
        home.mkdir(parents=True)
        Home(home).prepare(genesis, keys)
        ChainFile(prefix=PREFIX, block_time=self.block_time, gas_price=str(GAS_PRICE)).save(home)
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
        process = await Process.start(chain_id, [*arguments, "--json"], self.folder / f"{name}.log")
        stack.push_async_callback(process.stop)
        ready = await process.ready()
        settings = ChainSettings(chain_id, PREFIX, GAS_PRICE)
        endpoint = Endpoint(settings, HttpTransport(ready["rpc"], batch=100), [person.signer])
        await endpoint.open()
        stack.push_async_callback(endpoint.close)
        follow = asyncio.create_task(endpoint.heights.follow())
        stack.callback(follow.cancel)
        return Stage(
            name, chain_id, person, relayer, process, ready["rpc"], ready["grpc"], endpoint
        )

    async def _set_up(self, teller: Teller, a: Stage, b: Stage) -> Channels:
        """Contracts and clients on both chains, then a connection and three channels, side by side."""
        scene = teller.scene("Contracts on both, and channels between them")
        async with AsyncExitStack() as stack:
            state = stack.enter_context(closing(State(self.folder / STATE_FILE)))
            ends = [await self._open_relayer_end(stage, stack) for stage in (a, b)]
            async with asyncio.TaskGroup() as group:
                clients = [
                    group.create_task(create_client(here, there))
                    for here, there in (ends, ends[::-1])
                ]
                for stage in (a, b):
                    group.create_task(_deploy(stage))
            for stage in (a, b):
                scene.line(f"{stage.chain_id}:")
                for name, address in stage.contracts.items():
                    scene.line(f"  {name} is {address}")
            on_a, on_b = (Side(end, task.result()) for end, task in zip(ends, clients, strict=True))
            wishes = (
                ChannelWish(_port(a, "cw20_bridge"), _port(b, "cw20_bridge"), "ics20-1"),
                ChannelWish("transfer", "transfer", "ics20-1"),
                ChannelWish(_port(a, "ping_pong"), _port(b, "ping_pong"), "ping-pong-1"),
            )
            link, pairs = await Link.connect_with_channels(on_a, on_b, wishes, state=state)
        for end in (link.ids.a, link.ids.b):
            scene.line(f"{end.chain}: client {end.client}, {end.connection} is open")
        for what, pair in zip(("bridge", "transfer", "ping-pong"), pairs, strict=True):
            scene.line(
                f"channel for {what}: {pair.a_channel} on {a.name}, {pair.b_channel} on {b.name}"
            )
        return Channels(*pairs)

    async def _open_relayer_end(self, stage: Stage, stack: AsyncExitStack) -> Endpoint:
        """The relayer's own view of a chain, with its own key."""
        settings = ChainSettings(stage.chain_id, PREFIX, GAS_PRICE)
        transport = HttpTransport(stage.rpc, batch=100)
        endpoint = Endpoint(settings, transport, [stage.relayer.signer])
        stack.push_async_callback(endpoint.close)
        await endpoint.open()
        follow = asyncio.create_task(endpoint.heights.follow())
        stack.callback(follow.cancel)
        return endpoint

    async def _start_relayer(
        self, teller: Teller, stack: AsyncExitStack, a: Stage, b: Stage
    ) -> None:
        scene = teller.scene("A relayer, which verifies every header and every proof")
        ring = Keyring(self.folder / "keys", Argon2(iterations=1, lanes=1, memory=8 * 1024))
        for stage in (a, b):
            ring.add_secret(stage.name, stage.relayer.signer.secret, PASSWORD)
        file = self.folder / "config.toml"
        file.write_text(self._config(a, b), encoding="utf-8")
        process = await Process.start(
            "relayer",
            ["start", "--config", str(file)],
            self.folder / "relayer.log",
            {"LIGHTSHIP_PASSWORD": PASSWORD},
        )
        stack.push_async_callback(process.stop)
        scene.line(f"process {process.pid}, configuration {file}, log {process.log}")

    def _config(self, a: Stage, b: Stage) -> str:
        chains = "".join(
            f'[chains.{stage.name}]\nid = "{stage.chain_id}"\nrpc = "{stage.rpc}"\nprefix = "{PREFIX}"\n'
            f'gas_price = "{GAS_PRICE}"\nkeys = ["{stage.name}"]\nrpc_batch = 100\n\n'
            for stage in (a, b)
        )
        return f'[state]\nfolder = "{self.folder}"\n\n{chains}[[paths]]\na = "{a.name}"\nb = "{b.name}"\n'

    # The story

    async def _play(self, teller: Teller, a: Stage, b: Stage, channels: Channels) -> None:
        teller.scene("Packets, all on their way at the same time")
        alice, bob = a.user.name, b.user.name
        await teller.together(
            [
                (
                    (
                        f"{alice} sends 250000 SHIP, a cw20 token, from {a.name} to {bob} on {b.name}; "
                        f"{bob} sends 100000 of the vouchers home"
                    ),
                    partial(self._there_and_back, a, b, channels.bridge),
                ),
                (
                    f"{alice} sends 70000 gold, a native coin, through the transfer modules",
                    partial(self._native, a, b, channels.transfer),
                ),
                (
                    f"A packet into the ping-pong contract on {b.name}",
                    partial(self._ping, a, b, channels.ping),
                ),
                (
                    f"{alice} sends 5000 silver that must arrive before the next block of {b.name}, and cannot",
                    partial(self._timed_out, a, b, channels.transfer),
                ),
                (
                    (
                        f"{alice} sends 4000 TIDE, another cw20 token, to somebody who cannot be: "
                        f"the contract on {b.name} refuses"
                    ),
                    partial(self._refused, a, b, channels.bridge),
                ),
            ]
        )

    async def _there_and_back(self, a: Stage, b: Stage, channel: ChannelPair, scene: Scene) -> None:
        """A cw20 transfer, its voucher, and a part of it on the way back."""
        token, bridge = a.contracts["SHIP"], a.contracts["cw20_bridge"]
        scene.line(f"{a.user.name} owns {await a.cw20(token, a.address)} SHIP")
        sent = await self._bridge_send(a, token, channel.a_channel, b.address, 250_000)
        scene.line(_sent(a, sent))
        path = f"{channel.b_port}/{channel.b_channel}/cw20:{token}"
        voucher: str = await _until(lambda: _voucher(b, path), "a voucher on the other chain")
        scene.line(f"voucher contract on {b.name}: {voucher}")
        scene.line(f"  for {path}")
        owned, escrowed = await a.cw20(token, a.address), await a.cw20(token, bridge)
        scene.check(f"{a.user.name} owns SHIP on {a.name}", owned, SHIP - 250_000)
        scene.check(f"the bridge holds SHIP on {a.name}", escrowed, 250_000)
        scene.check(
            f"{b.user.name} owns vouchers on {b.name}", await b.cw20(voucher, b.address), 250_000
        )
        scene.check(
            "vouchers in all are what the bridge holds", await _supply(b, voucher), escrowed
        )
        back = await self._bridge_send(b, voucher, channel.b_channel, a.address, 100_000)
        scene.line(f"on the way back: {_sent(b, back)}")
        await self._finished(scene, b, channel.b_port, channel.b_channel, back)
        await self._finished(scene, a, channel.a_port, channel.a_channel, sent)
        owned, escrowed = await a.cw20(token, a.address), await a.cw20(token, bridge)
        scene.check(f"{a.user.name} owns SHIP on {a.name}", owned, SHIP - 150_000)
        scene.check(
            f"{b.user.name} owns vouchers on {b.name}", await b.cw20(voucher, b.address), 150_000
        )
        scene.check(f"the bridge holds SHIP on {a.name}", escrowed, 150_000)
        scene.check(
            "vouchers in all are what the bridge holds", await _supply(b, voucher), escrowed
        )
        scene.check("no SHIP was made or lost", owned + escrowed, SHIP)

    async def _native(self, a: Stage, b: Stage, channel: ChannelPair, scene: Scene) -> None:
        message = self._transfer(a, b, channel, Coin("gold", 70_000))
        message.timeout_timestamp = time.time_ns() + 600 * 10**9
        sent = await a.send(message)
        scene.line(_sent(a, sent))
        await self._finished(scene, a, channel.a_port, channel.a_channel, sent)
        trace = f"{channel.b_port}/{channel.b_channel}/gold"
        denom = await self._denom(b, trace)
        scene.line(f"{trace} is {denom} on {b.name}")
        owned = await a.coins(a.address, "gold")
        escrowed = await a.coins(await self._escrow(a, channel), "gold")
        scene.check(f"{a.user.name} owns gold on {a.name}", owned, COINS - 70_000)
        scene.check(f"the escrow account holds gold on {a.name}", escrowed, 70_000)
        arrived = await b.coins(b.address, denom)
        scene.check(f"{b.user.name} owns gold of {a.name} on {b.name}", arrived, escrowed)

    async def _ping(self, a: Stage, b: Stage, channel: ChannelPair, scene: Scene) -> None:
        contract, other = a.contracts["ping_pong"], b.contracts["ping_pong"]
        ping = {"channel": channel.a_channel, "text": "ahoy", "timeout_seconds": 600}
        sent = await a.execute(contract, {"ping": ping})
        scene.line(_sent(a, sent))
        await self._finished(scene, a, channel.a_port, channel.a_channel, sent)
        where = {"channel": channel.b_channel, "sequence": _sequence(sent)}
        got = await b.ask(other, {"packet": where})
        data = json.loads(base64.b64decode(got["data"]))
        scene.check(f"the contract on {b.name} recorded", data, {"ping": {"text": "ahoy"}})
        scene.line(f"at height {got['at']['height']}, brought by {got['relayer']}")
        where = {"channel": channel.a_channel, "sequence": _sequence(sent)}
        ours = await a.ask(contract, {"sent": where})
        ack = json.loads(base64.b64decode(ours["state"]["acknowledged"]["ack"]))
        answer = json.loads(base64.b64decode(ack["result"]))
        scene.check(
            f"and the contract on {a.name} got its answer", answer, {"pong": {"text": "ahoy"}}
        )

    async def _timed_out(self, a: Stage, b: Stage, channel: ChannelPair, scene: Scene) -> None:
        before = await a.coins(a.address, "silver")
        scene.line(f"{a.user.name} owns {before} silver")
        message = self._transfer(a, b, channel, Coin("silver", 5_000))
        head = (await b.endpoint.reader.status()).height
        message.timeout_height.revision_number = b.endpoint.revision
        message.timeout_height.revision_height = head + 1
        sent = await a.send(message)
        scene.line(f"{_sent(a, sent)}, in time for {b.name} below height {head + 1}")
        scene.line(
            f"{a.user.name} owns {await a.coins(a.address, 'silver')} silver while it is on its way"
        )
        await self._finished(scene, a, channel.a_port, channel.a_channel, sent, "timed out")
        scene.check("the timeout refunds silver", await a.coins(a.address, "silver"), before)
        escrowed = await a.coins(await self._escrow(a, channel), "silver")
        scene.check("nothing of it stays in escrow", escrowed, 0)

    async def _refused(self, a: Stage, b: Stage, channel: ChannelPair, scene: Scene) -> None:
        token = a.contracts["TIDE"]
        before = await a.cw20(token, a.address)
        scene.line(f"{a.user.name} owns {before} TIDE")
        sent = await self._bridge_send(a, token, channel.a_channel, "nobody", 4_000)
        scene.line(_sent(a, sent))
        during = await a.cw20(token, a.address)
        scene.line(f"{a.user.name} owns {during} TIDE while it is on its way")
        await self._finished(scene, a, channel.a_port, channel.a_channel, sent)
        scene.check(
            "the error acknowledgement refunds TIDE", await a.cw20(token, a.address), before
        )
        escrowed = await a.cw20(token, a.contracts["cw20_bridge"])
        scene.check("no TIDE was made or lost", before + escrowed, SHIP)
        path = f"{channel.b_port}/{channel.b_channel}/cw20:{token}"
        scene.check(f"and there is no voucher on {b.name}", await _voucher(b, path), None)

    # Pieces

    async def _bridge_send(
        self, stage: Stage, token: str, channel: str, receiver: str, amount: int, timeout: int = 600
    ) -> Outcome:
        """A cw20 ``send`` to the bridge, which makes a packet of it."""
        wish = {"channel": channel, "remote_address": receiver, "timeout": timeout}
        message = {
            "contract": stage.contracts["cw20_bridge"],
            "amount": str(amount),
            "msg": base64.b64encode(_json(wish)).decode(),
        }
        return await stage.execute(token, {"send": message})

    async def _finished(
        self,
        scene: Scene,
        stage: Stage,
        port: str,
        channel: str,
        sent: Outcome,
        how: str = "acknowledged",
    ) -> None:
        """Wait until the packet's commitment is gone from its source: it is acknowledged or timed out."""
        sequence = _sequence(sent)

        async def is_gone() -> bool:
            return sequence not in await stage.endpoint.reader.commitments(port, channel)

        await _until(is_gone, f"packet {sequence} to be {how}")
        height = (await stage.endpoint.reader.status()).height
        scene.line(f"packet {sequence} of {channel} is {how} on {stage.name} by height {height}")

    def _transfer(
        self, a: Stage, b: Stage, channel: ChannelPair, amount: Coin
    ) -> transfer_tx.MsgTransfer:
        """An ICS-20 transfer without a timeout yet."""
        message = transfer_tx.MsgTransfer(
            source_port=channel.a_port,
            source_channel=channel.a_channel,
            token=coin_pb2.Coin(denom=amount.denom, amount=str(amount.amount)),
            sender=a.address,
            receiver=b.address,
        )
        message.timeout_height.SetInParent()
        return message

    async def _denom(self, stage: Stage, trace: str) -> str:
        path = "/ibc.applications.transfer.v1.Query/DenomHash"
        request = transfer_query.QueryDenomHashRequest(trace=trace)
        answer = await stage.endpoint.reader.ask(
            path, request, transfer_query.QueryDenomHashResponse
        )
        return f"ibc/{answer.hash}"

    async def _escrow(self, stage: Stage, channel: ChannelPair) -> str:
        path = "/ibc.applications.transfer.v1.Query/EscrowAddress"
        request = transfer_query.QueryEscrowAddressRequest(
            port_id=channel.a_port, channel_id=channel.a_channel
        )
        answer = await stage.endpoint.reader.ask(
            path, request, transfer_query.QueryEscrowAddressResponse
        )
        escrow: str = answer.escrow_address
        return escrow

    # The end

    def _result(self, teller: Teller, a: Stage, b: Stage, channels: Channels) -> dict[str, Any]:
        seconds = time.monotonic() - teller.started
        checks = sum(len(scene.checks) for scene in teller.scenes)
        teller.say("")
        if teller.failures:
            teller.say(f"{len(teller.failures)} of {checks} checks do not hold:")
            for failure in teller.failures:
                teller.say(f"    {failure}")
        else:
            teller.say(f"All {checks} checks hold, after {seconds:.1f} s.")
        return {
            "holds": not teller.failures,
            "seconds": round(seconds, 2),
            "chains": [_shown(stage) for stage in (a, b)],
            "channels": {
                name: {"a": pair.a_channel, "b": pair.b_channel}
                for name, pair in (
                    ("bridge", channels.bridge),
                    ("transfer", channels.transfer),
                    ("ping_pong", channels.ping),
                )
            },
            "scenes": [
                {"title": scene.title, "lines": scene.lines, "checks": scene.checks}
                for scene in teller.scenes
            ],
            "failures": teller.failures,
        }

    def _invite(self, teller: Teller, a: Stage, b: Stage) -> None:
        scene = teller.scene("Everything stays up until Ctrl-C")
        for stage in (a, b):
            scene.line(
                f"{stage.chain_id}: RPC {stage.rpc}, gRPC {stage.grpc}, process {stage.process.pid}"
            )
            for account in (stage.user, stage.relayer):
                scene.line(f"  {account.name} {account.address(PREFIX)}")
                scene.line(f"    {account.mnemonic}")
        scene.line(f"try: lightship query channels {a.rpc}")


async def _deploy(stage: Stage) -> None:
    """Store the codes in one transaction, make the contracts in another."""
    stored = await stage.send(
        *(
            wasm_tx.MsgStoreCode(
                sender=stage.address,
                wasm_byte_code=gzip.compress(contracts.artifact(name), mtime=0),
            )
            for name in CODES
        )
    )
    ids = _attributes(stored, "store_code", "code_id")
    stage.codes.update(zip(CODES, map(int, ids), strict=True))
    bridge = {
        "default_timeout": 600,
        "gov_contract": stage.address,
        "allowlist": [],
        "default_gas_limit": 1_000_000,
        "voucher_code_id": stage.codes["cw20_token"],
    }
    wishes: Sequence[tuple[str, str, Any]] = (
        ("SHIP", "cw20_token", _token("Ship", "SHIP", stage.address)),
        ("TIDE", "cw20_token", _token("Tide", "TIDE", stage.address)),
        ("cw20_bridge", "cw20_bridge", bridge),
        ("ping_pong", "ping_pong", {}),
    )
    made = await stage.send(
        *(
            wasm_tx.MsgInstantiateContract(
                sender=stage.address, code_id=stage.codes[code], label=name, msg=_json(wish)
            )
            for name, code, wish in wishes
        )
    )
    addresses = _attributes(made, "instantiate", "_contract_address")
    stage.contracts.update(zip((name for name, _, _ in wishes), addresses, strict=True))


def _token(name: str, symbol: str, owner: str) -> dict[str, Any]:
    return {
        "name": name,
        "symbol": symbol,
        "decimals": 6,
        "initial_balances": [{"address": owner, "amount": str(SHIP)}],
    }


async def _until(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Look again and again until there is something; StoryError after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = await look()
        if found:
            return found
        await asyncio.sleep(0.03)
    raise StoryError(f"waited {PATIENCE:g} s for {what}")


async def _voucher(stage: Stage, path: str) -> str | None:
    answer = await stage.ask(stage.contracts["cw20_bridge"], {"voucher": {"path": path}})
    return answer["contract"] if answer else None


async def _supply(stage: Stage, token: str) -> int:
    return int((await stage.ask(token, {"token_info": {}}))["total_supply"])


def _sent(stage: Stage, outcome: Outcome) -> str:
    return f"packet {_sequence(outcome)} leaves {stage.name} at height {outcome.included.height}"


def _sequence(outcome: Outcome) -> int:
    return int(_attributes(outcome, "send_packet", "packet_sequence")[0])


def _attributes(outcome: Outcome, type_: str, key: str) -> list[str]:
    """All values of an attribute, in order."""
    return [
        str(pair["value"])
        for event in outcome.included.events
        if event["type"] == type_
        for pair in event["attributes"]
        if pair["key"] == key
    ]


def _port(stage: Stage, name: str) -> str:
    return f"wasm.{stage.contracts[name]}"


def _shown(stage: Stage) -> dict[str, Any]:
    return {
        "chain_id": stage.chain_id,
        "rpc": stage.rpc,
        "grpc": stage.grpc,
        "codes": stage.codes,
        "contracts": stage.contracts,
        "accounts": [
            {"name": each.name, "address": each.address(PREFIX), "mnemonic": each.mnemonic}
            for each in (stage.user, stage.relayer)
        ],
    }


def _json(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def clean(folder: Path) -> None:
    """Remove what a demo left."""
    shutil.rmtree(folder, ignore_errors=True)
