"""Random contracts that do not keep to the interface.

What a contract exports for its host (`allocate`, `deallocate`) calls the host, traps, burns gas or gives Regions that
are none, each at random; so do its entry points, which pass such Regions to host functions and give them as results.
A contract is made of a number, so that a failure can be made again.
"""

from __future__ import annotations

import random
from typing import Final

from unit.vm.support import wat

PAGES: Final = 16
KEYS: Final = (b"key", b"some", b"", b"long")
"""Under these its storage should have something; the last one's value should be long."""
IMPORTS: Final = (
    "db_read", "db_write", "db_remove", "db_scan", "db_next", "db_next_key", "db_next_value", "addr_validate",
    "addr_canonicalize", "debug", "query_chain",
)  # fmt: skip

_END: Final = PAGES << 16
_TEXT: Final = 1024
_LARGE: Final = 262_144
"""Where nothing else lies: as much as a value may be long, and more."""

_FRAME: Final = f"""
  (global $heap (mut i32) (i32.const 65536)) (global $allocated (mut i32) (i32.const 0))
  (global $seen (mut i32) (i32.const 1)) (global $burnt (mut i32) (i32.const 0))
  (data (i32.const 0) "\\00\\10\\00\\00\\00\\60\\00\\00\\00\\00\\00\\00")
  (data (i32.const {_TEXT}) "keysomelong, and \\ff what is no text: cosmos1abcdefgh") (data (i32.const 2048) "{{}}")
  (func $made (param $size i32) (result i32) (local $at i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (i32.add (local.get $at) (i32.const 12)) (local.get $size)))
    (call $region (local.get $at) (i32.add (local.get $at) (i32.const 12)) (local.get $size) (i32.const 0)))
  (func $region (param $at i32) (param $offset i32) (param $capacity i32) (param $length i32) (result i32)
    (i32.store (local.get $at) (local.get $offset))
    (i32.store offset=4 (local.get $at) (local.get $capacity))
    (i32.store offset=8 (local.get $at) (local.get $length))
    (local.get $at))
  (func $full (param $offset i32) (param $length i32) (result i32) (local $at i32)
    (local.set $at (call $made (i32.const 0)))
    (call $region (local.get $at) (local.get $offset) (local.get $length) (local.get $length)))
  (func $note (param $value i32)
    (global.set $seen (i32.add (i32.mul (global.get $seen) (i32.const 31)) (local.get $value))))
  (func $use (param $at i32)
    (call $note (local.get $at))
    (if (local.get $at) (then
      (call $note (i32.add (i32.load offset=4 (local.get $at)) (i32.load offset=8 (local.get $at))))
      (if (i32.load offset=8 (local.get $at)) (then
        (call $note (i32.load8_u (i32.load (local.get $at)))))))))
  (func $burn (param $times i32)
    (loop $again
      (global.set $burnt (i32.add (global.get $burnt) (i32.const 1)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
"""


def contract(number: int) -> bytes:
    """The contract with this number; it exports ``execute`` and ``query``."""
    dice = random.Random(number)
    body = "\n".join(
        (
            _FRAME,
            _allocator(dice),
            '(func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))',
            f'(func (export "execute") (param i32 i32 i32) (result i32) {_entry(dice)})',
            f'(func (export "query") (param i32 i32) (result i32) {_entry(dice)})',
        )
    )
    return wat(body, *IMPORTS, memory=PAGES, allocator="")


def _allocator(dice: random.Random) -> str:
    """Keeps to the interface most times: a few of the first calls do not."""
    astray = "".join(
        f"(if (i32.eq (global.get $allocated) (i32.const {which})) (then {_astray(dice)}))"
        for which in dice.sample(range(1, 9), dice.choice((0, 1, 1, 2)))
    )
    release = _deed(dice) if dice.random() < 0.2 else ""
    return f"""
      (func $allocate (export "allocate") (param $size i32) (result i32) (local $at i32)
        (global.set $allocated (i32.add (global.get $allocated) (i32.const 1)))
        (local.set $at (call $made (local.get $size)))
        {astray} (local.get $at))
      (func (export "deallocate") (param i32) {release})
    """


