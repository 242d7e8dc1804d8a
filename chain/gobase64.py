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
    raise ValueError(f"illegal base64 data at input byte {_corrupt(text, alphabet)}")


def _corrupt(text: bytes, alphabet: frozenset[int]) -> int:
    """Where decodeQuantum stops: at a stray byte, at padding that is none, behind padding, or at the open end."""
    places = [at for at, byte in enumerate(text) if byte not in b"\r\n"]
    first = next((index for index, at in enumerate(places) if text[at] not in alphabet), None)
    if first is None:
        return len(text) - len(places) % 4
    at, rest = places[first], places[first + 1 :]
    if text[at] != _PADDING or first % 4 < 2:
        return at
    if first % 4 == 2:
        if not rest:
            return len(text)
        if text[rest[0]] != _PADDING:
            return rest[0] - 1
        rest = rest[1:]
    return rest[0]
