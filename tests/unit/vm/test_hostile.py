"""Contracts that want to hurt their host, and threads with little stack."""

from __future__ import annotations

import base64
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from unit.vm.support import ENOUGH, ENV, REGION, Memory, artifact, encode, info, wat

from chain.vm import Aborted, HostError, OutOfGas, Trap, config, errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chain.vm import VM, CallResult

GAS = 2 * 10**10


@pytest.fixture
def execute(any_vm: VM) -> Callable[..., CallResult]:
    checksum = any_vm.store_code(artifact("hostile"))

    def run(what: str, gas: int = GAS, **fields: Any) -> CallResult:
        args = [ENV, info("mallory"), encode({what: fields})]
        return any_vm.call(checksum, "execute", args, Memory(), gas)

    return run


def test_a_loop_ends_with_its_gas(execute: Callable[..., CallResult]) -> None:
    for message in ("loop_forever", "fill_storage", "debug"):
        with pytest.raises(OutOfGas) as caught:
            execute(message)
        report = caught.value.gas
        assert report is not None
        assert report.remaining == 0
        assert report.used_internally + report.used_externally == GAS


def test_recursion_traps(execute: Callable[..., CallResult]) -> None:
    with pytest.raises(Trap, match="call stack exhausted"):
        execute("recurse")
    with pytest.raises(Trap, match="out of bounds memory access"):
        execute("overflow_stack")
    assert b"deep" in execute("recurse", depth=1000).data


def test_memory_is_limited(execute: Callable[..., CallResult]) -> None:
    with pytest.raises(Trap, match="unreachable"):
        execute("allocate_all", gas=10 * GAS)


def test_panic_and_error(execute: Callable[..., CallResult]) -> None:
    with pytest.raises(Aborted, match="my reason"):
        execute("panic", message="my reason")
    with pytest.raises(Trap, match="RuntimeError: unreachable"):
        execute("unreachable")
    assert b'{"error":' in execute("fail", reason="no").data


def test_oversized_entries(execute: Callable[..., CallResult]) -> None:
    execute("store", key_len=65536, value_len=131072)
    with pytest.raises(HostError, match="Tried to write 65537 bytes to storage, limit"):
        execute("store", key_len=65537, value_len=1)
    with pytest.raises(HostError, match="Tried to write 131073 bytes to storage, limit"):
        execute("store", key_len=1, value_len=131073)


def test_iterators_are_limited(execute: Callable[..., CallResult]) -> None:
    with pytest.raises(errors.BackendError, match=r"reached iterator limit \(32768\)"):
        execute("open_iterators", gas=10**12)


def test_huge_results_cost_gas(execute: Callable[..., CallResult]) -> None:
    assert len(execute("huge_result", bytes=100_000).data) > 100_000
    with pytest.raises(OutOfGas):
        execute("huge_result", bytes=20_000_000)


def test_no_state_survives_a_call(execute: Callable[..., CallResult]) -> None:
    for _ in range(2):
        attributes = json.loads(execute("remember").data)["ok"]["attributes"]
        assert attributes == [{"key": "calls", "value": "1"}]


@pytest.fixture
def small_stacks() -> Iterator[None]:
    before = threading.stack_size(256 << 10)
    yield
    threading.stack_size(before)


@pytest.mark.usefixtures("small_stacks")
def test_a_thread_with_little_stack(execute: Callable[..., CallResult]) -> None:
    outcomes: list[BaseException | bytes] = []

    def work() -> None:
        try:
            execute("recurse")
        except Trap as trap:
            outcomes.append(trap)
        outcomes.append(execute("remember").data)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    trap, data = outcomes
    assert "call stack exhausted" in str(trap)
    assert isinstance(data, bytes)


