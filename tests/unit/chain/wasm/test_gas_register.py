"""What x/wasm charges beside VM gas: the tables of wasmd's ``x/wasm/types/gas_register_test.go``."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

import pytest
from helpers.chains import Solo, genesis
from helpers.puppet import CODE

from chain.context import Context, Mode
from chain.errors import AbciError
from chain.gas import GasMeter
from chain.modules.wasm import gas
from chain.modules.wasm.codes import MAX_WASM_SIZE, Upload
from chain.modules.wasm.errors import Panic
from chain.modules.wasm.keeper import Wanted
from chain.modules.wasm.wire import ContractEvent, EventAttribute
from chain.store.branch import Branch
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from chain.vm import VM
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


@pytest.fixture(scope="module")
def own_vm() -> Iterator[VM]:
    """It follows one release after the other."""
    machine = VM()
    yield machine
    machine.close()


@pytest.mark.parametrize("size", [0, 1, 10_000])
@pytest.mark.parametrize(
    ("release", "pinned", "expected"),
    [
        ("0.45.0", False, 60_000),
        ("0.45.0", True, 0),
        ("0.50.0", True, 0),
        ("0.51.0", False, 60_000),
        ("0.51.0", True, 2_000),
        ("0.61.14", False, 60_000),
        ("0.61.14", True, 2_000),
        ("0.70.3", True, 2_000),
    ],
)
def test_setting_up(own_vm: VM, release: str, pinned: bool, expected: int, size: int) -> None:
    """``TestSetupContractCost``: as pinned or not, and nothing for the message."""
    chain = Solo(genesis({}) | {"wasm": {"wasmd": release}}, vm=own_vm)
    chain.block()
    assert chain.app.wasm is not None
    ctx, keeper = chain.app.context_at(0), chain.app.wasm.keeper
    author = chain.app.auth.address_text(b"\x01" * 20)
    keeper.codes.store(ctx, Upload(author, CODE), authority=False)
    wanted = Wanted(1, author, "", "label", b"{}")
    address, _ = keeper.instantiate(ctx, wanted, keeper.classic_address)
    if pinned:
        keeper.codes.pin(ctx, 1)
    sizes = []
    for message in (b'{"ok":{}}', b'{"ok":{}}' + b" " * size):
        meter = Watched()
        keeper.execute(ctx.with_gas(meter), address, author, message, [])
        sizes.append(meter.told["Loading CosmWasm module: execute"])
    assert sizes == [expected, expected]


class Watched(GasMeter):
    """Tells what was consumed for what."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Counter[str] = Counter()

    def consume(self, amount: int, descriptor: str) -> None:
        self.told[descriptor] += amount
        super().consume(amount, descriptor)


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


@pytest.mark.parametrize(
    ("used", "unit", "expected"),
    [(0, 140_000, 0), (2**64 - 1, 1, 2**64 - 1), (139_999, 140_000, 0), (280_000, 140_000, 2)],
)
def test_what_a_contract_used(used: int, unit: int, expected: int) -> None:
    """``TestFromWasmVMGasConversion``: rounded down."""
    ctx = metered(None, 0)
    gas.consume_runtime(ctx, used, unit)
    assert ctx.gas.consumed == expected


def test_a_broken_archive_is_paid_for(vm: VM) -> None:
    """``TestCreateWithBrokenGzippedPayload`` (``x/wasm/keeper/keeper_test.go``): 809,232 bytes with a wrong CRC."""
    sizes = [*(65_535,) * 12, 22_729]
    blocks = [
        struct.pack("<BHH", index == 12, size, 0xFFFF - size) + bytes(size)
        for index, size in enumerate(sizes)
    ]
    wrong = zlib.crc32(bytes(sum(sizes))) ^ 1
    archive = b"\x1f\x8b\x08".ljust(10, b"\0") + b"".join(blocks)
    archive += struct.pack("<II", wrong, sum(sizes))
    assert len(archive) == 809_232
    chain = Solo(genesis({}), vm=vm)
    chain.block()
    assert chain.app.wasm is not None
    meter = Watched()
    ctx = chain.app.context_at(0).with_gas(meter)
    upload = Upload(chain.app.auth.address_text(b"\x01" * 20), archive)
    with pytest.raises(AbciError, match=r"uncompress wasm archive: .*incorrect data check"):
        chain.app.wasm.keeper.codes.store(ctx, upload, authority=False)
    assert meter.told["Uncompress gzip bytecode"] == 121_384
    assert meter.consumed >= 121_384


def metered(limit: int | None, consumed: int) -> Context:
    meter = GasMeter(limit)
    meter.consume(consumed, "test")
    store = Branch(MultiStore(MemoryDatabase(), ["wasm"]).snapshot())
    return Context("test-1", 1, Timestamp(0, 0), store, meter, Mode.DELIVER)
