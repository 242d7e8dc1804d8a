"""Regenerate ``cosmos_pb`` from the .proto files beside this script: ``python proto/generate.py``.

Everything is built in a temporary folder first and only what differs is then written, so that
processes which import the package meanwhile never see half of it.  ``--out`` names another
folder to write to.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file
from importlib.resources import files as resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

HERE = Path(__file__).parent
NAME = "cosmos_pb"
HAND_WRITTEN = {"__init__.py", "_grpc.py", "_pool.py", "py.typed"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Regenerate cosmos_pb from the .proto files.")
    parser.add_argument("--out", type=Path, default=HERE / "python" / NAME)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as tmp:
        generate(Path(tmp, NAME))
        replace(out, Path(tmp, NAME))


def generate(package: Path) -> None:
    """Write all of the package but its hand-written files to ``package``."""
    package.mkdir()
    files = compile_protos()
    write_stubs(package.parent, files)
    write_modules(package, files)
    write_descriptors(package, files)


def compile_protos() -> FileDescriptorSet:
    sources = sorted(str(path) for path in HERE.rglob("*.proto"))
    with as_file(resources("grpc_tools") / "_proto") as well_known, scratch_file() as out:
        flags = ["--include_imports", "--include_source_info"]
        run_protoc(f"-I{HERE}", f"-I{well_known}", *flags, f"-o{out}", *sources)
        return FileDescriptorSet.FromString(out.read_bytes())


def write_stubs(root: Path, files: FileDescriptorSet) -> None:
    """Type stubs come from mypy-protobuf, given the same files under our import prefix."""
    prefixed = FileDescriptorSet()
    prefixed.CopyFrom(files)
    for file in prefixed.file:
        file.name = f"{NAME}/{file.name}"
        file.dependency[:] = [f"{NAME}/{name}" for name in file.dependency]
    services = [file.name for file in prefixed.file if file.service]
    with scratch_file() as source:
        source.write_bytes(prefixed.SerializeToString())
        read = f"--descriptor_set_in={source}"
        run_protoc(read, f"--mypy_out=quiet:{root}", *(file.name for file in prefixed.file))
        run_protoc(read, f"--mypy_grpc_out=quiet:{root}", *services)


def write_modules(package: Path, files: FileDescriptorSet) -> None:
    for file in files.file:
        write_module(package, file.name, "_pb2", "_pool", "export_messages")
        if file.service:
            write_module(package, file.name, "_pb2_grpc", "_grpc", "export_services")
    for folder in [path for path in package.rglob("*") if path.is_dir()]:
        (folder / "__init__.py").touch()


def write_module(package: Path, proto: str, suffix: str, source: str, export: str) -> None:
    path = package / f"{proto.removesuffix('.proto')}{suffix}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'from {NAME}.{source} import {export}\n\n{export}(globals(), "{proto}")\n')


def write_descriptors(package: Path, files: FileDescriptorSet) -> None:
    for file in files.file:
        file.ClearField("source_code_info")
    (package / "descriptors.binpb").write_bytes(files.SerializeToString(deterministic=True))


def replace(old: Path, new: Path) -> None:
    """Make ``old`` what ``new`` is, leaving the hand-written files and equal ones alone."""
    wanted = {path.relative_to(new): path.read_bytes() for path in files_in(new)}
    for name, content in wanted.items():
        path = old / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
    for path in files_in(old):
        if path.relative_to(old) not in {*wanted, *map(Path, HAND_WRITTEN)}:
            path.unlink()
    for folder in sorted((path for path in old.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def files_in(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if "__pycache__" not in path.parts)


@contextmanager
def scratch_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as tmp:
        yield Path(tmp, "descriptors")


def run_protoc(*args: str) -> None:
    """Run protoc; its plugins are looked for beside this interpreter first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "grpc_tools.protoc", *args]
    subprocess.run(command, check=True, env={**os.environ, "PATH": path})


if __name__ == "__main__":
    main()
