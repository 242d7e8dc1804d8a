"""``python -m benchmarks [--quick] [--json] [NAME ...]``."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from benchmarks.measure import Result

# The parts without processes of their own come first.
BENCHMARKS: Final = (
    "proofs",
    "proofs_peer",
    "headers",
    "contract_calls",
    "vm_costs",
    "state",
    "transfers",
    "rpc",
    "load",
    "latency",
    "packets",
)
_NAME: Final = 32


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for and print it; 1 when an aim was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHMARKS)}"
    )
    parser.add_argument("--quick", action="store_true", help="fewer samples, a tenth of the time")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    options = parser.parse_args(words)
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}")
    results = []
    if not options.json:
        print(machine(), flush=True)
    for name in options.names or BENCHMARKS:
        for result in importlib.import_module(f"benchmarks.{name}").run(options.quick):
            results.append(result)
            if not options.json:
                print(line(result), flush=True)
    if options.json:
        shown = [{**asdict(result), "reached": result.reached} for result in results]
        print(json.dumps({"machine": machine(), "results": shown}))
    return 0 if all(result.reached for result in results) else 1


def machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} x {platform.machine()}, {platform.system()}, {python}{load}"


def line(result: Result) -> str:
    aim = ""
    if result.aim:
        sign = "<=" if result.lower else ">="
        aim = f"  ({'meets' if result.reached else 'MISSES'} {sign} {result.aim:g})"
    n = f"n={result.n}"
    head = f"{result.name:<{_NAME}} {value(result.value):>8} {result.unit:<10} {n:<8}"
    return f"{head} {result.what}{aim}"


def value(number: float) -> str:
    """Three digits that mean something."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


if __name__ == "__main__":
    sys.exit(main())
