"""The signature schemes that contracts may ask the host for.

Each function takes the bytes that the contract passed and returns the code that goes back to it: 0
for yes, 1 for no, 3 and above for an input that is not what it should be. Rules of acceptance and
codes: cosmwasm-crypto packages/crypto/src (secp256k1.rs, secp256r1.rs, ed25519.rs, bls12_381,
errors.rs). The libraries are imported when the first contract needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chain.vm import p256

if TYPE_CHECKING:
    from collections.abc import Sequence

VALID, INVALID = 0, 1
INVALID_HASH = 3
INVALID_SIGNATURE = 4
INVALID_PUBKEY = 5
INVALID_RECOVERY_PARAM = 6
BATCH_ERROR = 7
INVALID_POINT = 8
UNKNOWN_HASH_FUNCTION = 9
GENERIC_ERROR = 10
NOT_MULTIPLE_G1 = 11
NOT_MULTIPLE_G2 = 12
UNEQUAL_POINTS = 13
NO_POINTS = 14
AGGREGATE_NOT_MULTIPLE = 15

G1_LENGTH: Final = 48
G2_LENGTH: Final = 96
_INFINITY: Final = b"\xc0"
_INFINITY_FLAG: Final = 0x40

_K256_N: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_SHA256: Final = 0


def secp256k1_verify(digest: bytes, signature: bytes, pubkey: bytes) -> int:
    """ECDSA over secp256k1; `s` may be high. `signature` is r and s, `pubkey` SEC 1."""
    malformed = _malformed(digest, signature, pubkey)
    if malformed is not None:
        return malformed
    if _scalars(signature, _K256_N) is None:
        return GENERIC_ERROR
    from btclib_libsecp256k1 import dsa  # noqa: PLC0415

    # r and s were just found in range: what the library still objects to is the key
    try:
        valid = dsa.verify(digest, pubkey, dsa.normalize(dsa.to_der(signature)))
    except ValueError:
        return GENERIC_ERROR
    return VALID if valid else INVALID


def secp256k1_recover(digest: bytes, signature: bytes, param: int) -> bytes | int:
    """The signer's key, 65 bytes, or a code."""
    malformed = _malformed(digest, signature)
    if malformed is not None:
        return malformed
    if param not in {0, 1}:
        return INVALID_RECOVERY_PARAM
    if _scalars(signature, _K256_N) is None:
        return GENERIC_ERROR
    from btclib_libsecp256k1 import recovery  # noqa: PLC0415

    try:
        key: bytes = recovery.recover(digest, signature, param, compressed=False)
    except ValueError:
        return GENERIC_ERROR
    return key


def secp256r1_verify(digest: bytes, signature: bytes, pubkey: bytes) -> int:
    malformed = _malformed(digest, signature, pubkey)
    if malformed is not None:
        return malformed
    scalars = _scalars(signature, p256.N)
    if scalars is None:
        return GENERIC_ERROR
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415

    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), pubkey)
    except ValueError:
        return GENERIC_ERROR
    try:
        key.verify(
            utils.encode_dss_signature(*scalars),
            digest,
            ec.ECDSA(utils.Prehashed(hashes.SHA256())),
        )
    except InvalidSignature:
        return INVALID
    return VALID


def secp256r1_recover(digest: bytes, signature: bytes, param: int) -> bytes | int:
    malformed = _malformed(digest, signature)
    if malformed is not None:
        return malformed
    if param not in range(4):
        return INVALID_RECOVERY_PARAM
    scalars = _scalars(signature, p256.N)
    if scalars is None:
        return GENERIC_ERROR
    key = p256.recover(digest, *scalars, param)
    return GENERIC_ERROR if key is None else key


def _malformed(digest: bytes, signature: bytes, pubkey: bytes | None = None) -> int | None:
    if len(digest) != 32:
        return INVALID_HASH
    if len(signature) != 64:
        return INVALID_SIGNATURE
    if pubkey is not None and (pubkey[:1], len(pubkey)) not in {
        (b"\x02", 33),
        (b"\x03", 33),
        (b"\x04", 65),
    }:
        return INVALID_PUBKEY
    return None


def _scalars(signature: bytes, order: int) -> tuple[int, int] | None:
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    return (r, s) if 0 < r < order and 0 < s < order else None


def ed25519_verify(message: bytes, signature: bytes, pubkey: bytes) -> int:
    """Ed25519 under ZIP-215, the rule of CometBFT and cosmwasm-crypto."""
    if len(signature) != 64:
        return INVALID_SIGNATURE
    if len(pubkey) != 32:
        return INVALID_PUBKEY
    from ed25519_zebra import ed_verify  # noqa: PLC0415

    return VALID if ed_verify(signature, message, pubkey) else INVALID


