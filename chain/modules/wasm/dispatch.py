"""What contracts want done: run in order, and reported back (wasmd ``x/wasm/keeper/msg_dispatcher.go``).

Each message runs in a scope of its own. What succeeds is kept; what fails is forgotten but its gas is not. Whether the
contract hears of it, and whether a failure ends the whole call, is the message's ``reply_on``:

==========  =================  ==================
reply_on    success            failure
==========  =================  ==================
always      reply              reply with error
success     reply              end with the error
error       –                  reply with error
never       –                  end with the error
==========  =================  ==================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET

from chain.context import Context
from chain.errors import OUT_OF_GAS, PANIC, AbciError, OutOfGas
from chain.events import Event
from chain.gas import GasMeter
from chain.modules.wasm import errors, gas, wire
from chain.modules.wasm.errors import wrapped
from chain.modules.wasm.keeper import Instance
from chain.modules.wasm.messenger import Outcome
from chain.modules.wasm.versions import Version

REPLIES_ON_SUCCESS: Final = {"always": True, "success": True, "error": False, "never": False}
REPLIES_ON_FAILURE: Final = {"always": True, "success": False, "error": True, "never": False}

Replier = Callable[[Context, str, Mapping[str, Any], int], bytes | None]
"""Calls ``reply`` of the contract at an address with a reply and what it costs; returns the data it set."""

Messenger = Callable[[Context, Instance, wire.CosmosMsg], Outcome]


class Dispatcher:
    """Decides about each message of a contract what is kept and who hears of it."""

    def __init__(
        self, reply: Replier, messenger: Messenger, version: Callable[[], Version] = Version
    ) -> None:
        self._version = version
        self._tell = reply
        self._messenger = messenger

    def __call__(
        self, ctx: Context, contract: Instance, response: wire.Response, data: bytes | None
    ) -> bytes | None:
        """Run every sub-message; the last reply that sets data wins over ``data``."""
        for message in response.messages or ():
            replied = self._run(ctx, contract, message)
            data = data if replied is None else replied
        return data

    def _run(self, ctx: Context, contract: Instance, message: wire.SubMsg) -> bytes | None:
        if message.reply_on is UNSET:
            raise errors.INVALID("replyOn value")
        inner = ctx.fork()
        try:
            outcome = self._dispatch_limited(inner, contract, message)
        except AbciError as error:
            if isinstance(error, OutOfGas) or PANIC.matches(error):
                raise
            if not REPLIES_ON_FAILURE[message.reply_on]:
                raise
            return self._reply(ctx, contract, message, {"error": self._told(error)}, ())
        ctx.merge(inner, events=False)
        kept = _kept(inner.events.events, of_wasm=message.msg.wasm is not None)
        ctx.events.extend(kept)
        if not REPLIES_ON_SUCCESS[message.reply_on]:
            return None
        seen = kept if message.msg.wasm is not None else []
        result = {"ok": success(outcome, seen, self._version())}
        return self._reply(ctx, contract, message, result, seen)

    def _told(self, error: AbciError) -> str:
        return errors.redacted(error, told=self._version().tells_message_errors)

    def _reply(
        self,
        ctx: Context,
        contract: Instance,
        message: wire.SubMsg,
        result: dict[str, Any],
        seen: Sequence[Event],
    ) -> bytes | None:
        reply: dict[str, Any] = {"id": message.id, "result": result}
        if self._version().payloads:
            reply = {"gas_used": 0, **reply}
            if message.payload:
                reply["payload"] = message.payload
        setup = self._version().discounted_setup
        cost = gas.reply_cost(setup, [_wire_event(event) for event in seen])
        with wrapped("reply"):
            return self._tell(ctx, contract.address, reply, cost)

    def _dispatch_limited(self, ctx: Context, contract: Instance, message: wire.SubMsg) -> Outcome:
        """With a gas limit below what is left the message has a meter of its own; running it dry is only a failure."""
        limit, remaining = message.gas_limit, ctx.gas.remaining
        if limit is None or (remaining is not None and limit >= remaining):
            return self._messenger(ctx, contract, message.msg)
        meter = GasMeter(limit)
        try:
            outcome = self._messenger(ctx.with_gas(meter), contract, message.msg)
        except OutOfGas as error:
            ctx.gas.consume(limit, "Sub-Message OutOfGas panic")
            raise OUT_OF_GAS("SubMsg hit gas limit") from error
        except BaseException:
            ctx.gas.consume(meter.consumed, "From limited Sub-Message")
            raise
        ctx.gas.consume(meter.consumed, "From limited Sub-Message")
        return outcome


def success(outcome: Outcome, seen: Sequence[Event], version: Version) -> dict[str, Any]:
    """``SubMsgResponse``."""
    result: dict[str, Any] = {
        "events": [
            {
                "type": event.type,
                "attributes": [{"key": key, "value": value} for key, value in event.attributes],
            }
            for event in seen
        ]
    }
    if outcome.responses and outcome.responses[0].value:
        result["data"] = outcome.responses[0].value
    if version.payloads:
        result["msg_responses"] = [
            {"type_url": response.type_url, "value": response.value}
            for response in outcome.responses
        ]
    return result


def _kept(emitted: Sequence[Event], *, of_wasm: bool) -> list[Event]:
    """What the chain sees of a message: no ``message`` events, and those of a WasmMsg with sorted attributes."""
    kept = [event for event in emitted if event.type != "message"]
    return [Event(event.type, _by_key(event.attributes)) for event in kept] if of_wasm else kept


def _by_key(attributes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Wasmd sorts the attributes it shows to the contract in place, so everybody sees them sorted."""
    return tuple(sorted(attributes, key=lambda pair: pair[0].encode()))


def _wire_event(event: Event) -> wire.ContractEvent:
    attributes = [wire.EventAttribute(key, value) for key, value in event.attributes]
    return wire.ContractEvent(event.type, attributes)
