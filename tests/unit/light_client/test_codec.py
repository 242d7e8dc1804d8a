"""Protobuf to values and back: bytes as Go writes them, and what is refused."""

from dataclasses import replace

import pytest
from helpers.validators import make_block, signer, signers, validator_set

from cosmos_pb.google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.ibc.lightclients.tendermint.v1 import tendermint_pb2
from cosmos_pb.tendermint.crypto import keys_pb2
from cosmos_pb.tendermint.types import types_pb2, validator_pb2
from light_client import codec
from light_client.client import ClientHeader, ClientState, ConsensusState, Misbehaviour
from light_client.commit import FOR_BLOCK
from light_client.errors import ClientError, DecodeError, Mismatch, VerificationError
from light_client.keys import SECP256K1, PublicKey, UnsupportedKey
from light_client.packet import Packet
from light_client.proofs import ProofSpec
from light_client.validators import MAX_VALIDATORS, ValidatorSet
from light_client.values import ZERO_TIME, Fraction, Height, Timestamp

MEMBERS = signers(3)
BLOCK = make_block("chain-1", 5, MEMBERS)
STATE = ClientState("chain-1", Fraction(2, 6), 10**9 + 1, 2 * 10**9, 5, Height(0, 0), Height(1, 4))
HEADER = ClientHeader(BLOCK.signed_header, BLOCK.validators, Height(1, 4), BLOCK.validators)
VALUES = [
    STATE,
    replace(STATE, proof_specs=(ProofSpec(),), upgrade_path=(), allow_update_after_expiry=True),
    ConsensusState(Timestamp(1, 2), b"\1" * 32, b"\2" * 32),
    ConsensusState(ZERO_TIME, b"", b""),
    HEADER,
    replace(HEADER, validator_set=None, trusted_validators=None),
    Misbehaviour("07-tendermint-0", HEADER, HEADER),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_client_values_come_back(value: codec.ClientValue) -> None:
    packed = codec.to_any(value)
    assert packed.type_url.startswith("/ibc.lightclients.tendermint.v1.")
    assert codec.from_any(packed) == value
    assert codec.to_any(codec.from_any(packed)) == packed


def test_what_go_cannot_leave_out_is_written() -> None:
    empty = ClientState("", Fraction(0, 0), 0, 0, 0, Height(0, 0), Height(0, 0), (), ())
    assert codec.client_state_to_pb(empty).SerializeToString().hex() == "12001a0022002a0032003a00"
    nothing = ConsensusState(Timestamp(0), b"", b"")
    assert codec.consensus_state_to_pb(nothing).SerializeToString().hex() == "0a001200"
    assert (
        codec.block_id_to_pb(codec.block_id_from_pb(types_pb2.BlockID())).SerializeToString()
        == b"\x12\0"
    )


def test_light_blocks_and_signed_headers_come_back() -> None:
    block = replace(BLOCK, next_validators=None)
    assert codec.light_block_from_pb(codec.light_block_to_pb(block)) == block


def test_packets_come_back() -> None:
    packet = Packet(7, "a", "channel-0", "b", "channel-1", b"data", Height(1, 2), 3)
    assert codec.packet_from_pb(codec.packet_to_pb(packet)) == packet
    bare = Packet(0, "", "", "", "", b"", Height(0, 0), 0)
    assert codec.packet_to_pb(bare).SerializeToString() == b"\x3a\0"


def test_a_validator_set_is_decoded_once() -> None:
    pb = codec.validator_set_to_pb(BLOCK.validators)
    assert codec.validator_set_from_pb(pb) is codec.validator_set_from_pb(pb)


def test_keys_of_every_known_type_come_back() -> None:
    for key in (MEMBERS[0].validator.pub_key, PublicKey(SECP256K1, b"\2" * 33)):
        assert codec.public_key_from_pb(codec.public_key_to_pb(key)) == key


@pytest.mark.parametrize(
    ("pb", "words"),
    [
        (keys_pb2.PublicKey(), "type unknown is not supported"),
        (keys_pb2.PublicKey.FromString(b"\x22\x01\x00"), "type unknown is not supported"),
        (keys_pb2.PublicKey(bls12381=bytes(48)), "type bls12381 is not supported"),
        (keys_pb2.PublicKey(ed25519=bytes(31)), "got 31, expected 32"),
    ],
)
def test_unknown_keys_are_a_sentence(pb: keys_pb2.PublicKey, words: str) -> None:
    with pytest.raises(UnsupportedKey, match=words):
        codec.public_key_from_pb(pb)


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 10**9, -1, -(10**9) - 1, 2**63 - 1, -(2**63)])
def test_durations_come_back(ns: int) -> None:
    assert codec.duration_from_pb(codec.duration_to_pb(ns)) == ns


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(1, -1), (-1, 1), (0, 10**9), (0, -(10**9)), (9_223_372_037, 0), (9_223_372_036, 999_999_999)],
)
def test_durations_that_go_cannot_hold(seconds: int, nanos: int) -> None:
    with pytest.raises(DecodeError, match="duration out of range"):
        codec.duration_from_pb(duration_pb2.Duration(seconds=seconds, nanos=nanos))


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(ZERO_TIME.seconds - 1, 0), (253_402_300_800, 0), (0, -1), (0, 10**9)],
)
def test_times_that_go_cannot_hold(seconds: int, nanos: int) -> None:
    with pytest.raises(DecodeError, match="timestamp out of range"):
        codec.timestamp_from_pb(timestamp_pb2.Timestamp(seconds=seconds, nanos=nanos))


