"""What a contract might say, thrown with dice: results of puppets, most of them well formed, and what they ask."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from helpers.puppet import b64

PUPPET: Final = 1
"""The number of the puppets' code."""
FOREIGN: Final = "cosmos1pgm8hyk0pvphmlvfjc8wsvk4daluz5tgmr4lac"
DENOMS: Final = ("orai", "orai", "usd", "none", "x", "")
WORDS: Final = ("a", "key", " spaced ", "", "_reserved", "contract_address", "ü", "é\n", "action")
LABELS: Final = ("label", " ", "", "x" * 129)
COINS: Final[Sequence[list[tuple[str, int]]]] = (
    [],
    [],
    [("orai", 3)],
    [("orai", 3), ("usd", 2)],
    [("usd", 2), ("orai", 3)],
    [("none", 1)],
    [("x", 1)],
    [("orai", 10**30)],
    [("orai", 0)],
)
ODD: Final[Sequence[Any]] = (
    {},
    None,
    {"ok": {}},
    {"ok": None},
    {"error": None},
    {"ok": {"messages": None}},
    {"ok": {"messages": [None]}},
    {"ok": {"messages": [{"id": 1}]}},
    {"ok": {"attributes": [None], "events": [{"type": None}]}},
    {"ok": {"messages": [{"msg": None, "reply_on": "always", "payload": None}]}},
    {"ok": {"messages": [{"msg": {"custom": {}}, "reply_on": "error"}]}},
)


