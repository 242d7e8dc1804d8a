"""What the VM costs beside other ways to run the same code; ratios are of rounds that take turns.

Calls are measured in CPU time, uploads by the clock.

A transfer of a cw20 token is the instantiation of a compiled module, ``execute`` with its host calls, and the end of
the instance. ``api`` does it through wasmtime's public Python API (the engine "python" of the VM, with the same host
functions, gas and module), ``c`` is a C program on the same shared library with the same module, settings and gas.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import wasmtime
from wasmtime import _ffi

import contracts
from benchmarks import c_host
from benchmarks.contract_calls import ENV, GAS, INFO, SINK, TOKEN, Store, encode
from benchmarks.measure import ROUNDS, Result
from chain.vm import DEFAULT_ERA, VM, config, wasm
from chain.vm.compiler import Compiler
from chain.vm.metering import REMAINING, meter

PAGES: Final = 512
TRANSFER: Final = [ENV, INFO, encode({"transfer": {"recipient": SINK, "amount": "1"}})]
START: Final = [ENV, INFO, encode(TOKEN)]
LARGE: Final = "cw20_bridge"
CACHE: Final = 4 << 20
"""Bytes of compiled modules in memory while many codes are called."""
GROWTH: Final = 64
"""MiB by which the process may grow then: the cache, and what the allocator and the pool of instances keep."""


def run(quick: bool) -> list[Result]:
    with _own_cache() as folder:
        return [
            *_transfers(folder, 300 if quick else 3_000),
            *_metering(10 if quick else 100),
            _upload(1 if quick else 5),
            _restart(folder / "home", 3 if quick else 9),
            *_many_codes(*((100, 1_000) if quick else (1_000, 10_000))),
        ]


@contextmanager
def _own_cache() -> Iterator[Path]:
    """A folder; the compiled modules below it are nobody else's."""
    with tempfile.TemporaryDirectory(prefix="lightship-bench-") as folder:
        before = os.environ.get("LIGHTSHIP_CACHE")
        os.environ["LIGHTSHIP_CACHE"] = str(Path(folder) / "cache")
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["LIGHTSHIP_CACHE"]
            else:
                os.environ["LIGHTSHIP_CACHE"] = before


@contextmanager
def _machine(**options: Any) -> Iterator[VM]:
    vm = VM(**options)
    try:
        yield vm
    finally:
        vm.close()


def _seconds(work: Callable[[], object], times: int = 1) -> float:
    """Of this thread's CPU: what runs beside it on the machine disturbs it less than the clock."""
    began = time.thread_time()
    for _ in range(times):
        work()
    return time.thread_time() - began


# --- a transfer, three ways -----------------------------------------------------------------------


