"""Uncommitted writes over a parent: what the SDK calls a cache-wrapped multistore.

A branch reads through to its parent and keeps its own writes. ``write`` moves them one level down;
dropping the branch forgets them. The outermost branch stands on a committed snapshot (anything with
``get`` and ``iterate``), and its ``writes`` are what a block commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Reader(Protocol):
    """Committed or uncommitted state: several named stores of sorted keys."""

    def get(self, store: str, key: bytes) -> bytes | None: ...

    def iterate(
        self, store: str, start: bytes, end: bytes | None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with ``start <= key < end`` (``end`` None: no bound), ascending, or descending with
        ``reverse``.
        """
        ...


class Branch:
    """Writes over ``parent``, by store name; a None value marks a deletion."""

    __slots__ = ("_parent", "writes")

    def __init__(self, parent: Reader) -> None:
        self._parent = parent
        self.writes: dict[str, dict[bytes, bytes | None]] = {}

    def get(self, store: str, key: bytes) -> bytes | None:
        written = self.writes.get(store)
        if written is not None and key in written:
            return written[key]
        return self._parent.get(store, key)

    def set(self, store: str, key: bytes, value: bytes) -> None:
        if not key:
            raise ValueError("a store key is never empty")
        self.writes.setdefault(store, {})[key] = value

    def delete(self, store: str, key: bytes) -> None:
        self.writes.setdefault(store, {})[key] = None

    def iterate(
        self, store: str, start: bytes = b"", end: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Sorted pairs as they stand when the iteration starts (own writes), merged with the
        parent's.
        """
        below = self._parent.iterate(store, start, end, reverse=reverse)
        own = self.writes.get(store)
        if not own:
            return below
        mine = sorted(
            (pair for pair in own.items() if pair[0] >= start and (end is None or pair[0] < end)),
            reverse=reverse,
        )
        return _merge(mine, below, reverse=reverse)

    def branch(self) -> Branch:
        return Branch(self)

    def write(self) -> None:
        """Move every write into the parent, which must itself be a branch."""
        if not isinstance(self._parent, Branch):
            raise TypeError("the outermost branch is committed by the multistore, not written")
        below = self._parent.writes
        for store, writes in self.writes.items():
            below.setdefault(store, {}).update(writes)
        self.writes = {}


def _merge(
    mine: list[tuple[bytes, bytes | None]], below: Iterator[tuple[bytes, bytes]], *, reverse: bool
) -> Iterator[tuple[bytes, bytes]]:
    """Two sorted runs as one; where both have a key, ``mine`` wins and a None removes it."""
    index = 0
    for key, value in below:
        while index < len(mine) and (mine[index][0] > key if reverse else mine[index][0] < key):
            own_key, own_value = mine[index]
            index += 1
            if own_value is not None:
                yield own_key, own_value
        if index < len(mine) and mine[index][0] == key:
            own_value = mine[index][1]
            index += 1
            if own_value is not None:
                yield key, own_value
        else:
            yield key, value
    for own_key, own_value in mine[index:]:
        if own_value is not None:
            yield own_key, own_value
