"""Whatever a packet, a version or a memo says, ICS-27 and ibc-hooks answer or refuse; they do not fail."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from helpers.ibc_world import linked
from hypothesis import given
from hypothesis import strategies as st

from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc.port import Counterparty, parse_ack
from chain.modules.ica import metadata, packet
from chain.modules.transfer import memo
from cosmos_pb.ibc.applications.interchain_accounts.v1 import packet_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client.packet import Packet
from light_client.values import ZERO_HEIGHT

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
TYPES = ["/cosmos.bank.v1beta1.MsgSend", "/cosmwasm.wasm.v1.MsgExecuteContract", "/a.B", ""]
MESSAGES = st.fixed_dictionaries(
    {"@type": st.sampled_from(TYPES)},
    optional={"from_address": TREES, "amount": TREES, "msg": TREES, "sender": TREES},
)
CHAIN = linked().a.chain
EXECUTE = packet_pb2.TYPE_EXECUTE_TX


def hosting(encoding: str) -> Context:
    """A context in which a channel leads to the host."""
    ctx = CHAIN.context().fork()
    terms = metadata.default("connection-0", "connection-0")
    terms.encoding = encoding
    end = channel_pb2.Channel(
        state=channel_pb2.STATE_OPEN,
        ordering=channel_pb2.ORDER_UNORDERED,
        connection_hops=["connection-0"],
        version=metadata.text(terms),
    )
    CHAIN.ibc.channels.set(ctx, "icahost", "channel-0", end)
    CHAIN.ica.host.records.set_account(ctx, "connection-0", "icacontroller-x", CHAIN.user)
    return ctx


def received(ctx: Context, data: bytes) -> None:
    ends = ("icacontroller-x", "channel-0", "icahost", "channel-0")
    ack = CHAIN.ica.host.on_recv_packet(ctx, Packet(1, *ends, data, ZERO_HEIGHT, 1), "")
    assert parse_ack(ack.data) is not None
    assert any(event.type == "ics27_packet" for event in ctx.events.events)


def shown(tree: Any) -> bytes:
    return json.dumps(tree).encode()


@given(st.binary(max_size=200) | TREES.map(shown))
def test_packets(data: bytes) -> None:
    received(hosting("proto3"), data)


@given(st.binary(max_size=100), st.sampled_from(["proto3", "proto3json", "amino"]))
def test_transactions_of_bytes(data: bytes, encoding: str) -> None:
    carried = packet_pb2.InterchainAccountPacketData(type=EXECUTE, data=data)
    received(hosting(encoding), packet.marshal(carried))


@given(st.lists(MESSAGES, max_size=2))
def test_transactions_of_json(messages: list[dict[str, Any]]) -> None:
    carried = packet_pb2.InterchainAccountPacketData(
        type=EXECUTE, data=shown({"messages": messages})
    )
    received(hosting("proto3json"), packet.marshal(carried))


@given(st.lists(st.tuples(st.sampled_from(TYPES), st.binary(max_size=40)), max_size=2))
def test_transactions_of_any_messages(messages: list[tuple[str, bytes]]) -> None:
    tx = packet_pb2.CosmosTx()
    for url, value in messages:
        tx.messages.add(type_url=url, value=value)
    carried = packet_pb2.InterchainAccountPacketData(type=EXECUTE, data=tx.SerializeToString())
    received(hosting("proto3"), packet.marshal(carried))


@given(st.text(max_size=60) | TREES.map(json.dumps))
def test_versions(version: str) -> None:
    ends = (channel_pb2.ORDER_UNORDERED, ["connection-0"])
    for application, port, other in (
        (CHAIN.ica.controller.on_chan_open_init, "icacontroller-x", "icahost"),
        (CHAIN.ica.host.on_chan_open_try, "icahost", "icacontroller-x"),
    ):
        with suppress(AbciError):
            settled = application(
                CHAIN.context().fork(), *ends, port, "channel-0", Counterparty(other, ""), version
            )
            assert metadata.parse(settled).tx_type == metadata.TX_TYPE


@given(st.text(max_size=60) | TREES.map(json.dumps))
def test_memos(text: str) -> None:
    members = memo.members(text)
    if members is not None:
        again = memo.members(memo.write(members).decode())
        assert again == members
