"""What a signature covers: one document per sign mode (cosmossdk.io/x/tx signing).

A chain of the SDK's defaults takes SIGN_MODE_DIRECT, SIGN_MODE_DIRECT_AUX and SIGN_MODE_LEGACY_AMINO_JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chain import aminojson, gojson, goproto
from chain.aminojson import AminoError
from chain.errors import ChainError
from chain.goproto import GoProtoError
from chain.keys import AccountKey
from chain.tx import DecodedTx
from cosmos_pb.cosmos.tx.signing.v1beta1 import signing_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2

DIRECT: Final = signing_pb2.SIGN_MODE_DIRECT
TEXTUAL: Final = signing_pb2.SIGN_MODE_TEXTUAL
DIRECT_AUX: Final = signing_pb2.SIGN_MODE_DIRECT_AUX
LEGACY_AMINO_JSON: Final = signing_pb2.SIGN_MODE_LEGACY_AMINO_JSON


class SigningError(ChainError):
    """A signature that does not hold, or a mode in which this transaction cannot be signed."""


@dataclass(frozen=True, slots=True)
class SignerData:
    """What a signature is bound to beside the transaction; ``address`` is the signer's, in bech32."""

    chain_id: str
    account_number: int
    sequence: int
    address: str = ""
    public_key: AccountKey | None = None


def direct(tx: DecodedTx, signer: SignerData) -> bytes:
    """The SignDoc over the bytes as they came."""
    return tx_pb2.SignDoc(
        body_bytes=tx.body_bytes,
        auth_info_bytes=tx.auth_info_bytes,
        chain_id=signer.chain_id,
        account_number=signer.account_number,
    ).SerializeToString()


def direct_aux(tx: DecodedTx, signer: SignerData) -> bytes:
    """The document of a signer who does not pay and so need not know the fee."""
    payer = tx.fee_payer or next(iter(tx.services[0].signers(tx.messages[0])))
    if payer == signer.address:
        raise SigningError(f"fee payer {payer} cannot sign with SIGN_MODE_DIRECT_AUX: unauthorized")
    return tx_pb2.SignDocDirectAux(
        body_bytes=tx.body_bytes,
        public_key=signer.public_key.to_any() if signer.public_key else None,
        chain_id=signer.chain_id,
        account_number=signer.account_number,
        sequence=signer.sequence,
    ).SerializeToString()


def legacy_amino_json(tx: DecodedTx, signer: SignerData) -> bytes:
    """The StdSignDoc: sorted JSON, without what an empty timeout or an ordered transaction would say."""
    try:
        body = goproto.strict(tx_pb2.TxBody, tx.body_bytes)  # not even fields that are not critical
        return _object(_document(tx, body, signer)).encode()
    except (AminoError, GoProtoError) as error:
        raise SigningError(str(error)) from error


def _document(tx: DecodedTx, body: tx_pb2.TxBody, signer: SignerData) -> dict[str, str]:
    document = {
        "account_number": f'"{signer.account_number}"',
        "chain_id": gojson.quote(signer.chain_id),
        "fee": _object(_fee(tx)),
        "memo": gojson.quote(body.memo),
        "msgs": _list(map(aminojson.encode_any, body.messages)),
        "sequence": f'"{signer.sequence}"',
    }
    if body.timeout_height:
        document["timeout_height"] = f'"{body.timeout_height}"'
    if body.HasField("timeout_timestamp"):
        document["timeout_timestamp"] = aminojson.encode(body.timeout_timestamp)
    if body.unordered:
        document["unordered"] = "true"
    return document


def _fee(tx: DecodedTx) -> dict[str, str]:
    fee = {
        "amount": _list(aminojson.encode(coin.to_pb()) for coin in tx.fee),
        "gas": f'"{tx.gas_limit}"',
    }
    if tx.fee_granter:
        fee["granter"] = gojson.quote(tx.fee_granter)
    if tx.fee_payer:
        fee["payer"] = gojson.quote(tx.fee_payer)
    return fee


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


def _list(values: Iterable[str]) -> str:
    return "[" + ",".join(values) + "]"


SIGN_MODES: Final[dict[int, Callable[[DecodedTx, SignerData], bytes]]] = {
    DIRECT: direct,
    DIRECT_AUX: direct_aux,
    LEGACY_AMINO_JSON: legacy_amino_json,
}


def sign_bytes(tx: DecodedTx, mode: int, signer: SignerData) -> bytes:
    """What a signature of ``mode`` covers; SigningError for a mode that is not served."""
    build = SIGN_MODES.get(mode)
    if build is not None:
        return build(tx, signer)
    known = signing_pb2.SignMode.DESCRIPTOR.values_by_number.get(mode)
    name = known.name if known else str(mode)
    # x/tx knows one mode that it has no handler for, and has a word of its own for that.
    raise SigningError(f"{'unsuppored' if mode == TEXTUAL else 'unsupported'} sign mode {name}")
