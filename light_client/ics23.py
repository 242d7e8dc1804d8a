"""ICS-23: does a root commit to this key and value, or to the absence of this key?

The rules are those of `ics23:go`, which are consensus on every chain that runs ibc-go; where the
Rust implementation differs, Go decides. Why each rule is there:

* A proof brings its own hash operations. A leaf whose prefix could swallow the head of its key, or
  an inner node that could pass for a leaf, would prove anything (Dragonberry, 2022). So for the
  specs of IAVL and CometBFT the prefixes are parsed to the last byte, and for every spec a leaf must
  begin with the leaf prefix and an inner node must not.
* Absence is shown by two neighbours, so that nothing stands between them has to follow from the
  shape of their paths alone: prefix and suffix lengths say at which branch a path turns, which is
  only unambiguous if `max_prefix_length < min_prefix_length + child_size`.
* Depths are bounded, since proofs are read before anyone has paid for them.
"""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from light_client import proof_codec, wire
from light_client.errors import DecodeError, ProofError
from light_client.ics23_ops import apply_inner, apply_leaf, do_hash, prehash
from light_client.neighbours import (
    is_left_most,
    is_left_neighbour,
    is_right_most,
    left_branches_are_empty,
    right_branches_are_empty,
)
from light_client.proofs import (
    IAVL_SPEC,
    MAX_DEPTH,
    SDK_SPECS,
    SHA256,
    SMT_SPEC,
    TENDERMINT_SPEC,
    BatchProof,
    CommitmentProof,
    ExistenceProof,
    InnerOp,
    InnerSpec,
    LeafOp,
    NonExistenceProof,
    ProofSpec,
)

# Three integers as Go's `binary.ReadVarint` takes them: ten bytes at most, and no 65th bit.
_VARINT = rb"((?:[\x80-\xff]{0,8}[\x00-\x7f]|[\x80-\xff]{9}[\x00\x01]))"
_THREE_VARINTS = re.compile(_VARINT * 3)


def verify_membership(
    spec: ProofSpec, root: bytes, proof: bytes | CommitmentProof, key: bytes, value: bytes
) -> None:
    """The tree with this root holds `value` under `key`.

    Raises ProofError, or DecodeError for bytes that are no proof. Batches are refused, as on chain.
    """
    decoded = _decoded(proof)
    if not isinstance(decoded, ExistenceProof):
        raise ProofError(f"not an existence proof of key {key.hex()}")
    verify_existence(spec, root, decoded, key, value)


def verify_non_membership(
    spec: ProofSpec, root: bytes, proof: bytes | CommitmentProof, key: bytes
) -> None:
    """The tree with this root holds nothing under `key`; raises as above."""
    decoded = _decoded(proof)
    if not isinstance(decoded, NonExistenceProof):
        raise ProofError(f"not a non-existence proof of key {key.hex()}")
    verify_non_existence(spec, root, decoded, key)


def verify_batch_membership(
    spec: ProofSpec, root: bytes, proof: bytes | CommitmentProof, items: Mapping[bytes, bytes]
) -> None:
    """The tree holds every item; the proof, a batch or not, has an entry for each key."""
    entries = _entries(_decoded(proof))
    found = {entry.key: entry for entry in entries if isinstance(entry, ExistenceProof)}
    for key, value in items.items():
        if key not in found:
            raise ProofError(f"no existence proof of key {key.hex()} among {len(entries)}")
        verify_existence(spec, root, found[key], key, value)


def verify_batch_non_membership(
    spec: ProofSpec, root: bytes, proof: bytes | CommitmentProof, keys: Iterable[bytes]
) -> None:
    """The tree holds none of the keys; the proof, a batch or not, has a gap around each."""
    entries = _entries(_decoded(proof))
    for key in keys:
        verify_non_existence(spec, root, _gap_around(entries, spec, key), key)


