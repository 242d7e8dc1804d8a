"""Packages from npm, unpacked: other people's compiled contracts and programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final, NoReturn

import pytest

TRIES: Final = 2
"""A registry may fail once; twice is an outage."""
SECONDS: Final = 60


def package(name: str, version: str, folder: Path) -> Path:
    """The content of a package. A user without npm skips what needs it, CI has npm or fails."""
    npm = shutil.which("npm")
    if npm is None:
        _missing("npm is not installed")
    reasons = [_pack(str(npm), f"{name}@{version}", folder)]
    while reasons[-1] and len(reasons) < TRIES:
        reasons.append(_pack(str(npm), f"{name}@{version}", folder))
    if reasons[-1]:
        _missing(f"npm cannot bring {name}@{version}: {reasons[-1]}")
    [packed] = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def _pack(npm: str, target: str, folder: Path) -> str:
    """Bring a package's archive into a folder; why not, if it failed."""
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", target],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s"
    return done.stderr.strip()[-300:] or f"exit code {done.returncode}" if done.returncode else ""


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
