"""Which negations meet a NaN that upstream's compiler has not made canonical yet.

Wasmer's singlepass compiler marks the result of arithmetic instead of making a NaN canonical at
once, keeps the mark through `neg`, `abs`, conversions between the widths and `local.tee`, and acts
on it where the bits can be seen. So a negated NaN of arithmetic comes out positive there. Cranelift
makes it canonical before the negation, after which it is negative. The marks are static: following
them needs the operand stack, but neither types nor values. Source: wasmer
lib/compiler-singlepass/src/codegen.rs (FloatValue), and what libwasmvm 2.0 to 3.0 answers
(tests/unit/vm/test_metering.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from chain.vm import operators, wasm

if TYPE_CHECKING:
    from collections.abc import Iterable

CANONICAL_NEGATION: Final = {
    operators.F32_NEG: b"\x43\x00\x00\x80\xbf\x94",
    operators.F64_NEG: b"\x44\x00\x00\x00\x00\x00\x00\xf0\xbf\xa2",
}
"""Multiplication by -1: the same for all numbers, and a canonical NaN for every NaN."""

_ONE: Final = re.compile(
    b"|".join((*operators.PLAIN, *operators.ACCOUNTING, operators.IF, operators.FLOATS)), re.DOTALL
)
_BLOCK, _LOOP, _IF, _ELSE, _END, _BR_IF, _CALL, _CALL_INDIRECT, _TEE, _SATURATING = (
    0x02, 0x03, 0x04, 0x05, 0x0B, 0x0D, 0x10, 0x11, 0x22, 0xFC,
)  # fmt: skip
_LEAVES: Final = frozenset((0x00, 0x0C, 0x0E, 0x0F))  # unreachable, br, br_table, return


def _table(*rows: tuple[int, int, Iterable[int]]) -> dict[int, tuple[int, int]]:
    return {opcode: (pops, pushes) for pops, pushes, opcodes in rows for opcode in opcodes}


_SHAPES: Final = (
    _table((2, 1, range(0x46, 0xA7)))
    | _table((1, 1, (*range(0x28, 0x36), 0x40, *range(0xA7, 0xC5))))
    | _table(
        (0, 0, (0x01,)),
        (1, 0, (_BR_IF, 0x1A, 0x21, 0x24)),  # drop, local.set, global.set
        (0, 1, (0x20, 0x23, 0x3F, *range(0x41, 0x45))),
        (3, 1, (0x1B,)),  # select
        (2, 0, range(0x36, 0x3F)),  # stores
        (1, 1, (0x45, 0x50, 0x67, 0x68, 0x69, 0x79, 0x7A, 0x7B, _SATURATING)),
    )
)
"""What operators take off the stack and put on it, those of `_MARKS` and `_KEEPS` aside."""
_MARKS: Final = dict.fromkeys((*range(0x8D, 0x92), *range(0x9B, 0xA0)), 1) | dict.fromkeys(
    (*range(0x92, 0x96), *range(0xA0, 0xA4)), 2
)
"""ceil to sqrt and add to div, with the number of their operands."""
_KEEPS: Final = frozenset(
    (_TEE, 0x8B, operators.F32_NEG, 0x99, operators.F64_NEG, operators.DEMOTE, operators.PROMOTE)
)


def marked_negations(module: wasm.Module, body: wasm.Body) -> frozenset[int]:
    """Offsets of the `neg` operators of a valid function whose operand is marked."""
    stack, data, pos = _Stack(module), module.data, body.code
    while pos < body.end:
        if data[pos] == operators.BR_TABLE:
            stop = operators.after_br_table(data, pos, body.end)
        else:
            found = _ONE.match(data, pos, body.end)
            if found is None:
                break  # what no contract may use: metering refuses it
            stop = found.end()
        stack.step(data[pos], wasm.Reader(data, pos + 1, stop), pos)
        pos = stop
    return frozenset(stack.found)


class _Stack:
    """For every operand whether it is marked, in one function."""

    def __init__(self, module: wasm.Module) -> None:
        self._types = module.types
        imported = (entry.type_index or 0 for entry in module.imported_functions)
        self._functions = (*imported, *module.functions)
        self._marks: list[bool] = []
        self._frames: list[tuple[int, int, int]] = [(0, 0, 0)]
        """Of every open block: how much lies below it, what it takes, what it leaves."""
        self._dead = 0
        """Blocks that were opened in code that cannot be reached, and one for that code."""
        self.found: list[int] = []

    def step(self, opcode: int, immediates: wasm.Reader, offset: int) -> None:
        if self._dead and not self._revived(opcode):
            return
        if opcode in {_BLOCK, _LOOP, _IF}:
            self._open(opcode, immediates)
        elif opcode in {_ELSE, _END}:
            self._close(opcode)
        elif opcode in _LEAVES:
            self._dead = 1
        elif opcode in _KEEPS:
            if opcode in CANONICAL_NEGATION and self._marks[-1]:
                self.found.append(offset)
        elif opcode in _MARKS:
            self._exchange(_MARKS[opcode], 1, marked=True)
        elif opcode in {_CALL, _CALL_INDIRECT}:
            self._call(opcode, immediates.u32())
        else:
            self._exchange(*_SHAPES[opcode])

    def _revived(self, opcode: int) -> bool:
        """Whether unreachable code ends before this operator, an `else` or an `end`."""
        self._dead += (opcode in {_BLOCK, _LOOP, _IF}) - (opcode == _END)
        if opcode == _ELSE and self._dead == 1:
            self._dead = 0
        return not self._dead

    def _exchange(self, pops: int, pushes: int, *, marked: bool = False) -> None:
        del self._marks[len(self._marks) - pops :]
        self._marks += [marked] * pushes

    def _call(self, opcode: int, index: int) -> None:
        kind = self._types[index if opcode == _CALL_INDIRECT else self._functions[index]]
        self._exchange(len(kind.params) + (opcode == _CALL_INDIRECT), len(kind.results))

    def _open(self, opcode: int, immediates: wasm.Reader) -> None:
        takes, leaves = self._block_type(immediates)
        self._exchange(opcode == _IF, 0)
        self._frames.append((len(self._marks) - takes, takes, leaves))

    def _block_type(self, immediates: wasm.Reader) -> tuple[int, int]:
        first = immediates.data[immediates.pos]
        if first in {0x40, wasm.I32, wasm.I64, wasm.F32, wasm.F64}:
            return 0, int(first != 0x40)
        kind = self._types[immediates.u32()]
        return len(kind.params), len(kind.results)

    def _close(self, opcode: int) -> None:
        below, takes, leaves = self._frames[-1] if opcode == _ELSE else self._frames.pop()
        del self._marks[below:]
        self._marks += [False] * (takes if opcode == _ELSE else leaves)
