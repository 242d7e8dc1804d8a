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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
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
from relayer.coins import Coin, GasPrice
from relayer.daemon import STATE_FILE
from relayer.endpoint import ChainSettings, Endpoint
from relayer.handshake import ChannelWish
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
GOLD: Final = 1_000_000
SHIP: Final = 1_000_000
PATIENCE: Final = 40.0
"""Seconds after which what was awaited is said not to have happened."""

CODES: Final = ("cw20_token", "cw20_bridge", "ping_pong")

Say = Callable[[str], None]


@dataclass(slots=True)
class Teller:
    """Tells the story line by line, and remembers it as data."""

    say: Say
    started: float = field(default_factory=time.monotonic)
    scenes: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def scene(self, title: str) -> None:
        self.scenes.append({"title": title, "lines": [], "checks": []})
        self.say("")
        self.say(f"[{time.monotonic() - self.started:5.2f} s] {title}")

    def line(self, text: str) -> None:
        self.scenes[-1]["lines"].append(text)
        self.say(f"    {text}")

    def check(self, what: str, got: Any, expected: Any) -> None:
        """Say whether something is as it must be."""
        good = got == expected
        self.scenes[-1]["checks"].append(
            {"what": what, "got": got, "expected": expected, "holds": good}
        )
        if good:
            self.say(f"    + {what}: {got}")
        else:
            self.failures.append(f"{what}: expected {expected}, got {got}")
            self.say(f"    ! {what}: expected {expected}, got {got}")


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
            relayer = await self._start_relayer(teller, stack, a, b)
            await self._play(teller, a, b, channels, relayer)
            result = self._result(teller, a, b, channels)
            if keep is not None:
                self._invite(teller, a, b)
                await keep.wait()
            return result

    # Setting up

    async def _start(self, teller: Teller, stack: AsyncExitStack) -> tuple[Stage, Stage]:
        teller.scene("Two chains")
        made = await asyncio.gather(
            self._start_chain("alpha", "alice", stack), self._start_chain("beta", "bob", stack)
        )
        for stage in made:
            height = stage.endpoint.heights.latest
            teller.line(f"{stage.chain_id} at height {height}: RPC {stage.rpc}, gRPC {stage.grpc}")
            teller.line(f"  {stage.user.name} is {stage.address}")
        return made[0], made[1]

    async def _start_chain(self, name: str, user: str, stack: AsyncExitStack) -> Stage:
        chain_id, home = f"{name}-1", self.folder / name
        person = Account.new(user, (Coin("stake", STAKE), Coin("gold", GOLD)))
        relayer = Account.new("relayer", (Coin("stake", STAKE),))
        keys = [ValidatorKey.generate() for _ in range(4)]
        genesis = make_genesis(
            chain_id, Timestamp.from_ns(time.time_ns()), keys, (person, relayer), prefix=PREFIX
        )
        home.mkdir(parents=True)
        Home(home).prepare(genesis, keys)
        ChainFile(prefix=PREFIX, block_time=self.block_time, gas_price=str(GAS_PRICE)).save(home)
        arguments = ["chain", "start", "--home", str(home), "--rpc-port", "0", "--grpc-port", "0"]
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
        """Contracts on both chains, and meanwhile clients and a connection; then the channels, all at once."""
        teller.scene("Contracts on both, and a connection between them")
        state = State(self.folder / STATE_FILE)
        ends = [self._relayer_end(stage) for stage in (a, b)]
        try:
            await asyncio.gather(*(end.open() for end in ends))
            follows = [asyncio.create_task(end.heights.follow()) for end in ends]
            await asyncio.gather(_deploy(a), _deploy(b))
            for stage in (a, b):
                teller.line(f"{stage.chain_id}:")
                for name in CODES:
                    teller.line(f"  {name} is code {stage.codes[name]}, {stage.contracts[name]}")
            wishes = (
                ChannelWish(_port(a, "cw20_bridge"), _port(b, "cw20_bridge"), "ics20-1"),
                ChannelWish("transfer", "transfer", "ics20-1"),
                ChannelWish(_port(a, "ping_pong"), _port(b, "ping_pong"), "ping-pong-1"),
            )
            link, (bridge, transfer, ping) = await Link.create_with_channels(
                ends[0], ends[1], wishes, state=state
            )
            ids = link.ids
            for end in (ids.a, ids.b):
                teller.line(f"{end.chain}: client {end.client}, {end.connection} is open")
            for follow in follows:
                follow.cancel()
        finally:
            await asyncio.gather(*(end.close() for end in ends))
            state.close()
        for what, pair in (("bridge", bridge), ("transfer", transfer), ("ping-pong", ping)):
            teller.line(
                f"channel for {what}: {pair.a_channel} on {a.name}, {pair.b_channel} on {b.name}"
            )
        return Channels(bridge, transfer, ping)

    def _relayer_end(self, stage: Stage) -> Endpoint:
        settings = ChainSettings(stage.chain_id, PREFIX, GAS_PRICE)
        return Endpoint(settings, HttpTransport(stage.rpc, batch=100), [stage.relayer.signer])

    async def _start_relayer(
        self, teller: Teller, stack: AsyncExitStack, a: Stage, b: Stage
    ) -> Process:
        teller.scene("A relayer, which verifies every header and every proof")
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
        teller.line(f"process {process.pid}, configuration {file}, log {process.log}")
        return process

    def _config(self, a: Stage, b: Stage) -> str:
        chains = "".join(
            f'[chains.{stage.name}]\nid = "{stage.chain_id}"\nrpc = "{stage.rpc}"\nprefix = "{PREFIX}"\n'
            f'gas_price = "{GAS_PRICE}"\nkeys = ["{stage.name}"]\nrpc_batch = 100\n\n'
            for stage in (a, b)
        )
        return f'[state]\nfolder = "{self.folder}"\n\n{chains}[[paths]]\na = "{a.name}"\nb = "{b.name}"\n'

    # The story

    async def _play(
        self, teller: Teller, a: Stage, b: Stage, channels: Channels, relayer: Process
    ) -> None:
        out = await self._cw20_out(teller, a, b, channels.bridge)
        await self._cw20_home(teller, a, b, channels.bridge, out)
        await self._native(teller, a, b, channels.transfer)
        await self._ping(teller, a, b, channels.ping)
        await self._refused(teller, a, b, channels.bridge)
        await self._timed_out(teller, a, b, channels.bridge, relayer)

    async def _cw20_out(self, teller: Teller, a: Stage, b: Stage, channel: ChannelPair) -> str:
        """A cw20 transfer; returns the voucher contract on b."""
        teller.scene(
            f"{a.user.name} sends 250000 SHIP, a cw20 token, from {a.name} to {b.user.name} on {b.name}"
        )
        token, bridge = a.contracts["cw20_token"], a.contracts["cw20_bridge"]
        before = await a.cw20(token, a.address)
        teller.line(f"{a.user.name} owns {before} SHIP")
        sent = await self._bridge_send(a, token, channel.a_channel, b.address, 250_000)
        teller.line(_sent(a, sent))
        path = f"{channel.b_port}/{channel.b_channel}/cw20:{token}"
        voucher: str = await _until(lambda: _voucher(b, path), "a voucher on the other chain")
        teller.line(f"voucher contract on {b.name}: {voucher}")
        teller.line(f"  for {path}")
        await self._acknowledged(teller, a, channel.a_port, channel.a_channel, sent)
        escrowed = await a.cw20(token, bridge)
        teller.check(
            f"{a.user.name} owns SHIP on {a.name}", await a.cw20(token, a.address), before - 250_000
        )
        teller.check(f"the bridge holds SHIP on {a.name}", escrowed, 250_000)
        teller.check(
            f"{b.user.name} owns vouchers on {b.name}", await b.cw20(voucher, b.address), 250_000
        )
        supply = int((await b.ask(voucher, {"token_info": {}}))["total_supply"])
        teller.check("vouchers in all are what the bridge holds", supply, escrowed)
        return voucher

    async def _cw20_home(
        self, teller: Teller, a: Stage, b: Stage, channel: ChannelPair, voucher: str
    ) -> None:
        teller.scene(f"{b.user.name} sends 100000 of the vouchers back home")
        token, bridge = a.contracts["cw20_token"], a.contracts["cw20_bridge"]
        before = await a.cw20(token, a.address)
        sent = await self._bridge_send(b, voucher, channel.b_channel, a.address, 100_000)
        teller.line(_sent(b, sent))
        await self._acknowledged(teller, b, channel.b_port, channel.b_channel, sent)
        escrowed = await a.cw20(token, bridge)
        owned = await a.cw20(token, a.address)
        teller.check(f"{a.user.name} owns SHIP on {a.name}", owned, before + 100_000)
        teller.check(
            f"{b.user.name} owns vouchers on {b.name}", await b.cw20(voucher, b.address), 150_000
        )
        teller.check(f"the bridge holds SHIP on {a.name}", escrowed, 150_000)
        supply = int((await b.ask(voucher, {"token_info": {}}))["total_supply"])
        teller.check("vouchers in all are what the bridge holds", supply, escrowed)
        teller.check("no SHIP was made or lost", owned + escrowed, SHIP)

    async def _native(self, teller: Teller, a: Stage, b: Stage, channel: ChannelPair) -> None:
        teller.scene(f"{a.user.name} sends 70000 gold, a native coin, through the transfer modules")
        message = transfer_tx.MsgTransfer(
            source_port=channel.a_port,
            source_channel=channel.a_channel,
            token=coin_pb2.Coin(denom="gold", amount="70000"),
            sender=a.address,
            receiver=b.address,
            timeout_timestamp=time.time_ns() + 600 * 10**9,
        )
        message.timeout_height.SetInParent()
        sent = await a.send(message)
        teller.line(_sent(a, sent))
        await self._acknowledged(teller, a, channel.a_port, channel.a_channel, sent)
        trace = f"{channel.b_port}/{channel.b_channel}/gold"
        denom = await self._denom(b, trace)
        teller.line(f"{trace} is {denom} on {b.name}")
        escrow = await self._escrow(a, channel)
        teller.check(
            f"{a.user.name} owns gold on {a.name}", await a.coins(a.address, "gold"), GOLD - 70_000
        )
        teller.check(
            f"the escrow account holds gold on {a.name}", await a.coins(escrow, "gold"), 70_000
        )
        teller.check(
            f"{b.user.name} owns gold of {a.name} on {b.name}",
            await b.coins(b.address, denom),
            70_000,
        )

    async def _ping(self, teller: Teller, a: Stage, b: Stage, channel: ChannelPair) -> None:
        teller.scene(f"A packet into the ping-pong contract on {b.name}")
        contract, other = a.contracts["ping_pong"], b.contracts["ping_pong"]
        sent = await a.execute(
            contract,
            {"ping": {"channel": channel.a_channel, "text": "ahoy", "timeout_seconds": 600}},
        )
        teller.line(_sent(a, sent))
        sequence = _sequence(sent)
        await self._acknowledged(teller, a, channel.a_port, channel.a_channel, sent)
        got = await b.ask(other, {"packet": {"channel": channel.b_channel, "sequence": sequence}})
        data = json.loads(base64.b64decode(got["data"]))
        teller.check(f"the contract on {b.name} recorded", data, {"ping": {"text": "ahoy"}})
        teller.line(f"at height {got['at']['height']}, brought by {got['relayer']}")
        ours = await a.ask(contract, {"sent": {"channel": channel.a_channel, "sequence": sequence}})
        ack = json.loads(base64.b64decode(ours["state"]["acknowledged"]["ack"]))
        answer = json.loads(base64.b64decode(ack["result"]))
        teller.check(
            f"and the contract on {a.name} got its answer", answer, {"pong": {"text": "ahoy"}}
        )

    async def _refused(self, teller: Teller, a: Stage, b: Stage, channel: ChannelPair) -> None:
        teller.scene(
            f"{a.user.name} sends 4000 SHIP to somebody who cannot be, and the contract on {b.name} refuses"
        )
        token = a.contracts["cw20_token"]
        before = await a.cw20(token, a.address)
        sent = await self._bridge_send(a, token, channel.a_channel, "nobody", 4_000)
        teller.line(_sent(a, sent))
        during = await a.cw20(token, a.address)
        teller.line(f"{a.user.name} owns {during} SHIP while it is on its way")
        await self._acknowledged(teller, a, channel.a_port, channel.a_channel, sent)
        teller.check("the error acknowledgement refunds", await a.cw20(token, a.address), before)
        escrowed = await a.cw20(token, a.contracts["cw20_bridge"])
        teller.check("no SHIP was made or lost", before + escrowed, SHIP)

    async def _timed_out(
        self, teller: Teller, a: Stage, b: Stage, channel: ChannelPair, relayer: Process
    ) -> None:
        teller.scene(
            f"{a.user.name} sends 5000 SHIP that must arrive within a second, while the relayer is held"
        )
        token = a.contracts["cw20_token"]
        before = await a.cw20(token, a.address)
        relayer.pause()
        try:
            sent = await self._bridge_send(a, token, channel.a_channel, b.address, 5_000, 1)
            teller.line(_sent(a, sent))
            deadline = _timeout(sent)
            await _until(lambda: _is_past(b, deadline), f"a block of {b.name} after the timeout")
            height = (await b.endpoint.reader.status()).height
            teller.line(f"{b.name} is past the timeout at height {height}; the relayer goes on")
        finally:
            relayer.resume()
        await self._acknowledged(teller, a, channel.a_port, channel.a_channel, sent, "timed out")
        teller.check("the timeout refunds", await a.cw20(token, a.address), before)
        escrowed = await a.cw20(token, a.contracts["cw20_bridge"])
        teller.check("no SHIP was made or lost", before + escrowed, SHIP)

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

    async def _acknowledged(
        self,
        teller: Teller,
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
        teller.line(f"packet {sequence} is {how} on {stage.name} by height {height}")

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
        checks = sum(len(scene["checks"]) for scene in teller.scenes)
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
            "scenes": teller.scenes,
            "failures": teller.failures,
        }

    def _invite(self, teller: Teller, a: Stage, b: Stage) -> None:
        teller.scene("Everything stays up until Ctrl-C")
        for stage in (a, b):
            teller.line(
                f"{stage.chain_id}: RPC {stage.rpc}, gRPC {stage.grpc}, process {stage.process.pid}"
            )
            for account in (stage.user, stage.relayer):
                teller.line(f"  {account.name} {account.address(PREFIX)}")
                teller.line(f"    {account.mnemonic}")
        teller.line(f"try: lightship query channels {a.rpc}")


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
    token = {
        "name": "Ship",
        "symbol": "SHIP",
        "decimals": 6,
        "initial_balances": [{"address": stage.address, "amount": str(SHIP)}],
    }
    bridge = {
        "default_timeout": 600,
        "gov_contract": stage.address,
        "allowlist": [],
        "default_gas_limit": 1_000_000,
        "voucher_code_id": stage.codes["cw20_token"],
    }
    wishes: Mapping[str, Any] = {"cw20_token": token, "cw20_bridge": bridge, "ping_pong": {}}
    made = await stage.send(
        *(
            wasm_tx.MsgInstantiateContract(
                sender=stage.address, code_id=stage.codes[name], label=name, msg=_json(wish)
            )
            for name, wish in wishes.items()
        )
    )
    addresses = _attributes(made, "instantiate", "_contract_address")
    stage.contracts.update(zip(wishes, addresses, strict=True))


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


async def _is_past(stage: Stage, deadline_ns: int) -> bool:
    return (await stage.endpoint.reader.status()).time.ns >= deadline_ns


def _sent(stage: Stage, outcome: Outcome) -> str:
    return f"packet {_sequence(outcome)} leaves {stage.name} at height {outcome.included.height}"


def _sequence(outcome: Outcome) -> int:
    return int(_attributes(outcome, "send_packet", "packet_sequence")[0])


def _timeout(outcome: Outcome) -> int:
    return int(_attributes(outcome, "send_packet", "packet_timeout_timestamp")[0])


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
