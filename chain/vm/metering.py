"""Writes gas metering into a module: Wasm in, Wasm out.

The rule is cosmwasm-vm's `metering.rs` (and wasmer-middlewares before it): walk a function's
operators in binary order, dead code included, and sum their costs; before each accounting operator
subtract the sum. The gas is then what upstream charges, to the unit, on any engine.

Upstream also compares before each subtraction. Here what is left may fall below zero, which counts
as out of gas wherever the code stops, and is looked at where it must be: at the head of a loop, at
the start of a function that calls, by the host when it is called, and at the end. What runs in
between cannot be seen, and is shorter than a function.

The same walk refuses the operators that upstream's `gatekeeper.rs` refuses, and replaces
the two float conversions whose NaN payloads Cranelift canonicalizes but Wasmer's singlepass
compiler does not, and the negations of which the opposite is true (see `floats`).
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Final

from chain.vm import floats, operators, wasm
from chain.vm.errors import CompileError
from chain.vm.gates import RESERVED, Gates
from chain.vm.operators import ACCOUNTING, BR_TABLE, DEMOTE, IF, PLAIN, PROMOTE, after_br_table
from chain.vm.wasm import sized, unsigned, vector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chain.vm.gas import OpCosts

REMAINING: Final = "wasmer_metering_remaining_points"
"""The exported global that holds what is left, as a signed number; below zero means out of gas.

It is below zero from the start, and so no start function runs."""

MAX_GAS: Final = (1 << 63) - 1
"""The most that it can hold."""

COUNTER: Final = "lightship_gas_{}".format
"""With counters: the exported global that holds what a function has paid, by its place among the module's own."""

MAX_EFFORT: Final = 400_000_000
"""Limit of the sum, over all functions, of the square of the number of charges.

Cranelift needs time in the square of the number of blocks of a function: an upload within the size
limit could keep it busy for minutes. This bounds it to some seconds; the largest functions of
contracts have about 4,000 charges. Upstream's compiler is linear and has no such limit.
"""

_MAX_LOCALS: Final = 50_000
"""Of a function, its parameters included: a limit of wasmparser and of browsers."""

_LOOP, _END, _BR, _BR_IF, _RETURN, _CALL, _CALL_INDIRECT = (
    0x03, 0x0B, 0x0C, 0x0D, 0x0F, 0x10, 0x11,
)  # fmt: skip
_CALLS: Final = (_CALL, _CALL_INDIRECT)
_OPENS: Final = (0x02, 0x04)  # block and if, the latter in eras where it is a plain operator
_TRAPS: Final = frozenset(
    (
        0x00,
        *range(0x28, 0x3F),
        *range(0x6D, 0x71),
        *range(0x7F, 0x83),
        *range(0xA8, 0xAC),
        *range(0xAE, 0xB2),
    )
)
"""Plain operators that can trap: unreachable, loads, stores, divisions, remainders, truncations."""
_INDIRECT_CALL: Final = re.compile(rb"\x11" + operators.LEB + rb"(" + operators.LEB + rb")")
_OTHERS: Final = re.compile(
    b"(?:" + b"|".join((*PLAIN, *ACCOUNTING[:2], IF, operators.FLOATS)) + b")*+", re.DOTALL
)

_REFUSED: Final = (
    (range(0x06, 0x0B), "Exception handling operation", "Exception handling is"),
    (range(0x12, 0x16), "Reference type operation", "Reference types are"),
    (range(0x18, 0x1A), "Exception handling operation", "Exception handling is"),
    (range(0x1C, 0x1D), "Reference type operation", "Reference types are"),
    (range(0x1F, 0x20), "Exception handling operation", "Exception handling is"),
    (range(0x25, 0x27), "Reference type operation", "Reference types are"),
    (range(0xD0, 0xD7), "Reference type operation", "Reference types are"),
    (range(0xFB, 0xFC), "GC operation", "GC Proposal is"),
    (range(0xFC, 0xFD), "Bulk memory operation", "Bulk memory operations are"),
    (range(0xFD, 0xFE), "SIMD operator", "The Wasm SIMD extension is"),
    (range(0xFE, 0xFF), "Threads operator", "The Wasm Threads extension is"),
)


