"""The documents that signatures cover, against those of Cosmos SDK 0.53.6 (`tests/data/amino`)."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.accounts import Person

from chain.keys import SECP256K1, PublicKey
from chain.modules.auth.module import Auth
from chain.router import MessageRouter
from chain.signing import (
    DIRECT_AUX,
    LEGACY_AMINO_JSON,
    SignerData,
    SigningError,
    sign_bytes,
)
from chain.tx import DecodedTx, decode
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.google.protobuf import any_pb2

GOLDEN = json.loads((Path(__file__).parents[2] / "data" / "amino" / "sdk.json").read_text())
ALICE = Person("alice", "wasm")
PLACE = SignerData("chain <1>", 7, 3, ALICE.address, PublicKey(SECP256K1, ALICE.public_key))


def _decode(raw: bytes) -> DecodedTx:
    router = MessageRouter()
    router.register(bank_tx.MsgSend, _never, lambda msg: [msg.from_address])
    router.register(wasm_tx.MsgExecuteContract, _never, lambda msg: [msg.sender])
    return decode(raw, router, Auth("wasm", {}).address_bytes)


def _never(_: Any, __: Any) -> Any:
    raise AssertionError("decoding runs nothing")


@pytest.mark.parametrize("case", GOLDEN["documents"], ids=lambda case: case["name"])
def test_legacy_amino_json(case: dict[str, str]) -> None:
    tx = _decode(bytes.fromhex(case["tx"]))
    assert sign_bytes(tx, LEGACY_AMINO_JSON, PLACE).decode() == case["sign_bytes"]


@pytest.mark.parametrize("case", GOLDEN["aux"], ids=lambda case: case["name"])
def test_direct_aux(case: dict[str, str]) -> None:
    tx = _decode(bytes.fromhex(case["tx"]))
    if "sign_bytes" in case:
        assert sign_bytes(tx, DIRECT_AUX, PLACE).hex() == case["sign_bytes"]
    else:
        with pytest.raises(SigningError) as refused:
            sign_bytes(tx, DIRECT_AUX, PLACE)
        assert str(refused.value) == case["refused"]


def test_amino_covers_no_unknown_fields() -> None:
    """Non-critical ones pass the decoder, and a signature in this mode would say nothing of them."""
    raw = tx_pb2.TxRaw.FromString(bytes.fromhex(GOLDEN["documents"][0]["tx"]))
    raw.body_bytes += b"\x88\x40\x01"  # field 1025
    with pytest.raises(SigningError, match="errUnknownField"):
        sign_bytes(_decode(raw.SerializeToString()), LEGACY_AMINO_JSON, PLACE)


def test_a_message_without_amino_json_cannot_be_signed() -> None:
    body = tx_pb2.TxBody(messages=[any_pb2.Any(type_url="/x.Y")]).SerializeToString()
    tx = replace(_decode(bytes.fromhex(GOLDEN["documents"][0]["tx"])), body_bytes=body)
    with pytest.raises(SigningError, match="resolve type URL"):
        sign_bytes(tx, LEGACY_AMINO_JSON, PLACE)
