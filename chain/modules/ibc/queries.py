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
from chain.router import QueryRouter

CLIENT_SERVICE: Final = "/ibc.core.client.v1.Query/"
CONNECTION_SERVICE: Final = "/ibc.core.connection.v1.Query/"
CHANNEL_SERVICE: Final = "/ibc.core.channel.v1.Query/"


def register(
    queries: QueryRouter,
    clients: Clients,
    connections: Connections,
    channels: Channels,
    prefix: str,
) -> None:
    """Enter every method of the three services."""
    for service, methods in (
        (CLIENT_SERVICE, ClientQueries(clients, prefix).methods()),
        (CONNECTION_SERVICE, ConnectionQueries(clients, connections).methods()),
        (CHANNEL_SERVICE, ChannelQueries(clients, connections, channels).methods()),
    ):
        for name, request, handler in methods:
            queries.register(service + name, request, handler)
