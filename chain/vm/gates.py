"""How control and data go in and out of a metered module: what is added to it for that.

Compiled code is entered through one exported function, `GATE`, and left through the contract's imports. Neither takes
arguments: they, the gas that is left and the results lie in the *window* (see `window`).

There are two lanes. In the *long* one the host does everything: it allocates Regions, checks and charges them and
moves the bytes. In the *straight* one functions added here do that in Wasm, and the host finds the contents of
Regions in the window and leaves there what it answers. They only know how things go when all is well: whenever
a Region is not as it should be, a limit is met or the gas would not do, nothing has happened since the contract's own
code last ran, and it goes on in the long lane, which knows every error. Both charge the same.

The functions are written as text. wasmtime's `wat2wasm` assembles it without looking at the indices in it, which are
those of the module that the functions are added to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import wasmtime

from chain.vm import wasm, window
from chain.vm.interface import SIGNATURES
from chain.vm.wasm import I32, I64, FuncType, Reader, sized, unsigned, vector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain.vm.interface import Signature

GATE: Final = "lightship_gate"
WINDOW: Final = "lightship_window"
RESERVED: Final = (GATE, WINDOW)
"""Names under which a metered module shows nothing of the contract's own."""
ALLOCATE, DEALLOCATE = 0, 1
"""What the gate calls under these numbers; `numbers` says what under the others."""

_POINTER: Final = bytes((I32,))

HELPERS: Final = {"allocate": FuncType(_POINTER, _POINTER), "deallocate": FuncType(_POINTER, b"")}
"""The types that a contract must export these with."""

MOST_ARGUMENTS: Final = 3
"""Of an entry point."""
_REF_FUNC: Final = 0xD2
_END: Final = b"\x0b"


def lacking(exports: Mapping[str, FuncType]) -> str | None:
    """The first of the helpers that is not there, or has another type."""
    return next((name for name, kind in HELPERS.items() if exports.get(name) != kind), None)


def numbers(exports: Mapping[str, FuncType]) -> dict[str, int]:
    """The functions that the gate calls, with their numbers: those that take and return pointers."""
    entries = sorted(name for name, kind in exports.items() if _takes_pointers(kind))
    names = (*HELPERS, *(name for name in entries if name not in HELPERS))
    return {name: number for number, name in enumerate(names)}


def _takes_pointers(kind: FuncType) -> bool:
    few = len(kind.params) <= MOST_ARGUMENTS
    return few and not kind.params.strip(_POINTER) and kind.results == _POINTER


# --- what is added ----------------------------------------------------------------------------

_PLAIN: Final = FuncType(b"", b"")
_RESULTS: Final = {0: b"", 32: _POINTER, 64: bytes((I64,))}


