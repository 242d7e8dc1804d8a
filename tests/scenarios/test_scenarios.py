"""The 29 contracts that npm has, in scenarios of their own: on our chain, as wasmd plays them, and as cw-simulate can.

The scenarios are the JSON files beside this one (`helpers.scenarios` says how to read them). What wasmd makes of them
is recorded (`helpers.wasmd`); where `LIGHTSHIP_WASMD` names one of that version, it is asked itself. ``peer`` is true
where cw-simulate must agree about every event, answer, error and byte of storage, or says why it is not asked. A
step's ``peer`` says why the words of its error are others there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from helpers import npm, peer, wasmd
from helpers.scenarios import Seen, Stage, codes_of, ours

from chain.vm import VM

PACKAGES: Final = {
    "@oraichain/common-contracts-build": "1.0.35",
    "@oraichain/oraidex-contracts-build": "1.0.36",
    "@oraichain/aioracle-contracts-build": "1.0.7",
}
SCENARIOS: Final = wasmd.scenarios()
COMPARED: Final = [scenario for scenario in SCENARIOS if scenario["peer"] is True]
RECORDED: Final = json.loads(wasmd.RECORD.read_text())["scenarios"]

Play = Callable[[Any], Stage]

pytestmark = pytest.mark.xdist_group("npm")


def title(scenario: Any) -> str:
    return str(scenario["name"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The compiled contracts, by name."""
    found = (
        npm.package(name, version, tmp_path_factory.mktemp("npm"))
        for name, version in PACKAGES.items()
    )
    return {file.stem: file for folder in found for file in folder.rglob("*.wasm")}


@pytest.fixture(scope="module")
def play(vm: VM, files: dict[str, Path]) -> Play:
    """Plays a scenario on a new chain of ours."""

    def played(scenario: Any) -> Stage:
        stage = Stage(ours(vm), lambda name: files[name].read_bytes())
        stage.play(scenario)
        return stage

    return played


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peer.Peer]:
    folder = tmp_path_factory.mktemp("peer")
    npm.install(folder, *(f"{name}@{version}" for name, version in peer.PACKAGES.items()))
    node = shutil.which("node")
    assert node is not None, "npm without Node"
    with peer.running(node, folder) as made:
        yield made


@pytest.fixture(scope="module")
def real() -> Iterator[tuple[str, Path]]:
    """wasmd and a home for it."""
    binary = wasmd.named()
    with wasmd.prepared(binary) as home:
        yield binary, home


@pytest.mark.parametrize("scenario", SCENARIOS, ids=title)
def test_on_our_chain(scenario: Any, play: Play) -> None:
    """As it is written, twice the same, and to the byte what wasmd has answered: gas, events, data and errors."""
    first, second = play(scenario), play(scenario)
    assert first.told == second.told
    assert first.app_hash == second.app_hash
    assert wasmd.record(first) == RECORDED[scenario["name"]]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=title)
def test_wasmd_says_what_is_recorded(
    scenario: Any, play: Play, files: dict[str, Path], real: tuple[str, Path]
) -> None:
    with wasmd.running(*real) as chain:
        theirs = Stage(chain, lambda name: files[name].read_bytes())
        theirs.play(scenario)
        assert theirs.told == play(scenario).told
        assert wasmd.record(theirs) == RECORDED[scenario["name"]]


@pytest.mark.parametrize("scenario", COMPARED, ids=title)
def test_as_the_peer_does(
    scenario: Any, play: Play, files: dict[str, Path], simulator: peer.Peer
) -> None:
    stage = play(scenario)
    theirs, storage = simulator.play(stage, [files[name] for name in stage.codes])
    steps = [step for step in scenario["steps"] if "wait" not in step]
    for step, mine, other in zip(steps, stage.seen, theirs, strict=True):
        expected = spared(mine, other) if "peer" in step else other
        assert in_order(mine) == in_order(expected), step
    assert {contract: stage.storage(contract) for contract in stage.contracts} == storage


def spared(mine: Seen, other: Seen) -> Seen:
    """A peer that refuses too, in whatever words."""
    assert bool(mine.error) is bool(other.error)
    return mine


def in_order(seen: Seen) -> Seen:
    """Attributes as wasmd has them: trimmed, and sorted in the events of messages that contracts sent."""
    events = [
        [kind, sorted([key.strip(), value.strip()] for key, value in attributes)]
        for kind, attributes in seen.events
    ]
    return replace(seen, events=events)


def test_every_contract_acts_and_refuses(files: dict[str, Path]) -> None:
    """Each of the 29 is refused something, and is asked what came of the rest."""
    for outcome in ("fails", "gives"):
        assert {code for each in SCENARIOS for code in whose(each, outcome)} == set(files)
    assert len(files) == 29


def whose(scenario: Any, outcome: str) -> Iterator[str]:
    """The codes of contracts of which a step says that it fails, or what it gives."""
    codes = {step["as"]: step["instantiate"] for step in scenario["steps"] if "as" in step}
    for step in scenario["steps"]:
        kind, target = next(iter(step.items()))
        if outcome in step and kind == "instantiate":
            yield target
        elif outcome in step and kind != "balance" and target in codes:
            yield codes[target]


def test_the_page_lists_the_scenarios() -> None:
    page = (Path(__file__).parents[2] / "docs/contracts-from-npm.md").read_text()
    written = [line for line in page.splitlines() if line.startswith("| ")]
    rows = [(each["name"], codes_of(each["steps"]), each["peer"]) for each in SCENARIOS]
    assert written[1:] == [
        f"| {name} | {', '.join(codes)} | {'yes' if note is True else note} |"
        for name, codes, note in rows
    ]
