"""Our compiled contracts, unmodified: what they do and what it costs, to the unit."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from unit.vm.support import ENOUGH, ENV, Memory, artifact, encode, info

from chain.vm import VM

if TYPE_CHECKING:
    from chain.vm import CallResult


class Token:
    """A cw20 token with alice owning a thousand."""

    def __init__(self, vm: VM) -> None:
        self.vm = vm
        self.checksum = vm.store_code(artifact("cw20_token"))
        self.backend = Memory()
        self.instantiated = self.vm.call(
            self.checksum,
            "instantiate",
            [
                ENV,
                info("alice"),
                encode(
                    {
                        "name": "Token",
                        "symbol": "TOK",
                        "decimals": 6,
                        "initial_balances": [{"address": "alice", "amount": "1000"}],
                    }
                ),
            ],
            self.backend,
            ENOUGH,
        )

    def execute(self, sender: str, message: Any) -> CallResult:
        args = [ENV, info(sender), encode(message)]
        return self.vm.call(self.checksum, "execute", args, self.backend, ENOUGH)

    def balance(self, owner: str) -> int:
        args = [ENV, encode({"balance": {"address": owner}})]
        answer = self.vm.call(self.checksum, "query", args, self.backend, ENOUGH)
        return int(json.loads(_decoded(answer.data))["balance"])


def _decoded(result: bytes) -> bytes:
    return base64.b64decode(json.loads(result)["ok"])


def test_a_transfer(any_vm: VM) -> None:
    token = Token(any_vm)
    result = token.execute("alice", {"transfer": {"recipient": "bob", "amount": "300"}})
    attributes = json.loads(result.data)["ok"]["attributes"]
    assert attributes == [
        {"key": "action", "value": "transfer"},
        {"key": "from", "value": "alice"},
        {"key": "to", "value": "bob"},
        {"key": "amount", "value": "300"},
    ]
    assert (token.balance("alice"), token.balance("bob")) == (700, 300)
    failed = token.execute("bob", {"transfer": {"recipient": "alice", "amount": "301"}})
    assert "Sub" in json.loads(failed.data)["error"]
    assert (token.balance("alice"), token.balance("bob")) == (700, 300)


def test_both_ways_into_wasmtime_agree(vm: VM) -> None:
    slow = VM(engine="python")
    messages = [
        ("alice", {"transfer": {"recipient": "bob", "amount": "300"}}),
        ("alice", {"increase_allowance": {"spender": "carol", "amount": "50"}}),
        ("carol", {"transfer_from": {"owner": "alice", "recipient": "bob", "amount": "20"}}),
        ("bob", {"burn": {"amount": "5"}}),
        ("bob", {"transfer": {"recipient": "Not Normal", "amount": "1"}}),
        ("bob", {"mint": {"recipient": "bob", "amount": "1"}}),
        ("bob", {"no_such": {}}),
    ]
    fast_token, slow_token = Token(vm), Token(slow)
    assert fast_token.instantiated == slow_token.instantiated
    for sender, message in messages:
        assert fast_token.execute(sender, message) == slow_token.execute(sender, message)
    assert fast_token.backend.records == slow_token.backend.records
    slow.close()


def test_malformed_json_is_the_contracts_error(vm: VM) -> None:
    token = Token(vm)
    args = [ENV, info("alice"), b'{"transfer":']
    result = vm.call(token.checksum, "execute", args, token.backend, ENOUGH)
    assert "Error parsing" in json.loads(result.data)["error"]


@pytest.mark.parametrize("name", ["cw20_token", "cw20_ics20", "ping_pong", "hostile"])
def test_every_contract_is_accepted(vm: VM, name: str) -> None:
    analysis = vm.analyze(vm.store_code(artifact(name)))
    assert {"instantiate", "execute", "query"} <= analysis.entrypoints
    assert analysis.has_ibc_entry_points == (name in {"cw20_ics20", "ping_pong"})
