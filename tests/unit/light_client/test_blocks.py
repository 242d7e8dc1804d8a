"""Headers, validator sets and commits: what is well-formed, and what their hashes cover."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
from helpers.validators import make_block, make_header, signer, signers, validator_set

from cosmos_pb.tendermint.crypto import keys_pb2
from cosmos_pb.tendermint.types import canonical_pb2, types_pb2, validator_pb2
from light_client import codec, merkle
from light_client.commit import (
    ABSENT,
    FOR_BLOCK,
    FOR_NIL,
    MAX_SIGNATURE_SIZE,
    PRECOMMIT,
    PREVOTE,
    Commit,
    CommitSig,
    canonical_vote,
    vote_sign_bytes,
)
from light_client.errors import LightClientError, Mismatch, VerificationError
from light_client.header import BlockID, Header, PartSetHeader, Version
from light_client.keys import ED25519, PublicKey
from light_client.validators import (
    MAX_TOTAL_POWER,
    MAX_VALIDATORS,
    Validator,
    ValidatorSet,
    canonical_order,
    next_proposer,
)
from light_client.values import ZERO_TIME, Timestamp

MEMBERS = signers(3)
HEADER = make_header("chain-1", 5, MEMBERS)
COMMIT = make_block("chain-1", 5, MEMBERS).commit
VOTE = COMMIT.signatures[0]


def test_a_header_as_chains_make_it_is_well_formed() -> None:
    HEADER.validate_basic()
    assert len(HEADER.hash()) == 32


def test_every_field_of_a_header_is_in_its_hash() -> None:
    others: dict[str, Any] = {
        "version": Version(11, 1),
        "chain_id": "chain-2",
        "height": 6,
        "time": HEADER.time.add(1),
        "last_block_id": replace(HEADER.last_block_id, parts=PartSetHeader(2, b"\x02" * 32)),
    }
    for field in fields(Header):
        changed = replace(HEADER, **{field.name: others.get(field.name, b"\xee" * 32)})
        assert changed.hash() != HEADER.hash(), field.name


def test_without_validators_hash_there_is_no_block_hash() -> None:
    assert replace(HEADER, validators_hash=b"").hash() == b""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": Version(10)}, "block protocol: expected 11, got 10"),
        ({"chain_id": "x" * 51}, "chainID is too long; got: 51, max: 50"),
        ({"height": 0}, "height 0 is not positive"),
        ({"height": -1}, "height -1 is not positive"),
        ({"last_block_id": BlockID(b"\1" * 31)}, "BlockID hash length: expected 32, got 31"),
        ({"last_block_id": BlockID(b"", PartSetHeader(1, b"\1"))}, "PartSetHeader hash length"),
        ({"last_commit_hash": b"\1"}, "LastCommitHash length"),
        ({"data_hash": b"\1"}, "DataHash length"),
        ({"evidence_hash": b"\1"}, "EvidenceHash length"),
        ({"proposer_address": b""}, "ProposerAddress length: expected 20, got 0"),
        ({"validators_hash": b"\1"}, "ValidatorsHash length"),
        ({"next_validators_hash": b"\1"}, "NextValidatorsHash length"),
        ({"consensus_hash": b"\1"}, "ConsensusHash length"),
        ({"last_results_hash": b"\1"}, "LastResultsHash length"),
    ],
)
def test_malformed_headers(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(VerificationError, match=words) as caught:
        replace(HEADER, **changes).validate_basic()
    assert (caught.value.codespace, caught.value.code) == ("undefined", 1)


def test_an_app_hash_has_any_length() -> None:
    for length in (0, 8, 64):
        replace(HEADER, app_hash=bytes(length)).validate_basic()


@pytest.mark.parametrize(
    ("vote", "words"),
    [
        (replace(VOTE, flag=0), "unknown BlockIDFlag: 0"),
        (replace(VOTE, flag=4), "unknown BlockIDFlag: 4"),
        (replace(VOTE, flag=ABSENT), "validator address is present"),
        (CommitSig(ABSENT, b"", Timestamp(0), b""), "time 1970-01-01T00:00:00Z is present"),
        (CommitSig(ABSENT, b"", ZERO_TIME, b"\1"), "signature is present"),
        (replace(VOTE, address=b"\1" * 19), "ValidatorAddress size: expected 20, got 19"),
        (replace(VOTE, signature=b""), "signature is missing"),
        (replace(VOTE, signature=bytes(3310)), "signature is too big: 3310 bytes"),
    ],
)
def test_malformed_votes(vote: CommitSig, words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        vote.validate_basic()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"height": -1}, "negative height -1"),
        ({"round": -1}, "negative round -1"),
        ({"block_id": BlockID()}, "nil block"),
        ({"block_id": BlockID(b"\1")}, "BlockID hash length"),
        ({"signatures": ()}, "no signatures"),
        ({"signatures": (replace(VOTE, flag=9),)}, "unknown BlockIDFlag"),
    ],
)
def test_malformed_commits(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        replace(COMMIT, **changes).validate_basic()


def test_a_commit_of_height_zero_may_be_empty() -> None:
    Commit(0, 0, BlockID(), ()).validate_basic()


def test_commit_hash_covers_every_vote() -> None:
    for index, vote in enumerate(COMMIT.signatures):
        for changed in (
            replace(vote, flag=FOR_NIL),
            replace(vote, address=bytes(20)),
            replace(vote, timestamp=vote.timestamp.add(1)),
            replace(vote, signature=bytes(64)),
        ):
            votes = (*COMMIT.signatures[:index], changed, *COMMIT.signatures[index + 1 :])
            assert replace(COMMIT, signatures=votes).hash() != COMMIT.hash()


def test_votes_for_nil_sign_no_block() -> None:
    nil = replace(COMMIT, signatures=(replace(VOTE, flag=FOR_NIL),))
    assert nil.sign_bytes("chain-1", 0) == replace(nil, block_id=BlockID()).sign_bytes("chain-1", 0)
    assert COMMIT.sign_bytes("chain-1", 0) != nil.sign_bytes("chain-1", 0)
    assert COMMIT.signatures[0].flag == FOR_BLOCK


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: replace(s, header=replace(s.header, height=0)), "not positive"),
        (lambda s: replace(s, commit=replace(s.commit, round=-1)), "negative round"),
        (lambda s: replace(s, commit=replace(s.commit, height=6)), "height mismatch"),
        (lambda s: replace(s, header=replace(s.header, app_hash=b"")), "commit signs block"),
    ],
)
def test_signed_headers_that_do_not_fit(change: Callable[[Any], Any], words: str) -> None:
    signed = make_block("chain-1", 5, MEMBERS).signed_header
    signed.validate_basic("chain-1")
    with pytest.raises(VerificationError, match=words):
        change(signed).validate_basic("chain-1")


def test_a_signed_header_of_another_chain() -> None:
    with pytest.raises(Mismatch, match="chain id: expected chain-2, got chain-1") as caught:
        make_block("chain-1", 5, MEMBERS).signed_header.validate_basic("chain-2")
    assert (caught.value.expected, caught.value.got) == ("chain-2", "chain-1")


def test_the_hash_of_a_set_follows_its_order() -> None:
    members = validator_set(MEMBERS)
    assert ValidatorSet(members.validators[::-1]).hash() != members.hash()
    assert canonical_order(members.validators[::-1]) == members.validators


def test_canonical_order_is_by_power_then_address() -> None:
    strong, weak = signer("strong", 9).validator, signer("weak", 1).validator
    equals = sorted((signer(name, 5).validator for name in "abc"), key=lambda v: v.address)
    assert canonical_order([weak, *equals[::-1], strong]) == (strong, *equals, weak)


def test_finding_validators() -> None:
    members = validator_set(MEMBERS)
    for position, validator in enumerate(members.validators):
        assert members.find(validator.address) is validator
        assert members.index(validator.address) == position
    assert members.find(bytes(20)) is None
    assert members.index(bytes(20)) is None
    assert (len(members), members.total_power) == (3, 30)


def test_a_set_that_names_one_twice_finds_the_first() -> None:
    one = signer("one", 1).validator
    assert ValidatorSet((one, replace(one, power=7))).find(one.address) is one


def test_who_proposes_next() -> None:
    a, b = sorted((signer(name).validator for name in "ab"), key=lambda v: v.address)
    assert next_proposer([b, a]) is a
    assert next_proposer([a, preferred := replace(b, proposer_priority=1)]) is preferred
    assert next_proposer([]) is None


ONE = signer("one").validator


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (ValidatorSet(()), "nil or empty"),
        (ValidatorSet((replace(ONE, power=-1),), ONE), "invalid validator #0: negative .* -1"),
        (ValidatorSet((replace(ONE, power=MAX_TOTAL_POWER + 1),), ONE), "exceeds maximum"),
        (ValidatorSet((ONE,)), "no proposer"),
        (ValidatorSet((ONE,), signer("two").validator), "is not in the validator set"),
        (ValidatorSet((ONE,), replace(ONE, power=-1)), "is not in the validator set"),
    ],
)
def test_malformed_validator_sets(members: ValidatorSet, words: str) -> None:
    with pytest.raises(VerificationError, match=words):
        members.validate_basic()


def test_the_greatest_power_is_allowed() -> None:
    ValidatorSet((replace(ONE, power=MAX_TOTAL_POWER),), ONE).validate_basic()


def test_errors_are_of_one_tree() -> None:
    with pytest.raises(LightClientError):
        Validator(PublicKey(ED25519, b""), 1)


# --- beside other encoders of the same bytes --------------------------------------------------------

UNSET = bytes.fromhex("2a0b088092b8c398feffffff01")
"""The field of Go's zero time."""