def _transfers(folder: Path, n: int) -> list[Result]:
    took: dict[str, list[float]] = {"ours": [], "api": [], "c": []}
    with ExitStack() as stack:
        ours, left = _transferring(stack.enter_context(_machine()))
        api, _ = _transferring(stack.enter_context(_machine(engine="python")))
        peer, reason = None, ""
        try:
            peer = stack.enter_context(_peer(folder, left))
        except c_host.Unavailable as error:
            reason = str(error)
        for _ in range(ROUNDS):
            took["ours"].append(_seconds(ours, n) / n)
            took["api"].append(_seconds(api, n // 10) / (n // 10))
            if peer is not None:
                took["c"].append(peer.execute(n)[0] / n)
    mine, slow, bare = (statistics.median(each) * 1e6 if each else 0 for each in took.values())
    beside = f"a cw20 transfer, {mine:.0f} us; "
    c_says = f"a C host {bare:.0f} us" if bare else f"no C host: {reason}"
    n *= ROUNDS
    return [
        Result("vm transfer", mine, "us", n, "a cw20 transfer in the VM", 150, lower=True),
        Result(
            "vm transfer api", slow / mine, "x", n, f"{beside}public Python API {slow:.0f} us", 6
        ),
        Result(
            "vm transfer c", mine / bare if bare else 0, "x", n, beside + c_says, 2.2, lower=True
        ),
    ]


def _transferring(vm: VM) -> tuple[Callable[[], object], int]:
    """A transfer to be repeated, and the gas that the first of them left."""
    code = vm.store_code(contracts.artifact("cw20_token"))
    vm.pin(code)
    store = Store()
    vm.call(code, "instantiate", START, store, GAS)
    left = vm.call(code, "execute", TRANSFER, store, GAS).gas.remaining
    return lambda: vm.call(code, "execute", TRANSFER, store, GAS), left


@contextmanager
def _peer(folder: Path, left: int) -> Iterator[c_host.CHost]:
    """The C host after a first transfer, which must have left the same gas as ours."""
    code, compiler = contracts.artifact("cw20_token"), Compiler()
    compiled = compiler.compile(code, DEFAULT_ERA.ops, PAGES)
    compiler.close()
    messages = (ENV, INFO, START[2], TRANSFER[2])
    with c_host.started(folder, code, compiled, messages, GAS, PAGES) as host:
        if host.execute(1)[1] != left:
            raise RuntimeError("the C host used other gas for the same transfer")
        yield host


# --- metering -------------------------------------------------------------------------------------


def _metering(rounds: int) -> list[Result]:
    """The same code with our gas written into it, with wasmtime's fuel, with neither."""
    contract, loop = contracts.artifact("hostile"), bytes(wasmtime.wat2wasm(_LOOP))
    return [
        _metered("loop", "a loop that hashes 6 MB", loop, _loop, rounds),
        _metered("json", "a contract that writes JSON", contract, _contract, rounds),
    ]


def _metered(name: str, what: str, code: bytes, work: _Work, rounds: int) -> Result:
    metered = meter(wasm.parse(code), DEFAULT_ERA.ops, PAGES)
    runs = {
        "ours": _prepared(metered, work, fuel=False),
        "fuel": _prepared(code, work, fuel=True),
        "none": _prepared(code, work, fuel=False),
    }
    took: dict[str, list[float]] = {each: [] for each in runs}
    for _ in range(rounds):
        for each, run in runs.items():
            took[each].append(run())
    ours, fuel, none = map(min, took.values())
    what += f"; ours x {ours / none:.2f}, fuel x {fuel / none:.2f} of no metering"
    ratio = round(ours / fuel, 2)  # what lies below is noise
    return Result(f"vm metering {name}", ratio, "x fuel", rounds, what, 1.0, lower=True)


_Work = Callable[[wasmtime.Store, Any], Callable[[], object]]
"""In a new instance with these exports, what is to be timed."""


def _prepared(code: bytes, work: _Work, *, fuel: bool) -> Callable[[], float]:
    setup = wasmtime.Config()
    config.apply_settings(_ffi.dll, ctypes.addressof(setup.ptr().contents))
    setup.consume_fuel = fuel
    engine = wasmtime.Engine(setup)
    compiled = wasmtime.Module(engine, code).serialize()

    def run() -> float:
        # at a new address each time: where machine code happens to lie is worth a few percent
        module, linker = wasmtime.Module.deserialize(engine, compiled), wasmtime.Linker(engine)
        linker.define_unknown_imports_as_traps(module)
        store = wasmtime.Store(engine)
        if fuel:
            store.set_fuel(2**60)
        exports: Any = linker.instantiate(store, module).exports(store)
        if REMAINING in exports:
            exports[REMAINING].set_value(store, 2**60)
        return _seconds(work(store, exports))

    return run


def _loop(store: wasmtime.Store, exports: Any) -> Callable[[], object]:
    return lambda: exports["hash"](store, 6_000_000)


def _contract(store: wasmtime.Store, exports: Any) -> Callable[[], object]:
    arguments = [_passed(store, exports, each) for each in (ENV, INFO, _MUCH)]
    return lambda: exports["execute"](store, *arguments)


_MUCH: Final = encode({"many_attributes": {"count": 2_000}})
_LOOP: Final = """(module (memory (export "memory") 1)
  (func (export "hash") (param $bytes i32) (result i64) (local $at i32) (local $sum i64)
    (loop $next
      (local.set $sum
        (i64.xor (local.get $sum) (i64.load (i32.and (local.get $at) (i32.const 65528)))))
      (local.set $sum (i64.mul (local.get $sum) (i64.const 0x9E3779B97F4A7C15)))
      (local.set $sum (i64.xor (local.get $sum) (i64.shr_u (local.get $sum) (i64.const 32))))
      (local.set $sum
        (i64.mul (i64.rotl (local.get $sum) (i64.const 23)) (i64.const 0xD6E8FEB86659FD93)))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $bytes))))
    (local.get $sum)))"""


def _passed(store: wasmtime.Store, exports: Any, data: bytes) -> int:
    """A new Region with these bytes."""
    pointer = int(exports["allocate"](store, len(data)))
    memory = exports["memory"]
    offset = int.from_bytes(memory.read(store, pointer, pointer + 4), "little")
    memory.write(store, data, offset)
    memory.write(store, len(data).to_bytes(4, "little"), pointer + 8)
    return pointer


# --- from the upload to the call ------------------------------------------------------------------


def _upload(rounds: int) -> Result:
    """Each in a VM and a cache of its own: the compiler's process is started for it."""
    code, took = contracts.artifact(LARGE), []
    for _ in range(rounds):
        with _own_cache(), _machine() as vm:
            began = time.perf_counter()
            vm.pin(vm.store_code(code))
            took.append(time.perf_counter() - began)
    what = f"{LARGE}, {len(code) >> 10} KiB: checked, compiled, written to disk, loaded; a new compiler process each"
    return Result("vm upload", statistics.median(took), "s", rounds, what, 1.5, lower=True)


def _restart(home: Path, rounds: int) -> Result:
    """In a new process each: the first call after the module is pinned."""
    with _machine(base_dir=home) as vm:
        code = vm.store_code(contracts.artifact(LARGE))
    command = [sys.executable, "-m", "benchmarks.vm_costs", str(home), code.hex()]
    took = []
    for _ in range(rounds):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        took.append(json.loads(done.stdout))
    first, pin = (statistics.median(each[name] for each in took) for name in ("first", "pin"))
    what = f"{LARGE} after a restart; pinning it took {pin:.1f} ms before"
    return Result("vm first call", first, "ms", rounds, what, 5, lower=True)


def _first_call(home: str, checksum: str) -> None:
    """What the new process does; prints milliseconds."""
    code = bytes.fromhex(checksum)
    with _machine(base_dir=Path(home)) as vm:
        pin = _seconds(lambda: vm.pin(code))
        arguments = [ENV, encode({"token_info": {}})]
        first = _seconds(lambda: vm.call(code, "query", arguments, Store(), GAS))
    print(json.dumps({"pin": pin * 1e3, "first": first * 1e3}))


# --- many codes -----------------------------------------------------------------------------------

_NUMBERED: Final = """(module
  (memory (export "memory") 2)
  (func (export "interface_version_8"))
  (func (export "allocate") (param i32) (result i32)
    (i32.store (i32.const 8) (i32.const 1024)) (i32.store (i32.const 12) (local.get 0))
    (i32.store (i32.const 16) (i32.const 0)) (i32.const 8))
  (func (export "deallocate") (param i32))
  (func (export "query") (param i32 i32) (result i32)
    (i32.store (i32.const 20) (i32.const 32)) (i32.store (i32.const 24) (i32.const 8))
    (i32.store (i32.const 28) (i32.const 8)) (i32.const 20))
  BODIES
  (data (i32.const 32) "NUMBER"))"""
_BODY: Final = "(func (param i64) (result i64) {})".format(
    "(local.set 0 (i64.mul (i64.xor (local.get 0) (i64.const 77777)) (i64.const 3)))" * 20
    + "(local.get 0)"
)


def _many_codes(codes: int, calls: int) -> list[Result]:
    """Random calls of many codes, of which the cache holds a few."""
    dice, text = random.Random(7), _NUMBERED.replace("BODIES", _BODY * 40)
    with _machine(cache_bytes=CACHE) as vm:
        stored = [
            (
                vm.store_code(bytes(wasmtime.wat2wasm(text.replace("NUMBER", f"{number:08}")))),
                number,
            )
            for number in range(codes)
        ]
        took, before, peak = [], _resident(), 0.0
        for number in range(calls):
            code, expected = dice.choice(stored)
            began = time.thread_time()
            answer = vm.call(code, "query", [ENV, b"{}"], Store(), GAS).data
            took.append(time.thread_time() - began)
            if answer != b"%08d" % expected:
                raise RuntimeError("a contract answered for another")
            if number % 100 == 0:
                peak = max(peak, _resident() - before)
        stats = vm.stats()
    if stats.size_memory > CACHE:
        raise RuntimeError("the cache holds more than it may")
    what = f"random calls of {codes:,} codes; {stats.hits_memory} found in a cache of {CACHE >> 20} MiB"
    return [
        Result("vm many codes", calls / sum(took), "calls/s", calls, what),
        Result(
            "vm many codes memory",
            peak,
            "MiB",
            calls,
            "by which the process grew",
            GROWTH,
            lower=True,
        ),
    ]


def _resident() -> float:
    """MiB of this process in memory; 0 where the system does not say."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0.0
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    _first_call(*sys.argv[1:])
