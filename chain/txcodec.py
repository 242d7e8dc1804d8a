"""TxDecode and TxEncode: transactions between bytes and what JSON shows (cosmos-sdk x/auth/tx/service.go)."""

from __future__ import annotations

from typing import Final

from chain import tx
from chain.context import Context
from chain.errors import TX_DECODE, AbciError
from chain.modules.status import internal, invalid_argument
from chain.router import QueryRouter
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2, tx_pb2

SERVICE: Final = "/cosmos.tx.v1beta1.Service"


def register(queries: QueryRouter) -> None:
    queries.register(f"{SERVICE}/TxDecode", service_pb2.TxDecodeRequest, decode)
    queries.register(f"{SERVICE}/TxEncode", service_pb2.TxEncodeRequest, encode)


def decode(_: Context, request: service_pb2.TxDecodeRequest) -> service_pb2.TxDecodeResponse:
    if not request.tx_bytes:
        raise invalid_argument("invalid empty tx bytes")
    try:
        tx.inspect(request.tx_bytes)
    except AbciError as error:
        raise TX_DECODE(error.log.removesuffix(f": {TX_DECODE.text}")) from error
    return service_pb2.TxDecodeResponse(tx=tx_pb2.Tx.FromString(request.tx_bytes))


def encode(_: Context, request: service_pb2.TxEncodeRequest) -> service_pb2.TxEncodeResponse:
    if not request.HasField("tx"):
        raise invalid_argument("invalid empty tx")
    if not (request.tx.HasField("body") and request.tx.HasField("auth_info")):
        raise internal("runtime error: invalid memory address or nil pointer dereference")
    return service_pb2.TxEncodeResponse(tx_bytes=raw(request.tx))


def raw(message: tx_pb2.Tx) -> bytes:
    """The TxRaw of a transaction whose parts are not encoded yet."""
    return tx_pb2.TxRaw(
        body_bytes=message.body.SerializeToString(),
        auth_info_bytes=message.auth_info.SerializeToString(),
        signatures=message.signatures,
    ).SerializeToString()
