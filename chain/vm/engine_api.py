"""The slow way into wasmtime: its public Python API.

It has the interface of `capi` and serves where that one does not fit the installed wheel. It knows the long lane only
(see `gates`), so that the differential test, which runs both on the same programs, compares the lanes as well.
"""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from chain.vm import config, gates, window
from chain.vm.errors import CacheError, InstantiationError, NoMemory, OutOfGas, Trap, VmError
from chain.vm.imports import HOST_FUNCTIONS
from chain.vm.instance import REGION
from chain.vm.metering import REMAINING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chain.vm.imports import HostFunction
    from chain.vm.instance import Call
    from chain.vm.wasm import FuncType

_INTO: Final = struct.Struct(window.INTO)
_OUT_OF: Final = struct.Struct(window.OUT_OF)
_CALLED: Final = struct.Struct(window.CALLED)
_ANSWER: Final = struct.Struct(window.ANSWER)

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


def _trap_text(stop: Exception) -> str:
    code = stop.trap_code if isinstance(stop, wasmtime.Trap) else None
    return _TRAP_TEXTS.get(code, str(stop)) if code is not None else str(stop)


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
        plain = wasmtime.FuncType([], [])  # it remembers its engine
        for name, host in HOST_FUNCTIONS.items():
            self.linker.define_func("env", name, plain, self._callback(host))

    def _callback(self, host: HostFunction) -> Callable[[], None]:
        active, run, params = self.active, host.run, host.signature.params

        def callback() -> None:
            guest = active.guest
            assert guest is not None  # noqa: S101 (host functions run inside a guest only)
            try:
                call = guest.call
                left, _, *values = _CALLED.unpack(guest.look(_CALLED.size))
                guest.leave(left)
                call.charge(call.host_call_cost)
                result = run(call, *values[:params])
                guest.show(_ANSWER.pack(call.left, result or 0))
            except BaseException as error:  # (it is raised again after the trap)
                guest.fail(error)
                raise _HostFailed from error

        return callback

    def load(self, compiled: bytes, exports: Mapping[str, FuncType]) -> Module:
        try:
            module = wasmtime.Module.deserialize(self.engine, compiled)
        except wasmtime.WasmtimeError as error:
            raise CacheError(f"cannot load compiled code: {error}") from error
        return Module(self, module, len(compiled), exports)


class Module:
    """Compiled code; linking happens at each instantiation."""

    def __init__(
        self, engine: Engine, module: wasmtime.Module, size: int, exports: Mapping[str, FuncType]
    ) -> None:
        self.engine = engine
        self.module = module
        self.size = size
        self.numbers = gates.numbers(exports)

    def instantiate(self, call: Call) -> Guest:
        return Guest(self, call)


class Guest:
    """One instance in its own store; see `instance.Guest` for what it offers."""

    def __init__(self, module: Module, call: Call) -> None:
        self.call = call
        self._active = module.engine.active
        self._numbers = module.numbers
        self._failure: BaseException | None = None
        self._dry = False
        self._store = wasmtime.Store(module.engine.engine)
        previous, self._active.guest = self._active.guest, self
        try:
            instance = module.engine.linker.instantiate(self._store, module.module)
        except wasmtime.Trap as trap:
            raise InstantiationError(_trap_text(trap)) from trap
        except wasmtime.WasmtimeError as error:
            raise InstantiationError(str(error)) from error
        finally:
            self._active.guest = previous
        self._exports = instance.exports(self._store)
        if gates.WINDOW not in self._exports:
            raise NoMemory(missing="memory" not in self._exports)
        self._window: Any = self._exports[gates.WINDOW]
        self._memory: Any = self._exports["memory"]
        self._gas: Any = self._exports[REMAINING]
        self._gate: Any = self._exports[gates.GATE]

    def allocate(self, size: int) -> int:
        return self._run(gates.ALLOCATE, size)

    def deallocate(self, pointer: int) -> None:
        self._run(gates.DEALLOCATE, pointer)

    def enter(self, entry: str, pointers: Sequence[int]) -> int:
        return self._run(self._numbers[entry], *pointers)

    def straight(self, entry: str, args: Sequence[bytes]) -> None:
        """There is no straight lane here."""

    def _run(self, number: int, *values: int) -> int:
        arguments = [*values, 0, 0, 0, 0][:4]
        self.show(_INTO.pack(self.call.left, number, *arguments, 0))
        previous, self._active.guest = self._active.guest, self
        try:
            self._gate(self._store)
        except (_HostFailed, wasmtime.Trap, wasmtime.WasmtimeError) as stop:
            raise self._stopped(stop) from None
        finally:
            self._active.guest = previous
        left, _, result = _OUT_OF.unpack(self.look(_OUT_OF.size))
        self.leave(left)
        return int(result)

    def look(self, length: int) -> bytes:
        """The first bytes of the window."""
        return bytes(self._window.read(self._store, 0, length))

    def show(self, data: bytes) -> None:
        """Writes the first bytes of the window."""
        self._window.write(self._store, data, 0)

    def leave(self, left: int) -> None:
        """What is left goes to the call; raises `OutOfGas` if there is less than nothing."""
        self.call.left = max(0, left)
        if left < 0:
            self._dry = True
            raise OutOfGas

    def fail(self, error: BaseException) -> None:
        self._failure = error

    def _stopped(self, stop: Exception) -> BaseException:
        failure, self._failure = self._failure, None
        if failure is not None:
            if isinstance(failure, VmError) and not self._dry:
                failure.levels += 1
            return failure
        try:
            self.leave(int(self._gas.value(self._store)))
        except OutOfGas as error:
            return error
        return Trap(_trap_text(stop))

    def region(self, pointer: int) -> tuple[int, int, int] | None:
        data = self.read(pointer, 12)
        return None if data is None else REGION.unpack(data)

    def read(self, offset: int, length: int) -> bytes | None:
        if offset + length > self.size():
            return None
        return bytes(self._memory.read(self._store, offset, offset + length))

    def write(self, offset: int, data: bytes) -> bool:
        if offset + len(data) > self.size():
            return False
        self._memory.write(self._store, data, offset)
        return True

    def size(self) -> int:
        return int(self._memory.data_len(self._store))

    def close(self) -> None:
        self._store.close()
