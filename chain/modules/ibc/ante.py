"""The redundant-relay check of the mempool (``ibc-go:modules/core/ante/ante.go``).

When relayers race, the loser's packets are no-ops that would still cost it fees. A transaction made of nothing but
packet messages and client updates is therefore refused when every packet message in it is redundant. The messages
are executed to find out, so packets that follow an update in the same transaction see it. Packets of IBC v2 reach even
their applications here, as they do in ibc-go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from google.protobuf.message import Message

from chain.context import Context, Mode
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.errors import REDUNDANT_TX, bare
from chain.modules.ibc.server import NOOP, MsgServer
from chain.modules.ibc.v2.server import MsgServerV2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as channel_v2_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx


def check_redundant(
    ctx: Context,
    server: MsgServer,
    server_v2: MsgServerV2,
    clients: Clients,
    messages: Iterable[Message],
) -> None:
    """channel/22 when every packet message is redundant; refusals of the messages themselves go through."""
    if ctx.mode not in {Mode.CHECK, Mode.RECHECK}:
        return
    first = ctx.mode is Mode.CHECK
    handlers: dict[type[Message], Callable[[Context, Any], Any]] = {
        channel_tx.MsgRecvPacket: partial(server.rehearse_recv_packet, verify=first),
        channel_tx.MsgAcknowledgement: server.acknowledgement,
        channel_tx.MsgTimeout: server.timeout,
        channel_tx.MsgTimeoutOnClose: server.timeout_on_close,
        channel_v2_tx.MsgRecvPacket: server_v2.recv_packet,
        channel_v2_tx.MsgAcknowledgement: server_v2.acknowledgement,
        channel_v2_tx.MsgTimeout: server_v2.timeout,
    }
    results: list[int] = []
    for message in messages:
        if isinstance(message, client_tx.MsgUpdateClient):
            clients.rehearse_update(ctx, message.client_id, message.client_message, verify=first)
            continue
        handler = handlers.get(type(message))
        if handler is None:
            return
        results.append(handler(ctx, message).result)
    if results and all(result == NOOP for result in results):
        raise bare(REDUNDANT_TX)
