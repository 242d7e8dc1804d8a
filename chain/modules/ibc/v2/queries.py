"""The gRPC queries of IBC v2 (``grpc_query.go`` of ibc-go's 02-client/v2 and 04-channel/v2), without proofs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chain.context import Context
from chain.modules.ibc.query_parts import Method, check_id, own_height
from chain.modules.ibc.store import STORE
from chain.modules.ibc.v2.counterparties import Counterparties
from chain.modules.ibc.v2.errors import SEQUENCE_SEND_NOT_FOUND
from chain.modules.ibc.v2.packets import PacketsV2
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.ibc.core.channel.v2 import genesis_pb2
from cosmos_pb.ibc.core.channel.v2 import query_pb2 as q
from cosmos_pb.ibc.core.client.v2 import query_pb2 as client_query
from light_client import host

PacketKey = Callable[[str, int], bytes]


class ClientQueriesV2:
    """``ibc.core.client.v2.Query``."""

    def __init__(self, counterparties: Counterparties) -> None:
        self._counterparties = counterparties

    def methods(self) -> list[Method]:
        return [
            ("CounterpartyInfo", client_query.QueryCounterpartyInfoRequest, self.counterparty),
            ("Config", client_query.QueryConfigRequest, self.config),
        ]

    def counterparty(
        self, ctx: Context, request: client_query.QueryCounterpartyInfoRequest
    ) -> client_query.QueryCounterpartyInfoResponse:
        check_id(host.validate_client_id, request.client_id)
        found = self._counterparties.get(ctx, request.client_id)
        if found is None:
            raise not_found(f"client {request.client_id} counterparty not found")
        return client_query.QueryCounterpartyInfoResponse(counterparty_info=found)

    def config(
        self, ctx: Context, request: client_query.QueryConfigRequest
    ) -> client_query.QueryConfigResponse:
        check_id(host.validate_client_id, request.client_id)
        config = self._counterparties.config(ctx, request.client_id)
        return client_query.QueryConfigResponse(config=config)


class ChannelQueriesV2:
    """``ibc.core.channel.v2.Query``.

    Sequences are read from their eight bytes. ibc-go v10.5 splits a key at every byte 0x2f before it reads them, and so
    fails on lists with packet 47 or 303 in them; here lists are whole.
    """

    def __init__(self, packets: PacketsV2) -> None:
        self._packets = packets

    def methods(self) -> list[Method]:
        return [
            ("NextSequenceSend", q.QueryNextSequenceSendRequest, self.next_send),
            ("PacketCommitment", q.QueryPacketCommitmentRequest, self.commitment),
            ("PacketCommitments", q.QueryPacketCommitmentsRequest, self.commitments),
            ("PacketAcknowledgement", q.QueryPacketAcknowledgementRequest, self.acknowledgement),
            ("PacketAcknowledgements", q.QueryPacketAcknowledgementsRequest, self.acknowledgements),
            ("PacketReceipt", q.QueryPacketReceiptRequest, self.receipt),
            ("UnreceivedPackets", q.QueryUnreceivedPacketsRequest, self.unreceived_packets),
            ("UnreceivedAcks", q.QueryUnreceivedAcksRequest, self.unreceived_acks),
        ]

    def next_send(
        self, ctx: Context, request: q.QueryNextSequenceSendRequest
    ) -> q.QueryNextSequenceSendResponse:
        check_id(host.validate_client_id, request.client_id)
        sequence = self._packets.next_sequence(ctx, request.client_id)
        if sequence is None:
            raise not_found(str(SEQUENCE_SEND_NOT_FOUND(f"client-id {request.client_id}")))
        return q.QueryNextSequenceSendResponse(
            next_sequence_send=sequence, proof_height=own_height(ctx)
        )

    def commitment(
        self, ctx: Context, request: q.QueryPacketCommitmentRequest
    ) -> q.QueryPacketCommitmentResponse:
        found = _stored(ctx, request, host.packet_commitment_key_v2)
        if not found:
            raise not_found("packet commitment hash not found")
        return q.QueryPacketCommitmentResponse(commitment=found, proof_height=own_height(ctx))

    def commitments(
        self, ctx: Context, request: q.QueryPacketCommitmentsRequest
    ) -> q.QueryPacketCommitmentsResponse:
        check_id(host.validate_client_id, request.client_id)
        found, page = _states(ctx, request, host.packet_commitment_key_v2)
        return q.QueryPacketCommitmentsResponse(
            commitments=found, pagination=page, height=own_height(ctx)
        )

    def acknowledgement(
        self, ctx: Context, request: q.QueryPacketAcknowledgementRequest
    ) -> q.QueryPacketAcknowledgementResponse:
        found = _stored(ctx, request, host.packet_ack_key_v2)
        if not found:
            raise not_found("packet acknowledgement hash not found")
        return q.QueryPacketAcknowledgementResponse(
            acknowledgement=found, proof_height=own_height(ctx)
        )

    def acknowledgements(
        self, ctx: Context, request: q.QueryPacketAcknowledgementsRequest
    ) -> q.QueryPacketAcknowledgementsResponse:
        """Those of the sequences asked for that exist; without any, a page of all."""
        check_id(host.validate_client_id, request.client_id)
        if not request.packet_commitment_sequences:
            found, page = _states(ctx, request, host.packet_ack_key_v2)
            return q.QueryPacketAcknowledgementsResponse(
                acknowledgements=found, pagination=page, height=own_height(ctx)
            )
        client_id, kv = request.client_id, ctx.kv(STORE)
        some = [
            genesis_pb2.PacketState(client_id=client_id, sequence=sequence, data=data)
            for sequence in request.packet_commitment_sequences
            if (data := kv.get(host.packet_ack_key_v2(client_id, sequence)))
        ]
        return q.QueryPacketAcknowledgementsResponse(acknowledgements=some, height=own_height(ctx))

    def receipt(
        self, ctx: Context, request: q.QueryPacketReceiptRequest
    ) -> q.QueryPacketReceiptResponse:
        found = _stored(ctx, request, host.packet_receipt_key_v2)
        return q.QueryPacketReceiptResponse(received=bool(found), proof_height=own_height(ctx))

    def unreceived_packets(
        self, ctx: Context, request: q.QueryUnreceivedPacketsRequest
    ) -> q.QueryUnreceivedPacketsResponse:
        check_id(host.validate_client_id, request.client_id)
        kv, missing = ctx.kv(STORE), []
        for index, sequence in enumerate(request.sequences):
            if not sequence:
                raise invalid_argument(f"packet sequence {index} cannot be 0")
            if not kv.has(host.packet_receipt_key_v2(request.client_id, sequence)):
                missing.append(sequence)
        return q.QueryUnreceivedPacketsResponse(sequences=missing, height=own_height(ctx))

    def unreceived_acks(
        self, ctx: Context, request: q.QueryUnreceivedAcksRequest
    ) -> q.QueryUnreceivedAcksResponse:
        check_id(host.validate_client_id, request.client_id)
        kv, pending = ctx.kv(STORE), []
        for sequence in request.packet_ack_sequences:
            if not sequence:
                raise invalid_argument("packet sequence cannot be 0")
            if kv.get(host.packet_commitment_key_v2(request.client_id, sequence)):
                pending.append(sequence)
        return q.QueryUnreceivedAcksResponse(sequences=pending, height=own_height(ctx))


def _stored(ctx: Context, request: Any, key: PacketKey) -> bytes | None:
    """What lies under the key of one packet."""
    check_id(host.validate_client_id, request.client_id)
    if not request.sequence:
        raise invalid_argument("packet sequence cannot be 0")
    return ctx.kv(STORE).get(key(request.client_id, request.sequence))


def _states(
    ctx: Context, request: Any, key: PacketKey
) -> tuple[list[genesis_pb2.PacketState], pagination_pb2.PageResponse]:
    """A page of what lies under the keys of a client's packets."""
    client_id = request.client_id

    def state(suffix: bytes, data: bytes) -> genesis_pb2.PacketState:
        sequence = int.from_bytes(suffix, "big")
        return genesis_pb2.PacketState(client_id=client_id, sequence=sequence, data=data)

    return paginate(ctx.kv(STORE), prefix_of(key, client_id), request.pagination, state)


def prefix_of(key: PacketKey, client_id: str) -> bytes:
    """Of all keys of a client's packets: the key without its sequence."""
    return key(client_id, 0)[:-8]
