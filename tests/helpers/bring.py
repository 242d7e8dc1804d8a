"""Other people's programs, brought by their names.

A user without the tools skips what needs them, CI has them or fails. Where no registry can be reached at all, both
skip: that is an outage, for which no change of ours is to blame.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest

TRIES: Final = 2
"""A registry may fail once; twice is an outage."""
SECONDS: Final = 60
OUTAGE: Final = re.compile(
    r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)\b|dial tcp|"
    r"NewConnectionError|ConnectTimeoutError|name resolution|name or service not known|"
    r"network is unreachable|no answer in",
    re.IGNORECASE,
)
"""What npm, Go, pip and we say when nobody answers."""
_silent: dict[str, str] = {}
"""Programs whose registry did not answer, and what was said: nobody waits for it twice."""


def program(name: str) -> str:
    """Where a program of this machine is."""
    return shutil.which(name) or missing(f"{name} is not installed")


def bring(
    what: str, command: Sequence[str], folder: Path, seconds: float = SECONDS, **variables: str
) -> None:
    """Run the command that downloads something into a folder, and once more if it fails.

    ``variables`` are set in its environment.
    """
    if command[0] in _silent:
        pytest.skip(_silent[command[0]])
    reason = ""
    for _ in range(TRIES):
        reason = _failure(command, folder, seconds, variables)
        if not reason:
            return
    said = f"{Path(command[0]).name} cannot bring {what}: {reason[-300:]}"
    if OUTAGE.search(reason):
        _silent[command[0]] = said
        pytest.skip(said)
    missing(said)


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
    return done.stderr.strip() or f"exit code {done.returncode}"
