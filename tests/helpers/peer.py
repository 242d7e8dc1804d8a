"""@oraichain/cw-simulate, which runs contracts in Node: other people's VM and x/wasm, to compare with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from helpers.chains import CHAIN_ID
from helpers.scenarios import COINS, PEOPLE, PREFIX, Seen, Stage

PACKAGES: Final = {"@oraichain/cw-simulate": "2.8.108", "@oraichain/cosmwasm-vm-js": "0.2.91"}
PROGRAM: Final = Path(__file__).parents[1] / "scenarios/peer.cjs"


class Peer:
    """A running program that plays scenarios, one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def play(self, stage: Stage, files: list[Path]) -> tuple[list[Seen], dict[str, dict[str, str]]]:
        """What comes of the steps that were made on our stage, and the contracts' storage in the end."""
        held = [{"denom": denom, "amount": str(amount)} for denom, amount in COINS.items()]
        scenario = {
            "chain_id": CHAIN_ID,
            "prefix": PREFIX,
            "coins": {person.address: held for person in PEOPLE.values()},
            "codes": [str(file) for file in files],
            "steps": stage.said,
        }
        answer = self._asked(scenario)
        return [Seen(**each) for each in answer["seen"]], answer["storage"]

    def _asked(self, question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the peer ended with {self._process.wait()}"
        return json.loads(line)


@contextmanager
def running(node: str, folder: Path) -> Iterator[Peer]:
    """The peer, as it is installed in a folder; it ends when its input does."""
    command = [node, str(PROGRAM), str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Peer(process)
