"""Other implementations' vectors for direct-mode transactions."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from relayer import tx
from relayer.coins import Coin
from relayer.keys import Signer

ROOT = Path(os.environ.get("LIGHTSHIP_VECTORS", Path(__file__).parents[2] / "../shared/vectors"))
FILE = ROOT / "tx_sign" / "direct.json"

if not FILE.is_file():
    pytest.skip(f"no vectors in {FILE}", allow_module_level=True)

CASES: list[dict[str, Any]] = json.loads(FILE.read_text())


def test_enough_cases() -> None:
    assert len(CASES) >= (1 if "LIGHTSHIP_VECTORS" in os.environ else 5)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_signature_and_bytes(case: dict[str, Any]) -> None:
    signer = Signer.from_mnemonic(case["mnemonic"], f"m/44'/118'/0'/0/{case.get('hd_index', 0)}")
    body, auth = bytes.fromhex(case["body_bytes"]), bytes.fromhex(case["auth_info_bytes"])
    account = tx.Account(case["chain_id"], case["account_number"], case["sequence"])
    document = tx.sign_bytes(body, auth, account)
    assert document.hex() == case["sign_bytes"]
    signature = signer.sign(document)
    assert signature.hex() == case["signature"]
    whole = tx.raw(body, auth, signature)
    assert whole.hex() == case["tx_raw"]
    assert tx.tx_hash(whole) == case["tx_hash"]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_decode_encode_identity(case: dict[str, Any]) -> None:
    for kind, name in ((tx_pb2.TxBody, "body_bytes"), (tx_pb2.AuthInfo, "auth_info_bytes")):
        given = bytes.fromhex(case[name])
        assert kind.FromString(given).SerializeToString() == given


@pytest.mark.parametrize("case", [c for c in CASES if "message" in c], ids=lambda c: c["id"])
def test_built_from_its_parts(case: dict[str, Any]) -> None:
    signer = Signer.from_mnemonic(case["mnemonic"], f"m/44'/118'/0'/0/{case['hd_index']}")
    message = any_pb2.Any(
        type_url=case["message"]["type_url"], value=bytes.fromhex(case["message"]["value"])
    )
    body = tx.body_bytes([message], memo=case["memo"], timeout_height=case["timeout_height"])
    fee = tx.Fee(case["gas_limit"], (Coin(case["fee"]["denom"], int(case["fee"]["amount"])),))
    account = tx.Account(case["chain_id"], case["account_number"], case["sequence"])
    assert tx.sign(body, signer, account, fee).hex() == case["tx_raw"]
