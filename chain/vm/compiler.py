"""Compilation in a process of its own, with limits on time and memory.

Cranelift is superlinear in some properties of a function; what a hostile upload can cost must not
be the node's time or memory. The worker is started when there is something to compile, serves one
request after the other, and leaves when nobody has asked for a while.

Each request is two frames on its standard input (settings as JSON, then the code), each answer two
frames on its standard output (a status, then the compiled module or an error text). A frame is a
length as four big-endian bytes and the bytes.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import traceback
import weakref
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import wasmtime

from chain.vm import config, wasm
from chain.vm.errors import CompileError, VmError
from chain.vm.gas import OpCosts
from chain.vm.metering import meter

if TYPE_CHECKING:
    from collections.abc import Callable

TIME_LIMIT: Final = 60.0
MEMORY_LIMIT: Final = 4 << 30
_IDLE_SECONDS: Final = 20.0

_OK: Final = b"ok"
_REFUSED: Final = b"refused"
_FAILED: Final = b"failed"


class Compiler:
    """Metered machine code for contracts; restarts its worker as needed. Thread-safe."""

    def __init__(self, *, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None

    def compile(self, code: bytes, ops: OpCosts, memory_pages: int) -> bytes:
        """A serialized wasmtime module of `code`.

        Raises `CompileError`, also when a limit is hit or the code is not valid.
        """
        settings = json.dumps({"ops": asdict(ops), "memory_pages": memory_pages}).encode()
        with self._lock:
            answer = self._ask(settings, code)
            if answer is None and self._left_idle():
                answer = self._ask(settings, code)
            if answer is None:
                raise CompileError(f"the compiler died: {self._how_it_ended()}")
        status, payload = answer
        if status == _REFUSED:
            raise CompileError(payload.decode())
        if status == _FAILED:  # a bug of ours, not the uploader's fault
            raise RuntimeError(f"the compiler's process failed: {payload.decode()}")
        return payload

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _ask(self, settings: bytes, code: bytes) -> tuple[bytes, bytes] | None:
        worker = self._start()
        assert worker.stdin is not None  # noqa: S101 (both are pipes, see _start)
        assert worker.stdout is not None  # noqa: S101
        late = threading.Event()
        timer = threading.Timer(self._time_limit, _give_up, (worker, late))
        timer.start()
        try:
            _write_frame(worker.stdin, settings)
            _write_frame(worker.stdin, code)
            status = _read_frame(worker.stdout)
            payload = _read_frame(worker.stdout) if status is not None else None
        except OSError:
            status = payload = None
        finally:
            timer.cancel()
        if late.is_set():
            self._stop()
            raise CompileError(f"compiling took longer than {self._time_limit:g} s")
        return None if status is None or payload is None else (status, payload)

    def _left_idle(self) -> bool:
        """Whether the worker ended of its own accord, before it saw the request."""
        return self._worker is not None and self._worker.wait() == 0

    def _how_it_ended(self) -> str:
        code = self._worker.wait() if self._worker is not None else 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _start(self) -> subprocess.Popen[bytes]:
        if self._worker is None or self._worker.poll() is not None:
            self._stop()
            self._worker = subprocess.Popen(
                [sys.executable, "-P", "-c", "from chain.vm.compiler import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": _import_path()},
            )
            weakref.finalize(self, _end, self._worker)
        return self._worker

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            _end(worker)


def _give_up(worker: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    worker.kill()


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what the buffer still held was for a worker that is gone


def _import_path() -> str:
    here = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return here if not inherited else here + os.pathsep + inherited


def _write_frame(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(len(data).to_bytes(4, "big"))
    pipe.write(data)
    pipe.flush()


def _read_frame(pipe: IO[bytes]) -> bytes | None:
    head = pipe.read(4)
    if len(head) < 4:
        return None
    size = int.from_bytes(head, "big")
    data = pipe.read(size)
    return data if len(data) == size else None


# --- inside the worker ------------------------------------------------------------------------


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answers requests until there are no more, or nobody asks for `_IDLE_SECONDS`."""
    build = _builder()
    while select.select([requests], [], [], _IDLE_SECONDS)[0]:
        settings, code = _read_frame(requests), _read_frame(requests)
        if settings is None or code is None:
            return
        try:
            status, payload = _OK, build(code, **json.loads(settings))
        except VmError as error:
            status, payload = _REFUSED, error.text.encode()
        except MemoryError:
            status, payload = _REFUSED, f"compiling takes more than {MEMORY_LIMIT} bytes".encode()
        except Exception:  # noqa: BLE001 (it is raised again by whoever asked)
            status, payload = _FAILED, traceback.format_exc().encode()
        _write_frame(answers, status)
        _write_frame(answers, payload)


def _builder() -> Callable[..., bytes]:
    engine, validator = config.new_engine(), config.new_engine(wasm_multi_memory=False)

    def build(code: bytes, ops: dict[str, Any], memory_pages: int) -> bytes:
        try:
            wasmtime.Module.validate(
                validator, code
            )  # restored code has not been through the checks
            metered = meter(wasm.parse(code), OpCosts(**ops), memory_pages)
            return bytes(wasmtime.Module(engine, metered).serialize())
        except wasmtime.WasmtimeError as error:
            reason = " ".join(str(error).split())
            raise CompileError(f"Could not compile: {reason}") from error

    return build


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource  # noqa: PLC0415

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    _limit_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
