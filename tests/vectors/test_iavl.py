"""IAVL and multistore vectors: roots, node dumps and proofs of other implementations."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.store.iavl import Tree, WorkingTree
from chain.store.node import Node, decode, encode, id_bytes, node_id
from chain.store.proofs import commitment_proof, multistore_hash, store_proof

ROOT = Path(os.environ.get("LIGHTSHIP_VECTORS", Path(__file__).parents[2] / "../shared/vectors"))
IAVL = ROOT / "iavl"

if not IAVL.is_dir():
    pytest.skip(f"no vectors in {IAVL}", allow_module_level=True)


def cases(name: str, at_least: int) -> list[dict[str, Any]]:
    path = IAVL / name
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    assert isinstance(found, list)
    if "LIGHTSHIP_VECTORS" not in os.environ:
        assert len(found) >= at_least
    return found


def never(identifier: int) -> Node:
    raise AssertionError(f"node {identifier:#x} was not in memory")


def tree_hash_versions() -> Iterator[tuple[Tree, str]]:
    """The tree after each version of the operations file, with the root that it must have."""
    version, base = 1, Tree(None, never)
    working = WorkingTree(base)
    for line in (IAVL / "tree_hash_ops.txt").read_text().splitlines():
        match line.split(" "):
            case ["s", key, *value]:
                working.set(bytes.fromhex(key), bytes.fromhex(value[0] if value else ""))
            case ["d", key]:
                working.remove(bytes.fromhex(key))
            case ["=", root]:
                base = Tree(working.seal(version).root, never)
                yield base, root
                version, working = version + 1, WorkingTree(base)


@pytest.mark.skipif(not (IAVL / "tree_hash_ops.txt").exists(), reason="no tree_hash_ops.txt")
def test_tree_hash_operations_give_the_upstream_roots() -> None:
    versions = list(tree_hash_versions())
    assert versions
    for tree, root in versions:
        assert tree.hash.hex() == root
    if "LIGHTSHIP_VECTORS" not in os.environ:
        assert [(tree.size, tree.height) for tree, _ in versions] == [(1133, 12), (2331, 14)]


@pytest.fixture(scope="module")
def trees() -> list[Tree]:
    return [tree for tree, _ in tree_hash_versions()]


@pytest.mark.parametrize("case", cases("tree_hash_proofs.json", 32), ids=lambda case: case["id"])
def test_proofs_are_the_same_bytes(case: dict[str, Any], trees: list[Tree]) -> None:
    tree = trees[case["version"] - 1]
    value, proof = commitment_proof(tree, bytes.fromhex(case["key"]))
    assert tree.hash.hex() == case["root"]
    assert (None if value is None else value.hex()) == case.get("value")
    assert proof.SerializeToString().hex() == case["proof"]


@pytest.mark.parametrize("case", cases("scenarios.json", 12), ids=lambda case: case["id"])
def test_scenarios_give_roots_and_node_dumps(case: dict[str, Any]) -> None:
    stored: dict[int, bytes] = {}

    def load(identifier: int) -> Node:
        return decode(identifier, stored[identifier])

    root: Node | None = None
    for step in case["versions"]:
        working = WorkingTree(Tree(root, load))
        for kind, key, *value in step["ops"]:
            if kind == "set":
                working.set(bytes.fromhex(key), bytes.fromhex(value[0]))
            else:
                working.remove(bytes.fromhex(key))
        sealed = working.seal(step["version"])
        dump = {(b"s" + id_bytes(node.id)).hex(): encode(node).hex() for node in sealed.nodes}
        assert dump == dict(step["new_nodes"])
        assert (working.hash.hex(), working.size, working.height) == (
            step["root"],
            step["size"],
            step["height"],
        )
        stored.update({node.id: encode(node) for node in sealed.nodes})
        root = load(sealed.root.id) if sealed.root else None  # the next version reads from bytes


@pytest.mark.parametrize("case", cases("node_encoding.json", 2), ids=lambda case: case["id"])
def test_node_bytes(case: dict[str, Any]) -> None:
    node = Node(
        bytes.fromhex(case["key"]),
        bytes.fromhex(case.get("value", "")),
        case["height"],
        case["size"],
    )
    if case["height"]:
        node.hash = bytes.fromhex(case["hash"])
        node.left_id = node_id(case["left"]["version"], case["left"]["nonce"])
        node.right_id = node_id(case["right"]["version"], case["right"]["nonce"])
    assert encode(node).hex() == case["encoded"]
    assert encode(decode(node_id(1, 1), bytes.fromhex(case["encoded"]))).hex() == case["encoded"]


def stores_of(case: dict[str, Any]) -> list[tuple[str, bytes]]:
    return [(name, bytes.fromhex(root)) for name, root in sorted(case["stores"].items())]


@pytest.mark.parametrize(
    "case",
    [case for case in cases("multistore.json", 75) if "stores" in case],
    ids=lambda case: case["id"],
)
def test_multistore_root_and_store_proof(case: dict[str, Any]) -> None:
    stores = stores_of(case)
    iavl_op, simple_op = case["proof_ops"]
    name = base64.b64decode(simple_op["key"]).decode()
    assert multistore_hash(stores).hex() == case["app_hash"]
    assert (iavl_op["type"], simple_op["type"]) == ("ics23:iavl", "ics23:simple")
    assert store_proof(stores, name).SerializeToString() == base64.b64decode(simple_op["data"])
