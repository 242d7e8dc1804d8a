"""Two whole embedded chains in one process, endpoints on both, and people to use them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.chains import genesis

from chain.node.genesis import Genesis, equal_validators
from chain.node.maker import Pace
from chain.node.node import Node, NodeConfig
from chain.node.privval import ValidatorKey
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from light_client.values import Timestamp
from relayer import ChainSettings, Endpoint, GasPrice, HttpTransport, Notices, Signer, Transport
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
    ) -> Message:
        message = transfer_tx.MsgTransfer(
            source_port="transfer",
            source_channel=channel,
            sender=self.person.address,
            receiver=receiver,
            timeout_timestamp=time.time_ns() + int(seconds * 10**9) if seconds else 0,
        )
        message.token.denom = denom
        message.token.amount = str(amount)
        message.timeout_height.revision_number = 1 if height else 0
        message.timeout_height.revision_height = height
        return message


@asynccontextmanager
async def party(
    chain_id: str,
    *,
    wallets: int = 1,
    pace: Pace | None = None,
    sockets: bool = False,
    notices: Notices | None = None,
    validators: int = 1,
) -> AsyncIterator[Party]:
    """A running chain with instant blocks and a relayer's endpoint on it."""
    keys = [ValidatorKey.generate() for _ in range(validators)]
    person = Person(f"user-{chain_id}")
    relayers = [Person(f"relayer-{chain_id}-{number}") for number in range(wallets)]
    document = Genesis(
        chain_id=chain_id,
        genesis_time=Timestamp.from_ns(time.time_ns()),
        validators=equal_validators([key.pub_key for key in keys]),
        app_state=genesis(dict.fromkeys([person, *relayers], FUNDS)),
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
) -> AsyncIterator[tuple[Party, Party]]:
    """Two chains, alpha-1 and beta-1."""
    options = {"wallets": wallets, "sockets": sockets, "validators": validators}
    async with (
        party("alpha-1", pace=pace, notices=notices, **options) as a,
        party("beta-1", pace=pace, notices=notices, **options) as b,
    ):
        yield a, b
