"""The application of this package on a node: with a VM for contracts, which ends with it."""

from __future__ import annotations

from pathlib import Path

from chain.app import Application
from chain.store.database import Database
from chain.vm import VM


class CosmWasmApplication(Application):
    """``code`` is the folder for contracts' code; None keeps it in memory."""

    def __init__(
        self,
        database: Database,
        code: Path | None,
        *,
        bech32_prefix: str,
        min_gas_prices: tuple[tuple[str, str], ...],
        keep_recent: int,
    ) -> None:
        self._vm = VM(code)
        super().__init__(
            database,
            self._vm,
            bech32_prefix=bech32_prefix,
            min_gas_prices=min_gas_prices,
            keep_recent=keep_recent,
        )

    def close(self) -> None:
        super().close()
        self._vm.close()
