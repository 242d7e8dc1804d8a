"""IBC v2 between two embedded chains in one process, with the proofs of their light clients."""

from __future__ import annotations

import time
from typing import Any

import pytest
from helpers.contracts import Contract, deploy
from helpers.linked import Party, late, pair
from helpers.puppet import IBC2_CODE, SILENT, b64, coin, sub
from helpers.relay_v2 import RelayV2, ack_in, packet_in, told

from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as wasm_query
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.channel.v2 import query_pb2
from light_client.packet_v2 import ERROR_ACKNOWLEDGEMENT
from relayer.wallet import Outcome

SUCCESS = b'{"result":"AQ=="}'


async def linked(a: Party, b: Party) -> RelayV2:
    return await RelayV2.between(a.endpoint, b.endpoint)


async def transfer(
    party: Party, client: str, receiver: str, amount: int, denom: str = "stake", **fields: Any
) -> Outcome:
    seconds = fields.pop("seconds", 600)
    message = transfer_tx.MsgTransfer(
        source_port="transfer",
        source_channel=client,
        token=coin(amount, denom),
        sender=party.person.address,
        receiver=receiver,
        timeout_timestamp=int(time.time()) + seconds,
        **fields,
    )
    return await party.send([message])


async def voucher(party: Party) -> tuple[str, int]:
    coins = await party.endpoint.reader.balances(party.person.address)
    (found,) = [coin for coin in coins if coin.denom.startswith("ibc/")]
    return found.denom, found.amount


async def pending(party: Party, client: str) -> list[int]:
    """The packets that a chain has not forgotten yet."""
    answer = await party.endpoint.reader.ask(
        "/ibc.core.channel.v2.Query/PacketCommitments",
        query_pb2.QueryPacketCommitmentsRequest(client_id=client),
        query_pb2.QueryPacketCommitmentsResponse,
    )
    return [commitment.sequence for commitment in answer.commitments]


async def passed(party: Party, seconds: int) -> None:
    """The chain has a block of this time or later."""
    await party.endpoint.heights.refresh()
    while (await party.endpoint.head()).time.ns // 10**9 < seconds:
        await late(party)
        await party.endpoint.heights.refresh()


@pytest.mark.parametrize("encoding", ["application/json", "application/x-protobuf"])
async def test_tokens_there_and_back(encoding: str) -> None:
    async with pair() as (a, b):
        relay = await linked(a, b)
        client_a, client_b = relay.on_a.id, relay.on_b.id
        before = await a.balance()
        sent = await transfer(a, client_a, b.person.address, 1000, encoding=encoding)
        assert await relay.deliver(a.endpoint, sent.included) == SUCCESS
        denom, amount = await voucher(b)
        assert amount == 1000
        back = await transfer(b, client_b, a.person.address, 400, denom, encoding=encoding)
        assert await relay.deliver(b.endpoint, back.included) == SUCCESS
        assert (await voucher(b))[1] == 600
        assert await a.balance() == before - 600 - sent.fee[0].amount
        assert await pending(a, client_a) == await pending(b, client_b) == []


async def test_tokens_that_are_refused_come_back() -> None:
    async with pair() as (a, b):
        relay = await linked(a, b)
        before = await a.balance()
        sent = await transfer(a, relay.on_a.id, "nobody", 1000)
        assert await relay.deliver(a.endpoint, sent.included) == ERROR_ACKNOWLEDGEMENT
        assert await a.balance() == before - sent.fee[0].amount


async def test_tokens_that_are_late_come_back() -> None:
    async with pair() as (a, b):
        relay = await linked(a, b)
        before = await a.balance()
        sent = await transfer(a, relay.on_a.id, b.person.address, 1000, seconds=2)
        packet = packet_in(sent.included.events)
        await passed(b, packet.timeout_timestamp)
        await relay.time_out(a.endpoint, packet)
        assert await a.balance() == before - sent.fee[0].amount
        assert await pending(a, relay.on_a.id) == []


def port(contract: Contract) -> str:
    return f"wasm2{contract.address.removeprefix('cosmos')}"


def sending(relay: RelayV2, contract: Contract, to: Contract, seconds: int = 600) -> Any:
    """What makes a puppet send a packet to another."""
    payload = {
        "source_port": port(contract),
        "destination_port": port(to),
        "version": "v1",
        "encoding": "application/json",
        "value": b64(b'{"hello":1}'),
    }
    timeout = str((int(time.time()) + seconds) * 10**9)
    body = {"source_client": relay.on_a.id, "payloads": [payload], "timeout": timeout}
    return {"ok": {"messages": [sub({"ibc2": {"send_packet": body}})]}}


async def stored(contract: Contract, name: str) -> bytes:
    """What a puppet was told last."""
    answer = await contract.party.endpoint.reader.ask(
        "/cosmwasm.wasm.v1.Query/RawContractState",
        wasm_query.QueryRawContractStateRequest(address=contract.address, query_data=name.encode()),
        wasm_query.QueryRawContractStateResponse,
    )
    return answer.data


async def test_contracts_that_answer_at_once() -> None:
    async with pair() as (a, b):
        relay = await linked(a, b)
        sender = await deploy(a, IBC2_CODE, SILENT)
        answer = {"ok": {"messages": [], "attributes": [], "acknowledgement": b64(b"got it")}}
        receiver = await deploy(b, IBC2_CODE, answer)
        sent = await sender.execute(sending(relay, sender, receiver))
        assert await relay.deliver(a.endpoint, sent.included) == b"got it"
        assert b'"signer":"' + sender.address.encode() in await stored(sender, "sent")
        assert b64(b'{"hello":1}').encode() in await stored(receiver, "received")
        assert b'"acknowledgement":"' + b64(b"got it").encode() in await stored(
            sender, "acknowledged"
        )


async def test_contracts_that_answer_later_refuse_or_hear_of_timeouts() -> None:
    async with pair() as (a, b):
        relay = await linked(a, b)
        sender = await deploy(a, IBC2_CODE, SILENT)
        receiver = await deploy(b, IBC2_CODE, SILENT)
        sent = await sender.execute(sending(relay, sender, receiver))
        packet = packet_in(sent.included.events)
        received = await relay.receive(b.endpoint, packet)
        assert told(received.events, "ibc_packet_received")["success"] == "true"
        assert "write_acknowledgement" not in {event["type"] for event in received.events}
        body = {
            "ack": {"data": b64(b"at last")},
            "source_client": relay.on_a.id,
            "destination_client": relay.on_b.id,
            "packet_sequence": packet.sequence,
        }
        answer = {"ok": {"messages": [sub({"ibc2": {"write_acknowledgement": body}})]}}
        written = await receiver.execute(answer)
        assert ack_in(written.included.events) == b"at last"
        await relay.acknowledge(a.endpoint, packet, b"at last")
        assert b64(b"at last").encode() in await stored(sender, "acknowledged")
        refusing = await deploy(b, IBC2_CODE, {"error": "no"})
        sent = await sender.execute(sending(relay, sender, refusing))
        assert await relay.deliver(a.endpoint, sent.included) == ERROR_ACKNOWLEDGEMENT
        assert b64(ERROR_ACKNOWLEDGEMENT).encode() in await stored(sender, "acknowledged")
        sent = await sender.execute(sending(relay, sender, receiver, seconds=2))
        packet = packet_in(sent.included.events)
        await passed(b, packet.timeout_timestamp)
        await relay.time_out(a.endpoint, packet)
        assert b'"packet_sequence":3' in await stored(sender, "timed out")
        assert await pending(a, relay.on_a.id) == []
