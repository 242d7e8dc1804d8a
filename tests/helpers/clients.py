"""Scripts that use other people's clients: run as processes, judged step by step."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

SCRIPTS: Final = Path(__file__).parents[1] / "clients"
FAILED: Final = "failed "
PASSED: Final = "ok "


def provide(folder: Path, *names: str) -> None:
    """Put scripts where the packages are that they import."""
    for name in names:
        shutil.copy(SCRIPTS / name, folder)


async def run_steps(
    command: Sequence[str], folder: Path, settings: Mapping[str, Any], seconds: float = 120
) -> list[str]:
    """Run a script that reads its settings as JSON and prints a line for each step; the names of the steps.

    The test fails with the step that failed, or with the last that passed if the script ended otherwise or not at all.
    """
    said = folder / "steps.log"
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(SCRIPTS.parent)},
        )
    try:
        async with asyncio.timeout(seconds):
            await process.communicate(json.dumps(settings).encode())
        ended = f"ended with code {process.returncode}"
    except TimeoutError:
        ended = f"did not end in {seconds:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _judged(said.read_text(), ended, process.returncode)


def _judged(said: str, ended: str, code: int | None) -> list[str]:
    lines = said.splitlines()
    passed = [line.removeprefix(PASSED) for line in lines if line.startswith(PASSED)]
    failed = [line.removeprefix(FAILED) for line in lines if line.startswith(FAILED)]
    if failed:
        pytest.fail(f"step {len(passed) + 1}, {failed[0]}\n{said[-2000:]}", pytrace=False)
    if code:
        pytest.fail(f"{ended} after {passed[-1:]}\n{said[-2000:]}", pytrace=False)
    return passed
