"""Packages from npm, unpacked: other people's compiled contracts and programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest

TRIES: Final = 2
"""A registry may fail once; twice is an outage."""
SECONDS: Final = 120


def package(name: str, version: str, folder: Path) -> Path:
    """The content of a package. A user without npm skips what needs it, CI has npm or fails."""
    npm = shutil.which("npm")
    if npm is None:
        _missing("npm is not installed")
    target = f"{name}@{version}"
    for _ in range(TRIES):
        done = subprocess.run(
            [str(npm), "pack", "--silent", target],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if done.returncode == 0:
            break
    else:
        _missing(f"npm cannot bring {target}: {done.stderr.strip()[-300:]}")
    with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def _missing(reason: str) -> None:
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
