"""A contract as an application of IBC v2: what it is told, what its answers become, what it may send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from helpers.ibc_v2 import ack_of, packet_of
from helpers.ibc_world import MiniChain
from helpers.puppet import CODE, IBC2_CODE, SILENT, b64, pays, sub
from helpers.wasm import ALICE, BOB, WasmChain

from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc.v2.port import FAILURE, LATER, Delivery, RecvResult, Status
from chain.modules.wasm import wire
from chain.modules.wasm.ibc2 import ContractPortV2
from chain.modules.wasm.keeper import Keeper
from chain.modules.wasm.versions import named
from chain.vm import VM
from cosmos_pb.ibc.core.client.v2 import counterparty_pb2
from light_client.codec import to_any
from light_client.packet_v2 import PacketV2, Payload

CLIENT = "07-tendermint-0"
THERE = "08-wasm-7"
NO_SUCH = f"address {BOB.address}: no such contract"
BASIC = "failed basic validation for message type *types.MsgSendPacket: "
EVENT = {"type": "own", "attributes": [{"key": "key", "value": "value"}]}
ANSWER = {"messages": [], "attributes": [{"key": "said", "value": "so"}], "events": [EVENT]}


class Stage:
    """A chain with a client of another, and contracts that answer with one thing whatever happens."""

    def __init__(self, vm: VM) -> None:
        self.chain = WasmChain(vm)
        for code in (IBC2_CODE, CODE):
            self.chain.store(code)
        wasm = self.chain.app.wasm
        assert wasm is not None
        self.keeper: Keeper = wasm.keeper
        self.port = ContractPortV2(self.keeper)

    def contract(self, answer: Any = SILENT, code: int = 1) -> str:
        return self.chain.instantiate(code, answer)

    def context(self) -> Context:
        """With the client and its counterparty."""
        ctx, ibc, there = self.chain.app.context_at(0), self.chain.app.ibc, MiniChain("there-1")
        states = (to_any(there.client_state()), to_any(there.consensus_state()))
        assert ibc.clients.create(ctx, *states, b"creator") == CLIENT
        other = counterparty_pb2.CounterpartyInfo(merkle_prefix=[b"ibc", b""], client_id=THERE)
        ibc.counterparties.set(ctx, CLIENT, other)
        ibc.packets_v2.set_next_sequence(ctx, CLIENT, 1)
        ctx.events.events.clear()
        return ctx

    def execute(self, ctx: Context, contract: str, *messages: Any) -> None:
        """Have the contract send these."""
        result = json.dumps({"ok": {"messages": [sub(message) for message in messages]}})
        self.keeper.execute(ctx, contract, ALICE.address, result.encode(), ())

    def stored(self, ctx: Context, contract: str, name: str) -> bytes:
        raw = self.keeper.auth.address_bytes(contract)
        found = ctx.kv("wasm").get(b"\x03" + raw + name.encode())
        assert found is not None
        return found


@pytest.fixture(scope="module")
def stage(vm: VM) -> Stage:
    return Stage(vm)


def port(contract: str) -> str:
    return f"wasm2{contract.removeprefix('cosmos')}"


def delivery(source: str = "wasm2else", destination: str = "wasm2else") -> Delivery:
    payload = Payload(source, destination, "v<1>", "application/json", b"\0\xff")
    return Delivery(CLIENT, THERE, 3, payload)


def shown(payload: Payload) -> str:
    """The JSON of Go's struct."""
    return (
        f'{{"source_port":"{payload.source_port}","destination_port":"{payload.destination_port}",'
        '"version":"v\\u003c1\\u003e","encoding":"application/json","value":"AP8="}'
    )


def kinds(ctx: Context) -> list[str]:
    return [event.type for event in ctx.events.events]


def test_a_contract_is_told_in_the_words_of_wasmvm(stage: Stage) -> None:
    contract, ctx = stage.contract(), stage.context()
    here = delivery(port(contract), port(contract))
    clients = f'"source_client":"{CLIENT}","destination_client":"{THERE}"'
    payload = shown(here.payload)
    stage.port.on_send_packet(ctx, here, contract)
    stage.port.on_recv_packet(ctx, here, ALICE.address)
    stage.port.on_acknowledgement_packet(ctx, here, b"\1\2", ALICE.address)
    stage.port.on_timeout_packet(ctx, here, ALICE.address)
    for name, expected in (
        ("sent", f'{{"payload":{payload},{clients},"packet_sequence":3,"signer":"{contract}"}}'),
        ("received", f'{{"payload":{payload},"relayer":"{ALICE.address}",{clients},"packet_sequence":3}}'),
        ("timed out", f'{{"payload":{payload},{clients},"packet_sequence":3,"relayer":"{ALICE.address}"}}'),
        ("acknowledged", f'{{{clients},"data":{payload},"acknowledgement":"AQI=","relayer":"{ALICE.address}"}}'),
    ):  # fmt: skip
        assert stage.stored(ctx, contract, name).decode() == expected


