"""The genesis document, consensus parameters and validator keys: in, out, and what is wrong with
them.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.kv_app import genesis, keys

from chain.errors import GenesisError
from chain.node import ConsensusParams, Genesis, NodeError, ValidatorKey, privval
from cosmos_pb.tendermint.types import params_pb2
from light_client.values import NS_PER_SECOND


def test_a_genesis_is_read_as_it_was_written(tmp_path: Path) -> None:
    params = ConsensusParams(max_gas=5, app_version=3, vote_extensions_enable_height=7)
    document = genesis(keys(3), initial_height=9, consensus_params=params, app_hash=b"\x01\x02")
    document.save(tmp_path / "genesis.json")
    assert Genesis.load(tmp_path / "genesis.json") == document


def test_what_is_absent_has_cometbfts_defaults() -> None:
    found = Genesis.from_json({"chain_id": "a", "genesis_time": "2024-01-01T00:00:00Z"})
    assert found.consensus_params == ConsensusParams()
    assert (found.initial_height, found.validators, found.app_state) == (1, (), {})


def changed(**changes: Any) -> dict[str, Any]:
    return {**genesis().to_json(), **changes}


VALIDATOR = genesis().to_json()["validators"][0]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "a genesis document is a JSON object"),
        (changed(chain_id=""), "chain_id must not be empty"),
        (changed(chain_id=5), "chain_id has the wrong type: int"),
        (changed(chain_id="x" * 51), "chain_id is too long: 51 bytes, at most 50"),
        (changed(genesis_time="yesterday"), "genesis_time: expected an RFC 3339 time"),
        (changed(initial_height="-1"), "initial_height must be positive: -1"),
        (changed(initial_height="one"), "initial_height must be a whole number, got 'one'"),
        (changed(app_hash="xyz"), "app_hash must be hexadecimal, got 'xyz'"),
        (changed(app_state=[]), "app_state has the wrong type: list"),
        (changed(validators={}), "validators has the wrong type: dict"),
        (changed(validators=["x"]), r"validators\[0\] must be an object"),
        (changed(validators=[{**VALIDATOR, "power": "0"}]), r"\[0\].power must be positive: 0"),
        (changed(validators=[{**VALIDATOR, "power": None}]), r"\[0\].power must be a whole"),
        (
            changed(validators=[{**VALIDATOR, "address": "00"}]),
            r"\[0\].address: expected .* got 00",
        ),
        (changed(validators=[{**VALIDATOR, "pub_key": 5}]), r"\[0\].pub_key: .*object"),
        (
            changed(validators=[{**VALIDATOR, "pub_key": {"type": "t", "value": ""}}]),
            r"\[0\].pub_key",
        ),
        (changed(validators=[VALIDATOR, VALIDATOR]), "name a public key twice"),
        (changed(consensus_params={"block": 5}), "consensus_params.block must be an object"),
        (
            changed(consensus_params={"block": {"max_gas": "x"}}),
            "consensus_params.block.max_gas must be a whole number, got 'x'",
        ),
        (
            changed(consensus_params={"block": {"max_bytes": "0"}}),
            "block.MaxBytes must be -1 or greater than 0. Got 0",
        ),
        (
            changed(consensus_params={"block": {"max_bytes": "104857601"}}),
            "block.MaxBytes is too big. 104857601 > 104857600",
        ),
        (
            changed(consensus_params={"block": {"max_gas": "-2"}}),
            "block.MaxGas must be greater or equal to -1. Got -2",
        ),
        (
            changed(consensus_params={"evidence": {"max_age_num_blocks": "0"}}),
            "evidence.MaxAgeNumBlocks must be greater than 0. Got 0",
        ),
        (
            changed(consensus_params={"evidence": {"max_age_duration": "0"}}),
            "evidence.MaxAgeDuration must be greater than 0. Got 0",
        ),
        (
            changed(consensus_params={"validator": {"pub_key_types": []}}),
            "PubKeyTypes.* must be greater than 0",
        ),
        (
            changed(consensus_params={"validator": {"pub_key_types": ["rsa"]}}),
            "unknown pubkey type rsa",
        ),
        (
            changed(consensus_params={"validator": {"pub_key_types": "ed25519"}}),
            "pub_key_types must be a list of names",
        ),
    ],
)
def test_bad_documents_name_the_field(document: Any, text: str) -> None:
    with pytest.raises(GenesisError, match=text):
        Genesis.from_json(document)


def test_bad_files_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "genesis.json"
    with pytest.raises(
        GenesisError, match=r"cannot read the genesis .*genesis\.json: No such file"
    ):
        Genesis.load(path)
    path.write_text("{")
    with pytest.raises(GenesisError, match=r"genesis\.json is not JSON"):
        Genesis.load(path)
    path.write_text("{}")
    with pytest.raises(GenesisError, match=r"genesis\.json: genesis genesis_time"):
        Genesis.load(path)


def test_parameters_change_group_by_group() -> None:
    before = ConsensusParams()
    block = params_pb2.ConsensusParams(block=params_pb2.BlockParams(max_bytes=1000, max_gas=2))
    assert before.updated(block) == replace(before, max_bytes=1000, max_gas=2)
    assert before.updated(params_pb2.ConsensusParams()) == before
    odd = replace(before, evidence_max_age_ns=3 * NS_PER_SECOND + 5, app_version=4)
    assert before.updated(odd.to_pb()) == odd
    assert before.hash() == odd.hash(), "block size and gas are all that the header's hash covers"


def test_keys_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    made = [ValidatorKey.generate(), ValidatorKey.from_secret("two")]
    privval.save(made, path)
    assert list(privval.load(path)) == made
    assert path.stat().st_mode & 0o077 == 0, "nobody else may read it"
    single = json.loads(path.read_text())["validators"][1]
    path.write_text(json.dumps(single))
    assert list(privval.load(path)) == made[1:]


def test_signatures_verify() -> None:
    key = ValidatorKey.from_secret("one")
    assert key.pub_key.verify(b"message", key.sign(b"message"))
    assert "one" not in repr(key)
    assert key.seed.hex() not in repr(key)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "Expecting"),
        ("[]", "expected a list of key objects"),
        ('{"validators": [{}]}', "a key has no 'priv_key'"),
        ('{"validators": [5]}', "expected a list of key objects"),
        ('{"validators": []}', "the list is empty"),
        ('{"priv_key": {"type": "x", "value": ""}}', "key type 'x' is not tendermint/PrivKey"),
        ('{"priv_key": {"type": "tendermint/PrivKeyEd25519", "value": "AAAA"}}', "has 64 bytes"),
        (
            '{"priv_key": {"type": "tendermint/PrivKeyEd25519", "value": "' + "A" * 86 + '=="}}',
            "do not match",
        ),
    ],
)
def test_bad_key_files_are_named(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(NodeError, match=text) as caught:
        privval.load(path)
    assert "keys.json" in str(caught.value)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"none\.json: No such file"):
        privval.load(tmp_path / "none.json")
