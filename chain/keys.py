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
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from chain import goproto
from chain.errors import INVALID_PUBKEY, PANIC, TX_DECODE, nil_pointer
from chain.goproto import GoProtoError, unknown_type
from cosmos_pb.cosmos.crypto.ed25519 import keys_pb2 as ed25519_pb2
from cosmos_pb.cosmos.crypto.multisig import keys_pb2 as multisig_pb2
from cosmos_pb.cosmos.crypto.secp256k1 import keys_pb2 as secp256k1_pb2
from cosmos_pb.cosmos.crypto.secp256r1 import keys_pb2 as secp256r1_pb2
from cosmos_pb.google.protobuf import any_pb2
from light_client import addresses, amino
from light_client import keys as validator_keys

SECP256K1: Final = "/cosmos.crypto.secp256k1.PubKey"
SECP256R1: Final = "/cosmos.crypto.secp256r1.PubKey"
ED25519: Final = "/cosmos.crypto.ed25519.PubKey"
MULTISIG: Final = "/cosmos.crypto.multisig.LegacyAminoPubKey"

MAX_DEPTH: Final = 10
"""How many threshold keys may be inside one another, and a simple one (codec/types MaxUnpackAnyRecursionDepth)."""

_INTERFACE: Final = "*types.PubKey"
_REMEMBERED = 32_768
_COMPRESSED: Final = 33
_ED25519_SIZE: Final = 32
_P256_HALF_ORDER: Final = 0x7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8


@dataclass(frozen=True, slots=True)
class KeyType:
    """``message`` is its class, ``gas`` the auth parameter and the meter's text, ``go`` what error texts call it.

    ``address`` refuses keys that have none. ``check`` is what its decoder does beyond that of bytes. ``amino`` is its
    name there, or None: amino does not know the type, and panics where an account's key has to be told in it.
    """

    message: Any
    go: str
    address: Callable[[bytes], bytes]
    verify: Callable[[bytes, bytes, bytes], bool]
    gas: tuple[str, str]
    amino: str | None = None
    check: Callable[[bytes], None] = lambda _: None


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
        """A panic for a type that amino does not know."""
        if self.type.amino is None:
            name = self.type.go.removeprefix("*")
            raise PANIC(f"recovered: Cannot encode unregistered concrete type {name}.")
        return amino.Key(self.type.amino, self.key)

    @property
    def address(self) -> bytes:
        """The account that this key controls; a panic for a key of a wrong size."""
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
        """A panic when a member's type is not one of amino's: such an account cannot be."""
        if any(isinstance(key, PublicKey) and key.type.amino is None for key in self.keys):
            raise PANIC("recovered: Unregistered interface elliptic.Curve")
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

    sdk/2 for more, for a type that is not known and for unknown fields; sdk/8 for what is no point of its curve.
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
        raise TX_DECODE(unknown_type(type_url, _INTERFACE))
    key: bytes = _read(kind.message, value).key
    if value:  # a key that is not there at all is not looked at
        kind.check(key)
    return PublicKey(type_url, key)


def _multisig(value: bytes, depth: int) -> Multisig:
    message = _read(multisig_pb2.LegacyAminoPubKey, value)
    members = (_from_any(key.type_url, key.value, depth - 1) for key in message.public_keys)
    return Multisig(message.threshold, tuple(members))


def _read(message: Any, value: bytes) -> Any:
    try:
        return goproto.parse(message, value)
    except GoProtoError as error:
        raise TX_DECODE(str(error)) from error


@lru_cache(maxsize=16_384)
def _address(key: AccountKey) -> bytes:
    return key.type.address(key.key) if isinstance(key, PublicKey) else key.amino.address


# secp256k1


def _address_secp256k1(key: bytes) -> bytes:
    if len(key) != _COMPRESSED:
        raise PANIC("recovered: length of pubkey is incorrect")
    return amino.Key(amino.SECP256K1, key).address


def _verify_secp256k1(key: bytes, message: bytes, signature: bytes) -> bool:
    """64 bytes r, s over SHA-256, s in the lower half (cosmos-sdk crypto/keys/secp256k1)."""
    return len(signature) == 64 and _verify_digest(key, sha256(message).digest(), signature)


@lru_cache(maxsize=_REMEMBERED)
def _verify_digest(key: bytes, digest: bytes, signature: bytes) -> bool:
    try:
        return dsa.verify(digest, key, dsa.to_der(signature))
    except ValueError:  # r or s out of range, or the key is no point
        return False


# secp256r1


def _check_secp256r1(key: bytes) -> None:
    """A compressed point (cosmos-sdk crypto/keys/internal/ecdsa/pubkey.go)."""
    if len(key) != _COMPRESSED:
        raise INVALID_PUBKEY(f"wrong ECDSA PK bytes, expecting {_COMPRESSED} bytes, got {len(key)}")
    try:
        _point(key)
    except ValueError as error:
        raise INVALID_PUBKEY(f"wrong ECDSA PK bytes, unknown curve type: {key[0]}") from error


@lru_cache(maxsize=1024)
def _point(key: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)


def _address_secp256r1(key: bytes) -> bytes:
    """32 bytes, as ADR-028 has it for types younger than itself."""
    if not key:
        raise nil_pointer()
    return addresses.hashed(SECP256R1.removeprefix("/").encode(), key)


def _verify_secp256r1(key: bytes, message: bytes, signature: bytes) -> bool:
    """64 bytes r, s over SHA-256, s in the lower half (cosmos-sdk crypto/keys/internal/ecdsa/pubkey.go)."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or s > _P256_HALF_ORDER:
        return False
    return _verify_point(key, sha256(message).digest(), utils.encode_dss_signature(r, s))


@lru_cache(maxsize=_REMEMBERED)
def _verify_point(key: bytes, digest: bytes, signature: bytes) -> bool:
    try:
        _point(key).verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    except InvalidSignature:
        return False
    return True


# ed25519


def _address_ed25519(key: bytes) -> bytes:
    if len(key) != _ED25519_SIZE:
        raise PANIC("recovered: pubkey is incorrect size")
    return amino.Key(amino.ED25519, key).address


def _verify_ed25519(key: bytes, message: bytes, signature: bytes) -> bool:
    """ZIP-215, as for validators (cosmos-sdk crypto/keys/ed25519)."""
    if len(key) != _ED25519_SIZE:
        return False
    return validator_keys.PublicKey(validator_keys.ED25519, key).verify(message, signature)


KEY_TYPES: Final = {
    SECP256K1: KeyType(
        message=secp256k1_pb2.PubKey,
        go="*secp256k1.PubKey",
        address=_address_secp256k1,
        verify=_verify_secp256k1,
        gas=("sig_verify_cost_secp256k1", "ante verify: secp256k1"),
        amino=amino.SECP256K1,
    ),
    SECP256R1: KeyType(
        message=secp256r1_pb2.PubKey,
        go="*secp256r1.PubKey",
        address=_address_secp256r1,
        verify=_verify_secp256r1,
        gas=("sig_verify_cost_secp256r1", "ante verify: secp256r1"),
        check=_check_secp256r1,
    ),
    ED25519: KeyType(
        message=ed25519_pb2.PubKey,
        go="*ed25519.PubKey",
        address=_address_ed25519,
        verify=_verify_ed25519,
        gas=("sig_verify_cost_ed25519", "ante verify: ed25519"),
        amino=amino.ED25519,
    ),
}
