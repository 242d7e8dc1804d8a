"""Where code and compiled modules are kept.

`CodeStore` holds the original Wasm of one chain by checksum. `ModuleFiles` holds compiled modules,
which depend on nothing but the code and the engine's settings, so that all chains of a user share
them. `ModuleCache` holds loaded modules in memory: pinned ones, and the most recently used others
up to a number of bytes.

A compiled module is native code. Its file is written beside its place, flushed and renamed; it
begins with a hash of everything after it, is read into memory once and is only loaded when the
hash fits. So neither a torn write nor a flipped bit is ever executed, and no file is mapped that
someone could change underneath (an overwritten mapping ends the process).

The folder is bounded by time: a module's modification time says when it was last loaded, to the day,
and who writes a module removes those that nobody has loaded for 30 days (other wasmtimes, other
settings, forgotten chains), at most once a day for all processes together. A process that loses a
file this way has read it whole or compiles again, so it needs no lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from chain.vm.errors import CacheError, CodeNotFound, IntegrityError
from chain.vm.wasm import FuncType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain.vm import capi, engine_api

_HASH_SIZE: Final = 32
_ENTRY_OVERHEAD: Final = 10 << 10
_DAY: Final = 86_400
"""Seconds between two sweeps of the folder, and between two notes that a module is in use."""
_UNUSED_FOR: Final = 30 * _DAY
"""Seconds after which a compiled module that nobody loads is removed."""
_SWEPT: Final = "swept"
"""The file whose modification time says when modules were last removed."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """Machine code and the types of the exported functions, by name."""

    exports: Mapping[str, FuncType]
    code: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module that can be instantiated; it can be called unless it `lacks` an export."""

    exports: Mapping[str, FuncType]
    lacks: str | None
    module: capi.Module | engine_api.Module
    size: int


@dataclass(frozen=True, slots=True)
class Stats:
    hits_pinned: int
    hits_memory: int
    hits_disk: int
    misses: int
    elements_pinned: int
    elements_memory: int
    size_pinned: int
    size_memory: int


class CodeStore:
    """Wasm by sha256, in a folder (in upstream's layout) or in memory."""

    def __init__(self, base_dir: Path | None) -> None:
        self._folder = None if base_dir is None else base_dir / "state" / "wasm"
        self._memory: dict[bytes, bytes] = {}
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)

    def put(self, code: bytes) -> bytes:
        checksum = hashlib.sha256(code).digest()
        if self._folder is None:
            self._memory[checksum] = code
        else:
            _write(self._path(self._folder, checksum), code)
        return checksum

    def get(self, checksum: bytes) -> bytes:
        """Raises `CodeNotFound`, or `IntegrityError` when the bytes have changed."""
        if self._folder is None:
            if checksum not in self._memory:
                raise CodeNotFound(checksum)
            return self._memory[checksum]
        try:
            code = self._path(self._folder, checksum).read_bytes()
        except FileNotFoundError as error:
            raise CodeNotFound(checksum) from error
        if hashlib.sha256(code).digest() != checksum:
            raise IntegrityError(checksum)
        return code

    def require(self, checksum: bytes) -> None:
        """Raises `CodeNotFound`."""
        if self._folder is not None and self._path(self._folder, checksum).exists():
            return
        if checksum not in self._memory:
            raise CodeNotFound(checksum)

    def remove(self, checksum: bytes) -> None:
        """Raises `CodeNotFound`."""
        try:
            if self._folder is None:
                del self._memory[checksum]
            else:
                self._path(self._folder, checksum).unlink()
        except (KeyError, FileNotFoundError) as error:
            raise CodeNotFound(checksum) from error

    @staticmethod
    def _path(folder: Path, checksum: bytes) -> Path:
        return folder / f"{checksum.hex()}.wasm"