def answering(acknowledgement: bytes | None, *messages: Any) -> Any:
    response: dict[str, Any] = {**ANSWER, "messages": list(messages)}
    if acknowledgement is not None:
        response["acknowledgement"] = b64(acknowledgement)
    return {"ok": response}


@pytest.mark.parametrize(
    ("answer", "result", "events", "success"),
    [
        (answering(b"fine"), RecvResult(Status.SUCCESS, b"fine"), ["wasm", "wasm-own"], "true"),
        (answering(b""), RecvResult(Status.SUCCESS, b""), ["wasm", "wasm-own"], "true"),
        (answering(None), LATER, [], "true"),
        ({"error": "no"}, FAILURE, [], "false"),
        (answering(b"fine", sub(pays(BOB, 1))), FAILURE, [], "false"),
    ],
)
def test_what_becomes_of_an_answer(
    stage: Stage, answer: Any, result: RecvResult, events: list[str], success: str
) -> None:
    """Where the acknowledgement comes later, what the contract said is not heard, but what it wrote is kept."""
    contract, ctx = stage.contract(answer), stage.context()
    here = delivery(destination=port(contract))
    assert stage.port.on_recv_packet(ctx, here, ALICE.address) == result
    assert kinds(ctx) == [*events, "ibc_packet_received"]
    told = ctx.events.events[-1].attributes
    assert told == (("module", "wasm"), ("_contract_address", contract), ("success", success))
    if result is not FAILURE:
        stage.stored(ctx, contract, "received")


def test_who_does_not_exist_fails(stage: Stage) -> None:
    ctx, here = stage.context(), delivery(port(BOB.address), port(BOB.address))
    assert stage.port.on_recv_packet(ctx, here, ALICE.address) is FAILURE
    assert kinds(ctx) == ["ibc_packet_received"]
    calls: list[tuple[Callable[[], None], str]] = [
        (lambda: stage.port.on_send_packet(ctx, here, BOB.address), f"on ibc2 send: {NO_SUCH}"),
        (lambda: stage.port.on_timeout_packet(ctx, here, ""), f"on timeout: {NO_SUCH}"),
        (lambda: stage.port.on_acknowledgement_packet(ctx, here, b"", ""), f"on ack: {NO_SUCH}"),
    ]
    for call, text in calls:
        with pytest.raises(AbciError) as caught:
            call()
        assert (caught.value.codespace, caught.value.code, caught.value.log) == ("wasm", 22, text)


def test_a_port_that_names_nobody(stage: Stage) -> None:
    ctx, here = stage.context(), delivery("wasm2nobody", "wasm2nobody")
    reason = "decoding bech32 failed: invalid separator index -1"
    panicking: list[Callable[[], object]] = [
        lambda: stage.port.on_send_packet(ctx, here, ALICE.address),
        lambda: stage.port.on_recv_packet(ctx, here, ALICE.address),
    ]
    for call in panicking:
        with pytest.raises(AbciError) as caught:
            call()
        assert caught.value.log == f"recovered: Invalid contract port id: {reason}: panic"
    refusing: list[Callable[[], None]] = [
        lambda: stage.port.on_timeout_packet(ctx, here, ""),
        lambda: stage.port.on_acknowledgement_packet(ctx, here, b"", ""),
    ]
    for other in refusing:
        with pytest.raises(AbciError) as caught:
            other()
        assert caught.value.log == f"contract port id: {reason}"


def test_a_contract_without_the_entry_points(stage: Stage) -> None:
    contract, ctx = stage.contract(code=2), stage.context()
    here = delivery(port(contract), port(contract))
    with pytest.raises(AbciError) as caught:
        stage.port.on_recv_packet(ctx, here, ALICE.address)
    assert (caught.value.codespace, caught.value.code) == ("undefined", 111222)
    assert "recovered: Error calling the VM: " in caught.value.log
    with pytest.raises(AbciError, match="on ibc2 send: Error calling the VM") as caught:
        stage.port.on_send_packet(ctx, here, contract)
    assert (caught.value.codespace, caught.value.code) == ("wasm", 5)


