"""Transactions and what is signed of them: written by the relayer, read by the chain."""

from typing import Any

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from chain.keys import PublicKey
from chain.modules.auth.module import Auth
from chain.router import MessageRouter
from chain.signing import SignerData, sign_bytes
from chain.tx import decode, tx_hash
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from light_client import amino
from relayer import tx
from relayer.coins import Coin
from relayer.keys import Signer

FOLDER = vectors.topic("tx_sign")


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    vectors.run(name, case, RUNNERS)


def run_direct(case: Case) -> None:
    key = Signer.from_mnemonic(case["mnemonic"], f"m/44'/118'/0'/0/{case.get('hd_index', 0)}")
    body, auth = raw(case["body_bytes"]), raw(case["auth_info_bytes"])
    account = tx.Account(case["chain_id"], case["account_number"], case["sequence"])
    document = tx.sign_bytes(body, auth, account)
    assert document.hex() == case["sign_bytes"]
    assert key.sign(document).hex() == case["signature"]
    whole = tx.raw(body, auth, key.sign(document))
    assert whole.hex() == case["tx_raw"]
    assert tx.tx_hash(whole) == case["tx_hash"]
    assert tx_pb2.TxBody.FromString(body).SerializeToString() == body
    assert tx_pb2.AuthInfo.FromString(auth).SerializeToString() == auth
    read_by_the_chain(case)
    if "message" in case:
        assert built(case, key, account).hex() == case["tx_raw"]


def built(case: Case, key: Signer, account: tx.Account) -> bytes:
    given = case["message"]
    message = any_pb2.Any(type_url=given["type_url"], value=raw(given["value"]))
    body = tx.body_bytes([message], memo=case["memo"], timeout_height=case["timeout_height"])
    fee = tx.Fee(case["gas_limit"], (Coin(case["fee"]["denom"], int(case["fee"]["amount"])),))
    return tx.sign(body, key, account, fee)


def read_by_the_chain(case: Case) -> None:
    data = raw(case["tx_raw"])
    read = decode(data, router(), Auth("cosmos", {}).address_bytes)
    place = SignerData(case["chain_id"], case["account_number"], case["sequence"])
    mode = read.signer_infos[0].mode
    assert mode is not None
    document = sign_bytes(read, mode, place)
    assert document.hex() == case["sign_bytes"]
    assert read.signatures[0].hex() == case["signature"]
    assert tx_hash(data).hex().upper() == case["tx_hash"]
    key = read.signer_infos[0].public_key
    assert isinstance(key, PublicKey)
    assert key.verify(document, read.signatures[0])
    assert not key.verify(document + b"x", read.signatures[0])


def router() -> MessageRouter:
    made = MessageRouter()
    made.register(bank_tx.MsgSend, never, lambda msg: [msg.from_address])
    made.register(transfer_tx.MsgTransfer, never, lambda msg: [msg.sender])
    made.register(client_tx.MsgUpdateClient, never, lambda msg: [msg.signer])
    return made


def never(_: Any, __: Any) -> Any:
    raise AssertionError("decoding runs nothing")


def run_amino(case: Case) -> None:
    document = amino.sign_bytes(case["sign_doc"])
    assert document == case["sign_bytes_utf8"].encode()
    assert Signer.from_mnemonic(case["mnemonic"]).sign(document).hex() == case["signature"]


def run_sorted(case: Case) -> None:
    assert amino.sign_bytes(case["value"]) == case["sorted_escaped"].encode()


def run_bits(case: Case) -> None:
    array = amino.CompactBitArray.of(case["bits"])
    assert (array.elems.hex(), array.extra_bits_stored) == (
        case["elems"],
        case["extra_bits_stored"],
    )
    assert array.bits() == case["bits"]


RUNNERS: list[vectors.Runner] = [
    ({"body_bytes", "auth_info_bytes", "sign_bytes", "tx_raw"}, run_direct),
    ({"sign_doc", "sign_bytes_utf8"}, run_amino),
    ({"value", "sorted_escaped"}, run_sorted),
    ({"bits", "elems"}, run_bits),
]


def test_the_set_is_complete() -> None:
    vectors.enough(vectors.cases(FOLDER), 22)
