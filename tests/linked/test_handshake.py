"""Handshakes from every half-open state, refused ones, and clients that are kept alive."""

import asyncio

import pytest
from helpers.linked import Party, pair, running, until

from chain.node.maker import Pace
from relayer import HandshakeError, Link, Report, TxRejected
from relayer.client import TrackedClient, create_client
from relayer.grpc_queries import GrpcQueries
from relayer.handshake import (
    ChannelEnds,
    ChannelWish,
    ConnectionEnds,
    Ends,
    Side,
    _take,
    _turn,
    open_together,
)
from relayer.notices import ClientUpdated, Notice

WISH = ChannelWish("transfer", "transfer", "ics20-1")


async def sides(a: Party, b: Party) -> tuple[Side, Side]:
    on_a, on_b = (
        await create_client(a.endpoint, b.endpoint),
        await create_client(b.endpoint, a.endpoint),
    )
    return Side(a.endpoint, on_a), Side(b.endpoint, on_b)


async def begin(ends: Ends, steps: int) -> None:
    for _ in range(steps):
        turn = await _turn(ends)
        assert turn is not None
        await _take([turn])


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_connection_is_finished_from_any_step(steps: int) -> None:
    async with pair() as (a, b):
        side_a, side_b = await sides(a, b)
        await begin(ConnectionEnds(side_a, side_b), steps)
        again = ConnectionEnds(side_a, side_b, "connection-0")
        await open_together([again])
        assert again.ids == {"a": "connection-0", "b": "connection-0"}
        link = await Link.resume(a.endpoint, b.endpoint, "connection-0")
        channel = await link.open_channel("transfer", "transfer", "ics20-1")
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("begun_on", ["a", "b"])
async def test_a_channel_is_finished_from_any_step(steps: int, begun_on: str) -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        first = (link.a, link.b) if begun_on == "a" else (link.b, link.a)
        connections = {"a": "connection-0", "b": "connection-0"}
        await begin(ChannelEnds(*first, connections, WISH), steps)
        turned = await Link.resume(first[0].endpoint, first[1].endpoint, "connection-0")
        channel = await turned.finish_channel("transfer", "channel-0", "transfer")
        assert (channel.a_channel, channel.b_channel) == ("channel-0", "channel-0")
        assert channel.version == "ics20-1"


async def test_what_others_did_in_the_newest_block_is_waited_for() -> None:
    """A channel that its owner began just now must not be taken for one that is not there."""
    async with pair(pace=Pace(interval=3600.0, instant=True)) as (a, _):
        for _ in range(2):
            newest = await a.node.next_block()
        assert await a.endpoint.provable() == newest - 1
        await a.endpoint.catch_up()
        provable, _ = await asyncio.gather(a.endpoint.provable(), a.node.next_block())
        assert provable == newest


async def test_a_second_channel_gets_the_next_ids() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        for number in range(2):
            channel = await link.open_channel("transfer", "transfer", "ics20-1")
            assert channel.b_channel == f"channel-{number}"


async def test_what_the_chains_refuse_is_said_in_their_words() -> None:
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        with pytest.raises(TxRejected, match="invalid ICS20 version"):
            await link.open_channel("transfer", "transfer", "ics20-99")
        with pytest.raises(TxRejected, match="nowhere"):
            await link.open_channel("nowhere", "transfer", "ics20-1")


async def test_a_client_must_track_the_right_chain() -> None:
    async with pair() as (a, b):
        await sides(a, b)
        stranger = TrackedClient("07-tendermint-0", a.endpoint, a.endpoint)
        with pytest.raises(HandshakeError, match="tracks beta-1, not alpha-1"):
            await stranger.load()
        missing = TrackedClient("07-tendermint-9", a.endpoint, b.endpoint)
        with pytest.raises(HandshakeError, match="there is no client 07-tendermint-9"):
            await missing.load()


async def test_an_ageing_client_is_refreshed() -> None:
    heard: list[Notice] = []
    async with pair() as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        a.endpoint.notices.add(heard.append)
        assert not await link.a.client.refresh()
        period = link.a.client.state.trusting_period_ns

        class Later:
            """The relayer's clock, a little more than a third of the trusting period ahead."""

            now = staticmethod(lambda: a.endpoint.clock.now().add(period // 3 + 10**9))
            monotonic = staticmethod(a.endpoint.clock.monotonic)
            sleep = staticmethod(a.endpoint.clock.sleep)

        b.endpoint.clock = Later()
        await b.node.next_block()
        assert await link.a.client.refresh()
        updates = [notice for notice in heard if isinstance(notice, ClientUpdated)]
        assert [(notice.chain, notice.why) for notice in updates] == [("alpha-1", "refresh")]


async def test_queries_may_travel_by_grpc() -> None:
    async with pair(sockets=True) as (a, b):
        for party in (a, b):
            reader = party.endpoint.reader
            reader.transport = GrpcQueries(reader.transport, party.node.grpc_address)
        link = await Link.create(a.endpoint, b.endpoint)
        channel = await link.open_channel("transfer", "transfer", "ics20-1")
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert (
            await a.endpoint.reader.account("cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a") is None
        )


async def test_it_runs_both_ways_at_the_same_time() -> None:
    async with pair(wallets=2, validators=3) as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        channel = await link.open_channel("transfer", "transfer", "ics20-1")

        async def send(here: Party, there: Party, end: str) -> None:
            for _ in range(10):
                await here.send([here.transfer(end, there.person.address) for _ in range(5)])

        async with running(link):
            await asyncio.gather(send(a, b, channel.a_channel), send(b, a, channel.b_channel))
            await until(lambda: link.ledger.totals.acknowledged == 100)
        assert not link.ledger.packets
