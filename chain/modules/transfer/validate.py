"""Stateless validation of ICS-20 messages (``types/msgs.go``)."""

from __future__ import annotations

from chain.coins import from_pb
from chain.errors import AbciError
from chain.modules import grants
from chain.modules.ibc.errors import IBC_INVALID_ADDRESS, IBC_INVALID_COINS, explaining
from chain.modules.transfer import denom as denoms
from chain.modules.transfer.errors import INVALID_MEMO
from chain.modules.transfer.packet import MAX_MEMO, MAX_RECEIVER
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2
from light_client import host


def validate_transfer(msg: tx_pb2.MsgTransfer) -> None:
    """``MsgTransfer.ValidateBasic``."""
    grants.check(msg)
    with explaining(f"invalid source port ID {msg.source_port}"):
        host.validate_port_id(msg.source_port)
    with explaining(f"invalid source channel ID {msg.source_channel}"):
        host.validate_channel_id(msg.source_channel)
    _check_token(msg)
    if not msg.sender.strip():
        raise IBC_INVALID_ADDRESS("missing sender address")
    if not msg.receiver.strip():
        raise IBC_INVALID_ADDRESS("missing recipient address")
    if len(msg.receiver.encode()) > MAX_RECEIVER:
        raise IBC_INVALID_ADDRESS(f"recipient address must not exceed {MAX_RECEIVER} bytes")
    if len(msg.memo.encode()) > MAX_MEMO:
        raise INVALID_MEMO(f"memo must not exceed {MAX_MEMO} bytes")


def _check_token(msg: tx_pb2.MsgTransfer) -> None:
    (coin,) = from_pb([msg.token])
    try:
        denoms.validate_local(coin.denom)
    except AbciError as error:
        raise IBC_INVALID_COINS(str(coin)) from error
    if coin.amount <= 0:
        raise IBC_INVALID_COINS(str(coin))


def validate_params(msg: tx_pb2.MsgUpdateParams) -> None:
    if not msg.signer.strip():
        raise IBC_INVALID_ADDRESS("missing sender address")
