"""Blocks, commits, results and validator sets by height, in SQLite (or in memory).

A block is written once, with everything that belongs to it, in one transaction: after FinalizeBlock
has answered and before the application commits. So this store is never behind the application, and
at most one block ahead of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from chain.errors import StoreError
from chain.node import txindex
from chain.node.block import Block
from chain.node.params import ConsensusParams
from chain.node.rotation import increment
from chain.store.sqlite import SqliteFile
from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.types import params_pb2, types_pb2, validator_pb2
from light_client import codec
from light_client.commit import Commit, SignedHeader
from light_client.header import BlockID, Header
from light_client.validators import ValidatorSet

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS block (
    height INTEGER PRIMARY KEY, hash BLOB NOT NULL, data BLOB NOT NULL,
    seen_commit BLOB NOT NULL, results BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS block_by_hash ON block (hash);
CREATE TABLE IF NOT EXISTS validators (height INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS params (height INTEGER PRIMARY KEY, data BLOB NOT NULL);
"""
_CACHED_BLOCKS: Final = 32
_CACHED_SETS: Final = 128
_CHECKPOINT: Final = 100
"""Sets whose members did not change are stored every so many heights; between, priorities are
counted on.
"""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block and what became of it. ``seen_commit`` names the block's id and its validators'
    votes.
    """

    block: Block
    size: int
    seen_commit: Commit
    results: abci.ResponseFinalizeBlock

    @property
    def header(self) -> Header:
        return self.block.header

    @property
    def height(self) -> int:
        return self.block.header.height

    @property
    def block_id(self) -> BlockID:
        return self.seen_commit.block_id

    @property
    def signed_header(self) -> SignedHeader:
        return SignedHeader(self.block.header, self.seen_commit)


class BlockStore:
    """Heights ``base`` to ``height`` (both 0 when empty). Reads are for any thread, writes for one."""

    def __init__(self, path: Path | None) -> None:
        self._file = SqliteFile(path, _SCHEMA + txindex.SCHEMA, durable=True)
        self.index = txindex.TxIndex(self._file)
        with self._file.read() as connection:
            row = connection.execute("SELECT min(height), max(height) FROM block").fetchone()
        self.base: int = row[0] or 0
        self.height: int = row[1] or 0
        self._latest: StoredBlock | None = None
        self._read = lru_cache(maxsize=_CACHED_BLOCKS)(self._read_block)
        self._sets: dict[int, ValidatorSet] = {}

    def load(self, height: int) -> StoredBlock | None:
        latest = self._latest
        if latest is not None and latest.height == height:
            return latest
        if not self.base <= height <= self.height:
            return None
        try:
            return self._read(height)
        except LookupError:
            return None

    def load_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        with self._file.read() as connection:
            row = connection.execute(
                "SELECT height FROM block WHERE hash = ?", (block_hash,)
            ).fetchone()
        return None if row is None else self.load(row[0])

    def must_load(self, height: int) -> StoredBlock:
        """Raises StoreError where ``load`` answers None."""
        found = self.load(height)
        if found is None:
            raise StoreError(f"block {height} is not stored: {self.base} to {self.height} are")
        return found

    def validators(self, height: int) -> ValidatorSet:
        """The set that signs block ``height``, priorities as they are before it; up to
        ``self.height + 2``.
        """
        found = self._sets.get(height)
        if found is None:
            found = self._read_validators(height)
            self._remember_set(height, found)
        return found

    def params(self, height: int) -> ConsensusParams:
        """The consensus parameters that hold for block ``height``."""
        with self._file.read() as connection:
            row = connection.execute(
                "SELECT data FROM params WHERE height <= ? ORDER BY height DESC LIMIT 1", (height,)
            ).fetchone()
        if row is None:
            raise StoreError(f"no consensus parameters for height {height}")
        return ConsensusParams().updated(params_pb2.ConsensusParams.FromString(row[0]))

    def save_genesis(
        self, height: int, params: ConsensusParams, first: ValidatorSet, second: ValidatorSet
    ) -> None:
        """What holds for the first block, and the validators of the second one."""
        with self._file.write() as connection:
            for each, validators in ((height, first), (height + 1, second)):
                connection.execute(_PUT_VALIDATORS, (each, _encode_set(validators)))
            connection.execute(_PUT_PARAMS, (height, params.to_pb().SerializeToString()))
        self._sets = {}

    def save(
        self,
        stored: StoredBlock,
        encoded: bytes,
        *,
        validators: ValidatorSet,
        changed: bool,
        params: ConsensusParams | None,
    ) -> None:
        """Write a block with the validators of height + 2, ``changed`` or just turned, and the
        parameters of height + 1 when they are new.

        Nothing is visible to ``height`` and ``load`` before ``publish``.
        """
        height = stored.height
        row = (
            height,
            stored.block_id.hash,
            encoded,
            codec.commit_to_pb(stored.seen_commit).SerializeToString(),
            stored.results.SerializeToString(),
        )
        with self._file.write() as connection:
            connection.execute("INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?, ?)", row)
            if changed or (height + 2) % _CHECKPOINT == 0:
                connection.execute(_PUT_VALIDATORS, (height + 2, _encode_set(validators)))
            if params is not None:
                connection.execute(_PUT_PARAMS, (height + 1, params.to_pb().SerializeToString()))
            self.index.add(connection, stored.block, stored.results)
        self._remember_set(height + 2, validators)

    def publish(self, stored: StoredBlock) -> None:
        """Make the block that was saved the latest one."""
        self._latest = stored
        self.base = self.base or stored.height
        self.height = stored.height

    def prune(self, retain_height: int) -> int:
        """Forget blocks below ``retain_height``; returns how many."""
        if not self.base < retain_height <= self.height:
            return 0
        pruned = retain_height - self.base
        with self._file.write() as connection:
            connection.execute("DELETE FROM block WHERE height < ?", (retain_height,))
            self.index.prune(connection, retain_height)
        self.base = retain_height
        self._read.cache_clear()
        return pruned

    def from_height(self, height: int) -> Iterator[StoredBlock]:
        """Every stored block from ``height`` on."""
        for each in range(max(height, self.base), self.height + 1):
            yield self.must_load(each)

    def close(self) -> None:
        self._file.close()

    def _read_block(self, height: int) -> StoredBlock:
        with self._file.read() as connection:
            row = connection.execute(
                "SELECT data, seen_commit, results FROM block WHERE height = ?", (height,)
            ).fetchone()
        if row is None:
            raise LookupError(height)
        return StoredBlock(
            Block.decode(row[0]),
            len(row[0]),
            codec.commit_from_pb(codec.parse(types_pb2.Commit, row[1])),
            codec.parse(abci.ResponseFinalizeBlock, row[2]),
        )

    def _read_validators(self, height: int) -> ValidatorSet:
        with self._file.read() as connection:
            row = connection.execute(
                "SELECT height, data FROM validators WHERE height <= ? ORDER BY height DESC LIMIT 1",
                (height,),
            ).fetchone()
        if row is None or height > (self.height + 2 if self.height else row[0]):
            raise StoreError(f"no validator set for height {height}")
        near = max((each for each in list(self._sets) if row[0] < each <= height), default=None)
        if near is not None:
            at, found = near, self._sets[near]
        else:
            at, found = row[0], codec.validator_set_from_pb(codec.parse(_SET, row[1]))
        for _ in range(height - at):
            found = increment(found)
        return found

    def _remember_set(self, height: int, validators: ValidatorSet) -> None:
        sets = {**self._sets, height: validators}
        while len(sets) > _CACHED_SETS:
            del sets[next(iter(sets))]
        self._sets = sets


_SET: Final = validator_pb2.ValidatorSet
_PUT_VALIDATORS: Final = "INSERT OR REPLACE INTO validators VALUES (?, ?)"
_PUT_PARAMS: Final = "INSERT OR REPLACE INTO params VALUES (?, ?)"


def _encode_set(validators: ValidatorSet) -> bytes:
    return codec.validator_set_to_pb(validators).SerializeToString()
