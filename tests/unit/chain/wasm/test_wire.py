"""The bytes that contracts read: field order, nulls and left-out fields as wasmvm's Go types have them."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from helpers.accounts import pack
from helpers.puppet import CODE, Puppet, b64, coin, executes, pays, sub
from helpers.wasm import ALICE, BOB, WasmChain

from chain import gojson
from chain.modules.wasm import wire
from chain.vm import VM
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client.packet import Packet
from light_client.values import Height


@pytest.fixture(scope="module")
def puppet(vm: VM) -> Puppet:
    chain = WasmChain(vm)
    chain.store(CODE)
    return Puppet(chain, 1)


def test_env_and_info(puppet: Puppet) -> None:
    message = tx_pb2.MsgExecuteContract(
        sender=ALICE.address, contract=puppet.address, msg=b'{"ok":{}}'
    )
    message.funds.add(denom="stake", amount="3")
    chain = puppet.chain
    tx = chain.tx(ALICE, message, gas=1_000_000)
    other = chain.tx(BOB, tx_pb2.MsgExecuteContract(), gas=1_000_000)
    results = chain.block(other, tx)
    assert [result.code == 0 for result in results] == [False, True]
    hashed = b64(sha256(tx).digest())
    nanoseconds = (1_700_000_000 + 5 * chain.height) * 10**9
    assert puppet.stored("env").decode() == (
        f'{{"block":{{"height":{chain.height},"time":"{nanoseconds}","chain_id":"test-1"}},'
        f'"transaction":{{"index":0,"hash":"{hashed}"}},'
        f'"contract":{{"address":"{puppet.address}"}}}}'
    )
    assert puppet.stored("info").decode() == (
        f'{{"sender":"{ALICE.address}","funds":[{{"denom":"stake","amount":"3"}}]}}'
    )


def test_env_outside_of_a_transaction(vm: VM) -> None:
    context = WasmChain(vm).app.context_at(0)
    text = gojson.encode(wire.env(context, "cosmos1x", None)).decode()
    assert '"transaction":null,"contract":{"address":"cosmos1x"}' in text


def test_info_without_funds() -> None:
    assert gojson.encode(wire.info("cosmos1x", ())) == b'{"sender":"cosmos1x","funds":[]}'


def test_migrate_info(puppet: Puppet) -> None:
    puppet.asks({"bank": {}})
    assert puppet.stored("migrate_info").decode() == (
        f'{{"sender":"{ALICE.address}","old_migrate_version":null}}'
    )


@pytest.mark.parametrize(
    ("height", "timestamp", "timeout"),
    [
        (Height(1, 20), 0, '{"block":{"revision":1,"height":20}}'),
        (Height(0, 0), 5, '{"block":null,"timestamp":"5"}'),
        (Height(0, 9), 5, '{"block":{"revision":0,"height":9},"timestamp":"5"}'),
    ],
)
def test_packet(height: Height, timestamp: int, timeout: str) -> None:
    packet = Packet(3, "wasm.a", "channel-1", "transfer", "channel-2", b"\xff<", height, timestamp)
    assert gojson.encode(wire.packet(packet)).decode() == (
        '{"data":"/zw=","src":{"port_id":"wasm.a","channel_id":"channel-1"},'
        '"dest":{"port_id":"transfer","channel_id":"channel-2"},"sequence":3,'
        f'"timeout":{timeout}}}'
    )


def test_channel() -> None:
    order = channel_pb2.Order.Name(channel_pb2.ORDER_UNORDERED)
    shown = wire.channel("wasm.a", "channel-1", ("transfer", ""), order, "v<1>", "connection-4")
    assert gojson.encode(shown).decode() == (
        '{"endpoint":{"port_id":"wasm.a","channel_id":"channel-1"},'
        '"counterparty_endpoint":{"port_id":"transfer","channel_id":""},'
        '"order":"ORDER_UNORDERED","version":"v\\u003c1\\u003e","connection_id":"connection-4"}'
    )


def test_reply_to_a_success(puppet: Puppet) -> None:
    inner = {"ok": {"data": b64(b"inner"), "attributes": [{"key": "zz", "value": "<"}]}}
    message = executes(puppet.address, inner)
    assert puppet.sends(sub(message, "always", payload=b64(b"mine"))).code == 0
    data = tx_pb2.MsgExecuteContractResponse(data=b"inner")
    packed = pack(data)
    assert puppet.stored("reply").decode() == (
        '{"gas_used":0,"id":7,"result":{"ok":{"events":['
        f'{{"type":"execute","attributes":[{{"key":"_contract_address","value":"{puppet.address}"}}]}},'
        '{"type":"wasm","attributes":['
        f'{{"key":"_contract_address","value":"{puppet.address}"}},'
        '{"key":"zz","value":"\\u003c"}]}],'
        f'"data":"{b64(packed.value)}",'
        f'"msg_responses":[{{"type_url":"{packed.type_url}","value":"{b64(packed.value)}"}}]}}}},'
        f'"payload":"{b64(b"mine")}"}}'
    )


def test_reply_to_a_message_of_another_module_has_no_events(puppet: Puppet) -> None:
    assert puppet.sends(sub(pays(BOB, 1), "success"), funds=[coin(5)]).code == 0
    assert puppet.stored("reply").decode() == (
        '{"gas_used":0,"id":7,"result":{"ok":{"events":[],"msg_responses":'
        '[{"type_url":"/cosmos.bank.v1beta1.MsgSendResponse","value":""}]}}}'
    )


def test_reply_to_an_error(puppet: Puppet) -> None:
    assert puppet.sends(sub(executes(puppet.address, {"error": "a<b"}), "error")).code == 0
    assert puppet.stored("reply").decode() == (
        '{"gas_used":0,"id":7,"result":{"error":"a\\u003cb: execute wasm contract failed"}}'
    )
    assert json.loads(puppet.stored("reply"))["result"]["error"].startswith("a<b")