@pytest.mark.parametrize(
    ("chain_id", "kind", "height", "round_", "expected"),
    [
        ("", 0, 0, 0, b""),
        ("", PRECOMMIT, 1, 1, bytes.fromhex("0802110100000000000000190100000000000000")),
        ("", PREVOTE, 1, 1, bytes.fromhex("0801110100000000000000190100000000000000")),
        ("", 0, 1, 1, bytes.fromhex("110100000000000000190100000000000000")),
        ("test_chain_id", 0, 1, 1, bytes.fromhex("110100000000000000190100000000000000")),
    ],
)
def test_sign_bytes_of_cometbft(
    chain_id: str, kind: int, height: int, round_: int, expected: bytes
) -> None:
    """The cases of CometBFT's `types/vote_test.go`."""
    tail = b"\x32" + bytes((len(chain_id),)) + chain_id.encode() if chain_id else b""
    body = expected + UNSET + tail
    assert vote_sign_bytes(chain_id, kind, height, round_, BlockID(), ZERO_TIME) == (
        bytes((len(body),)) + body
    )


def test_sign_bytes_are_protobufs() -> None:
    block_id, time = COMMIT.block_id, VOTE.timestamp
    vote = canonical_pb2.CanonicalVote(
        type=types_pb2.SIGNED_MSG_TYPE_PRECOMMIT,
        height=5,
        round=2,
        block_id=canonical_pb2.CanonicalBlockID(
            hash=block_id.hash,
            part_set_header=canonical_pb2.CanonicalPartSetHeader(
                total=block_id.parts.total, hash=block_id.parts.hash
            ),
        ),
        timestamp=codec.timestamp_to_pb(time),
        chain_id="chain-1",
    )
    body = vote.SerializeToString()
    signed = canonical_vote("chain-1", PRECOMMIT, 5, 2, block_id).at(time)
    assert signed == bytes((len(body),)) + body


