"""The table of key types, and RIPEMD-160 where OpenSSL lacks it."""

import hashlib

import pytest
from btclib_libsecp256k1 import dsa, mult
from helpers.validators import signer

from light_client import keys, ripemd
from light_client.keys import ED25519, SECP256K1, PublicKey, UnsupportedKey

SECP_KEY = (
    mult.mult_(1)[:33]
    if len(mult.mult_(1)) == 33
    else bytes([2 + mult.mult_(1)[-1] % 2]) + mult.mult_(1)[1:33]
)


def test_ed25519_signs_and_names() -> None:
    alice = signer("alice")
    key = alice.validator.pub_key
    signature = alice.sign(b"message")
    assert key.verify(b"message", signature)
    assert not key.verify(b"massage", signature)
    assert not key.verify(b"message", signature[:-1])
    assert key.address == hashlib.sha256(key.data).digest()[:20]


def test_secp256k1_takes_64_bytes_with_a_low_s() -> None:
    key = PublicKey(SECP256K1, SECP_KEY)
    signature = dsa.to_compact(dsa.sign(hashlib.sha256(b"message").digest(), 1))
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high = (order - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert key.verify(b"message", signature)
    assert not key.verify(b"massage", signature)
    assert not key.verify(b"message", signature[:32] + high)
    assert not key.verify(b"message", signature + b"\0")
    assert not key.verify(b"message", b"\xff" * 64)
    # the address of secret key 1, known from every block explorer
    assert key.address.hex() == "751e76e8199196d454941c45d1b3a323f1433bd6"


def test_a_key_that_is_no_point_verifies_nothing() -> None:
    signature = dsa.to_compact(dsa.sign(hashlib.sha256(b"").digest(), 1))
    assert not PublicKey(SECP256K1, b"\2" + b"\xff" * 32).verify(b"", signature)
    assert not PublicKey(ED25519, b"\xff" * 32).verify(b"", bytes(64))


def test_unknown_types_are_a_sentence() -> None:
    with pytest.raises(UnsupportedKey, match="public key type mldsa65 is not supported") as caught:
        PublicKey("mldsa65", bytes(1952))
    assert caught.value.type == "mldsa65"


def test_wrong_sizes_are_a_sentence() -> None:
    with pytest.raises(UnsupportedKey, match="got 31, expected 32") as caught:
        PublicKey(ED25519, bytes(31))
    assert (caught.value.size, caught.value.expected) == (31, 32)


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 200])
def test_our_ripemd160_is_openssls(size: int) -> None:
    data = bytes(range(size))
    assert ripemd.ripemd160_portable(data) == ripemd.ripemd160(data)


def test_ripemd160_without_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *_: object, **__: object) -> None:
        raise ValueError(f"unsupported hash type {name}")

    monkeypatch.setattr(hashlib, "new", refuse)
    assert not ripemd._openssl_has_it()
    monkeypatch.setattr(ripemd, "_OPENSSL_HAS_IT", False)
    assert ripemd.ripemd160(b"abc").hex() == "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"


def test_the_table_is_consistent() -> None:
    assert {kind.name for kind in keys.BY_TAG.values()} == set(keys.KEY_TYPES)
    assert {kind.name for kind in keys.BY_AMINO.values()} == set(keys.KEY_TYPES)
