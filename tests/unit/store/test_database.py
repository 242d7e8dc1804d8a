"""The three databases keep the same promises."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chain.errors import StoreError
from chain.store import Database, LmdbDatabase, MemoryDatabase, SqliteDatabase

KINDS: dict[str, Callable[[Path], Database]] = {
    "memory": lambda _: MemoryDatabase(),
    "sqlite": lambda folder: SqliteDatabase(folder / "state.db"),
    "lmdb": lambda folder: LmdbDatabase(folder / "state.lmdb"),
}


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    opened = KINDS[request.param](tmp_path)
    yield opened
    opened.close()


def test_a_batch_puts_and_deletes(database: Database) -> None:
    database.write([(b"a", b"1"), (b"b", b"2"), (b"\x00", b"")])
    database.write([(b"a", b"3")], [b"b", b"never there"])
    assert database.get(b"a") == b"3"
    assert database.get(b"b") is None
    assert database.get(b"\x00") == b""


def test_a_batch_that_fails_leaves_nothing(database: Database) -> None:
    def pairs() -> Iterator[tuple[bytes, bytes]]:
        yield b"first", b"1"
        raise RuntimeError("the writer died")

    with pytest.raises(RuntimeError):
        database.write(pairs())
    assert database.get(b"first") is None


@pytest.mark.parametrize("kind", ["sqlite", "lmdb"])
def test_what_was_written_is_there_after_reopening(kind: str, tmp_path: Path) -> None:
    first = KINDS[kind](tmp_path)
    first.write([(b"key", b"value" * 1000)])
    first.close()
    second = KINDS[kind](tmp_path)
    assert second.get(b"key") == b"value" * 1000
    second.close()


def test_threads_read_while_one_writes(database: Database) -> None:
    database.write([(b"%d" % number, b"0") for number in range(50)])

    def read(number: int) -> bytes | None:
        return database.get(b"%d" % (number % 50))

    with ThreadPoolExecutor(8) as pool:
        reads = pool.map(read, range(400))
        for round_ in range(1, 20):
            database.write([(b"%d" % number, b"%d" % round_) for number in range(50)])
        assert all(value is not None for value in reads)


def test_a_folder_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is not a database, but a text of some length" * 50)
    with pytest.raises(StoreError, match=r"state\.db"):
        SqliteDatabase(tmp_path / "state.db")


def test_a_full_lmdb_says_so(tmp_path: Path) -> None:
    database = LmdbDatabase(tmp_path / "small.lmdb", map_size=1 << 16)
    with pytest.raises(StoreError, match="full"):
        database.write((b"%d" % number, bytes(1000)) for number in range(1000))
    database.close()


def test_a_closed_sqlite_refuses_reads(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "state.db")
    database.close()
    with pytest.raises(StoreError, match="closed"):
        database.get(b"key")