def meter(
    module: wasm.Module, costs: OpCosts, memory_pages: int, *, counters: bool = False
) -> bytes:
    """The metered module. `module` must have been validated and parsed with its bodies.

    Custom sections are dropped and the memory gets `memory_pages` as its maximum. With `counters`
    every function also sums what it pays (see `COUNTER`); what it pays is the same. Raises
    `CompileError` on operators that contracts must not use.
    """
    remaining = module.imported_globals + module.globals
    gates = Gates(module, remaining)
    helpers = _Helpers(len(module.types) + len(gates.types()), gates.next)
    walk = _Walk(module, costs, remaining, gates, helpers)
    counted = range(remaining + 1, remaining + 1 + len(module.bodies)) if counters else ()
    params = (len(module.types[kind].params) for kind in module.functions)
    indices = count(len(module.imported_functions))
    bodies = zip(module.bodies, params, indices, chain(counted, repeat(None)), strict=False)
    code = [sized(walk.body(*each)) for each in bodies]
    contents = {section.id: module.data[section.start : section.end] for section in module.sections}
    contents.pop(wasm.CUSTOM, None)
    for number, items in (
        (wasm.TYPE, gates.types() + helpers.types()),
        (wasm.FUNCTION, gates.declarations() + helpers.declarations()),
    ):
        contents[number] = _appended(contents.get(number, b"\0"), items)
    if module.imports:
        contents[wasm.IMPORT] = gates.imports()
    if walk.start is not None:
        contents[wasm.START] = unsigned(gates.target(walk.start))
    if gates.wraps and wasm.ELEMENT in contents:
        contents[wasm.ELEMENT] = gates.elements(contents[wasm.ELEMENT])
    contents[wasm.MEMORY] = vector(
        gates.memories([_bounded(m, memory_pages) for m in module.memories])
    )
    contents[wasm.GLOBAL] = _appended(
        contents.get(wasm.GLOBAL, b"\0"), [_BELOW_ZERO, *[_ZERO] * len(counted)]
    )
    contents[wasm.EXPORT] = vector(_exports(module, gates, remaining, counted))
    contents[wasm.CODE] = vector(code + gates.bodies() + helpers.bodies())
    return wasm.MAGIC + b"".join(
        bytes((number,)) + sized(contents[number]) for number in wasm.ORDER if number in contents
    )


_ZERO: Final = b"\x7e\x01\x42\0\x0b"
_BELOW_ZERO: Final = b"\x7e\x01\x42\x7f\x0b"


def long_table_index(module: wasm.Module) -> int | None:
    """The offset of the first call_indirect that names table 0 in more than one byte; None if there is none."""
    for body in module.bodies:
        pos = body.code
        while pos < body.end:
            pos = _skipped(module.data, pos, body.end)
            called = _INDIRECT_CALL.match(module.data, pos, body.end)
            if called is None:
                break  # the body's end, or what no era takes
            if called[1] != b"\0":
                return pos
            pos = called.end()
    return None


def _skipped(data: bytes, pos: int, end: int) -> int:
    """Past all operators up to a call_indirect, or one that is not known."""
    while True:
        found = _OTHERS.match(data, pos, end)
        pos = pos if found is None else found.end()
        if pos == end or data[pos] != BR_TABLE:
            return pos
        pos = after_br_table(data, pos, end)


