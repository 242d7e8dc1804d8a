"""The redundant-relay check of the mempool (``ibc-go:modules/core/ante/ante.go``).

When relayers race, the loser's packets are no-ops that would still cost it fees. A transaction made of nothing but
packet messages and client updates is therefore refused when every packet message in it is redundant. The messages
are executed to find out, so packets that follow an update in the same transaction see it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from chain.context import Context, Mode
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.errors import REDUNDANT_TX, bare
from chain.modules.ibc.server import NOOP, MsgServer
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx


def check_redundant(
    ctx: Context, server: MsgServer, clients: Clients, messages: Iterable[Message]
) -> None:
    """channel/22 when every packet message is redundant; refusals of the messages themselves go through."""
    if ctx.mode not in {Mode.CHECK, Mode.RECHECK}:
        return
    first = ctx.mode is Mode.CHECK
    results: list[int] = []
    for message in messages:
        if isinstance(message, client_tx.MsgUpdateClient):
            clients.rehearse_update(ctx, message.client_id, message.client_message, verify=first)
            continue
        response = _execute(ctx, server, message, first=first)
        if response is None:
            return
        results.append(response.result)
    if results and all(result == NOOP for result in results):
        raise bare(REDUNDANT_TX)


def _execute(ctx: Context, server: MsgServer, message: Message, *, first: bool) -> Any:
    """The response to a packet message; None for any other message."""
    if isinstance(message, channel_tx.MsgRecvPacket):
        return server.rehearse_recv_packet(ctx, message, verify=first)
    if isinstance(message, channel_tx.MsgAcknowledgement):
        return server.acknowledgement(ctx, message)
    if isinstance(message, channel_tx.MsgTimeout):
        return server.timeout(ctx, message)
    if isinstance(message, channel_tx.MsgTimeoutOnClose):
        return server.timeout_on_close(ctx, message)
    return None
