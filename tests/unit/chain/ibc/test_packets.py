"""Packets from sending to their end: receipts, acknowledgements, timeouts, closing, replays, forgeries."""

from dataclasses import replace

import pytest
from helpers.ibc_world import REFUSED, End, Link, MiniChain, attribute, linked, packet_of
from helpers.validators import SECOND
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.errors import AbciError, OutOfGas
from chain.gas import GasMeter
from chain.modules.ibc import error_ack
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as tx
from light_client import host
from light_client.codec import packet_to_pb
from light_client.packet import Packet, packet_commitment
from light_client.values import ZERO_HEIGHT, Height

SUCCESS = b'{"result":"AQ=="}'
FAR = Height(9, 1)


@pytest.fixture
def link() -> Link:
    return linked()


def send(
    link: Link,
    channel: str,
    data: bytes = b"hello",
    height: Height = FAR,
    timestamp: int = 0,
    port: str = "mock",
) -> Packet:
    """Send from A and let B's client see it."""
    a = link.a.chain
    ctx = a.context()
    sequence = a.ibc.send_packet(ctx, port, channel, height, timestamp, data)
    packet = packet_of(ctx.events.events)
    assert packet.sequence == sequence
    link.update(link.b)
    return packet


def refuse(chain: MiniChain, message: object, expected: tuple[str, int], text: str) -> None:
    with pytest.raises(AbciError) as caught:
        chain.run(message)  # type: ignore[arg-type]
    assert (caught.value.codespace, caught.value.code) == expected, str(caught.value)
    assert text in str(caught.value)


def commitment(end: End, packet: Packet) -> bytes | None:
    path = host.packet_commitment_path(packet.source_port, packet.source_channel, packet.sequence)
    return end.chain.context().kv("ibc").get(path.encode())


def test_there_and_back(link: Link) -> None:
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a)
    assert commitment(link.a, packet) == packet_commitment(packet)
    result = link.b.chain.run(link.recv(link.b, packet))
    assert tx.MsgRecvPacketResponse.FromString(result.response.value).result == 2
    assert [event.type for event in result.events] == [
        "recv_packet",
        "message",
        "mock_received",
        "write_acknowledgement",
        "message",
    ]
    assert attribute(result.events, "write_acknowledgement", "packet_ack") == SUCCESS.decode()
    receipt = host.packet_receipt_path("mock", packet.destination_channel, 1)
    assert link.b.chain.context().kv("ibc").get(receipt.encode()) == b"\x01"
    link.update(link.a)
    result = link.a.chain.run(link.acknowledge(link.a, packet, SUCCESS))
    assert [event.type for event in result.events] == ["acknowledge_packet", "message"]
    # The commitment was gone before the application heard of it.
    assert link.a.chain.mock.seen[-1] == ("ack", (1, SUCCESS, None))


def test_packet_events_carry_old_and_new_attributes(link: Link) -> None:
    channel_a, channel_b = link.open_channel()
    link.b.chain.commit()
    ctx = link.a.chain.context()
    link.a.chain.ibc.send_packet(ctx, "mock", channel_a, Height(9, 1), 7 * 10**18, b'{"a":1}')
    sent = ctx.events.events[0]
    assert sent.type == "send_packet"
    expected = (
        ("packet_data", '{"a":1}'),
        ("packet_data_hex", b'{"a":1}'.hex()),
        ("packet_timeout_height", "9-1"),
        ("packet_timeout_timestamp", str(7 * 10**18)),
        ("packet_sequence", "1"),
        ("packet_src_port", "mock"),
        ("packet_src_channel", channel_a),
        ("packet_dst_port", "mock"),
        ("packet_dst_channel", channel_b),
    )
    tail = (
        ("packet_channel_ordering", "ORDER_UNORDERED"),
        ("packet_connection", "connection-0"),
        ("connection_id", "connection-0"),
    )
    assert sent.attributes == expected + tail
    packet = packet_of(ctx.events.events)
    link.update(link.b)
    events = link.b.chain.run(link.recv(link.b, packet)).events
    assert events[0].attributes == expected + tail
    ack = (("packet_ack", SUCCESS.decode()), ("packet_ack_hex", SUCCESS.hex()))
    (written,) = [event for event in events if event.type == "write_acknowledgement"]
    assert written.attributes == expected + ack + tail
    link.update(link.a)
    events = link.a.chain.run(link.acknowledge(link.a, packet, SUCCESS)).events
    assert events[0].attributes == expected[2:] + tail


