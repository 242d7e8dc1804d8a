"""Stateless validation of ICS-27 messages (``controller/types/msgs.go``, ``host/types/{msgs,params}.go``)."""

from __future__ import annotations

from typing import Final

from chain.errors import AbciError, unregistered
from chain.modules.auth.module import Auth
from chain.modules.ibc.errors import (
    IBC_INVALID_ADDRESS,
    IBC_INVALID_REQUEST,
    INVALID_CHANNEL_ORDERING,
    explaining,
)
from chain.modules.ibc.store import enum_name
from chain.modules.ica import packet
from chain.modules.ica.host import ALLOW_ALL
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import tx_pb2 as controller_tx
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import host_pb2
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import tx_pb2 as host_tx
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import host

MAX_OWNER: Final = 2_048
MAX_ALLOWED: Final = 500

_ORDERS: Final = frozenset({channel_pb2.ORDER_ORDERED, channel_pb2.ORDER_UNORDERED})


def register_account(msg: controller_tx.MsgRegisterInterchainAccount) -> None:
    with explaining("invalid connection ID"):
        host.validate_connection_id(msg.connection_id)
    if msg.ordering not in _ORDERS:
        raise INVALID_CHANNEL_ORDERING(enum_name(channel_pb2.Order, msg.ordering))
    _check_owner(msg.owner)


def send_tx(msg: controller_tx.MsgSendTx) -> None:
    with explaining("invalid connection ID"):
        host.validate_connection_id(msg.connection_id)
    _check_owner(msg.owner)
    with explaining("invalid interchain account packet data"):
        packet.validate(msg.packet_data)
    if not msg.relative_timeout:
        raise IBC_INVALID_REQUEST("relative timeout cannot be zero")


class Signed:
    """What the messages of the authority, and of whoever asks, are held to: an address of this chain."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def controller_params(self, msg: controller_tx.MsgUpdateParams) -> None:
        self._check_signer(msg.signer)

    def host_params(self, msg: host_tx.MsgUpdateParams) -> None:
        self._check_signer(msg.signer)
        allow_list(msg.params)

    def module_query_safe(self, msg: host_tx.MsgModuleQuerySafe) -> None:
        self._check_signer(msg.signer)
        if not msg.requests:
            raise IBC_INVALID_REQUEST("no queries provided")

    def _check_signer(self, signer: str) -> None:
        try:
            self._auth.acc_address_bytes(signer)
        except AbciError as error:
            raise IBC_INVALID_ADDRESS(
                f"string could not be parsed as address: {error.log}"
            ) from error


def allow_list(params: host_pb2.Params) -> None:
    """Errors have no registered code."""
    allowed = list(params.allow_messages)
    if len(allowed) > MAX_ALLOWED:
        raise unregistered(f"allow list length must not exceed {MAX_ALLOWED} items")
    if ALLOW_ALL in allowed and len(allowed) > 1:
        raise unregistered(
            "allow list must have only one element because the allow all host messages wildcard "
            f"({ALLOW_ALL}) is present"
        )
    if not all(url.strip() for url in allowed):
        raise unregistered(f"parameter must not contain empty strings: [{' '.join(allowed)}]")


def _check_owner(owner: str) -> None:
    if not owner.strip():
        raise IBC_INVALID_ADDRESS("owner address cannot be empty")
    if len(owner.encode()) > MAX_OWNER:
        raise IBC_INVALID_ADDRESS(f"owner address must not exceed {MAX_OWNER} bytes")
