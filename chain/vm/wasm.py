"""A reader for the Wasm binary format, as far as the static checks and the metering need it.

It is not a validator: wasmtime validates. But whatever bytes it is given, it returns a `Module` or
raises `WasmFormatError`, in time linear in the size of the input. Source: WebAssembly core
specification, section 5 (binary format); the element and data segment flags are those of the
bulk-memory proposal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from chain.vm.errors import StaticValidationError, WasmFormatError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAGIC: Final = b"\0asm\x01\0\0\0"

CUSTOM, TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL = range(7)
EXPORT, START, ELEMENT, CODE, DATA, DATA_COUNT = range(7, 13)
ORDER: Final = (*range(TYPE, ELEMENT + 1), DATA_COUNT, CODE, DATA)
"""Of the sections in a module, custom ones aside. Each may be there once."""

FUNC_KIND, TABLE_KIND, MEMORY_KIND, GLOBAL_KIND = range(4)

I32, I64, F32, F64 = 0x7F, 0x7E, 0x7D, 0x7C
_FUNC_TYPE: Final = 0x60
_EXTERNREF: Final = 0x6F
_END: Final = 0x0B

_MIGRATE_VERSION: Final = "cw_migrate_version"


class Reader:
    """A cursor over bytes; every read is checked against the end."""

    __slots__ = ("data", "end", "pos")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None) -> None:
        self.data = data
        self.pos = pos
        self.end = len(data) if end is None else end

    def byte(self) -> int:
        if self.pos >= self.end:
            raise WasmFormatError("unexpected end-of-file", self.pos)
        value = self.data[self.pos]
        self.pos += 1
        return value

    def u32(self) -> int:
        value = self._leb(5)
        if value >> 32:
            raise WasmFormatError("invalid var_u32: integer too large", self.pos - 1)
        return value

    def _leb(self, longest: int) -> int:
        start, value, shift = self.pos, 0, 0
        while True:
            if self.pos - start == longest:
                raise WasmFormatError("invalid LEB128: integer representation too long", start)
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def take(self, count: int) -> bytes:
        if count > self.end - self.pos:
            raise WasmFormatError("unexpected end-of-file", self.end)
        start = self.pos
        self.pos += count
        return self.data[start : self.pos]

    def name(self) -> str:
        start = self.pos
        try:
            return self.take(self.u32()).decode()
        except UnicodeDecodeError as error:
            raise WasmFormatError("malformed UTF-8 encoding", start) from error

    def section(self, size: int) -> Reader:
        """A reader of the next `size` bytes, which this one skips."""
        if size > self.end - self.pos:
            raise WasmFormatError("unexpected end-of-file", self.end)
        self.pos += size
        return Reader(self.data, self.pos - size, self.pos)

    def vector(self, item: Callable[[Reader], T]) -> tuple[T, ...]:
        return tuple(item(self) for _ in range(self.u32()))

    def finish(self) -> None:
        if self.pos != self.end:
            raise WasmFormatError("section size mismatch: unexpected data at the end", self.pos)

    def skip_const_expr(self) -> None:
        """One constant operator and `end`; extended constant expressions are not allowed."""
        start, opcode = self.pos, self.byte()
        if opcode in {0x41, 0x42}:
            self._leb(10)
        elif opcode in {0x43, 0x44}:
            self.take(4 if opcode == 0x43 else 8)
        elif opcode in {0x23, 0xD2}:
            self.u32()
        elif opcode == 0xD0:
            _value_type(self)
        else:
            raise WasmFormatError("constant expression required", start)
        if self.byte() != _END:
            raise WasmFormatError("constant expression required: non-constant operator", start)


def unsigned(value: int) -> bytes:
    """LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sized(content: bytes) -> bytes:
    return unsigned(len(content)) + content


