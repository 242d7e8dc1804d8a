"""Fields of a JSON object, each read as what it must be, else DecodeError.

A missing field reads as empty, and so does null but for text: versions differ in what they leave out.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from light_client.errors import DecodeError
from light_client.values import MAX_TIME, ZERO_TIME, Timestamp

_RANGES: Final = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DecodeError(f"{what} must be an object, is {type(value).__name__}")
    return value


def array(value: Any, what: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise DecodeError(f"{what} must be an array, is {type(value).__name__}")
    return value


def integer(json: Mapping[str, Any], name: str, kind: str) -> int:
    value = json.get(name)
    least, most = _RANGES[kind]
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and len(value) <= 20:
        value = int(value) if value.removeprefix("-").isdigit() else value
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise DecodeError(f"{name} must be an {kind}, is {value!r:.60}")
    return value


def text(json: Mapping[str, Any], name: str) -> str:
    value = json.get(name, "")
    if not isinstance(value, str):
        raise DecodeError(f"{name} must be a string, is {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DecodeError(f"{name} is not valid Unicode: {error}") from error
    return value


def hex_bytes(json: Mapping[str, Any], name: str) -> bytes:
    value = json.get(name)
    if value is None:
        return b""
    if not isinstance(value, str) or any(character.isspace() for character in value):
        raise DecodeError(f"{name} must be hex, is {value!r:.60}")
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise DecodeError(f"{name} must be hex, is {value!r:.60}") from error


def base64_bytes(json: Mapping[str, Any], name: str) -> bytes:
    value = json.get(name)
    if value is None:
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise DecodeError(f"{name} must be base64, is {value!r:.60}") from error


def time(json: Mapping[str, Any], name: str) -> Timestamp:
    value = json.get(name)
    if value is None:
        return ZERO_TIME
    if not isinstance(value, str):
        raise DecodeError(f"{name} must be a time, is {value!r:.60}")
    try:
        read = Timestamp.parse(value)
    except ValueError as error:
        raise DecodeError(f"{name}: {error}") from error
    if not ZERO_TIME <= read <= MAX_TIME:
        raise DecodeError(f"{name} {read} is outside the years 1 to 9999")
    return read
