"""Contracts that hear of packets (ADR-8, ``ibc-go:modules/apps/callbacks``).

The memo of a transfer may name one contract on each side, the memo of ICS-27 packet data one at the source::

    {"src_callback": {"address": ..., "gas_limit": "..."}, "dest_callback": {"address": ..., "gas_limit": "..."}}

The one of the source hears of the acknowledgement or the timeout and can stop neither; the one of the destination hears
of the tokens that arrived, and its failure sends them back. A call has a gas limit of its own. One that ran dry because
the relayer brought less than the memo asks for fails the transaction, so that it can be tried again with more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chain import gohex
from chain.context import Context
from chain.errors import AbciError, OutOfGas, Registered
from chain.gas import GasMeter
from chain.modules.ibc.errors import bare
from chain.modules.ibc.module import Ibc
from chain.modules.ibc.port import Acknowledgement, error_ack
from chain.modules.transfer import memo
from chain.modules.transfer.packet import unmarshal
from light_client.packet import Packet

MAX_GAS: Final = 1_000_000
"""What a callback may use at most (wasmd ``x/wasm/ibc.go`` DefaultMaxIBCCallbackGas)."""

OUT_OF_GAS: Final = Registered("ibccallbacks", 6, "callback out of gas")
PANIC: Final = Registered("ibccallbacks", 7, "callback panic")
INVALID: Final = Registered("ibccallbacks", 8, "invalid callback data")

SOURCE: Final = "src_callback"
DESTINATION: Final = "dest_callback"
SEND, ACKNOWLEDGE, TIME_OUT, RECEIVE = (
    "send_packet",
    "acknowledgement_packet",
    "timeout_packet",
    "receive_packet",
)

_MAX_UINT64: Final = 2**64 - 1
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


class Contracts(Protocol):
    """Who is called back; each method refuses by raising AbciError. ``sender`` is who sent the packet."""

    panics: type[AbciError]
    """What is a panic in Go rather than an error."""

    def sending(self, contract: str, sender: str) -> None: ...
    def acknowledged(
        self, ctx: Context, packet: Packet, ack: bytes, relayer: str, contract: str, sender: str
    ) -> None: ...
    def timed_out(
        self, ctx: Context, packet: Packet, relayer: str, contract: str, sender: str
    ) -> None: ...
    def received(
        self, ctx: Context, packet: Packet, ack: Acknowledgement, contract: str
    ) -> None: ...


class Data(Protocol):
    """What packet data say of themselves; ``sender`` is who on the source chain had the packet sent."""

    @property
    def memo(self) -> str: ...
    @property
    def sender(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """The ``Data`` of packets that have it elsewhere than in fields of these names."""

    memo: str
    sender: str


def of_transfer(packet: Packet) -> Data:
    return unmarshal(packet.data)


@dataclass(frozen=True, slots=True)
class Callback:
    """What a memo asks for; ``execution_limit`` is what the gas that is left allows of ``commit_limit``."""

    contract: str
    sender: str
    execution_limit: int
    commit_limit: int
    version: str
    calldata: bytes = b""

    @property
    def may_be_retried(self) -> bool:
        return self.execution_limit < self.commit_limit


class Callbacks:
    """Stands between an application and IBC core. ``asked`` reads its packets, and refuses by raising AbciError."""

    def __init__(
        self,
        ibc: Ibc,
        contracts: Contracts,
        max_gas: int = MAX_GAS,
        asked: Callable[[Packet], Data] = of_transfer,
    ) -> None:
        self._ibc = ibc
        self._contracts = contracts
        self._max_gas = max_gas
        self._asked = asked

    def sent(self, ctx: Context, packet: Packet) -> None:
        """A malformed memo, or a callback to somebody else than the sender, takes the packet back."""
        at = (packet.source_port, packet.source_channel)
        callback = self._callback(ctx, packet, at, SOURCE)
        if callback is not None:
            self._run(
                ctx,
                SEND,
                callback,
                lambda _: self._contracts.sending(callback.contract, callback.sender),
            )
            _tell(ctx, SEND, callback, at, packet.sequence, None)

    def acknowledged(self, ctx: Context, packet: Packet, ack: bytes, relayer: str) -> None:
        def call(inner: Context, callback: Callback) -> None:
            about = (callback.contract, callback.sender)
            self._contracts.acknowledged(inner, packet, ack, relayer, *about)

        self._tell_source(ctx, packet, ACKNOWLEDGE, call)

    def timed_out(self, ctx: Context, packet: Packet, relayer: str) -> None:
        def call(inner: Context, callback: Callback) -> None:
            self._contracts.timed_out(inner, packet, relayer, callback.contract, callback.sender)

        self._tell_source(ctx, packet, TIME_OUT, call)

    def received(self, ctx: Context, packet: Packet, ack: Acknowledgement) -> Acknowledgement:
        """The acknowledgement, or an error in its place when the contract refuses what came."""
        if not ack.success:
            return ack
        at = (packet.destination_port, packet.destination_channel)
        try:
            callback = self._callback(ctx, packet, at, DESTINATION)
        except OutOfGas:
            raise
        except AbciError as error:
            return error_ack(error)
        if callback is None:
            return ack
        failure = self._outcome(
            ctx,
            RECEIVE,
            callback,
            lambda inner: self._contracts.received(inner, packet, ack, callback.contract),
        )
        _tell(ctx, RECEIVE, callback, at, packet.sequence, failure)
        return ack if failure is None else error_ack(failure)

    # -- pieces

    def _tell_source(
        self, ctx: Context, packet: Packet, kind: str, call: Callable[[Context, Callback], None]
    ) -> None:
        at = (packet.source_port, packet.source_channel)
        callback = self._callback(ctx, packet, at, SOURCE)
        if callback is not None:
            error = self._outcome(ctx, kind, callback, lambda inner: call(inner, callback))
            _tell(ctx, kind, callback, at, packet.sequence, error)

    def _callback(
        self, ctx: Context, packet: Packet, at: tuple[str, str], key: str
    ) -> Callback | None:
        """None for a packet that asks for none; ibccallbacks/8 for one that asks in a wrong way."""
        channel = self._ibc.channel(ctx, *at)
        if channel is None:
            return None
        try:
            data = self._asked(packet)
        except AbciError:
            return None
        left = ctx.gas.remaining
        limits = (_MAX_UINT64 if left is None else left, self._max_gas)
        return wanted(data, key, *limits, version=channel.version)

    def _outcome(
        self, ctx: Context, kind: str, callback: Callback, call: Callable[[Context], None]
    ) -> AbciError | None:
        """What went wrong, where that must not end the packet's life."""
        try:
            self._run(ctx, kind, callback, call)
        except OutOfGas:
            raise
        except AbciError as error:
            return error
        return None

    def _run(
        self, ctx: Context, kind: str, callback: Callback, call: Callable[[Context], None]
    ) -> None:
        """Call under a meter of its own, and keep what was done if it succeeds (``internal/process.go``)."""
        inner = ctx.fork(GasMeter(callback.execution_limit))
        panic: AbciError | None = None
        try:
            call(inner)
        except (OutOfGas, self._contracts.panics) as error:
            panic = error
        finally:
            ctx.gas.consume(inner.gas.consumed_to_limit, f"ibc {kind} callback")
        if inner.gas.consumed > callback.execution_limit:
            raise self._ran_dry(ctx, kind, callback)
        if panic is not None:
            told = panic.descriptor if isinstance(panic, OutOfGas) else panic.log
            raise PANIC(f"ibc {kind} callback panicked with: {{{told}}}")
        ctx.merge(inner)

    def _ran_dry(self, ctx: Context, kind: str, callback: Callback) -> AbciError:
        if not callback.may_be_retried:
            return OUT_OF_GAS(f"ibc {kind} callback out of gas")
        text = f"ibc {kind} callback out of gas; commitGasLimit: {callback.commit_limit}"
        return OutOfGas(text, ctx.gas.limit or 0, ctx.gas.consumed)


