"""The course of a call: arguments, entry points, depth, gas reports, what ends it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import wasmtime
from unit.vm.support import ENOUGH, ENV, REGION, Memory, wat

from chain.vm import DEFAULT_ERA, ERAS, VM, MissingExport, OutOfGas, Trap, capi, errors, window
from chain.vm.gates import GATE
from chain.vm.metering import REMAINING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chain.vm import CallResult
    from chain.vm.imports import HostFunction

ECHO = '(func (export "{entry}") (param {params}) (result i32) (local.get {which}))'


def run(vm: VM, code: bytes, entry: str, *args: bytes, gas: int = ENOUGH) -> CallResult:
    return vm.call(vm.store_code(code), entry, args, Memory(), gas)


def test_arguments_and_result(any_vm: VM) -> None:
    for which in range(3):
        code = wat(ECHO.format(entry="execute", params="i32 i32 i32", which=which))
        assert (
            run(any_vm, code, "execute", b"one", b"", b"x" * 99_999).data
            == ([b"one", b"", b"x" * 99_999][which])
        )


def gas_of_passing(sizes: Sequence[int], allocate: int) -> int:
    return sum(allocate + 230_000 + 570 * size for size in sizes)


# twenty plain operators and the final end, see support.py
ALLOCATE_GAS = 115 * 20 + 1610


def test_gas_of_a_call(any_vm: VM) -> None:
    code = wat(ECHO.format(entry="query", params="i32 i32", which=1))
    result = run(any_vm, code, "query", ENV, b"12345")
    reading = 200_000 + 5 * 115
    entry, deallocate = 115 + 1610, 1610
    expected = gas_of_passing((len(ENV), 5), ALLOCATE_GAS) + entry + reading + deallocate
    assert result.gas.used_internally == expected
    assert result.gas.used_externally == 0
    assert result.gas.remaining == ENOUGH - expected
    assert run(any_vm, code, "query", ENV, b"12345", gas=expected).gas.remaining == 0
    with pytest.raises(OutOfGas) as caught:
        run(any_vm, code, "query", ENV, b"12345", gas=expected - 1)
    assert caught.value.gas is not None
    assert caught.value.gas.used_internally == expected - 1
    assert str(caught.value) == "Ran out of gas during contract execution"


@pytest.mark.parametrize("gas", [-1, 2**64])
def test_absurd_gas_limits(vm: VM, gas: int) -> None:
    code = wat(ECHO.format(entry="query", params="i32 i32", which=1))
    with pytest.raises(ValueError, match="gas limit"):
        run(vm, code, "query", ENV, b"", gas=gas)


def test_the_largest_gas_limit(any_vm: VM) -> None:
    code = wat(ECHO.format(entry="query", params="i32 i32", which=1))
    result = run(any_vm, code, "query", ENV, b"", gas=2**64 - 1)
    assert result.gas.remaining + result.gas.used_internally == 2**64 - 1


def test_a_missing_entry_point(any_vm: VM) -> None:
    with pytest.raises(MissingExport) as caught:
        run(any_vm, wat(""), "sudo", ENV, b"{}")
    assert str(caught.value) == (
        "Error resolving Wasm function: Could not get export: Missing export sudo"
    )
    assert caught.value.gas is not None  # the arguments had been passed by then
    assert caught.value.gas.used_internally == gas_of_passing((len(ENV), 2), ALLOCATE_GAS)


def test_another_number_of_arguments(any_vm: VM) -> None:
    code = wat(ECHO.format(entry="execute", params="i32 i32", which=0))
    with pytest.raises(errors.ArityMismatch, match="method arity: 2"):
        run(any_vm, code, "execute", b"", b"", b"")


def test_migrate_without_info_pays_twice(any_vm: VM) -> None:
    with_info = wat(ECHO.format(entry="migrate", params="i32 i32 i32", which=2))
    assert run(any_vm, with_info, "migrate", ENV, b"{}", b"info").data == b"info"
    old = wat(ECHO.format(entry="migrate", params="i32 i32", which=1))
    result, direct = (
        run(any_vm, old, "migrate", ENV, b"{}", b"info"),
        run(any_vm, old, "migrate", ENV, b"{}"),
    )
    assert result.data == direct.data == b"{}"
    assert result.gas.used_internally - direct.gas.used_internally == gas_of_passing(
        (len(ENV), 2, 4), ALLOCATE_GAS
    )


@pytest.mark.parametrize(
    "text",
    [
        '(func (export "query") (param i32 i32))',
        '(func (export "query") (param i32 i32) (result i64) i64.const 0)',
    ],
)
def test_entry_points_of_another_type(any_vm: VM, text: str) -> None:
    with pytest.raises(errors.SignatureMismatch):
        run(any_vm, wat(text), "query", b"", b"")


def test_entry_points_with_other_parameters(any_vm: VM) -> None:
    text = '(func (export "query") (param i32 i64) (result i32) i32.const 0)'
    with pytest.raises(errors.Trap, match=r"\[I32, I32\] did not match signature \[I32, I64\] -> "):
        run(any_vm, wat(text), "query", b"", b"")


@pytest.mark.parametrize(
    "allocator",
    [
        '(func (export "allocate")) (func (export "deallocate") (param i32))',
        """(func (export "allocate") (param i32) (result i32) i32.const 0)
           (func (export "deallocate") (param i64))""",
    ],
)
def test_helpers_of_another_type(any_vm: VM, allocator: str) -> None:
    with pytest.raises(errors.SignatureMismatch):
        run(any_vm, wat("", allocator=allocator), "query", b"")


@pytest.mark.parametrize(
    "kind", ["(param i64)", "", "(param i32) (result i32)", "(param funcref f64)"]
)
def test_an_import_of_another_type_fails_when_called(any_vm: VM, kind: str) -> None:
    text = f"""(module (import "env" "debug" (func {kind})) (memory (export "memory") 1)
        (func (export "interface_version_8")) (func (export "deallocate") (param i32))
        (func (export "allocate") (param i32) (result i32) i32.const 16)
        (func (export "query") (param i32) (result i32) local.get 0))"""
    checksum = any_vm.store_code(bytes(wasmtime.wat2wasm(text)))
    with pytest.raises(errors.InstantiationError, match="incompatible import type") as caught:
        any_vm.call(checksum, "query", [b""], Memory(), ENOUGH)
    assert caught.value.gas is not None
    assert caught.value.gas.used_internally == 0


@pytest.mark.parametrize(
    ("export", "reason"),
    [
        ("", "Missing export memory"),
        ('(export "memory" (func $f))', "Incompatible Export Type"),
        ('(export "lightship_window" (memory $m))', "Missing export memory"),
    ],
)
def test_a_memory_that_is_not_exported(any_vm: VM, export: str, reason: str) -> None:
    text = f"""(module (memory $m 1) (func $f (export "interface_version_8")) {export}
        (func (export "allocate") (param i32) (result i32) i32.const 16)
        (func (export "deallocate") (param i32))
        (func (export "query") (param i32) (result i32) local.get 0))"""
    with pytest.raises(errors.NoMemory) as caught:
        run(any_vm, bytes(wasmtime.wat2wasm(text)), "query", b"")
    assert str(caught.value) == (
        f"Error instantiating a Wasm module: Could not get memory 'memory': {reason}"
    )


def test_a_start_function_has_no_gas(any_vm: VM) -> None:
    code = wat("(func $start nop) (start $start)")
    with pytest.raises(errors.InstantiationError, match="Error instantiating module"):
        run(any_vm, code, "query", b"")


def test_a_start_function_that_is_imported(any_vm: VM) -> None:
    text = """(module (import "env" "debug" (func $debug)) (start $debug) (memory (export "memory") 1)
        (func (export "interface_version_8")) (func (export "deallocate") (param i32))
        (func (export "allocate") (param i32) (result i32) i32.const 16)
        (func (export "query") (param i32) (result i32) local.get 0))"""
    with pytest.raises(errors.InstantiationError, match="incompatible import type"):
        run(any_vm, bytes(wasmtime.wat2wasm(text)), "query", b"")


def test_the_helpers_are_no_entry_points(any_vm: VM) -> None:
    with pytest.raises(errors.SignatureMismatch, match="deallocate does not return a pointer"):
        run(any_vm, wat(""), "deallocate", b"x")


def test_more_arguments_than_any_entry_point_takes(any_vm: VM) -> None:
    with pytest.raises(ValueError, match="4 arguments"):
        run(any_vm, wat(""), "execute", b"", b"", b"", b"")


def test_many_exports(any_vm: VM) -> None:
    """As many as fit: what is added for each must not look at all others."""
    names = "".join(f'(export "entry{number}" (func $query))' for number in range(20_000))
    code = wat(f'(func $query (export "query") (param i32) (result i32) (local.get 0)) {names}')
    assert run(any_vm, code, "entry19999", b"x").data == b"x"


ZERO_ALLOCATOR = """
  (func $allocate (export "allocate") (param i32) (result i32) i32.const 0)
  (func (export "deallocate") (param i32))
