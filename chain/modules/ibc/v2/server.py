"""The message server of IBC v2 (``ibc-go:modules/core/keeper/msg_server.go``, ``04-channel/v2/keeper/msg_server.go``).

A packet carries exactly one payload, though its format has room for more. What its application refuses is acknowledged
with 32 bytes that are the same for every refusal; the application's writes are dropped and its events renamed.
"""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.errors import AbciError
from chain.events import error_event
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.errors import IBC_INVALID_REQUEST, IBC_UNAUTHORIZED, explaining
from chain.modules.ibc.v2.codec import packet_from_pb, payload_from_pb
from chain.modules.ibc.v2.counterparties import Counterparties
from chain.modules.ibc.v2.errors import INVALID_ACKNOWLEDGEMENT, NO_OP
from chain.modules.ibc.v2.packets import PacketsV2
from chain.modules.ibc.v2.port import Delivery, PortRouterV2, RecvResult, Status
from chain.modules.ibc.v2.validate import ValidatorV2, validate_acknowledgement
from chain.modules.ibc.validate import Validator
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v2 import counterparty_pb2
from cosmos_pb.ibc.core.client.v2 import tx_pb2 as client_tx
from light_client.codec import height_from_pb
from light_client.packet_v2 import ERROR_ACKNOWLEDGEMENT, PacketV2

NOOP: Final = channel_tx.RESPONSE_RESULT_TYPE_NOOP
SUCCESS: Final = channel_tx.RESPONSE_RESULT_TYPE_SUCCESS


