"""Chained proofs, from a key in a store up to the app hash."""

from collections.abc import Sequence

import pytest
from helpers.trees import Store, multistore

from cosmos_pb.tendermint.crypto import proof_pb2
from light_client import commitment, proof_codec
from light_client.errors import DecodeError, ProofError
from light_client.proofs import SDK_SPECS, CommitmentProof, NonExistenceProof

STORE = Store({f"key-{number}".encode(): b"value" for number in range(6)})
ROOT, STORES = multistore({"bank": b"\1" * 32, "ibc": STORE.root, "wasm": b"\2" * 32})
PATH = (b"ibc", b"key-3")
PROOF = (STORE.prove(b"key-3"), STORES["ibc"])
ABSENT = (STORE.prove(b"key-33"), STORES["ibc"])


def test_presence_and_absence() -> None:
    commitment.verify_membership(SDK_SPECS, ROOT, PATH, b"value", PROOF)
    commitment.verify_membership(SDK_SPECS, ROOT, PATH, b"value", proof_codec.encode_merkle(PROOF))
    commitment.verify_non_membership(SDK_SPECS, ROOT, (b"ibc", b"key-33"), ABSENT)


@pytest.mark.parametrize(
    ("root", "path", "value", "proof", "code", "words"),
    [
        (ROOT, PATH, b"value", (), 4, "proof must not be empty"),
        (b"", PATH, b"value", PROOF, 4, "root cannot be empty"),
        (ROOT, PATH, b"value", PROOF[:1], 4, "length of specs: 2 not equal to .* proof: 1"),
        (ROOT, PATH[:1], b"value", PROOF, 2, "path length 1 not same as proof 2"),
        (ROOT, PATH, b"", PROOF, 2, "empty value"),
        (ROOT, PATH, b"value", b"\xff", 2, "failed to unmarshal proof"),
        (ROOT, PATH, b"value", (None, PROOF[1]), 2, "could not calculate proof root at index 0"),
        (ROOT, PATH, b"value", ABSENT, 2, "must be existence proof at index 0"),
        (ROOT, PATH, b"other", PROOF, 2, "failed to verify membership proof at index 0"),
        (ROOT, (b"ibc", b"key-4"), b"value", PROOF, 2, "at index 0"),
        (ROOT, (b"bank", b"key-3"), b"value", PROOF, 2, "at index 1"),
        (ROOT, PATH, b"value", (PROOF[0], STORES["bank"]), 2, "at index 1"),
        (bytes(32), PATH, b"value", PROOF, 2, "did not commit to expected root: 0000"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_presence_is_refused(
    root: bytes,
    path: tuple[bytes, ...],
    value: bytes,
    proof: bytes | Sequence[CommitmentProof | None],
    code: int,
    words: str,
) -> None:
    with pytest.raises(ProofError, match=words) as caught:
        commitment.verify_membership(SDK_SPECS, root, path, value, proof)
    assert (caught.value.codespace, caught.value.code) == ("commitment", code)


@pytest.mark.parametrize(
    ("path", "proof", "words"),
    [
        ((b"ibc", b"key-3"), ABSENT, "failed to verify non-membership proof"),
        ((b"ibc", b"key-33"), PROOF, "must be non-existence proof"),
        ((b"ibc", b"x"), (NonExistenceProof(b"", None, None), PROOF[1]), "could not calculate"),
        ((b"ibc", b"x"), (None, PROOF[1]), "could not calculate root for proof index 0"),
        ((b"bank", b"key-33"), ABSENT, "at index 1"),
        ((b"ibc", b"key-33"), (ABSENT[0], ABSENT[0]), "must be existence proof at index 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_absence_is_refused(
    path: tuple[bytes, ...], proof: Sequence[CommitmentProof | None], words: str
) -> None:
    with pytest.raises(ProofError, match=words) as caught:
        commitment.verify_non_membership(SDK_SPECS, ROOT, path, proof)
    assert (caught.value.codespace, caught.value.code) == ("commitment", 2)


def test_an_empty_store_has_no_provable_absence() -> None:
    """Of no leaves there are no neighbours."""
    with pytest.raises(ProofError, match="merkle tree is likely empty"):
        commitment.verify_non_membership(
            SDK_SPECS, ROOT, PATH, (NonExistenceProof(b"key-3", None, None), PROOF[1])
        )


def test_query_responses_become_merkle_proofs() -> None:
    ops = proof_pb2.ProofOps()
    ops.ops.add(type="ics23:iavl", key=PATH[1], data=proof_codec.encode(PROOF[0]))
    ops.ops.add(type="ics23:simple", key=PATH[0], data=proof_codec.encode(PROOF[1]))
    converted = commitment.merkle_proof_from_proof_ops(ops)
    assert converted == proof_codec.encode_merkle(PROOF)
    ops.ops[0].data = b"\xff"
    with pytest.raises(DecodeError, match="'ics23:iavl' is no ICS-23 proof"):
        commitment.merkle_proof_from_proof_ops(ops)
    with pytest.raises(DecodeError, match="no proof"):
        commitment.merkle_proof_from_proof_ops(proof_pb2.ProofOps())


def test_prefixes() -> None:
    assert commitment.apply_prefix(b"ibc", "path") == commitment.apply_prefix(b"ibc", b"path")
    with pytest.raises(ProofError) as caught:
        commitment.apply_prefix(b"", "path")
    assert (caught.value.codespace, caught.value.code) == ("commitment", 3)