def calculate(proof: CommitmentProof) -> bytes:
    """The root that a proof leads to, checked against no spec; raises ProofError."""
    if isinstance(proof, ExistenceProof):
        return _root(proof, None)
    if isinstance(proof, NonExistenceProof):
        neighbour = proof.left or proof.right
        if neighbour is None:
            raise ProofError("nonexistence proof has empty Left and Right proof")
        return _root(neighbour, None)
    raise ProofError("unrecognized proof type")


def verify_existence(
    spec: ProofSpec, root: bytes, proof: ExistenceProof, key: bytes, value: bytes
) -> None:
    """`ExistenceProof.Verify`: it fits the spec, names key and value, and hashes to the root.

    Raises ProofError.
    """
    check_existence(spec, proof)
    if proof.key != key:
        raise ProofError(f"provided key doesn't match proof: {key.hex()} is not {proof.key.hex()}")
    if proof.value != value:
        raise ProofError(
            f"provided value doesn't match proof: {value.hex()} is not {proof.value.hex()}"
        )
    got = _root(proof, spec)
    if got != root:
        raise ProofError(
            f"calculated root doesn't match provided root: {got.hex()} is not {root.hex()}"
        )


def verify_non_existence(
    spec: ProofSpec, root: bytes, proof: NonExistenceProof, key: bytes
) -> None:
    """`NonExistenceProof.Verify`: the neighbours exist, and between them only the key could be.

    Raises ProofError.
    """
    left, right = proof.left, proof.right
    for neighbour in (left, right):
        if neighbour is not None:
            verify_existence(spec, root, neighbour, neighbour.key, neighbour.value)
    wanted = comparable(spec, key)
    if right is not None and wanted >= comparable(spec, right.key):
        raise ProofError(f"key is not left of right proof: {key.hex()}, {right.key.hex()}")
    if left is not None and wanted <= comparable(spec, left.key):
        raise ProofError(f"key is not right of left proof: {key.hex()}, {left.key.hex()}")
    _check_neighbours(_inner_spec(spec), left, right)


def check_existence(spec: ProofSpec, proof: ExistenceProof) -> None:
    """`ExistenceProof.CheckAgainstSpec`: the leaf, the depth and every inner node fit the spec."""
    if proof.leaf is None:
        raise ProofError("existence Proof needs defined LeafOp")
    check_leaf(spec, proof.leaf)
    depth, limit = len(proof.path), spec.max_depth or MAX_DEPTH
    if depth < spec.min_depth:
        raise ProofError(f"innerOps depth too short: {depth}, at least {spec.min_depth}")
    if depth > limit:
        raise ProofError(f"innerOps depth too long: {depth}, at most {limit}")
    if spec.shape == IAVL_SPEC.shape:
        for layer, op in enumerate(proof.path, 1):
            _check_iavl_inner(op, layer)
    elif spec.shape == TENDERMINT_SPEC.shape:
        for op in proof.path:
            _check_tendermint_inner(op)
    _check_inners(spec, proof.path)


def check_leaf(spec: ProofSpec, leaf: LeafOp) -> None:
    """`LeafOp.CheckAgainstSpec`; raises ProofError."""
    expected = spec.leaf_spec
    if expected is None:
        raise ProofError("spec.LeafSpec must be non-nil")
    if spec.shape == IAVL_SPEC.shape:
        _check_iavl_leaf(leaf)
    if leaf.hash != expected.hash:
        raise ProofError(f"unexpected HashOp: {leaf.hash}, not {expected.hash}")
    if leaf.prehash_key != expected.prehash_key:
        raise ProofError(f"unexpected PrehashKey: {leaf.prehash_key}, not {expected.prehash_key}")
    if leaf.prehash_value != expected.prehash_value:
        raise ProofError(
            f"unexpected PrehashValue: {leaf.prehash_value}, not {expected.prehash_value}"
        )
    if leaf.length != expected.length:
        raise ProofError(f"unexpected LengthOp: {leaf.length}, not {expected.length}")
    if not leaf.prefix.startswith(expected.prefix):
        raise ProofError(
            f"leaf Prefix {leaf.prefix.hex()} doesn't start with {expected.prefix.hex()}"
        )


