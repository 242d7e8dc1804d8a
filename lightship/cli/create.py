"""``lightship create``: clients, connections and channels. Each command makes what is missing below it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from lightship.cli.connect import chain_config, open_signers, transport
from lightship.cli.options import asynchronous, config_option, load_config
from lightship.cli.output import json_option, show
from relayer.client import TrackedClient, create_client
from relayer.config import Config
from relayer.daemon import STATE_FILE
from relayer.endpoint import ChainSettings, Endpoint
from relayer.errors import HandshakeError
from relayer.handshake import Side
from relayer.link import ChannelPair, Link
from relayer.notices import ClientCreated, HandshakeStep, Notice, Notices
from relayer.state import LinkIds, State

VERSIONS = {"transfer": "ics20-1"}
"""The version that a port's application speaks, where there is only one."""


@click.group()
def command() -> None:
    """Set up clients, connections and channels between two chains of the configuration."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two chains, open and able to sign, and the relayer's state."""

    a: Endpoint
    b: Endpoint
    state: State


@asynccontextmanager
async def both(config_file: Path, a: str, b: str, *, quiet: bool) -> AsyncIterator[Pair]:
    """Open two chains of the configuration, and report every step unless ``quiet``."""
    config = load_config(config_file)
    names = [chain_config(config, name) for name in (a, b)]
    if names[0] is names[1]:
        raise click.UsageError(f"{a} and {b} are the same chain")
    signers = open_signers(config, sorted({key for chain in names for key in chain.keys[:1]}))
    by_name = dict(zip(sorted({chain.keys[0] for chain in names}), signers, strict=True))
    notices = Notices() if quiet else Notices(_say)
    ends = [
        Endpoint(
            ChainSettings.of(chain), transport(chain), [by_name[chain.keys[0]]], notices=notices
        )
        for chain in names
    ]
    state = _state(config)
    try:
        await asyncio.gather(*(end.open() for end in ends))
        yield Pair(ends[0], ends[1], state)
    finally:
        await asyncio.gather(*(end.close() for end in ends))
        state.close()


def _state(config: Config) -> State:
    config.state.path.mkdir(parents=True, exist_ok=True)
    return State(config.state.path / STATE_FILE)


def _say(notice: Notice) -> None:
    if isinstance(notice, ClientCreated):
        click.echo(f"{notice.chain}: client {notice.client} tracks {notice.tracks}", err=True)
    elif isinstance(notice, HandshakeStep):
        at = f" on port {notice.port}" if notice.port else ""
        click.echo(f"{notice.chain}: {notice.step} {notice.id}{at}", err=True)


@command.command("client")
@click.argument("host")
@click.argument("subject")
@config_option
@json_option
@asynchronous
async def client(host: str, subject: str, config_file: Path, as_json: bool) -> None:
    """Create a light client on HOST that tracks SUBJECT."""
    async with both(config_file, host, subject, quiet=as_json) as pair:
        made = await create_client(pair.a, pair.b)
        result = {
            "chain": pair.a.chain_id,
            "client_id": made.id,
            "tracks": pair.b.chain_id,
            "height": str(made.newest),
        }
    show(result, as_json=as_json)


@command.command("connection")
@click.argument("a")
@click.argument("b")
@click.option("--a-client", default="", help="Use this client on A (with --b-client).")
@click.option("--b-client", default="", help="Use this client on B (with --a-client).")
@config_option
@json_option
@asynchronous
async def connection(
    a: str, b: str, a_client: str, b_client: str, config_file: Path, as_json: bool
) -> None:
    """Open a connection between A and B, over new clients unless both are named."""
    if bool(a_client) != bool(b_client):
        raise click.UsageError("--a-client and --b-client go together")
    async with both(config_file, a, b, quiet=as_json) as pair:
        link = await _connect(pair, a_client, b_client)
        result = _link_result(link.ids)
    show(result, as_json=as_json)


async def _connect(pair: Pair, a_client: str, b_client: str) -> Link:
    if not a_client:
        return await Link.create(pair.a, pair.b, state=pair.state)
    on_a = TrackedClient(a_client, pair.a, pair.b)
    on_b = TrackedClient(b_client, pair.b, pair.a)
    await asyncio.gather(on_a.load(), on_b.load())
    return await Link.connect(Side(pair.a, on_a), Side(pair.b, on_b), state=pair.state)


@command.command("channel")
@click.argument("a")
@click.argument("b")
@click.option(
    "--a-port", default="transfer", show_default=True, help="Port on A: transfer, or wasm.ADDRESS."
)
@click.option("--b-port", default="transfer", show_default=True, help="Port on B.")
@click.option(
    "--version", help="What the applications are to speak (default: what a transfer port speaks)."
)
@click.option(
    "--order", type=click.Choice(["unordered", "ordered"]), default="unordered", show_default=True
)
@click.option(
    "--connection", help="Use this connection (its id on A) instead of the one that is known here."
)
@click.option(
    "--new-connection", is_flag=True, help="Make new clients and a new connection in any case."
)
@config_option
@json_option
@asynchronous
async def channel(
    a: str,
    b: str,
    a_port: str,
    b_port: str,
    version: str | None,
    order: str,
    connection: str | None,
    new_connection: bool,
    config_file: Path,
    as_json: bool,
) -> None:
    """Open a channel between ports of A and B; clients and connection are made when there are none."""
    if connection and new_connection:
        raise click.UsageError("--connection and --new-connection exclude each other")
    spoken = version if version is not None else _version(a_port, b_port)
    async with both(config_file, a, b, quiet=as_json) as pair:
        link = await _link(pair, connection, new=new_connection)
        made = await link.open_channel(a_port, b_port, spoken, ordered=order == "ordered")
        result = {**_link_result(link.ids), **_channel_result(made, order)}
    show(result, as_json=as_json)


def _version(a_port: str, b_port: str) -> str:
    known = VERSIONS.get(a_port) or VERSIONS.get(b_port)
    if known is None:
        raise click.UsageError("--version is needed between two contract ports")
    return known


async def _link(pair: Pair, connection: str | None, *, new: bool) -> Link:
    """The named connection, else the one that was made from here, else a new one."""
    if connection is None and not new:
        known = pair.state.find_link(pair.a.chain_id, pair.b.chain_id)
        connection = known.a.connection if known is not None else None
    if connection is None:
        return await Link.create(pair.a, pair.b, state=pair.state)
    try:
        return await Link.resume(pair.a, pair.b, connection, state=pair.state)
    except HandshakeError as error:
        raise HandshakeError(f"{error} (--new-connection makes another)") from error


def _link_result(ids: LinkIds) -> dict[str, Any]:
    return {
        "a": {"chain": ids.a.chain, "client_id": ids.a.client, "connection_id": ids.a.connection},
        "b": {"chain": ids.b.chain, "client_id": ids.b.client, "connection_id": ids.b.connection},
    }


def _channel_result(made: ChannelPair, order: str) -> dict[str, Any]:
    return {
        "a_channel": {"port": made.a_port, "channel_id": made.a_channel},
        "b_channel": {"port": made.b_port, "channel_id": made.b_channel},
        "version": made.version,
        "order": order,
    }
