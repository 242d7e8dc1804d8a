"""Cosmos transactions in SIGN_MODE_DIRECT (`cosmos-sdk:proto/cosmos/tx/v1beta1/tx.proto`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from google.protobuf.message import Message

from cosmos_pb.cosmos.crypto.secp256k1 import keys_pb2
from cosmos_pb.cosmos.tx.signing.v1beta1 import signing_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from relayer.coins import Coin
from relayer.keys import Signer


@dataclass(frozen=True, slots=True)
class Fee:
    """What a transaction offers: a gas limit, coins for it, and who else may pay."""

    gas: int
    coins: tuple[Coin, ...] = ()
    payer: str = ""
    granter: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """Where a signer stands on a chain."""

    chain_id: str
    number: int
    sequence: int


def pack(message: Message) -> any_pb2.Any:
    """The message under its type URL."""
    return any_pb2.Any(
        type_url=f"/{message.DESCRIPTOR.full_name}",
        value=message.SerializeToString(deterministic=True),
    )


def body_bytes(
    messages: Sequence[any_pb2.Any], *, memo: str = "", timeout_height: int = 0
) -> bytes:
    """The encoded body, which is what batches are measured by."""
    body = tx_pb2.TxBody(messages=messages, memo=memo, timeout_height=timeout_height)
    return body.SerializeToString()


def auth_info_bytes(public_key: bytes, sequence: int, fee: Fee) -> bytes:
    """One direct-mode signer and the fee."""
    auth = tx_pb2.AuthInfo()
    info = auth.signer_infos.add(sequence=sequence)
    info.public_key.CopyFrom(pack(keys_pb2.PubKey(key=public_key)))
    info.mode_info.single.mode = signing_pb2.SIGN_MODE_DIRECT
    auth.fee.gas_limit = fee.gas
    auth.fee.payer = fee.payer
    auth.fee.granter = fee.granter
    for coin in fee.coins:
        auth.fee.amount.add(denom=coin.denom, amount=str(coin.amount))
    return auth.SerializeToString()


def sign_bytes(body: bytes, auth_info: bytes, account: Account) -> bytes:
    """The SignDoc that a direct-mode signature covers."""
    return tx_pb2.SignDoc(
        body_bytes=body,
        auth_info_bytes=auth_info,
        chain_id=account.chain_id,
        account_number=account.number,
    ).SerializeToString()


def sign(body: bytes, signer: Signer, account: Account, fee: Fee) -> bytes:
    """The whole transaction (TxRaw) signed by one key."""
    auth_info = auth_info_bytes(signer.public_key, account.sequence, fee)
    signature = signer.sign(sign_bytes(body, auth_info, account))
    return raw(body, auth_info, signature)


def unsigned(body: bytes, public_key: bytes, sequence: int, fee: Fee) -> bytes:
    """A transaction fit for simulation, which checks the sequence and no signature.

    It needs a fee like the real one's: taking it costs gas too.
    """
    return raw(body, auth_info_bytes(public_key, sequence, fee), b"")


def raw(body: bytes, auth_info: bytes, signature: bytes) -> bytes:
    return tx_pb2.TxRaw(
        body_bytes=body, auth_info_bytes=auth_info, signatures=[signature]
    ).SerializeToString()


def tx_hash(tx: bytes) -> str:
    """The hash by which the chain knows it, upper hex."""
    return sha256(tx).hexdigest().upper()
