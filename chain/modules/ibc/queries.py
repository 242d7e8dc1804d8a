"""The gRPC queries of IBC core.

Proofs are never filled in: who wants one asks the store for it, as relayers do.
"""

from __future__ import annotations

from typing import Final

from chain.modules.ibc.channel_queries import ChannelQueries
from chain.modules.ibc.channels import Channels
from chain.modules.ibc.client_queries import ClientQueries
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.connection_queries import ConnectionQueries
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.v2.counterparties import Counterparties
from chain.modules.ibc.v2.packets import PacketsV2
from chain.modules.ibc.v2.queries import ChannelQueriesV2, ClientQueriesV2
from chain.router import QueryRouter

CLIENT_SERVICE: Final = "/ibc.core.client.v1.Query/"
CONNECTION_SERVICE: Final = "/ibc.core.connection.v1.Query/"
CHANNEL_SERVICE: Final = "/ibc.core.channel.v1.Query/"
CLIENT_V2_SERVICE: Final = "/ibc.core.client.v2.Query/"
CHANNEL_V2_SERVICE: Final = "/ibc.core.channel.v2.Query/"


def register(
    queries: QueryRouter,
    clients: Clients,
    connections: Connections,
    channels: Channels,
    counterparties: Counterparties,
    packets_v2: PacketsV2,
    prefix: str,
) -> None:
    """Enter every method of the five services."""
    for service, methods in (
        (CLIENT_SERVICE, ClientQueries(clients, prefix).methods()),
        (CONNECTION_SERVICE, ConnectionQueries(clients, connections).methods()),
        (CHANNEL_SERVICE, ChannelQueries(clients, connections, channels).methods()),
        (CLIENT_V2_SERVICE, ClientQueriesV2(counterparties).methods()),
        (CHANNEL_V2_SERVICE, ChannelQueriesV2(packets_v2).methods()),
    ):
        for name, request, handler in methods:
            queries.register(service + name, request, handler)
