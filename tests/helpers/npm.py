"""Packages from npm, unpacked: other people's compiled contracts and programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest

TRIES: Final = 2
"""A registry may fail once; twice is an outage."""
SECONDS: Final = 60
INSTALL: Final = ("install", "--prefix", ".", "--ignore-scripts", "--no-audit", "--no-fund")


def package(name: str, version: str, folder: Path) -> Path:
    """The content of a package. A user without npm skips what needs it, CI has npm or fails."""
    _bring(["pack"], [f"{name}@{version}"], folder)
    [packed] = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def install(versions: Mapping[str, str], folder: Path) -> None:
    """Put packages and all that they need where Node finds them; who lacks npm is treated as above."""
    _bring(INSTALL, [f"{name}@{version}" for name, version in versions.items()], folder)


def _bring(command: Sequence[str], targets: Sequence[str], folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        _missing("npm is not installed")
    line = [npm, *command, "--silent", *targets]
    reasons = [_ran(line, folder)]
    while reasons[-1] and len(reasons) < TRIES:
        reasons.append(_ran(line, folder))
    if reasons[-1]:
        _missing(f"npm cannot bring {' '.join(targets)}: {reasons[-1]}")


def _ran(line: Sequence[str], folder: Path) -> str:
    """Run npm in a folder; why it failed, if it did."""
    try:
        done = subprocess.run(
            line, cwd=folder, check=False, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s"
    return done.stderr.strip()[-300:] or f"exit code {done.returncode}" if done.returncode else ""


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
