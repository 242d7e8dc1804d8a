"""Heights, times and chain ids."""

import pytest

from light_client.values import (
    MAX_TIME,
    ZERO_TIME,
    Fraction,
    Height,
    Timestamp,
    is_blank,
    is_revision_format,
    revision,
    with_revision,
)


def test_heights_compare_by_revision_first() -> None:
    assert Height(1, 100) < Height(2, 1) < Height(2, 2)


@pytest.mark.parametrize("text", ["", "1", "1-", "-1", "1-2-3", "a-1", "1-2\n", "1_0-2", "٣-4"])
def test_malformed_heights_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="revision-height"):
        Height.parse(text)


@pytest.mark.parametrize("text", [f"{2**64}-0", f"0-{2**64}", "0-" + "9" * 5000])
def test_heights_beyond_64_bits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        Height.parse(text)


def test_height_properties() -> None:
    assert str(Height.parse("2-34").increment()) == "2-35"
    assert Height(0, 0).is_zero
    assert not Height(1, 0).is_zero
    assert not Height(0, 1).is_zero


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1970-01-01T00:00:01.5Z", 1, 500_000_000),
        ("2024-02-29T23:59:59.123456789Z", 1709251199, 123456789),
        ("1969-12-31T23:59:59.999999999Z", -1, 999_999_999),
        ("0001-01-01T00:00:00Z", ZERO_TIME.seconds, 0),
        ("9999-12-31T23:59:59.999999999Z", MAX_TIME.seconds, 999_999_999),
    ],
)
def test_times_read_and_write(text: str, seconds: int, nanos: int) -> None:
    assert Timestamp.parse(text) == Timestamp(seconds, nanos)
    assert str(Timestamp(seconds, nanos)) == text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2020-01-01T02:00:00+02:00", "2020-01-01T00:00:00Z"),
        ("2019-12-31T22:30:00-01:30", "2020-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00.1234567891Z", "2020-01-01T00:00:00.123456789Z"),
        ("2020-01-01T00:00:00.100Z", "2020-01-01T00:00:00.1Z"),
    ],
)
def test_offsets_and_long_fractions_are_brought_to_utc_and_nanoseconds(
    text: str, same: str
) -> None:
    assert Timestamp.parse(text) == Timestamp.parse(same)
    assert Timestamp.parse(text).rfc3339() == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2020-01-01",
        "2020-01-01T00:00:00",
        "2020-01-01 00:00:00Z",
        "2020-13-01T00:00:00Z",
        "2020-02-30T00:00:00Z",
        "2020-01-01T24:00:00Z",
        "2020-01-01T00:60:00Z",
        "2020-01-01T00:00:60Z",
        "2020-01-01T00:00:00+24:00",
        "2020-01-01T00:00:00+00:60",
        "0000-01-01T00:00:00Z",
        "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00:00Z\n",
    ],
)
def test_malformed_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Timestamp.parse(text)


def test_arithmetic_keeps_nanoseconds_positive() -> None:
    assert Timestamp(0).add(-1) == Timestamp(-1, 999_999_999)
    assert Timestamp.from_ns(-1).ns == -1
    assert Timestamp(1, 5).ns == 1_000_000_005
    assert ZERO_TIME.is_zero
    assert not Timestamp(0).is_zero


def test_times_beyond_year_9999_can_still_be_printed() -> None:
    assert str(MAX_TIME.add(1)) == "10000-01-01T00:00:00Z"


def test_revisions() -> None:
    assert revision("chain-7") == 7
    assert revision("chain") == revision("chain-07") == revision(f"chain-{2**64}") == 0
    assert revision("chain-" + "9" * 30) == 0
    assert not is_revision_format("chain-1\n")
    assert with_revision("a-b-3", 12) == "a-b-12"
    assert str(Fraction(2, 3)) == "2/3"


@pytest.mark.parametrize(
    ("text", "blank"), [("", True), (" \t\x85\u2003", True), ("\x1c", False), ("a", False)]
)
def test_spaces_are_gos(text: str, blank: bool) -> None:
    assert is_blank(text) is blank
