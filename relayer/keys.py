"""Signers: secp256k1 keys as Cosmos accounts use them."""

from dataclasses import dataclass, field
from hashlib import sha256

from btclib_libsecp256k1 import dsa, keys

from light_client import bech32
from light_client.ripemd import ripemd160
from relayer.errors import KeyringError
from relayer.mnemonic import COSMOS_PATH, derive, mnemonic_to_seed


@dataclass(frozen=True, slots=True)
class Signer:
    """An account's key: 32 private bytes, which are never shown, and the 33-byte public key."""

    secret: bytes = field(repr=False)
    public_key: bytes

    @classmethod
    def from_secret(cls, secret: bytes) -> "Signer":
        if len(secret) != 32 or not keys.prvkey_verify(secret):
            raise KeyringError("a secp256k1 private key is 32 bytes below the group order")
        return cls(secret, keys.pubkey_from_prvkey(secret))

    @classmethod
    def from_mnemonic(
        cls, mnemonic: str, path: str = COSMOS_PATH, passphrase: str = ""
    ) -> "Signer":
        return cls.from_secret(derive(mnemonic_to_seed(mnemonic, passphrase), path)[0])

    def address(self, prefix: str) -> str:
        """The account's bech32 address on a chain with this prefix."""
        return bech32.encode(prefix, address_bytes(self.public_key))

    def sign(self, message: bytes) -> bytes:
        """64 bytes r, s over SHA-256 of the message: RFC 6979 nonce, s in the lower half."""
        return dsa.to_compact(dsa.sign(sha256(message).digest(), self.secret))


def address_bytes(public_key: bytes) -> bytes:
    """The 20 bytes of a secp256k1 account: RIPEMD-160 of SHA-256 of the compressed key."""
    return ripemd160(sha256(public_key).digest())
