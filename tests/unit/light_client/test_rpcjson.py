"""The JSON of CometBFT's RPC, there and back, and what is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest
from helpers.validators import make_block, signers, validator_set

from cosmos_pb.tendermint.types import evidence_pb2
from light_client import rpcjson
from light_client.commit import ABSENT, CommitSig
from light_client.errors import DecodeError
from light_client.evidence import DuplicateVoteEvidence, LightClientAttackEvidence
from light_client.header import BlockID
from light_client.keys import UnsupportedKey
from light_client.validators import next_proposer
from light_client.values import ZERO_TIME

MEMBERS = signers(3)
BLOCK = make_block("chain-1", 5, MEMBERS, absent=[MEMBERS[0].address])
HEADER = rpcjson.header_to_json(BLOCK.header)
COMMIT = rpcjson.commit_to_json(BLOCK.commit)


def test_headers_and_commits_come_back() -> None:
    text = json.dumps(rpcjson.signed_header_to_json(BLOCK.signed_header))
    assert rpcjson.signed_header_from_json(json.loads(text)) == BLOCK.signed_header


def test_the_form_is_cometbfts() -> None:
    assert HEADER["height"] == "5"
    assert HEADER["version"] == {"block": "11"}, "CometBFT leaves a zero out"
    assert HEADER["app_hash"] == "AA" * 32
    assert HEADER["last_block_id"]["parts"]["total"] == 1
    assert COMMIT["round"] == 0
    (absent,) = [vote for vote in COMMIT["signatures"] if vote["block_id_flag"] == ABSENT]
    assert absent == {
        "block_id_flag": 1,
        "validator_address": "",
        "timestamp": "0001-01-01T00:00:00Z",
        "signature": None,
    }


def test_light_blocks_from_their_responses() -> None:
    listed = rpcjson.validators_to_json(BLOCK.validators.validators)
    signed = rpcjson.signed_header_to_json(BLOCK.signed_header)
    block = rpcjson.light_block_from_json(signed, listed, listed)
    assert block.signed_header == BLOCK.signed_header
    assert block.validators == BLOCK.validators
    assert block.next_validators is not None
    assert block.next_validators.proposer == next_proposer(BLOCK.validators.validators)
    assert rpcjson.light_block_from_json(signed, listed).next_validators is None


def test_numbers_and_missing_fields_of_other_versions_are_read() -> None:
    loose = {**HEADER, "height": 5, "version": {"block": 11}, "last_commit_hash": None}
    del loose["evidence_hash"]
    header = rpcjson.header_from_json(loose)
    assert header == replace(BLOCK.header, last_commit_hash=b"", evidence_hash=b"")
    assert rpcjson.block_id_from_json(None) == BlockID()
    named = {"hash": "", "part_set_header": {"total": 1, "hash": "AA"}}
    assert rpcjson.block_id_from_json(named).parts.hash == b"\xaa"
    assert rpcjson.commit_from_json({"signatures": None}).signatures == ()
    vote = rpcjson.commit_from_json({"signatures": [{}]}).signatures[0]
    assert vote == CommitSig(0, b"", ZERO_TIME, b"")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"height": "5x"}, "height must be an int64, is '5x'"),
        ({"height": True}, "height must be an int64"),
        ({"height": 1.5}, "height must be an int64"),
        ({"height": str(2**63)}, "height must be an int64"),
        ({"height": "٥"}, "height must be an int64"),
        ({"height": "9" * 5000}, "height must be an int64"),
        ({"height": "--5"}, "height must be an int64"),
        ({"version": {"block": "-1"}}, "block must be an uint64"),
        ({"version": []}, "block must be|must be an object|.*"),
        ({"version": [1]}, r"header\.version must be an object, is list"),
        ({"chain_id": 5}, "chain_id must be a string"),
        ({"chain_id": "\ud800"}, "chain_id is not valid Unicode"),
        ({"app_hash": "0"}, "app_hash must be hex"),
        ({"app_hash": "AA AA"}, "app_hash must be hex"),
        ({"app_hash": 5}, "app_hash must be hex"),
        ({"time": 5}, "time must be a time"),
        ({"time": "yesterday"}, "time: expected an RFC 3339 time"),
        ({"time": "0001-01-01T00:00:00+01:00"}, "outside the years 1 to 9999"),
        ({"last_block_id": "x"}, "block_id must be an object, is str"),
    ],
)
def test_malformed_headers(changes: dict[str, Any], words: str) -> None:
    if changes == {"version": []}:
        assert rpcjson.header_from_json({**HEADER, **changes}).version.block == 0
        return
    with pytest.raises(DecodeError, match=words):
        rpcjson.header_from_json({**HEADER, **changes})


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_things_that_are_no_objects(value: Any) -> None:
    for read in (
        rpcjson.header_from_json,
        rpcjson.commit_from_json,
        rpcjson.signed_header_from_json,
        rpcjson.validator_from_json,
        rpcjson.public_key_from_json,
        rpcjson.evidence_from_json,
    ):
        with pytest.raises(DecodeError, match="must be an object"):
            read(value)


@pytest.mark.parametrize("signature", ["!", "AAA", 5, "ÄÄ=="])
def test_malformed_signatures(signature: Any) -> None:
    with pytest.raises(DecodeError, match="signature must be base64"):
        rpcjson.commit_from_json({"signatures": [{"signature": signature}]})


def test_lists_that_are_none() -> None:
    with pytest.raises(DecodeError, match=r"commit\.signatures must be an array, is dict"):
        rpcjson.commit_from_json({"signatures": {}})


def test_validators_come_back() -> None:
    listed = rpcjson.validators_to_json(BLOCK.validators.validators)
    assert rpcjson.validators_from_json(listed) == BLOCK.validators.validators
    listed[0]["address"] = listed[1]["address"]
    with pytest.raises(DecodeError, match="its key's"):
        rpcjson.validators_from_json(listed)
    del listed[0]["address"]
    listed[0]["power"] = listed[0].pop("voting_power")
    assert rpcjson.validators_from_json(listed) == BLOCK.validators.validators


def test_unknown_keys_are_a_sentence() -> None:
    with pytest.raises(UnsupportedKey, match="cometbft/PubKeyBls12_381 is not supported"):
        rpcjson.public_key_from_json({"type": "cometbft/PubKeyBls12_381", "value": ""})


def test_evidence_of_a_light_client_attack() -> None:
    members = rpcjson.validators_to_json(BLOCK.validators.validators)
    value: dict[str, Any] = {
        "ConflictingBlock": {
            "signed_header": rpcjson.signed_header_to_json(BLOCK.signed_header),
            "validator_set": {"validators": members, "proposer": members[1]},
        },
        "CommonHeight": "4",
        "ByzantineValidators": members[:1],
        "TotalVotingPower": "30",
        "Timestamp": "2020-01-01T00:00:00Z",
    }
    evidence = rpcjson.evidence_from_json(
        {"type": "tendermint/LightClientAttackEvidence", "value": value}
    )
    assert isinstance(evidence, LightClientAttackEvidence)
    assert evidence.conflicting_block.validators.proposer == BLOCK.validators.validators[1]
    assert evidence.byzantine_validators == BLOCK.validators.validators[:1]
    assert evidence.encode() != replace(evidence, common_height=3).encode()
    del value["ConflictingBlock"]["validator_set"]["proposer"]
    without = rpcjson.evidence_from_json(
        {"type": "tendermint/LightClientAttackEvidence", "value": value}
    )
    assert isinstance(without, LightClientAttackEvidence)
    assert without.conflicting_block.validators.proposer == validator_set(MEMBERS).proposer


def test_evidence_of_a_double_vote() -> None:
    vote = {
        "type": 2,
        "height": "5",
        "round": 1,
        "block_id": rpcjson.block_id_to_json(BLOCK.commit.block_id),
        "timestamp": "2020-01-01T00:00:00Z",
        "validator_address": "AA" * 20,
        "validator_index": 3,
        "signature": "AAAA",
    }
    body = {"vote_a": vote, "vote_b": vote, "TotalVotingPower": "30", "ValidatorPower": "10"}
    evidence = rpcjson.evidence_from_json(
        {"type": "tendermint/DuplicateVoteEvidence", "value": body}
    )
    assert isinstance(evidence, DuplicateVoteEvidence)
    pb = evidence_pb2.DuplicateVoteEvidence.FromString(evidence.encode())
    assert pb.SerializeToString() == evidence.encode()
    assert (pb.total_voting_power, pb.validator_power) == (30, 10)
    assert (pb.vote_a.height, pb.vote_b.validator_index) == (5, 3)


def test_unknown_evidence() -> None:
    with pytest.raises(DecodeError, match="evidence type 'x' is not known"):
        rpcjson.evidence_from_json({"type": "x", "value": {}})
