"""Python packages from their index, in environments of their own."""

import sys
import venv
from pathlib import Path

from helpers.bring import bring


def environment(folder: Path, *packages: str) -> Path:
    """A virtual environment with packages (``name==version``) of this Python's release; its interpreter."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    command = [str(python), "-m", "pip", "install", *options, *packages]
    bring(" ".join(packages), command, folder, 120)
    return python
