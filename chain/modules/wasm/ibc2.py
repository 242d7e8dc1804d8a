"""Contracts as applications of IBC v2: ports ``wasm2<address without its prefix>`` (wasmd ``x/wasm/keeper/ibc2.go``).

No entry point of IBC v2 pays for its set-up there, unlike those of IBC v1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from chain.context import Context
from chain.errors import PANIC, AbciError, OutOfGas
from chain.modules.ibc.errors import IBC_UNAUTHORIZED
from chain.modules.ibc.v2.port import FAILURE, LATER, Delivery, RecvResult, Status, no_route
from chain.modules.wasm import errors, wire
from chain.modules.wasm.errors import Panic, wrapped
from chain.modules.wasm.ibc import told_as_failure
from chain.modules.wasm.keeper import Instance, Keeper
from chain.modules.wasm.results import decode, existing, judge

PORT_PREFIX: Final = "wasm2"


class ContractPortV2:
    """Satisfies ``chain.modules.ibc.v2.port.PortModuleV2`` for every contract."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def on_send_packet(self, ctx: Context, delivery: Delivery, signer: str) -> None:
        """The contract may refuse what it sends itself, by a message of its own or by one that it is made to send."""
        address = self._certain(delivery.payload.source_port)
        if signer != address:
            raise IBC_UNAUTHORIZED(f"signer {signer} is different from contract {address}")
        with wrapped("on ibc2 send"):
            self._basic(ctx, address, "ibc2_packet_send", wire.sent_v2(delivery, signer))

    def on_recv_packet(self, ctx: Context, delivery: Delivery, relayer: str) -> RecvResult:
        """A trap ends the whole transaction; what a contract says is heard only with its acknowledgement."""
        address = self._certain(delivery.payload.destination_port)
        inner = ctx.fork()
        try:
            result = self._receive(inner, address, wire.received_v2(delivery, relayer))
        except AbciError as error:
            if isinstance(error, OutOfGas) or PANIC.matches(error):
                raise
            result = FAILURE
        if result.status is not Status.FAILURE:
            ctx.merge(inner, events=result.status is Status.SUCCESS)
        success = "false" if result.status is Status.FAILURE else "true"
        told = (("module", "wasm"), ("_contract_address", address), ("success", success))
        ctx.emit("ibc_packet_received", *told)
        return result

    def _receive(self, ctx: Context, address: str, message: dict[str, Any]) -> RecvResult:
        try:
            instance, data = self._keeper.ibc_call(ctx, address, "ibc2_packet_receive", message)
            answer = decode(data, wire.ContractResult)
        except AbciError as error:
            if errors.VM_ERROR.matches(error):
                raise Panic(errors.of_vm(error)) from error
            raise
        if answer.error:
            return FAILURE
        response = existing(answer.ok)
        ack = self._keeper.respond(ctx, _of_v2(instance), response, response.acknowledgement)
        return LATER if ack is None else RecvResult(Status.SUCCESS, ack)

    def on_acknowledgement_packet(
        self, ctx: Context, delivery: Delivery, ack: bytes, relayer: str
    ) -> None:
        address = self._address(delivery.payload.source_port)
        with wrapped("on ack"):
            message = wire.acknowledged_v2(delivery, ack, relayer)
            self._basic(ctx, address, "ibc2_packet_ack", message)

    def on_timeout_packet(self, ctx: Context, delivery: Delivery, relayer: str) -> None:
        address = self._address(delivery.payload.source_port)
        with wrapped("on timeout"):
            message = wire.timed_out_v2(delivery, relayer)
            self._basic(ctx, address, "ibc2_packet_timeout", message)

    # -- pieces

    def _basic(self, ctx: Context, address: str, entry: str, message: dict[str, Any]) -> None:
        """An entry point that answers with an ``IbcBasicResponse``."""
        with told_as_failure():
            instance, data = self._keeper.ibc_call(ctx, address, entry, message)
            response = judge(data, errors.EXECUTE_FAILED)
        self._keeper.respond(ctx, _of_v2(instance), response, None)

    def _address(self, port: str) -> str:
        """The contract behind a port, which need not exist; releases before 0.61 have no such ports."""
        if not self._keeper.version.ibc2_port:
            raise no_route(port)
        auth = self._keeper.auth
        with wrapped("contract port id"):
            raw = auth.acc_address_bytes(auth.prefix + port.removeprefix(PORT_PREFIX))
        return auth.address_text(raw)

    def _certain(self, port: str) -> str:
        """Where wasmd panics about a port that names no address."""
        try:
            return self._address(port)
        except AbciError as error:
            if PANIC.matches(error):
                raise
            reason = error.log.removeprefix("contract port id: ")
            raise Panic(f"Invalid contract port id: {reason}") from error


def _of_v2(instance: Instance) -> Instance:
    """The contract as its messages see it: wasmd takes the port of IBC v2 for its only one here."""
    info = type(instance.info).FromString(instance.info.SerializeToString())
    info.ibc_port_id = info.ibc2_port_id
    return replace(instance, info=info)