def comparable(spec: ProofSpec, key: bytes) -> bytes:
    """The form of a key that orders the tree: its hash if the spec says so."""
    if not spec.prehash_key_before_comparison or spec.leaf_spec is None:
        return key
    return prehash(spec.leaf_spec.prehash_key, key)


def _check_neighbours(
    spec: InnerSpec, left: ExistenceProof | None, right: ExistenceProof | None
) -> None:
    if left is None and right is None:
        raise ProofError("both left and right proofs missing")
    if left is None and right is not None:
        if not is_left_most(spec, right.path):
            raise ProofError("left proof missing, right proof must be left-most")
    elif right is None and left is not None:
        if not is_right_most(spec, left.path):
            raise ProofError("right proof missing, left proof must be right-most")
    elif (
        left is not None
        and right is not None
        and not is_left_neighbour(spec, left.path, right.path)
    ):
        raise ProofError("left and right proofs are not of neighbours")


def _check_inners(spec: ProofSpec, path: tuple[InnerOp, ...]) -> None:
    """The rules that hold for inner nodes under any spec."""
    if not path:
        return
    inner = _inner_spec(spec)
    leaf_prefix = spec.leaf_spec.prefix if spec.leaf_spec else b""
    size, least = inner.child_size, inner.min_prefix_length
    most = inner.max_prefix_length + (len(inner.child_order) - 1) * size
    if size <= 0:
        raise ProofError(f"spec.InnerSpec.ChildSize must be >= 1, is {size}")
    if inner.max_prefix_length >= least + size:
        raise ProofError(
            "spec.InnerSpec.MaxPrefixLength must be < MinPrefixLength + ChildSize: "
            f"{inner.max_prefix_length}, {least}, {size}"
        )
    for op in path:
        if op.hash != inner.hash:
            raise ProofError(f"unexpected HashOp: {op.hash}, not {inner.hash}")
        if op.prefix.startswith(leaf_prefix):
            raise ProofError(f"inner Prefix {op.prefix.hex()} starts with {leaf_prefix.hex()}")
        if not least <= len(op.prefix) <= most:
            raise ProofError(f"innerOp prefix of {len(op.prefix)} bytes, must be {least} to {most}")
        if op.suffix and len(op.suffix) % size:
            raise ProofError(f"InnerOp suffix of {len(op.suffix)} bytes, not a multiple of {size}")


def _check_iavl_leaf(leaf: LeafOp) -> None:
    """A leaf's prefix is its height 0, its size 1 and its version, and nothing else."""
    size_at, version_at, end = _iavl_prefix(leaf.prefix)
    height = _even_zigzag(leaf.prefix, 0, size_at)
    size = _even_zigzag(leaf.prefix, size_at, version_at)
    rest = len(leaf.prefix) - end
    if rest:
        raise ProofError(f"expected remaining prefix length to be 0, got: {rest}")
    if height != 0:
        raise ProofError(f"expected leaf node height to be 0, got: {height}")
    if size != 1:
        raise ProofError(f"expected leaf node size to be 1, got: {size}")


def _check_iavl_inner(op: InnerOp, layer: int) -> None:
    """Behind the version: the left child's length byte, or that child and the next length byte."""
    size_at, _, end = _iavl_prefix(op.prefix)
    height, rest = _even_zigzag(op.prefix, 0, size_at), len(op.prefix) - end
    if height < layer:
        raise ProofError(
            f"IAVL height ({height}) must be greater than or equal to the layer number ({layer})"
        )
    if rest not in {1, 34}:
        raise ProofError(f"remainder of prefix must be of length 1 or 34, got: {rest}")
    if op.hash != SHA256:
        raise ProofError(f"IAVL hash op must be {SHA256}, is {op.hash}")


