"""Versions, their roots, their pruning, and what a crash or a restart leaves."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from chain.errors import StoreError
from chain.store import MemoryDatabase, MultiStore, SqliteDatabase
from chain.store.iavl import Tree, WorkingTree
from chain.store.node import Node, decode, encode

NAMES = ("wasm", "bank", "ibc")
Writes = Mapping[str, Mapping[bytes, bytes | None]]


def commit(store: MultiStore, writes: Writes) -> bytes:
    staged = store.stage(writes)
    assert store.commit() == staged
    return staged


def test_before_the_first_commit_there_is_nothing() -> None:
    store = MultiStore(MemoryDatabase(), NAMES)
    assert (store.version, store.app_hash) == (0, sha256(b"").digest())
    assert store.snapshot().get("bank", b"alice") is None


def test_staging_changes_nothing_until_the_commit() -> None:
    store = MultiStore(MemoryDatabase(), NAMES)
    commit(store, {"bank": {b"alice": b"1"}})
    before = store.app_hash
    staged = store.stage({"bank": {b"alice": b"2"}})
    assert (store.version, store.app_hash) == (1, before)
    assert store.snapshot().get("bank", b"alice") == b"1"
    assert store.stage({"bank": {b"alice": b"2"}}) == staged, "staging again starts over"
    store.commit()
    assert store.snapshot().get("bank", b"alice") == b"2"
    assert store.snapshot(1).get("bank", b"alice") == b"1"


def test_commit_needs_something_staged() -> None:
    with pytest.raises(StoreError, match="nothing is staged after version 0"):
        MultiStore(MemoryDatabase(), NAMES).commit()


def test_an_empty_block_keeps_the_hash() -> None:
    store = MultiStore(MemoryDatabase(), NAMES)
    first = commit(store, {"bank": {b"alice": b"1"}})
    assert commit(store, {}) == first
    assert store.version == 2


def test_order_of_writes_within_a_block_does_not_matter() -> None:
    pairs = [(b"%03d" % number, b"x") for number in range(100)]
    stores = [MultiStore(MemoryDatabase(), NAMES) for _ in range(2)]
    assert commit(stores[0], {"bank": dict(pairs)}) == commit(
        stores[1], {"bank": dict(reversed(pairs))}
    )


@pytest.mark.parametrize("writes", [{"nowhere": {b"key": b"value"}}])
def test_an_unknown_store_is_refused(writes: Writes) -> None:
    store = MultiStore(MemoryDatabase(), NAMES)
    with pytest.raises(StoreError, match="no such store: nowhere"):
        store.stage(writes)
    with pytest.raises(StoreError, match="no such store: nowhere"):
        store.snapshot().get("nowhere", b"key")


def test_the_first_version_may_be_a_later_one() -> None:
    store = MultiStore(MemoryDatabase(), NAMES)
    store.set_initial_version(100)
    commit(store, {"bank": {b"alice": b"1"}})
    assert store.version == 100
    with pytest.raises(StoreError, match="100"):
        store.set_initial_version(5)


def test_a_restart_finds_versions_roots_and_bookkeeping(tmp_path: Path) -> None:
    store = MultiStore(SqliteDatabase(tmp_path / "db"), NAMES)
    hashes = [commit(store, {"bank": {b"n": b"%d" % n, b"k%d" % n: b"v"}}) for n in range(20)]
    store.put_meta(b"params", b"kept")
    hashes.append(commit(store, {"ibc": {b"client": b"state"}}))
    store.put_meta(b"params", b"lost: no commit follows")
    store.stage({"bank": {b"n": b"lost"}})
    store.close()

    again = MultiStore(SqliteDatabase(tmp_path / "db"), NAMES)
    assert (again.version, again.app_hash) == (21, hashes[-1])
    assert [again.snapshot(version).app_hash for version in range(1, 22)] == hashes
    assert again.snapshot(7).get("bank", b"n") == b"6"
    assert again.get_meta(b"params") == b"kept"
    assert commit(again, {"bank": {b"n": b"new"}}) != hashes[-1]
    again.close()


def test_a_store_that_came_later_is_empty_before() -> None:
    database = MemoryDatabase()
    commit(MultiStore(database, ["bank"]), {"bank": {b"alice": b"1"}})
    store = MultiStore(database, ["bank", "wasm"])
    commit(store, {"wasm": {b"code": b"1"}})
    assert store.snapshot(1).get("wasm", b"code") is None
    assert store.snapshot(2).get("wasm", b"code") == b"1"


def test_pruning_keeps_recent_versions_and_deletes_every_other_node() -> None:
    database = MemoryDatabase()
    store = MultiStore(database, NAMES, keep_recent=5)
    model: dict[int, dict[bytes, bytes]] = {0: {}}
    for version in range(1, 41):
        changes = {b"%d" % (version * n % 17): b"%d" % version for n in range(6)}
        gone = {b"%d" % (version % 11): None}
        commit(store, {"bank": {**changes, **gone}})
        kept = {**model[version - 1], **changes}
        kept.pop(b"%d" % (version % 11), None)
        model[version] = kept
    again = MultiStore(database, NAMES, keep_recent=5)
    for version in range(35, 41):
        assert dict(again.snapshot(version).iterate("bank")) == model[version]
    with pytest.raises(StoreError, match="version 34 does not exist: versions 35 to 40"):
        again.snapshot(34)
    reachable = {node.id for version in range(35, 41) for node in nodes_of(again, version)}
    stored = {key for key in database._data if key.startswith(b"s/k:bank/s")}
    assert {int.from_bytes(key[-12:], "big") for key in stored} == reachable


def nodes_of(store: MultiStore, version: int) -> list[Node]:
    tree = store.snapshot(version).tree("bank")
    found, stack = [], [tree.root] if tree.root else []
    while stack:
        found.append(node := stack.pop())
        if node.height:
            stack += [tree.left(node), tree.right(node)]
    return found


@pytest.mark.parametrize("version", [-1, 0, 3, 1000])
def test_versions_that_never_were_are_refused(version: int) -> None:
    store = MultiStore(MemoryDatabase(), NAMES)
    commit(store, {})
    commit(store, {})
    with pytest.raises(StoreError, match=f"version {version} does not exist: versions 1 to 2"):
        store.snapshot(version)


def test_memory_is_let_go_when_too_many_nodes_are_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.store.multistore.WARM_NODES", 50)
    store = MultiStore(MemoryDatabase(), NAMES)
    expected = {b"%04d" % number: b"%d" % number for number in range(300)}
    for start in range(0, 300, 30):
        commit(store, {"bank": dict(list(expected.items())[start : start + 30])})
        root = store.snapshot().tree("bank").root
        assert root is not None
        assert root.left is None, "nothing but the root is in memory"
    assert dict(store.snapshot().iterate("bank")) == expected


def test_snapshots_are_read_while_blocks_are_staged(tmp_path: Path) -> None:
    store = MultiStore(SqliteDatabase(tmp_path / "db"), NAMES)
    commit(store, {"bank": {b"%04d" % number: b"1" for number in range(500)}})
    reopened = MultiStore(SqliteDatabase(tmp_path / "db"), NAMES)

    def total(version: int) -> int:
        return sum(int(value) for _, value in reopened.snapshot(version).iterate("bank"))

    with ThreadPoolExecutor(4) as pool:
        totals = [pool.submit(total, 1) for _ in range(8)]
        for version in range(2, 10):
            commit(reopened, {"bank": {b"%04d" % n: b"%d" % version for n in range(500)}})
            totals.append(pool.submit(total, version))
        assert [each.result() for each in totals] == [500] * 8 + [500 * v for v in range(2, 10)]
    store.close()
    reopened.close()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "end inside a number"),
        (b"\x00\x02\x03k", "end inside a field of 3"),
        (b"\x00\x02\x01k\x01v!", "bytes after its end"),
        (b"\x02\x04\x01k\x20" + bytes(32) + b"\x02" + b"\x02" * 4, "legacy"),
        (b"\x01\x02\x01k\x01v", "negative"),
        (b"\xff" * 12, "end inside a number"),
    ],
)
def test_bytes_that_are_no_node_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(StoreError, match=reason):
        decode(1 << 32 | 1, data)


def test_a_missing_node_is_an_error_and_not_an_absence() -> None:
    database = MemoryDatabase()
    commit(MultiStore(database, NAMES), {"bank": {b"%d" % n: b"v" for n in range(10)}})
    for key in [key for key in database._data if key.startswith(b"s/k:bank/s")][1:]:
        del database._data[key]
    with pytest.raises(StoreError, match=r"store bank: node 0x1\d+ is pruned or missing"):
        MultiStore(database, NAMES).snapshot().get("bank", b"5")


def test_removing_what_is_absent_changes_nothing() -> None:
    base = WorkingTree(Tree(None, no_load))
    for number in range(9):
        base.set(b"%d" % number, b"v")
    root = base.seal(1).root
    working = WorkingTree(Tree(root, no_load))
    working.remove(b"absent")
    sealed = working.seal(2)
    assert (sealed.root, sealed.nodes, sealed.orphans) == (root, [], [])


def no_load(identifier: int) -> Node:
    raise AssertionError(f"node {identifier:#x} was not in memory")


def test_node_bytes_round_trip() -> None:
    leaf = Node(b"key" * 100, b"", 0, 1)
    assert encode(decode(1 << 32 | 7, encode(leaf))) == encode(leaf)