class _Walk:
    """Rewrites function bodies; it holds what all bodies of a module share."""

    def __init__(
        self, module: wasm.Module, costs: OpCosts, remaining: int, gates: Gates, helpers: _Helpers
    ) -> None:
        plain = PLAIN if costs.if_accounts else (*PLAIN, IF)
        accounting = (*ACCOUNTING, IF) if costs.if_accounts else ACCOUNTING
        self._operator = re.compile(b"|".join(plain), re.DOTALL)
        self._run = re.compile(b"(?:" + b"|".join(plain) + b")*+", re.DOTALL)
        self._accounting = re.compile(b"|".join(accounting), re.DOTALL)
        self._module = module
        self._data = module.data
        self._costs = costs
        self._gates = gates
        self._helpers = helpers
        self._runs: dict[bytes, _Run] = {}
        self._effort = 0
        self._marked: dict[int, frozenset[int]] = {}
        """Of the last body that needed it."""
        self._remaining = remaining
        self.start = _start_function(module)

    def body(self, body: wasm.Body, params: int, index: int, counter: int | None) -> bytes:
        """The locals and metered operators of function `index`; its sum goes to the global `counter`."""
        data, end, pos = self._data, body.end, body.code
        gas = _Gas(self._remaining, params + body.locals, counter)
        parts = [b""]
        cost = self._locals_cost(body.locals)
        if cost and self._accounting_end(pos, end) is None:
            parts.append(gas.charge(cost))
            cost = 0
        while pos < end:
            found = self._run.match(data, pos, end)
            if found is not None and found.end() > pos:
                run = self._facts(found[0])
                cost += run.cost
                parts += gas.run(run), found[0]
                pos = found.end()
                if pos == end:
                    break
            stop = self._accounting_end(pos, end)
            if stop is None:
                parts.append(self._float(pos, body))
                cost += self._costs.plain
                pos += 1
            else:
                parts.append(
                    gas.account(cost + self._costs.accounting, self._accounting_operator(pos, stop))
                )
                cost = 0
                pos = stop
        self._add_effort(gas.charges)
        parts[0] = gas.locals(data, body) + gas.entry(index == self.start)
        return b"".join(parts)

    def _accounting_operator(self, pos: int, stop: int) -> bytes:
        if self._data[pos] != _CALL:
            return self._data[pos:stop]
        function = wasm.Reader(self._data, pos + 1).u32()
        return bytes((_CALL,)) + unsigned(self._gates.target(function))

    def _float(self, pos: int, body: wasm.Body) -> bytes:
        """What stands for the operator at `pos`, which Cranelift would treat differently."""
        opcode = self._data[pos]
        if opcode not in floats.CANONICAL_NEGATION:
            return self._helpers.call(opcode, pos)
        if body.start not in self._marked:
            self._marked = {body.start: floats.marked_negations(self._module, body)}
        marked = pos in self._marked[body.start]
        return floats.CANONICAL_NEGATION[opcode] if marked else bytes((opcode,))

    def _add_effort(self, charges: int) -> None:
        self._effort += charges * charges
        if self._effort > MAX_EFFORT:
            raise CompileError(
                f"Could not compile: a function with {charges} charges for gas, or several such, "
                f"would take too long (effort {self._effort}, limit {MAX_EFFORT})"
            )

    def _locals_cost(self, declared: int) -> int:
        free = self._costs.free_locals
        return 0 if free is None else self._costs.plain * max(0, declared - free)

    def _accounting_end(self, pos: int, end: int) -> int | None:
        """Where the accounting operator at `pos` ends; None if there is none."""
        if self._data[pos] == BR_TABLE:
            return after_br_table(self._data, pos, end)
        found = self._accounting.match(self._data, pos, end)
        return None if found is None else found.end()

    def _facts(self, run: bytes) -> _Run:
        facts = self._runs.get(run)
        if facts is None:
            operators = self._operator.findall(run)
            opcodes = [operator[0] for operator in operators]
            facts = self._runs[run] = _Run(
                len(opcodes) * self._costs.plain,
                sum(map(opcodes.count, _OPENS)),
                not _TRAPS.isdisjoint(opcodes),
            )
        return facts


