"""``lightship vm``: contracts without a chain."""

from __future__ import annotations

import click

from lightship.cli.vm_check import check
from lightship.cli.vm_run import run


@click.group()
def command() -> None:
    """Work on contracts without a chain."""


command.add_command(check)
command.add_command(run)
