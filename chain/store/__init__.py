"""Committed state: IAVL trees, the multistore above them, proofs, and the databases below."""

from chain.store.branch import Branch, Reader
from chain.store.database import Database, LmdbDatabase, MemoryDatabase, SqliteDatabase
from chain.store.multistore import MultiStore, Snapshot

__all__ = [
    "Branch",
    "Database",
    "LmdbDatabase",
    "MemoryDatabase",
    "MultiStore",
    "Reader",
    "Snapshot",
    "SqliteDatabase",
]