def test_only_a_contract_sends_from_its_port(stage: Stage) -> None:
    contract, ctx = stage.contract(), stage.context()
    with pytest.raises(AbciError) as caught:
        stage.port.on_send_packet(ctx, delivery(port(contract)), ALICE.address)
    assert caught.value.log == (
        f"signer {ALICE.address} is different from contract {contract}: unauthorized"
    )
    assert (caught.value.codespace, caught.value.code) == ("ibc", 2)


def test_no_entry_point_pays_for_its_set_up(stage: Stage) -> None:
    """Loading a contract costs 60,000 elsewhere."""
    contract, ctx = stage.contract(), stage.context()
    before = ctx.gas.consumed
    stage.port.on_timeout_packet(ctx, delivery(port(contract)), ALICE.address)
    assert ctx.gas.consumed - before < 20_000


# What contracts send.


def sending(contract: str, **changes: Any) -> Any:
    payload = {
        "source_port": port(contract),
        "destination_port": "wasm2there",
        "version": "v1",
        "encoding": "application/json",
        "value": b64(b"hello"),
    }
    body = {"source_client": CLIENT, "payloads": [payload], "timeout": "1700003600999999999"}
    return {"ibc2": {"send_packet": {**body, **changes}}}


def test_a_contract_sends_packets(stage: Stage) -> None:
    contract, ctx = stage.contract(), stage.context()
    stage.execute(ctx, contract, sending(contract))
    payload = Payload(port(contract), "wasm2there", "v1", "application/json", b"hello")
    packet = PacketV2(1, CLIENT, THERE, 1_700_003_600, (payload,))
    assert packet_of(ctx.events.events) == packet
    assert kinds(ctx) == ["execute", "send_packet"]
    assert json.loads(stage.stored(ctx, contract, "sent"))["signer"] == contract


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("0", 0), ("999999999", 0), ("1000000000", 1), (str(2**63), 2**64 - 9_223_372_037)],
)
def test_timeouts_of_contracts_are_cut_to_seconds(timeout: str, seconds: int) -> None:
    assert wire.Ibc2SendPacket(timeout=timeout).seconds == seconds


@pytest.mark.parametrize("timeout", ["", "-1", "1.5", "abc", str(2**64)])
def test_a_timeout_is_a_number(timeout: str) -> None:
    with pytest.raises(ValueError, match=r"number of nanoseconds|64 bits"):
        wire.Ibc2SendPacket(timeout=timeout)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source_client": "07-x-9"}, "clientv2/35 send packet failed for source id: 07-x-9"),
        ({"payloads": []}, f"channelv2/3 {BASIC}payloads must be of length 1, got 0 instead"),
        ({"payloads": None}, f"channelv2/3 {BASIC}payloads must be of length 1, got 0 instead"),
        ({"timeout": "7"}, f"channelv2/8 {BASIC}timeout must not be 0"),
        ({"timeout": "x"}, "wasm/29 "),
    ],
)
def test_what_a_contract_may_not_send(stage: Stage, changes: dict[str, Any], expected: str) -> None:
    contract = stage.contract()
    with pytest.raises(AbciError) as caught:
        stage.execute(stage.context(), contract, sending(contract, **changes))
    found = f"{caught.value.codespace}/{caught.value.code} {caught.value.log}"
    assert found.startswith(expected), found


def test_a_contract_may_refuse_its_own_packet(stage: Stage) -> None:
    contract = stage.contract({"error": "not this one"})
    with pytest.raises(AbciError) as caught:
        stage.execute(stage.context(), contract, sending(contract))
    assert (caught.value.codespace, caught.value.code) == ("wasm", 5)
    assert caught.value.log.endswith("on ibc2 send: not this one: execute wasm contract failed")


def test_nobody_catches_a_packet_from_a_port_of_nobody(stage: Stage) -> None:
    """wasmd panics, which no reply hears of."""
    contract = stage.contract()
    message = sending(contract)
    message["ibc2"]["send_packet"]["payloads"][0]["source_port"] = "moon"
    result = json.dumps({"ok": {"messages": [sub(message, reply_on="always")]}})
    with pytest.raises(AbciError) as caught:
        stage.keeper.execute(stage.context(), contract, ALICE.address, result.encode(), ())
    assert caught.value.log == "recovered: no route for moon: panic"


