"""What is left of amino: how keys of accounts are written, multisig addresses, and JSON that is signed.

Sources: `cosmos-sdk:crypto/keys`, `crypto/types/compact_bit_array.go`, `x/auth/migrations/legacytx`.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from light_client import wire
from light_client.errors import DecodeError
from light_client.ripemd import ripemd160

SECP256K1: Final = "tendermint/PubKeySecp256k1"
ED25519: Final = "tendermint/PubKeyEd25519"
MULTISIG: Final = "tendermint/PubKeyMultisigThreshold"

_PREFIXES: Final = {
    SECP256K1: bytes.fromhex("eb5ae987"),
    ED25519: bytes.fromhex("1624de64"),
    MULTISIG: bytes.fromhex("22c1f7e2"),
}
_SIZES: Final = {SECP256K1: 33, ED25519: 32}
_ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Key:
    """An account's simple public key under its amino name."""

    type: str
    data: bytes

    def encode(self) -> bytes:
        return _PREFIXES[self.type] + wire.uvarint(len(self.data)) + self.data

    @property
    def address(self) -> bytes:
        """20 bytes."""
        if self.type == SECP256K1:
            return ripemd160(sha256(self.data).digest())
        return sha256(self.data).digest()[:20]


@dataclass(frozen=True, slots=True)
class Multisig:
    """So many of these keys must sign; their order is part of the address."""

    threshold: int
    keys: tuple["Key | Multisig", ...]

    def encode(self) -> bytes:
        parts = (wire.message_field(2, key.encode()) for key in self.keys)
        return _PREFIXES[MULTISIG] + wire.varint_field(1, self.threshold) + b"".join(parts)

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return sha256(self.encode()).digest()[:20]


def decode_key(data: bytes) -> Key:
    """A simple key from its amino bytes; raises DecodeError."""
    for kind, size in _SIZES.items():
        prefix = _PREFIXES[kind] + wire.uvarint(size)
        if data.startswith(prefix) and len(data) == len(prefix) + size:
            return Key(kind, data[len(prefix) :])
    raise DecodeError(f"no amino key: {data[:8].hex()}.. of {len(data)} bytes")


def key_from_json(value: Any) -> Key:
    """From `{"type", "value"}`; raises DecodeError."""
    try:
        kind, data = value["type"], base64.b64decode(value["value"], validate=True)
    except (TypeError, KeyError, ValueError) as error:
        raise DecodeError(f"no amino key: {value!r:.80}") from error
    if not isinstance(kind, str) or _SIZES.get(kind) != len(data):
        raise DecodeError(f"key type {kind!r} with {len(data)} bytes is not known")
    return Key(kind, data)


def sign_bytes(document: Any) -> bytes:
    """A sign document (or any JSON value) as Go marshals it sorted: no spaces, and HTML's characters escaped."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_ESCAPES).encode()


@dataclass(frozen=True, slots=True)
class CompactBitArray:
    """Which keys of a multisig signed: bits from the left, and how many of the last byte's eight are used."""

    extra_bits_stored: int
    elems: bytes

    @classmethod
    def of(cls, bits: Iterable[bool]) -> "CompactBitArray":
        listed = list(bits)
        elems = bytearray(-(-len(listed) // 8))
        for at, bit in enumerate(listed):
            elems[at // 8] |= bit << 7 - at % 8
        return cls(len(listed) % 8, bytes(elems))

    def bits(self) -> Sequence[bool]:
        size = len(self.elems) * 8 - (8 - self.extra_bits_stored if self.extra_bits_stored else 0)
        return [bool(self.elems[at // 8] >> 7 - at % 8 & 1) for at in range(size)]
