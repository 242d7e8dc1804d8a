"""The chain as its own counterparty: a channel over connection-localhost, and packets through it."""

import pytest
from helpers.ibc_world import End, Link, MiniChain

from chain.errors import AbciError
from chain.modules.ibc.clients import ACTIVE
from chain.modules.ibc.localhost import CONNECTION_ID, PROOF
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import host
from light_client.host import LOCALHOST_CLIENT_ID
from light_client.packet import Packet
from light_client.values import Height

ACK = b'{"result":"AQ=="}'
SOON = 60 * 10**9


class Mirror(MiniChain):
    """A chain whose proofs are for itself."""

    def prove(self, _: str | bytes) -> bytes:
        return PROOF


class Loopback(Link):
    def __init__(self) -> None:
        chain = Mirror("self-1")
        super().__init__(chain, chain)
        for end in (self.a, self.b):
            end.client, end.connection = LOCALHOST_CLIENT_ID, CONNECTION_ID

    def update(self, end: End, seconds: int = 1) -> None:
        """There is no client to update; time passes all the same."""
        end.chain.commit(seconds)


@pytest.fixture
def loop() -> Loopback:
    return Loopback()


def send(loop: Loopback, channel: str, data: bytes) -> Packet:
    chain = loop.a.chain
    ctx = chain.context()
    timeout = ctx.time.ns + SOON
    sequence = chain.ibc.send_packet(ctx, "mock", channel, Height(0, 0), timeout, data)
    there = chain.ibc.channel(ctx, "mock", channel)
    assert there is not None
    far = there.counterparty
    return Packet(
        sequence, "mock", channel, far.port_id, far.channel_id, data, Height(0, 0), timeout
    )


@pytest.mark.parametrize("ordered", [False, True])
def test_a_packet_goes_round(loop: Loopback, ordered: bool) -> None:
    near, far = loop.open_channel(ordered=ordered)
    assert (near, far) == ("channel-0", "channel-1")
    chain = loop.a.chain
    for name in (near, far):
        channel = chain.ibc.channel(chain.context(), "mock", name)
        assert channel is not None
        assert channel.state == channel_pb2.STATE_OPEN
    packet = send(loop, near, b"to myself")
    chain.run(loop.recv(loop.b, packet))
    assert [each.data for each in chain.mock.received] == [b"to myself"]
    chain.run(loop.acknowledge(loop.a, packet, ACK))
    assert [kind for kind, _ in chain.mock.seen][-1] == "ack"
    path = host.packet_commitment_path("mock", near, packet.sequence)
    assert chain.context().kv("ibc").get(path.encode()) is None


def test_a_packet_times_out(loop: Loopback) -> None:
    near, _ = loop.open_channel()
    packet = send(loop, near, b"never received")
    chain = loop.a.chain
    with pytest.raises(AbciError, match="timeout not reached"):
        chain.run(loop.timeout(loop.a, packet))
    chain.commit(SOON // 10**9 + 1)
    chain.run(loop.timeout(loop.a, packet))
    assert chain.mock.seen[-1] == ("timeout", packet.sequence)


def test_only_what_is_stored_is_believed(loop: Loopback) -> None:
    chain = loop.a.chain
    clients, ctx = chain.ibc.clients, chain.context()
    height = clients.latest_height(ctx, LOCALHOST_CLIENT_ID)
    key = host.connection_path(CONNECTION_ID).encode()
    stored = ctx.kv("ibc").get(key)
    assert stored is not None
    ask = (ctx, LOCALHOST_CLIENT_ID, height)
    clients.verify_membership(*ask, PROOF, (b"ibc", key), stored)
    clients.verify_non_membership(*ask, PROOF, (b"ibc", b"nothing"))
    for proof, path, value, told in (
        (b"\x02", (b"ibc", key), stored, ("commitment", 2)),
        (PROOF, (key,), stored, ("host", 3)),
        (PROOF, (b"ibc", key), b"x", ("client", 30)),
        (PROOF, (b"ibc", b"nothing"), stored, ("client", 30)),
    ):
        with pytest.raises(AbciError) as caught:
            clients.verify_membership(*ask, proof, path, value)
        assert (caught.value.codespace, caught.value.code) == told
    with pytest.raises(AbciError, match="value found for path") as caught:
        clients.verify_non_membership(*ask, PROOF, (b"ibc", key))
    assert (caught.value.codespace, caught.value.code) == ("client", 31)


def test_it_can_be_neither_made_nor_changed(loop: Loopback) -> None:
    chain = loop.a.chain
    ctx, empty = chain.context(), any_pb2.Any()
    localhost = chain.ibc.clients.types[LOCALHOST_CLIENT_ID]
    assert chain.ibc.clients.status(ctx, LOCALHOST_CLIENT_ID) == ACTIVE
    assert localhost.timestamp_at(ctx, LOCALHOST_CLIENT_ID, Height(1, 1)) == ctx.time.ns
    with pytest.raises(AbciError, match="cannot be initialized"):
        localhost.initialize(ctx, LOCALHOST_CLIENT_ID, empty, empty)
    with pytest.raises(AbciError, match="unsupported by the localhost client"):
        localhost.verify_message(ctx, LOCALHOST_CLIENT_ID, empty)
    with pytest.raises(AbciError, match="cannot upgrade localhost client"):
        localhost.upgrade(ctx, LOCALHOST_CLIENT_ID, empty, empty, b"", b"")
    with pytest.raises(AbciError, match="with a proposal"):
        localhost.recover(ctx, LOCALHOST_CLIENT_ID, LOCALHOST_CLIENT_ID)
    with pytest.raises(AbciError, match="cannot recover subject client"):
        chain.ibc.clients.recover(ctx, LOCALHOST_CLIENT_ID, "07-tendermint-0")
