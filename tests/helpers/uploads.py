"""Damaged and hostile uploads, each made of its number alone, and what a VM makes of one.

What they are made of: our contracts, random programs and small modules. How: bytes anywhere; sections that are dropped,
doubled, moved, exchanged or damaged within, with their sizes put right; items of their vectors; function bodies with
other operators; and bodies, tables and data that are far too large but valid.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from unit.vm.support import wat

import contracts
from chain.vm import VM, CallError, CompileError, StaticValidationError, wasm
from chain.vm.errors import WasmFormatError

from .gasworld import ALICE, ENV, Ledger, World, address, info, ours
from .programs import program

GAS: Final = 5 * 10**8
LARGEST: Final = 800 << 10
"""Bytes of an upload, as x/wasm allows them."""
_ENTRY: Final = '(func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))'
_FEATURES: Final = (
    "",
    '(table 2 2 funcref) (elem (i32.const 0) func 0) (data (i32.const 8) "data")',
    "(start 0) (global f64 (f64.const nan)) (type (func (param i64 f32) (result f64)))",
    "(func (result f64) (f64.promote_f32 (f32.demote_f64 (f64.neg (f64.sqrt (f64.const -1))))))",
    "(func (param i32) (block (block (br_table 0 1 0 (local.get 0)))) (loop (br_if 0 (local.get 0))))",
    "(func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
    "(func (result v128) (v128.const i64x2 0 0))",
    "(global (mut funcref) (ref.null func)) (table 1 funcref)",
    "(func (try_table (nop)))",
    "(func (return_call 0))",
)


@functools.cache
def seeds() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Our contracts, and what is small."""
    small = [program(number) for number in range(8)]
    small += [wat(_ENTRY + feature, "abort", "db_read") for feature in _FEATURES]
    return tuple(map(contracts.artifact, contracts.ARTIFACTS)), tuple(small)


def upload(number: int) -> bytes:
    """The upload with this number."""
    source = random.Random(f"upload {number}")
    large, small = seeds()
    seed = source.choice(large if source.random() < 0.1 else small)
    chance = source.random()
    if chance < 0.1:
        return wasm.MAGIC[: source.choice((0, 4, 8))] + source.randbytes(source.randrange(300))
    if chance < 0.25:
        return _damaged(seed, source)
    if chance < 0.999:
        return _mutant(seed, source)
    return _bomb(source.choice(small), source)


# --- bytes ----------------------------------------------------------------------------------------


def _damaged(data: bytes, source: random.Random, most: int = 4) -> bytes:
    made = bytearray(data)
    for _ in range(source.randint(1, most)):
        at = source.randrange(len(made) + 1)
        match source.randrange(7):
            case 0:
                made[at : at + 1] = source.randbytes(1)
            case 1 if at < len(made):
                made[at] ^= 1 << source.randrange(8)
            case 2:
                del made[at : at + source.randint(1, 8)]
            case 3:
                made[at:at] = source.randbytes(source.randint(1, 8))
            case 4:
                made[at:at] = made[: source.randint(0, 40)]
            case 5:
                made[at : at + source.randint(0, 5)] = _number(source)
            case _:
                made[at : at + 1] = bytes((source.choice(_OPERATORS),))
    return bytes(made)


_OPERATORS: Final = (
    *range(0x1C),
    *range(0x20, 0x45),
    0x6A,
    0x8C,
    0x9A,
    0xB6,
    0xBB,
    0xD0,
    0xFC,
    0xFD,
)


def _number(source: random.Random) -> bytes:
    """Small, at a limit, or no u32 at all."""
    numbers = (0, 1, 100, 101, 513, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63)
    return source.choice((leb(source.choice(numbers)), b"\x80" * source.randint(1, 6) + b"\0"))


