"""The fast way into wasmtime: its C API, by ctypes, without the Python objects in between.

The public API costs eight times as much per contract call (`engine_api` keeps that way working, and
a differential test compares the two). The rules that make this safe:

* `PyDLL` keeps the interpreter lock over the whole call, so nothing here runs at the same time.
* No exception may leave a callback: it is stored in the guest, and the code is stopped by a trap.
  (A signal handler that raises, as Python's own for SIGINT does, could break this between two
  instructions: a process that runs contracts on its main thread replaces it.)
* Traps and errors belong to whoever receives them, and are deleted.
* What C keeps an address of stays referenced: callbacks by the engine, modules by their users,
  buffers by the guest.
* Memory is read and written only through a memoryview whose length is the size that wasmtime
  reported; a pointer beyond it makes the guest ask again, because the memory may have grown.
* Types were checked when the module was loaded: the unchecked calls rely on it.

Struct layouts come from the wheel's own bindings.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

from wasmtime import _bindings as bindings

from chain.vm import config, gates
from chain.vm.errors import CacheError, InstantiationError, OutOfGas, Trap, VmError
from chain.vm.imports import HOST_FUNCTIONS
from chain.vm.metering import REMAINING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chain.vm.imports import HostFunction
    from chain.vm.instance import Call
    from chain.vm.wasm import FuncType

_P: Final = ctypes.c_void_p
_SIZE: Final = ctypes.c_size_t
_CALLBACK: Final = ctypes.CFUNCTYPE(_SIZE, _P, _P, _P, _SIZE)

_FUNC, _GLOBAL, _MEMORY = 0, 1, 3  # wasmtime_extern_kind_t
_I32, _I64 = 0, 1  # wasm_valkind_t and wasmtime_valkind_t

_SLOT: Final = ctypes.sizeof(bindings.wasmtime_val_raw_t)
_WORDS: Final = _SLOT // 8
_EXTERN_ITEM: Final = bindings.wasmtime_extern_t.of.offset
_REGION: Final = struct.Struct("<III")
_U32: Final = struct.Struct("<I")
_REMAINING: Final = REMAINING.encode()
_GATE: Final = gates.GATE.encode()
_NUMBER, _FIRST, _SECOND, _THIRD, _GAS = range(0, _WORDS * gates.SLOTS, _WORDS)
_RESULT, _LEFT = 0, _WORDS
_U32_MASK: Final = 0xFFFFFFFF

_view_of: Final = ctypes.pythonapi.PyMemoryView_FromMemory
_view_of.restype = ctypes.py_object
_view_of.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int]
_WRITABLE: Final = 0x200  # PyBUF_WRITE

_TRAP_TEXTS: Final = {
    0: "call stack exhausted",
    1: "out of bounds memory access",
    2: "misaligned heap",
    3: "undefined element: out of bounds table access",
    4: "uninitialized element",
    5: "indirect call type mismatch",
    6: "integer overflow",
    7: "integer divide by zero",
    8: "invalid conversion to integer",
    9: "unreachable",
}
"""wasmtime_trap_code_t to the texts of wasmer's TrapCode."""