def test_a_second_relay_is_a_no_op(link: Link) -> None:
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a)
    recv = link.recv(link.b, packet)
    link.b.chain.run(recv)
    again = link.b.chain.run(recv)
    assert tx.MsgRecvPacketResponse.FromString(again.response.value).result == 1
    assert again.events == ()
    assert len(link.b.chain.mock.received) == 1
    link.update(link.a)
    ack = link.acknowledge(link.a, packet, SUCCESS)
    link.a.chain.run(ack)
    again = link.a.chain.run(ack)
    assert tx.MsgAcknowledgementResponse.FromString(again.response.value).result == 1
    assert again.events == ()
    assert [name for name, _ in link.a.chain.mock.seen].count("ack") == 1


def test_a_refused_packet_leaves_only_renamed_events(link: Link) -> None:
    channel_a, channel_b = link.open_channel()
    packet = send(link, channel_a, b"refuse")
    events = link.b.chain.run(link.recv(link.b, packet)).events
    assert [event.type for event in events] == [
        "recv_packet",
        "message",
        "ibccallbackerror-mock_received",
        "write_acknowledgement",
        "message",
    ]
    assert events[2].attributes == (("ibccallbackerror-data", "refuse"),)
    ctx = link.b.chain.context()
    assert ctx.kv("transfer").get(b"mock/refuse") is None
    receipt = host.packet_receipt_path("mock", channel_b, 1)
    assert ctx.kv("ibc").get(receipt.encode()) == b"\x01"
    ack = error_ack(REFUSED).data
    assert ack == b'{"error":"ABCI code: 7: error handling packet: see events for details"}'
    link.update(link.a)
    link.a.chain.run(link.acknowledge(link.a, packet, ack))
    assert link.a.chain.mock.seen[-1][1][1] == ack


def test_an_application_that_raises_fails_the_message(link: Link) -> None:
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a, b"crash")
    refuse(link.b.chain, link.recv(link.b, packet), ("mock", 7), "the application refuses")
    receipt = host.packet_receipt_path("mock", packet.destination_channel, 1)
    assert link.b.chain.context().kv("ibc").get(receipt.encode()) is None


def test_an_acknowledgement_may_come_later(link: Link) -> None:
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a, b"later")
    b = link.b.chain
    events = b.run(link.recv(link.b, packet)).events
    assert [event.type for event in events] == ["recv_packet", "message", "mock_received"]
    ctx = b.context()
    with pytest.raises(AbciError, match="acknowledgement cannot be empty"):
        b.ibc.write_acknowledgement(ctx, packet, b"")
    b.ibc.write_acknowledgement(ctx, packet, b"anything")
    assert attribute(ctx.events.events, "write_acknowledgement", "packet_ack") == "anything"
    with pytest.raises(AbciError, match="already exists") as caught:
        b.ibc.write_acknowledgement(ctx, packet, b"anything else")
    assert (caught.value.codespace, caught.value.code) == ("channel", 17)
    link.update(link.a)
    link.a.chain.run(link.acknowledge(link.a, packet, b"anything"))
    assert link.a.chain.mock.seen[-1] == ("ack", (1, b"anything", None))


def test_sending_is_checked(link: Link) -> None:
    channel_a, _ = link.open_channel()
    a = link.a.chain
    now = link.b.chain.clock.ns

    def attempt(
        expected: tuple[str, int],
        text: str,
        *,
        channel: str = channel_a,
        height: Height = FAR,
        timestamp: int = 0,
        data: bytes = b"x",
    ) -> None:
        with pytest.raises(AbciError) as caught:
            a.ibc.send_packet(a.context(), "mock", channel, height, timestamp, data)
        assert (caught.value.codespace, caught.value.code) == expected
        assert text in str(caught.value)

    attempt(("channel", 3), "channel-9: channel not found", channel="channel-9")
    attempt(("channel", 13), "cannot both be 0", height=ZERO_HEIGHT)
    attempt(("channel", 13), "cannot be empty", data=b"")
    attempt(("channel", 13), "cannot exceed 262144 bytes", data=bytes(262_145))
    attempt(("channel", 40), "timeout height 0-2", height=Height(0, 2))
    attempt(("channel", 40), "current timestamp", timestamp=now - SECOND, height=ZERO_HEIGHT)
    assert a.ibc.next_sequence_send(a.context(), "mock", channel_a) == 1
    a.ibc.close_channel_init(a.context(), "mock", channel_a)
    attempt(("channel", 5), "channel is not OPEN (got STATE_CLOSED)")


