"""The static checks: one test for each rule of upstream's compatibility.rs."""

from __future__ import annotations

import pytest
import wasmtime
from unit.vm.support import artifact, wat

from chain.vm import BUILT_IN_CAPABILITIES, ERAS, VM, StaticValidationError, wasm
from chain.vm.check import check

GOOD = """
  (memory (export "memory") 1)
  (func (export "interface_version_8"))
  (func (export "allocate") (param i32) (result i32) i32.const 0)
  (func (export "deallocate") (param i32))
"""


def refuse(vm: VM, text: str) -> str:
    with pytest.raises(StaticValidationError) as caught:
        vm.check(bytes(wasmtime.wat2wasm(text)))
    return str(caught.value).removeprefix("Error during static Wasm validation: ")


def test_good(vm: VM) -> None:
    analysis = vm.check(bytes(wasmtime.wat2wasm(f"(module {GOOD})")))
    assert analysis.entrypoints == frozenset()
    assert not analysis.has_ibc_entry_points
    assert analysis.contract_migrate_version is None


@pytest.mark.parametrize(
    "text",
    [
        "(func (param externref))",
        "(func (result externref) ref.null extern)",
        "(func (local externref))",
        "(global externref (ref.null extern))",
        '(import "env" "g" (global externref))',
        "(table 1 1 externref)",
    ],
)
def test_external_references_are_refused_wherever_they_stand(vm: VM, text: str) -> None:
    """As libwasmvm 3.0.7 says it, found by storing such a module on a real wasmd."""
    module = f"(module {text} {GOOD})"
    reason = "gc types are disallowed but found type which requires gc"
    assert reason in refuse(vm, module)


def test_sections_out_of_order_are_refused_by_the_reader(vm: VM) -> None:
    """As libwasmvm says it. Types after the functions that have them were an IndexError once."""
    code = bytes(wasmtime.wat2wasm(f"(module {GOOD})"))
    memory = next(each for each in wasm.parse(code).sections if each.id == wasm.MEMORY)
    no_types = bytes((wasm.TYPE, 1, 0))
    with pytest.raises(StaticValidationError) as caught:
        vm.check(code[: memory.end] + no_types + code[memory.end :])
    assert f'"section out of order (at offset {memory.end + 2:#x})"' in str(caught.value)


def test_a_second_memory_is_refused_by_the_reader(vm: VM) -> None:
    text = f"(module {GOOD} (memory 1))"
    assert 'Deserialization error: "multiple memories (at offset 0x' in refuse(vm, text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            f"(module {GOOD} (table 1 1 funcref) (table 1 1 funcref))",
            "Wasm contract must not have more than 1 table section",
        ),
        (
            f"(module {GOOD} (table 1 funcref))",
            "Wasm contract must not have unbound table section",
        ),
        (
            f"(module {GOOD} (table 1 2501 funcref))",
            "Wasm contract's first table section has a too large max limit",
        ),
        (
            '(module (func (export "interface_version_8")))',
            "Wasm contract must contain exactly one memory",
        ),
        (
            '(module (memory 513) (func (export "interface_version_8")))',
            "Wasm contract memory's minimum must not exceed 512 pages.",
        ),
        (
            "(module (memory 1 5))",
            "Wasm contract memory's maximum must be unset. The host will set it for you.",
        ),
        (
            "(module (memory 1))",
            "Wasm contract missing a required marker export: interface_version_*",
        ),
        (
            f'(module {GOOD} (func (export "interface_version_7")))',
            "Wasm contract contains more than one marker export: interface_version_*",
        ),
        (
            '(module (memory 1) (func (export "interface_version_7")))',
            (
                "Wasm contract has unknown interface_version_* marker export "
                "(see https://github.com/CosmWasm/cosmwasm/blob/main/packages/vm/README.md)"
            ),
        ),
        (
            '(module (memory 1) (func (export "interface_version_8")))',
            (
                'Wasm contract doesn\'t have required export: "allocate". '
                'Exports required by VM: ["allocate", "deallocate"].'
            ),
        ),
        (
            f'(module (import "env" "debug" (global i32)) {GOOD})',
            (
                'Wasm contract requires non-function import: "env.debug". '
                "Right now, all supported imports are functions."
            ),
        ),
        (
            f'(module {GOOD} (func (export "requires_b")) (func (export "requires_a")))',
            'Wasm contract requires unavailable capabilities: {"a", "b"}',
        ),
        (
            f"(module {GOOD} (func (param {'i32 ' * 101})))",
            "Wasm contract contains function with more than 100 parameters",
        ),
        (
            f"(module {GOOD} (func (result i32 i32) i32.const 1 i32.const 1))",
            "Wasm contract contains function with more than 1 results",
        ),
        (
            (f"(module {GOOD} {'(func (param ' + 'i32 ' * 100 + '))'} {'(func (type 3))' * 100})"),
            "Wasm contract contains more than 10000 function parameters in total",
        ),
        (
            f"(module {GOOD} (func (local {'i32 ' * 101})))",
            "Wasm contract contains function with more than 100 locals: 101",
        ),
        (
            f"(module {GOOD} {('(func (local ' + 'i32 ' * 100 + '))') * 101})",
            "Wasm contract contains more than 10000 function locals in total: 10100",
        ),
        (
            f"(module {GOOD} {'(func)' * 19_998})",
            "Wasm contract contains more than 20000 functions",
        ),
    ],
)
def test_rules(vm: VM, text: str, reason: str) -> None:
    assert refuse(vm, text) == reason