# Recurses as deep as the message says (be16), then asks the chain, with all that on the stack.
DEEP = """
  (func $down (param $n i32) (param $ask i32) (result i32)
    (if (result i32) (local.get $n)
      (then (i32.or (i32.const 0)
        (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $ask))))
      (else (call $query_chain (local.get $ask)))))
  (func (export "query") (param $env i32) (param $msg i32) (result i32)
    (local $p i32)
    (local.set $p (i32.load (local.get $msg)))
    (call $down
      (i32.or (i32.shl (i32.load8_u (local.get $p)) (i32.const 8))
              (i32.load8_u (i32.add (local.get $p) (i32.const 1))))
      (local.get $msg)))
"""


def test_nested_calls_each_at_the_end_of_their_stack(any_vm: VM) -> None:
    checksum = any_vm.store_code(wat(DEEP, "query_chain"))

    def call(depth: int, levels: int) -> bytes:
        def answer(request: bytes, gas_limit: int) -> bytes:
            return call(depth, levels - 1) if levels > 1 else b"bottom"

        message = depth.to_bytes(2, "big")
        return any_vm.call(checksum, "query", [ENV, message], Memory(answer), 10**15).data

    def fits(depth: int) -> bool:
        try:
            call(depth, 1)
        except Trap:
            return False
        return True

    deepest = max(n for n in range(0, 65536, 256) if fits(n))
    assert 1000 < deepest < 65000
    assert call(deepest, config.MAX_NESTED) == b"bottom"
    with pytest.raises(errors.TooManyNestedCalls):
        call(1, config.MAX_NESTED + 1)
    assert call(1, 1) == b"bottom"


def test_many_threads_with_nested_calls(any_vm: VM) -> None:
    """More than there are places for: they wait, and none is refused one."""
    checksum = any_vm.store_code(wat(DEEP, "query_chain"))

    def call(levels: int) -> bytes:
        def answer(request: bytes, gas_limit: int) -> bytes:
            return call(levels - 1) if levels > 1 else b"bottom"

        return any_vm.call(checksum, "query", [ENV, bytes(2)], Memory(answer), ENOUGH).data

    with ThreadPoolExecutor(3 * config.AT_ONCE) as threads:
        levels = [config.MAX_NESTED] * 40
        assert set(threads.map(call, levels)) == {b"bottom"}


def test_near_the_limit_of_pythons_frames(any_vm: VM) -> None:
    """Python says so before the call: where C calls back it could not be told."""
    code = wat(
        f"""{REGION} (data (i32.const 8) "key")
        (func (export "query") (param i32 i32) (result i32)
          (drop (call $addr_validate (call $region (i32.const 8) (i32.const 3))))
          (drop (call $addr_canonicalize (call $region (i32.const 8) (i32.const 0)) (i32.const 8)))
          (call $db_read (call $region (i32.const 8) (i32.const 3))))""",
        "db_read", "addr_validate", "addr_canonicalize",
    )  # fmt: skip
    checksum, backend = any_vm.store_code(code), Memory()
    backend.records[b"key"] = b"value"

    def deep(frames: int) -> bytes:
        if frames:
            return deep(frames - 1)
        return any_vm.call(checksum, "query", [ENV, b"{}"], backend, ENOUGH).data

    ended = []
    for frames in range(sys.getrecursionlimit() - 250, sys.getrecursionlimit()):
        try:
            ended.append(deep(frames))
        except RecursionError:
            ended.append(b"")
    assert set(ended) == {b"value", b""}
    assert ended == sorted(ended, reverse=True)


def test_nested_errors_of_other_contracts_stay_apart(any_vm: VM) -> None:
    checksum = any_vm.store_code(artifact("hostile"))

    def answer(request: bytes, gas_limit: int) -> bytes:
        inner = json.loads(request)["wasm"]["smart"]["msg"]
        try:
            args = [ENV, encode({"loop_forever": {}})]
            any_vm.call(checksum, "query", args, Memory(), 10_000_000)
        except OutOfGas as error:
            assert base64.b64decode(inner)
            return encode({"error": {"unknown": {"text": str(error)}}})
        raise AssertionError

    args = [ENV, info("mallory"), encode({"query_loop": {}})]
    result = any_vm.call(checksum, "execute", args, Memory(answer), GAS)
    assert b'"error"' in result.data
