"""CometBFT's simple Merkle tree: RFC 6962 over SHA-256 (`cometbft:crypto/merkle`).

The tree splits n leaves at the largest power of two below n. Joining neighbours level by level, and
carrying an odd last node up as it is, builds the same tree without recursion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

LEAF: Final = b"\x00"
INNER: Final = b"\x01"
EMPTY_ROOT: Final = sha256(b"").digest()


@dataclass(frozen=True, slots=True)
class MerklePath:
    """Where a leaf sits (`index` of `total`) and the sibling hashes on its way to the root."""

    total: int
    index: int
    leaf_hash: bytes
    aunts: tuple[bytes, ...]


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(LEAF + leaf).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    return sha256(INNER + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over the leaves in the given order; of no leaves, SHA-256 of nothing."""
    if not leaves:
        return EMPTY_ROOT
    level = [sha256(LEAF + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        level = _join(level)
    return level[0]


def proof(leaves: Sequence[bytes], index: int) -> MerklePath:
    """The path of one leaf, sibling hashes from the leaf upwards."""
    siblings = _siblings(leaves, index)
    return MerklePath(
        total=len(leaves),
        index=index,
        leaf_hash=leaf_hash(leaves[index]),
        aunts=tuple(sibling for sibling, _ in siblings),
    )


def simple_proof_ops(leaves: Sequence[bytes], index: int) -> list[tuple[bytes, bytes]]:
    """The same path as ICS-23 inner ops, (prefix, suffix) from the leaf to the root."""
    return [
        (INNER + sibling, b"") if on_left else (INNER, sibling)
        for sibling, on_left in _siblings(leaves, index)
    ]


def _join(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    joined = [sha256(INNER + left + right).digest() for left, right in pairs]
    if len(level) % 2:
        joined.append(level[-1])
    return joined


def _siblings(leaves: Sequence[bytes], index: int) -> list[tuple[bytes, bool]]:
    """The sibling at each level that has one, and whether it stands on the left."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    level = [leaf_hash(leaf) for leaf in leaves]
    siblings = []
    while len(level) > 1:
        if index % 2:
            siblings.append((level[index - 1], True))
        elif index + 1 < len(level):
            siblings.append((level[index + 1], False))
        level = _join(level)
        index //= 2
    return siblings
