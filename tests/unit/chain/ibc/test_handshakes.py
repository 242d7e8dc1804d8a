"""03-connection and 04-channel: opening and closing, and everything that is refused on the way."""

import pytest
from helpers.ibc_world import Link, MiniChain, attribute, linked

from chain.errors import AbciError
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from cosmos_pb.ibc.core.connection.v1 import tx_pb2 as connection_tx
from light_client import host

UNORDERED = channel_pb2.ORDER_UNORDERED


@pytest.fixture
def link() -> Link:
    return linked()


def refuse(chain: MiniChain, message: object, expected: tuple[str, int], text: str) -> None:
    with pytest.raises(AbciError) as caught:
        chain.run(message)  # type: ignore[arg-type]
    assert (caught.value.codespace, caught.value.code) == expected, str(caught.value)
    assert text in str(caught.value)


def test_a_connection_opens_on_both_sides(link: Link) -> None:
    for end, other in ((link.a, link.b), (link.b, link.a)):
        stored = end.chain.ibc.connections.require(end.chain.context(), end.connection)
        assert stored.state == connection_pb2.STATE_OPEN
        assert stored.client_id == end.client
        assert stored.counterparty.client_id == other.client
        assert stored.counterparty.connection_id == other.connection
        assert stored.counterparty.prefix.key_prefix == b"ibc"
        assert [version.identifier for version in stored.versions] == ["1"]
        paths = end.chain.ibc.connections.of_client(end.chain.context(), end.client)
        assert paths == [end.connection]


def test_stored_ends_have_the_bytes_of_go() -> None:
    link = Link(MiniChain("alpha-1"), MiniChain("beta"))
    link.create_clients()
    counterparty = connection_pb2.Counterparty(client_id=link.b.client)
    counterparty.prefix.key_prefix = b"ibc"
    init = connection_tx.MsgConnectionOpenInit(
        client_id=link.a.client, counterparty=counterparty, signer=link.a.signer
    )
    link.a.chain.run(init)
    raw = link.a.chain.context().kv("ibc").get(b"connections/connection-0")
    client = b"07-tendermint-0"
    version = b"\x0a\x011" + b"\x12\x0dORDER_ORDERED" + b"\x12\x0fORDER_UNORDERED"
    their_end = b"\x0a\x0f" + client + b"\x1a\x05\x0a\x03ibc"
    expected = b"\x0a\x0f" + client + b"\x12" + bytes([len(version)]) + version
    assert raw == expected + b"\x18\x01" + b"\x22" + bytes([len(their_end)]) + their_end


def test_connection_events_carry_what_is_known(link: Link) -> None:
    counterparty = connection_pb2.Counterparty(client_id=link.b.client)
    counterparty.prefix.key_prefix = b"ibc"
    init = connection_tx.MsgConnectionOpenInit(
        client_id=link.a.client, counterparty=counterparty, signer=link.a.signer
    )
    events = link.a.chain.run(init).events
    assert events[0].attributes == (
        ("connection_id", "connection-1"),
        ("client_id", "07-tendermint-0"),
        ("counterparty_client_id", "07-tendermint-0"),
    )
    assert events[1].attributes == (("module", "ibc_connection"),)
    link.a.connection = "connection-1"
    link.update(link.b)
    events = link.b.chain.run(link.connection_try()).events
    assert events[0].attributes == (
        ("connection_id", "connection-1"),
        ("client_id", "07-tendermint-0"),
        ("counterparty_client_id", "07-tendermint-0"),
        ("counterparty_connection_id", "connection-1"),
    )


