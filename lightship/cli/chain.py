"""``lightship chain``: make an embedded chain and run it. A chain is heavy to import, its help is not."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lightship.cli.options import event_loop
from lightship.cli.output import json_option, render, show
from lightship.cli.values import release
from lightship.memory import settle
from relayer.coins import Coin, GasPrice
from relayer.config import Duration

if TYPE_CHECKING:
    from chain.node.maker import Pace
    from chain.node.node import Node, NodeConfig
    from lightship.devnet import Account


@click.group()
def command() -> None:
    """Make and run an embedded chain: CometBFT blocks, IBC and CosmWasm in one process."""


home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The chain's folder.",
)


@command.command("init")
@home_option
@click.option(
    "--chain-id",
    required=True,
    help="Such as alpha-1; a number after the last dash is its revision.",
)
@click.option("--prefix", default="cosmos", show_default=True, help="Prefix of account addresses.")
@click.option(
    "--denom",
    default="stake",
    show_default=True,
    help="What validators stake and fees are paid in.",
)
@click.option("--validators", type=click.IntRange(1, 1000), default=1, show_default=True)
@click.option(
    "--account",
    "accounts",
    multiple=True,
    metavar="NAME=COINS",
    help="A funded account, such as alice=1000000stake,500gold (may be given again).",
)
@click.option(
    "--block-time", default="1s", show_default=True, help="Such as 1s or 500ms, or instant."
)
@click.option(
    "--gas-price", default="", help="The least that the mempool takes, such as 0.025stake."
)
@click.option(
    "--wasmd", help="Charge contracts as this release of wasmd does (0.53.2); default: 0.61.14."
)
@click.option("--ibc-hooks", is_flag=True, help="Memos of transfers may call contracts.")
@json_option
def init(
    home: Path,
    chain_id: str,
    prefix: str,
    denom: str,
    validators: int,
    accounts: Sequence[str],
    block_time: str,
    gas_price: str,
    wasmd: str | None,
    ibc_hooks: bool,
    as_json: bool,
) -> None:
    """Make a chain: genesis, validator keys, funded accounts. Their words are shown once."""
    from chain.errors import GenesisError  # noqa: PLC0415
    from chain.node.home import Home  # noqa: PLC0415
    from chain.node.privval import ValidatorKey  # noqa: PLC0415
    from light_client.values import Timestamp  # noqa: PLC0415
    from lightship import faucet  # noqa: PLC0415
    from lightship.devnet import CHAIN_FILE, ChainFile, make_genesis  # noqa: PLC0415

    _pace(block_time)
    if gas_price:
        _gas_price(gas_price)
    if wasmd is not None:
        release(wasmd)
    funded = _accounts(accounts, _denom(denom))
    keys = [ValidatorKey.generate() for _ in range(validators)]
    now = Timestamp.from_ns(time.time_ns())
    tap = faucet.stock([denom, *(coin.denom for account in funded for coin in account.coins)])
    genesis = make_genesis(
        chain_id,
        now,
        keys,
        [*funded, tap],
        prefix=prefix,
        denom=denom,
        wasmd=wasmd,
        hooks=ibc_hooks,
    )
    if (home / CHAIN_FILE).exists():
        raise GenesisError(f"{home} holds a chain already")
    Home(home).prepare(genesis, keys)
    ChainFile(prefix=prefix, block_time=block_time, gas_price=gas_price).save(home)
    faucet.save_key(home, tap)
    result: dict[str, Any] = {
        "home": str(home),
        "chain_id": chain_id,
        "validators": validators,
        "accounts": [
            {
                "name": account.name,
                "address": account.address(prefix),
                "coins": ",".join(map(str, account.coins)),
                "mnemonic": account.mnemonic,
            }
            for account in funded
        ],
        "faucet": tap.address(prefix),
    }
    hint = f"\n\nStart it with: lightship chain start --home {home}"
    show(result, as_json=as_json, text=render(result) + hint)


@command.command("start")
@home_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--rpc-port",
    type=click.IntRange(0, 65535),
    default=26657,
    show_default=True,
    help="0: any free one.",
)
@click.option(
    "--grpc-port",
    type=click.IntRange(0, 65535),
    default=9090,
    show_default=True,
    help="0: any free one.",
)
@click.option(
    "--rest-port",
    type=click.IntRange(0, 65535),
    default=1317,
    show_default=True,
    help="0: any free one.",
)
@click.option(
    "--faucet-port",
    type=click.IntRange(0, 65535),
    help="Also run a faucet, as CosmJS's FaucetClient knows it. 0: any free port.",
)
@click.option("--block-time", help="Instead of what the chain was made with: 1s, 500ms, instant.")
@json_option
def start(
    home: Path,
    host: str,
    rpc_port: int,
    grpc_port: int,
    rest_port: int,
    faucet_port: int | None,
    block_time: str | None,
    as_json: bool,
) -> None:
    """Run a chain until SIGTERM or Ctrl-C. With --json one object tells the endpoints as soon as they answer."""
    from chain.node.node import NodeConfig  # noqa: PLC0415
    from lightship.devnet import ChainFile  # noqa: PLC0415

    file = ChainFile.load(home)
    config = NodeConfig(
        pace=_pace(block_time or file.block_time),
        moniker=home.name or "lightship",
        bech32_prefix=file.prefix,
        min_gas_prices=_min_gas_prices(file.gas_price),
    )
    with asyncio.Runner(loop_factory=event_loop()) as runner:
        serving = _serve(
            home,
            config,
            host,
            (rpc_port, grpc_port, rest_port),
            faucet_port,
            file.gas_price,
            as_json=as_json,
        )
        runner.run(serving)


async def _serve(
    home: Path,
    config: NodeConfig,
    host: str,
    ports: tuple[int, int, int],
    faucet_port: int | None,
    gas_price: str,
    *,
    as_json: bool,
) -> None:
    from chain.node.node import Node  # noqa: PLC0415
    from lightship.faucet import Faucet, load_key  # noqa: PLC0415

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    tap = None if faucet_port is None else load_key(home)
    node = await Node.open(home, config=config)
    faucet: Faucet | None = None
    try:
        await node.start()
        await node.serve(host, *ports)
        settle()
        result = _endpoints(node)
        if tap is not None and faucet_port is not None:
            faucet = Faucet(node, tap, gas_price)
            result["faucet"] = await faucet.start(host, faucet_port)
        show(result, as_json=as_json)
        stopped = asyncio.create_task(ending.wait())
        failed = asyncio.create_task(node.wait())
        await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        if failed.done():
            failed.result()
        for task in (stopped, failed):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    finally:
        if faucet is not None:
            await faucet.stop()
        await node.stop()


def _endpoints(node: Node) -> dict[str, Any]:
    """What a chain that answers says of itself."""
    registry = f"{node.rest_url}/chain-registry"
    return {
        "chain_id": node.chain_id,
        "height": node.height,
        "rpc": node.rpc_url,
        "grpc": node.grpc_address,
        "rest": node.rest_url,
        "chain_registry": f"{registry}/chain.json",
        "assetlist": f"{registry}/assetlist.json",
        "keplr": f"{registry}/keplr.json",
    }


def _pace(text: str) -> Pace:
    from chain.node.maker import Pace  # noqa: PLC0415

    if text == "instant":
        return Pace(instant=True)
    try:
        return Pace(interval=Duration.parse(text).seconds)
    except ValueError as error:
        raise click.UsageError(f"--block-time: {error}, or instant") from None


def _gas_price(text: str) -> GasPrice:
    try:
        return GasPrice.parse(text)
    except ValueError as error:
        raise click.UsageError(f"--gas-price: {error}") from None


def _min_gas_prices(text: str) -> tuple[tuple[str, str], ...]:
    price = _gas_price(text) if text else None
    return ((price.denom, str(price.amount)),) if price is not None else ()


def _denom(text: str) -> str:
    with contextlib.suppress(ValueError):
        if Coin.parse(f"1{text}").denom == text:
            return text
    raise click.UsageError(f"--denom: expected a denomination such as stake, got {text!r}")


def _accounts(texts: Sequence[str], denom: str) -> list[Account]:
    """The accounts of a new chain; one of a developer when nobody is named."""
    accounts = [_account(each) for each in texts or (f"dev=1000000000000{denom}",)]
    twice = _repeated([account.name for account in accounts])
    if twice is not None:
        raise click.UsageError(f"--account {twice} is given twice")
    return accounts


def _account(text: str) -> Account:
    from lightship.devnet import Account  # noqa: PLC0415

    name, separator, amounts = text.partition("=")
    if not separator or not name:
        raise click.UsageError(
            f"--account: expected NAME=COINS such as alice=1000stake, got {text!r}"
        )
    try:
        coins = [Coin.parse(each) for each in amounts.split(",")]
    except ValueError as error:
        raise click.UsageError(f"--account {name}: {error}") from None
    twice = _repeated([coin.denom for coin in coins])
    if twice is not None:
        raise click.UsageError(f"--account {name}: {twice} is given twice")
    if not all(coin.amount for coin in coins):
        raise click.UsageError(f"--account {name}: no coins are no amount, got {amounts!r}")
    return Account.new(name, coins)


def _repeated(words: Sequence[str]) -> str | None:
    """The first word that stands there again."""
    return next((word for index, word in enumerate(words) if word in words[:index]), None)