class Gates:
    """What is added to a module, whose counter is the global `remaining`.

    Behind the module's own functions come one for each import, which is called in its place, two that move the
    contents of Regions, and the gate.
    """

    def __init__(self, module: wasm.Module, remaining: int) -> None:
        self._module = module
        self._imports = module.imported_functions
        self._exports = module.exported_functions()
        self._indices = {e.name: e.index for e in module.exports if e.kind == wasm.FUNC_KIND}
        self._first = len(self._imports) + len(module.functions)
        self._types = len(module.types)
        self._window = max(1, len(module.memories))
        place = self._first + len(self._imports)
        self._names = self._constants(remaining, place)
        self._gate_index = place + 2
        self.next = place + 3
        """The index of the first function behind them."""

    def target(self, function: int) -> int:
        """What to call for a function of the original module."""
        return self._first + function if function < len(self._imports) else function

    @property
    def wraps(self) -> bool:
        """Whether functions are called in the place of others."""
        return bool(self._imports)

    def types(self) -> list[bytes]:
        kinds = (_PLAIN, FuncType(_POINTER * 2, _POINTER * 2), FuncType(_POINTER * 3, _POINTER))
        return [b"\x60" + sized(kind.params) + sized(kind.results) for kind in kinds]

    def declarations(self) -> list[bytes]:
        own = [unsigned(entry.type_index or 0) for entry in self._imports]
        return [*own, *(unsigned(self._types + which) for which in (1, 2, 0))]

    def imports(self) -> bytes:
        """The import section."""
        return vector(
            [
                sized(entry.module.encode()) + sized(entry.name.encode())
                + (self._imported(entry) if entry.kind == wasm.FUNC_KIND else entry.described)
                for entry in self._module.imports
            ]
        )  # fmt: skip

    def _imported(self, entry: wasm.Import) -> bytes:
        """As () -> () what the host has; all else with another type, so that it cannot be linked."""
        if self._signature(entry) is not None:
            return b"\0" + unsigned(self._types)
        other = unsigned(self._types + 1)
        return b"\0" + other if self._kind(entry) == _PLAIN else entry.described

    def _kind(self, entry: wasm.Import) -> FuncType:
        return self._module.types[entry.type_index or 0]

    def _signature(self, entry: wasm.Import) -> Signature | None:
        """What the host has under the name; None if that is nothing of this type."""
        known = SIGNATURES.get(entry.name)
        if known is None:
            return None
        kind = FuncType(_POINTER * known.params, _RESULTS[known.result_bits])
        return known if self._kind(entry) == kind else None

    def memories(self, own: list[bytes]) -> list[bytes]:
        """The memories of the module and the window, which is the second also of a program without any."""
        return [*(own or [b"\x01\0\0"]), b"\x01\x01\x01"]

    def exports(self) -> dict[str, tuple[int, int]]:
        """Name to kind and index. Without its own memory under the name "memory" a module shows no window."""
        found = {GATE: (wasm.FUNC_KIND, self._gate_index)}
        if any(e.name == "memory" and e.kind == wasm.MEMORY_KIND for e in self._module.exports):
            found[WINDOW] = (wasm.MEMORY_KIND, self._window)
        return found

    # --- code

    def _constants(self, remaining: int, first: int) -> dict[str, object]:
        """What the texts name: indices, what is in `window`, and parts of functions."""
        layout = {name: value for name, value in vars(window).items() if name.isupper()}
        named = {"window": self._window, "left": remaining, "place": first, "take": first + 1}
        named |= {f"A{place}": window.ARGUMENTS + 4 * place for place in range(MOST_ARGUMENTS)}
        parts = {name: text.format_map(layout | named) for name, text in _PARTS.items()}
        return layout | named | parts

    def bodies(self) -> list[bytes]:
        functions = (self._import(*each) for each in enumerate(self._imports))
        place = self._filled(_PLACE, allocate=self._calling("allocate"))
        source = "".join((*functions, place, self._filled(_TAKE), self._gate()))
        code = wasm.parse(bytes(wasmtime.wat2wasm(f"(module {source})")))
        return [sized(code.data[body.start : body.end]) for body in code.bodies]

    def _filled(self, text: str, **names: object) -> str:
        return text.format_map({**self._names, **names})

    def _import(self, index: int, entry: wasm.Import) -> str:
        """What is called in the place of an import."""
        signature = self._signature(entry)
        if signature is None:
            return "(func unreachable)"
        own = [f"local.get {place}" for place in range(signature.params)]
        depth = self._filled("i32.load {window} offset={DEPTH} (i32.const 0)")
        result = {0: "", 32: _RESULT_32, 64: _RESULT_64}[signature.result_bits]
        return self._filled(
            _IMPORT,
            typed=_typed(signature),
            straight=self._straight(index, signature, own),
            asked=self._asked(index, depth, own),
            result=self._filled(result),
        )

    def _straight(self, index: int, signature: Signature, own: list[str]) -> str:
        if signature.regions is None:
            return ""
        takes, at = "", f"(i32.const {window.DATA})"
        for place, longest in enumerate(signature.regions):
            takes += self._filled(_TAKEN, parameter=place, into=at, longest=longest)
            at = f"(i32.add {at} (local.get $length{place}))"
        lengths = [f"local.get $length{place}" for place in range(len(signature.regions))]
        arguments = [*lengths, *own[len(lengths) :]]
        place_it = self._asked(index, f"i32.const {window.PLACE}", ["local.get $length0"])
        return self._filled(
            _STRAIGHT,
            flag=window.WRITES if signature.writing else window.READS,
            takes=takes,
            asked=self._asked(index, f"i32.const {window.STRAIGHT}", arguments),
            answer=self._filled(_PLACED, asked=place_it) if signature.result_bits else "return",
        )

    def _asked(self, function: int, mode: str, arguments: list[str]) -> str:
        """A call of the host."""
        stores = (
            self._filled(_STORE, at=window.ARGUMENTS + 4 * place, value=value)
            for place, value in enumerate(arguments)
        )
        return self._filled(_ASKED, function=function, mode=mode, arguments="".join(stores))

    def _gate(self) -> str:
        """`br_table` out of one block for each function; behind the last is nothing."""
        names = numbers(self._exports)
        return self._filled(
            _GATE,
            blocks="block " * (len(names) + 1),
            table=" ".join(map(str, range(len(names) + 1))),
            cases="".join(f"end {self._case(name)} br $done " for name in names),
            passes="".join(
                self._filled(_ARGUMENT, name=name, how=window.UNPLACED + place)
                for place, name in enumerate("abc")
            ),
            deallocate=self._calling("deallocate"),
        )

    def _case(self, name: str) -> str:
        call, kind = self._calling(name), self._exports.get(name)
        if kind is None or call == _STOP:
            return _STOP
        arguments = "".join(f"local.get ${'abc'[place]} " for place in range(len(kind.params)))
        return f"{arguments} {call}" + (" local.set $result" if kind.results else "")

    def _calling(self, name: str) -> str:
        """The operator that calls an exported function, or stops where there is none, or a helper of another type."""
        kind = self._exports.get(name)
        if kind is None or HELPERS.get(name, kind) != kind:
            return _STOP
        return f"call {self.target(self._indices[name])}"

    # --- elements

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


