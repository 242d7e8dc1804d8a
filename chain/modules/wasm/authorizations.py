"""Grants to store code, and to execute and migrate contracts, for x/authz (wasmd ``x/wasm/types/authz.go``).

A grant for a contract has a limit, which counts, and a filter, which looks at the message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final

from google.protobuf.message import Message

from chain import coins, gojson
from chain.coins import Coin
from chain.context import Context
from chain.errors import (
    INVALID_REQUEST,
    INVALID_TYPE,
    NOT_FOUND,
    UNAUTHORIZED,
    AbciError,
    OutOfGas,
    nil_pointer,
    unregistered,
)
from chain.gotext import WHITE_SPACE
from chain.modules import grants
from chain.modules.authz.kinds import Decision, Kind
from chain.modules.wasm import access, errors, wire
from chain.modules.wasm.codes import gunzip
from chain.modules.wasm.errors import wrapped
from chain.modules.wasm.validate import Validator
from cosmos_pb.cosmwasm.wasm.v1 import authz_pb2 as pb
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as tx

WILDCARD: Final = b"*"
MAGIC: Final = b"\0asm"
GAS_PER_BYTE: Final = 1
LIMIT: Final = "*types.ContractAuthzLimitX"
FILTER: Final = "*types.ContractAuthzFilterX"

Call = tx.MsgExecuteContract | tx.MsgMigrateContract


@dataclass(frozen=True, slots=True)
class Counted:
    """Whether a limit lets a call pass, and what becomes of it then: no more (``delete``), or ``update``."""

    accepted: bool = True
    delete: bool = False
    update: Message | None = None


def kinds(check: Validator) -> tuple[Kind, ...]:
    return (
        Kind(
            message=pb.StoreCodeAuthorization,
            url=_always("/cosmwasm.wasm.v1.MsgStoreCode"),
            accept=_accept_code,
            validate=partial(_validate_codes, check),
        ),
        *(
            Kind(
                message=message,
                url=_always(url),
                accept=_accept_call,
                validate=partial(_validate_contracts, check),
                check=_unpack_all,
            )
            for message, url in (
                (pb.ContractExecutionAuthorization, "/cosmwasm.wasm.v1.MsgExecuteContract"),
                (pb.ContractMigrationAuthorization, "/cosmwasm.wasm.v1.MsgMigrateContract"),
            )
        ),
    )


def _always(url: str) -> Callable[[Message], str]:
    return lambda _: url


# Codes


def _accept_code(
    ctx: Context, authorization: pb.StoreCodeAuthorization, message: Message
) -> Decision:
    if not isinstance(message, tx.MsgStoreCode):
        raise INVALID_REQUEST("unknown msg type")
    checksum = _checksum(ctx, message.wasm_byte_code)
    return Decision(any(_admits(grant, checksum, message) for grant in authorization.grants))


def _checksum(ctx: Context, code: bytes) -> bytes:
    try:
        unpacked = gunzip(ctx, code)
    except OutOfGas:
        raise
    except AbciError as error:
        raise INVALID_REQUEST("uncompress wasm archive") from error
    if not unpacked.startswith(MAGIC):
        raise INVALID_REQUEST("checksum")
    return sha256(unpacked).digest()


def _admits(grant: pb.CodeGrant, checksum: bytes, message: tx.MsgStoreCode) -> bool:
    if grant.code_hash not in {WILDCARD, checksum}:
        return False
    if not grant.HasField("instantiate_permission"):
        return True
    if not message.HasField("instantiate_permission"):
        raise nil_pointer()
    return access.is_subset(message.instantiate_permission, grant.instantiate_permission)


def _validate_codes(check: Validator, authorization: pb.StoreCodeAuthorization) -> None:
    codes = [grant.code_hash for grant in authorization.grants]
    if not codes:
        raise errors.EMPTY("grants")
    for index, grant in enumerate(authorization.grants):
        if len(codes) > 1 and grant.code_hash == WILDCARD:
            raise INVALID_REQUEST("cannot have multiple grants when wildcard grant is one of them")
        with wrapped(f"position {index}"):
            if not grant.code_hash:
                raise errors.EMPTY("code hash")
            if grant.HasField("instantiate_permission"):
                access.validate(grant.instantiate_permission, check.address)
    if len(set(codes)) != len(codes):
        raise INVALID_REQUEST("cannot have multiple grants with same code hash")


# Contracts


def _accept_call(ctx: Context, authorization: Any, call: Any) -> Decision:
    for index, grant in enumerate(authorization.grants):
        if grant.contract != call.contract:
            continue
        with wrapped("limit"):
            counted = _count(grant, call)
        if not counted.accepted:
            continue
        with wrapped("filter"):
            passes = _filter(ctx, grant, call.msg)
        if passes:
            return _after(authorization, index, counted)
    return Decision(accept=False)


def _after(authorization: Any, index: int, counted: Counted) -> Decision:
    """The authorization without a grant that is used up, or with what is left of its limit."""
    updated = type(authorization)()
    updated.CopyFrom(authorization)
    if counted.delete:
        del updated.grants[index]
        return Decision(updated=updated) if updated.grants else Decision(delete=True)
    if counted.update is None:
        return Decision()
    updated.grants[index].limit.CopyFrom(grants.pack(counted.update))
    return Decision(updated=updated)


def _count(grant: pb.ContractGrant, call: Call) -> Counted:
    if not grant.HasField("limit"):
        raise NOT_FOUND("undefined limit")
    funds = coins.from_pb(call.funds) if isinstance(call, tx.MsgExecuteContract) else ()
    limit = _unpack_limit(grant)
    return _LIMITS[grant.limit.type_url].count(limit, funds)


def _filter(ctx: Context, grant: pb.ContractGrant, message: bytes) -> bool:
    if not grant.HasField("filter"):
        raise NOT_FOUND("undefined filter")
    return _FILTERS[grant.filter.type_url].passes(ctx, _unpack_filter(grant), message)


def _unpack_all(authorization: Any, depth: int) -> None:
    """Decode what the grants hold."""
    for grant in authorization.grants:
        if grant.HasField("filter"):
            _unpack_filter(grant, depth)
        if grant.HasField("limit"):
            _unpack_limit(grant, depth)


def _unpack_limit(grant: pb.ContractGrant, depth: int = grants.MAX_DEPTH) -> Message:
    known = {url: limit.message for url, limit in _LIMITS.items()}
    with wrapped("limit"):
        return grants.unpack(grant.limit, known, LIMIT, depth)


def _unpack_filter(grant: pb.ContractGrant, depth: int = grants.MAX_DEPTH) -> Message:
    known = {url: filter_.message for url, filter_ in _FILTERS.items()}
    with wrapped("filter"):
        return grants.unpack(grant.filter, known, FILTER, depth)


def _validate_contracts(check: Validator, authorization: Any) -> None:
    if not authorization.grants:
        raise errors.EMPTY("grants")
    for index, grant in enumerate(authorization.grants):
        with wrapped(f"position {index}"):
            check.address(grant.contract, "contract")
            with wrapped("limit"):
                if not grant.HasField("limit"):
                    raise INVALID_TYPE("undefined limit")
                _LIMITS[grant.limit.type_url].validate(_unpack_limit(grant))
            with wrapped("filter"):
                if not grant.HasField("filter"):
                    raise INVALID_TYPE("undefined filter")
                _FILTERS[grant.filter.type_url].validate(_unpack_filter(grant))


# Limits


@dataclass(frozen=True, slots=True)
class _Limit:
    message: type[Message]
    count: Callable[[Any, tuple[Coin, ...]], Counted]
    validate: Callable[[Any], None]


def _count_calls(limit: pb.MaxCallsLimit, funds: tuple[Coin, ...]) -> Counted:
    if funds:
        return Counted(accepted=False)
    _check_left(limit.remaining)
    if limit.remaining == 1:
        return Counted(delete=True)
    return Counted(update=pb.MaxCallsLimit(remaining=limit.remaining - 1))


def _count_funds(limit: pb.MaxFundsLimit, funds: tuple[Coin, ...]) -> Counted:
    if not funds:
        return Counted()
    left = grants.subtract(coins.from_pb(limit.amounts), funds)
    if left is None:
        return Counted(accepted=False)
    if not left:
        return Counted(delete=True)
    return Counted(update=pb.MaxFundsLimit(amounts=coins.to_pb(left)))


def _count_both(limit: pb.CombinedLimit, funds: tuple[Coin, ...]) -> Counted:
    left = grants.subtract(coins.from_pb(limit.amounts), funds)
    if left is None:
        return Counted(accepted=False)
    _check_left(limit.calls_remaining)
    if limit.calls_remaining == 1 or not left:
        return Counted(delete=True)
    return Counted(
        update=pb.CombinedLimit(
            calls_remaining=limit.calls_remaining - 1, amounts=coins.to_pb(left)
        )
    )


def _check_left(calls: int) -> None:
    if calls == 0:
        raise UNAUTHORIZED("no calls left")


def _validate_calls(limit: pb.MaxCallsLimit) -> None:
    if limit.remaining == 0:
        raise errors.EMPTY("remaining calls")


def _validate_funds(limit: pb.MaxFundsLimit) -> None:
    _check_amounts(limit.amounts)
    if not limit.amounts:
        raise errors.EMPTY("amounts")


def _validate_both(limit: pb.CombinedLimit) -> None:
    if limit.calls_remaining == 0:
        raise errors.EMPTY("remaining calls")
    if all(coin.amount == 0 for coin in coins.from_pb(limit.amounts)):
        raise errors.EMPTY("amounts")
    with wrapped("amounts"):
        _check_amounts(limit.amounts)


def _check_amounts(amounts: Any) -> None:
    """``Coins.Validate``: its errors have no registered code."""
    fault = coins.fault(coins.from_pb(amounts))
    if fault is not None:
        raise unregistered(fault)


# Filters


@dataclass(frozen=True, slots=True)
class _Filter:
    message: type[Message]
    passes: Callable[[Context, Any, bytes], bool]
    validate: Callable[[Any], None]


def _passes_keys(ctx: Context, filter_: pb.AcceptedMessageKeysFilter, message: bytes) -> bool:
    """Whether the message is an object whose one key is among those accepted."""
    ctx.gas.consume(GAS_PER_BYTE * len(message), "contract authorization")
    try:
        document = gojson.loads(message)
    except ValueError as error:
        raise UNAUTHORIZED(f"not an allowed msg: {error}") from error
    if not isinstance(document, gojson.Pairs):
        return False
    found = {key for key, _ in document}
    return len(found) == 1 and found <= set(filter_.keys)


def _validate_keys(filter_: pb.AcceptedMessageKeysFilter) -> None:
    if not filter_.keys:
        raise errors.EMPTY("keys")
    seen: set[str] = set()
    for key in filter_.keys:
        if not key:
            raise errors.EMPTY("key")
        if key != key.strip(WHITE_SPACE):
            raise errors.INVALID(f"key {gojson.quote(key)} contains whitespaces")
        if key in seen:
            raise errors.DUPLICATE(f"key {gojson.quote(key)}")
        seen.add(key)


def _validate_messages(filter_: pb.AcceptedMessagesFilter) -> None:
    if not filter_.messages:
        raise errors.EMPTY("messages")
    seen: set[bytes] = set()
    for message in filter_.messages:
        if not message:
            raise errors.EMPTY("message")
        wire.check_message(message)
        if message in seen:
            raise errors.DUPLICATE("message")
        seen.add(message)


def _by_url(*entries: Any) -> Mapping[str, Any]:
    return {f"/{entry.message.DESCRIPTOR.full_name}": entry for entry in entries}


_LIMITS: Final[Mapping[str, _Limit]] = _by_url(
    _Limit(pb.MaxCallsLimit, _count_calls, _validate_calls),
    _Limit(pb.MaxFundsLimit, _count_funds, _validate_funds),
    _Limit(pb.CombinedLimit, _count_both, _validate_both),
)
_FILTERS: Final[Mapping[str, _Filter]] = _by_url(
    _Filter(pb.AllowAllMessagesFilter, lambda _, __, ___: True, lambda _: None),
    _Filter(pb.AcceptedMessageKeysFilter, _passes_keys, _validate_keys),
    _Filter(
        pb.AcceptedMessagesFilter,
        lambda _, filter_, message: message in filter_.messages,
        _validate_messages,
    ),
)
