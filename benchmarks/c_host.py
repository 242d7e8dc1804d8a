"""The C program of peer/cw20.c: built with ``cc`` against the wasmtime library of the Python package, and run."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from chain.vm import DEFAULT_ERA, config, gates, wasm, window

SOURCE: Final = Path(__file__).parent / "peer" / "cw20.c"
SERVED: Final = ("db_read", "db_write", "addr_validate")
"""What a transfer asks of its host."""


class Unavailable(Exception):
    """There is no C host on this machine; the text says why."""


class CHost:
    """A running program; `execute` makes it execute its message."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def execute(self, times: int) -> tuple[float, int]:
        """Seconds of CPU for so many executions, and the gas left by the last."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the C host ended with {self._process.wait()}")
        seconds, left = answer.split()
        return float(seconds), int(left)


@contextmanager
def started(
    folder: Path, code: bytes, compiled: bytes, messages: Sequence[bytes], gas: int, pages: int
) -> Iterator[CHost]:
    """The program over a ``compiled`` contract. ``messages`` are env, info, instantiate's and execute's.

    Raises `Unavailable`.
    """
    program = _built(folder, code, gas, pages)
    files = []
    for number, content in enumerate((compiled, *messages)):
        files.append(folder / f"input{number}")
        files[-1].write_bytes(content)
    with subprocess.Popen(
        [program, *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield CHost(process)


def _built(folder: Path, code: bytes, gas: int, pages: int) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or sys.platform == "win32":
        raise Unavailable("there is no cc")
    program, library = folder / "cw20", Path(config.library_path())
    header = folder / "host.h"
    header.write_text("\n".join((*_settings(pages), *_costs(gas), *_contract(code), "")))
    done = subprocess.run(
        [compiler, "-O2", "-include", header, SOURCE, "-o", program, library, f"-Wl,-rpath,{library.parent}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Unavailable(f"cc: {done.stderr.strip()[-300:]}")
    return program


def _settings(pages: int) -> Iterator[str]:
    """The engine as `chain.vm` sets it up."""
    pool = {**config.POOL, "max_memory_size": pages << 16}
    calls = [
        *(("config", "wasmtime_config", name, value) for name, value in config.SETTINGS.items()),
        *(
            ("pool", "wasmtime_pooling_allocation_config", name, value)
            for name, value in pool.items()
        ),
    ]
    declared = (
        f"void {prefix}_{name}_set(void *, {'bool' if isinstance(value, bool) else 'size_t'});"
        for _, prefix, name, value in calls
    )
    applied = (f"{prefix}_{name}_set({what}, {int(value)});" for what, prefix, name, value in calls)
    yield f"#define SETTINGS_DECLARED {' '.join(declared)}"
    yield f"#define SETTINGS_APPLIED {' '.join(applied)}"


def _costs(gas: int) -> Iterator[str]:
    string = DEFAULT_ERA.host.string
    yield f"#define GAS {gas}ll"
    yield f"#define VALIDATE_COST {DEFAULT_ERA.api.validate}ull"
    yield f"#define STRING_COST(n) ({string.base}ull + {string.per_item}ull * (n))"
    yield f"#define COSTS {', '.join(map(str, struct.unpack(window.PRICES, DEFAULT_ERA.host.packed)))}"


def _contract(code: bytes) -> Iterator[str]:
    module = wasm.parse(code, bodies=False)
    names = (entry.name for entry in module.imports)
    defined = (
        f'define(linker, "{name}", {name if name in SERVED else "unused"});' for name in names
    )
    yield f"#define IMPORTS_DEFINED {' '.join(defined)}"
    yield f'#define GATE "{gates.GATE}"'
    yield f'#define WINDOW "{gates.WINDOW}"'
    numbers = gates.numbers(module.exported_functions())
    for name in ("instantiate", "execute"):
        yield f"#define {name.upper()} {numbers[name]}"
    for name in ("GAS", "MODE", "ARGUMENTS", "LANE", "RESULT", "CALL_COST", "DATA"):
        yield f"#define {name}_AT {getattr(window, name)}"
    yield f"#define STRAIGHT_MODE {window.STRAIGHT}"
    yield f"#define LANE {window.READS | window.WRITES | 3 * window.COUNT}"
    yield f"#define DONE {window.DONE}"