def _typed(signature: Signature) -> str:
    result = f"(result i{signature.result_bits})" if signature.result_bits else ""
    return f"(param {'i32 ' * signature.params}) {result}"


# --- the text of the functions ----------------------------------------------------------------

_STOP: Final = "unreachable"
_STORE: Final = "(i32.store {window} offset={at} (i32.const 0) ({value}))"
_RESULT_32: Final = "(i32.load {window} offset={RESULT} (i32.const 0))"
_RESULT_64: Final = "(i64.load {window} offset={RESULT} (i32.const 0))"

_ASKED: Final = """
    (i64.store {window} offset={GAS} (i32.const 0) (global.get {left}))
    (i32.store {window} offset={MODE} (i32.const 0) ({mode}))
    {arguments}
    call {function}
    (global.set {left} (i64.load {window} offset={GAS} (i32.const 0)))
"""
"""Calls the host with the gas that is left, and takes over what it leaves."""

_IMPORT: Final = """
(func {typed}
  (local $before i64) (local $gas i64) (local $lane i32) (local $length0 i32) (local $length1 i32) (local $placed i32)
  {straight}
  {asked}
  {result})
"""
"""The long lane, behind the straight one if the function has one."""

_STRAIGHT: Final = """
  (block $long
    (local.set $lane (i32.load {window} offset={OPEN} (i32.const 0)))
    (br_if $long (i32.eqz (i32.and (local.get $lane) (i32.const {flag}))))
    (local.set $before (global.get {left}))
    (local.set $gas (i64.sub (local.get $before) (i64.load {window} offset={CALL_COST} (i32.const 0))))
    (br_if $long (i64.lt_s (local.get $gas) (i64.const 0)))
    (global.set {left} (local.get $gas))
    {takes}
    {asked}
    {answer})
"""
"""Takes the Regions, or restores the gas and goes on in the long lane."""