def test_connection_init_is_checked(link: Link) -> None:
    counterparty = connection_pb2.Counterparty(client_id=link.b.client)
    counterparty.prefix.key_prefix = b"ibc"

    def init(**changes: object) -> connection_tx.MsgConnectionOpenInit:
        values: dict[str, object] = {
            "client_id": link.a.client,
            "counterparty": counterparty,
            "signer": link.a.signer,
        }
        return connection_tx.MsgConnectionOpenInit(**{**values, **changes})  # type: ignore[arg-type]

    a = link.a.chain
    strange = connection_pb2.Version(identifier="2", features=["ORDER_ORDERED"])
    greedy = connection_pb2.Version(identifier="1", features=["ORDER_DAG"])
    empty = connection_pb2.Version(identifier="1")
    for version in (strange, greedy, empty):
        refuse(a, init(version=version), ("connection", 9), "version is not supported")
    refuse(a, init(version=connection_pb2.Version()), ("connection", 9), "cannot be blank")
    refuse(a, init(client_id="07-tendermint-7"), ("client", 29), "status is Unknown")
    refuse(a, init(client_id="09-localhost"), ("client", 10), "disallowed")
    refuse(a, init(client_id="x"), ("host", 2), "invalid client ID")
    named = connection_pb2.Counterparty(client_id=link.b.client, connection_id="connection-0")
    refuse(a, init(counterparty=named), ("connection", 7), "must be empty")
    bare = connection_pb2.Counterparty(client_id=link.b.client)
    refuse(a, init(counterparty=bare), ("connection", 7), "prefix cannot be empty")
    refuse(a, init(signer=""), ("ibc", 5), "string could not be parsed as address")
    ordered = connection_pb2.Version(identifier="1", features=["ORDER_ORDERED"])
    a.run(init(version=ordered))
    stored = a.ibc.connections.require(a.context(), "connection-1")
    assert list(stored.versions) == [ordered]


def test_connection_try_proves_init() -> None:
    link = Link(MiniChain("alpha-1"), MiniChain("beta"))
    link.create_clients()
    counterparty = connection_pb2.Counterparty(client_id=link.b.client)
    counterparty.prefix.key_prefix = b"ibc"
    init = connection_tx.MsgConnectionOpenInit(
        client_id=link.a.client, counterparty=counterparty, delay_period=5, signer=link.a.signer
    )
    link.a.connection = attribute(
        link.a.chain.run(init).events, "connection_open_init", "connection_id"
    )
    link.update(link.b)
    b, good = link.b.chain, link.connection_try()
    altered = connection_tx.MsgConnectionOpenTry.FromString(good.SerializeToString())
    altered.delay_period = 6
    refuse(b, altered, ("commitment", 2), "connection handshake open try failed")
    altered.CopyFrom(good)
    altered.counterparty.prefix.key_prefix = b"abi"
    refuse(b, altered, ("commitment", 2), "failed connection state verification")
    altered.CopyFrom(good)
    altered.counterparty_versions[0].identifier = "7"
    refuse(b, altered, ("connection", 10), "failed to find a matching counterparty version")
    altered.CopyFrom(good)
    del altered.counterparty_versions[:]
    refuse(b, altered, ("ibc", 10), "empty counterparty versions")
    altered.CopyFrom(good)
    altered.proof_init = b""
    refuse(b, altered, ("commitment", 2), "cannot submit an empty proof init")
    assert b.ibc.connections.get(b.context(), "connection-0") is None
    b.run(good)
    stored = b.ibc.connections.require(b.context(), "connection-0")
    assert stored.state == connection_pb2.STATE_TRYOPEN
    assert stored.delay_period == 5


def test_connection_ack_and_confirm_need_their_state(link: Link) -> None:
    refuse(
        link.a.chain,
        link.connection_ack(),
        ("connection", 6),
        "connection state is not INIT (got STATE_OPEN)",
    )
    confirm = connection_tx.MsgConnectionOpenConfirm(
        connection_id=link.b.connection,
        proof_ack=b"proof",
        proof_height=link.a.chain.proof_height,
        signer=link.b.signer,
    )
    refuse(
        link.b.chain,
        confirm,
        ("connection", 6),
        "connection state is not TRYOPEN (got STATE_OPEN)",
    )
    confirm.connection_id = "connection-9"
    refuse(link.b.chain, confirm, ("connection", 3), "connection-9: connection not found")
    confirm.connection_id = "connection-x"
    refuse(link.b.chain, confirm, ("connection", 11), "invalid connection identifier")


