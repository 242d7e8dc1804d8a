"""ICS-20 over IBC v2 (``ibc-go:modules/apps/transfer/v2/ibc_module.go``): the same tokens, from client to client.

A client's identifier stands where a channel's does in IBC v1: in the hops of denominations and in escrow accounts.
wasmd puts no middleware around it, so no memo calls a contract here.
"""

from __future__ import annotations

from chain import gojson
from chain.coins import Coin
from chain.context import Context
from chain.errors import PANIC, AbciError, OutOfGas
from chain.modules.auth.module import Auth
from chain.modules.ibc.errors import IBC_INVALID_REQUEST, IBC_UNAUTHORIZED, IBC_UNKNOWN_REQUEST
from chain.modules.ibc.port import StandardAck, error_text, parse_ack
from chain.modules.ibc.v2.errors import INVALID_PACKET
from chain.modules.ibc.v2.port import FAILURE, Delivery, RecvResult, Status
from chain.modules.ibc.v2.validate import is_client_id
from chain.modules.transfer import events
from chain.modules.transfer.denom import Hop
from chain.modules.transfer.encodings import decode
from chain.modules.transfer.errors import INVALID_DENOM, RECEIVE_FAILED
from chain.modules.transfer.packet import TransferData, parse_amount
from chain.modules.transfer.tokens import PORT, Tokens
from light_client.packet_v2 import ERROR_ACKNOWLEDGEMENT

_SUCCESS = RecvResult(Status.SUCCESS, StandardAck(result=b"\x01").marshal())


class TransferV2:
    """The application behind port "transfer" of IBC v2."""

    def __init__(self, auth: Auth, tokens: Tokens) -> None:
        self._auth = auth
        self._tokens = tokens

    def on_send_packet(self, ctx: Context, delivery: Delivery, signer: str) -> None:
        """Lock or burn the coins; only their owner may send them, and no base denomination may hold a slash."""
        _check_ends(delivery)
        data = decode(delivery.payload)
        sender = self._auth.address_bytes(data.sender)
        if sender != self._auth.address_bytes(signer):
            shown = gojson.text(sender)  # ibc-go prints the bytes themselves
            raise IBC_UNAUTHORIZED(f"sender {shown} is different from signer {signer}")
        base = data.token.base
        if "/" in base:
            raise INVALID_DENOM(
                f"base denomination {base} cannot contain slashes for IBC v2 packet"
            )
        coin = Coin(data.token.local, parse_amount(data.amount))
        self._tokens.send(ctx, Hop(PORT, delivery.source_client), data.token, coin, signer)
        events.transfer(ctx, data)

    def on_recv_packet(
        self,
        ctx: Context,
        delivery: Delivery,
        relayer: str,  # noqa: ARG002 - the seam's signature
    ) -> RecvResult:
        try:
            _check_ends(delivery)
        except AbciError:
            return FAILURE
        data = TransferData()
        try:
            data = decode(delivery.payload)
            source = Hop(PORT, delivery.source_client)
            self._tokens.receive(ctx, data, source, Hop(PORT, delivery.destination_client))
        except AbciError as error:
            if isinstance(error, OutOfGas) or PANIC.matches(error):
                raise
            events.received(
                ctx, data, error, success=True
            )  # ibc-go says so, as the result is prepared
            return FAILURE
        events.received(ctx, data, None)
        return _SUCCESS

    def on_acknowledgement_packet(
        self,
        ctx: Context,
        delivery: Delivery,
        ack: bytes,
        relayer: str,  # noqa: ARG002
    ) -> None:
        standard = _standard(ack)
        data = decode(delivery.payload)
        if standard.error is not None:
            self._tokens.refund(ctx, data, Hop(PORT, delivery.source_client))
        events.acknowledged(ctx, data, standard)

    def on_timeout_packet(
        self,
        ctx: Context,
        delivery: Delivery,
        relayer: str,  # noqa: ARG002
    ) -> None:
        data = decode(delivery.payload)
        self._tokens.refund(ctx, data, Hop(PORT, delivery.source_client))
        events.timed_out(ctx, data)


def _check_ends(delivery: Delivery) -> None:
    """No handshake agreed on ports, and vouchers name only one: so both are ours, and clients have the usual form."""
    payload = delivery.payload
    if (payload.source_port, payload.destination_port) != (PORT, PORT):
        raise INVALID_PACKET(
            f"payload port ID is invalid: expected {PORT}, got sourcePort: {payload.source_port} "
            f"destPort: {payload.destination_port}"
        )
    if not (is_client_id(delivery.source_client) and is_client_id(delivery.destination_client)):
        raise INVALID_PACKET("client IDs must be in valid format: {string}-{number}")


def _standard(ack: bytes) -> StandardAck:
    """The acknowledgement as IBC v1 has it: errors all look the same in IBC v2, successes as ever."""
    if ack == ERROR_ACKNOWLEDGEMENT:
        return StandardAck(error=error_text(RECEIVE_FAILED()))
    standard = parse_ack(ack)
    if standard is None:
        raise IBC_UNKNOWN_REQUEST("cannot unmarshal ICS-20 transfer packet acknowledgement")
    if not standard.success:
        raise IBC_INVALID_REQUEST("cannot pass in a custom error acknowledgement with IBC v2")
    return standard
