"""A hundred thousand damaged and hostile uploads, checked, compiled and called: `make fuzz-uploads`.

    python tests/fuzz/uploads.py [--runs N] [--first NUMBER]

Each batch runs in a process of its own. It fails when anything but a refusal, or the end of a call, escapes from the
VM; when one upload takes longer than ``SECONDS`` with its compilation and a call; when the process grows by more than
``GROWTH`` after its first tenth; or when it dies. The numbers of such uploads are printed: ``helpers.uploads.upload``
makes them again. A part of this is among the tests (tests/unit/vm/test_uploads.py).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
for each in (ROOT, ROOT / "proto/python", ROOT / "tests"):
    sys.path.insert(0, str(each))

RUNS: Final = 100_000
BATCH: Final = 10_000
SECONDS: Final = 20.0
GROWTH: Final = 256 << 20
"""Bytes of resident memory."""
_KIB: Final = 1 if sys.platform == "darwin" else 1024
"""The unit of `ru_maxrss` in bytes."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the uploads of contracts.")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--first", type=int, default=0, help="number of the first upload")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(batch(options.first, options.runs)))
        return 0
    failed = 0
    total: Counter[str] = Counter()
    for first in range(options.first, options.first + options.runs, BATCH):
        many = min(BATCH, options.first + options.runs - first)
        report = in_process(first, many)
        failed += len(report["failures"])
        total.update(report.pop("fates", {}))
        print(f"uploads {first} to {first + many - 1}: {json.dumps(report)}", flush=True)
    for fate, many in total.most_common():
        print(f"{many:>9}  {fate}")
    return 1 if failed else 0


def in_process(first: int, many: int) -> dict[str, Any]:
    """The report of a batch, or that its process died and where."""
    with tempfile.TemporaryDirectory(prefix="lightship-fuzz-") as folder:
        command = [sys.executable, __file__, "--child", "--first", str(first), "--runs", str(many)]
        environment = {**os.environ, "LIGHTSHIP_CACHE": folder}
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            last = (Path(folder) / "current").read_text() if done.returncode < 0 else "?"
            return {"failures": [f"upload {last}: exit {done.returncode} {done.stderr[-1000:]}"]}
    report: dict[str, Any] = json.loads(done.stdout)
    return {"seconds": round(time.monotonic() - began, 1), **report}


def batch(first: int, many: int) -> dict[str, Any]:
    """Uploads one after the other; what became of them, the slowest, and what must not be."""
    from helpers.uploads import attempt, upload

    from chain.vm import VM

    vm, fates, failures = VM(), Counter[str](), list[str]()
    slowest: list[tuple[float, int]] = []
    warm = 0
    current = Path(os.environ["LIGHTSHIP_CACHE"]) / "current"
    for number in range(first, first + many):
        current.write_text(str(number))
        code, began = upload(number), time.perf_counter()
        try:
            fate = attempt(vm, code)
        except Exception as error:  # noqa: BLE001 (what escapes is what is looked for)
            failures.append(f"upload {number}: {type(error).__name__}: {error}")
            continue
        taken = time.perf_counter() - began
        fates[f"{fate.stored} {fate.called}".strip()] += 1
        slowest = sorted([*slowest, (round(taken, 2), number)])[-5:]
        if taken > SECONDS:
            failures.append(f"upload {number} took {taken:.1f} s")
        if number == first + many // 10:
            warm = _peak(resource.RUSAGE_SELF)
    vm.close()
    grown = _peak(resource.RUSAGE_SELF) - warm
    if grown > GROWTH:
        failures.append(f"grew by {grown >> 20} MiB")
    return {
        "failures": failures,
        "slowest": slowest[::-1],
        "grown_mib": grown >> 20,
        "peak_mib": _peak(resource.RUSAGE_SELF) >> 20,
        "compiler_mib": _peak(resource.RUSAGE_CHILDREN) >> 20,
        "fates": fates,
    }


def _peak(whose: int) -> int:
    return resource.getrusage(whose).ru_maxrss * _KIB


if __name__ == "__main__":
    sys.exit(main())
