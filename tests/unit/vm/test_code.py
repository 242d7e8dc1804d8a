"""Storing code: checksums, the caches and what happens when their files are damaged."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from unit.vm.support import ENOUGH, Memory, artifact, wat

from chain.vm import VM, CodeNotFound, CompileError, StaticValidationError, capi, config, errors
from chain.vm import compiler as compiler_module
from chain.vm.cache import Compiled, Loaded, ModuleCache, ModuleFiles
from chain.vm.compiler import Compiler
from chain.vm.gas import DEFAULT_ERA
from chain.vm.wasm import FuncType

if TYPE_CHECKING:
    from collections.abc import Iterator

QUERY = '(func (export "query") (param i32) (result i32) (local.get 0))'


def numbered(number: int) -> bytes:
    """Contracts that differ, and return their message."""
    return wat(QUERY + f'(data (i32.const {number}) "x")')


def ask(vm: VM, checksum: bytes) -> bytes:
    return vm.call(checksum, "query", [b"hi"], Memory(), ENOUGH).data


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder for compiled modules; returns where the files are."""
    monkeypatch.setenv("LIGHTSHIP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "modules"


@pytest.fixture
def home(tmp_path: Path, modules: Path) -> Iterator[VM]:
    vm = VM(tmp_path / "home")
    yield vm
    vm.close()


def test_code_survives_a_restart(home: VM, tmp_path: Path) -> None:
    code = numbered(1)
    checksum = home.store_code(code)
    assert checksum == hashlib.sha256(code).digest()
    assert home.code(checksum) == code
    again = VM(tmp_path / "home")
    assert again.code(checksum) == code
    assert ask(again, checksum) == b"hi"
    assert (again.stats().hits_disk, again.stats().misses) == (1, 0)
    again.close()


def test_code_in_memory(modules: Path) -> None:
    vm, other = VM(), VM()
    checksum = vm.store_code(numbered(1))
    assert vm.code(checksum) == numbered(1)
    with pytest.raises(CodeNotFound, match=checksum.hex()):
        other.code(checksum)
    # its compiled module is on disk, but this chain has not stored the code
    with pytest.raises(CodeNotFound):
        ask(other, checksum)
    vm.remove_code(checksum)
    for use in (vm.code, vm.analyze, vm.pin, vm.remove_code):
        with pytest.raises(CodeNotFound):
            use(checksum)
    vm.close()
    other.close()


def test_refused_code_is_not_kept(home: VM, tmp_path: Path) -> None:
    with pytest.raises(StaticValidationError):
        home.store_code(b"\0asm\x01\0\0\0")
    assert list((tmp_path / "home" / "state" / "wasm").iterdir()) == []


def test_restored_code_is_compiled_when_used(home: VM) -> None:
    checksum = home.restore_code(numbered(3))
    assert home.stats().misses == 0
    assert ask(home, checksum) == b"hi"
    assert home.stats().misses == 1
    assert ask(home, checksum) == b"hi"
    assert home.stats().hits_memory == 1


def test_changed_code_is_refused(home: VM, tmp_path: Path) -> None:
    checksum = home.restore_code(numbered(1))
    file = tmp_path / "home" / "state" / "wasm" / f"{checksum.hex()}.wasm"
    file.write_bytes(numbered(2))
    with pytest.raises(errors.IntegrityError):
        ask(home, checksum)


def test_compiled_files_are_private(home: VM, modules: Path) -> None:
    home.store_code(numbered(1))
    [file] = modules.glob("*.module")
    assert file.name.endswith(f"-{config.fingerprint(DEFAULT_ERA.ops, 512)}.module")
    assert modules.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_others_can_write_to_is_refused(home: VM, modules: Path) -> None:
    modules.mkdir(parents=True)
    modules.chmod(0o777)
    with pytest.raises(errors.CacheError, match="writable by nobody else"):
        home.store_code(numbered(1))


def test_a_module_in_a_folder_that_others_can_write_to_is_not_run(
    home: VM, modules: Path, tmp_path: Path
) -> None:
    checksum = home.store_code(numbered(1))
    modules.chmod(0o777)
    again = VM(tmp_path / "home")
    with pytest.raises(errors.CacheError, match="writable by nobody else"):
        ask(again, checksum)
    modules.chmod(0o700)
    assert ask(again, checksum) == b"hi"
    again.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_was_written_is_flushed_with_its_name(
    home: VM, tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    checksum = home.restore_code(numbered(1))
    beside, folder = flushed
    assert beside.startswith(f"{checksum.hex()}.wasm.tmp-")
    assert folder == "wasm"


@pytest.mark.parametrize("damage", ["bit", "cut", "empty", "zeros"])
def test_damaged_modules_are_compiled_again(
    home: VM, modules: Path, tmp_path: Path, damage: str
) -> None:
    checksum = home.store_code(numbered(1))
    [file] = modules.glob("*.module")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(
        {
            "bit": bytes(content),
            "cut": file.read_bytes()[:-1],
            "empty": b"",
            "zeros": bytes(len(content)),
        }[damage]
    )
    again = VM(tmp_path / "home")
    assert ask(again, checksum) == b"hi"
    assert again.stats().misses == 1
    again.close()


def test_a_module_of_another_wasmtime_is_compiled_again(
    home: VM, modules: Path, tmp_path: Path
) -> None:
    checksum = home.store_code(numbered(1))
    files = ModuleFiles(modules, config.fingerprint(DEFAULT_ERA.ops, 512))
    compiled = files.get(checksum)
    assert compiled is not None
    files.put(checksum, Compiled(compiled.exports, b"\x7fELF something else"))
    again = VM(tmp_path / "home")
    assert ask(again, checksum) == b"hi"
    again.close()


def test_the_files_replace_one_another_whole(modules: Path) -> None:
    files = ModuleFiles(modules, "0" * 16)
    kinds = {"f": FuncType(b"\x7f", b"")}
    for code in (b"first", b"second"):
        files.put(bytes(32), Compiled(kinds, code))
        assert files.get(bytes(32)) == Compiled(kinds, code)
    assert len(list(modules.glob("*.module*"))) == 1
    files.remove(bytes(32))
    files.remove(bytes(32))
    assert files.get(bytes(32)) is None


DAY = 86_400


def _put(modules: Path, number: int, fingerprint: str = "0" * 16) -> Path:
    """Writes a compiled module; returns its file."""
    checksum = bytes([number]) * 32
    ModuleFiles(modules, fingerprint).put(checksum, Compiled({}, b"code"))
    return modules / f"{checksum.hex()}-{fingerprint}.module"


def _aged(path: Path, days: float) -> Path:
    """As if the file had been written, or noted as used, so long ago."""
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def test_modules_that_nobody_loads_are_removed_by_the_next_writer(modules: Path) -> None:
    forgotten = _aged(_put(modules, 1, "f" * 16), 30.1)
    torn = modules / f"{forgotten.name}.tmp-1-00000000"
    torn.write_bytes(b"half")
    _aged(torn, 30.1)
    recent = _aged(_put(modules, 2), 29.9)
    stranger = modules / "notes.txt"
    stranger.write_text("not ours")
    _aged(stranger, 400)
    _aged(modules / "swept", 1.1)
    new = _put(modules, 3)
    assert set(modules.iterdir()) == {recent, stranger, new, modules / "swept"}


def test_the_folder_is_swept_once_a_day(modules: Path) -> None:
    forgotten = _aged(_put(modules, 1), 31)
    _aged(modules / "swept", 0.9)
    _put(modules, 2)
    assert forgotten.exists()
    _aged(modules / "swept", 1.1)
    _put(modules, 3)
    assert not forgotten.exists()
    assert time.time() - (modules / "swept").stat().st_mtime < DAY


def test_loading_a_module_keeps_it(modules: Path) -> None:
    loaded = _aged(_put(modules, 1), 29)
    assert ModuleFiles(modules, "0" * 16).get(bytes([1]) * 32) is not None
    assert time.time() - loaded.stat().st_mtime < DAY
    damaged = _aged(_put(modules, 2), 29)
    damaged.write_bytes(b"damaged")
    _aged(damaged, 29)
    assert ModuleFiles(modules, "0" * 16).get(bytes([2]) * 32) is None
    assert time.time() - damaged.stat().st_mtime > 28 * DAY


def test_use_is_noted_to_the_day(modules: Path) -> None:
    path = _aged(_put(modules, 1), 0.5)
    before = path.stat().st_mtime_ns
    assert ModuleFiles(modules, "0" * 16).get(bytes([1]) * 32) is not None
    assert path.stat().st_mtime_ns == before


def test_a_running_chain_compiles_again_what_was_removed(
    home: VM, modules: Path, tmp_path: Path
) -> None:
    checksum = home.store_code(numbered(1))
    [file] = modules.glob("*.module")
    assert ask(home, checksum) == b"hi"
    _aged(file, 31)
    _aged(modules / "swept", 2)
    home.store_code(numbered(2))
    assert not file.exists()
    assert ask(home, checksum) == b"hi"
    again = VM(tmp_path / "home")
    assert ask(again, checksum) == b"hi"
    assert file.exists()
    again.close()


def test_eras_and_limits_do_not_share_modules() -> None:
    plain = DEFAULT_ERA.ops
    assert config.fingerprint(plain, 512) != config.fingerprint(plain, 256)


class Weight:
    """Stands for a loaded module of a size."""

    def __init__(self, size: int) -> None:
        self.size = size


def loaded(size: int) -> Loaded:
    return Loaded({}, None, Weight(size), size)  # type: ignore[arg-type]


def test_the_cache_drops_what_was_not_used_for_longest() -> None:
    overhead = 10 << 10
    cache = ModuleCache(3 * (overhead + 100))
    keys = [bytes((n,)) for n in range(5)]
    for key in keys[:3]:
        cache.put(key, loaded(100))
    assert cache.get(keys[0]) is not None
    cache.put(keys[3], loaded(100))
    assert cache.get(keys[1]) is None
    assert cache.get(keys[0]) is not None
    cache.pin(keys[0], loaded(100))
    for key in keys[1:]:
        cache.put(key, loaded(10**6))
    assert cache.get(keys[0]) is not None
    stats = cache.stats()
    assert (stats.elements_pinned, stats.elements_memory) == (1, 1)
    assert stats.size_memory == 10**6 + overhead
    assert (stats.hits_pinned, stats.hits_memory) == (1, 2)
    cache.unpin(keys[0])
    cache.unpin(keys[0])
    assert cache.stats().elements_pinned == 0


def test_pinned_modules_are_loaded_once(home: VM) -> None:
    checksum = home.store_code(numbered(1))
    home.pin(checksum)
    home.pin(checksum)
    for _ in range(3):
        ask(home, checksum)
    stats = home.stats()
    assert (stats.hits_pinned, stats.hits_disk, stats.elements_pinned) == (3, 1, 1)
    assert stats.size_pinned > 0
    home.unpin(checksum)
    ask(home, checksum)
    assert home.stats().hits_memory == 1


def test_a_module_may_be_dropped_while_it_runs(modules: Path) -> None:
    vm = VM(cache_bytes=0)
    checksums = [vm.store_code(numbered(n)) for n in range(3)]
    code = wat(QUERY.replace("(local.get 0)", "(call $query_chain (local.get 0))"), "query_chain")
    outer = vm.store_code(code)

    def answer(request: bytes, gas_limit: int) -> bytes:
        for checksum in checksums:
            ask(vm, checksum)
        vm.remove_code(outer)
        return b"still here"

    result = vm.call(outer, "query", [b"?"], Memory(answer), ENOUGH)
    assert result.data == b"still here"
    vm.close()


def test_the_compiler_has_a_time_limit() -> None:
    compiler = Compiler(time_limit=0.01)
    with pytest.raises(CompileError, match=r"took longer than 0.01 s"):
        compiler.compile(artifact("cw20_ics20"), DEFAULT_ERA.ops, 512)
    compiler.close()


def test_the_compiler_starts_again_after_it_was_idle() -> None:
    compiler = Compiler()
    first = compiler.compile(numbered(1), DEFAULT_ERA.ops, 512)
    worker = compiler._worker
    assert worker is not None
    assert worker.stdin is not None
    worker.stdin.close()  # as if it had left on its own: it ends with code 0
    worker.wait()
    worker.stdin = open(os.devnull, "wb")  # noqa: PTH123, SIM115
    assert compiler.compile(numbered(1), DEFAULT_ERA.ops, 512) == first
    assert compiler._worker is not worker
    compiler.close()


def test_a_compiler_that_dies_is_an_error_and_not_the_end() -> None:
    compiler = Compiler()
    code = numbered(1)
    compiler.compile(code, DEFAULT_ERA.ops, 512)
    worker = compiler._worker
    assert worker is not None
    worker.kill()
    worker.wait()
    assert compiler.compile(code, DEFAULT_ERA.ops, 512)
    compiler.close()


def test_the_compiler_needs_nothing_of_the_folder_it_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    compiler = Compiler()
    assert compiler.compile(numbered(1), DEFAULT_ERA.ops, 512)
    compiler.close()


def test_too_little_memory_to_compile_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(compiler_module, "_builder", lambda: build)
    requests, asks = os.pipe()
    with open(requests, "rb") as source, open(asks, "wb") as sink:  # noqa: PTH123
        for frame in (b"{}", b"code"):
            compiler_module._write_frame(sink, frame)
        sink.close()
        answers = io.BytesIO()
        compiler_module.serve(source, answers)
    answers.seek(0)
    assert compiler_module._read_frame(answers) == b"refused"
    assert compiler_module._read_frame(answers) == b"compiling takes more than 4294967296 bytes"


def test_the_compiler_refuses(vm: VM) -> None:
    compiler = Compiler()
    bulk = wat("(func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))")
    window = wat("(func (i64.store 1 (i32.const 0) (i64.const 0)))")
    with pytest.raises(CompileError, match="Bulk memory operations are not supported"):
        compiler.compile(bulk, DEFAULT_ERA.ops, 512)
    with pytest.raises(CompileError, match="alignment too large"):  # it would name the window
        compiler.compile(window, DEFAULT_ERA.ops, 512)
    with pytest.raises(CompileError, match="type mismatch"):  # which the walk would stumble over
        compiler.compile(wat("(func (drop (f64.neg)))"), DEFAULT_ERA.ops, 512)
    with pytest.raises(CompileError, match="size minimum must not be greater than maximum"):
        compiler.compile(wat("", memory=20), DEFAULT_ERA.ops, 10)
    compiler.close()


def test_memory_is_limited_to_what_the_vm_says(modules: Path) -> None:
    grow = wat(
        """(func (export "query") (param $p i32) (result i32)
             (if (i32.eq (memory.grow (i32.const 4)) (i32.const -1)) (then unreachable))
             (local.get $p))"""
    )
    for pages, enough in ((8, True), (7, False)):
        vm = VM(memory_limit_pages=pages)
        checksum = vm.store_code(grow)
        if enough:
            assert ask(vm, checksum) == b"hi"
        else:
            with pytest.raises(errors.Trap):
                ask(vm, checksum)
        vm.close()


def test_the_engine_is_shared() -> None:
    first, second = VM(), VM()
    assert first._engine is second._engine
    assert isinstance(first._engine, capi.Engine)
    first.close()
    second.close()
