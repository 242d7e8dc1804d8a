"""Which transactions and blocks carry which event attributes: the index behind tx_search and
block_search.

Equality on a string is looked up; every other condition is tried on the values of its attribute. As
in CometBFT's ``kv`` indexer each condition may be met by another event of the same transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from typing import Final

from chain.node.block import Block, tx_hash
from chain.node.eventlog import flatten
from chain.node.query import Condition, Query
from chain.store.sqlite import SqliteFile
from cosmos_pb.tendermint.abci import types_pb2 as abci

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tx (
    height INTEGER, idx INTEGER, hash BLOB NOT NULL, PRIMARY KEY (height, idx)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tx_by_hash ON tx (hash);
CREATE TABLE IF NOT EXISTS attribute (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    attribute INTEGER, value TEXT, height INTEGER, idx INTEGER,
    PRIMARY KEY (attribute, value, height, idx)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS long_value (
    short TEXT PRIMARY KEY, value TEXT NOT NULL, height INTEGER NOT NULL);
"""
BLOCK_EVENT: Final = -1
"""The ``idx`` of events that belong to the block and to none of its transactions."""

_LONGEST: Final = 128
"""Longer values stand in the index by their digest, and beside it in full."""

_DIGEST: Final = "\x01"
_OFTEN: Final = 1000
_HEIGHT_TAGS: Final = {"tx.height", "block.height"}
_MAX: Final = 2**63 - 1
_ALL_BLOCKS: Final = "SELECT height, -1 FROM block WHERE height BETWEEN ? AND ?"
_ALL_TXS: Final = "SELECT height, idx FROM tx WHERE height BETWEEN ? AND ?"
_TXS_BY_HASH: Final = "SELECT height, idx FROM tx WHERE hash = ? AND height BETWEEN ? AND ?"
_WALK: Final = """SELECT e.height, e.idx FROM event e WHERE e.attribute = ? AND e.value = ?
    AND e.height BETWEEN ? AND ? AND e.idx BETWEEN ? AND ?"""
_ALSO: Final = """ AND EXISTS (SELECT 1 FROM event o WHERE o.attribute = ? AND o.value = ?
    AND o.height = e.height AND o.idx = e.idx)"""
_COUNT: Final = """SELECT count(*) FROM
    (SELECT 1 FROM event WHERE attribute = ? AND value = ? LIMIT ?)"""
_SCAN: Final = """SELECT value, height, idx FROM event WHERE attribute = ?
    AND height BETWEEN ? AND ? AND idx BETWEEN ? AND ?"""
_LONG: Final = "SELECT value FROM long_value WHERE short = ?"
Place = tuple[int, int]
"""Height and index in the block (``BLOCK_EVENT`` for the block itself)."""


class TxIndex:
    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        with file.read() as connection:
            rows = connection.execute("SELECT name, id FROM attribute").fetchall()
        self._attributes: dict[str, int] = dict(rows)

    def add(
        self, connection: sqlite3.Connection, block: Block, results: abci.ResponseFinalizeBlock
    ) -> None:
        """Index a block inside the transaction that stores it."""
        height = block.header.height
        connection.executemany(
            "INSERT OR REPLACE INTO tx VALUES (?, ?, ?)",
            ((height, index, tx_hash(tx)) for index, tx in enumerate(block.txs)),
        )
        long: dict[str, str] = {}
        rows = list(self._rows(connection, height, results, long))
        connection.executemany("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?)", rows)
        connection.executemany(
            "INSERT OR REPLACE INTO long_value VALUES (?, ?, ?)",
            ((short, value, height) for short, value in long.items()),
        )

    def prune(self, connection: sqlite3.Connection, below: int) -> None:
        connection.execute("DELETE FROM tx WHERE height < ?", (below,))
        connection.execute("DELETE FROM event WHERE height < ?", (below,))
        connection.execute("DELETE FROM long_value WHERE height < ?", (below,))

    def find(self, tx: bytes, top: int) -> Place | None:
        """Where the transaction of that hash was executed last; heights up to ``top``, for blocks are saved unseen."""
        with self._file.read() as connection:
            row = connection.execute(
                "SELECT height, idx FROM tx WHERE hash = ? AND height <= ? ORDER BY height DESC LIMIT 1",
                (tx, top),
            ).fetchone()
        return None if row is None else (row[0], row[1])

    def search_txs(self, query: Query, top: int) -> list[Place]:
        """Transactions that match, in ascending order; heights up to ``top``."""
        conditions = [each for each in query.conditions if not _is_event(each, "Tx")]
        return self._search(conditions, top, blocks=False)

    def search_blocks(self, query: Query, top: int) -> list[int]:
        """Heights of blocks whose own events match, in ascending order."""
        conditions = [
            each
            for each in query.conditions
            if not _is_event(each, "NewBlock") and not _is_event(each, "NewBlockEvents")
        ]
        return [height for height, _ in self._search(conditions, top, blocks=True)]

    def _rows(
        self,
        connection: sqlite3.Connection,
        height: int,
        results: abci.ResponseFinalizeBlock,
        long: dict[str, str],
    ) -> Iterator[tuple[int, str, int, int]]:
        """Rows of the event table; values that are too long for it are added to ``long``."""
        sources = [(BLOCK_EVENT, results.events)]
        sources += [(index, each.events) for index, each in enumerate(results.tx_results)]
        for index, events in sources:
            for name, values in flatten(events, indexed_only=True).items():
                attribute = self._attributes.get(name) or self._new_attribute(connection, name)
                for value in values:
                    short = _key(value)
                    if short is not value:
                        long[short] = value
                    yield attribute, short, height, index

    def _new_attribute(self, connection: sqlite3.Connection, name: str) -> int:
        connection.execute("INSERT OR IGNORE INTO attribute (name) VALUES (?)", (name,))
        row = connection.execute("SELECT id FROM attribute WHERE name = ?", (name,)).fetchone()
        self._attributes[name] = row[0]
        return int(row[0])

    def _search(self, conditions: list[Condition], top: int, *, blocks: bool) -> list[Place]:
        low, high = 1, top
        rest = []
        for condition in conditions:
            if condition.tag not in _HEIGHT_TAGS:
                rest.append(condition)
            elif condition.kind == "number":
                low, high = _narrowed(low, high, condition)
        with self._file.read() as connection:
            search = _Search(connection, self._attributes, low, high, blocks)
            return sorted(search.places(rest)) if low <= high else []


