"""``lightship start``: the daemon."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from lightship.cli.options import config_option, event_loop, load_config, password
from lightship.cli.output import json_option, show
from lightship.memory import settle
from relayer.config import Log
from relayer.daemon import Daemon
from relayer.notices import LogSink, Notices


@click.command()
@config_option
@json_option
def command(config_file: Path, as_json: bool) -> None:
    """Relay packets on every path of the configuration until SIGTERM or Ctrl-C. With --json, logs are JSON too."""
    config = load_config(config_file)
    log = Log(level=config.log.level, format="json") if as_json else config.log
    sink = LogSink(_logger(log), json=log.format == "json")
    secret = password()
    daemon = Daemon(config, lambda _: secret, file=config_file, notices=Notices(sink))
    settle()
    with asyncio.Runner(loop_factory=event_loop()) as runner:
        runner.run(daemon.run())
    show({"stopped": True}, as_json=as_json, text="stopped")


def _logger(log: Log) -> logging.Logger:
    """One line a notice on standard error; as JSON the line is the notice alone."""
    logger = logging.getLogger("relayer")
    handler = logging.StreamHandler()
    plain = "%(message)s" if log.format == "json" else "%(asctime)s %(levelname)-7s %(message)s"
    handler.setFormatter(logging.Formatter(plain))
    logger.addHandler(handler)
    logger.setLevel(log.level.upper())
    return logger