class Dice:
    """``people`` and ``puppets`` are addresses."""

    def __init__(self, seed: int, people: Sequence[str], puppets: Sequence[str]) -> None:
        self.random = random.Random(seed)
        self.people = people
        self.puppets = puppets

    def any_of(self, items: Sequence[Any]) -> Any:
        return self.random.choice(items)

    def often(self, chance: float) -> bool:
        return self.random.random() < chance

    def address(self) -> str:
        strange = ("", "nobody", FOREIGN, self.people[0].upper())
        known = (*self.puppets, *self.people)
        return str(self.any_of(known if self.often(0.93) else strange))

    def coins(self) -> list[dict[str, str]]:
        chosen = self.any_of(COINS)
        return [{"denom": denom, "amount": str(amount)} for denom, amount in chosen]

    def attributes(self) -> list[dict[str, str]]:
        return [
            {"key": self.any_of(WORDS), "value": self.any_of(WORDS)}
            for _ in range(self.any_of((0, 0, 1, 2)))
        ]

    def result(self, depth: int = 3) -> Any:
        """Of a call, with messages that lead to ``depth`` further calls."""
        if self.often(0.12):
            return {"error": self.any_of(("no", "err: x", "failed\nhere", ""))}
        if self.often(0.03):
            return self.any_of(ODD)
        kinds = ("event", " ev ", "x", "wasm", "")
        events = [{"type": self.any_of(kinds), "attributes": self.attributes()}]
        count = self.any_of((0, 1, 1, 2, 3)) if depth else 0
        said = {
            "messages": [self.sub_message(depth - 1) for _ in range(count)],
            "attributes": self.attributes(),
            "events": events if self.often(0.2) else [],
            "data": self.any_of((None, "", b64(b"data"))),
        }
        return {"ok": said}

    def sub_message(self, depth: int) -> dict[str, Any]:
        made = {
            "id": self.random.randint(0, 9),
            "msg": self.message(depth),
            "reply_on": self.any_of(("never", "always", "success", "error")),
        }
        if self.often(0.2):
            made["gas_limit"] = self.any_of((0, 50_000, 100_000, 200_000, 10**9, None))
        if self.often(0.2):
            made["payload"] = b64(b"payload")
        return made

    def message(self, depth: int) -> dict[str, Any]:
        throw: Callable[[int], dict[str, Any]] = self.any_of(
            (self._execute, self._execute, self._bank, self._make, self._manage, self._elsewhere)
        )
        return throw(depth)

    def _said(self, depth: int) -> str:
        return b64(json.dumps(self.result(depth)).encode())

    def _execute(self, depth: int) -> dict[str, Any]:
        contract = self.any_of(self.puppets) if self.often(0.9) else self.address()
        body = {"contract_addr": contract, "msg": self._said(depth), "funds": self.coins()}
        return {"wasm": {"execute": body}}

    def _bank(self, _: int) -> dict[str, Any]:
        if self.often(0.3):
            return {"bank": {"burn": {"amount": self.coins()}}}
        return {"bank": {"send": {"to_address": self.address(), "amount": self.coins()}}}

    def _make(self, depth: int) -> dict[str, Any]:
        body = {
            "admin": self.any_of((None, self.address())),
            "code_id": self.any_of((PUPPET, PUPPET, 0, 9)),
            "msg": self._said(depth),
            "funds": self.coins(),
            "label": self.any_of(LABELS),
        }
        if self.often(0.5):
            return {"wasm": {"instantiate": body}}
        salt = self.any_of((b"a", b"b", b"", b"z" * 65, self.random.randbytes(4)))
        return {"wasm": {"instantiate2": {**body, "salt": b64(salt)}}}

    def _manage(self, _: int) -> dict[str, Any]:
        contract = {"contract_addr": self.any_of(self.puppets)}
        migrate = {
            **contract,
            "new_code_id": self.any_of((PUPPET, 9)),
            "msg": b64(json.dumps(self.query()).encode()),
        }
        admin = {**contract, "admin": self.address()}
        kinds = ({"migrate": migrate}, {"update_admin": admin}, {"clear_admin": contract})
        return {"wasm": self.any_of(kinds)}

    def _elsewhere(self, _: int) -> dict[str, Any]:
        timeout = {"timestamp": "1800000000000000000"}
        packet = {"channel_id": "channel-0", "data": "", "timeout": timeout}
        coin = {"denom": "orai", "amount": "1"}
        transfer = {"channel_id": "x", "to_address": "a", "amount": coin, "timeout": timeout}
        urls = ("", "/x.y.Z", "/cosmos.bank.v1beta1.MsgSend")
        return {
            **self.any_of(
                (
                    {"any": {"type_url": self.any_of(urls), "value": b64(b"\xff\x01")}},
                    {"ibc": {"transfer": transfer}},
                    {"ibc": {"send_packet": packet}},
                    {"ibc": {"close_channel": {"channel_id": "channel-0"}}},
                )
            )
        }

    def query(self) -> Any:
        """What a contract might ask; of distribution, which our chain does not have, nothing."""
        address, denom = self.address(), self.any_of(DENOMS)
        answers = ({"ok": b64(b"{}")}, {"error": "no"}, {"x": 1})
        smart = {"contract_addr": address, "msg": b64(json.dumps(self.any_of(answers)).encode())}
        raw = {"contract_addr": address, "key": b64(self.any_of((b"answer", b"env", b"")))}
        return self.any_of(
            (
                {"bank": {"balance": {"address": address, "denom": denom}}},
                {"bank": {"all_balances": {"address": address}}},
                {"bank": {"supply": {"denom": denom}}},
                {"bank": {"denom_metadata": {"denom": denom}}},
                {"bank": {"all_denom_metadata": {}}},
                {"wasm": {"smart": smart}},
                {"wasm": {"raw": raw}},
                {"wasm": {"contract_info": {"contract_addr": address}}},
                {"wasm": {"code_info": {"code_id": self.any_of((0, 1, 9))}}},
                {"ibc": {"port_id": {}}},
                {"ibc": {"list_channels": {}}},
                {"ibc": {"channel": {"channel_id": "channel-0"}}},
                {"staking": {"bonded_denom": {}}},
                {"grpc": {"path": "/cosmos.bank.v1beta1.Query/Params", "data": ""}},
                {"stargate": {"path": "/x", "data": ""}},
                {"wasm": {}},
                {},
            )
        )
