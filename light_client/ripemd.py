"""RIPEMD-160, from OpenSSL where its legacy provider is loaded, else from here.

Cosmos addresses of secp256k1 keys need it, and many distributions of OpenSSL 3 leave it out. The
tables are those of the original paper (Dobbertin, Bosselaers, Preneel, 1996), a hex digit per step.
"""

import hashlib
from collections.abc import Callable
from typing import Final

_MASK = 0xFFFFFFFF
_START: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)


def _digits(*rows: str) -> tuple[int, ...]:
    return tuple(int(digit, 16) for row in rows for digit in row)


_LEFT_WORDS = _digits(
    "0123456789abcdef",
    "74d1a6f3c0952eb8",
    "3ae49f812706db5c",
    "19ba08c4d37fe562",
    "40597c2ae138b6fd",
)
_RIGHT_WORDS = _digits(
    "5e7092b4d6f81a3c",
    "6b370d5aef8c4912",
    "f5137e69b8c2a04d",
    "86413bf05c2d97ae",
    "cfa4158762de039b",
)
_LEFT_SHIFTS = _digits(
    "befc5879bdef6798",
    "768db97f7cf9b7dc",
    "bd67e9dfe8d65c75",
    "bcefef989e56865c",
    "9f5b68dc5cdeb856",
)
_RIGHT_SHIFTS = _digits(
    "899bdff5778beec6",
    "9df7c89b77c76fdb",
    "97fb866ecd5edd75",
    "f58bee6e69c9c5f8",
    "85c9c5e68d65fdbb",
)
_LEFT_CONSTANTS = (0, 0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xA953FD4E)
_RIGHT_CONSTANTS = (0x50A28BE6, 0x5C4DD124, 0x6D703EF3, 0x7A6D76E9, 0)

_Mix = Callable[[int, int, int], int]
_MIXES: tuple[_Mix, ...] = (
    lambda x, y, z: x ^ y ^ z,
    lambda x, y, z: (x & y) | (~x & z),
    lambda x, y, z: (x | ~y) ^ z,
    lambda x, y, z: (x & z) | (y & ~z),
    lambda x, y, z: x ^ (y | ~z),
)

_Tables = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[_Mix, ...]]
_LEFT: _Tables = (_LEFT_WORDS, _LEFT_SHIFTS, _LEFT_CONSTANTS, _MIXES)
_RIGHT: _Tables = (_RIGHT_WORDS, _RIGHT_SHIFTS, _RIGHT_CONSTANTS, _MIXES[::-1])


def ripemd160(data: bytes) -> bytes:
    """The 20-byte digest of `data`."""
    if _OPENSSL_HAS_IT:
        return hashlib.new("ripemd160", data, usedforsecurity=False).digest()
    return ripemd160_portable(data)


def ripemd160_portable(data: bytes) -> bytes:
    """The same digest without OpenSSL, about a thousand times slower."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + (8 * len(data)).to_bytes(8, "little")
    state = _START
    for at in range(0, len(padded), 64):
        block = padded[at : at + 64]
        words = [int.from_bytes(block[i : i + 4], "little") for i in range(0, 64, 4)]
        state = _compress(state, words)
    return b"".join(word.to_bytes(4, "little") for word in state)


_State = tuple[int, int, int, int, int]


def _compress(state: _State, words: list[int]) -> _State:
    left = _line(state, words, _LEFT)
    right = _line(state, words, _RIGHT)
    return (
        (state[1] + left[2] + right[3]) & _MASK,
        (state[2] + left[3] + right[4]) & _MASK,
        (state[3] + left[4] + right[0]) & _MASK,
        (state[4] + left[0] + right[1]) & _MASK,
        (state[0] + left[1] + right[2]) & _MASK,
    )


def _line(state: _State, words: list[int], tables: _Tables) -> _State:
    order, shifts, constants, mixes = tables
    a, b, c, d, e = state
    for step in range(80):
        mix, constant = mixes[step // 16], constants[step // 16]
        total = (a + mix(b, c, d) + words[order[step]] + constant) & _MASK
        shift = shifts[step]
        rotated = (total << shift | total >> (32 - shift)) & _MASK
        a, b, c, d, e = e, (rotated + e) & _MASK, b, (c << 10 | c >> 22) & _MASK, d
    return a, b, c, d, e


def _openssl_has_it() -> bool:
    try:
        hashlib.new("ripemd160", usedforsecurity=False)
    except ValueError:
        return False
    return True


_OPENSSL_HAS_IT: Final = _openssl_has_it()
