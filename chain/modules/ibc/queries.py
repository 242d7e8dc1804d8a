"""The gRPC queries of IBC core (``grpc_query.go`` of 02-client, 03-connection and 04-channel).

Proofs are never filled in: who wants one asks the store for it, as relayers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc import channels as channel_keeper
from chain.modules.ibc.channels import Channels
from chain.modules.ibc.clients import ACTIVE, Clients, Delay
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.errors import (
    CHANNEL_NOT_FOUND,
    CLIENT_NOT_ACTIVE,
    CLIENT_NOT_FOUND,
    CONNECTION_NOT_FOUND,
    CONNECTION_PATHS_NOT_FOUND,
    CONSENSUS_STATE_NOT_FOUND,
    INVALID_CHANNEL_ORDERING,
    SEQUENCE_RECEIVE_NOT_FOUND,
    SEQUENCE_SEND_NOT_FOUND,
)
from chain.modules.ibc.store import STORE, enum_name, read_number, self_height
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from chain.router import QueryRouter
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import query_pb2 as channel_query
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.ibc.core.client.v1 import query_pb2 as client_query
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from cosmos_pb.ibc.core.connection.v1 import query_pb2 as connection_query
from light_client import bech32, host
from light_client.codec import height_from_pb, height_to_pb
from light_client.errors import DecodeError, IdentifierError
from light_client.values import Height

CLIENT_SERVICE: Final = "/ibc.core.client.v1.Query/"
CONNECTION_SERVICE: Final = "/ibc.core.connection.v1.Query/"
CHANNEL_SERVICE: Final = "/ibc.core.channel.v1.Query/"
_PROOF_READ_COST = 3 * 3
"""Gas per byte of a proof that VerifyMembership is asked about: three reads."""

Method = tuple[str, type[Any], Callable[[Context, Any], Any]]


class ClientQueries:
    """``ibc.core.client.v1.Query``."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def methods(self) -> list[Method]:
        return [
            ("ClientState", client_query.QueryClientStateRequest, self.client_state),
            ("ClientStates", client_query.QueryClientStatesRequest, self.client_states),
            ("ConsensusState", client_query.QueryConsensusStateRequest, self.consensus_state),
            ("ConsensusStates", client_query.QueryConsensusStatesRequest, self.consensus_states),
            (
                "ConsensusStateHeights",
                client_query.QueryConsensusStateHeightsRequest,
                self.consensus_state_heights,
            ),
            ("ClientStatus", client_query.QueryClientStatusRequest, self.client_status),
            ("ClientParams", client_query.QueryClientParamsRequest, self.client_params),
            ("ClientCreator", client_query.QueryClientCreatorRequest, self.client_creator),
            (
                "UpgradedClientState",
                client_query.QueryUpgradedClientStateRequest,
                self.upgraded_client_state,
            ),
            (
                "UpgradedConsensusState",
                client_query.QueryUpgradedConsensusStateRequest,
                self.upgraded_consensus_state,
            ),
            ("VerifyMembership", client_query.QueryVerifyMembershipRequest, self.verify_membership),
        ]

    def client_state(
        self, ctx: Context, request: client_query.QueryClientStateRequest
    ) -> client_query.QueryClientStateResponse:
        _check_id(host.validate_client_id, request.client_id)
        state = self._clients.state(ctx, request.client_id)
        if state is None:
            raise not_found(str(CLIENT_NOT_FOUND(request.client_id)))
        return client_query.QueryClientStateResponse(client_state=state, proof_height=_height(ctx))

    def client_states(
        self, ctx: Context, request: client_query.QueryClientStatesRequest
    ) -> client_query.QueryClientStatesResponse:
        found, page = paginate(ctx.kv(STORE), b"clients/", request.pagination, _identified_client)
        return client_query.QueryClientStatesResponse(
            client_states=sorted(found, key=lambda one: one.client_id), pagination=page
        )

    def consensus_state(
        self, ctx: Context, request: client_query.QueryConsensusStateRequest
    ) -> client_query.QueryConsensusStateResponse:
        client_id = request.client_id
        _check_id(host.validate_client_id, client_id)
        height = Height(request.revision_number, request.revision_height)
        if not request.latest_height and not request.revision_height:
            raise invalid_argument("consensus state height cannot be 0")
        at = self._clients.latest_height(ctx, client_id) if request.latest_height else height
        state = self._clients.consensus_state(ctx, client_id, at)
        if state is None:
            text = f"client-id: {client_id}, height: {height}"
            raise not_found(str(CONSENSUS_STATE_NOT_FOUND(text)))
        return client_query.QueryConsensusStateResponse(
            consensus_state=state, proof_height=_height(ctx)
        )

    def consensus_states(
        self, ctx: Context, request: client_query.QueryConsensusStatesRequest
    ) -> client_query.QueryConsensusStatesResponse:
        _check_id(host.validate_client_id, request.client_id)
        found, page = paginate(
            ctx.kv(STORE), _consensus_prefix(request.client_id), request.pagination, _with_height
        )
        return client_query.QueryConsensusStatesResponse(consensus_states=found, pagination=page)

    def consensus_state_heights(
        self, ctx: Context, request: client_query.QueryConsensusStateHeightsRequest
    ) -> client_query.QueryConsensusStateHeightsResponse:
        _check_id(host.validate_client_id, request.client_id)
        found, page = paginate(
            ctx.kv(STORE), _consensus_prefix(request.client_id), request.pagination, _height_of_key
        )
        return client_query.QueryConsensusStateHeightsResponse(
            consensus_state_heights=found, pagination=page
        )

    def client_status(
        self, ctx: Context, request: client_query.QueryClientStatusRequest
    ) -> client_query.QueryClientStatusResponse:
        _check_id(host.validate_client_id, request.client_id)
        status = self._clients.status(ctx, request.client_id)
        return client_query.QueryClientStatusResponse(status=status)

    def client_params(
        self, ctx: Context, _: client_query.QueryClientParamsRequest
    ) -> client_query.QueryClientParamsResponse:
        return client_query.QueryClientParamsResponse(params=self._clients.params(ctx))

    def client_creator(
        self, ctx: Context, request: client_query.QueryClientCreatorRequest
    ) -> client_query.QueryClientCreatorResponse:
        _check_id(host.validate_client_id, request.client_id)
        creator = self._clients.creator(ctx, request.client_id)
        text = bech32.encode(self._prefix, creator) if creator else ""
        return client_query.QueryClientCreatorResponse(creator=text)

    def upgraded_client_state(
        self, _: Context, __: client_query.QueryUpgradedClientStateRequest
    ) -> client_query.QueryUpgradedClientStateResponse:
        """There is no x/upgrade here, so there never is a plan."""
        raise not_found("upgrade plan not found")

    def upgraded_consensus_state(
        self, ctx: Context, _: client_query.QueryUpgradedConsensusStateRequest
    ) -> client_query.QueryUpgradedConsensusStateResponse:
        raise not_found(f"upgraded consensus state not found, height {ctx.height}")

    def verify_membership(
        self, ctx: Context, request: client_query.QueryVerifyMembershipRequest
    ) -> client_query.QueryVerifyMembershipResponse:
        self._check_verifiable(request)
        client_id, height = request.client_id, height_from_pb(request.proof_height)
        try:
            self._clients.of_client(ctx, client_id)
        except AbciError as error:
            raise not_found(str(error)) from error
        status = self._clients.status(ctx, client_id)
        if status != ACTIVE:
            raise CLIENT_NOT_ACTIVE(
                f"cannot verify membership using client ({client_id}) with status {status}"
            )
        ctx.gas.consume(_PROOF_READ_COST * len(request.proof), "verify membership query")
        delay = Delay(request.time_delay, request.block_delay)
        path = tuple(request.merkle_path.key_path)
        try:
            self._clients.verify_membership(
                ctx, client_id, height, request.proof, path, request.value, delay
            )
        except AbciError:
            return client_query.QueryVerifyMembershipResponse(success=False)
        return client_query.QueryVerifyMembershipResponse(success=True)

    def _check_verifiable(self, request: client_query.QueryVerifyMembershipRequest) -> None:
        _check_id(host.validate_client_id, request.client_id)
        _check_id(host.parse_client_id, request.client_id)
        for missing, text in (
            (not request.proof, "empty proof"),
            (height_from_pb(request.proof_height).is_zero, "proof height must be non-zero"),
            (not request.merkle_path.key_path, "empty merkle path"),
            (not request.value, "empty value"),
        ):
            if missing:
                raise invalid_argument(text)


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
        _check_id(host.validate_connection_id, request.connection_id)
        end = self._connections.get(ctx, request.connection_id)
        if end is None:
            raise not_found(str(CONNECTION_NOT_FOUND(request.connection_id)))
        return connection_query.QueryConnectionResponse(connection=end, proof_height=_height(ctx))

    def connections(
        self, ctx: Context, request: connection_query.QueryConnectionsRequest
    ) -> connection_query.QueryConnectionsResponse:
        found, page = paginate(
            ctx.kv(STORE), b"connections/", request.pagination, _identified_connection
        )
        return connection_query.QueryConnectionsResponse(
            connections=found, pagination=page, height=_height(ctx)
        )

    def client_connections(
        self, ctx: Context, request: connection_query.QueryClientConnectionsRequest
    ) -> connection_query.QueryClientConnectionsResponse:
        _check_id(host.validate_client_id, request.client_id)
        paths = self._connections.of_client(ctx, request.client_id)
        if paths is None:
            raise not_found(str(CONNECTION_PATHS_NOT_FOUND(request.client_id)))
        return connection_query.QueryClientConnectionsResponse(
            connection_paths=paths, proof_height=_height(ctx)
        )

    def client_state(
        self, ctx: Context, request: connection_query.QueryConnectionClientStateRequest
    ) -> connection_query.QueryConnectionClientStateResponse:
        client_id = self._client_of(ctx, request.connection_id)
        return connection_query.QueryConnectionClientStateResponse(
            identified_client_state=_client(ctx, self._clients, client_id),
            proof_height=_height(ctx),
        )

    def consensus_state(
        self, ctx: Context, request: connection_query.QueryConnectionConsensusStateRequest
    ) -> connection_query.QueryConnectionConsensusStateResponse:
        client_id = self._client_of(ctx, request.connection_id)
        height = Height(request.revision_number, request.revision_height)
        return connection_query.QueryConnectionConsensusStateResponse(
            consensus_state=_consensus(ctx, self._clients, client_id, height),
            client_id=client_id,
            proof_height=_height(ctx),
        )

    def params(
        self, ctx: Context, _: connection_query.QueryConnectionParamsRequest
    ) -> connection_query.QueryConnectionParamsResponse:
        return connection_query.QueryConnectionParamsResponse(params=self._connections.params(ctx))

    def _client_of(self, ctx: Context, connection_id: str) -> str:
        _check_id(host.validate_connection_id, connection_id)
        end = self._connections.get(ctx, connection_id)
        if end is None:
            raise not_found(str(CONNECTION_NOT_FOUND(f"connection-id: {connection_id}")))
        return end.client_id


