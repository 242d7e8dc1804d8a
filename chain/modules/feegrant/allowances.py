"""Kinds of allowances: what each lets the grantee spend.

Sources: cosmossdk.io/x/feegrant, basic_fee.go, periodic_fee.go, filtered_fee.go.

An allowance is its protobuf message, and is changed in place as it is spent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from chain import coins, stdtime
from chain.coins import Coin
from chain.context import Context
from chain.errors import INVALID_COINS, AbciError
from chain.modules import grants
from chain.modules.feegrant import errors
from cosmos_pb.cosmos.feegrant.v1beta1 import feegrant_pb2 as pb
from cosmos_pb.google.protobuf import any_pb2
from light_client.values import ZERO_TIME, Timestamp

GAS_PER_MESSAGE: Final = 10
INTERFACE: Final = "*feegrant.FeeAllowanceI"


@dataclass(frozen=True, slots=True)
class Spending:
    """A fee, and the type URLs of the messages that it is for."""

    fee: tuple[Coin, ...]
    urls: Sequence[str]


@dataclass(frozen=True, slots=True)
class Spent:
    """``used_up``: the allowance is to be removed, whether or not the fee was refused."""

    used_up: bool = False
    refusal: AbciError | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    message: type[Message]
    accept: Callable[[Context, Any, Spending], Spent]
    validate: Callable[[Any], None]
    expires: Callable[[Any], Timestamp | None]
    complete: Callable[[Any], None]
    """Sets what Go's encoding always has."""


def unpack(packed: any_pb2.Any, depth: int = grants.MAX_DEPTH) -> Message:
    """The allowance inside, and inside that; sdk/2 for what is none."""
    known = {url: kind.message for url, kind in KINDS.items()}
    allowance: Message = grants.unpack(packed, known, INTERFACE, depth)
    if isinstance(allowance, pb.AllowedMsgAllowance) and allowance.HasField("allowance"):
        unpack(allowance.allowance, depth - 1)
    return allowance


def accept(ctx: Context, allowance: Message, spending: Spending) -> Spent:
    return _kind(allowance).accept(ctx, allowance, spending)


def validate(allowance: Message) -> None:
    """ValidateBasic; sdk/10 and the module's errors."""
    _kind(allowance).validate(allowance)


def expires(allowance: Message) -> Timestamp | None:
    return _kind(allowance).expires(allowance)


def pack(allowance: Message) -> any_pb2.Any:
    _kind(allowance).complete(allowance)
    return grants.pack(allowance)


def _kind(allowance: Message) -> Kind:
    return KINDS[f"/{allowance.DESCRIPTOR.full_name}"]


# Basic


def _accept_basic(ctx: Context, allowance: pb.BasicAllowance, spending: Spending) -> Spent:
    expiry = _expires_basic(allowance)
    if expiry is not None and expiry < ctx.time:
        return Spent(used_up=True, refusal=errors.EXPIRED("basic allowance"))
    if not allowance.spend_limit:
        return Spent()
    left = grants.subtract(coins.from_pb(allowance.spend_limit), spending.fee)
    if left is None:
        return Spent(refusal=errors.LIMIT_EXCEEDED("basic allowance"))
    _set(allowance.spend_limit, left)
    return Spent(used_up=not left)


def _validate_basic(allowance: pb.BasicAllowance) -> None:
    limit = coins.from_pb(allowance.spend_limit)
    if coins.fault(limit) is not None:
        raise INVALID_COINS(f"send amount is invalid: {coins.text(limit)}")
    if allowance.HasField("expiration") and allowance.expiration.seconds < 0:
        raise errors.INVALID_DURATION("expiration time cannot be negative")


def _expires_basic(allowance: pb.BasicAllowance) -> Timestamp | None:
    return grants.instant(allowance.expiration) if allowance.HasField("expiration") else None


# Periodic


def _accept_periodic(ctx: Context, allowance: pb.PeriodicAllowance, spending: Spending) -> Spent:
    expiry = _expires_basic(allowance.basic)
    if expiry is not None and expiry < ctx.time:
        return Spent(used_up=True, refusal=errors.EXPIRED("absolute limit"))
    _try_reset(allowance, ctx.time)
    left = grants.subtract(coins.from_pb(allowance.period_can_spend), spending.fee)
    if left is None:
        return Spent(refusal=errors.LIMIT_EXCEEDED("period limit"))
    _set(allowance.period_can_spend, left)
    if not allowance.basic.spend_limit:
        return Spent()
    left = grants.subtract(coins.from_pb(allowance.basic.spend_limit), spending.fee)
    if left is None:
        return Spent(refusal=errors.LIMIT_EXCEEDED("absolute limit"))
    _set(allowance.basic.spend_limit, left)
    return Spent(used_up=not left)