def test_times_of_votes_that_go_cannot_hold() -> None:
    pb = codec.commit_to_pb(BLOCK.commit)
    pb.signatures[1].timestamp.nanos = -1
    with pytest.raises(DecodeError, match="timestamp out of range"):
        codec.commit_from_pb(pb)


def test_missing_parts_carry_ibc_gos_codes() -> None:
    header = tendermint_pb2.Header()
    assert code_of(header) == ("client", 12)
    header.signed_header.SetInParent()
    assert code_of(header) == ("client", 12)
    header.signed_header.header.CopyFrom(codec.header_to_pb(BLOCK.header))
    with pytest.raises(Mismatch, match="commit height mismatch: expected 5, got 0"):
        codec.client_header_from_pb(header).validate_basic()
    with pytest.raises(ClientError, match="Header1 cannot be nil"):
        codec.misbehaviour_from_pb(tendermint_pb2.Misbehaviour())
    half = tendermint_pb2.Misbehaviour(header_1=codec.client_header_to_pb(HEADER))
    with pytest.raises(ClientError, match="Header2 cannot be nil") as caught:
        codec.misbehaviour_from_pb(half)
    assert (caught.value.codespace, caught.value.code) == ("07-tendermint", 6)


def test_times_that_are_missing_are_gos_zero_time() -> None:
    absent = types_pb2.CommitSig(block_id_flag=validator_pb2.BLOCK_ID_FLAG_ABSENT)
    pb = types_pb2.Commit(signatures=[absent])
    (vote,) = codec.commit_from_pb(pb).signatures
    vote.validate_basic()
    assert vote.timestamp == ZERO_TIME
    assert codec.header_from_pb(types_pb2.Header()).time == ZERO_TIME
    assert codec.consensus_state_from_pb(tendermint_pb2.ConsensusState()).timestamp == ZERO_TIME


@pytest.mark.parametrize(("flag", "read"), [(258, FOR_BLOCK), (-254, FOR_BLOCK), (256, 0)])
def test_flags_are_bytes(flag: int, read: int) -> None:
    pb = types_pb2.Commit(signatures=[types_pb2.CommitSig()])
    setattr(pb.signatures[0], "block_id_flag", flag)  # noqa: B010 # proto3 has open enums, stubs have not
    assert codec.commit_from_pb(pb).signatures[0].flag == read


def broken(field: str) -> tendermint_pb2.Header:
    """A header with a validator of an unknown key type."""
    pb = codec.client_header_to_pb(HEADER)
    getattr(pb, field).validators[0].pub_key.Clear()
    return pb


def test_what_is_wrong_with_a_validator_is_found_where_ibc_go_looks() -> None:
    header = codec.client_header_from_pb(broken("validator_set"))
    with pytest.raises(UnsupportedKey, match="public key type unknown is not supported"):
        header.validate_basic()
    codec.client_header_from_pb(broken("trusted_validators")).validate_basic()
    assert header.validator_set is not None
    assert header.validator_set.total_power == 0
    accused = tendermint_pb2.Misbehaviour(
        client_id="07-tendermint-0",
        header_1=broken("validator_set"),
        header_2=broken("trusted_validators"),
    )
    with pytest.raises(ClientError, match="header 1 failed validation: public key") as caught:
        codec.misbehaviour_from_pb(accused).validate_basic()
    assert (caught.value.codespace, caught.value.code) == ("client", 13)
    with pytest.raises(UnsupportedKey):
        codec.validator_set_from_pb(accused.header_1.validator_set)


