"""The front door: code in, calls out."""

from __future__ import annotations

import functools
import hashlib
import queue
import re
import threading
from typing import TYPE_CHECKING, Final, Literal

import wasmtime

from chain.vm import capi, config, engine_api, gates, metering, stack, wasm
from chain.vm.cache import (
    CodeStore,
    Compiled,
    Loaded,
    ModuleCache,
    ModuleFiles,
    Stats,
    modules_folder,
)
from chain.vm.check import BUILT_IN_CAPABILITIES, Analysis, analyze, check
from chain.vm.compiler import Compiler
from chain.vm.errors import (
    CacheError,
    SignatureMismatch,
    TooManyNestedCalls,
    VmError,
    WasmFormatError,
)
from chain.vm.gas import DEFAULT_ERA, Era
from chain.vm.instance import Call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from chain.vm.backend import Backend
    from chain.vm.instance import CallResult

EngineName = Literal["capi", "python"]

_U64: Final = 1 << 64


class VM:
    """Runs CosmWasm contracts. One VM serves one chain; its methods may be called by any thread.

    Without `base_dir` the code of contracts is kept in memory. Compiled modules are always cached
    on disk (see `cache.modules_folder`) and shared between VMs and processes.
    """

    def __init__(
        self,
        base_dir: Path | None = None,
        *,
        capabilities: frozenset[str] = BUILT_IN_CAPABILITIES,
        era: Era = DEFAULT_ERA,
        memory_limit_pages: int = 512,
        cache_bytes: int = 100 << 20,
        engine: EngineName = "capi",
    ) -> None:
        self._capabilities = capabilities
        self._era = era
        self._memory_pages = memory_limit_pages
        self._engine = _engine(engine, memory_limit_pages)
        self._codes = CodeStore(base_dir)
        self._files = self._files_of(era)
        self._cache = ModuleCache(cache_bytes)
        self._compiler = Compiler()
        self._lock = threading.RLock()

    @property
    def era(self) -> Era:
        """The rules that it charges and checks by."""
        return self._era

    def change_era(self, era: Era) -> None:
        """Charge and check by other rules from now on. Codes stay; they are compiled again when used."""
        with self._lock:
            if era is self._era:
                return
            self._era = era
            self._files = self._files_of(era)
            self._cache.clear()

    def _files_of(self, era: Era) -> ModuleFiles:
        return ModuleFiles(modules_folder(), config.fingerprint(era.ops, self._memory_pages))

    def close(self) -> None:
        """Ends the compiler's process. The VM must not be used afterwards."""
        self._compiler.close()

    # --- code ------------------------------------------------------------------------------

    def check(self, code: bytes) -> Analysis:
        """The static checks. Raises `StaticValidationError`."""
        module = wasm.parse(code, bare_magic=self._era.bare_magic)
        if self._era.bodies_first:
            self._check_bodies(module)
        analysis = check(module, self._era, self._capabilities)
        if not self._era.bodies_first:
            self._check_bodies(module)
        return analysis

    def _check_bodies(self, module: wasm.Module) -> None:
        offset = None if self._era.long_table_index else metering.long_table_index(module)
        if offset is not None:
            raise WasmFormatError("reference-types not enabled: zero byte expected", offset)
        _validate(module.data)

    def store_code(self, code: bytes) -> bytes:
        """Checks, compiles and keeps a contract; returns its checksum.

        Raises `StaticValidationError` or `CompileError`.
        """
        self.check(code)
        checksum = hashlib.sha256(code).digest()
        if self._files.get(checksum) is None:
            self._compile(checksum, code)
        return self._codes.put(code)

    def restore_code(self, code: bytes) -> bytes:
        """Keeps a contract without the static checks: some chain has stored it before. It is compiled when used."""
        return self._codes.put(code)

    def code(self, checksum: bytes) -> bytes:
        """The original Wasm. Raises `CodeNotFound`."""
        return self._codes.get(checksum)

    def remove_code(self, checksum: bytes) -> None:
        """Forgets a contract. Raises `CodeNotFound`."""
        with self._lock:
            self._codes.remove(checksum)
            self._cache.drop(checksum)

    def analyze(self, checksum: bytes) -> Analysis:
        """What the contract exports and requires. Raises `CodeNotFound`."""
        return analyze(wasm.parse(self._codes.get(checksum), bodies=False))

    def pin(self, checksum: bytes) -> None:
        """Keeps the loaded module in memory until `unpin`. Raises `CodeNotFound`."""
        with self._lock:
            if not self._cache.is_pinned(checksum):
                self._cache.pin(checksum, self._load(checksum))

    def unpin(self, checksum: bytes) -> None:
        with self._lock:
            self._cache.unpin(checksum)

    def stats(self) -> Stats:
        with self._lock:
            return self._cache.stats()

    def _load(self, checksum: bytes) -> Loaded:
        """From memory, from disk, or compiled again."""
        with self._lock:
            found = self._cache.get(checksum)
            if found is None:
                found = self._load_file(checksum)
                self._cache.put(checksum, found)
            return found

    def _load_file(self, checksum: bytes) -> Loaded:
        self._codes.require(checksum)  # another chain may have compiled what this one lacks
        compiled = self._files.get(checksum)
        if compiled is not None:
            try:
                loaded = self._linked(compiled)
            except CacheError:
                self._files.remove(checksum)  # made on a machine with other features
            else:
                self._cache.hits_disk += 1
                return loaded
        self._cache.misses += 1
        return self._linked(self._compile(checksum, self._codes.get(checksum)))

    def _linked(self, compiled: Compiled) -> Loaded:
        module = self._engine.load(compiled.code, compiled.exports)
        return Loaded(compiled.exports, gates.lacking(compiled.exports), module, module.size)

    def _compile(self, checksum: bytes, code: bytes) -> Compiled:
        exports = wasm.parse(code, bodies=False).exported_functions()
        machine_code = self._compiler.compile(code, self._era.ops, self._memory_pages)
        compiled = Compiled(exports, machine_code)
        self._files.put(checksum, compiled)
        return compiled

    # --- calls -----------------------------------------------------------------------------

    def call(
        self,
        checksum: bytes,
        entry: str,
        args: Sequence[bytes],
        backend: Backend,
        gas_limit: int,
        *,
        debug: bool = False,
    ) -> CallResult:
        """Runs one entry point in a fresh instance.

        `args` are the JSON arguments, `gas_limit` is in CosmWasm gas and below 2^64. `query` runs
        without write access; `migrate` may be given its third argument whether the contract takes
        it or not. Raises `CodeNotFound`, `CompileError` or a `CallError` (with `gas`), or whatever
        the backend raised (with `gas_report`). A call may wait for others, of other threads, to end.
        """
        if len(args) > gates.MOST_ARGUMENTS:
            raise ValueError(f"{len(args)} arguments, and contracts take {gates.MOST_ARGUMENTS}")
        if not 0 <= gas_limit < _U64:
            raise ValueError(f"gas limit {gas_limit} is not below 2^64")
        loaded = self._load(checksum)
        call = Call(self._era, backend, gas_limit, readonly=entry == "query", debug=debug)
        if stack.has_room():
            return _run(loaded, call, entry, args)
        return stack.run_roomy(lambda: _run(loaded, call, entry, args))


