"""Base64 as Go's ``encoding/base64`` reads it, with its words for what is none."""

from __future__ import annotations

from binascii import a2b_base64
from typing import Final

_ALPHANUMERIC: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_STANDARD: Final = frozenset(_ALPHANUMERIC + b"+/")
_URL: Final = frozenset(_ALPHANUMERIC + b"-_")
_PADDING: Final = ord("=")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def decode(text: bytes, *, url_safe: bool = False) -> bytes:
    """Padded base64, of the URL-safe alphabet on demand; line breaks are passed over. ValueError says where it ends."""
    raw = text.translate(None, b"\r\n")
    alphabet = _URL if url_safe else _STANDARD
    digits = raw.rstrip(b"=")
    if alphabet.issuperset(digits) and len(raw) - len(digits) == -len(digits) % 4 < 3:
        return a2b_base64(raw.translate(_TO_STANDARD))
    raise ValueError(f"illegal base64 data at input byte {_corrupt(raw, alphabet)}")


def _corrupt(raw: bytes, alphabet: frozenset[int]) -> int:
    """Where Go's decoder stops: at a stray byte, at padding that is none, behind padding, or at the open end."""
    at = next((at for at, byte in enumerate(raw) if byte not in alphabet), None)
    if at is None:
        return len(raw) - len(raw) % 4
    place = at % 4
    if raw[at] != _PADDING or place < 2:
        return at
    if place == 3 or at + 1 == len(raw):
        return at + 1
    return at + 2 if raw[at + 1] == _PADDING else at
