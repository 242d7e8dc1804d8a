"""Canned answers to what a contract asks of its chain."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chain import gojson
from chain.context import Context
from chain.modules.wasm.keeper import QueryHandler
from lightship.errors import FileError

KINDS: Final = ("ok", "ok_base64", "error", "system_error")


@dataclass(frozen=True, slots=True)
class Answer:
    """``reply`` is the JSON that the contract reads: a SystemResult of a ContractResult of bytes."""

    request: Any
    reply: bytes


@dataclass(slots=True)
class Answers:
    """Answers by request; what is not among them the chain's own modules answer."""

    known: Sequence[Answer] = ()
    asked: list[Any] = field(default_factory=list)
    """Every request so far, in a form that people read."""

    def over(self, chain: QueryHandler) -> QueryHandler:
        def answer(ctx: Context, caller: str, request: bytes, gas_limit: int) -> bytes:
            readable = _readable(_parsed(request))
            self.asked.append(readable)
            for each in self.known:
                if each.request == readable:
                    return each.reply
            return chain(ctx, caller, request, gas_limit)

        return answer


def read(file: str, text: str) -> tuple[Answer, ...]:
    """A list of ``{"request": ..., "ok": ...}``; FileError names the entry that is wrong.

    In place of ``ok`` (any JSON) may stand ``ok_base64`` (bytes), ``error`` (what a contract or module refused) or
    ``system_error`` (what the chain refused). The message of a smart query may be written as JSON, without base64.
    """
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise FileError(file, f"not JSON: {error}") from error
    if not isinstance(entries, list):
        raise FileError(file, f"expected a list of answers, got {type(entries).__name__}")
    return tuple(_answer(file, place, entry) for place, entry in enumerate(entries, 1))


def _answer(file: str, place: int, entry: Any) -> Answer:
    kinds = [kind for kind in KINDS if isinstance(entry, dict) and kind in entry]
    if len(kinds) != 1 or "request" not in entry:
        raise FileError(file, f"answer {place} needs a request and one of {', '.join(KINDS)}")
    [kind] = kinds
    try:
        return Answer(_readable(entry["request"]), _reply(kind, entry[kind]))
    except (binascii.Error, TypeError) as error:
        raise FileError(file, f"answer {place}: {kind}: {error}") from error


def _reply(kind: str, value: Any) -> bytes:
    if kind == "system_error":
        return gojson.encode({"error": value})
    if kind == "error":
        return gojson.encode({"ok": {"error": value}})
    data = base64.b64decode(value, validate=True) if kind == "ok_base64" else gojson.encode(value)
    return gojson.encode({"ok": {"ok": data}})


def _readable(request: Any) -> Any:
    """The request with the message of a smart query as JSON."""
    smart = request.get("wasm", {}).get("smart") if _is_nested(request) else None
    if not isinstance(smart, dict) or not isinstance(smart.get("msg"), str):
        return request
    try:
        message = json.loads(base64.b64decode(smart["msg"], validate=True))
    except ValueError:
        return request
    return {**request, "wasm": {"smart": {**smart, "msg": message}}}


def _is_nested(request: Any) -> bool:
    return isinstance(request, dict) and isinstance(request.get("wasm"), dict)


def _parsed(request: bytes) -> Any:
    try:
        return json.loads(request)
    except ValueError:
        return base64.b64encode(request).decode()