def test_receiving_is_checked(link: Link) -> None:
    channel_a, channel_b = link.open_channel()
    packet = send(link, channel_a)
    b, good = link.b.chain, link.recv(link.b, packet)

    def altered(**changes: object) -> tx.MsgRecvPacket:
        message = tx.MsgRecvPacket.FromString(good.SerializeToString())
        message.packet.CopyFrom(packet_to_pb(replace(packet, **changes)))  # type: ignore[arg-type]
        return message

    for changes, expected, text in (
        ({"destination_port": "moon"}, ("port", 5), "route not found"),
        ({"destination_channel": "channel-8"}, ("channel", 3), "channel-8: channel not found"),
        ({"source_port": "other"}, ("channel", 13), "port (other ≠ mock)"),
        ({"source_channel": "channel-5"}, ("channel", 13), "channel (channel-5 ≠ channel-0)"),
        ({"data": b"other"}, ("commitment", 2), "couldn't verify counterparty packet commitment"),
        ({"sequence": 2}, ("commitment", 2), "failed packet commitment verification"),
        ({"timeout_timestamp": 10**19}, ("commitment", 2), "receive packet verification failed"),
        ({"sequence": 0}, ("channel", 13), "packet sequence cannot be 0"),
        ({"source_port": "!"}, ("host", 2), "invalid source port ID"),
    ):
        refuse(b, altered(**changes), expected, text)
    empty = tx.MsgRecvPacket.FromString(good.SerializeToString())
    empty.proof_commitment = b""
    refuse(b, empty, ("commitment", 2), "cannot submit an empty commitment proof")
    assert b.mock.received == []
    stored = b.ibc.channel(b.context(), "mock", channel_b)
    assert stored is not None
    stored.state = channel_pb2.STATE_CLOSED
    b.ibc.channels.set(b.context(), "mock", channel_b, stored)
    refuse(b, good, ("channel", 5), "channel is not OPEN (got STATE_CLOSED)")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_flipped_bit_in_a_proof_is_accepted(data: st.DataObject) -> None:
    link = _OPEN
    packet = _PACKET
    message = link.recv(link.b, packet)
    proof = bytearray(message.proof_commitment)
    position = data.draw(st.integers(0, len(proof) * 8 - 1))
    proof[position // 8] ^= 1 << position % 8
    message.proof_commitment = bytes(proof)
    with pytest.raises(AbciError):
        link.b.chain.run(message)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_a_proof(proof: bytes) -> None:
    message = _OPEN.recv(_OPEN.b, _PACKET)
    message.proof_commitment = proof
    with pytest.raises(AbciError):
        _OPEN.b.chain.run(message)


_OPEN = linked()
_PACKET = send(_OPEN, _OPEN.open_channel()[0])


def test_acknowledging_is_checked(link: Link) -> None:
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a)
    link.b.chain.run(link.recv(link.b, packet))
    link.update(link.a)
    a, good = link.a.chain, link.acknowledge(link.a, packet, SUCCESS)

    def altered(ack: bytes = SUCCESS, **changes: object) -> tx.MsgAcknowledgement:
        message = tx.MsgAcknowledgement.FromString(good.SerializeToString())
        message.acknowledgement = ack
        message.packet.CopyFrom(packet_to_pb(replace(packet, **changes)))  # type: ignore[arg-type]
        return message

    spaced = b'{"result": "AQ=="}'
    refuse(a, altered(spaced), ("channel", 16), "acknowledgement marshalling error")
    refuse(a, altered(b'{"result":"Ag=="}'), ("commitment", 2), "failed packet acknowledgement")
    refuse(a, altered(b"opaque"), ("commitment", 2), "failed packet acknowledgement")
    refuse(a, altered(b""), ("channel", 16), "ack bytes cannot be empty")
    refuse(a, altered(data=b"x"), ("channel", 13), "commitment bytes are not equal")
    refuse(a, altered(destination_channel="channel-7"), ("channel", 13), "packet destination")
    assert commitment(link.a, packet) is not None
    a.run(good)
    assert commitment(link.a, packet) is None