_places: Final[queue.SimpleQueue[None]] = queue.SimpleQueue()
"""One for each call that may run beside others, so that the engine's pool cannot be exhausted."""
for _ in range(config.AT_ONCE):
    _places.put(None)


def _run(loaded: Loaded, call: Call, entry: str, args: Sequence[bytes]) -> CallResult:
    stack.check_frames()
    nested = stack.enter()
    try:
        if nested > 1:
            return _run_here(loaded, call, entry, args, nested)
        _places.get()  # until a call ends, which its gas sees to
        try:
            return _run_here(loaded, call, entry, args, nested)
        finally:
            _places.put(None)
    finally:
        stack.leave()


def _run_here(
    loaded: Loaded, call: Call, entry: str, args: Sequence[bytes], nested: int
) -> CallResult:
    try:
        if nested > config.MAX_NESTED:
            raise TooManyNestedCalls(config.MAX_NESTED)
        if loaded.lacks is not None:
            raise SignatureMismatch(f"export {loaded.lacks} is missing or has another type")
        call.guest = loaded.module.instantiate(call)
        try:
            return call.run(entry, args, loaded.exports.get(entry))
        finally:
            call.guest.close()
            del call.guest  # it refers back to the call: no cycle is left to the collector
    except VmError as error:
        error.gas = call.report()
        raise
    except BaseException as error:
        error.gas_report = call.report()  # type: ignore[attr-defined]
        raise


@functools.cache
def _engine(name: EngineName, memory_pages: int) -> capi.Engine | engine_api.Engine:
    """Engines hold no state of a chain, and reserve much address space: one for all VMs."""
    return capi.Engine(memory_pages) if name == "capi" else engine_api.Engine(memory_pages)


@functools.cache
def _validator() -> wasmtime.Engine:
    return config.new_engine(**config.CONTRACTS)


def _validate(code: bytes) -> None:
    """The rules of the Wasm specification, down to every function body."""
    try:
        wasmtime.Module.validate(_validator(), code)
    except wasmtime.WasmtimeError as error:
        found = re.search(r"at offset (\d+): (.*)", str(error))
        if found is not None:
            raise WasmFormatError(found[2], int(found[1])) from error
        found = re.search(r"(.*) \(at offset 0x([0-9a-f]+)\)", str(error))
        if found is not None:
            raise WasmFormatError(found[1], int(found[2], 16)) from error
        raise WasmFormatError(str(error), 0) from error
