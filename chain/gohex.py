"""Hexadecimal text as Go's ``encoding/hex`` reads it, with its words for what is none."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = frozenset("0123456789abcdefABCDEF")


def decode(text: str) -> bytes:
    """ValueError names the first byte that is no digit, or an odd length."""
    strays = set(text) - _DIGITS
    if strays:
        byte = next(char for char in text if char in strays).encode("utf-8", "replace")[0]
        shown = f" '{chr(byte)}'" if chr(byte).isprintable() else ""
        raise ValueError(f"encoding/hex: invalid byte: U+{byte:04X}{shown}")
    if len(text) % 2:
        raise ValueError("encoding/hex: odd length hex string")
    return bytes.fromhex(text)
