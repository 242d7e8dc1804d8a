"""Store keys and contract addresses of x/wasm (wasmd ``types/keys.go``, ``keeper/addresses.go``), big-endian."""

from __future__ import annotations

from typing import Final

from light_client import addresses

CODE: Final = b"\x01"
CONTRACT: Final = b"\x02"
CONTRACT_STORE: Final = b"\x03"
SEQUENCE: Final = b"\x04"
HISTORY: Final = b"\x05"
BY_CODE: Final = b"\x06"
PINNED: Final = b"\x07"
TX_COUNTER: Final = b"\x08"
BY_CREATOR: Final = b"\x09"
PARAMS: Final = b"\x10"
ASYNC_ACK: Final = b"\x11"
ACCEPTED: Final = b"\xf0accepted"
"""Ours: the gRPC paths that contracts may ask; wasmd has them in its program."""
RELEASE: Final = b"\xf0wasmd"
"""Ours: the release of wasmd whose rules the chain follows, where it is not the newest."""

NEXT_CODE_ID: Final = SEQUENCE + b"lastCodeId"
NEXT_INSTANCE_ID: Final = SEQUENCE + b"lastContractId"


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def code(code_id: int) -> bytes:
    return CODE + u64(code_id)


def contract(address: bytes) -> bytes:
    return CONTRACT + address


def contract_store(address: bytes) -> bytes:
    return CONTRACT_STORE + address


def history(address: bytes, position: int | None = None) -> bytes:
    return HISTORY + address + (u64(position) if position is not None else b"")


def position(height: int, tx_index: int) -> bytes:
    """An AbsoluteTxPosition as 16 sortable bytes."""
    return u64(height) + u64(tx_index)


def by_code(code_id: int, at: bytes = b"", address: bytes = b"") -> bytes:
    return BY_CODE + u64(code_id) + at + address


def by_creator(creator: bytes, at: bytes = b"", address: bytes = b"") -> bytes:
    return BY_CREATOR + bytes([len(creator)]) + creator + at + address


def pinned(code_id: int) -> bytes:
    return PINNED + u64(code_id)


def async_ack(port: str, channel: str, sequence: int) -> bytes:
    channel_bytes = channel.encode()
    return (
        ASYNC_ACK
        + port.encode()
        + len(channel_bytes).to_bytes(4, "big")
        + channel_bytes
        + u64(sequence)
    )


def classic_address(code_id: int, instance_id: int) -> bytes:
    """``address.Module("wasm", code_id ‖ instance_id)``: 32 bytes."""
    return addresses.of_module("wasm", u64(code_id) + u64(instance_id))


def predictable_address(checksum: bytes, creator: bytes, salt: bytes, message: bytes) -> bytes:
    """instantiate2: every part carries its length, ``message`` is empty unless ``fix_msg`` was asked for."""
    parts = (checksum, creator, salt, message)
    return addresses.of_module("wasm", b"".join(u64(len(part)) + part for part in parts))
