"""Grants to delegate, for x/authz (cosmos-sdk x/staking/types/authz.go)."""

from __future__ import annotations

from typing import Any, Final

from chain import coins
from chain.coins import Coin
from chain.context import Context
from chain.errors import INVALID_REQUEST, PANIC, UNAUTHORIZED, unregistered
from chain.modules.authz.errors import NEGATIVE_MAX_TOKENS, UNKNOWN_TYPE
from chain.modules.authz.kinds import Decision, Kind
from cosmos_pb.cosmos.staking.v1beta1 import authz_pb2 as pb
from cosmos_pb.cosmos.staking.v1beta1 import tx_pb2 as tx

GAS_PER_VALIDATOR: Final = 10

_MESSAGES: Final[dict[int, type[Any]]] = {
    pb.AUTHORIZATION_TYPE_DELEGATE: tx.MsgDelegate,
    pb.AUTHORIZATION_TYPE_UNDELEGATE: tx.MsgUndelegate,
    pb.AUTHORIZATION_TYPE_REDELEGATE: tx.MsgBeginRedelegate,
    pb.AUTHORIZATION_TYPE_CANCEL_UNBONDING_DELEGATION: tx.MsgCancelUnbondingDelegation,
}


def _url(authorization: pb.StakeAuthorization) -> str:
    """A panic for a type that is none (normalizeAuthzType)."""
    message: Any = _MESSAGES.get(authorization.authorization_type)
    if message is None:
        text = "cannot normalize authz type with types.AuthorizationType"
        raise PANIC(f"recovered: {text}: {UNKNOWN_TYPE.text}")
    return f"/{message.DESCRIPTOR.full_name}"


def _validate(authorization: pb.StakeAuthorization) -> None:
    if authorization.HasField("max_tokens"):
        (limit,) = coins.from_pb([authorization.max_tokens])
        if limit.amount < 0:
            raise NEGATIVE_MAX_TOKENS(f"negative coin amount: {limit}")
    if authorization.authorization_type == pb.AUTHORIZATION_TYPE_UNSPECIFIED:
        raise UNKNOWN_TYPE("")


def _accept(ctx: Context, authorization: pb.StakeAuthorization, message: Any) -> Decision:
    if type(message) not in _MESSAGES.values():
        raise INVALID_REQUEST("unknown msg type")
    is_move = isinstance(message, tx.MsgBeginRedelegate)
    _check_validator(
        ctx, authorization, message.validator_dst_address if is_move else message.validator_address
    )
    updated = pb.StakeAuthorization()
    updated.CopyFrom(authorization)
    if not authorization.HasField("max_tokens"):
        return Decision(updated=updated)
    left = _subtract(*coins.from_pb([authorization.max_tokens, message.amount]))
    if left.amount == 0:
        return Decision(delete=True)
    updated.max_tokens.CopyFrom(left.to_pb())
    return Decision(updated=updated)


def _check_validator(ctx: Context, authorization: pb.StakeAuthorization, operator: str) -> None:
    allowed, denied = authorization.allow_list.address, authorization.deny_list.address
    for listed in (allowed, denied):
        for address in listed:
            ctx.gas.consume(GAS_PER_VALIDATOR, "stake authorization")
            if address == operator:
                break
    if operator in denied or (allowed and operator not in allowed):
        raise UNAUTHORIZED(f"cannot delegate/undelegate to {operator} validator")


def _subtract(limit: Coin, spent: Coin) -> Coin:
    """``Coin.SafeSub``: its errors have no registered code."""
    if limit.denom != spent.denom:
        raise unregistered(f"invalid coin denoms: {limit.denom}, {spent.denom}")
    left = Coin(limit.denom, limit.amount - spent.amount)
    if left.amount < 0:
        raise unregistered(f"negative coin amount: {left}")
    return left


STAKE: Final = Kind(message=pb.StakeAuthorization, url=_url, accept=_accept, validate=_validate)