def _iavl_prefix(prefix: bytes) -> tuple[int, int, int]:
    """Where the size begins, where the version, and where it ends; none of the three is negative.

    A varint ends at its first byte below 128; in zig-zag form its sign is its lowest bit.
    """
    match = _THREE_VARINTS.match(prefix)
    if match is None:
        raise ProofError(f"failed to read IAVL prefix {prefix.hex()}")
    size_at, version_at = match.end(1), match.end(2)
    if (prefix[0] | prefix[size_at] | prefix[version_at]) & 1:
        raise ProofError(f"IAVL height, size and version must be non-negative: {prefix.hex()}")
    return size_at, version_at, match.end()


def _even_zigzag(data: bytes, at: int, end: int) -> int:
    return data[at] >> 1 if end - at == 1 else wire.read_zigzag(data, at)[0]


def _check_tendermint_inner(op: InnerOp) -> None:
    if op.suffix is not None and op.prefix != b"\x01":
        raise ProofError(f"expected inner op prefix 01 before a suffix, got: {op.prefix.hex()}")
    if not op.prefix.startswith(b"\x01"):
        raise ProofError(f"expected inner op prefix to begin with 01, got: {op.prefix.hex()}")


def _inner_spec(spec: ProofSpec) -> InnerSpec:
    if spec.inner_spec is None:
        raise ProofError("spec.InnerSpec must be non-nil")
    return spec.inner_spec


def _root(proof: ExistenceProof, spec: ProofSpec | None) -> bytes:
    if proof.leaf is None:
        raise ProofError("existence Proof needs defined LeafOp")
    result = apply_leaf(proof.leaf, proof.key, proof.value)
    limit = None
    if spec and spec.inner_spec and spec.inner_spec.child_size >= 32:
        limit = spec.inner_spec.child_size
    for op in proof.path:
        if op.hash == SHA256:
            result = sha256(op.prefix + result + (op.suffix or b"")).digest()
        else:
            result = apply_inner(op, result)
        if limit is not None and len(result) > limit:
            raise ProofError(f"inner hash of {len(result)} bytes, at most {limit}")
    return result


def _decoded(proof: bytes | CommitmentProof) -> CommitmentProof:
    return proof_codec.decode(proof) if isinstance(proof, bytes) else proof


_Entries = tuple[ExistenceProof | NonExistenceProof | None, ...]


def _entries(proof: CommitmentProof) -> _Entries:
    return proof.entries if isinstance(proof, BatchProof) else (proof,)


def _gap_around(entries: _Entries, spec: ProofSpec, key: bytes) -> NonExistenceProof:
    wanted = comparable(spec, key)
    for entry in entries:
        if not isinstance(entry, NonExistenceProof):
            continue
        left, right = entry.left, entry.right
        after_left = left is None or comparable(spec, left.key) < wanted
        if after_left and (right is None or wanted < comparable(spec, right.key)):
            return entry
    raise ProofError(f"no non-existence proof of key {key.hex()} among {len(entries)}")


__all__ = [
    "IAVL_SPEC",
    "SDK_SPECS",
    "SMT_SPEC",
    "TENDERMINT_SPEC",
    "BatchProof",
    "CommitmentProof",
    "DecodeError",
    "ExistenceProof",
    "InnerOp",
    "InnerSpec",
    "LeafOp",
    "NonExistenceProof",
    "ProofError",
    "ProofSpec",
    "apply_inner",
    "apply_leaf",
    "calculate",
    "check_existence",
    "check_leaf",
    "do_hash",
    "is_left_most",
    "is_left_neighbour",
    "is_right_most",
    "left_branches_are_empty",
    "right_branches_are_empty",
    "verify_batch_membership",
    "verify_batch_non_membership",
    "verify_existence",
    "verify_membership",
    "verify_non_existence",
    "verify_non_membership",
]