class _Library:
    """The functions of libwasmtime that are used here, with their types."""

    def __init__(self) -> None:
        dll = ctypes.PyDLL(config.library_path())

        def declare(name: str, result: Any, *arguments: Any) -> Any:
            return config.function(dll, name, result, *arguments)

        self.dll = dll
        self.config_new = declare("wasm_config_new", _P)
        self.engine_new = declare("wasm_engine_new_with_config", _P, _P)
        self.engine_delete = declare("wasm_engine_delete", None, _P)
        self.pool_new = declare("wasmtime_pooling_allocation_config_new", _P)
        self.pool_delete = declare("wasmtime_pooling_allocation_config_delete", None, _P)
        self.use_pool = declare("wasmtime_pooling_allocation_strategy_set", None, _P, _P)
        self.linker_new = declare("wasmtime_linker_new", _P, _P)
        self.linker_delete = declare("wasmtime_linker_delete", None, _P)
        self.define = declare(
            "wasmtime_linker_define_func_unchecked",
            _P, _P, ctypes.c_char_p, _SIZE, ctypes.c_char_p, _SIZE, _P, _CALLBACK, _P, _P,
        )  # fmt: skip
        self.instantiate_pre = declare("wasmtime_linker_instantiate_pre", _P, _P, _P, _P)
        self.pre_delete = declare("wasmtime_instance_pre_delete", None, _P)
        self.instantiate = declare("wasmtime_instance_pre_instantiate", _P, _P, _P, _P, _P)
        self.deserialize = declare("wasmtime_module_deserialize", _P, _P, _P, _SIZE, _P)
        self.module_delete = declare("wasmtime_module_delete", None, _P)
        self.store_new = declare("wasmtime_store_new", _P, _P, _P, _P)
        self.store_context = declare("wasmtime_store_context", _P, _P)
        self.store_delete = declare("wasmtime_store_delete", None, _P)
        self.export_get = declare(
            "wasmtime_instance_export_get",
            ctypes.c_bool, _P, _P, ctypes.c_char_p, _SIZE, _P,
        )  # fmt: skip
        self.call = declare("wasmtime_func_call_unchecked", _P, _P, _P, _P, _SIZE, _P)
        self.memory_data = declare("wasmtime_memory_data", _P, _P, _P)
        self.memory_size = declare("wasmtime_memory_data_size", _SIZE, _P, _P)
        self.global_get = declare("wasmtime_global_get", None, _P, _P, _P)
        self.trap_new = declare("wasmtime_trap_new", _SIZE, ctypes.c_char_p, _SIZE)
        self.trap_code = declare("wasmtime_trap_code", ctypes.c_bool, _P, _P)
        self.trap_delete = declare("wasm_trap_delete", None, _P)
        self.error_message = declare("wasmtime_error_message", None, _P, _P)
        self.error_delete = declare("wasmtime_error_delete", None, _P)
        self.bytes_delete = declare("wasm_byte_vec_delete", None, _P)
        self.valtype_new = declare("wasm_valtype_new", _P, ctypes.c_uint8)
        self.valtypes_new = declare("wasm_valtype_vec_new", None, _P, _SIZE, _P)
        self.functype_new = declare("wasm_functype_new", _P, _P, _P)
        self.functype_delete = declare("wasm_functype_delete", None, _P)

    def take_error(self, error: int) -> str:
        """The text of a `wasmtime_error_t`, which is deleted."""
        text = bindings.wasm_byte_vec_t()
        self.error_message(error, ctypes.addressof(text))
        message = ctypes.string_at(text.data, text.size).decode(errors="replace")
        self.bytes_delete(ctypes.addressof(text))
        self.error_delete(error)
        return message

    def function_type(self, host: HostFunction) -> int:
        """A new `wasm_functype_t`: i32 parameters, at most one result, and the gas with both."""
        results = {0: (), 32: (_I32,), 64: (_I64,)}[host.result_bits]
        params = self._valtypes(((_I32,) * host.params) + (_I64,))
        outcome = self._valtypes((*results, _I64))
        made: int = self.functype_new(ctypes.addressof(params), ctypes.addressof(outcome))
        return made

    def _valtypes(self, kinds: tuple[int, ...]) -> Any:
        """A vector that owns its types; `wasm_functype_new` takes it over."""
        items = (_P * len(kinds))(*(self.valtype_new(kind) for kind in kinds))
        vector = bindings.wasm_valtype_vec_t()
        self.valtypes_new(ctypes.addressof(vector), len(kinds), ctypes.addressof(items))
        return vector


class _Active(threading.local):
    """The guest that is running in this thread, which callbacks find here, and frames for guests."""

    guest: Guest | None = None

    def __init__(self) -> None:
        self.frames: list[_Frame] = []


