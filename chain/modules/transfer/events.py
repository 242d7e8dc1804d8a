"""Events of ICS-20: those of ibc-go v10, and where v8 had others for the same thing, those too."""

from __future__ import annotations

from chain import gojson
from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc.port import StandardAck
from chain.modules.transfer.denom import Denom
from chain.modules.transfer.packet import TransferData

_PACKET = "fungible_token_packet"


def transfer(ctx: Context, data: TransferData) -> None:
    ctx.emit("ibc_transfer", *_attributes(data))
    _message(ctx)


def received(
    ctx: Context, data: TransferData, error: AbciError | None, *, success: bool | None = None
) -> None:
    """``success`` is whether there was no error, unless it is said."""
    told = error is None if success is None else success
    pairs = [*_attributes(data), ("success", "true" if told else "false")]
    if error is not None:
        pairs.append(("error", str(error)))
    ctx.emit(_PACKET, *pairs)
    _message(ctx)


def acknowledged(ctx: Context, data: TransferData, ack: StandardAck) -> None:
    ctx.emit(_PACKET, *_attributes(data), ("acknowledgement", ack.compact_text()))
    _message(ctx)
    if ack.error is not None:
        ctx.emit(_PACKET, ("error", ack.error))
    elif ack.success:
        ctx.emit(_PACKET, ("success", (ack.result or b"").decode("utf-8", "replace")))


def timed_out(ctx: Context, data: TransferData) -> None:
    token = data.token
    refund = f'{{"denom":{token.json()},"amount":{gojson.quote(data.amount)}}}'
    ctx.emit(
        "timeout",
        ("receiver", data.sender),
        ("refund_tokens", refund),
        ("memo", data.memo),
        ("refund_receiver", data.sender),
        ("refund_denom", data.denom),
        ("refund_amount", data.amount),
    )
    _message(ctx)


def denomination(ctx: Context, denom: Denom) -> None:
    digest = denom.hash.hex().upper()
    ctx.emit("denomination", ("denom_hash", digest), ("denom", denom.json()))
    ctx.emit("denomination_trace", ("trace_hash", digest), ("denom", denom.local))


def _attributes(data: TransferData) -> list[tuple[str, str]]:
    return [
        ("sender", data.sender),
        ("receiver", data.receiver),
        ("denom", data.denom),
        ("amount", data.amount),
        ("memo", data.memo),
    ]


def _message(ctx: Context) -> None:
    ctx.emit("message", ("module", "transfer"))