def test_a_message_of_no_kind(stage: Stage) -> None:
    contract = stage.contract()
    with pytest.raises(AbciError, match="no handler found: unknown message from the contract"):
        stage.execute(stage.context(), contract, {"ibc2": {}})


def kept(stage: Stage, contract: str) -> Context:
    """A context in which a packet for the contract waits for its acknowledgement."""
    ctx = stage.context()
    payload = Payload("wasm2there", port(contract), "v1", "application/json", b"hello")
    packet = PacketV2(4, THERE, CLIENT, 1_700_003_600, (payload,))
    ctx.kv("ibc").set(CLIENT.encode() + b"\x02" + (4).to_bytes(8, "big"), b"\x02")
    stage.chain.app.ibc.packets_v2.keep_for_later(ctx, packet)
    return ctx


def acknowledging(**changes: Any) -> Any:
    body = {
        "ack": {"data": b64(b"at last")},
        "source_client": THERE,
        "destination_client": CLIENT,
        "packet_sequence": 4,
    }
    return {"ibc2": {"write_acknowledgement": {**body, **changes}}}


def test_a_contract_acknowledges_later(stage: Stage) -> None:
    contract = stage.contract()
    ctx = kept(stage, contract)
    stage.execute(ctx, contract, acknowledging())
    assert ack_of(ctx.events.events) == b"at last"
    assert stage.chain.app.ibc.async_packet_v2(ctx, CLIENT, 4) is None
    with pytest.raises(AbciError, match="no pending async packet for client"):
        stage.execute(ctx, contract, acknowledging())


def test_acknowledging_is_checked(stage: Stage) -> None:
    contract, other = stage.contract(), stage.contract()
    missing = f"no pending async packet for client {CLIENT} sequence 5"
    foreign = f"contract port {port(other)} is not authorized to acknowledge packet addressed to port {port(contract)}"
    empty = "invalid acknowledgement: app acknowledgement cannot be empty: invalid acknowledgement"
    for sender, changes, expected in (
        (contract, {"destination_client": ""}, "wasm/12 ibc2 destination client: empty"),
        (contract, {"packet_sequence": 5}, f"wasm/14 {missing}: invalid"),
        (contract, {"ack": {"data": ""}}, f"channelv2/5 ibc2 Write Acknowledgement: {empty}"),
        (other, {}, f"sdk/4 {foreign}: unauthorized"),
    ):
        with pytest.raises(AbciError) as caught:
            stage.execute(kept(stage, contract), sender, acknowledging(**changes))
        assert f"{caught.value.codespace}/{caught.value.code} {caught.value.log}" == expected
    ctx = kept(stage, contract)
    packet = stage.chain.app.ibc.async_packet_v2(ctx, CLIENT, 4)
    assert packet is not None
    double = PacketV2(4, THERE, CLIENT, 1, packet.payloads * 2)
    stage.chain.app.ibc.packets_v2.keep_for_later(ctx, double)
    with pytest.raises(AbciError, match="expected 1 payload, got 2: invalid"):
        stage.execute(ctx, contract, acknowledging())


def test_in_these_entry_points_the_old_port_is_the_new_one(stage: Stage) -> None:
    """As in wasmd: a packet of IBC v1 would leave from the port of IBC v2, which has no channels."""
    old = {
        "ibc": {
            "send_packet": {"channel_id": "channel-0", "data": "", "timeout": {"timestamp": "9"}}
        }
    }
    contract = stage.contract(answering(b"fine", sub(old)))
    with pytest.raises(AbciError, match="channel: channel-0: channel not found") as caught:
        stage.port.on_timeout_packet(stage.context(), delivery(port(contract)), ALICE.address)
    assert (caught.value.codespace, caught.value.code) == ("channel", 3)


def test_older_releases_know_nothing_of_it(vm: VM) -> None:
    old = Stage(vm)
    contract = old.contract()
    old.keeper.rules.version = named("0.60.6")
    ctx, here = old.context(), delivery(port(contract), port(contract))
    calls: list[Callable[[], object]] = [
        lambda: old.port.on_send_packet(ctx, here, contract),
        lambda: old.port.on_recv_packet(ctx, here, contract),
        lambda: old.port.on_timeout_packet(ctx, here, contract),
    ]
    for call in calls:
        with pytest.raises(AbciError, match=f"no route for {port(contract)}: panic"):
            call()
    for message in (sending(contract), acknowledging()):
        with pytest.raises(AbciError, match="unknown message from the contract"):
            old.execute(kept(old, contract), contract, message)
