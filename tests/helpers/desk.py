"""A user's desk: a folder with a chain that runs in a process of its own, keys, and the command line."""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from google.protobuf.message import Message
from helpers.accounts import pack

from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.crypto.secp256k1 import keys_pb2
from cosmos_pb.cosmos.tx.signing.v1beta1 import signing_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from lightship.cli import app
from relayer.keys import Signer

LIGHTSHIP: Final = [sys.executable, "-m", "lightship"]
PASSWORD: Final = "a password for tests"
WEALTH: Final = 10**12
CHAIN: Final = "alpha-1"
PRICE: Final = "0.025stake"


@dataclass
class Somebody:
    """An account on the chain, and where it stands by what was broadcast so far."""

    signer: Signer
    number: int
    sequence: int = 0

    @property
    def address(self) -> str:
        return self.signer.address("cosmos")


@dataclass(frozen=True)
class Said:
    """A command's exit code, standard output and standard error."""

    code: int
    out: str
    err: str


@dataclass
class Desk:
    """alice and bob have coins; the key poor has none."""

    folder: Path
    url: str = ""
    process: int = 0
    people: dict[str, Somebody] = field(default_factory=dict)

    # The command line

    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "LIGHTSHIP_PASSWORD": PASSWORD}

    def said_twice(self, *words: str) -> tuple[Said, Said]:
        """What a command says in a process of its own, as a user runs it, and here with --json."""
        with subprocess.Popen(
            [*LIGHTSHIP, *words],
            cwd=self.folder,
            env={**os.environ, **self.environment()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                as_json = self.says(*words, "--json")
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        return Said(process.returncode, out, err), as_json

    def says(self, *words: str) -> Said:
        """What a command says, in this process: quicker."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            patch.dict(os.environ, self.environment()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = app.run(words)
        return Said(code, out.getvalue(), err.getvalue())

    def done(self, *words: str) -> Any:
        """The result of a command that must succeed."""
        said = self.says(*words, "--json")
        assert said.code == 0, said
        return json.loads(said.out)["result"]

    def config(self, name: str, **changes: str) -> str:
        """Write a configuration of the chain with some keys changed; returns the name."""
        keys = {
            "id": f'"{CHAIN}"',
            "rpc": f'"{self.url}"',
            "prefix": '"cosmos"',
            "gas_price": f'"{PRICE}"',
            "keys": '["alice"]',
            **changes,
        }
        lines = [f"{key} = {value}" for key, value in keys.items()]
        (self.folder / name).write_text("\n".join(["[chains.alpha]", *lines]) + "\n")
        return name

    # The chain's RPC

    def post(self, body: bytes) -> Any:
        request = urllib.request.Request(self.url, body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as answer:
            return json.load(answer)

    def rpc(self, method: str, **params: Any) -> Any:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.post(json.dumps(call).encode())

    def balance(self, name: str) -> int:
        address = self.people[name].address
        balances = self.done("query", "balances", "alpha", address, "--config", "good.toml")
        return int(balances["stake"])

    def height(self) -> int:
        return int(self.rpc("status")["result"]["sync_info"]["latest_block_height"])

    def peak_memory(self) -> int:
        """The most that the chain's process ever had in memory, in bytes; 0 where the system does not tell."""
        status = Path(f"/proc/{self.process}/status")
        lines = status.read_text().splitlines() if status.exists() else []
        peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 if peaks else 0

    # Transactions by hand

    def transaction(self, name: str, message: Message | None = None, **wrong: Any) -> str:
        """Of somebody, with these things not as they should be; base64."""
        somebody = self.people[name]
        gas = wrong.get("gas", 200_000)
        paid = wrong.get("fee", f"{gas // 40}stake")
        body = tx_pb2.TxBody(
            messages=[wrong.get("any") or pack(message or self.gift(name))],
            memo=wrong.get("memo", ""),
            timeout_height=wrong.get("timeout_height", 0),
        )
        mode = tx_pb2.ModeInfo.Single(mode=signing_pb2.SIGN_MODE_DIRECT)
        info = tx_pb2.SignerInfo(
            public_key=pack(keys_pb2.PubKey(key=somebody.signer.public_key)),
            mode_info=tx_pb2.ModeInfo(single=mode),
            sequence=somebody.sequence + wrong.get("ahead", 0),
        )
        fee = tx_pb2.Fee(amount=[coin(paid)] if paid else [], gas_limit=gas)
        document = tx_pb2.SignDoc(
            body_bytes=body.SerializeToString(),
            auth_info_bytes=tx_pb2.AuthInfo(signer_infos=[info], fee=fee).SerializeToString(),
            chain_id=wrong.get("chain_id", CHAIN),
            account_number=somebody.number,
        )
        signature = bytearray(somebody.signer.sign(document.SerializeToString()))
        signature[5] ^= wrong.get("flip", 0)
        raw = tx_pb2.TxRaw(
            body_bytes=document.body_bytes,
            auth_info_bytes=document.auth_info_bytes,
            signatures=[bytes(signature)] if wrong.get("sign", True) else [],
        ).SerializeToString()
        return base64.b64encode(raw[: len(raw) - wrong.get("cut", 0)]).decode()

    def gift(self, name: str) -> Message:
        """One coin, from somebody to himself."""
        address = self.people[name].address
        return bank_tx.MsgSend(from_address=address, to_address=address, amount=[coin("1stake")])

    def broadcast(self, name: str, message: Message | None = None, **wrong: Any) -> Any:
        """A transaction that the mempool takes; what became of it in its block."""
        tx = self.transaction(name, message, **wrong)
        answer = self.rpc("broadcast_tx_commit", tx=tx)["result"]
        assert answer["check_tx"]["code"] == 0, answer["check_tx"]["log"]
        self.people[name].sequence += 1
        return answer


def coin(text: str) -> coin_pb2.Coin:
    digits = "".join(itertools.takewhile(str.isdigit, text))
    return coin_pb2.Coin(denom=text[len(digits) :], amount=digits)


@contextmanager
def set_up(folder: Path) -> Iterator[Desk]:
    """The desk, for as long as the chain runs; its log must not hold a traceback."""
    desk = Desk(folder)
    home = ("--home", "alpha")
    wealth = itertools.chain(*(("--account", f"{name}={WEALTH}stake") for name in ("alice", "bob")))
    options = ("--chain-id", CHAIN, "--gas-price", PRICE, "--block-time", "instant", *wealth)
    for number, account in enumerate(desk.done("chain", "init", *home, *options)["accounts"]):
        (folder / "words").write_text(account["mnemonic"])
        desk.done("keys", "add", account["name"], "--mnemonic-file", "words")
        signer = Signer.from_mnemonic(account["mnemonic"])
        desk.people[account["name"]] = Somebody(signer, number)
    desk.done("keys", "add", "poor")
    start = (
        "chain",
        "start",
        *home,
        "--json",
        "--rpc-port",
        "0",
        "--grpc-port",
        "0",
        "--rest-port",
        "0",
    )
    with (
        (folder / "chain.log").open("wb") as log,
        subprocess.Popen(
            [*LIGHTSHIP, *start], cwd=folder, stdout=subprocess.PIPE, stderr=log
        ) as process,
    ):
        try:
            assert process.stdout is not None
            desk.url = json.loads(process.stdout.readline())["result"]["rpc"]
            desk.process = process.pid
            desk.config("good.toml")
            yield desk
        finally:
            process.terminate()
            ended = process.wait(30)
    assert ended == 0
    assert "Traceback" not in (folder / "chain.log").read_text()
