"""Packages from npm: other people's compiled contracts, and clients with all that they need."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

from helpers.bring import bring, program


def package(name: str, version: str, folder: Path) -> Path:
    """The content of a package alone."""
    target = f"{name}@{version}"
    bring(target, [program("npm"), "pack", "--silent", target], folder)
    [packed] = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package"


def install(folder: Path, *packages: str) -> Path:
    """Packages (``name@version``) with their dependencies, where a script in the folder imports them; the folder.

    Scripts of the packages do not run.
    """
    (folder / "package.json").write_text(json.dumps({"private": True}))
    options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    bring(" ".join(packages), [program("npm"), "install", *options, *packages], folder, 90)
    return folder
