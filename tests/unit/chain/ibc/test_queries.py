"""The gRPC queries of IBC core, on the state that handshakes and packets leave."""

from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.ibc_world import Link, MiniChain, linked, packet_of

from chain.errors import AbciError
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import query_pb2 as channel_query
from cosmos_pb.ibc.core.client.v1 import query_pb2 as client_query
from cosmos_pb.ibc.core.connection.v1 import query_pb2 as connection_query
from light_client import host
from light_client.codec import height_to_pb
from light_client.packet import Packet, ack_commitment, packet_commitment
from light_client.values import Height

ACK = b'{"result":"AQ=="}'


@pytest.fixture(scope="module")
def world() -> tuple[Link, list[Packet]]:
    """One unordered and one ordered channel; twelve packets sent, three received, one acknowledged."""
    link = linked()
    link.open_channel()
    link.open_channel(ordered=True)
    ctx = link.a.chain.context()
    for number in range(12):
        link.a.chain.ibc.send_packet(
            ctx, "mock", "channel-0", Height(9, 1), 0, bytes([65 + number])
        )
    packets = [packet_of([event]) for event in ctx.events.events if event.type == "send_packet"]
    link.a.chain.ibc.send_packet(ctx, "mock", "channel-1", Height(9, 1), 0, b"ordered")
    link.update(link.b)
    for packet in packets[:3]:
        link.b.chain.run(link.recv(link.b, packet))
    link.b.chain.run(link.recv(link.b, packet_of(ctx.events.events)))
    link.update(link.a)
    link.a.chain.run(link.acknowledge(link.a, packets[0], ACK))
    link.a.chain.commit()
    link.b.chain.commit()
    return link, packets


class Asker:
    """Calls ``service/Method`` with the fields of its request."""

    def __init__(self, chain: MiniChain, service: str, module: Any) -> None:
        self._chain = chain
        self._service = service
        self._module = module

    def __call__(self, method: str, **fields: Any) -> Any:
        request: Message = getattr(self._module, f"Query{method}Request")(**fields)
        response = getattr(self._module, f"Query{method}Response")
        return self._chain.query(f"/ibc.core.{self._service}.v1.Query/{method}", request, response)

    def refused(self, method: str, expected: str, text: str, **fields: Any) -> None:
        with pytest.raises(AbciError) as caught:
            self(method, **fields)
        assert expected in str(caught.value)
        assert text in str(caught.value)


def test_clients(world: tuple[Link, list[Packet]]) -> None:
    link, _ = world
    a = link.a.chain
    ask = Asker(a, "client", client_query)
    state = ask("ClientState", client_id="07-tendermint-0")
    assert state.client_state.type_url.endswith("tendermint.v1.ClientState")
    assert state.proof_height == height_to_pb(Height(1, a.store.version))
    (one,) = ask("ClientStates").client_states
    assert (one.client_id, one.client_state) == ("07-tendermint-0", state.client_state)
    assert ask("ClientStatus", client_id="07-tendermint-0").status == "Active"
    assert ask("ClientStatus", client_id="07-tendermint-5").status == "Unknown"
    assert ask("ClientParams").params.allowed_clients == ["*"]
    assert ask("ClientCreator", client_id="07-tendermint-0").creator == a.user
    assert ask("ClientCreator", client_id="07-tendermint-5").creator == ""
    heights = ask("ConsensusStateHeights", client_id="07-tendermint-0").consensus_state_heights
    states = ask("ConsensusStates", client_id="07-tendermint-0").consensus_states
    assert [item.height for item in states] == list(heights)
    assert len(heights) > 5
    latest = ask("ConsensusState", client_id="07-tendermint-0", latest_height=True)
    newest = max(heights, key=lambda height: height.revision_height)
    same = ask(
        "ConsensusState",
        client_id="07-tendermint-0",
        revision_number=newest.revision_number,
        revision_height=newest.revision_height,
    )
    assert same.consensus_state == latest.consensus_state
    ask.refused("ClientState", "NotFound", "light client not found", client_id="07-tendermint-5")
    ask.refused("ClientState", "InvalidArgument", "invalid length", client_id="x")
    ask.refused(
        "ConsensusState",
        "NotFound",
        "consensus state not found",
        client_id="07-tendermint-0",
        revision_height=999,
    )
    ask.refused("ConsensusState", "InvalidArgument", "cannot be 0", client_id="07-tendermint-0")
    ask.refused("UpgradedClientState", "NotFound", "not found")
    ask.refused("UpgradedConsensusState", "NotFound", "not found")