@dataclass(frozen=True, slots=True)
class _Run:
    """Of some plain operators in a row: their cost, the blocks that they open, whether one can trap."""

    cost: int
    opens: int
    traps: bool


def _start_function(module: wasm.Module) -> int | None:
    for section in module.sections:
        if section.id == wasm.START:
            return wasm.Reader(module.data, section.start, section.end).u32()
    return None


class _Gas:
    """What is left, in one function that is being rewritten.

    A local holds it. The global `remaining` gets the same value where it can be seen: before the code calls,
    returns, or does what can trap. A function with no room for a local has the global alone.
    """

    def __init__(self, remaining: int, place: int, counter: int | None) -> None:
        total, local = unsigned(remaining), unsigned(place)
        self._held = place < _MAX_LOCALS
        if self._held:
            self._get, self._set = b"\x20" + local, b"\x21" + local
            self._load, self._store = b"\x23" + total + self._set, self._get + b"\x24" + total
        else:
            self._get, self._set = b"\x23" + total, b"\x24" + total
            self._load = self._store = b""
        # if left < 0 { unreachable }
        self._check = self._get + b"\x42\0\x53\x04\x40" + self._store + b"\x00\x0b"
        self._sum = b"" if counter is None else unsigned(counter)
        self._stored = False
        self._depth = 0
        self._calls = False
        self.charges = 0

    def charge(self, cost: int) -> bytes:
        """Subtracts, and sums what was there to be paid."""
        amount = _amount(cost)
        self._stored = False
        self.charges += 1
        code = self._get + amount + b"\x7d" + self._set
        if self._sum:
            code += self._check + b"\x23" + self._sum + amount + b"\x7c\x24" + self._sum
        return code

    def run(self, run: _Run) -> bytes:
        """What goes before plain operators."""
        self._depth += run.opens
        if not run.traps or self._stored:
            return b""
        self._stored = True
        return self._store

    def account(self, cost: int, operator: bytes) -> bytes:
        """An accounting operator with all that goes before and after it."""
        opcode, code = operator[0], self.charge(cost)
        if self._leaves(operator):
            code += self._store
        code += operator
        if opcode in _CALLS:
            self._calls = self._stored = True
            code += self._load
        elif opcode == _LOOP:
            code += self._check
        self._depth += (opcode in {_LOOP, *_OPENS}) - (opcode == _END)
        return code

    def _leaves(self, operator: bytes) -> bool:
        """Whether control may leave the function here."""
        opcode = operator[0]
        if opcode in {_BR, _BR_IF}:
            return wasm.Reader(operator, 1).u32() == self._depth
        return opcode in {*_CALLS, _RETURN, BR_TABLE} or (opcode == _END and not self._depth)

    def entry(self, always: bool) -> bytes:
        """What goes before the function's first operator; `always` look at what is left."""
        return self._load + (self._check if self._calls or always else b"")

    def locals(self, data: bytes, body: wasm.Body) -> bytes:
        """Those of the function, and ours behind them."""
        reader = wasm.Reader(data, body.start, body.code)
        groups = reader.u32()
        if not self._held:
            return data[body.start : body.code]
        return unsigned(groups + 1) + data[reader.pos : body.code] + b"\x01\x7e"


@functools.lru_cache(4096)
def _amount(cost: int) -> bytes:
    return b"\x42" + _signed(cost)


class _Helpers:
    """Conversions between the float widths that keep a NaN's payload.

    x86 and ARM quiet the NaN and keep its sign and leading payload bits, which is what contracts
    see under Wasmer's singlepass compiler. Both helpers follow all other functions.
    """

    def __init__(self, first_type: int, first_function: int) -> None:
        self._first_type = first_type
        self._demote = first_function
        self.used = False

    def call(self, opcode: int, offset: int) -> bytes:
        """The call that stands for a float conversion; refuses every other operator."""
        if opcode not in {DEMOTE, PROMOTE}:
            raise CompileError(_refusal(opcode, offset))
        self.used = True
        return b"\x10" + unsigned(self._demote + (opcode == PROMOTE))

    def types(self) -> list[bytes]:
        return [b"\x60\x01\x7c\x01\x7d", b"\x60\x01\x7d\x01\x7c"] if self.used else []

    def declarations(self) -> list[bytes]:
        return [unsigned(self._first_type), unsigned(self._first_type + 1)] if self.used else []

    def bodies(self) -> list[bytes]:
        return [sized(_DEMOTE_BODY), sized(_PROMOTE_BODY)] if self.used else []


