"""The slow way into wasmtime: its public Python API.

It has the interface of `capi` and serves where that one does not fit the installed wheel. A
differential test runs both on the same programs.
"""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from chain.vm import config
from chain.vm.errors import CacheError, InstantiationError, OutOfGas, Trap, VmError
from chain.vm.imports import HOST_FUNCTIONS
from chain.vm.metering import REMAINING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chain.vm.imports import HostFunction
    from chain.vm.instance import Call

_REGION: Final = struct.Struct("<III")
_U32: Final = (1 << 32) - 1

_TRAP_TEXTS: Final = {
    wasmtime.TrapCode.STACK_OVERFLOW: "call stack exhausted",
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    wasmtime.TrapCode.HEAP_MISALIGNED: "misaligned heap",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "undefined element: out of bounds table access",
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: "uninitialized element",
    wasmtime.TrapCode.BAD_SIGNATURE: "indirect call type mismatch",
    wasmtime.TrapCode.INTEGER_OVERFLOW: "integer overflow",
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: "integer divide by zero",
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
    wasmtime.TrapCode.UNREACHABLE: "unreachable",
}


def _signed32(value: int) -> int:
    return value - (1 << 32) if value >> 31 else value


def _signed64(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


class _HostFailed(Exception):
    """Ends the code after a host function failed."""


class _Active(threading.local):
    guest: Guest | None = None


class Engine:
    """One wasmtime engine with the host functions linked."""

    def __init__(self, memory_pages: int) -> None:
        del memory_pages  # written into every module by the metering
        self.active = _Active()
        self.engine = config.new_engine()
        self.linker = wasmtime.Linker(self.engine)
        for name, host in HOST_FUNCTIONS.items():
            self.linker.define_func("env", name, _function_type(host), self._callback(host))

    def _callback(self, host: HostFunction) -> Callable[..., int | None]:
        active, run = self.active, host.run
        signed = _signed64 if host.result_bits == 64 else _signed32

        def callback(*values: int) -> int | None:
            guest = active.guest
            assert guest is not None  # noqa: S101 (host functions run inside a guest only)
            try:
                call = guest.call
                call.left = guest.gas()
                call.charge(call.host_call_cost)
                result = run(call, *[value & _U32 for value in values])
                guest.set_gas(call.left)
            except BaseException as error:  # (it is raised again after the trap)
                guest.fail(error)
                raise _HostFailed from error
            return None if result is None else signed(result)

        return callback

    def load(self, compiled: bytes) -> Module:
        try:
            return Module(self, wasmtime.Module.deserialize(self.engine, compiled), len(compiled))
        except wasmtime.WasmtimeError as error:
            raise CacheError(f"cannot load compiled code: {error}") from error


def _function_type(host: HostFunction) -> wasmtime.FuncType:
    results = {0: [], 32: [wasmtime.ValType.i32()], 64: [wasmtime.ValType.i64()]}
    params = [wasmtime.ValType.i32() for _ in range(host.params)]
    return wasmtime.FuncType(params, results[host.result_bits])


class Module:
    """Compiled code; linking happens at each instantiation."""

    def __init__(self, engine: Engine, module: wasmtime.Module, size: int) -> None:
        self.engine = engine
        self.module = module
        self.size = size

    def instantiate(self, call: Call) -> Guest:
        return Guest(self, call)


class Guest:
    """One instance in its own store; see `instance.Guest` for what it offers."""

    def __init__(self, module: Module, call: Call) -> None:
        self.call = call
        self._active = module.engine.active
        self._failure: BaseException | None = None
        self._store = wasmtime.Store(module.engine.engine)
        previous, self._active.guest = self._active.guest, self
        try:
            instance = module.engine.linker.instantiate(self._store, module.module)
        except wasmtime.Trap as trap:
            raise InstantiationError(str(self._stopped(trap))) from trap
        except wasmtime.WasmtimeError as error:
            raise InstantiationError(str(error)) from error
        finally:
            self._active.guest = previous
        self._exports = instance.exports(self._store)
        self._memory: Any = self._export("memory", wasmtime.Memory)
        self._gas: Any = self._export(REMAINING, wasmtime.Global)
        self._allocate: Any = self._export("allocate", wasmtime.Func)

    def _export(self, name: str, kind: type) -> Any:
        found = self._exports.get(name)
        if not isinstance(found, kind):
            raise InstantiationError(f"missing export {name}")
        return found

    def gas(self) -> int:
        return int(self._gas.value(self._store))

    def set_gas(self, left: int) -> None:
        self._gas.set_value(self._store, wasmtime.Val.i64(left))

    def allocate(self, size: int) -> int:
        return self._run(self._allocate, size) & _U32

    def deallocate(self, pointer: int) -> None:
        self._run(self._export("deallocate", wasmtime.Func), pointer)

    def enter(self, entry: str, pointers: Sequence[int]) -> int:
        return self._run(self._export(entry, wasmtime.Func), *pointers) & _U32

    def _run(self, function: Any, *values: int) -> int:
        signed = map(_signed32, values)
        previous, self._active.guest = self._active.guest, self
        try:
            return int(function(self._store, *signed) or 0)
        except (_HostFailed, wasmtime.Trap, wasmtime.WasmtimeError) as stop:
            raise self._stopped(stop) from None
        finally:
            self._active.guest = previous

    def fail(self, error: BaseException) -> None:
        self._failure = error
        self.set_gas(self.call.left)

    def _stopped(self, stop: Exception) -> BaseException:
        failure, self._failure = self._failure, None
        if failure is not None:
            if isinstance(failure, VmError) and not self.gas() < 0:
                failure.levels += 1
            return failure
        if self._exports_ready() and self.gas() < 0:
            return OutOfGas()
        code = stop.trap_code if isinstance(stop, wasmtime.Trap) else None
        return Trap(_TRAP_TEXTS.get(code, str(stop)) if code is not None else str(stop))

    def _exports_ready(self) -> bool:
        return hasattr(self, "_exports")

    def region(self, pointer: int) -> tuple[int, int, int] | None:
        data = self.read(pointer, 12)
        return None if data is None else _REGION.unpack(data)

    def read(self, offset: int, length: int) -> bytes | None:
        if offset + length > self.size():
            return None
        return bytes(self._memory.read(self._store, offset, offset + length))

    def write(self, offset: int, data: bytes) -> bool:
        if offset + len(data) > self.size():
            return False
        self._memory.write(self._store, data, offset)
        return True

    def write_u32(self, offset: int, value: int) -> bool:
        return self.write(offset, value.to_bytes(4, "little"))

    def size(self) -> int:
        return int(self._memory.data_len(self._store))

    def close(self) -> None:
        self._store.close()
