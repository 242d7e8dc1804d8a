"""A chain with contracts, written down and started again from what was written."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.puppet import CODE, Puppet, coin
from helpers.wasm import ALICE, BOB, WasmChain

from chain.errors import GenesisError
from chain.modules.wasm import keys
from chain.vm import VM
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2, types_pb2
from light_client import bech32

TOKEN = {
    "name": "Ship",
    "symbol": "SHIP",
    "decimals": 6,
    "initial_balances": [{"address": ALICE.address, "amount": "1000"}],
}
QUESTIONS: list[Any] = [
    {"balance": {"address": ALICE.address}},
    {"balance": {"address": BOB.address}},
    {"token_info": {}},
    {"all_accounts": {}},
]


class Original:
    """A chain with three codes, one of them restricted, and two contracts, one of them migrated."""

    def __init__(self, vm: VM) -> None:
        self.chain = WasmChain(vm)
        nobody = types_pb2.AccessConfig(permission=types_pb2.ACCESS_TYPE_NOBODY)
        self.chain.store(CODE)
        self.chain.store(CODE)
        self.puppet = Puppet(self.chain, 2)
        self.puppet.code_id = 1
        self.puppet.asks({"bank": {}})
        assert self.puppet.says({"ok": {}}, funds=[coin(5)]).code == 0
        self.token = self.chain.make("cw20_token", TOKEN)
        self.transfer()
        assert self.chain.store(CODE, instantiate_permission=nobody).code == 0
        self.state: dict[str, Any] = json.loads(json.dumps(self.chain.app.export_genesis()))

    def transfer(self) -> None:
        message = {"transfer": {"recipient": BOB.address, "amount": "5"}}
        assert self.chain.execute(self.token, message).code == 0


@pytest.fixture(scope="module")
def original(vm: VM) -> Original:
    return Original(vm)


@pytest.fixture
def other_vm() -> Iterator[VM]:
    made = VM()
    yield made
    made.close()


def test_a_restarted_chain_gives_the_same_answers(original: Original, other_vm: VM) -> None:
    again = WasmChain(other_vm, original.state)
    for question in QUESTIONS:
        before = original.chain.ask(original.token, question)
        assert again.ask(original.token, question) == before
    assert again.info(original.puppet.address) == original.chain.info(original.puppet.address)
    assert again.app.export_genesis()["wasm"] == original.state["wasm"]


def test_a_restarted_chain_goes_on(original: Original, other_vm: VM) -> None:
    again = WasmChain(other_vm, original.state)
    message = {"transfer": {"recipient": BOB.address, "amount": "7"}}
    assert again.execute(original.token, message).code == 0
    assert again.ask(original.token, {"balance": {"address": BOB.address}}) == {"balance": "12"}
    assert again.instantiate(1, {}) == bech32.encode("cosmos", keys.classic_address(1, 3))
    result = again.store(CODE)
    assert b"\x08\x05" in result.data  # code_id 5
    refused = again.run(
        tx_pb2.MsgInstantiateContract(sender=ALICE.address, code_id=4, label="x", msg=b"{}")
    )
    assert refused.code == 4
    again.store(CODE)
    migrated = tx_pb2.MsgMigrateContract(
        sender=ALICE.address, contract=original.puppet.address, code_id=2, msg=b'{"bank":{}}'
    )
    assert again.run(migrated).code == 0


def test_the_form_of_wasmd(original: Original) -> None:
    state = original.state["wasm"]
    assert list(state) == ["params", "codes", "contracts", "sequences"]
    assert state["params"] == {
        "code_upload_access": {"permission": "Everybody", "addresses": []},
        "instantiate_default_permission": "Everybody",
    }
    assert [code["code_id"] for code in state["codes"]] == ["1", "2", "3", "4"]
    assert state["codes"][3]["code_info"]["instantiate_config"]["permission"] == "Nobody"
    assert [(item["id_key"], item["value"]) for item in state["sequences"]] == [
        ("BGxhc3RDb2RlSWQ=", "5"),
        ("BGxhc3RDb250cmFjdElk", "3"),
    ]
    [puppet] = [
        found
        for found in state["contracts"]
        if found["contract_address"] == original.puppet.address
    ]
    assert [entry["operation"] for entry in puppet["contract_code_history"]] == [
        "CONTRACT_CODE_HISTORY_OPERATION_TYPE_INIT",
        "CONTRACT_CODE_HISTORY_OPERATION_TYPE_MIGRATE",
    ]
    assert puppet["contract_code_history"][1]["msg"] == {"bank": {}}
    assert {model["key"] for model in puppet["contract_state"]} >= {b"answer".hex().upper()}


def broken(state: dict[str, Any], name: str) -> dict[str, Any]:
    """The state with one fault."""
    made = copy.deepcopy(state)
    wasm = made["wasm"]
    if name == "a code twice":
        wasm["codes"].append(wasm["codes"][0])
    elif name == "other bytes":
        wasm["codes"][0]["code_bytes"] = wasm["codes"][2]["code_bytes"]
    elif name == "no wasm":
        wasm["codes"][0]["code_bytes"] = "AAAA"
    elif name == "a contract twice":
        wasm["contracts"].append(wasm["contracts"][0])
    elif name == "a contract without code":
        wasm["contracts"][0]["contract_info"]["code_id"] = "99"
    elif name == "no history":
        wasm["contracts"][0]["contract_code_history"] = []
    elif name == "an old sequence":
        wasm["sequences"][0]["value"] = "2"
    elif name == "a number":
        made["wasm"] = 5
    return made


@pytest.mark.parametrize(
    "name",
    [
        "a code twice",
        "other bytes",
        "no wasm",
        "a contract twice",
        "a contract without code",
        "no history",
        "an old sequence",
        "a number",
    ],
)
def test_faults(original: Original, other_vm: VM, name: str) -> None:
    with pytest.raises(GenesisError, match=r"app_state\.wasm"):
        WasmChain(other_vm, broken(original.state, name))


@pytest.mark.parametrize("part", ["state", "sequences"])
def test_a_key_twice(original: Original, other_vm: VM, part: str) -> None:
    state = copy.deepcopy(original.state)
    wasm = state["wasm"]
    entries = wasm["sequences"]
    if part == "state":
        [entries] = [one["contract_state"] for one in wasm["contracts"] if one["contract_state"]][
            :1
        ]
    entries.append(entries[0])
    with pytest.raises(GenesisError, match="is there twice"):
        WasmChain(other_vm, state)


@pytest.mark.parametrize("damaged", [False, True])
def test_code_in_gzip(original: Original, other_vm: VM, *, damaged: bool) -> None:
    """A genesis may carry it so; its hash is that of what is inside."""
    state = copy.deepcopy(original.state)
    for code in state["wasm"]["codes"]:
        packed = gzip.compress(base64.b64decode(code["code_bytes"]))
        code["code_bytes"] = base64.b64encode(packed[:-9] if damaged else packed).decode()
    if damaged:
        with pytest.raises(GenesisError, match=r"app_state\.wasm"):
            WasmChain(other_vm, state)
    else:
        assert WasmChain(other_vm, state).ask(original.token, QUESTIONS[0])
