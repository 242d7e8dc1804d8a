"""The module reader and the metering on arbitrary input."""

from __future__ import annotations

from typing import Any

import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.vm.support import artifact

from chain.vm import CompileError, StaticValidationError, wasm
from chain.vm.check import analyze
from chain.vm.config import new_engine
from chain.vm.gas import DEFAULT_ERA, OpCosts
from chain.vm.metering import REMAINING, meter

ENGINE = new_engine()
CONTRACT = artifact("cw20_token")
SMALL = bytes(
    wasmtime.wat2wasm(
        """(module
          (import "env" "abort" (func (param i32)))
          (memory (export "memory") 1) (table 2 2 funcref) (global $g (mut i32) (i32.const 7))
          (func $f (export "allocate") (param i32) (result i32) (local i64 f64)
            (block (br_table 0 0 (local.get 0))) (call_indirect (param i32) (i32.const 1)
            (i32.const 0)) (f64.store (i32.const 8) (f64.promote_f32 (f32.const 1)))
            (global.get $g))
          (elem (i32.const 0) $f 0) (data (i32.const 3) "abc"))"""
    )
)


def survey(code: bytes) -> wasm.Module | None:
    """A module, or None after one of our errors; any other exception fails the test."""
    try:
        module = wasm.parse(code)
        module.exported_functions()
        analyze(module)
    except StaticValidationError:
        return None
    return module


@given(st.binary(max_size=200))
def test_any_bytes(code: bytes) -> None:
    survey(code)
    survey(wasm.MAGIC + code)


@given(st.lists(st.tuples(st.integers(0, 13), st.binary(max_size=40)), max_size=6))
def test_any_sections(sections: list[tuple[int, bytes]]) -> None:
    survey(wasm.MAGIC + b"".join(bytes((n, len(body))) + body for n, body in sections))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_modules(data: st.DataObject) -> None:
    code = bytearray(SMALL)
    for _ in range(data.draw(st.integers(1, 4))):
        code[data.draw(st.integers(8, len(code) - 1))] = data.draw(st.integers(0, 255))
    module = survey(bytes(code))
    try:
        wasmtime.Module.validate(ENGINE, bytes(code))
    except wasmtime.WasmtimeError:
        return
    # what wasmtime accepts, the reader understands or refuses; and what can be metered is valid
    if module is not None:
        try:
            metered = meter(module, DEFAULT_ERA.ops, 512)
        except CompileError:
            return
        wasmtime.Module.validate(ENGINE, metered)


@settings(max_examples=50, deadline=None)
@given(st.integers(8, len(CONTRACT) - 1))
def test_a_cut_contract_is_refused(size: int) -> None:
    module = survey(CONTRACT[:size])
    if module is not None:  # cut between two sections
        assert size in {8, *(section.end for section in module.sections)}
        assert len(module.bodies) == len(module.functions)


# --- generated programs -----------------------------------------------------------------------

BINARY = ("add", "sub", "mul", "and", "or", "xor", "shl", "shr_u", "rotl", "lt_s", "eq", "div_u")
TEMPLATES = (
    "(if (result i32) {a} (then {b}) (else {c}))",
    "(block (result i32) (drop (br_if 0 {a} {b})) {c})",
    "(block (result i32) (drop (br_table 0 0 {a} {b})) (local.get 1))",
    "(call $other {a} {b})",
    "(call_indirect (param i32 i32) (result i32) {a} {b} (i32.and {c} (i32.const 1)))",
    "(local.tee 0 {a})",
    "(i32.trunc_sat_f32_s (f32.demote_f64 (f64.promote_f32 (f32.reinterpret_i32 {a}))))",
    "(block (result i32) (i32.store (i32.and {a} (i32.const 1023)) {b}) {c})",
    "(i32.load offset=4 (i32.and {a} (i32.const 1023)))",
    (
        "(block (result i32) (local.set 2 (i32.and {a} (i32.const 7))) (loop (local.set 2 (i32.sub"
        " (local.get 2) (i32.const 1))) (local.set 1 {b}) (br_if 0 (i32.gt_s (local.get 2)"
        " (i32.const 0)))) (local.get 1))"
    ),
    "(return {a})",
    *(f"(i32.{operator} {{a}} {{b}})" for operator in BINARY),
)


def expressions(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.integers(-(2**31), 2**31 - 1).map(lambda n: f"(i32.const {n})"),
        st.integers(0, 2).map(lambda n: f"(local.get {n})"),
    )
    if depth == 0:
        return leaf
    part = expressions(depth - 1)
    return leaf | st.builds(
        lambda template, a, b, c: template.format(a=a, b=b, c=c),
        st.sampled_from(TEMPLATES),
        part,
        part,
        part,
    )


def program(body: str, other: str) -> bytes:
    return bytes(
        wasmtime.wat2wasm(
            f"""(module (memory (export "memory") 1) (table 2 2 funcref) (elem (i32.const 1) $other)
              (func $other (param i32 i32) (result i32) (local i32) {other})
              (func (export "f") (param i32) (result i32) (local i32 i32) {body}))"""
        )
    )


def run(code: bytes, argument: int, gas: int | None = None) -> tuple[object, bytes, int]:
    """Result or trap, memory, gas left."""
    store = wasmtime.Store(ENGINE)
    exports: Any = wasmtime.Instance(store, wasmtime.Module(ENGINE, code), []).exports(store)
    if gas is not None:
        exports[REMAINING].set_value(store, gas)
    outcome: object
    try:
        outcome = exports["f"](store, argument)
    except wasmtime.Trap as trap:
        outcome = trap.trap_code
    memory = bytes(exports["memory"].read(store))
    if gas is None:
        return outcome, memory, 0
    return outcome, memory, exports[REMAINING].value(store)


COSTS = OpCosts(1, 14, if_accounts=True, free_locals=1)


@settings(max_examples=150, deadline=None)
@given(expressions(3), expressions(0), st.integers(-(2**31), 2**31 - 1))
def test_metering_does_not_change_what_a_program_does(body: str, other: str, argument: int) -> None:
    code = program(body, other)
    metered = meter(wasm.parse(code), COSTS, 16)
    plain = run(code, argument)
    outcome, memory, left = run(metered, argument, 10**6)
    assert (outcome, memory) == plain[:2]
    assert left >= 0
    used = 10**6 - left
    assert run(metered, argument, used) == (outcome, memory, 0)
    assert run(metered, argument, used - 1)[2] < 0
