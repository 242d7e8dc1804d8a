"""The message server of IBC core (``ibc-go:modules/core/keeper/msg_server.go``): checks here, the application there.

A packet that was dealt with before is answered with NOOP and changes nothing. A packet that its application refuses is
acknowledged with an error: the application's writes are dropped and its events renamed, so that nobody trusts them
(the "Huckleberry" advisory).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from chain.context import Context
from chain.errors import AbciError
from chain.events import error_event
from chain.modules.ibc.channels import Channels
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.errors import IBC_NOT_FOUND, IBC_UNAUTHORIZED, NO_OP, explaining
from chain.modules.ibc.packets import Packets
from chain.modules.ibc.port import Counterparty, PortRouter
from chain.modules.ibc.validate import Validator
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from cosmos_pb.ibc.core.connection.v1 import tx_pb2 as connection_tx
from light_client.codec import height_from_pb, packet_from_pb

NOOP: Final = channel_tx.RESPONSE_RESULT_TYPE_NOOP
SUCCESS: Final = channel_tx.RESPONSE_RESULT_TYPE_SUCCESS


class MsgServer:
    """One method per message of ``ibc.core``."""

    def __init__(
        self,
        authority: str,
        clients: Clients,
        connections: Connections,
        channels: Channels,
        packets: Packets,
        ports: PortRouter,
        validator: Validator,
        check_relayer: Callable[[Context, str, str], None],
    ) -> None:
        self._authority = authority
        self._clients = clients
        self._connections = connections
        self._channels = channels
        self._packets = packets
        self._ports = ports
        self._check_relayer = check_relayer
        self.validator = validator

    # 02-client.

    def create_client(
        self, ctx: Context, msg: client_tx.MsgCreateClient
    ) -> client_tx.MsgCreateClientResponse:
        creator = self.validator.address(msg.signer)
        client_id = self._clients.create(ctx, msg.client_state, msg.consensus_state, creator)
        return client_tx.MsgCreateClientResponse(client_id=client_id)

    def update_client(
        self, ctx: Context, msg: client_tx.MsgUpdateClient
    ) -> client_tx.MsgUpdateClientResponse:
        self._check_relayer(ctx, msg.client_id, msg.signer)
        self._clients.update(ctx, msg.client_id, msg.client_message)
        return client_tx.MsgUpdateClientResponse()

    def submit_misbehaviour(
        self, ctx: Context, msg: client_tx.MsgSubmitMisbehaviour
    ) -> client_tx.MsgSubmitMisbehaviourResponse:
        self._clients.update(ctx, msg.client_id, msg.misbehaviour)
        return client_tx.MsgSubmitMisbehaviourResponse()

    def upgrade_client(
        self, ctx: Context, msg: client_tx.MsgUpgradeClient
    ) -> client_tx.MsgUpgradeClientResponse:
        self._clients.upgrade(
            ctx,
            msg.client_id,
            msg.client_state,
            msg.consensus_state,
            msg.proof_upgrade_client,
            msg.proof_upgrade_consensus_state,
        )
        return client_tx.MsgUpgradeClientResponse()

    def recover_client(
        self, ctx: Context, msg: client_tx.MsgRecoverClient
    ) -> client_tx.MsgRecoverClientResponse:
        self._require_authority(msg.signer)
        with explaining("client recovery failed"):
            self._clients.recover(ctx, msg.subject_client_id, msg.substitute_client_id)
        return client_tx.MsgRecoverClientResponse()

    def client_params(
        self, ctx: Context, msg: client_tx.MsgUpdateParams
    ) -> client_tx.MsgUpdateParamsResponse:
        self._require_authority(msg.signer)
        self._clients.set_params(ctx, msg.params)
        return client_tx.MsgUpdateParamsResponse()

    def delete_client_creator(
        self, ctx: Context, msg: client_tx.MsgDeleteClientCreator
    ) -> client_tx.MsgDeleteClientCreatorResponse:
        creator = self._clients.creator(ctx, msg.client_id)
        if not creator:
            raise IBC_NOT_FOUND(f"creator for client {msg.client_id} not found")
        if msg.signer != self._authority and self.validator.address(msg.signer) != creator:
            raise IBC_UNAUTHORIZED(
                f"authority or client creator {self.validator.text(creator)} is authorized to "
                f"delete creator for {msg.client_id}, got {msg.signer}"
            )
        self._clients.set_creator(ctx, msg.client_id, b"")
        return client_tx.MsgDeleteClientCreatorResponse()

    # 03-connection.

    def connection_open_init(
        self, ctx: Context, msg: connection_tx.MsgConnectionOpenInit
    ) -> connection_tx.MsgConnectionOpenInitResponse:
        with explaining("connection handshake open init failed"):
            version = msg.version if msg.HasField("version") else None
            self._connections.open_init(
                ctx, msg.client_id, msg.counterparty, version, msg.delay_period
            )
        return connection_tx.MsgConnectionOpenInitResponse()

    def connection_open_try(
        self, ctx: Context, msg: connection_tx.MsgConnectionOpenTry
    ) -> connection_tx.MsgConnectionOpenTryResponse:
        with explaining("connection handshake open try failed"):
            self._connections.open_try(
                ctx,
                msg.client_id,
                msg.counterparty,
                msg.delay_period,
                msg.counterparty_versions,
                msg.proof_init,
                height_from_pb(msg.proof_height),
            )
        return connection_tx.MsgConnectionOpenTryResponse()

    def connection_open_ack(
        self, ctx: Context, msg: connection_tx.MsgConnectionOpenAck
    ) -> connection_tx.MsgConnectionOpenAckResponse:
        with explaining("connection handshake open ack failed"):
            self._connections.open_ack(
                ctx,
                msg.connection_id,
                msg.version,
                msg.counterparty_connection_id,
                msg.proof_try,
                height_from_pb(msg.proof_height),
            )
        return connection_tx.MsgConnectionOpenAckResponse()

    def connection_open_confirm(
        self, ctx: Context, msg: connection_tx.MsgConnectionOpenConfirm
    ) -> connection_tx.MsgConnectionOpenConfirmResponse:
        with explaining("connection handshake open confirm failed"):
            self._connections.open_confirm(
                ctx, msg.connection_id, msg.proof_ack, height_from_pb(msg.proof_height)
            )
        return connection_tx.MsgConnectionOpenConfirmResponse()

    def connection_params(
        self, ctx: Context, msg: connection_tx.MsgUpdateParams
    ) -> connection_tx.MsgUpdateParamsResponse:
        self._require_authority(msg.signer)
        self._connections.set_params(ctx, msg.params)
        return connection_tx.MsgUpdateParamsResponse()

    # 04-channel: the handshake.

    def channel_open_init(
        self, ctx: Context, msg: channel_tx.MsgChannelOpenInit
    ) -> channel_tx.MsgChannelOpenInitResponse:
        app, end, port = self._ports.module(msg.port_id), msg.channel, msg.port_id
        with explaining("channel handshake open init failed"):
            channel_id = self._channels.prepare_init(ctx, end.ordering, end.connection_hops)
        counterparty = Counterparty(end.counterparty.port_id, end.counterparty.channel_id)
        with _callback("channel open init", port, channel_id):
            version = app.on_chan_open_init(
                ctx, end.ordering, end.connection_hops, port, channel_id, counterparty, end.version
            )
        self._write_opening(ctx, "open_init", port, channel_id, end, version)
        return channel_tx.MsgChannelOpenInitResponse(channel_id=channel_id, version=version)

    def channel_open_try(
        self, ctx: Context, msg: channel_tx.MsgChannelOpenTry
    ) -> channel_tx.MsgChannelOpenTryResponse:
        app, end, port = self._ports.module(msg.port_id), msg.channel, msg.port_id
        with explaining("channel handshake open try failed"):
            channel_id = self._channels.prepare_try(
                ctx,
                end.ordering,
                end.connection_hops,
                port,
                end.counterparty,
                msg.counterparty_version,
                msg.proof_init,
                height_from_pb(msg.proof_height),
            )
        counterparty = Counterparty(end.counterparty.port_id, end.counterparty.channel_id)
        with _callback("channel open try", port, channel_id):
            version = app.on_chan_open_try(
                ctx,
                end.ordering,
                end.connection_hops,
                port,
                channel_id,
                counterparty,
                msg.counterparty_version,
            )
        self._write_opening(ctx, "open_try", port, channel_id, end, version)
        return channel_tx.MsgChannelOpenTryResponse(channel_id=channel_id, version=version)

    def channel_open_ack(
        self, ctx: Context, msg: channel_tx.MsgChannelOpenAck
    ) -> channel_tx.MsgChannelOpenAckResponse:
        app = self._ports.module(msg.port_id)
        with explaining("channel handshake open ack failed"):
            self._channels.open_ack(
                ctx,
                msg.port_id,
                msg.channel_id,
                msg.counterparty_version,
                msg.counterparty_channel_id,
                msg.proof_try,
                height_from_pb(msg.proof_height),
            )
        with _callback("channel open ack", msg.port_id, msg.channel_id):
            app.on_chan_open_ack(
                ctx,
                msg.port_id,
                msg.channel_id,
                msg.counterparty_channel_id,
                msg.counterparty_version,
            )
        return channel_tx.MsgChannelOpenAckResponse()

    def channel_open_confirm(
        self, ctx: Context, msg: channel_tx.MsgChannelOpenConfirm
    ) -> channel_tx.MsgChannelOpenConfirmResponse:
        app = self._ports.module(msg.port_id)
        with explaining("channel handshake open confirm failed"):
            self._channels.open_confirm(
                ctx, msg.port_id, msg.channel_id, msg.proof_ack, height_from_pb(msg.proof_height)
            )
        with _callback("channel open confirm", msg.port_id, msg.channel_id):
            app.on_chan_open_confirm(ctx, msg.port_id, msg.channel_id)
        return channel_tx.MsgChannelOpenConfirmResponse()

    def channel_close_init(
        self, ctx: Context, msg: channel_tx.MsgChannelCloseInit
    ) -> channel_tx.MsgChannelCloseInitResponse:
        app = self._ports.module(msg.port_id)
        with _callback("channel close init", msg.port_id, msg.channel_id):
            app.on_chan_close_init(ctx, msg.port_id, msg.channel_id)
        with explaining("channel handshake close init failed"):
            self._channels.close_init(ctx, msg.port_id, msg.channel_id)
        return channel_tx.MsgChannelCloseInitResponse()

    def channel_close_confirm(
        self, ctx: Context, msg: channel_tx.MsgChannelCloseConfirm
    ) -> channel_tx.MsgChannelCloseConfirmResponse:
        app = self._ports.module(msg.port_id)
        with _callback("channel close confirm", msg.port_id, msg.channel_id):
            app.on_chan_close_confirm(ctx, msg.port_id, msg.channel_id)
        with explaining("channel handshake close confirm failed"):
            self._channels.close_confirm(
                ctx, msg.port_id, msg.channel_id, msg.proof_init, height_from_pb(msg.proof_height)
            )
        return channel_tx.MsgChannelCloseConfirmResponse()

    # 04-channel: packets.

    def recv_packet(
        self, ctx: Context, msg: channel_tx.MsgRecvPacket
    ) -> channel_tx.MsgRecvPacketResponse:
        packet = packet_from_pb(msg.packet)
        app = self._ports.module(packet.destination_port)
        try:
            with explaining("receive packet verification failed"), ctx.branch() as inner:
                height = height_from_pb(msg.proof_height)
                self._packets.receive(inner, packet, msg.proof_commitment, height)
        except AbciError as error:
            return channel_tx.MsgRecvPacketResponse(result=_noop(error))
        inner = ctx.fork()
        ack = app.on_recv_packet(inner, packet, msg.signer)
        if ack is None or ack.success:
            ctx.merge(inner)
        else:
            ctx.events.extend(map(error_event, inner.events.events))
        if ack is not None:
            self._packets.write_acknowledgement(ctx, packet, ack.data)
        return channel_tx.MsgRecvPacketResponse(result=SUCCESS)

    def rehearse_recv_packet(
        self, ctx: Context, msg: channel_tx.MsgRecvPacket, *, verify: bool
    ) -> channel_tx.MsgRecvPacketResponse:
        """Receiving in the mempool: core's checks without the application (``ante.go`` recvPacketCheckTx)."""
        packet = packet_from_pb(msg.packet)
        try:
            with explaining("receive packet verification failed"), ctx.branch() as inner:
                if verify:
                    height = height_from_pb(msg.proof_height)
                    self._packets.receive(inner, packet, msg.proof_commitment, height)
                else:
                    self._packets.rehearse_receive(inner, packet)
        except AbciError as error:
            return channel_tx.MsgRecvPacketResponse(result=_noop(error))
        return channel_tx.MsgRecvPacketResponse(result=SUCCESS)

    def acknowledgement(
        self, ctx: Context, msg: channel_tx.MsgAcknowledgement
    ) -> channel_tx.MsgAcknowledgementResponse:
        packet, ack = packet_from_pb(msg.packet), msg.acknowledgement
        app = self._ports.module(packet.source_port)
        try:
            with explaining("acknowledge packet verification failed"), ctx.branch() as inner:
                height = height_from_pb(msg.proof_height)
                self._packets.acknowledge(inner, packet, ack, msg.proof_acked, height)
        except AbciError as error:
            return channel_tx.MsgAcknowledgementResponse(result=_noop(error))
        with explaining("acknowledge packet callback failed"):
            app.on_acknowledgement_packet(ctx, packet, ack, msg.signer)
        return channel_tx.MsgAcknowledgementResponse(result=SUCCESS)

    def timeout(self, ctx: Context, msg: channel_tx.MsgTimeout) -> channel_tx.MsgTimeoutResponse:
        packet = packet_from_pb(msg.packet)
        app = self._ports.module(packet.source_port)
        try:
            with explaining("timeout packet verification failed"), ctx.branch() as inner:
                self._packets.time_out(
                    inner,
                    packet,
                    msg.proof_unreceived,
                    height_from_pb(msg.proof_height),
                    msg.next_sequence_recv,
                )
        except AbciError as error:
            return channel_tx.MsgTimeoutResponse(result=_noop(error))
        with explaining("timeout packet callback failed"):
            app.on_timeout_packet(ctx, packet, msg.signer)
        return channel_tx.MsgTimeoutResponse(result=SUCCESS)

    def timeout_on_close(
        self, ctx: Context, msg: channel_tx.MsgTimeoutOnClose
    ) -> channel_tx.MsgTimeoutOnCloseResponse:
        packet = packet_from_pb(msg.packet)
        app = self._ports.module(packet.source_port)
        try:
            with explaining("timeout on close packet verification failed"), ctx.branch() as inner:
                self._packets.time_out_on_close(
                    inner,
                    packet,
                    msg.proof_unreceived,
                    msg.proof_close,
                    height_from_pb(msg.proof_height),
                    msg.next_sequence_recv,
                )
        except AbciError as error:
            return channel_tx.MsgTimeoutOnCloseResponse(result=_noop(error))
        with explaining("timeout on close callback failed"):
            app.on_timeout_packet(ctx, packet, msg.signer)
        return channel_tx.MsgTimeoutOnCloseResponse(result=SUCCESS)

    # Parts.

    def _require_authority(self, signer: str) -> None:
        if signer != self._authority:
            raise IBC_UNAUTHORIZED(f"expected {self._authority}, got {signer}")

    def _write_opening(
        self,
        ctx: Context,
        message: str,
        port: str,
        channel_id: str,
        end: channel_pb2.Channel,
        version: str,
    ) -> None:
        self._channels.write_opening(
            ctx,
            message,
            port,
            channel_id,
            end.ordering,
            end.connection_hops,
            end.counterparty,
            version,
        )


def _noop(error: AbciError) -> channel_tx.ResponseResultType.ValueType:
    """The result of a redundant message; any other refusal goes on."""
    if NO_OP.matches(error):
        return NOOP
    raise error


@contextmanager
def _callback(what: str, port: str, channel_id: str) -> Iterator[None]:
    with explaining(f"{what} callback failed for port ID: {port}, channel ID: {channel_id}"):
        yield
