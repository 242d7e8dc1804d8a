"""Small Merkle trees with proofs, apart from the chain's own: an IAVL-like store and its multistore."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from light_client import merkle, wire
from light_client.proofs import (
    SHA256,
    VAR_PROTO,
    CommitmentProof,
    ExistenceProof,
    InnerOp,
    LeafOp,
    NonExistenceProof,
)

VERSION = 7


@dataclass(frozen=True)
class Node:
    """A subtree: its hash, height and size, and for each key below it the way up to it."""

    hash: bytes
    height: int
    size: int
    paths: dict[bytes, tuple[InnerOp, ...]]


class Store:
    """A balanced IAVL tree over a fixed set of pairs."""

    def __init__(self, items: Mapping[bytes, bytes]) -> None:
        self.items = dict(sorted(items.items()))
        self.keys = list(self.items)
        self.leaf = LeafOp(SHA256, 0, SHA256, VAR_PROTO, _prefix(0, 1))
        self.top = self._build(self.keys)

    @property
    def root(self) -> bytes:
        return self.top.hash

    def prove(self, key: bytes) -> CommitmentProof:
        if key in self.items:
            return self.existence(key)
        above = [number for number, other in enumerate(self.keys) if other > key]
        at = above[0] if above else len(self.keys)
        left = self.existence(self.keys[at - 1]) if at > 0 else None
        right = self.existence(self.keys[at]) if at < len(self.keys) else None
        return NonExistenceProof(key, left, right)

    def existence(self, key: bytes) -> ExistenceProof:
        return ExistenceProof(key, self.items[key], self.leaf, self.top.paths[key])

    def _build(self, keys: list[bytes]) -> Node:
        if len(keys) == 1:
            return Node(
                _leaf_hash(self.leaf.prefix, keys[0], self.items[keys[0]]), 0, 1, {keys[0]: ()}
            )
        half = (len(keys) + 1) // 2
        left, right = self._build(keys[:half]), self._build(keys[half:])
        height = max(left.height, right.height) + 1
        prefix = _prefix(height, len(keys))
        before, behind = prefix + b"\x20", b"\x20" + right.hash
        hashed = sha256(before + left.hash + behind).digest()
        from_left = InnerOp(SHA256, before, behind)
        from_right = InnerOp(SHA256, before + left.hash + b"\x20", None)
        paths = {key: (*path, from_left) for key, path in left.paths.items()}
        paths |= {key: (*path, from_right) for key, path in right.paths.items()}
        return Node(hashed, height, len(keys), paths)


def multistore(roots: Mapping[str, bytes]) -> tuple[bytes, dict[str, ExistenceProof]]:
    """The app hash over named stores, and the proof of each store's root in it."""
    names = sorted(roots)
    leaves = [_pair(name.encode(), sha256(roots[name]).digest()) for name in names]
    leaf = LeafOp(SHA256, 0, SHA256, VAR_PROTO, b"\x00")
    proofs = {
        name: ExistenceProof(
            name.encode(),
            roots[name],
            leaf,
            tuple(
                InnerOp(SHA256, prefix, suffix or None)
                for prefix, suffix in merkle.simple_proof_ops(leaves, index)
            ),
        )
        for index, name in enumerate(names)
    }
    return merkle.root(leaves), proofs


def _prefix(height: int, size: int) -> bytes:
    return wire.zigzag(height) + wire.zigzag(size) + wire.zigzag(VERSION)


def _pair(key: bytes, value: bytes) -> bytes:
    return wire.uvarint(len(key)) + key + wire.uvarint(len(value)) + value


def _leaf_hash(prefix: bytes, key: bytes, value: bytes) -> bytes:
    return sha256(prefix + _pair(key, sha256(value).digest())).digest()
