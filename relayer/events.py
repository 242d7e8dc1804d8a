"""What a chain says about packets: the IBC v1 events in block results.

Attributes come as text, or as base64 from CometBFT 0.34; packet data in hex, or raw from ibc-go before v9.
IBC v2 uses the same event names with other attributes: those events are not ours and are passed over.
Sources: `ibc-go:modules/core/04-channel/keeper/events.go`.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from light_client.errors import DecodeError
from light_client.host import parse_height
from light_client.packet import Packet
from light_client.values import U64_MAX


class Kind(Enum):
    """What happened to a packet, and on which of its chains."""

    SENT = "send_packet"
    RECEIVED = "recv_packet"
    ACK_WRITTEN = "write_acknowledgement"
    ACKNOWLEDGED = "acknowledge_packet"
    TIMED_OUT = "timeout_packet"

    @property
    def on_source(self) -> bool:
        return self in _ON_SOURCE


_ON_SOURCE: Final = frozenset({Kind.SENT, Kind.ACKNOWLEDGED, Kind.TIMED_OUT})
_KINDS: Final = {kind.value: kind for kind in Kind}
_CLOSED: Final = frozenset({"channel_close_init", "channel_close_confirm", "channel_close"})
_BLOCK_LISTS: Final = ("begin_block_events", "end_block_events", "finalize_block_events")


@dataclass(frozen=True, slots=True)
class PacketEvent:
    """Something that happened to a packet; data and ack are empty where the event has none."""

    kind: Kind
    packet: Packet
    connection: str
    ordered: bool
    ack: bytes = b""


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """The end of a channel on the chain that says so is closed."""

    port: str
    channel: str
    connection: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event with one of our names that does not make sense."""

    type: str
    reason: str


IbcEvent = PacketEvent | ChannelClosed | Unreadable


def of_block(results: Mapping[str, Any]) -> list[IbcEvent]:
    """The IBC events of one block's results, in the order of execution as far as it is known."""
    return [found for event in _all_events(results) if (found := read(event)) is not None]


def of_events(events: Iterable[Mapping[str, Any]]) -> list[IbcEvent]:
    """The IBC events among the events of one transaction."""
    return [found for event in events if (found := read(event)) is not None]


def read(event: Mapping[str, Any]) -> IbcEvent | None:
    """One event; None for what is not about an IBC v1 packet or channel."""
    type_ = event.get("type", "")
    if type_ in _KINDS:
        return _read_packet(type_, attributes(event))
    if type_ in _CLOSED:
        found = attributes(event)
        return ChannelClosed(
            found.get("port_id", ""), found.get("channel_id", ""), found.get("connection_id", "")
        )
    return None


def attributes(event: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of an event by name; of a name that occurs twice, the last."""
    pairs = [
        (str(entry.get("key") or ""), str(entry.get("value") or ""))
        for entry in event.get("attributes") or ()
    ]
    if pairs and not any("_" in key for key, _ in pairs):
        return {_plain(key): _plain(value) for key, value in pairs}
    return dict(pairs)


def _all_events(results: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    begin, *later = (results.get(name) or () for name in _BLOCK_LISTS)
    yield from begin
    for tx in results.get("txs_results") or ():
        if not tx.get("code"):
            yield from tx.get("events") or ()
    for events in later:
        yield from events


def _read_packet(type_: str, found: Mapping[str, str]) -> IbcEvent | None:
    if "packet_src_channel" not in found:
        return None
    try:
        return _packet_event(_KINDS[type_], found)
    except (KeyError, ValueError, DecodeError) as error:
        return Unreadable(type_, repr(error))


def _packet_event(kind: Kind, found: Mapping[str, str]) -> PacketEvent:
    packet = Packet(
        sequence=_number(found["packet_sequence"]),
        source_port=found["packet_src_port"],
        source_channel=found["packet_src_channel"],
        destination_port=found["packet_dst_port"],
        destination_channel=found["packet_dst_channel"],
        data=_content(found, "packet_data"),
        timeout_height=parse_height(found.get("packet_timeout_height") or "0-0"),
        timeout_timestamp=_number(found.get("packet_timeout_timestamp") or "0"),
    )
    return PacketEvent(
        kind=kind,
        packet=packet,
        connection=found.get("connection_id") or found.get("packet_connection") or "",
        ordered=found.get("packet_channel_ordering") == "ORDER_ORDERED",
        ack=_content(found, "packet_ack"),
    )


def _content(found: Mapping[str, str], name: str) -> bytes:
    """The bytes of packet data or an acknowledgement: the hex attribute, else the raw one."""
    hexadecimal = found.get(f"{name}_hex")
    if hexadecimal is not None:
        return bytes.fromhex(hexadecimal)
    return found.get(name, "").encode()


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) > U64_MAX:
        raise ValueError(f"{text[:40]!r} is no 64-bit number")
    return int(text)


def _plain(text: str) -> str:
    """The text behind base64, or the text itself where it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
