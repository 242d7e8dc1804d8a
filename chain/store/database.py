"""Where nodes and roots are kept: an ordered map of bytes with atomic batches.

Three stores behind one Protocol: in memory, SQLite (the default, nothing to install), LMDB (the
``lmdb`` extra; commits and reads several times faster). Every method may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Protocol

from chain.errors import StoreError
from chain.store.sqlite import SqliteFile

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"


class Database(Protocol):
    """Bytes to bytes. A batch is written whole or not at all, and is there after a crash of the
    process.
    """

    def get(self, key: bytes) -> bytes | None: ...

    def write(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None: ...

    def close(self) -> None: ...


class MemoryDatabase:
    """A dict; gone with the process."""

    def __init__(self) -> None:
        self._data: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._data.get(key)

    def write(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        self._data.update(dict(puts))
        for key in deletes:
            self._data.pop(key, None)

    def close(self) -> None:
        """Nothing to release; a second owner may go on reading."""


class SqliteDatabase:
    """One table in a WAL file.

    It is not synced at every commit: a loss of power (not a crash of the process) may take back
    the last batches, whole ones and in order. The node replays the blocks that are gone.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _SCHEMA)

    def get(self, key: bytes) -> bytes | None:
        with self._file.read() as connection:
            row = connection.execute("SELECT v FROM kv WHERE k = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def write(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        with self._file.write() as connection:
            connection.executemany("INSERT OR REPLACE INTO kv VALUES (?, ?)", puts)
            connection.executemany("DELETE FROM kv WHERE k = ?", ((key,) for key in deletes))

    def close(self) -> None:
        self._file.close()


class LmdbDatabase:
    """A memory-mapped B+ tree. ``map_size`` bounds the file; address space, not disk, is what it
    takes.
    """

    def __init__(self, path: Path, map_size: int = 64 << 30) -> None:
        self._lmdb = _import_lmdb()
        try:
            self._env = self._lmdb.open(str(path), map_size=map_size, subdir=True)
        except self._lmdb.Error as error:
            raise StoreError(f"cannot open the database {path}: {error}") from error

    def get(self, key: bytes) -> bytes | None:
        with self._env.begin() as transaction:
            value: bytes | None = transaction.get(key)
        return value

    def write(self, puts: Iterable[tuple[bytes, bytes]], deletes: Iterable[bytes] = ()) -> None:
        try:
            with self._env.begin(write=True) as transaction:
                for key, value in puts:
                    transaction.put(key, value)
                for key in deletes:
                    transaction.delete(key)
        except self._lmdb.MapFullError as error:
            raise StoreError(f"the database is full: {error}") from error

    def close(self) -> None:
        self._env.close()


def _import_lmdb() -> Any:
    try:
        import lmdb  # noqa: PLC0415 - an extra, imported where it is used
    except ImportError as error:
        raise StoreError("the LMDB store needs the extra: pip install 'lightship[lmdb]'") from error
    return lmdb
