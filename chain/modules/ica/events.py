"""The event of ICS-27."""

from __future__ import annotations

from chain.context import Context
from chain.errors import AbciError
from chain.modules.ica.store import MODULE


def packet(ctx: Context, side: str, channel: str, error: AbciError | None) -> None:
    """What became of a packet; ``side`` (controller or host) is who tells."""
    success = "true" if error is None else "false"
    pairs = [("module", MODULE), (f"{side}_channel_id", channel), ("success", success)]
    if error is not None:
        pairs.append(("error", error.log))
    ctx.emit("ics27_packet", *pairs)


def host_disabled(ctx: Context, channel: str, error: AbciError) -> None:
    """The same attributes in another order."""
    ctx.emit(
        "ics27_packet",
        ("module", MODULE),
        ("host_channel_id", channel),
        ("error", error.log),
        ("success", "false"),
    )
