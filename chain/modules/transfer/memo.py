"""Memos that are JSON objects, as Go programs read them that do not know what is inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from chain import gojson
from chain.errors import unregistered


def members(memo: str) -> dict[str, Any] | None:
    """The members of a memo that is an object, numbers as float64; None for any other memo.

    Go refuses a memo with a number that does not fit.
    """
    if not memo or not gojson.valid(memo.encode(errors="surrogatepass")):
        return None
    try:
        found = json.loads(memo, parse_float=gojson.float64, parse_int=gojson.float64)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write(value: Mapping[str, Any]) -> bytes:
    """``json.Marshal`` of such members: sorted by name, numbers as Go writes a float64.

    What is nested too deep for us to write is refused with an AbciError.
    """
    try:
        return gojson.encode(_ordered(value))
    except RecursionError:
        raise unregistered("exceeded max depth") from None


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {gojson.clean(name): _ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if isinstance(value, float):
        return msgspec.Raw(gojson.number(value).encode())
    return gojson.clean(value) if isinstance(value, str) else value
