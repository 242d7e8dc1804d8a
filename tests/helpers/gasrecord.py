"""Calls of contracts with what libwasmvm made of them, as files under ``tests/data/gas``.

``python -m helpers.gasrecord NAME LIBRARY... CONTRACT...`` in ``tests`` writes one anew. Libraries are
``libwasmvm*.so`` of the versions of ``ERA_OF``, contracts are files.

A file has ``versions`` of wasmvm and for each contract its ``checksum`` and ``calls``: entry point, sender (0: none,
1: Alice, 2: Bob with coins) and messages; the gas used internally under each version (null where it refuses the
contract); the gas used externally; and the result: eight bytes of its hash, or the text of the VM's error.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import contracts
from chain.vm import ERAS, VM

from .explorer import explore
from .gasworld import (
    ALICE,
    BOB,
    ENV,
    TOKEN,
    Call,
    Runner,
    Seen,
    World,
    encode,
    info,
    ours,
    theirs,
)
from .libwasmvm import Native, NativeError

FOLDER: Final = Path(__file__).resolve().parents[1] / "data" / "gas"
ERA_OF: Final = {
    "1.5.9": "1.5.11",
    "2.0.3": "2.0.5",
    "2.1.2": "2.1.2",
    "2.2.4": "2.2.2",
    "3.0.3": "3.0.0",
    "3.0.7": "3.0.9",
}
"""wasmvm and the era of its cosmwasm-vm."""
_SHORT: Final = {ALICE: "$alice", BOB: "$bob", TOKEN: "$token"}
_INFOS: Final = {1: info(ALICE), 2: info(BOB, (5, "ustake"))}


def limit(version: str) -> int:
    """Gas was a thousand times as much before 2.0."""
    return 10**14 if version.startswith("1.") else 10**11


def result(seen: Seen) -> str:
    if seen.data is None:
        return seen.error
    return hashlib.sha256(seen.data).hexdigest()[:16]


def world(run: Runner, version: str, token: bytes, contract: bytes) -> World:
    made = World(run, limit(version))
    made.start(token, contract)
    return made


def packed(call: Call) -> list[Any]:
    sender = next((number for number, about in _INFOS.items() if about in call.args), 0)
    messages = call.args[2:] if sender else call.args[1:]
    return [call.entry, sender, *(json.loads(message) for message in messages)]


def unpacked(entry: str, sender: int, *messages: Any) -> Call:
    about = (_INFOS[sender],) if sender else ()
    return Call(entry, (ENV, *about, *map(encode, messages)))


def played(
    run: Runner, version: str, token: bytes, contract: bytes, calls: Sequence[Call]
) -> Iterator[Seen]:
    there = world(run, version, token, contract)
    for call in calls:
        yield there.call("contract", call)


def record(code: bytes, natives: Sequence[Native], vm: VM) -> dict[str, Any]:
    """What a contract's calls gave under each library."""
    token = contracts.artifact("cw20_token")
    checksum, token_sum = vm.store_code(code), vm.store_code(token)
    there = world(ours(vm), "3.0.7", token_sum, checksum)
    calls = explore(vm.analyze(checksum), lambda call: there.call("contract", call))
    columns: list[list[Seen] | None] = []
    for native in natives:
        try:
            native.store_code(token)
            native.store_code(code)
        except NativeError:
            columns.append(None)
        else:
            columns.append(list(played(theirs(native), native.version, token_sum, checksum, calls)))
    rows = [
        [packed(call), *_row([column[n] if column else None for column in columns])]
        for n, call in enumerate(calls)
    ]
    return {"checksum": checksum.hex(), "calls": rows}


def _row(seen: Sequence[Seen | None]) -> list[Any]:
    """Internal gas by version, external gas and result: one of each if all versions agree."""
    return [
        [each and each.gas.used_internally for each in seen],
        _one([each and each.gas.used_externally for each in seen]),
        _one([each and result(each) for each in seen]),
    ]


def _one(values: list[Any]) -> Any:
    known = {value for value in values if value is not None}
    return known.pop() if len(known) == 1 else values


def expected(row: Sequence[Any], place: int) -> tuple[int | None, int, str]:
    """Of a recorded call under the version at ``place``: internal gas, external gas, result."""
    _, internal, external, outcome = row
    return (
        internal[place],
        external[place] if isinstance(external, list) else external,
        outcome[place] if isinstance(outcome, list) else outcome,
    )


def write(name: str, natives: Sequence[Native], found: dict[str, dict[str, Any]]) -> None:
    """One call to a line."""
    parts = []
    for title, recorded in found.items():
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in recorded["calls"])
        parts.append(f'"{title}":{{"checksum":"{recorded["checksum"]}","calls":[\n{rows}]}}')
    versions = json.dumps([native.version for native in natives])
    text = f'{{"versions":{versions},"contracts":{{\n' + ",\n".join(parts) + "}}\n"
    for address, short in _SHORT.items():
        text = text.replace(address, short)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(text)


def read(name: str) -> dict[str, Any]:
    text = (FOLDER / f"{name}.json").read_text()
    for address, short in _SHORT.items():
        text = text.replace(short, address)
    found: dict[str, Any] = json.loads(text)
    return found


def main(name: str, *files: str) -> None:
    paths = [Path(file) for file in files]
    libraries = [path for path in paths if ".so" in path.name]
    versions = {library: _version(library) for library in libraries}
    natives = [
        Native(library, ERAS[ERA_OF[version]].api)
        for library, version in sorted(versions.items(), key=lambda item: item[1])
    ]
    vm = VM()
    found = {
        path.stem: record(path.read_bytes(), natives, vm)
        for path in paths
        if path.suffix == ".wasm"
    }
    write(name, natives, found)
    vm.close()
    for native in natives:
        native.close()


def _version(library: Path) -> str:
    opened = Native(library, ERAS["3.0.9"].api)
    opened.close()
    return opened.version


if __name__ == "__main__":
    main(*sys.argv[1:])
