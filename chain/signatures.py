"""Signatures as they come with a transaction: single ones, and those of threshold keys, which hold others.

Sources: cosmos-sdk x/auth/tx/sigs.go, x/auth/ante/sigverify.go, crypto/keys/multisig/multisig.go. Where Go would run
over the end of a list the refusal is a recovered panic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from chain.errors import PANIC, AbciError, nil_pointer, unregistered
from chain.gas import GasMeter
from chain.keys import AccountKey, Multisig
from chain.modules.auth.params import Params
from chain.signing import LEGACY_AMINO_JSON, SigningError
from chain.tx import DecodedTx
from cosmos_pb.cosmos.crypto.multisig.v1beta1 import multisig_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from light_client import wire
from light_client.amino import CompactBitArray

_SIGNATURE_SIZE: Final = 64
_ENVELOPE: Final = 6
"""Bytes of a transaction that a signature costs beside itself (x/auth/ante/basic.go)."""


class Single(NamedTuple):
    mode: int
    signature: bytes


class Multi(NamedTuple):
    """``bits`` say which keys signed, unless the transaction has none; ``signatures`` are theirs in order."""

    bits: tuple[bool, ...] | None
    signatures: tuple[Single | Multi | None, ...]


Signature = Single | Multi
"""None in the place of one: the transaction says nothing of how it was signed."""


def of(tx: DecodedTx) -> list[Signature | None]:
    """One for each signer info; raises AbciError when a threshold key's cannot be read."""
    if len(tx.signer_infos) > len(tx.signatures):
        raise _out_of_range(len(tx.signatures), len(tx.signatures))
    pairs = zip(tx.signer_infos, tx.signatures, strict=False)
    return [
        Single(info.mode, signature)
        if info.mode is not None
        else _read_any(info.mode_info, signature)
        for info, signature in pairs
    ]


def _read_any(info: tx_pb2.ModeInfo | None, signature: bytes) -> Signature | None:
    return None if info is None else _read(info, signature)


def _read(info: tx_pb2.ModeInfo, signature: bytes) -> Signature:
    kind = info.WhichOneof("sum")
    if kind == "single":
        return Single(info.single.mode, signature)
    if kind is None:
        raise PANIC("recovered: unexpected ModeInfo data type <nil>")
    parts = _parts(signature)
    if len(info.multi.mode_infos) > len(parts):
        raise _out_of_range(len(parts), len(parts))
    read = [_read(*pair) for pair in zip(info.multi.mode_infos, parts, strict=False)]
    return Multi(_bits(info.multi), (*read, *[None] * (len(parts) - len(read))))


def _parts(signature: bytes) -> list[bytes]:
    try:
        message = multisig_pb2.MultiSignature.FromString(signature)
    except DecodeError as error:
        raise unregistered(str(error)) from error
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise unregistered("rejecting unrecognized fields found in MultiSignature")
    return list(message.signatures)


def _bits(mode: tx_pb2.ModeInfo.Multi) -> tuple[bool, ...] | None:
    if not mode.HasField("bitarray"):
        return None
    array = CompactBitArray(mode.bitarray.extra_bits_stored, mode.bitarray.elems)
    try:
        return tuple(array.bits())
    except IndexError:
        size = len(array.elems)
        raise _out_of_range(size, size) from None


def flat(signature: Signature | None) -> list[bytes]:
    """The bytes of every signature inside; behind those of a threshold key all of them together."""
    if signature is None:
        raise unregistered("got empty SignatureData")
    if isinstance(signature, Single):
        return [signature.signature]
    parts = [part for inner in signature.signatures for part in flat(inner)]
    return [*parts, multisig_pb2.MultiSignature(signatures=parts).SerializeToString()]


def is_incomplete(signature: Signature | None) -> bool:
    """Whether a simulation has to imagine (a part of) it."""
    if isinstance(signature, Multi):
        return not signature.signatures or any(map(is_incomplete, signature.signatures))
    return signature is None or not signature.signature


def imagined_size(key: AccountKey, limit: int) -> int:
    """Bytes charged for what a simulation lacks: an amino StdSignature; of a threshold key, ``limit`` times."""
    standard = wire.message_field(1, key.amino.encode()) + wire.bytes_field(
        2, bytes(_SIGNATURE_SIZE)
    )
    size = len(standard) + _ENVELOPE
    return size * limit if isinstance(key, Multisig) else size


