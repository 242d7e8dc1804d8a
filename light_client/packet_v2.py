"""IBC v2 packets and what a chain commits to (`ibc-go:modules/core/04-channel/v2/types`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

PROTOCOL: Final = b"\x02"
ERROR_ACKNOWLEDGEMENT: Final = sha256(b"UNIVERSAL_ERROR_ACKNOWLEDGEMENT").digest()


@dataclass(frozen=True, slots=True)
class Payload:
    """One application's part of a packet."""

    source_port: str
    destination_port: str
    version: str
    encoding: str
    value: bytes


@dataclass(frozen=True, slots=True)
class PacketV2:
    """A packet from client to client; `timeout_timestamp` in seconds since 1970."""

    sequence: int
    source_client: str
    destination_client: str
    timeout_timestamp: int
    payloads: tuple[Payload, ...]


def packet_commitment(packet: PacketV2) -> bytes:
    """The 32 bytes stored under the packet's commitment key; the source client is not in them."""
    payloads = b"".join(_hash_of_hashes(_fields(payload)) for payload in packet.payloads)
    timeout = packet.timeout_timestamp.to_bytes(8, "big")
    destination = packet.destination_client.encode()
    return sha256(PROTOCOL + _hashes((destination, timeout, payloads))).digest()


def ack_commitment(acknowledgements: Sequence[bytes]) -> bytes:
    """The 32 bytes stored under the acknowledgement key, one element per payload."""
    return sha256(PROTOCOL + _hashes(acknowledgements)).digest()


def _fields(payload: Payload) -> tuple[bytes, ...]:
    return (
        payload.source_port.encode(),
        payload.destination_port.encode(),
        payload.version.encode(),
        payload.encoding.encode(),
        payload.value,
    )


def _hashes(parts: Sequence[bytes]) -> bytes:
    return b"".join(sha256(part).digest() for part in parts)


def _hash_of_hashes(parts: Sequence[bytes]) -> bytes:
    return sha256(_hashes(parts)).digest()
