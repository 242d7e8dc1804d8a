"""Kinds of authorizations: which messages each lets the grantee send, and how often.

Sources: cosmos-sdk x/authz/generic_authorization.go, x/bank/types/send_authorization.go. Modules bring their own kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message

from chain import coins
from chain.context import Context
from chain.errors import (
    INSUFFICIENT_FUNDS,
    INVALID_COINS,
    INVALID_TYPE,
    UNAUTHORIZED,
    unregistered,
)
from chain.modules import grants
from chain.modules.bank.errors import DUPLICATE_ENTRY
from cosmos_pb.cosmos.authz.v1beta1 import authz_pb2
from cosmos_pb.cosmos.bank.v1beta1 import authz_pb2 as bank_authz
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx

GAS_PER_RECIPIENT: Final = 10
SEND_URL: Final = "/cosmos.bank.v1beta1.MsgSend"


@dataclass(frozen=True, slots=True)
class Decision:
    """What an authorization says to a message: yes or no, and whether it is used up or changed by it."""

    accept: bool = True
    delete: bool = False
    updated: Message | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """``url`` says which messages, ``validate`` is ValidateBasic, ``check`` decodes what is inside an Any."""

    message: type[Message]
    url: Callable[[Any], str]
    accept: Callable[[Context, Any, Message], Decision]
    validate: Callable[[Any], None]
    check: Callable[[Any, int], None] = lambda _, __: None


def _validate_generic(authorization: authz_pb2.GenericAuthorization) -> None:
    if not authorization.msg:
        raise unregistered("msg type cannot be empty")


def _accept_send(
    ctx: Context, authorization: bank_authz.SendAuthorization, message: Message
) -> Decision:
    if not isinstance(message, bank_tx.MsgSend):
        raise INVALID_TYPE("type mismatch")
    limit = coins.from_pb(authorization.spend_limit)
    left = grants.subtract(limit, coins.from_pb(message.amount))
    if left is None:
        raise INSUFFICIENT_FUNDS("requested amount is more than spend limit")
    _check_recipient(ctx, list(authorization.allow_list), message.to_address)
    if not left:
        return Decision(delete=True)
    updated = bank_authz.SendAuthorization(
        spend_limit=coins.to_pb(left), allow_list=authorization.allow_list
    )
    return Decision(updated=updated)


def _check_recipient(ctx: Context, allowed: list[str], recipient: str) -> None:
    for address in allowed:
        ctx.gas.consume(GAS_PER_RECIPIENT, "send authorization")
        if address == recipient:
            return
    if allowed:
        raise UNAUTHORIZED(f"cannot send to {recipient} address")


def _validate_send(authorization: bank_authz.SendAuthorization) -> None:
    limit = coins.from_pb(authorization.spend_limit)
    if not limit:
        raise INVALID_COINS("spend limit cannot be nil")
    if any(coin.amount <= 0 for coin in limit):
        raise INVALID_COINS("spend limit must be positive")
    if len(set(authorization.allow_list)) != len(authorization.allow_list):
        raise DUPLICATE_ENTRY("")


GENERIC: Final = Kind(
    message=authz_pb2.GenericAuthorization,
    url=lambda authorization: authorization.msg,
    accept=lambda _, __, ___: Decision(),
    validate=_validate_generic,
)
SEND: Final = Kind(
    message=bank_authz.SendAuthorization,
    url=lambda _: SEND_URL,
    accept=_accept_send,
    validate=_validate_send,
)
