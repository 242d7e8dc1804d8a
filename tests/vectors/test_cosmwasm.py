"""What contracts ask of their host: addresses and signatures."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from chain.modules.wasm import keys
from chain.vm import crypto
from light_client import bech32

FOLDER = vectors.topic("cosmwasm")
VALID: Final = 0
POP: Final = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
QUUX: Final = b"QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_"
G1: Final = bytes.fromhex(
    "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58"
    "6c55e83ff97a1aeffb3af00adb22c6bb"
)
INFINITY: Final = b"\xc0" + bytes(47)
P: Final = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f624"
    "1eabfffeb153ffffb9feffffffffaaab",
    16,
)


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    if "message" in case:
        run_signature(name, case)
    else:
        vectors.run(name, case, RUNNERS)


def run_classic(case: Case) -> None:
    address = keys.classic_address(case["code_id"], case["instance_id"])
    prefix = case["address"].rpartition("1")[0]
    assert bech32.encode(prefix, address) == case["address"]


def run_predictable(case: Case) -> None:
    given = case["in"]
    message = (given["msg"] or "").encode()
    checksum, creator, salt = (raw(given[name]) for name in ("checksum", "creatorData", "salt"))
    address = keys.predictable_address(checksum, creator, salt, message)
    assert address.hex() == case["intermediate"]["addressData"]
    prefix, decoded = bech32.decode(given["creator"])
    assert decoded == creator
    assert bech32.encode(prefix, address) == case["out"]["address"]


def run_signature(name: str, case: Case) -> None:
    """Valid as it is, and not after any of three flips."""
    message, signature, key = (raw(case[field]) for field in ("message", "signature", "pubkey"))
    if "ed25519" in name:
        assert crypto.ed25519_verify(message, signature, key) == VALID
        assert crypto.ed25519_verify(message + b"x", signature, key) != VALID
        assert crypto.ed25519_verify(message, flipped(signature), key) != VALID
        assert crypto.ed25519_batch_verify([message], [signature], [key]) == VALID
        return
    verify = crypto.secp256r1_verify if "r1" in name else crypto.secp256k1_verify
    recover = crypto.secp256r1_recover if "r1" in name else crypto.secp256k1_recover
    digest = sha256(message).digest()
    assert case.get("message_hash", digest.hex()) == digest.hex()
    assert verify(digest, signature, key) == VALID
    assert verify(sha256(digest).digest(), signature, key) != VALID
    assert verify(digest, flipped(signature), key) != VALID
    assert key in [recover(digest, signature, param) for param in (0, 1)]


def flipped(signature: bytes) -> bytes:
    return signature[:40] + bytes([signature[40] ^ 1]) + signature[41:]


# BLS12-381, in the suites of Ethereum's tests: keys in G1, signatures in G2.


def run_bls(case: Case) -> None:
    suite, given, wanted = case["suite"], case["input"], case["output"]
    found = SUITES[suite](given)
    if suite == "hash_to_G2":
        wanted = compressed(*(coordinates(wanted[axis]) for axis in "xy")).hex()
    assert found == wanted


def aggregate(given: Sequence[str]) -> str | None:
    total = crypto.bls_aggregate_g2(b"".join(map(hexed, given)))
    return f"0x{total.hex()}" if isinstance(total, bytes) else None


def verify(keys_: Sequence[str], messages: Sequence[str], signature: str) -> bool:
    points = [hexed(key) for key in keys_]
    if INFINITY in points or not points or len(points) != len(messages):
        return False
    hashes = [hash_to_g2(hexed(message), POP) for message in messages]
    return (
        crypto.bls_pairing_equality(b"".join(points), b"".join(hashes), G1, hexed(signature))
        == VALID
    )


def fast_aggregate_verify(given: Case) -> bool:
    points = [hexed(key) for key in given["pubkeys"]]
    total = crypto.bls_aggregate_g1(b"".join(points))
    if INFINITY in points or not isinstance(total, bytes):
        return False
    return verify([total.hex()], [given["message"]], given["signature"])


def batch_verify(given: Case) -> bool:
    columns = (given["pubkeys"], given["messages"], given["signatures"])
    return all(verify([key], [message], sig) for key, message, sig in zip(*columns, strict=True))


def hash_to_g2(message: bytes, dst: bytes) -> bytes:
    found = crypto.bls_hash_to_g2(0, message, dst)
    assert isinstance(found, bytes)
    return found


def is_encoding(sum_of: Callable[[bytes], bytes | int], text: str) -> bool:
    """Whether this is how a point is written.

    The host functions also take infinity with stray bits, as the library does that cosmwasm-crypto decodes with.
    """
    return sum_of(hexed(text)) == hexed(text)


def hexed(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def coordinates(text: str) -> tuple[int, int]:
    c0, c1 = (int(part, 16) for part in text.split(","))
    return c0, c1


def compressed(x: tuple[int, int], y: tuple[int, int]) -> bytes:
    larger = (y[1] or y[0]) > (P - 1) // 2
    point = bytearray(x[1].to_bytes(48, "big") + x[0].to_bytes(48, "big"))
    point[0] |= 0x80 | larger << 5
    return bytes(point)


SUITES: Final[dict[str, Callable[[Any], Any]]] = {
    "aggregate": aggregate,
    "aggregate_verify": lambda it: verify(it["pubkeys"], it["messages"], it["signature"]),
    "batch_verify": batch_verify,
    "deserialization_G1": lambda it: is_encoding(crypto.bls_aggregate_g1, it["pubkey"]),
    "deserialization_G2": lambda it: is_encoding(crypto.bls_aggregate_g2, it["signature"]),
    "fast_aggregate_verify": fast_aggregate_verify,
    "hash_to_G2": lambda it: hash_to_g2(it["msg"].encode(), QUUX).hex(),
    "verify": lambda it: verify([it["pubkey"]], [it["message"]], it["signature"]),
}
RUNNERS: Final[list[vectors.Runner]] = [
    ({"code_id", "instance_id", "address"}, run_classic),
    ({"in", "intermediate", "out"}, run_predictable),
    ({"suite", "input", "output"}, run_bls),
]


def test_the_set_is_complete() -> None:
    vectors.enough(vectors.cases(FOLDER), 97)
