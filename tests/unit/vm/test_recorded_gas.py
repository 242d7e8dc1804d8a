"""The same calls as libwasmvm was given: results, errors and gas to the unit, under six of its versions.

`tests/data/gas` holds what it answered (see `helpers.gasrecord`). Where `LIGHTSHIP_LIBWASMVM` names a folder with
`libwasmvm*.so` files, the libraries themselves are asked too: whether they still say what is recorded, and whether
we agree with them about every contract at hand, those under `LIGHTSHIP_CONTRACTS` included.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import gasrecord
from helpers.explorer import explore
from helpers.gasworld import ENV as WORLD_ENV
from helpers.gasworld import Call, Runner, Seen, World, address, ours, theirs
from helpers.libwasmvm import Native, NativeError, library
from helpers.npm import package
from unit.vm.support import field, probe

import contracts
from chain.vm import ERAS, VM, VmError

VERSIONS = tuple(gasrecord.ERA_OF)
STACK = "call stack exhausted"
"""How deep endless recursion gets depends on the compiler's frames; that it ends so does not."""
NPM = {
    "@oraichain/common-contracts-build": "1.0.35",
    "@oraichain/oraidex-contracts-build": "1.0.36",
    "@oraichain/aioracle-contracts-build": "1.0.7",
}
read = functools.cache(gasrecord.read)


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def machine(version: str, _own_module_cache: Path) -> Iterator[VM]:
    made = VM(era=ERAS[gasrecord.ERA_OF[version]])
    yield made
    made.close()


def compare(run: Runner, version: str, checksum: bytes, token: bytes, rows: list[Any]) -> None:
    """All recorded calls of one contract, one after the other."""
    place = VERSIONS.index(version)
    calls = [gasrecord.unpacked(*row[0]) for row in rows]
    made = gasrecord.played(run, version, token, checksum, calls)
    for row, seen in zip(rows, made, strict=True):
        agree(row, place, seen)


def agree(row: list[Any], place: int, seen: Seen) -> None:
    internal, external, outcome = gasrecord.expected(row, place)
    assert gasrecord.result(seen) == outcome, row
    if STACK not in outcome:
        assert (seen.gas.used_internally, seen.gas.used_externally) == (internal, external), row


@pytest.mark.timeout(900)  # host calls in endless loops were nearly free in old eras
@pytest.mark.parametrize("name", contracts.ARTIFACTS)
def test_our_contracts(name: str, version: str, machine: VM) -> None:
    recorded = read("ours")["contracts"][name]
    code = contracts.artifact(name)
    assert hashlib.sha256(code).hexdigest() == recorded["checksum"], "record it anew"
    replay(machine, version, code, recorded["calls"])


def replay(machine: VM, version: str, code: bytes, rows: list[Any]) -> None:
    """A contract that was refused is refused, and one that was not does as it did."""
    if refused(rows, version):
        with pytest.raises(VmError, match="Error during static Wasm validation"):
            machine.store_code(code)
        return
    token = machine.store_code(contracts.artifact("cw20_token"))
    compare(ours(machine), version, machine.store_code(code), token, rows)