def leb(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


# --- sections -------------------------------------------------------------------------------------


@functools.cache
def _sections(code: bytes) -> tuple[tuple[int, bytes], ...]:
    return tuple(
        (section.id, code[section.start : section.end]) for section in wasm.parse(code).sections
    )


def _joined(sections: Sequence[tuple[int, bytes]]) -> bytes:
    return wasm.MAGIC + b"".join(
        bytes((number,)) + leb(len(content)) + content for number, content in sections
    )


def _mutant(code: bytes, source: random.Random) -> bytes:
    sections = list(_sections(code))
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        at = source.randrange(len(sections)) if sections else 0
        if sections:
            source.choice(_MUTATIONS)(sections, at, source)
    return _joined(sections)


def _drop(sections: list[tuple[int, bytes]], at: int, _: random.Random) -> None:
    del sections[at]


def _double(sections: list[tuple[int, bytes]], at: int, source: random.Random) -> None:
    sections.insert(source.randrange(len(sections) + 1), sections[at])


def _renumber(sections: list[tuple[int, bytes]], at: int, source: random.Random) -> None:
    sections[at] = source.randrange(14), sections[at][1]


def _move(sections: list[tuple[int, bytes]], at: int, source: random.Random) -> None:
    sections.insert(source.randrange(len(sections)), sections.pop(at))


def _damage(sections: list[tuple[int, bytes]], at: int, source: random.Random) -> None:
    number, content = sections[at]
    sections[at] = number, _damaged(content, source, 2)


def _recount(sections: list[tuple[int, bytes]], at: int, source: random.Random) -> None:
    number, content = sections[at]
    sections[at] = number, _number(source) + content[1:]


def _exchange(sections: list[tuple[int, bytes]], at: int, source: random.Random) -> None:
    """With the section of the same kind in another module."""
    number = sections[at][0]
    found = [each for each in _sections(source.choice(seeds()[1])) if each[0] == number]
    sections[at : at + 1] = found[:1]


def _custom(sections: list[tuple[int, bytes]], at: int, source: random.Random) -> None:
    name = source.choice((b"name", b"cw_migrate_version", b"producers", source.randbytes(5)))
    content = source.choice((b"7", b"-1", b"", b"9" * 30, source.randbytes(9)))
    sections.insert(at, (wasm.CUSTOM, leb(len(name)) + name + content))


def _in_body(sections: list[tuple[int, bytes]], _: int, source: random.Random) -> None:
    """One function of the code section, its size put right."""
    for place, (number, content) in enumerate(sections):
        if number == wasm.CODE:
            bodies = _bodies(content)
            if bodies:
                chosen = source.randrange(len(bodies))
                bodies[chosen] = source.choice(_BODY_MUTATIONS)(bodies, chosen, source)
                sections[place] = number, _code_section(bodies)


def _bodies(content: bytes) -> list[bytes]:
    """Of a code section that may be damaged: those that can be told apart."""
    try:
        reader = wasm.Reader(content)
        return [reader.take(reader.u32()) for _ in range(min(reader.u32(), len(content)))]
    except WasmFormatError:
        return []


def _code_section(bodies: Sequence[bytes]) -> bytes:
    return leb(len(bodies)) + b"".join(leb(len(body)) + body for body in bodies)


def _one_byte(bodies: Sequence[bytes], at: int, source: random.Random) -> bytes:
    body = bytearray(bodies[at])
    if body:
        place = source.randrange(len(body))
        body[place] = source.choice(
            (body[place] ^ 1 << source.randrange(8), source.choice(_OPERATORS))
        )
    return bytes(body)


def _inserted(bodies: Sequence[bytes], at: int, source: random.Random) -> bytes:
    """Operators that change nothing, or take something that may not be there."""
    body = bodies[at]
    place = source.randrange(1, len(body)) if len(body) > 1 else 0
    return body[:place] + source.choice(_PIECES) * source.randint(1, 3) + body[place:]


def _foreign(bodies: Sequence[bytes], _: int, source: random.Random) -> bytes:
    return source.choice(bodies)


def _torn(bodies: Sequence[bytes], at: int, source: random.Random) -> bytes:
    return _damaged(bodies[at], source)


_BODY_MUTATIONS: Final = (_one_byte, _one_byte, _inserted, _foreign, _torn)
_BLOCK: Final = b"\x02\x40\x0b"
_PIECES: Final = (
    _BLOCK, b"\x01", b"\x03\x40\x0b", b"\x41\0\x04\x40\x0b", b"\x41\0\x04\x40\x05\x0b", b"\x41\1\x1a",
    b"\x44" + bytes(8) + b"\x9f\x9a\xb6\xbb\x1a", b"\x3f\0\x40\0\x1a", b"\x02\x40\x0c\0\x0b",
    b"\x02\x40\x41\0\x0d\0\x0b", b"\x02\x40\x41\0\x0e\1\0\0\x0b", b"\x02\x40\0\x0b", b"\x02\x40\x0f\x0b",
    b"\x41\0\x28\2\0\x1a", b"\x41\0\x41\0\x36\2\0", b"\x41\0\x42\0\xfc\0\x1a", b"\x10\0", b"\x10\1",
    b"\x1a", b"\x0b", b"\xd2\0\x1a", b"\xfc\x0a\0\0", b"\x20\0\x1a", b"\x23\0\x1a", b"\x41\0\x11\0\0",
)  # fmt: skip
_MUTATIONS: Final[tuple[Callable[[list[tuple[int, bytes]], int, random.Random], None], ...]] = (
    _drop, _double, _renumber, _move, _damage, _damage, _recount, _exchange, _custom, _custom,
    *[_in_body] * 8,
)  # fmt: skip


# --- what is too large ----------------------------------------------------------------------------


def _bomb(code: bytes, source: random.Random) -> bytes:
    """One function that begins with very much of the same."""
    bodies = wasm.parse(code).bodies
    chosen = source.choice(bodies)
    before, after = source.choice(_BOMBS)
    times = min(int(10 ** source.uniform(2, 5.3)), LARGEST // len(before + after))
    made = [code[body.start : body.end] for body in bodies]
    start, rest = code[chosen.start : chosen.code], code[chosen.code : chosen.end]
    made[bodies.index(chosen)] = start + before * times + after * times + rest
    return _joined(
        [(n, _code_section(made) if n == wasm.CODE else old) for n, old in _sections(code)]
    )


_BOMBS: Final = (
    *((piece, b"") for piece in _PIECES[:17]),
    (b"\x02\x40", b"\x0b"),
    (b"\x03\x40", b"\x0b"),
    (b"\x41\0\x04\x40", b"\x0b"),
    (b"\x41\0", b"\x1a"),
    (b"\x41\0\x02\x40", b"\x0b\x1a"),
)


# --- what a VM makes of it ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fate:
    """How far an upload came: the class of the error that ended it, or "ok"."""

    stored: str
    called: str = ""


def attempt(vm: VM, code: bytes) -> Fate:
    """Stores an upload, calls its first entry point, forgets it. Raises what no upload may cause."""
    try:
        checksum = vm.store_code(code)
    except (StaticValidationError, CompileError) as error:
        return Fate(type(error).__name__)
    try:
        return Fate("ok", _called(vm, checksum))
    finally:
        vm.remove_code(checksum)


def _called(vm: VM, checksum: bytes) -> str:
    entry = min(vm.analyze(checksum).entrypoints, default="instantiate")
    args = (ENV, b'{"a":1}') if entry in {"query", "sudo", "reply"} else (ENV, info(ALICE), b"{}")
    world = World(ours(vm), GAS)
    ledger = Ledger(world, address("contract"))
    world.contracts[ledger.address] = checksum, ledger
    try:
        vm.call(checksum, entry, args, ledger, GAS)
    except CallError as error:
        return type(error).__name__
    return "ok"
