"""Which package may import which, written down where it can fail."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "light_client": {"cosmos_pb"},
    "chain": {"cosmos_pb", "light_client"},
    "chain/vm": {"light_client"},
    "relayer": {"cosmos_pb", "light_client"},
    "lightship": {"cosmos_pb", "light_client", "chain", "relayer", "contracts", "configs"},
}
OURS = {"cosmos_pb", "light_client", "chain", "relayer", "lightship", "contracts", "configs"}


def imported(path: Path) -> list[tuple[int, str]]:
    """Line and full name of everything imported; ``from chain import coins`` is ``chain.coins``."""
    names: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} uses a relative import"
            names += [(node.lineno, _target(node.module or "", each.name)) for each in node.names]
    return names


def _target(module: str, name: str) -> str:
    """A submodule by its full name; anything else is attributed to the module that holds it."""
    inside = ROOT / module.replace(".", "/") / name
    return f"{module}.{name}" if inside.with_suffix(".py").is_file() or inside.is_dir() else module


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_only_look_down(package: str) -> None:
    own = package.replace("/", ".")
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} holds no Python file"
    for path in files:
        for line, name in imported(path):
            if name == own or name.startswith(f"{own}."):
                continue
            top = name.partition(".")[0]
            assert top not in OURS or top in MAY_IMPORT[package], f"{path}:{line} imports {name}"


@pytest.mark.parametrize("package", ["light_client", "chain", "relayer", "lightship"])
def test_nobody_imports_from_their_own_front_door(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        for line, name in imported(path):
            assert name != package, f"{path}:{line} imports from its own package's __init__"


def test_the_light_client_does_no_input_or_output() -> None:
    banned = {"asyncio", "socket", "time", "aiohttp", "grpc", "sqlite3", "subprocess", "threading"}
    for path in sorted((ROOT / "light_client").rglob("*.py")):
        for line, name in imported(path):
            assert name.partition(".")[0] not in banned, f"{path}:{line} imports {name}"
