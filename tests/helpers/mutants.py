"""Contracts with bytes of their functions replaced, such that they are contracts still."""

from __future__ import annotations

import random
from collections.abc import Callable

from chain.vm import wasm


def replaced(
    code: bytes, count: int, source: random.Random, passes: Callable[[bytes], bool]
) -> bytes:
    """``code`` with ``count`` bytes of function bodies changed, each so that the module still ``passes``."""
    bodies, made = wasm.parse(code).bodies, bytearray(code)
    while count:
        body = source.choice(bodies)
        at = source.randrange(body.code, body.end)
        before, made[at] = made[at], _other(made[at], source)
        if passes(bytes(made)):
            count -= 1
        else:
            made[at] = before
    return bytes(made)


def _other(byte: int, source: random.Random) -> int:
    return source.choice(
        (byte ^ 1 << source.randrange(8), (byte + 1) & 0xFF, source.randrange(256))
    )
