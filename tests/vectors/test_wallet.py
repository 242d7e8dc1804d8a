"""Mnemonics, derived keys, addresses."""

from hashlib import sha256
from pathlib import Path

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from light_client import amino, bech32
from light_client.errors import DecodeError
from relayer import mnemonic
from relayer.errors import KeyringError
from relayer.keys import Signer

FOLDER = vectors.topic("wallet")
DERIVE = {"secp256k1": mnemonic.derive, "ed25519": mnemonic.derive_ed25519}


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    vectors.run(name, case, RUNNERS)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.txt")), ids=lambda path: path.name)
def test_word_list(path: Path) -> None:
    words = path.read_text().split()
    assert len(words) == 2048
    assert mnemonic._words() == words
    digest = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    shipped = Path(mnemonic.__file__).with_name("bip39_english.txt").read_bytes()
    assert sha256(shipped).hexdigest() == digest


def run_entropy(case: Case) -> None:
    entropy = raw(case["entropy"])
    assert mnemonic.entropy_to_mnemonic(entropy) == case["mnemonic"]
    assert mnemonic.mnemonic_to_entropy(case["mnemonic"]) == entropy
    words = case["mnemonic"].split()
    others = [" ".join([*words[:-1], last]) for last in ("able", "about", "above")]
    assert sum(map(is_mnemonic, others)) < len(others)


def is_mnemonic(text: str) -> bool:
    try:
        mnemonic.mnemonic_to_entropy(text)
    except KeyringError:
        return False
    return True


def run_seed(case: Case) -> None:
    seed = mnemonic.mnemonic_to_seed(case["mnemonic"], case["passphrase"])
    assert seed.hex() == case["seed"]
    assert mnemonic.mnemonic_to_entropy(case["mnemonic"]).hex() == case["entropy"]


def run_slip10(case: Case) -> None:
    key, chain_code = DERIVE[case["curve"]](raw(case["seed"]), case["path"])
    assert (key.hex(), chain_code.hex()) == (case["privkey"], case["chain_code"])


def run_hd_address(case: Case) -> None:
    signer = Signer.from_mnemonic(case["mnemonic"], case["path"], case["bip39_passphrase"])
    assert signer.secret.hex() == case["privkey"]
    assert signer.public_key.hex() == case["pubkey"]
    assert signer.address(case["prefix"]) == case["address"]


def run_multisig(case: Case) -> None:
    keys = [amino.decode_key(bech32.decode(text)[1]) for text in case["keys_bech32"]]
    key = amino.Multisig(case["threshold"], tuple(keys))
    assert key.encode().hex() == case["amino_pubkey"]
    prefix = case["pubkey_bech32"].rpartition("1")[0]
    assert bech32.encode(prefix, key.encode()) == case["pubkey_bech32"]
    assert key.address.hex() == case["address_raw"]
    for text, single in zip(case["keys_bech32"], keys, strict=True):
        assert bech32.encode(text.rpartition("1")[0], single.encode()) == text


def run_address(case: Case) -> None:
    key = amino.key_from_json(case["pubkey"])
    assert bech32.encode(case["prefix"], key.address) == case["address"]


def run_bech32(case: Case) -> None:
    if not case["ok"]:
        with pytest.raises(DecodeError):
            bech32.decode(case["encoded"])
        return
    assert bech32.decode(case["encoded"]) == (case["prefix"], raw(case["data"]))
    if not case.get("decode_only"):
        assert bech32.encode(case["prefix"], raw(case["data"])) == case["encoded"]


RUNNERS: list[vectors.Runner] = [
    ({"entropy", "mnemonic", "passphrase", "seed"}, run_seed),
    ({"entropy", "mnemonic"}, run_entropy),
    ({"curve", "seed", "path"}, run_slip10),
    ({"mnemonic", "path", "prefix", "address"}, run_hd_address),
    ({"threshold", "keys_bech32"}, run_multisig),
    ({"pubkey", "prefix", "address"}, run_address),
    ({"encoded", "ok"}, run_bech32),
]


def test_the_set_is_complete() -> None:
    vectors.enough(vectors.cases(FOLDER), 78)
