"""Transactions of other implementations, read by the chain: sign bytes, signature, signer, hash."""

import json
from typing import Any

import pytest
from helpers.vectors import topic

from chain.modules.auth.module import Auth
from chain.router import MessageRouter
from chain.tx import SignerData, decode, sign_bytes, tx_hash
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx

FILE = topic("tx_sign") / "direct.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text())


def _router() -> MessageRouter:
    router = MessageRouter()
    router.register(bank_tx.MsgSend, _never, lambda msg: [msg.from_address])
    router.register(transfer_tx.MsgTransfer, _never, lambda msg: [msg.sender])
    router.register(client_tx.MsgUpdateClient, _never, lambda msg: [msg.signer])
    return router


def _never(_: Any, __: Any) -> Any:
    raise AssertionError("decoding runs nothing")


def test_enough_cases() -> None:
    assert len(CASES) >= 5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_decoded_and_verified(case: dict[str, Any]) -> None:
    raw = bytes.fromhex(case["tx_raw"])
    tx = decode(raw, _router(), Auth("cosmos", {}).address_bytes)
    signer = SignerData(case["chain_id"], case["account_number"], case["sequence"])
    document = sign_bytes(tx, tx.signer_infos[0].mode, signer)
    assert document.hex() == case["sign_bytes"]
    assert tx.signatures[0].hex() == case["signature"]
    assert tx_hash(raw).hex().upper() == case["tx_hash"]
    key = tx.signer_infos[0].public_key
    assert key is not None
    assert key.verify(document, tx.signatures[0])
    assert not key.verify(document + b"x", tx.signatures[0])
