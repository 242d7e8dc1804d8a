"""What ICS-27 packets carry (``types/packet.go``, ``types/codec.go``)."""

from __future__ import annotations

from typing import Final

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from chain import protojson
from chain.errors import AbciError
from chain.modules.ibc.errors import IBC_INVALID_TYPE
from chain.modules.ica.errors import INVALID_CODEC, INVALID_OUTGOING_DATA
from chain.modules.ica.metadata import PROTO3, PROTO3_JSON
from chain.router import MessageRouter
from cosmos_pb.ibc.applications.interchain_accounts.v1.packet_pb2 import (
    TYPE_UNSPECIFIED,
    CosmosTx,
    InterchainAccountPacketData,
)

MAX_MEMO: Final = 32_768


def validate(data: InterchainAccountPacketData) -> None:
    """``InterchainAccountPacketData.ValidateBasic``: interchainaccounts/6."""
    if data.type == TYPE_UNSPECIFIED:
        raise INVALID_OUTGOING_DATA("packet data type cannot be unspecified")
    if not data.data:
        raise INVALID_OUTGOING_DATA("packet data cannot be empty")
    if len(data.memo.encode()) > MAX_MEMO:
        raise INVALID_OUTGOING_DATA(
            f"packet data memo cannot be greater than {MAX_MEMO} characters"
        )


def marshal(data: InterchainAccountPacketData) -> bytes:
    return protojson.encode(data)


def unmarshal(data: bytes) -> InterchainAccountPacketData:
    """ibc/12 for what is no such JSON."""
    try:
        return protojson.decode(data, InterchainAccountPacketData)
    except ValueError as error:
        raise IBC_INVALID_TYPE("cannot unmarshal ICS-27 interchain account packet data") from error


def messages_of(data: bytes, encoding: str, router: MessageRouter) -> list[Message]:
    """The messages of a CosmosTx; ibc/12 for one that cannot be read or that this chain does not have."""
    if encoding == PROTO3:
        return _from_proto(data, router)
    if encoding == PROTO3_JSON:
        return _from_json(data, router)
    raise INVALID_CODEC(f"unsupported encoding format {encoding}")


def _from_proto(data: bytes, router: MessageRouter) -> list[Message]:
    try:
        return _unpacked(CosmosTx.FromString(data), router)
    except (ProtobufDecodeError, ValueError, AbciError) as error:
        raise IBC_INVALID_TYPE(f"cannot unmarshal CosmosTx with protobuf: {error}") from error


def _from_json(data: bytes, router: MessageRouter) -> list[Message]:
    """JSON must come back as it was, but for the order of its members: nothing is left out or filled in."""
    try:
        tx = protojson.decode(data, CosmosTx)
        found = _unpacked(tx, router)
    except (ValueError, AbciError) as error:
        raise IBC_INVALID_TYPE(f"cannot unmarshal CosmosTx with proto3 json: {error}") from error
    try:
        again = protojson.encode(tx)
        equal = protojson.same(data, again)
    except (ValueError, RecursionError) as error:
        raise IBC_INVALID_TYPE(
            f"cannot compare original and reconstructed JSON: {error}"
        ) from error
    if not equal:
        raise IBC_INVALID_TYPE(
            "original and reconstructed JSON objects do not match, "
            f"original: {data.decode(errors='replace')}, reconstructed: {again.decode()}"
        )
    return found


def _unpacked(tx: CosmosTx, router: MessageRouter) -> list[Message]:
    for packed in tx.messages:
        if packed.type_url not in router.services:
            raise ValueError(
                f"no concrete type registered for type URL {packed.type_url} "
                "against interface *proto.Message"
            )
    return [router.unpack(packed) for packed in tx.messages]
