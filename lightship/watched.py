"""A VM that remembers what its outermost call came to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chain.errors import AbciError
from chain.vm import VM, Analysis, Backend, CallResult, Era, GasReport, VmError
from chain.vm.profile import Profiler

OLD_CHECKSUM: Final = bytes(32)
"""Stands for the code that a contract is migrated from, of which only the migrate version counts."""


class WatchedVM(VM):
    """Remembers the outermost call, which ``profiler`` runs where there is one; queries inside it run as ever."""

    def __init__(self, era: Era, capabilities: frozenset[str], old_version: int | None) -> None:
        super().__init__(era=era, capabilities=capabilities)
        self.profiler: Profiler | None = None
        self._old_version = old_version
        self._busy = False
        self.reset()

    def reset(self) -> None:
        self.data: bytes | None = None
        self.gas: GasReport | None = None
        self.debug: tuple[str, ...] = ()

    def analyze(self, checksum: bytes) -> Analysis:
        if checksum != OLD_CHECKSUM:
            return super().analyze(checksum)
        nothing: frozenset[str] = frozenset()
        return Analysis(nothing, False, nothing, self._old_version)

    def call(
        self,
        checksum: bytes,
        entry: str,
        args: Sequence[bytes],
        backend: Backend,
        gas_limit: int,
        *,
        debug: bool = False,
    ) -> CallResult:
        if self._busy:
            return super().call(checksum, entry, args, backend, gas_limit, debug=debug)
        self._busy = True
        try:
            result = self._outermost(checksum, entry, args, backend, gas_limit)
        except (VmError, AbciError) as error:
            self.gas = getattr(error, "gas_report", None)
            raise
        finally:
            self._busy = False
        self.data, self.gas, self.debug = result.data, result.gas, result.debug
        return result

    def _outermost(
        self, checksum: bytes, entry: str, args: Sequence[bytes], backend: Backend, gas_limit: int
    ) -> CallResult:
        if self.profiler is not None:
            return self.profiler.call(entry, args, backend, gas_limit, debug=True)
        return super().call(checksum, entry, args, backend, gas_limit, debug=True)
