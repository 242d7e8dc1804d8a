"""The messages of IBC core: who handles each, and what is checked of it without state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chain.context import Context
from chain.modules.ibc.server import MsgServer
from chain.modules.ibc.v2.server import MsgServerV2
from chain.router import MessageRouter
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as channel_v2_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from cosmos_pb.ibc.core.client.v2 import tx_pb2 as client_v2_tx
from cosmos_pb.ibc.core.connection.v1 import tx_pb2 as connection_tx

Entry = tuple[type[Any], Callable[[Context, Any], Any], Callable[[Any], None]]
"""A message, its handler and what is checked of it without state."""


def register(messages: MessageRouter, server: MsgServer, server_v2: MsgServerV2) -> None:
    """Enter every message; its only signer is ``signer``."""
    for message, handler, validate in (*_v1(server), *_v2(server_v2)):
        messages.register(message, handler, lambda msg: (msg.signer,), validate)


def _v1(server: MsgServer) -> list[Entry]:
    check = server.validator
    return [
        (client_tx.MsgCreateClient, server.create_client, check.create_client),
        (client_tx.MsgUpdateClient, server.update_client, check.update_client),
        (client_tx.MsgUpgradeClient, server.upgrade_client, check.upgrade_client),
        (client_tx.MsgSubmitMisbehaviour, server.submit_misbehaviour, check.submit_misbehaviour),
        (client_tx.MsgRecoverClient, server.recover_client, check.recover_client),
        (client_tx.MsgUpdateParams, server.client_params, check.client_params),
        (
            client_tx.MsgDeleteClientCreator,
            server.delete_client_creator,
            check.delete_client_creator,
        ),
        (
            connection_tx.MsgConnectionOpenInit,
            server.connection_open_init,
            check.connection_open_init,
        ),
        (
            connection_tx.MsgConnectionOpenTry,
            server.connection_open_try,
            check.connection_open_try,
        ),
        (
            connection_tx.MsgConnectionOpenAck,
            server.connection_open_ack,
            check.connection_open_ack,
        ),
        (
            connection_tx.MsgConnectionOpenConfirm,
            server.connection_open_confirm,
            check.connection_open_confirm,
        ),
        (connection_tx.MsgUpdateParams, server.connection_params, check.connection_params),
        (channel_tx.MsgChannelOpenInit, server.channel_open_init, check.channel_open_init),
        (channel_tx.MsgChannelOpenTry, server.channel_open_try, check.channel_open_try),
        (channel_tx.MsgChannelOpenAck, server.channel_open_ack, check.channel_open_ack),
        (
            channel_tx.MsgChannelOpenConfirm,
            server.channel_open_confirm,
            check.channel_open_confirm,
        ),
        (channel_tx.MsgChannelCloseInit, server.channel_close_init, check.channel_close_init),
        (
            channel_tx.MsgChannelCloseConfirm,
            server.channel_close_confirm,
            check.channel_close_confirm,
        ),
        (channel_tx.MsgRecvPacket, server.recv_packet, check.recv_packet),
        (channel_tx.MsgAcknowledgement, server.acknowledgement, check.acknowledgement),
        (channel_tx.MsgTimeout, server.timeout, check.timeout),
        (channel_tx.MsgTimeoutOnClose, server.timeout_on_close, check.timeout_on_close),
    ]


def _v2(server: MsgServerV2) -> list[Entry]:
    check = server.validator
    return [
        (
            client_v2_tx.MsgRegisterCounterparty,
            server.register_counterparty,
            check.register_counterparty,
        ),
        (
            client_v2_tx.MsgUpdateClientConfig,
            server.update_client_config,
            check.update_client_config,
        ),
        (channel_v2_tx.MsgSendPacket, server.send_packet, check.send_packet),
        (channel_v2_tx.MsgRecvPacket, server.recv_packet, check.recv_packet),
        (channel_v2_tx.MsgAcknowledgement, server.acknowledgement, check.acknowledgement),
        (channel_v2_tx.MsgTimeout, server.timeout, check.timeout),
    ]