_TAKEN: Final = """
    (local.set $length{parameter} (call {take} (local.get {parameter}) {into} (i32.const {longest})))
    (if (i32.eq (local.get $length{parameter}) (i32.const -1))
      (then (global.set {left} (local.get $before)) (br $long)))
"""

_PLACED: Final = """
    (local.set $length0 (i32.load {window} offset={RESULT} (i32.const 0)))
    (if (i32.eq (local.get $length0) (i32.const -1)) (then (return (i32.const 0))))
    (i32.store {window} offset={OPEN} (i32.const 0) (i32.const 0))
    (i32.store {window} offset={DEPTH} (i32.const 0) (i32.const {DEEPEST}))
    (call {place} (i32.const {DATA}) (local.get $length0))
    (local.set $placed)
    (local.set $length0)
    (i32.store {window} offset={DEPTH} (i32.const 0) (i32.const {ENTERED}))
    (i32.store {window} offset={OPEN} (i32.const 0) (local.get $lane))
    (if (i32.eqz (local.get $placed)) (then {asked}))
    (return (local.get $length0))
"""
"""Puts what the host answered into a new Region. The contract's allocate is a call deeper, in the long lane."""

_PAID: Final = """
  (local.set $gas (i64.sub (global.get {{left}}) (i64.add
    (i64.load {{window}} offset={{{0}_COST}} (i32.const 0))
    (i64.mul (i64.load {{window}} offset={{{0}_BYTE_COST}} (i32.const 0)) (i64.extend_i32_u (local.get $size))))))
  (br_if $astray (i64.lt_s (local.get $gas) (i64.const 0)))
  (global.set {{left}} (local.get $gas))
"""
_PARTS: Final = {
    "region_locals": """
  (local $offset i32) (local $capacity i32) (local $length i32) (local $bytes i64) (local $gas i64)
""",
    "region": """
  (local.set $bytes (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))
  (br_if $astray (i64.gt_u
    (i64.add (i64.extend_i32_u (local.get $pointer)) (i64.const 12)) (local.get $bytes)))
  (local.set $offset (i32.load (local.get $pointer)))
  (local.set $capacity (i32.load offset=4 (local.get $pointer)))
  (local.set $length (i32.load offset=8 (local.get $pointer)))
  (br_if $astray (i32.eqz (local.get $offset)))
  (br_if $astray (i32.gt_u (local.get $length) (local.get $capacity)))
  (br_if $astray (i64.gt_u
    (i64.add (i64.extend_i32_u (local.get $offset)) (i64.extend_i32_u (local.get $capacity)))
    (i64.const 0xFFFFFFFF)))
""",
    "fits": """
  (br_if $astray (i64.gt_u
    (i64.add (i64.extend_i32_u (local.get $offset)) (i64.extend_i32_u (local.get $size)))
    (local.get $bytes)))
  (br_if $astray (i64.gt_u
    (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $size)))
    (i64.const {SIZE})))
""",
    "paid_for_reading": _PAID.format("READ"),
    "paid_for_writing": _PAID.format("WRITE"),
}
"""What both of the following do with a Region, for so many bytes that go to or come from a place in the window."""

_PLACE: Final = """
(func (param $at i32) (param $size i32) (result i32 i32) (local $pointer i32) {region_locals}
  (local.set $pointer ({allocate} (local.get $size)))
  (block $astray
    (br_if $astray (i32.eqz (local.get $pointer)))
    {region}
    (br_if $astray (i32.gt_u (local.get $size) (local.get $capacity)))
    {fits}
    {paid_for_writing}
    (memory.copy 0 {window} (local.get $offset) (local.get $at) (local.get $size))
    (i32.store (local.get $pointer) (local.get $offset))
    (i32.store offset=4 (local.get $pointer) (local.get $capacity))
    (i32.store offset=8 (local.get $pointer) (local.get $size))
    (return (local.get $pointer) (i32.const 1)))
  (local.get $pointer) (i32.const 0))
"""
"""Allocates a Region for so many bytes of the window. Gives its address, and 1 if they are in it."""