class Engine:
    """One wasmtime engine with the host functions linked, shared by all calls."""

    def __init__(self, memory_pages: int) -> None:
        self.library = library = _Library()
        self.active = _Active()
        settings = library.config_new()
        config.apply_settings(library.dll, settings)
        if _may_reserve_address_space():
            self._set_up_pool(settings, memory_pages)
        self.pointer = library.engine_new(settings)
        self.linker = library.linker_new(self.pointer)
        self._callbacks = [self._link(name, host) for name, host in HOST_FUNCTIONS.items()]
        weakref.finalize(self, _free_engine, library, self.linker, self.pointer)

    def _set_up_pool(self, settings: int, memory_pages: int) -> None:
        """Instances in reserved slots: half the price of an instance made on demand."""
        library = self.library
        pool = library.pool_new()
        for name, value in {**config.POOL, "max_memory_size": memory_pages << 16}.items():
            config.function(
                library.dll, f"wasmtime_pooling_allocation_config_{name}_set", None, _P, _SIZE
            )(pool, value)
        library.use_pool(settings, pool)
        library.pool_delete(pool)

    def _link(self, name: str, host: HostFunction) -> Any:
        callback = _CALLBACK(self._callback(host))
        library, symbol = self.library, name.encode()
        kind = library.function_type(host)
        error = library.define(
            self.linker, b"env", 3, symbol, len(symbol), kind, callback, None, None
        )
        library.functype_delete(kind)
        if error:
            raise VmError(f"cannot link {name}: {library.take_error(error)}")
        return callback

    def _callback(self, host: HostFunction) -> Callable[..., int]:
        """What wasmtime calls: arguments come and results go in 16-byte slots, the gas in the last."""
        active, run, params, has_result = self.active, host.run, host.params, host.result_bits > 0
        slots = ctypes.c_int64 * (_WORDS * (params + 1))
        gas, given = _WORDS * params, _WORDS * has_result
        words = range(0, gas, _WORDS)

        def callback(_env: int, _caller: int, raw: int, _count: int) -> int:
            guest = active.guest
            assert guest is not None  # noqa: S101 (host functions run inside a guest only)
            try:
                call, values = guest.call, slots.from_address(raw)
                call.left = left = values[gas]
                if left < 0:
                    raise guest.ran_dry()
                call.charge(call.host_call_cost)
                if params == 1:
                    result = run(call, values[0] & _U32_MASK)
                else:
                    result = run(call, *[values[word] & _U32_MASK for word in words])
                if result is not None:
                    values[0] = result
                values[given] = call.left
            except BaseException as error:  # noqa: BLE001 (it is raised again after the trap)
                return guest.fail(error)
            return 0

        return callback

    def load(self, compiled: bytes, exports: Mapping[str, FuncType]) -> Module:
        """Maps compiled code into memory. It must come from `compiler` with these settings."""
        pointer = _P()
        error = self.library.deserialize(
            self.pointer, compiled, len(compiled), ctypes.addressof(pointer)
        )
        if error:
            raise CacheError(f"cannot load compiled code: {self.library.take_error(error)}")
        return Module(self, int(pointer.value or 0), len(compiled), exports)


def _may_reserve_address_space() -> bool:
    """The pool reserves about 4 GiB of addresses per slot, and aborts where it may not."""
    if sys.platform == "win32":
        return True
    import resource  # noqa: PLC0415

    return resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def _free_engine(library: _Library, linker: int, engine: int) -> None:
    library.linker_delete(linker)
    library.engine_delete(engine)


