"""The operators that contracts may use, as their grammar in the binary format.

Source: WebAssembly core specification, section 5.4; sign extension and saturating conversions
included.
"""

from __future__ import annotations

from typing import Final

from chain.vm import wasm

LEB: Final = rb"[\x80-\xff]*+[\x00-\x7f]"
BR_TABLE: Final = 0x0E
DEMOTE: Final = 0xB6
PROMOTE: Final = 0xBB
F32_NEG: Final = 0x8C
F64_NEG: Final = 0x9A

IF: Final = rb"\x04" + LEB

PLAIN: Final = (
    rb"[\x00\x01\x1a\x1b\x45-\x8b\x8d-\x99\x9b-\xb5\xb7-\xba\xbc-\xc4]",
    rb"[\x02\x20-\x24\x3f-\x42]" + LEB,
    rb"[\x28-\x3e]" + LEB + LEB,
    rb"\x43.{4}",
    rb"\x44.{8}",
    rb"\xfc(?:[\x00-\x07]|[\x80-\x87]\x80*+\x00)",
)
"""Those without influence on control flow, but for `FLOATS`."""

FLOATS: Final = rb"[\x8c\x9a\xb6\xbb]"
"""Those that compilers treat differently when they are given a NaN, see `floats`."""

ACCOUNTING: Final = (
    rb"[\x05\x0b\x0f]",
    rb"[\x03\x0c\x0d\x10]" + LEB,
    rb"\x11" + LEB + LEB,
)
"""Those where control may come from or go to: loop, else, end, br, br_if, return, call,
call_indirect. `if` is one of them in some eras, and br_table is read by `after_br_table`."""


def after_br_table(data: bytes, pos: int, end: int) -> int:
    """Where the br_table at `pos` ends."""
    reader = wasm.Reader(data, pos + 1, end)
    reader.vector(wasm.Reader.u32)
    reader.u32()
    return reader.pos