class ModuleFiles:
    """Compiled modules on disk, for one set of engine settings."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint

    def get(self, checksum: bytes) -> Compiled | None:
        """None when there is no file or it is damaged. Raises `CacheError`."""
        path = self._path(checksum)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        _refuse_shared(self._folder)
        body = memoryview(content)[_HASH_SIZE:]
        if content[:_HASH_SIZE] != _digest(body):
            return None
        _note_use(path)
        size = int.from_bytes(body[:4], "big")
        types: dict[str, list[str]] = json.loads(bytes(body[4 : 4 + size]))
        exports = {
            name: FuncType(bytes.fromhex(params), bytes.fromhex(results))
            for name, (params, results) in types.items()
        }
        return Compiled(exports, bytes(body[4 + size :]))

    def put(self, checksum: bytes, compiled: Compiled) -> None:
        _private_folder(self._folder)
        types = json.dumps(
            {
                name: (kind.params.hex(), kind.results.hex())
                for name, kind in compiled.exports.items()
            }
        ).encode()
        body = b"".join((len(types).to_bytes(4, "big"), types, compiled.code))
        _write(self._path(checksum), _digest(body) + body)
        if _age(self._folder / _SWEPT) >= _DAY:
            self._sweep()

    def _sweep(self) -> None:
        """Removes modules that nobody has loaded for long, and what interrupted writers left."""
        (self._folder / _SWEPT).touch()
        for path in self._folder.glob("*.module*"):
            if _UNUSED_FOR <= _age(path) < float("inf"):
                with contextlib.suppress(PermissionError):  # Windows: another process reads it
                    path.unlink(missing_ok=True)

    def remove(self, checksum: bytes) -> None:
        self._path(checksum).unlink(missing_ok=True)

    def _path(self, checksum: bytes) -> Path:
        return self._folder / f"{checksum.hex()}-{self._fingerprint}.module"


class ModuleCache:
    """Loaded modules by checksum. Not thread-safe: the VM holds a lock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pinned: dict[bytes, Loaded] = {}
        self._recent: OrderedDict[bytes, Loaded] = OrderedDict()
        self._size = 0
        self.hits_pinned = self.hits_memory = self.hits_disk = self.misses = 0

    def get(self, checksum: bytes) -> Loaded | None:
        found = self._pinned.get(checksum)
        if found is not None:
            self.hits_pinned += 1
            return found
        found = self._recent.get(checksum)
        if found is not None:
            self._recent.move_to_end(checksum)
            self.hits_memory += 1
        return found

    def put(self, checksum: bytes, loaded: Loaded) -> None:
        """Keeps a module, and drops those that have not been used for longest."""
        self.drop(checksum)
        self._recent[checksum] = loaded
        self._size += _weight(loaded)
        while self._size > self._limit and len(self._recent) > 1:
            _, oldest = self._recent.popitem(last=False)
            self._size -= _weight(oldest)

    def drop(self, checksum: bytes) -> None:
        found = self._recent.pop(checksum, None)
        if found is not None:
            self._size -= _weight(found)

    def pin(self, checksum: bytes, loaded: Loaded) -> None:
        self.drop(checksum)
        self._pinned[checksum] = loaded

    def unpin(self, checksum: bytes) -> None:
        found = self._pinned.pop(checksum, None)
        if found is not None:
            self.put(checksum, found)

    def clear(self) -> None:
        """Lets go of all modules, the pinned ones too."""
        self._pinned.clear()
        self._recent.clear()
        self._size = 0

    def is_pinned(self, checksum: bytes) -> bool:
        return checksum in self._pinned

    def stats(self) -> Stats:
        return Stats(
            self.hits_pinned,
            self.hits_memory,
            self.hits_disk,
            self.misses,
            len(self._pinned),
            len(self._recent),
            sum(map(_weight, self._pinned.values())),
            self._size,
        )


def modules_folder() -> Path:
    """`LIGHTSHIP_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("LIGHTSHIP_CACHE")
    if chosen:
        return Path(chosen) / "modules"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lightship" / "modules"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "lightship" / "modules"


def _age(path: Path) -> float:
    """Seconds since a file was written or noted as used; infinite if there is none."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _note_use(path: Path) -> None:
    if _DAY <= _age(path) < float("inf"):
        with contextlib.suppress(OSError):  # just removed, or a cache that may only be read
            os.utime(path)


def _weight(loaded: Loaded) -> int:
    return loaded.size + _ENTRY_OVERHEAD


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=_HASH_SIZE).digest()


def _private_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_shared(folder)


def _refuse_shared(folder: Path) -> None:
    """Raises `CacheError` for a folder into which other users could put native code."""
    if sys.platform == "win32":
        return
    found = folder.stat()
    if found.st_uid not in {os.geteuid(), 0} or found.st_mode & 0o022:
        raise CacheError(f"{folder} must belong to the user and be writable by nobody else")


def _write(path: Path, content: bytes) -> None:
    """Atomically: a reader sees the old file or the whole new one, also after a crash."""
    beside = path.with_name(f"{path.name}.tmp-{os.getpid()}-{os.urandom(4).hex()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The new name is on disk, too: a chain that has stored a code finds it after a power cut."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
