"""``lightship verify``: is it true what a node answered? Files of its RPC answers in, what holds of them out.

Every line that begins with + stands behind a check that has passed; the first one that fails ends the run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from light_client import answers
from light_client.answers import StoreAnswer
from light_client.commit import SignedHeader
from light_client.errors import LightClientError
from light_client.validators import ValidatorSet
from light_client.values import Fraction, Timestamp
from light_client.verify import Rules
from lightship.cli.output import json_option, printable, show
from lightship.cli.values import DurationType, HexType, TimeType, TrustLevelType
from lightship.errors import FileError
from lightship.verification import Known, Report, check_header, check_heights, check_proof
from relayer.config import Duration

Command = TypeVar("Command", bound=Callable[..., Any])
T = TypeVar("T")

FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.group()
def command() -> None:
    """Check what a node answered, from files of its RPC answers and nothing else.

    \b
    curl -s "$NODE/commit?height=8" > commit.json
    curl -s "$NODE/validators?height=8&per_page=100" > validators.json
    lightship verify header --commit commit.json --validators validators.json
    """  # noqa: D301 - click wants the backspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line says about a header: files, what is known already, and how far to trust."""

    commit: Path | None
    validators: tuple[Path, ...]
    next_validators: tuple[Path, ...]
    chain_id: str | None
    hash: bytes | None
    trusted_commit: Path | None
    trusted_validators: tuple[Path, ...]
    trusted_hash: bytes | None
    trusting_period: Duration
    trust_level: Fraction
    max_clock_drift: Duration
    now: Timestamp | None

    def __post_init__(self) -> None:
        if not self.trusted_commit and (self.trusted_validators or self.trusted_hash):
            raise click.UsageError("--trusted-validators and --trusted-hash need --trusted-commit")
        if not self.validators and (self.next_validators or self.trusted_commit):
            raise click.UsageError("--next-validators and --trusted-commit need --validators")
        if not self.commit and (self.validators or self.hash):
            raise click.UsageError("--validators and --hash need --commit")

    def known(self) -> Known:
        trusted = None
        if self.trusted_commit is not None:
            trusted = _read(self.trusted_commit, answers.signed_header)
        return Known(
            rules=Rules(self.trusting_period, self.trust_level, self.max_clock_drift),
            now=self.now or Timestamp.from_ns(time.time_ns()),
            chain_id=self.chain_id,
            hash=self.hash,
            trusted=trusted,
            trusted_validators=_validators(self.trusted_validators),
            trusted_hash=self.trusted_hash,
        )