def test_unknown_import(vm: VM) -> None:
    reason = refuse(
        vm,
        f"""(module (import "env" "write" (func)) (import "wasi" "exit" (func))
             (import "env" "abort" (func (param i32))) {GOOD})""",
    )
    assert reason.startswith(
        'Wasm contract requires unsupported import: "env.write". Required imports: '
        '{"env.abort", "env.write", "wasi.exit"}. Available imports: ["env.abort", "env.db_read", '
    )


def test_long_lists_are_cut(vm: VM) -> None:
    exports = " ".join(f'(func (export "requires_capability{n:02}"))' for n in range(30))
    reason = refuse(vm, f"(module {GOOD} {exports})")
    names = ", ".join(f'"capability{n:02}"' for n in range(11))
    assert reason == (f"Wasm contract requires unavailable capabilities: {{{names}, ... 19 more}}")
    exports = f'(func (export "requires_{"x" * 300}"))'
    reason = refuse(vm, f"(module {GOOD} {exports})")
    assert reason == "Wasm contract requires unavailable capabilities: {... 1 elements}"


def test_too_many_imports(vm: VM) -> None:
    imports = '(import "env" "debug" (func (param i32)))' * 101
    assert refuse(vm, f"(module {imports} {GOOD})") == (
        "Import count exceeds limit. Imports: 101. Limit: 100."
    )


def test_bodies_are_validated(vm: VM) -> None:
    header = bytes(wasmtime.wat2wasm(f"(module {GOOD} (func (result i32) i32.const 77))"))
    broken = header.replace(b"\x41\xcd\x00\x0b", b"\x41\xcd\x00\x1a")
    with pytest.raises(StaticValidationError, match=r"could not be deserialized.*at offset 0x"):
        vm.check(broken)


@pytest.mark.parametrize(
    "operators",
    [
        "(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))",
        "(drop (v128.const i32x4 0 0 0 0))",
        "(return_call 0)",
    ],
)
def test_later_proposals_are_refused(vm: VM, operators: str) -> None:
    assert "could not be deserialized" in refuse(vm, f"(module {GOOD} (func {operators}))")


def test_extended_constant_expressions_are_refused(vm: VM) -> None:
    text = f"(module {GOOD} (global i32 (i32.add (i32.const 1) (i32.const 2))))"
    assert "constant expression required" in refuse(vm, text)


def test_analysis(vm: VM) -> None:
    analysis = vm.check(artifact("cw20_ics20"))
    assert analysis.has_ibc_entry_points
    assert analysis.entrypoints >= {"instantiate", "execute", "query", "ibc_packet_receive"}
    assert analysis.required_capabilities <= BUILT_IN_CAPABILITIES
    assert not vm.check(artifact("cw20_token")).has_ibc_entry_points


