"""Contracts as IBC applications: ports ``wasm.<address>`` (wasmd ``x/wasm/ibc.go``, ``keeper/relay.go``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from chain import gojson
from chain.context import Context
from chain.errors import AbciError, OutOfGas
from chain.modules.ibc.module import Ibc
from chain.modules.ibc.port import Acknowledgement, Counterparty
from chain.modules.wasm import errors, keys, wire
from chain.modules.wasm.answers import channel as wire_channel
from chain.modules.wasm.errors import Panic, wrapped
from chain.modules.wasm.keeper import Keeper
from chain.modules.wasm.results import decode, existing, judge
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import codec
from light_client.packet import Packet

PORT_PREFIX: Final = "wasm."
MAX_CHANNEL_SEQUENCE: Final = 2**32 - 1


class ContractPort:
    """Satisfies ``chain.modules.ibc.port.PortModule`` for every contract."""

    def __init__(self, keeper: Keeper, ibc: Ibc) -> None:
        self._keeper = keeper
        self._ibc = ibc

    # -- handshake

    def on_chan_open_init(
        self,
        ctx: Context,
        order: int,
        hops: Sequence[str],
        port: str,
        channel: str,
        counterparty: Counterparty,
        version: str,
    ) -> str:
        _check_channel(channel)
        proposed = _proposal(order, hops, port, channel, counterparty, version)
        accepted = self._open(ctx, port, {"open_init": {"channel": proposed}})
        if not accepted and not version:
            raise errors.EMPTY("version")
        return accepted or version

    def on_chan_open_try(
        self,
        ctx: Context,
        order: int,
        hops: Sequence[str],
        port: str,
        channel: str,
        counterparty: Counterparty,
        counterparty_version: str,
    ) -> str:
        _check_channel(channel)
        proposed = _proposal(order, hops, port, channel, counterparty, counterparty_version)
        message = {"channel": proposed, "counterparty_version": counterparty_version}
        return self._open(ctx, port, {"open_try": message}) or counterparty_version

    def on_chan_open_ack(
        self,
        ctx: Context,
        port: str,
        channel: str,
        counterparty_channel: str,
        counterparty_version: str,
    ) -> None:
        end = self._channel(ctx, port, channel)
        end.counterparty.channel_id = counterparty_channel
        shown = wire_channel(port, channel, end)
        message = {"channel": shown, "counterparty_version": counterparty_version}
        self._basic(ctx, port, "ibc_channel_connect", {"open_ack": message})

    def on_chan_open_confirm(self, ctx: Context, port: str, channel: str) -> None:
        shown = wire_channel(port, channel, self._channel(ctx, port, channel))
        self._basic(ctx, port, "ibc_channel_connect", {"open_confirm": {"channel": shown}})

    def on_chan_close_init(self, ctx: Context, port: str, channel: str) -> None:
        shown = wire_channel(port, channel, self._channel(ctx, port, channel))
        self._basic(ctx, port, "ibc_channel_close", {"close_init": {"channel": shown}})

    def on_chan_close_confirm(self, ctx: Context, port: str, channel: str) -> None:
        shown = wire_channel(port, channel, self._channel(ctx, port, channel))
        self._basic(ctx, port, "ibc_channel_close", {"close_confirm": {"channel": shown}})

    # -- packets

    def on_recv_packet(self, ctx: Context, packet: Packet, relayer: str) -> Acknowledgement | None:
        """The contract's own bytes are a success even when they say error; its ``Err`` is an error acknowledgement.

        A trap ends the whole transaction, so that nothing of the packet is kept.
        """
        inner = ctx.fork()
        failure: AbciError | None = None
        try:
            ack = self._receive(inner, packet, relayer)
        except (OutOfGas, Panic):
            raise
        except AbciError as error:
            failure = error
            text = f"ABCI error: {error.codespace}/{error.code}: error handling packet: see events for details"
            ack = error_acknowledgement(text)
        if failure is None and (ack is None or ack.success):
            ctx.merge(inner)
        _report(ctx, _contract(packet.destination_port), ack, failure)
        return ack

    def _receive(self, ctx: Context, packet: Packet, relayer: str) -> Acknowledgement | None:
        message = wire.relayed(packet, relayer)
        address = _contract(packet.destination_port)
        try:
            instance, data = self._keeper.ibc_call(ctx, address, "ibc_packet_receive", message)
            result = decode(data, wire.ContractResult)
        except AbciError as error:
            if errors.VM_ERROR.matches(error):
                raise Panic(errors.of_vm(error)) from error
            raise
        if result.error:
            return error_acknowledgement(result.error)
        response = existing(result.ok)
        ack = self._keeper.respond(ctx, instance, response, response.acknowledgement)
        if ack is None and self._keeper.version.async_acks:
            self._keep_for_later(ctx, packet)
            return None
        return Acknowledgement(ack or b"", success=True)

    def _keep_for_later(self, ctx: Context, packet: Packet) -> None:
        """The contract may acknowledge the packet whenever it likes, once."""
        key = keys.async_ack(packet.destination_port, packet.destination_channel, packet.sequence)
        ctx.kv("wasm").set(key, codec.packet_to_pb(packet).SerializeToString())

    def on_acknowledgement_packet(
        self, ctx: Context, packet: Packet, ack: bytes, relayer: str
    ) -> None:
        with wrapped("on ack"):
            message = wire.acknowledged(packet, ack, relayer)
            self._basic(ctx, packet.source_port, "ibc_packet_ack", message)

    def on_timeout_packet(self, ctx: Context, packet: Packet, relayer: str) -> None:
        with wrapped("on timeout"):
            message = wire.relayed(packet, relayer)
            self._basic(ctx, packet.source_port, "ibc_packet_timeout", message)

    # -- pieces

    def _open(self, ctx: Context, port: str, message: dict[str, Any]) -> str:
        """``ibc_channel_open``; the version that the contract insists on, or nothing."""
        with told_as_failure():
            _, data = self._keeper.ibc_call(ctx, _contract(port), "ibc_channel_open", message)
            result = decode(data, wire.ChannelOpenResult)
        if result.error:
            raise errors.ContractError(errors.EXECUTE_FAILED, result.error)
        return result.ok.version if result.ok is not None else ""

    def _basic(self, ctx: Context, port: str, entry: str, message: dict[str, Any]) -> None:
        call_basic(self._keeper, ctx, _contract(port), entry, message)

    def _channel(self, ctx: Context, port: str, channel: str) -> channel_pb2.Channel:
        end = self._ibc.channel(ctx, port, channel)
        if end is None:
            raise AbciError(
                "channel", 3, f"port ID ({port}) channel ID ({channel}): channel not found"
            )
        self._ibc.channel(ctx, port, channel)  # wasmd asks for the version apart, at a cost
        return end


def call_basic(
    keeper: Keeper, ctx: Context, address: str, entry: str, message: dict[str, Any]
) -> None:
    """An entry point that answers with an ``IbcBasicResponse``."""
    with told_as_failure():
        instance, data = keeper.ibc_call(ctx, address, entry, message)
        response = judge(data, errors.EXECUTE_FAILED)
    keeper.respond(ctx, instance, response, None)


@contextmanager
def told_as_failure() -> Iterator[None]:
    """Outside of packet receipt, what the VM says goes under wasm/5."""
    try:
        yield
    except AbciError as error:
        if errors.VM_ERROR.matches(error):
            raise errors.EXECUTE_FAILED(errors.of_vm(error)) from error
        raise


def error_acknowledgement(text: str) -> Acknowledgement:
    """The standard error acknowledgement: ``{"error": text}``."""
    return Acknowledgement(gojson.encode({"error": text}), success=False)


def _report(
    ctx: Context, address: str, ack: Acknowledgement | None, failure: AbciError | None
) -> None:
    success = failure is None and (ack is None or ack.success)
    attributes = [
        ("module", "wasm"),
        ("_contract_address", address),
        ("success", "true" if success else "false"),
    ]
    if failure is not None:
        attributes.append(("error", failure.log))
    ctx.emit("ibc_packet_received", *attributes)


def _contract(port: str) -> str:
    if not port.startswith(PORT_PREFIX):
        raise errors.INVALID("without prefix").wrap("contract port id")
    return port.removeprefix(PORT_PREFIX)


def _check_channel(channel: str) -> None:
    sequence = int(channel.removeprefix("channel-"))
    if sequence > MAX_CHANNEL_SEQUENCE:
        raise errors.MAX_IBC_CHANNELS(
            f"channel sequence {sequence} is greater than max allowed transfer channels {MAX_CHANNEL_SEQUENCE}"
        )


def _proposal(
    order: int, hops: Sequence[str], port: str, channel: str, other: Counterparty, version: str
) -> dict[str, Any]:
    return wire.channel(
        port,
        channel,
        (other.port, other.channel),
        channel_pb2.Order.Name(channel_pb2.Order.ValueType(order)),
        version,
        hops[0],
    )
