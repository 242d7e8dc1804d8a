"""Keccak-256 as Ethereum has it: SHA-3 before its padding was changed (FIPS 202, Keccak reference 3.0).

The standard library knows SHA-3 only. Used for paths and addresses that contracts on Ethereum compute.
"""

from typing import Final

_RATE: Final = 136  # bytes of the state that take input, for 256 bits of output
_MASK: Final = 2**64 - 1
_LANES: Final = tuple((x, y) for x in range(5) for y in range(5))


def keccak256(data: bytes) -> bytes:
    """The 32-byte digest."""
    padded = bytearray(data + b"\x01" + bytes(-(len(data) + 1) % _RATE))
    padded[-1] |= 0x80
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            word = int.from_bytes(padded[at : at + 8], "little")
            state[lane % 5][lane // 5] ^= word
        state = _permuted(state)
    return b"".join(state[lane][0].to_bytes(8, "little") for lane in range(4))


def _permuted(state: list[list[int]]) -> list[list[int]]:
    """Keccak-f[1600]: 24 rounds of theta, rho and pi, chi, iota."""
    for constant in _ROUND_CONSTANTS:
        column = [a[0] ^ a[1] ^ a[2] ^ a[3] ^ a[4] for a in state]
        mixed = [column[x - 1] ^ _rotated(column[(x + 1) % 5], 1) for x in range(5)]
        moved = [[0] * 5 for _ in range(5)]
        for x, y in _LANES:
            moved[y][(2 * x + 3 * y) % 5] = _rotated(state[x][y] ^ mixed[x], _OFFSETS[x, y])
        state = [
            [moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y]) for y in range(5)]
            for x in range(5)
        ]
        state[0][0] ^= constant
    return state


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & _MASK


def _offsets() -> dict[tuple[int, int], int]:
    """How far rho rotates each lane: triangular numbers along its walk."""
    found = {(0, 0): 0}
    x, y = 1, 0
    for step in range(24):
        found[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return found


def _round_constants() -> tuple[int, ...]:
    """The bits of iota, out of a linear feedback register."""
    register, found = 1, []
    for _ in range(24):
        constant = 0
        for bit in range(7):
            constant |= (register & 1) << (2**bit - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        found.append(constant)
    return tuple(found)


_OFFSETS: Final = _offsets()
_ROUND_CONSTANTS: Final = _round_constants()
