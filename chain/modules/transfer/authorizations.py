"""Grants to transfer tokens, for x/authz (``ibc-go:modules/apps/transfer/types/transfer_authorization.go``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from google.protobuf.message import Message

from chain import coins
from chain.coins import Coin
from chain.context import Context
from chain.gas import ITER_NEXT_COST_FLAT
from chain.gotext import WHITE_SPACE
from chain.modules import grants
from chain.modules.authz.kinds import Decision, Kind
from chain.modules.ibc.errors import (
    IBC_INSUFFICIENT_FUNDS,
    IBC_INVALID_ADDRESS,
    IBC_INVALID_COINS,
    IBC_INVALID_TYPE,
    IBC_NOT_FOUND,
    INVALID_CHANNEL,
    explaining,
)
from chain.modules.transfer.errors import INVALID_AUTHORIZATION
from cosmos_pb.ibc.applications.transfer.v1 import authz_pb2 as pb
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as tx
from light_client import host

UNBOUNDED: Final = 2**256 - 1
"""A limit of this amount is never reduced."""

ANY_MEMO: Final = "*"
_METERED: Final = "transfer authorization"


def _validate(authorization: pb.TransferAuthorization) -> None:
    if not authorization.allocations:
        raise INVALID_AUTHORIZATION("allocations cannot be empty")
    channels: set[str] = set()
    for allocation in authorization.allocations:
        if allocation.source_channel in channels:
            text = f"duplicate source channel ID: {allocation.source_channel}"
            raise INVALID_CHANNEL(text)
        channels.add(allocation.source_channel)
        _validate_allocation(allocation)


def _validate_allocation(allocation: pb.Allocation) -> None:
    limit = coins.from_pb(allocation.spend_limit)
    if not limit:
        raise IBC_INVALID_COINS("spend limit cannot be nil")
    fault = coins.fault(limit)
    if fault is not None:
        raise IBC_INVALID_COINS(f"invalid spend limit: {fault}")
    with explaining("invalid source port ID"):
        host.validate_port_id(allocation.source_port)
    with explaining("invalid source channel ID"):
        host.validate_channel_id(allocation.source_channel)
    found: set[str] = set()
    for receiver in allocation.allow_list:
        if receiver in found:
            raise INVALID_AUTHORIZATION(f"duplicate entry in allow list {receiver}")
        found.add(receiver)


def _accept(ctx: Context, authorization: pb.TransferAuthorization, message: Message) -> Decision:
    if not isinstance(message, tx.MsgTransfer):
        raise IBC_INVALID_TYPE("type mismatch")
    index = _place(authorization, message)
    allocation = authorization.allocations[index]
    if not _is_listed(ctx, allocation.allow_list, message.receiver):
        raise IBC_INVALID_ADDRESS("not allowed receiver address for transfer")
    _check_memo(ctx, list(allocation.allowed_packet_data), message.memo)
    left = _left(coins.from_pb(allocation.spend_limit), *coins.from_pb([message.token]))
    if left is None:
        return Decision()
    updated = pb.TransferAuthorization()
    updated.CopyFrom(authorization)
    if left:
        del updated.allocations[index].spend_limit[:]
        updated.allocations[index].spend_limit.extend(coins.to_pb(left))
        return Decision(updated=updated)
    del updated.allocations[index]
    return Decision(updated=updated) if updated.allocations else Decision(delete=True)


def _place(authorization: pb.TransferAuthorization, message: tx.MsgTransfer) -> int:
    wanted = (message.source_port, message.source_channel)
    for index, allocation in enumerate(authorization.allocations):
        if (allocation.source_port, allocation.source_channel) == wanted:
            return index
    raise IBC_NOT_FOUND("requested port and channel allocation does not exist")


def _is_listed(ctx: Context, allowed: Iterable[str], receiver: str) -> bool:
    listed = list(allowed)
    for address in listed:
        ctx.gas.consume(ITER_NEXT_COST_FLAT, _METERED)
        if address == receiver:
            return True
    return not listed


def _check_memo(ctx: Context, allowed: list[str], memo: str) -> None:
    if allowed == [ANY_MEMO]:
        return
    if not allowed:
        if memo.strip(WHITE_SPACE):
            text = "memo must be empty because allowed packet data in allocation is empty"
            raise INVALID_AUTHORIZATION(text)
        return
    for each in allowed:
        ctx.gas.consume(ITER_NEXT_COST_FLAT, _METERED)
        if each.strip(WHITE_SPACE) == memo.strip(WHITE_SPACE):
            return
    raise INVALID_AUTHORIZATION(f"not allowed memo: {memo}")


def _left(limit: tuple[Coin, ...], token: Coin) -> tuple[Coin, ...] | None:
    """What may be spent after ``token``; None for a limit that is without end."""
    if any(coin.denom == token.denom and coin.amount == UNBOUNDED for coin in limit):
        return None
    left = grants.subtract(limit, [token])
    if left is None:
        raise IBC_INSUFFICIENT_FUNDS(
            f"requested amount of token {token.denom} is more than spend limit"
        )
    return left


TRANSFER: Final = Kind(
    message=pb.TransferAuthorization,
    url=lambda _: f"/{tx.MsgTransfer.DESCRIPTOR.full_name}",
    accept=_accept,
    validate=_validate,
)