@pytest.mark.parametrize("ordered", [False, True])
def test_a_channel_opens_on_both_sides(link: Link, ordered: bool) -> None:
    channel_a, channel_b = link.open_channel(ordered=ordered)
    order = channel_pb2.ORDER_ORDERED if ordered else UNORDERED
    for end, own, theirs in ((link.a, channel_a, channel_b), (link.b, channel_b, channel_a)):
        channel = end.chain.ibc.channel(end.chain.context(), "mock", own)
        assert channel is not None
        assert channel.state == channel_pb2.STATE_OPEN
        assert channel.ordering == order
        assert channel.version == "mock-1"
        assert channel.counterparty.channel_id == theirs
        assert list(channel.connection_hops) == [end.connection]
        ctx = end.chain.context()
        assert end.chain.ibc.next_sequence_send(ctx, "mock", own) == 1
        recv = ctx.kv("ibc").get(host.next_sequence_recv_path("mock", own).encode())
        assert recv == (1).to_bytes(8, "big")
    assert [name for name, _ in link.a.chain.mock.seen] == ["open_init", "open_ack"]
    assert [name for name, _ in link.b.chain.mock.seen] == ["open_try", "open_confirm"]


def test_channel_events(link: Link) -> None:
    channel_a = link.channel_init("mock", UNORDERED, "v")
    link.update(link.b)
    events = link.b.chain.run(link.channel_try("mock", channel_a)).events
    assert [event.type for event in events] == ["channel_open_try", "message"]
    assert events[0].attributes == (
        ("port_id", "mock"),
        ("channel_id", "channel-0"),
        ("counterparty_port_id", "mock"),
        ("counterparty_channel_id", "channel-0"),
        ("connection_id", "connection-0"),
        ("version", "v"),
    )
    assert events[1].attributes == (("module", "ibc_channel"),)
    link.update(link.a)
    events = link.a.chain.run(link.channel_ack("mock", channel_a, "channel-0")).events
    assert events[0].type == "channel_open_ack"
    assert [key for key, _ in events[0].attributes] == [
        "port_id",
        "channel_id",
        "counterparty_port_id",
        "counterparty_channel_id",
        "connection_id",
    ]


def test_channel_init_is_checked(link: Link) -> None:
    def init(**changes: object) -> channel_tx.MsgChannelOpenInit:
        values: dict[str, object] = {
            "state": channel_pb2.STATE_INIT,
            "ordering": UNORDERED,
            "counterparty": channel_pb2.Counterparty(port_id="mock"),
            "connection_hops": [link.a.connection],
        }
        end = channel_pb2.Channel(**{**values, **changes})  # type: ignore[arg-type]
        return channel_tx.MsgChannelOpenInit(port_id="mock", channel=end, signer=link.a.signer)

    a = link.a.chain
    open_ = channel_pb2.STATE_OPEN
    refuse(a, init(state=open_), ("channel", 5), "expected: STATE_INIT, got: STATE_OPEN")
    refuse(a, init(ordering=channel_pb2.ORDER_NONE_UNSPECIFIED), ("channel", 6), "ORDER_NONE")
    refuse(a, init(ordering=9), ("channel", 6), "9: invalid channel ordering")
    refuse(a, init(connection_hops=[]), ("channel", 15), "one connection hop")
    refuse(a, init(connection_hops=["connection-7"]), ("connection", 3), "connection-7")
    theirs = channel_pb2.Counterparty(port_id="mock", channel_id="channel-3")
    refuse(a, init(counterparty=theirs), ("channel", 7), "must be empty")
    homeless = init()
    homeless.port_id = "nowhere"
    refuse(a, homeless, ("port", 5), "route not found to portID: nowhere")
    assert a.ibc.channels_of_port(a.context(), "") == []


def test_channel_init_needs_one_version_with_the_ordering(link: Link) -> None:
    counterparty = connection_pb2.Counterparty(client_id=link.b.client)
    counterparty.prefix.key_prefix = b"ibc"
    init = connection_tx.MsgConnectionOpenInit(
        client_id=link.a.client,
        counterparty=counterparty,
        version=connection_pb2.Version(identifier="1", features=["ORDER_ORDERED"]),
        signer=link.a.signer,
    )
    link.a.connection = attribute(
        link.a.chain.run(init).events, "connection_open_init", "connection_id"
    )
    with pytest.raises(AbciError, match="does not support channel ordering: ORDER_UNORDERED"):
        link.channel_init("mock", UNORDERED, "")
    channel = link.channel_init("mock", channel_pb2.ORDER_ORDERED, "")
    assert channel == "channel-0"


