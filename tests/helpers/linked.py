"""Two whole embedded chains in one process, endpoints on both, and people to use them."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.chains import genesis

from chain.node.genesis import Genesis, equal_validators
from chain.node.maker import Pace
from chain.node.node import Node, NodeConfig
from chain.node.privval import ValidatorKey
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client.values import Timestamp
from relayer import (
    ChainSettings,
    Endpoint,
    GasPrice,
    HttpTransport,
    Link,
    Notices,
    Signer,
    Transport,
)
from relayer.tx import pack
from relayer.wallet import Outcome

DENOM = "stake"
FUNDS = f"{10**15}{DENOM}"


@dataclass
class Party:
    """One chain of a pair: its node, the relayer's endpoint, and a user with an endpoint of his own."""

    node: Node
    endpoint: Endpoint
    user: Endpoint
    person: Person

    async def balance(self, denom: str = DENOM) -> int:
        coins = await self.endpoint.reader.balances(self.person.address)
        return next((coin.amount for coin in coins if coin.denom == denom), 0)

    async def send(self, messages: Sequence[Message]) -> Outcome:
        """A transaction of the user."""
        return await self.user.submit([pack(message) for message in messages])

    def transfer(
        self,
        channel: str,
        receiver: str,
        amount: int = 1,
        *,
        denom: str = DENOM,
        seconds: float = 600,
        height: int = 0,
        memo: str = "",
    ) -> Message:
        message = transfer_tx.MsgTransfer(
            source_port="transfer",
            source_channel=channel,
            sender=self.person.address,
            receiver=receiver,
            timeout_timestamp=time.time_ns() + int(seconds * 10**9) if seconds else 0,
            memo=memo,
        )
        message.token.denom = denom
        message.token.amount = str(amount)
        message.timeout_height.revision_number = 1 if height else 0
        message.timeout_height.revision_height = height
        return message


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition may be anything
            await asyncio.sleep(0.01)


async def late(party: Party) -> None:
    """A second goes by, and a block says so: what had to arrive in this second has not."""
    await asyncio.sleep(1.1)
    await party.node.next_block()


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[asyncio.Task[None]]:
    """The link relays as long as this lasts."""
    task = asyncio.create_task(link.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Forger:
    """A transport whose answers pass through a test's hands."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.on_call: Callable[[str, Any], Any] = lambda _method, answer: answer
        self.on_query: Callable[[str, Any], Any] = lambda _path, answer: answer

    async def call(self, method: str, params: Mapping[str, Any]) -> Any:
        answer = copy.deepcopy(await self.inner.call(method, params))
        return self.on_call(method, answer)

    async def query(
        self, path: str, data: bytes, *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        answer = await self.inner.query(path, data, height=height, prove=prove)
        forged: abci.ResponseQuery = self.on_query(path, answer)
        return forged

    def subscribe(self, query: str) -> AsyncIterator[Any]:
        return self.inner.subscribe(query)

    async def close(self) -> None:
        await self.inner.close()


def forge(endpoint: Endpoint) -> Forger:
    """Put a forger between an endpoint and its chain."""
    forger = Forger(endpoint.reader.transport)
    endpoint.reader.transport = forger
    return forger


@asynccontextmanager
async def party(
    chain_id: str,
    *,
    wallets: int = 1,
    pace: Pace | None = None,
    sockets: bool = False,
    notices: Notices | None = None,
    validators: int = 1,
    state: Mapping[str, Any] | None = None,
) -> AsyncIterator[Party]:
    """A running chain with instant blocks and a relayer's endpoint on it.

    Two parties of one chain id have the same validators: the second is a fork of the first. ``state`` adds to the
    genesis, by module.
    """
    keys = [ValidatorKey.from_secret(f"{chain_id}-{number}") for number in range(validators)]
    person = Person(f"user-{chain_id}")
    relayers = [Person(f"relayer-{chain_id}-{number}") for number in range(wallets)]
    document = Genesis(
        chain_id=chain_id,
        genesis_time=Timestamp.from_ns(time.time_ns()),
        validators=equal_validators([key.pub_key for key in keys]),
        app_state=genesis(dict.fromkeys([person, *relayers], FUNDS)) | dict(state or {}),
    )
    config = NodeConfig(pace=pace or Pace(interval=1.0, instant=True))
    node = await Node.open(None, document, keys, config=config)
    try:
        await node.start()
        if sockets:
            await node.serve()

        def transport() -> Transport:
            return HttpTransport(node.rpc_url) if sockets else node.transport()

        def endpoint(people: Sequence[Person]) -> Endpoint:
            settings = ChainSettings(chain_id, "cosmos", GasPrice.parse(f"0.01{DENOM}"))
            signers = [Signer.from_secret(each.secret) for each in people]
            return Endpoint(settings, transport(), signers, notices=notices)

        for_relayer, for_user = endpoint(relayers), endpoint([person])
        try:
            await for_relayer.open()
            await for_user.open()
            yield Party(node, for_relayer, for_user, person)
        finally:
            await for_relayer.close()
            await for_user.close()
    finally:
        await node.stop()


@asynccontextmanager
async def pair(
    *,
    wallets: int = 1,
    pace: Pace | None = None,
    sockets: bool = False,
    notices: Notices | None = None,
    validators: int = 1,
    state: Mapping[str, Any] | None = None,
) -> AsyncIterator[tuple[Party, Party]]:
    """Two chains, alpha-1 and beta-1."""
    options: dict[str, Any] = {
        "wallets": wallets,
        "sockets": sockets,
        "validators": validators,
        "state": state,
    }
    async with (
        party("alpha-1", pace=pace, notices=notices, **options) as a,
        party("beta-1", pace=pace, notices=notices, **options) as b,
    ):
        yield a, b
