"""A contract as an IBC application: what its answers become."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers.puppet import CODE, Puppet
from helpers.wasm import ALICE, WasmChain, refusal

from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc import Counterparty
from chain.modules.wasm import keys, wire
from chain.modules.wasm.ibc import ContractPort
from chain.modules.wasm.messenger import ChainMessenger, Outcome
from chain.vm import VM
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import codec
from light_client.packet import Packet
from light_client.values import Height

ORDER = channel_pb2.ORDER_UNORDERED
THERE = Counterparty("transfer", "channel-7")


class Stage:
    """A ping-pong contract, and the callbacks of its port."""

    def __init__(self, vm: VM) -> None:
        self.chain = WasmChain(vm)
        self.address = self.chain.make("ping_pong", {"version": "ping-pong-1"})
        self.port = f"wasm.{self.address}"
        wasm = self.chain.app.wasm
        assert wasm is not None
        self.calls = ContractPort(wasm.keeper, self.chain.app.ibc)

    def context(self) -> Context:
        return self.chain.app.context_at(0)

    def opened(self) -> Context:
        """A context in which the contract has its channel-0."""
        ctx = self.context()
        hops = ("connection-0",)
        self.calls.on_chan_open_try(ctx, ORDER, hops, self.port, "channel-0", THERE, "v")
        return ctx

    def packet(self, data: Any) -> Packet:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        return Packet(3, "transfer", "channel-7", self.port, "channel-0", raw, Height(1, 9), 0)


@pytest.fixture(scope="module")
def stage(vm: VM) -> Stage:
    return Stage(vm)


def told(ctx: Context) -> list[dict[str, str]]:
    return [
        dict(event.attributes) for event in ctx.events.events if event.type == "ibc_packet_received"
    ]


def test_a_contract_names_its_version_where_the_opener_names_none(stage: Stage) -> None:
    for proposed, version in (("", "ping-pong-1"), ("v", "v")):
        found = stage.calls.on_chan_open_init(
            stage.context(), ORDER, ("connection-0",), stage.port, "channel-0", THERE, proposed
        )
        assert found == version


def test_only_contracts_have_ports(stage: Stage) -> None:
    for port, code in (("transfer", 14), (f"wasm.{ALICE.address}", 22)):
        with pytest.raises(AbciError) as caught:
            stage.calls.on_chan_open_init(
                stage.context(), ORDER, ("connection-0",), port, "channel-0", THERE, "v"
            )
        assert (caught.value.codespace, caught.value.code) == ("wasm", code)


def test_channels_have_a_last_number(stage: Stage) -> None:
    with pytest.raises(AbciError, match="max transfer channels") as caught:
        stage.calls.on_chan_open_init(
            stage.context(), ORDER, ("connection-0",), stage.port, f"channel-{2**32}", THERE, "v"
        )
    assert (caught.value.codespace, caught.value.code) == ("wasm", 16)


@pytest.mark.parametrize(
    ("data", "ack"),
    [
        ({"ping": {"text": "hi"}}, b'{"result":"eyJwb25nIjp7InRleHQiOiJoaSJ9fQ=="}'),
        ({"refuse": {"reason": "a<b"}}, b'{"error":"a<b"}'),
        ({"answer": {"with": "AAEC"}}, b"\0\1\2"),
        (b"\xff", b'{"error":"not a ping-pong packet"}'),
    ],
)
def test_an_acknowledgement_is_the_contracts_own(stage: Stage, data: Any, ack: bytes) -> None:
    ctx = stage.opened()
    found = stage.calls.on_recv_packet(ctx, stage.packet(data), ALICE.address)
    assert found is not None
    assert (found.data, found.success) == (ack, True)
    assert told(ctx) == [{"module": "wasm", "_contract_address": stage.address, "success": "true"}]
    assert [event.type for event in ctx.events.events][-2:] == ["wasm", "ibc_packet_received"]


def test_a_contracts_error_is_an_acknowledgement_and_leaves_nothing(stage: Stage) -> None:
    ctx = stage.opened()
    before = stage_counters(stage, ctx)
    packet = stage.packet({"fail": {"reason": "a<b"}})
    found = stage.calls.on_recv_packet(ctx, packet, ALICE.address)
    assert found is not None
    assert (found.data, found.success) == (b'{"error":"a\\u003cb"}', False)
    assert told(ctx)[0]["success"] == "false"
    assert stage_counters(stage, ctx) == before


def stage_counters(stage: Stage, ctx: Context) -> Any:
    wasm = stage.chain.app.wasm
    assert wasm is not None
    return json.loads(wasm.keeper.query(ctx.fork(), stage.address, b'{"counters":{}}'))


def test_a_panic_ends_the_relayers_transaction(stage: Stage) -> None:
    with pytest.raises(AbciError, match="Aborted: panicked") as caught:
        stage.calls.on_recv_packet(stage.opened(), stage.packet({"panic": {}}), ALICE.address)
    assert (caught.value.codespace, caught.value.code) == ("undefined", 111222)


def test_a_deferred_packet_is_kept(stage: Stage) -> None:
    ctx = stage.opened()
    packet = stage.packet({"defer": {}})
    assert stage.calls.on_recv_packet(ctx, packet, ALICE.address) is None
    assert told(ctx)[0]["success"] == "true"
    kept = ctx.kv("wasm").get(keys.async_ack(stage.port, "channel-0", 3))
    assert kept is not None
    assert channel_pb2.Packet.FromString(kept).data == packet.data


@pytest.mark.parametrize(
    ("send", "end"),
    [
        (
            {"ping": {"channel": "channel-9", "text": "x"}},
            ("channel", 3, "channel: channel-9: channel not found"),
        ),
        (
            {"close": {"channel": "channel-9"}},
            (
                "channel",
                3,
                (
                    "channel close init callback failed for port ID: {port}, channel ID: channel-9: "
                    "port ID ({port}) channel ID (channel-9): channel not found"
                ),
            ),
        ),
        (
            {"acknowledge": {"channel": "channel-9", "sequence": 1, "ack": "AA=="}},
            ("wasm", 5, "no packet channel-9/1 was received: execute wasm contract failed"),
        ),
    ],
)
def test_sending_where_there_is_no_channel(
    stage: Stage, send: Any, end: tuple[str, int, str]
) -> None:
    result = refusal(stage.chain.execute(stage.address, send))
    assert result == (*end[:2], end[2].format(port=stage.port))


def test_a_contract_without_entry_points(vm: VM) -> None:
    stage = Stage(vm)
    stage.chain.store(CODE)
    puppet = Puppet(stage.chain, 2)
    with pytest.raises(AbciError, match="ibc_channel_open"):
        stage.calls.on_chan_open_init(
            stage.context(), ORDER, ("c",), f"wasm.{puppet.address}", "channel-0", THERE, "v"
        )


def late_ack(**changes: Any) -> wire.CosmosMsg:
    body = {"channel_id": "channel-0", "packet_sequence": 3, "ack": {"data": "e30="}, **changes}
    return wire.decode(
        json.dumps({"ibc": {"write_acknowledgement": body}}).encode(), wire.CosmosMsg
    )


def sends(stage: Stage, ctx: Context, message: wire.CosmosMsg) -> Outcome:
    app = stage.chain.app
    assert app.wasm is not None
    contract = app.wasm.keeper.instance(ctx, stage.address)
    return ChainMessenger(app.auth, app.bank, app.ibc, app.messages, app.wasm.keeper)(
        ctx, contract, message
    )


def test_an_acknowledgement_that_comes_later_comes_once(stage: Stage) -> None:
    ctx, packet = stage.context(), stage.packet({})
    end = channel_pb2.Channel(state=channel_pb2.STATE_OPEN, ordering=ORDER, connection_hops=["c"])
    path = f"channelEnds/ports/{stage.port}/channels/channel-0"
    ctx.kv("ibc").set(path.encode(), end.SerializeToString())
    stored = codec.packet_to_pb(packet).SerializeToString()
    ctx.kv("wasm").set(keys.async_ack(stage.port, "channel-0", 3), stored)
    [response] = sends(stage, ctx, late_ack()).responses
    assert response.type_url == "/cosmwasm.wasm.v1.MsgIBCWriteAcknowledgementResponse"
    [written] = [e for e in ctx.events.events if e.type == "write_acknowledgement"]
    assert dict(written.attributes)["packet_ack_hex"] == b"{}".hex()
    with pytest.raises(AbciError) as caught:
        sends(stage, ctx, late_ack())
    assert (caught.value.code, caught.value.log) == (14, "packet: invalid")


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"packet_sequence": 9}, 14, "packet: invalid"),
        ({"channel_id": "channel-9"}, 14, "packet: invalid"),
        ({"channel_id": ""}, 12, "ibc channel: empty"),
    ],
)
def test_acknowledging_what_never_came(
    stage: Stage, changes: dict[str, Any], code: int, text: str
) -> None:
    with pytest.raises(AbciError) as caught:
        sends(stage, stage.context(), late_ack(**changes))
    assert (caught.value.codespace, caught.value.code, caught.value.log) == ("wasm", code, text)
