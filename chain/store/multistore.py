"""Named IAVL trees under one root: what the SDK calls the root multistore.

A block's writes are staged (new nodes in memory, the app hash known), then committed: nodes, roots,
orphan lists and bookkeeping of all stores go into the database as one batch. Versions older than
``keep_recent`` are pruned on the way, a version per commit, by deleting what that version alone
still held.

Database keys: ``s/k:{store}/s`` + BE8 version + BE4 nonce, a node (as the SDK lays it out); ``v`` +
BE8 version, root ids of a version; ``o`` + BE8 version + store, ids of the nodes that this version
was the last to hold; ``m`` + key, bookkeeping; ``latest`` and ``oldest``, versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chain.errors import StoreError
from chain.store.database import Database
from chain.store.iavl import Load, Sealed, Tree, WorkingTree
from chain.store.node import EMPTY_HASH, Node, decode, encode, id_bytes
from chain.store.proofs import commitment_proof, multistore_hash, proof_ops, store_proof
from cosmos_pb.tendermint.crypto import proof_pb2 as crypto

KEEP_RECENT: Final = 10_000
WARM_SNAPSHOTS: Final = 16
"""How many of the last versions stay in memory; older ones are read node by node from the database.
"""

WARM_NODES: Final = 2_000_000
"""Nodes kept in memory (some 250 bytes each, keys and values aside) before they are let go and read
again on demand.
"""

_LATEST: Final = b"latest"
_OLDEST: Final = b"oldest"
_ID: Final = 12
_PRUNED_PER_COMMIT: Final = 8


class Snapshot:
    """Every store at one version: an immutable ``chain.store.branch.Reader``, for any thread."""

    def __init__(self, version: int, trees: Mapping[str, Tree]) -> None:
        self.version = version
        self.roots = tuple((name, trees[name].hash) for name in sorted(trees))
        self.app_hash = multistore_hash(self.roots)
        self._trees = trees

    def get(self, store: str, key: bytes) -> bytes | None:
        return self.tree(store).get(key)

    def iterate(
        self, store: str, start: bytes = b"", end: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        return self.tree(store).iterate(start, end, reverse=reverse)

    def tree(self, store: str) -> Tree:
        try:
            return self._trees[store]
        except KeyError:
            raise StoreError(f"no such store: {store}") from None

    def prove(self, store: str, key: bytes) -> tuple[bytes | None, crypto.ProofOps]:
        """The value, or None with a proof of absence; both levels under ``app_hash``."""
        value, proof = commitment_proof(self.tree(store), key)
        return value, proof_ops(key, proof, store, store_proof(self.roots, store))


@dataclass(frozen=True, slots=True)
class _Staged:
    snapshot: Snapshot
    sealed: Mapping[str, Sealed]


class MultiStore:
    """Committed versions on a database, and at most one staged version after them.

    One thread stages and commits; snapshots are read from any. ``keep_recent`` versions stay
    readable behind the last one (0: all of them).
    """

    def __init__(
        self, database: Database, names: Sequence[str], *, keep_recent: int = KEEP_RECENT
    ) -> None:
        self._database = database
        self._names = tuple(sorted(names))
        self._keep_recent = keep_recent
        self._meta: dict[bytes, bytes] = {}
        self._staged: _Staged | None = None
        self._warm: dict[int, Snapshot] = {}
        self._loaded = 0
        version = self._number(_LATEST)
        self._oldest = self._number(_OLDEST)
        self._latest = self._load_snapshot(version)
        self._next = version + 1

    @property
    def version(self) -> int:
        """The last committed version; 0 before the first."""
        return self._latest.version

    @property
    def app_hash(self) -> bytes:
        """The hash over all stores at the last version; before the first one, SHA-256 of nothing as
        in the SDK.
        """
        return self._latest.app_hash if self.version else EMPTY_HASH

    def set_initial_version(self, version: int) -> None:
        """The version of the first commit, for a chain that does not begin at height 1."""
        if self.version:
            raise StoreError(f"version {self.version} is committed: too late for an initial one")
        self._next = max(version, 1)

    def snapshot(self, version: int | None = None) -> Snapshot:
        """The state as of ``version`` (None: the last one); StoreError when it is pruned or not
        there yet.
        """
        latest = self._latest
        if version is None or version == latest.version:
            return latest
        if not 0 < version < latest.version:
            raise self._no_version(version)
        warm = self._warm.get(version)
        return warm if warm is not None else self._load_snapshot(version)

    def stage(self, writes: Mapping[str, Mapping[bytes, bytes | None]]) -> bytes:
        """Apply ``writes`` (None deletes) on top of the last version; returns the app hash that
        ``commit`` will have.

        Each store takes its writes in key order, as the SDK's cachekv flushes them. What was staged
        before is dropped.
        """
        unknown = set(writes) - set(self._names)
        if unknown:
            raise StoreError(f"no such store: {', '.join(sorted(unknown))}")
        trees: dict[str, Tree] = {name: self._latest.tree(name) for name in self._names}
        sealed = {}
        for name, changes in writes.items():
            working = WorkingTree(trees[name])
            for key in sorted(changes):
                value = changes[key]
                if value is None:
                    working.remove(key)
                else:
                    working.set(key, value)
            sealed[name] = working.seal(self._next)
            trees[name] = Tree(sealed[name].root, self._loader(name))
        self._staged = _Staged(Snapshot(self._next, trees), sealed)
        return self._staged.snapshot.app_hash

    def commit(self) -> bytes:
        """Make the staged version the last one, in one database batch; returns its app hash."""
        staged = self._staged
        if staged is None:
            raise StoreError(f"nothing is staged after version {self.version}")
        expired, oldest = self._expired(staged.snapshot.version)
        self._database.write(self._puts(staged, oldest), expired)
        self._oldest, self._next = oldest, staged.snapshot.version + 1
        self._staged, self._meta = None, {}
        self._loaded += sum(len(sealed.nodes) for sealed in staged.sealed.values())
        self._remember(staged.snapshot)
        return self.app_hash

    def prove(self, store: str, key: bytes, version: int) -> tuple[bytes | None, crypto.ProofOps]:
        """``Snapshot.prove`` at ``version``."""
        return self.snapshot(version).prove(store, key)

    def put_meta(self, key: bytes, value: bytes) -> None:
        """Bookkeeping outside the trees; kept with the next commit."""
        self._meta[key] = value

    def get_meta(self, key: bytes) -> bytes | None:
        """What was put last, committed or not."""
        return self._meta[key] if key in self._meta else self._database.get(b"m" + key)

    def close(self) -> None:
        self._database.close()

    def _puts(self, staged: _Staged, oldest: int) -> Iterator[tuple[bytes, bytes]]:
        version, before = staged.snapshot.version, self.version
        for name, sealed in staged.sealed.items():
            prefix = _node_prefix(name)
            for node in sealed.nodes:
                yield prefix + id_bytes(node.id), encode(node)
            if before and sealed.orphans:
                yield _orphans_key(before, name), b"".join(map(id_bytes, sealed.orphans))
        yield _roots_key(version), _encode_roots(staged.snapshot)
        for key, value in self._meta.items():
            yield b"m" + key, value
        yield _OLDEST, _number_bytes(oldest)
        yield _LATEST, _number_bytes(version)

    def _expired(self, version: int) -> tuple[list[bytes], int]:
        """Database keys that nobody needs once ``version`` is committed, and the oldest version
        left.
        """
        oldest = self._oldest or version
        keys: list[bytes] = []
        limit = version - self._keep_recent if self._keep_recent else oldest
        for pruned in range(oldest, min(limit, oldest + _PRUNED_PER_COMMIT)):
            keys.append(_roots_key(pruned))
            for name in self._names:
                packed = self._database.get(_orphans_key(pruned, name))
                if packed is not None:
                    keys.append(_orphans_key(pruned, name))
                    keys.extend(_node_prefix(name) + piece for piece in _pieces(packed))
            oldest = pruned + 1
        return keys, oldest

    def _remember(self, snapshot: Snapshot) -> None:
        """Make ``snapshot`` the last one, and let go of what has grown too old or too large."""
        if self._loaded > WARM_NODES:
            self._loaded = 0
            self._warm = {}
            snapshot = self._load_snapshot(snapshot.version)
        kept = [*self._warm.values(), snapshot][-WARM_SNAPSHOTS:]
        self._warm = {each.version: each for each in kept}
        self._latest = snapshot

    def _load_snapshot(self, version: int) -> Snapshot:
        roots = self._roots(version) if version else {}
        trees = {}
        for name in self._names:
            load, identifier = self._loader(name), roots.get(name, 0)
            trees[name] = Tree(load(identifier) if identifier else None, load)
        return Snapshot(version, trees)

    def _roots(self, version: int) -> dict[str, int]:
        """Root ids by store name (0: empty tree)."""
        stored = self._database.get(_roots_key(version))
        if stored is None:
            raise self._no_version(version)
        return _decode_roots(stored)

    def _no_version(self, version: int) -> StoreError:
        kept = f"versions {self._oldest} to {self._number(_LATEST)} are kept"
        return StoreError(f"version {version} does not exist: {kept}")

    def _loader(self, name: str) -> Load:
        prefix = _node_prefix(name)

        def load(identifier: int) -> Node:
            data = self._database.get(prefix + id_bytes(identifier))
            if data is None:
                raise StoreError(f"store {name}: node {identifier:#x} is pruned or missing")
            self._loaded += 1
            return decode(identifier, data)

        return load

    def _number(self, key: bytes) -> int:
        return int.from_bytes(self._database.get(key) or b"", "big")


def _number_bytes(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _node_prefix(name: str) -> bytes:
    return b"s/k:" + name.encode() + b"/s"


def _roots_key(version: int) -> bytes:
    return b"v" + _number_bytes(version)


def _orphans_key(version: int, name: str) -> bytes:
    return b"o" + _number_bytes(version) + name.encode()


def _pieces(packed: bytes) -> Iterator[bytes]:
    return (packed[at : at + _ID] for at in range(0, len(packed), _ID))


def _encode_roots(snapshot: Snapshot) -> bytes:
    """One line per store: the root's id in hex (0 for an empty tree), a space, the name."""
    lines = []
    for name, _ in snapshot.roots:
        root = snapshot.tree(name).root
        lines.append(f"{root.id if root else 0:x} {name}")
    return "\n".join(lines).encode()


def _decode_roots(stored: bytes) -> dict[str, int]:
    pairs = (line.split(" ", 1) for line in stored.decode().splitlines())
    return {name: int(identifier, 16) for identifier, name in pairs}
