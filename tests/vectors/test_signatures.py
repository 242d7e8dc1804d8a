"""Signature vectors: ZIP-215 for ed25519, and the low-s rule of Cosmos for secp256k1."""

from pathlib import Path

import pytest
from btclib_libsecp256k1 import dsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from helpers import vectors
from helpers.vectors import ROOT, Case, raw

from light_client.keys import ED25519, SECP256K1, PublicKey

FOLDERS = [ROOT / "ed25519", ROOT / "secp256k1"]

if not any(folder.is_dir() for folder in FOLDERS):
    pytest.skip(f"no vectors in {ROOT}", allow_module_level=True)


def files() -> list[tuple[Path, str, list[Case]]]:
    found = []
    for folder in FOLDERS:
        found += [(folder, name, document) for name, document in vectors.documents(folder)]
    return found


@pytest.mark.parametrize(("folder", "name", "cases"), files(), ids=lambda value: str(value)[-48:])
def test_file(folder: Path, name: str, cases: list[Case]) -> None:
    assert cases
    wrong = [case for case in cases if not RUNNERS[folder.name](name, case)]
    assert not wrong


def run_ed25519(_name: str, case: Case) -> bool:
    key = PublicKey(ED25519, raw(case["pub"]))
    message, signature = raw(case["msg"]), raw(case["sig"])
    if "secret_seed" in case:
        secret = Ed25519PrivateKey.from_private_bytes(raw(case["secret_seed"]))
        assert secret.sign(message) == signature
    return key.verify(message, signature) is bool(case["zip215"])


def run_secp256k1(name: str, case: Case) -> bool:
    """CometBFT takes 64 bytes r, s with a low s; signatures in DER are brought to that form."""
    key = PublicKey(SECP256K1, compressed(raw(case["pub_uncompressed"])))
    message, signature = raw(case["msg"]), raw(case["sig"])
    if "cosmos_valid" in case:
        return key.verify(message, signature) is bool(case["cosmos_valid"])
    assert not key.verify(message, signature), "DER passed as r, s"
    low_s_demanded = "bitcoin" in name
    try:
        plain = dsa.to_compact(signature if low_s_demanded else dsa.normalize(signature))
    except ValueError:
        return bool(case["result"] == "invalid")
    return key.verify(message, plain) is bool(case["result"] == "valid")


def compressed(point: bytes) -> bytes:
    return bytes([2 + point[-1] % 2]) + point[1:33]


RUNNERS = {"ed25519": run_ed25519, "secp256k1": run_secp256k1}