_TAKE: Final = """
(func (param $pointer i32) (param $at i32) (param $longest i32) (result i32) (local $size i32) {region_locals}
  (block $astray
    {region}
    (local.set $size (local.get $length))
    (br_if $astray (i32.gt_u (local.get $size) (local.get $longest)))
    {fits}
    {paid_for_reading}
    (memory.copy {window} 0 (local.get $at) (local.get $offset) (local.get $size))
    (return (local.get $size)))
  (i32.const -1))
"""
"""Copies what a Region holds into the window. Gives its length, or -1 when nothing was done."""

_ARGUMENT: Final = """
        (br_if $passed (i32.eqz (local.get $count)))
        (call {place} (local.get $at) (local.get ${name}))
        (local.set $placed)
        (local.set $at (i32.add (local.get $at) (local.get ${name})))
        (local.set ${name})
        (if (i32.eqz (local.get $placed)) (then
          (local.set $result (local.get ${name})) (local.set $how (i32.const {how})) (br $out)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
"""

_GATE: Final = """
(func (local $number i32) (local $lane i32) (local $count i32) (local $at i32) (local $placed i32) (local $how i32)
      (local $a i32) (local $b i32) (local $c i32) (local $result i32) (local $open i32) (local $depth i32)
  (local.set $open (i32.load {window} offset={OPEN} (i32.const 0)))
  (local.set $depth (i32.load {window} offset={DEPTH} (i32.const 0)))
  (i32.store {window} offset={OPEN} (i32.const 0) (i32.const 0))
  (i32.store {window} offset={DEPTH} (i32.const 0) (i32.const 0))
  (global.set {left} (i64.load {window} offset={GAS} (i32.const 0)))
  (local.set $number (i32.load {window} offset={MODE} (i32.const 0)))
  (local.set $a (i32.load {window} offset={A0} (i32.const 0)))
  (local.set $b (i32.load {window} offset={A1} (i32.const 0)))
  (local.set $c (i32.load {window} offset={A2} (i32.const 0)))
  (local.set $lane (i32.load {window} offset={LANE} (i32.const 0)))
  (block $out
    (if (local.get $lane) (then
      (local.set $count (i32.div_u (local.get $lane) (i32.const {COUNT})))
      (local.set $at (i32.const {DATA}))
      (i32.store {window} offset={DEPTH} (i32.const 0) (i32.const {ENTERED}))
      (block $passed {passes})
      (i32.store {window} offset={OPEN} (i32.const 0) (local.get $lane))))
    (block $done
      {blocks} local.get $number br_table {table}
      {cases} end unreachable)
    (br_if $out (i32.eqz (local.get $lane)))
    (i32.store {window} offset={OPEN} (i32.const 0) (i32.const 0))
    (local.set $at (call {take} (local.get $result) (i32.const {DATA}) (i32.const -1)))
    (local.set $how (i32.const {UNREAD}))
    (br_if $out (i32.eq (local.get $at) (i32.const -1)))
    ({deallocate} (local.get $result))
    (local.set $result (local.get $at))
    (local.set $how (i32.const {DONE})))
  (i32.store {window} offset={OPEN} (i32.const 0) (local.get $open))
  (i32.store {window} offset={DEPTH} (i32.const 0) (local.get $depth))
  (i64.store {window} offset={GAS} (i32.const 0) (global.get {left}))
  (i32.store {window} offset={LANE} (i32.const 0) (local.get $how))
  (i64.store {window} offset={RESULT} (i32.const 0) (i64.extend_i32_u (local.get $result))))
"""
