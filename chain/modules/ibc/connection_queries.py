"""Queries of 03-connection (``grpc_query.go``)."""

from __future__ import annotations

from chain.context import Context
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.errors import (
    CONNECTION_NOT_FOUND,
    CONNECTION_PATHS_NOT_FOUND,
)
from chain.modules.ibc.query_parts import Method, check_id, consensus, identified_client, own_height
from chain.modules.ibc.store import STORE
from chain.modules.pagination import paginate
from chain.modules.status import not_found
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from cosmos_pb.ibc.core.connection.v1 import query_pb2 as connection_query
from light_client import host
from light_client.values import Height


class ConnectionQueries:
    """``ibc.core.connection.v1.Query``."""

    def __init__(self, clients: Clients, connections: Connections) -> None:
        self._clients = clients
        self._connections = connections

    def methods(self) -> list[Method]:
        return [
            ("Connection", connection_query.QueryConnectionRequest, self.connection),
            ("Connections", connection_query.QueryConnectionsRequest, self.connections),
            (
                "ClientConnections",
                connection_query.QueryClientConnectionsRequest,
                self.client_connections,
            ),
            (
                "ConnectionClientState",
                connection_query.QueryConnectionClientStateRequest,
                self.client_state,
            ),
            (
                "ConnectionConsensusState",
                connection_query.QueryConnectionConsensusStateRequest,
                self.consensus_state,
            ),
            ("ConnectionParams", connection_query.QueryConnectionParamsRequest, self.params),
        ]

    def connection(
        self, ctx: Context, request: connection_query.QueryConnectionRequest
    ) -> connection_query.QueryConnectionResponse:
        check_id(host.validate_connection_id, request.connection_id)
        end = self._connections.get(ctx, request.connection_id)
        if end is None:
            raise not_found(str(CONNECTION_NOT_FOUND(request.connection_id)))
        return connection_query.QueryConnectionResponse(
            connection=end, proof_height=own_height(ctx)
        )

    def connections(
        self, ctx: Context, request: connection_query.QueryConnectionsRequest
    ) -> connection_query.QueryConnectionsResponse:
        found, page = paginate(
            ctx.kv(STORE), b"connections", request.pagination, _identified_connection
        )
        return connection_query.QueryConnectionsResponse(
            connections=found, pagination=page, height=own_height(ctx)
        )

    def client_connections(
        self, ctx: Context, request: connection_query.QueryClientConnectionsRequest
    ) -> connection_query.QueryClientConnectionsResponse:
        check_id(host.validate_client_id, request.client_id)
        paths = self._connections.of_client(ctx, request.client_id)
        if paths is None:
            raise not_found(str(CONNECTION_PATHS_NOT_FOUND(request.client_id)))
        return connection_query.QueryClientConnectionsResponse(
            connection_paths=paths, proof_height=own_height(ctx)
        )

    def client_state(
        self, ctx: Context, request: connection_query.QueryConnectionClientStateRequest
    ) -> connection_query.QueryConnectionClientStateResponse:
        client_id = self._client_of(ctx, request.connection_id)
        return connection_query.QueryConnectionClientStateResponse(
            identified_client_state=identified_client(ctx, self._clients, client_id),
            proof_height=own_height(ctx),
        )

    def consensus_state(
        self, ctx: Context, request: connection_query.QueryConnectionConsensusStateRequest
    ) -> connection_query.QueryConnectionConsensusStateResponse:
        client_id = self._client_of(ctx, request.connection_id)
        height = Height(request.revision_number, request.revision_height)
        return connection_query.QueryConnectionConsensusStateResponse(
            consensus_state=consensus(ctx, self._clients, client_id, height),
            client_id=client_id,
            proof_height=own_height(ctx),
        )

    def params(
        self, ctx: Context, _: connection_query.QueryConnectionParamsRequest
    ) -> connection_query.QueryConnectionParamsResponse:
        return connection_query.QueryConnectionParamsResponse(params=self._connections.params(ctx))

    def _client_of(self, ctx: Context, connection_id: str) -> str:
        check_id(host.validate_connection_id, connection_id)
        end = self._connections.get(ctx, connection_id)
        if end is None:
            raise not_found(str(CONNECTION_NOT_FOUND(f"connection-id: {connection_id}")))
        return end.client_id


def _identified_connection(key: bytes, raw: bytes) -> connection_pb2.IdentifiedConnection:
    end = connection_pb2.ConnectionEnd.FromString(raw)
    return connection_pb2.IdentifiedConnection(
        id=key.decode().removeprefix("/"),
        client_id=end.client_id,
        versions=end.versions,
        state=end.state,
        counterparty=end.counterparty,
        delay_period=end.delay_period,
    )
