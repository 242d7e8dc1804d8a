"""Room on the native stack, and on Python's.

Compiled code runs on the stack of the calling thread, and each contract call inside another (a
query from a contract) may use up to `config.MAX_WASM_STACK` of it before it traps, and then some
for the host. wasmtime cannot know what the thread has: a thread with less would end the process.

The rule: at most `config.MAX_NESTED` calls inside one another, on a thread that has room for all of
them. The main thread and Python's threads have it on Linux with glibc and on macOS. On a thread that has
not, the call moves to a new thread with enough.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import TYPE_CHECKING, Final, TypeVar

from chain.vm import config

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_HOST_SHARE: Final = 96 << 10
REQUIRED: Final = config.MAX_NESTED * (config.MAX_WASM_STACK + _HOST_SHARE)
_ROOMY: Final = 16 << 20
_FRAMES: Final = 100
"""Of Python, that a call may need until it is in a callback that can tell of an exception."""

_starting = threading.Lock()


class _Thread(threading.local):
    roomy: bool | None = None
    nested: int = 0


_thread = _Thread()


def check_frames() -> None:
    """Raises `RecursionError` where Python's limit is near: it must not be met where C calls back into Python."""
    try:
        sys._getframe(sys.getrecursionlimit() - _FRAMES)  # noqa: SLF001
    except ValueError:
        return  # there are not so many frames
    raise RecursionError("too many Python frames to call a contract")


def enter() -> int:
    """Counts a call in; returns how many are now inside one another in this thread."""
    _thread.nested += 1
    return _thread.nested


def leave() -> None:
    _thread.nested -= 1


def has_room() -> bool:
    """Whether this thread's stack is large enough, which is looked up once per thread."""
    if _thread.roomy is None:
        _thread.roomy = _stack_size() >= REQUIRED
    return _thread.roomy


def run_roomy(function: Callable[[], T]) -> T:
    """The result of `function`, run in a new thread with enough stack."""
    results: list[T] = []
    failures: list[BaseException] = []

    def work() -> None:
        _thread.roomy = True
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 (raised again in the calling thread)
            failures.append(error)

    with _starting:
        before = threading.stack_size(_ROOMY)
        try:
            thread = threading.Thread(target=work, name="contract")
            thread.start()
        finally:
            threading.stack_size(before)
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _stack_size() -> int:
    """Bytes of this thread's stack; 0 where there is no way to know."""
    if sys.platform == "linux":
        return _pthread_attributes()
    if sys.platform == "darwin":
        library = ctypes.CDLL(None)
        library.pthread_self.restype = ctypes.c_void_p
        library.pthread_get_stacksize_np.restype = ctypes.c_size_t
        library.pthread_get_stacksize_np.argtypes = [ctypes.c_void_p]
        return int(library.pthread_get_stacksize_np(library.pthread_self()))
    return 0


def _pthread_attributes() -> int:
    library = ctypes.CDLL(None)
    library.pthread_self.restype = ctypes.c_void_p
    attributes = ctypes.create_string_buffer(256)  # pthread_attr_t has at most 64 bytes
    lowest, size = ctypes.c_void_p(), ctypes.c_size_t()
    thread = ctypes.c_void_p(library.pthread_self())
    if library.pthread_getattr_np(thread, attributes) != 0:
        return 0
    failed = library.pthread_attr_getstack(attributes, ctypes.byref(lowest), ctypes.byref(size))
    library.pthread_attr_destroy(attributes)
    return 0 if failed else size.value
