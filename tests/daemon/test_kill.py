"""``kill -9`` of chains and of the relayer in the middle of a stream of transfers: all arrive, each once."""

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from helpers.network import ChainProcess, Network, network

from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.channel.v1 import query_pb2 as channel_query
from light_client import bech32
from relayer.errors import RelayerError
from relayer.reader import Reader
from relayer.tx import pack

TRANSFERS = 200
PER_TX = 4
AMOUNT = 7
PATIENCE = 90.0


def transfers(net: Network, sender: str) -> list[any_pb2.Any]:
    """A few transfers to somebody on the other chain."""
    message = transfer_tx.MsgTransfer(
        source_port=net.channel.a_port,
        source_channel=net.channel.a_channel,
        token=coin_pb2.Coin(denom="gold", amount=str(AMOUNT)),
        sender=sender,
        receiver=receiver(),
        timeout_timestamp=time.time_ns() + 3600 * 10**9,
    )
    message.timeout_height.SetInParent()
    return [pack(message)] * PER_TX


def receiver() -> str:
    """Somebody who owns nothing else."""
    return bech32.encode("cosmos", b"receiver of the test")


async def sent_so_far(reader: Reader, net: Network) -> int:
    request = channel_query.QueryNextSequenceSendRequest(
        port_id=net.channel.a_port, channel_id=net.channel.a_channel
    )
    path = "/ibc.core.channel.v1.Query/NextSequenceSend"
    answer = await reader.ask(path, request, channel_query.QueryNextSequenceSendResponse)
    return int(answer.next_sequence_send) - 1


async def stream(net: Network) -> int:
    """Send until the chain says that it has sent TRANSFERS packets, whatever dies meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            async with net.a.as_user() as user:
                while (sent := await sent_so_far(user.reader, net)) < TRANSFERS:
                    await user.submit(transfers(net, user.address))
                return sent
        except RelayerError:
            await asyncio.sleep(0.2)
    raise AssertionError(f"not {TRANSFERS} packets sent within {PATIENCE} s")


async def murder(net: Network, dice: random.Random, order: list[str]) -> None:
    """Kill without warning, and start again a moment later."""
    for victim in order:
        await asyncio.sleep(dice.uniform(0.1, 0.7))
        if victim == "relayer":
            await net.relayer.kill()
            await asyncio.sleep(dice.uniform(0.0, 0.3))
            await net.start_relayer()
        else:
            chain: ChainProcess = {"a": net.a, "b": net.b}[victim]
            await chain.running.kill()
            await asyncio.sleep(dice.uniform(0.0, 0.3))
            await chain.start()


async def relaying(net: Network) -> None:
    """Wait until the relayer is at work."""
    deadline = time.monotonic() + PATIENCE
    while "PathStarted" not in net.relayer.log.read_text():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def until_quiet(net: Network) -> None:
    """Wait until no packet is on its way."""
    deadline = time.monotonic() + PATIENCE
    async with net.a.reading() as reader:
        while left := await reader.commitments(net.channel.a_port, net.channel.a_channel):
            assert time.monotonic() < deadline, f"{len(left)} packets are still on their way"
            if (
                not net.relayer.running
            ):  # it was started while a chain was down: systemd would do this
                await net.start_relayer()
            await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    "order",
    [["relayer", "b", "relayer", "a"], ["b", "a", "relayer", "b", "relayer"]],
    ids="-".join,
)
async def test_everything_arrives_exactly_once(tmp_path: Path, order: list[str]) -> None:
    dice = random.Random("-".join(order))
    async with network(tmp_path) as net:
        sending = asyncio.create_task(stream(net))
        await murder(net, dice, order)
        sent = await sending
        assert sent >= TRANSFERS
        await until_quiet(net)
        async with net.b.reading() as there, net.a.reading() as here:
            coins = await there.balances(receiver())
            assert [coin.amount for coin in coins] == [sent * AMOUNT]
            sequences = range(1, sent + 1)
            unreceived = await there.unreceived_packets(
                net.channel.b_port, net.channel.b_channel, sequences
            )
            assert unreceived == set()
            found = await there.search("recv_packet.packet_dst_channel='channel-0'")
            times = Counter(
                pair["value"]
                for tx in found
                for event in tx.events
                if event["type"] == "recv_packet"
                for pair in event["attributes"]
                if pair["key"] == "packet_sequence"
            )
            assert times == {str(sequence): 1 for sequence in sequences}
            user = net.a.user.address("cosmos")
            gold = next(coin for coin in await here.balances(user) if coin.denom == "gold")
            assert gold.amount == 10**9 - sent * AMOUNT


async def test_sigterm_ends_everything_in_good_order(tmp_path: Path) -> None:
    async with network(tmp_path) as net:
        await relaying(net)
        for process in (net.relayer, net.a.running, net.b.running):
            assert await process.terminate() == 0, process.log.read_text()
        assert "Traceback" not in net.relayer.log.read_text()


async def test_a_chain_goes_on_where_it_was(tmp_path: Path) -> None:
    async with network(tmp_path) as net:
        async with net.a.as_user() as user:
            await user.submit(transfers(net, user.address))
        await until_quiet(net)
        async with net.a.reading() as reader:
            height = (
                await reader.status()
            ).height - 1  # the newest block's commit is not final yet
            before = await reader.rpc("commit", height=str(height))
        assert await net.a.running.terminate() == 0
        ready = await net.a.start()
        assert ready["height"] >= height
        async with net.a.reading() as reader:
            assert await reader.rpc("commit", height=str(height)) == before
            [channel] = await reader.channels("connection-0")
            assert channel.channel_id == net.channel.a_channel
