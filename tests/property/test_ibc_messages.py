"""IBC messages that are right but for a few bytes: refused or harmless, and never a fault of the chain."""

from __future__ import annotations

from typing import Any, Final

import pytest
from google.protobuf.message import Message
from helpers.damage import accepted, damage
from helpers.ibc_world import End, Link, linked, packet_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from light_client.codec import packet_from_pb
from light_client.packet import Packet
from light_client.values import Height

MANY: Final = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
FAR: Final = Height(9, 1)


class World:
    """A link with an open channel, packets under way, and the messages that would bring each step."""

    def __init__(self) -> None:
        self.link = linked()
        self.channel, _ = self.link.open_channel()
        self.packet = self.send(b"hello", FAR)
        late = self.send(b"late", Height(0, self.link.b.chain.height + 1))
        init = self.link.channel_init("mock", channel_pb2.ORDER_ORDERED, "mock-1")
        self.link.update(self.link.b)
        self.recv = self.link.recv(self.link.b, self.packet)
        try_ = self.link.channel_try("mock", init)
        self.on_b: tuple[Message, ...] = (self.recv, try_, self.header_for(self.link.b))
        self.link.update(self.link.a)
        timeout = self.link.timeout(self.link.a, late)
        self.on_a: tuple[Message, ...] = (timeout, self.header_for(self.link.a))

    def header_for(self, end: End) -> Message:
        """One that the client there has not seen."""
        self.link.other(end).chain.commit()
        end.chain.clock = max(end.chain.clock, self.link.other(end).chain.clock)
        return self.link.update_message(end)

    def send(self, data: bytes, until: Height) -> Packet:
        ctx = self.link.a.chain.context()
        self.link.a.chain.ibc.send_packet(ctx, "mock", self.channel, until, 0, data)
        return packet_of(ctx.events.events)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_undamaged_they_are_taken(world: World) -> None:
    assert all(accepted(world.link.b.chain, message) for message in world.on_b)
    assert all(accepted(world.link.a.chain, message) for message in world.on_a)


@MANY
@given(st.data())
def test_damaged_messages_are_refused_or_done(world: World, data: st.DataObject) -> None:
    link: Link = world.link
    chain, messages = data.draw(
        st.sampled_from([(link.a.chain, world.on_a), (link.b.chain, world.on_b)])
    )
    accepted(chain, damage(data, data.draw(st.sampled_from(messages))))


@MANY
@given(st.data())
def test_no_damage_brings_another_packet(world: World, data: st.DataObject) -> None:
    changed: Any = damage(data, world.recv)
    assert isinstance(changed, channel_tx.MsgRecvPacket)
    if accepted(world.link.b.chain, changed):
        assert packet_from_pb(changed.packet) == world.packet
