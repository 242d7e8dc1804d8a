"""Decimals: text with a point in JSON, the same number times 10^18 in protobuf (cosmossdk.io/math LegacyDec)."""

from __future__ import annotations

import re
from typing import Final

DIGITS: Final = 18
ONE: Final = 10**DIGITS

_DECIMAL: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,18}))?", re.ASCII)


def parse(text: str) -> int:
    """``0.1`` is 10^17. ValueError for what is no decimal."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no decimal with at most {DIGITS} digits after the point")
    sign, whole, part = found.groups()
    return int(f"{sign}{whole}{(part or '').ljust(DIGITS, '0')}")


def show(stored: str) -> str:
    """The text of what a protobuf message holds; empty text there is zero."""
    value = int(stored or "0")
    whole, part = divmod(abs(value), ONE)
    return f"{'-' if value < 0 else ''}{whole}.{part:0{DIGITS}}"


def whole(stored: str) -> int:
    """The part before the point."""
    return int(stored or "0") // ONE
