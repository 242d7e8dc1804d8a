"""The hashes of a block's contents, against the messages that they are made of."""

from hashlib import sha256

from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.types import params_pb2
from light_client import hashes, merkle


def test_an_empty_block() -> None:
    empty = sha256(b"").digest()
    assert hashes.data_hash([]) == hashes.results_hash([]) == hashes.evidence_hash([]) == empty


def test_transactions_are_hashed_twice() -> None:
    assert hashes.data_hash([b"tx"]) == merkle.leaf_hash(sha256(b"tx").digest())


def test_results_cover_what_is_deterministic() -> None:
    kept = abci.ExecTxResult(code=5, data=b"data", gas_wanted=-1, gas_used=7)
    full = abci.ExecTxResult(code=5, data=b"data", gas_wanted=-1, gas_used=7, log="x", info="y")
    assert hashes.results_hash([full]) == merkle.leaf_hash(kept.SerializeToString())


def test_consensus_params() -> None:
    pb = params_pb2.HashedParams(block_max_bytes=22020096, block_max_gas=-1)
    expected = sha256(pb.SerializeToString()).digest()
    assert hashes.consensus_params_hash(22020096, -1) == expected


def test_evidence_is_hashed_as_it_is() -> None:
    assert hashes.evidence_hash([b"e"]) == merkle.leaf_hash(b"e")
