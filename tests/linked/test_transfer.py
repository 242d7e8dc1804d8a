"""Transfers between two embedded chains in one process: every way that a packet can end."""

import asyncio

import pytest
from helpers.linked import Party, pair, running, until

from chain.node.maker import Pace
from relayer import HandshakeError, Link, Notice, Notices, Report, State
from relayer.link import ChannelPair
from relayer.notices import BatchIncluded, PacketStuck


async def opened(a: Party, b: Party, state: State | None = None) -> tuple[Link, ChannelPair]:
    link = await Link.create(a.endpoint, b.endpoint, state=state)
    return link, await link.open_channel("transfer", "transfer", "ics20-1")


async def vouchers(party: Party) -> int:
    coins = await party.endpoint.reader.balances(party.person.address)
    return sum(coin.amount for coin in coins if coin.denom.startswith("ibc/"))


async def voucher_denom(party: Party) -> str:
    coins = await party.endpoint.reader.balances(party.person.address)
    return next(coin.denom for coin in coins if coin.denom.startswith("ibc/"))


@pytest.mark.parametrize("sockets", [False, True], ids=["in process", "loopback"])
async def test_there_and_back(sockets: bool) -> None:
    async with pair(sockets=sockets, validators=4) as (a, b):
        link, channel = await opened(a, b)
        assert (channel.a_channel, channel.b_channel) == ("channel-0", "channel-0")
        assert channel.version == "ics20-1"
        await a.send([a.transfer(channel.a_channel, b.person.address, 1000)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await vouchers(b) == 1000
        before = await a.balance()
        back = b.transfer(channel.b_channel, a.person.address, 400, denom=await voucher_denom(b))
        await b.send([back])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await a.balance() == before + 400
        assert await vouchers(b) == 600
        assert not link.ledger.packets


async def test_a_packet_that_is_late_comes_back() -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)
        before = await a.balance()
        sent = await a.send([a.transfer(channel.a_channel, b.person.address, 1000, seconds=0.3)])
        await asyncio.sleep(0.4)
        await b.node.next_block()
        assert await link.relay_all() == Report(timed_out=1)
        assert await a.balance() == before - sent.fee[0].amount
        assert await vouchers(b) == 0


async def test_a_packet_that_is_late_by_height_comes_back() -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)
        before = await a.balance()
        too_soon = b.node.height + 3
        sent = await a.send(
            [a.transfer(channel.a_channel, b.person.address, 7, seconds=0, height=too_soon)]
        )
        while b.node.height < too_soon:
            await b.node.next_block()
        assert await link.relay_all() == Report(timed_out=1)
        assert await a.balance() == before - sent.fee[0].amount


async def test_a_chain_without_blocks_is_woken_to_prove_a_timeout() -> None:
    async with pair(pace=Pace(interval=3600.0, instant=True)) as (a, b):
        link, channel = await opened(a, b)
        await a.send([a.transfer(channel.a_channel, b.person.address, 5, seconds=0.2)])
        await asyncio.sleep(0.3)
        async with running(link):
            await until(lambda: link.ledger.totals.timed_out)
        assert not link.ledger.packets


async def test_a_packet_that_is_refused_comes_back() -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)
        before = await a.balance()
        sent = await a.send([a.transfer(channel.a_channel, "nobody", 1000)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await a.balance() == before - sent.fee[0].amount


async def test_many_packets_share_transactions_and_wallets() -> None:
    heard: list[Notice] = []
    async with pair(wallets=2, notices=Notices(heard.append)) as (a, b):
        link, channel = await opened(a, b)
        for _ in range(4):
            await a.send([a.transfer(channel.a_channel, b.person.address) for _ in range(30)])
        await b.send([b.transfer(channel.b_channel, a.person.address) for _ in range(10)])
        report = await link.relay_all()
        assert report == Report(received=130, acknowledged=130)
        assert await vouchers(b) == 120
        assert await vouchers(a) == 10
        batches = [notice for notice in heard if isinstance(notice, BatchIncluded)]
        assert sum(batch.messages for batch in batches) == 260
        assert len(batches) < 15


async def test_a_link_is_resumed_from_its_state() -> None:
    state = State()
    async with pair() as (a, b):
        first, channel = await opened(a, b, state)
        await a.send([a.transfer(channel.a_channel, b.person.address, 11)])
        await first.read()
        await a.send([a.transfer(channel.a_channel, b.person.address, 22)])
        again = await Link.resume(a.endpoint, b.endpoint, first.ids.a.connection, state=state)
        assert len(again.ledger.packets) == 1
        assert await again.relay_all() == Report(received=2, acknowledged=2)
        assert await vouchers(b) == 33


async def test_without_a_state_what_is_pending_is_found_on_the_chains() -> None:
    async with pair() as (a, b):
        first, channel = await opened(a, b)
        await a.send([a.transfer(channel.a_channel, b.person.address, 1)])
        await first.relay_once()  # received, not acknowledged
        await a.send([a.transfer(channel.a_channel, b.person.address, 2)])
        again = await Link.resume(b.endpoint, a.endpoint, first.ids.b.connection)
        report = await again.relay_all()
        assert report == Report(received=1, acknowledged=2)
        assert await vouchers(b) == 3
        assert await again.relay_all() == Report()


async def test_two_relayers_do_not_pay_twice() -> None:
    async with pair() as (a, b):
        first, channel = await opened(a, b)
        second = await Link.resume(a.endpoint, b.endpoint, first.ids.a.connection)
        await a.send([a.transfer(channel.a_channel, b.person.address, 5) for _ in range(5)])
        await second.read()
        await first.relay_all()
        assert (await second.relay_all()).total == 0
        assert not second.ledger.packets
        assert await vouchers(b) == 25


async def test_a_filter_leaves_other_channels_alone() -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)
        picky = await Link.resume(
            a.endpoint,
            b.endpoint,
            link.ids.a.connection,
            admits=lambda _port, name: name != channel.a_channel,
        )
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        await b.send([b.transfer(channel.b_channel, a.person.address)])
        assert await picky.relay_all() == Report()


async def test_only_a_connection_that_exists_can_be_resumed() -> None:
    async with pair() as (a, b):
        await opened(a, b)
        with pytest.raises(HandshakeError):
            await Link.resume(a.endpoint, b.endpoint, "connection-7")


async def test_one_bad_packet_does_not_hold_up_the_others() -> None:
    heard: list[Notice] = []
    async with pair(notices=Notices(heard.append)) as (a, b):
        link, channel = await opened(a, b)
        await a.send([a.transfer(channel.a_channel, b.person.address) for _ in range(8)])
        await link.read()
        advocate = link.lanes["b"]._advocate
        assert advocate.target is b.endpoint or link.lanes["a"]._advocate.target is b.endpoint
        lane = next(each for each in link.lanes.values() if each.target is b.endpoint)
        honest = lane._advocate.message

        async def spoil(task: object, height: int, signer: str) -> object:
            message = await honest(task, height, signer)  # type: ignore[arg-type]
            if task.key.sequence == 3 and message is not None:  # type: ignore[attr-defined]
                message.value = message.value[:-60] + b"\0" + message.value[-59:]
            return message

        lane._advocate.message = spoil  # type: ignore[method-assign,assignment]
        assert (await link.relay_once()).received == 7
        stuck = [notice for notice in heard if isinstance(notice, PacketStuck)]
        assert {notice.sequence for notice in stuck} == {3}
        lane._advocate.message = honest  # type: ignore[method-assign]
        await asyncio.sleep(0.25)
        await link.relay_all()
        assert await vouchers(b) == 8
