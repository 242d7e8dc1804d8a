"""``lightship vm run``: a call without a chain, and the page that tells about it."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from helpers.regions import REGIONS

from chain.modules.wasm.keeper import IBC_LABELS
from chain.vm import ENTRY_POINTS
from lightship.cli.app import run
from lightship.cli.vm_run import ENTRIES
from lightship.workbench import World

ROOT = Path(__file__).resolve().parents[3]
ARTIFACTS = ROOT / "contracts" / "artifacts"
PAGE = ROOT / "docs" / "contracts-without-a-chain.md"
GOLDEN = ROOT / "tests" / "unit" / "chain" / "wasm" / "wasmvm_3.0.7.json"
SENDER = World().default_sender
TOKEN = {
    "name": "Token",
    "symbol": "TOK",
    "decimals": 6,
    "initial_balances": [{"address": SENDER, "amount": "1000"}],
}
ECHO = """
(module
  (import "env" "db_write" (func $write (param i32 i32)))
  (import "env" "db_remove" (func $remove (param i32)))
  (import "env" "query_chain" (func $ask (param i32) (result i32)))
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 4096))
  (data (i32.const 16) "env")
  (data (i32.const 32) "message")
  (data (i32.const 64) "{\\"ok\\":{}}")
  REGIONS
  (func $keep (param $env i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 16) (i32.const 3)) (local.get $env))
    (call $write (call $region (i32.const 32) (i32.const 7)) (local.get $message))
    (call $region (i32.const 64) (i32.const 9)))
  (func (export "execute") (param $env i32) (param $info i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 16) (i32.const 3))
      (call $ask (local.get $message)))
    (call $region (i32.const 64) (i32.const 9)))
  (func (export "migrate") (param $env i32) (param $message i32) (param $info i32) (result i32)
    (call $keep (local.get $env) (local.get $info)))
  (func (export "query") (param $env i32) (param $message i32) (result i32)
    (call $ask (local.get $message)))
  (func (export "instantiate") (param i32 i32 i32) (result i32)
    (call $remove (call $region (i32.const 16) (i32.const 3)))
    (call $region (i32.const 64) (i32.const 9)))
  EXPORTS
)
""".replace("REGIONS", REGIONS)
PLAIN = [name for name in ENTRIES if name not in {"execute", "migrate", "query", "instantiate"}]


def echo() -> bytes:
    """Keeps env and message of every entry point; ``execute`` and ``query`` ask the chain their message."""
    exports = " ".join(f'(export "{name}" (func $keep))' for name in PLAIN)
    return bytes(wasmtime.wat2wasm(ECHO.replace("EXPORTS", exports)))


class Shell:
    """A folder with contracts, and the command line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, Any]:
        """Exit code, and the JSON on standard output or the line on standard error."""
        code = run(["vm", "run", *words])
        told = self._capsys.readouterr()
        return code, json.loads(told.out) if told.out else told.err.strip()

    def token(self, entry: str, message: Any, *words: str) -> tuple[int, Any]:
        fixed = ("--wasm", "cw20_token.wasm", "--state", "token.json")
        return self(*fixed, "--entry", entry, "--msg", json.dumps(message), *words)

    def echo(self, entry: str, message: Any, *words: str) -> tuple[int, Any]:
        return self("--wasm", "echo.wasm", "--entry", entry, "--msg", json.dumps(message), *words)


@pytest.fixture
def shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    for name in ("cw20_token", "ping_pong"):
        shutil.copy(ARTIFACTS / f"{name}.wasm", tmp_path)
    (tmp_path / "echo.wasm").write_bytes(echo())
    monkeypatch.chdir(tmp_path)
    return Shell(capsys)


def test_a_token_with_its_state_in_a_file(shell: Shell) -> None:
    code, made = shell.token("instantiate", TOKEN, "--write")
    assert (code, made["result"]["ok"]["messages"]) == (0, [])
    code, moved = shell.token("execute", transfer(10), "--write")
    assert [change["after"] for change in moved["storage"]] == ['"10"', '"990"']
    assert moved["events"][1]["attributes"][1] == {"key": "action", "value": "transfer"}
    code, asked = shell.token("query", {"balance": {"address": SENDER}})
    assert asked["result"] == {"ok": {"balance": "990"}}


