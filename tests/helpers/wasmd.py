"""wasmd itself, driven over ABCI: whoever makes the blocks says when they are, so nothing waits for a clock.

``python -m helpers.wasmd WASMD CONTRACT...`` in ``tests`` records anew what it makes of the scenarios; contracts are
``*.wasm`` files, called as the scenarios call them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from helpers.chains import CHAIN_ID
from helpers.scenarios import COINS, PEOPLE, Stage

from chain.abci_frames import FrameReader, frame
from cosmos_pb.tendermint.abci import types_pb2 as abci

SCENARIOS: Final = Path(__file__).resolve().parents[1] / "scenarios"
RECORD: Final = SCENARIOS / "recorded/wasmd.json"
SECONDS: Final = 30
"""In which wasmd starts, or answers."""


class Wasmd:
    """A running wasmd that waits for ABCI calls; OSError when it is gone."""

    def __init__(self, connection: socket.socket, genesis: bytes) -> None:
        self._connection = connection
        self._genesis = genesis
        self._reader = FrameReader(abci.Response)

    def init_chain(self, request: abci.RequestInitChain) -> object:
        """With the genesis that it made itself, of the same people."""
        own = abci.RequestInitChain()
        own.CopyFrom(request)
        own.app_state_bytes = self._genesis
        return self._call(abci.Request(init_chain=own)).init_chain

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        return self._call(abci.Request(finalize_block=request)).finalize_block

    def commit(self) -> object:
        return self._call(abci.Request(commit=abci.RequestCommit())).commit

    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        return self._call(abci.Request(query=request)).query

    def _call(self, request: abci.Request) -> abci.Response:
        """A flush makes it answer at once (cometbft abci/server/socket_server.go)."""
        self._connection.sendall(frame(request) + frame(abci.Request(flush=abci.RequestFlush())))
        responses: list[abci.Response] = []
        while len(responses) < 2:
            data = self._connection.recv(1 << 20)
            if not data:
                raise OSError("wasmd closed the connection")
            responses += self._reader.feed(data)
        if responses[0].HasField("exception"):
            raise OSError(responses[0].exception.error)
        return responses[0]


def version(binary: str) -> str:
    done = subprocess.run([binary, "version"], check=True, capture_output=True, text=True)
    return (done.stdout or done.stderr).strip()


def named() -> str:
    """The binary that ``LIGHTSHIP_WASMD`` names; the test is skipped without one of the recorded version."""
    binary = os.environ.get("LIGHTSHIP_WASMD")
    if not binary:
        pytest.skip("LIGHTSHIP_WASMD names no wasmd")
    recorded = json.loads(RECORD.read_text())["wasmd"]
    if version(binary) != recorded:
        pytest.skip(f"LIGHTSHIP_WASMD is {version(binary)}, recorded is {recorded}")
    return binary


@contextmanager
def prepared(binary: str) -> Iterator[Path]:
    """A home whose genesis has the people of scenarios and one validator."""

    def run(*args: str) -> None:
        line = [binary, *args, "--home", str(home)]
        subprocess.run(line, check=True, capture_output=True, timeout=SECONDS)

    keyring = ("--keyring-backend", "test")
    held = ",".join(f"{amount}{denom}" for denom, amount in sorted(COINS.items()))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        run("init", "node", "--chain-id", CHAIN_ID)
        run("keys", "add", "validator", *keyring)
        for person in PEOPLE.values():
            run("genesis", "add-genesis-account", person.address, held)
        run("genesis", "add-genesis-account", "validator", "1000000000000stake", *keyring)
        run("genesis", "gentx", "validator", "500000000000stake", "--chain-id", CHAIN_ID, *keyring)
        run("genesis", "collect-gentxs")
        yield home


@contextmanager
def running(binary: str, home: Path) -> Iterator[Wasmd]:
    """A new chain in a copy of a prepared home."""
    document = json.loads((home / "config/genesis.json").read_text())
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(home, Path(folder) / "home")
        place = str(Path(folder) / "abci")
        flags = ("--with-comet=false", "--transport=socket", f"--address=unix://{place}")
        off = ("--grpc.enable=false", "--api.enable=false", "--minimum-gas-prices=0stake")
        line = [binary, "start", "--home", str(copy), *flags, *off]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(line, stdout=log, stderr=log)
            try:
                with _connected(place) as connection:
                    yield Wasmd(connection, json.dumps(document["app_state"]).encode())
            finally:
                process.terminate()
                process.wait()


def _connected(place: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(SECONDS)
    until = time.monotonic() + SECONDS
    while True:
        try:
            connection.connect(place)
        except OSError:
            if time.monotonic() > until:
                connection.close()
                raise
            time.sleep(0.05)
        else:
            return connection


def digest(message: Message) -> str:
    """Eight bytes of the hash of all that a chain said."""
    return hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()[:16]


def record(stage: Stage) -> dict[str, Any]:
    """What a chain made of a scenario: gas and hash of each transaction, hash of each answer, and of the storage."""
    storage = {contract: stage.storage(contract) for contract in stage.contracts}
    kept = json.dumps(storage, sort_keys=True).encode()
    return {
        "steps": [
            [told.gas_used, digest(told)] if isinstance(told, abci.ExecTxResult) else digest(told)
            for told in stage.told
        ],
        "storage": hashlib.sha256(kept).hexdigest()[:16],
    }


def scenarios() -> list[Any]:
    """All of them, file by file."""
    files = sorted(SCENARIOS.glob("*.json"))
    return [scenario for file in files for scenario in json.loads(file.read_text())]


def main(binary: str, *files: str) -> None:
    """Write ``RECORD``."""
    codes = {Path(file).stem: Path(file) for file in files}
    made = {}
    with prepared(binary) as home:
        for scenario in scenarios():
            with running(binary, home) as wasmd:
                stage = Stage(wasmd, lambda name: codes[name].read_bytes())
                stage.play(scenario)
                made[scenario["name"]] = record(stage)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in made.items())
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(f'{{"wasmd": {json.dumps(version(binary))}, "scenarios": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