"""


def test_an_allocator_that_returns_null(any_vm: VM) -> None:
    with pytest.raises(errors.CommunicationError, match="Got a zero Wasm address"):
        run(any_vm, wat("", allocator=ZERO_ALLOCATOR), "query", b"")


@pytest.mark.parametrize(
    ("operators", "reason"),
    [
        ("unreachable", "unreachable"),
        ("(i32.div_u (i32.const 1) (i32.const 0))", "integer divide by zero"),
        ("(i32.div_s (i32.const 0x80000000) (i32.const -1))", "integer overflow"),
        ("(i32.load (i32.const -1))", "out of bounds memory access"),
        ("(i32.trunc_f32_s (f32.const nan))", "invalid conversion to integer"),
        ("(call_indirect (result i32) (i32.const 0))", "uninitialized element"),
        ("(call_indirect (result i32) (i32.const 1))", "indirect call type mismatch"),
        (
            "(call_indirect (result i32) (i32.const 9))",
            "undefined element: out of bounds table access",
        ),
        ("(call $deep)", "call stack exhausted"),
    ],
)
def test_traps(any_vm: VM, operators: str, reason: str) -> None:
    code = wat(
        f"""(table 2 2 funcref) (elem (i32.const 1) $plain) (func $plain)
            (func $deep (result i32) (i32.add (call $deep) (i32.const 1)))
            (func (export "query") (param i32) (result i32) {operators})"""
    )
    with pytest.raises(Trap) as caught:
        run(any_vm, code, "query", b"")
    assert str(caught.value) == (
        f"Error executing Wasm: Wasmer runtime error: RuntimeError: {reason}"
    )
    assert caught.value.gas is not None
    assert caught.value.gas.remaining > 0


REENTRANT = """
  (global $busy (mut i32) (i32.const 0))
  (func $allocate (export "allocate") (param i32) (result i32)
    (if (global.get $busy) (then (drop (call $db_read (i32.const 0)))))
    (i32.const 16))
  (func (export "deallocate") (param i32))
  (data (i32.const 0) "\\50\\00\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 16) "\\40\\00\\00\\00\\00\\04\\00\\00\\00\\00\\00\\00")
  (data (i32.const 80) "k")
  (func (export "query") (param i32) (result i32)
    (global.set $busy (i32.const 1))
    (call $db_read (i32.const 0)))
"""


def test_reentry_through_allocate_is_bounded(any_vm: VM) -> None:
    # CWA-2023-002: allocate calls an import, which calls allocate, and so on
    backend = Memory()
    backend.records[b"k"] = b"v"
    checksum = any_vm.store_code(wat("", "db_read", allocator=REENTRANT))
    with pytest.raises(errors.CallDepthExceeded) as caught:
        any_vm.call(checksum, "query", [b"x"], backend, ENOUGH)
    prefix = "Error executing Wasm: Wasmer runtime error: RuntimeError: "
    assert str(caught.value) == f"{prefix}{prefix}Maximum call depth exceeded."


REENTERING = """
  (data (i32.const 0) "\\50\\00\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 16) "\\70\\00\\00\\00\\00\\04\\00\\00\\00\\00\\00\\00")
  (data (i32.const 32) "\\50\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 80) "k")
  (global $more (mut i32) (i32.const 0)) (global $began (mut i32) (i32.const 0))
  (func (export "allocate") (param i32) (result i32)
    (if (global.get $more) (then
      (global.set $more (i32.sub (global.get $more) (i32.const 1)))
      (drop (call $db_read (i32.const 0)))))
    (if (i32.eqz (global.get $began)) (then (global.set $began (i32.const 1)) FIRST))
    (i32.const 16))
  (func (export "deallocate") (param i32) LAST)
  (func (export "execute") (param i32) (result i32) ENTRY (local.get 0))
"""


@pytest.mark.parametrize("phase", ["FIRST", "ENTRY", "LAST"])
@pytest.mark.parametrize(
    "ask",
    [
        "(call $db_read (i32.const 0))",
        "(call $addr_canonicalize (i32.const 32) (i32.const 16))",  # of nothing, which it says
    ],
)
def test_how_deep_allocate_may_read(any_vm: VM, phase: str, ask: str) -> None:
    """The host has an answer to place, for which it calls allocate; that may not make it do so again."""
    backend = Memory()
    backend.records[b"k"] = b"v"

    def reading(more: int) -> None:
        text = REENTERING.replace(phase, f"(global.set $more (i32.const {more})) (drop {ask})")
        for other in ("FIRST", "ENTRY", "LAST"):
            text = text.replace(other, "")
        code = any_vm.store_code(wat("", "db_read", "addr_canonicalize", allocator=text))
        any_vm.call(code, "execute", [b"x"], backend, ENOUGH)

    reading(0)
    with pytest.raises(errors.CallDepthExceeded) as caught:
        reading(1)
    assert caught.value.levels == 2


def test_out_of_gas_inside_allocate_inside_an_import(any_vm: VM) -> None:
    code = wat(
        """(func (export "query") (param i32) (result i32) (call $db_read (local.get 0)))""",
        "db_read",
        allocator="""
          (global $calls (mut i32) (i32.const 0))
          (func (export "allocate") (param i32) (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (if (i32.gt_u (global.get $calls) (i32.const 1)) (then (loop (br 0))))
            (i32.store (i32.const 16) (i32.const 64))
            (i32.store (i32.const 20) (i32.const 64))
            (i32.const 16))
          (func (export "deallocate") (param i32))""",
    )
    backend = Memory()
    backend.records[b"k"] = b"v"
    with pytest.raises(OutOfGas) as caught:
        any_vm.call(any_vm.store_code(code), "query", [b"k"], backend, 10_000_000)
    # the code ran dry, so the text does not tell of the host function in between
    assert str(caught.value) == "Ran out of gas during contract execution"
    report = caught.value.gas
    assert report is not None
    assert (report.remaining, report.used_externally) == (0, 1000)
    assert report.used_internally == 10_000_000 - 1000


@pytest.mark.parametrize(
    "elements",
    ["(elem (i32.const 1) $db_read)", "(elem (i32.const 1) funcref (ref.func $db_read))"],
)
def test_an_import_in_the_table(any_vm: VM, elements: str) -> None:
    code = wat(
        f"""(type $reads (func (param i32) (result i32))) (table 3 3 funcref) {elements}
            (func (export "query") (param i32) (result i32)
              (call_indirect (type $reads) (local.get 0) (i32.const 1)))""",
        "db_read",
    )
    backend = Memory()
    backend.records[b"k"] = b"v"
    result = any_vm.call(any_vm.store_code(code), "query", [b"k"], backend, ENOUGH)
    assert (result.data, result.gas.used_externally) == (b"v", 1000)


def test_an_import_as_an_entry_point(any_vm: VM) -> None:
    code = wat('(export "query" (func $db_read))', "db_read")
    backend = Memory()
    backend.records[b"k"] = b"v"
    result = any_vm.call(any_vm.store_code(code), "query", [b"k"], backend, ENOUGH)
    assert (result.data, result.gas.used_externally) == (b"v", 1000)


def test_a_contract_that_exports_what_we_export(any_vm: VM) -> None:
    code = wat(
        f"""(func (export "{GATE}") unreachable) (global (export "{REMAINING}") i64 (i64.const 7))
            (func (export "query") (param i32) (result i32) (local.get 0))"""
    )
    assert run(any_vm, code, "query", b"mine").data == b"mine"


def test_host_functions_see_32_bits_of_their_arguments(any_vm: VM) -> None:
    # what lies in the upper half of a slot or register is not part of an i32
    code = wat(
        """(func (export "query") (param i32) (result i32)
             (i32.wrap_i64 (i64.or (i64.extend_i32_u (call $db_read
               (i32.wrap_i64 (i64.or (i64.const 0xABCD00000000) (i64.extend_i32_u (local.get 0))))))
               (i64.const 0x7700000000))))""",
        "db_read",
    )
    backend = Memory()
    backend.records[b"k"] = b"v"
    assert any_vm.call(any_vm.store_code(code), "query", [b"k"], backend, ENOUGH).data == b"v"


@pytest.mark.parametrize("before", ["", "(block)", "(drop (i32.load (i32.const 0)))"])
def test_whether_the_code_or_the_host_function_ran_dry(any_vm: VM, before: str) -> None:
    code = wat(
        f"""(func (export "query") (param i32) (result i32) {before}
              (drop (call $db_read (local.get 0))) (local.get 0))""",
        "db_read",
    )
    enough = run(any_vm, code, "query", b"k").gas
    host = DEFAULT_ERA.host
    asked = host.call + host.read_small.of(1) + enough.used_externally
    after = 1610 + 2 * 115 + host.read_small.of(1) + 1610  # drop, get, end; the result; deallocate
    dry_after = enough.used_internally + enough.used_externally - after

    def text(limit: int) -> str:
        with pytest.raises(OutOfGas) as caught:
            run(any_vm, code, "query", b"k", gas=limit)
        return str(caught.value)

    dry = "Ran out of gas during contract execution"
    through = f"Error executing Wasm: Wasmer runtime error: RuntimeError: {dry}"
    assert text(dry_after) == dry
    assert text(dry_after - 1) == text(dry_after - asked) == through
    assert text(dry_after - asked - 1) == dry


def test_instances_are_fresh(any_vm: VM) -> None:
    code = wat(
        """(func (export "query") (param $p i32) (result i32)
             (i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
             (i32.store8 (i32.load (local.get $p)) (i32.load8_u (i32.const 64)))
             (local.get $p))"""
    )
    checksum = any_vm.store_code(code)
    for _ in range(3):
        assert any_vm.call(checksum, "query", [b"?"], Memory(), ENOUGH).data == b"\x01"


def test_eras_charge_differently() -> None:
    code = wat(ECHO.format(entry="query", params="i32 i32", which=1))
    used = {}
    for name in ("2.0.0", "2.2.2", "3.0.0"):
        vm = VM(era=ERAS[name])
        used[name] = run(vm, code, "query", b"", b"").gas.used_internally
        vm.close()
    assert used["2.0.0"] == 150 * (2 * 21 + 2 + 1)
    assert used["2.2.2"] == 2 * ALLOCATE_GAS + 115 + 1610 + 1610 + 200_000
    assert used["3.0.0"] == used["2.2.2"] + 2 * 230_000


def test_calls_from_several_threads(any_vm: VM) -> None:
    code = wat(ECHO.format(entry="query", params="i32 i32", which=1))
    checksum = any_vm.store_code(code)
    wrong: list[bytes] = []

    def work(mine: bytes) -> None:
        for _ in range(50):
            data = any_vm.call(checksum, "query", [ENV, mine], Memory(), ENOUGH).data
            if data != mine:
                wrong.append(data)

    threads = [threading.Thread(target=work, args=(b"%d" % n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_straight_lane_is_taken_again_after_the_long_one(
    vm: VM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results are the same in both (see test_differential); this is about the way."""
    took: list[str] = []
    long = capi._long

    def noted(host: HostFunction, *rest: Any) -> None:
        took.append(host.run.__name__)
        long(host, *rest)

    monkeypatch.setattr(capi, "_long", noted)
    straight = """
        (call $db_write (call $region (i32.const 8) (i32.const 3)) (call $region (i32.const 8) (i32.const 6)))
        (drop (call $db_read (call $region (i32.const 8) (i32.const 3))))
        (drop (call $addr_validate (call $region (i32.const 8) (i32.const 6))))
        (drop (call $db_read (call $region (i32.const 9) (i32.const 3))))
        (call $db_remove (call $region (i32.const 8) (i32.const 3)))"""
    code = wat(
        f"""{REGION} (data (i32.const 8) "keyval")
        (func (export "execute") (param i32 i32 i32) (result i32)
          {straight}
          (drop (call $addr_canonicalize (call $region (i32.const 8) (i32.const 0)) (i32.const 8)))
          {straight} (local.get 2))""",
        "db_write", "db_read", "db_remove", "addr_validate", "addr_canonicalize",
    )  # fmt: skip
    result = vm.call(vm.store_code(code), "execute", [ENV, b"{}", b"m"], Memory(), ENOUGH)
    assert (result.data, took) == (b"m", ["addr_canonicalize"])


@pytest.mark.parametrize("size", [window.ROOM - 1, window.ROOM, window.ROOM + 1, 3 * window.ROOM])
def test_what_has_no_room_in_the_window(any_vm: VM, size: int) -> None:
    """Arguments, what the host answers and results, below and above the most that fits."""
    code = wat(
        f"""{REGION} (data (i32.const 8) "key")
        (func (export "query") (param i32 i32) (result i32)
          (call $db_read (call $region (i32.const 8) (i32.const 3))))
        (func (export "sudo") (param i32 i32) (result i32) (local.get 1))""",
        "db_read", memory=16,
    )  # fmt: skip
    checksum, backend, data = any_vm.store_code(code), Memory(), b"v" * size
    backend.records[b"key"] = data
    assert any_vm.call(checksum, "query", [b"", b"{}"], backend, ENOUGH).data == data
    assert any_vm.call(checksum, "sudo", [b"", data], backend, ENOUGH).data == data
