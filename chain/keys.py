"""Keys of accounts: a table of simple key types, where a new type is one entry, and threshold keys made of several.

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
from cosmos_pb.cosmos.crypto.ed25519 import keys_pb2 as ed25519_pb2
from cosmos_pb.cosmos.crypto.multisig import keys_pb2 as multisig_pb2
from cosmos_pb.cosmos.crypto.secp256k1 import keys_pb2 as secp256k1_pb2
from cosmos_pb.google.protobuf import any_pb2
from light_client import amino
from light_client import keys as validator_keys

SECP256K1: Final = "/cosmos.crypto.secp256k1.PubKey"
ED25519: Final = "/cosmos.crypto.ed25519.PubKey"
MULTISIG: Final = "/cosmos.crypto.multisig.LegacyAminoPubKey"

MAX_DEPTH: Final = 10
"""How many threshold keys may be inside one another, and a simple one (codec/types MaxUnpackAnyRecursionDepth)."""

_REMEMBERED = 32_768


@dataclass(frozen=True, slots=True)
class KeyType:
    """``message`` is its class, ``size`` in bytes that of a key, ``gas`` the auth parameter and the meter's text.

    ``amino`` is its name there, ``go`` what error texts call it.
    """

    message: Any
    size: int
    amino: str
    go: str
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
    def amino(self) -> amino.Key:
        return amino.Key(self.type.amino, self.key)

    @property
    def address(self) -> bytes:
        """The 20 bytes of the account that this key controls."""
        return _address(self)

    @property
    def count(self) -> int:
        """How many signatures count against the limit of a transaction."""
        return 1

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``message``."""
        return self.type.verify(self.key, message, signature)

    def to_any(self) -> any_pb2.Any:
        message = self.type.message(key=self.key)
        return any_pb2.Any(type_url=self.type_url, value=message.SerializeToString())


@dataclass(frozen=True, slots=True)
class Multisig:
    """So many of these keys must sign; their order is part of the address (cosmos-sdk crypto/keys/multisig)."""

    threshold: int
    keys: tuple[PublicKey | Multisig, ...]

    @property
    def amino(self) -> amino.Multisig:
        return amino.Multisig(self.threshold, tuple(key.amino for key in self.keys))

    @property
    def address(self) -> bytes:
        return _address(self)

    @property
    def count(self) -> int:
        return sum(key.count for key in self.keys)

    def to_any(self) -> any_pb2.Any:
        message = multisig_pb2.LegacyAminoPubKey(
            threshold=self.threshold, public_keys=[key.to_any() for key in self.keys]
        )
        return any_pb2.Any(type_url=MULTISIG, value=message.SerializeToString())


AccountKey = PublicKey | Multisig


def from_any(packed: any_pb2.Any, depth: int = MAX_DEPTH) -> AccountKey:
    """Unpack a key of at most ``depth`` inside one another.

    sdk/2 for more, and for a type that is not known; sdk/8 for a size that is wrong.
    """
    return _from_any(packed.type_url, packed.value, depth)


@lru_cache(maxsize=16_384)
def _from_any(type_url: str, value: bytes, depth: int) -> AccountKey:
    if depth == 0:
        raise TX_DECODE("max depth exceeded")
    if type_url == MULTISIG:
        return _multisig(value, depth)
    kind = KEY_TYPES.get(type_url)
    if kind is None:
        raise TX_DECODE(f"unable to resolve type URL {type_url}")
    key: bytes = _read(kind.message, type_url, value).key
    if len(key) != kind.size:
        raise INVALID_PUBKEY(f"length of pubkey {type_url} is {len(key)}, expected {kind.size}")
    return PublicKey(type_url, key)


def _multisig(value: bytes, depth: int) -> Multisig:
    message = _read(multisig_pb2.LegacyAminoPubKey, MULTISIG, value)
    members = (_from_any(key.type_url, key.value, depth - 1) for key in message.public_keys)
    return Multisig(message.threshold, tuple(members))


def _read(message: Any, type_url: str, value: bytes) -> Any:
    try:
        return message.FromString(value)
    except DecodeError as error:
        raise TX_DECODE(f"public key {type_url}: {error}") from error


@lru_cache(maxsize=16_384)
def _address(key: AccountKey) -> bytes:
    return key.amino.address


def _verify_secp256k1(key: bytes, message: bytes, signature: bytes) -> bool:
    """64 bytes r, s over SHA-256, s in the lower half (cosmos-sdk crypto/keys/secp256k1)."""
    return len(signature) == 64 and _verify_digest(key, sha256(message).digest(), signature)


@lru_cache(maxsize=_REMEMBERED)
def _verify_digest(key: bytes, digest: bytes, signature: bytes) -> bool:
    try:
        return dsa.verify(digest, key, dsa.to_der(signature))
    except ValueError:  # r or s out of range, or the key is no point
        return False


def _verify_ed25519(key: bytes, message: bytes, signature: bytes) -> bool:
    """ZIP-215, as for validators (cosmos-sdk crypto/keys/ed25519)."""
    return validator_keys.PublicKey(validator_keys.ED25519, key).verify(message, signature)


KEY_TYPES: Final = {
    SECP256K1: KeyType(
        message=secp256k1_pb2.PubKey,
        size=33,
        amino=amino.SECP256K1,
        go="*secp256k1.PubKey",
        verify=_verify_secp256k1,
        gas=("sig_verify_cost_secp256k1", "ante verify: secp256k1"),
    ),
    ED25519: KeyType(
        message=ed25519_pb2.PubKey,
        size=32,
        amino=amino.ED25519,
        go="*ed25519.PubKey",
        verify=_verify_ed25519,
        gas=("sig_verify_cost_ed25519", "ante verify: ed25519"),
    ),
}
