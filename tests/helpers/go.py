"""Programs in Go, by the names of their modules."""

import os
from pathlib import Path

from helpers.bring import bring, program


def install(module: str, folder: Path) -> Path:
    """The program of a module (``path@version``), built into a folder."""
    bring(module, [program("go"), "install", module], folder, 240, GOBIN=str(folder))
    name = module.partition("@")[0].rpartition("/")[2]
    return folder / (f"{name}.exe" if os.name == "nt" else name)