class ChannelQueries:
    """``ibc.core.channel.v1.Query``."""

    def __init__(self, clients: Clients, connections: Connections, channels: Channels) -> None:
        self._clients = clients
        self._connections = connections
        self._channels = channels

    def methods(self) -> list[Method]:
        q = channel_query
        return [
            ("Channel", q.QueryChannelRequest, self.channel),
            ("Channels", q.QueryChannelsRequest, self.channels),
            ("ConnectionChannels", q.QueryConnectionChannelsRequest, self.connection_channels),
            ("ChannelClientState", q.QueryChannelClientStateRequest, self.client_state),
            ("ChannelConsensusState", q.QueryChannelConsensusStateRequest, self.consensus_state),
            ("PacketCommitment", q.QueryPacketCommitmentRequest, self.commitment),
            ("PacketCommitments", q.QueryPacketCommitmentsRequest, self.commitments),
            ("PacketReceipt", q.QueryPacketReceiptRequest, self.receipt),
            ("PacketAcknowledgement", q.QueryPacketAcknowledgementRequest, self.acknowledgement),
            ("PacketAcknowledgements", q.QueryPacketAcknowledgementsRequest, self.acknowledgements),
            ("UnreceivedPackets", q.QueryUnreceivedPacketsRequest, self.unreceived_packets),
            ("UnreceivedAcks", q.QueryUnreceivedAcksRequest, self.unreceived_acks),
            ("NextSequenceReceive", q.QueryNextSequenceReceiveRequest, self.next_receive),
            ("NextSequenceSend", q.QueryNextSequenceSendRequest, self.next_send),
        ]

    def channel(
        self, ctx: Context, request: channel_query.QueryChannelRequest
    ) -> channel_query.QueryChannelResponse:
        channel = self._require(ctx, request.port_id, request.channel_id)
        return channel_query.QueryChannelResponse(channel=channel, proof_height=_height(ctx))

    def channels(
        self, ctx: Context, request: channel_query.QueryChannelsRequest
    ) -> channel_query.QueryChannelsResponse:
        found, page = paginate(
            ctx.kv(STORE), b"channelEnds/", request.pagination, _identified_channel
        )
        return channel_query.QueryChannelsResponse(
            channels=found, pagination=page, height=_height(ctx)
        )

    def connection_channels(
        self, ctx: Context, request: channel_query.QueryConnectionChannelsRequest
    ) -> channel_query.QueryConnectionChannelsResponse:
        _check_id(host.validate_connection_id, request.connection)

        def through(key: bytes, raw: bytes) -> channel_pb2.IdentifiedChannel | None:
            channel = _identified_channel(key, raw)
            return channel if channel.connection_hops[0] == request.connection else None

        found, page = paginate(ctx.kv(STORE), b"channelEnds/", request.pagination, through)
        return channel_query.QueryConnectionChannelsResponse(
            channels=found, pagination=page, height=_height(ctx)
        )

    def client_state(
        self, ctx: Context, request: channel_query.QueryChannelClientStateRequest
    ) -> channel_query.QueryChannelClientStateResponse:
        client_id = self._client_of(ctx, request.port_id, request.channel_id)
        return channel_query.QueryChannelClientStateResponse(
            identified_client_state=_client(ctx, self._clients, client_id),
            proof_height=_height(ctx),
        )

    def consensus_state(
        self, ctx: Context, request: channel_query.QueryChannelConsensusStateRequest
    ) -> channel_query.QueryChannelConsensusStateResponse:
        client_id = self._client_of(ctx, request.port_id, request.channel_id)
        height = Height(request.revision_number, request.revision_height)
        return channel_query.QueryChannelConsensusStateResponse(
            consensus_state=_consensus(ctx, self._clients, client_id, height),
            client_id=client_id,
            proof_height=_height(ctx),
        )

    def commitment(
        self, ctx: Context, request: channel_query.QueryPacketCommitmentRequest
    ) -> channel_query.QueryPacketCommitmentResponse:
        found = self._stored(ctx, request, host.packet_commitment_path)
        if not found:
            raise not_found("packet commitment hash not found")
        return channel_query.QueryPacketCommitmentResponse(
            commitment=found, proof_height=_height(ctx)
        )

    def commitments(
        self, ctx: Context, request: channel_query.QueryPacketCommitmentsRequest
    ) -> channel_query.QueryPacketCommitmentsResponse:
        found, page = self._states(ctx, request, "commitments", request.pagination)
        return channel_query.QueryPacketCommitmentsResponse(
            commitments=found, pagination=page, height=_height(ctx)
        )

    def receipt(
        self, ctx: Context, request: channel_query.QueryPacketReceiptRequest
    ) -> channel_query.QueryPacketReceiptResponse:
        found = self._stored(ctx, request, host.packet_receipt_path)
        return channel_query.QueryPacketReceiptResponse(
            received=bool(found), proof_height=_height(ctx)
        )

    def acknowledgement(
        self, ctx: Context, request: channel_query.QueryPacketAcknowledgementRequest
    ) -> channel_query.QueryPacketAcknowledgementResponse:
        found = self._stored(ctx, request, host.packet_ack_path)
        if not found:
            raise not_found("packet acknowledgement hash not found")
        return channel_query.QueryPacketAcknowledgementResponse(
            acknowledgement=found, proof_height=_height(ctx)
        )

    def acknowledgements(
        self, ctx: Context, request: channel_query.QueryPacketAcknowledgementsRequest
    ) -> channel_query.QueryPacketAcknowledgementsResponse:
        wanted = request.packet_commitment_sequences
        if not wanted:
            found, page = self._states(ctx, request, "acks", request.pagination)
            return channel_query.QueryPacketAcknowledgementsResponse(
                acknowledgements=found, pagination=page, height=_height(ctx)
            )
        self._require(ctx, request.port_id, request.channel_id)
        some = self._acknowledged(ctx, request.port_id, request.channel_id, wanted)
        return channel_query.QueryPacketAcknowledgementsResponse(
            acknowledgements=some, height=_height(ctx)
        )

    def unreceived_packets(
        self, ctx: Context, request: channel_query.QueryUnreceivedPacketsRequest
    ) -> channel_query.QueryUnreceivedPacketsResponse:
        port, channel_id = request.port_id, request.channel_id
        channel = self._require(ctx, port, channel_id)
        wanted = _nonzero(request.packet_commitment_sequences)
        if channel.ordering == channel_pb2.ORDER_UNORDERED:
            kv = ctx.kv(STORE)
            missing = [
                sequence
                for sequence in wanted
                if not kv.has(host.packet_receipt_path(port, channel_id, sequence).encode())
            ]
        elif channel.ordering == channel_pb2.ORDER_ORDERED:
            expected = self._next_receive(
                ctx,
                port,
                channel_id,
                f"destination port: {port}, destination channel: {channel_id}",
            )
            missing = [sequence for sequence in wanted if sequence >= expected]
        else:
            name = enum_name(channel_pb2.Order, channel.ordering)
            text = f"channel order {name} is not supported"
            raise invalid_argument(str(INVALID_CHANNEL_ORDERING(text)))
        return channel_query.QueryUnreceivedPacketsResponse(sequences=missing, height=_height(ctx))

    def unreceived_acks(
        self, ctx: Context, request: channel_query.QueryUnreceivedAcksRequest
    ) -> channel_query.QueryUnreceivedAcksResponse:
        port, channel_id = request.port_id, request.channel_id
        self._require(ctx, port, channel_id)
        kv = ctx.kv(STORE)
        pending = [
            sequence
            for sequence in _nonzero(request.packet_ack_sequences)
            if kv.has(host.packet_commitment_path(port, channel_id, sequence).encode())
        ]
        return channel_query.QueryUnreceivedAcksResponse(sequences=pending, height=_height(ctx))

    def next_receive(
        self, ctx: Context, request: channel_query.QueryNextSequenceReceiveRequest
    ) -> channel_query.QueryNextSequenceReceiveResponse:
        port, channel_id = request.port_id, request.channel_id
        channel = self._require(ctx, port, channel_id)
        sequence = 0
        if channel.ordering != channel_pb2.ORDER_UNORDERED:
            text = f"port-id: {port}, channel-id {channel_id}"
            sequence = self._next_receive(ctx, port, channel_id, text)
        return channel_query.QueryNextSequenceReceiveResponse(
            next_sequence_receive=sequence, proof_height=_height(ctx)
        )

    def next_send(
        self, ctx: Context, request: channel_query.QueryNextSequenceSendRequest
    ) -> channel_query.QueryNextSequenceSendResponse:
        port, channel_id = request.port_id, request.channel_id
        _check_end(port, channel_id)
        sequence = read_number(ctx, host.next_sequence_send_path(port, channel_id))
        if sequence is None:
            text = f"port-id: {port}, channel-id {channel_id}"
            raise not_found(str(SEQUENCE_SEND_NOT_FOUND(text)))
        return channel_query.QueryNextSequenceSendResponse(
            next_sequence_send=sequence, proof_height=_height(ctx)
        )

    # Parts.

    def _require(self, ctx: Context, port: str, channel_id: str) -> channel_pb2.Channel:
        _check_end(port, channel_id)
        channel = self._channels.get(ctx, port, channel_id)
        if channel is None:
            raise not_found(str(CHANNEL_NOT_FOUND(f"port-id: {port}, channel-id {channel_id}")))
        return channel

    def _client_of(self, ctx: Context, port: str, channel_id: str) -> str:
        channel = self._require(ctx, port, channel_id)
        hop = channel.connection_hops[0]
        end = self._connections.get(ctx, hop)
        if end is None:
            raise not_found(str(CONNECTION_NOT_FOUND(f"connection-id: {hop}")))
        return end.client_id

    def _next_receive(self, ctx: Context, port: str, channel_id: str, text: str) -> int:
        sequence = read_number(ctx, host.next_sequence_recv_path(port, channel_id))
        if sequence is None:
            raise not_found(str(SEQUENCE_RECEIVE_NOT_FOUND(text)))
        return sequence

    def _stored(
        self, ctx: Context, request: Any, path: Callable[[str, str, int], str]
    ) -> bytes | None:
        """What is stored for one packet of an existing channel."""
        _check_end(request.port_id, request.channel_id)
        if not request.sequence:
            raise invalid_argument("packet sequence cannot be 0")
        self._require(ctx, request.port_id, request.channel_id)
        key = path(request.port_id, request.channel_id, request.sequence)
        return ctx.kv(STORE).get(key.encode())

    def _states(
        self, ctx: Context, request: Any, kind: str, page: pagination_pb2.PageRequest
    ) -> tuple[list[channel_pb2.PacketState], pagination_pb2.PageResponse]:
        """A page of the commitments or acknowledgements of a channel, in the order of their keys (which are text)."""
        port, channel_id = request.port_id, request.channel_id
        self._require(ctx, port, channel_id)

        def state(key: bytes, value: bytes) -> channel_pb2.PacketState:
            sequence = int(key.rpartition(b"/")[2])
            return _packet_state(port, channel_id, sequence, value)

        prefix = f"{kind}/ports/{port}/channels/{channel_id}/sequences/".encode()
        return paginate(ctx.kv(STORE), prefix, page, state)

    def _acknowledged(
        self, ctx: Context, port: str, channel_id: str, wanted: Iterable[int]
    ) -> list[channel_pb2.PacketState]:
        kv = ctx.kv(STORE)
        stored = (
            (sequence, kv.get(host.packet_ack_path(port, channel_id, sequence).encode()))
            for sequence in wanted
        )
        return [
            _packet_state(port, channel_id, sequence, value) for sequence, value in stored if value
        ]


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


