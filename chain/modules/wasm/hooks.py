"""Contracts that transfers call (``cosmos/ibc-apps:modules/ibc-hooks/wasm_hook.go`` execWasmMsg)."""

from __future__ import annotations

from collections.abc import Sequence

from chain.coins import Coin
from chain.context import Context
from chain.errors import AbciError
from chain.modules.wasm.keeper import Keeper
from chain.modules.wasm.validate import Validator
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2


class HookedContracts:
    """Satisfies ``chain.modules.transfer.hooks.Executor``."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._validator = Validator(keeper.auth)

    def execute(
        self, ctx: Context, contract: str, sender: str, message: bytes, funds: Sequence[Coin]
    ) -> bytes | None:
        """As MsgExecuteContract does, checks without state included."""
        coins = [coin.to_pb() for coin in funds]
        wanted = tx_pb2.MsgExecuteContract(
            sender=sender, contract=contract, msg=message, funds=coins
        )
        try:
            self._validator.execute(wanted)
        except AbciError as error:
            raise error.wrap("cannot execute contract") from error
        return self._keeper.execute(ctx, contract, sender, message, funds)

    def sudo(self, ctx: Context, contract: str, message: bytes) -> None:
        self._keeper.sudo(ctx, contract, message)
