"""Contracts that hear of transfers: the keeper's half, down to the contract."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import wasmtime
from helpers.regions import REGIONS
from helpers.wasm import ALICE, WasmChain

from chain.context import Context
from chain.errors import AbciError
from chain.gas import GasMeter
from chain.modules.ibc import Acknowledgement
from chain.modules.transfer import Denom, Hop
from chain.modules.wasm.callbacks import ContractCallbacks
from chain.vm import VM
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client.packet import Packet
from light_client.values import Height

SUCCESS = Acknowledgement(b'{"result":"AQ=="}', success=True)
_TEXT = """
(module
  (import "env" "db_write" (func $write (param i32 i32)))
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 4096))
  (data (i32.const 16) "heard")
  (data (i32.const 32) "{\\"ok\\":{\\"attributes\\":[{\\"key\\":\\"a\\",\\"value\\":\\"b\\"}]}}")
  REGIONS
  (func $answer (result i32) (call $region (i32.const 32) (i32.const 47)))
  (func (export "instantiate") (param i32 i32 i32) (result i32) (call $answer))
  (func (export "ibc_source_callback") (param $env i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 16) (i32.const 5)) (local.get $message))
    (call $answer))
  (func (export "ibc_destination_callback") (param $env i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 16) (i32.const 5)) (local.get $message))
    (call $answer))
)
""".replace("REGIONS", REGIONS)
CODE = bytes(wasmtime.wat2wasm(_TEXT))


class Stage:
    """A contract that keeps what it hears, and the callbacks into it."""

    def __init__(self, vm: VM) -> None:
        self.chain = WasmChain(vm)
        self.chain.store(CODE)
        self.contract = self.chain.instantiate(1, {})
        wasm = self.chain.app.wasm
        assert wasm is not None
        self.keeper = wasm.keeper
        self.calls = ContractCallbacks(wasm.keeper)

    def context(self) -> Context:
        return self.chain.app.context_at(0).with_gas(GasMeter(1_000_000))

    def heard(self, ctx: Context) -> Any:
        raw = self.keeper.auth.address_bytes(self.contract)
        found = self.keeper.raw(ctx, raw, b"heard")
        return None if found is None else json.loads(found)


@pytest.fixture(scope="module")
def stage(vm: VM) -> Stage:
    return Stage(vm)


def packet(denom: str = "atom", receiver: str = ALICE.address) -> Packet:
    data = {"denom": denom, "amount": "5", "sender": "osmo1s", "receiver": receiver}
    raw = json.dumps(data).encode()
    return Packet(7, "transfer", "channel-3", "transfer", "channel-4", raw, Height(1, 9), 0)


def kinds(ctx: Context) -> list[str]:
    return [event.type for event in ctx.events.events]


def test_a_sender_that_hears_of_its_packet(stage: Stage) -> None:
    ctx, own = stage.context(), stage.contract
    stage.calls.sending(own, own)
    stage.calls.acknowledged(ctx, packet(), b"{}", "relayer", own, own)
    [body] = stage.heard(ctx).values()
    assert (body["acknowledgement"], body["relayer"]) == ({"data": "e30="}, "relayer")
    assert body["original_packet"]["sequence"] == 7
    assert kinds(ctx) == ["wasm"]
    ctx = stage.context()
    stage.calls.timed_out(ctx, packet(), "relayer", own, own)
    assert list(stage.heard(ctx)) == ["timeout"]
    assert ctx.gas.consumed > 60_000


def test_only_who_sent_hears_of_it(stage: Stage) -> None:
    reason = (
        f"contract address {stage.contract} does not match packet sender {ALICE.address}: "
        "execute wasm contract failed"
    )
    about = (stage.contract, ALICE.address)
    with pytest.raises(AbciError) as caught:
        stage.calls.sending(*about)
    assert (caught.value.codespace, caught.value.code, caught.value.log) == ("wasm", 5, reason)
    with pytest.raises(AbciError, match=reason):
        stage.calls.timed_out(stage.context(), packet(), "relayer", *about)
    with pytest.raises(AbciError, match=r"^contract address: "):
        stage.calls.sending("x", ALICE.address)
    with pytest.raises(AbciError, match=r"^packet sender address: "):
        stage.calls.sending(ALICE.address, "x")


@pytest.mark.parametrize(
    ("sent", "here"),
    [
        ("atom", Denom("atom", (Hop("transfer", "channel-4"),)).local),
        ("transfer/channel-3/stake", "stake"),
        (
            "transfer/channel-3/transfer/channel-9/x",
            Denom("x", (Hop("transfer", "channel-9"),)).local,
        ),
    ],
)
def test_a_receiver_learns_what_came(stage: Stage, sent: str, here: str) -> None:
    ctx = stage.context()
    stage.calls.received(ctx, packet(sent, ALICE.address.upper()), SUCCESS, stage.contract)
    heard = stage.heard(ctx)
    assert heard["transfer"] == {
        "funds": [{"denom": here, "amount": "5"}],
        "receiver": ALICE.address,
        "sender": "osmo1s",
    }
    assert heard["ack"] == {"data": "eyJyZXN1bHQiOiJBUT09In0="}


def test_who_cannot_be_called_refuses(stage: Stage) -> None:
    with pytest.raises(AbciError, match=r"^on destination chain callback: .*no such contract"):
        stage.calls.received(stage.context(), packet(), SUCCESS, ALICE.address)
    with pytest.raises(AbciError, match=r"^decoding bech32 failed"):
        stage.calls.received(stage.context(), packet(), SUCCESS, "x")


def test_the_transfer_module_of_a_chain_calls_back(stage: Stage) -> None:
    """Put together: from the acknowledgement of a packet to the contract that its memo names."""
    own, ctx = stage.contract, stage.context()
    end = channel_pb2.Channel(version="ics20-1", state=channel_pb2.STATE_OPEN)
    ctx.kv("ibc").set(b"channelEnds/ports/transfer/channels/channel-3", end.SerializeToString())
    memo = json.dumps({"src_callback": {"address": own}})
    data = {"denom": "atom", "amount": "5", "sender": own, "receiver": "osmo1r", "memo": memo}
    sent = replace(packet(), data=json.dumps(data).encode())
    port = stage.chain.app.ibc.ports.module("transfer")
    port.on_acknowledgement_packet(ctx, sent, SUCCESS.data, "relayer")
    assert list(stage.heard(ctx)) == ["acknowledgement"]
    assert kinds(ctx)[-2:] == ["wasm", "ibc_src_callback"]
