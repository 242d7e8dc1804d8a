"""The store "ibc": small typed reads and writes, the heights that handlers compare, and the events they emit."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from google.protobuf.message import Message

from chain.context import Context
from light_client.values import Height, revision

STORE: Final = "ibc"
PREFIX: Final = b"ibc"
"""The commitment prefix under which counterparties prove this store."""

MessageT = TypeVar("MessageT", bound=Message)


def read_message(ctx: Context, path: str, kind: type[MessageT]) -> MessageT | None:
    raw = ctx.kv(STORE).get(path.encode())
    return None if raw is None else kind.FromString(raw)


def write_message(ctx: Context, path: str, message: Message) -> None:
    ctx.kv(STORE).set(path.encode(), message.SerializeToString(deterministic=True))


def read_number(ctx: Context, path: str) -> int | None:
    """An unsigned integer kept in eight big-endian bytes; None when absent."""
    raw = ctx.kv(STORE).get(path.encode())
    return int.from_bytes(raw, "big") if raw else None


def write_number(ctx: Context, path: str, number: int) -> None:
    ctx.kv(STORE).set(path.encode(), number.to_bytes(8, "big"))


def next_number(ctx: Context, path: str) -> int:
    """The number at ``path`` (0 at first), which is then one higher."""
    number = read_number(ctx, path) or 0
    write_number(ctx, path, number + 1)
    return number


def self_height(ctx: Context) -> Height:
    """The height of the block at hand as IBC counts it (``clienttypes.GetSelfHeight``)."""
    return Height(revision(ctx.chain_id), ctx.height)


def enum_name(enum: Any, number: int) -> str:
    """The name of an enum value, or its number when it has none, as Go prints it."""
    try:
        return str(enum.Name(number))
    except ValueError:
        return str(number)


def emit(ctx: Context, submodule: str, type_: str, *pairs: tuple[str, str]) -> None:
    """One event of IBC core and the ``message`` event that names its submodule."""
    ctx.emit(type_, *pairs)
    ctx.emit("message", ("module", f"ibc_{submodule}"))
