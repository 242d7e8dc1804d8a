"""IBC v2 under hazard: damaged messages are refused or harmless, and a packet ends once, however it is relayed."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import pytest
from google.protobuf.message import Message
from helpers.damage import accepted, damage
from helpers.ibc_v2 import LinkV2, ack_of, linked_v2, packet_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.coins import Coin
from chain.errors import AbciError
from chain.modules.ibc.v2.codec import packet_from_pb
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as tx
from light_client.packet_v2 import PacketV2, packet_commitment

MANY: Final = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


class World:
    """Packets under way, and the message that would bring each step."""

    def __init__(self) -> None:
        link = self.link = linked_v2()
        heard = link.send(link.a, seconds=600)
        late = link.send(link.a, seconds=30)
        link.b.chain.run(link.receiving(link.b, heard))
        link.update(link.a, seconds=40)
        self.on_a: tuple[Message, ...] = (
            link.acknowledging(link.a, heard, b"thanks"),
            link.timing_out(link.a, late),
            link.sending(link.a),
        )
        self.packet = link.send(link.a)
        self.on_b: tuple[Message, ...] = (link.receiving(link.b, self.packet),)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_undamaged_they_are_taken(world: World) -> None:
    assert all(accepted(world.link.a.chain, message) for message in world.on_a)
    assert all(accepted(world.link.b.chain, message) for message in world.on_b)


@MANY
@given(data=st.data())
def test_damaged_messages_are_refused_or_harmless(world: World, data: st.DataObject) -> None:
    chain, messages = data.draw(
        st.sampled_from([(world.link.a.chain, world.on_a), (world.link.b.chain, world.on_b)])
    )
    accepted(chain, damage(data, data.draw(st.sampled_from(messages))))


@MANY
@given(data=st.data())
def test_no_other_packet_is_received(world: World, data: st.DataObject) -> None:
    """Only what the sender has committed to; where it came from is not part of that, but of the key."""
    (good,) = world.on_b
    message = damage(data, good)
    assert isinstance(message, tx.MsgRecvPacket)
    if accepted(world.link.b.chain, message):
        packet = packet_from_pb(message.packet)
        assert packet.sequence == world.packet.sequence
        assert packet_commitment(packet) == packet_commitment(world.packet)


STEPS: Final = ("send", "receive", "acknowledge", "time out", "wait")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=25))
def test_tokens_are_neither_made_nor_lost(steps: list[tuple[str, int]]) -> None:
    """Whatever is relayed, twice, too late or never: vouchers and what is under way make up the escrow."""
    world = _Tokens()
    for step, number in steps:
        world.take(step, number)
        world.check()


class _Tokens:
    """Transfers from A to B; what became of each packet is known from the messages that were taken."""

    def __init__(self) -> None:
        self.link: LinkV2 = linked_v2()
        self.link.a.chain.fund(self.link.a.chain.user, "1000stake")
        self.sent: list[PacketV2] = []
        self.received: dict[int, bytes] = {}
        self.ended: set[int] = set()

    def take(self, step: str, number: int) -> None:
        if step == "send":
            self._send(number)
        elif step == "wait":
            self.link.update(self.link.a, seconds=1 + 20 * number)
            self.link.update(self.link.b)
        elif self.sent:
            packet = self.sent[number % len(self.sent)]
            with suppress(AbciError):  # which must leave everything as it was
                self._relay(step, packet)

    def _send(self, number: int) -> None:
        a, b = self.link.a.chain, self.link.b.chain
        message = transfer_tx.MsgTransfer(
            source_port="transfer",
            source_channel=self.link.a.client,
            token=Coin("stake", 10).to_pb(),
            sender=a.user,
            receiver=b.user if number % 3 else "nobody",
            timeout_timestamp=max(a.clock.ns, b.clock.ns) // 10**9 + 60,
        )
        try:
            self.sent.append(packet_of(a.run(message).events))
        except AbciError:
            assert a.balance(a.user, "stake") < 10

    def _relay(self, step: str, packet: PacketV2) -> None:
        link = self.link
        if step == "receive":
            link.update(link.b)
            events = link.b.chain.run(link.receiving(link.b, packet)).events
            if events:
                assert packet.sequence not in self.received
                self.received[packet.sequence] = ack_of(events)
            return
        link.update(link.a)
        if step == "acknowledge":
            ack = self.received.get(packet.sequence, b"never")
            message: Message = link.acknowledging(link.a, packet, ack)
        else:
            message = link.timing_out(link.a, packet)
        if link.a.chain.run(message).events:
            assert packet.sequence not in self.ended
            self.ended.add(packet.sequence)

    def check(self) -> None:
        a, b = self.link.a.chain, self.link.b.chain
        taken = [each for each, ack in self.received.items() if ack == b'{"result":"AQ=="}']
        kept = [each.sequence for each in self.sent if each.sequence not in self.ended]
        out = set(kept) | set(taken)
        assert a.balance(a.user, "stake") == 1000 - 10 * len(out)
        supply = b.bank.export_genesis(b.context())["supply"]
        vouchers = [int(coin["amount"]) for coin in supply if coin["denom"].startswith("ibc/")]
        assert sum(vouchers) == 10 * len(taken)