def test_a_late_packet_is_refused_and_times_out_by_time(link: Link) -> None:
    channel_a, _ = link.open_channel()
    limit = link.b.chain.clock.ns + 30 * SECOND
    packet = send(link, channel_a, timestamp=limit, height=ZERO_HEIGHT)
    link.update(link.a)
    refuse(
        link.a.chain,
        link.timeout(link.a, packet),
        ("channel", 39),
        f"timeout timestamp {limit}: timeout not reached",
    )
    recv = link.recv(link.b, packet)
    link.update(link.a, seconds=40)
    refuse(link.b.chain, recv, ("channel", 40), "packet timeout elapsed: current timestamp")
    result = link.a.chain.run(link.timeout(link.a, packet))
    assert [event.type for event in result.events] == ["timeout_packet", "message"]
    assert [key for key, _ in result.events[0].attributes] == [
        "packet_timeout_height",
        "packet_timeout_timestamp",
        "packet_sequence",
        "packet_src_port",
        "packet_src_channel",
        "packet_dst_port",
        "packet_dst_channel",
        "connection_id",
        "packet_channel_ordering",
    ]
    assert link.a.chain.mock.seen[-1] == ("timeout", 1)
    again = link.a.chain.run(link.timeout(link.a, packet))
    assert tx.MsgTimeoutResponse.FromString(again.response.value).result == 1


def test_a_packet_times_out_by_height(link: Link) -> None:
    channel_a, _ = link.open_channel()
    limit = link.b.chain.revised(link.b.chain.height + 3)
    packet = send(link, channel_a, height=limit)
    link.update(link.a)
    refuse(link.a.chain, link.timeout(link.a, packet), ("channel", 39), f"timeout height {limit}")
    for _ in range(4):
        link.update(link.a)
    refuse(link.b.chain, link.recv(link.b, packet), ("channel", 40), "current height")
    link.a.chain.run(link.timeout(link.a, packet))
    assert commitment(link.a, packet) is None


def test_a_received_packet_does_not_time_out(link: Link) -> None:
    channel_a, _ = link.open_channel()
    limit = link.b.chain.clock.ns + 30 * SECOND
    packet = send(link, channel_a, timestamp=limit, height=ZERO_HEIGHT)
    link.b.chain.run(link.recv(link.b, packet))
    link.update(link.a, seconds=40)
    refuse(
        link.a.chain,
        link.timeout(link.a, packet),
        ("commitment", 2),
        "failed packet receipt absence verification",
    )


def test_an_ordered_channel_keeps_its_order(link: Link) -> None:
    channel_a, channel_b = link.open_channel(ordered=True)
    first = send(link, channel_a, b"one")
    second = send(link, channel_a, b"two")
    b = link.b.chain
    refuse(
        b, link.recv(link.b, second), ("channel", 21), "packet sequence ≠ next receive sequence (2"
    )
    b.run(link.recv(link.b, first))
    b.run(link.recv(link.b, second))
    again = b.run(link.recv(link.b, first))
    assert tx.MsgRecvPacketResponse.FromString(again.response.value).result == 1
    assert [packet.data for packet in b.mock.received] == [b"one", b"two"]
    recv = b.context().kv("ibc").get(host.next_sequence_recv_path("mock", channel_b).encode())
    assert recv == (3).to_bytes(8, "big")
    link.update(link.a)
    a = link.a.chain
    refuse(
        a,
        link.acknowledge(link.a, second, SUCCESS),
        ("channel", 21),
        "packet sequence ≠ next ack sequence (2 ≠ 1)",
    )
    a.run(link.acknowledge(link.a, first, SUCCESS))
    a.run(link.acknowledge(link.a, second, SUCCESS))
    assert [name for name, _ in a.mock.seen].count("ack") == 2


