"""The version of an ICS-27 channel, which is JSON (``types/metadata.go``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chain import protojson
from chain.context import Context
from chain.modules.ibc.errors import IBC_INVALID_TYPE
from chain.modules.ibc.module import Ibc
from chain.modules.ica.errors import (
    CONNECTION_INVALID,
    INVALID_ACCOUNT_ADDRESS,
    INVALID_CODEC,
    INVALID_VERSION,
    UNKNOWN_DATA_TYPE,
)
from cosmos_pb.ibc.applications.interchain_accounts.v1.metadata_pb2 import Metadata

VERSION: Final = "ics27-1"
PROTO3: Final = "proto3"
PROTO3_JSON: Final = "proto3json"
TX_TYPE: Final = "sdk_multi_msg"

_ADDRESS: Final = re.compile(r"[a-zA-Z0-9]{1,128}")
_MAX_ADDRESS: Final = 128


def default(controller_connection: str, host_connection: str) -> Metadata:
    return Metadata(
        version=VERSION,
        controller_connection_id=controller_connection,
        host_connection_id=host_connection,
        encoding=PROTO3,
        tx_type=TX_TYPE,
    )


def parse(version: str) -> Metadata:
    """ibc/12 for what is no such JSON."""
    try:
        return protojson.decode(version.encode(errors="surrogatepass"), Metadata)
    except ValueError as error:
        raise IBC_INVALID_TYPE("cannot unmarshal ICS-27 interchain accounts metadata") from error


def text(metadata: Metadata) -> str:
    return protojson.encode(metadata).decode()


def same_terms(one: Metadata, other: Metadata) -> bool:
    """Equal in everything but the address (``IsPreviousMetadataEqual``)."""
    terms = Metadata.FromString(one.SerializeToString())
    terms.address = other.address
    return bool(terms == other)


def validate(
    ctx: Context, ibc: Ibc, hops: Sequence[str], metadata: Metadata, *, on_host: bool
) -> None:
    """``ValidateControllerMetadata`` and ``ValidateHostMetadata``; ``hops`` are connections of this chain."""
    if metadata.encoding not in {PROTO3, PROTO3_JSON}:
        raise INVALID_CODEC(f"unsupported encoding format {metadata.encoding}")
    if metadata.tx_type != TX_TYPE:
        raise UNKNOWN_DATA_TYPE(f"unsupported transaction type {metadata.tx_type}")
    theirs = ibc.connections.require(ctx, hops[0]).counterparty.connection_id
    controller, host = (theirs, hops[0]) if on_host else (hops[0], theirs)
    _check_connection(controller, metadata.controller_connection_id)
    _check_connection(host, metadata.host_connection_id)
    if metadata.address and not _ADDRESS.fullmatch(metadata.address):
        raise INVALID_ACCOUNT_ADDRESS(
            "address must contain strictly alphanumeric characters, not exceeding "
            f"{_MAX_ADDRESS} characters in length"
        )
    if metadata.version != VERSION:
        raise INVALID_VERSION(f"expected {VERSION}, got {metadata.version}")


def _check_connection(expected: str, got: str) -> None:
    if got != expected:
        raise CONNECTION_INVALID(f"expected {expected}, got {got}")
