"""Transfers that call contracts: ibc-hooks (``cosmos/ibc-apps:modules/ibc-hooks``, first of Osmosis).

On arrival a memo may name a contract, which must be the receiver, and what to tell it::

    {"wasm": {"contract": ..., "msg": {...}}}

The tokens go to an account that stands for the sender on the other chain, and that account executes the contract with
them. What the contract refuses goes back. On the way out a memo may name who is told how it went, through ``sudo``::

    {"ibc_callback": contract}

wasmd has none of this, so a chain has it only if its genesis says so: ``app_state.ibchooks.enabled``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from chain import gojson
from chain.coins import Coin
from chain.context import Context
from chain.errors import PANIC, AbciError, GenesisError, OutOfGas, Registered
from chain.modules.auth.module import Auth
from chain.modules.ibc.port import Acknowledgement, error_ack, result_ack
from chain.modules.transfer import memo as memos
from chain.modules.transfer.packet import TransferData, arrived, parse_amount, unmarshal
from chain.router import MessageRouter, QueryRouter
from light_client.addresses import hooked
from light_client.packet import Packet

STORE: Final = "hooks-for-ibc"
BAD_MESSAGE: Final = Registered("ibchooks", 2, "error in wasmhook message validation")
WASM_ERROR: Final = Registered("wasm-hooks", 6, "wasm error")

_ENABLED: Final = b"enabled"

Receive = Callable[[Context, Packet], Acknowledgement]


class Executor(Protocol):
    """Contracts that are called; both methods refuse by raising AbciError."""

    def execute(
        self, ctx: Context, contract: str, sender: str, message: bytes, funds: Sequence[Coin]
    ) -> bytes | None:
        """The data that the contract answered with."""
        ...

    def sudo(self, ctx: Context, contract: str, message: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """What a memo asks for."""

    contract: str
    message: bytes


class Hooks:
    """Stands between ICS-20 and the callbacks of ADR-8. Also the module that knows whether it does."""

    name = "ibchooks"
    stores: tuple[str, ...] = (STORE,)

    def __init__(self, auth: Auth, contracts: Executor) -> None:
        self._auth = auth
        self._contracts = contracts

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        """There is nothing to send and nothing to ask."""

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        if state.keys() - {"enabled"} or not isinstance(state.get("enabled", False), bool):
            raise GenesisError(f"app_state.{self.name}: expected enabled and a bool, got {state}")
        if state.get("enabled"):
            ctx.kv(STORE).set(_ENABLED, b"\x01")

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        return {"enabled": self.enabled(ctx)}

    def enabled(self, ctx: Context) -> bool:
        """Part of the program elsewhere, so asking costs no gas."""
        return ctx.store.get(STORE, _ENABLED) is not None

    # Arrival.

    def received(self, ctx: Context, packet: Packet, receive: Receive) -> Acknowledgement:
        """``receive`` takes the tokens in; with a call in the memo they are its caller's first."""
        try:
            data = unmarshal(packet.data)
        except AbciError:
            return receive(ctx, packet)
        try:
            call = self._wanted(data)
        except AbciError as error:
            return _refuse(ctx, BAD_MESSAGE, error)
        if call is None:
            return receive(ctx, packet)
        caller = self._auth.address_text(hooked(packet.destination_channel, data.sender))
        taken = replace(packet, data=replace(data, receiver=caller).marshal())
        ack = receive(ctx, taken)
        return self._execute(ctx, packet, data, caller, call, ack) if ack.success else ack

    def _execute(
        self,
        ctx: Context,
        packet: Packet,
        data: TransferData,
        caller: str,
        call: Call,
        ack: Acknowledgement,
    ) -> Acknowledgement:
        funds = (Coin(arrived(data.token, packet).local, parse_amount(data.amount)),)
        try:
            result = self._contracts.execute(ctx, call.contract, caller, call.message, funds)
        except OutOfGas:
            raise
        except AbciError as error:
            if PANIC.matches(error):
                raise
            return _refuse(ctx, WASM_ERROR, error)
        return result_ack(gojson.encode({"contract_result": result, "ibc_ack": ack.data}))

    def _wanted(self, data: TransferData) -> Call | None:
        """None for a memo that asks for no call; raises AbciError for one that asks in a wrong way."""
        members = memos.members(data.memo)
        if members is None or "wasm" not in members:
            return None
        wish = members["wasm"]
        if not isinstance(wish, dict):
            raise _malformed(data, "wasm metadata is not a valid JSON map object")
        contract, message = wish.get("contract"), wish.get("msg")
        if not isinstance(contract, str):
            raise _malformed(data, 'Could not find key wasm["contract"]')
        if not self._is_address(contract):
            raise _malformed(data, 'wasm["contract"] is not a valid bech32 address')
        if contract != data.receiver:
            raise _malformed(
                data, 'wasm["contract"] should be the same as the receiver of the packet'
            )
        if message is None:
            raise _malformed(data, 'Could not find key wasm["msg"]')
        if not isinstance(message, dict):
            raise _malformed(data, 'wasm["msg"] is not a map object')
        return Call(contract.lower(), memos.write(message))

    # Departure, and what comes of it.

    def leaving(self, data: TransferData) -> tuple[TransferData, str | None]:
        """What travels, and who is to hear of it (None: nobody asked); the other chain does not see that wish."""
        members = memos.members(data.memo)
        if members is None or "ibc_callback" not in members:
            return data, None
        wish = members.pop("ibc_callback")
        left = memos.write(members).decode() if members else ""
        return replace(data, memo=left), wish if isinstance(wish, str) else ""

    def sent(self, ctx: Context, channel: str, sequence: int, wish: str) -> bool:
        """Remember who is told; False, and nobody is, when that is no address."""
        if not self._is_address(wish):
            return False
        ctx.kv(STORE).set(_key(channel, sequence), wish.encode())
        return True

    def acknowledged(self, ctx: Context, packet: Packet, ack: bytes) -> None:
        """A contract that refuses keeps the acknowledgement from being taken, as often as it is brought."""
        contract = self._listener(ctx, packet)
        if contract is None:
            return
        told = base64.b64encode(ack).decode()
        success = "false" if _is_error(ack) else "true"
        about = f'{_about(packet)}, "ack": "{told}", "success": {success}'
        try:
            self._contracts.sudo(ctx, contract, _lifecycle("ibc_ack", about))
        except OutOfGas:
            raise
        except AbciError as error:
            if PANIC.matches(error):
                raise
            raise error.wrap("Ack callback error") from error
        ctx.kv(STORE).delete(_key(packet.source_channel, packet.sequence))

    def timed_out(self, ctx: Context, packet: Packet) -> None:
        """A contract that refuses changes nothing, here or in its own state."""
        contract = self._listener(ctx, packet)
        if contract is None:
            return
        message = _lifecycle("ibc_timeout", _about(packet))
        inner = ctx.fork()
        try:
            self._contracts.sudo(inner, contract, message)
        except OutOfGas:
            raise
        except AbciError as error:
            if PANIC.matches(error):
                raise
            ctx.emit(
                "ibc-timeout-callback-error",
                ("contract", contract),
                ("message", message.decode()),
                ("error", error.log),
            )
        else:
            ctx.merge(inner)
        ctx.kv(STORE).delete(_key(packet.source_channel, packet.sequence))

    def _listener(self, ctx: Context, packet: Packet) -> str | None:
        stored = ctx.kv(STORE).get(_key(packet.source_channel, packet.sequence))
        return None if stored is None else stored.decode().lower()

    def _is_address(self, text: str) -> bool:
        try:
            self._auth.acc_address_bytes(text)
        except AbciError:
            return False
        return True


