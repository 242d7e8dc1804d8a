"""Both ways into wasmtime do the same, whatever a contract passes to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.vm.support import ENV, REGION, Memory, wat

from chain.vm import VM, VmError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The message is a program: each step is a host function (one byte, modulo their number) and two
# 32-bit arguments, which are passed as they are or, with bit 7 of the first byte, as a Region of
# that offset and length. It returns what the last function returned, if that is a Region.
IMPORTS = (
    "db_read", "db_write", "db_remove", "db_scan", "db_next", "db_next_key", "db_next_value",
    "addr_validate", "addr_canonicalize", "addr_humanize", "debug", "query_chain",
)  # fmt: skip
PARAMS = (1, 2, 1, 3, 1, 1, 1, 1, 2, 2, 1, 1)
RESULTLESS = {"db_write", "db_remove", "debug"}


def step(name: str, params: int) -> str:
    arguments = ("(local.get $a)", "(local.get $b)", "(i32.const 1)")[:params]
    call = f"(call ${name} {' '.join(arguments)})"
    return call if name in RESULTLESS else f"(local.set $last {call})"


CASES = "".join(
    f"(if (i32.eq (local.get $op) (i32.const {n})) (then {step(name, params)}))"
    for n, (name, params) in enumerate(zip(IMPORTS, PARAMS, strict=True))
)
INTERPRETER = f"""
  (func (export "execute") (param $env i32) (param $msg i32) (result i32)
    (local $p i32) (local $end i32) (local $op i32) (local $a i32) (local $b i32)
    (local $last i32) (local $raw i32)
    (local.set $last (local.get $env))
    (local.set $p (i32.load (local.get $msg)))
    (local.set $end (i32.add (local.get $p) (i32.load offset=8 (local.get $msg))))
    (block $done (loop $next
      (br_if $done (i32.gt_u (i32.add (local.get $p) (i32.const 9)) (local.get $end)))
      (local.set $raw (i32.load8_u (local.get $p)))
      (local.set $op (i32.rem_u (i32.and (local.get $raw) (i32.const 127)) (i32.const 12)))
      (local.set $a (i32.load offset=1 (local.get $p)))
      (local.set $b (i32.load offset=5 (local.get $p)))
      (if (i32.and (local.get $raw) (i32.const 128)) (then
        (local.set $a (call $region (local.get $a) (i32.and (local.get $b) (i32.const 65535))))
        (local.set $b (local.get $a))))
      {CASES}
      (local.set $p (i32.add (local.get $p) (i32.const 9)))
      (br $next)))
    (local.get $last))
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[VM, VM, bytes]]:
    with pytest.MonkeyPatch.context() as patch:
        folder: Path = tmp_path_factory.mktemp("cache")
        patch.setenv("LIGHTSHIP_CACHE", str(folder))
        fast, slow = VM(), VM(engine="python")
        code = wat(INTERPRETER + REGION, *IMPORTS)
        assert fast.store_code(code) == slow.store_code(code)
        yield fast, slow, fast.store_code(code)
        fast.close()
        slow.close()


ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1), st.integers(65536, 65536 + 400), st.integers(0, 3), st.just(262140)
)
STEPS = st.lists(
    st.builds(
        lambda op, a, b: bytes((op,)) + a.to_bytes(4, "little") + b.to_bytes(4, "little"),
        st.integers(0, 255),
        ADDRESSES,
        ADDRESSES,
    ),
    max_size=8,
)


def outcome(vm: VM, checksum: bytes, message: bytes, gas: int) -> tuple[object, ...]:
    backend = Memory(lambda request, _: b"answer to " + request[:100])
    backend.records = {b"": b"empty", b"abc": b"value"}
    try:
        result = vm.call(checksum, "execute", [ENV, message], backend, gas, debug=True)
    except VmError as error:
        return type(error), str(error), error.gas, backend.records, backend.questions
    return result, backend.records, backend.questions


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.one_of(st.just(10**10), st.integers(0, 20_000_000)))
def test_same_outcome(pair: tuple[VM, VM, bytes], steps: list[bytes], gas: int) -> None:
    fast, slow, checksum = pair
    message = b"".join(steps)
    assert outcome(fast, checksum, message, gas) == outcome(slow, checksum, message, gas)
