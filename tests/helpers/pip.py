"""Python packages from their index, in environments of their own."""

import sys
import venv
from pathlib import Path

from helpers.bring import bring


def environment(folder: Path, *packages: str) -> Path:
    """A virtual environment with packages (``name==version``) of this Python's release; its interpreter."""
    venv.create(folder)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    options = ["--quiet", "--no-compile", "--only-binary", ":all:"]
    bring(" ".join(packages), [*pip, "install", *options, *packages], folder, 120)
    return python
