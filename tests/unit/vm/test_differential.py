"""The same contracts on three machines: the fast way into wasmtime, its public API, and libwasmvm.

Results, texts of errors, gas, questions to the chain and storage are compared after every call: of random programs
(`helpers.programs`), of contracts that do not keep to the interface (`helpers.unruly`), of our contracts with the
recorded calls, and of our contracts with bytes of their code replaced. The fast way takes the straight lane (see
`chain.vm.gates`), the public API the long one.
libwasmvm takes part where `LIGHTSHIP_LIBWASMVM` names a folder that has the version of the default era.
`LIGHTSHIP_PROGRAMS` is how many programs there are, of both kinds, `LIGHTSHIP_MUTANTS` how many variants of each
contract.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from helpers import gasrecord, unruly
from helpers.gasworld import ALICE, ENV, Call, Ledger, Runner, Seen, World, info, ours, theirs
from helpers.libwasmvm import Native, library
from helpers.mutants import replaced
from helpers.programs import program

import contracts
from chain.vm import DEFAULT_ERA, ERAS, VM, VmError, instance, wasm
from chain.vm.metering import meter

PROGRAMS: Final = int(os.environ.get("LIGHTSHIP_PROGRAMS", "320"))
PARTS: Final = 4
MUTANTS: Final = int(os.environ.get("LIGHTSHIP_MUTANTS", "1"))
REPLACED: Final = (1, 5, 25, 100)
"""Bytes that are replaced in a variant, in turn."""
MESSAGES: Final = 4
LIMIT: Final = 10**10
VERSION: Final = next(
    version for version, era in gasrecord.ERA_OF.items() if ERAS[era] is DEFAULT_ERA
)
STACK: Final = "call stack exhausted"


class Watched(Ledger):
    """Remembers what the chain was asked, and with how much gas left."""

    def __init__(self, world: World, contract: str) -> None:
        super().__init__(world, contract)
        self.questions: list[tuple[bytes, int]] = []

    def query(self, request: bytes, gas_limit: int) -> bytes:
        self.questions.append((request, gas_limit))
        return super().query(request, gas_limit)


@dataclass(frozen=True, slots=True)
class Step:
    """What can be seen of a machine after one call."""

    seen: Seen
    records: dict[bytes, bytes]
    questions: list[tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Machines:
    fast: VM
    slow: VM
    native: Native | None

    def store(self, code: bytes) -> bytes:
        checksum = self.fast.store_code(code)
        assert self.slow.store_code(code) == checksum
        if self.native is not None:
            assert self.native.store_code(code) == checksum
        return checksum

    def runners(self) -> list[Runner]:
        """Ours first."""
        others = [] if self.native is None else [theirs(self.native)]
        return [ours(self.fast), ours(self.slow), *others]


@pytest.fixture(scope="module")
def machines(_own_module_cache: Path) -> Iterator[Machines]:
    made = Machines(VM(), VM(engine="python"), library(VERSION, DEFAULT_ERA.api))
    yield made
    made.fast.close()
    made.slow.close()
    if made.native is not None:
        made.native.close()


def agree(first: list[Step], other: list[Step], what: object) -> None:
    """Until the stack is exhausted, which another compiler's frames do at another depth."""
    for number, (mine, its) in enumerate(zip(first, other, strict=True)):
        if STACK in mine.seen.error and STACK in its.seen.error:
            return
        assert mine == its, (what, number)


# --- random programs ------------------------------------------------------------------------------


def played(run: Runner, checksum: bytes, number: int) -> list[Step]:
    """Calls of a program with random messages, each a second time with less gas than it took."""
    source, world = random.Random(number), World(run, LIMIT)
    ledger = Watched(world, ALICE)
    world.contracts[ALICE] = checksum, ledger
    ledger.records = {b"k": b"v", b"some ": b"bytes"}
    steps: list[Step] = []
    for _ in range(MESSAGES):
        message = source.randbytes(source.choice((8, 60, 300)))
        call = Call("execute", (ENV, info(ALICE), message))
        seen = stepped(run, checksum, call, ledger, LIMIT, steps)
        used = seen.gas.used_internally + seen.gas.used_externally
        stepped(run, checksum, call, ledger, source.randrange(used), steps)
    return steps


def stepped(
    run: Runner, checksum: bytes, call: Call, ledger: Watched, limit: int, steps: list[Step]
) -> Seen:
    seen = run(checksum, call, ledger, limit)
    steps.append(Step(seen, dict(ledger.records), list(ledger.questions)))
    return seen


