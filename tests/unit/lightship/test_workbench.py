"""A call on the workbench is the call that a chain makes: same result, same events, same gas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.wasm import ALICE, BOB, WasmChain

import contracts
from chain.context import Context
from chain.gas import GasMeter
from chain.modules.wasm import keys
from chain.modules.wasm.keeper import TX_CONTRACTS, TX_COUNTER, Keeper
from chain.vm import VM
from lightship.workbench import Call, Outcome, Workbench, World

LIMIT = 1_000_000
TOKEN = {
    "name": "Token",
    "symbol": "TOK",
    "decimals": 6,
    "initial_balances": [{"address": ALICE.address, "amount": "1000"}],
}


class Both:
    """A token on a chain, and its state on a workbench."""

    def __init__(self) -> None:
        self._vm = VM()
        chain = WasmChain(self._vm)
        self.token = chain.make("cw20_token", TOKEN, admin=ALICE)
        self._chain = chain
        ctx = self.context(LIMIT)
        prefix = keys.contract_store(self.keeper.auth.address_bytes(self.token))
        state = {
            key[len(prefix) :]: value
            for key, value in ctx.store.iterate("wasm", prefix, prefix + b"\xff")
        }
        world = World(
            chain_id=ctx.chain_id,
            height=ctx.height,
            time=ctx.time,
            contract=self.token,
            admin=ALICE.address,
            label="test",
        )
        self.bench = Workbench(contracts.artifact("cw20_token"), state, world)

    @property
    def keeper(self) -> Keeper:
        wasm = self._chain.app.wasm
        assert wasm is not None
        return wasm.keeper

    def context(self, limit: int) -> Context:
        ctx = self._chain.app.context_at(0).with_gas(GasMeter(limit))
        return ctx.with_value(TX_CONTRACTS, set())

    def run(self, entry: str, message: Any, limit: int = LIMIT) -> Outcome:
        raw = json.dumps(message).encode()
        return self.bench.run(Call(entry, raw, limit, sender=ALICE.address))

    def close(self) -> None:
        self.bench.close()
        self._vm.close()


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    made = Both()
    yield made
    made.close()


def test_an_execution(both: Both) -> None:
    message = {"transfer": {"recipient": BOB.address, "amount": "10"}}
    ctx = both.context(LIMIT).with_value(TX_COUNTER, 0)
    both.keeper.execute(ctx, both.token, ALICE.address, json.dumps(message).encode(), ())
    found = both.run("execute", message)
    assert found.sdk_gas == ctx.gas.consumed
    shown = [[(a["key"], a["value"]) for a in event["attributes"]] for event in found.events]
    assert shown == [list(event.attributes) for event in ctx.events.events]
    prefix = keys.contract_store(both.keeper.auth.address_bytes(both.token))
    assert {prefix + change.key: change.after for change in found.changes} == ctx.store.writes[
        "wasm"
    ]


def test_a_query(both: Both) -> None:
    message = {"balance": {"address": ALICE.address}}
    ctx = both.context(LIMIT)
    answer = both.keeper.query(ctx, both.token, json.dumps(message).encode())
    found = both.run("query", message)
    assert found.sdk_gas == ctx.gas.consumed
    assert json.loads(answer) == {"balance": "1000"}
    assert found.vm_gas is not None
    assert found.vm_gas.used_internally > 0


def test_a_call_that_runs_dry(both: Both) -> None:
    found = both.run("execute", {"burn": {"amount": "1"}}, limit=70_000)
    assert found.error is not None
    assert found.error.startswith("out of gas in location: ")
    assert (found.changes, found.events) == ([], [])


def test_runs_do_not_see_one_another(both: Both) -> None:
    first = both.run("execute", {"burn": {"amount": "400"}})
    second = both.run("execute", {"burn": {"amount": "400"}})
    assert first.changes == second.changes
    assert both.run("query", {"balance": {"address": ALICE.address}}).result is not None
