"""Amounts of a denomination, and the rules that the SDK has for them (cosmos-sdk types/coin.go)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from chain import gojson
from chain.errors import INVALID_COINS, unregistered
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2

MAX_BITS: Final = 256  # cosmossdk.io/math MaxBitLen

_DENOM = re.compile(r"[a-zA-Z][a-zA-Z0-9/:._-]{2,127}")
_INTEGER = re.compile(
    r"[+-]?[1-9][0-9_]*|[+-]?0[0-7_]*|[+-]?0[xX][0-9a-fA-F_]+|[+-]?0[bB][01_]+|[+-]?0[oO][0-7_]+"
)
_OCTAL = re.compile(r"([+-]?)0_?([0-7][0-7_]*)")
_MAX_TEXT = 300  # 256 bits in binary, and then some
_COIN = re.compile(r"([0-9]{1,78})\s*([a-zA-Z][a-zA-Z0-9/:._-]{2,127})")


@dataclass(frozen=True, slots=True, order=True)
class Coin:
    """``amount`` may be negative or zero where a wire message said so; ``check`` decides."""

    denom: str
    amount: int

    def __str__(self) -> str:
        return f"{self.amount}{self.denom}"

    def to_pb(self) -> coin_pb2.Coin:
        return coin_pb2.Coin(denom=self.denom, amount=str(self.amount))


def integer(text: str) -> int:
    """An integer as Go's ``big.Int`` reads it: decimal, or in the base that its prefix names. ValueError otherwise."""
    if len(text) > _MAX_TEXT or not _INTEGER.fullmatch(text):
        raise ValueError(text)
    octal = _OCTAL.fullmatch(text)
    return int(f"{octal[1]}0o{octal[2]}" if octal else text, 0)


def amount_of(text: str) -> int:
    """An amount of at most 256 bits, written as ``integer`` reads it; sdk/10 for anything else."""
    try:
        return from_text(text)
    except ValueError as error:
        raise INVALID_COINS(str(error)) from error


def unmarshalled(text: str) -> int:
    """`from_text`, for an amount as a message has it, where no text is zero."""
    return from_text(text) if text else 0


def from_text(text: str) -> int:
    """An amount of at most 256 bits; ValueError in the words of cosmossdk.io/math ``Int``."""
    try:
        amount = integer(text)
    except ValueError:
        shown = gojson.quote_go(text)
        raise ValueError(f"math/big: cannot unmarshal {shown} into a *big.Int") from None
    if amount.bit_length() > MAX_BITS:
        raise ValueError(f"integer out of range; got: {amount.bit_length()}, max: {MAX_BITS}")
    return amount


def _in_range(amount: int) -> int:
    if amount.bit_length() > MAX_BITS:
        raise INVALID_COINS(f"integer out of range: {amount}")
    return amount


def decoded(text: str) -> int:
    """`unmarshalled`; a refusal without a codespace for what is none."""
    try:
        return unmarshalled(text)
    except ValueError as error:
        raise unregistered(str(error)) from error


def from_pb(coins: Iterable[coin_pb2.Coin]) -> tuple[Coin, ...]:
    """Coins of a message in its own order, denominations unchecked; an amount that is none is refused."""
    return tuple(Coin(coin.denom, decoded(coin.amount)) for coin in coins)


def to_pb(coins: Iterable[Coin]) -> list[coin_pb2.Coin]:
    return [coin.to_pb() for coin in coins]


def text(coins: Iterable[Coin]) -> str:
    """``1atom,2stake``, as event attributes and error texts show coins."""
    return ",".join(map(str, coins))


def parse(coin: str) -> Coin:
    """Read ``12stake``; sdk/10 for any other text."""
    match = _COIN.fullmatch(coin.strip())
    if not match:
        raise INVALID_COINS(f"invalid decimal coin expression: {coin}")
    return Coin(match[2], _in_range(int(match[1])))


def parse_list(coins: str) -> tuple[Coin, ...]:
    """Read ``1atom,2stake`` in any order; the result is sorted and checked. Empty text is no coin."""
    parts = tuple(sorted(parse(part) for part in coins.split(",") if part.strip()))
    check(parts)
    return parts


@lru_cache(maxsize=4096)
def is_denom(denom: str) -> bool:
    return _DENOM.fullmatch(denom) is not None


def fault(coins: Sequence[Coin]) -> str | None:
    """Why these are not a valid set of coins (sorted, unique, positive), as ``Coins.Validate`` words it."""
    previous = ""
    for coin in coins:
        if not is_denom(coin.denom):
            return f"invalid denom: {coin.denom}"
        if coin.denom == previous:
            return f"duplicate denomination {coin.denom}"
        if coin.denom < previous:
            return f"denomination {coin.denom} is not sorted"
        if coin.amount <= 0:
            return f"coin {coin} amount is not positive"
        previous = coin.denom
    return None


def check(coins: Sequence[Coin]) -> None:
    """Raise sdk/10 with the coins' text unless they are sorted, unique and positive."""
    if fault(coins) is not None:
        raise INVALID_COINS(text(coins))


def total(parts: Iterable[Sequence[Coin]]) -> tuple[Coin, ...]:
    """The sum of several sets, sorted, zero amounts left out."""
    sums: dict[str, int] = {}
    for coins in parts:
        for coin in coins:
            sums[coin.denom] = sums.get(coin.denom, 0) + coin.amount
    return tuple(Coin(denom, amount) for denom, amount in sorted(sums.items()) if amount)
