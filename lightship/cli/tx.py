"""``lightship tx``: transactions, simulated, priced, signed and followed until a block has them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from google.protobuf.message import Message

from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from lightship.cli.connect import signing
from lightship.cli.options import asynchronous, config_option
from lightship.cli.output import json_option, render, show
from lightship.cli.query import json_bytes
from lightship.cli.values import UINT64, DurationType
from relayer.coins import Coin
from relayer.config import Duration
from relayer.endpoint import Endpoint
from relayer.tx import pack
from relayer.wallet import Outcome

Body = TypeVar("Body", bound=Callable[..., Any])


@click.group()
def command() -> None:
    """Send transactions. CHAIN is a name of the configuration; --from is a name of `lightship keys`."""


def transaction(name: str) -> Callable[[Body], Any]:
    """A command that sends one message.

    Its body gets the sender's address and the other arguments, and returns the message and what to show of its events.
    """

    def decorate(body: Body) -> Any:
        async def run(
            chain: str, config_file: Path, key: str | None, as_json: bool, **arguments: Any
        ) -> None:
            async with signing(chain, config_file, key) as endpoint:
                message, facts = body(endpoint.address, **arguments)
                result = await send(endpoint, message, facts)
            show(result, as_json=as_json, text=render(result))

        made = json_option(config_option(asynchronous(run)))
        made = click.option(
            "--from", "key", help="The key that signs (default: the chain's first)."
        )(made)
        for parameter in reversed(getattr(body, "parameters", [])):
            made = parameter(made)
        return command.command(name, help=body.__doc__)(click.argument("chain")(made))

    return decorate


def parameter(*decorators: Callable[[Any], Any]) -> Callable[[Body], Body]:
    """Arguments and options of a transaction, in the order in which they are written."""

    def decorate(body: Body) -> Body:
        body.parameters = list(decorators)  # type: ignore[attr-defined] # ours
        return body

    return decorate


Facts = Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]


async def send(endpoint: Endpoint, message: Message, facts: Facts) -> dict[str, Any]:
    """Send one message; what is shown of a transaction that took effect."""
    outcome: Outcome = await endpoint.submit([pack(message)])
    included = outcome.included
    return {
        "hash": included.hash,
        "height": included.height,
        "gas_used": included.gas_used,
        "gas_wanted": included.gas_wanted,
        "fee": ",".join(map(str, outcome.fee)),
        **facts(included.events),
    }


def attribute(events: Sequence[Mapping[str, Any]], type_: str, key: str) -> str:
    """The first value of an attribute; empty when the event did not happen."""
    for event in events:
        if event["type"] == type_:
            for pair in event["attributes"]:
                if pair["key"] == key:
                    return str(pair["value"])
    return ""


class CoinType(click.ParamType[Coin]):
    """``12stake``."""

    name = "coin"

    def convert(self, value: Any, param: Any, ctx: Any) -> Coin:
        if isinstance(value, Coin):
            return value
        try:
            return Coin.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@transaction("send")
@parameter(click.argument("to"), click.argument("amount", type=CoinType()))
def send_tokens(sender: str, to: str, amount: Coin) -> Any:
    """Send AMOUNT (12stake) to an address on the same chain."""
    return bank_tx.MsgSend(from_address=sender, to_address=to, amount=[coin(amount)]), nothing


@transaction("transfer")
@parameter(
    click.argument("channel"),
    click.argument("receiver"),
    click.argument("amount", type=CoinType()),
    click.option("--port", default="transfer", show_default=True),
    click.option("--timeout", type=DurationType(), default="10m", show_default=True),
    click.option("--memo", default=""),
)
def transfer(
    sender: str, channel: str, receiver: str, amount: Coin, port: str, timeout: Duration, memo: str
) -> Any:
    """Send AMOUNT (12stake) over an ICS-20 CHANNEL to RECEIVER on the other chain."""
    message = transfer_tx.MsgTransfer(
        source_port=port,
        source_channel=channel,
        token=coin(amount),
        sender=sender,
        receiver=receiver,
        timeout_timestamp=time.time_ns() + timeout,
        memo=memo,
    )
    message.timeout_height.SetInParent()
    return message, lambda events: {"sequence": attribute(events, "send_packet", "packet_sequence")}


@transaction("store")
@parameter(click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False)))
def store(sender: str, file: Path) -> Any:
    """Store a compiled contract (.wasm, may be gzipped)."""
    message = wasm_tx.MsgStoreCode(sender=sender, wasm_byte_code=file.read_bytes())
    return message, lambda events: {
        "code_id": attribute(events, "store_code", "code_id"),
        "checksum": attribute(events, "store_code", "code_checksum"),
    }


@transaction("instantiate")
@parameter(
    click.argument("code_id", type=UINT64),
    click.argument("message"),
    click.option("--label", required=True, help="A name for people."),
    click.option("--admin", default="", help="Who may migrate it (default: nobody)."),
    click.option("--amount", type=CoinType(), multiple=True, help="Tokens to send along."),
    click.option(
        "--salt",
        default="",
        help="Use a predictable address (instantiate2), salted with this text.",
    ),
)
def instantiate(
    sender: str,
    code_id: int,
    message: str,
    label: str,
    admin: str,
    amount: Sequence[Coin],
    salt: str,
) -> Any:
    """Make a contract of a stored code; MESSAGE is JSON."""
    common: dict[str, Any] = {
        "sender": sender,
        "admin": admin,
        "code_id": code_id,
        "label": label,
        "msg": json_bytes(message),
        "funds": coins(amount),
    }
    made = (
        wasm_tx.MsgInstantiateContract2(**common, salt=salt.encode())
        if salt
        else wasm_tx.MsgInstantiateContract(**common)
    )
    return made, lambda events: {"contract": attribute(events, "instantiate", "_contract_address")}


@transaction("execute")
@parameter(
    click.argument("contract"),
    click.argument("message"),
    click.option("--amount", type=CoinType(), multiple=True, help="Tokens to send along."),
)
def execute(sender: str, contract: str, message: str, amount: Sequence[Coin]) -> Any:
    """Call a contract; MESSAGE is JSON."""
    made = wasm_tx.MsgExecuteContract(
        sender=sender, contract=contract, msg=json_bytes(message), funds=coins(amount)
    )
    return made, wasm_events


@transaction("migrate")
@parameter(
    click.argument("contract"),
    click.argument("code_id", type=UINT64),
    click.argument("message"),
)
def migrate(sender: str, contract: str, code_id: int, message: str) -> Any:
    """Point a contract of which you are the admin at another code; MESSAGE is JSON."""
    made = wasm_tx.MsgMigrateContract(
        sender=sender, contract=contract, code_id=code_id, msg=json_bytes(message)
    )
    return made, wasm_events


def nothing(_: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {}


def wasm_events(events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What contracts reported, and the packets that they sent."""
    reported = [
        {pair["key"]: pair["value"] for pair in event["attributes"] if pair["key"] != "msg_index"}
        for event in events
        if re.fullmatch("wasm(-.*)?", event["type"])
    ]
    packet = attribute(events, "send_packet", "packet_sequence")
    return {"events": reported, **({"sequence": packet} if packet else {})}


def coin(amount: Coin) -> coin_pb2.Coin:
    return coin_pb2.Coin(denom=amount.denom, amount=str(amount.amount))


def coins(amounts: Sequence[Coin]) -> list[coin_pb2.Coin]:
    return [coin(each) for each in sorted(amounts, key=lambda each: each.denom)]