def _astray(dice: random.Random) -> str:
    """What an ``allocate`` does instead, or besides."""
    at = "(local.get $at)"
    deeds = (
        "(return (i32.const 0))",
        f"(return (i32.const {dice.choice((-8, _END, _END - 11, _END - 12, 4))}))",
        f"(i32.store {at} (i32.const 0))",
        f"(i32.store {at} (i32.const {dice.choice((-1, _END, _END - 1, _END - 3, 1))}))",
        f"(i32.store {at} {at})",
        f"(i32.store {at} {at}) (i32.store offset=4 {at} (i32.const 1000))",
        f"(i32.store {at} (i32.sub {at} (i32.const 4)))",
        f"(i32.store offset=4 {at} (i32.const {dice.choice((-1, 0))}))",
        f"(i32.store offset=4 {at} (i32.sub (local.get $size) (i32.const 1)))",
        f"(i32.store offset=8 {at} (i32.const {dice.choice((-1, 1, 100_000))}))",
        "(drop (memory.grow (i32.const 1)))",
        _deed(dice),
        _deed(dice),
        _deed(dice),
    )
    return dice.choice(deeds)


def _entry(dice: random.Random) -> str:
    deeds = "\n".join(_deed(dice) for _ in range(dice.randint(0, 5)))
    return f"{deeds} {_result(dice)}"


def _deed(dice: random.Random) -> str:
    kind = dice.random()
    if kind < 0.04:
        return "unreachable"
    if kind < 0.12:
        return f"(call $burn (i32.const {dice.choice((1, 20, 3_000))}))"
    name = dice.choice(("db_read", "db_write", "db_scan", *IMPORTS))
    match name:
        case "db_write" | "addr_canonicalize":
            call = f"(call ${name} {_region(dice)} {_region(dice)})"
        case "db_scan":
            end = _region(dice) if dice.random() < 0.3 else "(i32.const 0)"
            call = f"(call $db_scan (i32.const 0) {end} (i32.const {dice.choice((1, 1, 2, 2, 3))}))"
        case "db_next" | "db_next_key" | "db_next_value":
            call = f"(call ${name} (i32.const {dice.choice((0, 0, 0, 0, 1, -1))}))"
        case _:
            call = f"(call ${name} {_region(dice)})"
    if name in {"db_write", "db_remove", "debug"}:
        return call
    return f"(call $use {call})"


def _region(dice: random.Random) -> str:
    """One that is as it should be, most times."""
    kind = dice.random()
    if kind < 0.75:
        offset, length = dice.choice(((0, 3), (3, 4), (7, 4), (0, 0), (11, 6), (38, 15)))
        return f"(call $full (i32.const {_TEXT + offset}) (i32.const {length}))"
    if kind < 0.85:
        length = dice.choice((65_536, 65_537, 65_408, 65_405, 131_072, 131_073, 256, 257, 65_000))
        return f"(call $full (i32.const {_LARGE}) (i32.const {length}))"
    if kind < 0.9:
        return f"(i32.const {dice.choice((0, -4, _END, _END - 11, _END - 12, _END - 4))})"
    offset = dice.choice((0, -1, -10, _END, _END - 3, 1, _TEXT))
    capacity = dice.choice((0, 3, -1, 9, 10, _END))
    length = dice.choice((0, 3, 4, capacity))
    fields = " ".join(f"(i32.const {value})" for value in (offset, capacity, length))
    return f"(call $region (call $made (i32.const 0)) {fields})"


def _result(dice: random.Random) -> str:
    kind = dice.random()
    if kind < 0.6:
        return "(i32.store (i32.const 512) (global.get $seen)) (call $full (i32.const 512) (i32.const 4))"
    if kind < 0.75:
        length = dice.choice((0, 65_408, 65_409, 200_000))
        return f"(call $full (i32.const {_LARGE}) (i32.const {length}))"
    return _region(dice)
