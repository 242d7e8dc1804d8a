"""Which transactions and blocks carry which event attributes: the index behind tx_search and
block_search.

Equality on a string is looked up; every other condition is tried on the values of its attribute. As
in CometBFT's ``kv`` indexer each condition may be met by another event of the same transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
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
"""
BLOCK_EVENT: Final = -1
"""The ``idx`` of events that belong to the block and to none of its transactions."""

_LONGEST: Final = 128
_PROBE: Final = 1000
_HEIGHT_TAGS: Final = {"tx.height", "block.height"}
_MAX_HEIGHT: Final = 2**63 - 1
Place = tuple[int, int]
"""Height and index in the block (``BLOCK_EVENT`` for the block itself)."""


@dataclass(frozen=True, slots=True)
class _Range:
    """Heights that can still match."""

    low: int
    high: int


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
        rows = list(self._rows(connection, height, results))
        connection.executemany("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?)", rows)

    def prune(self, connection: sqlite3.Connection, below: int) -> None:
        connection.execute("DELETE FROM tx WHERE height < ?", (below,))
        connection.execute("DELETE FROM event WHERE height < ?", (below,))

    def find(self, tx: bytes) -> Place | None:
        """Where the transaction of that hash was executed last."""
        with self._file.read() as connection:
            row = connection.execute(
                "SELECT height, idx FROM tx WHERE hash = ? ORDER BY height DESC LIMIT 1", (tx,)
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
        self, connection: sqlite3.Connection, height: int, results: abci.ResponseFinalizeBlock
    ) -> Iterator[tuple[int, str, int, int]]:
        sources = [(BLOCK_EVENT, results.events)]
        sources += [(index, each.events) for index, each in enumerate(results.tx_results)]
        for index, events in sources:
            for name, values in flatten(events, indexed_only=True).items():
                attribute = self._attributes.get(name) or self._new_attribute(connection, name)
                for value in values:
                    yield attribute, _key(value), height, index

    def _new_attribute(self, connection: sqlite3.Connection, name: str) -> int:
        connection.execute("INSERT OR IGNORE INTO attribute (name) VALUES (?)", (name,))
        row = connection.execute("SELECT id FROM attribute WHERE name = ?", (name,)).fetchone()
        self._attributes[name] = row[0]
        return int(row[0])

    def _search(self, conditions: list[Condition], top: int, *, blocks: bool) -> list[Place]:
        heights = _Range(1, top)
        rest = []
        for condition in conditions:
            if condition.tag in _HEIGHT_TAGS and condition.kind == "number":
                heights = _narrowed(heights, condition)
            elif condition.tag not in _HEIGHT_TAGS or condition.op != "EXISTS":
                rest.append(condition)
        if heights.low > heights.high:
            return []
        with self._file.read() as connection:
            places = self._places(connection, rest, heights, blocks=blocks)
        return sorted(places)

    def _places(
        self,
        connection: sqlite3.Connection,
        conditions: list[Condition],
        heights: _Range,
        *,
        blocks: bool,
    ) -> set[Place]:
        if not conditions:
            table = "SELECT height, -1 FROM block" if blocks else "SELECT height, idx FROM tx"
            rows = connection.execute(
                f"{table} WHERE height BETWEEN ? AND ?",
                (heights.low, heights.high),
            )
            return set(rows)
        lookups = [each for each in conditions if each.op == "=" and each.kind == "string"]
        scans = [each for each in conditions if each not in lookups]
        found = self._looked_up(connection, lookups, heights, blocks=blocks) if lookups else None
        for condition in scans:
            met = self._scanned(connection, condition, heights, blocks=blocks)
            found = met if found is None else found & met
            if not found:
                break
        return found or set()

    def _looked_up(
        self,
        connection: sqlite3.Connection,
        conditions: list[Condition],
        heights: _Range,
        *,
        blocks: bool,
    ) -> set[Place]:
        """Walk the rarest value; ask the primary key about the others."""
        pairs = []
        for condition in conditions:
            if condition.tag == "tx.hash":
                return self._by_hash(connection, condition, conditions, heights)
            attribute = self._attributes.get(condition.tag)
            if attribute is None:
                return set()
            pairs.append((attribute, _key(str(condition.argument))))
        if len(pairs) > 1:
            pairs.sort(key=lambda pair: _frequency(connection, pair))
        others = " AND EXISTS (SELECT 1 FROM event o WHERE o.attribute = ? AND o.value = ?"
        others += " AND o.height = e.height AND o.idx = e.idx)"
        sql = (
            f"SELECT e.height, e.idx FROM event e WHERE e.attribute = ? AND e.value = ?"
            f" AND e.height BETWEEN ? AND ? AND e.idx {'<' if blocks else '>='} 0"
            + others
            * (len(pairs) - 1)
        )
        parameters = [
            *pairs[0],
            heights.low,
            heights.high,
            *(x for pair in pairs[1:] for x in pair),
        ]
        return set(connection.execute(sql, parameters))

    def _by_hash(
        self,
        connection: sqlite3.Connection,
        by_hash: Condition,
        conditions: list[Condition],
        heights: _Range,
    ) -> set[Place]:
        try:
            wanted = bytes.fromhex(str(by_hash.argument))
        except ValueError:
            return set()
        rows = connection.execute(
            "SELECT height, idx FROM tx WHERE hash = ? AND height BETWEEN ? AND ?",
            (wanted, heights.low, heights.high),
        )
        found = set(rows.fetchall())
        others = [each for each in conditions if each is not by_hash]
        for height, index in list(found) if others else ():
            exact = _Range(height, height)
            if (height, index) not in self._looked_up(connection, others, exact, blocks=False):
                found.discard((height, index))
        return found

    def _scanned(
        self, connection: sqlite3.Connection, condition: Condition, heights: _Range, *, blocks: bool
    ) -> set[Place]:
        """Try a condition on every value of its attribute (for EXISTS on a bare type: of its
        attributes).
        """
        names = [condition.tag] if condition.tag in self._attributes else []
        if condition.op == "EXISTS" and not names:
            prefix = condition.tag + "."
            names = [name for name in self._attributes if name.startswith(prefix)]
        found: set[Place] = set()
        for name in names:
            rows = connection.execute(
                "SELECT value, height, idx FROM event WHERE attribute = ?"
                f" AND height BETWEEN ? AND ? AND idx {'<' if blocks else '>='} 0",
                (self._attributes[name], heights.low, heights.high),
            )
            found.update((height, idx) for value, height, idx in rows if condition.matches(value))
        return found


