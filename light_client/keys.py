"""Validator keys: a table of key types, where a new type is one entry.

ed25519 follows ZIP-215, CometBFT's acceptance rule (`cometbft:crypto/ed25519`): strict libraries
refuse signatures that consensus counts. secp256k1 takes 64 bytes r, s over SHA-256 of the message,
s in the lower half (`cometbft:crypto/secp256k1`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

import ed25519_zebra
from btclib_libsecp256k1 import dsa

from light_client.errors import VerificationError
from light_client.ripemd import ripemd160

ED25519: Final = "ed25519"
SECP256K1: Final = "secp256k1"

_CACHED_SIGNATURES: Final = 4096


class UnsupportedKey(VerificationError):
    """A public key of a type, or of a size, that this package cannot check."""

    def __init__(self, type_: str, size: int | None = None, expected: int | None = None) -> None:
        super().__init__(
            f"public key type {type_} is not supported"
            if size is None
            else f"invalid size for public key of type {type_}: got {size}, expected {expected}"
        )
        self.type = type_
        self.size = size
        self.expected = expected


@dataclass(frozen=True, slots=True)
class KeyType:
    """What there is to know about one kind of key: names, tag, sizes in bytes, functions.

    `tag` is its number in the oneof of `tendermint.crypto.PublicKey`, `amino` its name in JSON.
    """

    name: str
    tag: int
    amino: str
    size: int
    address: Callable[[bytes], bytes]
    verify: Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A validator's public key."""

    type: str
    data: bytes

    def __post_init__(self) -> None:
        known = KEY_TYPES.get(self.type)
        if known is None:
            raise UnsupportedKey(self.type)
        if len(self.data) != known.size:
            raise UnsupportedKey(self.type, len(self.data), known.size)

    @property
    def address(self) -> bytes:
        """The 20 bytes that commits and headers name the validator by."""
        return _address(self.type, self.data)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is one of this key over this message."""
        return KEY_TYPES[self.type].verify(self.data, message, signature)


@lru_cache(maxsize=_CACHED_SIGNATURES)
def _verify_ed25519(key: bytes, message: bytes, signature: bytes) -> bool:
    """Remembered: a chain sees a header when it is simulated, in the mempool and in the block."""
    if len(signature) != 64:
        return False
    return bool(ed25519_zebra.ed_verify(signature, message, key))


def _verify_secp256k1(key: bytes, message: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    try:
        return dsa.verify(sha256(message).digest(), key, dsa.to_der(signature))
    except ValueError:  # r or s out of range, or the key is no point
        return False


@lru_cache(maxsize=16_384)
def _address(type_: str, data: bytes) -> bytes:
    return KEY_TYPES[type_].address(data)


KEY_TYPES: Final = {
    kind.name: kind
    for kind in (
        KeyType(
            name=ED25519,
            tag=1,
            amino="tendermint/PubKeyEd25519",
            size=32,
            address=lambda key: sha256(key).digest()[:20],
            verify=_verify_ed25519,
        ),
        KeyType(
            name=SECP256K1,
            tag=2,
            amino="tendermint/PubKeySecp256k1",
            size=33,
            address=lambda key: ripemd160(sha256(key).digest()),
            verify=_verify_secp256k1,
        ),
    )
}
BY_TAG: Final = {kind.tag: kind for kind in KEY_TYPES.values()}
BY_AMINO: Final = {kind.amino: kind for kind in KEY_TYPES.values()}
