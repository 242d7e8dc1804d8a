"""Profiles: the sums are the gas of the VM, by names that people know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import wasmtime
from unit.vm.support import ENOUGH, ENV, Memory, artifact, encode, info

from chain.vm import DEFAULT_ERA, VM, Aborted, OutOfGas, VmError
from chain.vm.profile import ARGUMENTS_AND_RESULT, NOT_SPENT, Profile, Profiler, function_names
from chain.vm.wasm import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chain.vm import CallResult

    Run = Callable[[str, Sequence[bytes], Memory, int], CallResult]

TOKEN = {
    "name": "Token",
    "symbol": "TOK",
    "decimals": 6,
    "initial_balances": [{"address": "alice", "amount": "1000"}],
}

COUNTING = """
(module
  (import "env" "db_write" (func $db_write (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "interface_version_8"))
  (func (export "allocate") (param i32) (result i32)
    (i32.store (i32.const 8) (i32.const 4096))
    (i32.store (i32.const 12) (i32.const 4096))
    (i32.const 8))
  (func (export "deallocate") (param i32))
  (func $spin (param $n i32)
    (loop $again
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n))))
  (func (export "execute") (param i32 i32 i32) (result i32)
    (call $spin (i32.const 1000))
    (call $db_write (local.get 0) (local.get 0))
    (local.get 0))
  (func (export "forever") (param i32) (result i32)
    (loop $again (br $again)) (unreachable))
)
"""
CODE = bytes(wasmtime.wat2wasm(COUNTING))


def profiled(
    code: bytes, entry: str, args: Sequence[bytes], limit: int = ENOUGH
) -> tuple[Profile, int]:
    """The profile, and the gas used according to an ordinary run, whose result must be the same."""
    profiler, vm = Profiler(code, DEFAULT_ERA), VM()
    try:
        plain, watched = [
            _ended(run, entry, args, limit) for run in (_runner(vm, code), profiler.call)
        ]
    finally:
        vm.close()
    assert plain == watched
    assert profiler.profile is not None
    return profiler.profile, plain[1]


def _runner(vm: VM, code: bytes) -> Run:
    checksum = vm.store_code(code) if code != CODE else vm.restore_code(code)

    def run(entry: str, args: Sequence[bytes], backend: Memory, limit: int) -> CallResult:
        return vm.call(checksum, entry, args, backend, limit)

    return run


def _ended(run: Run, entry: str, args: Sequence[bytes], limit: int) -> tuple[bytes, int]:
    try:
        result = run(entry, args, Memory(), limit)
    except VmError as error:
        return str(error).encode(), error.gas.used_internally if error.gas else -1
    return result.data, result.gas.used_internally


def test_the_parts_are_the_whole() -> None:
    profile, used = profiled(CODE, "execute", [ENV, info("alice"), b"{}"])
    assert profile.total == used
    assert next(iter(profile.functions)) == "spin"
    assert {"execute", "allocate"} <= profile.functions.keys()
    assert profile.host.keys() == {"db_write", ARGUMENTS_AND_RESULT}
    costs = DEFAULT_ERA.host  # every region lies where the last argument was written
    assert profile.host["db_write"] == costs.call + 2 * costs.read(len(b"{}"))


def test_a_real_contract_too() -> None:
    args = [ENV, info("alice"), encode(TOKEN)]
    profile, used = profiled(artifact("cw20_token"), "instantiate", args)
    assert profile.total == used
    assert {"db_write", "addr_validate"} <= profile.host.keys()
    assert all(amount > 0 for amount in profile.functions.values())


def test_a_call_that_fails_has_a_profile() -> None:
    args = [ENV, info("alice"), b"not json"]
    profile, used = profiled(artifact("cw20_token"), "instantiate", args)
    assert profile.total == used
    profile, used = profiled(
        artifact("hostile"), "execute", [ENV, info("alice"), encode({"panic": {}})]
    )
    assert profile.total == used


def test_running_out_of_gas_counts_the_rest() -> None:
    limit = 10_000_000
    profile, used = profiled(CODE, "forever", [b"{}"], limit)
    assert (profile.total, used) == (limit, limit)
    assert 0 < profile.host[NOT_SPENT] < 10_000
    assert profile.functions["forever"] > 0.9 * limit


def test_what_aborts_is_told_as_ever() -> None:
    profiler = Profiler(artifact("hostile"), DEFAULT_ERA)
    with pytest.raises(Aborted):
        profiler.call("execute", [ENV, info("alice"), encode({"panic": {}})], Memory(), ENOUGH)
    assert profiler.profile is not None
    assert "abort" in profiler.profile.host
    with pytest.raises(OutOfGas):
        profiler.call("execute", [ENV, info("alice"), b"{}"], Memory(), 100)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('(module (func (export "a")) (func))', ["a", "func[1]"]),
        ('(module (import "env" "x" (func)) (func $b) (func (export "c")))', ["b", "c"]),
        ('(module (func $same (export "x")) (func (export "same")))', ["same [0]", "same [1]"]),
    ],
)
def test_names_come_from_wherever_there_are_some(text: str, names: list[str]) -> None:
    assert function_names(parse(bytes(wasmtime.wat2wasm(text)))) == names


def test_a_broken_name_section_is_only_a_lack_of_names() -> None:
    code = bytes(wasmtime.wat2wasm('(module (func (export "a")))'))
    assert function_names(parse(code + b"\x00\x07\x04name\x01\x09")) == ["a"]
