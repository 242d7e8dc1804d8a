"""A SQLite file for many reading threads and one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chain.errors import StoreError

_CACHE_KIB: Final = 65_536


class SqliteFile:
    """WAL mode: readers see the last commit and never wait. ``path`` None: in memory, readers and
    writer take turns.

    ``durable`` syncs to disk at every commit; otherwise a loss of power (not a crash of the
    process) may take back the last commits, whole ones and in order.
    """

    def __init__(self, path: Path | None, schema: str, *, durable: bool = False) -> None:
        self._path = path
        self._synchronous = "FULL" if durable else "NORMAL"
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.RLock()
        self._closed = False
        try:
            self._writer = self._connect()
            self._writer.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._writer.executescript(schema)
        except sqlite3.Error as error:
            raise StoreError(f"cannot open the database {path}: {error}") from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise StoreError(f"the database {self._path or 'in memory'} is closed")
        if self._path is None:
            with self._lock:
                yield self._writer
        else:
            with self._pooled() as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction: kept on a normal exit, taken back on an exception."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def close(self) -> None:
        """Close every idle connection; those in use close as they come back."""
        self._closed = True
        with self._lock:
            self._writer.close()
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _pooled(self) -> Iterator[sqlite3.Connection]:
        """A connection of a pool that grows to the number of threads reading at once."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        path = ":memory:" if self._path is None else self._path
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        return connection