def test_verify_membership(world: tuple[Link, list[Packet]]) -> None:
    link, _ = world
    a, b = link.a.chain, link.b.chain
    link.update(link.a)
    path = host.connection_path("connection-0")
    value = b.store.snapshot().get("ibc", path.encode())
    fields: dict[str, Any] = {
        "client_id": "07-tendermint-0",
        "proof": b.prove(path),
        "proof_height": b.proof_height,
        "value": value,
        "merkle_path": {"key_path": [b"ibc", path.encode()]},
    }
    a.commit()
    ask = Asker(a, "client", client_query)
    assert ask("VerifyMembership", **fields).success
    assert not ask("VerifyMembership", **{**fields, "value": b"other"}).success
    for name, text in (
        ("proof", "empty proof"),
        ("proof_height", "must be non-zero"),
        ("merkle_path", "empty merkle path"),
        ("value", "empty value"),
    ):
        some = {key: item for key, item in fields.items() if key != name}
        ask.refused("VerifyMembership", "InvalidArgument", text, **some)
    for client_id in ("06-solomachine-0", "09-localhost"):
        denied = {**fields, "client_id": client_id}
        ask.refused("VerifyMembership", "InvalidArgument", "membership is disabled", **denied)
    other = {**fields, "client_id": "08-wasm-0"}
    ask.refused("VerifyMembership", "NotFound", "route not found", **other)


def test_connections(world: tuple[Link, list[Packet]]) -> None:
    link, _ = world
    ask = Asker(link.a.chain, "connection", connection_query)
    end = ask("Connection", connection_id="connection-0").connection
    listed, own = ask("Connections").connections
    assert (listed.id, listed.counterparty) == ("connection-0", end.counterparty)
    assert (own.id, own.client_id) == ("connection-localhost", "09-localhost")
    paths = ask("ClientConnections", client_id="07-tendermint-0").connection_paths
    assert paths == ["connection-0"]
    client = ask("ConnectionClientState", connection_id="connection-0").identified_client_state
    assert client.client_id == "07-tendermint-0"
    assert ask("ConnectionParams").params.max_expected_time_per_block == 30_000_000_000
    known = Asker(link.a.chain, "client", client_query)
    latest = known("ConsensusStateHeights", client_id="07-tendermint-0").consensus_state_heights[0]
    at = {"revision_height": latest.revision_height}
    through = ask("ConnectionConsensusState", connection_id="connection-0", **at)
    direct = known("ConsensusState", client_id="07-tendermint-0", **at)
    assert through.consensus_state == direct.consensus_state
    assert through.client_id == "07-tendermint-0"
    assert through.proof_height == direct.proof_height
    ask.refused("Connection", "NotFound", "connection not found", connection_id="connection-7")
    ask.refused("Connection", "InvalidArgument", "invalid length", connection_id="c")
    ask.refused("ClientConnections", "NotFound", "not found", client_id="07-tendermint-7")
    ask.refused(
        "ConnectionConsensusState",
        "NotFound",
        "not found",
        connection_id="connection-0",
        revision_height=999,
    )


