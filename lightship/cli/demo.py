"""``lightship demo``: the main job, narrated."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lightship.cli.options import event_loop
from lightship.cli.output import json_option, show
from relayer.config import Duration

if TYPE_CHECKING:
    from lightship.demo import Demo, Teller


@click.command()
@click.option(
    "--keep", is_flag=True, help="Leave everything running and print endpoints and mnemonics."
)
@click.option(
    "--block-time", default="1s", show_default=True, help="Such as 1s or 500ms, or instant."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep chains, logs and keys here (default: a temporary folder, removed at the end).",
)
@json_option
def command(keep: bool, block_time: str, folder: Path | None, as_json: bool) -> int:
    """Two chains and a relayer as three processes, contracts on both chains, and tokens that travel between them.

    Shows a cw20 transfer and its way back, a native coin over ICS-20, a packet into a contract, one that is refused
    and one that times out. The exit code says whether every check held.
    """
    from lightship.demo import Demo, Teller, clean  # noqa: PLC0415 - heavy, its help is not

    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise click.UsageError(f"--folder {folder} is not empty")
    _check_block_time(block_time)
    place = folder or Path(tempfile.mkdtemp(prefix="lightship-demo-"))
    place.mkdir(parents=True, exist_ok=True)
    teller = Teller(say=(lambda _: None) if as_json and not keep else click.echo)
    try:
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            result = runner.run(_run(Demo(place.resolve(), block_time), teller, keep=keep))
    except BaseException:
        click.echo(f"chains, relayer and their logs are left in {place}", err=True)
        raise
    if folder is None and result["holds"]:
        clean(place)
    elif not result["holds"]:
        click.echo(f"chains, relayer and their logs are left in {place}", err=True)
    if as_json:
        show(result, as_json=True)
    return 0 if result["holds"] else 1


def _check_block_time(text: str) -> None:
    try:
        if text != "instant":
            Duration.parse(text)
    except ValueError as error:
        raise click.UsageError(f"--block-time: {error}, or instant") from None


async def _run(demo: Demo, teller: Teller, *, keep: bool) -> dict[str, Any]:
    """The story, which SIGTERM or Ctrl-C ends in good order."""
    loop = asyncio.get_running_loop()
    ending = asyncio.Event()
    story = asyncio.create_task(demo.run(teller, ending if keep else None))

    def end() -> None:
        ending.set()
        if not keep or not teller.scenes or "stays up" not in teller.scenes[-1].title:
            story.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    with contextlib.suppress(asyncio.CancelledError):
        return await story
    raise click.Abort
