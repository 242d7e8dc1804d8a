"""Bech32 addresses."""

import pytest

from light_client import bech32
from light_client.errors import DecodeError

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
ADDRESS = "cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyufl"


@pytest.mark.parametrize("size", range(45))
def test_every_size_comes_back(size: int) -> None:
    data = bytes((7 * number) % 256 for number in range(size))
    assert bech32.decode(bech32.encode("cosmos", data)) == ("cosmos", data)


def test_a_known_address() -> None:
    raw = bytes.fromhex("93354845030274cd4bf1686abd60ab28ec52e1a7")
    assert bech32.encode("cosmos", raw) == ADDRESS
    assert bech32.decode(ADDRESS.upper()) == ("cosmos", raw)


def test_texts_longer_than_90_characters_are_allowed() -> None:
    assert len(bech32.encode("cosmosvaloper", bytes(64))) > 90
    assert bech32.decode(bech32.encode("x", bytes(500)))[1] == bytes(500)


def test_every_wrong_character_is_noticed() -> None:
    for position in range(7, len(ADDRESS)):
        other = "q" if ADDRESS[position] != "q" else "p"
        with pytest.raises(DecodeError, match="checksum"):
            bech32.decode(ADDRESS[:position] + other + ADDRESS[position + 1 :])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "^invalid bech32 string length 0$"),
        ("cosmos", "^invalid bech32 string length 6$"),
        ("cosmoscosmos", "^invalid separator index -1$"),
        ("cosmos1qqqqq", "^invalid separator index 6$"),
        ("1" + "q" * 10, "^invalid separator index 0$"),
        ("a" * 84 + "1" + "q" * 10, "prefix"),
        ("cos mos1" + "q" * 10, "^invalid character in string: ' '$"),
        ("cosmos1" + "b" * 10, "^invalid character not part of charset: 98$"),
        ("Cosmos1" + "q" * 10, "^string not all lowercase or all uppercase$"),
        ("cosmös1" + "q" * 10, "^invalid character in string: 'ö'$"),
        ("c1" + "q" * 1100, "^invalid bech32 string length 1102$"),
        ("cosmos1" + "q" * 10, r"^invalid checksum \(expected [a-z0-9]{6} got qqqqqq\)$"),
    ],
)
def test_malformed_texts_are_refused(text: str, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        bech32.decode(text)


def checksummed(hrp: str, values: list[int]) -> str:
    """Groups of five bits with a checksum, by the definition in BIP-173."""
    check = 1
    expanded = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    for value in [*expanded, *values, 0, 0, 0, 0, 0, 0]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    tail = [check >> shift & 31 for shift in (25, 20, 15, 10, 5, 0)]
    return hrp + "1" + "".join(CHARSET[value] for value in [*values, *tail])


def test_the_checksum_is_that_of_bip_173() -> None:
    assert bech32.encode("a", b"\xff") == checksummed("a", [31, 28])
    assert bech32.decode(checksummed("ab", []))[1] == b""


@pytest.mark.parametrize("values", [[31, 31], [0, 1], [0], [0, 0, 0]])
def test_left_over_bits_must_be_zero_and_few(values: list[int]) -> None:
    with pytest.raises(DecodeError, match=r"^invalid incomplete group$"):
        bech32.decode(checksummed("a", values))


@pytest.mark.parametrize("hrp", ["", "Cosmos", "a b", "x" * 84])
def test_prefixes_that_cannot_be_written_are_refused(hrp: str) -> None:
    with pytest.raises(DecodeError, match="prefix"):
        bech32.encode(hrp, b"")
