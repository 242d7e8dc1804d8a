"""Solidity's ABI, as far as IBC writes it: packets of ICS-20 and ICS-27 GMP, and attestations.

A tuple is a head of 32-byte words and a tail: what has no fixed size stands in the tail, and the head holds its offset.
Numbers are unsigned. Source: the Solidity ABI specification; ibc-go `modules/apps/{transfer,27-gmp}/types`.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

WORD: Final = 32

Value: TypeAlias = "int | str | bytes | Tuple | Array"


class Fixed(bytes):
    """Exactly 32 bytes, which stand in the head: `bytes32`."""


class Tuple(tuple["Value", ...]):
    """A struct."""

    __slots__ = ()


class Array(tuple["Value", ...]):
    """Any number of values of one type."""

    __slots__ = ()


def encode(value: Value) -> bytes:
    """One value as `abi.encode` writes it; raises OverflowError for a number of more than 256 bits."""
    return _sequence([value])


def _sequence(values: Sequence[Value]) -> bytes:
    heads = [None if _is_dynamic(value) else _body(value) for value in values]
    size = sum(WORD if head is None else len(head) for head in heads)
    head, tail = b"", b""
    for value, fixed in zip(values, heads, strict=True):
        if fixed is None:
            head += _word(size + len(tail))
            tail += _body(value)
        else:
            head += fixed
    return head + tail


def _is_dynamic(value: Value) -> bool:
    if isinstance(value, Tuple):
        return any(map(_is_dynamic, value))
    return not isinstance(value, int | Fixed)


def _body(value: Value) -> bytes:
    if isinstance(value, int):
        return _word(value)
    if isinstance(value, Fixed):
        return bytes(value)
    if isinstance(value, Tuple):
        return _sequence(value)
    if isinstance(value, Array):
        return _word(len(value)) + _sequence(value)
    data = value.encode() if isinstance(value, str) else value
    return _word(len(data)) + data + bytes(-len(data) % WORD)


def _word(number: int) -> bytes:
    return number.to_bytes(WORD, "big")