def _try_reset(allowance: pb.PeriodicAllowance, now: Timestamp) -> None:
    """A new period begins where the last one ended, or now when that is more than a period ago."""
    reset = grants.instant(allowance.period_reset)
    if now < reset:
        return
    whole = coins.from_pb(allowance.basic.spend_limit)
    share = coins.from_pb(allowance.period_spend_limit)
    _set(
        allowance.period_can_spend,
        whole if whole and grants.subtract(whole, share) is None else share,
    )
    period = stdtime.nanoseconds(allowance.period)
    reset = reset.add(period)
    if now > reset:
        reset = now.add(period)
    allowance.period_reset.seconds, allowance.period_reset.nanos = reset.seconds, reset.nanos


def _validate_periodic(allowance: pb.PeriodicAllowance) -> None:
    _validate_basic(allowance.basic)
    share = coins.from_pb(allowance.period_spend_limit)
    if coins.fault(share) is not None:
        raise INVALID_COINS(f"spend amount is invalid: {coins.text(share)}")
    if not share:
        raise INVALID_COINS("spend limit must be positive")
    ready = coins.from_pb(allowance.period_can_spend)
    if coins.fault(ready) is not None:
        raise INVALID_COINS(f"can spend amount is invalid: {coins.text(ready)}")
    whole = coins.from_pb(allowance.basic.spend_limit)
    if whole and not {coin.denom for coin in share} <= {coin.denom for coin in whole}:
        raise INVALID_COINS("period spend limit has different currency than basic spend limit")
    if stdtime.nanoseconds(allowance.period) < 0:
        raise errors.INVALID_DURATION("negative clock step")


def _complete_periodic(allowance: pb.PeriodicAllowance) -> None:
    allowance.basic.SetInParent()
    allowance.period.SetInParent()
    if not allowance.HasField("period_reset"):
        allowance.period_reset.seconds = ZERO_TIME.seconds


# Allowed messages


def _accept_allowed(ctx: Context, allowance: pb.AllowedMsgAllowance, spending: Spending) -> Spent:
    for _ in allowance.allowed_messages:
        ctx.gas.consume(GAS_PER_MESSAGE, "check msg")
    allowed = set(allowance.allowed_messages)
    for url in spending.urls:
        ctx.gas.consume(GAS_PER_MESSAGE, "check msg")
        if url not in allowed:
            text = "message does not exist in allowed messages"
            return Spent(refusal=errors.MESSAGE_NOT_ALLOWED(text))
    inner = _inner(allowance)
    spent = accept(ctx, inner, spending)
    if spent == Spent():
        allowance.allowance.CopyFrom(pack(inner))
    return spent


def _validate_allowed(allowance: pb.AllowedMsgAllowance) -> None:
    if not allowance.HasField("allowance"):
        raise errors.NO_ALLOWANCE("allowance should not be empty")
    if not allowance.allowed_messages:
        raise errors.NO_MESSAGES("allowed messages shouldn't be empty")
    validate(_inner(allowance))


def _inner(allowance: pb.AllowedMsgAllowance) -> Message:
    if not allowance.HasField("allowance"):
        raise errors.NO_ALLOWANCE("failed to get allowance")
    return unpack(allowance.allowance)


def _complete_allowed(allowance: pb.AllowedMsgAllowance) -> None:
    allowance.allowance.CopyFrom(pack(_inner(allowance)))


def _set(field: Any, amount: Sequence[Coin]) -> None:
    del field[:]
    field.extend(coins.to_pb(amount))


KINDS: Final[dict[str, Kind]] = {
    f"/{kind.message.DESCRIPTOR.full_name}": kind
    for kind in (
        Kind(pb.BasicAllowance, _accept_basic, _validate_basic, _expires_basic, lambda _: None),
        Kind(
            pb.PeriodicAllowance,
            _accept_periodic,
            _validate_periodic,
            lambda allowance: _expires_basic(allowance.basic),
            _complete_periodic,
        ),
        Kind(
            pb.AllowedMsgAllowance,
            _accept_allowed,
            _validate_allowed,
            lambda allowance: expires(_inner(allowance)),
            _complete_allowed,
        ),
    )
}
