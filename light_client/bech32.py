"""Bech32 (BIP-173) text of addresses, longer than 90 characters allowed as in Cosmos.

The five-bit groups come from the standard library's base-32 codec (same grouping, other alphabet),
and the checksum takes two groups at a time from a table of 1,024 entries.
"""

import base64
from functools import lru_cache
from typing import Final

from light_client.errors import DecodeError

MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 1023  # btcutil's limit, which the Cosmos SDK passes to its decoder

_CHARSET = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_FROM_BASE32 = bytes.maketrans(_BASE32, bytes(range(32)))
_TO_CHARSET = bytes.maketrans(bytes(range(32)), _CHARSET)
_CHARSET_TO_BASE32 = bytes.maketrans(_CHARSET, _BASE32)
_CHARSET_TO_VALUE = bytes.maketrans(_CHARSET, bytes(range(32)))
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH = 6
_CACHED = 16_384


def _step(state: int, value: int) -> int:
    top = state >> 25
    state = (state & 0x1FFFFFF) << 5 ^ value
    for bit, generator in enumerate(_GENERATOR):
        if top >> bit & 1:
            state ^= generator
    return state


_TABLE = tuple(_step(_step(top << 20, 0), 0) for top in range(1024))


def _run(state: int, values: bytes) -> int:
    """Feed five-bit groups to the checksum, in pairs and then the odd last one."""
    even = len(values) & ~1
    for high, low in zip(values[:even:2], values[1:even:2], strict=True):
        state = (state & 0xFFFFF) << 10 ^ high << 5 ^ low ^ _TABLE[state >> 20]
    return state if even == len(values) else _step(state, values[-1])


@lru_cache(maxsize=256)
def _prefix_state(hrp: str) -> int:
    letters = hrp.encode()
    return _run(1, bytes(c >> 5 for c in letters) + b"\0" + bytes(c & 31 for c in letters))


def _check_hrp(hrp: str) -> None:
    if not 1 <= len(hrp) <= 83 or not all("!" <= c <= "~" for c in hrp):
        raise DecodeError(f"invalid bech32 prefix {hrp!r}")


@lru_cache(maxsize=_CACHED)
def encode(hrp: str, data: bytes) -> str:
    """The bech32 text of `data` under the prefix `hrp`.

    Raises DecodeError if the prefix is not 1..83 printable ASCII characters in lower case.
    """
    _check_hrp(hrp)
    if hrp != hrp.lower():
        raise DecodeError(f"bech32 prefix {hrp!r} is not in lower case")
    values = base64.b32encode(data).rstrip(b"=").translate(_FROM_BASE32)
    return f"{hrp}1{values.translate(_TO_CHARSET).decode()}{_checksum(hrp, values)}"


def _checksum(hrp: str, values: bytes) -> str:
    check = _run(_run(_prefix_state(hrp), values), bytes(_CHECKSUM_LENGTH)) ^ 1
    tail = bytes(check >> shift & 31 for shift in range(25, -1, -5))
    return tail.translate(_TO_CHARSET).decode()


@lru_cache(maxsize=_CACHED)
def decode(text: str) -> tuple[str, bytes]:
    """The prefix and the bytes of a bech32 text.

    Raises DecodeError on mixed case, a wrong character, length, checksum or padding, in the words of
    `cosmos/btcutil:bech32/error.go`: contracts get to read them, and pay for their length.
    """
    hrp, values = _split(text)
    if _run(_prefix_state(hrp), values) != 1:
        expected = _checksum(hrp, values[:-_CHECKSUM_LENGTH])
        actual = text.lower()[-_CHECKSUM_LENGTH:]
        raise DecodeError(f"invalid checksum (expected {expected} got {actual})")
    groups = values[:-_CHECKSUM_LENGTH].translate(_TO_CHARSET).translate(_CHARSET_TO_BASE32)
    spare = len(groups) * 5 % 8  # five or more: a group too many, which base 32 cannot end in
    if spare > 4 or (groups and values[len(groups) - 1] & (1 << spare) - 1):
        raise DecodeError("invalid incomplete group")
    return hrp, base64.b32decode(groups + b"=" * (-len(groups) % 8))


def _split(text: str) -> tuple[str, bytes]:
    length = len(text.encode("utf-8", "surrogatepass"))
    if not MIN_LENGTH <= length <= MAX_LENGTH:
        raise DecodeError(f"invalid bech32 string length {length}")
    strange = next((each for each in text if not "!" <= each <= "~"), None)
    if strange is not None:
        raise DecodeError(f"invalid character in string: {strange!r}")
    if text != text.lower() and text != text.upper():
        raise DecodeError("string not all lowercase or all uppercase")
    hrp, _, rest = text.lower().rpartition("1")
    if not hrp or len(rest) < _CHECKSUM_LENGTH:
        raise DecodeError(f"invalid separator index {text.rfind('1')}")
    payload = rest.encode()
    foreign = payload.translate(None, _CHARSET)
    if foreign:
        raise DecodeError(f"invalid character not part of charset: {foreign[0]}")
    _check_hrp(hrp)
    return hrp, payload.translate(_CHARSET_TO_VALUE)
