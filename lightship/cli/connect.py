"""From a name on the command line to a chain: by the configuration, or by its URL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click

from lightship.cli.options import keyring, load_config, password
from relayer.config import ChainConfig, Config
from relayer.endpoint import ChainSettings, Endpoint
from relayer.keys import Signer
from relayer.reader import Reader
from relayer.transport import HttpTransport


def chain_config(config: Config, name: str) -> ChainConfig:
    """The chain of this name or of this chain id."""
    found = config.chains.get(name)
    if found is None:
        found = next((chain for chain in config.chains.values() if chain.id == name), None)
    if found is None:
        known = ", ".join(sorted(config.chains))
        raise click.UsageError(f"there is no chain {name!r} in the configuration (chains: {known})")
    return found


def transport(config: ChainConfig) -> HttpTransport:
    return HttpTransport(config.rpc, batch=config.rpc_batch, timeout=config.rpc_timeout.seconds)


@asynccontextmanager
async def reading(name: str, config_file: Path) -> AsyncIterator[Reader]:
    """A chain to ask: NAME of the configuration, or an http(s) URL that needs none."""
    if name.startswith(("http://", "https://")):
        made = HttpTransport(name)
    else:
        made = transport(chain_config(load_config(config_file), name))
    try:
        yield Reader(name, made)
    finally:
        await made.close()


@asynccontextmanager
async def signing(name: str, config_file: Path, key: str | None) -> AsyncIterator[Endpoint]:
    """A chain to send transactions to, signed by ``key`` (else by the first key that the configuration names)."""
    config = load_config(config_file)
    chain = chain_config(config, name)
    signers = open_signers(config, [key or chain.keys[0]])
    endpoint = Endpoint(ChainSettings.of(chain), transport(chain), signers)
    try:
        yield await endpoint.open()
    finally:
        await endpoint.close()


def open_signers(config: Config, names: Sequence[str]) -> list[Signer]:
    """Decrypt keys; one password opens them all."""
    ring = keyring(config)
    for name in names:
        ring.show(name)
    secret = password()
    return [ring.open(name, secret) for name in names]
