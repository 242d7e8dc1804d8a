"""How wasmtime is set up, the same for compiling, checking and both ways of running.

The public Python API of wasmtime lacks some of these settings, so all go through the C functions
that the wheel exports. Everything here decides what compiled code looks like or does, and is part
of the key under which compiled modules are cached.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

import wasmtime
from wasmtime import _ffi

if TYPE_CHECKING:
    from chain.vm.gas import OpCosts

MAX_WASM_STACK: Final = 512 * 1024
"""Bytes of native stack that one contract call may use for compiled code.

Recursion beyond it is a trap. Upstream gives contracts 1 MiB under another compiler with other
frame sizes, so the depth at which endless recursion ends is a known difference. See `stack.py` for
what a thread must offer.
"""

CONTRACTS: Final[dict[str, bool | int]] = {
    "cranelift_nan_canonicalization": True,
    "max_wasm_stack": MAX_WASM_STACK,
    "memory_may_move": False,
    "wasm_bulk_memory": False,
    "wasm_custom_page_sizes": False,
    "wasm_exceptions": False,
    "wasm_function_references": False,
    "wasm_gc": False,
    "wasm_memory64": False,
    "wasm_multi_memory": False,
    "wasm_multi_value": True,
    "wasm_reference_types": True,
    "wasm_relaxed_simd": False,
    "wasm_simd": False,
    "wasm_stack_switching": False,
    "wasm_tail_call": False,
    "wasm_threads": False,
    "wasm_wide_arithmetic": False,
}
"""What contracts may be made of."""

SETTINGS: Final[dict[str, bool | int]] = {
    **CONTRACTS,
    "wasm_bulk_memory": True,
    "wasm_multi_memory": True,
}
"""What metered modules are made of: `gates` adds a memory and copies between the two.

Only for code that was validated with `CONTRACTS`, which knows of one memory: the second is the window.
"""

MAX_NESTED: Final = 12
"""Calls inside one another; the chain stops queries at depth 10 before that."""

AT_ONCE: Final = 3
"""Calls not inside others that may run at the same time. The interpreter lock leaves little to gain by more."""

POOL: Final[dict[str, int]] = {
    "total_core_instances": AT_ONCE * MAX_NESTED,
    "total_memories": 2 * AT_ONCE * MAX_NESTED,
    "max_memories_per_module": 2,
    "total_tables": AT_ONCE * MAX_NESTED,
    "max_core_instance_size": 8 << 20,
    "table_elements": 10_000,
    "linear_memory_keep_resident": 16 << 10,
    "table_keep_resident": 64 << 10,
}
"""Slots for all instances that can live at the same time. An instance has the contract's memory and the window."""

ADDRESSES: Final = POOL["total_memories"] * (4_160 << 20)
"""Bytes of address space that the pool reserves: 4 GiB for each memory, and guards around them."""

_FORMAT: Final = 7
"""Raise this when metered code or the cache's files change their meaning."""


def function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    """A C function of the library with its types declared."""
    found = library[name]
    found.restype = result
    found.argtypes = list(arguments)
    return found


def apply_settings(library: Any, config: int, **overrides: bool | int) -> None:
    """Sets `SETTINGS` on the `wasm_config_t` at the address `config`."""
    for name, value in {**SETTINGS, **overrides}.items():
        kind = ctypes.c_bool if isinstance(value, bool) else ctypes.c_size_t
        function(library, f"wasmtime_config_{name}_set", None, ctypes.c_void_p, kind)(config, value)


def new_engine(**overrides: bool | int) -> wasmtime.Engine:
    """An engine of the public API with `SETTINGS`: for compiling and the slow way."""
    setup = wasmtime.Config()
    apply_settings(_ffi.dll, ctypes.addressof(setup.ptr().contents), **overrides)
    return wasmtime.Engine(setup)


def fingerprint(ops: OpCosts, memory_pages: int) -> str:
    """What compiled code depends on beside the contract, as 16 hex digits."""
    parts = (
        _FORMAT,
        metadata.version("wasmtime"),
        platform.system(),
        platform.machine(),
        sorted(SETTINGS.items()),
        ops,
        memory_pages,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def library_path() -> str:
    return str(_ffi.dll._name)  # noqa: SLF001
