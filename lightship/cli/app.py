"""The root command: where each group of commands lives, and how a run ends.

A command returns normally, or one line on standard error says what went wrong and the exit code is 1 (2 for a wrong
command line). A group without a command shows its help there. Only a bug of ours shows a traceback.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from lightship.cli.output import fail, wants_json
from lightship.version import VERSION

# name: (module, one line of help). The help stands here so that `lightship --help` imports nothing else.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("lightship.cli.demo", "Two chains, a relayer, contracts: the whole story, narrated."),
    "chain": ("lightship.cli.chain", "Make and run an embedded chain."),
    "config": ("lightship.cli.config", "Write and check the relayer's configuration."),
    "keys": ("lightship.cli.keys", "Keep the keys that sign."),
    "create": ("lightship.cli.create", "Set up clients, connections and channels."),
    "start": ("lightship.cli.start", "Relay packets until stopped."),
    "tx": ("lightship.cli.tx", "Send tokens, store and call contracts."),
    "query": ("lightship.cli.query", "Look at a chain."),
    "vm": ("lightship.cli.vm", "Check and run contracts without a chain."),
    "verify": ("lightship.cli.verify", "Check a node's saved answers: headers and proofs."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="lightship")
def lightship() -> None:
    """Relay IBC packets between Cosmos chains, verifying every header and every proof on the way.

    Start with `lightship demo`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = wants_json(words)
    try:
        code: Any = lightship.main(words, prog_name="lightship", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return fail("interrupted", as_json=as_json, code=130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        at = getattr(error, "ctx", None)
        hint = f" (see {at.command_path} --help)" if at is not None else ""
        return fail(f"{error.format_message()}{hint}", as_json=as_json, code=error.exit_code)
    except BrokenPipeError:
        return 141
    except Exception as error:
        text = known(error)
        if text is None:
            raise
        return fail(text, as_json=as_json)
    return code if isinstance(code, int) else 0


def known(error: Exception) -> str | None:
    """The line for an error of ours or of the system; None for a bug. Only packages in use can have raised theirs."""
    for module, root in (
        ("relayer.errors", "RelayerError"),
        ("chain.errors", "ChainError"),
        ("chain.vm.errors", "VmError"),
        ("light_client.errors", "LightClientError"),
        ("contracts", "ArtifactError"),
        ("lightship.errors", "LightshipError"),
    ):
        family = getattr(sys.modules.get(module), root, None)
        if family is not None and isinstance(error, family):
            return " ".join(str(error).split())
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}"
    return None
