"""IBC identifiers, paths and commitments, after ibc-go's own tests."""

from collections.abc import Callable

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from chain.errors import AbciError
from chain.modules.ibc import error_ack, parse_ack, result_ack
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import addresses, bech32, codec, host, packet, packet_v2, values
from light_client.attestation import PacketAttestation, StateAttestation
from light_client.errors import DecodeError, IdentifierError
from light_client.gmp import GmpAcknowledgement, GmpPacketData
from light_client.packet_v2 import PacketV2, Payload
from light_client.values import Height

FOLDER = vectors.topic("ibc_core")


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    vectors.run(name, case, RUNNERS)


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
        run_packet_v2(case)
        return
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
    if case["success"]:
        ack = result_ack(raw(case["result_hex"]))
    else:
        ack = error_ack(AbciError(case["error_codespace"], case["error_code"], "whatever"))
    assert (ack.data, ack.success) == (case["json"].encode(), case["success"])
    assert packet.ack_commitment(ack.data) == raw(case["commitment"])
    parsed = parse_ack(ack.data)
    assert parsed is not None
    assert (parsed.marshal(), parsed.success) == (ack.data, ack.success)


def run_address(case: Case) -> None:
    address = ADDRESSES[case["kind"]](case)
    assert address.hex() == case["raw"]
    assert bech32.encode(case["prefix"], address) == case["address"]


def run_gmp(case: Case) -> None:
    made: GmpAcknowledgement | GmpPacketData
    if "ack_result" in case:
        made = GmpAcknowledgement(raw(case["ack_result"]))
    else:
        data = case["data"]
        blobs = (raw(data["salt"]), raw(data["payload"]))
        made = GmpPacketData(data["sender"], data["receiver"], *blobs, data["memo"])
    assert made.to_proto().hex() == case["proto"]
    assert made.to_abi().hex() == case["abi"]


def run_attestation(case: Case) -> None:
    made: StateAttestation | PacketAttestation
    if case["kind"] == "state":
        made = StateAttestation(int(case["height"]), int(case["timestamp_seconds"]))
    else:
        pairs = ((raw(each["path"]), raw(each["commitment"])) for each in case["packets"])
        made = PacketAttestation(int(case["height"]), tuple(pairs))
    assert made.encode().hex() == case["abi"]
    assert made.digest().hex() == case["tagged_digest"]


def run_ack_v2(case: Case) -> None:
    parts = [raw(part) for part in case["app_acknowledgements"]]
    assert packet_v2.ack_commitment(parts) == raw(case["commitment"])


RUNNERS: list[vectors.Runner] = [
    ({"kind", "abi", "tagged_digest"}, run_attestation),
    ({"abi", "proto"}, run_gmp),
    ({"kind", "raw", "prefix", "address"}, run_address),
    ({"kind", "value", "valid"}, run_identifier),
    ({"chain_id", "revision"}, run_chain_id),
    ({"client_id", "valid"}, run_client_id),
    ({"height", "valid"}, run_height),
    ({"packet", "commitment"}, run_packet),
    ({"app_acknowledgements"}, run_ack_v2),
    ({"json", "commitment"}, run_ack),
    ({"key"}, run_store_key),
]

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


ADDRESSES: dict[str, Callable[[Case], bytes]] = {
    "gmp_account": lambda c: addresses.gmp_account(c["client_id"], c["sender"], raw(c["salt"])),
    "ibc_hooks_intermediate_sender": lambda c: addresses.hooked(c["channel"], c["sender"]),
    "ica_host_account": lambda c: addresses.interchain_account(
        c["connection_id"], c["port_id"], raw(c["block_header_app_hash"])
    ),
    "module_account": lambda c: addresses.module_account(c["module"]),
    "pfm_intermediate_receiver": lambda c: addresses.forwarded(c["channel"], c["sender"]),
}


def test_the_set_is_complete() -> None:
    vectors.enough(vectors.cases(FOLDER), 120)


def accepts(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except (IdentifierError, DecodeError):
        return False
    return True