def test_channels(world: tuple[Link, list[Packet]]) -> None:
    link, _ = world
    ask = Asker(link.a.chain, "channel", channel_query)
    channel = ask("Channel", port_id="mock", channel_id="channel-0").channel
    assert channel.state == channel_pb2.STATE_OPEN
    listed = ask("Channels").channels
    assert [one.channel_id for one in listed] == ["channel-0", "channel-1"]
    through = ask("ConnectionChannels", connection="connection-0").channels
    assert list(through) == list(listed)
    assert not ask("ConnectionChannels", connection="connection-1").channels
    client = ask("ChannelClientState", port_id="mock", channel_id="channel-0")
    assert client.identified_client_state.client_id == "07-tendermint-0"
    known = Asker(link.a.chain, "client", client_query)
    latest = known("ConsensusStateHeights", client_id="07-tendermint-0").consensus_state_heights[0]
    at = {"revision_height": latest.revision_height}
    consensus = ask("ChannelConsensusState", port_id="mock", channel_id="channel-0", **at)
    direct = known("ConsensusState", client_id="07-tendermint-0", **at)
    assert consensus.consensus_state == direct.consensus_state
    assert ask("NextSequenceSend", port_id="mock", channel_id="channel-0").next_sequence_send == 13
    on_b = Asker(link.b.chain, "channel", channel_query)
    unordered = on_b("NextSequenceReceive", port_id="mock", channel_id="channel-0")
    ordered = on_b("NextSequenceReceive", port_id="mock", channel_id="channel-1")
    assert (unordered.next_sequence_receive, ordered.next_sequence_receive) == (0, 2)
    for method in ("Channel", "ChannelClientState", "NextSequenceReceive", "NextSequenceSend"):
        ask.refused(method, "NotFound", "not found", port_id="mock", channel_id="channel-9")
        ask.refused(method, "InvalidArgument", "identifier", port_id="m", channel_id="channel-9")


def test_packets(world: tuple[Link, list[Packet]]) -> None:
    link, packets = world
    ask, on_b = (Asker(end.chain, "channel", channel_query) for end in (link.a, link.b))
    where = {"port_id": "mock", "channel_id": "channel-0"}
    one = ask("PacketCommitment", sequence=2, **where)
    assert one.commitment == packet_commitment(packets[1])
    ask.refused("PacketCommitment", "NotFound", "hash not found", sequence=1, **where)
    ask.refused("PacketCommitment", "InvalidArgument", "cannot be 0", **where)
    listed = ask("PacketCommitments", **where)
    # Keys are text, so the sequences come in the order of their digits.
    assert [item.sequence for item in listed.commitments] == [10, 11, 12, 2, 3, 4, 5, 6, 7, 8, 9]
    assert listed.pagination.total == 11
    assert listed.height == height_to_pb(Height(1, link.a.chain.store.version))
    assert on_b("PacketReceipt", sequence=3, **where).received
    assert not on_b("PacketReceipt", sequence=4, **where).received
    ack = on_b("PacketAcknowledgement", sequence=1, **where).acknowledgement
    assert ack == ack_commitment(ACK)
    on_b.refused("PacketAcknowledgement", "NotFound", "hash not found", sequence=9, **where)
    every = on_b("PacketAcknowledgements", **where).acknowledgements
    assert [item.sequence for item in every] == [1, 2, 3]
    some = on_b("PacketAcknowledgements", packet_commitment_sequences=[2, 7], **where)
    assert [item.sequence for item in some.acknowledgements] == [2]
    unreceived = on_b("UnreceivedPackets", packet_commitment_sequences=[1, 4, 3, 5], **where)
    assert list(unreceived.sequences) == [4, 5]
    on_b.refused(
        "UnreceivedPackets",
        "InvalidArgument",
        "packet sequence 1 cannot be 0",
        packet_commitment_sequences=[1, 0],
        **where,
    )
    pending = ask("UnreceivedAcks", packet_ack_sequences=[1, 2, 3], **where)
    assert list(pending.sequences) == [2, 3]
    ordered = {"port_id": "mock", "channel_id": "channel-1"}
    left = on_b("UnreceivedPackets", packet_commitment_sequences=[1, 2], **ordered)
    assert list(left.sequences) == [2]


def test_pages(world: tuple[Link, list[Packet]]) -> None:
    link, _ = world
    ask = Asker(link.a.chain, "channel", channel_query)
    where = {"port_id": "mock", "channel_id": "channel-0"}
    seen, key = [], b""
    while True:
        page = pagination_pb2.PageRequest(limit=4, key=key)
        answer = ask("PacketCommitments", pagination=page, **where)
        seen += [item.sequence for item in answer.commitments]
        key = answer.pagination.next_key
        if not key:
            break
        assert len(answer.commitments) == 4
    assert sorted(seen) == list(range(2, 13))
    page = pagination_pb2.PageRequest(limit=1, offset=1)
    (last,) = ask("Channels", pagination=page).channels
    assert last.channel_id == "channel-1"
