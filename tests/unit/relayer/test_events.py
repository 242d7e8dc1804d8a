"""Packets are found in the events of every dialect, and others' events are passed over."""

import base64
from typing import Any

import pytest

from light_client.packet import Packet
from light_client.values import Height
from relayer.events import ChannelClosed, Kind, PacketEvent, Unreadable, of_block, read

PACKET = Packet(7, "transfer", "channel-0", "wasm.x", "channel-3", b"{}", Height(1, 90), 12)
ATTRIBUTES = {
    "packet_data_hex": "7b7d",
    "packet_timeout_height": "1-90",
    "packet_timeout_timestamp": "12",
    "packet_sequence": "7",
    "packet_src_port": "transfer",
    "packet_src_channel": "channel-0",
    "packet_dst_port": "wasm.x",
    "packet_dst_channel": "channel-3",
    "packet_channel_ordering": "ORDER_UNORDERED",
    "packet_connection": "connection-0",
    "connection_id": "connection-0",
}


def event(type_: str = "send_packet", /, **changes: str | None) -> dict[str, Any]:
    merged: dict[str, str | None] = {**ATTRIBUTES, **changes}
    pairs = {key: value for key, value in merged.items() if value is not None}
    listed = [{"key": key, "value": value, "index": True} for key, value in pairs.items()]
    return {"type": type_, "attributes": listed}


def in_base64(found: dict[str, Any]) -> dict[str, Any]:
    def encode(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    attributes = [
        {"key": encode(entry["key"]), "value": encode(entry["value"])}
        for entry in found["attributes"]
    ]
    return {**found, "attributes": attributes}


@pytest.mark.parametrize(
    "found",
    [
        event(),
        event(packet_data_hex=None, packet_data="{}"),
        event(connection_id=None),
        in_base64(event()),
        in_base64(event(packet_data_hex=None, packet_data="{}")),
    ],
    ids=["hex", "raw", "old connection attribute", "base64", "base64 and raw"],
)
def test_one_packet_in_every_dialect(found: dict[str, Any]) -> None:
    assert read(found) == PacketEvent(Kind.SENT, PACKET, "connection-0", ordered=False)


def test_acknowledgements_and_order() -> None:
    found = read(
        event(
            "write_acknowledgement",
            packet_ack_hex="0102",
            packet_channel_ordering="ORDER_ORDERED",
        )
    )
    assert isinstance(found, PacketEvent)
    assert found.ack == b"\x01\x02"
    assert found.ordered
    assert not found.kind.on_source


def test_events_without_data_still_name_their_packet() -> None:
    found = read(event("acknowledge_packet", packet_data_hex=None))
    assert isinstance(found, PacketEvent)
    assert found.packet.sequence == 7
    assert found.packet.data == b""


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"type": "transfer"},
        {"type": "send_packet", "attributes": None},
        {"type": "wasm-send_packet", "attributes": event()["attributes"]},
        {"type": "ibccallbackerror-recv_packet", "attributes": event()["attributes"]},
        {
            "type": "send_packet",
            "attributes": [
                {"key": "packet_source_client", "value": "07-tendermint-0"},
                {"key": "packet_sequence", "value": "1"},
                {"key": "encoded_packet_hex", "value": "00"},
            ],
        },
    ],
)
def test_what_is_not_ours_is_passed_over(found: dict[str, Any]) -> None:
    assert read(found) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"packet_sequence": None},
        {"packet_sequence": "-1"},
        {"packet_sequence": "18446744073709551616"},
        {"packet_sequence": "\u0661"},
        {"packet_timeout_height": "5"},
        {"packet_data_hex": "7b7"},
        {"packet_timeout_timestamp": "soon"},
        {"packet_dst_port": None},
    ],
)
def test_what_makes_no_sense_is_reported(changes: dict[str, str | None]) -> None:
    assert isinstance(read(event(**changes)), Unreadable)


def test_a_blocks_events_come_in_order_and_without_those_of_failed_transactions() -> None:
    results = {
        "begin_block_events": [event(packet_sequence="1")],
        "txs_results": [
            {"code": 0, "events": [event(packet_sequence="2")]},
            {"code": 5, "events": [event(packet_sequence="666")]},
            {"code": 0, "events": None},
        ],
        "end_block_events": [event(packet_sequence="3")],
        "finalize_block_events": [event(packet_sequence="4")],
    }
    found = of_block(results)
    assert [e.packet.sequence for e in found if isinstance(e, PacketEvent)] == [1, 2, 3, 4]
    assert of_block({"txs_results": None}) == []


def test_a_closed_channel_is_noticed() -> None:
    found = {
        "type": "channel_close_init",
        "attributes": [
            {"key": "port_id", "value": "p-"},
            {"key": "channel_id", "value": "channel-1"},
            {"key": "connection_id", "value": "connection-2"},
        ],
    }
    assert read(found) == ChannelClosed("p-", "channel-1", "connection-2")
