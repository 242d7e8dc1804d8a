"""IBC identifiers, paths and commitments, after ibc-go's own tests."""

from collections.abc import Callable

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import codec, host, packet, packet_v2, values
from light_client.errors import DecodeError, IdentifierError
from light_client.packet_v2 import PacketV2, Payload
from light_client.values import Height

FOLDER = vectors.topic("ibc_core")

# What applications on a chain do with addresses and encodings is not the light client's.
OF_APPLICATIONS = ({"raw", "prefix"}, {"abi", "proto"}, {"abi", "tagged_digest"})


def ours() -> list[object]:
    return [
        entry
        for entry in vectors.cases(FOLDER)
        if not any(keys <= entry.values[1].keys() for keys in OF_APPLICATIONS)
    ]


@pytest.mark.parametrize(("name", "case"), ours())
def test_vector(name: str, case: Case) -> None:
    for keys, run in RUNNERS:
        if keys <= case.keys():
            return run(case)
    pytest.fail(f"{name}: unknown format {sorted(case)}")


def run_identifier(case: Case) -> None:
    validate = getattr(host, f"validate_{case['kind']}_id")
    assert accepts(validate, case["value"]) == case["valid"]


def run_chain_id(case: Case) -> None:
    assert values.revision(case["chain_id"]) == int(case["revision"])
    assert values.is_revision_format(case["chain_id"]) == case["formatted"]


def run_client_id(case: Case) -> None:
    assert accepts(host.parse_client_id, case["client_id"]) == case["valid"]
    if case["valid"]:
        expected = (case["client_type"], int(case["sequence"]))
        assert host.parse_client_id(case["client_id"]) == expected


def run_height(case: Case) -> None:
    assert accepts(host.parse_height, case["height"]) == case["valid"]
    if case["valid"]:
        expected = Height(int(case["revision_number"]), int(case["revision_height"]))
        assert host.parse_height(case["height"]) == expected
        assert str(expected) == case["height"]


def run_store_key(case: Case) -> None:
    assert KEYS[case["id"]](case) == raw(case["key"])


def run_packet(case: Case) -> None:
    if "source_client" in case["packet"]:
        return run_packet_v2(case)
    decoded = codec.packet_from_pb(codec.parse(channel_pb2.Packet, raw(case["packet_proto"])))
    fields = case["packet"]
    assert decoded.data == raw(fields["data"])
    assert decoded.timeout_height == Height(*fields["timeout_height"])
    assert codec.packet_to_pb(decoded).SerializeToString() == raw(case["packet_proto"])
    assert packet.packet_commitment(decoded) == raw(case["commitment"])
    source = (decoded.source_port, decoded.source_channel, decoded.sequence)
    destination = (decoded.destination_port, decoded.destination_channel, decoded.sequence)
    assert host.packet_commitment_path(*source) == case["commitment_path"]
    assert host.packet_ack_path(*destination) == case["ack_path"]
    assert host.packet_receipt_path(*destination) == case["receipt_path"]
    return None


def run_packet_v2(case: Case) -> None:
    fields = case["packet"]
    payloads = tuple(
        Payload(
            payload["source_port"],
            payload["destination_port"],
            payload["version"],
            payload["encoding"],
            raw(payload["value"]),
        )
        for payload in fields["payloads"]
    )
    source, destination = fields["source_client"], fields["destination_client"]
    sequence = int(fields["sequence"])
    sent = PacketV2(sequence, source, destination, int(fields["timeout_timestamp"]), payloads)
    assert packet_v2.packet_commitment(sent) == raw(case["commitment"])
    assert host.packet_commitment_key_v2(source, sequence) == raw(case["commitment_key"])
    assert host.packet_receipt_key_v2(destination, sequence) == raw(case["receipt_key"])
    assert host.packet_ack_key_v2(destination, sequence) == raw(case["ack_key"])


def run_ack(case: Case) -> None:
    assert packet.ack_commitment(case["json"].encode()) == raw(case["commitment"])


def run_ack_v2(case: Case) -> None:
    parts = [raw(part) for part in case["app_acknowledgements"]]
    assert packet_v2.ack_commitment(parts) == raw(case["commitment"])


RUNNERS = (
    ({"kind", "value", "valid"}, run_identifier),
    ({"chain_id", "revision"}, run_chain_id),
    ({"client_id", "valid"}, run_client_id),
    ({"height", "valid"}, run_height),
    ({"packet", "commitment"}, run_packet),
    ({"app_acknowledgements"}, run_ack_v2),
    ({"json", "commitment"}, run_ack),
    ({"key"}, run_store_key),
)

HEIGHT = Height(3, 10)
CLIENT = "07-tendermint-0"
KEYS: dict[str, Callable[[Case], bytes]] = {
    "connection": lambda _: host.connection_path("connection-0").encode(),
    "clientState": lambda _: host.client_state_path(CLIENT).encode(),
    "consensusState": lambda _: host.consensus_state_path(CLIENT, HEIGHT).encode(),
    "iterate-consensus": lambda _: host.iterate_consensus_key(CLIENT, HEIGHT),
    "v2-commitment": lambda c: host.packet_commitment_key_v2(c["client"], c["sequence"]),
    "v2-receipt": lambda c: host.packet_receipt_key_v2(c["client"], c["sequence"]),
    "v2-ack": lambda c: host.packet_ack_key_v2(c["client"], c["sequence"]),
}


def accepts(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except (IdentifierError, DecodeError):
        return False
    return True