def _height(ctx: Context) -> client_pb2.Height:
    return height_to_pb(self_height(ctx))


def _check_id(check: Callable[[str], object], text: str) -> None:
    try:
        check(text)
    except IdentifierError as error:
        raise invalid_argument(str(error)) from error


def _check_end(port: str, channel_id: str) -> None:
    _check_id(host.validate_port_id, port)
    _check_id(host.validate_channel_id, channel_id)


def _nonzero(sequences: Iterable[int]) -> list[int]:
    wanted = list(sequences)
    if 0 in wanted:
        raise invalid_argument(f"packet sequence {wanted.index(0)} cannot be 0")
    return wanted


def _client(ctx: Context, clients: Clients, client_id: str) -> client_pb2.IdentifiedClientState:
    state = clients.state(ctx, client_id)
    if state is None:
        raise not_found(str(CLIENT_NOT_FOUND(f"client-id: {client_id}")))
    return client_pb2.IdentifiedClientState(client_id=client_id, client_state=state)


def _consensus(ctx: Context, clients: Clients, client_id: str, height: Height) -> any_pb2.Any:
    state = clients.consensus_state(ctx, client_id, height)
    if state is None:
        raise not_found(str(CONSENSUS_STATE_NOT_FOUND(f"client-id: {client_id}")))
    return state


