"""ICS-27, the side that commands: ports ``icacontroller-<owner>`` (``27-interchain-accounts/controller``).

As in wasmd no application of its own stands behind these ports; owners send messages, and a contract that is an owner
may hear of its packets through the callbacks of ADR-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from chain.context import Context
from chain.modules.ibc.errors import (
    CHANNEL_NOT_FOUND,
    IBC_INVALID_REQUEST,
    IBC_UNAUTHORIZED,
    INVALID_CHANNEL_ORDERING,
    bare,
    explaining,
)
from chain.modules.ibc.module import Ibc
from chain.modules.ibc.port import Acknowledgement, Counterparty, error_ack
from chain.modules.ibc.store import enum_name
from chain.modules.ica import events, metadata, packet
from chain.modules.ica.errors import (
    ACTIVE_CHANNEL_ALREADY_SET,
    ACTIVE_CHANNEL_NOT_FOUND,
    CONTROLLER_DISABLED,
    INVALID_ACCOUNT_ADDRESS,
    INVALID_CHANNEL_FLOW,
    INVALID_CONTROLLER_PORT,
    INVALID_HOST_PORT,
    INVALID_TIMEOUT_TIMESTAMP,
    INVALID_VERSION,
)
from chain.modules.ica.store import CONTROLLER, CONTROLLER_PORT_PREFIX, HOST_PORT, Records
from chain.modules.transfer.callbacks import Asked, Callbacks, Contracts
from chain.router import MessageRouter
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import controller_pb2
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import tx_pb2 as tx
from cosmos_pb.ibc.applications.interchain_accounts.v1 import metadata_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from light_client.packet import Packet
from light_client.values import ZERO_HEIGHT

_UINT64: Final = 2**64
_ONLY_FROM_HERE: Final = "channel handshake must be initiated by controller chain"


class Controller:
    """Messages, and the application behind every controller port. ``signer`` opens channels: the module's account."""

    def __init__(self, ibc: Ibc, router: MessageRouter, signer: str) -> None:
        self.records = Records(CONTROLLER, ibc, controller_pb2.Params(controller_enabled=True))
        self._ibc = ibc
        self._router = router
        self._signer = signer
        self._callbacks: Callbacks | None = None

    def call_back(self, contracts: Contracts) -> None:
        """From now on contracts hear of the packets whose memos name them."""
        self._callbacks = Callbacks(self._ibc, contracts, asked=_asked)

    # Messages.

    def register_account(
        self, ctx: Context, msg: tx.MsgRegisterInterchainAccount
    ) -> tx.MsgRegisterInterchainAccountResponse:
        """Open a channel from the owner's port; the host makes the account in its TRY."""
        port = controller_port(msg.owner)
        at = (msg.connection_id, port)
        if self.records.middleware(ctx, *at) and not self.records.has_closed_channel(ctx, *at):
            raise INVALID_CHANNEL_FLOW("channel is already active or a handshake is in flight")
        self.records.set_middleware(ctx, *at, enabled=False)
        active = self.records.open_channel(ctx, *at)
        if active is not None:
            raise ACTIVE_CHANNEL_ALREADY_SET(
                f"existing active channel {active} for portID {port} "
                f"on connection {msg.connection_id}"
            )
        self.records.set_port(ctx, port)
        channel = self._open(ctx, port, msg)
        return tx.MsgRegisterInterchainAccountResponse(channel_id=channel, port_id=port)

    def _open(self, ctx: Context, port: str, msg: tx.MsgRegisterInterchainAccount) -> str:
        end = channel_pb2.Channel(
            state=channel_pb2.STATE_INIT,
            ordering=msg.ordering or channel_pb2.ORDER_UNORDERED,
            counterparty=channel_pb2.Counterparty(port_id=HOST_PORT),
            connection_hops=[msg.connection_id],
            version=msg.version,
        )
        opening = channel_tx.MsgChannelOpenInit(port_id=port, channel=end, signer=self._signer)
        self._router.service(f"/{opening.DESCRIPTOR.full_name}").validate(opening)
        answer = self._router.dispatch(ctx, opening).response
        return channel_tx.MsgChannelOpenInitResponse.FromString(answer.value).channel_id

    def send_tx(self, ctx: Context, msg: tx.MsgSendTx) -> tx.MsgSendTxResponse:
        """Send messages for the account to execute; the timeout counts from this block's time."""
        port = controller_port(msg.owner)
        timeout = (ctx.time.ns + msg.relative_timeout) % _UINT64
        self._require_enabled(ctx)
        channel = self.records.open_channel(ctx, msg.connection_id, port)
        if channel is None:
            raise ACTIVE_CHANNEL_NOT_FOUND(
                f"failed to retrieve active channel on connection {msg.connection_id} "
                f"for port {port}"
            )
        if ctx.time.ns >= timeout:
            raise bare(INVALID_TIMEOUT_TIMESTAMP)
        with explaining("invalid interchain account packet data"):
            packet.validate(msg.packet_data)
        data = packet.marshal(msg.packet_data)
        sequence = self._ibc.send_packet(ctx, port, channel, ZERO_HEIGHT, timeout, data)
        if self._callbacks is not None:
            sent = Packet(sequence, port, channel, "", "", data, ZERO_HEIGHT, timeout)
            self._callbacks.sent(ctx, sent)
        return tx.MsgSendTxResponse(sequence=sequence)

    def update_params(self, ctx: Context, msg: tx.MsgUpdateParams) -> tx.MsgUpdateParamsResponse:
        if msg.signer != self._ibc.authority:
            raise IBC_UNAUTHORIZED(f"expected {self._ibc.authority}, got {msg.signer}")
        self.records.set_params(ctx, msg.params)
        return tx.MsgUpdateParamsResponse()

    # The application behind the ports.

    def on_chan_open_init(
        self,
        ctx: Context,
        order: int,
        hops: Sequence[str],
        port: str,
        channel: str,  # noqa: ARG002 - the seam's signature
        counterparty: Counterparty,
        version: str,
    ) -> str:
        self._require_enabled(ctx)
        _check_port(port)
        if counterparty.port != HOST_PORT:
            raise INVALID_HOST_PORT(f"expected {HOST_PORT}, got {counterparty.port}")
        if version.strip():
            terms = metadata.parse(version)
        else:
            end = self._ibc.connections.require(ctx, hops[0])
            terms = metadata.default(hops[0], end.counterparty.connection_id)
        metadata.validate(ctx, self._ibc, hops, terms, on_host=False)
        self._check_reopening(ctx, order, hops[0], port, terms)
        self.records.middleware(ctx, hops[0], port)  # wasmd asks, at a cost
        return metadata.text(terms)

    def _check_reopening(
        self, ctx: Context, order: int, connection: str, port: str, terms: metadata_pb2.Metadata
    ) -> None:
        """A channel in place of a closed one has its order and its terms."""
        active = self.records.active_channel(ctx, connection, port)
        if active is None:
            return
        former = self._ibc.channels.require(ctx, port, active)
        if former.state != channel_pb2.STATE_CLOSED:
            raise ACTIVE_CHANNEL_ALREADY_SET(
                f"existing active channel {active} for portID {port} must be STATE_CLOSED"
            )
        if former.ordering != order:
            expected, got = (enum_name(channel_pb2.Order, one) for one in (former.ordering, order))
            raise INVALID_CHANNEL_ORDERING(
                f"order cannot change when reopening a channel expected {expected}, got {got}"
            )
        self._ibc.channel(ctx, port, active)  # for its version, apart
        if not metadata.same_terms(metadata.parse(former.version), terms):
            raise INVALID_VERSION(
                "previous active channel metadata does not match provided version"
            )

    def on_chan_open_try(self, *_: Any) -> str:
        raise INVALID_CHANNEL_FLOW(_ONLY_FROM_HERE)

    def on_chan_open_ack(
        self,
        ctx: Context,
        port: str,
        channel: str,
        counterparty_channel: str,  # noqa: ARG002
        counterparty_version: str,
    ) -> None:
        self._require_enabled(ctx)
        _check_port(port)
        terms = metadata.parse(counterparty_version)
        connection = terms.controller_connection_id
        active = self.records.open_channel(ctx, connection, port)
        if active is not None:
            raise ACTIVE_CHANNEL_ALREADY_SET(f"existing active channel {active} for portID {port}")
        end = self._channel(ctx, port, channel)
        metadata.validate(ctx, self._ibc, end.connection_hops, terms, on_host=False)
        if not terms.address.strip():
            raise INVALID_ACCOUNT_ADDRESS("interchain account address cannot be empty")
        self.records.set_active_channel(ctx, connection, port, channel)
        self.records.set_account(ctx, connection, port, terms.address)
        self._ask_application(ctx, port, channel)

    def on_chan_open_confirm(self, *_: Any) -> None:
        raise INVALID_CHANNEL_FLOW(_ONLY_FROM_HERE)

    def on_chan_close_init(self, *_: Any) -> None:
        raise IBC_INVALID_REQUEST("user cannot close channel")

    def on_chan_close_confirm(self, ctx: Context, port: str, channel: str) -> None:
        self._ask_application(ctx, port, channel)

    def on_recv_packet(self, ctx: Context, received: Packet, *_: Any) -> Acknowledgement:
        error = INVALID_CHANNEL_FLOW("cannot receive packet on controller chain")
        events.packet(ctx, "controller", received.destination_channel, error)
        return error_ack(error)

    def on_acknowledgement_packet(
        self, ctx: Context, sent: Packet, ack: bytes, relayer: str
    ) -> None:
        self._require_enabled(ctx)
        self._ask_application(ctx, sent.source_port, sent.source_channel)
        if self._callbacks is not None:
            self._callbacks.acknowledged(ctx, sent, ack, relayer)

    def on_timeout_packet(self, ctx: Context, sent: Packet, relayer: str) -> None:
        self._require_enabled(ctx)
        self._ask_application(ctx, sent.source_port, sent.source_channel)
        if self._callbacks is not None:
            self._callbacks.timed_out(ctx, sent, relayer)

    # Parts.

    def _require_enabled(self, ctx: Context) -> None:
        if not self.records.params(ctx).controller_enabled:
            raise bare(CONTROLLER_DISABLED)

    def _channel(self, ctx: Context, port: str, channel: str) -> channel_pb2.Channel:
        end = self._ibc.channel(ctx, port, channel)
        if end is None:
            raise CHANNEL_NOT_FOUND(f"failed to retrieve channel {channel} on port {port}")
        return end

    def _ask_application(self, ctx: Context, port: str, channel: str) -> None:
        """Wasmd looks whether an application behind the port wants to know, at a cost; there is none."""
        end = self._ibc.channels.require(ctx, port, channel)
        self.records.middleware(ctx, end.connection_hops[0], port)


def controller_port(owner: str) -> str:
    """The port of an owner; interchainaccounts/13 without one."""
    if not owner.strip():
        raise INVALID_ACCOUNT_ADDRESS("owner address cannot be empty")
    return CONTROLLER_PORT_PREFIX + owner


def _check_port(port: str) -> None:
    if not port.startswith(CONTROLLER_PORT_PREFIX):
        raise INVALID_CONTROLLER_PORT(
            f"expected {CONTROLLER_PORT_PREFIX}{{owner-account-address}}, got {port}"
        )


def _asked(sent: Packet) -> Asked:
    """The memo, and whose packet it is by its port (``InterchainAccountPacketData.GetPacketSender``)."""
    data = packet.unmarshal(sent.data)
    return Asked(data.memo, sent.source_port.removeprefix(CONTROLLER_PORT_PREFIX))