def _is_event(condition: Condition, name: str) -> bool:
    return condition.tag == "tm.event" and condition.op == "=" and condition.argument == name


def _narrowed(heights: _Range, condition: Condition) -> _Range:
    number = condition.argument
    low, high = heights.low, heights.high
    whole = int(number)  # type: ignore[arg-type] # its kind is number
    exact = whole == number
    match condition.op:
        case "=":
            low, high = (max(low, whole), min(high, whole)) if exact else (1, 0)
        case ">":
            low = max(low, whole + 1)
        case ">=":
            low = max(low, whole if exact else whole + 1)
        case "<":
            high = min(high, whole - 1 if exact else whole)
        case "<=":
            high = min(high, whole)
    return _Range(min(low, _MAX_HEIGHT), min(high, _MAX_HEIGHT))


def _key(value: str) -> str:
    """Values as the index holds them: long ones as a beginning and a digest of the whole."""
    if len(value) <= _LONGEST:
        return value
    return f"{value[:_LONGEST]}\\0{sha256(value.encode()).hexdigest()}"


def _frequency(connection: sqlite3.Connection, pair: tuple[int, str]) -> int:
    row = connection.execute(
        "SELECT count(*) FROM"
        f" (SELECT 1 FROM event WHERE attribute = ? AND value = ? LIMIT {_PROBE})",
        pair,
    ).fetchone()
    return int(row[0])
