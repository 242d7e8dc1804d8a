"""Amounts of denominations as text ("12stake") and gas prices ("0.025stake")."""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

_DENOM = r"[a-zA-Z][a-zA-Z0-9/:._-]{2,127}"  # cosmos-sdk types/coin.go
_COIN = re.compile(rf"([0-9]{{1,78}})\s*({_DENOM})")
_PRICE = re.compile(rf"([0-9]{{1,30}}(?:\.[0-9]{{1,18}})?)\s*({_DENOM})")


@dataclass(frozen=True, slots=True)
class Coin:
    denom: str
    amount: int

    @classmethod
    def parse(cls, text: str) -> "Coin":
        """Read "12stake"; ValueError for any other text."""
        match = _COIN.fullmatch(text.strip())
        if not match:
            raise ValueError(f"expected an amount and a denomination such as 12stake, got {text!r}")
        return cls(match[2], int(match[1]))

    def __str__(self) -> str:
        return f"{self.amount}{self.denom}"


def _plain(amount: Decimal) -> Decimal:
    """Without the zeros at the end that nodes write after the point."""
    return amount.to_integral() if amount == amount.to_integral() else amount.normalize()


class GasPrice:
    """What one unit of gas costs. No dataclass, so that msgspec leaves its text to `parse`."""

    __slots__ = ("amount", "denom")

    def __init__(self, denom: str, amount: Decimal) -> None:
        self.denom = denom
        self.amount = amount

    @classmethod
    def parse(cls, text: str) -> "GasPrice":
        """Read "0.025stake"; ValueError for any other text."""
        match = _PRICE.fullmatch(text.strip())
        if not match:
            raise ValueError(f"expected a price such as 0.025stake, got {text!r}")
        return cls(match[2], _plain(Decimal(match[1])))

    def fee(self, gas: int) -> Coin:
        """The fee for this much gas, rounded up as the SDK rounds its minimum."""
        return Coin(self.denom, int((self.amount * gas).to_integral_value(ROUND_CEILING)))

    def __str__(self) -> str:
        return f"{self.amount}{self.denom}"
