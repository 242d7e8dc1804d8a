"""``lightship vm run``: one call of a contract, without a chain."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lightship.cli.query import json_bytes
from lightship.cli.values import TimeType, release
from lightship.errors import FileError

if TYPE_CHECKING:
    from chain.coins import Coin
    from lightship.workbench import Call, Change, Outcome, World

ENTRIES: Final = (
    "instantiate",
    "execute",
    "query",
    "migrate",
    "sudo",
    "reply",
    "ibc_channel_open",
    "ibc_channel_connect",
    "ibc_channel_close",
    "ibc_packet_receive",
    "ibc_packet_ack",
    "ibc_packet_timeout",
    "ibc_source_callback",
    "ibc_destination_callback",
    "ibc2_packet_send",
    "ibc2_packet_receive",
    "ibc2_packet_ack",
    "ibc2_packet_timeout",
)
FILE: Final = click.Path(path_type=Path, dir_okay=False)

OPTIONS: Final[Sequence[Callable[[Any], Any]]] = (
    click.option("--wasm", "code", type=FILE, required=True, help="The compiled contract."),
    click.option("--entry", type=click.Choice(ENTRIES), required=True, help="What to call."),
    click.option("--msg", required=True, help="The JSON message, or @FILE."),
    click.option("--state", type=FILE, help="The contract's storage before the call."),
    click.option("--write", is_flag=True, help="Save the storage after a successful call."),
    click.option("--sender", default="", help="Who calls (instantiate, execute, migrate)."),
    click.option("--funds", default="", help="Coins that come with the call: 5atom,1stake."),
    click.option("--gas-limit", type=click.IntRange(1), default=10_000_000, show_default=True),
    click.option("--contract", default="", help="The contract's address."),
    click.option("--prefix", default="cosmos", show_default=True, help="Of addresses."),
    click.option("--chain-id", default="test-1", show_default=True),
    click.option("--height", type=click.IntRange(1), default=1, show_default=True),
    click.option("--time", type=TimeType(), default="2023-11-14T22:13:20Z", show_default=True),
    click.option("--tx-index", type=click.IntRange(0), default=0, show_default=True),
    click.option("--no-tx", is_flag=True, help="Outside of any transaction: env has none."),
    click.option("--label", default="contract", show_default=True),
    click.option("--admin", default="", help="The contract's admin."),
    click.option("--balance", "balances", multiple=True, metavar="ADDRESS=COINS"),
    click.option("--answers", type=FILE, help="Canned answers to the contract's queries."),
    click.option("--old-migrate-version", type=int, help="Of the code that is migrated from."),
    click.option(
        "--era", help="Rules of a wasmd (0.53.2) or a cosmwasm-vm (2.2.2); default: wasmd 0.61.14."
    ),
    click.option("--capability", "extra", multiple=True, help="One more that the chain has."),
    click.option("--profile", is_flag=True, help="Show where the gas went, by function."),
    click.option("--json", "as_json", is_flag=True, help="One line, with a status."),
)


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command("run")
@_with_options
def run(msg: str, state: Path | None, *, write: bool, as_json: bool, **given: Any) -> int:
    """Run one call of a contract, without a chain.

    Prints the result, the events, the gas, and what changed in the storage, as JSON. Messages that the contract sends
    are shown and go nowhere. The exit code is 1 when the call failed.
    """
    from lightship.workbench import Workbench  # noqa: PLC0415 - imports a chain

    if write and state is None:
        raise click.UsageError("--write needs --state FILE")
    before = _read_state(state, may_be_new=write)
    bench = Workbench(given["code"].read_bytes(), before, _world(given), **_settings(given))
    try:
        outcome = bench.run(_call(msg, given))
    finally:
        bench.close()
    if state is not None and write and outcome.error is None:
        _write_state(state, outcome)
    shown = _shown(outcome, given["entry"])
    status = {"status": "error" if outcome.error else "success", "result": shown}
    click.echo(json.dumps(status) if as_json else json.dumps(shown, indent=2))
    return 1 if outcome.error else 0


# -- what is asked for


def _call(message: str, given: dict[str, Any]) -> Call:
    from lightship.workbench import Call  # noqa: PLC0415

    text = Path(message[1:]).read_text() if message.startswith("@") else message
    funds = _coins(given["funds"])
    return Call(given["entry"], json_bytes(text), given["gas_limit"], given["sender"], funds)


def _world(given: dict[str, Any]) -> World:
    from lightship.workbench import World  # noqa: PLC0415

    same = ("prefix", "chain_id", "height", "time", "contract", "admin", "label")
    return World(
        tx_index=None if given["no_tx"] else given["tx_index"],
        balances=dict(map(_balance, given["balances"])),
        old_migrate_version=given["old_migrate_version"],
        **{name: given[name] for name in same},
    )


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    from chain.vm import BUILT_IN_CAPABILITIES  # noqa: PLC0415
    from lightship.canned import Answers, read  # noqa: PLC0415

    file, era = given["answers"], given["era"]
    return {
        "answers": Answers(read(str(file), file.read_text()) if file else ()),
        "version": release(era),
        "capabilities": BUILT_IN_CAPABILITIES.union(given["extra"]),
        "profile": given["profile"],
    }


def _balance(text: str) -> tuple[str, Sequence[Coin]]:
    address, _, amount = text.partition("=")
    if not amount:
        raise click.UsageError(f"expected ADDRESS=COINS, got {text!r}")
    return address, _coins(amount)


def _coins(text: str) -> Sequence[Coin]:
    from chain.coins import parse_list  # noqa: PLC0415

    return parse_list(text)


# -- the file with the storage


def _read_state(file: Path | None, *, may_be_new: bool) -> dict[bytes, bytes]:
    """``{"models": [{"key": HEX, "value": BASE64}]}``, as ``wasmd query wasm contract-state all`` prints it."""
    if file is None or (may_be_new and not file.exists()):
        return {}
    try:
        models = json.loads(file.read_text())["models"]
        return {
            bytes.fromhex(model["key"]): base64.b64decode(model["value"] or "", validate=True)
            for model in models
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(str(file), f"not a contract's storage: {error}") from error


def _write_state(file: Path, outcome: Outcome) -> None:
    models = [
        {"key": key.hex().upper(), "value": base64.b64encode(value).decode()}
        for key, value in sorted(outcome.state.items())
    ]
    made = file.with_name(f".{file.name}.new")
    made.write_text(json.dumps({"models": models}, indent=1) + "\n")
    made.replace(file)


# -- what is shown


def _shown(outcome: Outcome, entry: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "result": _answer(outcome.result) if entry == "query" else outcome.result,
        "events": outcome.events,
        "gas": {"vm": _vm_gas(outcome), "sdk": outcome.sdk_gas},
        "storage": [_change(change) for change in outcome.changes],
    }
    if outcome.error is not None:
        shown = {"error": outcome.error, **shown}
    if outcome.debug:
        shown["debug"] = list(outcome.debug)
    if outcome.questions:
        shown["queries"] = list(outcome.questions)
    if outcome.profile is not None:
        profile = outcome.profile
        shown["profile"] = {
            "total": profile.total,
            "functions": profile.functions,
            "host": profile.host,
        }
    return shown


def _answer(result: Any) -> Any:
    """A query's answer as JSON where it is some."""
    if not isinstance(result, dict) or not isinstance(result.get("ok"), str):
        return result
    data = base64.b64decode(result["ok"])
    try:
        return {"ok": json.loads(data)}
    except ValueError:
        return result


def _vm_gas(outcome: Outcome) -> dict[str, int]:
    report = outcome.vm_gas
    if report is None:
        return {"limit": 0, "used": 0, "external": 0}
    return {
        "limit": report.limit,
        "used": report.used_internally,
        "external": report.used_externally,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "key": change.key.hex().upper(),
        "text": _text(change.key),
        "before": None if change.before is None else _text(change.before),
        "after": None if change.after is None else _text(change.after),
    }


def _text(data: bytes) -> str:
    """As text; a byte that is not printable ASCII as a backslash, ``x`` and two digits."""
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in data)
