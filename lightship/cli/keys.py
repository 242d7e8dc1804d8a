"""``lightship keys``: mnemonics in, encrypted key files out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lightship.cli.options import HOME, password
from lightship.cli.output import json_option, show
from relayer.errors import KeyringError
from relayer.keyring import KeyInfo, Keyring
from relayer.mnemonic import COSMOS_PATH, generate_mnemonic


@click.group()
def command() -> None:
    """Keep the keys that sign. They are encrypted under a password (LIGHTSHIP_PASSWORD, or asked for)."""


keys_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: HOME.expanduser() / "keys",
    envvar="LIGHTSHIP_KEYS",
    show_default="~/.lightship/keys",
    help="Where key files are.",
)
prefix_option = click.option(
    "--prefix", default="cosmos", show_default=True, help="Address prefix to show addresses with."
)


@command.command("add")
@click.argument("name")
@keys_folder
@prefix_option
@click.option(
    "--mnemonic-file",
    type=click.File("r"),
    help="Read the words from a file ('-' is standard input) instead of making new ones.",
)
@click.option("--hd-path", default=COSMOS_PATH, show_default=True, help="BIP-32 derivation path.")
@click.option("--words", type=click.Choice(["12", "24"]), default="24", show_default=True)
@json_option
def add(
    name: str,
    folder: Path,
    prefix: str,
    mnemonic_file: Any,
    hd_path: str,
    words: str,
    as_json: bool,
) -> None:
    """Add a key NAME, from new words or from given ones. New words are shown once, and never stored."""
    fresh = mnemonic_file is None
    mnemonic = generate_mnemonic(int(words)) if fresh else mnemonic_file.read().strip()
    info = Keyring(folder).add(name, mnemonic, password(confirm=True), path=hd_path)
    result = _shown(info, prefix)
    text = f"added {name}: {result['address']}"
    if fresh:
        result["mnemonic"] = mnemonic
        text += (
            f"\n\nWrite these words down; they are the only way to recover the key:\n\n{mnemonic}"
        )
    show(result, as_json=as_json, text=text)


@command.command("list")
@keys_folder
@prefix_option
@json_option
def list_(folder: Path, prefix: str, as_json: bool) -> None:
    """List the keys; no password is needed."""
    found = [_shown(info, prefix) for info in Keyring(folder).list()]
    lines = [f"{key['name']:<20} {key['address']}" for key in found]
    show(found, as_json=as_json, text="\n".join(lines) or f"no keys in {folder}")


@command.command("show")
@click.argument("name")
@keys_folder
@prefix_option
@json_option
def show_(name: str, folder: Path, prefix: str, as_json: bool) -> None:
    """Show a key's address and public key; no password is needed."""
    show(_shown(Keyring(folder).show(name), prefix), as_json=as_json)


@command.command("delete")
@click.argument("name")
@keys_folder
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(name: str, folder: Path, yes: bool, as_json: bool) -> None:
    """Delete a key. Without its words it is gone for good."""
    ring = Keyring(folder)
    ring.show(name)
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask for consent: --yes deletes without asking")
    if not yes and not click.confirm(f"Delete key {name} for good?", err=True):
        raise KeyringError(f"key {name} was not deleted")
    ring.delete(name)
    show({"name": name}, as_json=as_json, text=f"deleted {name}")


def _shown(info: KeyInfo, prefix: str) -> dict[str, str]:
    return {
        "name": info.name,
        "address": info.address(prefix),
        "public_key": info.public_key.hex(),
        "path": info.path,
    }
