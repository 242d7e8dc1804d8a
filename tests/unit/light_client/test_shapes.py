"""What the standard trees never show: nodes with more than two children, and paths of more than two trees.

Each test kills a mutant that the rest of the tests let live (docs/mutants.md).
"""

from dataclasses import replace

import pytest
from helpers.trees import Store, multistore

from light_client import commitment, ics23
from light_client.errors import ProofError
from light_client.ics23 import BatchProof
from light_client.proofs import (
    IAVL_SPEC,
    SHA256,
    TENDERMINT_SPEC,
    ExistenceProof,
    InnerOp,
    InnerSpec,
    NonExistenceProof,
)

EMPTY = b"\0" * 4
FOUR = InnerSpec(
    child_order=(0, 1, 2, 3),
    child_size=4,
    min_prefix_length=2,
    max_prefix_length=3,
    empty_child=EMPTY,
    hash=SHA256,
)
FULL = b"full"
STORE = Store({f"key-{number}".encode(): b"value" for number in range(8)})


def op(before: bytes, after: bytes, head: bytes = b"\1\1") -> InnerOp:
    return InnerOp(SHA256, head + before, after)


def test_branches_to_the_right_are_counted_from_the_branch() -> None:
    assert ics23.right_branches_are_empty(FOUR, op(FULL, EMPTY * 2))
    assert not ics23.right_branches_are_empty(FOUR, op(FULL, EMPTY + FULL))
    assert not ics23.right_branches_are_empty(FOUR, op(FULL * 3, b""))
    assert ics23.is_right_most(FOUR, (op(FULL, EMPTY * 2),))


def test_branches_to_the_left_are_each_looked_at() -> None:
    assert ics23.left_branches_are_empty(FOUR, op(EMPTY * 2, FULL))
    assert not ics23.left_branches_are_empty(FOUR, op(EMPTY + FULL, FULL))
    assert not ics23.left_branches_are_empty(FOUR, op(FULL + EMPTY, FULL))
    assert ics23.is_left_most(FOUR, (op(EMPTY * 2, FULL),))


def test_a_prefix_without_a_head_may_be_all_siblings() -> None:
    bare = replace(FOUR, min_prefix_length=0, max_prefix_length=0)
    assert ics23.left_branches_are_empty(bare, op(EMPTY, FULL * 2, b""))


@pytest.mark.parametrize(
    "node", [op(b"", FULL), op(b"", FULL * 3, b"\1"), op(b"", FULL * 3, b"\1" * 4)]
)
def test_prefix_and_suffix_must_both_fit(node: InnerOp) -> None:
    assert not ics23.is_left_most(FOUR, (node,))
    assert not ics23.is_right_most(FOUR, (node,))


def test_neighbours_part_at_one_node() -> None:
    left, right = op(FULL, FULL * 2), op(FULL * 2, FULL)
    assert ics23.is_left_neighbour(FOUR, (left,), (right,))
    above, other = op(b"", FULL * 3), op(b"", FULL * 2 + b"else")
    assert ics23.is_left_neighbour(FOUR, (left, above), (right, above))
    assert not ics23.is_left_neighbour(FOUR, (left, above), (right, other))


def test_a_batch_finds_the_gap_at_either_edge() -> None:
    gaps = [STORE.prove(key) for key in (b"a", b"key-3x", b"z")]
    batch = BatchProof(tuple(gap for gap in gaps if isinstance(gap, NonExistenceProof)))
    ics23.verify_batch_non_membership(IAVL_SPEC, STORE.root, batch, [b"a", b"z", b"key-3x"])
    for present in (b"key-3", b"key-4"):
        with pytest.raises(ProofError, match="no non-existence proof of key"):
            ics23.verify_batch_non_membership(IAVL_SPEC, STORE.root, batch, [present])


def test_a_spec_takes_the_least_depth_that_it_asks_for() -> None:
    proof = STORE.existence(b"key-3")
    exact = replace(IAVL_SPEC, min_depth=len(proof.path))
    ics23.verify_membership(exact, STORE.root, proof, b"key-3", b"value")
    deeper = replace(IAVL_SPEC, min_depth=len(proof.path) + 1)
    with pytest.raises(ProofError, match="depth too short"):
        ics23.verify_membership(deeper, STORE.root, proof, b"key-3", b"value")


def test_a_path_of_three_trees() -> None:
    root, lower = multistore({"ibc": STORE.root, "bank": b"\1" * 32})
    top, upper = multistore({"chain": root, "other": b"\2" * 32})
    specs = (IAVL_SPEC, TENDERMINT_SPEC, TENDERMINT_SPEC)
    proofs = (STORE.prove(b"key-3"), lower["ibc"], upper["chain"])
    path = (b"chain", b"ibc", b"key-3")
    commitment.verify_membership(specs, top, path, b"value", proofs)
    with pytest.raises(ProofError, match="failed to verify membership proof at index 1"):
        commitment.verify_membership(specs, top, (b"ibc", b"chain", b"key-3"), b"value", proofs)
    with pytest.raises(ProofError, match="proof 1 is empty"):
        commitment.verify_membership(specs, top, path, b"value", (proofs[0], None, proofs[2]))


def test_an_absent_proof_of_absence() -> None:
    root, lower = multistore({"ibc": STORE.root, "bank": b"\1" * 32})
    with pytest.raises(ProofError, match=r"proof index 0, .* proof 0 is empty"):
        commitment.verify_non_membership(
            (IAVL_SPEC, TENDERMINT_SPEC), root, (b"ibc", b"key-9"), (None, lower["ibc"])
        )


def test_children_of_one_byte() -> None:
    leaf = STORE.prove(b"key-3")
    assert isinstance(leaf, ExistenceProof)
    proof = replace(leaf, path=(op(b"", b"x"),))
    slim = replace(FOUR, child_size=1, max_prefix_length=2)
    spec = replace(IAVL_SPEC, inner_spec=slim, prehash_key_before_comparison=True)
    ics23.check_existence(spec, proof)
    none = replace(spec, inner_spec=replace(slim, child_size=0))
    with pytest.raises(ProofError, match="ChildSize must be >= 1, is 0"):
        ics23.check_existence(none, proof)
