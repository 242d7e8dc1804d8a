"""Who may store a code and who may instantiate it (wasmd ``types/authz_policy.go``, ``types/params.go``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from chain.errors import INVALID_REQUEST
from chain.modules.wasm import errors
from chain.modules.wasm.errors import wrapped
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

MAX_ADDRESSES: Final = 50

_NOBODY, _LISTED, _EVERYBODY = (
    wasm_pb.ACCESS_TYPE_NOBODY,
    wasm_pb.ACCESS_TYPE_ANY_OF_ADDRESSES,
    wasm_pb.ACCESS_TYPE_EVERYBODY,
)
_WITHIN: Final[Mapping[int, tuple[int, ...]]] = {
    _NOBODY: (_NOBODY,),
    _LISTED: (_NOBODY, _LISTED),
    _EVERYBODY: (_NOBODY, _LISTED, _EVERYBODY),
}
"""Which permissions a permission contains."""

NAMES: Final = {_NOBODY: "Nobody", _LISTED: "AnyOfAddresses", _EVERYBODY: "Everybody"}
"""Permissions in events and in genesis files (``AccessType.String``)."""


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
    if not is_subtype(inner.permission, outer.permission):
        return False
    listed = wasm_pb.ACCESS_TYPE_ANY_OF_ADDRESSES
    if inner.permission != listed or outer.permission != listed:
        return True
    return set(inner.addresses) <= set(outer.addresses)


def is_subtype(inner: int, outer: int) -> bool:
    """The same for kinds of permission alone (``AccessType.IsSubset``)."""
    return inner in _WITHIN.get(outer, ())


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


def validate(access: wasm_pb.AccessConfig, check_address: Callable[[str, str], None]) -> None:
    """ValidateBasic of an AccessConfig. ``check_address(address, what)`` refuses what is no address."""
    if access.permission == wasm_pb.ACCESS_TYPE_ANY_OF_ADDRESSES:
        with wrapped("addresses"):
            validate_addresses(access.addresses, check_address)
    else:
        validate_type(access.permission)


def validate_type(permission: int) -> None:
    if permission == wasm_pb.ACCESS_TYPE_UNSPECIFIED:
        raise errors.EMPTY("type")
    if permission not in _WITHIN:
        raise errors.INVALID(f'unknown type: "{permission}"')


def validate_addresses(addresses: Sequence[str], check_address: Callable[[str, str], None]) -> None:
    """1 to 50 different addresses; the same in upper and lower case is not different."""
    if not addresses:
        raise errors.EMPTY("addresses")
    if len(addresses) > MAX_ADDRESSES:
        raise INVALID_REQUEST(f"total number of addresses is greater than {MAX_ADDRESSES}")
    for address in addresses:
        check_address(address, f"address: {address}")
    if len({address.upper() for address in addresses}) != len(addresses):
        raise errors.DUPLICATE("duplicate addresses")