class Module:
    """Compiled code, linked and ready to be instantiated."""

    def __init__(
        self, engine: Engine, pointer: int, size: int, exports: Mapping[str, FuncType]
    ) -> None:
        self.engine = engine
        self.size = size
        self.numbers = gates.numbers(exports)
        library, pre = engine.library, _P()
        error = library.instantiate_pre(engine.linker, pointer, ctypes.addressof(pre))
        self.link_error = library.take_error(error) if error else None
        self.pre = pre.value
        # the finalizer's reference keeps the engine alive for as long as the module
        weakref.finalize(self, _free_module, engine, pre.value, pointer)

    def instantiate(self, call: Call) -> Guest:
        if self.link_error is not None:
            raise InstantiationError(self.link_error)
        return Guest(self, call)


def _free_module(engine: Engine, pre: int | None, module: int) -> None:
    if pre:
        engine.library.pre_delete(pre)
    engine.library.module_delete(module)


class _Buffers(ctypes.Structure):
    """Everything that C writes to or reads from during one call."""

    _fields_ = (
        ("slots", bindings.wasmtime_val_raw_t * gates.SLOTS),
        ("instance", bindings.wasmtime_instance_t),
        ("memory", bindings.wasmtime_extern_t),
        ("gate", bindings.wasmtime_extern_t),
        ("gas", bindings.wasmtime_extern_t),
        ("value", bindings.wasmtime_val_t),
        ("trap", ctypes.c_void_p),
    )


_SLOTS: Final = ctypes.c_int64 * (gates.SLOTS * _WORDS)


class _Frame:
    """`_Buffers` with the addresses in them. Guests use one after another, see `_Active`."""

    __slots__ = ("base", "buffers", "slots", "trap", "words")

    def __init__(self) -> None:
        self.buffers = _Buffers()
        self.base = base = ctypes.addressof(self.buffers)
        self.slots = base + _Buffers.slots.offset
        self.trap = base + _Buffers.trap.offset
        self.words = _SLOTS.from_address(self.slots)


