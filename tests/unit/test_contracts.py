import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from wasmtime import (
    Config,
    Engine,
    Func,
    FuncType,
    Instance,
    Memory,
    MemoryType,
    Module,
    Store,
    Trap,
)

import contracts
from contracts import ARTIFACTS, ArtifactError, artifact

HOST_FUNCTIONS = {
    *("abort", "debug", "query_chain"),
    *("addr_canonicalize", "addr_humanize", "addr_validate"),
    *("db_next", "db_next_key", "db_next_value", "db_read", "db_remove", "db_scan", "db_write"),
    *("bls12_381_aggregate_g1", "bls12_381_aggregate_g2", "bls12_381_pairing_equality"),
    *("bls12_381_hash_to_g1", "bls12_381_hash_to_g2"),
    *("ed25519_batch_verify", "ed25519_verify"),
    *("secp256k1_recover_pubkey", "secp256k1_verify"),
    *("secp256r1_recover_pubkey", "secp256r1_verify"),
}
ABI = {"memory", "allocate", "deallocate", "interface_version_8"}
LIFE = {"instantiate", "execute", "query", "migrate"}
IBC = {f"ibc_channel_{step}" for step in ("open", "connect", "close")} | {
    f"ibc_packet_{step}" for step in ("receive", "ack", "timeout")
}
ENTRY_POINTS = {
    "cw20_bridge": LIFE | IBC | {"reply"},
    "cw20_ics20": LIFE | IBC | {"reply"},
    "cw20_token": LIFE,
    "hostile": LIFE | {"reply"},
    "ping_pong": LIFE | IBC | {"reply"},
}
CAPABILITIES = {
    "cw20_bridge": {"iterator", "stargate"}
    | {f"cosmwasm_{version}" for version in ("1_1", "1_2", "1_3", "1_4", "2_0")},
    "cw20_ics20": {"iterator", "stargate"},
    "cw20_token": {"iterator"},
    "hostile": {"iterator"},
    "ping_pong": {"iterator", "stargate"}
    | {f"cosmwasm_{version}" for version in ("1_1", "1_2", "1_3", "1_4", "2_0", "2_1")},
}
GLOBALS = {"__data_end", "__heap_base"}  # the linker's
# Limits of check_wasm: cosmwasm packages/vm/src/config.rs, wasmd x/wasm/types/validation.go.
MAX_BYTES = 800 * 1024
MAX_LOCALS, MAX_TOTAL_LOCALS, MAX_FUNCTIONS, MAX_TABLE = 100, 10_000, 20_000, 2_500
TABLE_SECTION, CODE_SECTION = 4, 10

each_artifact = pytest.mark.parametrize("name", ARTIFACTS)


@pytest.fixture(scope="module")
def engine() -> Engine:
    """Without what CosmWasm's gatekeeper refuses, but for reference types, which wasmtime 50 needs."""
    config = Config()
    config.wasm_bulk_memory = False
    config.wasm_simd = False
    config.wasm_relaxed_simd = False
    config.wasm_tail_call = False
    config.wasm_multi_value = False
    config.wasm_multi_memory = False
    config.wasm_memory64 = False
    return Engine(config)


