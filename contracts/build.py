"""Rebuild the compiled contracts: `python contracts/build.py [--check]`.

Needs Debian's packages rustc-web, cargo-web, rust-web-src, lld and binaryen; README.md says why
these. `--check` builds all the same, but compares with the committed files instead of writing them.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ARTIFACTS: Final = HERE / "artifacts"
TOOLS: Final = Path("/usr/bin")  # where the packages install; a rustup in front of it has no wasm32
TARGET: Final = "wasm32-unknown-unknown"
MAX_BYTES: Final = 800 * 1024  # MsgStoreCode.ValidateBasic of wasmd x/wasm/types/validation.go
CRATES: Final = {
    "cw20_bridge": "lightship-cw20-bridge",
    "cw20_ics20": "lightship-cw20-ics20",
    "cw20_token": "lightship-cw20-token",
    "hostile": "lightship-hostile",
    "ping_pong": "lightship-ping-pong",
}
# Every crate builds on its own, for features of cosmwasm-std that one of them turns on would
# otherwise become required capabilities of all.
CARGO_BUILD: Final = (
    "build",
    "--release",
    "--locked",
    "--jobs=2",
    "-Zbuild-std=std,panic_abort",  # Debian ships no std for wasm32 built for the MVP
    "-Zbuild-std-features=optimize_for_size",
    f"--target={TARGET}",
)
RUSTFLAGS: Final = (
    "-Ctarget-cpu=mvp",  # CosmWasm refuses bulk memory and reference types
    "-Clink-arg=-s",
    "-Clink-arg=--allow-undefined",  # the 24 host functions; tests check which they are
)
WASM_OPT: Final = ("--mvp-features", "-Os", "--strip-debug", "--strip-producers")


class BuildError(Exception):
    """A tool is missing, failed, or made something that may not be shipped."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed files")
    check: bool = parser.parse_args().check
    try:
        environment = _environment()
        prefixes = _prefixes(environment)
        flags = [*RUSTFLAGS, *(f"--remap-path-prefix={path}={to}" for path, to in prefixes.items())]
        environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(flags)
        built = {name: _build(name, crate, environment, prefixes) for name, crate in CRATES.items()}
        _compare(built) if check else _write(built)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    return 0


def _environment() -> dict[str, str]:
    for tool in ("cargo", "rustc", "wasm-ld", "wasm-opt"):
        if not (TOOLS / tool).exists():
            raise BuildError(f"{TOOLS / tool} is missing: see 'Rebuilding' in README.md")
    return os.environ | {
        "PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}",
        "RUSTC_BOOTSTRAP": "1",  # -Zbuild-std is otherwise a nightly's privilege
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER": "wasm-ld",
    }


def _prefixes(environment: dict[str, str]) -> dict[Path, str]:
    """Return the paths of this machine that panics would name, and what they name instead."""
    _run(("cargo", "fetch", "--locked"), environment)
    sysroot = Path(_run(("rustc", "--print=sysroot"), environment).strip())
    library = sysroot / "lib/rustlib/src/rust"
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    crates = dict.fromkeys(sorted((home / "registry/src").iterdir()), "crates")
    return crates | {HERE: "contracts", library: "rust", library.resolve(): "rust"}


def _build(name: str, crate: str, environment: dict[str, str], foreign: Iterable[Path]) -> bytes:
    _run(("cargo", *CARGO_BUILD, f"--package={crate}"), environment)
    release = HERE / "target" / TARGET / "release"
    linked = release / f"{crate.replace('-', '_')}.wasm"
    optimized = release / f"{name}.opt.wasm"
    _run(("wasm-opt", *WASM_OPT, str(linked), f"--output={optimized}"), environment)
    wasm = optimized.read_bytes()
    if len(wasm) > MAX_BYTES:
        raise BuildError(f"{name}.wasm has {len(wasm)} bytes, a chain takes {MAX_BYTES}")
    for path in foreign:
        if bytes(path) in wasm:
            raise BuildError(f"{name}.wasm contains a path of this machine: {path}")
    print(f"{_digest(wasm)}  {name}.wasm  {len(wasm):>7} bytes", flush=True)
    return wasm


def _run(command: tuple[str, ...], environment: dict[str, str]) -> str:
    program = shutil.which(command[0], path=environment["PATH"]) or command[0]
    done = subprocess.run(
        (program, *command[1:]),
        cwd=HERE,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise BuildError(f"'{' '.join(command)}' ended with {done.returncode}")
    return done.stdout


def _write(built: dict[str, bytes]) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    for name, wasm in built.items():
        (ARTIFACTS / f"{name}.wasm").write_bytes(wasm)
    lines = (f"{_digest(wasm)}  {name}.wasm\n" for name, wasm in sorted(built.items()))
    (ARTIFACTS / "checksums.txt").write_text("".join(lines))


def _compare(built: dict[str, bytes]) -> None:
    committed = (ARTIFACTS / "checksums.txt").read_text().splitlines()
    differing = [n for n, wasm in built.items() if f"{_digest(wasm)}  {n}.wasm" not in committed]
    if differing:
        raise BuildError(f"not what checksums.txt says: {', '.join(differing)}")


def _digest(wasm: bytes) -> str:
    return hashlib.sha256(wasm).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
