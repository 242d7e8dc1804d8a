"""Gas by hand: what a few operators cost under each kind of rule."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest
import wasmtime

from chain.vm import CompileError, wasm
from chain.vm.config import new_engine
from chain.vm.gas import DEFAULT_ERA, ERAS, OpCosts
from chain.vm.metering import MAX_GAS, REMAINING, meter

ENGINE = new_engine()
COSTS = OpCosts(1, 100, if_accounts=True)
LIMIT = 10**6


class Metered:
    """A module after metering, run by the public API."""

    def __init__(self, text: str, costs: OpCosts = COSTS, *, pages: int = 16) -> None:
        code = meter(wasm.parse(bytes(wasmtime.wat2wasm(text))), costs, pages)
        self.store = wasmtime.Store(ENGINE)
        module = wasmtime.Module(ENGINE, code)
        self.exports: Any = wasmtime.Instance(self.store, module, []).exports(self.store)

    def run(self, *args: float, limit: int = LIMIT) -> Any:
        self.exports[REMAINING].set_value(self.store, limit)
        return self.exports["f"](self.store, *args)

    @property
    def left(self) -> int:
        return int(self.exports[REMAINING].value(self.store))

    @property
    def used(self) -> int:
        return LIMIT - self.left


@pytest.mark.parametrize(
    ("body", "args", "cost"),
    [
        ("", (), 100),  # the final end
        ("i32.const 1 drop", (), 102),
        ("block end", (), 201),  # block is plain, its end is not
        ("block br 0 end", (), 201),  # a taken br skips the inner end: block, br, the last end
        ("loop end", (), 300),
        ("i32.const 0 if nop end", (), 1 + 100 + 100),  # not taken: const, if, the last end
        ("i32.const 1 if nop end", (), 1 + 100 + 1 + 100 + 100),
        ("i32.const 1 if nop else nop nop end", (), 1 + 100 + 1 + 100 + 100),  # pays for else
        ("i32.const 0 if nop else nop nop end", (), 1 + 100 + 2 + 100 + 100),
        ("return", (), 100),
        ("block i32.const 0 br_if 0 end", (), 1 + 1 + 100 + 100 + 100),
        ("block block i32.const 1 br_table 0 1 0 end end", (), 2 + 1 + 100 + 100),
        ("call 1", (), 100 + 100 + 100),
    ],
)
def test_cost_of_operators(body: str, args: tuple[int, ...], cost: int) -> None:
    metered = Metered(f'(module (func (export "f") {body}) (func))')
    metered.run(*args)
    assert metered.used == cost


def test_before_cwa_2024_007_if_is_a_plain_operator() -> None:
    metered = Metered(
        '(module (func (export "f") i32.const 0 if nop end))',
        replace(COSTS, if_accounts=False),
    )
    metered.run()
    # const and if are charged with the nop and the end that the branch jumps over: not at all
    assert metered.used == 100


def test_the_loop_header_is_paid_once() -> None:
    metered = Metered(
        """(module (func (export "f") (param $n i32)
             loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))) end))"""
    )
    metered.run(10)
    assert metered.used == 100 + 10 * (4 + 100) + 100 + 100


@pytest.mark.parametrize(("declared", "charged"), [(29, 0), (30, 1), (100, 71)])
@pytest.mark.parametrize("first", ["nop", ""])
def test_locals_beyond_29_cost(declared: int, charged: int, first: str) -> None:
    module = f'(module (func (export "f") (local {"i32 " * declared}) {first}))'
    metered = Metered(module, replace(COSTS, free_locals=29))
    metered.run()
    assert metered.used == charged + 100 + len(first.split())
    free = Metered(module)
    free.run()
    assert free.used == 100 + len(first.split())


def test_out_of_gas_is_below_zero() -> None:
    metered = Metered('(module (func (export "f") nop nop nop))')
    metered.run(limit=103)
    assert metered.left == 0
    metered.run(limit=102)
    assert metered.left == -1


def test_a_counter_holds_63_bits() -> None:
    metered = Metered('(module (func (export "f") nop))')
    metered.run(limit=MAX_GAS)
    assert metered.left == MAX_GAS - 101
    metered.run(limit=0)
    assert metered.left == -101


@pytest.mark.parametrize(
    "text",
    [
        '(module (func (export "f") (loop (br 0))))',
        '(module (func (export "f") (loop (br_if 0 (i32.const 1)))))',
        '(module (func (export "f") (loop (br_table 0 0 (i32.const 1)))))',
        '(module (func (export "f") (block (loop (br_if 1 (i32.const 0)) (br 0)))))',
        '(module (func $f (export "f") (call $f)))',
        '(module (func $f (export "f") (call $g)) (func $g (call $f)))',
        """(module (table 1 1 funcref) (elem (i32.const 0) $f)
             (func $f (export "f") (call_indirect (i32.const 0))))""",
        # twice as many calls with each level, and no loop
        """(module (func (export "f") (call $g (i32.const 60)))
             (func $g (param i32) (if (local.get 0) (then
               (call $g (i32.sub (local.get 0) (i32.const 1)))
               (call $g (i32.sub (local.get 0) (i32.const 1)))))))""",
    ],
)
def test_what_runs_for_ever_stops_when_the_gas_is_used(text: str) -> None:
    metered = Metered(text)
    with pytest.raises(wasmtime.Trap) as stopped:
        metered.run(limit=5_000)
    assert stopped.value.trap_code is wasmtime.TrapCode.UNREACHABLE
    assert -500 < metered.left < 0


@pytest.mark.parametrize(
    ("body", "used"),
    [
        ("unreachable", 0),
        ("nop block end unreachable", 2 + 100),
        ("block block end end i32.const 0 i32.load drop i32.const 65536 i32.load drop", 202),
        ("block end i32.const 65536 i32.const 1 i32.store", 101),
        ("block end i32.const 1 i32.const 0 i32.div_u drop", 101),
        ("block end i64.const 1 i64.const 0 i64.rem_s drop", 101),
        ("block end f64.const 1e300 i32.trunc_f64_s drop", 101),
        ("block end f32.const nan i64.trunc_f32_u drop", 101),
        ("nop i32.const 7 call_indirect", 2 + 100),
        ("block end i32.const 1 if else nop end unreachable", 101 + 1 + 100 + 100),
        ("block end f32.const 1 f64.promote_f32 drop unreachable", 101),
        ("(drop (call $g)) block end unreachable", 100 + 101 + 1 + 101),
        ("(drop (call $returns)) unreachable", 100 + 1 + 100),
        ("(drop (call $branches)) unreachable", 100 + 1 + 100),
        ("(drop (call $chooses)) unreachable", 100 + 2 + 1 + 100),
    ],
)
def test_the_counter_is_right_where_code_traps(body: str, used: int) -> None:
    metered = Metered(
        f"""(module (memory 1) (table 1 1 funcref)
          (func $g (result i32) (i32.const 1))
          (func $returns (result i32) (return (i32.const 1)))
          (func $branches (result i32) (br 0 (i32.const 1)))
          (func $chooses (result i32) (block (br_table 1 1 (i32.const 1) (i32.const 0))) (i32.const 2))
          (func (export "f") {body}))"""
    )
    with pytest.raises(wasmtime.Trap):
        metered.run()
    assert metered.used == used


@pytest.mark.parametrize("body", ["", "(global.set $n (i32.const 1))", "(call $g)"])
def test_no_start_function_runs(body: str) -> None:
    text = f"(module (global $n (mut i32) (i32.const 0)) (func $g) (func $s {body}) (start $s))"
    code = meter(wasm.parse(bytes(wasmtime.wat2wasm(text))), COSTS, 16)
    with pytest.raises(wasmtime.Trap):
        wasmtime.Instance(wasmtime.Store(ENGINE), wasmtime.Module(ENGINE, code), [])


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (0x7FF8_0000_0000_0000, 0x7FC0_0000),
        (0xFFF8_0000_0000_0000, 0xFFC0_0000),
        (0x7FF4_0000_2000_0000, 0x7FE0_0001),  # a signalling NaN is quieted, its payload kept
        (0x7FF0_0000_0000_0001, 0x7FC0_0000),  # a payload that does not fit is cut
        (0x7FF0_0000_0000_0000, 0x7F80_0000),
        (0x3FF8_0000_0000_0000, 0x3FC0_0000),
    ],
)
def test_demotion_keeps_the_payload_of_a_nan(bits: int, expected: int) -> None:
    metered = Metered(
        """(module (func (export "f") (param i64) (result i32)
             local.get 0 f64.reinterpret_i64 f32.demote_f64 i32.reinterpret_f32))"""
    )
    (signed,) = struct.unpack("<q", bits.to_bytes(8, "little"))
    assert metered.run(signed) & 0xFFFFFFFF == expected
    assert metered.used == 4 + 100  # the helper is not metered


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (0x7FC0_0000, 0x7FF8_0000_0000_0000),
        (0xFFC0_0001, 0xFFF8_0000_2000_0000),
        (0x7FA0_0000, 0x7FFC_0000_0000_0000),
        (0xFF80_0000, 0xFFF0_0000_0000_0000),
        (0x3FC0_0000, 0x3FF8_0000_0000_0000),
    ],
)
def test_promotion_keeps_the_payload_of_a_nan(bits: int, expected: int) -> None:
    metered = Metered(
        """(module (func (export "f") (param i32) (result i64)
             local.get 0 f32.reinterpret_i32 f64.promote_f32 i64.reinterpret_f64))"""
    )
    (signed,) = struct.unpack("<i", bits.to_bytes(4, "little"))
    assert metered.run(signed) & (1 << 64) - 1 == expected


def test_other_nans_are_canonical() -> None:
    metered = Metered(
        """(module (func (export "f") (param i32) (result i32)
             local.get 0 f32.reinterpret_i32 f32.const 0 f32.add i32.reinterpret_f32))"""
    )
    assert metered.run(0x7FC12345) == 0x7FC00000


def test_memory_ends_at_the_limit() -> None:
    metered = Metered(
        """(module (memory (export "memory") 1)
             (func (export "f") (param i32) (result i32) local.get 0 memory.grow))""",
        pages=4,
    )
    assert metered.run(3) == 1
    assert metered.run(1) == -1


def test_a_contract_cannot_export_the_counter() -> None:
    metered = Metered(
        f"""(module (global $mine (mut i64) (i64.const 99)) (export "{REMAINING}" (global $mine))
             (func (export "f") (global.set $mine (i64.const 1000000000))))"""
    )
    metered.run()
    assert metered.used == 102


@pytest.mark.parametrize(
    ("operators", "what"),
    [
        ("(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))", "Bulk memory"),
        ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))", "Bulk memory"),
        ("(drop (table.grow $t (ref.null func) (i32.const 1)))", "Reference type"),
        ("(drop (table.get $t (i32.const 0)))", "Reference type"),
        ("(drop (ref.is_null (ref.null func)))", "Reference type"),
        ("(drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0)))", "Reference"),
        ("return_call 0", "Reference type"),
        ("(drop (v128.const i32x4 0 0 0 0))", "SIMD"),
        ("atomic.fence", "Threads"),
    ],
)
def test_gatekeeper(operators: str, what: str) -> None:
    text = f"(module (memory 1) (table $t 1 1 funcref) (func {operators}))"
    module = wasm.parse(bytes(wasmtime.wat2wasm(text)))
    with pytest.raises(CompileError, match=f"Gatekeeper: {what}"):
        meter(module, COSTS, 16)


def test_eras() -> None:
    assert DEFAULT_ERA is ERAS["3.0.9"]
    assert DEFAULT_ERA.ops == OpCosts(115, 1610, if_accounts=True, free_locals=29)
    assert ERAS["1.5.8"].ops == OpCosts(115_000, 1_610_000, if_accounts=True)
    assert ERAS["2.1.0"].ops == OpCosts(170, 170, if_accounts=False)
    assert ERAS["1.5.11"].host.call == ERAS["3.0.0"].host.call == 18_000
    assert ERAS["2.2.2"].host.write.of(10) == 0
    assert ERAS["3.0.0"].host.write.of(10) == 235_700
    assert ERAS["3.0.0"].host.read(8_000_000) == 200_000 + 115 * 8_000_000
    assert ERAS["3.0.0"].host.read(8_000_001) == 520 * 8_000_001


def test_code_that_would_take_minutes_to_compile() -> None:
    for count, functions in ((20_001, 1), (7_000, 9)):
        text = f"(module {('(func ' + '(loop)' * (count // 2) + ')') * functions})"
        with pytest.raises(CompileError, match="would take too long"):
            meter(wasm.parse(bytes(wasmtime.wat2wasm(text))), COSTS, 16)


NAN, NEGATIVE, PAYLOAD = "7ff8000000000000", "fff8000000000000", "(f64.const -nan:0x4000000000123)"
X = "(f64.div (local.get $z) (local.get $z))"  # 0/0


@pytest.mark.parametrize(
    ("expression", "bits"),
    [
        # a NaN of arithmetic is canonical where its bits are seen, after any negations
        (f"(f64.neg {X})", NAN),
        (f"(f64.neg (f64.neg {X}))", NAN),
        (f"(f64.neg (f64.add {PAYLOAD} {X}))", NAN),
        ("(f64.neg (f64.sqrt (f64.const -1)))", NAN),
        (f"(f64.neg (f64.ceil {PAYLOAD}))", NAN),
        (f"(f64.neg (f64.abs {X}))", NAN),
        (f"(f64.neg (local.tee $z {X}))", NAN),
        (f"(f64.neg (f64.promote_f32 (f32.demote_f64 {X})))", NAN),
        (f"(f64.promote_f32 (f32.neg (f32.demote_f64 {X})))", NAN),
        (f"(f64.neg (br_if 0 {X} (i32.const 0)))", NAN),
        (f"(block (result f64) (f64.neg {X}))", NAN),
        # also when something else comes in between
        (f"{X} (drop (call $one (i32.const 5))) (f64.neg)", NAN),
        (f"{X} (drop (call_indirect (type $t) (i32.const 5) (i32.const 0))) (f64.neg)", NAN),
        (f"{X} (if (i32.const 1) (then (nop)) (else (return (f64.const 1)))) (f64.neg)", NAN),
        (f"{X} (block (br 0) (loop (drop (f64.neg (f64.const 1))))) (f64.neg)", NAN),
        (f"{X} (block (block (br_table 0 1 (i32.const 1)))) (f64.neg)", NAN),
        (f"{X} (f64.store (i32.const 0) (f64.neg {PAYLOAD})) {PAYLOAD} (drop) (f64.neg)", NAN),
        # a NaN from elsewhere is as it is, and is negated as it is
        (f"(f64.neg {PAYLOAD})", "7ff4000000000123"),
        (f"{X} (drop) (f64.neg {PAYLOAD})", "7ff4000000000123"),
        (f"(f64.neg (block (result f64) {X}))", NEGATIVE),
        (f"(f64.neg (if (result f64) (i32.const 1) (then {X}) (else {X})))", NEGATIVE),
        (f"(f64.neg (select {X} {X} (i32.const 1)))", NEGATIVE),
        (f"(f64.neg (call $id {X}))", NEGATIVE),
        (f"(f64.neg (f64.min {X} (f64.const 1)))", NEGATIVE),
        (f"(f64.neg (f64.copysign {X} (f64.const 1)))", NEGATIVE),
        (f"(f64.copysign {X} (f64.const -1))", NEGATIVE),
        # numbers are negated as ever
        ("(f64.neg (f64.add (f64.const 0) (f64.const 0)))", "8000000000000000"),
        ("(f64.neg (f64.mul (f64.const 5e-324) (f64.const -1)))", "0000000000000001"),
        ("(f64.neg (f64.div (f64.const 1) (f64.const 0)))", "fff0000000000000"),
        ("(f64.neg (f64.sqrt (f64.const 4)))", "c000000000000000"),
        ("(f64.promote_f32 (f32.neg (f32.sqrt (f32.const 4))))", "c000000000000000"),
    ],
)
def test_negated_nans_have_the_bits_that_libwasmvm_gives_them(expression: str, bits: str) -> None:
    # asked of libwasmvm 2.0.3, 2.1.2, 2.2.4, 3.0.3 and 3.0.7
    metered = Metered(
        f"""(module (memory 1) (type $t (func (param i32) (result i32)))
          (table 1 1 funcref) (elem (i32.const 0) $one)
          (func $one (type $t) (local.get 0)) (func $id (param f64) (result f64) (local.get 0))
          (func $value (result f64) (local $z f64) {expression})
          (func (export "f") (result i64) (i64.reinterpret_f64 (call $value))))"""
    )
    assert f"{metered.run() % 2**64:016x}" == bits


@pytest.mark.parametrize("declared", [49_998, 49_999])
def test_as_many_locals_as_there_may_be(declared: int) -> None:
    # 50,000 with the parameter: then there is no room for a local of ours
    metered = Metered(
        f"""(module (func $g) (func (export "f") (param i32) (result i32)
          (local {"i32 " * declared}) (call $g) (local.get 0)))"""
    )
    assert metered.run(7) == 7
    assert metered.used == 100 + 100 + 101
    metered.run(7, limit=300)
    assert metered.left == -1
