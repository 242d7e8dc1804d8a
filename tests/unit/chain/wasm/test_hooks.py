"""Transfers that call contracts (ibc-hooks), down to the contract."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import wasmtime
from helpers.chains import Solo, genesis
from helpers.regions import REGIONS
from helpers.wasm import ALICE, BOB, WasmChain

from chain.coins import Coin
from chain.context import Context
from chain.errors import AbciError, GenesisError, OutOfGas
from chain.gas import GasMeter
from chain.modules.ibc.port import Acknowledgement, PortModule
from chain.modules.transfer import Denom, Hop, escrow_address
from chain.modules.transfer import store as transfer_store
from chain.modules.transfer.hooks import STORE, Hooks
from chain.modules.transfer.packet import TransferData
from chain.modules.wasm.hooks import HookedContracts
from chain.vm import VM
from light_client import addresses
from light_client.packet import Packet
from light_client.values import Height

GAS = 20_000_000
VOUCHER = Denom("atom", (Hop("transfer", "channel-4"),)).local
SUCCESS = b'{"result":"AQ=="}'
_TEXT = """
(module
  (import "env" "db_write" (func $write (param i32 i32)))
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 4096))
  (data (i32.const 16) "info")
  (data (i32.const 24) "told")
  (data (i32.const 32) "{\\"ok\\":{\\"data\\":\\"aGk=\\"}}")
  (data (i32.const 64) "{\\"ok\\":{}}")
  REGIONS
  (func (export "instantiate") (param i32 i32 i32) (result i32)
    (call $region (i32.const 64) (i32.const 9)))
  (func (export "execute") (param $env i32) (param $info i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 16) (i32.const 4)) (local.get $info))
    (call $write (call $region (i32.const 24) (i32.const 4)) (local.get $message))
    (call $region (i32.const 32) (i32.const 22)))
  (func (export "sudo") (param $env i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 24) (i32.const 4)) (local.get $message))
    (call $region (i32.const 64) (i32.const 9)))
)
""".replace("REGIONS", REGIONS)
LISTENER = bytes(wasmtime.wat2wasm(_TEXT))
"""Keeps who executed it with what and the last message of ``execute`` or ``sudo``; answers with the data "hi"."""


class Stage:
    """A chain with hooks, a contract that listens, and one that is hostile."""

    def __init__(self, vm: VM) -> None:
        state: dict[str, Any] = genesis({ALICE: "1000000000stake", BOB: "1000000000stake"})
        self.chain = WasmChain(vm, state | {"ibchooks": {"enabled": True}})
        self.chain.store(LISTENER)
        self.listener = self.chain.instantiate(1, {})
        self.hostile = self.chain.make("hostile", {})
        self.token = self.chain.make(
            "cw20_token",
            {
                "name": "token",
                "symbol": "TOK",
                "decimals": 6,
                "initial_balances": [{"address": ALICE.address, "amount": "100"}],
            },
        )
        wasm = self.chain.app.wasm
        assert wasm is not None
        self.keeper = wasm.keeper
        self.port: PortModule = self.chain.app.ibc.ports.module("transfer")
        self.hooks = Hooks(wasm.keeper.auth, HookedContracts(wasm.keeper))

    def context(self, gas: int = GAS) -> Context:
        return self.chain.app.context_at(0).fork(GasMeter(gas))

    def receive(self, ctx: Context, data: TransferData) -> Acknowledgement:
        ack = self.port.on_recv_packet(ctx, packet(data), ALICE.address)
        assert ack is not None
        return ack

    def kept(self, ctx: Context, key: bytes) -> Any:
        found = self.keeper.raw(ctx, self.keeper.auth.address_bytes(self.listener), key)
        return None if found is None else json.loads(found)

    def balance(self, ctx: Context, address: str, denom: str = VOUCHER) -> int:
        return self.chain.app.bank.balance(ctx, address, denom)

    @property
    def caller(self) -> str:
        return self.keeper.auth.address_text(addresses.hooked("channel-4", "osmo1sender"))


@pytest.fixture(scope="module")
def stage(vm: VM) -> Stage:
    return Stage(vm)


def packet(data: TransferData) -> Packet:
    ends = ("transfer", "channel-3", "transfer", "channel-4")
    return Packet(7, *ends, data.marshal(), Height(1, 9), 0)


def transfer(contract: str, message: Any, **changes: str) -> TransferData:
    memo = json.dumps({"wasm": {"contract": contract, "msg": message}})
    values = {"denom": "atom", "amount": "5", "sender": "osmo1sender", "receiver": contract}
    return TransferData(**{**values, "memo": memo, **changes})


def reasons(ctx: Context) -> list[tuple[str, str]]:
    return [
        (event.get("error") or "", event.get("error-context") or "")
        for event in ctx.events.events
        if event.type == "ibc-acknowledgement-error"
    ]


def refusal(code: int) -> bytes:
    text = f"ABCI code: {code}: error handling packet: see events for details"
    return json.dumps({"error": text}, separators=(",", ":")).encode()


# Arrival.


def test_a_contract_is_executed_with_what_arrived(stage: Stage) -> None:
    ctx = stage.context()
    ack = stage.receive(ctx, transfer(stage.listener, {"b": 1, "a": {"x": "<"}}))
    assert ack.success
    assert stage.kept(ctx, b"info") == {
        "sender": stage.caller,
        "funds": [{"denom": VOUCHER, "amount": "5"}],
    }
    raw = stage.keeper.raw(ctx, stage.keeper.auth.address_bytes(stage.listener), b"told")
    assert raw == b'{"a":{"x":"\\u003c"},"b":1}'
    assert (stage.balance(ctx, stage.listener), stage.balance(ctx, stage.caller)) == (5, 0)
    result = base64.b64decode(json.loads(ack.data)["result"])
    ibc_ack = base64.b64encode(SUCCESS).decode()
    assert result == b'{"contract_result":"aGk=","ibc_ack":"%s"}' % ibc_ack.encode()
    [taken] = [event for event in ctx.events.events if event.type == "fungible_token_packet"]
    assert taken.get("receiver") == stage.caller


def test_the_caller_is_the_one_of_the_vectors() -> None:
    """ibc_core/derived_addresses.json: hooks-channel-0-osmo."""
    raw = addresses.hooked("channel-0", "cosmos1pkptre7fdkl6gfrzlesjjvhxhlc3r4gmmk8rs6")
    assert raw.hex() == "a9100d4937ea067b9d17378f68f42547a5a8fd18751507695147eb0014d993dd"


def test_tokens_that_come_home_have_their_own_name(stage: Stage) -> None:
    ctx = stage.context()
    escrow = stage.keeper.auth.address_text(escrow_address("transfer", "channel-4"))
    stage.chain.app.bank.send(ctx, ALICE.address, escrow, (Coin("stake", 9),))
    transfer_store.set_escrowed(ctx, "stake", 9)
    from_home = transfer(stage.listener, {}, denom="transfer/channel-3/stake")
    assert stage.receive(ctx, from_home).success
    assert stage.kept(ctx, b"info")["funds"] == [{"denom": "stake", "amount": "5"}]


def test_a_cw20_token_acts_for_the_caller(stage: Stage) -> None:
    """It is no bank: it takes the funds that come along, but only with a message that it knows."""
    ctx = stage.context()
    mine = transfer(stage.token, {"transfer": {"recipient": BOB.address, "amount": "1"}})
    assert stage.receive(ctx.fork(), mine).data == refusal(6)  # the caller has no tokens
    stage.keeper.execute(
        ctx,
        stage.token,
        ALICE.address,
        json.dumps({"transfer": {"recipient": stage.caller, "amount": "30"}}).encode(),
        (),
    )
    assert stage.receive(ctx, mine).success
    asked = {"balance": {"address": BOB.address}}
    answer = stage.keeper.query(ctx, stage.token, json.dumps(asked).encode())
    assert json.loads(answer) == {"balance": "1"}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"fail": {"reason": "not for me"}}, "not for me"),
        ({"panic": {"message": "oh"}}, "oh"),
        ({"unreachable": {}}, "unreachable"),
        ({"recurse": {}}, "call stack"),
        ({"dance": {}}, "unknown variant"),
    ],
)
def test_a_hostile_contract_sends_the_tokens_back(stage: Stage, message: Any, text: str) -> None:
    ctx = stage.context()
    ack = stage.receive(ctx, transfer(stage.hostile, message))
    assert not ack.success
    assert ack.data == refusal(6)
    [(error, context)] = reasons(ctx)
    assert error == "wasm error"
    assert text in context


def test_one_that_spins_fails_the_transaction(stage: Stage) -> None:
    with pytest.raises(OutOfGas):
        stage.receive(stage.context(2_000_000), transfer(stage.hostile, {"loop_forever": {}}))


def test_an_address_without_a_contract(stage: Stage) -> None:
    ctx = stage.context()
    assert stage.receive(ctx, transfer(BOB.address, {})).data == refusal(6)
    assert "no such contract" in reasons(ctx)[0][1]


def test_a_transfer_that_fails_calls_nobody(stage: Stage) -> None:
    ctx = stage.context()
    from_nowhere = transfer(stage.listener, {}, denom="transfer/channel-3/gold")
    assert not stage.receive(ctx, from_nowhere).success
    assert stage.kept(ctx, b"info") is None
    assert not stage.receive(ctx, transfer(stage.listener, {}, amount="0")).success


@pytest.mark.parametrize(
    ("memo", "text"),
    [
        ('{"wasm":1}', "wasm metadata is not a valid JSON map object"),
        ('{"wasm":null}', "wasm metadata is not a valid JSON map object"),
        ('{"wasm":{"msg":{}}}', 'Could not find key wasm["contract"]'),
        ('{"wasm":{"contract":7,"msg":{}}}', 'Could not find key wasm["contract"]'),
        ('{"wasm":{"contract":"x","msg":{}}}', 'wasm["contract"] is not a valid bech32 address'),
        (
            f'{{"wasm":{{"contract":"{BOB.address}","msg":{{}}}}}}',
            'wasm["contract"] should be the same as the receiver of the packet',
        ),
        ('{"wasm":{"contract":"LISTENER"}}', 'Could not find key wasm["msg"]'),
        ('{"wasm":{"contract":"LISTENER","msg":null}}', 'Could not find key wasm["msg"]'),
        ('{"wasm":{"contract":"LISTENER","msg":"{}"}}', 'wasm["msg"] is not a map object'),
    ],
)
def test_memos_that_ask_in_a_wrong_way(stage: Stage, memo: str, text: str) -> None:
    ctx = stage.context()
    memo = memo.replace("LISTENER", stage.listener)
    ack = stage.receive(ctx, transfer(stage.listener, {}, memo=memo))
    assert ack.data == refusal(2)
    assert reasons(ctx) == [
        (
            "error in wasmhook message validation",
            f"wasm metadata not properly formatted for: '{memo}'. {text}",
        )
    ]
    assert stage.balance(ctx, stage.listener) == 0


@pytest.mark.parametrize("depth", [900, 3_000, 9_000])
def test_memos_that_are_deep(stage: Stage, depth: int) -> None:
    """The contract gets them or nobody does, but the packet is always answered."""
    deep = "[" * depth + "]" * depth
    memo = '{"wasm":{"contract":"%s","msg":{"a":%s}}}'
    data = transfer(stage.hostile, {}, memo=memo.replace("%s", stage.hostile, 1) % deep)
    ack = stage.receive(stage.context(), data)
    assert ack.data in {refusal(2), refusal(6), SUCCESS}


@pytest.mark.parametrize("memo", ["", "wasm", "[]", '{"forward":{}}', '"wasm"', "null"])
def test_memos_that_ask_for_nothing(stage: Stage, memo: str) -> None:
    ctx = stage.context()
    assert stage.receive(ctx, transfer(stage.listener, {}, memo=memo)).data == SUCCESS
    assert stage.balance(ctx, stage.listener) == 5
    assert stage.kept(ctx, b"info") is None


def test_without_the_genesis_switch_memos_are_words(vm: VM) -> None:
    """As in wasmd: nothing is called, and what a plain transfer costs and says is the same either way."""
    told = []
    for enabled in (False, True):
        state: dict[str, Any] = genesis({ALICE: "1000000stake", BOB: "1000000stake"})
        chain = WasmChain(vm, state | ({"ibchooks": {"enabled": True}} if enabled else {}))
        assert chain.app.export_genesis()["ibchooks"] == {"enabled": enabled}
        port = chain.app.ibc.ports.module("transfer")
        ctx = chain.app.context_at(0).fork(GasMeter(GAS))
        plain = packet(transfer(BOB.address, {}, memo="hello"))
        assert port.on_recv_packet(ctx, plain, ALICE.address) == Acknowledgement(
            SUCCESS, success=True
        )
        told.append((ctx.gas.consumed, tuple(ctx.events.events)))
        ack = port.on_recv_packet(ctx, packet(transfer(BOB.address, {})), ALICE.address)
        assert ack is not None
        assert ack.success is not enabled
    assert told[0] == told[1]


# Departure.


def leaving(stage: Stage, memo: str) -> tuple[str, str | None]:
    data, wish = stage.hooks.leaving(transfer(BOB.address, {}, memo=memo))
    return data.memo, wish


def test_the_wish_for_a_callback_does_not_travel(stage: Stage) -> None:
    assert leaving(stage, '{"ibc_callback":"x"}') == ("", "x")
    assert leaving(stage, '{"z":1,"ibc_callback":"x","a":2.50}') == ('{"a":2.5,"z":1}', "x")
    assert leaving(stage, '{"ibc_callback":7}') == ("", "")
    assert leaving(stage, '{"ibc_callback":null}') == ("", "")
    for memo in ("", "ibc_callback", '{"z": 1}', '["ibc_callback"]'):
        assert leaving(stage, memo) == (memo, None)


def test_who_is_told_is_remembered_until_it_happened(stage: Stage) -> None:
    ctx, sent = stage.context(), packet(transfer(BOB.address, {}))
    assert stage.hooks.sent(ctx, "channel-3", 7, stage.listener)
    assert ctx.store.get(STORE, b"channel-3::7") == stage.listener.encode()
    stage.hooks.acknowledged(ctx, sent, SUCCESS)
    about = {"channel": "channel-3", "sequence": 7}
    ack = {"ack": base64.b64encode(SUCCESS).decode(), "success": True}
    assert stage.kept(ctx, b"told") == {"ibc_lifecycle_complete": {"ibc_ack": {**about, **ack}}}
    assert ctx.store.get(STORE, b"channel-3::7") is None

    stage.hooks.sent(ctx, "channel-3", 7, stage.listener)
    stage.hooks.timed_out(ctx, sent)
    assert stage.kept(ctx, b"told") == {"ibc_lifecycle_complete": {"ibc_timeout": about}}
    assert ctx.store.get(STORE, b"channel-3::7") is None
    before = len(ctx.events.events)
    stage.hooks.timed_out(ctx, sent)
    stage.hooks.acknowledged(ctx, sent, SUCCESS)
    assert len(ctx.events.events) == before


@pytest.mark.parametrize(
    ("ack", "success"),
    [
        (b'{"result":"AQ=="}', True),
        (b'{"error":"no"}', False),
        (b'{"Error":"no"}', False),
        (b'{"error":""}', True),
        (b'{"error":7}', True),
        (b"error", True),
        (b"[]", True),
    ],
)
def test_which_acknowledgements_are_a_success(stage: Stage, ack: bytes, success: bool) -> None:
    ctx = stage.context()
    stage.hooks.sent(ctx, "channel-3", 7, stage.listener)
    stage.hooks.acknowledged(ctx, packet(transfer(BOB.address, {})), ack)
    assert stage.kept(ctx, b"told")["ibc_lifecycle_complete"]["ibc_ack"]["success"] is success


def test_an_acknowledgement_that_its_contract_refuses_stays_open(stage: Stage) -> None:
    ctx = stage.context()
    stage.hooks.sent(ctx, "channel-3", 7, stage.hostile)  # it has no sudo
    with pytest.raises(AbciError, match=r"^Ack callback error: "):
        stage.hooks.acknowledged(ctx, packet(transfer(BOB.address, {})), SUCCESS)
    assert ctx.store.get(STORE, b"channel-3::7") is not None


def test_a_timeout_that_its_contract_refuses_is_over(stage: Stage) -> None:
    ctx = stage.context()
    stage.hooks.sent(ctx, "channel-3", 7, stage.hostile)
    stage.hooks.timed_out(ctx, packet(transfer(BOB.address, {})))
    [event] = [one for one in ctx.events.events if one.type == "ibc-timeout-callback-error"]
    assert event.get("contract") == stage.hostile
    assert event.get("message") == (
        '{"ibc_lifecycle_complete": {"ibc_timeout": {"channel": "channel-3", "sequence": 7}}}'
    )
    assert event.get("error")
    assert ctx.store.get(STORE, b"channel-3::7") is None


def test_nobody_is_remembered_who_has_no_address(stage: Stage) -> None:
    ctx = stage.context()
    assert not stage.hooks.sent(ctx, "channel-3", 7, "nobody")
    assert ctx.store.get(STORE, b"channel-3::7") is None


@pytest.mark.parametrize("state", [{"enabled": 1}, {"enabled": "yes"}, {"color": "red"}])
def test_a_genesis_that_is_wrong(vm: VM, state: dict[str, Any]) -> None:
    with pytest.raises(GenesisError, match=r"app_state\.ibchooks"):
        Solo(genesis({ALICE: "1stake"}) | {"ibchooks": state}, vm=vm)