def only_amino(signature: Signature | None) -> bool:
    """Whether every part was made in LEGACY_AMINO_JSON: then a wrong sequence shows in the signature alone."""
    if isinstance(signature, Multi):
        return all(map(only_amino, signature.signatures))
    return signature is not None and signature.mode == LEGACY_AMINO_JSON


def charge(gas: GasMeter, key: AccountKey, signature: Signature | None, params: Params) -> None:
    """Gas for each signature that will be verified."""
    if not isinstance(key, Multisig):
        field, descriptor = key.type.gas
        gas.consume(getattr(params, field), descriptor)
        return
    if not isinstance(signature, Multi):
        got = "<nil>" if signature is None else "*signing.SingleSignatureData"
        raise unregistered(f"expected *signing.MultiSignatureData, got, {got}")
    for index, inner in _signed(signature):
        if index >= len(key.keys):
            raise _out_of_range(index, len(key.keys))
        charge(gas, key.keys[index], inner, params)


def _signed(signature: Multi) -> list[tuple[int, Signature | None]]:
    """The signatures with the indices of their keys."""
    indices = [index for index, bit in enumerate(signature.bits or ()) if bit]
    found = len(signature.signatures)
    if len(indices) > found:
        raise _out_of_range(found, found)
    return list(zip(indices, signature.signatures, strict=False))


def check_present(tx: DecodedTx) -> None:
    """Refuse as Go's nil pointers do: a signer info without its key, a threshold key's without bits.

    x/auth/tx/adapter.go reads both before the first signature is verified, though a key that the chain knows could be
    left out.
    """
    for info in tx.signer_infos:
        if info.public_key is None or (info.mode is None and not _has_bits(info.mode_info)):
            raise nil_pointer()


def _has_bits(info: tx_pb2.ModeInfo | None) -> bool:
    if info is None or not info.HasField("multi"):
        return True
    return info.multi.HasField("bitarray") and all(map(_has_bits, info.multi.mode_infos))


def verify(key: AccountKey, signature: Signature | None, document: Callable[[int], bytes]) -> None:
    """Check a signature over what ``document`` says for its mode; SigningError with the reason."""
    if signature is None:
        raise SigningError("unexpected SignatureData <nil>")
    if isinstance(signature, Single):
        if isinstance(key, Multisig) or not key.verify(
            document(signature.mode), signature.signature
        ):
            raise SigningError("unable to verify single signer signature")
    elif isinstance(key, Multisig):
        _verify_multi(key, signature, document)
    else:
        raise SigningError(f"expected <nil>, got {key.type.go}")


def _verify_multi(key: Multisig, signature: Multi, document: Callable[[int], bytes]) -> None:
    bits = signature.bits or ()
    size, marked = len(bits), sum(bits)
    if size != len(key.keys):
        raise SigningError(f"bit array size is incorrect, expecting: {len(key.keys)}")
    if not key.threshold <= len(signature.signatures) <= size:
        raise SigningError(f"signature size is incorrect {len(signature.signatures)}")
    if marked < key.threshold:
        raise SigningError(f"not enough signatures set, have {marked}, expected {key.threshold}")
    for place, (index, inner) in enumerate(_signed(signature)):
        _verify_member(key.keys[index], inner, document, index, place)


def _verify_member(
    key: AccountKey,
    signature: Signature | None,
    document: Callable[[int], bytes],
    index: int,
    place: int,
) -> None:
    if signature is None:
        raise SigningError(f"improper signature data type for index {place}")
    if isinstance(signature, Multi):
        if not isinstance(key, Multisig):
            raise SigningError(f"unable to parse pubkey of index {index}")
        _verify_multi(key, signature, document)
        return
    message = document(signature.mode)
    if isinstance(key, Multisig):
        raise PANIC("recovered: not implemented")
    if not key.verify(message, signature.signature):
        raise SigningError(f"unable to verify signature at index {index}")


def _out_of_range(index: int, length: int) -> AbciError:
    return PANIC(f"recovered: runtime error: index out of range [{index}] with length {length}")
