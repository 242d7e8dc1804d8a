"""Other people's programs, brought by their names: a user without them skips what needs them, CI has them or fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest

TRIES: Final = 2
"""A registry may fail once; twice is an outage."""
SECONDS: Final = 60


def program(name: str) -> str:
    """Where a program of this machine is."""
    return shutil.which(name) or missing(f"{name} is not installed")


def bring(
    what: str, command: Sequence[str], folder: Path, seconds: float = SECONDS, **variables: str
) -> None:
    """Run the command that downloads something into a folder, and once more if it fails.

    ``variables`` are set in its environment.
    """
    reason = ""
    for _ in range(TRIES):
        reason = _failure(command, folder, seconds, variables)
        if not reason:
            return
    missing(f"{Path(command[0]).name} cannot bring {what}: {reason}")


def missing(reason: str) -> NoReturn:
    """What a test needs is not there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _failure(
    command: Sequence[str], folder: Path, seconds: float, variables: Mapping[str, str]
) -> str:
    """Why a command failed; empty if it did not."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {seconds:g} s"
    if not done.returncode:
        return ""
    return done.stderr.strip()[-300:] or f"exit code {done.returncode}"
