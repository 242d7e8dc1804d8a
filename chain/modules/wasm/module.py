"""x/wasm as a module of the application: keeper, messages, queries, IBC port and genesis in one front."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from chain.context import Context, Mode
from chain.gas import GasMeter
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.base.consensus import Consensus
from chain.modules.ibc.module import Ibc
from chain.modules.staking.module import Staking
from chain.modules.wasm import keys
from chain.modules.wasm.callbacks import ContractCallbacks
from chain.modules.wasm.dispatch import Dispatcher
from chain.modules.wasm.genesis import Genesis
from chain.modules.wasm.hooks import HookedContracts
from chain.modules.wasm.ibc import PORT_PREFIX, ContractPort
from chain.modules.wasm.ibc2 import PORT_PREFIX as PORT_PREFIX_V2
from chain.modules.wasm.ibc2 import ContractPortV2
from chain.modules.wasm.keeper import TX_CONTRACTS, TX_COUNTER, Keeper
from chain.modules.wasm.messages import Messages
from chain.modules.wasm.messenger import ChainMessenger
from chain.modules.wasm.querier import Querier
from chain.modules.wasm.queries import Queries
from chain.router import MessageRouter, QueryRouter, Routers
from chain.vm import VM

PYTHON_FRAMES: Final = 10_000
"""Messages nest up to 100 deep, a dozen frames each, queries inside them more: above CPython's limit of 1,000."""

SIMULATION_GAS_LIMIT: Final = 50_000_000
"""Of simulations on a chain whose blocks have no limit: some seconds of an endless loop."""


class Wasm:
    """Satisfies ``chain.router.Module``."""

    name = "wasm"
    stores = ("wasm",)

    def __init__(
        self,
        auth: Auth,
        bank: Bank,
        staking: Staking,
        ibc: Ibc,
        routers: Routers,
        vm: VM,
        authority: str,
        consensus: Consensus,
    ) -> None:
        sys.setrecursionlimit(max(sys.getrecursionlimit(), PYTHON_FRAMES))
        self._consensus = consensus
        self.keeper = Keeper(auth, bank, vm)
        messenger = ChainMessenger(auth, bank, ibc, routers.messages, self.keeper)
        self.keeper.dispatch = Dispatcher(self.keeper.reply, messenger, lambda: self.keeper.version)
        self.keeper.answer = Querier(self.keeper, staking, ibc, routers.queries)
        self._messages = Messages(self.keeper, authority)
        self._queries = Queries(self.keeper)
        self._genesis = Genesis(self.keeper, routers.queries)
        self.callbacks = ContractCallbacks(self.keeper)
        self.hooked = HookedContracts(self.keeper)
        ibc.route(PORT_PREFIX, ContractPort(self.keeper, ibc))
        ibc.route_prefix_v2(PORT_PREFIX_V2, ContractPortV2(self.keeper))

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        self._messages.register(messages)
        self._queries.register(queries)

    def ante(self, ctx: Context, _: Any) -> Context:
        """Number the transaction within its block and remember the codes it warms (wasmd ``keeper/ante.go``).

        A simulation has no number, and an end: anybody may ask for one, for nothing (CWA-2024-009).
        """
        if ctx.mode is Mode.SIMULATE:
            block = self._consensus.params(ctx).block.max_gas
            ctx = ctx.with_gas(GasMeter(block if block > 0 else SIMULATION_GAS_LIMIT))
        else:
            ctx = ctx.with_value(TX_COUNTER, self._count(ctx))
        return ctx.with_value(TX_CONTRACTS, set())

    def _count(self, ctx: Context) -> int:
        store = ctx.kv("wasm")
        stored = store.get(keys.TX_COUNTER)
        counter = 0
        if stored is not None and int.from_bytes(stored[:8], "big") == ctx.height:
            counter = int.from_bytes(stored[8:], "big")
        store.set(keys.TX_COUNTER, keys.u64(ctx.height) + (counter + 1).to_bytes(4, "big"))
        return counter

    def follow_genesis(self, state: Any) -> None:
        """Before any module stores its genesis: the release in the state decides what all of them charge."""
        self._genesis.follow(state)

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        self._genesis.load(ctx, state)

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        return self._genesis.dump(ctx)
