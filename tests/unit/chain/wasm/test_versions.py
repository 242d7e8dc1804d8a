"""Chains with an older VM: their JSON and their gas unit.

``wasmvm_older.json`` was written by programs that import the types of those versions of wasmvm.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from helpers.chains import Solo, genesis
from helpers.puppet import CODE, Puppet, b64, executes, sub
from helpers.wasm import ALICE, WasmChain

from chain.app import Application
from chain.errors import GenesisError
from chain.modules.wasm.versions import DEFAULT, RELEASES, Version, named, of_era
from chain.sdk import SDK_54
from chain.store.database import MemoryDatabase, SqliteDatabase
from chain.vm import ERAS, VM
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2

GOLDEN: Final[dict[str, dict[str, str]]] = json.loads(
    Path(__file__).with_name("wasmvm_older.json").read_text()
)


def shape(value: Any) -> Any:
    """Names and their order; what lists hold is one shape."""
    if isinstance(value, dict):
        return [(name, shape(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


@pytest.mark.parametrize(
    ("era", "wasmvm"), [("1.5.8", "1.5.9"), ("2.0.7", "2.0.6"), ("2.2.2", "2.2.6")]
)
def test_what_contracts_read(era: str, wasmvm: str) -> None:
    vm = VM(era=ERAS[era])
    try:
        chain = WasmChain(vm)
        chain.store(CODE)
        puppet = Puppet(chain, 1)
        inner = {"ok": {"data": b64(b"d"), "attributes": [{"key": "k", "value": "v"}]}}
        message = sub(executes(puppet.address, inner), "always", payload=b64(b"p"))
        assert puppet.sends(message).code == 0
        golden = {name: json.loads(text) for name, text in GOLDEN[wasmvm].items()}
        assert shape(puppet.reply) == shape(golden["reply_ok"])
        assert shape(json.loads(puppet.stored("env"))) == shape(golden["env"])
        assert json.loads(puppet.stored("info")) | {"sender": "cosmos1sender"} == golden["info"]
        assert puppet.sends(sub(executes(puppet.address, {"error": "e"}), "error")).code == 0
        assert shape(puppet.reply) == shape(golden["reply_error"])
    finally:
        vm.close()


def test_before_2_2_migrate_has_two_arguments() -> None:
    vm = VM(era=ERAS["2.1.7"])
    try:
        chain = WasmChain(vm)
        chain.store(CODE)
        puppet = Puppet(chain, 1)
        message = tx_pb2.MsgMigrateContract(
            sender=ALICE.address, contract=puppet.address, code_id=1, msg=b"{}"
        )
        result = chain.run(message)
        assert "of type [I32, I32] did not match signature [I32, I32, I32] -> [I32]" in result.log
    finally:
        vm.close()


@pytest.mark.parametrize(
    ("release", "text"),
    [("0.51.0", "no handler found"), ("0.52.0", "ibc not supported")],
)
def test_late_acknowledgements_are_no_message_before_0_52(release: str, text: str) -> None:
    vm = VM()
    try:
        chain = WasmChain(vm)
        assert chain.app.wasm is not None
        chain.app.wasm.keeper.rules.follow(release)
        chain.store(CODE)
        puppet = Puppet(chain, 1)
        late = {"channel_id": "channel-0", "packet_sequence": 1, "ack": {"data": ""}}
        sent = puppet.sends(sub({"ibc": {"write_acknowledgement": late}}))
        assert (sent.code != 0, text in sent.log) == (True, True), sent.log
    finally:
        vm.close()


def test_versions() -> None:
    assert of_era(ERAS["3.0.9"]) == DEFAULT
    first = of_era(ERAS["1.5.0"])
    assert (first.multiplier, first.payloads, first.tx_hash) == (140_000_000, False, False)
    assert [of_era(ERAS[name]).migrate_info for name in ("2.1.7", "2.2.0")] == [False, True]


@pytest.mark.parametrize("version", RELEASES.values(), ids=list(RELEASES))
def test_a_release_goes_with_its_vm(version: Version) -> None:
    major, minor = map(int, version.vm.split(".")[:2])
    assert named(version.name) == version
    assert ERAS[version.vm].api.validate // 9 == version.multiplier
    assert version.payloads == (major >= 2)
    assert version.migrate_info == ERAS[version.vm].migrate_info == ((major, minor) >= (2, 2))
    assert version.tx_hash == version.transfers == version.ibc2_port == (major >= 3)


@pytest.mark.parametrize(
    ("name", "vm", "depth"), [("0.53.2", "2.1.4", 500), ("0.61.12", "3.0.0", 100)]
)
def test_releases_between(name: str, vm: str, depth: int) -> None:
    version = named(name)
    assert (version.name, version.vm, version.max_depth) == (name, vm, depth)


@pytest.mark.parametrize("name", ["", "0.44.0", "0.53", "1.5", "0.53.x", "0.62.0", "0.53.0.1"])
def test_releases_that_are_not_known(name: str) -> None:
    with pytest.raises(ValueError, match="there is no wasmd"):
        named(name)


def test_the_genesis_chooses_a_release_and_a_restart_keeps_it(tmp_path: Path) -> None:
    state = genesis({})
    state["wasm"] = {"wasmd": "0.53.0"}
    database = SqliteDatabase(tmp_path / "db")
    vm = VM(tmp_path / "code")
    chain = Solo(state, vm=vm, database=database)
    chain.block()
    assert vm.era is ERAS["2.1.2"]
    exported = chain.app.export_genesis()
    assert exported["wasm"]["wasmd"] == "0.53.0"
    vm.close()
    other = VM(tmp_path / "code")
    again = Application(database, other)
    assert again.wasm is not None
    assert again.wasm.keeper.version == named("0.53.0")
    assert other.era is ERAS["2.1.2"]
    other.close()
    database.close()


@pytest.mark.parametrize("release", ["0.46.0", "0.70.3"])
def test_a_restart_keeps_the_costs_of_the_sdk(release: str) -> None:
    """Of the mempool too: the first check after a restart takes the gas that the last one before it took."""
    database = MemoryDatabase()
    state = genesis({ALICE: "1000stake"}) | {"wasm": {"wasmd": release}}
    first = VM()
    chain = Solo(state, vm=first, database=database)
    chain.block()
    coins = [coin_pb2.Coin(denom="stake", amount="1")]
    sent = bank_tx.MsgSend(from_address=ALICE.address, to_address=ALICE.address, amount=coins)
    tx = chain.tx(ALICE, sent)
    before = chain.check(tx).gas_used
    other = VM()
    again = Solo(state, vm=other, database=database)
    assert (again.check(tx).gas_used, again.app.context_at(0).sdk) == (before, named(release).sdk)
    first.close()
    other.close()


def test_the_default_is_of_the_line_that_was_compared() -> None:
    """0.70 is chosen by name: its accounts have other numbers, which clients sign."""
    assert DEFAULT.name == "0.61.14"
    assert {of_era(era).sdk.counts_accounts for era in ERAS.values()} == {True}
    assert named("0.70.2").sdk is SDK_54
    assert (named("0.70.2").vm, named("0.70.3").vm) == ("3.0.0", "3.0.9")


def test_a_release_that_is_not_known_is_told(vm: VM) -> None:
    state = genesis({})
    state["wasm"] = {"wasmd": "0.1.0"}
    with pytest.raises(GenesisError, match=r"app_state\.wasm\.wasmd: there is no wasmd '0\.1\.0'"):
        Solo(state, vm=vm)
