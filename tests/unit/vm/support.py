"""A backend in memory, and small contracts in the text format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import wasmtime

from chain.vm import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chain.vm import VM

ARTIFACTS = Path(__file__).resolve().parents[3] / "contracts" / "artifacts"
ENOUGH = 10**12

ENV = json.dumps(
    {
        "block": {"height": 7, "time": "1700000000000000000", "chain_id": "testing-1"},
        "transaction": {"index": 0},
        "contract": {"address": "contract"},
    },
    separators=(",", ":"),
).encode()


def info(sender: str) -> bytes:
    return json.dumps({"sender": sender, "funds": []}, separators=(",", ":")).encode()


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def artifact(name: str) -> bytes:
    return (ARTIFACTS / f"{name}.wasm").read_bytes()


class Memory:
    """A backend whose addresses are lower-case ASCII text; each storage access costs 1000."""

    def __init__(self, answer: Callable[[bytes, int], bytes] | None = None) -> None:
        self.records: dict[bytes, bytes] = {}
        self.used = 0
        self.answer = answer
        self.questions: list[tuple[bytes, int]] = []

    def get(self, key: bytes) -> bytes | None:
        self.used += 1000
        return self.records.get(key)

    def set(self, key: bytes, value: bytes) -> None:
        self.used += 1000
        self.records[key] = value

    def remove(self, key: bytes) -> None:
        self.used += 1000
        self.records.pop(key, None)

    def scan(
        self, start: bytes | None, end: bytes | None, descending: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        self.used += 1000
        found = sorted(
            (key, value)
            for key, value in self.records.items()
            if (start is None or key >= start) and (end is None or key < end)
        )
        return iter(found[::-1] if descending else found)

    def canonicalize(self, human: str) -> bytes:
        if not human.isalnum():
            raise ApiError(f"not an address: {human}")
        return human.lower().encode()

    def humanize(self, canonical: bytes) -> str:
        if not canonical.isalnum():
            raise ApiError("not a canonical address")
        return canonical.decode()

    def query(self, request: bytes, gas_limit: int) -> bytes:
        self.questions.append((request, gas_limit))
        assert self.answer is not None
        return self.answer(request, gas_limit)

    def gas_consumed(self) -> int:
        return self.used


_SIGNATURES = {
    "db_read": "(param i32) (result i32)",
    "db_write": "(param i32 i32)",
    "db_remove": "(param i32)",
    "db_scan": "(param i32 i32 i32) (result i32)",
    "db_next": "(param i32) (result i32)",
    "db_next_key": "(param i32) (result i32)",
    "db_next_value": "(param i32) (result i32)",
    "addr_validate": "(param i32) (result i32)",
    "addr_canonicalize": "(param i32 i32) (result i32)",
    "addr_humanize": "(param i32 i32) (result i32)",
    "secp256k1_verify": "(param i32 i32 i32) (result i32)",
    "secp256k1_recover_pubkey": "(param i32 i32 i32) (result i64)",
    "secp256r1_verify": "(param i32 i32 i32) (result i32)",
    "secp256r1_recover_pubkey": "(param i32 i32 i32) (result i64)",
    "ed25519_verify": "(param i32 i32 i32) (result i32)",
    "ed25519_batch_verify": "(param i32 i32 i32) (result i32)",
    "bls12_381_aggregate_g1": "(param i32 i32) (result i32)",
    "bls12_381_aggregate_g2": "(param i32 i32) (result i32)",
    "bls12_381_pairing_equality": "(param i32 i32 i32 i32) (result i32)",
    "bls12_381_hash_to_g1": "(param i32 i32 i32 i32) (result i32)",
    "bls12_381_hash_to_g2": "(param i32 i32 i32 i32) (result i32)",
    "debug": "(param i32)",
    "abort": "(param i32)",
    "query_chain": "(param i32) (result i32)",
}

_ALLOCATOR = """
  (global $heap (mut i32) (i32.const 65536))
  (func $allocate (export "allocate") (param $size i32) (result i32)
    (local $region i32)
    (local.set $region (global.get $heap))
    (i32.store (local.get $region) (i32.add (local.get $region) (i32.const 12)))
    (i32.store offset=4 (local.get $region) (local.get $size))
    (i32.store offset=8 (local.get $region) (i32.const 0))
    (global.set $heap
      (i32.add (i32.add (local.get $region) (i32.const 12)) (local.get $size)))
    (local.get $region))
  (func (export "deallocate") (param i32))
"""


def wat(body: str, *imports: str, memory: int = 4, allocator: str = _ALLOCATOR) -> bytes:
    """A contract of `body`, with the imports named and a bump allocator from byte 65536 on."""
    lines = [f'(import "env" "{name}" (func ${name} {_SIGNATURES[name]}))' for name in imports]
    text = "\n".join(
        (
            "(module",
            *lines,
            f'(memory (export "memory") {memory})',
            '(func (export "interface_version_8"))',
            allocator,
            body,
            ")",
        )
    )
    return bytes(wasmtime.wat2wasm(text))


# (region ptr offset length): a Region for bytes that are already in memory
REGION = """
  (func $region (param $offset i32) (param $length i32) (result i32)
    (local $at i32)
    (local.set $at (call $allocate (i32.const 0)))
    (i32.store (local.get $at) (local.get $offset))
    (i32.store offset=4 (local.get $at) (local.get $length))
    (i32.store offset=8 (local.get $at) (local.get $length))
    (local.get $at))
  (func $out (param $capacity i32) (result i32) (call $allocate (local.get $capacity)))
