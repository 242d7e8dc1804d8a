"""Coverage-guided fuzzing of every decoder of the light client: `make fuzz`.

    python tests/fuzz/light_client_decoders.py [--runs N] [DECODER ...]

Needs the package atheris. Each decoder runs in a process of its own; anything but a value or an error of the light
client ends it with the input that did it. A seeded run of ten seconds without atheris is among the tests
(tests/property/test_decoders.py).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
for each in (ROOT, ROOT / "proto/python", ROOT / "tests"):
    sys.path.insert(0, str(each))

RUNS: Final = 1_000_000
MAX_LENGTH: Final = 2048


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the light client's decoders.")
    parser.add_argument("decoders", nargs="*")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        fuzz(options.decoders[0], options.runs)
    from helpers.decoders import DECODERS

    failed = 0
    for name in options.decoders or DECODERS:
        began = time.monotonic()
        command = [sys.executable, __file__, "--child", "--runs", str(options.runs), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        verdict = "ok" if done.returncode == 0 else done.stderr[-2000:]
        print(f"{name:<20} {options.runs:>9} inputs {time.monotonic() - began:7.1f} s  {verdict}")
        failed += done.returncode != 0
    return 1 if failed else 0


def fuzz(name: str, runs: int) -> None:
    """Never returns: the fuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["light_client"]):
        from helpers.decoders import DECODERS

        from light_client.errors import LightClientError
    decoder = DECODERS[name]

    def one_input(data: bytes) -> None:
        try:
            decoder.decode(data)
        except LightClientError:
            return

    corpus = tempfile.mkdtemp(prefix="lightship-fuzz-")
    for number, seed in enumerate(decoder.seeds):
        (Path(corpus) / str(number)).write_bytes(seed)
    flags = [
        f"-runs={runs}",
        "-seed=2026",
        f"-max_len={MAX_LENGTH}",
        "-timeout=10",
        f"-artifact_prefix={corpus}/",
    ]
    atheris.Setup([sys.argv[0], *flags, corpus], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
