"""Who may store a code and who may instantiate it (wasmd ``types/authz_policy.go``, ``types/params.go``)."""

from __future__ import annotations

from typing import Final

from chain.errors import INVALID_REQUEST
from chain.modules.wasm import errors
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

MAX_ADDRESSES: Final = 50


def default_access(params: wasm_pb.Params, creator: str) -> wasm_pb.AccessConfig:
    permission = params.instantiate_default_permission
    addresses = [creator] if permission == wasm_pb.ACCESS_TYPE_ANY_OF_ADDRESSES else []
    return wasm_pb.AccessConfig(permission=permission, addresses=addresses)


def allowed(access: wasm_pb.AccessConfig, address: str) -> bool:
    if access.permission == wasm_pb.ACCESS_TYPE_EVERYBODY:
        return True
    return access.permission == wasm_pb.ACCESS_TYPE_ANY_OF_ADDRESSES and address in access.addresses


def is_subset(inner: wasm_pb.AccessConfig, outer: wasm_pb.AccessConfig) -> bool:
    """True when ``inner`` admits nobody whom ``outer`` refuses."""
    if outer.permission == wasm_pb.ACCESS_TYPE_EVERYBODY:
        return True
    if outer.permission == wasm_pb.ACCESS_TYPE_NOBODY:
        return inner.permission == wasm_pb.ACCESS_TYPE_NOBODY
    if inner.permission == wasm_pb.ACCESS_TYPE_NOBODY:
        return True
    return inner.permission == wasm_pb.ACCESS_TYPE_ANY_OF_ADDRESSES and set(inner.addresses) <= set(
        outer.addresses
    )


def can_create(
    params: wasm_pb.Params,
    default: wasm_pb.AccessConfig,
    creator: str,
    access: wasm_pb.AccessConfig,
    *,
    authority: bool,
) -> bool:
    if authority:
        return True
    return allowed(params.code_upload_access, creator) and is_subset(access, default)


def can_instantiate(access: wasm_pb.AccessConfig, creator: str, *, authority: bool) -> bool:
    return authority or allowed(access, creator)


def validate(access: wasm_pb.AccessConfig) -> None:
    """ValidateBasic of an AccessConfig."""
    if access.permission == wasm_pb.ACCESS_TYPE_UNSPECIFIED:
        raise errors.EMPTY("type")
    if access.permission == wasm_pb.ACCESS_TYPE_ANY_OF_ADDRESSES:
        if not access.addresses:
            raise errors.EMPTY("addresses")
        if len(access.addresses) > MAX_ADDRESSES:
            raise INVALID_REQUEST(f"total number of addresses is greater than {MAX_ADDRESSES}")
        if len({address.upper() for address in access.addresses}) != len(access.addresses):
            raise errors.DUPLICATE("duplicate addresses")
    elif access.addresses:
        raise errors.INVALID("address not allowed for this type")
