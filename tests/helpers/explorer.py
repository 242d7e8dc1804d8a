"""Messages for contracts of which nothing is known, found by asking.

A contract says which messages it takes by refusing others: ``settle`` follows what the parser objects to until the
contract itself answers.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any, Final

from chain.vm import Analysis

from .gasworld import ALICE, BOB, TOKEN, Call, Seen, executed, ibc_calls, initial, replies, told

DEEP: Final = 12
"""Missing fields that are filled in, at most."""
_CANDIDATES: Final[tuple[Any, ...]] = (
    ALICE, "1", 1, {}, [], True, "e30=", [ALICE], "0.1", {"token": {"contract_addr": TOKEN}},
    [{}], {"never": {}}, {"native_token": {"denom": "ustake"}}, {"weight": 1}, "wasm", None, "USDC",
)  # fmt: skip
_NATIVE: Final = {"native_token": {"denom": "ustake"}}
_CW20: Final = {"token": {"contract_addr": TOKEN}}
_MEMBER: Final = {"addr": ALICE, "weight": 10}
_NAMED: Final[dict[str, Any]] = {
    "name": "Ship",
    "symbol": "SHIP",
    "decimals": 6,
    "initial_balances": [{"address": ALICE, "amount": "1000000"}],
    "recipient": BOB,
    "spender": BOB,
    "to": BOB,
    "voters": [_MEMBER],
    "members": [_MEMBER],
    "threshold": {"absolute_count": {"weight": 1}},
    "max_voting_period": {"time": 3600},
    "unbonding_period": {"time": 60},
    "admins": [ALICE],
    "mutable": True,
    "denom": {"native": "ustake"},
    "token_id": "one",
    "asset_infos": [_NATIVE, _CW20],
    "asset_info": _CW20,
    "title": "title",
    "description": "text",
    "msgs": [{"bank": {"burn": {"amount": []}}}],
    "proposal_id": 1,
    "vote": "yes",
    "channel": "channel-3",
    "gov_contract": ALICE,
    "default_timeout": 600,
    "allowlist": [{"contract": TOKEN}],
    "amount": "10",
    "msg": "e30=",
}
_VARIANTS: Final = re.compile(r"expected (?:one of )?(`.*`)")
_UNPARSED: Final = "Error parsing into type"


def explore(code: Analysis, make: Callable[[Call], Seen]) -> list[Call]:
    """Make calls of every entry point; returns those that got furthest, in an order in which they can be made again."""
    kept: list[Call] = []

    def keep(call: Call) -> str:
        kept.append(call)
        return problem(make(call))

    def walk(build: Callable[[Any], Call], start: Any) -> None:
        kept.append(build(settle(lambda message: problem(make(build(message))), start)))

    walk(initial, {})
    for build in _builders(code):
        for name in _variants(keep(build({"zz": {}}))):
            walk(build, {name: {}})
    for call in _fixed(code):
        keep(call)
    return kept


def problem(seen: Seen) -> str:
    """Why a call failed, by the VM or the contract; "" if it did not."""
    if seen.data is None:
        return seen.error
    answer = json.loads(seen.data) if seen.data[:1] == b"{" else {}
    return str(answer.get("error") or "")


def settle(try_out: Callable[[Any], str], message: Any) -> Any:
    """``message`` with what the contract's parser missed in it. ``try_out`` gives the text of the error."""
    error = try_out(message)
    for _ in range(DEEP):
        missing = re.search(r"missing field `([^`]+)`", error)
        better = missing and _UNPARSED in error and _filled(try_out, message, error, missing[1])
        if not better:
            break
        message, error = better
    return message


def _filled(
    try_out: Callable[[Any], str], message: Any, error: str, name: str
) -> tuple[Any, str] | None:
    """A message with the field ``name`` in it that is understood, and what is missed then."""
    for place in reversed(_objects(message)):
        for candidate in (_NAMED.get(name, ALICE), *_CANDIDATES):
            changed = copy.deepcopy(message)
            target = _at(changed, place)
            if name in target:
                break
            target[name] = copy.deepcopy(candidate)
            text = try_out(changed)
            if text == error:
                break
            other = "missing field" in text and f"`{name}`" not in text
            if _UNPARSED not in text or other:
                return changed, text
    return None


def _builders(code: Analysis) -> list[Callable[[Any], Call]]:
    from_alice: Callable[[Any], Call] = executed
    known: list[tuple[str, Callable[[Any], Call]]] = [
        ("execute", from_alice),
        ("query", lambda message: told("query", message)),
        ("sudo", lambda message: told("sudo", message)),
        ("migrate", lambda message: told("migrate", message)),
        ("execute", lambda message: executed(message, BOB, (5, "ustake"))),
    ]
    return [build for entry, build in known if entry in code.entrypoints]


def _fixed(code: Analysis) -> list[Call]:
    calls = replies(0, 1, 2, 3, 1337, 0xFA17) if "reply" in code.entrypoints else []
    if code.has_ibc_entry_points:
        versions = ("ics20-1", "ics721-1", "ping-pong-1", "ibc-reflect-v1")
        calls += [call for version in versions for call in ibc_calls(version)]
    return calls


def _variants(error: str) -> list[str]:
    found = _VARIANTS.search(error)
    return re.findall(r"`([^`]+)`", found[1]) if found else []


def _objects(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to all objects inside, outermost first."""
    if isinstance(value, dict):
        inside = [place for key, item in value.items() for place in _objects(item, (*path, key))]
        return [path, *inside]
    if isinstance(value, list):
        return [place for n, item in enumerate(value) for place in _objects(item, (*path, n))]
    return []


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
