"""Public key recovery on secp256r1, which no library at hand offers.

SEC 1, section 4.1.6. It runs on public data only, so nothing here needs to be constant-time. Points
are Jacobian triples; the point at infinity has z = 0.
"""

from __future__ import annotations

from typing import Final

P: Final = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

Point = tuple[int, int, int]

_G: Final[Point] = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
_INFINITY: Final[Point] = (1, 1, 0)


def recover(digest: bytes, r: int, s: int, recovery_id: int) -> bytes | None:
    """The uncompressed public key (65 bytes) of a signature over a 32-byte digest, or None.

    Bit 0 of `recovery_id` is the parity of y, bit 1 says that x was reduced by the group order.
    `r` and `s` must lie in [1, n).
    """
    nonce_point = _decompress(r + N * (recovery_id >> 1), recovery_id & 1)
    if nonce_point is None:
        return None
    inverse = pow(r, -1, N)
    key = _add(
        _multiply(nonce_point, s * inverse % N),
        _multiply(_G, -int.from_bytes(digest, "big") * inverse % N),
    )
    return _encode(key)


def _decompress(x: int, odd: int) -> Point | None:
    if x >= P:
        return None
    square = (x * x * x - 3 * x + _B) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    return (x, y if y & 1 == odd else P - y, 1)


def _encode(point: Point) -> bytes | None:
    x, y, z = point
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return (
        b"\x04"
        + (x * square % P).to_bytes(32, "big")
        + (y * square * inverse % P).to_bytes(32, "big")
    )


def _double(point: Point) -> Point:
    # dbl-2001-b of the Explicit-Formulas Database, for a = -3
    x, y, z = point
    delta = z * z % P
    gamma = y * y % P
    beta = x * gamma % P
    alpha = 3 * (x - delta) * (x + delta) % P
    x3 = (alpha * alpha - 8 * beta) % P
    z3 = ((y + z) * (y + z) - gamma - delta) % P
    return (x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P, z3)


def _add(left: Point, right: Point) -> Point:
    if left[2] == 0:
        return right
    if right[2] == 0:
        return left
    x1, y1, z1 = left
    x2, y2, z2 = right
    z1z1, z2z2 = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * z2z2 % P, x2 * z1z1 % P
    s1, s2 = y1 * z2 * z2z2 % P, y2 * z1 * z1z1 % P
    h, slope = (u2 - u1) % P, (s2 - s1) % P
    if h == 0:
        return _double(left) if slope == 0 else _INFINITY
    h2 = h * h % P
    h3, v = h * h2 % P, u1 * h2 % P
    x3 = (slope * slope - h3 - 2 * v) % P
    return (x3, (slope * (v - x3) - s1 * h3) % P, h * z1 * z2 % P)


def _multiply(point: Point, scalar: int) -> Point:
    result = _INFINITY
    for bit in f"{scalar:b}":
        result = _double(result)
        if bit == "1":
            result = _add(result, point)
    return result
