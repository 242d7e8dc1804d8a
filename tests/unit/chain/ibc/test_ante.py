"""The mempool's check for redundant relays."""

from collections.abc import Sequence

import pytest
from google.protobuf.message import Message
from helpers.ibc_world import Link, MiniChain, linked, packet_of

from chain.context import Context, Mode
from chain.errors import AbciError
from chain.modules.ibc.ante import check_redundant
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from light_client.packet import Packet
from light_client.values import Height


def check(chain: MiniChain, messages: Sequence[Message], mode: Mode = Mode.CHECK) -> Context:
    """The context after the check, whose changes stay in a branch of their own."""
    ctx = chain.context(mode).fork()
    check_redundant(ctx, chain.ibc.server, chain.ibc.server_v2, chain.ibc.clients, messages)
    return ctx


def sent(link: Link, channel: str, data: bytes) -> Packet:
    ctx = link.a.chain.context()
    link.a.chain.ibc.send_packet(ctx, "mock", channel, Height(9, 1), 0, data)
    return packet_of(ctx.events.events)


@pytest.fixture
def relayed() -> tuple[Link, Packet, Packet]:
    """Two packets from A to B, of which B has received the first."""
    link = linked()
    channel, _ = link.open_channel()
    first, second = sent(link, channel, b"one"), sent(link, channel, b"two")
    link.update(link.b)
    link.b.chain.run(link.recv(link.b, first))
    return link, first, second


def test_only_redundant_packets_are_refused(relayed: tuple[Link, Packet, Packet]) -> None:
    link, first, second = relayed
    b, old, new = link.b.chain, link.recv(link.b, first), link.recv(link.b, second)
    for mode in (Mode.CHECK, Mode.RECHECK):
        with pytest.raises(AbciError, match="packet messages are redundant") as caught:
            check(b, [old], mode)
        assert (caught.value.codespace, caught.value.code) == ("channel", 22)
        with pytest.raises(AbciError, match="redundant"):
            check(b, [old, old], mode)
        check(b, [old, new], mode)
        check(b, [new], mode)
    for mode in (Mode.DELIVER, Mode.SIMULATE):
        check(b, [old], mode)


def test_the_application_is_not_called(relayed: tuple[Link, Packet, Packet]) -> None:
    link, _, second = relayed
    before = len(link.b.chain.mock.received)
    check(link.b.chain, [link.recv(link.b, second)])
    assert len(link.b.chain.mock.received) == before


def test_another_message_ends_the_check(relayed: tuple[Link, Packet, Packet]) -> None:
    link, first, _ = relayed
    old = link.recv(link.b, first)
    check(link.b.chain, [old, bank_tx.MsgSend()])
    check(link.b.chain, [bank_tx.MsgSend(), old])


def test_packets_are_proven_by_an_update_in_the_same_transaction() -> None:
    link = linked()
    channel, _ = link.open_channel()
    packet = sent(link, channel, b"one")
    link.a.chain.commit()
    link.b.chain.clock = link.a.chain.clock
    update, recv = link.update_message(link.b), link.recv(link.b, packet)
    with pytest.raises(AbciError, match="please ensure the client has been updated"):
        check(link.b.chain, [recv])
    ctx = check(link.b.chain, [update, recv])
    assert ctx.events.events[0].type == "recv_packet"
    check(link.b.chain, [update])
    with pytest.raises(AbciError):
        check(link.b.chain, [update, link.recv(link.b, sent(link, channel, b"not committed"))])


def test_a_recheck_does_not_verify_again(relayed: tuple[Link, Packet, Packet]) -> None:
    link, _, second = relayed
    broken = link.recv(link.b, second)
    broken.proof_commitment = b"rotten"
    with pytest.raises(AbciError, match="receive packet verification failed"):
        check(link.b.chain, [broken])
    check(link.b.chain, [broken], Mode.RECHECK)


def test_acknowledgements_and_timeouts_count(relayed: tuple[Link, Packet, Packet]) -> None:
    link, first, _ = relayed
    link.update(link.a)
    ack = link.acknowledge(link.a, first, b'{"result":"AQ=="}')
    check(link.a.chain, [ack])
    link.a.chain.run(ack)
    with pytest.raises(AbciError, match="redundant"):
        check(link.a.chain, [ack])
    with pytest.raises(AbciError, match="redundant"):
        check(link.a.chain, [ack, link.timeout_on_close(link.a, first)])
