"""Which changes of the verifier do the tests not notice? `make mutants`.

    python tests/mutation/run.py [--jobs N] [MODULE ...]

Each mutant is one small change of one module of the light client (a comparison, a constant, an operator, a raise that
is left out), made in a copy of the sources, under the module's own tests. Survivors are printed as module:line and the
change; docs/mutants.md says of each why it is harmless.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

ROOT: Final = Path(__file__).parents[2]
UNIT: Final = "tests/unit/light_client"
PROOF_TESTS: Final = ("advisories", "ics23", "shapes", "commitment", "proof_codec")
PROOFS: Final = (
    *(f"{UNIT}/test_{name}.py" for name in PROOF_TESTS),
    "tests/vectors/test_ics23.py",
)
HEADERS: Final = (
    *(f"{UNIT}/test_{name}.py" for name in ("verify", "client", "blocks", "detector", "hashes")),
    "tests/vectors/test_light_client.py",
    "tests/vectors/test_tendermint_hash.py",
)
MODULES: Final = {
    **dict.fromkeys(("ics23", "ics23_ops", "neighbours", "commitment"), PROOFS),
    **dict.fromkeys(("verify", "commit", "validators"), HEADERS),
}
COPIED: Final = (
    "light_client",
    "chain",
    "relayer",
    "proto",
    "tests",
    "contracts",
    "pyproject.toml",
)
SECONDS: Final = 120

SWAPS: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module's source with one thing changed."""

    module: str
    line: int
    change: str
    source: str


def mutants(module: str) -> Iterator[Mutant]:
    text = (ROOT / "light_client" / f"{module}.py").read_text()
    for number in range(len(sites(ast.parse(text)))):
        tree = ast.parse(text)
        node = sites(tree)[number]
        before = ast.unparse(node)
        line = getattr(node, "lineno", 0)
        mutate(node)
        change = f"{before} -> {ast.unparse(node)}"
        yield Mutant(
            module,
            line,
            " ".join(change.split())[:160],
            ast.unparse(ast.fix_missing_locations(tree)),
        )


def sites(tree: ast.AST) -> list[ast.AST]:
    """Every node that one mutation is known for, in a fixed order; how dataclasses are made is left alone."""
    made = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        for inner in ast.walk(decorator)
    }
    return [node for node in ast.walk(tree) if is_site(node) and id(node) not in made]


def is_site(node: ast.AST) -> bool:
    match node:
        case ast.Compare(ops=[op]):
            return type(op) in SWAPS
        case ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.Raise(exc=ast.Call()):
            return True
        case ast.BinOp(op=op):
            return type(op) in SWAPS and not isinstance(node.left, ast.Constant | ast.JoinedStr)
        case ast.Constant(value=bool() | int()):
            return True
    return False


def mutate(node: ast.AST) -> None:
    """Change it in place."""
    match node:
        case ast.Compare(ops=[op]):
            node.ops = [SWAPS[type(op)]()]  # type: ignore[list-item] # a comparison for a comparison
        case ast.BoolOp(op=op) | ast.BinOp(op=op):
            node.op = SWAPS[type(op)]()  # type: ignore[assignment] # of the same kind
        case ast.UnaryOp():
            node.op = ast.UAdd()  # +x is as true as x
        case ast.Raise():
            node.__class__ = ast.Expr  # type: ignore[assignment] # the error is made and not raised
            node.value = node.exc  # type: ignore[attr-defined]
        case ast.Constant(value=bool() as flag):
            node.value = not flag
        case ast.Constant(value=int() as number):
            node.value = number + 1


def survives(mutant: Mutant, tree: Path) -> bool:
    target = tree / "light_client" / f"{mutant.module}.py"
    original = target.read_bytes()
    target.write_text(mutant.source)
    try:
        tests = MODULES[mutant.module]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        target.write_bytes(original)
    return done.returncode == 0


def environment() -> dict[str, str]:
    """The copy has no neighbours: it is told where the conformance vectors are."""
    here = str((ROOT / "../shared/vectors").resolve())
    return {**os.environ, "LIGHTSHIP_VECTORS": os.environ.get("LIGHTSHIP_VECTORS", here)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutate the verifier and run its tests.")
    parser.add_argument("modules", nargs="*", default=list(MODULES))
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    trees: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="lightship-mutants-") as folder:
        for number in range(options.jobs):
            trees.put(copied(Path(folder) / str(number)))

        def judge(mutant: Mutant) -> tuple[Mutant, bool]:
            tree = trees.get()
            try:
                return mutant, survives(mutant, tree)
            finally:
                trees.put(tree)

        made = [mutant for module in options.modules for mutant in mutants(module)]
        print(f"{len(made)} mutants", flush=True)
        alive = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for mutant, lives in pool.map(judge, made):
                if lives:
                    alive += 1
                    print(f"{mutant.module}:{mutant.line}: {mutant.change}", flush=True)
        print(f"{alive} of {len(made)} survive")
    return 0


def copied(tree: Path) -> Path:
    for name in COPIED:
        source, target = ROOT / name, tree / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "target", ".hypothesis")
            shutil.copytree(source, target, ignore=ignored)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return tree


if __name__ == "__main__":
    sys.exit(main())