class MsgServerV2:
    """One method per message of ``ibc.core.client.v2`` and ``ibc.core.channel.v2``."""

    def __init__(
        self,
        authority: str,
        addresses: Validator,
        clients: Clients,
        counterparties: Counterparties,
        packets: PacketsV2,
        ports: PortRouterV2,
    ) -> None:
        self._authority = authority
        self._addresses = addresses
        self._clients = clients
        self._counterparties = counterparties
        self._packets = packets
        self._ports = ports
        self.validator = ValidatorV2(addresses.address)

    # 02-client.

    def register_counterparty(
        self, ctx: Context, msg: client_tx.MsgRegisterCounterparty
    ) -> client_tx.MsgRegisterCounterpartyResponse:
        """Once per client, by whoever made it; from then on packets may be sent."""
        creator = self._clients.creator(ctx, msg.client_id)
        if creator != self._addresses.address(msg.signer):
            raise IBC_UNAUTHORIZED(
                f"expected same signer as createClient submittor {self._addresses.text(creator)}, "
                f"got {msg.signer}"
            )
        if self._counterparties.get(ctx, msg.client_id) is not None:
            raise IBC_INVALID_REQUEST("cannot register counterparty once it is already set")
        counterparty = counterparty_pb2.CounterpartyInfo(
            merkle_prefix=msg.counterparty_merkle_prefix, client_id=msg.counterparty_client_id
        )
        self._counterparties.set(ctx, msg.client_id, counterparty)
        self._packets.set_next_sequence(ctx, msg.client_id, 1)
        return client_tx.MsgRegisterCounterpartyResponse()

    def update_client_config(
        self, ctx: Context, msg: client_tx.MsgUpdateClientConfig
    ) -> client_tx.MsgUpdateClientConfigResponse:
        creator = self._clients.creator(ctx, msg.client_id)
        if msg.signer != self._authority and self._addresses.address(msg.signer) != creator:
            raise IBC_UNAUTHORIZED(
                f"authority {self._authority} or client creator {self._addresses.text(creator)} "
                f"is authorized to update params for {msg.client_id}, got {msg.signer}"
            )
        self._counterparties.set_config(ctx, msg.client_id, msg.config)
        return client_tx.MsgUpdateClientConfigResponse()

    def require_relayer(self, ctx: Context, client_id: str, signer: str) -> None:
        """ibc/2 unless the client's configuration lets ``signer`` relay for it."""
        allowed = self._counterparties.config(ctx, client_id).allowed_relayers
        relayer = self._addresses.address(signer)
        if allowed and relayer not in map(self._addresses.address, allowed):
            raise IBC_UNAUTHORIZED(
                f"relayer {signer} is not authorized to update client {client_id}"
            )

    # 04-channel.

    def send_packet(
        self, ctx: Context, msg: channel_tx.MsgSendPacket
    ) -> channel_tx.MsgSendPacketResponse:
        signer = self._canonical(msg.signer)
        with explaining(f"send packet failed for source id: {msg.source_client}"):
            packet = self._packets.send(
                ctx,
                msg.source_client,
                msg.timeout_timestamp,
                [payload_from_pb(payload) for payload in msg.payloads],
            )
        delivery = _delivery(packet)
        app = self._ports.module(delivery.payload.source_port)
        app.on_send_packet(ctx, delivery, signer)
        return channel_tx.MsgSendPacketResponse(sequence=packet.sequence)

    def recv_packet(
        self, ctx: Context, msg: channel_tx.MsgRecvPacket
    ) -> channel_tx.MsgRecvPacketResponse:
        packet = packet_from_pb(msg.packet)
        self.require_relayer(ctx, packet.destination_client, msg.signer)
        try:
            with explaining("receive packet verification failed"), ctx.branch() as inner:
                height = height_from_pb(msg.proof_height)
                self._packets.receive(inner, packet, msg.proof_commitment, height)
        except AbciError as error:
            return channel_tx.MsgRecvPacketResponse(result=_noop(error))
        result = self._deliver(ctx, packet, self._canonical(msg.signer))
        if result.status is Status.ASYNC:
            self._packets.keep_for_later(ctx, packet)
        else:
            validate_acknowledgement([result.acknowledgement])
            self._packets.write_acknowledgement(ctx, packet, [result.acknowledgement])
        return channel_tx.MsgRecvPacketResponse(result=SUCCESS)

    def _deliver(self, ctx: Context, packet: PacketV2, relayer: str) -> RecvResult:
        """The application's answer; where it refuses, none of its writes and the sentinel."""
        delivery = _delivery(packet)
        inner = ctx.fork()
        app = self._ports.module(delivery.payload.destination_port)
        result = app.on_recv_packet(inner, delivery, relayer)
        if result.status is Status.FAILURE:
            ctx.events.extend(map(error_event, inner.events.events))
            return RecvResult(Status.FAILURE, ERROR_ACKNOWLEDGEMENT)
        if result.acknowledgement == ERROR_ACKNOWLEDGEMENT:
            raise INVALID_ACKNOWLEDGEMENT(
                "application acknowledgement cannot be sentinel error acknowledgement"
            )
        ctx.merge(inner)
        return result

    def acknowledgement(
        self, ctx: Context, msg: channel_tx.MsgAcknowledgement
    ) -> channel_tx.MsgAcknowledgementResponse:
        packet = packet_from_pb(msg.packet)
        self.require_relayer(ctx, packet.source_client, msg.signer)
        acks = list(msg.acknowledgement.app_acknowledgements)
        try:
            with explaining("acknowledge packet verification failed"), ctx.branch() as inner:
                height = height_from_pb(msg.proof_height)
                self._packets.acknowledge(inner, packet, acks, msg.proof_acked, height)
        except AbciError as error:
            return channel_tx.MsgAcknowledgementResponse(result=_noop(error))
        delivery, relayer = _delivery(packet), self._canonical(msg.signer)
        app = self._ports.module(delivery.payload.source_port)
        with explaining(f"failed OnAcknowledgementPacket for {_ends(delivery)}"):
            app.on_acknowledgement_packet(ctx, delivery, acks[0], relayer)
        return channel_tx.MsgAcknowledgementResponse(result=SUCCESS)

    def timeout(self, ctx: Context, msg: channel_tx.MsgTimeout) -> channel_tx.MsgTimeoutResponse:
        packet = packet_from_pb(msg.packet)
        self.require_relayer(ctx, packet.source_client, msg.signer)
        try:
            with explaining("timeout packet verification failed"), ctx.branch() as inner:
                height = height_from_pb(msg.proof_height)
                self._packets.time_out(inner, packet, msg.proof_unreceived, height)
        except AbciError as error:
            return channel_tx.MsgTimeoutResponse(result=_noop(error))
        delivery = _delivery(packet)
        app = self._ports.module(delivery.payload.source_port)
        with explaining(f"failed OnTimeoutPacket for {_ends(delivery)}"):
            app.on_timeout_packet(ctx, delivery, self._canonical(msg.signer))
        return channel_tx.MsgTimeoutResponse(result=SUCCESS)

    # Parts.

    def _canonical(self, signer: str) -> str:
        """An address as applications are told it: in small letters."""
        return self._addresses.text(self._addresses.address(signer))


def _delivery(packet: PacketV2) -> Delivery:
    (payload,) = packet.payloads
    return Delivery(packet.source_client, packet.destination_client, packet.sequence, payload)


def _ends(delivery: Delivery) -> str:
    return (
        f"source port {delivery.payload.source_port}, source client {delivery.source_client}, "
        f"destination client {delivery.destination_client}"
    )


def _noop(error: AbciError) -> channel_tx.ResponseResultType.ValueType:
    """The result of a redundant message; any other refusal goes on."""
    if NO_OP.matches(error):
        return NOOP
    raise error
