"""CometBFT hashing vectors: real headers, commits and blocks, and derived ones."""

import base64
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from light_client import codec, hashes, merkle, rpcjson
from light_client.commit import PRECOMMIT, vote_sign_bytes
from light_client.header import BlockID
from light_client.validators import Validator, ValidatorSet
from light_client.values import Timestamp

FOLDER = vectors.topic("tendermint_hash")


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    for keys, run in RUNNERS:
        if keys <= case.keys():
            return run(case)
    pytest.fail(f"{name}: unknown format {sorted(case)}")


def run_header(case: Case) -> None:
    header = rpcjson.header_from_json(case["header"])
    assert header.hash() == raw(case["hash"])
    assert rpcjson.header_from_json(rpcjson.header_to_json(header)) == header
    assert codec.header_from_pb(codec.header_to_pb(header)) == header


def run_block(case: Case) -> None:
    block = case["block"]
    header = rpcjson.header_from_json(block["header"])
    checks = {
        "header_hash": lambda: header.hash() == raw(case["hash"]),
        "last_commit_hash": lambda: (
            rpcjson.commit_from_json(block["last_commit"]).hash() == header.last_commit_hash
        ),
        "data_hash": lambda: (
            hashes.data_hash([base64.b64decode(tx) for tx in block["data"]["txs"] or ()])
            == header.data_hash
        ),
        "evidence_hash": lambda: evidence_hash(block["evidence"]) == header.evidence_hash,
    }
    assert case["assert"]
    for check in case["assert"]:
        assert checks[check](), check


def evidence_hash(listed: Case) -> bytes:
    pieces = [rpcjson.evidence_from_json(piece) for piece in listed["evidence"] or ()]
    return hashes.evidence_hash([piece.encode() for piece in pieces])


def run_evidence(case: Case) -> None:
    pieces = [rpcjson.evidence_from_json(piece).encode() for piece in case["evidence"]]
    assert pieces == [raw(proto) for proto in case["proto"]]
    assert hashes.evidence_hash(pieces) == raw(case["evidence_hash"])


def run_commit(case: Case) -> None:
    chain_id = case["chain_id"]
    key = rpcjson.public_key_from_json(case["pub_key"])
    commit = rpcjson.commit_from_json(case["commit"])
    assert ValidatorSet((Validator(key, int(case["voting_power"])),)).hash() == raw(
        case["validators_hash"]
    )
    assert commit.hash() == raw(case["commit_hash"])
    assert commit.sign_bytes(chain_id, 0) == raw(case["sign_bytes"])
    vote = commit.signatures[0]
    assert key.verify(commit.sign_bytes(chain_id, 0), vote.signature) == case["signature_valid"]
    moved = replace(vote, timestamp=vote.timestamp.add(1))
    for forged in (
        replace(commit, height=commit.height + 1),
        replace(commit, round=commit.round + 1),
        replace(commit, block_id=replace(commit.block_id, hash=sha256(b"").digest())),
        replace(commit, block_id=replace(commit.block_id, parts=BlockID().parts)),
        replace(commit, signatures=(moved,)),
    ):
        assert not key.verify(forged.sign_bytes(chain_id, 0), vote.signature)
    assert not key.verify(commit.sign_bytes(chain_id + "x", 0), vote.signature)
    assert rpcjson.commit_from_json(rpcjson.commit_to_json(commit)) == commit
    assert codec.commit_from_pb(codec.commit_to_pb(commit)) == commit


def run_sign_bytes(case: Case) -> None:
    got = vote_sign_bytes(
        case["chain_id"],
        case["vote_type"],
        int(case["height"]),
        int(case["round"]),
        rpcjson.block_id_from_json(case["block_id"]),
        Timestamp.parse(case["timestamp"]),
    )
    assert got == raw(case["sign_bytes"])
    assert PRECOMMIT == 2


def run_merkle(case: Case) -> None:
    leaves = [raw(leaf) for leaf in case["leaves"]]
    assert merkle.root(leaves) == raw(case["root"])
    for index, leaf in enumerate(leaves):
        node = merkle.leaf_hash(leaf)
        for prefix, suffix in merkle.simple_proof_ops(leaves, index):
            node = sha256(prefix + node + suffix).digest()
        assert node == raw(case["root"])


def run_validators(case: Case) -> None:
    validators = tuple(
        Validator(rpcjson.public_key_from_json(entry["pub_key"]), int(entry["voting_power"]))
        for entry in case["validators"]
    )
    got = ValidatorSet(validators, validators[0] if validators else None)
    assert got.hash() == raw(case["hash"])
    assert codec.validator_set_from_pb(codec.validator_set_to_pb(got)) == got
    listed = rpcjson.validators_to_json(validators)
    assert rpcjson.validators_from_json(listed) == validators


def run_params(case: Case) -> None:
    got = hashes.consensus_params_hash(int(case["max_bytes"]), int(case["max_gas"]))
    assert got == raw(case["hash"])


def run_results(case: Case) -> None:
    results = [
        SimpleNamespace(
            code=result["code"],
            data=base64.b64decode(result["data"] or ""),
            gas_wanted=int(result["gas_wanted"]),
            gas_used=int(result["gas_used"]),
        )
        for result in case["txs_results"]
    ]
    assert hashes.results_hash(results) == raw(case["last_results_hash"])


RUNNERS = (
    ({"header", "hash"}, run_header),
    ({"block", "assert"}, run_block),
    ({"evidence", "proto"}, run_evidence),
    ({"commit", "sign_bytes"}, run_commit),
    ({"vote_type", "sign_bytes"}, run_sign_bytes),
    ({"leaves", "root"}, run_merkle),
    ({"validators", "hash"}, run_validators),
    ({"max_bytes", "max_gas"}, run_params),
    ({"txs_results"}, run_results),
)
