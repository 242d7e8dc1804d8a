"""What a chain answers about clients and packets of IBC v2."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.ibc_v2 import LinkV2, linked_v2
from helpers.ibc_world import End
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.errors import AbciError
from chain.modules.ibc.queries import CHANNEL_V2_SERVICE, CLIENT_V2_SERVICE
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.ibc.core.channel.v2 import query_pb2 as q
from cosmos_pb.ibc.core.client.v2 import config_pb2
from cosmos_pb.ibc.core.client.v2 import query_pb2 as client_q
from light_client import host
from light_client.packet_v2 import ack_commitment, packet_commitment

CLIENT = "07-tendermint-0"


def ask(end: End, name: str, service: str = CHANNEL_V2_SERVICE, **fields: Any) -> Any:
    messages = client_q if service == CLIENT_V2_SERVICE else q
    request = getattr(messages, f"Query{name}Request")(**{"client_id": CLIENT, **fields})
    response = getattr(messages, f"Query{name}Response")
    end.chain.commit()
    return end.chain.query(service + name, request, response)


@pytest.fixture(scope="module")
def link() -> LinkV2:
    """A has sent three packets; B has received the first two and acknowledged the first."""
    made = linked_v2()
    packets = [made.send(made.a, value) for value in (b"hello", b"later", b"hello")]
    for packet in packets[:2]:
        made.b.chain.run(made.receiving(made.b, packet))
    config = config_pb2.Config(allowed_relayers=[made.a.signer])
    made.a.chain.ibc.counterparties.set_config(made.a.chain.context(), CLIENT, config)
    return made


def test_clients(link: LinkV2) -> None:
    found = ask(link.a, "CounterpartyInfo", CLIENT_V2_SERVICE).counterparty_info
    assert (list(found.merkle_prefix), found.client_id) == ([b"ibc", b""], CLIENT)
    config = ask(link.a, "Config", CLIENT_V2_SERVICE).config
    assert list(config.allowed_relayers) == [link.a.signer]
    everybody = ask(link.b, "Config", CLIENT_V2_SERVICE)
    assert everybody.HasField("config")
    assert list(everybody.config.allowed_relayers) == []


def test_what_was_sent(link: LinkV2) -> None:
    assert ask(link.a, "NextSequenceSend").next_sequence_send == 4
    one = ask(link.a, "PacketCommitment", sequence=2)
    assert one.proof_height.revision_height == link.a.chain.store.version
    kv = link.a.chain.context().kv("ibc")
    assert one.commitment == kv.get(host.packet_commitment_key_v2(CLIENT, 2))
    listed = ask(link.a, "PacketCommitments")
    assert [each.sequence for each in listed.commitments] == [1, 2, 3]
    assert {each.client_id for each in listed.commitments} == {CLIENT}
    assert listed.commitments[1].data == one.commitment
    page = pagination_pb2.PageRequest(limit=2)
    listed = ask(link.a, "PacketCommitments", pagination=page)
    assert [each.sequence for each in listed.commitments] == [1, 2]
    page = pagination_pb2.PageRequest(key=listed.pagination.next_key)
    rest = ask(link.a, "PacketCommitments", pagination=page)
    assert [each.sequence for each in rest.commitments] == [3]
    unheard = ask(link.a, "UnreceivedAcks", packet_ack_sequences=[1, 2, 9])
    assert list(unheard.sequences) == [1, 2]
    assert unheard.height.revision_height == link.a.chain.store.version


def test_what_was_received(link: LinkV2) -> None:
    assert ask(link.b, "PacketAcknowledgement", sequence=1).acknowledgement == ack_commitment(
        [b"thanks"]
    )
    assert [each.sequence for each in ask(link.b, "PacketAcknowledgements").acknowledgements] == [1]
    some = ask(link.b, "PacketAcknowledgements", packet_commitment_sequences=[3, 1])
    assert [each.sequence for each in some.acknowledgements] == [1]
    assert not some.HasField("pagination")
    assert [ask(link.b, "PacketReceipt", sequence=each).received for each in (1, 2, 3)] == [
        True,
        True,
        False,
    ]
    missing = ask(link.b, "UnreceivedPackets", sequences=[1, 2, 3, 4])
    assert list(missing.sequences) == [3, 4]


@pytest.mark.parametrize(
    ("name", "fields", "text"),
    [
        ("NextSequenceSend", {"client_id": "07-x-9"}, "NotFound desc = client-id 07-x-9: sequence send not found"),
        ("PacketCommitment", {"sequence": 9}, "NotFound desc = packet commitment hash not found"),
        ("PacketAcknowledgement", {"sequence": 9}, "NotFound desc = packet acknowledgement hash not found"),
        ("PacketCommitment", {}, "InvalidArgument desc = packet sequence cannot be 0"),
        ("PacketAcknowledgement", {}, "InvalidArgument desc = packet sequence cannot be 0"),
        ("PacketReceipt", {}, "InvalidArgument desc = packet sequence cannot be 0"),
        ("UnreceivedPackets", {"sequences": [1, 0]}, "InvalidArgument desc = packet sequence 1 cannot be 0"),
        ("UnreceivedAcks", {"packet_ack_sequences": [1, 0]}, "InvalidArgument desc = packet sequence cannot be 0"),
        *((name, {"client_id": "!"}, "InvalidArgument desc = identifier ! has invalid length") for name in (
            "NextSequenceSend", "PacketCommitment", "PacketCommitments", "PacketAcknowledgement",
            "PacketAcknowledgements", "PacketReceipt", "UnreceivedPackets", "UnreceivedAcks",
        )),
    ],
)  # fmt: skip
def test_refusals(link: LinkV2, name: str, fields: dict[str, Any], text: str) -> None:
    with pytest.raises(AbciError) as caught:
        ask(link.a, name, **fields)
    assert caught.value.log.startswith(f"rpc error: code = {text}"), caught.value.log


def test_refusals_about_clients(link: LinkV2) -> None:
    for name in ("CounterpartyInfo", "Config"):
        with pytest.raises(AbciError, match="InvalidArgument desc = identifier ! has"):
            ask(link.a, name, CLIENT_V2_SERVICE, client_id="!")
    with pytest.raises(AbciError, match="NotFound desc = client 07-t-9 counterparty not found"):
        ask(link.a, "CounterpartyInfo", CLIENT_V2_SERVICE, client_id="07-t-9")


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(1, 2**64 - 1) | st.integers(40, 50), max_size=5))
def test_any_sequence_is_listed(sequences: set[int]) -> None:
    """Also those with the byte of a slash in them, such as 47."""
    link = _PLAIN
    client = "08-other-0"
    kv = link.a.chain.context().kv("ibc")
    for sequence in sequences:
        kv.set(host.packet_commitment_key_v2(client, sequence), b"data")
    listed = ask(link.a, "PacketCommitments", client_id=client)
    for sequence in sequences:
        kv = link.a.chain.context().kv("ibc")
        kv.delete(host.packet_commitment_key_v2(client, sequence))
    assert [each.sequence for each in listed.commitments] == sorted(sequences)


_PLAIN = linked_v2()


def test_a_commitment_is_the_packets(link: LinkV2) -> None:
    packet = link.send(link.b)
    answer = ask(link.b, "PacketCommitment", sequence=packet.sequence)
    assert answer.commitment == packet_commitment(packet)
