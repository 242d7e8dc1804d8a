"""How control goes in and out of a metered module: the gas that is left goes with every call.

The counter of an instance can be read and written from outside, at a price; an argument and a result more cost next
to nothing. So the module calls each host function with the gas that is left as a last argument, and gets what is left
then as a last result. Calls from outside go through one exported function, `GATE`: which function to call, three
arguments, the gas; it gives the function's result and the gas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chain.vm import wasm
from chain.vm.wasm import I32, I64, FuncType, Reader, sized, unsigned, vector

if TYPE_CHECKING:
    from collections.abc import Mapping

GATE: Final = "lightship_gate"
ALLOCATE, DEALLOCATE = 0, 1
"""What the gate calls under these numbers; `numbers` says what under the others."""
SLOTS: Final = 5
"""Values that the gate takes."""

HELPERS: Final = {
    "allocate": FuncType(bytes((I32,)), bytes((I32,))),
    "deallocate": FuncType(bytes((I32,)), b""),
}
"""The types that a contract must export these with."""

_GATE_TYPE: Final = FuncType(bytes((I32, I32, I32, I32, I64)), bytes((I32, I64)))
_MOST_ARGUMENTS: Final = 3
_CALL, _GET_LOCAL, _GET, _SET, _END, _RETURN, _UNREACHABLE = (
    b"\x10", b"\x20", b"\x23", b"\x24", b"\x0b", b"\x0f", b"\x00",
)  # fmt: skip
_BLOCK, _BR_TABLE, _ZERO = b"\x02\x40", b"\x0e", b"\x41\x00"
_REF_FUNC: Final = 0xD2


def lacking(exports: Mapping[str, FuncType]) -> str | None:
    """The first of the helpers that is not there, or has another type."""
    return next((name for name, kind in HELPERS.items() if exports.get(name) != kind), None)


def numbers(exports: Mapping[str, FuncType]) -> dict[str, int]:
    """The functions that the gate calls, with their numbers: those that take and return pointers."""
    entries = sorted(name for name, kind in exports.items() if _takes_pointers(kind))
    names = (*HELPERS, *(name for name in entries if name not in HELPERS))
    return {name: number for number, name in enumerate(names)}


def _takes_pointers(kind: FuncType) -> bool:
    few = len(kind.params) <= _MOST_ARGUMENTS
    return few and not kind.params.strip(bytes((I32,))) and kind.results == bytes((I32,))


def with_gas(kind: FuncType) -> FuncType:
    """The type under which a function is imported."""
    gas = bytes((I64,))
    return FuncType(kind.params + gas, kind.results + gas)


class Gates:
    """What is added to a module, whose counter is the global `remaining`.

    Behind the module's own functions come one for each import, which hands the gas over and is called in its place,
    and the gate.
    """

    def __init__(self, module: wasm.Module, remaining: int) -> None:
        self._module = module
        self._imports = module.imported_functions
        self._counter = unsigned(remaining)
        self._first = len(self._imports) + len(module.functions)
        self._types: dict[FuncType, int] = {}
        self.gate = self._first + len(self._imports)
        self.next = self.gate + 1
        """The index of the first function behind them."""
        self._kinds = [module.types[entry.type_index or 0] for entry in self._imports]
        self._imported_as = [self._type(with_gas(kind)) for kind in self._kinds]
        self._gate_type = self._type(_GATE_TYPE)

    def _type(self, kind: FuncType) -> int:
        return self._types.setdefault(kind, len(self._module.types) + len(self._types))

    def target(self, function: int) -> int:
        """What to call for a function of the original module."""
        return self._first + function if function < len(self._imports) else function

    @property
    def wraps(self) -> bool:
        """Whether functions are called in the place of others."""
        return bool(self._imports)

    def types(self) -> list[bytes]:
        return [b"\x60" + sized(kind.params) + sized(kind.results) for kind in self._types]

    def declarations(self) -> list[bytes]:
        own = [unsigned(entry.type_index or 0) for entry in self._imports]
        return [*own, unsigned(self._gate_type)]

    def imports(self) -> bytes:
        """The import section."""
        kinds = iter(self._imported_as)
        return vector(
            [
                sized(entry.module.encode()) + sized(entry.name.encode())
                + (b"\0" + unsigned(next(kinds)) if entry.kind == wasm.FUNC_KIND else entry.described)
                for entry in self._module.imports
            ]
        )  # fmt: skip

    def bodies(self) -> list[bytes]:
        handing = [self._handing(index, kind) for index, kind in enumerate(self._kinds)]
        return [*handing, self._gate_body()]

    def _handing(self, index: int, kind: FuncType) -> bytes:
        given = b"".join(_GET_LOCAL + unsigned(place) for place in range(len(kind.params)))
        counter = self._counter
        code = given + _GET + counter + _CALL + unsigned(index) + _SET + counter
        return sized(b"\0" + code + _END)

    def _gate_body(self) -> bytes:
        """`br_table` out of one block for each function; behind the last is nothing."""
        indices = {e.name: e.index for e in self._module.exports if e.kind == wasm.FUNC_KIND}
        exports = self._module.exported_functions()
        names = list(numbers(exports))
        cases = [self._case(exports.get(name), indices.get(name, 0), name) for name in names]
        table = vector([unsigned(number) for number in range(len(names))]) + unsigned(len(names))
        opened = _BLOCK * (len(names) + 1) + _GET_LOCAL + b"\0" + _BR_TABLE + table
        start = _GET_LOCAL + unsigned(SLOTS - 1) + _SET + self._counter
        ends = b"".join(_END + case for case in cases)
        return sized(b"\0" + start + opened + ends + _END + _UNREACHABLE + _END)

    def _case(self, kind: FuncType | None, function: int, name: str) -> bytes:
        if kind is None or HELPERS.get(name, kind) != kind:
            return _UNREACHABLE
        arguments = (_GET_LOCAL + unsigned(1 + place) for place in range(len(kind.params)))
        call = b"".join(arguments) + _CALL + unsigned(self.target(function))
        return call + (b"" if kind.results else _ZERO) + _GET + self._counter + _RETURN

    def elements(self, content: bytes) -> bytes:
        """An element section that names what is called in the place of imports."""
        reader = Reader(content)
        return vector([self._element(reader) for _ in range(reader.u32())])

    def _element(self, reader: Reader) -> bytes:
        start, item = reader.pos, wasm.element_head(reader)
        head = reader.data[start : reader.pos]
        if item is Reader.u32:
            return head + vector([unsigned(self.target(i)) for i in reader.vector(Reader.u32)])
        return head + vector([self._expression(reader) for _ in range(reader.u32())])

    def _expression(self, reader: Reader) -> bytes:
        start = reader.pos
        reader.skip_const_expr()
        if reader.data[start] != _REF_FUNC:
            return reader.data[start : reader.pos]
        function = Reader(reader.data, start + 1).u32()
        return bytes((_REF_FUNC,)) + unsigned(self.target(function)) + _END
