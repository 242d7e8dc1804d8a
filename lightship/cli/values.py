"""Types of what stands on a command line: durations, times, fractions and bytes in hex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from light_client.values import Fraction, Timestamp
from relayer.config import Duration

if TYPE_CHECKING:
    from chain.modules.wasm.versions import Version

UINT64: Final = click.IntRange(1, 2**64 - 1)
"""A sequence or the id of a code: a positive number as protobuf carries it."""


class DurationType(click.ParamType[Duration]):
    """``90s``, ``10m``."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> Duration:
        if isinstance(value, Duration):
            return value
        try:
            return Duration.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class TimeType(click.ParamType[Timestamp]):
    """``2024-05-06T07:08:09Z``."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> Timestamp:
        try:
            return Timestamp.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class TrustLevelType(click.ParamType[Fraction]):
    """``1/3`` to ``1/1``: below a third, a lie could be signed by none but liars."""

    name = "fraction"

    def convert(self, value: Any, param: Any, ctx: Any) -> Fraction:
        if isinstance(value, Fraction):
            return value
        numerator, _, denominator = value.partition("/")
        if not all(
            each.isascii() and each.isdigit() and len(each) < 10
            for each in (numerator, denominator)
        ):
            self.fail(f"expected a fraction such as 1/3, got {value!r}", param, ctx)
        level = Fraction(int(numerator), int(denominator))
        if not 0 < level.denominator <= 3 * level.numerator <= 3 * level.denominator:
            self.fail(f"a trust level is at least 1/3 and at most 1/1, got {level}", param, ctx)
        return level


class HexType(click.ParamType[bytes]):
    """Bytes in hexadecimal, with or without ``0x``."""

    name = "hex"

    def convert(self, value: Any, param: Any, ctx: Any) -> bytes:
        try:
            return bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            self.fail(f"expected bytes in hexadecimal, got {value!r}", param, ctx)


def release(name: str | None) -> Version:
    """The release of wasmd that is meant by its own name or by an era of its VM; the default for None."""
    from chain.modules.wasm.versions import DEFAULT, named  # noqa: PLC0415 - it loads wasmtime

    try:
        return named(name) if name is not None else DEFAULT
    except ValueError as error:
        raise click.UsageError(str(error)) from error
