"""ICS-27 with whole chains and the relayer: an account on beta that its owner on alpha commands."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import wasmtime
from google.protobuf.message import Message
from helpers.contracts import Contract, deploy
from helpers.linked import DENOM, Party, pair
from helpers.regions import REGIONS

from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as wasm_q
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import query_pb2
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import tx_pb2 as controller_tx
from cosmos_pb.ibc.applications.interchain_accounts.v1 import packet_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from relayer import Link
from relayer.link import ChannelPair, Report

ACCOUNT = "/ibc.applications.interchain_accounts.controller.v1.Query/InterchainAccount"


_PARROT = """
(module
  (import "env" "db_write" (func $write (param i32 i32)))
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 4096))
  (data (i32.const 16) "told")
  (data (i32.const 32) "{\\"ok\\":{}}")
  REGIONS
  (func (export "instantiate") (param i32 i32 i32) (result i32)
    (call $region (i32.const 32) (i32.const 9)))
  (func (export "execute") (param i32 i32 i32) (result i32) (local.get 2))
  (func (export "ibc_source_callback") (param i32 i32) (result i32)
    (call $write (call $region (i32.const 16) (i32.const 4)) (local.get 1))
    (call $region (i32.const 32) (i32.const 9)))
)
""".replace("REGIONS", REGIONS)
PARROT = bytes(wasmtime.wat2wasm(_PARROT))
"""Answers ``execute`` with the message itself, and keeps what it hears of its packets."""


class Owner:
    """The user of alpha, who owns an account on beta."""

    def __init__(self, a: Party, b: Party, link: Link) -> None:
        self.a, self.b, self.link = a, b, link
        self.name = a.person.address

    @property
    def port(self) -> str:
        return f"icacontroller-{self.name}"

    async def act(self, message: Message) -> None:
        await self.a.send([message])

    async def register(self, order: channel_pb2.Order.ValueType) -> ChannelPair:
        """The owner asks, the relayer does the rest of the handshake."""
        wish = controller_tx.MsgRegisterInterchainAccount(
            owner=self.name,
            connection_id=self.link.ids.a.connection,
            ordering=order,
        )
        await self.act(wish)
        known = await self.a.endpoint.reader.channels(self.link.ids.a.connection)
        [channel] = [one.channel_id for one in known if one.state == channel_pb2.STATE_INIT]
        return await self.link.finish_channel(self.port, channel, "icahost")

    async def address(self) -> str:
        request = query_pb2.QueryInterchainAccountRequest(
            owner=self.name, connection_id=self.link.ids.a.connection
        )
        reader = self.a.endpoint.reader
        answer = await reader.transport.query(ACCOUNT, request.SerializeToString())
        return query_pb2.QueryInterchainAccountResponse.FromString(answer.value).address

    async def command(self, amount: int, seconds: float = 600, memo: str = "") -> None:
        """Have the account send coins to the user of beta."""
        coins = [coin_pb2.Coin(denom=DENOM, amount=str(amount))]
        sending = bank_tx.MsgSend(
            from_address=await self.address(), to_address=self.b.person.address, amount=coins
        )
        data = packet_pb2.CosmosTx(messages=[packed(sending)]).SerializeToString()
        message = controller_tx.MsgSendTx(
            owner=self.name,
            connection_id=self.link.ids.a.connection,
            packet_data=packet_pb2.InterchainAccountPacketData(
                type=packet_pb2.TYPE_EXECUTE_TX, data=data, memo=memo
            ),
            relative_timeout=int(seconds * 10**9),
        )
        await self.act(message)

    async def acknowledgement(self) -> dict[str, Any]:
        """The last one that beta wrote."""
        for height in range(self.b.node.height, 0, -1):
            results = await self.b.endpoint.reader.block_results(height)
            for tx in results["txs_results"] or ():
                for event in tx["events"]:
                    if event["type"] == "write_acknowledgement":
                        told = {pair["key"]: pair["value"] for pair in event["attributes"]}
                        found = json.loads(bytes.fromhex(told["packet_ack_hex"]))
                        assert isinstance(found, dict)
                        return found
        raise AssertionError("beta acknowledged nothing")


class ContractOwner(Owner):
    """A contract on alpha in the user's place."""

    def __init__(self, a: Party, b: Party, link: Link, contract: Contract) -> None:
        super().__init__(a, b, link)
        self.name = contract.address
        self._contract = contract

    async def act(self, message: Message) -> None:
        value = base64.b64encode(message.SerializeToString()).decode()
        inner = {"any": {"type_url": f"/{message.DESCRIPTOR.full_name}", "value": value}}
        sub = {"id": 0, "msg": inner, "gas_limit": None, "reply_on": "never"}
        await self._contract.execute({"ok": {"messages": [sub]}})


def packed(message: Message) -> any_pb2.Any:
    url = f"/{message.DESCRIPTOR.full_name}"
    return any_pb2.Any(type_url=url, value=message.SerializeToString())


async def test_an_account_on_another_chain() -> None:
    async with pair() as (a, b):
        owner = Owner(a, b, await Link.create(a.endpoint, b.endpoint))
        channel = await owner.register(channel_pb2.ORDER_ORDERED)
        account = await owner.address()
        assert json.loads(channel.version)["address"] == account

        await b.send([gift(b, account, 1_000)])
        before = await b.balance()
        await owner.command(400)
        assert await owner.link.relay_all() == Report(received=1, acknowledged=1)
        assert await b.balance() == before + 400
        assert "result" in await owner.acknowledgement()

        await owner.command(10_000)  # more than it has
        assert await owner.link.relay_all() == Report(received=1, acknowledged=1)
        assert await b.balance() == before + 400
        refusal = {"error": "ABCI code: 5: error handling packet: see events for details"}
        assert await owner.acknowledgement() == refusal

        await owner.command(1, seconds=0.3)
        await asyncio.sleep(0.4)
        await b.node.next_block()
        assert await owner.link.relay_all() == Report(timed_out=1)  # which closes the channel

        await owner.link.close_channel(channel)
        again = await owner.register(channel_pb2.ORDER_ORDERED)
        assert again.a_channel != channel.a_channel
        assert await owner.address() == account
        await owner.command(5)
        assert await owner.link.relay_all() == Report(received=1, acknowledged=1)
        assert await b.balance() == before + 405


async def test_a_contract_owns_an_account_and_hears_of_its_packets() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        contract = await deploy(a, PARROT, {})
        owner = ContractOwner(a, b, link, contract)
        await owner.register(channel_pb2.ORDER_UNORDERED)
        await b.send([gift(b, await owner.address(), 100)])
        before = await b.balance()
        memo = json.dumps({"src_callback": {"address": contract.address}})
        await owner.command(60, memo=memo)
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await b.balance() == before + 60
        request = wasm_q.QueryRawContractStateRequest(address=contract.address, query_data=b"told")
        told = await a.endpoint.reader.ask(
            "/cosmwasm.wasm.v1.Query/RawContractState",
            request,
            wasm_q.QueryRawContractStateResponse,
        )
        heard = json.loads(told.data)["acknowledgement"]
        assert heard["original_packet"]["src"]["port_id"] == owner.port
        ack = json.loads(base64.b64decode(heard["acknowledgement"]["data"]))
        assert ack == await owner.acknowledgement()


def gift(party: Party, receiver: str, amount: int) -> bank_tx.MsgSend:
    coins = [coin_pb2.Coin(denom=DENOM, amount=str(amount))]
    return bank_tx.MsgSend(from_address=party.person.address, to_address=receiver, amount=coins)