@pytest.mark.parametrize(
    ("section", "expected"),
    [("42", 42), ("+7", 7), ("0", 0), ("18446744073709551615", 2**64 - 1)],
)
def test_migrate_version(section: str, expected: int) -> None:
    text = f'(module (@custom "cw_migrate_version" "{section}"))'
    assert wasm.parse(bytes(wasmtime.wat2wasm(text))).migrate_version == expected


@pytest.mark.parametrize("section", ["", "+", "-1", "4 2", "0x1", "18446744073709551616", "²"])
def test_bad_migrate_version(section: str) -> None:
    code = wasmtime.wat2wasm(f'(module (@custom "cw_migrate_version" "{section}"))')
    with pytest.raises(StaticValidationError):
        wasm.parse(bytes(code))


def test_older_eras_have_other_limits() -> None:
    module = wasm.parse(wat(f"(func (param {'i32 ' * 60}))", "secp256r1_verify"))
    check(module, ERAS["2.1.0"], frozenset())
    with pytest.raises(StaticValidationError, match="unsupported import"):
        check(module, ERAS["2.0.0"], frozenset())
    module = wasm.parse(wat(f"(func (param {'i32 ' * 60}))"))
    check(module, ERAS["2.0.0"], frozenset())
    with pytest.raises(StaticValidationError, match='required export: "instantiate"'):
        check(module, ERAS["1.5.0"], frozenset())
    module = wasm.parse(wat(f'(func (export "instantiate")) (func (param {"i32 " * 60}))'))
    with pytest.raises(StaticValidationError, match="more than 50 parameters"):
        check(module, ERAS["1.5.0"], frozenset())


@pytest.mark.parametrize(
    "code", [b"", b"\0asm", b"not wasm at all", b"\0asm\x02\0\0\0", b"\0asm\x01\0\0\0\x0d\x01\0"]
)
def test_not_wasm(vm: VM, code: bytes) -> None:
    with pytest.raises(StaticValidationError, match="could not be deserialized"):
        vm.check(code)


CALLS = """
  (table 1 1 funcref)
  (func (block (block (br_table 0 1 0 (i32.const 7)))) (drop (f64.promote_f32 (f32.const 1)))
    (if (i32.const 1) (then (call_indirect (i32.const 0)))))
"""
LONG = bytes.fromhex("110080808000")
"""call_indirect of type 0 and table 0, the latter in four bytes."""


def long_index(text: str) -> bytes:
    """A module whose last call_indirect names its table in more bytes than it needs."""
    code = bytes(wasmtime.wat2wasm(f"(module {text})"))
    module = wasm.parse(code)
    [section] = [each for each in module.sections if each.id == wasm.CODE]
    body = module.bodies[-1]
    found = code.rindex(b"\x11\0\0", body.start, body.end)
    changed = bytearray(code[:found] + LONG + code[found + 3 :])
    for size in (body.start - 1, section.start - 1):
        changed[size] += len(LONG) - 3
    return bytes(changed)


def test_table_indexes_in_more_bytes_than_needed() -> None:
    good = long_index("(type (func))" + GOOD + CALLS)
    bare = long_index("(type (func)) (memory 1)" + CALLS)
    texts = {}
    for name in ("1.5.11", "2.0.9", "2.1.7", "2.2.9", "3.0.0"):
        vm = VM(era=ERAS[name])
        texts[name] = [verdict(vm, code) for code in (good, bare)]
        vm.close()
    at = wasm.parse(good).data.rindex(LONG)
    zero = f"reference-types not enabled: zero byte expected (at offset {at:#x})"
    marker = "missing a required marker export"
    for name, (first, second) in texts.items():
        assert (zero in first) == (name != "3.0.0")
        assert (marker in second) == (name >= "2.1")
        assert ("zero byte expected" in second) == (name < "2.1")


def verdict(vm: VM, code: bytes) -> str:
    try:
        vm.check(code)
    except StaticValidationError as error:
        return str(error)
    return ""
