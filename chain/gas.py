"""Gas of the Cosmos SDK: meters, and a key-value store that charges one.

Costs are those of cosmos-sdk ``store/types/gas.go`` (KVGasConfig).  A meter with ``limit=None`` never runs out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain.errors import OutOfGas
from chain.store.branch import Branch

HAS_COST: Final = 1000
DELETE_COST: Final = 1000
READ_COST_FLAT: Final = 1000
READ_COST_PER_BYTE: Final = 3
WRITE_COST_FLAT: Final = 2000
WRITE_COST_PER_BYTE: Final = 30
ITER_NEXT_COST_FLAT: Final = 30


class GasMeter:
    """Counts SDK gas up to ``limit`` (``None`` = infinite)."""

    __slots__ = ("consumed", "limit")

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.consumed = 0

    def consume(self, amount: int, descriptor: str) -> None:
        """Add ``amount``; raise OutOfGas once over the limit (what was consumed stays counted)."""
        self.consumed += amount
        if self.limit is not None and self.consumed > self.limit:
            raise OutOfGas(descriptor, self.limit, self.consumed)

    @property
    def remaining(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.consumed)

    @property
    def consumed_to_limit(self) -> int:
        return self.consumed if self.limit is None else min(self.consumed, self.limit)

    @property
    def is_out_of_gas(self) -> bool:
        """True as soon as the limit is reached, as in ``basicGasMeter.IsOutOfGas``."""
        return self.limit is not None and self.consumed >= self.limit


class GasKV:
    """One store of a branch, seen through a gas meter (cosmos-sdk ``store/gaskv``).

    Keys and values are paid for one after the other: how much is consumed when the gas runs out depends on it.
    """

    __slots__ = ("_branch", "_meter", "_name")

    def __init__(self, branch: Branch, name: str, meter: GasMeter) -> None:
        self._branch = branch
        self._name = name
        self._meter = meter

    def get(self, key: bytes) -> bytes | None:
        self._meter.consume(READ_COST_FLAT, "ReadFlat")
        value = self._branch.get(self._name, key)
        self._meter.consume(READ_COST_PER_BYTE * len(key), "ReadPerByte")
        self._meter.consume(READ_COST_PER_BYTE * len(value or b""), "ReadPerByte")
        return value

    def has(self, key: bytes) -> bool:
        self._meter.consume(HAS_COST, "Has")
        return self._branch.get(self._name, key) is not None

    def set(self, key: bytes, value: bytes) -> None:
        self._meter.consume(WRITE_COST_FLAT, "WriteFlat")
        self._meter.consume(WRITE_COST_PER_BYTE * len(key), "WritePerByte")
        self._meter.consume(WRITE_COST_PER_BYTE * len(value), "WritePerByte")
        self._branch.set(self._name, key, value)

    def delete(self, key: bytes) -> None:
        self._meter.consume(DELETE_COST, "Delete")
        self._branch.delete(self._name, key)

    def iterate(
        self, start: bytes = b"", end: bytes | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs with ``start <= key < end`` in key order.

        As in gaskv the first pair is paid for when the iterator is made, and then each pair when it is left.
        """
        empty = True
        for key, value in self._branch.iterate(self._name, start, end, reverse=reverse):
            if empty:
                self._seek(key, value)
                empty = False
            yield key, value
            self._seek(key, value)
        if empty:
            self._seek()

    def prefix(self, prefix: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Pairs whose key starts with ``prefix``; keys come back whole."""
        return self.iterate(prefix, prefix_end(prefix), reverse=reverse)

    def _seek(self, *pair: bytes) -> None:
        for part in pair:
            self._meter.consume(READ_COST_PER_BYTE * len(part), "ValuePerByte")
        self._meter.consume(ITER_NEXT_COST_FLAT, "IterNextFlat")


def prefix_end(prefix: bytes) -> bytes | None:
    """The first key after every key that starts with ``prefix``; None when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None
