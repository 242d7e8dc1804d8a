"""An endpoint that lies stops its path and nothing else; a chain that signs two blocks is reported."""

from collections.abc import Callable
from typing import Any

import pytest
from helpers.linked import Party, forge, pair, party, running, until

from light_client.state import FROZEN_HEIGHT
from light_client.values import ZERO_HEIGHT
from relayer import HandshakeError, Link, Notice, Notices, VerificationFailed
from relayer.client import TrackedClient
from relayer.events import attributes
from relayer.link import ChannelPair
from relayer.notices import Misbehaviour


async def opened(a: Party, b: Party) -> tuple[Link, ChannelPair]:
    link = await Link.create(a.endpoint, b.endpoint)
    return link, await link.open_channel("transfer", "transfer", "ics20-1")


def forged_app_hash(method: str, answer: Any) -> Any:
    if method == "commit":
        answer["result"]["signed_header"]["header"]["app_hash"] = "AB" * 32
    return answer


def forged_time(method: str, answer: Any) -> Any:
    if method == "commit":
        answer["result"]["signed_header"]["header"]["time"] = "2031-01-01T00:00:00Z"
    return answer


def forged_signature(method: str, answer: Any) -> Any:
    if method == "commit":
        for vote in answer["result"]["signed_header"]["commit"]["signatures"]:
            vote["signature"] = "A" * 86 + "=="
    return answer


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (forged_app_hash, "commit signs block"),
        (forged_time, "commit signs block"),
        (forged_signature, "wrong signature"),
    ],
)
async def test_a_forged_header_stops_the_path(lie: Callable[[str, Any], Any], said: str) -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)
        vouchers = await b.endpoint.reader.balances(b.person.address)
        async with running(link) as task:
            forge(a.endpoint).on_call = lie
            await a.send([a.transfer(channel.a_channel, b.person.address)])
            await until(task.done)
            with pytest.raises(VerificationFailed, match=said) as caught:
                task.result()
        assert caught.value.chain == "alpha-1"
        assert caught.value.what == "header"
        assert await b.endpoint.reader.balances(b.person.address) == vouchers


async def test_a_forged_proof_stops_the_path() -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)

        def lie(path: str, answer: Any) -> Any:
            if path == "/store/ibc/key" and answer.key.startswith(b"commitments/"):
                answer.value = b"\x07" * 32
            return answer

        forge(a.endpoint).on_query = lie
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        with pytest.raises(VerificationFailed, match=r"proof of commitments/ports/transfer"):
            await link.relay_all()


async def test_a_forged_packet_stops_the_path() -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)

        def lie(method: str, answer: Any) -> Any:
            if method == "block_results":
                for tx in answer["result"]["txs_results"] or ():
                    for event in tx["events"]:
                        if event["type"] == "send_packet":
                            _replace(event, "packet_data_hex", b'{"amount":"1000000"}'.hex())
            return answer

        forge(a.endpoint).on_call = lie
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        with pytest.raises(
            VerificationFailed, match=r"packet of commitments/.* expected commitment"
        ):
            await link.relay_all()


async def test_a_packet_that_is_said_to_be_received_is_relayed_all_the_same() -> None:
    async with pair() as (a, b):
        link, channel = await opened(a, b)

        def lie(path: str, answer: Any) -> Any:
            if path.endswith("/UnreceivedPackets"):
                answer.value = b""
            return answer

        forge(b.endpoint).on_query = lie
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        assert (await link.relay_all()).received == 1


async def test_a_fork_is_noticed_before_anything_is_relayed() -> None:
    async with pair() as (a, b), party("alpha-1") as fork:
        await opened(a, b)
        while fork.node.height <= a.node.height:
            await fork.node.next_block()
        client = TrackedClient("07-tendermint-0", b.endpoint, fork.endpoint)
        await client.load()
        with pytest.raises(VerificationFailed, match="the other chain trusts"):
            await client.anchor()


async def test_evidence_of_a_fork_freezes_the_client() -> None:
    heard: list[Notice] = []
    async with pair(notices=Notices(heard.append)) as (a, b), party("alpha-1") as fork:
        link, channel = await opened(a, b)
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        await link.relay_all()
        while fork.node.height <= a.node.height:
            await fork.node.next_block()
        a.endpoint.reader.transport = fork.node.transport()
        detector = link._detectors["beta-1"]
        assert detector.client is link.b.client
        height = await detector.look(everything=True)
        assert height is not None
        notice = await detector.accuse(height)
        assert notice == next(each for each in heard if isinstance(each, Misbehaviour))
        assert notice.submitted, notice.detail
        assert (notice.chain, notice.client) == ("alpha-1", "07-tendermint-0")
        proven = await b.endpoint.prove("clients/07-tendermint-0/clientState")
        state = link.b.client.decode_state(proven.value)
        assert state.frozen_height == FROZEN_HEIGHT != ZERO_HEIGHT
        with pytest.raises(HandshakeError, match="is frozen"):
            await link.b.client.load()


async def test_without_a_second_signed_header_there_is_no_evidence() -> None:
    heard: list[Notice] = []
    async with pair(notices=Notices(heard.append)) as (a, b):
        link, channel = await opened(a, b)
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        await link.relay_all()
        forge(a.endpoint).on_call = forged_app_hash
        detector = link._detectors["beta-1"]
        height = await detector.look(everything=True)
        assert height is not None
        assert not (await detector.accuse(height)).submitted
        await link.b.client.load()


def _replace(event: Any, key: str, value: str) -> None:
    assert key in attributes(event)
    for attribute in event["attributes"]:
        if attribute["key"] == key:
            attribute["value"] = value
