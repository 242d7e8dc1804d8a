"""What a contract can do to hurt its chain costs its sender gas, has a clean error, and stops nobody.

The words and codes are those of wasmd 0.61.14, which ran the same artifact.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from helpers.wasm import ALICE, BOB, WasmChain, attribute, refusal

from chain.context import Mode
from chain.errors import OutOfGas
from chain.modules.wasm.module import SIMULATION_GAS_LIMIT
from chain.vm import VM
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2

FEE = "75000stake"
GAS = 3_000_000
VM_FAULT = "Error calling the VM: Error executing Wasm: Wasmer runtime error: RuntimeError: "


@pytest.fixture(scope="module")
def chain(vm: VM) -> WasmChain:
    return WasmChain(vm)


@pytest.fixture(scope="module")
def contract(chain: WasmChain) -> str:
    return chain.make("hostile", {})


def of_vm(text: str) -> tuple[str, int, str]:
    return "wasm", 29, f"{VM_FAULT}{text}: wasmvm error"


PANICKED = "Aborted: panicked at hostile/src/lib.rs:179:5:\non purpose"
BACKEND = "Error calling into the VM's backend: User error during call into backend: "
ENDS: list[tuple[Any, tuple[str, int, str]]] = [
    ({"recurse": {"depth": None}}, of_vm("call stack exhausted")),
    ({"overflow_stack": {}}, of_vm("out of bounds memory access")),
    ({"allocate_all": {}}, of_vm("unreachable")),
    ({"panic": {"message": "on purpose"}}, of_vm(PANICKED)),
    ({"unreachable": {}}, of_vm("unreachable")),
    ({"fail": {"reason": "no"}}, ("wasm", 5, "Generic error: no: execute wasm contract failed")),
    ({"open_iterators": {}}, of_vm(f"{BACKEND}reached iterator limit (32768)")),
    ({"huge_result": {"bytes": 70_000_000}}, of_vm("unreachable")),
    (
        {"store": {"key_len": 65537, "value_len": 1}},
        of_vm("Generic error: Key too big. Tried to write 65537 bytes to storage, limit is 65536."),
    ),
    (
        {"store": {"key_len": 1, "value_len": 131073}},
        of_vm(
            "Generic error: Value too big. Tried to write 131073 bytes to storage, limit is 131072."
        ),
    ),
    ({"message_loop": {}}, ("wasm", 30, "max call depth exceeded")),
]


@pytest.mark.parametrize(("message", "end"), ENDS, ids=[next(iter(message)) for message, _ in ENDS])
def test_a_clean_end(
    chain: WasmChain, contract: str, message: Any, end: tuple[str, int, str]
) -> None:
    result = chain.execute(contract, message, gas=GAS)
    assert refusal(result) == end
    assert 0 < result.gas_used <= GAS
    alive(chain, contract)


def test_replies_in_replies_end_at_the_same_depth(chain: WasmChain, contract: str) -> None:
    result = chain.execute(contract, {"reply_loop": {}}, gas=GAS)
    codespace, code, log = refusal(result)
    assert (codespace, code) == ("wasm", 30)
    assert log.endswith("dispatch: max call depth exceeded")
    assert log.count("reply: ") == 100
    alive(chain, contract)


def test_queries_in_queries_end_after_ten(chain: WasmChain, contract: str) -> None:
    result = chain.execute(contract, {"query_loop": {}}, gas=GAS)
    codespace, code, log = refusal(result)
    assert (codespace, code) == ("wasm", 5)
    assert log.count("Querier contract error: ") == 11
    assert "codespace: wasm, code: 27" in log
    alive(chain, contract)


@pytest.mark.parametrize("name", ["loop_forever", "fill_storage", "debug"])
def test_what_never_ends_runs_out_of_gas(chain: WasmChain, contract: str, name: str) -> None:
    result = chain.execute(contract, {name: {}}, gas=GAS)
    assert (result.codespace, result.code) == ("sdk", 11)
    assert GAS <= result.gas_used < GAS + 40_000  # at most one more write of 1 KiB
    assert result.log.startswith("out of gas in location: ")
    assert f"gasWanted: {GAS}, gasUsed: {result.gas_used}: out of gas" in result.log
    alive(chain, contract)


@pytest.mark.parametrize("gas", [130_000, 200_000, 1_000_000])
@pytest.mark.parametrize("name", ["message_loop", "reply_loop", "query_loop"])
def test_loops_with_less_gas_than_depth(
    chain: WasmChain, contract: str, name: str, gas: int
) -> None:
    result = chain.execute(contract, {name: {}}, gas=gas)
    expected = {("sdk", 11), ("wasm", 30), ("wasm", 5)}
    assert (result.codespace, result.code) in expected
    assert "recovered" not in result.log


def test_the_sender_pays(chain: WasmChain, contract: str) -> None:
    message: Any = {"loop_forever": {}}
    before = chain.balance(ALICE)
    [result] = chain.block(chain.execution(contract, message, gas=GAS, amount=FEE))
    assert result.code == 11
    assert chain.balance(ALICE) == before - 75_000


def test_nobody_else_in_the_block_is_hurt(chain: WasmChain, contract: str) -> None:
    hostile = chain.execution(contract, {"message_loop": {}}, gas=GAS)
    good = chain.execution(contract, {"recurse": {"depth": 10}}, by=BOB, gas=GAS)
    first, second = chain.block(hostile, good)
    assert (first.code, second.code) == (30, 0)
    assert attribute(second, "deep") == "352464358544669"


def test_large_but_paid_for(chain: WasmChain, contract: str) -> None:
    result = chain.execute(contract, {"huge_result": {"bytes": 1_000_000}}, gas=5_000_000)
    assert result.code == 0, result.log
    assert len(attribute(result, "huge")) == 1_000_000
    result = chain.execute(contract, {"many_attributes": {"count": 100}}, gas=GAS)
    [told] = [event for event in result.events if event.type == "wasm"]
    assert len(told.attributes) == 102


@pytest.mark.parametrize(("key", "value"), [(65536, 1), (1, 131072)])
def test_the_largest_that_fits_in_the_store(
    chain: WasmChain, contract: str, key: int, value: int
) -> None:
    message = {"store": {"key_len": key, "value_len": value}}
    assert chain.execute(contract, message, gas=20_000_000).code == 0


def test_no_instance_is_used_twice(chain: WasmChain, contract: str) -> None:
    for _ in range(2):
        assert attribute(chain.execute(contract, {"remember": {}}), "calls") == "1"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("loop_forever", "out of gas in location: Wasm engine function execution; gasWanted: "),
        ("recurse", f"{VM_FAULT}call stack exhausted: wasmvm error"),
        ("allocate_all", f"{VM_FAULT}unreachable: wasmvm error"),
        ("panic", f"{VM_FAULT}Aborted: panicked at hostile/src/lib.rs:179:5:"),
        ("query_loop", "Generic error: Querier contract error: "),
        ("huge_result", f"{VM_FAULT}unreachable: wasmvm error"),
    ],
)
def test_hostile_queries(chain: WasmChain, contract: str, name: str, text: str) -> None:
    fields = {"recurse": {"depth": None}, "panic": {}, "huge_result": {"bytes": 70_000_000}}
    request = query_pb2.QuerySmartContractStateRequest(
        address=contract, query_data=json.dumps({name: fields.get(name, {})}).encode()
    )
    answer = chain.query("/cosmwasm.wasm.v1.Query/SmartContractState", request)
    assert answer.code != 0
    assert answer.log.startswith(text)
    alive(chain, contract)


def alive(chain: WasmChain, contract: str) -> None:
    """The next block has its transaction, and queries are answered."""
    result = chain.execute(contract, {"recurse": {"depth": 1}}, gas=GAS)
    assert result.code == 0, result.log
    assert isinstance(chain.ask(contract, {"recurse": {"depth": 1}}), int)


def test_a_simulation_has_an_end(vm: VM) -> None:
    """Anybody may ask a node for one, for nothing: the block's gas is its limit, or a few seconds' worth."""
    chain = WasmChain(vm, max_gas=GAS)
    contract = chain.make("hostile", {})
    with pytest.raises(OutOfGas, match=f"gasWanted: {GAS}"):
        chain.app.simulate(chain.execution(contract, {"loop_forever": {}}, gas=GAS))


def test_a_simulation_has_an_end_on_a_chain_without_limits(chain: WasmChain) -> None:
    wasm = chain.app.wasm
    assert wasm is not None
    simulated = replace(chain.app.context_at(0), mode=Mode.SIMULATE)
    assert wasm.ante(simulated, None).gas.limit == SIMULATION_GAS_LIMIT
