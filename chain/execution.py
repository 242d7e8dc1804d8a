"""Runs one transaction over a state: baseapp's runTx (cosmos-sdk baseapp/baseapp.go).

Ante handlers first; what they wrote stays even when a message fails. Messages are atomic together. A refusal becomes an
outcome with codespace, code and log; an exception that is none of ours is reported as a recovered panic and logged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from google.protobuf.message import Message

from chain.ante import Ante
from chain.context import Context, Mode
from chain.errors import INVALID_REQUEST, OUT_OF_GAS, PANIC, TX_DECODE, AbciError, OutOfGas
from chain.events import Event, EventLog, to_pb
from chain.gas import READ_COST_FLAT, READ_COST_PER_BYTE, GasMeter
from chain.modules.auth.module import Auth
from chain.modules.base.consensus import PARAMS, Consensus
from chain.router import MessageResult, MessageRouter, type_url
from chain.tx import DecodedTx, decode
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci

UNLIMITED: Final = 2**64 - 1
"""The limit that an infinite gas meter reports."""

_CACHED_TXS = 8192
_SMALL = 8192  # bytes
_CACHED_LARGE = 32  # with code, headers or many packets in them

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a transaction. Without ``error`` every message succeeded."""

    gas_wanted: int = 0
    gas_used: int = 0
    data: bytes = b""
    responses: tuple[any_pb2.Any, ...] = ()
    events: tuple[abci.Event, ...] = ()
    error: AbciError | None = None


class Executor:
    def __init__(
        self, messages: MessageRouter, auth: Auth, ante: Ante, consensus: Consensus
    ) -> None:
        self._messages = messages
        self._auth = auth
        self._ante = ante
        self._consensus = consensus
        self._small = lru_cache(maxsize=_CACHED_TXS)(self._decode)
        self._large = lru_cache(maxsize=_CACHED_LARGE)(self._decode)

    def decode(self, raw: bytes) -> DecodedTx:
        """Read a transaction; sdk/2. The mempool and the block see the same ones, so they are remembered."""
        return self._small(raw) if len(raw) <= _SMALL else self._large(raw)

    def _decode(self, raw: bytes) -> DecodedTx:
        return decode(raw, self._messages, self._auth.address_bytes)

    def run(self, state: Context, raw: bytes) -> Outcome:
        """Run ``raw`` over ``state``, whose mode says how far: checks stop before the messages.

        Only what succeeded is written into ``state``; its own events stay as they are.
        """
        if state.block_gas is not None and state.block_gas.is_out_of_gas:
            return Outcome(error=OUT_OF_GAS("no block gas left to run tx"))
        try:
            tx = self._accept(raw)
        except AbciError as error:
            return self._unmetered(state, error)
        ctx = state.fork()
        ctx.tx_bytes = raw
        try:
            for decorator in self._ante.decorators:
                ctx = decorator(ctx, tx)
        except Exception as error:  # noqa: BLE001 - baseapp recovers here too
            refusal = _refusal(error, ctx.gas)
            if PANIC.matches(refusal):
                return self._unmetered(state, refusal)
            return self._refused(state, ctx.gas, refusal, ())
        state.merge(ctx, events=False)
        return self._run_messages(state, ctx, tx)

    def _accept(self, raw: bytes) -> DecodedTx:
        """Decode, and check what needs no state."""
        try:
            tx = self.decode(raw)
        except AbciError as error:
            raise TX_DECODE(error.log) from error
        if not tx.messages:
            raise INVALID_REQUEST("must contain at least one message")
        for service, message in zip(tx.services, tx.messages, strict=True):
            service.validate(message)
        return tx

    def _run_messages(self, state: Context, ante: Context, tx: DecodedTx) -> Outcome:
        if state.mode in {Mode.CHECK, Mode.RECHECK}:
            return Outcome(*_gas(ante.gas))
        events = tuple(map(to_pb, ante.events.events))
        ctx = ante.over(state.store.branch(), EventLog(), ante.gas)
        try:
            results = self._dispatch(ctx, tx.messages)
        except Exception as error:  # noqa: BLE001 - as above
            return self._refused(state, ctx.gas, _refusal(error, ctx.gas), events)
        over = _charge_block(state, ctx.gas)
        if over is not None:
            return Outcome(*_gas(ctx.gas), events=events, error=over)
        if state.mode is Mode.DELIVER:
            state.merge(ctx, events=False)
        responses = tuple(result.response for result in results)
        return Outcome(
            *_gas(ctx.gas),
            data=abci_pb2.TxMsgData(msg_responses=responses).SerializeToString(),
            responses=responses,
            events=(*events, *self._message_events(tx, results)),
        )

    def _dispatch(self, ctx: Context, messages: Sequence[Message]) -> list[MessageResult]:
        results = []
        for index, message in enumerate(messages):
            try:
                results.append(self._messages.dispatch(ctx, message))
            except OutOfGas:
                raise
            except AbciError as error:
                if PANIC.matches(error):
                    raise
                text = f"failed to execute message; message index: {index}"
                raise error.wrap(text) from error
        return results

    def _message_events(self, tx: DecodedTx, results: Sequence[MessageResult]) -> list[abci.Event]:
        """Each message's own events behind one that names it; ``msg_index`` on all (baseapp createEvents)."""
        found = []
        for index, (service, message, result) in enumerate(
            zip(tx.services, tx.messages, results, strict=True)
        ):
            url = type_url(message.DESCRIPTOR.full_name)
            attributes = [("action", url)]
            attributes.extend(("sender", signer) for signer in list(service.signers(message))[:1])
            if not any(event.get("module") is not None for event in result.events):
                attributes.append(("module", url.split(".")[1]))
            for event in (Event("message", tuple(attributes)), *result.events):
                packed = to_pb(event)
                packed.attributes.add(key="msg_index", value=str(index), index=True)
                found.append(packed)
        return found

    def _unmetered(self, state: Context, error: AbciError) -> Outcome:
        """What has no meter of its own (yet), or lost it in a panic, has used what its context cost.

        That is a read of the consensus parameters (baseapp getContextForTx).
        """
        gas = GasMeter()
        size = len(PARAMS) + len(self._consensus.stored(state))
        gas.consume(READ_COST_FLAT + READ_COST_PER_BYTE * size, "ReadPerByte")
        return Outcome(0, gas.consumed, error=_charge_block(state, gas) or error)

    def _refused(
        self, state: Context, gas: GasMeter, error: AbciError, events: tuple[abci.Event, ...]
    ) -> Outcome:
        """A failed transaction still uses the block's gas."""
        over = _charge_block(state, gas)
        return Outcome(*_gas(gas), events=events, error=over or error)


def _charge_block(state: Context, gas: GasMeter) -> AbciError | None:
    """Add what a transaction used to the block's meter; the refusal when that is too much."""
    if state.block_gas is None:
        return None
    try:
        state.block_gas.consume(gas.consumed_to_limit, "block gas meter")
    except OutOfGas as error:
        return _refusal(error, gas)
    return None


def _gas(meter: GasMeter) -> tuple[int, int]:
    return UNLIMITED if meter.limit is None else meter.limit, meter.consumed


def _refusal(error: Exception, gas: GasMeter) -> AbciError:
    """The error as the outcome shows it; out of gas is told in terms of the transaction's own meter."""
    if isinstance(error, OutOfGas):
        return OutOfGas(error.descriptor, *_gas(gas))
    if isinstance(error, AbciError):
        return error
    _log.error("a transaction failed in our own code", exc_info=error)
    return PANIC(f"recovered: {type(error).__name__}: {error}")
