"""Transfers that call contracts (ibc-hooks), with whole chains and the relayer."""

from __future__ import annotations

import json
from typing import Any

from helpers.contracts import deploy
from helpers.linked import Party, pair
from unit.chain.wasm.test_hooks import LISTENER

from chain.modules.transfer import Denom, Hop
from contracts import artifact
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2
from light_client import addresses, bech32
from relayer import Link, Report

HOOKS = {"ibchooks": {"enabled": True}}
VOUCHER = Denom("stake", (Hop("transfer", "channel-0"),)).local


async def kept(party: Party, contract: str, key: bytes) -> Any:
    """What a contract has under a key, as JSON."""
    request = query_pb2.QueryRawContractStateRequest(address=contract, query_data=key)
    answer = await party.endpoint.reader.ask(
        "/cosmwasm.wasm.v1.Query/RawContractState",
        request,
        query_pb2.QueryRawContractStateResponse,
    )
    return json.loads(answer.data)


async def test_a_transfer_executes_a_contract_and_a_contract_hears_of_it() -> None:
    async with pair(state=HOOKS) as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        channel = await link.open_channel("transfer", "transfer", "ics20-1")
        at_a = await deploy(a, LISTENER, {})
        at_b = await deploy(b, LISTENER, {})
        memo = {
            "wasm": {"contract": at_b.address, "msg": {"deposit": {"for": "somebody"}}},
            "ibc_callback": at_a.address,
        }
        sending = a.transfer(channel.a_channel, at_b.address, 250, memo=json.dumps(memo))
        await a.send([sending])
        assert await link.relay_all() == Report(received=1, acknowledged=1)

        caller = addresses.hooked(channel.b_channel, a.person.address)
        assert await kept(b, at_b.address, b"info") == {
            "sender": bech32.encode("cosmos", caller),
            "funds": [{"denom": VOUCHER, "amount": "250"}],
        }
        assert await kept(b, at_b.address, b"told") == {"deposit": {"for": "somebody"}}
        told = (await kept(a, at_a.address, b"told"))["ibc_lifecycle_complete"]["ibc_ack"]
        assert (told["channel"], told["sequence"], told["success"]) == ("channel-0", 1, True)


async def test_what_a_hostile_contract_refuses_comes_back() -> None:
    async with pair(state=HOOKS) as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        channel = await link.open_channel("transfer", "transfer", "ics20-1")
        hostile = await deploy(b, artifact("hostile"), {})
        before = await a.balance()
        fees = 0
        messages: list[Any] = [{"fail": {"reason": "no"}}, {"panic": {}}, {"recurse": {}}]
        for message in messages:
            memo = json.dumps({"wasm": {"contract": hostile.address, "msg": message}})
            sent = await a.send([a.transfer(channel.a_channel, hostile.address, 9, memo=memo)])
            fees += sent.fee[0].amount
        assert await link.relay_all() == Report(received=3, acknowledged=3)
        assert await a.balance() == before - fees
        assert not await b.endpoint.reader.balances(hostile.address)
