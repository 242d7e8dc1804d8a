"""The fast way into wasmtime: its C API, by ctypes, without the Python objects in between.

The public API costs twelve times as much per contract call (`engine_api` keeps that way working, and
a differential test compares the two). The rules that make this safe:

* `PyDLL` keeps the interpreter lock over the whole call, so nothing here runs at the same time.
* No exception may leave a callback, for then wasmtime takes what happens to be there for a trap: it is
  stored in the guest, and the code is stopped by a trap. `stack.check_frames` sees to it that there is room
  to do so. (A signal handler that raises, as Python's own for SIGINT does, could break this between two
  instructions: a process that runs contracts on its main thread replaces it.)
* Traps and errors belong to whoever receives them, and are deleted.
* What C keeps an address of stays referenced: callbacks by the engine, modules by their users,
  buffers by the guest.
* Memory is read and written only through a memoryview whose length is the size that wasmtime
  reported; a pointer beyond it makes the guest ask again, because the memory may have grown. The window has
  one size and stays where it is; views of it are remembered by address, and used by living guests only.
* Types were checked when the module was loaded: the unchecked calls rely on it.

Struct layouts come from the wheel's own bindings.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

from wasmtime import _bindings as bindings

from chain.vm import config, gates
from chain.vm import window as layout
from chain.vm.errors import CacheError, InstantiationError, NoMemory, OutOfGas, Trap, VmError
from chain.vm.imports import HOST_FUNCTIONS
from chain.vm.instance import REGION
from chain.vm.metering import REMAINING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chain.vm.imports import HostFunction
    from chain.vm.instance import Call
    from chain.vm.wasm import FuncType

_P: Final = ctypes.c_void_p
_SIZE: Final = ctypes.c_size_t
_CALLBACK: Final = ctypes.CFUNCTYPE(_SIZE)
"""wasmtime_func_unchecked_callback_t without its parameters: what it is called with lies in the window."""

_EXTERN_ITEM: Final = bindings.wasmtime_extern_t.of.offset
_REMAINING: Final = REMAINING.encode()
_GATE: Final = gates.GATE.encode()
_WINDOW: Final = gates.WINDOW.encode()
_MEMORY: Final = b"memory"
_DATA, _ROOM, _STRAIGHT, _NOTHING = layout.DATA, layout.ROOM, layout.STRAIGHT, layout.NOTHING
_NONE: Final = (0, 0, 0, 0)
_into: Final = struct.Struct(layout.INTO).pack_into
_out_of: Final = struct.Struct(layout.OUT_OF).unpack_from
_called: Final = struct.Struct(layout.CALLED).unpack_from
_answer: Final = struct.Struct(layout.ANSWER).pack_into

_view_of: Final = ctypes.pythonapi.PyMemoryView_FromMemory
_view_of.restype = ctypes.py_object
_view_of.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_int]
_WRITABLE: Final = 0x200  # PyBUF_WRITE
_MAX_WINDOWS: Final = 1_000

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
        self.valtypes_empty = declare("wasm_valtype_vec_new_empty", None, _P)
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

    def plain_type(self) -> int:
        """A new `wasm_functype_t` of functions that take and give nothing."""
        vectors = bindings.wasm_valtype_vec_t(), bindings.wasm_valtype_vec_t()
        for vector in vectors:
            self.valtypes_empty(ctypes.addressof(vector))
        made: int = self.functype_new(*map(ctypes.addressof, vectors))
        return made


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
        self._windows: dict[int, memoryview] = {}
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
        kind = library.plain_type()
        error = library.define(
            self.linker, b"env", 3, symbol, len(symbol), kind, callback, None, None
        )
        library.functype_delete(kind)
        if error:
            raise VmError(f"cannot link {name}: {library.take_error(error)}")
        return callback

    def _callback(self, host: HostFunction) -> Callable[[], int]:
        """What wasmtime calls."""
        active, straight, signature = self.active, host.straight, host.signature
        params, regions = signature.params, len(signature.regions or ())

        def callback() -> int:
            guest = active.guest
            assert guest is not None  # noqa: S101 (host functions run inside a guest only)
            try:
                call, window = guest.call, guest.window
                call.left, mode, first, second, third, fourth = _called(window)
                if mode != _STRAIGHT:
                    _long(host, guest, mode, (first, second, third, fourth)[:params])
                    return 0
                assert straight is not None  # noqa: S101 (the guest has this lane for no other)
                middle = _DATA + first
                if regions == 1:
                    answer = straight(call, window[_DATA:middle].tobytes())
                elif regions:
                    last = window[middle : middle + second].tobytes()
                    answer = straight(call, window[_DATA:middle].tobytes(), last)
                else:
                    answer = straight(call, first)
                size = _NOTHING
                if answer is not None:
                    call.pending, size = answer, len(answer)
                    if size <= _ROOM:
                        window[_DATA : _DATA + size] = answer
                _answer(window, 0, call.left, size)
            except BaseException as error:  # noqa: BLE001 (it is raised again after the trap)
                return guest.fail(error)
            return 0

        return callback

    def window(self, address: int) -> memoryview:
        """The window at an address. Pooled instances have theirs at a few, which are remembered."""
        view = self._windows.get(address)
        if view is None:
            if len(self._windows) == _MAX_WINDOWS:
                self._windows.clear()
            view = self._windows[address] = _view_of(address, layout.SIZE, _WRITABLE)
        return view

    def load(self, compiled: bytes, exports: Mapping[str, FuncType]) -> Module:
        """Maps compiled code into memory. It must come from `compiler` with these settings."""
        pointer = _P()
        error = self.library.deserialize(
            self.pointer, compiled, len(compiled), ctypes.addressof(pointer)
        )
        if error:
            raise CacheError(f"cannot load compiled code: {self.library.take_error(error)}")
        return Module(self, int(pointer.value or 0), len(compiled), exports)


def _long(host: HostFunction, guest: Guest, mode: int, values: Sequence[int]) -> None:
    """A host function in the long lane."""
    call, result = guest.call, None
    if call.left < 0:
        raise guest.ran_dry()
    if mode == layout.PLACE:
        call.place(values[0], call.pending)
    else:
        if mode:
            call.depth = mode - 1
        call.charge(call.host_call_cost)
        result = host.run(call, *values)
    _answer(guest.window, 0, call.left, result or 0)


def _may_reserve_address_space() -> bool:
    """Whether the addresses for the pool can be had: wasmtime ends the process where they cannot.

    A limit (RLIMIT_AS) or a small address space (39 bits on some ARM systems) may forbid it.
    """
    if sys.platform == "win32":
        return True
    try:
        mmap.mmap(-1, config.ADDRESSES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0).close()
    except OSError:
        return False
    return True


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
        ("slots", bindings.wasmtime_val_raw_t),
        ("instance", bindings.wasmtime_instance_t),
        ("window", bindings.wasmtime_extern_t),
        ("memory", bindings.wasmtime_extern_t),
        ("gate", bindings.wasmtime_extern_t),
        ("gas", bindings.wasmtime_extern_t),
        ("value", bindings.wasmtime_val_t),
        ("trap", ctypes.c_void_p),
    )


class _Frame:
    """`_Buffers` with the addresses in them. Guests use one after another, see `_Active`."""

    __slots__ = ("buffers", "gas", "gate", "instance", "memory", "slots", "trap", "window")

    def __init__(self) -> None:
        self.buffers = _Buffers()
        base = ctypes.addressof(self.buffers)
        self.slots = base + _Buffers.slots.offset
        self.instance = base + _Buffers.instance.offset
        self.trap = base + _Buffers.trap.offset
        self.gate = base + _Buffers.gate.offset + _EXTERN_ITEM
        self.window = base + _Buffers.window.offset + _EXTERN_ITEM
        self.memory = base + _Buffers.memory.offset + _EXTERN_ITEM
        self.gas = base + _Buffers.gas.offset + _EXTERN_ITEM


class Guest:
    """One instance in its own store; see `instance.Guest` for what it offers."""

    __slots__ = (
        "_dry", "_failure", "_fetched", "_frame", "_library", "_module", "_outer", "_store", "_view",
        "active", "call", "context", "window",
    )  # fmt: skip

    def __init__(self, module: Module, call: Call) -> None:
        self.call = call
        self.active = active = module.engine.active
        self._module = module
        self._library = library = module.engine.library
        self._failure: BaseException | None = None
        self._frame = active.frames.pop() if active.frames else _Frame()
        self._dry = False
        self._view = memoryview(b"")
        self._fetched = False
        self._store: int | None = library.store_new(module.engine.pointer, None, None)
        self.context = library.store_context(self._store)
        self._outer, active.guest = active.guest, self
        try:
            self._instantiate(module)
        except BaseException:
            self.close()
            raise

    def _instantiate(self, module: Module) -> None:
        frame, library = self._frame, self._library
        error = library.instantiate(module.pre, self.context, frame.instance, frame.trap)
        if error or frame.buffers.trap:
            raise InstantiationError(self._take_reason(error))
        self._export(_GATE, frame.gate)
        if not self._export(_WINDOW, frame.window):
            raise NoMemory(missing=not self._export(_MEMORY, frame.memory))
        self.window = module.engine.window(library.memory_data(self.context, frame.window))

    def _export(self, name: bytes, place: int) -> bool:
        """Fetches an export to its place in the frame; whether there is such."""
        found: bool = self._library.export_get(
            self.context, self._frame.instance, name, len(name), place - _EXTERN_ITEM
        )
        return found

    # --- exports ---------------------------------------------------------------------------

    def allocate(self, size: int) -> int:
        return self._run(gates.ALLOCATE, (size,))

    def deallocate(self, pointer: int) -> None:
        self._run(gates.DEALLOCATE, (pointer,))

    def enter(self, entry: str, pointers: Sequence[int]) -> int:
        return self._run(self._module.numbers[entry], pointers)

    def straight(self, entry: str, args: Sequence[bytes]) -> bytes | None:
        number, data = self._module.numbers.get(entry), b"".join(args)
        if number is None or len(data) > _ROOM:
            return None
        call, window = self.call, self.window
        window[layout.COSTS] = call.era.host.packed
        window[_DATA : _DATA + len(data)] = data
        lane = layout.READS if call.readonly else layout.READS | layout.WRITES
        how, result = self._pass(number, [*map(len, args)], lane | layout.COUNT * len(args))
        if how == layout.DONE:
            return window[_DATA : _DATA + result].tobytes()
        call.depth = 0
        if how == layout.UNREAD:
            return call.take_result(result)
        call.place(result, args[how - layout.UNPLACED])  # which raises for the same reasons
        raise RuntimeError(f"the guest could not be given argument {how - layout.UNPLACED}")

    def _run(self, number: int, values: Sequence[int]) -> int:
        return self._pass(number, values, 0)[1]

    def _pass(self, number: int, values: Sequence[int], lane: int) -> tuple[int, int]:
        """Through the gate: how it went, and the result."""
        frame, call, window = self._frame, self.call, self.window
        _into(window, 0, call.left, number, *values, *_NONE[len(values) :], lane)
        error = self._library.call(self.context, frame.gate, frame.slots, 1, frame.trap)
        if error or frame.buffers.trap:
            raise self._failed(error)
        left, how, result = _out_of(window)
        call.left = left
        if left < 0:
            raise self.ran_dry()
        return how, result

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
        crossed = 1
        if failure is None:
            self.call.left = self._counter()
            if self.call.left < 0:
                return self.ran_dry()
            failure, crossed = Trap(reason), 0
        if isinstance(failure, VmError) and not self._dry:
            failure.levels += crossed + (self.window[layout.DEPTH] == layout.DEEPEST)
        return failure

    def _counter(self) -> int:
        """What the code had left where it stopped."""
        frame, value = self._frame, self._frame.buffers.value
        self._export(_REMAINING, frame.gas)
        self._library.global_get(self.context, frame.gas, ctypes.addressof(value))
        return int(value.of.i64)

    def _take_reason(self, error: int | None) -> str:
        """Traps of the code arrive as traps, those of host functions as errors."""
        if error:
            return self._library.take_error(error)
        code = ctypes.c_uint8()
        buffers = self._frame.buffers
        trap, buffers.trap = buffers.trap, None
        known = self._library.trap_code(trap, ctypes.addressof(code))
        self._library.trap_delete(trap)
        return _TRAP_TEXTS.get(code.value, f"trap {code.value}") if known else "trap"

    # --- memory ----------------------------------------------------------------------------

    def region(self, pointer: int) -> tuple[int, int, int] | None:
        try:
            return REGION.unpack_from(self._view, pointer)
        except struct.error:
            return REGION.unpack_from(self._view, pointer) if self._reaches(pointer + 12) else None

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

    def size(self) -> int:
        self._view = self._look()
        return len(self._view)

    def _reaches(self, end: int) -> bool:
        return end <= self.size()

    def _look(self) -> memoryview:
        memory = self._frame.memory
        if not self._fetched:
            self._fetched = self._export(_MEMORY, memory)
        size = self._library.memory_size(self.context, memory)
        data = self._library.memory_data(self.context, memory)
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
