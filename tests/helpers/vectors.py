"""Finding conformance vectors: folders of JSON made by other implementations.

The root comes from LIGHTSHIP_VECTORS; a runner recognises a file by what is in it, not by its name, so
that it runs any folder of the same formats.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("LIGHTSHIP_VECTORS", Path(__file__).parents[2] / "../shared/vectors"))

Case = dict[str, Any]


def topic(name: str) -> Path:
    """The folder of one topic; without it the calling module is skipped."""
    folder = ROOT / name
    if not folder.is_dir():
        pytest.skip(f"no vectors in {folder}", allow_module_level=True)
    return folder


def documents(folder: Path) -> list[tuple[str, Any]]:
    """Every JSON file below the folder, with its name relative to it."""
    paths = sorted(folder.rglob("*.json"))
    return [(str(path.relative_to(folder)), json.loads(path.read_text())) for path in paths]


def cases(folder: Path) -> list[Any]:
    """A parameter (file name, case) for each case of each file, with a readable id."""
    found = []
    for name, document in documents(folder):
        listed = document if isinstance(document, list) else [document]
        for number, case in enumerate(listed):
            label = case.get("id", case.get("name", number))
            found.append(pytest.param(name, case, id=f"{name}::{label}"))
    return found


def raw(text: str | None) -> bytes:
    return bytes.fromhex(text or "")


Runner = tuple[set[str], Callable[[Case], None]]


def run(name: str, case: Case, runners: Sequence[Runner]) -> None:
    """Run a case by the first runner whose fields it has; a format that nobody knows is a failure."""
    for fields, runner in runners:
        if fields <= case.keys():
            runner(case)
            return
    pytest.fail(f"{name}: unknown format {sorted(case)}")


def enough(found: Sequence[object], count: int) -> None:
    """The default folder has at least so many cases; any other folder may have fewer."""
    if "LIGHTSHIP_VECTORS" not in os.environ:
        assert len(found) >= count
