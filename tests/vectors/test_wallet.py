"""Other implementations' vectors for mnemonics, HD keys and bech32."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from light_client import bech32
from light_client.errors import DecodeError
from relayer import mnemonic
from relayer.errors import KeyringError
from relayer.keys import Signer

ROOT = Path(os.environ.get("LIGHTSHIP_VECTORS", Path(__file__).parents[2] / "../shared/vectors"))
WALLET = ROOT / "wallet"

if not WALLET.is_dir():
    pytest.skip(f"no vectors in {WALLET}", allow_module_level=True)


def cases(name: str, at_least: int) -> list[dict[str, Any]]:
    path = WALLET / name
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    assert isinstance(found, list)
    if "LIGHTSHIP_VECTORS" not in os.environ:
        assert len(found) >= at_least
    return found


def test_word_list_is_the_standard_one() -> None:
    path = WALLET / "bip39_english.txt"
    if not path.exists():
        pytest.skip("no word list in this folder")
    words = path.read_text().split()
    assert len(words) == 2048
    assert mnemonic._words() == words
    digest = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"
    shipped = Path(mnemonic.__file__).with_name("bip39_english.txt").read_bytes()
    assert sha256(shipped).hexdigest() == digest


@pytest.mark.parametrize("case", cases("bip39_entropy.json", 24), ids=lambda c: c["entropy"][:16])
def test_entropy(case: dict[str, Any]) -> None:
    entropy = bytes.fromhex(case["entropy"])
    assert mnemonic.entropy_to_mnemonic(entropy) == case["mnemonic"]
    assert mnemonic.mnemonic_to_entropy(case["mnemonic"]) == entropy
    words = case["mnemonic"].split()
    words[0] = "zoo" if words[0] != "zoo" else "abandon"
    broken = [" ".join([*words[:-1], last]) for last in ("able", "about", "above")]
    accepted = 0
    for text in broken:
        try:
            mnemonic.mnemonic_to_entropy(text)
        except KeyringError:
            continue
        accepted += 1
    assert accepted < len(broken)


@pytest.mark.parametrize("case", cases("bip39_seed.json", 15), ids=lambda c: c["entropy"][:16])
def test_seed(case: dict[str, Any]) -> None:
    seed = mnemonic.mnemonic_to_seed(case["mnemonic"], case["passphrase"])
    assert seed.hex() == case["seed"]


@pytest.mark.parametrize(
    "case",
    [c for c in cases("slip10.json", 15) if c["curve"] == "secp256k1"],
    ids=lambda c: c["id"],
)
def test_slip10(case: dict[str, Any]) -> None:
    key, chain_code = mnemonic.derive(bytes.fromhex(case["seed"]), case["path"])
    assert key.hex() == case["privkey"]
    assert chain_code.hex() == case["chain_code"]


@pytest.mark.parametrize("case", cases("hd_addresses.json", 9), ids=lambda c: c["id"])
def test_hd_address(case: dict[str, Any]) -> None:
    signer = Signer.from_mnemonic(case["mnemonic"], case["path"], case["bip39_passphrase"])
    assert signer.secret.hex() == case["privkey"]
    assert signer.public_key.hex() == case["pubkey"]
    assert signer.address(case["prefix"]) == case["address"]


@pytest.mark.parametrize("case", cases("bech32.json", 11), ids=lambda c: c["id"])
def test_bech32(case: dict[str, Any]) -> None:
    if not case["ok"]:
        with pytest.raises(DecodeError):
            bech32.decode(case["encoded"])
        return
    assert bech32.decode(case["encoded"]) == (case["prefix"], bytes.fromhex(case["data"]))
    if not case.get("decode_only"):
        assert bech32.encode(case["prefix"], bytes.fromhex(case["data"])) == case["encoded"]
