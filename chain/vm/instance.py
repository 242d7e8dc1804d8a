"""One call of a contract: its gas, its memory regions, the order of what happens.

`Call` is what the host functions work on. It knows nothing of wasmtime: a `Guest` (from `capi` or
`engine_api`) gives it the memory, the gas counter and the exports. Sources: cosmwasm-vm
environment.rs, memory.rs, instance.rs, calls.rs.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, Protocol

from chain.vm.errors import (
    ArityMismatch,
    CallDepthExceeded,
    CommunicationError,
    MissingExport,
    OutOfGas,
    RegionTooLong,
    SignatureMismatch,
    Trap,
)
from chain.vm.gas import SMALL_READ, GasReport
from chain.vm.metering import MAX_GAS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chain.vm.backend import Backend
    from chain.vm.gas import Era
    from chain.vm.wasm import FuncType

_MAX_RESULT: Final = 64 << 20
_MAX_CALL_DEPTH: Final = 2
_MAX_U32: Final = 0xFFFFFFFF
REGION: Final = struct.Struct("<III")
"""Offset, capacity and length."""
_I32: Final = b"\x7f"
_TYPE_NAMES: Final = {0x7F: "I32", 0x7E: "I64", 0x7D: "F32", 0x7C: "F64"}


class Guest(Protocol):
    """An instance of a compiled contract, made for one call.

    Functions of the contract run with the gas that the call has left, and leave it what they leave. They raise
    `OutOfGas`, `Trap` or what a host function raised.
    """

    def allocate(self, size: int) -> int: ...

    def deallocate(self, pointer: int) -> None: ...

    def enter(self, entry: str, pointers: Sequence[int]) -> int: ...

    def straight(self, entry: str, args: Sequence[bytes]) -> bytes | None:
        """Passes the arguments, runs the entry point, takes the result, all in the straight lane of `gates`.

        None, and nothing has happened, if there is no such lane for them. Raises what the long lane would.
        """
        ...

    def region(self, pointer: int) -> tuple[int, int, int] | None:
        """Offset, capacity and length of the Region at `pointer`; None when out of bounds."""
        ...

    def read(self, offset: int, length: int) -> bytes | None: ...

    def write(self, offset: int, data: bytes) -> bool: ...

    def size(self) -> int:
        """Size of the memory in bytes."""
        ...

    def close(self) -> None: ...


class CallResult(NamedTuple):
    """What the contract returned (JSON), the gas, and its debug messages if they were wanted."""

    data: bytes
    gas: GasReport
    debug: tuple[str, ...]


class Call:
    """The state of one call.

    `left` is the gas left whenever the guest is not running, without what is above the most that a counter can hold.
    `depth` counts the functions of the guest that are running, one inside another through the host.
    `pending` is what a host function answered in the straight lane, until it is in the guest.
    """

    __slots__ = (
        "_above",
        "_read_base",
        "_read_byte",
        "_write_base",
        "_write_byte",
        "backend",
        "debug",
        "depth",
        "era",
        "guest",
        "host_call_cost",
        "iterators",
        "left",
        "limit",
        "messages",
        "pending",
        "readonly",
        "used_externally",
    )

    guest: Guest

    def __init__(
        self, era: Era, backend: Backend, limit: int, *, readonly: bool, debug: bool
    ) -> None:
        self.era = era
        host = era.host
        self.host_call_cost = host.call
        self._read_base, self._read_byte = host.read_small.base, host.read_small.per_item
        self._write_base, self._write_byte = host.write.base, host.write.per_item
        self.backend = backend
        self.limit = limit
        self.left = min(limit, MAX_GAS)
        self._above = limit - self.left
        self.used_externally = 0
        self.readonly = readonly
        self.debug = debug
        self.messages: list[str] = []
        self.iterators: list[Iterator[tuple[bytes, bytes]]] = []
        self.depth = 0
        self.pending = b""

    def run(self, entry: str, args: Sequence[bytes], kind: FuncType | None) -> CallResult:
        """Passes the arguments, runs the entry point, takes the result.

        A `migrate` that takes no third argument is given its first two again, as upstream does
        it: the contract pays for both (calls.rs, call_migrate_with_info_raw).
        """
        data = None
        if kind is not None and len(kind.params) == len(args) and kind.results == _I32:
            data = self.guest.straight(entry, args)
        if data is None:
            data = self._run(entry, args, kind)
        return CallResult(data, self.report(), tuple(self.messages))

    def _run(self, entry: str, args: Sequence[bytes], kind: FuncType | None) -> bytes:
        pointers = [self.pass_to_guest(arg) for arg in args]
        if kind is None:
            raise MissingExport(entry)
        arity = len(kind.params)
        if entry == "migrate" and arity == 2 and len(args) == 3:
            pointers = [self.pass_to_guest(arg) for arg in args[:2]]
        elif arity != len(args):
            raise ArityMismatch(arity) if self.era.migrate_info else _not_taken(len(args), kind)
        if kind.params.strip(_I32):
            raise _not_taken(len(args), kind)
        if kind.results != _I32:
            raise SignatureMismatch(f"export {entry} does not return a pointer")
        return self.take_result(self._enter(entry, pointers))

    def take_result(self, result: int) -> bytes:
        data = self.read_region(result, _MAX_RESULT)
        self.depth = 1
        self.guest.deallocate(result)
        self.depth = 0
        return data

    def report(self) -> GasReport:
        return GasReport.of(self.limit, self.left + self._above, self.used_externally)

    def _enter(self, entry: str, pointers: list[int]) -> int:
        self.depth = 1
        result = self.guest.enter(entry, pointers)
        self.depth = 0
        return result

    # --- gas -------------------------------------------------------------------------------

    def charge(self, cost: int) -> None:
        """Internal gas. Too little left ends the call and counts as all used."""
        if cost > self.left:
            self.left = 0
            raise OutOfGas
        self.left -= cost

    def charge_external(self, used: int) -> None:
        """Gas that the backend has already accounted for itself."""
        self.used_externally += used
        self.charge(used)

    # --- memory ----------------------------------------------------------------------------

    def pass_to_guest(self, data: bytes) -> int:
        """Allocates a Region in the guest and writes `data` to it; returns its address."""
        if self.depth == _MAX_CALL_DEPTH:
            raise CallDepthExceeded
        self.depth += 1
        pointer = self.guest.allocate(len(data))
        self.depth -= 1
        self.place(pointer, data)
        return pointer

    def place(self, pointer: int, data: bytes) -> None:
        """Writes `data` to the Region that the guest has allocated for it."""
        if pointer == 0:
            raise CommunicationError("Got a zero Wasm address")
        self.write_region(pointer, data)

    def read_region(self, pointer: int, longest: int) -> bytes:
        """The bytes of the Region at `pointer`; charged before its length is judged."""
        region = self.guest.region(pointer)
        offset, capacity, length = region or _no_region(pointer)
        if length > capacity or not 0 < offset <= _MAX_U32 - capacity:
            raise _invalid(offset, capacity, length)
        cost = self._read_base + self._read_byte * length
        self.charge(cost if length <= SMALL_READ else self.era.host.read(length))
        if length > longest:
            raise RegionTooLong(length, longest)
        data = self.guest.read(offset, length)
        if data is None:
            raise self._out_of_bounds(offset, capacity, length)
        return data

    def write_region(self, pointer: int, data: bytes) -> None:
        """Fills the Region at `pointer`, and writes it again with its new length: the data may lie over it."""
        region, size = self.guest.region(pointer), len(data)
        offset, capacity, length = region or _no_region(pointer)
        if length > capacity or not 0 < offset <= _MAX_U32 - capacity:
            raise _invalid(offset, capacity, length)
        self.charge(self._write_base + self._write_byte * size)
        if size > capacity:
            raise CommunicationError(f"Region too small. Got {capacity}, required {size}")
        if not self.guest.write(offset, data):
            raise self._out_of_bounds(offset, capacity, length)
        self.guest.write(pointer, REGION.pack(offset, capacity, size))

    def _out_of_bounds(self, offset: int, capacity: int, length: int) -> CommunicationError:
        return CommunicationError(
            f"Tried to access memory of region Region {{ offset: {offset}, "
            f"capacity: {capacity}, length: {length} }} in Wasm memory of size "
            f"{self.guest.size()} bytes. This typically happens when the given Region pointer "
            "does not point to a proper Region struct."
        )


def _no_region(pointer: int) -> NoReturn:
    raise CommunicationError(
        f"The Wasm memory address {pointer} provided by the contract could not be "
        "dereferenced: Could not dereference this pointer to a Region"
    )


def _invalid(offset: int, capacity: int, length: int) -> CommunicationError:
    if offset == 0:
        what = "Got a zero Wasm address in the offset"
    elif length > capacity:
        what = f"Region length exceeds capacity. Length {length}, capacity {capacity}"
    else:
        what = f"Region exceeds address space. Offset {offset}, capacity {capacity}"
    return CommunicationError(f"Got an invalid region: {what}")


def _not_taken(pointers: int, kind: FuncType) -> Trap:
    """As Wasmer says it, which looks at the types before it calls."""
    given, params, results = (
        "[" + ", ".join(_TYPE_NAMES[value] for value in types) + "]"
        for types in (_I32 * pointers, kind.params, kind.results)
    )
    return Trap(f"Parameters of type {given} did not match signature {params} -> {results}")
