"""Attacks on ICS-23 that became public, each by its name: the forgery is made here, and refused.

Dragonberry (October 2022), the audit of ICS-23 by Zellic (2024; numbers are its findings'), and ics23 issue 134. The
forgeries lead to the very root that they are held against: it is a rule that stops them and not the hash.
"""

from dataclasses import replace
from hashlib import sha256

import pytest
from helpers.trees import Store

from cosmos_pb.cosmos.ics23.v1 import proofs_pb2 as pb
from light_client import ics23, proof_codec, wire
from light_client.errors import DecodeError, ProofError
from light_client.ics23 import verify_membership, verify_non_membership
from light_client.proofs import (
    IAVL_SPEC,
    MAX_PROOF_BYTES,
    SHA256,
    SMT_SPEC,
    TENDERMINT_SPEC,
    ExistenceProof,
    InnerOp,
    NonExistenceProof,
    ProofSpec,
)

EVIL = b"transfer/" + bytes([6]) + b"forged"
STORE = Store({b"a": b"1", b"b": b"2", b"c": b"3", EVIL: b"evil"})


def recut(proof: ExistenceProof, bytes_of_key: int) -> ExistenceProof:
    """The same leaf with the head of its key moved into the prefix."""
    assert proof.leaf
    key = proof.key
    # prefix, length and key have to keep their bytes: the shorter key's length is one of the key's own
    taken = wire.uvarint(len(key)) + key[:bytes_of_key]
    rest = key[bytes_of_key + 1 :]
    assert key[bytes_of_key] == len(rest)
    return replace(proof, key=rest, leaf=replace(proof.leaf, prefix=proof.leaf.prefix + taken))


def test_dragonberry_a_recut_leaf_proves_a_key_that_is_not_there() -> None:
    forged = recut(STORE.existence(EVIL), EVIL.index(6))
    assert ics23.calculate(forged) == STORE.root
    with pytest.raises(ProofError, match="remaining prefix length to be 0"):
        verify_membership(IAVL_SPEC, STORE.root, forged, b"forged", b"evil")
    verify_membership(IAVL_SPEC, STORE.root, STORE.existence(EVIL), EVIL, b"evil")


def test_dragonberry_a_recut_neighbour_proves_a_false_absence() -> None:
    """So a receipt that is there would be proven absent, and its packet timed out: paid twice."""
    forged = recut(STORE.existence(EVIL), EVIL.index(6))
    absence = NonExistenceProof(b"cc", STORE.existence(b"c"), forged)
    with pytest.raises(ProofError, match="remaining prefix length to be 0"):
        verify_non_membership(IAVL_SPEC, STORE.root, absence, b"cc")
    verify_non_membership(IAVL_SPEC, STORE.root, STORE.prove(b"cc"), b"cc")


def test_zellic_3_1_absence_is_proven_by_order_so_trees_must_be_sorted() -> None:
    """Documented, not checkable: in an unsorted tree the neighbours of a gap prove nothing."""
    left, right = b"b", b"a"  # a tree in which b stands before a
    leaves = [_simple_leaf(left), _simple_leaf(right)]
    root = sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    proof = NonExistenceProof(
        b"c",
        _simple(left, InnerOp(SHA256, b"\x01", leaves[1])),
        _simple(right, InnerOp(SHA256, b"\x01" + leaves[0], None)),
    )
    with pytest.raises(ProofError, match="key is not left of right proof"):
        verify_non_membership(TENDERMINT_SPEC, root, proof, b"c")


def test_zellic_3_2_a_prefix_as_long_as_a_child_makes_left_and_right_the_same() -> None:
    inner = IAVL_SPEC.inner_spec
    assert inner is not None
    ambiguous = replace(
        IAVL_SPEC, inner_spec=replace(inner, max_prefix_length=inner.min_prefix_length + 33)
    )
    with pytest.raises(ProofError, match="MaxPrefixLength must be < MinPrefixLength"):
        verify_membership(ambiguous, STORE.root, STORE.prove(b"b"), b"b", b"2")


def test_zellic_3_4_children_of_no_size_divide_by_nothing() -> None:
    with pytest.raises(ProofError, match="ChildSize must be >= 1, is 0"):
        verify_membership(_with_child_size(0), STORE.root, STORE.prove(b"b"), b"b", b"2")