def test_what_is_not_written_did_not_happen(shell: Shell) -> None:
    shell.token("instantiate", TOKEN, "--write")
    before = Path("token.json").read_text()
    shell.token("execute", transfer(10))
    code, failed = shell.token("execute", transfer(10_000), "--write")
    assert (code, failed["storage"]) == (1, [])
    assert failed["result"] == {"error": "Overflow: Cannot Sub with given operands"}
    assert Path("token.json").read_text() == before


def test_gas_runs_out(shell: Shell) -> None:
    shell.token("instantiate", TOKEN, "--write")
    code, failed = shell.token("execute", transfer(1), "--gas-limit", "66000")
    assert code == 1
    assert "out of gas" in failed["error"]
    assert failed["gas"]["vm"]["limit"] > 0


def test_a_profile_adds_up_and_changes_nothing(shell: Shell) -> None:
    shell.token("instantiate", TOKEN, "--write")
    _, plain = shell.token("execute", transfer(10))
    _, watched = shell.token("execute", transfer(10), "--profile")
    profile = watched.pop("profile")
    assert watched == plain
    assert profile["total"] == plain["gas"]["vm"]["used"]
    assert sum(profile["functions"].values()) + sum(profile["host"].values()) == profile["total"]
    assert {"db_read", "db_write", "addr_validate"} <= profile["host"].keys()


@pytest.mark.parametrize("entry", PLAIN)
def test_every_entry_point_is_called_with_its_message(shell: Shell, entry: str) -> None:
    message = {"id": 1, "result": {"error": "e<"}} if entry == "reply" else {"a": "b"}
    code, told = shell.echo(entry, message, "--height", "7", "--chain-id", "c-1", "--no-tx")
    assert code == 0, told
    kept = {change["text"]: change["after"] for change in told["storage"]}
    assert json.loads(kept["message"]) == message
    env = json.loads(kept["env"])
    assert env["block"] == {"height": 7, "time": "1700000000000000000", "chain_id": "c-1"}
    assert env["transaction"] is None
    assert env["contract"]["address"] == World().contract_address


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("ibc2_packet_send", "ibc2_send"),
        ("ibc2_packet_receive", "ibc2_receive"),
        ("ibc2_packet_ack", "ibc2_ack"),
        ("ibc2_packet_timeout", "ibc2_timeout"),
        ("ibc_source_callback", "source_timeout"),
        ("ibc_destination_callback", "destination_transfer"),
        ("reply", "reply_ok"),
    ],
)
def test_messages_arrive_as_wasmvm_writes_them(shell: Shell, entry: str, name: str) -> None:
    golden = json.loads(GOLDEN.read_text())[name]
    _, told = shell.echo(entry, json.loads(golden))
    kept = {change["text"]: change["after"] for change in told["storage"]}
    assert kept["message"] == golden


def test_ibc_v2_entries_cost_no_set_up(shell: Shell) -> None:
    _, first = shell.echo("ibc_packet_ack", {})
    _, second = shell.echo("ibc2_packet_ack", {})
    assert (
        first["gas"]["sdk"] - second["gas"]["sdk"] == 61_000
    )  # with the look whether it is pinned
    assert IBC_LABELS.keys() <= set(ENTRIES) == set(ENTRY_POINTS)


def test_migration_knows_the_old_version(shell: Shell) -> None:
    _, told = shell.echo("migrate", {}, "--old-migrate-version", "3", "--sender", SENDER)
    kept = {change["text"]: change["after"] for change in told["storage"]}
    assert kept["message"] == f'{{"sender":"{SENDER}","old_migrate_version":3}}'
    code = Path("echo.wasm").read_bytes()
    name = b"cw_migrate_version"
    section = bytes([len(name)]) + name + b"3"
    Path("echo.wasm").write_bytes(code + bytes([0, len(section)]) + section)
    _, skipped = shell.echo("migrate", {}, "--old-migrate-version", "3")
    assert (skipped["result"], skipped["storage"]) == (None, [])
    assert [event["type"] for event in skipped["events"]] == ["migrate"]