@pytest.fixture(scope="module")
def modules(engine: Engine) -> dict[str, Module]:
    return {name: Module(engine, artifact(name)) for name in ARTIFACTS}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the artifacts that a test may damage."""
    (tmp_path / "artifacts").mkdir()
    for source in (Path(contracts.__file__).parent / "artifacts").iterdir():
        (tmp_path / "artifacts" / source.name).write_bytes(source.read_bytes())
    monkeypatch.setattr("contracts.resources.files", lambda _: tmp_path)
    contracts.checksums.cache_clear()
    yield tmp_path / "artifacts"
    contracts.checksums.cache_clear()


def test_every_file_has_its_checksum_and_no_other_is_shipped() -> None:
    folder = Path(contracts.__file__).parent / "artifacts"
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in sorted(folder.glob("*.wasm"))
    ]
    assert (folder / "checksums.txt").read_text().splitlines() == lines
    assert [Path(line.split()[1]).stem for line in lines] == list(ARTIFACTS)


@each_artifact
def test_the_interface(name: str, modules: dict[str, Module]) -> None:
    exports = {export.name for export in modules[name].exports}
    markers = {f"requires_{capability}" for capability in CAPABILITIES[name]}
    assert exports == ABI | ENTRY_POINTS[name] | markers | GLOBALS


@each_artifact
def test_only_known_functions_are_imported(name: str, modules: dict[str, Module]) -> None:
    imports = modules[name].imports
    assert {one.module for one in imports} == {"env"}
    assert {str(one.name) for one in imports} <= HOST_FUNCTIONS
    assert all(isinstance(one.type, FuncType) for one in imports)


@each_artifact
def test_the_static_limits(name: str, modules: dict[str, Module]) -> None:
    wasm = artifact(name)
    assert len(wasm) <= MAX_BYTES
    memory = next(one.type for one in modules[name].exports if one.name == "memory")
    assert isinstance(memory, MemoryType)
    assert memory.limits.min <= 512
    assert memory.limits.max is None
    sections = _sections(wasm)
    locals_ = _declared_locals(sections[CODE_SECTION])
    assert len(locals_) <= MAX_FUNCTIONS
    assert max(locals_) <= MAX_LOCALS
    assert sum(locals_) <= MAX_TOTAL_LOCALS
    assert _largest_table(sections[TABLE_SECTION]) <= MAX_TABLE


@each_artifact
def test_it_instantiates_and_allocates_regions(
    name: str, engine: Engine, modules: dict[str, Module]
) -> None:
    def refuse(*_: int) -> int:
        raise Trap("no host function is called here")

    store = Store(engine)
    types = [one.type for one in modules[name].imports]
    imports = [Func(store, one, refuse) for one in types if isinstance(one, FuncType)]
    exports = Instance(store, modules[name], imports).exports(store)
    allocate, deallocate, memory = (exports[n] for n in ("allocate", "deallocate", "memory"))
    assert isinstance(allocate, Func)
    assert isinstance(deallocate, Func)
    assert isinstance(memory, Memory)
    region = allocate(store, 1000)
    fields = bytes(memory.read(store, region, region + 12))
    offset, capacity, length = struct.unpack("<III", fields)
    assert offset > 0
    assert capacity >= 1000
    assert length == 0
    deallocate(store, region)
    assert allocate(store, 1000) == region, "the freed region is not used again"


@each_artifact
def test_no_path_of_the_build_machine_is_left(name: str) -> None:
    wasm = artifact(name)
    assert not [path for path in (b"/root", b"/home", b"/usr", b"/tmp", b".cargo") if path in wasm]


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no contract is named 'cw721', there are cw20_bridge,"):
        artifact("cw721")


def test_a_damaged_artifact_is_refused(installed: Path) -> None:
    assert artifact("ping_pong") == (installed / "ping_pong.wasm").read_bytes()
    with (installed / "ping_pong.wasm").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ArtifactError, match=r"ping_pong\.wasm is damaged: its SHA-256 is"):
        artifact("ping_pong")


def test_a_missing_artifact_is_named(installed: Path) -> None:
    (installed / "hostile.wasm").unlink()
    with pytest.raises(ArtifactError, match=r"hostile\.wasm cannot be read: No such file"):
        artifact("hostile")


def test_incomplete_checksums_are_refused(installed: Path) -> None:
    (installed / "checksums.txt").write_text(f"{'0' * 64}  hostile.wasm\n")
    with pytest.raises(ArtifactError, match=r"checksums\.txt names \['hostile'\]"):
        artifact("hostile")


def _uleb(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _sections(wasm: bytes) -> dict[int, bytes]:
    found, at = {}, 8
    while at < len(wasm):
        kind = wasm[at]
        size, at = _uleb(wasm, at + 1)
        found[kind] = wasm[at : at + size]
        at += size
    return found


def _declared_locals(code: bytes) -> list[int]:
    functions, at = _uleb(code, 0)
    found = []
    for _ in range(functions):
        size, at = _uleb(code, at)
        end = at + size
        groups, at = _uleb(code, at)
        declared = 0
        for _ in range(groups):
            count, at = _uleb(code, at)
            declared, at = declared + count, at + 1
        found.append(declared)
        at = end
    return found


def _largest_table(section: bytes) -> int:
    tables, at = _uleb(section, 0)
    assert tables == 1
    assert section[at + 1] == 1, "the table has no maximum"
    _, at = _uleb(section, at + 2)
    return _uleb(section, at)[0]
