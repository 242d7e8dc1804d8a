"""SDK gas that wasmd v0.61.14 asserts in its own tests (``x/wasm/keeper/recurse_test.go``, ``keeper_test.go``).

The contract is not ours to commit: the tests run when ``LIGHTSHIP_CONTRACTS`` names a folder that has it (wasmd
``x/wasm/keeper/testdata/hackatom.wasm``, found by checksum).
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from helpers.chains import Solo, genesis

from chain.coins import Coin
from chain.context import Context, Mode
from chain.errors import AbciError, OutOfGas
from chain.gas import GasMeter
from chain.modules.wasm.codes import Upload
from chain.modules.wasm.keeper import TX_CONTRACTS, TX_COUNTER, Keeper, Wanted
from chain.vm import VM
from light_client.values import Timestamp

HACKATOM: Final = "3f4cd47c39c57fe1733fb41ed176eebd9d5c67baf5df8a1eeda1455e758f8514"

NO_WORK, WORK_50, WORK_2000 = 64_197, 64_444, 77_035
DISCOUNT: Final = 58_000
UNHASHED, HASHED, HASHED_2000 = 74, 63, 64
ERROR: Final = 3_404
BANK_SEND_FROM_A_CONTRACT: Final = 1_000
"""The circuit breaker of wasmd's application, which the keeper's tests run without."""


@pytest.fixture(scope="module")
def hackatom() -> bytes:
    folder = os.environ.get("LIGHTSHIP_CONTRACTS")
    if not folder:
        pytest.skip("LIGHTSHIP_CONTRACTS names no folder with upstream's contracts")
    for file in Path(folder).rglob("*.wasm"):
        code = file.read_bytes()
        if hashlib.sha256(code).hexdigest() == HACKATOM:
            return code
    pytest.skip(f"no contract with checksum {HACKATOM[:16]}… in LIGHTSHIP_CONTRACTS")


class Bench:
    """A keeper as wasmd's tests have it: height 1234567, no block gas, no chain id."""

    def __init__(self, vm: VM, hackatom: bytes) -> None:
        solo = Solo(genesis({}), vm=vm)
        solo.block()
        assert solo.app.wasm is not None
        self.app = solo.app
        self.keeper: Keeper = solo.app.wasm.keeper
        self.ctx = replace(
            solo.app.context_at(0),
            chain_id="",
            height=1_234_567,
            time=Timestamp(1_587_556_800, 0),
            mode=Mode.DELIVER,
            values={TX_COUNTER: 0},
        )
        text = self.app.auth.address_text
        self.fred, self.bob, self.uploader = (text(bytes([each]) * 20) for each in (2, 3, 4))
        self.creator = text(b"\x01" * 32)
        self.hackatom = hackatom

    def store(self, uploader: str) -> None:
        self.keeper.codes.store(self.ctx, Upload(uploader, self.hackatom), authority=False)

    def fund(self, address: str, amount: int) -> None:
        coins = [Coin("denom", amount)]
        self.app.bank.mint(self.ctx, "transfer", coins)
        self.app.bank.send_from_module(self.ctx, "transfer", address, coins)

    def example(self) -> str:
        """The contract of most of wasmd's tests."""
        self.store(self.uploader)
        return self.instantiate("hackatom contract", self.uploader, admin=self.uploader)

    def instantiate(self, label: str, creator: str, admin: str = "", funds: int = 0) -> str:
        message = json.dumps(
            {"verifier": self.fred, "beneficiary": self.bob}, separators=(",", ":")
        ).encode()
        coins = [Coin("denom", funds)] if funds else []
        wanted = Wanted(1, creator, admin, label, message, coins)
        address, _ = self.keeper.instantiate(self.ctx, wanted, self.keeper.classic_address)
        return address

    def metered(self, limit: int) -> Context:
        return self.ctx.with_gas(GasMeter(limit)).with_value(TX_CONTRACTS, set())


@pytest.fixture
def bench(vm: VM, hackatom: bytes) -> Bench:
    return Bench(vm, hackatom)


def _recurse(depth: int, work: int) -> bytes:
    return f'{{"recurse":{{"depth":{depth},"work":{work}}}}}'.encode()


@pytest.mark.parametrize(
    ("depth", "work", "expected"),
    [
        (0, 0, NO_WORK),
        (0, 50, WORK_50),
        (1, 0, NO_WORK + (NO_WORK - DISCOUNT) + UNHASHED),
        (1, 50, WORK_50 + (WORK_50 - DISCOUNT) + HASHED),
        (4, 50, WORK_50 + 4 * (WORK_50 - DISCOUNT + HASHED)),
        (0, 2000, WORK_2000),
        (5, 2000, WORK_2000 + 5 * (WORK_2000 - DISCOUNT + HASHED_2000)),
    ],
)
def test_queries(bench: Bench, depth: int, work: int, expected: int) -> None:
    address = bench.example()
    ctx = bench.metered(4_000_000)
    bench.keeper.query(ctx, address, _recurse(depth, work))
    assert ctx.gas.consumed == expected


def test_the_exact_gas_of_six_runs_is_too_little(bench: Bench) -> None:
    address = bench.example()
    ctx = bench.metered(WORK_2000 + 5 * (WORK_2000 - DISCOUNT + HASHED_2000))
    with pytest.raises(OutOfGas):
        bench.keeper.query(ctx, address, _recurse(6, 2000))


def test_the_tenth_query_inside_a_query_is_refused(bench: Bench) -> None:
    address = bench.example()
    ctx = bench.metered(10_000_000)
    with pytest.raises(AbciError, match="query wasm contract failed"):
        bench.keeper.query(ctx, address, _recurse(100, 2000))
    repeated = 9 * (WORK_2000 - DISCOUNT + HASHED_2000)
    assert ctx.gas.consumed == WORK_2000 + HASHED_2000 + repeated + ERROR


def test_instantiate(bench: Bench) -> None:
    bench.fund(bench.creator, 100_000)
    bench.store(bench.uploader)
    before = bench.ctx.gas.consumed
    bench.instantiate("demo contract 1", bench.creator)
    assert bench.ctx.gas.consumed - before == 0x1C479


def test_execute(bench: Bench) -> None:
    bench.fund(bench.creator, 200_000)
    bench.fund(bench.fred, 5_000)
    bench.store(bench.creator)
    address = bench.instantiate("demo contract 3", bench.creator, funds=100_000)
    before = bench.ctx.gas.consumed
    bench.keeper.execute(bench.ctx, address, bench.fred, b'{"release":{}}', [Coin("denom", 5_000)])
    assert bench.ctx.gas.consumed - before == 0x1ADB7 + BANK_SEND_FROM_A_CONTRACT
