"""What its user sees of a mistake: one line that names the thing and the reason, and an exit code that is not zero."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from wasmtime import wat2wasm

from contracts import artifact
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from relayer import tx
from relayer.coins import Coin
from relayer.keys import Signer
from relayer.mnemonic import generate_mnemonic

pytestmark = pytest.mark.xdist_group("bad input")

PASSWORD: Final = "a password for tests"
WEALTH: Final = 10**12
ABI: Final = (
    '(memory (export "memory") 4) (func (export "interface_version_8"))'
    '(func (export "allocate") (param i32) (result i32) (i32.const 0))'
)
FREE: Final = '(func (export "deallocate") (param i32))'
START: Final = '(func (export "instantiate") (param i32 i32 i32) (result i32) (i32.const 0))'
BAD_CODE: Final = {
    "text": b"not a contract at all",
    "large": b"\0asm\1\0\0\0" + bytes(820_000),
    "missing": bytes(wat2wasm(f"(module {ABI} {START})")),
    "unknown": bytes(
        wat2wasm(f'(module (import "env" "fly_to_moon" (func)) {ABI} {FREE} {START})')
    ),
}


@dataclass
class Desk:
    """A user's folder: a running chain, a configuration for it, and keys: alice has coins, poor has none."""

    folder: Path
    url: str
    alice: Signer

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lightship", *words],
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), "LIGHTSHIP_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def done(self, *words: str) -> Any:
        """The result of a command that must succeed."""
        ran = self.run(*words, "--config", "good.toml", "--json")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return json.loads(ran.stdout)["result"]

    def config(self, name: str, **changes: str) -> str:
        keys = {
            "id": '"alpha-1"',
            "rpc": f'"{self.url}"',
            "prefix": '"cosmos"',
            "gas_price": '"0.025stake"',
            "keys": '["alice"]',
            **changes,
        }
        lines = [f"{key} = {value}" for key, value in keys.items()]
        (self.folder / name).write_text("\n".join(["[chains.alpha]", *lines]) + "\n")
        return name

    def post(self, body: Any) -> Any:
        request = urllib.request.Request(self.url, json.dumps(body).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as answer:
            return json.load(answer)

    def rpc(self, method: str, **params: Any) -> Any:
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    def balance(self) -> int:
        address = self.alice.address("cosmos")
        return int(self.done("query", "balances", "alpha", address)["stake"])


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    made = Desk(folder, "", Signer.from_mnemonic(generate_mnemonic(12)))
    home = ("--home", "alpha")
    account = f"alice={WEALTH}stake"
    price = ("--gas-price", "0.025stake", "--block-time", "instant")
    chain = made.run(
        *("chain", "init", *home, "--chain-id", "alpha-1", *price, "--account", account, "--json")
    )
    words = json.loads(chain.stdout)["result"]["accounts"][0]["mnemonic"]
    (folder / "words").write_text(words)
    made.alice = Signer.from_mnemonic(words)
    assert made.run("keys", "add", "alice", "--mnemonic-file", "words").returncode == 0
    assert made.run("keys", "add", "poor").returncode == 0
    start = ("chain", "start", *home, "--json", "--rpc-port", "0", "--grpc-port", "0")
    with (
        (folder / "chain.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "lightship", *start],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        try:
            yield furnished(made, process)
        finally:
            process.terminate()
            ended = process.wait(30)
    assert ended == 0
    assert "Traceback" not in (folder / "chain.log").read_text()


def furnished(desk: Desk, process: subprocess.Popen[bytes]) -> Desk:
    """With the running chain's configuration, and with contracts good and bad."""
    assert process.stdout is not None
    desk.url = json.loads(process.stdout.readline())["result"]["rpc"]
    desk.config("good.toml")
    for name, code in BAD_CODE.items():
        (desk.folder / f"{name}.wasm").write_bytes(code)
    for name in ("cw20_token", "hostile"):
        (desk.folder / f"{name}.wasm").write_bytes(artifact(name))
        assert desk.done("tx", "store", "alpha", f"{name}.wasm")["code_id"]
    return desk


# Command lines and what they are told; CONFIG stands for a good configuration.
CONFIG: Final = ("--config", "good.toml")
SEND: Final = ("tx", "send", "alpha", "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn", "5stake")
TOKEN: Final = '{"name":"Ship","symbol":"SHIP","decimals":"six","initial_balances":[]}'
COMMANDS: Final = [
    (("query", "status", "http://127.0.0.1:1"), "http://127.0.0.1:1: cannot connect: "),
    (("config", "check", "--config", "absent.toml"), "absent.toml: "),
    ((*SEND, *CONFIG, "--from", "nobody"), "there is no key named nobody"),
    (
        (*SEND, *CONFIG, "--from", "poor"),
        "alpha-1: transaction refused with sdk/9: account cosmos1",
    ),
    (
        ("tx", "send", "alpha", "cosmos1xyz", "5stake", *CONFIG),
        "transaction would fail: failed to execute message; message index: 0: invalid to address: ",
    ),
    (
        ("tx", "send", "beta", "x", "5stake", *CONFIG),
        "there is no chain 'beta' in the configuration",
    ),
    ((*SEND[:-1], "stake", *CONFIG), "Invalid value for 'AMOUNT': "),
    (("tx", "store", "alpha", "absent.wasm", *CONFIG), "Invalid value for 'FILE': "),
    (("tx", "store", "alpha", "text.wasm", *CONFIG), "Wasm bytecode could not be deserialized"),
    (
        ("tx", "store", "alpha", "large.wasm", *CONFIG),
        "code bytes cannot be longer than 819200 bytes: exceeds limit",
    ),
    (
        ("tx", "store", "alpha", "missing.wasm", *CONFIG),
        'Wasm contract doesn\'t have required export: "deallocate"',
    ),
    (
        ("tx", "store", "alpha", "unknown.wasm", *CONFIG),
        'Wasm contract requires unsupported import: "env.fly_to_moon"',
    ),
    (
        ("tx", "instantiate", "alpha", "1", '{"name":', "--label", "x", *CONFIG),
        "the message is not JSON: ",
    ),
    (
        ("tx", "instantiate", "alpha", "1", TOKEN, "--label", "x", *CONFIG),
        "Error parsing into type cw20_base::msg::InstantiateMsg: ",
    ),
    (
        ("tx", "instantiate", "alpha", "99", "{}", "--label", "x", *CONFIG),
        "code id 99: no such code",
    ),
    (("query", "smart", "alpha", "cosmos1x", "{}", *CONFIG), "decoding bech32 failed: "),
    (
        ("query", "client", "alpha", "07-tendermint-7", *CONFIG),
        "07-tendermint-7: light client not found",
    ),
    (
        ("tx", "transfer", "alpha", "channel-9", "cosmos1x", "5stake", *CONFIG),
        "send packet failed for source id: channel-9: ",
    ),
    (("chain", "start", "--home", "nothing"), "nothing holds no chain"),
    (("chain", "start", "--home", "alpha"), "another process runs the chain in alpha"),
    (("chain", "init", "--home", "alpha", "--chain-id", "x"), "alpha holds a chain already"),
    (("keys", "add", "alice"), "a key named alice exists already"),
    (("start", *CONFIG), "good.toml: paths: there is no path to relay"),
    (("frobnicate",), "No such command 'frobnicate'"),
]


def one_line(ran: subprocess.CompletedProcess[str]) -> str:
    assert ran.returncode != 0, ran.stdout
    assert "Traceback" not in ran.stderr
    [line] = ran.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(("words", "said"), COMMANDS, ids=[said for _, said in COMMANDS])
def test_a_mistake_on_the_command_line(desk: Desk, words: tuple[str, ...], said: str) -> None:
    assert said in one_line(desk.run(*words))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": '"red"'}, "bad.toml: chains.alpha.colour: contains unknown field 'colour'"),
        ({"prefix": "5"}, "bad.toml: chains.alpha.prefix: Expected 'str', got 'int'"),
        ({"id": '"gamma-1"'}, "expected chain gamma-1, got alpha-1"),
        ({"rpc": '"http://127.0.0.1:1"'}, "http://127.0.0.1:1: cannot connect: "),
        ({"rpc": "http://x"}, "bad.toml: is not TOML: "),
        ({"keys": '["nobody"]'}, "there is no key named nobody"),
        ({"gas_price": '"cheap"'}, "bad.toml: chains.alpha.gas_price: "),
    ],
)
def test_a_mistake_in_the_configuration(desk: Desk, changes: dict[str, str], said: str) -> None:
    name = desk.config("bad.toml", **changes)
    assert said in one_line(desk.run("config", "check", "--config", name))


def test_errors_as_json_are_objects_on_standard_output(desk: Desk) -> None:
    ran = desk.run(*SEND, *CONFIG, "--from", "nobody", "--json")
    assert ran.returncode == 1
    assert ran.stderr == ""
    assert json.loads(ran.stdout) == {"status": "error", "result": "there is no key named nobody"}


# Transactions made by hand: the SDK's codespace, code and text.


def transaction(desk: Desk, message: Message | None = None, **wrong: Any) -> str:
    """Of alice, with these things not as they should be; base64."""
    sender = desk.alice.address("cosmos")
    account = desk.done("query", "account", "alpha", sender)
    coins = [coin_pb2.Coin(denom="stake", amount="1")]
    send = bank_tx.MsgSend(from_address=sender, to_address=sender, amount=coins)
    place = tx.Account(
        wrong.get("chain_id", "alpha-1"),
        int(account["account_number"]),
        int(account["sequence"]) + wrong.get("ahead", 0),
    )
    gas = wrong.get("gas", 200_000)
    fee = tx.Fee(gas, (Coin("stake", wrong.get("fee", gas // 40)),))
    signed = tx.sign(tx.body_bytes([tx.pack(message or send)]), desk.alice, place, fee)
    return base64.b64encode(signed[: len(signed) - wrong.get("cut", 0)]).decode()


@pytest.mark.parametrize(
    ("wrong", "code", "text"),
    [
        ({"chain_id": "other-1"}, 4, "signature verification failed; please verify account number"),
        ({"ahead": 7}, 32, "account sequence mismatch, expected "),
        ({"fee": 1}, 13, "insufficient fees; got: 1stake required: 5000stake: insufficient fee"),
        ({"fee": 10 * WEALTH}, 5, "is smaller than"),
        ({"gas": 30_000}, 11, "out of gas in location: "),
        ({"cut": 3}, 2, "tx parse error"),
    ],
    ids=["signature", "sequence", "fee too small", "fee not owned", "gas", "bytes"],
)
def test_a_transaction_that_is_wrong(
    desk: Desk, wrong: dict[str, Any], code: int, text: str
) -> None:
    answer = desk.rpc("broadcast_tx_sync", tx=transaction(desk, **wrong))["result"]
    assert (answer["codespace"], answer["code"]) == ("sdk", code), answer["log"]
    assert text in answer["log"]


def test_calls_with_bad_parameters(desk: Desk) -> None:
    told = desk.rpc("block", height="soon")["error"]
    assert (told["code"], "height: expected a 64-bit integer" in told["data"]) == (-32602, True)
    assert desk.rpc("fly")["error"]["code"] == -32601
    assert desk.rpc("block", height="999999")["error"]["code"] == -32603
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{desk.url}/block?height=soon", timeout=20)
    assert caught.value.code == 500
    told = json.load(caught.value)["error"]
    assert "height: expected a 64-bit integer" in told["data"]


# Contracts that mean harm: their sender pays, and nobody else notices.


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"loop_forever": {}}, "out of gas"),
        ({"recurse": {"depth": None}}, "wasmvm error"),
        ({"overflow_stack": {}}, "wasmvm error"),
        ({"allocate_all": {}}, "wasmvm error"),
        ({"message_loop": {}}, "max call depth exceeded"),
        ({"fill_storage": {}}, "out of gas"),
        ({"panic": {"message": "on purpose"}}, "on purpose"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_hostile_contract_costs_its_sender_and_nobody_else(
    desk: Desk, message: dict[str, Any], said: str
) -> None:
    made = desk.done("tx", "instantiate", "alpha", "2", "{}", "--label", "hostile")
    execute = wasm_tx.MsgExecuteContract(
        sender=desk.alice.address("cosmos"),
        contract=made["contract"],
        msg=json.dumps(message).encode(),
    )
    before = desk.balance()
    harm = transaction(desk, execute, gas=3_000_000)
    answer = desk.rpc("broadcast_tx_commit", tx=harm)["result"]
    assert answer["check_tx"]["code"] == 0
    assert answer["tx_result"]["code"] != 0
    assert said in answer["tx_result"]["log"]
    assert desk.balance() == before - 75_000
    assert desk.done(*SEND)["height"] > int(answer["height"])