def wanted(data: Data, key: str, gas_left: int, max_gas: int, *, version: str) -> Callback | None:
    """The callback that a packet's memo asks for under ``key``; ibccallbacks/8 when it asks in a wrong way."""
    asked = _wish(data, key)
    if asked is None:
        return None
    contract = asked.get("address")
    if not isinstance(contract, str) or not contract.strip():
        raise bare(INVALID)
    commit = min(_gas_limit(asked) or max_gas, max_gas)
    calldata = _calldata(asked)
    sender = data.sender if key == SOURCE else ""
    return Callback(contract, sender, min(gas_left, commit), commit, version, calldata)


def _wish(data: Data, key: str) -> dict[str, Any] | None:
    """The object under ``key`` of a memo that is a JSON object (``GetCustomPacketData``)."""
    found = (memo.members(data.memo) or {}).get(key)
    return found if isinstance(found, dict) else None


def _gas_limit(asked: dict[str, Any]) -> int:
    """The limit that a memo sets, as text; 0 where it sets none."""
    limit = asked.get("gas_limit", "")
    if not isinstance(limit, str):
        raise INVALID(f"gas limit [{_shown(limit)}] must be a string")
    if limit and not _DIGITS.fullmatch(limit):
        raise _no_limit(limit, "invalid syntax")
    if len(limit.lstrip("0")) > len(str(_MAX_UINT64)) or int(limit or "0") > _MAX_UINT64:
        raise _no_limit(limit, "value out of range")
    return int(limit or "0")


def _no_limit(limit: str, reason: str) -> AbciError:
    parsing = f"strconv.ParseUint: parsing {json.dumps(limit)}: {reason}"
    return INVALID(f"gas limit must be a valid uint64: {parsing}")


def _calldata(asked: dict[str, Any]) -> bytes:
    """Data for the callee, in hex; contracts do not get it, but it must be well-formed."""
    calldata = asked.get("calldata", "")
    if not isinstance(calldata, str):
        raise INVALID("calldata must be a string")
    try:
        return gohex.decode(calldata)
    except ValueError as error:
        raise INVALID(f"calldata must be a valid hex string: {error}") from error


def _shown(value: Any) -> str:
    """As Go prints a value: whole numbers without a point."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e6
    return str(int(value)) if whole else json.dumps(value)


def _tell(
    ctx: Context,
    kind: str,
    callback: Callback,
    at: tuple[str, str],
    sequence: int,
    error: AbciError | None,
) -> None:
    attributes = [
        ("module", "ibccallbacks"),
        ("callback_type", kind),
        ("callback_address", callback.contract),
        ("callback_exec_gas_limit", str(callback.execution_limit)),
        ("callback_commit_gas_limit", str(callback.commit_limit)),
        ("packet_sequence", str(sequence)),
        ("callback_base_application_version", callback.version),
    ]
    if error is not None:
        attributes.append(("callback_error", error.log))
    attributes.append(("callback_result", "success" if error is None else "failure"))
    side = "dest" if kind == RECEIVE else "src"
    attributes += [(f"packet_{side}_port", at[0]), (f"packet_{side}_channel", at[1])]
    ctx.emit(f"ibc_{side}_callback", *attributes)