def refused(rows: list[Any], version: str) -> bool:
    """Whether the library did not even store the contract."""
    return all(gasrecord.expected(row, VERSIONS.index(version))[0] is None for row in rows)


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The contracts that npm has, by checksum."""
    found = {}
    for name, number in NPM.items():
        for file in package(name, number, tmp_path_factory.mktemp("npm")).rglob("*.wasm"):
            code = file.read_bytes()
            found[hashlib.sha256(code).hexdigest()] = code
    return found


@pytest.mark.xdist_group("npm")
@pytest.mark.parametrize("name", read("npm")["contracts"])
def test_contracts_from_npm(name: str, npm: dict[str, bytes], machine: VM, version: str) -> None:
    recorded = read("npm")["contracts"][name]
    replay(machine, version, npm[recorded["checksum"]], recorded["calls"])


def hosted(store: Any, run: Runner, version: str) -> int:
    """All recorded calls of host functions; how many there were."""
    recorded, place = read("host"), VERSIONS.index(version)
    token = store(contracts.artifact("cw20_token"))
    known = [row for row in recorded["cases"] if row[2][place] is not None]
    for row in known:
        host, args = row[0], [argument(each, recorded["bytes"]) for each in row[1]]
        there = gasrecord.world(run, version, token, store(probe(host)))
        there.contracts[address("contract")][1].records = {
            b"k": b"v",
            b"a": b"1",
            b"b": b"2",
            b"c": b"3",
        }
        message = b"".join(map(field, args))
        agree(row[1:], place, there.call("contract", Call("query", (WORLD_ENV, message))))
    return len(known)


def argument(value: Any, table: list[str]) -> Any:
    """Recorded bytes are ``b`` and their place in the table; what is there may be repeated: ``00*32``."""
    if not isinstance(value, str) or value == "out":
        return value
    text, _, times = table[int(value[1:])].partition("*")
    return bytes.fromhex(text) * int(times or 1)


def test_host_functions(version: str, machine: VM) -> None:
    least = 260 if version < "2.1" else 480
    assert hosted(functools.cache(machine.store_code), ours(machine), version) > least


# --- with the libraries ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def native(version: str) -> Iterator[Native]:
    found = library(version, ERAS[gasrecord.ERA_OF[version]].api)
    if found is None:
        pytest.skip(f"no libwasmvm {version} in the folder that LIGHTSHIP_LIBWASMVM names")
    yield found
    found.close()


def test_the_library_says_what_is_recorded(version: str, native: Native) -> None:
    assert hosted(functools.cache(native.store_code), theirs(native), version) > 260
    token = native.store_code(contracts.artifact("cw20_token"))
    for name, recorded in read("ours")["contracts"].items():
        code, rows = contracts.artifact(name), recorded["calls"]
        if refused(rows, version):
            with pytest.raises(NativeError):
                native.store_code(code)
        else:
            compare(theirs(native), version, native.store_code(code), token, rows)


def test_every_contract_at_hand(version: str, machine: VM, native: Native) -> None:
    token = machine.store_code(contracts.artifact("cw20_token"))
    native.store_code(contracts.artifact("cw20_token"))
    for code in at_hand():
        if stored_by_both(code, machine, native):
            both = Both(machine, native, version, token, hashlib.sha256(code).digest())
            explore(machine.analyze(both.checksum), both)


def stored_by_both(code: bytes, machine: VM, native: Native) -> bool:
    """Or by none, which is agreed too; the reasons have tests of their own."""
    try:
        native.store_code(code)
    except NativeError:
        with pytest.raises(VmError):
            machine.store_code(code)
        return False
    machine.store_code(code)
    return True


class Both:
    """Makes calls of a contract on our VM and on the library; they must agree."""

    def __init__(
        self, machine: VM, native: Native, version: str, token: bytes, checksum: bytes
    ) -> None:
        self.checksum = checksum
        self._worlds = [
            World(run, gasrecord.limit(version)) for run in (ours(machine), theirs(native))
        ]
        for each in self._worlds:
            each.start(token, checksum)

    def __call__(self, call: Call) -> Seen:
        mine, other = (each.call("contract", call) for each in self._worlds)
        if STACK in mine.error and STACK in other.error:
            return Seen(None, mine.error, mine.gas)
        assert mine == other, call
        return mine


def at_hand() -> Iterator[bytes]:
    """Our contracts and those that the environment names, each once."""
    folder = os.environ.get("LIGHTSHIP_CONTRACTS")
    files = sorted(Path(folder).rglob("*.wasm*")) if folder else []
    codes = [*map(contracts.artifact, contracts.ARTIFACTS), *(file.read_bytes() for file in files)]
    yield from dict.fromkeys(
        gzip.decompress(code) if code.startswith(b"\x1f\x8b") else code for code in codes
    )