def _key(channel: str, sequence: int) -> bytes:
    return f"{channel}::{sequence}".encode()


def _about(packet: Packet) -> str:
    return f'"channel": "{packet.source_channel}", "sequence": {packet.sequence}'


def _lifecycle(kind: str, about: str) -> bytes:
    return f'{{"ibc_lifecycle_complete": {{"{kind}": {{{about}}}}}}}'.encode()


def _is_error(ack: bytes) -> bool:
    """``IsJSONAckError``: an object with a text of some length under ``error``, in any case."""
    try:
        members = gojson.loads(ack)
    except ValueError:
        return False
    if not isinstance(members, gojson.Pairs):
        return False
    errors = [value for name, value in members if name.casefold() == "error" and value is not None]
    return bool(errors and errors[-1]) and all(isinstance(error, str) for error in errors)


def _malformed(data: TransferData, reason: str) -> AbciError:
    text = f"wasm metadata not properly formatted for: '{data.memo}'. {reason}"
    return AbciError(BAD_MESSAGE.codespace, BAD_MESSAGE.code, text)


def _refuse(ctx: Context, kind: Registered, error: AbciError) -> Acknowledgement:
    """The acknowledgement tells the kind's code; the reason stands in an event (``NewEmitErrorAcknowledgement``)."""
    ctx.emit("ibc-acknowledgement-error", ("error", kind.text), ("error-context", error.log))
    return error_ack(kind())