class Guest:
    """One instance in its own store; see `instance.Guest` for what it offers."""

    __slots__ = (
        "_base", "_buffers", "_dry", "_failure", "_frame", "_gate", "_library", "_memory", "_module",
        "_outer", "_slots", "_store", "_trap", "_view", "_words", "active", "call", "context",
    )  # fmt: skip

    def __init__(self, module: Module, call: Call) -> None:
        self.call = call
        self.active = active = module.engine.active
        self._module = module
        self._library = library = module.engine.library
        self._failure: BaseException | None = None
        self._frame = frame = active.frames.pop() if active.frames else _Frame()
        self._buffers = frame.buffers
        self._base = frame.base
        self._slots = frame.slots
        self._trap = frame.trap
        self._words = frame.words
        self._dry = False
        self._view = memoryview(b"")
        self._store: int | None
        self._outer, active.guest = active.guest, self
        self._store = library.store_new(module.engine.pointer, None, None)
        self.context = library.store_context(self._store)
        try:
            self._instantiate(module)
        except BaseException:
            self.close()
            raise

    def _instantiate(self, module: Module) -> None:
        base = self._base
        error = self._library.instantiate(
            module.pre, self.context, base + _Buffers.instance.offset, self._trap
        )
        if error or self._buffers.trap:
            raise InstantiationError(self._take_reason(error))
        self._memory = self._export(b"memory", _Buffers.memory.offset, _MEMORY)
        self._gate = self._export(_GATE, _Buffers.gate.offset, _FUNC)

    def _export(self, name: bytes, offset: int, kind: int) -> int:
        """Where the item of an export lies after it was fetched."""
        found = self._base + offset
        if (
            not self._library.export_get(
                self.context, self._base + _Buffers.instance.offset, name, len(name), found
            )
            or ctypes.c_uint8.from_address(found).value != kind
        ):
            raise InstantiationError(f"missing export {name.decode()}")
        return int(found + _EXTERN_ITEM)

    # --- exports ---------------------------------------------------------------------------

    def allocate(self, size: int) -> int:
        return self._run(gates.ALLOCATE, size)

    def deallocate(self, pointer: int) -> None:
        self._run(gates.DEALLOCATE, pointer)

    def enter(self, entry: str, pointers: Sequence[int]) -> int:
        return self._run(self._module.numbers[entry], *pointers)

    def _run(self, number: int, first: int = 0, second: int = 0, third: int = 0) -> int:
        words, call = self._words, self.call
        words[_NUMBER], words[_FIRST], words[_SECOND] = number, first, second
        words[_THIRD], words[_GAS] = third, call.left
        error = self._library.call(self.context, self._gate, self._slots, gates.SLOTS, self._trap)
        if error or self._buffers.trap:
            raise self._failed(error)
        call.left = left = words[_LEFT]
        if left < 0:
            raise self.ran_dry()
        return words[_RESULT] & _U32_MASK

    def ran_dry(self) -> OutOfGas:
        """The error for code that used more than there was, which is noticed here or by a host function."""
        self.call.left = 0
        self._dry = True
        return OutOfGas()

    def fail(self, error: BaseException) -> int:
        """Keeps what a host function raised and returns the trap that ends the code."""
        self._failure = error
        trap: int = self._library.trap_new(b"host", 4)
        return trap

    def _failed(self, error: int | None) -> BaseException:
        """The exception for code that stopped; frees what wasmtime handed over."""
        reason = self._take_reason(error)
        failure, self._failure = self._failure, None
        if failure is None:
            self.call.left = self._counter()
            return Trap(reason) if self.call.left >= 0 else self.ran_dry()
        if isinstance(failure, VmError) and not self._dry:
            failure.levels += 1
        return failure

    def _counter(self) -> int:
        """What the code had left where it stopped."""
        place = self._export(_REMAINING, _Buffers.gas.offset, _GLOBAL)
        self._library.global_get(self.context, place, self._base + _Buffers.value.offset)
        return int(self._buffers.value.of.i64)

    def _take_reason(self, error: int | None) -> str:
        """Traps of the code arrive as traps, those of host functions as errors."""
        if error:
            return self._library.take_error(error)
        code = ctypes.c_uint8()
        trap, self._buffers.trap = self._buffers.trap, None
        known = self._library.trap_code(trap, ctypes.addressof(code))
        self._library.trap_delete(trap)
        return _TRAP_TEXTS.get(code.value, f"trap {code.value}") if known else "trap"

    # --- memory ----------------------------------------------------------------------------

    def region(self, pointer: int) -> tuple[int, int, int] | None:
        try:
            return _REGION.unpack_from(self._view, pointer)
        except struct.error:
            return _REGION.unpack_from(self._view, pointer) if self._reaches(pointer + 12) else None

    def read(self, offset: int, length: int) -> bytes | None:
        end = offset + length
        if end > len(self._view) and not self._reaches(end):
            return None
        return self._view[offset:end].tobytes()

    def write(self, offset: int, data: bytes) -> bool:
        end = offset + len(data)
        if end > len(self._view) and not self._reaches(end):
            return False
        self._view[offset:end] = data
        return True

    def write_u32(self, offset: int, value: int) -> bool:
        try:
            _U32.pack_into(self._view, offset, value)
        except struct.error:
            return self.write(offset, value.to_bytes(4, "little"))
        return True

    def size(self) -> int:
        self._view = self._look()
        return len(self._view)

    def _reaches(self, end: int) -> bool:
        return end <= self.size()

    def _look(self) -> memoryview:
        size = self._library.memory_size(self.context, self._memory)
        data = self._library.memory_data(self.context, self._memory)
        view: memoryview = _view_of(data, size, _WRITABLE)
        return view

    def close(self) -> None:
        """Drops the store. The guest must not be used afterwards."""
        store, self._store = self._store, None
        if store is not None:
            self._view = memoryview(b"")
            self._library.store_delete(store)
            self.active.guest = self._outer
            self.active.frames.append(self._frame)
