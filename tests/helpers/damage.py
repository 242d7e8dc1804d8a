"""Messages with some bytes changed, and what a chain makes of them."""

from __future__ import annotations

from google.protobuf.message import DecodeError, Message
from helpers.ibc_world import MiniChain
from hypothesis import assume
from hypothesis import strategies as st

from chain.errors import AbciError


class Undo(Exception):
    """Leaves a branch without keeping what was written in it."""


def accepted(chain: MiniChain, message: Message) -> bool:
    """Whether the chain takes the message; it stays as it was. Anything but a refusal escapes."""
    try:
        with chain.context().branch() as inner:
            chain.run(message, inner)
            raise Undo
    except Undo:
        return True
    except AbciError:
        return False


def damage(data: st.DataObject, message: Message) -> Message:
    raw = bytearray(message.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        return type(message).FromString(bytes(raw))
    except DecodeError:
        assume(False)
        raise
