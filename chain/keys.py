"""Keys of accounts: a table of key types, where a new type is one entry.

A signature of a transaction is checked twice by one process, when the mempool takes it and when a block holds it; the
verdict on (key, digest, signature) never changes, so it is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from btclib_libsecp256k1 import dsa
from google.protobuf.message import DecodeError

from chain.errors import INVALID_PUBKEY, TX_DECODE
from cosmos_pb.cosmos.crypto.secp256k1 import keys_pb2 as secp256k1_pb2
from cosmos_pb.google.protobuf import any_pb2
from light_client.ripemd import ripemd160

SECP256K1: Final = "/cosmos.crypto.secp256k1.PubKey"

_REMEMBERED = 32_768


@dataclass(frozen=True, slots=True)
class KeyType:
    """``message`` is its class, ``size`` in bytes that of a key, ``gas`` the auth parameter and the meter's text."""

    message: Any
    size: int
    address: Callable[[bytes], bytes]
    verify: Callable[[bytes, bytes, bytes], bool]
    gas: tuple[str, str]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An account's public key: the type URL of its message, and the key's bytes."""

    type_url: str
    key: bytes

    @property
    def type(self) -> KeyType:
        return KEY_TYPES[self.type_url]

    @property
    def address(self) -> bytes:
        """The 20 bytes of the account that this key controls."""
        return _address(self.type_url, self.key)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message``."""
        return self.type.verify(self.key, message, signature)

    def to_any(self) -> any_pb2.Any:
        message = self.type.message(key=self.key)
        return any_pb2.Any(type_url=self.type_url, value=message.SerializeToString())


def from_any(packed: any_pb2.Any) -> PublicKey:
    """Unpack a key; sdk/2 for a type that is not known, sdk/8 for a size that is wrong."""
    return _from_any(packed.type_url, packed.value)


@lru_cache(maxsize=16_384)
def _from_any(type_url: str, value: bytes) -> PublicKey:
    kind = KEY_TYPES.get(type_url)
    if kind is None:
        raise TX_DECODE(f"unable to resolve type URL {type_url}")
    try:
        key: bytes = kind.message.FromString(value).key
    except DecodeError as error:
        raise TX_DECODE(f"public key {type_url}: {error}") from error
    if len(key) != kind.size:
        raise INVALID_PUBKEY(f"length of pubkey {type_url} is {len(key)}, expected {kind.size}")
    return PublicKey(type_url, key)


@lru_cache(maxsize=16_384)
def _address(type_url: str, key: bytes) -> bytes:
    return KEY_TYPES[type_url].address(key)


def _verify_secp256k1(key: bytes, message: bytes, signature: bytes) -> bool:
    """64 bytes r, s over SHA-256, s in the lower half (cosmos-sdk crypto/keys/secp256k1)."""
    return len(signature) == 64 and _verify_digest(key, sha256(message).digest(), signature)


@lru_cache(maxsize=_REMEMBERED)
def _verify_digest(key: bytes, digest: bytes, signature: bytes) -> bool:
    try:
        return dsa.verify(digest, key, dsa.to_der(signature))
    except ValueError:  # r or s out of range, or the key is no point
        return False


KEY_TYPES: Final = {
    SECP256K1: KeyType(
        message=secp256k1_pb2.PubKey,
        size=33,
        address=lambda key: ripemd160(sha256(key).digest()),
        verify=_verify_secp256k1,
        gas=("sig_verify_cost_secp256k1", "ante verify: secp256k1"),
    )
}