"""


def probe(host: str) -> bytes:
    """A contract whose `query` passes the bytes of its message to one host function.

    The message is a list of fields, each `be32(length) || bytes`; an argument is the address of
    one field as a Region, or, where the field starts with `#`, the number in the four
    little-endian bytes that follow. `@` gives an output Region of 96 bytes, `0` no Region. It
    returns the result as 8 little-endian bytes, then the bytes of the last output Region, or of
    the Region that the result points to, if there is one.
    """
    params = _SIGNATURES[host].count("i32") - ("(result i32)" in _SIGNATURES[host])
    call = f"(call ${host} " + "(call $next) " * params + ")"
    if "result i32" in _SIGNATURES[host]:
        call = f"(i64.extend_i32_u {call})"
    elif "result" not in _SIGNATURES[host]:
        call = f"{call} (i64.const 0)"
    return wat(_PROBE.replace("CALL", call) + REGION, host)


_PROBE = """
  (global $at (mut i32) (i32.const 0))
  (global $last (mut i32) (i32.const 0))
  (func $byte (param $p i32) (result i32) (i32.load8_u (local.get $p)))
  (func $be32 (param $p i32) (result i32)
    (i32.or
      (i32.or (i32.shl (call $byte (local.get $p)) (i32.const 24))
              (i32.shl (call $byte (i32.add (local.get $p) (i32.const 1))) (i32.const 16)))
      (i32.or (i32.shl (call $byte (i32.add (local.get $p) (i32.const 2))) (i32.const 8))
              (call $byte (i32.add (local.get $p) (i32.const 3))))))
  (func $next (result i32)
    (local $p i32) (local $n i32) (local $kind i32)
    (local.set $kind (call $byte (global.get $at)))
    (local.set $n (call $be32 (i32.add (global.get $at) (i32.const 1))))
    (local.set $p (i32.add (global.get $at) (i32.const 5)))
    (global.set $at (i32.add (local.get $p) (local.get $n)))
    (if (i32.eq (local.get $kind) (i32.const 35)) (then (return (i32.load (local.get $p)))))
    (if (i32.eq (local.get $kind) (i32.const 48)) (then (return (i32.const 0))))
    (if (i32.eq (local.get $kind) (i32.const 64))
      (then (global.set $last (call $out (i32.const 96))) (return (global.get $last))))
    (call $region (local.get $p) (local.get $n)))
  (func (export "instantiate") (param i32 i32 i32) (result i32) unreachable)
  (func (export "query") (param $env i32) (param $msg i32) (result i32)
    (local $result i64) (local $answer i32) (local $n i32) (local $i i32) (local $from i32)
    (global.set $at (i32.load (local.get $msg)))
    (local.set $result CALL)
    (local.set $answer (call $allocate (i32.const 70000)))
    (if (i32.and (i32.eqz (global.get $last))
                 (i64.gt_u (i64.and (local.get $result) (i64.const 0xffffffff))
                           (i64.const 65535)))
      (then (global.set $last (i32.wrap_i64 (local.get $result)))))
    (i64.store (i32.load (local.get $answer)) (local.get $result))
    (if (global.get $last) (then
      (local.set $n (i32.load offset=8 (global.get $last)))
      (local.set $from (i32.load (global.get $last)))
      (block $done (loop $copy
        (br_if $done (i32.eq (local.get $i) (local.get $n)))
        (i32.store8
          (i32.add (i32.add (i32.load (local.get $answer)) (i32.const 8)) (local.get $i))
          (i32.load8_u (i32.add (local.get $from) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $copy)))))
    (i32.store offset=8 (local.get $answer) (i32.add (i32.const 8) (local.get $n)))
    (local.get $answer))
"""


def field(value: bytes | int | str | None) -> bytes:
    """One argument of a `probe`: bytes, a number, "out", or None for a null pointer."""
    if isinstance(value, int):
        return b"#" + (4).to_bytes(4, "big") + (value & 0xFFFFFFFF).to_bytes(4, "little")
    if value is None:
        return b"0" + bytes(4)
    if value == "out":
        return b"@" + bytes(4)
    assert isinstance(value, bytes)
    return b"r" + len(value).to_bytes(4, "big") + value


class Prober:
    """Calls single host functions through a contract."""

    def __init__(self, vm: VM, host: str) -> None:
        self.vm = vm
        self.checksum = vm.store_code(probe(host))

    def __call__(
        self,
        *args: bytes | int | str | None,
        backend: Memory | None = None,
        gas: int = ENOUGH,
        debug: bool = False,
    ) -> Probed:
        message = b"".join(map(field, args))
        result = self.vm.call(
            self.checksum, "query", [ENV, message], backend or Memory(), gas, debug=debug
        )
        value = int.from_bytes(result.data[:8], "little")
        return Probed(value, result.data[8:], result.gas.used_internally, result.debug)


class Probed:
    def __init__(self, value: int, data: bytes, gas: int, debug: tuple[str, ...]) -> None:
        self.value = value
        self.data = data
        self.gas = gas
        self.debug = debug
