"""SDK gas of x/wasm (wasmd ``x/wasm/types/gas_register.go``): what a contract call costs beside its VM gas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chain.context import Context
from chain.errors import OutOfGas
from chain.modules.wasm.errors import Panic
from chain.modules.wasm.wire import ContractEvent, EventAttribute

INSTANCE_COST: Final = 60_000
COMPILE_COST_PER_BYTE: Final = 3
PER_ATTRIBUTE_COST: Final = 10
PER_CUSTOM_EVENT_COST: Final = 20
ATTRIBUTE_FREE_TIER: Final = 100
MAX_UINT64: Final = 2**64 - 1


def uncompress_cost(size: int) -> int:
    return size * 15 // 100


def event_cost(
    attributes: Sequence[EventAttribute],
    events: Sequence[ContractEvent],
    free: int = ATTRIBUTE_FREE_TIER,
) -> int:
    """Attributes of the response first, then each custom event; one free tier of 100 bytes for all of them."""
    cost, free = _attributes_cost(attributes, free)
    for event in events:
        own, free = _attributes_cost(event.attributes, free)
        cost += PER_CUSTOM_EVENT_COST + len(event.type.encode()) + own
    return cost


def reply_cost(setup: int, events: Sequence[ContractEvent]) -> int:
    """The price of a set-up (the discounted one) plus the events of the sub-message."""
    attributes = [attribute for event in events for attribute in event.attributes]
    types = sum(len(event.type.encode()) for event in events)
    return setup + types + event_cost(attributes, ())


def _attributes_cost(attributes: Sequence[EventAttribute], free: int) -> tuple[int, int]:
    size = sum(len(item.key.encode()) + len(item.value.encode()) for item in attributes)
    charged = max(0, size - free)
    return charged + PER_ATTRIBUTE_COST * len(attributes), max(0, free - size)


def runtime_limit(ctx: Context, multiplier: int) -> int:
    """VM gas that a contract may use now: what is left of the meter; without a limit the largest uint64.

    Panic where it is more than that.
    """
    meter = ctx.gas
    if meter.limit is None:
        return MAX_UINT64
    if meter.is_out_of_gas:
        return 0
    limit = (meter.limit - meter.consumed) * multiplier
    if limit > MAX_UINT64:
        raise Panic("{ToWasmVMGas}")
    return limit


def consume_runtime(ctx: Context, vm_gas: int, multiplier: int) -> None:
    """Charge VM gas, rounded down; reaching the limit exactly is out of gas too (``consumeRuntimeGas``)."""
    meter = ctx.gas
    meter.consume(vm_gas // multiplier, "wasm contract")
    if meter.is_out_of_gas:
        raise OutOfGas("Wasm engine function execution", meter.limit or 0, meter.consumed)