@pytest.mark.parametrize("part", range(PARTS))
def test_random_programs(machines: Machines, part: int) -> None:
    succeeded = out_of_gas = failed = 0
    for number in range(part, PROGRAMS, PARTS):
        checksum = machines.store(program(number))
        first, *others = [played(run, checksum, number) for run in machines.runners()]
        for other in others:
            agree(first, other, number)
        succeeded += sum(not step.seen.error for step in first)
        out_of_gas += sum("Ran out of gas" in step.seen.error for step in first)
        failed += sum(step.seen.gas.remaining > 0 and bool(step.seen.error) for step in first)
    assert min(succeeded, out_of_gas, failed) > 0


# --- contracts that do not keep to the interface --------------------------------------------------

LONGEST: Final = 65_408
"""The most that the straight lane has room for."""


def misused(run: Runner, checksum: bytes, limits: list[int]) -> list[Step]:
    """The same two calls with each of the limits, on the same storage."""
    steps: list[Step] = []
    for entry, args in (("execute", (ENV, info(ALICE), b"{}")), ("query", (ENV, b"{}"))):
        for limit in limits:
            world = World(run, limit)
            ledger = Watched(world, ALICE)
            world.contracts[ALICE] = checksum, ledger
            ledger.records = {b"key": b"v", b"some": b"v" * LONGEST, b"long": b"v" * (LONGEST + 1)}
            stepped(run, checksum, Call(entry, args), ledger, limit, steps)
    return steps


def charged(machines: Machines, checksum: bytes) -> set[int]:
    """What the calls have used after each charge of the host."""
    used: set[int] = set()
    charge = instance.Call.charge

    def noted(call: instance.Call, cost: int) -> None:
        charge(call, cost)
        used.add(call.limit - call.left)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance.Call, "charge", noted)
        misused(ours(machines.slow), checksum, [LIMIT])
    return used


@pytest.mark.parametrize("part", range(PARTS))
def test_contracts_that_break_the_rules(machines: Machines, part: int) -> None:
    """With gas for all, and with just what each charge takes and one less."""
    errors: set[str] = set()
    for number in range(part, PROGRAMS, PARTS):
        checksum = machines.store(unruly.contract(number))
        edges = sorted({used - less for used in charged(machines, checksum) for less in (0, 1)})
        limits = [LIMIT, *random.Random(number).sample(edges, min(len(edges), 12))]
        first, *others = [misused(run, checksum, limits) for run in machines.runners()]
        for other in others:
            agree(first, other, number)
        errors.update(step.seen.error for step in first)
    assert len(errors) > 10


# --- contracts ------------------------------------------------------------------------------------


def replayed(run: Runner, token: bytes, checksum: bytes, name: str) -> list[Step]:
    """The recorded calls of a contract."""
    world = World(run, LIMIT)
    world.start(token, checksum)
    steps: list[Step] = []
    for row in gasrecord.read("ours")["contracts"][name]["calls"]:
        seen = world.call("contract", gasrecord.unpacked(*row[0]))
        records = [dict(ledger.records) for _, ledger in world.contracts.values()]
        steps.append(
            Step(seen, {key: value for each in records for key, value in each.items()}, [])
        )
    return steps


@pytest.mark.parametrize("name", contracts.ARTIFACTS)
def test_our_contracts(machines: Machines, name: str) -> None:
    token = machines.store(contracts.artifact("cw20_token"))
    checksum = machines.store(contracts.artifact(name))
    first, *others = [replayed(run, token, checksum, name) for run in machines.runners()]
    for other in others:
        agree(first, other, name)
    assert any(not step.seen.error for step in first)


@pytest.mark.parametrize("number", range(MUTANTS))
@pytest.mark.parametrize("name", contracts.ARTIFACTS)
def test_contracts_with_replaced_bytes(machines: Machines, name: str, number: int) -> None:
    token = machines.store(contracts.artifact("cw20_token"))
    source = random.Random(f"{name} {number}")
    many = REPLACED[(number + contracts.ARTIFACTS.index(name)) % len(REPLACED)]
    code = replaced(contracts.artifact(name), many, source, lambda code: passes(machines, code))
    checksum = machines.store(code)
    first, *others = [replayed(run, token, checksum, name) for run in machines.runners()]
    for other in others:
        agree(first, other, (name, number))


def passes(machines: Machines, code: bytes) -> bool:
    """The static checks, and what refuses operators when it is compiled."""
    try:
        machines.fast.check(code)
        meter(wasm.parse(code), DEFAULT_ERA.ops, 512)
    except VmError:
        return False
    return True