@dataclass(frozen=True, slots=True)
class _Search:
    """One search: heights ``low`` to ``high``, among the events of blocks or of transactions."""

    connection: sqlite3.Connection
    attributes: Mapping[str, int]
    low: int
    high: int
    blocks: bool

    @property
    def _bounds(self) -> tuple[int, int, int, int]:
        return (self.low, self.high, *((BLOCK_EVENT, BLOCK_EVENT) if self.blocks else (0, _MAX)))

    def places(self, conditions: list[Condition]) -> set[Place]:
        if not conditions:
            every = _ALL_BLOCKS if self.blocks else _ALL_TXS
            return set(self.connection.execute(every, (self.low, self.high)))
        by_hash = next((each for each in conditions if each.tag == "tx.hash"), None)
        if by_hash is not None:
            return self._by_hash(by_hash, [each for each in conditions if each is not by_hash])
        lookups = [each for each in conditions if each.op == "=" and each.kind == "string"]
        found = self._looked_up(lookups) if lookups else None
        for condition in conditions:
            if condition not in lookups and found != set():
                met = self._scanned(condition)
                found = met if found is None else found & met
        return found or set()

    def _by_hash(self, by_hash: Condition, others: list[Condition]) -> set[Place]:
        try:
            wanted = bytes.fromhex(str(by_hash.argument))
        except ValueError:
            return set()
        rows = self.connection.execute(_TXS_BY_HASH, (wanted, self.low, self.high))
        found: set[Place] = set(rows.fetchall())
        if others:
            exact = [replace(self, low=height, high=height) for height, _ in found]
            found &= {place for search in exact for place in search.places(others)}
        return found

    def _looked_up(self, conditions: list[Condition]) -> set[Place]:
        """Walk the rarest value; ask the primary key about the others."""
        pairs = []
        for condition in conditions:
            attribute = self.attributes.get(condition.tag)
            if attribute is None:
                return set()
            pairs.append((attribute, _key(str(condition.argument))))
        if len(pairs) > 1:
            pairs.sort(key=self._frequency)
        others = [part for pair in pairs[1:] for part in pair]
        rows = self.connection.execute(
            _WALK + _ALSO * (len(pairs) - 1), (*pairs[0], *self._bounds, *others)
        )
        return set(rows)

    def _frequency(self, pair: tuple[int, str]) -> int:
        """How often a value occurs, up to a number that is often enough."""
        return int(self.connection.execute(_COUNT, (*pair, _OFTEN)).fetchone()[0])

    def _scanned(self, condition: Condition) -> set[Place]:
        """Try a condition on every value of its attribute; EXISTS may name an event's type."""
        names = [condition.tag] if condition.tag in self.attributes else []
        if condition.op == "EXISTS" and not names:
            names = [name for name in self.attributes if name.startswith(condition.tag + ".")]
        found: set[Place] = set()
        for name in names:
            rows = self.connection.execute(_SCAN, (self.attributes[name], *self._bounds))
            found.update(
                (height, idx) for value, height, idx in rows if condition.matches(self._full(value))
            )
        return found

    def _full(self, value: str) -> str:
        if not value.startswith(_DIGEST):
            return value
        return str(self.connection.execute(_LONG, (value,)).fetchone()[0])


def _is_event(condition: Condition, name: str) -> bool:
    return condition.tag == "tm.event" and condition.op == "=" and condition.argument == name


def _narrowed(low: int, high: int, condition: Condition) -> tuple[int, int]:
    """The heights between ``low`` and ``high`` that satisfy a comparison; none: low > high."""
    number = condition.argument
    if not isinstance(number, Decimal) or number > _MAX:
        return (low, high) if condition.op in {"<", "<="} else (1, 0)
    whole = int(number)
    exact = whole == number
    match condition.op:
        case "=":
            return (max(low, whole), min(high, whole)) if exact else (1, 0)
        case ">":
            return max(low, whole + 1), high
        case ">=":
            return max(low, whole if exact else whole + 1), high
        case "<":
            return low, min(high, whole - 1 if exact else whole)
        case _:
            return low, min(high, whole)


def _key(value: str) -> str:
    """A value as the index holds it: a long one by its digest, which has a mark in front."""
    if len(value) <= _LONGEST and not value.startswith(_DIGEST):
        return value
    return _DIGEST + sha256(value.encode()).hexdigest()