def test_queries_are_answered_from_the_world_or_as_told(shell: Shell) -> None:
    balance = {"bank": {"balance": {"address": SENDER, "denom": "atom"}}}
    _, told = shell.echo("execute", balance, "--balance", f"{SENDER}=7atom")
    [change] = told["storage"]
    answer = json.loads(base64.b64decode(json.loads(change["after"])["ok"]["ok"]))
    assert answer == {"amount": {"denom": "atom", "amount": "7"}}
    assert told["queries"] == [balance]

    price = {"wasm": {"smart": {"contract_addr": "oracle", "msg": {"price": {}}}}}
    replies: list[tuple[dict[str, Any], Any]] = [
        ({"ok": {"price": "1.5"}}, {"ok": {"ok": _b64(b'{"price":"1.5"}')}}),
        ({"ok_base64": "AAE="}, {"ok": {"ok": "AAE="}}),
        ({"error": "not today"}, {"ok": {"error": "not today"}}),
        ({"system_error": {"unknown": {}}}, {"error": {"unknown": {}}}),
    ]
    sent = {"wasm": {"smart": {"contract_addr": "oracle", "msg": _b64(b'{"price":{}}')}}}
    for reply, expected in replies:
        Path("answers.json").write_text(json.dumps([{"request": price, **reply}]))
        _, told = shell.echo("execute", sent, "--answers", "answers.json")
        assert json.loads(told["storage"][0]["after"]) == expected
        assert told["queries"] == [price]


def test_funds_come_with_the_call(shell: Shell) -> None:
    mine = {"bank": {"balance": {"address": World().contract_address, "denom": "atom"}}}
    _, told = shell.echo("execute", mine, "--funds", "5atom")
    answer = json.loads(base64.b64decode(json.loads(told["storage"][0]["after"])["ok"]["ok"]))
    assert answer["amount"]["amount"] == "5"
    assert [event["type"] for event in told["events"]][:3] == [
        "coin_spent",
        "coin_received",
        "transfer",
    ]


def test_eras_count_differently(shell: Shell) -> None:
    found = []
    for era in ("1.5.0", "2.2.2", "0.60.4", "3.0.9"):
        _, told = shell.echo("sudo", {}, "--era", era)
        found.append(told["gas"]["vm"]["used"])
    assert found[1] == found[2]
    assert len(set(found)) == 3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--wasm", "absent.wasm"), "absent.wasm: No such file or directory"),
        (("--msg", "{"), "the message is not JSON"),
        (("--state", "absent.json"), "absent.json: No such file or directory"),
        (("--state", "echo.txt"), "echo.txt: not a contract's storage"),
        (("--write",), "--write needs --state FILE"),
        (("--wasm", "echo.txt"), "Error during static Wasm validation"),
        (("--sender", "osmo1x"), "invalid bech32 string length 6"),
        (("--funds", "many"), "invalid decimal coin expression: many"),
        (("--balance", SENDER), "expected ADDRESS=COINS"),
        (("--era", "9"), "there is no wasmd '9' nor an era of its VM"),
        (("--answers", "echo.txt"), "echo.txt: not JSON"),
        (("--answers", "list.json"), "list.json: answer 1 needs a request and one of ok,"),
        (("--contract", "cosmos1"), "decoding bech32 failed: invalid bech32 string length 7"),
    ],
)
def test_mistakes_are_told_in_one_line(shell: Shell, words: tuple[str, ...], reason: str) -> None:
    Path("echo.txt").write_text("no contract")
    Path("list.json").write_text("[{}]")
    given = {"--wasm": "echo.wasm", "--entry": "execute", "--msg": "{}"}
    given |= dict(zip(words[::2], words[1::2], strict=False))
    flags = [words[-1]] if len(words) % 2 else []
    code, told = shell(*[word for pair in given.items() for word in pair], *flags)
    assert code in {1, 2}
    assert isinstance(told, str)
    assert reason in told
    assert "\n" not in told


def test_the_page_tells_the_truth(shell: Shell) -> None:
    examples = re.findall(
        r"^\$ lightship (.*)\n((?:(?!\$ |```).*\n)+)", PAGE.read_text(), re.MULTILINE
    )
    assert len(examples) >= 6
    for line, shown in examples:
        words = shlex.split(line)
        assert words[:2] == ["vm", "run"]
        _, told = shell(*words[2:])
        assert within(json.loads(shown), told), (line, told)


def within(part: Any, whole: Any) -> bool:
    """Whether ``whole`` has everything that ``part`` shows."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and within(value, whole[key]) for key, value in part.items()
        )
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(within, part, whole))
    return bool(part == whole)


def transfer(amount: int) -> Any:
    return {"transfer": {"recipient": World().contract_address, "amount": str(amount)}}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