def test_absurd_sizes_are_refused_before_anything_is_hashed() -> None:
    member = codec.validator_to_pb(MEMBERS[0].validator)
    assert MAX_VALIDATORS == 10_000
    crowd = validator_pb2.ValidatorSet(validators=[member] * (MAX_VALIDATORS + 1))
    header = tendermint_pb2.Header(validator_set=crowd)
    header.signed_header.header.SetInParent()
    for read in (
        lambda: codec.validator_set_from_pb(crowd),
        lambda: codec.client_header_from_pb(header),
    ):
        with pytest.raises(DecodeError, match="10001 validators in a set: at most 10000 are read"):
            read()
    votes = types_pb2.Commit(signatures=[types_pb2.CommitSig()] * (MAX_VALIDATORS + 1))
    with pytest.raises(DecodeError, match="10001 votes in a commit"):
        codec.commit_from_pb(votes)
    big = any_pb2.Any(
        type_url="/ibc.lightclients.tendermint.v1.Header", value=bytes(codec.MAX_MESSAGE_BYTES + 1)
    )
    with pytest.raises(DecodeError, match="client message of 8388609 bytes"):
        codec.from_any(big)


def test_large_sets_are_read_but_not_remembered() -> None:
    member = codec.validator_to_pb(MEMBERS[0].validator)
    assert MAX_VALIDATORS == 10_000
    crowd = validator_pb2.ValidatorSet(validators=[member] * 3000)
    assert len(codec.validator_set_from_pb(crowd)) == 3000
    assert codec.validator_set_from_pb(crowd) is not codec.validator_set_from_pb(crowd)
    few = codec.validator_set_to_pb(validator_set(MEMBERS))
    assert codec.validator_set_from_pb(few) is codec.validator_set_from_pb(few)


def test_a_field_of_another_wire_type_is_refused_and_one_of_another_number_passed_over() -> None:
    packed = codec.to_any(HEADER)
    packed.value += b"\x98\x06\x01"
    assert codec.from_any(packed) == HEADER
    packed.value += b"\x08\x01"
    with pytest.raises(
        DecodeError, match=r"wrong wire type 0 for field \S+\.Header\.signed_header"
    ):
        codec.from_any(packed)


def test_many_parts_with_unknown_fields_are_not_walked_through() -> None:
    pb = codec.client_header_to_pb(HEADER)
    pb.signed_header.commit.signatures.extend([types_pb2.CommitSig()] * 200_000)
    packed = codec.to_any(HEADER)
    packed.value = pb.SerializeToString() + b"\x98\x06\x01"
    with pytest.raises(DecodeError, match="more than 200000 parts"):
        codec.from_any(packed)


def code_of(header: tendermint_pb2.Header) -> tuple[str, int]:
    with pytest.raises((ClientError, VerificationError)) as caught:
        codec.client_header_from_pb(header)
    return caught.value.codespace, caught.value.code


def test_an_address_that_is_not_the_keys() -> None:
    pb = codec.validator_to_pb(MEMBERS[0].validator)
    pb.address = signer("someone else").address
    with pytest.raises(Mismatch, match="incorrectly derived"):
        codec.validator_from_pb(pb)


def test_total_power_on_the_wire_is_ignored() -> None:
    pb = codec.validator_set_to_pb(validator_set(MEMBERS))
    pb.total_voting_power = 1
    assert codec.validator_set_from_pb(pb).total_power == 30


def test_a_set_without_proposer() -> None:
    members = ValidatorSet(validator_set(MEMBERS).validators)
    assert codec.validator_set_from_pb(codec.validator_set_to_pb(members)).proposer is None


def test_foreign_types_and_foreign_bytes() -> None:
    with pytest.raises(ClientError, match="not known") as caught:
        codec.from_any(any_pb2.Any(type_url="/ibc.lightclients.solomachine.v3.Header"))
    assert (caught.value.codespace, caught.value.code) == ("client", 10)
    packed = codec.to_any(STATE)
    packed.value = packed.value[:-1]
    with pytest.raises(DecodeError, match=r"not a ibc\.lightclients\.tendermint\.v1\.ClientState"):
        codec.from_any(packed)


def test_heights() -> None:
    height = Height(1, 2)
    pb = codec.height_to_pb(height)
    assert pb == client_pb2.Height(revision_number=1, revision_height=2)
    assert codec.height_from_pb(pb) == height


def test_an_empty_set_reads_as_empty() -> None:
    assert codec.validator_set_from_pb(validator_pb2.ValidatorSet()).validators == ()
