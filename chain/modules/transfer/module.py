"""ICS-20 token transfer (``ibc-go:modules/apps/transfer``, ``keeper/msg_server.go`` and ``ibc_module.go``).

``MsgTransfer`` goes over IBC v1 where its source is a channel, else over IBC v2, whose side of packets is in ``v2.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chain.coins import Coin, amount_of, from_pb
from chain.context import Context
from chain.errors import AbciError, GenesisError, OutOfGas
from chain.modules import genesis
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.ibc.errors import (
    IBC_INVALID_REQUEST,
    IBC_INVALID_TYPE,
    IBC_UNAUTHORIZED,
    IBC_UNKNOWN_REQUEST,
    INVALID_CHANNEL_ORDERING,
    INVALID_PORT,
    bare,
    explaining,
)
from chain.modules.ibc.module import Ibc
from chain.modules.ibc.port import (
    Acknowledgement,
    Counterparty,
    StandardAck,
    error_ack,
    parse_ack,
    result_ack,
)
from chain.modules.ibc.store import enum_name
from chain.modules.ibc.v2.codec import payload_to_pb
from chain.modules.transfer import denom as denoms
from chain.modules.transfer import encodings, events, store
from chain.modules.transfer.callbacks import Callbacks, Contracts
from chain.modules.transfer.denom import VERSION, Denom, Hop
from chain.modules.transfer.errors import (
    DENOM_NOT_FOUND,
    INVALID_AMOUNT,
    INVALID_DENOM,
    INVALID_VERSION,
    MAX_CHANNELS,
    SEND_DISABLED,
)
from chain.modules.transfer.hooks import Hooks
from chain.modules.transfer.packet import (
    MAX_AMOUNT,
    TransferData,
    unmarshal,
)
from chain.modules.transfer.queries import Queries
from chain.modules.transfer.tokens import PORT, Tokens
from chain.modules.transfer.v2 import TransferV2
from chain.modules.transfer.validate import validate_params, validate_transfer
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.ibc.applications.transfer.v1 import token_pb2, transfer_pb2, tx_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as channel_v2_tx
from light_client import host
from light_client.codec import height_from_pb
from light_client.packet import Packet
from light_client.packet_v2 import Payload

_MAX_CHANNEL = 2**32 - 1


class Transfer:
    """The module and the application behind its port; it routes itself there."""

    name = "transfer"
    stores: tuple[str, ...] = (store.STORE,)

    def __init__(self, auth: Auth, bank: Bank, ibc: Ibc, messages: MessageRouter) -> None:
        self._auth = auth
        self._bank = bank
        self._ibc = ibc
        self._messages = messages
        self.tokens = Tokens(auth, bank)
        self._callbacks: Callbacks | None = None
        self._hooks: Hooks | None = None
        ibc.route(PORT, self)
        ibc.route_v2(PORT, TransferV2(auth, self.tokens))

    def call_back(self, contracts: Contracts) -> None:
        """From now on contracts hear of the packets whose memos name them."""
        self._callbacks = Callbacks(self._ibc, contracts)

    def hook(self, hooks: Hooks) -> None:
        """From now on memos may call contracts, on chains whose genesis says so."""
        self._hooks = hooks

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        messages.register(
            tx_pb2.MsgTransfer, self.transfer, lambda msg: (msg.sender,), validate_transfer
        )
        messages.register(
            tx_pb2.MsgUpdateParams, self.update_params, lambda msg: (msg.signer,), validate_params
        )
        Queries(self._auth, self._ibc).register(queries)

    # Genesis.

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        known = {"port_id", "denoms", "params", "total_escrowed"}
        if state.keys() - known:
            unknown = ", ".join(sorted(state.keys() - known))
            raise GenesisError(f"app_state.transfer: unknown field {unknown}")
        store.set_port(ctx, state.get("port_id", PORT))
        default = {"send_enabled": True, "receive_enabled": True}
        params = state.get("params", default)
        store.set_params(ctx, genesis.read(transfer_pb2.Params, params, self.name))
        for item in state.get("denoms", ()):
            denom = denoms.from_pb(genesis.read(token_pb2.Denom, item, self.name))
            store.set_denom(ctx, denom)
            self.tokens.describe(ctx, denom)
        for item in state.get("total_escrowed", ()):
            store.set_escrowed(ctx, item["denom"], amount_of(item["amount"]))

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        ordered = sorted(store.all_denoms(ctx), key=Denom.sort_key)
        return {
            "port_id": store.port(ctx),
            "denoms": [genesis.write(denom.to_pb()) for denom in ordered],
            "params": genesis.write(store.params(ctx)),
            "total_escrowed": [genesis.write(coin.to_pb()) for coin in store.all_escrowed(ctx)],
        }

    # Messages.

    def transfer(self, ctx: Context, msg: tx_pb2.MsgTransfer) -> tx_pb2.MsgTransferResponse:
        """Lock or burn the sender's coins and send the packet; 2^256-1 of a coin means all of it."""
        if not store.params(ctx).send_enabled:
            raise bare(SEND_DISABLED)
        coin = self._wanted(ctx, msg)
        denom = self._denom_of(ctx, coin.denom)
        data = TransferData(denom.path, str(coin.amount), msg.sender, msg.receiver, msg.memo)
        with explaining(f"failed to validate {VERSION} packet data"):
            data.validate()
        channel = self._ibc.channel(ctx, msg.source_port, msg.source_channel)
        if channel is None:
            sequence = self._send_v2(ctx, msg, data)
            return tx_pb2.MsgTransferResponse(sequence=sequence)
        self.tokens.send(ctx, Hop(PORT, msg.source_channel), denom, coin, msg.sender)
        sequence = self._send(ctx, msg, data)
        events.transfer(ctx, data)
        return tx_pb2.MsgTransferResponse(sequence=sequence)

    def _send_v2(self, ctx: Context, msg: tx_pb2.MsgTransfer, data: TransferData) -> int:
        """What is no channel is a client of IBC v2, or nobody; its packet goes through the message table."""
        encoding = msg.encoding or encodings.JSON
        payload = Payload(PORT, PORT, VERSION, encoding, encodings.encode(data, encoding))
        sending = channel_v2_tx.MsgSendPacket(
            source_client=msg.source_channel,
            timeout_timestamp=msg.timeout_timestamp,
            payloads=[payload_to_pb(payload)],
            signer=msg.sender,
        )
        sent = self._messages.dispatch(ctx, sending, validate=True)
        response = channel_v2_tx.MsgSendPacketResponse.FromString(sent.response.value)
        return response.sequence

    def _send(self, ctx: Context, msg: tx_pb2.MsgTransfer, data: TransferData) -> int:
        """Through the hooks and the callbacks to core; the sequence that the response tells."""
        hooks = self._hooks_on(ctx)
        data, wish = hooks.leaving(data) if hooks else (data, None)
        channel, raw = msg.source_channel, data.marshal()
        timeouts = (height_from_pb(msg.timeout_height), msg.timeout_timestamp)
        sequence = self._ibc.send_packet(ctx, PORT, channel, *timeouts, raw)
        if self._callbacks is not None:
            packet = Packet(sequence, PORT, channel, "", "", raw, *timeouts)
            self._callbacks.sent(ctx, packet)
        if hooks and wish is not None and not hooks.sent(ctx, channel, sequence, wish):
            return 0  # as ibc-hooks does when nobody can be told
        return sequence

    def _hooks_on(self, ctx: Context) -> Hooks | None:
        return self._hooks if self._hooks is not None and self._hooks.enabled(ctx) else None

    def update_params(
        self, ctx: Context, msg: tx_pb2.MsgUpdateParams
    ) -> tx_pb2.MsgUpdateParamsResponse:
        if msg.signer != self._ibc.authority:
            raise IBC_UNAUTHORIZED(f"expected {self._ibc.authority}, got {msg.signer}")
        store.set_params(ctx, msg.params)
        return tx_pb2.MsgUpdateParamsResponse()

    # The application behind the port.

    def on_chan_open_init(
        self,
        ctx: Context,
        order: int,
        hops: Sequence[str],  # noqa: ARG002 - the seam's signature
        port: str,
        channel: str,
        counterparty: Counterparty,  # noqa: ARG002
        version: str,
    ) -> str:
        self._check_channel(ctx, order, port, channel)
        proposed = version if version.strip() else VERSION
        if proposed != VERSION:
            raise INVALID_VERSION(f"expected one of [{VERSION}], got {proposed}")
        return proposed

    def on_chan_open_try(
        self,
        ctx: Context,
        order: int,
        hops: Sequence[str],  # noqa: ARG002
        port: str,
        channel: str,
        counterparty: Counterparty,  # noqa: ARG002
        counterparty_version: str,  # noqa: ARG002 - whatever it is, ours is the answer; Ack decides
    ) -> str:
        self._check_channel(ctx, order, port, channel)
        return VERSION

    def on_chan_open_ack(
        self,
        ctx: Context,  # noqa: ARG002
        port: str,  # noqa: ARG002
        channel: str,  # noqa: ARG002
        counterparty_channel: str,  # noqa: ARG002
        counterparty_version: str,
    ) -> None:
        if counterparty_version != VERSION:
            raise INVALID_VERSION(
                f"invalid counterparty version: expected one of [{VERSION}], "
                f"got {counterparty_version}"
            )

    def on_chan_open_confirm(self, ctx: Context, port: str, channel: str) -> None:
        """Nothing to decide."""

    def on_chan_close_init(
        self,
        ctx: Context,  # noqa: ARG002
        port: str,  # noqa: ARG002
        channel: str,  # noqa: ARG002
    ) -> None:
        raise IBC_INVALID_REQUEST("user cannot close channel")

    def on_chan_close_confirm(self, ctx: Context, port: str, channel: str) -> None:
        """Nothing to decide."""

    def on_recv_packet(
        self,
        ctx: Context,
        packet: Packet,
        relayer: str,  # noqa: ARG002
    ) -> Acknowledgement:
        hooks = self._hooks_on(ctx)
        ack = hooks.received(ctx, packet, self._take_in) if hooks else self._take_in(ctx, packet)
        return ack if self._callbacks is None else self._callbacks.received(ctx, packet, ack)

    def _take_in(self, ctx: Context, packet: Packet) -> Acknowledgement:
        data = TransferData()
        try:
            data = unmarshal(packet.data)
            source = Hop(packet.source_port, packet.source_channel)
            here = Hop(packet.destination_port, packet.destination_channel)
            self.tokens.receive(ctx, data, source, here)
        except OutOfGas:
            raise
        except AbciError as error:
            events.received(ctx, data, error)
            return error_ack(error)
        events.received(ctx, data, None)
        return result_ack(b"\x01")

    def on_acknowledgement_packet(
        self,
        ctx: Context,
        packet: Packet,
        ack: bytes,
        relayer: str,
    ) -> None:
        standard = parse_ack(ack)
        if standard is None:
            raise IBC_UNKNOWN_REQUEST("cannot unmarshal ICS-20 transfer packet acknowledgement")
        data = unmarshal(packet.data)
        _check_bytes(standard, ack)
        if standard.error is not None:
            self.tokens.refund(ctx, data, Hop(packet.source_port, packet.source_channel))
        elif not standard.success:
            raise IBC_INVALID_TYPE("expected a result or an error, got neither")
        events.acknowledged(ctx, data, standard)
        if hooks := self._hooks_on(ctx):
            hooks.acknowledged(ctx, packet, ack)
        if self._callbacks is not None:
            self._callbacks.acknowledged(ctx, packet, ack, relayer)

    def on_timeout_packet(self, ctx: Context, packet: Packet, relayer: str) -> None:
        data = unmarshal(packet.data)
        self.tokens.refund(ctx, data, Hop(packet.source_port, packet.source_channel))
        events.timed_out(ctx, data)
        if hooks := self._hooks_on(ctx):
            hooks.timed_out(ctx, packet)
        if self._callbacks is not None:
            self._callbacks.timed_out(ctx, packet, relayer)

    # Parts.

    def _wanted(self, ctx: Context, msg: tx_pb2.MsgTransfer) -> Coin:
        (coin,) = from_pb([msg.token])
        if coin.amount != MAX_AMOUNT:
            return coin
        balance = self._bank.balance(ctx, msg.sender, coin.denom)
        if not balance:
            raise INVALID_AMOUNT(f"empty spendable balance for {coin.denom}")
        return Coin(coin.denom, balance)

    def _denom_of(self, ctx: Context, local: str) -> Denom:
        """What a denomination of this chain's bank stands for; transfer/6 for a voucher that never came."""
        prefix = f"{denoms.PREFIX}/"
        if not local.startswith(prefix):
            return Denom(local)
        text = local.removeprefix(prefix)
        try:
            found = store.denom(ctx, denoms.parse_hash(text))
        except ValueError as error:
            raise INVALID_DENOM(str(error)) from error
        if found is None:
            raise DENOM_NOT_FOUND(text)
        return found

    def _check_channel(self, ctx: Context, order: int, port: str, channel: str) -> None:
        with explaining():
            number = host.parse_channel_id(channel)
        if number > _MAX_CHANNEL:
            raise MAX_CHANNELS(
                f"channel sequence {number} is greater than max allowed transfer channels "
                f"{_MAX_CHANNEL}"
            )
        if order != channel_pb2.ORDER_UNORDERED:
            raise INVALID_CHANNEL_ORDERING(
                f"expected ORDER_UNORDERED channel, got {enum_name(channel_pb2.Order, order)} "
            )
        bound = store.port(ctx)
        if port != bound:
            raise INVALID_PORT(f"invalid port: {port}, expected {bound}")


def _check_bytes(standard: StandardAck, ack: bytes) -> None:
    """An acknowledgement that could be written in two ways is refused (ASA-2025-004)."""
    expected = standard.marshal()
    if expected != ack:
        raise IBC_INVALID_TYPE(
            "acknowledgement did not marshal to expected bytes: "
            f"{expected.hex().upper()} ≠ {ack.hex().upper()}"
        )
