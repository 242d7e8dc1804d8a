"""Contracts that hear of transfers (wasmd ``x/wasm/ibc.go``, the ContractKeeper of ibc-callbacks)."""

from __future__ import annotations

from typing import Any

from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc.port import Acknowledgement
from chain.modules.transfer import store as transfer_store
from chain.modules.transfer.packet import arrived, unmarshal
from chain.modules.wasm import errors, wire
from chain.modules.wasm.errors import wrapped
from chain.modules.wasm.ibc import call_basic
from chain.modules.wasm.keeper import Keeper
from light_client.packet import Packet


class ContractCallbacks:
    """Satisfies ``chain.modules.transfer.callbacks.Contracts``."""

    panics: type[AbciError] = errors.Panic

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def sending(self, contract: str, sender: str) -> None:
        """No contract is called; but who is named must be who sends."""
        self._check_sender(contract, sender)

    def acknowledged(
        self, ctx: Context, packet: Packet, ack: bytes, relayer: str, contract: str, sender: str
    ) -> None:
        self._check_sender(contract, sender)
        message = {"acknowledgement": wire.acknowledged(packet, ack, relayer)}
        with wrapped("on source chain callback ack"):
            call_basic(self._keeper, ctx, contract, "ibc_source_callback", message)

    def timed_out(
        self, ctx: Context, packet: Packet, relayer: str, contract: str, sender: str
    ) -> None:
        self._check_sender(contract, sender)
        message = {"timeout": wire.relayed(packet, relayer)}
        with wrapped("on source chain callback timeout"):
            call_basic(self._keeper, ctx, contract, "ibc_source_callback", message)

    def received(self, ctx: Context, packet: Packet, ack: Acknowledgement, contract: str) -> None:
        self._keeper.auth.acc_address_bytes(contract)
        message: dict[str, Any] = {"ack": {"data": ack.data}, "packet": wire.packet(packet)}
        told = self._keeper.version.transfers
        if told and packet.destination_port == transfer_store.port(ctx) and ack.success:
            message["transfer"] = self._transfer(packet)
        with wrapped("on destination chain callback"):
            call_basic(self._keeper, ctx, contract, "ibc_destination_callback", message)

    def _transfer(self, packet: Packet) -> dict[str, Any]:
        """What arrived, by the name that it has here."""
        with wrapped("unmarshal transfer packet data"):
            data = unmarshal(packet.data)
        receiver = self._keeper.auth.acc_address_bytes(data.receiver)
        return {
            "funds": [{"denom": arrived(data.token, packet).local, "amount": data.amount}],
            "receiver": self._keeper.auth.address_text(receiver),
            "sender": data.sender,
        }

    def _check_sender(self, contract: str, sender: str) -> None:
        """``validateSender``: only the contract that sent the packet hears of it."""
        with wrapped("contract address"):
            named = self._keeper.auth.acc_address_bytes(contract)
        with wrapped("packet sender address"):
            sent_by = self._keeper.auth.acc_address_bytes(sender)
        if named != sent_by:
            raise errors.EXECUTE_FAILED(
                f"contract address {contract} does not match packet sender {sender}"
            )
