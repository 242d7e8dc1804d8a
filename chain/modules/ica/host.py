"""ICS-27, the side that has the accounts: port ``icahost`` (``27-interchain-accounts/host``).

An account belongs to a connection and a controller's port. A packet's messages run for it all or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.message import Message

from chain.context import Context
from chain.errors import PANIC, AbciError, OutOfGas
from chain.modules.auth.module import Auth
from chain.modules.ibc.errors import (
    CHANNEL_NOT_FOUND,
    IBC_INVALID_REQUEST,
    IBC_NOT_FOUND,
    IBC_UNAUTHORIZED,
    bare,
    explaining,
)
from chain.modules.ibc.module import Ibc
from chain.modules.ibc.port import Acknowledgement, Counterparty, error_ack, result_ack
from chain.modules.ica import events, metadata, packet
from chain.modules.ica.errors import (
    ACCOUNT_ALREADY_EXIST,
    ACCOUNT_NOT_FOUND,
    ACTIVE_CHANNEL_ALREADY_SET,
    HOST_DISABLED,
    INVALID_ACCOUNT_REOPENING,
    INVALID_CHANNEL_FLOW,
    INVALID_HOST_PORT,
    UNKNOWN_DATA_TYPE,
)
from chain.modules.ica.safe import MODULE_QUERY_SAFE
from chain.modules.ica.store import HOST, HOST_PORT, Records
from chain.router import Routers, type_url
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import host_pb2
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import tx_pb2 as tx
from cosmos_pb.ibc.applications.interchain_accounts.v1 import metadata_pb2, packet_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client.addresses import interchain_account
from light_client.packet import Packet

ALLOW_ALL: Final = "*"
_ONLY_FROM_THERE: Final = "channel handshake must be initiated by controller chain"
_SENDS_NOTHING: Final = (
    "on a host channel end, a host chain does not send a packet over the channel"
)


class Host:
    """Messages, and the application behind the host port. Accounts' messages go through the chain's own table."""

    def __init__(self, auth: Auth, ibc: Ibc, routers: Routers) -> None:
        default = host_pb2.Params(host_enabled=True, allow_messages=[ALLOW_ALL])
        self.records = Records(HOST, ibc, default)
        self._auth = auth
        self._ibc = ibc
        self._routers = routers

    # Messages.

    def update_params(self, ctx: Context, msg: tx.MsgUpdateParams) -> tx.MsgUpdateParamsResponse:
        if msg.signer != self._ibc.authority:
            raise IBC_UNAUTHORIZED(f"expected {self._ibc.authority}, got {msg.signer}")
        self.records.set_params(ctx, msg.params)
        return tx.MsgUpdateParamsResponse()

    def module_query_safe(
        self, ctx: Context, msg: tx.MsgModuleQuerySafe
    ) -> tx.MsgModuleQuerySafeResponse:
        """Answers to queries that are the same on every node, for whoever asks in a message."""
        answer = tx.MsgModuleQuerySafeResponse(height=ctx.height)
        for query in msg.requests:
            if query.path not in MODULE_QUERY_SAFE:
                raise IBC_INVALID_REQUEST(f"not module query safe: {query.path}")
            if query.path not in self._routers.queries.methods:
                raise IBC_INVALID_REQUEST(f"no route to query: {query.path}")
            answer.responses.append(self._routers.queries.handle(ctx, query.path, query.data))
        return answer

    # The application behind the port: the handshake.

    def on_chan_open_init(self, *_: Any) -> str:
        raise INVALID_CHANNEL_FLOW(_ONLY_FROM_THERE)

    def on_chan_open_try(
        self,
        ctx: Context,
        order: int,  # noqa: ARG002 - the seam's signature
        hops: Sequence[str],
        port: str,
        channel: str,  # noqa: ARG002
        counterparty: Counterparty,
        counterparty_version: str,
    ) -> str:
        """Settle the terms, and make the account or find it again."""
        self._require_enabled(ctx)
        if port != HOST_PORT:
            raise INVALID_HOST_PORT(f"expected {HOST_PORT}, got {port}")
        terms = self._terms(ctx, hops[0], counterparty_version)
        metadata.validate(ctx, self._ibc, hops, terms, on_host=True)
        self._check_reopening(ctx, hops[0], port, counterparty.port)
        terms.address = self._account(ctx, hops[0], counterparty.port)
        return metadata.text(terms)

    def _terms(self, ctx: Context, connection: str, proposed: str) -> metadata_pb2.Metadata:
        """The controller's, or the default in place of what cannot be read."""
        try:
            terms = metadata.parse(proposed)
        except AbciError:
            with explaining(f"failed to retrieve connection {connection}"):
                end = self._ibc.connections.require(ctx, connection)
            terms = metadata.default(end.counterparty.connection_id, connection)
        terms.host_connection_id = connection
        return terms

    def _check_reopening(self, ctx: Context, connection: str, port: str, controller: str) -> None:
        active = self.records.active_channel(ctx, connection, controller)
        if active is None:
            return
        if self._ibc.channels.require(ctx, port, active).state != channel_pb2.STATE_CLOSED:
            raise ACTIVE_CHANNEL_ALREADY_SET(
                f"existing active channel {active} for portID {port} must be STATE_CLOSED"
            )

    def _account(self, ctx: Context, connection: str, controller: str) -> str:
        known = self.records.account(ctx, connection, controller)
        if known is None:
            return self._make_account(ctx, connection, controller)
        found = self._auth.account(ctx, known)
        if found is None or not found.owner:
            raise INVALID_ACCOUNT_REOPENING(
                f"existing account address {known}, does not have interchain account type"
            )
        return known

    def _make_account(self, ctx: Context, connection: str, controller: str) -> str:
        raw = interchain_account(connection, controller, ctx.app_hash)
        address = self._auth.address_text(raw)
        if self._auth.load(ctx, raw) is not None:
            raise ACCOUNT_ALREADY_EXIST(
                f"existing account for newly generated interchain account address {address}"
            )
        self._auth.create_interchain_account(ctx, raw, controller)
        self.records.set_account(ctx, connection, controller, address)
        return address

    def on_chan_open_ack(self, *_: Any) -> None:
        raise INVALID_CHANNEL_FLOW(_ONLY_FROM_THERE)

    def on_chan_open_confirm(self, ctx: Context, port: str, channel: str) -> None:
        self._require_enabled(ctx)
        end = self._ibc.channel(ctx, port, channel)
        if end is None:
            raise CHANNEL_NOT_FOUND(f"failed to retrieve channel {channel} on port {port}")
        at = (end.connection_hops[0], end.counterparty.port_id)
        self.records.set_active_channel(ctx, *at, channel)

    def on_chan_close_init(self, *_: Any) -> None:
        raise IBC_INVALID_REQUEST("user cannot close channel")

    def on_chan_close_confirm(self, *_: Any) -> None:
        """Nothing to decide."""

    # Packets.

    def on_recv_packet(
        self,
        ctx: Context,
        received: Packet,
        relayer: str,  # noqa: ARG002
    ) -> Acknowledgement:
        """The responses of the messages, or an error that says no more than its code."""
        channel = received.destination_channel
        if not self.records.params(ctx).host_enabled:
            disabled = bare(HOST_DISABLED)
            events.host_disabled(ctx, channel, disabled)
            return error_ack(disabled)
        try:
            done = self._execute(ctx, received)
        except OutOfGas:
            raise
        except AbciError as error:
            if PANIC.matches(error):
                raise
            events.packet(ctx, "host", channel, error)
            return error_ack(error)
        events.packet(ctx, "host", channel, None)
        return result_ack(done)

    def _execute(self, ctx: Context, received: Packet) -> bytes:
        data = packet.unmarshal(received.data)
        at = (received.destination_port, received.destination_channel)
        end = self._ibc.channel(ctx, *at)
        if end is None:
            raise IBC_NOT_FOUND(f"app version not found for port {at[0]} and channel {at[1]}")
        encoding = metadata.parse(end.version).encoding
        if data.type != packet_pb2.TYPE_EXECUTE_TX:
            raise bare(UNKNOWN_DATA_TYPE)
        with explaining("failed to deserialize interchain account transaction"):
            messages = packet.messages_of(data.data, encoding, self._routers.messages)
        with explaining("failed to execute interchain account transaction"):
            end = self._ibc.channels.require(ctx, *at)
            self._authenticate(ctx, messages, end.connection_hops[0], received.source_port)
            return self._run(ctx, messages)

    def _authenticate(
        self, ctx: Context, messages: Sequence[Message], connection: str, controller: str
    ) -> None:
        """Every message must be allowed, and signed by the account alone."""
        account = self.records.account(ctx, connection, controller)
        if account is None:
            raise ACCOUNT_NOT_FOUND(f"failed to retrieve interchain account on port {controller}")
        allowed = list(self.records.params(ctx).allow_messages)
        for message in messages:
            url = type_url(message.DESCRIPTOR.full_name)
            if allowed != [ALLOW_ALL] and url not in allowed:
                raise IBC_UNAUTHORIZED(f"message type not allowed: {url}")
            for signer in self._signers(message, url):
                if signer != account:
                    raise IBC_UNAUTHORIZED(
                        f"unexpected signer address: expected {account}, got {signer}"
                    )

    def _signers(self, message: Message, url: str) -> list[str]:
        """In this chain's spelling."""
        with explaining(f"failed to obtain message signers for message type {url}"):
            named = self._routers.messages.service(url).signers(message)
            return [self._auth.address_text(self._auth.address_bytes(one)) for one in named]

    def _run(self, ctx: Context, messages: Sequence[Message]) -> bytes:
        router = self._routers.messages
        done = abci_pb2.TxMsgData()
        with ctx.branch() as inner:
            for message in messages:
                router.service(type_url(message.DESCRIPTOR.full_name)).validate(message)
                done.msg_responses.append(router.dispatch(inner, message).response)
        return done.SerializeToString()

    def on_acknowledgement_packet(self, *_: Any) -> None:
        raise INVALID_CHANNEL_FLOW(f"cannot receive acknowledgement {_SENDS_NOTHING}")

    def on_timeout_packet(self, *_: Any) -> None:
        raise INVALID_CHANNEL_FLOW(f"cannot cause a packet timeout {_SENDS_NOTHING}")

    def _require_enabled(self, ctx: Context) -> None:
        if not self.records.params(ctx).host_enabled:
            raise bare(HOST_DISABLED)
