"""ICS-24 identifiers and paths, and what packets commit to."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from light_client import host
from light_client.errors import DecodeError, IdentifierError
from light_client.packet import Packet, ack_commitment, packet_commitment
from light_client.packet_v2 import ERROR_ACKNOWLEDGEMENT, PacketV2, Payload
from light_client.packet_v2 import ack_commitment as ack_commitment_v2
from light_client.packet_v2 import packet_commitment as packet_commitment_v2
from light_client.values import Height


@pytest.mark.parametrize(
    ("check", "text", "words"),
    [
        (host.validate_client_id, "  ", "identifier cannot be blank: invalid identifier"),
        (host.validate_client_id, "07/tm-0", "identifier 07/tm-0 cannot contain separator '/'"),
        (host.validate_client_id, "abc", "length: 3, must be between 4-64 characters"),
        (host.validate_connection_id, "connectio", "length: 9, must be between 10-64"),
        (host.validate_channel_id, "c" * 65, "length: 65, must be between 8-64"),
        (host.validate_port_id, "é", "must contain only alphanumeric"),
        (host.validate_port_id, "\ud800", "length: 3|must contain only"),
    ],
)
def test_bad_identifiers(check: Callable[[str], None], text: str, words: str) -> None:
    with pytest.raises(IdentifierError, match=words) as caught:
        check(text)
    assert (caught.value.codespace, caught.value.code) == ("host", 2)


def test_good_identifiers() -> None:
    host.validate_client_id("07-tendermint-0")
    host.validate_connection_id("connection-0")
    host.validate_channel_id("channel-0")
    host.validate_port_id("wasm.cosmos1abc")


def test_client_ids_split_into_type_and_sequence() -> None:
    assert host.parse_client_id("07-tendermint-12") == ("07-tendermint", 12)
    assert host.parse_client_id("09-localhost") == ("09-localhost", 0)
    for text in ("tendermint", "a-b", f"a-{2**64}", "a-1\n"):
        with pytest.raises(IdentifierError):
            host.parse_client_id(text)


def test_generated_ids_carry_a_number() -> None:
    assert host.parse_connection_id("connection-7") == 7
    assert host.parse_channel_id("channel-0") == 0
    for text in ("channel", "channel-", "connection-1", "channel-x", f"channel-{2**64}"):
        with pytest.raises(IdentifierError):
            host.parse_channel_id(text)


def test_heights_from_outside() -> None:
    assert host.parse_height("1-2") == Height(1, 2)
    with pytest.raises(DecodeError):
        host.parse_height("1")


def test_paths() -> None:
    height = Height(3, 10)
    assert host.client_state_path("c") == "clients/c/clientState"
    assert host.consensus_state_path("c", height) == "clients/c/consensusStates/3-10"
    assert host.connection_path("connection-0") == "connections/connection-0"
    assert host.packet_commitment_path("p", "c", 1) == "commitments/ports/p/channels/c/sequences/1"
    assert host.packet_ack_path("p", "c", 1) == "acks/ports/p/channels/c/sequences/1"
    assert host.packet_receipt_path("p", "c", 1) == "receipts/ports/p/channels/c/sequences/1"
    assert host.iterate_consensus_key("c", height).endswith(
        b"States" + bytes(7) + b"\3" + bytes(7) + b"\n"
    )
    assert host.packet_commitment_key_v2("c", 1) == b"c\1" + bytes(7) + b"\1"
    assert host.packet_receipt_key_v2("c", 1) == b"c\2" + bytes(7) + b"\1"
    assert host.packet_ack_key_v2("c", 1) == b"c\3" + bytes(7) + b"\1"
    assert host.client_connections_path("c") == "clients/c/connections"
    assert host.channel_path("p", "c") == "channelEnds/ports/p/channels/c"
    assert host.next_sequence_send_path("p", "c") == "nextSequenceSend/ports/p/channels/c"
    assert host.next_sequence_recv_path("p", "c") == "nextSequenceRecv/ports/p/channels/c"
    assert host.next_sequence_ack_path("p", "c") == "nextSequenceAck/ports/p/channels/c"
    assert host.processed_time_path("c", height).endswith("consensusStates/3-10/processedTime")
    assert host.processed_height_path("c", height).endswith("consensusStates/3-10/processedHeight")


def test_commitments() -> None:
    packet = Packet(1, "transfer", "channel-0", "transfer", "channel-1", b"data", Height(1, 2), 3)
    expected = bytes(7) + b"\3" + bytes(7) + b"\1" + bytes(7) + b"\2" + sha256(b"data").digest()
    assert packet_commitment(packet) == sha256(expected).digest()
    assert ack_commitment(b"ack") == sha256(b"ack").digest()


def test_commitments_of_the_second_protocol() -> None:
    """The first packet of ibc-go's own test, `04-channel/v2/types/commitment_test.go`, by parts."""
    payload = Payload("transfer", "transfer", "ics20-1", "application/json", b"value")
    packet = PacketV2(1, "07-tendermint-0", "07-tendermint-1", 100, (payload,))
    parts = (b"transfer", b"transfer", b"ics20-1", b"application/json", b"value")
    inner = sha256(b"".join(sha256(part).digest() for part in parts)).digest()
    outer = (b"07-tendermint-1", bytes(7) + b"\x64", inner)
    expected = sha256(b"\2" + b"".join(sha256(part).digest() for part in outer)).digest()
    assert packet_commitment_v2(packet) == expected
    moved = replace(packet, sequence=2, source_client="other-9")
    assert packet_commitment_v2(moved) == expected
    assert ack_commitment_v2([ERROR_ACKNOWLEDGEMENT]) != ack_commitment_v2([])