def test_zellic_3_5_a_proof_has_no_more_steps_than_a_tree_can_have() -> None:
    honest = STORE.existence(b"b")
    step = InnerOp(SHA256, b"\xfe\x01\x04\x0e\x20", b"\x20" + bytes(32))
    long = replace(honest, path=honest.path + (step,) * 200)
    with pytest.raises(ProofError, match=r"depth too long: 20\d, at most 128"):
        verify_membership(IAVL_SPEC, ics23.calculate(long), long, b"b", b"2")


def test_zellic_3_5_a_proof_of_64_mebibytes_is_refused_unread() -> None:
    huge = bytes(64 << 20)
    assert len(huge) > MAX_PROOF_BYTES
    for read in (proof_codec.decode, proof_codec.decode_merkle):
        with pytest.raises(DecodeError, match="67108864 bytes exceeds 4194304"):
            read(huge)


def test_zellic_3_6_a_child_order_out_of_range_is_no_order() -> None:
    inner = IAVL_SPEC.inner_spec
    assert inner is not None
    wrong = replace(IAVL_SPEC, inner_spec=replace(inner, child_order=(0, 7)))
    with pytest.raises(ProofError, match="not of neighbours"):
        verify_non_membership(wrong, STORE.root, STORE.prove(b"bb"), b"bb")
    verify_non_membership(IAVL_SPEC, STORE.root, STORE.prove(b"bb"), b"bb")


@pytest.mark.parametrize("index", [-1, 0, 5, 2**31 - 1])
def test_zellic_3_7_a_compressed_proof_points_at_what_it_carries(index: int) -> None:
    message = pb.CommitmentProof()
    entry = message.compressed.entries.add()
    entry.exist.key, entry.exist.value = b"k", b"v"
    entry.exist.path.append(index)
    with pytest.raises(DecodeError, match=f"inner op {index} of 0 in a compressed proof"):
        proof_codec.decode(message.SerializeToString())


@pytest.mark.parametrize(
    ("spec", "op", "words"),
    [
        (IAVL_SPEC, InnerOp(SHA256, b"\x02\x04\x0e" + bytes(20), b""), "length 1 or 34"),
        (TENDERMINT_SPEC, InnerOp(SHA256, b"\x02" + bytes(32), None), "begin with 01"),
        (TENDERMINT_SPEC, InnerOp(SHA256, b"\x01\x00", bytes(32)), "prefix 01 before a suffix"),
    ],
)
def test_zellic_3_8_inner_nodes_are_those_of_the_tree(
    spec: ProofSpec, op: InnerOp, words: str
) -> None:
    forged = replace(STORE.existence(b"b"), path=(op,))
    if spec is TENDERMINT_SPEC:
        forged = replace(_simple(b"b", op), value=b"2")
    with pytest.raises(ProofError, match=words):
        verify_membership(spec, ics23.calculate(forged), forged, b"b", b"2")


def test_issue_134_an_empty_value_can_be_no_neighbour() -> None:
    """So nothing may store one where absence is to be proven: IBC's receipts are one byte."""
    left = replace(STORE.existence(b"b"), value=b"")
    absence = NonExistenceProof(b"bb", left, STORE.existence(b"c"))
    with pytest.raises(ProofError, match="leaf op needs value"):
        verify_non_membership(IAVL_SPEC, STORE.root, absence, b"bb")


def test_sparse_trees_show_empty_branches_by_the_placeholder_alone() -> None:
    """A neighbour at the edge of a sparse tree must have nothing but empty children outside it."""
    inner = SMT_SPEC.inner_spec
    assert inner is not None
    filled = InnerOp(SHA256, b"\x01" + b"\x11" * 32, None)
    empty = InnerOp(SHA256, b"\x01" + inner.empty_child, None)
    assert not ics23.is_left_most(inner, (filled,))
    assert ics23.is_left_most(inner, (empty,))


def _with_child_size(size: int) -> ProofSpec:
    inner = IAVL_SPEC.inner_spec
    assert inner is not None
    return replace(IAVL_SPEC, inner_spec=replace(inner, child_size=size))


def _simple_leaf(key: bytes) -> bytes:
    return sha256(b"\0" + bytes([len(key)]) + key + b"\x20" + sha256(b"v").digest()).digest()


def _simple(key: bytes, op: InnerOp) -> ExistenceProof:
    """A leaf of a CometBFT tree with one step above it."""
    return ExistenceProof(key, b"v", TENDERMINT_SPEC.leaf_spec, (op,))
