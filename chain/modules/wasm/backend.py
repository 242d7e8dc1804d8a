"""One contract call's view of its chain: its own keys, addresses, queries, and the gas they cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chain.context import Context
from chain.errors import INVALID_ADDRESS, AbciError
from chain.gas import prefix_end
from chain.modules.auth.module import ADDRESS_LENGTHS
from chain.modules.wasm import keys
from chain.vm import ApiError

if TYPE_CHECKING:
    from chain.modules.wasm.keeper import Keeper


class ContractBackend:
    """Satisfies ``chain.vm.Backend``. ``multiplier``: VM gas per SDK gas; 1 inside IBC entry points, as wasmd."""

    __slots__ = ("_address", "_ctx", "_keeper", "_kv", "_multiplier", "_prefix")

    def __init__(self, keeper: Keeper, ctx: Context, address: bytes, multiplier: int) -> None:
        self._keeper = keeper
        self._ctx = ctx
        self._address = address
        self._kv = ctx.kv("wasm")
        self._prefix = keys.contract_store(address)
        self._multiplier = multiplier

    def get(self, key: bytes) -> bytes | None:
        return self._kv.get(self._prefix + key)

    def set(self, key: bytes, value: bytes) -> None:
        self._kv.set(self._prefix + key, value)

    def remove(self, key: bytes) -> None:
        self._kv.delete(self._prefix + key)

    def scan(
        self, start: bytes | None, end: bytes | None, descending: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        """Pairs in order. The iterator stands on the first from its creation on, and moves on as it gives one out."""
        prefix = self._prefix
        first = prefix + (start or b"")
        last = prefix_end(prefix) if end is None else prefix + end
        pairs = self._kv.iterate(first, last, reverse=descending)
        return self._ahead(next(pairs, None), pairs)

    def _ahead(
        self, current: tuple[bytes, bytes] | None, pairs: Iterator[tuple[bytes, bytes]]
    ) -> Iterator[tuple[bytes, bytes]]:
        skipped = len(self._prefix)
        while current is not None:
            following = next(pairs, None)
            yield current[0][skipped:], current[1]
            current = following

    def canonicalize(self, human: str) -> bytes:
        try:
            return self._keeper.auth.acc_address_bytes(human)
        except AbciError as error:
            raise ApiError(str(error)) from error

    def humanize(self, canonical: bytes) -> str:
        if len(canonical) not in ADDRESS_LENGTHS:
            raise ApiError(INVALID_ADDRESS.text)
        return self._keeper.auth.address_text(canonical)

    def query(self, request: bytes, gas_limit: int) -> bytes:
        caller = self._keeper.auth.address_text(self._address)
        return self._keeper.answer(self._ctx, caller, request, gas_limit)

    def gas_consumed(self) -> int:
        return self._ctx.gas.consumed * self._multiplier
