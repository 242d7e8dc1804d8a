"""Packet data in the payloads of IBC v2: JSON, protobuf, ABI (``types/packet.go``, ``solidity_abi.go``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from chain import gojson, goproto
from chain.errors import AbciError
from chain.goproto import GoProtoError
from chain.modules.ibc.errors import IBC_INVALID_TYPE, explaining
from chain.modules.transfer.denom import VERSION
from chain.modules.transfer.errors import ABI_DECODING, INVALID_VERSION
from chain.modules.transfer.packet import FIELDS, TransferData, unmarshal
from cosmos_pb.ibc.applications.transfer.v1 import packet_pb2
from light_client import abi
from light_client.packet_v2 import Payload

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
ABI: Final = "application/x-solidity-abi"

_WORD = abi.WORD
_MAX_INT64 = 2**63 - 1


def encode(data: TransferData, encoding: str) -> bytes:
    """``MarshalPacketData``; ibc/12 for an encoding that there is not."""
    writer = _WRITERS.get(encoding)
    if writer is None:
        raise IBC_INVALID_TYPE(
            f'invalid encoding provided, must be either empty or one of ["{JSON}", "{PROTOBUF}"], '
            f"got {encoding}"
        )
    return writer(data)


def decode(payload: Payload) -> TransferData:
    """``UnmarshalPacketData``: what a payload says, checked; transfer/4 for other versions, ibc/12 for other data."""
    if payload.version != VERSION:
        raise INVALID_VERSION(payload.version)
    encoding = payload.encoding or JSON
    if encoding == JSON:
        return unmarshal(payload.value)
    reader = _READERS.get(encoding)
    if reader is None:
        raise IBC_INVALID_TYPE(
            "invalid encoding provided, must be either empty or one of "
            f'["{JSON}", "{PROTOBUF}", "{ABI}"], got {encoding}'
        )
    try:
        data = reader(payload.value)
    except (AbciError, GoProtoError) as error:
        raise IBC_INVALID_TYPE(
            f"cannot unmarshal ICS20-V1 transfer packet data: {error}"
        ) from error
    with explaining("invalid packet data"):
        data.validate()
    return data


def _to_protobuf(data: TransferData) -> bytes:
    fields = {name: getattr(data, name) for name in FIELDS}
    return packet_pb2.FungibleTokenPacketData(**fields).SerializeToString()


def _from_protobuf(raw: bytes) -> TransferData:
    message = goproto.strict(packet_pb2.FungibleTokenPacketData, raw)
    return TransferData(**{name: getattr(message, name) for name in FIELDS})


def _to_abi(data: TransferData) -> bytes:
    amount = int(data.amount)
    fields = (data.denom, data.sender, data.receiver, amount, data.memo)
    return abi.encode(abi.Tuple(fields))


def _from_abi(raw: bytes) -> TransferData:
    """One tuple, read as go-ethereum reads it: wherever its offsets point, and whatever else is there."""
    start = _number(raw, 0)
    if start > len(raw):
        raise _beyond(start, len(raw))
    body = raw[start:]
    denom, sender, receiver, memo = (_text(body, at * _WORD) for at in (0, 1, 2, 4))
    return TransferData(denom, str(_number(body, 3 * _WORD)), sender, receiver, memo)


def _text(data: bytes, at: int) -> str:
    start = _number(data, at) + _WORD
    if start > len(data):
        raise _beyond(start, len(data))
    end = start + _number(data, start - _WORD)
    if end > _MAX_INT64:
        raise _unpacked(f"abi: length larger than int64: {end}")
    if end > len(data):
        raise _insufficient(len(data), end)
    return gojson.text(data[start:end])


def _number(data: bytes, at: int) -> int:
    if not data:
        raise _unpacked("abi: attempting to unmarshal an empty string while arguments are expected")
    if at + _WORD > len(data):
        raise _insufficient(len(data), at + _WORD)
    return int.from_bytes(data[at : at + _WORD], "big")


def _insufficient(have: int, need: int) -> AbciError:
    return _unpacked(
        f"abi: cannot marshal in to go type: length insufficient {have} require {need}"
    )


def _beyond(offset: int, size: int) -> AbciError:
    return _unpacked(
        f"abi: cannot marshal in to go slice: offset {offset} would go over slice boundary (len={size})"
    )


def _unpacked(text: str) -> AbciError:
    return ABI_DECODING(f"failed to unpack data: {text}")


_WRITERS: Final[Mapping[str, Callable[[TransferData], bytes]]] = {
    JSON: TransferData.marshal,
    PROTOBUF: _to_protobuf,
    ABI: _to_abi,
}
_READERS: Final[Mapping[str, Callable[[bytes], TransferData]]] = {
    PROTOBUF: _from_protobuf,
    ABI: _from_abi,
}
