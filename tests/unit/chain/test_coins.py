"""Coins: what is accepted, and what the refusal says."""

import pytest

from chain import coins
from chain.coins import Coin
from chain.errors import AbciError
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2


def test_text_round_trip() -> None:
    assert coins.parse("12stake") == Coin("stake", 12)
    assert coins.parse("7 ibc/27394FB092D2ECCD56123C74F36E4C1F") == Coin(
        "ibc/27394FB092D2ECCD56123C74F36E4C1F", 7
    )
    parsed = coins.parse_list("3stake,1atom")
    assert coins.text(parsed) == "1atom,3stake"
    assert coins.parse_list("") == ()


@pytest.mark.parametrize(
    "bad", ["stake", "12", "-1stake", "1st", "1.5stake", "1stake2stake,", "1 s p"]
)
def test_text_that_is_no_coin(bad: str) -> None:
    with pytest.raises(AbciError) as refused:
        coins.parse(bad)
    assert (refused.value.codespace, refused.value.code) == ("sdk", 10)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([], None),
        ([Coin("atom", 1), Coin("stake", 1)], None),
        ([Coin("stake", 1), Coin("atom", 1)], "denomination atom is not sorted"),
        ([Coin("atom", 1), Coin("atom", 1)], "duplicate denomination atom"),
        ([Coin("atom", 0)], "coin 0atom amount is not positive"),
        ([Coin("atom", -1)], "coin -1atom amount is not positive"),
        ([Coin("1atom", 1)], "invalid denom: 1atom"),
        ([Coin("a" * 128, 1)], None),
        ([Coin("a" * 129, 1)], f"invalid denom: {'a' * 129}"),
    ],
)
def test_fault(given: list[Coin], reason: str | None) -> None:
    assert coins.fault(given) == reason


def test_amounts_have_256_bits() -> None:
    largest = str(2**256 - 1)
    assert coins.amount_of(largest) == 2**256 - 1
    with pytest.raises(AbciError, match="integer out of range; got: 257, max: 256"):
        coins.amount_of(str(2**256))
    for text, amount in (("0x10", 16), ("010", 8), ("1_000", 1000), ("-5", -5)):
        assert coins.amount_of(text) == amount  # as Go's big.Int reads it
    for bad in ("", "0x", "08", "1__0", "1e3", " 1", "١"):
        with pytest.raises(AbciError, match=r"^math/big: cannot unmarshal "):
            coins.amount_of(bad)


def test_wire_form_keeps_order_and_sign() -> None:
    wire = [coin_pb2.Coin(denom="b", amount="-1"), coin_pb2.Coin(denom="a", amount="2")]
    read = coins.from_pb(wire)
    assert read == (Coin("b", -1), Coin("a", 2))
    assert coins.to_pb(read) == wire


def test_total_leaves_zero_out() -> None:
    parts = [[Coin("b", 2), Coin("c", 1)], [Coin("a", 1), Coin("c", -1)]]
    assert coins.total(parts) == (Coin("a", 1), Coin("b", 2))
