"""CosmWasm's security advisories (CWA), each with the attack that it is about; the advisories' own numbers.

The two that concern code inside contracts (2024-001, 2024-002) and the one about Go calling Rust (2025-001) have no
counterpart here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.chains import Solo, genesis
from helpers.puppet import CODE, Puppet, b64, executes, sub
from helpers.wasm import ALICE, WasmChain, refusal
from unit.vm.support import ENOUGH, ENV, Memory, field, probe, wat

import contracts
from chain.coins import Coin
from chain.context import Mode
from chain.errors import AbciError, GenesisError
from chain.gas import GasMeter
from chain.modules.ibc import Counterparty
from chain.modules.wasm.codes import Upload
from chain.modules.wasm.ibc import ContractPort
from chain.modules.wasm.keeper import TX_CONTRACTS
from chain.modules.wasm.versions import RELEASES
from chain.vm import ERAS, VM, CallError, StaticValidationError, VmError
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2, types_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import bech32

ORDER = channel_pb2.ORDER_UNORDERED
DEPTH = ("wasm", 30)


@pytest.fixture
def chain(vm: VM) -> WasmChain:
    return WasmChain(vm)


@pytest.fixture
def puppet(chain: WasmChain) -> Puppet:
    chain.store(CODE)
    return Puppet(chain, 1)


@pytest.fixture(scope="module")
def small(vm: VM) -> VM:
    """For contracts without a chain."""
    return vm


def test_2021_003_an_error_says_nothing_of_the_machine(small: VM) -> None:
    inner = "(func $f (param i32) (result i32) unreachable)"
    code = wat(
        f'{inner} (func (export "query") (param i32 i32) (result i32) (call $f (i32.const 1)))'
    )
    with pytest.raises(CallError) as caught:
        small.call(small.store_code(code), "query", [ENV, b"{}"], Memory(), ENOUGH)
    prefix = "Error executing Wasm: Wasmer runtime error: RuntimeError: "
    assert str(caught.value) == f"{prefix}unreachable"


@pytest.mark.parametrize("kind", ["stargate", "grpc"])
def test_2022_001_and_003_queries_by_path_need_to_be_on_a_list(puppet: Puppet, kind: str) -> None:
    asked = {kind: {"path": "/cosmos.bank.v1beta1.Query/Params", "data": ""}}
    error = puppet.asks(asked)["error"]
    assert "are disabled on this chain" in error["unsupported_request"]["kind"]


def test_2022_002_addresses_in_capitals_are_not_valid(puppet: Puppet) -> None:
    wasm = puppet.chain.app.wasm
    assert wasm is not None
    for human, problem in (
        (ALICE.address, b""),
        (ALICE.address.upper(), b"address not normalized"),
    ):
        code = wasm.keeper.vm.store_code(probe("addr_validate"))
        ctx = puppet.chain.app.context_at(0)
        answer = wasm.keeper.call(ctx, code, b"\1" * 32, "query", (ENV, field(human.encode())))
        assert answer[8:] == problem


def test_2022_004_queries_inside_queries_have_a_depth(chain: WasmChain) -> None:
    hostile = chain.make("hostile", {})
    before = chain.app.multistore.app_hash
    with pytest.raises(AssertionError, match="codespace: wasm, code"):
        chain.ask(hostile, {"query_loop": {}})
    assert chain.app.multistore.app_hash == before


def test_2022_005_an_account_that_was_paid_is_no_obstacle(puppet: Puppet) -> None:
    chain = puppet.chain
    wasm = chain.app.wasm
    assert wasm is not None
    address = wasm.keeper.classic_address(chain.app.context_at(0), 1, b"")
    ctx = chain.app.context_at(0)
    chain.app.bank.send(ctx, ALICE.address, bech32.encode("cosmos", address), [Coin("stake", 1)])
    assert chain.app.auth.load(ctx, address) is not None
    message = tx_pb2.MsgInstantiateContract(
        sender=ALICE.address, code_id=1, label="next", msg=b'{"ok":{}}'
    )
    assert chain.app.messages.dispatch(ctx, message).response.value


def test_2023_001_statistics_do_not_overflow(small: VM) -> None:
    code = small.store_code(contracts.artifact("ping_pong"))
    small.pin(code)
    small._cache.hits_pinned = 2**64
    small.pin(code)
    with pytest.raises(VmError):
        small.call(code, "query", [ENV, b"{}"], Memory(), 10)
    assert small.stats().hits_pinned == 2**64 + 1
    small.unpin(code)


def test_2023_002_a_contract_that_reenters_itself_is_stopped(small: VM) -> None:
    code = wat(
        '(func (export "query") (param i32 i32) (result i32) (call $addr_validate (local.get 0)))',
        "addr_validate",
        allocator="""
          (global $busy (mut i32) (i32.const 0))
          (func $allocate (export "allocate") (param i32) (result i32)
            (if (global.get $busy) (then (drop (call $addr_validate (i32.const 16)))))
            (global.set $busy (i32.add (global.get $busy) (i32.const 1)))
            (i32.store (i32.const 16) (i32.const 64)) (i32.store (i32.const 20) (i32.const 65000))
            (i32.store (i32.const 24) (i32.const 3))
            (i32.const 16))
          (func (export "deallocate") (param i32))""",
    )
    with pytest.raises(CallError, match=r"Maximum call depth exceeded\."):
        small.call(small.store_code(code), "query", [b"a-b", b"a-b"], Memory(), ENOUGH)


def test_2023_003_a_contract_hears_of_its_own_channels_only(chain: WasmChain) -> None:
    one = chain.make("ping_pong", {"version": "v"})
    other = chain.instantiate(1, {"version": "v"})
    wasm = chain.app.wasm
    assert wasm is not None
    ctx = chain.app.context_at(0)
    asked = b'{"ibc":{"list_channels":{}}}'
    found = json.loads(wasm.keeper.answer(ctx, other, asked, ENOUGH))
    assert json.loads(_data(found)) == {"channels": []}
    ctx = ctx.with_gas(GasMeter())
    wasm.keeper.answer(ctx, one, asked, ENOUGH)
    assert ctx.gas.consumed < 5_000


def _data(answer: Any) -> bytes:
    import base64

    return base64.b64decode(answer["ok"]["ok"])


def test_2023_004_types_with_very_many_parameters(small: VM) -> None:
    params = "(param " + "i32 " * 101 + ")"
    with pytest.raises(StaticValidationError, match="more than 100 parameters"):
        small.check(wat(f"(func {params})"))
    shared = "(type $t (func (param " + "i32 " * 100 + ")))"
    with pytest.raises(StaticValidationError, match="more than 10000 function parameters in total"):
        small.check(wat(shared + "(func (type $t))" * 101))


def test_2024_003_lists_of_addresses_are_short(chain: WasmChain) -> None:
    people = [bech32.encode("cosmos", number.to_bytes(20)) for number in range(51)]
    access = types_pb2.AccessConfig(
        permission=types_pb2.ACCESS_TYPE_ANY_OF_ADDRESSES, addresses=people
    )
    said = refusal(chain.store(CODE, instantiate_permission=access))[2]
    assert "total number of addresses is greater than 50" in said


def test_2024_004_and_007_branches_and_conditions_cost_what_they_take() -> None:
    loop = "(loop (br_if 0 (i32.const 0)))"
    choice = "(if (i32.const 0) (then))"
    used = {}
    for era in ("2.0.0", "2.0.5", "2.0.7"):
        vm = VM(era=ERAS[era])
        used[era] = [_spent(vm, body) for body in (loop, choice)]
        vm.close()
    assert used["2.0.5"][0] > 5 * used["2.0.0"][0]
    assert used["2.0.7"][0] == used["2.0.5"][0]
    assert used["2.0.5"][1] == 0  # paid at the end of a branch that is not taken
    assert used["2.0.7"][1] == 15 * 115


def _spent(vm: VM, body: str) -> int:
    """What a body costs beside an empty one."""
    costs = []
    for text in (body, ""):
        code = wat(f'(func (export "query") (param i32 i32) (result i32) {text} (local.get 1))')
        result = vm.call(vm.store_code(code), "query", [b"{}", b"{}"], Memory(), ENOUGH)
        costs.append(result.gas.used_internally)
    return costs[0] - costs[1]


def test_2024_005_messages_inside_messages_have_a_depth(chain: WasmChain) -> None:
    hostile = chain.make("hostile", {})
    [result] = chain.block(
        chain.execution(hostile, {"message_loop": {}}, gas=10_000_000, amount="250000stake")
    )
    assert refusal(result)[:2] == DEPTH


def test_2024_006_contracts_cannot_be_asked_by_path(vm: VM) -> None:
    state = genesis({})
    state["wasm"] = {"accepted_queries": ["/cosmwasm.wasm.v1.Query/SmartContractState"]}
    with pytest.raises(GenesisError, match="depends on the node"):
        Solo(state, vm=vm)


class Broken(Memory):
    """Reading works once; then there is a bug in the host."""

    def get(self, _: bytes) -> bytes | None:
        self.used += 5000
        raise ZeroDivisionError


def test_2024_008_a_bug_of_the_host_leaves_the_gas_counted(small: VM) -> None:
    code = small.store_code(probe("db_read"))
    with pytest.raises(ZeroDivisionError) as caught:
        small.call(code, "query", [ENV, field(b"k")], Broken(), ENOUGH)
    assert caught.value.gas_report.used_internally > 0  # type: ignore[attr-defined]


def test_2024_009_a_simulation_stores_no_code(chain: WasmChain) -> None:
    wasm = chain.app.wasm
    assert wasm is not None
    code = wat(f'(func (export "query") (param i32) (result i32) i32.const {id(chain) % 9999})')
    ctx = replace(chain.app.context_at(0), mode=Mode.SIMULATE)
    _, checksum = wasm.keeper.codes.store(ctx, Upload(ALICE.address, code), authority=False)
    with pytest.raises(VmError, match="no Wasm code with checksum"):
        wasm.keeper.vm.code(checksum)


def test_2025_002_host_calls_and_what_they_read_are_paid(small: VM) -> None:
    old = VM(era=ERAS["2.0.7"])
    used = []
    for vm in (old, VM(era=ERAS["2.0.9"])):
        code = vm.store_code(probe("debug"))
        call = vm.call(code, "query", [ENV, field(b"x" * 10_000)], Memory(), ENOUGH)
        used.append(call.gas.used_internally)
        vm.close()
    assert used[1] - used[0] >= 18_000


def test_2025_003_looking_at_debug_messages_costs_nothing(small: VM) -> None:
    code = small.store_code(probe("debug"))
    seen, unseen = (
        small.call(code, "query", [ENV, field(b"hello")], Memory(), ENOUGH, debug=debug)
        for debug in (True, False)
    )
    assert (seen.gas, seen.data) == (unseen.gas, unseen.data)
    assert seen.debug == ("hello",)


def test_2025_004_what_a_limited_message_used_is_not_given_back(puppet: Puppet) -> None:
    other = Puppet(puppet.chain, 1)
    message = executes(other.address, {"error": "no"})
    used = []
    for limit in (200_000, None):
        limited = sub(message, "error", **({"gas_limit": limit} if limit else {}))
        used.append(puppet.sends(limited).gas_used)
    assert used[1] > 140_000
    assert abs(used[0] - used[1]) < 1_000


@pytest.mark.parametrize("release", ["0.54.0", "0.54.1"])
def test_2025_005_entry_points_of_ibc_pay_for_their_set_up(release: str) -> None:
    vm = VM()
    chain = WasmChain(vm)
    address = chain.make("ping_pong", {"version": "v"})
    wasm = chain.app.wasm
    assert wasm is not None
    wasm.keeper.rules.version = replace(wasm.keeper.version, ibc_setup=RELEASES[release].ibc_setup)
    ctx = chain.app.context_at(0).with_gas(GasMeter(10_000_000)).with_value(TX_CONTRACTS, set())
    _open(chain, address, ctx)
    assert (ctx.gas.consumed > 60_000) == (release == "0.54.1")
    vm.close()


def _open(chain: WasmChain, address: str, ctx: Any, version: str = "v") -> None:
    assert chain.app.wasm is not None
    port = ContractPort(chain.app.wasm.keeper, chain.app.ibc)
    there = Counterparty("transfer", "channel-7")
    port.on_chan_open_try(
        ctx, ORDER, ("connection-0",), f"wasm.{address}", "channel-0", there, version
    )


def test_2025_006_a_contract_can_refuse_a_channel(chain: WasmChain) -> None:
    terms = {"default_timeout": 60, "gov_contract": ALICE.address, "allowlist": []}
    bridge = chain.make("cw20_bridge", {**terms, "voucher_code_id": 1})
    with pytest.raises(AbciError, match="execute wasm contract failed"):
        _open(chain, bridge, chain.app.context_at(0), "no version of ICS-20")


def test_2025_007_replies_inside_replies_have_a_depth(chain: WasmChain) -> None:
    hostile = chain.make("hostile", {})
    [result] = chain.block(
        chain.execution(hostile, {"reply_loop": {}}, gas=10_000_000, amount="250000stake")
    )
    assert refusal(result)[:2] == DEPTH


# --- what the releases of 2026 changed --------------------------------------------------------------


def test_gas_that_would_overflow_is_out_of_gas(small: VM) -> None:
    class Greedy(Memory):
        def get(self, _: bytes) -> bytes | None:
            self.used += 2**64
            return None

    code = small.store_code(probe("db_read"))
    with pytest.raises(VmError, match="Ran out of gas") as caught:
        small.call(code, "query", [ENV, field(b"k")], Greedy(), ENOUGH)
    assert caught.value.gas is not None
    assert caught.value.gas.remaining == 0


def test_any_messages_have_a_size(puppet: Puppet) -> None:
    value = b64(bytes(512 * 1024 + 1))
    message = {"any": {"type_url": "/cosmos.bank.v1beta1.MsgSend", "value": value}}
    said = {"ok": {"messages": [sub(message)]}}
    [result] = puppet.chain.block(
        puppet.chain.execution(puppet.address, said, gas=90_000_000, amount="2250000stake")
    )
    assert "AnyMsg value size 524289 exceeds limit 524288" in result.log


def test_functions_with_very_many_locals(small: VM) -> None:
    with pytest.raises(StaticValidationError, match="with more than 100 locals: 101"):
        small.check(wat("(func (local " + "i32 " * 101 + "))"))


def test_pinning_costs(puppet: Puppet) -> None:
    app = puppet.chain.app
    authority = app.auth.module_address("gov")
    ctx = app.context_at(0).with_gas(GasMeter())
    messages: list[Message] = [
        tx_pb2.MsgPinCodes(authority=authority, code_ids=[1]),
        tx_pb2.MsgUnpinCodes(authority=authority, code_ids=[1]),
    ]
    for message in messages:
        before = ctx.gas.consumed
        app.messages.dispatch(ctx, message)
        assert ctx.gas.consumed - before >= 500_000
