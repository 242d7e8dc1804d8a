"""A node's folder: ``genesis.json``, ``validator_keys.json``, and ``data/`` with the databases and
the contracts' code.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.node import privval
from chain.node.errors import NodeError
from chain.node.genesis import Genesis
from chain.node.privval import ValidatorKey

GENESIS: Final = "genesis.json"
KEYS: Final = "validator_keys.json"
DATA: Final = "data"


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @property
    def data(self) -> Path:
        return self.path / DATA

    @property
    def blocks(self) -> Path:
        return self.data / "blocks.db"

    @property
    def wasm(self) -> Path:
        return self.data / "wasm"

    def prepare(
        self, genesis: Genesis | None, keys: Sequence[ValidatorKey] | None
    ) -> tuple[Genesis, tuple[ValidatorKey, ...]]:
        """Write what is given and not there yet; returns what the folder then holds.

        Raises NodeError when the folder belongs to another chain, GenesisError when it has no
        genesis.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        genesis_path, keys_path = self.path / GENESIS, self.path / KEYS
        if keys is not None and not keys_path.exists():
            privval.save(keys, keys_path)
        if genesis is not None and not genesis_path.exists():
            genesis.save(genesis_path)
        held = Genesis.load(genesis_path)
        if genesis is not None and genesis.chain_id != held.chain_id:
            raise NodeError(f"{self.path} is the home of {held.chain_id}, not {genesis.chain_id}")
        return held, privval.load(keys_path)

    def lock(self) -> HomeLock:
        """Keep other processes out; NodeError when one is in. The system frees it if we die."""
        return HomeLock(self.data / "lock")


class HomeLock:
    """A transaction that nobody else can begin, for as long as this process lives."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = _exclusive(path)
        except sqlite3.Error as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise NodeError(f"cannot lock {path}: {error}") from error
            raise NodeError(f"another process runs the chain in {path.parent.parent}") from error

    def release(self) -> None:
        self._connection.close()


def _exclusive(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
