"""Options that several commands share: where the configuration and the keys are, and the password that opens them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from relayer.config import Config
    from relayer.keyring import Keyring

HOME: Final = Path("~/.lightship")

Command = TypeVar("Command", bound=Callable[..., Any])
Body = Callable[..., Coroutine[Any, Any, Any]]


def default_config() -> Path:
    return HOME.expanduser() / "config.toml"


def config_option(command: Command) -> Command:
    """``--config FILE``: the command gets ``config_file``."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        default=default_config,
        envvar="LIGHTSHIP_CONFIG",
        show_default="~/.lightship/config.toml",
        help="The configuration file.",
    )(command)


def load_config(file: Path) -> Config:
    from relayer.config import load  # noqa: PLC0415 - only commands that use it pay for it

    return load(file)


def keyring(config: Config) -> Keyring:
    """The keys folder beside the relayer's state."""
    from relayer.keyring import Keyring  # noqa: PLC0415

    return Keyring(config.state.path / "keys")


def password(*, confirm: bool = False) -> str:
    """From LIGHTSHIP_PASSWORD, else asked for at the terminal."""
    from relayer.keyring import PASSWORD_VARIABLE  # noqa: PLC0415

    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise click.UsageError(f"no terminal to ask for the password: set {PASSWORD_VARIABLE}")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def asynchronous(function: Body) -> Any:
    """A command whose body is a coroutine."""

    @wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        return asyncio.run(function(*args, **kwargs))

    return command


def event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop's event loop where it is installed; None is the standard one."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
