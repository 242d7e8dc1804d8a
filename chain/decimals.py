"""Decimals: text with a point in JSON, the same number times 10^18 in protobuf (cosmossdk.io/math LegacyDec)."""

from __future__ import annotations

import re
from typing import Final

DIGITS: Final = 18
ONE: Final = 10**DIGITS

MAX_BITS: Final = 315  # of the number times 10^18 (LegacyMaxBitLen with the precision's bits)

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,200}", re.ASCII)
_DECIMAL: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,18}))?", re.ASCII)


def parse(text: str) -> int:
    """``0.1`` is 10^17. ValueError for what is no decimal."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no decimal with at most {DIGITS} digits after the point")
    sign, whole, part = found.groups()
    return int(f"{sign}{whole}{(part or '').ljust(DIGITS, '0')}")


def from_text(text: str) -> int:
    """The same as ``cosmossdk.io/math`` reads it (LegacyNewDecFromStr): ValueError in its words."""
    unsigned = text.removeprefix("-")
    if not unsigned:
        raise ValueError("decimal string cannot be empty")
    before, *after = unsigned.split(".")
    if len(after) > 1:
        raise ValueError("invalid decimal string")
    digits = len(after[0]) if after else 0
    if after and not (digits and before):
        raise ValueError("invalid decimal length")
    if digits > DIGITS:
        over = f"by {DIGITS - digits} decimal places: max precision {DIGITS}"
        raise ValueError(f"value '{unsigned}' exceeds max precision {over}")
    combined = before + "".join(after) + "0" * (DIGITS - digits)
    if _INTEGER.fullmatch(combined) is None:
        raise ValueError(f"failed to set decimal string with base 10: {combined}")
    value = int(combined)
    if value.bit_length() > MAX_BITS:
        raise ValueError("out of range: invalid decimal string")
    return -value if text.startswith("-") else value


def show(stored: str) -> str:
    """The text of what a protobuf message holds; empty text there is zero."""
    value = int(stored or "0")
    whole, part = divmod(abs(value), ONE)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{DIGITS}}"


def whole(stored: str) -> int:
    """The part before the point."""
    return int(stored or "0") // ONE
