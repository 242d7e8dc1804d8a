"""Contract to contract: ordered channels, late answers, panics, and channels that close."""

import asyncio
import base64

import pytest
from helpers.linked import pair
from helpers.pingpong import players

from relayer import Link, Notice, Notices, Report
from relayer.notices import PacketStuck


async def test_packets_and_answers() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        ping, pong, channel = await players(link, a, b)
        await ping.ping(channel.a_channel, 5)
        await ping.send(channel.a_channel, {"refuse": {"reason": "not today"}})
        await ping.send(channel.a_channel, {"fail": {"reason": "broken"}})
        assert await link.relay_all() == Report(received=7, acknowledged=7)
        assert (await pong.counters())["received"] == 6
        assert (await ping.counters())["acknowledged"] == 7


@pytest.mark.parametrize("wallets", [1, 3])
async def test_an_ordered_channel_keeps_its_order(wallets: int) -> None:
    async with pair(wallets=wallets) as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        ping, pong, channel = await players(link, a, b, ordered=True)
        for _ in range(3):
            await ping.ping(channel.a_channel, 40)
        await pong.ping(channel.b_channel, 3)
        assert await link.relay_all() == Report(received=123, acknowledged=123)
        assert (await pong.counters())["received"] == 120
        assert (await ping.counters())["acknowledged"] == 120


async def test_an_answer_that_comes_later() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        ping, pong, channel = await players(link, a, b)
        await ping.send(channel.a_channel, {"defer": {}})
        assert await link.relay_all() == Report(received=1)
        ack = base64.b64encode(b'{"result":"AQ=="}').decode()
        await pong.execute(
            {"acknowledge": {"channel": channel.b_channel, "sequence": 1, "ack": ack}}
        )
        assert await link.relay_all() == Report(acknowledged=1)
        assert (await ping.counters())["acknowledged"] == 1


async def test_a_packet_that_panics_is_set_aside_until_it_times_out() -> None:
    heard: list[Notice] = []
    async with pair(notices=Notices(heard.append)) as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        ping, pong, channel = await players(link, a, b)
        await ping.ping(channel.a_channel, 3)
        await ping.send(channel.a_channel, {"panic": {}}, seconds=2)
        await ping.ping(channel.a_channel, 3)
        assert (await link.relay_once()).received == 6
        assert (await pong.counters())["received"] == 6
        stuck = [notice for notice in heard if isinstance(notice, PacketStuck)]
        assert {notice.sequence for notice in stuck} == {4}
        await asyncio.sleep(2.1)
        await b.node.next_block()
        report = await link.relay_all()
        assert (report.acknowledged, report.timed_out) == (6, 1)
        assert (await ping.counters())["timed_out"] == 1
        assert not link.ledger.packets


async def test_a_closed_channel_gives_its_packets_back() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        ping, pong, channel = await players(link, a, b)
        await ping.ping(channel.a_channel, 2)
        await pong.execute({"close": {"channel": channel.b_channel}})
        assert await link.relay_all() == Report(timed_out=2)
        assert (await ping.counters())["timed_out"] == 2


async def test_closing_is_carried_to_the_other_end() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        _, pong, channel = await players(link, a, b)
        await pong.execute({"close": {"channel": channel.b_channel}})
        turned = await Link.resume(b.endpoint, a.endpoint, link.ids.b.connection)
        await turned.close_channel(
            type(channel)(channel.b_port, channel.b_channel, channel.a_port, channel.a_channel, "")
        )
        states = await a.endpoint.reader.channels(link.ids.a.connection)
        assert [state.state for state in states] == [4]


async def test_an_ordered_timeout_closes_the_channel_and_the_rest_comes_back() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        ping, _, channel = await players(link, a, b, ordered=True)
        await ping.ping(channel.a_channel, 2, seconds=1)
        await ping.ping(channel.a_channel, 1, seconds=2)
        await asyncio.sleep(2.1)
        await b.node.next_block()
        assert await link.relay_all() == Report(timed_out=3)
        assert (await ping.counters())["timed_out"] == 3
