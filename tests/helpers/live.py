"""A chain in a process of its own, made and run by the command line as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
LIGHTSHIP = [sys.executable, "-m", "lightship"]


def environment(**more: str) -> dict[str, str]:
    """Where this Python, its commands and our packages are found from any folder."""
    found = [str(ROOT), str(ROOT / "proto/python")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(found), **more}


@dataclass(frozen=True)
class LiveChain:
    """A running chain, and an account with 1000stake and 7gold on it."""

    rpc: str
    address: str

    def ask(self, route: str) -> Any:
        with urlopen(f"{self.rpc}/{route}", timeout=10) as response:
            return json.load(response)["result"]

    def height(self) -> int:
        return int(self.ask("status")["sync_info"]["latest_block_height"])

    def reach(self, height: int) -> None:
        until = time.monotonic() + 30
        while self.height() < height:
            assert time.monotonic() < until, f"height {height} is not reached in 30 s"
            time.sleep(0.05)


@contextmanager
def live_chain(home: Path) -> Iterator[LiveChain]:
    """A chain of five validators that makes a block every 200 ms."""
    options = ["--validators", "5", "--account", "alice=1000stake,7gold", "--block-time", "200ms"]
    made = subprocess.run(
        [
            *LIGHTSHIP,
            "chain",
            "init",
            "--home",
            str(home),
            "--chain-id",
            "live-1",
            *options,
            "--json",
        ],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    (account,) = json.loads(made.stdout)["result"]["accounts"]
    words = [
        "chain",
        "start",
        "--home",
        str(home),
        "--rpc-port",
        "0",
        "--grpc-port",
        "0",
        "--rest-port",
        "0",
        "--json",
    ]
    with subprocess.Popen(
        [*LIGHTSHIP, *words], env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield LiveChain(ready["result"]["rpc"], account["address"])
        finally:
            process.terminate()
