"""Runs one message of a contract (wasmd ``x/wasm/keeper/handler_plugin.go``).

It goes through the chain's own message table, or is served here where no message of the chain stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from chain.context import Context
from chain.errors import UNAUTHORIZED, AbciError
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.ibc.errors import bare
from chain.modules.ibc.module import Ibc
from chain.modules.wasm import errors, keys, wire
from chain.modules.wasm.encode import coins_of, encode, height_of
from chain.modules.wasm.errors import wrapped
from chain.modules.wasm.keeper import Instance, Keeper
from chain.router import MessageRouter, type_url
from cosmos_pb.cosmwasm.wasm.v1 import ibc_pb2 as wasm_ibc
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import codec


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message left: responses of the chain's messages it became, in order."""

    responses: tuple[any_pb2.Any, ...] = ()


class ChainMessenger:
    def __init__(
        self, auth: Auth, bank: Bank, ibc: Ibc, router: MessageRouter, keeper: Keeper
    ) -> None:
        self._keeper = keeper
        self._auth = auth
        self._bank = bank
        self._ibc = ibc
        self._router = router

    def __call__(self, ctx: Context, contract: Instance, message: wire.CosmosMsg) -> Outcome:
        """The first handler that knows the message; wasm/20 from inside one counts as not knowing it, as in wasmd."""
        if not self._keeper.version.replies_deepen:
            ctx = self._keeper.deeper(ctx)
        for handler in (self._route, self._raw_packet, self._burned):
            try:
                return handler(ctx, contract, message)
            except AbciError as error:
                if not errors.UNKNOWN_MSG.matches(error):
                    raise
        raise errors.UNKNOWN_MSG("no handler found")

    def _raw_packet(self, ctx: Context, contract: Instance, wanted: wire.CosmosMsg) -> Outcome:
        if wanted.ibc is not None and wanted.ibc.send_packet is not None:
            return self._send_packet(ctx, contract, wanted.ibc.send_packet)
        late = wanted.ibc.write_acknowledgement if wanted.ibc is not None else None
        if late is not None and self._keeper.version.async_acks:
            return self._write_acknowledgement(ctx, contract, late)
        if wanted.ibc2 is not None and wanted.ibc2.write_acknowledgement is not None:
            return self._write_acknowledgement_v2(ctx, contract, wanted.ibc2.write_acknowledgement)
        raise bare(errors.UNKNOWN_MSG)

    def _burned(self, ctx: Context, contract: Instance, wanted: wire.CosmosMsg) -> Outcome:
        if wanted.bank is None or wanted.bank.burn is None:
            raise bare(errors.UNKNOWN_MSG)
        return self._burn(ctx, contract, wanted.bank.burn)

    def _route(self, ctx: Context, contract: Instance, wanted: wire.CosmosMsg) -> Outcome:
        """Hand one of the chain's messages to its module, signed by nobody but the contract."""
        message = encode(ctx, self._router, contract, wanted, self._keeper.version)
        if message is None:
            return Outcome()
        service = self._router.service(type_url(message.DESCRIPTOR.full_name))
        name = message.DESCRIPTOR.name
        with wrapped(f"failed basic validation for message type *types.{name}"):
            service.validate(message)
        signers = [self._auth.address_bytes(signer) for signer in service.signers(message)]
        if any(signer != contract.raw_address for signer in signers):
            raise UNAUTHORIZED("contract doesn't have permission")
        return Outcome((self._router.dispatch(ctx, message).response,))

    # -- messages that have no message of the chain

    def _send_packet(
        self, ctx: Context, contract: Instance, message: wire.IbcSendPacket
    ) -> Outcome:
        port = _port(contract)
        if not message.channel_id:
            raise errors.EMPTY("ibc channel")
        timeout = message.timeout
        with wrapped("channel"):
            sequence = self._ibc.send_packet(
                ctx, port, message.channel_id, height_of(timeout), timeout.nanoseconds, message.data
            )
        return _packed(wasm_ibc.MsgIBCSendResponse(sequence=sequence))

    def _write_acknowledgement(
        self, ctx: Context, contract: Instance, message: wire.IbcWriteAcknowledgement
    ) -> Outcome:
        """Acknowledge a packet that was received earlier; its stored copy is used up."""
        port = _port(contract)
        if not message.channel_id:
            raise errors.EMPTY("ibc channel")
        store = ctx.kv("wasm")
        key = keys.async_ack(port, message.channel_id, message.packet_sequence)
        stored = store.get(key)
        if stored is None:
            raise errors.INVALID("packet")
        packet = codec.packet_from_pb(channel_pb2.Packet.FromString(stored))
        with wrapped("acknowledgement"):
            self._ibc.write_acknowledgement(ctx, packet, message.ack.data)
        store.delete(key)
        return _packed(wasm_ibc.MsgIBCWriteAcknowledgementResponse())

    def _write_acknowledgement_v2(
        self, ctx: Context, contract: Instance, message: wire.Ibc2WriteAcknowledgement
    ) -> Outcome:
        """Acknowledge a packet of IBC v2 that was received earlier, by this contract and no other."""
        if not self._keeper.version.ibc2_port:
            raise bare(errors.UNKNOWN_MSG)
        client, sequence = message.destination_client, message.packet_sequence
        if not client:
            raise errors.EMPTY("ibc2 destination client")
        packet = self._ibc.async_packet_v2(ctx, client, sequence)
        if packet is None:
            raise errors.INVALID(f"no pending async packet for client {client} sequence {sequence}")
        if len(packet.payloads) != 1:
            raise errors.INVALID(f"expected 1 payload, got {len(packet.payloads)}")
        port, addressed = (
            self._keeper.port_v2(contract.address),
            packet.payloads[0].destination_port,
        )
        if addressed != port:
            raise UNAUTHORIZED(
                f"contract port {port} is not authorized to acknowledge packet addressed to port {addressed}"
            )
        with wrapped("ibc2 Write Acknowledgement"):
            self._ibc.write_acknowledgement_v2(ctx, client, sequence, [message.ack.data])
        return _packed(wasm_ibc.MsgIBCWriteAcknowledgementResponse())

    def _burn(self, ctx: Context, contract: Instance, message: wire.BankBurn) -> Outcome:
        amount = coins_of(message.amount)
        if not amount:
            raise errors.EMPTY("amount")
        with wrapped("transfer to module"):
            self._bank.send_to_module(ctx, contract.address, "wasm", amount)
        with wrapped("burn coins"):
            self._bank.burn(ctx, "wasm", amount)
        return Outcome()


def _packed(response: Message) -> Outcome:
    url = type_url(response.DESCRIPTOR.full_name)
    return Outcome((any_pb2.Any(type_url=url, value=response.SerializeToString()),))


def _port(contract: Instance) -> str:
    if not contract.info.ibc_port_id:
        raise errors.UNSUPPORTED_FOR_CONTRACT("ibc not supported")
    return contract.info.ibc_port_id
