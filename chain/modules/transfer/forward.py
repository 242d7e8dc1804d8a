"""Memos that ask for a transfer to go on (``ibc-go:modules/apps/packet-forward-middleware/types/forward.go``).

::

    {"forward": {"receiver": ..., "port": ..., "channel": ..., "timeout": ns or "10m", "retries": 2, "next": {...}}}
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from chain import gojson
from light_client import host
from light_client.errors import IdentifierError

_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MAX_NS: Final = 2**63 - 1


class ForwardError(ValueError):
    """A memo that asks for forwarding, and not properly."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The next hop. ``next`` is its memo, ``timeout_ns`` 0 and ``retries`` None leave it to the module's defaults."""

    receiver: str
    port: str
    channel: str
    timeout_ns: int = 0
    retries: int | None = None
    next: str = ""


def parse(memo: str) -> Forward | None:
    """None for a memo that asks for nothing of this kind; raises ForwardError."""
    try:
        document = json.loads(memo)
    except (ValueError, RecursionError):
        return None
    wish = document.get("forward") if isinstance(document, dict) else None
    if wish is None:
        return None
    if not isinstance(wish, dict):
        raise ForwardError("forward is no object")
    made = Forward(
        receiver=_text(wish, "receiver"),
        port=_text(wish, "port"),
        channel=_text(wish, "channel"),
        timeout_ns=_timeout(wish.get("timeout", 0)),
        retries=_retries(wish.get("retries")),
        next=_next(wish.get("next")),
    )
    try:
        host.validate_port_id(made.port)
        host.validate_channel_id(made.channel)
    except IdentifierError as error:
        raise ForwardError(str(error)) from error
    return made


def _text(wish: dict[str, Any], name: str) -> str:
    value = wish.get(name)
    if not isinstance(value, str) or not value:
        raise ForwardError(f"{name} is missing or no text")
    return value


def _timeout(value: Any) -> int:
    if isinstance(value, str):
        return _duration(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _MAX_NS:
        raise ForwardError(f"timeout is neither nanoseconds nor a duration: {value!r:.60}")
    return value


def _duration(text: str) -> int:
    """As Go's ``time.ParseDuration``, in nanoseconds."""
    sign, rest = (-1, text[1:]) if text[:1] == "-" else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part[0] for part in parts) != rest:
        raise ForwardError(f"timeout is no duration: {text!r:.60}")
    total = sum(_scaled(part[1], _UNITS[part[2]]) for part in parts)
    if total > _MAX_NS:
        raise ForwardError(f"timeout is too long: {text!r:.60}")
    return sign * total


def _scaled(number: str, unit: int) -> int:
    whole, _, fraction = number.partition(".")
    scaled: int = int(whole or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
    return scaled


def _retries(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
        raise ForwardError(f"retries is no number from 0 to 255: {value!r:.60}")
    return value


def _next(value: Any) -> str:
    """An object or a string becomes the next memo."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return gojson.encode(value).decode()
    raise ForwardError("next is neither an object nor a text")
