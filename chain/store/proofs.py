"""ICS-23 proofs out of an IAVL tree and out of the multistore above it.

The forms are those of cosmos/iavl ``proof_ics23.go`` and of the SDK's ``store/internal/proofs``: a
verifier holds them against the standard IAVL and Tendermint specs.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from chain.store.iavl import Step, Tree
from chain.store.node import HASH_LENGTH, Node, inner_prefix, leaf_prefix, uvarint, zigzag
from cosmos_pb.cosmos.ics23.v1 import proofs_pb2 as ics23
from cosmos_pb.tendermint.crypto import proof_pb2 as crypto
from light_client import merkle

IAVL_OP = "ics23:iavl"
SIMPLE_OP = "ics23:simple"


def commitment_proof(tree: Tree, key: bytes) -> tuple[bytes | None, ics23.CommitmentProof]:
    """The value of ``key`` with its proof of existence, or None with a proof of absence."""
    steps, leaf = tree.walk(key)
    if leaf is not None and leaf.key == key:
        return leaf.value, ics23.CommitmentProof(exist=_existence(tree, steps, leaf))
    absence = ics23.NonExistenceProof(key=key)
    if leaf is not None:
        here = (steps, leaf)
        left = here if leaf.key < key else tree.beside(steps, before=True)
        right = here if leaf.key > key else tree.beside(steps, before=False)
        if left is not None:
            absence.left.CopyFrom(_existence(tree, *left))
        if right is not None:
            absence.right.CopyFrom(_existence(tree, *right))
    return None, ics23.CommitmentProof(nonexist=absence)


def store_leaf(name: str, root: bytes) -> bytes:
    """One leaf of the multistore's Merkle map (the SDK's ``KVPair.Bytes``): the root enters as its
    own SHA-256.
    """
    key = name.encode()
    return uvarint(len(key)) + key + HASH_LENGTH + sha256(root).digest()


def multistore_hash(roots: Sequence[tuple[str, bytes]]) -> bytes:
    """The app hash over (name, root hash) pairs, which must be sorted by name."""
    return merkle.root([store_leaf(name, root) for name, root in roots])


def store_proof(roots: Sequence[tuple[str, bytes]], name: str) -> ics23.CommitmentProof:
    """Existence of the store ``name`` with its root hash under ``multistore_hash(roots)``."""
    index = next(i for i, (other, _) in enumerate(roots) if other == name)
    proof = ics23.ExistenceProof(key=name.encode(), value=roots[index][1], leaf=_leaf_op(b"\x00"))
    leaves = [store_leaf(other, root) for other, root in roots]
    for prefix, suffix in merkle.simple_proof_ops(leaves, index):
        proof.path.add(hash=ics23.SHA256, prefix=prefix, suffix=suffix)
    return ics23.CommitmentProof(exist=proof)


def proof_ops(
    key: bytes, proof: ics23.CommitmentProof, name: str, above: ics23.CommitmentProof
) -> crypto.ProofOps:
    """Both proofs in the order in which an ABCI query answers them: the tree's, then the
    multistore's.
    """
    ops = crypto.ProofOps()
    ops.ops.add(type=IAVL_OP, key=key, data=proof.SerializeToString())
    ops.ops.add(type=SIMPLE_OP, key=name.encode(), data=above.SerializeToString())
    return ops


def _existence(tree: Tree, steps: Sequence[Step], leaf: Node) -> ics23.ExistenceProof:
    proof = ics23.ExistenceProof(
        key=leaf.key, value=leaf.value, leaf=_leaf_op(leaf_prefix(leaf.version))
    )
    for node, to_left in reversed(steps):
        prefix = inner_prefix(node, zigzag(node.version)) + HASH_LENGTH
        if to_left:
            suffix = HASH_LENGTH + tree.right(node).hash
        else:
            prefix, suffix = prefix + tree.left(node).hash + HASH_LENGTH, b""
        proof.path.add(hash=ics23.SHA256, prefix=prefix, suffix=suffix)
    return proof


def _leaf_op(prefix: bytes) -> ics23.LeafOp:
    return ics23.LeafOp(
        hash=ics23.SHA256,
        prehash_key=ics23.NO_HASH,
        prehash_value=ics23.SHA256,
        length=ics23.VAR_PROTO,
        prefix=prefix,
    )
