"""BIP-39 mnemonics with the English word list, and BIP-32 keys on secp256k1."""

import hmac
import re
import secrets
import unicodedata
from functools import cache
from hashlib import pbkdf2_hmac, sha256, sha512
from importlib.resources import files
from typing import Final

from btclib_libsecp256k1 import keys

from relayer.errors import KeyringError

COSMOS_PATH: Final = "m/44'/118'/0'/0/0"
WORD_COUNTS: Final = (12, 15, 18, 21, 24)

_HARDENED = 1 << 31
_ROUNDS = 2048
_BITS_PER_WORD = 11


def generate_mnemonic(words: int = 24) -> str:
    """A fresh mnemonic of 12, 15, 18, 21 or 24 words from the system's random source."""
    if words not in WORD_COUNTS:
        raise KeyringError(f"a mnemonic has 12, 15, 18, 21 or 24 words, not {words}")
    return entropy_to_mnemonic(secrets.token_bytes(words * 4 // 3))


def entropy_to_mnemonic(entropy: bytes) -> str:
    """The words for 16, 20, 24, 28 or 32 bytes of entropy."""
    size = len(entropy)
    if size not in {count * 4 // 3 for count in WORD_COUNTS}:
        raise KeyringError(f"entropy is 16, 20, 24, 28 or 32 bytes long, not {size}")
    check_bits = size // 4
    check = sha256(entropy).digest()[0] >> (8 - check_bits)
    number = int.from_bytes(entropy, "big") << check_bits | check
    count = (size * 8 + check_bits) // _BITS_PER_WORD
    shifts = range((count - 1) * _BITS_PER_WORD, -1, -_BITS_PER_WORD)
    return " ".join(_words()[number >> shift & 2047] for shift in shifts)


def mnemonic_to_entropy(mnemonic: str) -> bytes:
    """The entropy behind a mnemonic.

    Raises KeyringError for a wrong number of words, an unknown word (named by its place, since a
    mnemonic is a secret) or a wrong checksum.
    """
    words = _normalize(mnemonic).split()
    if len(words) not in WORD_COUNTS:
        raise KeyringError(f"a mnemonic has 12, 15, 18, 21 or 24 words, not {len(words)}")
    number = 0
    for place, word in enumerate(words, 1):
        if word not in _indices():
            raise KeyringError(f"word {place} of the mnemonic is not in the BIP-39 English list")
        number = number << _BITS_PER_WORD | _indices()[word]
    entropy = (number >> len(words) // 3).to_bytes(len(words) * 4 // 3, "big")
    if entropy_to_mnemonic(entropy) != " ".join(words):
        raise KeyringError("the checksum of the mnemonic is wrong: is every word right?")
    return entropy


def mnemonic_to_seed(mnemonic: str, passphrase: str = "") -> bytes:
    """The 64-byte seed; the mnemonic is checked first."""
    mnemonic_to_entropy(mnemonic)
    words = " ".join(_normalize(mnemonic).split())
    salt = _normalize(f"mnemonic{passphrase}")
    return pbkdf2_hmac("sha512", words.encode(), salt.encode(), _ROUNDS)


def derive(seed: bytes, path: str) -> tuple[bytes, bytes]:
    """The private key and chain code, 32 bytes each, at a path such as m/44'/118'/0'/0/0."""
    digest = hmac.digest(b"Bitcoin seed", seed, sha512)
    key, chain = digest[:32], digest[32:]
    if not keys.prvkey_verify(key):
        raise KeyringError("the seed gives no valid master key")
    for index in parse_path(path):
        key, chain = _child(key, chain, index)
    return key, chain


def derive_ed25519(seed: bytes, path: str) -> tuple[bytes, bytes]:
    """The same for ed25519 (SLIP-10), which has hardened children alone; raises KeyringError for others."""
    digest = hmac.digest(b"ed25519 seed", seed, sha512)
    key, chain = digest[:32], digest[32:]
    for index in parse_path(path):
        if not index & _HARDENED:
            raise KeyringError(f"derivation path {path}: ed25519 keys have hardened children only")
        digest = hmac.digest(chain, b"\0" + key + index.to_bytes(4, "big"), sha512)
        key, chain = digest[:32], digest[32:]
    return key, chain


def parse_path(path: str) -> list[int]:
    """The child numbers of a derivation path, hardened ones with bit 31 set."""
    if not re.fullmatch(r"m(/[0-9]{1,10}'?)*", path):
        raise KeyringError(f"derivation path {path!r} is not of the form m/44'/118'/0'/0/0")
    steps = []
    for step in path.split("/")[1:]:
        index = int(step.removesuffix("'"))
        if index >= _HARDENED:
            raise KeyringError(f"step {step} of derivation path {path} exceeds 2147483647")
        steps.append(index | (_HARDENED if step.endswith("'") else 0))
    return steps


def _child(key: bytes, chain: bytes, index: int) -> tuple[bytes, bytes]:
    """CKDpriv of BIP-32."""
    parent = b"\0" + key if index & _HARDENED else keys.pubkey_from_prvkey(key)
    digest = hmac.digest(chain, parent + index.to_bytes(4, "big"), sha512)
    try:
        return keys.prvkey_tweak_add(key, digest[:32]), digest[32:]
    except ValueError as error:  # one in 2**127: BIP-32 says to take another index
        raise KeyringError(f"child {index} of this key does not exist") from error


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


@cache
def _words() -> list[str]:
    return files("relayer").joinpath("bip39_english.txt").read_text("ascii").split()


@cache
def _indices() -> dict[str, int]:
    return {word: index for index, word in enumerate(_words())}
