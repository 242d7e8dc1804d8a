"""Queries of 04-channel (``grpc_query.go``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from chain.context import Context
from chain.modules.ibc import channels as channel_keeper
from chain.modules.ibc.channels import Channels
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.errors import (
    CHANNEL_NOT_FOUND,
    CONNECTION_NOT_FOUND,
    INVALID_CHANNEL_ORDERING,
    SEQUENCE_RECEIVE_NOT_FOUND,
    SEQUENCE_SEND_NOT_FOUND,
)
from chain.modules.ibc.query_parts import Method, check_id, consensus, identified_client, own_height
from chain.modules.ibc.store import STORE, enum_name, read_number
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import query_pb2 as channel_query
from light_client import host
from light_client.values import Height

# How the queries name a channel that is not there (ibc-go 04-channel/keeper/grpc_query.go and keeper.go).
_OF_CHANNEL: Final = "port-id: {}, channel-id {}"
_OF_PACKET: Final = "port ID ({}) channel ID ({})"
_OF_CLIENT: Final = "port-id: {}, channel-id: {}"


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
        return channel_query.QueryChannelResponse(channel=channel, proof_height=own_height(ctx))

    def channels(
        self, ctx: Context, request: channel_query.QueryChannelsRequest
    ) -> channel_query.QueryChannelsResponse:
        found, page = paginate(
            ctx.kv(STORE), b"channelEnds", request.pagination, _identified_channel
        )
        return channel_query.QueryChannelsResponse(
            channels=found, pagination=page, height=own_height(ctx)
        )

    def connection_channels(
        self, ctx: Context, request: channel_query.QueryConnectionChannelsRequest
    ) -> channel_query.QueryConnectionChannelsResponse:
        check_id(host.validate_connection_id, request.connection)

        def through(key: bytes, raw: bytes) -> channel_pb2.IdentifiedChannel | None:
            channel = _identified_channel(key, raw)
            return channel if channel.connection_hops[0] == request.connection else None

        found, page = paginate(ctx.kv(STORE), b"channelEnds", request.pagination, through)
        return channel_query.QueryConnectionChannelsResponse(
            channels=found, pagination=page, height=own_height(ctx)
        )

    def client_state(
        self, ctx: Context, request: channel_query.QueryChannelClientStateRequest
    ) -> channel_query.QueryChannelClientStateResponse:
        client_id = self._client_of(ctx, request.port_id, request.channel_id, _OF_CLIENT)
        return channel_query.QueryChannelClientStateResponse(
            identified_client_state=identified_client(ctx, self._clients, client_id),
            proof_height=own_height(ctx),
        )

    def consensus_state(
        self, ctx: Context, request: channel_query.QueryChannelConsensusStateRequest
    ) -> channel_query.QueryChannelConsensusStateResponse:
        client_id = self._client_of(ctx, request.port_id, request.channel_id, _OF_CHANNEL)
        height = Height(request.revision_number, request.revision_height)
        return channel_query.QueryChannelConsensusStateResponse(
            consensus_state=consensus(ctx, self._clients, client_id, height),
            client_id=client_id,
            proof_height=own_height(ctx),
        )

    def commitment(
        self, ctx: Context, request: channel_query.QueryPacketCommitmentRequest
    ) -> channel_query.QueryPacketCommitmentResponse:
        found = self._stored(ctx, request, host.packet_commitment_path)
        if not found:
            raise not_found("packet commitment hash not found")
        return channel_query.QueryPacketCommitmentResponse(
            commitment=found, proof_height=own_height(ctx)
        )

    def commitments(
        self, ctx: Context, request: channel_query.QueryPacketCommitmentsRequest
    ) -> channel_query.QueryPacketCommitmentsResponse:
        found, page = self._states(ctx, request, "commitments", request.pagination)
        return channel_query.QueryPacketCommitmentsResponse(
            commitments=found, pagination=page, height=own_height(ctx)
        )

    def receipt(
        self, ctx: Context, request: channel_query.QueryPacketReceiptRequest
    ) -> channel_query.QueryPacketReceiptResponse:
        found = self._stored(ctx, request, host.packet_receipt_path)
        return channel_query.QueryPacketReceiptResponse(
            received=bool(found), proof_height=own_height(ctx)
        )

    def acknowledgement(
        self, ctx: Context, request: channel_query.QueryPacketAcknowledgementRequest
    ) -> channel_query.QueryPacketAcknowledgementResponse:
        found = self._stored(ctx, request, host.packet_ack_path)
        if not found:
            raise not_found("packet acknowledgement hash not found")
        return channel_query.QueryPacketAcknowledgementResponse(
            acknowledgement=found, proof_height=own_height(ctx)
        )

    def acknowledgements(
        self, ctx: Context, request: channel_query.QueryPacketAcknowledgementsRequest
    ) -> channel_query.QueryPacketAcknowledgementsResponse:
        wanted = request.packet_commitment_sequences
        if not wanted:
            found, page = self._states(ctx, request, "acks", request.pagination)
            return channel_query.QueryPacketAcknowledgementsResponse(
                acknowledgements=found, pagination=page, height=own_height(ctx)
            )
        self._require(ctx, request.port_id, request.channel_id, _OF_PACKET)
        some = self._acknowledged(ctx, request.port_id, request.channel_id, wanted)
        return channel_query.QueryPacketAcknowledgementsResponse(
            acknowledgements=some, height=own_height(ctx)
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
        return channel_query.QueryUnreceivedPacketsResponse(
            sequences=missing, height=own_height(ctx)
        )

    def unreceived_acks(
        self, ctx: Context, request: channel_query.QueryUnreceivedAcksRequest
    ) -> channel_query.QueryUnreceivedAcksResponse:
        port, channel_id = request.port_id, request.channel_id
        self._require(ctx, port, channel_id, _OF_PACKET)
        kv = ctx.kv(STORE)
        pending = [
            sequence
            for sequence in _nonzero(request.packet_ack_sequences)
            if kv.has(host.packet_commitment_path(port, channel_id, sequence).encode())
        ]
        return channel_query.QueryUnreceivedAcksResponse(sequences=pending, height=own_height(ctx))

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
            next_sequence_receive=sequence, proof_height=own_height(ctx)
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
            next_sequence_send=sequence, proof_height=own_height(ctx)
        )

    # Parts.

    def _require(
        self, ctx: Context, port: str, channel_id: str, absent: str = _OF_CHANNEL
    ) -> channel_pb2.Channel:
        _check_end(port, channel_id)
        channel = self._channels.get(ctx, port, channel_id)
        if channel is None:
            raise not_found(str(CHANNEL_NOT_FOUND(absent.format(port, channel_id))))
        return channel

    def _client_of(self, ctx: Context, port: str, channel_id: str, absent: str) -> str:
        channel = self._require(ctx, port, channel_id, absent)
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
        self._require(ctx, request.port_id, request.channel_id, _OF_PACKET)
        key = path(request.port_id, request.channel_id, request.sequence)
        return ctx.kv(STORE).get(key.encode())

    def _states(
        self, ctx: Context, request: Any, kind: str, page: pagination_pb2.PageRequest
    ) -> tuple[list[channel_pb2.PacketState], pagination_pb2.PageResponse]:
        """A page of the commitments or acknowledgements of a channel, in the order of their keys (which are text)."""
        port, channel_id = request.port_id, request.channel_id
        self._require(ctx, port, channel_id, _OF_PACKET)

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


def _check_end(port: str, channel_id: str) -> None:
    check_id(host.validate_port_id, port)
    check_id(host.validate_channel_id, channel_id)


def _nonzero(sequences: Iterable[int]) -> list[int]:
    wanted = list(sequences)
    if 0 in wanted:
        raise invalid_argument(f"packet sequence {wanted.index(0)} cannot be 0")
    return wanted


def _identified_channel(key: bytes, raw: bytes) -> channel_pb2.IdentifiedChannel:
    return channel_keeper.identified(b"channelEnds" + key, raw)


def _packet_state(
    port: str, channel_id: str, sequence: int, data: bytes
) -> channel_pb2.PacketState:
    return channel_pb2.PacketState(
        port_id=port, channel_id=channel_id, sequence=sequence, data=data
    )
