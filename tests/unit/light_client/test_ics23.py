"""ICS-23: each rule with a forged proof. The attacks that have names are in test_advisories.py."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from helpers.trees import Store, multistore

from light_client import ics23
from light_client.errors import DecodeError, ProofError
from light_client.ics23 import verify_membership, verify_non_membership
from light_client.proofs import (
    IAVL_SPEC,
    SHA256,
    SMT_SPEC,
    TENDERMINT_SPEC,
    BatchProof,
    ExistenceProof,
    InnerOp,
    InnerSpec,
    LeafOp,
    NonExistenceProof,
    ProofSpec,
)

ITEMS = {f"key-{number:02}".encode(): f"value {number}".encode() for number in range(13)}
STORE = Store(ITEMS)


def test_every_key_is_there_and_others_are_not() -> None:
    for key, value in ITEMS.items():
        verify_membership(IAVL_SPEC, STORE.root, STORE.prove(key), key, value)
    for key in (b"a", b"key-00x", b"key-05\0", b"key-11z", b"z"):
        verify_non_membership(IAVL_SPEC, STORE.root, STORE.prove(key), key)


def test_a_store_of_one() -> None:
    store = Store({b"k": b"v"})
    verify_membership(IAVL_SPEC, store.root, store.prove(b"k"), b"k", b"v")
    verify_non_membership(IAVL_SPEC, store.root, store.prove(b"a"), b"a")
    verify_non_membership(IAVL_SPEC, store.root, store.prove(b"z"), b"z")


def exist(key: bytes = b"key-05") -> ExistenceProof:
    return STORE.existence(key)


def refused(proof: ExistenceProof, words: str, spec: ProofSpec = IAVL_SPEC) -> None:
    """The proof is refused for this reason even under the very root that it leads to."""
    root = ics23.calculate(proof)
    with pytest.raises(ProofError, match=words):
        verify_membership(spec, root, proof, proof.key, proof.value)


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    """A value crafted to look like an inner node's bytes would need an inner node's prefix."""
    proof = exist()
    inner = proof.path[0]
    assert proof.leaf
    posing = replace(proof, leaf=replace(proof.leaf, prefix=inner.prefix), path=proof.path[1:])
    refused(posing, "expected remaining prefix length to be 0|doesn't start with|height to be 0")


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        (b"", "failed to read IAVL prefix"),
        (b"\x00\x02", "failed to read IAVL prefix"),
        (b"\x00\x02\xff", "failed to read IAVL prefix"),
        (b"\x00\x02" + b"\xff" * 9 + b"\x02", "failed to read IAVL prefix"),
        (b"\x00\x02\x0e\x00", "remaining prefix length to be 0, got: 1"),
        (b"\x02\x02\x0e", "leaf node height to be 0, got: 1"),
        (b"\x00\x04\x0e", "leaf node size to be 1, got: 2"),
        (b"\x00\x80\x01\x0e", "leaf node size to be 1, got: 64"),
        (b"\x00\x02\x01", "must be non-negative"),
        (b"\x01\x02\x0e", "must be non-negative"),
        (b"\x00\x03\x0e", "must be non-negative"),
    ],
)
def test_iavl_leaf_prefixes_are_read_to_the_last_byte(prefix: bytes, words: str) -> None:
    proof = exist()
    assert proof.leaf
    refused(replace(proof, leaf=replace(proof.leaf, prefix=prefix)), words)


def with_op(proof: ExistenceProof, index: int, op: InnerOp) -> ExistenceProof:
    return replace(proof, path=(*proof.path[:index], op, *proof.path[index + 1 :]))


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        (b"\x00\x04\x0e\x20", r"height \(0\) must be greater than or equal to the layer number"),
        (b"\x02\x04\x0e", "must be of length 1 or 34, got: 0"),
        (b"\x02\x04\x0e\x20\x20", "must be of length 1 or 34, got: 2"),
        (b"\x02\x04\x0e" + bytes(33), "must be of length 1 or 34, got: 33"),
        (b"\x03\x04\x0e\x20", "must be non-negative"),
    ],
)
def test_iavl_inner_prefixes_are_read_to_the_last_byte(prefix: bytes, words: str) -> None:
    refused(with_op(exist(), 0, InnerOp(SHA256, prefix, b"\x20" + bytes(32))), words)


def test_iavl_heights_grow_with_the_layer() -> None:
    proof = exist()
    low = InnerOp(SHA256, b"\x04\x04\x0e\x20", b"\x20" + bytes(32))
    refused(with_op(proof, 2, low), r"height \(2\) must be .* layer number \(3\)")


def test_long_heights_are_read_whole() -> None:
    proof = with_op(exist(), 0, InnerOp(SHA256, b"\x80\x01\x04\x0e\x20", b"\x20" + bytes(32)))
    verify_membership(IAVL_SPEC, ics23.calculate(proof), proof, proof.key, proof.value)


def test_hash_ops_are_the_specs() -> None:
    proof = exist()
    assert proof.leaf
    refused(with_op(proof, 0, replace(proof.path[0], hash=2)), "IAVL hash op must be 1, is 2")
    refused(replace(proof, leaf=replace(proof.leaf, hash=2)), "unexpected HashOp: 2, not 1")
    refused(replace(proof, leaf=replace(proof.leaf, prehash_key=1)), "unexpected PrehashKey")
    refused(replace(proof, leaf=replace(proof.leaf, prehash_value=0)), "unexpected PrehashValue")
    refused(replace(proof, leaf=replace(proof.leaf, length=0)), "unexpected LengthOp")


TM_ROOT, TM_PROOFS = multistore({"bank": b"1" * 32, "ibc": b"2" * 32, "wasm": b"3" * 32})


def test_tendermint_inner_prefixes_are_exact() -> None:
    proof = TM_PROOFS["ibc"]
    verify_membership(TENDERMINT_SPEC, TM_ROOT, proof, b"ibc", b"2" * 32)
    suffixed = InnerOp(SHA256, b"\x01" + bytes(32), b"")
    refused(with_op(proof, 0, suffixed), "prefix 01 before a suffix", TENDERMINT_SPEC)
    other = InnerOp(SHA256, b"\x02", None)
    refused(with_op(proof, 0, other), "to begin with 01, got: 02", TENDERMINT_SPEC)
    refused(
        with_op(proof, 0, replace(proof.path[0], hash=2)), "unexpected HashOp: 2", TENDERMINT_SPEC
    )


def chain_of(depth: int, spec: ProofSpec) -> ExistenceProof:
    assert spec.leaf_spec
    op = InnerOp(SHA256, b"\x01", bytes(32))
    return ExistenceProof(b"k", b"v", spec.leaf_spec, (op,) * depth)


@pytest.mark.parametrize(("spec", "limit"), [(TENDERMINT_SPEC, 128), (SMT_SPEC, 256)])
def test_depth_is_bounded(spec: ProofSpec, limit: int) -> None:
    deepest = chain_of(limit, spec)
    verify_membership(spec, ics23.calculate(deepest), deepest, b"k", b"v")
    refused(chain_of(limit + 1, spec), f"too long: {limit + 1}, at most {limit}", spec)


def test_a_spec_can_ask_for_depth() -> None:
    spec = replace(TENDERMINT_SPEC, min_depth=2)
    refused(chain_of(1, spec), "too short: 1, at least 2", spec)


CUSTOM = ProofSpec(
    leaf_spec=LeafOp(hash=SHA256, prefix=b"L"),
    inner_spec=InnerSpec((0, 1, 2), 32, 1, 4, b"", SHA256),
)
LEAF = LeafOp(hash=SHA256, prefix=b"L")


@pytest.mark.parametrize(
    ("inner", "op", "words"),
    [
        ({}, InnerOp(SHA256, b"", None), "prefix of 0 bytes, must be 1 to 68"),
        ({}, InnerOp(SHA256, bytes(69), None), "prefix of 69 bytes, must be 1 to 68"),
        ({}, InnerOp(SHA256, b"L1", None), "starts with 4c"),
        ({}, InnerOp(SHA256, b"I", bytes(31)), "suffix of 31 bytes, not a multiple of 32"),
        ({}, InnerOp(2, b"I", None), "unexpected HashOp: 2"),
        ({"child_size": 0}, InnerOp(SHA256, b"I", None), "ChildSize must be >= 1, is 0"),
        ({"child_size": -1}, InnerOp(SHA256, b"I", None), "ChildSize must be >= 1, is -1"),
        (
            {"max_prefix_length": 33},
            InnerOp(SHA256, b"I", None),
            "MaxPrefixLength must be < MinPrefixLength",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_custom_specs_bound_inner_nodes(inner: dict[str, Any], op: InnerOp, words: str) -> None:
    assert CUSTOM.inner_spec
    spec = replace(CUSTOM, inner_spec=replace(CUSTOM.inner_spec, **inner))
    refused(ExistenceProof(b"k", b"v", LEAF, (op,)), words, spec)


def test_a_step_longer_than_a_child_is_refused() -> None:
    assert CUSTOM.inner_spec
    spec = replace(CUSTOM, inner_spec=replace(CUSTOM.inner_spec, hash=2))
    refused(ExistenceProof(b"k", b"v", LEAF, (InnerOp(2, b"I", None),)), "hash of 64 bytes", spec)


def test_a_spec_must_say_what_leaves_and_inner_nodes_are() -> None:
    proof = ExistenceProof(b"k", b"v", LEAF, (InnerOp(SHA256, b"I", None),))
    refused(proof, "LeafSpec must be non-nil", ProofSpec())
    refused(proof, "InnerSpec must be non-nil", ProofSpec(leaf_spec=LEAF))


def test_key_value_and_root_are_the_ones_asked_for() -> None:
    proof = exist()
    for root, key, value, words in (
        (bytes(32), proof.key, proof.value, "calculated root doesn't match"),
        (STORE.root, b"other", proof.value, "provided key doesn't match"),
        (STORE.root, proof.key, b"other", "provided value doesn't match"),
    ):
        with pytest.raises(ProofError, match=words) as caught:
            verify_membership(IAVL_SPEC, root, proof, key, value)
        assert (caught.value.codespace, caught.value.code) == ("undefined", 1)


def test_absence_needs_real_neighbours() -> None:
    a, b, c, d = (STORE.existence(f"key-0{number}".encode()) for number in (0, 1, 2, 3))
    last = STORE.existence(b"key-12")
    for proof, key, words in (
        (NonExistenceProof(b"", a, c), b"key-00x", "not of neighbours"),
        (NonExistenceProof(b"", b, d), b"key-02", "not of neighbours"),
        (NonExistenceProof(b"", a, a), b"key-00", "not left of right"),
        (NonExistenceProof(b"", a, b), b"key-00", "not right of left"),
        (NonExistenceProof(b"", a, b), b"key-01", "not left of right"),
        (NonExistenceProof(b"", None, b), b"key-00", "must be left-most"),
        (NonExistenceProof(b"", a, None), b"key-01", "must be right-most"),
        (NonExistenceProof(b"", None, None), b"x", "proofs missing"),
        (NonExistenceProof(b"", last, replace(last, path=())), b"x", "doesn't match"),
    ):
        with pytest.raises(ProofError, match=words):
            verify_non_membership(IAVL_SPEC, STORE.root, proof, key)


def test_a_neighbour_of_another_tree() -> None:
    other = Store({**ITEMS, b"key-99": b"x"})
    absence = NonExistenceProof(b"", other.existence(b"key-12"), None)
    with pytest.raises(ProofError, match="root"):
        verify_non_membership(IAVL_SPEC, STORE.root, absence, b"key-50")


def test_paths_that_end_before_they_part_have_no_neighbours() -> None:
    assert TENDERMINT_SPEC.inner_spec
    op = InnerOp(SHA256, b"\x01", bytes(32))
    assert not ics23.is_left_neighbour(TENDERMINT_SPEC.inner_spec, (op,), (op,))
    assert not ics23.is_left_neighbour(TENDERMINT_SPEC.inner_spec, (), (op,))


def test_specs_whose_child_order_is_wrong_prove_no_absence() -> None:
    """Go panics on such a spec where it looks for a branch that the order does not have."""
    for order in ((), (0, 5), (1, 1), (-1, 0)):
        spec = InnerSpec(order, 32, 1, 1, b"", SHA256)
        op = InnerOp(SHA256, b"\x01", bytes(32))
        assert not (ics23.is_left_most(spec, (op,)) and ics23.is_right_most(spec, (op,)))
        assert not ics23.is_left_neighbour(spec, (op,), (InnerOp(SHA256, b"\x01" + bytes(32)),))
        assert not ics23.left_branches_are_empty(spec, InnerOp(SHA256, b"\x01" + bytes(32)))
        assert not ics23.right_branches_are_empty(spec, op)


def test_branches_in_another_order_are_not_mistaken_for_empty_ones() -> None:
    spec = InnerSpec((1, 0), 32, 1, 1, bytes(32), SHA256)
    assert not ics23.right_branches_are_empty(spec, InnerOp(SHA256, b"\x01" + bytes(32)))
    assert not ics23.left_branches_are_empty(spec, InnerOp(SHA256, b"\x01", bytes(32)))


def test_the_last_branch_has_nothing_to_its_right() -> None:
    assert SMT_SPEC.inner_spec
    op = InnerOp(SHA256, b"\x01" + bytes(32))
    assert not ics23.right_branches_are_empty(SMT_SPEC.inner_spec, op)
    assert ics23.left_branches_are_empty(SMT_SPEC.inner_spec, op)


def test_a_leaf_begins_with_the_specs_prefix() -> None:
    refused(ExistenceProof(b"k", b"v", replace(LEAF, prefix=b"X")), "doesn't start with 4c", CUSTOM)


def test_a_gap_in_the_child_order_is_no_empty_branch() -> None:
    spec = InnerSpec((0, 5, 2), 1, 1, 1, b"\0", SHA256)
    assert not ics23.right_branches_are_empty(spec, InnerOp(SHA256, b"\x01", bytes(2)))


def test_empty_branches_count_as_nothing() -> None:
    assert SMT_SPEC.inner_spec
    spec = SMT_SPEC.inner_spec
    on_right, on_left = InnerOp(SHA256, b"\x01" + bytes(32)), InnerOp(SHA256, b"\x01", bytes(32))
    assert ics23.is_left_most(spec, (on_right, on_left))
    assert ics23.is_right_most(spec, (on_right, on_left))
    assert not ics23.is_left_most(spec, (InnerOp(SHA256, b"\x01" + b"\7" * 32),))
    assert not ics23.is_right_most(spec, (InnerOp(SHA256, b"\x01", b"\7" * 32),))
    assert not ics23.left_branches_are_empty(spec, InnerOp(SHA256, b"", bytes(7)))
    assert not ics23.right_branches_are_empty(spec, InnerOp(SHA256, b"", bytes(7)))


def test_keys_are_compared_as_the_spec_says() -> None:
    assert ics23.comparable(IAVL_SPEC, b"k") == b"k"
    assert ics23.comparable(SMT_SPEC, b"k") == sha256(b"k").digest()
    assert ics23.comparable(ProofSpec(prehash_key_before_comparison=True), b"k") == b"k"


def test_the_other_kind_of_proof_is_refused() -> None:
    absence, presence = STORE.prove(b"x"), exist()
    with pytest.raises(ProofError, match="not an existence proof"):
        verify_membership(IAVL_SPEC, STORE.root, absence, b"x", b"y")
    with pytest.raises(ProofError, match="not a non-existence proof"):
        verify_non_membership(IAVL_SPEC, STORE.root, presence, b"x")


def test_batches_serve_tools_and_not_chains() -> None:
    gap = STORE.prove(b"key-011")
    assert isinstance(gap, NonExistenceProof)
    batch = BatchProof((None, exist(b"key-01"), gap, exist(b"key-02")))
    ics23.verify_batch_membership(
        IAVL_SPEC, STORE.root, batch, {key: ITEMS[key] for key in (b"key-01", b"key-02")}
    )
    ics23.verify_batch_non_membership(IAVL_SPEC, STORE.root, batch, [b"key-011", b"key-012"])
    ics23.verify_batch_membership(IAVL_SPEC, STORE.root, exist(), {b"key-05": ITEMS[b"key-05"]})
    with pytest.raises(ProofError, match="no existence proof of key"):
        ics23.verify_batch_membership(IAVL_SPEC, STORE.root, batch, {b"key-03": b""})
    with pytest.raises(ProofError, match="no non-existence proof of key"):
        ics23.verify_batch_non_membership(IAVL_SPEC, STORE.root, batch, [b"key-031"])
    with pytest.raises(ProofError, match="not an existence proof"):
        verify_membership(IAVL_SPEC, STORE.root, batch, b"key-01", ITEMS[b"key-01"])
    with pytest.raises(ProofError, match="unrecognized proof type"):
        ics23.calculate(batch)


def test_calculate_takes_the_first_neighbour() -> None:
    assert ics23.calculate(STORE.prove(b"a")) == ics23.calculate(STORE.prove(b"z")) == STORE.root
    with pytest.raises(ProofError, match="empty Left and Right"):
        ics23.calculate(NonExistenceProof(b"", None, None))
    with pytest.raises(ProofError, match="needs defined LeafOp"):
        ics23.calculate(ExistenceProof(b"k", b"v", None))


def test_a_proof_without_a_leaf_is_checked_as_one() -> None:
    with pytest.raises(ProofError, match="needs defined LeafOp"):
        verify_membership(IAVL_SPEC, STORE.root, ExistenceProof(b"k", b"v", None), b"k", b"v")


def test_leaves_and_inner_nodes_need_something_to_hash() -> None:
    for key, value, words in ((b"", b"v", "needs key"), (b"k", b"", "needs value")):
        with pytest.raises(ProofError, match=words):
            ics23.apply_leaf(LEAF, key, value)
    with pytest.raises(ProofError, match="needs child"):
        ics23.apply_inner(InnerOp(SHA256), b"")


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, b"kk"),
        (1, b"\2kk"),
        (3, b"\0\0\0\2kk"),
        (4, b"\2\0\0\0kk"),
        (5, b"\0\0\0\0\0\0\0\2kk"),
        (6, b"\2\0\0\0\0\0\0\0kk"),
    ],
)
def test_length_ops(length: int, expected: bytes) -> None:
    op = LeafOp(hash=SHA256, length=length, prefix=b"P")
    assert ics23.apply_leaf(op, b"kk", b"kk") == sha256(b"P" + expected * 2).digest()


def test_length_ops_that_demand() -> None:
    for op, size in ((7, 32), (8, 64)):
        leaf = LeafOp(hash=SHA256, length=op)
        assert ics23.apply_leaf(leaf, bytes(size), bytes(size)) == sha256(bytes(2 * size)).digest()
        with pytest.raises(ProofError, match=f"data was 1 bytes, not {size}"):
            ics23.apply_leaf(leaf, b"k", bytes(size))
    for op in (2, 9, -1):
        with pytest.raises(ProofError, match=f"unsupported lengthop: {op}"):
            ics23.apply_leaf(LeafOp(hash=SHA256, length=op), b"k", b"v")


@pytest.mark.parametrize("op", [0, 3, 9, -1, 77])
def test_hash_ops_that_go_does_not_know(op: int) -> None:
    with pytest.raises(ProofError, match=f"unsupported hashop: {op}"):
        ics23.do_hash(op, b"")


@pytest.mark.parametrize(
    ("op", "size"), [(1, 32), (2, 64), (4, 20), (5, 20), (6, 32), (7, 64), (8, 32)]
)
def test_hash_ops_that_go_knows(op: int, size: int) -> None:
    assert len(ics23.do_hash(op, b"data")) == size


def test_bytes_that_are_no_proof() -> None:
    with pytest.raises(DecodeError):
        verify_membership(IAVL_SPEC, STORE.root, b"\xff", b"k", b"v")