def test_channel_try_proves_init_and_asks_the_application(link: Link) -> None:
    channel_a = link.channel_init("mock", UNORDERED, "refuse-me")
    link.update(link.b)
    b, message = link.b.chain, link.channel_try("mock", channel_a)
    lie = channel_tx.MsgChannelOpenTry.FromString(message.SerializeToString())
    lie.counterparty_version = "other"
    refuse(b, lie, ("commitment", 2), "channel handshake open try failed")
    refuse(
        b,
        message,
        ("mock", 7),
        "channel open try callback failed for port ID: mock, channel ID: channel-0: the appl",
    )
    lie.CopyFrom(message)
    lie.previous_channel_id = "channel-1"
    refuse(b, lie, ("channel", 18), "crossing hellos")
    lie.CopyFrom(message)
    lie.channel.connection_hops[0] = "connection-5"
    refuse(b, lie, ("connection", 3), "connection not found")
    assert b.ibc.channels_of_port(b.context(), "mock") == []


def test_channel_try_and_ack_need_an_open_connection(link: Link) -> None:
    channel_a = link.channel_init("mock", UNORDERED, "")
    link.update(link.b)
    message = link.channel_try("mock", channel_a)
    b = link.b.chain
    end = b.ibc.connections.require(b.context(), link.b.connection)
    end.state = connection_pb2.STATE_TRYOPEN
    b.ibc.connections.set(b.context(), link.b.connection, end)
    refuse(b, message, ("connection", 6), "connection state is not OPEN (got STATE_TRYOPEN)")


def test_channel_ack_and_confirm_need_their_state(link: Link) -> None:
    channel_a, channel_b = link.open_channel()
    ack = link.channel_ack("mock", channel_a, channel_b)
    refuse(link.a.chain, ack, ("channel", 5), "channel state should be INIT (got STATE_OPEN)")
    ack.channel_id = "channel-5"
    refuse(link.a.chain, ack, ("channel", 3), "port ID (mock) channel ID (channel-5)")
    ack.channel_id = "channel_5"
    refuse(link.a.chain, ack, ("channel", 18), "invalid channel identifier")
    confirm = channel_tx.MsgChannelOpenConfirm(
        port_id="mock", channel_id=channel_b, proof_ack=b"x", signer=link.b.signer
    )
    refuse(link.b.chain, confirm, ("channel", 5), "channel state is not TRYOPEN (got STATE_OPEN)")


def test_closing_from_one_side_and_confirming_on_the_other(link: Link) -> None:
    channel_a, channel_b = link.open_channel()
    a, b = link.a.chain, link.b.chain
    early = channel_tx.MsgChannelCloseConfirm(
        port_id="mock",
        channel_id=channel_b,
        proof_init=a.prove(host.channel_path("mock", channel_a)),
        proof_height=a.proof_height,
        signer=link.b.signer,
    )
    link.update(link.b)
    refuse(b, early, ("commitment", 2), "channel handshake close confirm failed")
    close = channel_tx.MsgChannelCloseInit(
        port_id="mock", channel_id=channel_a, signer=link.a.signer
    )
    result = a.run(close)
    assert [event.type for event in result.events] == ["channel_close_init", "message"]
    refuse(a, close, ("channel", 5), "channel is already CLOSED")
    link.update(link.b)
    early.proof_init = a.prove(host.channel_path("mock", channel_a))
    early.proof_height.CopyFrom(a.proof_height)
    result = b.run(early)
    assert [event.type for event in result.events] == ["channel_close_confirm", "message"]
    for chain, channel in ((a, channel_a), (b, channel_b)):
        stored = chain.ibc.channel(chain.context(), "mock", channel)
        assert stored is not None
        assert stored.state == channel_pb2.STATE_CLOSED
    assert a.mock.seen[-1] == ("close_init", channel_a)
    assert b.mock.seen[-1] == ("close_confirm", channel_b)


def test_an_application_may_close_by_itself(link: Link) -> None:
    channel_a, _ = link.open_channel()
    a = link.a.chain
    a.ibc.close_channel_init(a.context(), "mock", channel_a)
    with pytest.raises(AbciError, match="channel handshake close init failed: channel is already"):
        a.ibc.close_channel_init(a.context(), "mock", channel_a)


def test_the_transfer_application_refuses_to_be_closed(link: Link) -> None:
    channel_a, _ = link.open_channel("transfer")
    close = channel_tx.MsgChannelCloseInit(
        port_id="transfer", channel_id=channel_a, signer=link.a.signer
    )
    refuse(link.a.chain, close, ("ibc", 8), "user cannot close channel")