def _consensus_prefix(client_id: str) -> bytes:
    return f"clients/{client_id}/consensusStates/".encode()


def _identified_client(key: bytes, raw: bytes) -> client_pb2.IdentifiedClientState | None:
    client_id, _, rest = key.partition(b"/")
    if rest != b"clientState":
        return None
    return client_pb2.IdentifiedClientState(
        client_id=client_id.decode(), client_state=any_pb2.Any.FromString(raw)
    )


def _height_of_key(key: bytes, _: bytes) -> client_pb2.Height | None:
    try:
        return None if b"/" in key else height_to_pb(host.parse_height(key.decode()))
    except DecodeError:
        return None


def _with_height(key: bytes, raw: bytes) -> client_pb2.ConsensusStateWithHeight | None:
    height = _height_of_key(key, raw)
    if height is None:
        return None
    return client_pb2.ConsensusStateWithHeight(
        height=height, consensus_state=any_pb2.Any.FromString(raw)
    )


def _identified_connection(key: bytes, raw: bytes) -> connection_pb2.IdentifiedConnection:
    end = connection_pb2.ConnectionEnd.FromString(raw)
    return connection_pb2.IdentifiedConnection(
        id=key.decode(),
        client_id=end.client_id,
        versions=end.versions,
        state=end.state,
        counterparty=end.counterparty,
        delay_period=end.delay_period,
    )


def _identified_channel(key: bytes, raw: bytes) -> channel_pb2.IdentifiedChannel:
    return channel_keeper.identified(b"channelEnds/" + key, raw)


def _packet_state(
    port: str, channel_id: str, sequence: int, data: bytes
) -> channel_pb2.PacketState:
    return channel_pb2.PacketState(
        port_id=port, channel_id=channel_id, sequence=sequence, data=data
    )