def test_the_hash_of_a_commit_is_that_of_protobufs_votes() -> None:
    votes = [vote.SerializeToString() for vote in codec.commit_to_pb(COMMIT).signatures]
    assert COMMIT.hash() == merkle.root(votes)
    flags = (ABSENT, FOR_BLOCK, FOR_NIL)
    assert flags == tuple(
        validator_pb2.BlockIDFlag.Value(f"BLOCK_ID_FLAG_{name}")
        for name in ("ABSENT", "COMMIT", "NIL")
    )


def test_the_hash_of_a_set_is_that_of_protobufs_validators() -> None:
    members = validator_set(MEMBERS)
    leaves = [
        validator_pb2.SimpleValidator(
            pub_key=keys_pb2.PublicKey(ed25519=member.pub_key.data), voting_power=member.power
        ).SerializeToString()
        for member in members.validators
    ]
    assert members.hash() == merkle.root(leaves)


# --- bounds -----------------------------------------------------------------------------------------


def test_the_longest_signature() -> None:
    replace(VOTE, signature=bytes(MAX_SIGNATURE_SIZE)).validate_basic()
    with pytest.raises(VerificationError, match="signature is too big: 3310 bytes"):
        replace(VOTE, signature=bytes(MAX_SIGNATURE_SIZE + 1)).validate_basic()


def test_the_first_commit_of_a_chain_is_one() -> None:
    with pytest.raises(VerificationError, match="nil block"):
        Commit(1, 0, BlockID(), (VOTE,)).validate_basic()
    with pytest.raises(VerificationError, match="no signatures"):
        Commit(1, 0, COMMIT.block_id, ()).validate_basic()


def test_as_many_validators_as_cometbft_lets_vote() -> None:
    assert MAX_VALIDATORS == 10_000


def test_the_greatest_power() -> None:
    for power in (0, 2**60 - 1):
        most = signer("great", power).validator
        ValidatorSet((most,), proposer=most).validate_basic()
    more = signer("great", 2**60).validator
    with pytest.raises(VerificationError, match=f"exceeds maximum {2**60 - 1}"):
        ValidatorSet((more,), proposer=more).validate_basic()
