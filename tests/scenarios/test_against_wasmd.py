"""Contracts that say anything, on our chain and on wasmd: the same result of every transaction, to the unit of gas.

Needs `LIGHTSHIP_WASMD`. Gas limits are low now and then, so that the gas runs out anywhere.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message
from helpers import wasmd
from helpers.dice import PUPPET, Dice
from helpers.puppet import CODE, SILENT, b64
from helpers.scenarios import GAS, Stage, ours
from helpers.wasm import attribute

from chain.vm import VM
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci

TRANSACTIONS = 200
PANIC = 111222
REPLIES = (SILENT, {"ok": {"data": b64(b"of the reply")}}, {"error": "in the reply"})
"""What the puppets answer to replies, one each."""


@pytest.fixture(scope="module")
def home() -> Iterator[tuple[str, Path]]:
    binary = wasmd.named()
    with wasmd.prepared(binary) as made:
        yield binary, made


class Twins:
    """Our chain and wasmd, with the same puppets on both."""

    def __init__(self, one: Stage, other: Stage, seed: int) -> None:
        self.stages = one, other
        people = one.names
        stored = tx_pb2.MsgStoreCode(
            sender=people["alice"], wasm_byte_code=gzip.compress(CODE, mtime=0)
        )
        self.deliver("alice", stored)
        held = [coin_pb2.Coin(denom=denom, amount="1000") for denom in ("orai", "usd")]
        puppets = []
        for reply in REPLIES:
            made = tx_pb2.MsgInstantiateContract(
                sender=people["alice"],
                admin=people["alice"],
                code_id=PUPPET,
                label="puppet",
                msg=json.dumps(reply).encode(),
                funds=held,
            )
            puppets.append(attribute(self.deliver("alice", made)[0], "_contract_address"))
        self.dice = Dice(seed, tuple(people.values()), puppets)

    def deliver(self, by: str, message: Message, gas: int = GAS) -> list[abci.ExecTxResult]:
        return [stage.deliver(by, message, gas) for stage in self.stages]

    def throw(self) -> tuple[str, Message, int]:
        dice = self.dice
        gas = GAS if dice.often(0.7) else dice.random.randint(60_000, 400_000)
        by, contract = dice.any_of(("alice", "bob")), dice.any_of(dice.puppets)
        sender = self.stages[0].names[by]
        if dice.often(0.3):
            asked = json.dumps(dice.query()).encode()
            made = tx_pb2.MsgMigrateContract(
                sender=sender, contract=contract, code_id=PUPPET, msg=asked
            )
            return by, made, gas
        said = json.dumps(dice.result()).encode()
        funds = [coin_pb2.Coin(**coin) for coin in dice.coins()]
        return (
            by,
            tx_pb2.MsgExecuteContract(sender=sender, contract=contract, msg=said, funds=funds),
            gas,
        )


@pytest.mark.parametrize("seed", range(8))
def test_contracts_that_say_anything(seed: int, home: tuple[str, Path], vm: VM) -> None:
    with wasmd.running(*home) as chain:
        twins = Twins(Stage(ours(vm)), Stage(chain), seed)
        for _ in range(TRANSACTIONS):
            by, message, gas = twins.throw()
            mine, theirs = twins.deliver(by, message, gas)
            assert comparable(mine) == comparable(theirs), message
        for puppet in twins.dice.puppets:
            kept, other = (stage.storage(puppet) for stage in twins.stages)
            assert kept == other


def comparable(result: abci.ExecTxResult) -> abci.ExecTxResult:
    """Without the stack of a panic; and without the gas of messages that were not even valid.

    That gas is what the modules of wasmd's application used at the beginning of the block.
    """
    made = abci.ExecTxResult()
    made.CopyFrom(result)
    if result.code == PANIC:
        made.log = ""
    if not result.log.startswith("failed to execute message") and not result.events:
        made.gas_used = 0
    return made