def test_a_timeout_closes_an_ordered_channel(link: Link) -> None:
    channel_a, channel_b = link.open_channel(ordered=True)
    limit = link.b.chain.clock.ns + 30 * SECOND
    packet = send(link, channel_a, timestamp=limit, height=ZERO_HEIGHT)
    other = send(link, channel_a, b"second")
    link.update(link.a, seconds=40)
    a = link.a.chain
    refuse(
        a,
        link.timeout(link.a, packet, ordered=True, next_recv=2),
        ("channel", 19),
        "next sequence receive > packet sequence (2 > 1)",
    )
    result = a.run(link.timeout(link.a, packet, ordered=True))
    assert [event.type for event in result.events] == [
        "channel_close",
        "message",
        "timeout_packet",
        "message",
    ]
    assert result.events[0].get("packet_channel_ordering") == "ORDER_ORDERED"
    channel = a.ibc.channel(a.context(), "mock", channel_a)
    assert channel is not None
    assert channel.state == channel_pb2.STATE_CLOSED
    # The other side closes in turn; what it has not received then times out on close.
    link.update(link.b)
    b = link.b.chain
    close = tx.MsgChannelCloseConfirm(
        port_id="mock",
        channel_id=channel_b,
        proof_init=a.prove(host.channel_path("mock", channel_a)),
        proof_height=a.proof_height,
        signer=link.b.signer,
    )
    b.run(close)
    link.update(link.a)
    a.run(link.timeout_on_close(link.a, other, ordered=True))
    assert commitment(link.a, other) is None
    assert a.mock.seen[-1] == ("timeout", 2)


def test_a_packet_times_out_when_the_other_side_closed(link: Link) -> None:
    channel_a, channel_b = link.open_channel()
    lost = send(link, channel_a, b"lost")
    link.update(link.a)
    refuse(
        link.a.chain,
        link.timeout_on_close(link.a, lost),
        ("commitment", 2),
        "failed channel state verification",
    )
    b = link.b.chain
    arrived = send(link, channel_a, b"arrived")
    b.run(link.recv(link.b, arrived))
    b.run(tx.MsgChannelCloseInit(port_id="mock", channel_id=channel_b, signer=link.b.signer))
    link.update(link.a)
    a = link.a.chain
    refuse(
        a,
        link.timeout_on_close(link.a, arrived),
        ("commitment", 2),
        "timeout on close packet verification failed: failed packet receipt absence",
    )
    zero = link.timeout_on_close(link.a, lost, next_recv=0)
    refuse(a, zero, ("ibc", 1), "next sequence receive cannot be 0")
    a.run(link.timeout_on_close(link.a, lost))
    assert a.mock.seen[-1] == ("timeout", 1)
    again = a.run(link.timeout_on_close(link.a, lost))
    assert tx.MsgTimeoutOnCloseResponse.FromString(again.response.value).result == 1


def test_a_delay_period_holds_packets_back() -> None:
    link = Link(MiniChain("alpha-1"), MiniChain("beta"))
    link.create_clients()
    link.open_connection(delay_period=60 * SECOND)
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a)
    b = link.b.chain
    recv = link.recv(link.b, packet)
    refuse(b, recv, ("07-tendermint", 10), "cannot verify packet until time")
    b.commit(60)
    refuse(b, recv, ("07-tendermint", 10), "cannot verify packet until height")
    b.commit(1)
    b.run(recv)


def test_running_out_of_gas_is_not_a_no_op(link: Link) -> None:
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a)
    recv = link.recv(link.b, packet)
    ctx = link.b.chain.context().with_gas(GasMeter(20_000))
    with pytest.raises(OutOfGas):
        link.b.chain.run(recv, ctx)
    link.b.chain.run(recv)


def test_a_frozen_client_stops_everything(link: Link) -> None:
    channel_a, _ = link.open_channel()
    packet = send(link, channel_a)
    b = link.b.chain
    tendermint = b.ibc.clients.types["07-tendermint"]
    tendermint.freeze(b.context(), link.b.client)
    refuse(b, link.recv(link.b, packet), ("client", 29), "with status Frozen")
    with pytest.raises(AbciError, match="cannot send packet using client") as caught:
        b.ibc.send_packet(b.context(), "mock", "channel-0", FAR, 0, b"x")
    assert (caught.value.codespace, caught.value.code) == ("client", 29)
