"""``lightship config``: write a configuration for chains that answer, and check one before relying on it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

import configs
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2 as auth_query
from cosmos_pb.cosmos.base.node.v1beta1 import query_pb2 as node_query
from cosmos_pb.cosmos.staking.v1beta1 import query_pb2 as staking_query
from lightship.cli.connect import transport
from lightship.cli.options import (
    asynchronous,
    config_option,
    keyring,
    load_config,
)
from lightship.cli.output import json_option, show
from relayer.coins import GasPrice
from relayer.config import ChainConfig, Config, parse
from relayer.errors import ChainMismatch, ConfigError, KeyringError, QueryError, RelayerError
from relayer.reader import Reader
from relayer.transport import HttpTransport


@click.group()
def command() -> None:
    """Write and check the relayer's configuration."""


# init


@dataclass(frozen=True, slots=True)
class Found:
    """What a chain says of itself."""

    name: str
    url: str
    chain_id: str
    prefix: str
    gas_price: str


@command.command("init")
@click.argument("chains", nargs=-1, metavar="[NAME=URL]...")
@config_option
@click.option("--key", default="relayer", show_default=True, help="The key that will sign.")
@click.option(
    "--state", type=click.Path(path_type=Path), help="Where the relayer keeps state and keys."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def init(
    chains: Sequence[str],
    config_file: Path,
    key: str,
    state: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write a configuration: for chains at these RPC URLs, or the commented reference when none is given."""
    if config_file.exists() and not force:
        raise ConfigError(config_file, "", "exists already (--force writes over it)")
    if chains:
        named = [_named(each) for each in chains]
        if len(dict(named)) < len(named):
            raise click.UsageError("every chain needs a name of its own")
        found = asyncio.run(_ask_all(named))
        text = _written(found, key, state)
    else:
        text = configs.reference()
    parse(text, config_file)
    config_file.parent.mkdir(parents=True, exist_ok=True)
    config_file.write_text(text, encoding="utf-8")
    show({"file": str(config_file)}, as_json=as_json, text=f"wrote {config_file}")


def _named(text: str) -> tuple[str, str]:
    name, separator, url = text.partition("=")
    if not separator or not name or not url.startswith(("http://", "https://")):
        raise click.UsageError(
            f"expected NAME=URL such as alpha=http://127.0.0.1:26657, got {text!r}"
        )
    return name, url


async def _ask_all(chains: Sequence[tuple[str, str]]) -> list[Found]:
    return await asyncio.gather(*(_ask(name, url) for name, url in chains))


async def _ask(name: str, url: str) -> Found:
    """Chain id, address prefix and gas price, from the chain itself."""
    reader = Reader(url, HttpTransport(url))
    try:
        status = await reader.status()
        prefix = await reader.ask(
            "/cosmos.auth.v1beta1.Query/Bech32Prefix",
            auth_query.Bech32PrefixRequest(),
            auth_query.Bech32PrefixResponse,
        )
        return Found(name, url, status.chain_id, prefix.bech32_prefix, await _price(reader))
    finally:
        await reader.transport.close()


async def _price(reader: Reader) -> str:
    """The node's minimum gas price, else a usual one in the staking denomination."""
    try:
        answer = await reader.ask(
            "/cosmos.base.node.v1beta1.Service/Config",
            node_query.ConfigRequest(),
            node_query.ConfigResponse,
        )
        wanted = answer.minimum_gas_price.replace(";", ",").split(",")[0]
        return str(GasPrice.parse(wanted))
    except (QueryError, ValueError):
        path = "/cosmos.staking.v1beta1.Query/Params"
        request = staking_query.QueryParamsRequest()
        params = await reader.ask(path, request, staking_query.QueryParamsResponse)
        return f"0.025{params.params.bond_denom}"


def _written(chains: Sequence[Found], key: str, state: Path | None) -> str:
    parts = [
        "# Written by `lightship config init`. Every key is explained in configs/lightship.toml.\n"
    ]
    if state is not None:
        parts.append(f"[state]\nfolder = {_quoted(str(state))}\n")
    parts += [
        f"[chains.{_key(chain.name)}]\n"
        f"id = {_quoted(chain.chain_id)}\n"
        f"rpc = {_quoted(chain.url)}\n"
        f"prefix = {_quoted(chain.prefix)}\n"
        f"gas_price = {_quoted(chain.gas_price)}\n"
        f"keys = [{_quoted(key)}]\n"
        for chain in chains
    ]
    pairs = pairwise(chains)
    parts += [f"[[paths]]\na = {_quoted(a.name)}\nb = {_quoted(b.name)}\n" for a, b in pairs]
    return "\n".join(parts)


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# check


@command.command("check")
@config_option
@click.option("--offline", is_flag=True, help="Read the file and the keys, ask no chain.")
@json_option
@asynchronous
async def check(config_file: Path, offline: bool, as_json: bool) -> int:
    """Read the configuration and ask every chain: does it answer, is it the right one, are its keys funded?"""
    config = load_config(config_file)
    chains = {
        name: _keys(config, chain) if offline else await _check_chain(config, chain)
        for name, chain in config.chains.items()
    }
    faults = [f"{name}: {fault}" for name, chain in chains.items() for fault in chain["faults"]]
    if not faults or not as_json:
        show({"file": str(config_file), "chains": chains}, as_json=as_json, text=_report(chains))
    if faults:
        count = len(faults)
        raise ConfigError(
            config_file, "", f"{count} fault{'s' if count > 1 else ''}: {'; '.join(faults)}"
        )
    return 0


def _keys(config: Config, chain: ChainConfig) -> dict[str, Any]:
    ring = keyring(config)
    addresses: dict[str, str] = {}
    faults: list[str] = []
    for name in chain.keys:
        try:
            addresses[name] = ring.show(name).address(chain.prefix)
        except KeyringError as error:
            faults.append(f"{error} (lightship keys add {name})")
    return {"id": chain.id, "rpc": chain.rpc, "keys": addresses, "faults": faults}


async def _check_chain(config: Config, chain: ChainConfig) -> dict[str, Any]:
    result = _keys(config, chain)
    reader = Reader(chain.rpc, transport(chain))
    try:
        status = await reader.status()
        if status.chain_id != chain.id:
            raise ChainMismatch(chain.rpc, chain.id, status.chain_id)
        result["height"] = status.height
        result["balances"] = {}
        for name, address in result["keys"].items():
            owned = await reader.balances(address)
            result["balances"][name] = ",".join(map(str, owned))
            denom = chain.gas_price.denom
            if chain.gas_price.amount and not any(coin.denom == denom for coin in owned):
                result["faults"].append(f"key {name} ({address}) owns no {denom} to pay fees with")
    except RelayerError as error:
        result["faults"].append(str(error))
    finally:
        await reader.transport.close()
    return result


def _report(chains: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, chain in chains.items():
        verdict = "faulty" if chain["faults"] else "good"
        at = f" at height {chain['height']}" if "height" in chain else ""
        lines.append(f"{name} ({chain['id']}){at}: {verdict}")
        for key, address in chain["keys"].items():
            owned = chain.get("balances", {}).get(key, "")
            lines.append(f"  {key} {address} {owned}".rstrip())
        lines += [f"  - {fault}" for fault in chain["faults"]]
    return "\n".join(lines)
