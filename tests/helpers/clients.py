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

    The test fails with the step that failed, or with what the script said last if it ended otherwise.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SCRIPTS.parent)},
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(json.dumps(settings).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    lines = out.decode().splitlines()
    passed = [line.removeprefix(PASSED) for line in lines if line.startswith(PASSED)]
    failed = [line.removeprefix(FAILED) for line in lines if line.startswith(FAILED)]
    if failed:
        pytest.fail(f"step {len(passed) + 1}, {failed[0]}\n{err.decode()[-2000:]}", pytrace=False)
    assert process.returncode == 0, f"after {passed[-1:]}: {err.decode()[-2000:]}"
    return passed
