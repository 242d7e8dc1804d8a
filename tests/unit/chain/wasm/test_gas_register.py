"""What x/wasm charges beside VM gas: the tables of wasmd's ``x/wasm/types/gas_register_test.go``."""

from __future__ import annotations

import pytest

from chain.context import Context, Mode
from chain.gas import GasMeter
from chain.modules.wasm import gas
from chain.modules.wasm.codes import MAX_WASM_SIZE
from chain.modules.wasm.errors import Panic
from chain.modules.wasm.wire import ContractEvent, EventAttribute
from chain.store.branch import Branch
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from light_client.values import Timestamp

MY_DATA = EventAttribute("myKey", "myData")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([ContractEvent("foo", [MY_DATA])], 3 + 10),
        ([ContractEvent("foo", [EventAttribute("x" * 100, "myData")])], 3 + 6 + 10),
        ([ContractEvent("", [])] * 10, 0),
        ([], 0),
    ],
)
@pytest.mark.parametrize("setup", [2_000, 60_000])
def test_replies(setup: int, events: list[ContractEvent], expected: int) -> None:
    assert gas.reply_cost(setup, events) == setup + expected


@pytest.mark.parametrize(
    ("attributes", "events", "expected"),
    [
        ([], [ContractEvent("", [])], 20),
        ([EventAttribute("", "")], [], 10),
        ([], [], 0),
        ([EventAttribute("x" * 60, "y" * 30)], [ContractEvent("foo", [MY_DATA])], 10 + 20 + 3 + 10 + 1),
    ],
)  # fmt: skip
def test_events(
    attributes: list[EventAttribute], events: list[ContractEvent], expected: int
) -> None:
    assert gas.event_cost(attributes, events) == expected


@pytest.mark.parametrize(
    ("size", "expected"), [(0, 0), (100, 15), (19, 2), (MAX_WASM_SIZE, 122_880)]
)
def test_unpacking(size: int, expected: int) -> None:
    assert gas.uncompress_cost(size) == expected


@pytest.mark.parametrize(
    ("limit", "consumed", "unit", "expected"),
    [
        (0, 0, 140_000, 0),
        (None, 5, 140_000, 2**64 - 1),
        (2**64 - 1, 0, 1, 2**64 - 1),
        (100, 40, 140_000, 60 * 140_000),
        (100, 100, 140_000, 0),
    ],
)
def test_what_a_contract_may_use(
    limit: int | None, consumed: int, unit: int, expected: int
) -> None:
    assert gas.runtime_limit(metered(limit, consumed), unit) == expected


def test_more_than_a_contract_can_count() -> None:
    with pytest.raises(Panic, match="ToWasmVMGas"):
        gas.runtime_limit(metered(2**63, 0), 140_000)


def metered(limit: int | None, consumed: int) -> Context:
    meter = GasMeter(limit)
    meter.consume(consumed, "test")
    store = Branch(MultiStore(MemoryDatabase(), ["wasm"]).snapshot())
    return Context("test-1", 1, Timestamp(0, 0), store, meter, Mode.DELIVER)