def _signed(value: int) -> bytes:
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def _i64(value: int) -> bytes:
    """`i64.const value`, the value given as an unsigned bit pattern."""
    return b"\x42" + _signed(value - (1 << 64) if value >> 63 else value)


_GET: Final = b"\x20\x00"
_OF_F64: Final = _GET + b"\xbd"  # the bits of the argument, as i64
_OF_F32: Final = _GET + b"\xbc\xad"
_AND, _OR, _SHL, _SHR = b"\x83", b"\x84", b"\x86", b"\x88"

_DEMOTE_BODY: Final = b"".join(
    (
        b"\x00", _GET, _GET, b"\x62\x04\x7d",  # if x != x
        _OF_F64, _i64(32), _SHR, _i64(1 << 31), _AND,  # the sign
        _i64(0x7FC00000), _OR,  # a quiet NaN
        _OF_F64, _i64(29), _SHR, _i64(0x3FFFFF), _AND, _OR,  # the payload
        b"\xa7\xbe\x05", _GET, b"\xb6\x0b\x0b",  # else the conversion itself
    )
)  # fmt: skip
_PROMOTE_BODY: Final = b"".join(
    (
        b"\x00", _GET, _GET, b"\x5c\x04\x7c",
        _OF_F32, _i64(31), _SHR, _i64(63), _SHL,
        _i64(0x7FF8 << 48), _OR,
        _OF_F32, _i64(0x3FFFFF), _AND, _i64(29), _SHL, _OR,
        b"\xbf\x05", _GET, b"\xbb\x0b\x0b",
    )
)  # fmt: skip


def _appended(content: bytes, items: list[bytes]) -> bytes:
    """The content of a section that is one vector, with more items at its end."""
    reader = wasm.Reader(content)
    count = reader.u32()
    return unsigned(count + len(items)) + content[reader.pos :] + b"".join(items)


def _bounded(memory: wasm.Limits, pages: int) -> bytes:
    maximum = pages if memory.maximum is None else min(pages, memory.maximum)
    return b"\x01" + unsigned(memory.minimum) + unsigned(maximum)


def _exports(
    module: wasm.Module, gates: Gates, remaining: int, counted: Iterable[int]
) -> list[bytes]:
    """The module's exports and ours, whose names no others may have."""
    ours = {REMAINING: (wasm.GLOBAL_KIND, remaining), **gates.exports()}
    ours |= {COUNTER(place): (wasm.GLOBAL_KIND, index) for place, index in enumerate(counted)}
    taken = {*ours, *RESERVED}
    theirs = (
        (e.name, e.kind, gates.target(e.index) if e.kind == wasm.FUNC_KIND else e.index)
        for e in module.exports
        if e.name not in taken
    )
    entries = [*theirs, *((name, kind, index) for name, (kind, index) in ours.items())]
    return [
        sized(name.encode()) + bytes((kind,)) + unsigned(index) for name, kind, index in entries
    ]


def _refusal(opcode: int, offset: int) -> str:
    for opcodes, what, whose in _REFUSED:
        if opcode in opcodes:
            return (
                "Could not compile: Error in middleware Gatekeeper: "
                f"{what} detected: opcode {opcode:#04x} at {offset:#x}. {whose} not supported."
            )
    return f"Could not compile: unknown opcode {opcode:#04x} at {offset:#x}"
