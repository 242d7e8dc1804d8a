"""The data of an ICS-20 packet: JSON as Go reads and writes it, amounts, denominations."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import AbciError
from chain.modules.transfer.denom import Denom, Hop, parse_hash, validate_local
from chain.modules.transfer.packet import TransferData, parse_amount, unmarshal

DATA = TransferData("stake", "7", "alice", "bob")
TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))


def test_the_form_of_go() -> None:
    assert DATA.marshal() == b'{"denom":"stake","amount":"7","sender":"alice","receiver":"bob"}'


@given(TEXTS, TEXTS, st.text(max_size=20))
def test_what_is_written_is_read(sender: str, receiver: str, memo: str) -> None:
    data = TransferData("stake", "7", sender, receiver, memo)
    written = data.marshal()
    assert unmarshal(written) == data
    assert json.loads(written).get("memo", "") == memo
    assert not set(written.decode()) & set("<>&\u2028\u2029")


@pytest.mark.parametrize(
    "text",
    [
        b'{"amount":"7","denom":"stake","memo":"","receiver":"bob","sender":"alice"}',
        b' {"denom":"stake","amount":"7","sender":"alice","receiver":"bob"}\n',
        b'{"DENOM":"stake","Amount":"7","sEnder":"alice","receiver":"bob"}',
        b'{"denom":"x","denom":"stake","amount":"7","sender":"alice","receiver":"bob"}',
        b'{"denom":"stake","amount":"7","sender":"alice","receiver":"bob","memo":null}',
        '{"denom":"stake","amount":"7","\u017fender":"alice","receiver":"bob"}'.encode(),
    ],
)
def test_other_spellings_of_the_same(text: bytes) -> None:
    assert unmarshal(text) == DATA


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'"stake"',
        b"{",
        b'{"denom":"stake","amount":7,"sender":"alice","receiver":"bob"}',
        b'{"denom":"stake","amount":"7","sender":"alice","receiver":"bob"}x',
        b'{"denom":"stake","amount":"7","sender":"alice","receiver":"bob",}',
        b'{"x":NaN}',
        b'{"denom":"stake","amount":"7","sender":"alice","receiver":"bob","x":[{"y":1e999}]}',
        b"[" * 100_000,
    ],
)
def test_no_packet_data(text: bytes) -> None:
    with pytest.raises(AbciError, match="cannot unmarshal ICS20-V1 transfer packet data") as caught:
        unmarshal(text)
    assert (caught.value.codespace, caught.value.code) == ("ibc", 12)


def test_bytes_that_are_no_text_are_replaced_one_by_one() -> None:
    text = b'{"denom":"stake","amount":"7","sender":"\xe2\x82","receiver":"\\ud800"}'
    assert unmarshal(text) == TransferData("stake", "7", "\ufffd\ufffd", "\ufffd")


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(AbciError):
        assert unmarshal(data).amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", 1),
        ("+5", 5),
        ("-3", -3),
        ("0", 0),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("017", 15),
        ("1_000", 1000),
        (str(2**256 - 1), 2**256 - 1),
    ],
)
def test_amounts_as_go_reads_them(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "09",
        "0x",
        "x1",
        "\u0661",
        "1__0",
        "_1",
        str(2**256),
        "9" * 5000,
    ],
)
def test_no_amounts(text: str) -> None:
    with pytest.raises(AbciError, match="unable to parse transfer amount") as caught:
        parse_amount(text)
    assert (caught.value.codespace, caught.value.code) == ("transfer", 5)


@given(st.text(alphabet="ab/-01channelt", max_size=60))
def test_a_path_is_its_denomination(path: str) -> None:
    denom = Denom.parse(path)
    if denom.base or not denom.trace:
        assert denom.path == path
    assert all(hop.channel.rpartition("-")[2].isdigit() for hop in denom.trace)


def test_hops_come_and_go() -> None:
    denom = Denom("stake")
    assert denom.local == "stake"
    there = denom.with_hop("transfer", "channel-3")
    assert there.came_through("transfer", "channel-3")
    assert not there.came_through("transfer", "channel-4")
    assert there.without_last_hop() == denom
    assert there.trace == (Hop("transfer", "channel-3"),)
    assert Denom.parse(there.path) == there


def test_local_denominations() -> None:
    validate_local("stake")
    validate_local("factory/addr/token")
    validate_local(f"ibc/{'0a' * 32}")
    for denom, expected in (
        ("s", ("sdk", 10)),
        ("ibc", ("transfer", 3)),
        ("ibc/", ("transfer", 3)),
        ("ibc/xyz", ("transfer", 3)),
        ("ibc/AB", ("transfer", 3)),
    ):
        with pytest.raises(AbciError) as caught:
            validate_local(denom)
        assert (caught.value.codespace, caught.value.code) == expected
    assert parse_hash("") == b""
    with pytest.raises(ValueError, match="invalid byte: U\\+0020 ' '"):
        parse_hash("AB CD")