def vector(items: list[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


@dataclass(frozen=True, slots=True)
class FuncType:
    """Value types as their bytes in the binary format: 7f for i32 and so on."""

    params: bytes
    results: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    minimum: int
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Import:
    module: str
    name: str
    kind: int
    type_index: int | None
    described: bytes
    """Its kind and type as they are in the section."""

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True)
class Export:
    name: str
    kind: int
    index: int


@dataclass(frozen=True, slots=True)
class Section:
    """Where a section's content lies in the bytes of the module."""

    id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Body:
    """A function body: its locals by declaration, and where its operators start and end."""

    locals: int
    start: int
    code: int
    end: int


@dataclass(slots=True)
class Module:
    """What the checks and the rewriter want to know of a module."""

    data: bytes
    sections: list[Section] = field(default_factory=list)
    types: tuple[FuncType, ...] = ()
    imports: tuple[Import, ...] = ()
    functions: tuple[int, ...] = ()
    tables: tuple[Limits, ...] = ()
    memories: tuple[Limits, ...] = ()
    globals: int = 0
    exports: tuple[Export, ...] = ()
    bodies: tuple[Body, ...] = ()
    migrate_version: int | None = None

    @property
    def imported_functions(self) -> tuple[Import, ...]:
        return tuple(entry for entry in self.imports if entry.kind == FUNC_KIND)

    @property
    def imported_globals(self) -> int:
        return sum(entry.kind == GLOBAL_KIND for entry in self.imports)

    def exported_functions(self) -> dict[str, FuncType]:
        """Name to type of every exported function.

        Raises `WasmFormatError` when an export points nowhere.
        """
        indices = [entry.type_index or 0 for entry in self.imported_functions] + [*self.functions]
        found: dict[str, FuncType] = {}
        for export in self.exports:
            if export.kind != FUNC_KIND:
                continue
            if export.index >= len(indices) or indices[export.index] >= len(self.types):
                raise WasmFormatError(f"unknown function {export.index}: out of bounds", 0)
            found[export.name] = self.types[indices[export.index]]
        return found


def _check_header(data: bytes, *, bare_magic: bool) -> None:
    if len(data) < len(MAGIC):
        raise WasmFormatError("unexpected end-of-file", len(data))
    if data[:4] != MAGIC[:4]:
        expected, actual = (
            "".join(f"    {byte:#x},\n" for byte in header[:4]) for header in (MAGIC, data)
        )
        found = "" if bare_magic else f" - expected=[\n{expected}] actual=[\n{actual}]"
        raise WasmFormatError(f"magic header not detected: bad magic number{found}", 0)
    if data[:8] != MAGIC:
        version = int.from_bytes(data[4:8], "little")
        raise WasmFormatError(f"unknown binary version: {version:#x}", 0)


def parse(data: bytes, *, bodies: bool = True, bare_magic: bool = False) -> Module:
    """Reads a module; `bodies=False` leaves the code section alone, which is most of the work.

    `bare_magic`: see `Era`.
    """
    _check_header(data, bare_magic=bare_magic)
    module, reader, following = Module(data), Reader(data, 8), ORDER
    while reader.pos < reader.end:
        number, size = reader.byte(), reader.u32()
        start, content = reader.pos, reader.section(size)
        if number > DATA_COUNT:
            raise WasmFormatError(f"malformed section id: {number}", start)
        if number != CUSTOM:
            if number not in following:
                raise WasmFormatError("section out of order", start)
            following = following[following.index(number) + 1 :]
        module.sections.append(Section(number, start, content.end))
        read = _READERS.get(number)
        if read is None or (number == CODE and not bodies):
            continue
        read(module, content)
        content.finish()
    if bodies and len(module.bodies) != len(module.functions):
        raise WasmFormatError("function and code section have inconsistent lengths", len(data))
    return module


def _custom(module: Module, content: Reader) -> None:
    name = content.name()
    payload = content.take(content.end - content.pos)
    if name == _MIGRATE_VERSION:
        module.migrate_version = _migrate_version(payload)


def _migrate_version(payload: bytes) -> int:
    # Rust's u64::from_str: an optional plus sign and ASCII digits (cosmwasm-vm parsed_wasm.rs)
    digits = payload.removeprefix(b"+")
    if not digits:
        raise StaticValidationError("cannot parse integer from empty string")
    if not (digits.isascii() and digits.isdigit()):
        raise StaticValidationError("invalid digit found in string")
    if len(digits.lstrip(b"0")) > 20 or int(digits) >> 64:
        raise StaticValidationError("number too large to fit in target type")
    return int(digits)


def _types(module: Module, content: Reader) -> None:
    module.types = content.vector(_func_type)


def _func_type(reader: Reader) -> FuncType:
    start = reader.pos
    if reader.byte() != _FUNC_TYPE:
        raise WasmFormatError("only function types are supported", start)
    made = FuncType(reader.take(reader.u32()), reader.take(reader.u32()))
    _refuse_external(made.params + made.results, start)
    return made


def _refuse_external(value_types: bytes, at: int) -> None:
    """Wasmparser counts `externref` among the types of the GC proposal, which CosmWasm leaves off."""
    if _EXTERNREF in value_types:
        raise WasmFormatError("gc types are disallowed but found type which requires gc", at)


def _value_type(reader: Reader) -> None:
    start = reader.pos
    _refuse_external(reader.take(1), start)


def _imports(module: Module, content: Reader) -> None:
    module.imports = content.vector(_import)


def _import(reader: Reader) -> Import:
    where, name = reader.name(), reader.name()
    start, kind = reader.pos, reader.byte()
    type_index: int | None = None
    if kind == FUNC_KIND:
        type_index = reader.u32()
    elif kind == TABLE_KIND:
        _table(reader)
    elif kind == MEMORY_KIND:
        _limits(reader)
    elif kind == GLOBAL_KIND:
        _global_type(reader)
    else:
        raise WasmFormatError("malformed import kind", start)
    return Import(where, name, kind, type_index, reader.data[start : reader.pos])


def _functions(module: Module, content: Reader) -> None:
    module.functions = content.vector(Reader.u32)
    if any(index >= len(module.types) for index in module.functions):
        raise StaticValidationError("Wasm bytecode error: function uses unknown type index")


def _tables(module: Module, content: Reader) -> None:
    module.tables = content.vector(_table)


def _table(reader: Reader) -> Limits:
    _value_type(reader)
    return _limits(reader)


def _memories(module: Module, content: Reader) -> None:
    start = content.pos
    module.memories = content.vector(_limits)
    if len(module.memories) > 1:
        raise WasmFormatError("multiple memories", start)


def _limits(reader: Reader) -> Limits:
    start, flags = reader.pos, reader.byte()
    if flags in {2, 3}:
        raise WasmFormatError("threads must be enabled for shared memories", start)
    if flags > 1:
        raise WasmFormatError("invalid limits flags: only 32-bit is supported", start)
    return Limits(reader.u32(), reader.u32() if flags else None)


def _globals(module: Module, content: Reader) -> None:
    module.globals = len(content.vector(_global))


def _global(reader: Reader) -> None:
    _global_type(reader)
    reader.skip_const_expr()


def _global_type(reader: Reader) -> None:
    _value_type(reader)
    reader.byte()  # whether it is mutable


def _exports(module: Module, content: Reader) -> None:
    module.exports = content.vector(lambda r: Export(r.name(), r.byte(), r.u32()))


def _elements(_: Module, content: Reader) -> None:
    content.vector(_element)


def _element(reader: Reader) -> None:
    reader.vector(element_head(reader))


def element_head(reader: Reader) -> Callable[[Reader], object]:
    """Reads a segment up to its items; returns what reads an item: `Reader.u32` for indices, or one for expressions."""
    start, flags = reader.pos, reader.u32()
    if flags > 7:
        raise WasmFormatError("invalid flags byte in element segment", start)
    active, explicit, expressions = not flags & 1, bool(flags & 2), bool(flags & 4)
    if active:
        if explicit:
            reader.u32()
        reader.skip_const_expr()
    if explicit or not active:
        reader.byte()
    return Reader.skip_const_expr if expressions else Reader.u32


def _bodies(module: Module, content: Reader) -> None:
    module.bodies = content.vector(_body)


def _body(reader: Reader) -> Body:
    size = reader.u32()
    start, content = reader.pos, reader.section(size)
    total = 0
    for _ in range(content.u32()):
        total += content.u32()
        _value_type(content)
    return Body(total, start, content.pos, content.end)


def _data(_: Module, content: Reader) -> None:
    content.vector(_segment)


def _segment(reader: Reader) -> None:
    start, flags = reader.pos, reader.u32()
    if flags > 2:
        raise WasmFormatError("invalid flags byte in data segment", start)
    if flags == 2:
        reader.u32()
    if flags != 1:
        reader.skip_const_expr()
    reader.take(reader.u32())


_READERS: Final[dict[int, Callable[[Module, Reader], None]]] = {
    CUSTOM: _custom,
    TYPE: _types,
    IMPORT: _imports,
    FUNCTION: _functions,
    TABLE: _tables,
    MEMORY: _memories,
    GLOBAL: _globals,
    EXPORT: _exports,
    ELEMENT: _elements,
    CODE: _bodies,
    DATA: _data,
}
