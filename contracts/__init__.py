"""The compiled contracts that Lightship brings along, checked against their SHA-256 when read.

Sources, messages and the way to rebuild them are in this folder's README.
"""

import hashlib
from functools import cache
from importlib import resources
from typing import Final

__all__ = ["ARTIFACTS", "ArtifactError", "artifact", "checksums"]

ARTIFACTS: Final = ("cw20_bridge", "cw20_ics20", "cw20_token", "hostile", "ping_pong")


class ArtifactError(Exception):
    """An artifact is unknown, missing or not the file its checksum names."""


def artifact(name: str) -> bytes:
    """Return the WebAssembly bytes of one of `ARTIFACTS`.

    Raises ArtifactError for an unknown name, a missing file and a file with another SHA-256.
    """
    if name not in ARTIFACTS:
        raise ArtifactError(f"no contract is named {name!r}, there are {', '.join(ARTIFACTS)}")
    wasm = _read(f"{name}.wasm")
    actual, expected = hashlib.sha256(wasm).hexdigest(), checksums()[name]
    if actual != expected:
        raise ArtifactError(
            f"contract {name}.wasm is damaged: its SHA-256 is {actual}, "
            f"checksums.txt says {expected}"
        )
    return wasm


@cache
def checksums() -> dict[str, str]:
    """Return the expected SHA-256 of every artifact in hex: checksums.txt in sha256sum's format."""
    found = {}
    for line in _read("checksums.txt").decode().splitlines():
        digest, _, file = line.partition("  ")
        found[file.removesuffix(".wasm")] = digest
    if set(found) != set(ARTIFACTS):
        raise ArtifactError(f"checksums.txt names {sorted(found)} and not {sorted(ARTIFACTS)}")
    return found


def _read(file: str) -> bytes:
    try:
        return resources.files(__name__).joinpath("artifacts", file).read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"contract artifact {file} cannot be read: {error.strerror}; "
            "the installation is incomplete"
        ) from error
