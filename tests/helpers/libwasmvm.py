"""Upstream's own VM, called as ours is: `libwasmvm` through its C interface.

The library comes prebuilt in the Go module wasmvm, one for each version. It takes the same backends as
`chain.vm`, so that the same calls can be made of both and compared. Layouts: wasmvm
`internal/api/bindings.h` at v1.5.9 to v3.0.7; what each callback must do: `internal/api/callbacks.go`.
"""

from __future__ import annotations

import ctypes
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chain.vm import BUILT_IN_CAPABILITIES, ApiError
from chain.vm.backend import Backend
from chain.vm.gas import ApiCosts, GasReport

_P: Final = ctypes.c_void_p
_U64: Final = ctypes.c_uint64
_CODE: Final = ctypes.c_int32
_OK, _PANIC, _USER = 0, 1, 5  # GoError
_OUT_OF_GAS: Final = 2  # errno
_DESCENDING: Final = 2
_MAX_ITERATORS: Final = 32_768
"""Per call; a rule of the Go side (`internal/api/iterator.go`)."""


class View(ctypes.Structure):
    """`ByteSliceView` and `U8SliceView`."""

    _fields_ = (("none", ctypes.c_bool), ("data", _P), ("length", ctypes.c_size_t))


class Vector(ctypes.Structure):
    """`UnmanagedVector`: bytes that the library owns."""

    _fields_ = (
        ("none", ctypes.c_bool),
        ("data", _P),
        ("length", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
    )


class Reference(ctypes.Structure):
    """`IteratorReference`."""

    _fields_ = (("call", _U64), ("iterator", _U64))


class _Table(ctypes.Structure):
    """A vtable as far as the libraries look at it: pointers to functions."""


class IteratorTable(_Table):
    _fields_ = (("next", _P), ("next_key", _P), ("next_value", _P))


class Iter(ctypes.Structure):
    _fields_ = (("meter", _P), ("reference", Reference), ("table", IteratorTable))


class DbTable(_Table):
    _fields_ = (("read", _P), ("write", _P), ("remove", _P), ("scan", _P))


class Db(ctypes.Structure):
    _fields_ = (("meter", _P), ("state", _P), ("table", DbTable))


class ApiTable(_Table):
    _fields_ = (("humanize", _P), ("canonicalize", _P), ("validate", _P))


class OldApiTable(_Table):
    _fields_ = (("humanize", _P), ("canonicalize", _P))


class Api(ctypes.Structure):
    _fields_ = (("state", _P), ("table", ApiTable))


class OldApi(ctypes.Structure):
    """Before 2.0: the library validates by itself."""

    _fields_ = (("state", _P), ("table", OldApiTable))


class QuerierTable(_Table):
    _fields_ = (("query", _P),)


class Querier(ctypes.Structure):
    _fields_ = (("state", _P), ("table", QuerierTable))


class Report(ctypes.Structure):
    _fields_ = (("limit", _U64), ("remaining", _U64), ("external", _U64), ("internal", _U64))


_OUT: Final = ctypes.POINTER(Vector)
_GAS: Final = ctypes.POINTER(_U64)
_READ: Final = ctypes.CFUNCTYPE(_CODE, _P, _P, _GAS, View, _OUT, _OUT)
_WRITE: Final = ctypes.CFUNCTYPE(_CODE, _P, _P, _GAS, View, View, _OUT)
_REMOVE: Final = ctypes.CFUNCTYPE(_CODE, _P, _P, _GAS, View, _OUT)
_SCAN: Final = ctypes.CFUNCTYPE(
    _CODE, _P, _P, _GAS, View, View, ctypes.c_int32, ctypes.POINTER(Iter), _OUT
)
_NEXT: Final = ctypes.CFUNCTYPE(_CODE, Reference, _P, _GAS, _OUT, _OUT, _OUT)
_NEXT_PART: Final = ctypes.CFUNCTYPE(_CODE, Reference, _P, _GAS, _OUT, _OUT)
_CONVERT: Final = ctypes.CFUNCTYPE(_CODE, _P, View, _OUT, _OUT, _GAS)
_VALIDATE: Final = ctypes.CFUNCTYPE(_CODE, _P, View, _OUT, _GAS)
_QUERY: Final = ctypes.CFUNCTYPE(_CODE, _P, _U64, _GAS, View, _OUT, _OUT)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gave: the contract's JSON, or why there is none; and its gas."""

    data: bytes | None
    error: str
    gas: GasReport


@dataclass(slots=True)
class _Running:
    """The call whose callbacks are served."""

    backend: Backend
    iterators: list[Iterator[tuple[bytes, bytes]]] = field(default_factory=list)
    failure: BaseException | None = None


class NativeError(Exception):
    """The library refused a contract."""


class Native:
    """One libwasmvm. ``costs`` is what addresses cost (the chain's price, not the library's)."""

    def __init__(
        self,
        library: Path,
        costs: ApiCosts,
        capabilities: frozenset[str] = BUILT_IN_CAPABILITIES,
    ) -> None:
        self._dll = ctypes.CDLL(str(library), use_errno=True)
        self._dll.version_str.restype = ctypes.c_char_p
        self.version: str = self._dll.version_str().decode()
        self._old = self.version.startswith("1.")
        self._costs = costs
        self._folder = tempfile.TemporaryDirectory()
        self._stack: list[_Running] = []
        self._dll.new_unmanaged_vector.restype = Vector
        self._dll.new_unmanaged_vector.argtypes = [ctypes.c_bool, _P, ctypes.c_size_t]
        self._dll.destroy_unmanaged_vector.argtypes = [Vector]
        self._dll.destroy_unmanaged_vector.restype = None
        self._callbacks: list[Any] = []
        self._iterator = IteratorTable(
            self._address(_NEXT, self._next),
            self._address(_NEXT_PART, self._next_key),
            self._address(_NEXT_PART, self._next_value),
        )
        self._db = DbTable(
            self._address(_READ, self._read),
            self._address(_WRITE, self._write),
            self._address(_REMOVE, self._remove),
            self._address(_SCAN, self._scan),
        )
        conversions = (
            self._address(_CONVERT, self._humanize),
            self._address(_CONVERT, self._canonicalize),
        )
        self._api: OldApi | Api = (
            OldApi(1, OldApiTable(*conversions))
            if self._old
            else Api(1, ApiTable(*conversions, self._address(_VALIDATE, self._validate)))
        )
        self._querier = Querier(1, QuerierTable(self._address(_QUERY, self._ask)))
        self._cache = self._open(sorted(capabilities))

    def _open(self, capabilities: Sequence[str]) -> int:
        function = self._dll.init_cache
        function.restype = _P
        error, folder = Vector(True), self._folder.name
        if self._by_config:
            function.argtypes = [View, _OUT]
            config = {
                "wasm_limits": {},
                "cache": {
                    "base_dir": folder,
                    "available_capabilities": capabilities,
                    "memory_cache_size_bytes": 100 << 20,
                    "instance_memory_limit_bytes": 32 << 20,
                },
            }
            opened = function(_view(json.dumps(config).encode()), error)
        else:
            function.argtypes = [View, View, ctypes.c_uint32, ctypes.c_uint32, _OUT]
            names = ",".join(capabilities).encode()
            opened = function(_view(folder.encode()), _view(names), 100, 32, error)
        if not opened:
            raise NativeError(self._take(error))
        return int(opened)

    @property
    def _by_config(self) -> bool:
        """Since 2.2 the cache is set up by JSON."""
        major, minor = map(int, self.version.split(".")[:2])
        return (major, minor) >= (2, 2)

    def close(self) -> None:
        self._dll.release_cache.argtypes = [_P]
        self._dll.release_cache.restype = None
        self._dll.release_cache(self._cache)
        self._folder.cleanup()

    def store_code(self, code: bytes) -> bytes:
        """Checks, compiles and keeps a contract; its checksum, or NativeError."""
        error = Vector(True)
        stores = hasattr(self._dll, "store_code")
        function = self._dll["store_code" if stores else "save_wasm"]
        flags = (True, True) if stores else (False,)  # checked, persist; unchecked
        function.restype = Vector
        function.argtypes = [_P, View, *(ctypes.c_bool for _ in flags), _OUT]
        ctypes.set_errno(0)
        checksum = function(self._cache, _view(code), *flags, error)
        if ctypes.get_errno():
            raise NativeError(self._take(error) or "unknown")
        return self._bytes(checksum)

    def call(
        self, checksum: bytes, entry: str, args: Sequence[bytes], backend: Backend, gas_limit: int
    ) -> Outcome:
        """Like `VM.call`, but errors of the call are part of the outcome."""
        name = "migrate_with_info" if entry == "migrate" and len(args) == 3 else entry
        function = self._dll[name]
        function.restype = Vector
        function.argtypes = [
            _P, View, *(View for _ in args), Db, type(self._api), Querier, _U64,
            ctypes.c_bool, ctypes.POINTER(Report), _OUT,
        ]  # fmt: skip
        running = _Running(backend)
        self._stack.append(running)
        report, error = Report(), Vector(True)
        ctypes.set_errno(0)
        result = function(
            self._cache, _view(checksum), *map(_view, args), Db(1, 1, self._db), self._api,
            self._querier, gas_limit, False, report, error,
        )  # fmt: skip
        code = ctypes.get_errno()
        self._stack.pop()
        if running.failure is not None:
            raise running.failure
        gas = GasReport(report.limit, report.remaining, report.external, report.internal)
        if code:
            text = self._take(error)
            return Outcome(None, "out of gas" if code == _OUT_OF_GAS else text, gas)
        return Outcome(self._bytes(result), "", gas)

    # -- callbacks

    def _address(self, kind: Any, run: Callable[..., int]) -> int | None:
        """A C function. What it raises ends the call and is raised again after it."""

        def guarded(*args: Any) -> int:
            running = self._stack[-1]
            try:
                return run(running, *args)
            except BaseException as error:  # noqa: BLE001 (raised again by `call`)
                running.failure = error
                return _PANIC

        callback = kind(guarded)
        self._callbacks.append(callback)
        return ctypes.cast(callback, _P).value

    def _put(self, out: Any, data: bytes | None) -> None:
        out[0] = self._dll.new_unmanaged_vector(data is None, data or b"", len(data or b""))

    def _read(
        self, running: _Running, _db: int, _meter: int, gas: Any, key: View, out: Any, _error: Any
    ) -> int:
        with _measured(running.backend, gas):
            value = running.backend.get(_read_view(key))
        self._put(out, value)
        return _OK

    def _write(
        self,
        running: _Running,
        _db: int,
        _meter: int,
        gas: Any,
        key: View,
        value: View,
        _error: Any,
    ) -> int:
        with _measured(running.backend, gas):
            running.backend.set(_read_view(key), _read_view(value))
        return _OK

    def _remove(
        self, running: _Running, _db: int, _meter: int, gas: Any, key: View, _error: Any
    ) -> int:
        with _measured(running.backend, gas):
            running.backend.remove(_read_view(key))
        return _OK

    def _scan(
        self,
        running: _Running,
        _db: int,
        _meter: int,
        gas: Any,
        start: View,
        end: View,
        order: int,
        out: Any,
        error: Any,
    ) -> int:
        if len(running.iterators) == _MAX_ITERATORS:
            self._put(error, f"reached iterator limit ({_MAX_ITERATORS})".encode())
            return _USER
        first, last = (None if view.none else _read_view(view) for view in (start, end))
        with _measured(running.backend, gas):
            running.iterators.append(running.backend.scan(first, last, order == _DESCENDING))
        out[0] = Iter(1, Reference(1, len(running.iterators) - 1), self._iterator)
        return _OK

    def _advance(
        self, running: _Running, reference: Reference, gas: Any
    ) -> tuple[bytes, bytes] | None:
        with _measured(running.backend, gas):
            return next(running.iterators[reference.iterator], None)

    def _next(
        self, running: _Running, at: Reference, _meter: int, gas: Any, key: Any, value: Any, _e: Any
    ) -> int:
        record = self._advance(running, at, gas)
        if record is not None:
            self._put(key, record[0])
            self._put(value, record[1])
        return _OK

    def _next_key(
        self, running: _Running, at: Reference, _meter: int, gas: Any, out: Any, _error: Any
    ) -> int:
        record = self._advance(running, at, gas)
        if record is not None:
            self._put(out, record[0])
        return _OK

    def _next_value(
        self, running: _Running, at: Reference, _meter: int, gas: Any, out: Any, _error: Any
    ) -> int:
        record = self._advance(running, at, gas)
        if record is not None:
            self._put(out, record[1])
        return _OK

    def _humanize(
        self, running: _Running, _api: int, source: View, out: Any, error: Any, gas: Any
    ) -> int:
        gas[0] = self._costs.humanize
        return self._converted(
            lambda: running.backend.humanize(_read_view(source)).encode(), out, error
        )

    def _canonicalize(
        self, running: _Running, _api: int, source: View, out: Any, error: Any, gas: Any
    ) -> int:
        gas[0] = self._costs.canonicalize
        human = _read_view(source).decode()
        return self._converted(lambda: running.backend.canonicalize(human), out, error)

    def _converted(self, run: Callable[[], bytes], out: Any, error: Any) -> int:
        try:
            self._put(out, run())
        except ApiError as problem:
            self._put(error, str(problem).encode())
            return _USER
        return _OK

    def _validate(self, running: _Running, _api: int, source: View, error: Any, gas: Any) -> int:
        """As wasmd's ``keeper/api.go``."""
        backend, human = running.backend, _read_view(source).decode()
        gas[0] = self._costs.validate_undecodable
        try:
            canonical = backend.canonicalize(human)
            gas[0] = self._costs.validate
            if backend.humanize(canonical) != human:
                raise ApiError("address not normalized")
        except ApiError as problem:
            self._put(error, str(problem).encode())
            return _USER
        return _OK

    def _ask(
        self,
        running: _Running,
        _querier: int,
        limit: int,
        gas: Any,
        request: View,
        out: Any,
        _error: Any,
    ) -> int:
        with _measured(running.backend, gas):
            answer = running.backend.query(_read_view(request), limit)
        self._put(out, answer)
        return _OK

    # -- bytes

    def _bytes(self, vector: Vector) -> bytes:
        data = b"" if vector.none else ctypes.string_at(vector.data, vector.length)
        self._dll.destroy_unmanaged_vector(vector)
        return data

    def _take(self, vector: Vector) -> str:
        return self._bytes(vector).decode(errors="replace")


class _measured:  # noqa: N801 (used like a function)
    """Reports what the backend consumed within."""

    def __init__(self, backend: Backend, gas: Any) -> None:
        self._backend = backend
        self._gas = gas

    def __enter__(self) -> None:
        self._before = self._backend.gas_consumed()

    def __exit__(self, *_: object) -> None:
        self._gas[0] = self._backend.gas_consumed() - self._before


def library(version: str, costs: ApiCosts) -> Native | None:
    """The library of this version in the folder that `LIGHTSHIP_LIBWASMVM` names, if there is one."""
    folder = os.environ.get("LIGHTSHIP_LIBWASMVM")
    for file in sorted(Path(folder).rglob("libwasmvm*.so")) if folder else []:
        found = Native(file, costs)
        if found.version == version:
            return found
        found.close()
    return None


def _view(data: bytes) -> View:
    """Borrowed: the caller keeps ``data`` for as long as the view is used."""
    return View(False, ctypes.cast(ctypes.c_char_p(data), _P), len(data))


def _read_view(view: View) -> bytes:
    return b"" if view.none or not view.length else ctypes.string_at(view.data, view.length)
