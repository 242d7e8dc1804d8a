"""What the relayer remembers: links, how far each chain was read, and unfinished packets. SQLite.

A block's packets and the cursor behind it are written in one transaction, so that after a crash at any
moment reading goes on exactly where it was. Durable against `kill -9`; a power cut may lose the last
transactions as a whole, and the blocks are then read again.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import codec
from relayer.errors import StateError
from relayer.packets import Entry, PacketKey, Stage

VERSION: Final = 1

_SCHEMA = """
CREATE TABLE link (
    id TEXT PRIMARY KEY,
    a_chain TEXT NOT NULL, a_client TEXT NOT NULL, a_connection TEXT NOT NULL,
    b_chain TEXT NOT NULL, b_client TEXT NOT NULL, b_connection TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE cursor (
    link TEXT NOT NULL, chain TEXT NOT NULL, height INTEGER NOT NULL,
    PRIMARY KEY (link, chain)
) WITHOUT ROWID;
CREATE TABLE packet (
    link TEXT NOT NULL, source TEXT NOT NULL, port TEXT NOT NULL, channel TEXT NOT NULL,
    sequence BLOB NOT NULL, stage TEXT NOT NULL, ordered INTEGER NOT NULL, height INTEGER NOT NULL,
    packet BLOB NOT NULL, ack BLOB NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (link, source, port, channel, sequence)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class EndIds:
    """One end of a link: the chain, the client on it that tracks the other, and the connection."""

    chain: str
    client: str
    connection: str


@dataclass(frozen=True, slots=True)
class LinkIds:
    """Both ends of a link by name."""

    a: EndIds
    b: EndIds

    @property
    def id(self) -> str:
        return f"{self.a.chain}/{self.a.connection}:{self.b.chain}/{self.b.connection}"


class State:
    """The state file; without a path it lives in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._name = str(path or "state in memory")
        with self._reported():
            if path:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._prepare()

    def save_link(self, link: LinkIds, heights: Mapping[str, int]) -> None:
        """Remember a link, and for each chain the height up to which there is nothing to read."""
        ends = (link.a, link.b)
        values = [value for end in ends for value in (end.chain, end.client, end.connection)]
        with self._transaction():
            self._database.execute(
                "INSERT OR REPLACE INTO link VALUES (?, ?, ?, ?, ?, ?, ?)", (link.id, *values)
            )
            for chain, height in heights.items():
                self._set_cursor(link.id, chain, height)

    def links(self) -> list[LinkIds]:
        with self._reported():
            rows = self._database.execute("SELECT * FROM link ORDER BY id").fetchall()
        return [LinkIds(EndIds(*row[1:4]), EndIds(*row[4:7])) for row in rows]

    def find_link(self, a_chain: str, b_chain: str) -> LinkIds | None:
        """The link between two chains, seen from the first; the newest connection on it wins."""
        found = [turned for link in self.links() for turned in (link, LinkIds(link.b, link.a))]
        fitting = [link for link in found if (link.a.chain, link.b.chain) == (a_chain, b_chain)]
        number = len("connection-")
        return max(fitting, key=lambda link: int(link.a.connection[number:]), default=None)

    def cursor(self, link: str, chain: str) -> int | None:
        """The last block of the chain that was read for the link; None before the first."""
        query = "SELECT height FROM cursor WHERE link = ? AND chain = ?"
        with self._reported():
            row = self._database.execute(query, (link, chain)).fetchone()
        return None if row is None else int(row[0])

    def packets(self, link: str) -> list[Entry]:
        """The unfinished packets of a link, in the order of their channels and sequences."""
        query = "SELECT * FROM packet WHERE link = ? ORDER BY source, port, channel, sequence"
        with self._reported():
            return [_entry(row) for row in self._database.execute(query, (link,))]

    def record(
        self,
        link: str,
        changes: Mapping[PacketKey, Entry | None],
        cursor: tuple[str, int] | None = None,
    ) -> None:
        """Write changed packets (None: finished) and a chain's cursor, all or nothing."""
        with self._transaction():
            self._database.executemany(
                "INSERT OR REPLACE INTO packet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _rows(link, changes.values()),
            )
            self._database.executemany(
                "DELETE FROM packet WHERE link = ? AND source = ? AND port = ? AND channel = ? "
                "AND sequence = ?",
                [_place(link, key) for key, entry in changes.items() if entry is None],
            )
            if cursor:
                self._set_cursor(link, *cursor)

    def close(self) -> None:
        self._database.close()

    def _prepare(self) -> None:
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._database.executescript(f"{_SCHEMA} PRAGMA user_version = {VERSION};")
        elif version != VERSION:
            raise StateError(f"{self._name} has format {version}, this program knows {VERSION}")

    def _set_cursor(self, link: str, chain: str, height: int) -> None:
        values = (link, chain, height)
        self._database.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._reported():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StateError(f"{self._name}: {error}") from error


def _place(link: str, key: PacketKey) -> tuple[str, str, str, str, bytes]:
    """A packet's primary key; SQLite's integers end at 2**63, sequences do not."""
    return (link, key.source, key.port, key.channel, key.sequence.to_bytes(8, "big"))


def _rows(link: str, entries: Iterable[Entry | None]) -> Iterator[tuple[str | bytes | int, ...]]:
    for entry in entries:
        if entry is not None:
            yield (
                *_place(link, entry.key),
                entry.stage.value,
                entry.ordered,
                entry.height,
                codec.packet_to_pb(entry.packet).SerializeToString(),
                entry.ack,
                entry.attempts,
                entry.reason,
            )


def _entry(row: tuple[str, str, str, str, bytes, str, int, int, bytes, bytes, int, str]) -> Entry:
    _, source, port, channel, sequence, stage, ordered, height, packet, ack, attempts, reason = row
    return Entry(
        key=PacketKey(source, port, channel, int.from_bytes(sequence, "big")),
        stage=Stage(stage),
        packet=codec.packet_from_pb(channel_pb2.Packet.FromString(packet)),
        ordered=bool(ordered),
        height=height,
        ack=ack,
        attempts=attempts,
        reason=reason,
    )