def ed25519_batch_verify(
    messages: Sequence[bytes], signatures: Sequence[bytes], pubkeys: Sequence[bytes]
) -> int:
    """All of them valid? One message or one key may stand for many.

    ZIP-215 makes batch and single verification agree, so that checking one by one is exact.
    """
    count = len(signatures)
    if len(messages) == 1 and len(pubkeys) == count:
        messages = [messages[0]] * count
    elif len(pubkeys) == 1 and len(messages) == count:
        pubkeys = [pubkeys[0]] * count
    elif not len(messages) == len(pubkeys) == count:
        return BATCH_ERROR
    codes = [_batch_item(*item) for item in zip(signatures, pubkeys, strict=True)]
    malformed = next((code for code in codes if code is not None), None)
    if malformed is not None:
        return malformed
    items = zip(messages, signatures, pubkeys, strict=True)
    return VALID if all(ed25519_verify(*item) == VALID for item in items) else INVALID


def _batch_item(signature: bytes, pubkey: bytes) -> int | None:
    if len(signature) != 64:
        return INVALID_SIGNATURE
    return INVALID_PUBKEY if len(pubkey) != 32 else None


def bls_aggregate_g1(points: bytes, *, strict: bool = True) -> bytes | int:
    """The sum of compressed points; `strict`: see `_decode`."""
    from py_arkworks_bls12381 import G1Point  # noqa: PLC0415

    return _aggregate(G1Point, points, G1_LENGTH, strict=strict)


def bls_aggregate_g2(points: bytes, *, strict: bool = True) -> bytes | int:
    from py_arkworks_bls12381 import G2Point  # noqa: PLC0415

    return _aggregate(G2Point, points, G2_LENGTH, strict=strict)


def _aggregate(group: Any, points: bytes, length: int, *, strict: bool) -> bytes | int:
    if not points:
        return NO_POINTS
    if len(points) % length:
        return AGGREGATE_NOT_MULTIPLE
    decoded = _decode(group, points, length, strict=strict)
    if decoded is None:
        return INVALID_POINT
    total: bytes = sum(decoded, group.identity()).to_compressed_bytes()
    return total


def _decode(group: Any, points: bytes, length: int, *, strict: bool) -> list[Any] | None:
    """Compressed points, each on the curve and in the subgroup; None if one is not.

    Whatever follows the flag of the point at infinity is ignored unless `strict`: then it must be
    zeros, as arkworks has it since 0.5 and so cosmwasm-crypto since 3.0.
    """
    encoded = [points[start : start + length] for start in range(0, len(points), length)]
    infinity = _INFINITY.ljust(length, b"\0")
    if strict and any(point[0] & _INFINITY_FLAG and point != infinity for point in encoded):
        return None
    try:
        return [group.from_compressed_bytes(point) for point in encoded]
    except ValueError:
        return None


def bls_pairing_equality(ps: bytes, qs: bytes, r: bytes, s: bytes, *, strict: bool = True) -> int:
    """Whether e(p1, q1) * ... * e(pn, qn) = e(r, s)."""
    if len(ps) % G1_LENGTH:
        return NOT_MULTIPLE_G1
    if len(qs) % G2_LENGTH:
        return NOT_MULTIPLE_G2
    if len(ps) // G1_LENGTH != len(qs) // G2_LENGTH:
        return UNEQUAL_POINTS
    if len(r) != G1_LENGTH or len(s) != G2_LENGTH:
        return INVALID_POINT
    from py_arkworks_bls12381 import GT, G1Point, G2Point  # noqa: PLC0415

    left = _decode(G1Point, ps + r, G1_LENGTH, strict=strict)
    right = _decode(G2Point, qs + s, G2_LENGTH, strict=strict)
    if left is None or right is None:
        return INVALID_POINT
    left[-1] = -left[-1]
    return VALID if GT.pairing_check(left, right) else INVALID


def bls_hash_to_g1(hash_function: int, message: bytes, dst: bytes) -> bytes | int:
    from py_arkworks_bls12381 import G1Point  # noqa: PLC0415

    return _hash_to(G1Point, hash_function, message, dst)


def bls_hash_to_g2(hash_function: int, message: bytes, dst: bytes) -> bytes | int:
    from py_arkworks_bls12381 import G2Point  # noqa: PLC0415

    return _hash_to(G2Point, hash_function, message, dst)


def _hash_to(group: Any, hash_function: int, message: bytes, dst: bytes) -> bytes | int:
    if hash_function != _SHA256:
        return UNKNOWN_HASH_FUNCTION
    point: bytes = group.hash_to_curve(message, dst).to_compressed_bytes()
    return point
