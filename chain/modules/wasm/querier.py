"""What contracts may ask of their chain (wasmd ``x/wasm/keeper/query_plugins.go``).

A query runs in a scope that is thrown away, under a meter of its own; what it consumed is charged to the asking
contract whatever its end. Refusals are redacted like those of sub-messages, except those that have a ``SystemError``
form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from chain.context import Context
from chain.errors import AbciError, OutOfGas
from chain.gas import GasMeter
from chain.modules.ibc.module import Ibc
from chain.modules.staking.module import Staking
from chain.modules.wasm import asked, errors, wire
from chain.modules.wasm.answers import BankAnswers, IbcAnswers, StakingAnswers, WasmAnswers
from chain.modules.wasm.keeper import Keeper
from chain.modules.wasm.routed import RoutedAnswers
from chain.router import QueryRouter

REFUSED: Final = {"custom": "custom", "distribution": "distribution"}


class Querier:
    """Answers ``query_chain``."""

    def __init__(self, keeper: Keeper, staking: Staking, ibc: Ibc, router: QueryRouter) -> None:
        self._rules = keeper.rules
        self._answers: Mapping[str, Callable[[Context, str, Any], bytes]] = {
            "bank": BankAnswers(keeper),
            "grpc": RoutedAnswers(router, "gRPC", as_json=False),
            "ibc": IbcAnswers(keeper, ibc),
            "staking": StakingAnswers(keeper, staking),
            "stargate": RoutedAnswers(router, "Stargate", as_json=True),
            "wasm": WasmAnswers(keeper),
        }

    def __call__(self, ctx: Context, caller: str, request: bytes, gas_limit: int) -> bytes:
        """JSON of ``SystemResult<ContractResult<Binary>>``; ``gas_limit`` in VM gas."""
        try:
            wanted = wire.decode(request, asked.Request)
        except ValueError as error:
            return _system({"invalid_request": {"error": str(error), "request": request}})
        meter = GasMeter(gas_limit // self._rules.version.multiplier)
        try:
            answer = self._answer(ctx.fork(meter), caller, wanted)
        except (OutOfGas, errors.Panic):
            raise
        except errors.SystemRefusal as error:
            return _system(error.system)
        except AbciError as error:
            text = errors.redacted(error, told=self._rules.version.tells_query_errors)
            return msgspec.json.encode({"ok": {"error": text}})
        finally:
            ctx.gas.consume(meter.consumed, "contract sub-query")
        return msgspec.json.encode({"ok": {"ok": answer}})

    def _answer(self, ctx: Context, caller: str, wanted: asked.Request) -> bytes:
        for kind in wanted.__struct_fields__:
            body = getattr(wanted, kind)
            if body is None:
                continue
            if kind in REFUSED:
                raise errors.unsupported(REFUSED[kind])
            return self._answers[kind](ctx, caller, body)
        raise errors.unknown_query()


def _system(error: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"error": error})
