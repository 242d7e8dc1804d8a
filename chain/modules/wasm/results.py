"""What contracts return, read and judged."""

from __future__ import annotations

from typing import TypeVar

from chain.errors import Registered
from chain.modules.wasm import errors, wire

Shape = TypeVar("Shape")


def decode(data: bytes, shape: type[Shape]) -> Shape:
    """A result of this shape; wasm/29 when the contract returned something else."""
    try:
        return wire.decode(data, shape)
    except ValueError as error:
        raise errors.VM_ERROR(f"result of the contract: {error}") from error


def judge(data: bytes, failure: Registered) -> wire.Response:
    """The response in a result; what the contract refused goes under ``failure``, in its own words."""
    result = decode(data, wire.ContractResult)
    if result.error:
        raise errors.ContractError(failure, result.error)
    return existing(result.ok)


def existing(response: wire.Response | None) -> wire.Response:
    """Neither a response nor an error: wasmd reads it through a nil pointer, which ends the transaction."""
    if response is None:
        raise errors.Panic("runtime error: invalid memory address or nil pointer dereference")
    return response
