"""The simple Merkle tree against its recursive definition."""

from hashlib import sha256

import pytest

from light_client import merkle


def recursive(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + recursive(leaves[:split]) + recursive(leaves[split:])).digest()


@pytest.mark.parametrize("count", range(20))
def test_root_and_every_path_follow_rfc_6962(count: int) -> None:
    leaves = [bytes([number]) * number for number in range(count)]
    assert merkle.root(leaves) == recursive(leaves)
    for index, leaf in enumerate(leaves):
        path = merkle.proof(leaves, index)
        node = path.leaf_hash
        ops = merkle.simple_proof_ops(leaves, index)
        for prefix, suffix in ops:
            node = sha256(prefix + node + suffix).digest()
        assert node == merkle.root(leaves)
        assert path.leaf_hash == merkle.leaf_hash(leaf)
        assert (path.total, path.index, len(path.aunts)) == (count, index, len(ops))
        assert all(
            aunt in prefix + suffix for aunt, (prefix, suffix) in zip(path.aunts, ops, strict=True)
        )


@pytest.mark.parametrize("index", [-1, 2, 9])
def test_a_path_of_no_leaf_is_a_mistake_of_the_caller(index: int) -> None:
    with pytest.raises(IndexError, match="of 2"):
        merkle.simple_proof_ops([b"a", b"b"], index)


def test_inner_hash_is_what_the_tree_uses() -> None:
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.root([b"a", b"b"]) == merkle.inner_hash(left, right)
