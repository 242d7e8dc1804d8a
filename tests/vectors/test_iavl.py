"""IAVL trees and the multistore above them: roots, node dumps, proofs, and proofs that must be refused."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from chain.store.iavl import Tree, WorkingTree
from chain.store.node import Node, decode, encode, id_bytes, node_id
from chain.store.proofs import commitment_proof, multistore_hash, store_proof
from light_client import commitment
from light_client.errors import LightClientError
from light_client.proofs import SDK_SPECS

FOLDER = vectors.topic("iavl")
OPERATIONS = sorted(FOLDER.rglob("*.txt"))


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    vectors.run(name, case, RUNNERS)


# A file of operations: the roots after each version, and the trees that proofs of other files are about.


def never(identifier: int) -> Node:
    raise AssertionError(f"node {identifier:#x} was not in memory")


def versions(path: Path) -> Iterator[tuple[Tree, str]]:
    """The tree after each version, with the root that it must have."""
    version, base = 1, Tree(None, never)
    working = WorkingTree(base)
    for line in path.read_text().splitlines():
        match line.split(" "):
            case ["s", key, *value]:
                working.set(raw(key), raw(value[0] if value else ""))
            case ["d", key]:
                working.remove(raw(key))
            case ["=", root]:
                base = Tree(working.seal(version).root, never)
                yield base, root
                version, working = version + 1, WorkingTree(base)
            case ["#", *_]:
                continue
            case other:
                pytest.fail(f"{path.name}: unknown operation {other}")


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.name)
def test_operations_give_the_roots(path: Path) -> None:
    found = list(versions(path))
    assert found
    for tree, root in found:
        assert tree.hash.hex() == root


_KNOWN: dict[str, Tree] = {}


def tree_of(root: str) -> Tree:
    """The tree with that root, out of the files of operations."""
    if not _KNOWN:
        _KNOWN.update((tree.hash.hex(), tree) for path in OPERATIONS for tree, _ in versions(path))
    if root not in _KNOWN:
        pytest.fail(f"no file of operations leads to the root {root}")
    return _KNOWN[root]


def run_proof(case: Case) -> None:
    tree = tree_of(case["root"])
    value, proof = commitment_proof(tree, raw(case["key"]))
    assert (None if value is None else value.hex()) == case.get("value")
    assert proof.SerializeToString().hex() == case["proof"]


def run_scenario(case: Case) -> None:
    stored: dict[int, bytes] = {}

    def load(identifier: int) -> Node:
        return decode(identifier, stored[identifier])

    root: Node | None = None
    for step in case["versions"]:
        working = WorkingTree(Tree(root, load))
        for kind, key, *value in step["ops"]:
            if kind == "set":
                working.set(raw(key), raw(value[0]))
            else:
                working.remove(raw(key))
        sealed = working.seal(step["version"])
        dump = {(b"s" + id_bytes(node.id)).hex(): encode(node).hex() for node in sealed.nodes}
        assert dump == dict(step["new_nodes"])
        shape = (working.hash.hex(), working.size, working.height)
        assert shape == (step["root"], step["size"], step["height"])
        stored.update({node.id: encode(node) for node in sealed.nodes})
        root = load(sealed.root.id) if sealed.root else None  # the next version reads from bytes


def run_node(case: Case) -> None:
    node = Node(raw(case["key"]), raw(case.get("value")), case["height"], case["size"])
    if case["height"]:
        node.hash = raw(case["hash"])
        node.left_id = node_id(case["left"]["version"], case["left"]["nonce"])
        node.right_id = node_id(case["right"]["version"], case["right"]["nonce"])
    assert encode(node).hex() == case["encoded"]
    assert encode(decode(node_id(1, 1), raw(case["encoded"]))).hex() == case["encoded"]


def run_multistore(case: Case) -> None:
    if "stores" in case:
        check_stores(case)
    assert accepted(case) is case["expect"]


def check_stores(case: Case) -> None:
    stores = [(name, raw(root)) for name, root in sorted(case["stores"].items())]
    iavl_op, simple_op = case["proof_ops"]
    name = base64.b64decode(simple_op["key"]).decode()
    assert multistore_hash(stores).hex() == case["app_hash"]
    assert (iavl_op["type"], simple_op["type"]) == ("ics23:iavl", "ics23:simple")
    upper = store_proof(stores, name).SerializeToString()
    assert upper == base64.b64decode(simple_op["data"])


def accepted(case: Case) -> bool:
    path: Any = tuple(map(raw, case["key_path"]))
    given = (SDK_SPECS, raw(case["app_hash"]), path)
    proof = raw(case["merkle_proof"])
    try:
        if case["op"] == "membership":
            commitment.verify_membership(*given, raw(case["value"]), proof)
        else:
            commitment.verify_non_membership(*given, proof)
    except LightClientError:
        return False
    return True


RUNNERS: list[vectors.Runner] = [
    ({"version", "key", "proof", "root"}, run_proof),
    ({"versions"}, run_scenario),
    ({"encoded", "height", "size"}, run_node),
    ({"app_hash", "key_path", "merkle_proof", "expect"}, run_multistore),
]


def test_the_set_is_complete() -> None:
    vectors.enough(vectors.cases(FOLDER), 121)
    vectors.enough(OPERATIONS, 1)
