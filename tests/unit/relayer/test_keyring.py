"""Keys are sealed on disk, and opened only by their password."""

import stat
from pathlib import Path

import msgspec
import pytest

from relayer.errors import KeyringError
from relayer.keyring import Argon2, Keyring
from relayer.keys import Signer
from relayer.mnemonic import (
    WORD_COUNTS,
    derive,
    entropy_to_mnemonic,
    generate_mnemonic,
    mnemonic_to_entropy,
    parse_path,
)

WORDS = entropy_to_mnemonic(bytes(range(32)))
CHEAP = Argon2(iterations=1, lanes=1, memory=64)
PASSWORD = "correct horse"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", CHEAP)


def test_what_was_added_can_be_opened(keyring: Keyring) -> None:
    info = keyring.add("relayer-1", WORDS, PASSWORD)
    signer = keyring.open("relayer-1", PASSWORD)
    assert signer == Signer.from_mnemonic(WORDS)
    assert info.address("cosmos") == signer.address("cosmos")
    assert keyring.list() == [info] == [keyring.show("relayer-1")]
    keyring.delete("relayer-1")
    assert keyring.list() == []


def test_only_the_owner_may_read_the_file_and_it_holds_no_secret(
    keyring: Keyring, tmp_path: Path
) -> None:
    keyring.add("one", WORDS, PASSWORD)
    file = tmp_path / "keys" / "one.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    secret = Signer.from_mnemonic(WORDS).secret
    assert secret not in file.read_bytes()
    assert secret.hex() not in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["one.json"]


def test_a_signer_never_shows_its_secret() -> None:
    signer = Signer.from_mnemonic(WORDS)
    assert signer.secret.hex() not in repr(signer)
    assert str(signer.secret) not in repr(signer)


@pytest.mark.parametrize("field", ["name", "path", "public_key", "salt", "nonce", "sealed"])
def test_an_altered_file_is_refused(keyring: Keyring, tmp_path: Path, field: str) -> None:
    keyring.add("one", WORDS, PASSWORD)
    file = tmp_path / "keys" / "one.json"
    content = msgspec.json.decode(file.read_bytes())
    text = content[field]
    content[field] = ("A" if text[0] != "A" else "B") + text[1:]
    file.write_bytes(msgspec.json.encode(content))
    with pytest.raises(KeyringError):
        keyring.open("one", PASSWORD)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"version":2}'])
def test_a_damaged_file_is_an_error_of_ours(
    keyring: Keyring, tmp_path: Path, content: bytes
) -> None:
    keyring.add("one", WORDS, PASSWORD)
    (tmp_path / "keys" / "one.json").write_bytes(content)
    with pytest.raises(KeyringError, match="damaged"):
        keyring.open("one", PASSWORD)


def test_mistakes_of_the_user(keyring: Keyring) -> None:
    keyring.add("one", WORDS, PASSWORD)
    with pytest.raises(KeyringError, match="wrong password"):
        keyring.open("one", "wrong horse!")
    with pytest.raises(KeyringError, match="no key named two"):
        keyring.open("two", PASSWORD)
    with pytest.raises(KeyringError, match="no key named two"):
        keyring.delete("two")
    with pytest.raises(KeyringError, match="exists already"):
        keyring.add("one", WORDS, PASSWORD)
    with pytest.raises(KeyringError, match="at least 8"):
        keyring.add("three", WORDS, "short")
    with pytest.raises(KeyringError, match="key name"):
        keyring.add("../escape", WORDS, PASSWORD)


@pytest.mark.parametrize("words", WORD_COUNTS)
def test_fresh_mnemonics_are_valid_and_different(words: int) -> None:
    first, second = generate_mnemonic(words), generate_mnemonic(words)
    assert len(first.split()) == words
    assert mnemonic_to_entropy(first) != mnemonic_to_entropy(second)


def test_a_mnemonic_is_checked_without_being_repeated_in_the_error() -> None:
    words = WORDS.split()
    for broken in (words[:-1], [*words[:-1], "zzz"], [*words[:-1], "abandon"]):
        with pytest.raises(KeyringError) as caught:
            mnemonic_to_entropy(" ".join(broken))
        assert words[0] not in str(caught.value).split()
    with pytest.raises(KeyringError, match="words, not 13"):
        generate_mnemonic(13)
    with pytest.raises(KeyringError, match="not 17"):
        entropy_to_mnemonic(bytes(17))


@pytest.mark.parametrize("path", ["44/118", "m/", "m/44''", "m/a", "m/99999999999", "m/2147483648"])
def test_a_strange_path_is_refused(path: str) -> None:
    with pytest.raises(KeyringError):
        parse_path(path)


def test_the_root_path_is_the_master_key() -> None:
    assert derive(bytes(64), "m") != derive(bytes(64), "m/0")


def test_a_private_key_must_be_one() -> None:
    for secret in (b"", bytes(32), b"\xff" * 32):
        with pytest.raises(KeyringError):
            Signer.from_secret(secret)
