"""What a message handler sees: block, store, gas and events of its scope.

A scope nests with ``with ctx.branch() as inner:``. Leaving it normally writes the inner state and events into the
outer scope; an exception leaves the outer scope as it was. Gas is never given back: the meter is shared unless another
is passed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from chain.events import EventLog
from chain.gas import GasKV, GasMeter
from chain.sdk import SDK_50, Sdk
from chain.store.branch import Branch
from light_client.values import Timestamp


class Mode(Enum):
    """Why the code runs (baseapp's execModes)."""

    CHECK = "check"
    RECHECK = "recheck"
    SIMULATE = "simulate"
    DELIVER = "deliver"
    QUERY = "query"
    GENESIS = "genesis"


@dataclass(slots=True)
class Context:
    """``height`` and ``time`` are those of the block being executed (for queries: of the committed block read)."""

    chain_id: str
    height: int
    time: Timestamp
    store: Branch
    gas: GasMeter
    mode: Mode
    events: EventLog = field(default_factory=EventLog)
    block_gas: GasMeter | None = None
    tx_bytes: bytes = b""
    proposer: bytes = b""
    header_hash: bytes = b""
    app_hash: bytes = b""
    """Of the state that the block builds on, as its header carries it."""
    min_gas_prices: tuple[tuple[str, str], ...] = ()
    """(denom, decimal price) pairs; fees are held against them in CHECK mode only."""
    sdk: Sdk = SDK_50
    """Whose costs the chain charges."""
    tx_index: int = 0
    """Of the transaction in its block; -1 outside of blocks, as in baseapp."""
    values: Mapping[Any, Any] = field(default_factory=dict)
    """Scope-wide values of modules (call depth, transaction counter), keyed by a name of the module that owns them."""

    def kv(self, name: str) -> GasKV:
        """The store ``name`` seen through this scope's gas meter."""
        return GasKV(self.store, name, self.gas)

    @contextmanager
    def branch(self, gas: GasMeter | None = None) -> Iterator[Context]:
        """A nested scope: kept on a normal exit, forgotten on an exception. ``gas`` replaces the meter inside."""
        inner = self.fork(gas)
        yield inner
        self.merge(inner)

    def fork(self, gas: GasMeter | None = None) -> Context:
        """A nested scope whose fate the caller decides: ``merge`` it, or drop it."""
        return self.over(self.store.branch(), EventLog(), self.gas if gas is None else gas)

    def over(self, store: Branch, events: EventLog, gas: GasMeter) -> Context:
        """The scope with another store, other events and gas; ``dataclasses.replace`` takes three times as long."""
        return Context(
            self.chain_id,
            self.height,
            self.time,
            store,
            gas,
            self.mode,
            events,
            self.block_gas,
            self.tx_bytes,
            self.proposer,
            self.header_hash,
            self.app_hash,
            self.min_gas_prices,
            self.sdk,
            self.tx_index,
            self.values,
        )

    def merge(self, inner: Context, *, events: bool = True) -> None:
        """Write what ``inner`` (a fork of this scope) changed; with ``events`` also append what it emitted."""
        inner.store.write()
        if events:
            self.events.extend(inner.events.events)

    def with_value(self, key: Any, value: Any) -> Context:
        inner = self.over(self.store, self.events, self.gas)
        inner.values = {**self.values, key: value}
        return inner

    def with_gas(self, meter: GasMeter) -> Context:
        return self.over(self.store, self.events, meter)

    def emit(self, type_: str, /, *pairs: tuple[str, str], **attributes: str) -> None:
        self.events.emit(type_, *pairs, **attributes)