def header_options(command: Command) -> Command:
    """Everything from which a header can be verified; the command gets the fields of ``Given``."""
    options = (
        click.option("--commit", type=FILE, help="The answer of /commit."),
        click.option(
            "--validators",
            type=FILE,
            multiple=True,
            help="The answer of /validators at the same height; again for each further page.",
        ),
        click.option(
            "--next-validators",
            type=FILE,
            multiple=True,
            help="The answer of /validators at the height above.",
        ),
        click.option("--chain-id", help="The chain that the header must be of."),
        click.option("--hash", type=HexType(), help="The hash that the header must have."),
        click.option(
            "--trusted-commit",
            type=FILE,
            help="The answer of /commit at a lower height, whose header is trusted.",
        ),
        click.option(
            "--trusted-validators",
            type=FILE,
            multiple=True,
            help="The validators of the trusted header, or the next ones; needed unless it is right below.",
        ),
        click.option(
            "--trusted-hash", type=HexType(), help="The hash that the trusted header must have."
        ),
        click.option(
            "--trusting-period",
            type=DurationType(),
            default="14d",
            show_default=True,
            help="How long a header is trusted: less than the chain's unbonding time.",
        ),
        click.option(
            "--trust-level",
            type=TrustLevelType(),
            default="1/3",
            show_default=True,
            help="How much of the trusted validators' power must have signed.",
        ),
        click.option(
            "--max-clock-drift",
            type=DurationType(),
            default="10s",
            show_default=True,
            help="How far a header may be ahead of now.",
        ),
        click.option(
            "--now", type=TimeType(), help="Instead of the clock's time: 2024-05-06T07:08:09Z."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@command.command("header")
@header_options
@json_option
def header(as_json: bool, **options: Any) -> None:
    """Check a header: its hash, its validators, their signatures, and that it follows from one that is trusted."""
    given = Given(**options)
    if given.commit is None or not given.validators:
        raise click.UsageError("a header is checked by --commit and --validators")
    report = _report(as_json=as_json)
    signed = _read(given.commit, answers.signed_header)
    conclusion = _check(report, given, signed)
    result = {**_header(signed), "checks": report.checks, "conclusion": conclusion}
    show(result, as_json=as_json, text=printable(conclusion))


@command.command("proof")
@click.option("--query", type=FILE, required=True, help="The answer of /abci_query with a proof.")
@click.option("--root", type=HexType(), help="The app hash, where there is no --commit.")
@click.option("--store", help="The store that was asked, such as bank.")
@click.option("--key", type=HexType(), help="The key that was asked for.")
@header_options
@json_option
def proof(
    query: Path,
    root: bytes | None,
    store: str | None,
    key: bytes | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Check what a store holds, or that it holds nothing, under a key.

    What was stored after block H is proven by header H+1. With --validators that header is checked as well.
    """
    given = Given(**options)
    if (root is None) == (given.commit is None):
        raise click.UsageError("a proof leads to a header (--commit) or to an app hash (--root)")
    report = _report(as_json=as_json)
    answer = _read(query, answers.store_answer)
    found: dict[str, Any] = {}
    conclusion = "Whether a header has this app hash was not checked."
    if given.commit is not None:
        signed = _read(given.commit, answers.signed_header)
        conclusion = _check(report, given, signed)
        check_heights(report, answer, signed)
        root, found = signed.header.app_hash, {"header": _header(signed)}
    check_proof(report, answer, root or b"", store, key)
    result = {**_entry(answer), **found, "checks": report.checks, "conclusion": conclusion}
    lines = map(printable, (_sentence(answer), conclusion))
    show(result, as_json=as_json, text="\n".join(lines))


def _check(report: Report, given: Given, signed: SignedHeader) -> str:
    known = given.known()
    own, following = _validators(given.validators), _validators(given.next_validators)
    _check_options(known, signed)
    return check_header(report, known, signed, own, following)


def _check_options(known: Known, signed: SignedHeader) -> None:
    if known.trusted is None or known.trusted_validators is not None:
        return
    below, height = known.trusted.header.height, signed.header.height
    if height != below + 1:
        raise click.UsageError(
            f"header {height} is not the next after {below}: give --trusted-validators"
        )


def _report(*, as_json: bool) -> Report:
    return Report((lambda _: None) if as_json else lambda line: click.echo(printable(line)))


def _header(signed: SignedHeader) -> dict[str, Any]:
    header = signed.header
    return {
        "chain_id": header.chain_id,
        "height": header.height,
        "time": header.time.rfc3339(),
        "hash": _hex(header.hash()),
        "app_hash": _hex(header.app_hash),
    }


def _entry(answer: StoreAnswer) -> dict[str, Any]:
    return {
        "store": answer.store,
        "key": _hex(answer.key),
        "present": bool(answer.value),
        "value": _hex(answer.value),
        "text": _text(answer.value),
        "after_block": answer.height,
    }


def _sentence(answer: StoreAnswer) -> str:
    where = f"after block {answer.height} the store {answer.store} holds"
    if not answer.value:
        return f"Absent: {where} nothing under {_hex(answer.key)}."
    text = _text(answer.value)
    shown = _hex(answer.value) + (f" ({text!r})" if text is not None else "")
    return f"Present: {where} {shown} under {_hex(answer.key)}."


def _validators(files: Sequence[Path]) -> ValidatorSet | None:
    if not files:
        return None
    pages = [_read(file, lambda page: page) for file in files]
    return _named(", ".join(map(str, files)), lambda: answers.validator_set(pages))


def _read(file: Path, reader: Callable[[Any], T]) -> T:
    """A file of JSON as a value. Raises FileError, which names the file."""
    try:
        parsed = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FileError(str(file), f"not JSON: {error}") from error
    return _named(str(file), lambda: reader(parsed))


def _named(file: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except LightClientError as error:
        raise FileError(file, error) from error


def _hex(data: bytes) -> str:
    return data.hex().upper()


def _text(data: bytes) -> str | None:
    """The text, where the bytes are one that can be shown."""
    return data.decode() if data.isascii() and data.decode("ascii").isprintable() else None
