"""SDK gas that wasmd asserts in its own tests (``x/wasm/keeper/recurse_test.go``, ``keeper_test.go``).

The contract is not ours to commit: the tests run when ``LIGHTSHIP_CONTRACTS`` names a folder that has it (wasmd
``x/wasm/keeper/testdata/{hackatom,reflect_2_0}.wasm``, found by checksum).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from helpers.chains import Solo, genesis
from helpers.upstream import contract

from chain.coins import Coin
from chain.context import Context, Mode
from chain.errors import AbciError, OutOfGas
from chain.gas import GasMeter
from chain.modules.wasm.codes import Upload
from chain.modules.wasm.keeper import TX_CONTRACTS, TX_COUNTER, Keeper, Wanted
from chain.vm import VM
from light_client.values import Timestamp

REFLECT: Final = "99aef385de6f1cd85c2253fa35a3c2596c7106ca14e81ba3b6ba5fbd362fe92d"
OLD_REFLECT: Final = "2eef03966e62d20dbfa5a9587321cdd9e2a5481631335e8a908d41521d1cd39f"
"""Of wasmd before 0.51, whose replies have no ``gas_used``."""
HACKATOM: Final = "3f4cd47c39c57fe1733fb41ed176eebd9d5c67baf5df8a1eeda1455e758f8514"

DISCOUNT: Final = 58_000
"""What a contract that the transaction has called before is cheaper, since 0.54."""


@dataclass(frozen=True)
class Figures:
    """``no_work``, ``work_50``, ``work_2000``: a query without and with that many rounds of SHA-256.

    ``unhashed``, ``hashed``, ``hashed_2000``: what returning the result to a caller adds. ``deep``: of a query that
    goes too deep. ``instantiate`` and ``execute`` include what accounts and coins cost in the SDK of the release.
    """

    no_work: int
    work_50: int
    unhashed: int
    hashed: int
    work_2000: int
    hashed_2000: int
    deep: int
    instantiate: int
    execute: int


RELEASES: Final = {
    "0.45.0": Figures(63950, 64218, 32, 26, 77161, 27, 771_631, 0x1B5BD, 0x1A155),
    "0.46.0": Figures(63983, 64222, 55, 46, 76279, 48, 762_923, 0x1B5E8, 0x1A19F),
    "0.50.0": Figures(63950, 64218, 32, 26, 77161, 27, 771_631, 0x1BC64, 0x1AC6A),
    "0.51.0": Figures(63950, 64218, 32, 26, 77161, 27, 771_631, 0x1BC64, 0x1AC6A),
    "0.52.0": Figures(63956, 64268, 36, 29, 78937, 30, 792_822, 0x1BC6B, 0x1AC76),
    "0.53.0": Figures(63983, 64222, 55, 46, 76279, 48, 766_549, 0x1BC8F, 0x1ACB4),
    "0.53.2": Figures(64002, 64249, 70, 59, 76832, 59, 772_310, 0x1BCA5, 0x1ACDB),
    "0.54.0": Figures(63987, 64234, 70, 59, 76817, 59, 250_160, 0x1BCA5, 0x1ACDB),
    "0.54.1": Figures(63988, 64236, 72, 60, 76818, 62, 250_196, 0x1BCB0, 0x1ACE0),
    "0.54.9": Figures(63988, 64236, 72, 61, 76826, 62, 250_277, 0x1BCB0, 0x1ACE0),
    "0.55.1": Figures(63988, 64236, 72, 60, 76818, 62, 250_196, 0x1BCB0, 0x1ACE0),
    "0.60.7": Figures(63988, 64236, 72, 60, 76818, 62, 250_196, 0x1BCB0, 0x1ACE0),
    "0.60.8": Figures(63988, 64236, 72, 61, 76826, 62, 250_277, 0x1BCB0, 0x1ACE0),
    "0.61.0": Figures(64197, 64444, 74, 63, 77026, 64, 252_311, 0x1C479, 0x1ADB7),
    "0.61.14": Figures(64197, 64444, 74, 63, 77035, 64, 252_394, 0x1C479, 0x1ADB7),
    "0.70.0": Figures(64197, 64444, 74, 63, 77026, 64, 252_311, 0x1B8A6, 0x1A21A),
    "0.70.3": Figures(64197, 64444, 74, 63, 77035, 64, 252_394, 0x1B8A6, 0x1A21A),
}


@pytest.fixture(scope="module")
def vm() -> Iterator[VM]:
    """It follows one release after the other."""
    machine = VM()
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def hackatom() -> bytes:
    return contract(HACKATOM)


class Bench:
    """A keeper as wasmd's tests have it: height 1234567, no block gas, no chain id, no circuit breaker."""

    def __init__(self, vm: VM, release: str, hackatom: bytes) -> None:
        self.release = release
        self.figures = RELEASES[release]
        solo = Solo(genesis({}) | {"wasm": {"wasmd": release}}, vm=vm)
        solo.block()
        assert solo.app.wasm is not None
        self.app = solo.app
        self.keeper: Keeper = solo.app.wasm.keeper
        self.ctx = replace(
            solo.app.context_at(0),
            sdk=replace(self.keeper.version.sdk, circuit_breaker=False),
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

    def store(self, uploader: str, code: bytes | None = None) -> None:
        upload = Upload(uploader, code or self.hackatom)
        self.keeper.codes.store(self.ctx, upload, authority=False)

    def fund(self, address: str, amount: int) -> None:
        coins = [Coin("denom", amount)]
        self.app.bank.mint(self.ctx, "transfer", coins)
        self.app.bank.send_from_module(self.ctx, "transfer", address, coins)

    def example(self) -> str:
        """The contract of most of wasmd's tests."""
        self.store(self.uploader)
        label = "demo contract to query" if self.release < "0.54" else "hackatom contract"
        return self.instantiate(label, self.uploader, admin=self.uploader)

    def instantiate(
        self, label: str, creator: str, admin: str = "", funds: int = 0, code: int = 1
    ) -> str:
        message = json.dumps(
            {"verifier": self.fred, "beneficiary": self.bob}, separators=(",", ":")
        ).encode()
        coins = [Coin("denom", funds)] if funds else []
        wanted = Wanted(code, creator, admin, label, message, coins)
        address, _ = self.keeper.instantiate(self.ctx, wanted, self.keeper.classic_address)
        return address

    def repeated(self, work: int) -> int:
        """Of a query that a contract makes of itself."""
        return work - (DISCOUNT if self.keeper.version.warms_in_tx else 0)

    def metered(self, limit: int) -> Context:
        return self.ctx.with_gas(GasMeter(limit)).with_value(TX_CONTRACTS, set())


@pytest.fixture(params=RELEASES)
def bench(request: pytest.FixtureRequest, hackatom: bytes) -> Iterator[Bench]:
    vm = VM()
    yield Bench(vm, request.param, hackatom)
    vm.close()


def _recurse(depth: int, work: int) -> bytes:
    return f'{{"recurse":{{"depth":{depth},"work":{work}}}}}'.encode()


@pytest.mark.parametrize(
    ("depth", "work"), [(0, 0), (0, 50), (1, 0), (1, 50), (4, 50), (0, 2000), (5, 2000)]
)
def test_queries(bench: Bench, depth: int, work: int) -> None:
    first, back = _expected(bench.figures, work)
    address = bench.example()
    ctx = bench.metered(4_000_000)
    bench.keeper.query(ctx, address, _recurse(depth, work))
    assert ctx.gas.consumed == first + depth * (bench.repeated(first) + back)


def _expected(figures: Figures, work: int) -> tuple[int, int]:
    """Of a query with so much work, and of handing its result to a caller."""
    return {
        0: (figures.no_work, figures.unhashed),
        50: (figures.work_50, figures.hashed),
        2000: (figures.work_2000, figures.hashed_2000),
    }[work]


def test_the_exact_gas_of_six_runs_is_too_little(bench: Bench) -> None:
    first, back = _expected(bench.figures, 2000)
    address = bench.example()
    ctx = bench.metered(first + 5 * (bench.repeated(first) + back))
    with pytest.raises(OutOfGas):
        bench.keeper.query(ctx, address, _recurse(6, 2000))


def test_the_tenth_query_inside_a_query_is_refused(bench: Bench) -> None:
    address = bench.example()
    ctx = bench.metered(10_000_000)
    with pytest.raises(AbciError, match="query wasm contract failed"):
        bench.keeper.query(ctx, address, _recurse(100, 2000))
    assert ctx.gas.consumed == bench.figures.deep


def test_instantiate(bench: Bench) -> None:
    bench.fund(bench.creator, 100_000)
    bench.store(bench.uploader)
    before = bench.ctx.gas.consumed
    bench.instantiate("demo contract 1", bench.creator)
    assert bench.ctx.gas.consumed - before == bench.figures.instantiate


def test_execute(bench: Bench) -> None:
    bench.fund(bench.creator, 200_000)
    bench.fund(bench.fred, 5_000)
    bench.store(bench.creator)
    address = bench.instantiate("demo contract 3", bench.creator, funds=100_000)
    before = bench.ctx.gas.consumed
    bench.keeper.execute(bench.ctx, address, bench.fred, b'{"release":{}}', [Coin("denom", 5_000)])
    assert bench.ctx.gas.consumed - before == bench.figures.execute


# --- submsg_test.go ---------------------------------------------------------------------------------

SUB_LIMIT: Final = 300_000
SEND, TOO_MUCH, LOOP = (1_000_000 // 2, 1_000_000 * 2, 0)


@dataclass(frozen=True)
class Ranges:
    """What upstream lets a caller of sub-messages use, at least and at most; ``loop`` beside the limit itself."""

    send: tuple[int, int]
    send_limited: tuple[int, int]
    too_much: tuple[int, int]
    too_much_limited: tuple[int, int]
    loop: tuple[int, int]


_SEND: Final = (110_000, 112_000)
_FEW: Final = (78_000, 81_000)
_MORE: Final = (78_000, 81_100)
_LOOP: Final = (75_000, 77_000)
_OLD_LOOP: Final = (73_000, 74_000)
RANGES: Final = {
    "0.45.0": Ranges(
        (102_000, 103_000), (102_000, 103_000), (76_000, 79_000), (77_700, 77_800), _OLD_LOOP
    ),
    "0.46.0": Ranges(
        (102_000, 103_000), (102_000, 104_000), (76_000, 79_000), (77_700, 77_900), _OLD_LOOP
    ),
    "0.50.0": Ranges(
        (105_000, 106_000), (105_000, 106_000), (76_000, 79_000), (77_700, 77_800), _OLD_LOOP
    ),
    "0.51.0": Ranges((110_000, 111_000), _SEND, _FEW, _FEW, _LOOP),
    "0.53.0": Ranges(_SEND, _SEND, _FEW, _FEW, _LOOP),
    "0.54.9": Ranges(_SEND, _SEND, _FEW, _FEW, _LOOP),
    "0.55.1": Ranges(_SEND, _SEND, _FEW, _FEW, _LOOP),
    "0.60.8": Ranges(_SEND, _SEND, _FEW, _FEW, _LOOP),
    "0.61.0": Ranges(_SEND, _SEND, _MORE, _MORE, _LOOP),
    "0.61.14": Ranges(_SEND, _SEND, _MORE, _MORE, _LOOP),
    "0.70.0": Ranges((108_516, 112_000), (108_622, 112_000), _MORE, _MORE, _LOOP),
    "0.70.3": Ranges((108_516, 112_000), (108_622, 112_000), _MORE, _MORE, _LOOP),
}


SUB_MESSAGES: Final = {
    "send tokens": ("send", 5, SEND, None, ""),
    "not enough tokens": ("too_much", 6, TOO_MUCH, None, "codespace: sdk, code: 5"),
    "send tokens with limit": ("send_limited", 15, SEND, SUB_LIMIT, ""),
    "not enough tokens with limit": (
        *("too_much_limited", 16, TOO_MUCH, SUB_LIMIT),
        "codespace: sdk, code: 5",
    ),
    "out of gas caught with gas limit": ("loop", 17, LOOP, SUB_LIMIT, "codespace: sdk, code: 11"),
}
"""Upstream's rows: the range, the message's id, what is sent, under which limit, and what the reply tells."""


@pytest.mark.parametrize("name", SUB_MESSAGES)
@pytest.mark.parametrize("bench", RANGES, indirect=True)
def test_sub_messages(bench: Bench, name: str) -> None:
    row, number, amount, limit, error = SUB_MESSAGES[name]
    address, example = _reflector(bench, f"contract {name}")
    ctx = bench.metered(1_000_000)
    order = _order(bench, example, number, amount, limit)
    bench.keeper.execute(ctx, address, bench.creator, order, [])
    least, most = getattr(RANGES[bench.release], row)
    spent = SUB_LIMIT if row == "loop" else 0
    assert least <= ctx.gas.consumed - spent <= most
    query = f'{{"sub_msg_result":{{"id":{number}}}}}'.encode()
    result = json.loads(bench.keeper.query(bench.ctx, address, query))["result"]
    assert error in result.get("error", "")
    assert ("ok" in result) == (error == "")


@pytest.mark.parametrize("bench", RANGES, indirect=True)
def test_without_a_limit_of_its_own_a_loop_ends_the_call(bench: Bench) -> None:
    address, example = _reflector(bench, "contract out of gas panic with no gas limit")
    order = _order(bench, example, 7, LOOP, None)
    with pytest.raises(OutOfGas):
        bench.keeper.execute(bench.metered(1_000_000), address, bench.creator, order, [])


def _reflector(bench: Bench, label: str) -> tuple[str, str]:
    """A contract that sends what it is told to and holds a million, and one that can loop."""
    bench.creator = bench.app.auth.address_text(b"\x08" * 20)
    bench.fund(bench.creator, 1_000_000)
    bench.store(bench.uploader, contract(REFLECT if bench.release >= "0.51" else OLD_REFLECT))
    bench.store(bench.uploader)
    example = bench.instantiate("hackatom demo", bench.uploader, code=2)
    wanted = Wanted(1, bench.creator, "", label, b"{}", [Coin("denom", 1_000_000)])
    address, _ = bench.keeper.instantiate(bench.ctx, wanted, bench.keeper.classic_address)
    return address, example


def _order(bench: Bench, example: str, number: int, amount: int, limit: int | None) -> bytes:
    """As Go writes it: in this order, without spaces and without what is not set."""
    limited = {} if limit is None else {"gas_limit": limit}
    message = {"id": number, "msg": _sub(bench, example, amount), **limited, "reply_on": "always"}
    return json.dumps({"reflect_sub_msg": {"msgs": [message]}}, separators=(",", ":")).encode()


def _sub(bench: Bench, example: str, amount: int) -> dict[str, Any]:
    if amount == LOOP:
        loop = base64.b64encode(b'{"cpu_loop":{}}').decode()
        return {"wasm": {"execute": {"contract_addr": example, "msg": loop, "funds": []}}}
    coins = [{"denom": "denom", "amount": str(amount)}]
    to = bench.app.auth.address_text(b"\x09" * 20)
    return {"bank": {"send": {"to_address": to, "amount": coins}}}
