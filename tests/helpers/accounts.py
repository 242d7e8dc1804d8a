"""Accounts of tests: keys made from a name, and transactions signed with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from btclib_libsecp256k1 import dsa, keys
from google.protobuf.message import Message

from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.crypto.multisig import keys_pb2 as multisig_pb2
from cosmos_pb.cosmos.crypto.secp256k1 import keys_pb2
from cosmos_pb.cosmos.tx.signing.v1beta1 import signing_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from light_client import amino, bech32
from light_client.ripemd import ripemd160


@dataclass(frozen=True)
class Person:
    """A key that follows from ``name``, on a chain with bech32 prefix ``prefix``."""

    name: str
    prefix: str = "cosmos"
    secret: bytes = field(init=False, repr=False)
    public_key: bytes = field(init=False)
    raw_address: bytes = field(init=False)
    address: str = field(init=False)

    def __post_init__(self) -> None:
        secret = sha256(f"lightship test key {self.name}".encode()).digest()
        public_key = keys.pubkey_from_prvkey(secret)
        raw = ripemd160(sha256(public_key).digest())
        object.__setattr__(self, "secret", secret)
        object.__setattr__(self, "public_key", public_key)
        object.__setattr__(self, "raw_address", raw)
        object.__setattr__(self, "address", bech32.encode(self.prefix, raw))

    def sign(self, document: bytes) -> bytes:
        return dsa.to_compact(dsa.sign(sha256(document).digest(), self.secret))


@dataclass(frozen=True)
class Threshold:
    """A multisig account: ``threshold`` of the members must sign."""

    threshold: int
    members: tuple[Person | Threshold, ...]
    prefix: str = "cosmos"

    @property
    def amino(self) -> amino.Multisig:
        keys = (
            amino.Key(amino.SECP256K1, member.public_key)
            if isinstance(member, Person)
            else member.amino
            for member in self.members
        )
        return amino.Multisig(self.threshold, tuple(keys))

    @property
    def address(self) -> str:
        return bech32.encode(self.prefix, self.amino.address)

    @property
    def key(self) -> any_pb2.Any:
        keys = [public_key(each) if isinstance(each, Person) else each.key for each in self.members]
        return pack(multisig_pb2.LegacyAminoPubKey(threshold=self.threshold, public_keys=keys))


def public_key(person: Person) -> any_pb2.Any:
    return pack(keys_pb2.PubKey(key=person.public_key))


def pack(message: Message) -> any_pb2.Any:
    return any_pb2.Any(
        type_url=f"/{message.DESCRIPTOR.full_name}", value=message.SerializeToString()
    )


def fee(amount: str = "", gas: int = 200_000, **fields: str) -> tx_pb2.Fee:
    """``fee("5000stake")``; empty text for no coins."""
    digits = amount.rstrip("abcdefghijklmnopqrstuvwxyz/")
    coins = [coin_pb2.Coin(denom=amount[len(digits) :], amount=digits)] if amount else []
    return tx_pb2.Fee(amount=coins, gas_limit=gas, **fields)


def signer_info(person: Person, sequence: int) -> tx_pb2.SignerInfo:
    single = tx_pb2.ModeInfo.Single(mode=signing_pb2.SIGN_MODE_DIRECT)
    return tx_pb2.SignerInfo(
        public_key=public_key(person),
        mode_info=tx_pb2.ModeInfo(single=single),
        sequence=sequence,
    )


def sign_tx(
    signers: Sequence[tuple[Person, int, int]],
    messages: Sequence[Message],
    *,
    chain_id: str,
    fee: tx_pb2.Fee,
    **body: object,
) -> bytes:
    """The bytes of a transaction; ``signers`` are (person, account number, sequence)."""
    body_bytes = tx_pb2.TxBody(messages=map(pack, messages), **body).SerializeToString()  # type: ignore[arg-type]
    infos = [signer_info(person, sequence) for person, _, sequence in signers]
    auth_bytes = tx_pb2.AuthInfo(signer_infos=infos, fee=fee).SerializeToString()
    return finish(body_bytes, auth_bytes, signers, chain_id)


def finish(
    body_bytes: bytes, auth_bytes: bytes, signers: Sequence[tuple[Person, int, int]], chain_id: str
) -> bytes:
    """Sign given body and auth info bytes."""
    signatures = []
    for person, number, _ in signers:
        document = tx_pb2.SignDoc(
            body_bytes=body_bytes,
            auth_info_bytes=auth_bytes,
            chain_id=chain_id,
            account_number=number,
        )
        signatures.append(person.sign(document.SerializeToString()))
    return tx_pb2.TxRaw(
        body_bytes=body_bytes, auth_info_bytes=auth_bytes, signatures=signatures
    ).SerializeToString()
