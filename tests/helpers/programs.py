"""Random contracts that are valid: every operator that contracts may use, and the host functions.

A contract is made of a number, so that a failure can be made again. Its ``execute`` computes on the bytes of its
message, reads and writes storage, and returns what its locals, globals and memory have become.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from unit.vm.support import REGION, wat

TYPES: Final = ("i32", "i64", "f32", "f64")
FUNCTIONS: Final = 4
LOCALS: Final = 3  # of each type
IMPORTS: Final = (
    "db_read", "db_write", "db_remove", "db_scan", "db_next", "db_next_key", "db_next_value",
    "addr_validate", "addr_canonicalize", "addr_humanize", "debug", "query_chain",
    "secp256k1_verify", "secp256k1_recover_pubkey", "ed25519_verify",
)  # fmt: skip

_INTEGER: Final = [
    "add",
    "sub",
    "mul",
    "div_s",
    "div_u",
    "rem_s",
    "rem_u",
    "and",
    "or",
    "xor",
    "shl",
    "shr_s",
    "shr_u",
    "rotl",
    "rotr",
]
_FLOAT: Final = ["add", "sub", "mul", "div", "min", "max", "copysign"]
_BINARY: Final = {"i32": _INTEGER, "i64": _INTEGER, "f32": _FLOAT, "f64": _FLOAT}
_UNARY_INTEGER: Final = ["clz", "ctz", "popcnt", "extend8_s", "extend16_s"]
_UNARY_FLOAT: Final = ["abs", "neg", "sqrt", "ceil", "floor", "trunc", "nearest"]
_UNARY: Final = {
    "i32": _UNARY_INTEGER,
    "i64": [*_UNARY_INTEGER, "extend32_s"],
    "f32": _UNARY_FLOAT,
    "f64": _UNARY_FLOAT,
}
_COMPARE_INTEGER: Final = [
    "eq",
    "ne",
    "lt_s",
    "lt_u",
    "gt_s",
    "gt_u",
    "le_s",
    "le_u",
    "ge_s",
    "ge_u",
]
_COMPARE_FLOAT: Final = ["eq", "ne", "lt", "gt", "le", "ge"]
_CONVERT: Final = {
    "i32": [
        ("wrap_i64", "i64"), ("reinterpret_f32", "f32"),
        *((f"trunc_{sat}{f}_{sign}", f) for sat in ("", "sat_") for f in ("f32", "f64") for sign in "su"),
    ],
    "i64": [
        ("extend_i32_s", "i32"), ("extend_i32_u", "i32"), ("reinterpret_f64", "f64"),
        *((f"trunc_{sat}{f}_{sign}", f) for sat in ("", "sat_") for f in ("f32", "f64") for sign in "su"),
    ],
    "f32": [
        ("demote_f64", "f64"), ("reinterpret_i32", "i32"),
        *((f"convert_{i}_{sign}", i) for i in ("i32", "i64") for sign in "su"),
    ],
    "f64": [
        ("promote_f32", "f32"), ("reinterpret_i64", "i64"),
        *((f"convert_{i}_{sign}", i) for i in ("i32", "i64") for sign in "su"),
    ],
}  # fmt: skip
_LOADS: Final = {
    "i32": ("load", "load8_s", "load8_u", "load16_s", "load16_u"),
    "i64": ("load", "load8_u", "load16_s", "load32_s", "load32_u"),
    "f32": ("load",),
    "f64": ("load",),
}
_STORES: Final = {
    "i32": ("store", "store8", "store16"),
    "i64": ("store", "store8", "store32"),
    "f32": ("store",),
    "f64": ("store",),
}
_CONSTANTS: Final[Mapping[str, Sequence[str]]] = {
    "i32": ("0", "1", "-1", "7", "-2147483648", "2147483647", "65535"),
    "i64": ("0", "1", "-1", "-9223372036854775808", "9223372036854775807", "4294967296"),
    "f32": ("0", "-0", "1.5", "inf", "-inf", "nan", "-nan", "nan:0x200001", "1e38", "1e-45", "-3e9"),
    "f64": ("0", "-0", "-2.5", "inf", "-inf", "nan", "-nan", "nan:0x4000020000000", "1e300", "5e-324"),
}  # fmt: skip


def program(number: int) -> bytes:
    """The contract with this number."""
    writer = _Writer(random.Random(number))
    functions = "\n".join(writer.function(index) for index in range(FUNCTIONS))
    return wat(f"{_FRAME}\n{REGION}\n{functions}\n{writer.entry()}", *IMPORTS)


_FRAME: Final = """
  (type $pure (func (param i32 i64) (result i32)))
  (table 6 6 funcref) (elem (i32.const 1) $f0 $f1 $f2 $f3)
  (global $g0 (mut i32) (i32.const 5)) (global $g1 (mut i64) (i64.const -5))
  (func (export "instantiate") (param i32 i32 i32) (result i32) (local.get 2))
  (data (i32.const 1024) "some bytes and an address")
"""


class _Writer:
    """Expressions of a type, of limited depth. Functions call only those after them."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._function = 0
        self._label = 0

    def function(self, index: int) -> str:
        self._function = index
        body = " ".join(self.statement(2, host=False) for _ in range(self._rng.randint(0, 4)))
        return (
            f"(func $f{index} (type $pure) (param $a i32) (param $b i64) (result i32) {_LOCALS} "
            f"(local.set $i32_0 (local.get $a)) (local.set $i64_0 (local.get $b)) "
            f"{body} {self.expression('i32', 2)})"
        )

    def entry(self) -> str:
        self._function = -1
        body = "\n".join(self.statement(3) for _ in range(self._rng.randint(1, 10)))
        return (
            '(func (export "execute") (param $env i32) (param $info i32) (param $msg i32) (result i32)'
            f" (local $answer i32) {_LOCALS}"
            " (local.set $i32_0 (i32.load (i32.load (local.get $msg))))"
            " (local.set $i64_0 (i64.load (i32.load (local.get $msg))))"
            " (drop (call $db_scan (i32.const 0) (i32.const 0) (i32.const 1)))"
            f" {body} {_RESULT})"
        )

    def statement(self, depth: int, *, host: bool = True) -> str:
        kind = self._rng.choice(TYPES)
        choices: list[Callable[[], str]] = [
            lambda: f"(local.set ${kind}_{self._place()} {self.expression(kind, depth)})",
            lambda: (
                f"({kind}.{self._rng.choice(_STORES[kind])} {self._address()} "
                f"{self.expression(kind, depth)})"
            ),
            lambda: f"(global.set $g0 {self.expression('i32', depth)})",
            lambda: f"(global.set $g1 {self.expression('i64', depth)})",
            lambda: self._loop(depth, host=host),
        ]
        if host:
            choices += [self._host] * 3
        return self._rng.choice(choices)()

    def _loop(self, depth: int, *, host: bool) -> str:
        if not depth:
            return "(nop)"
        self._label += 1
        label, times = f"$l{self._label}", self._rng.randint(1, 20)
        inner = self.statement(depth - 1, host=host)
        return (
            f"(local.set $n (i32.const {times})) (loop {label} {inner} "
            f"(br_if {label} (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1)))"
            " (i32.const 0))))"
        )

    def expression(self, kind: str, depth: int) -> str:
        rng = self._rng
        if depth == 0 or rng.random() < 0.15:
            if rng.random() < 0.5:
                return f"({kind}.const {rng.choice(_CONSTANTS[kind])})"
            return f"(local.get ${kind}_{self._place()})"
        less = depth - 1
        choices: list[Callable[[], str]] = [
            lambda: self._apply(rng.choice(_BINARY[kind]), kind, kind, kind, less),
            lambda: self._apply(rng.choice(_BINARY[kind]), kind, kind, kind, less),
            lambda: self._apply(rng.choice(_UNARY[kind]), kind, kind, "", less),
            lambda: self._convert(kind, less),
            lambda: f"({kind}.{rng.choice(_LOADS[kind])} {self._address()})",
            lambda: f"(local.tee ${kind}_{self._place()} {self.expression(kind, less)})",
            lambda: f"(select {self._three(kind, kind, 'i32', less)})",
            lambda: self._branch(kind, less),
        ]
        if kind == "i32":
            choices += [
                lambda: self._compare(less),
                lambda: f"(memory.grow (i32.const {rng.choice((0, 1, 600))}))",
                lambda: "(memory.size)",
                lambda: self._call(less),
                lambda: f"(i64.eqz {self.expression('i64', less)})",
            ]
        return rng.choice(choices)()

    def _place(self) -> int:
        return self._rng.randrange(LOCALS)

    def _apply(self, operator: str, kind: str, first: str, second: str, depth: int) -> str:
        right = self.expression(second, depth) if second else ""
        if operator[:3] in {"div", "rem"} and kind[0] == "i" and self._rng.random() < 0.97:
            right = f"({kind}.or {right} ({kind}.const 1))"  # not zero
        return f"({kind}.{operator} {self.expression(first, depth)} {right})"

    def _three(self, first: str, second: str, third: str, depth: int) -> str:
        return " ".join(self.expression(kind, depth) for kind in (first, second, third))

    def _convert(self, kind: str, depth: int) -> str:
        operator, source = self._rng.choice(_CONVERT[kind])
        if operator.startswith("trunc_f") and self._rng.random() < 0.9:
            operator = operator.replace("trunc_", "trunc_sat_")  # which never traps
        return f"({kind}.{operator} {self.expression(source, depth)})"

    def _compare(self, depth: int) -> str:
        kind = self._rng.choice(TYPES)
        operators = _COMPARE_INTEGER if kind[0] == "i" else _COMPARE_FLOAT
        left, right = self.expression(kind, depth), self.expression(kind, depth)
        return f"({kind}.{self._rng.choice(operators)} {left} {right})"

    def _branch(self, kind: str, depth: int) -> str:
        condition = self.expression("i32", depth)
        one, other = self.expression(kind, depth), self.expression(kind, depth)
        return self._rng.choice(
            (
                f"(if (result {kind}) {condition} (then {one}) (else {other}))",
                f"(block (result {kind}) (drop (br_if 0 {one} {condition})) {other})",
                (
                    f"(block (result {kind}) (block (result {kind})"
                    f" (br_table 0 1 0 {one} {condition})) (drop) {other})"
                ),
                f"(block (result {kind}) (br 0 {one}) {other})",
            )
        )

    def _call(self, depth: int) -> str:
        arguments = f"{self.expression('i32', depth)} {self.expression('i64', depth)}"
        later = range(self._function + 1, FUNCTIONS)
        if not later or self._rng.random() < 0.1:
            return f"(call $f3 {arguments})" if self._function < 3 else "(i32.const 3)"
        if self._rng.random() < 0.3:
            place = self._rng.choice((*(index + 1 for index in later), 5, 6))
            return f"(call_indirect (type $pure) {arguments} (i32.const {place}))"
        return f"(call $f{self._rng.choice(later)} {arguments})"

    def _address(self) -> str:
        if self._rng.random() < 0.03:
            return self.expression("i32", 1)
        return f"(i32.and {self.expression('i32', 1)} (i32.const 4095))"

    def _region(self, *lengths: int) -> str:
        """A Region of one of these lengths, or sometimes of another, or something that is none."""
        rng = self._rng
        if rng.random() < 0.02:
            return f"(i32.const {rng.choice((0, 1, 1024, -1, 262140))})"
        near = (1024, 1029, 1, rng.randrange(1 << 16))
        far = (rng.randrange(1 << 18), -1 - rng.randrange(99))
        offset = rng.choice(near if rng.random() < 0.97 else far)
        length = rng.choice(lengths) if rng.random() < 0.97 else rng.randrange(1 << 18)
        return f"(call $region (i32.const {offset}) (i32.const {length}))"

    def _host(self) -> str:
        rng, name = self._rng, self._rng.choice(IMPORTS)
        key, digest, text = (1, 5, 32, 300), (32,), (0, 5, 60, 300)
        signature = (self._region(64), self._region(33 if rng.random() < 0.5 else 65))
        arguments = {
            "db_write": (self._region(*key), self._region(*text[1:])),
            "db_scan": (
                self._region(*key),
                "(i32.const 0)",
                f"(i32.const {rng.choice('1222223')})",
            ),
            "addr_validate": (self._region(*text[:3]),),
            "addr_canonicalize": (self._region(*text[:3]), "(call $out (i32.const 90))"),
            "addr_humanize": (self._region(5, 20), "(call $out (i32.const 90))"),
            "secp256k1_verify": (self._region(*digest), *signature),
            "secp256k1_recover_pubkey": (
                self._region(*digest),
                signature[0],
                f"(i32.const {rng.randrange(5)})",
            ),
            "ed25519_verify": (self._region(*text), signature[0], self._region(*digest)),
        }
        if name.startswith("db_next"):
            given: tuple[str, ...] = (f"(i32.const {rng.choice('0000001')})",)
        else:
            given = arguments.get(name, (self._region(*key),))
        call = f"(call ${name} {' '.join(given)})"
        if name in {"db_write", "db_remove", "debug"}:
            return call
        if name == "secp256k1_recover_pubkey":
            return f"(local.set $i64_{self._place()} {call})"
        return f"(local.set $i32_{self._place()} {call})"


_LOCALS: Final = " ".join(
    ["(local $n i32)", *(f"(local ${kind}_{n} {kind})" for kind in TYPES for n in range(LOCALS))]
)
_RESULT: Final = " ".join(
    [
        "(local.set $answer (call $out (i32.const 400)))",
        *(
            f"({kind}.store offset={8 * (LOCALS * row + n)} (i32.load (local.get $answer)) "
            f"(local.get ${kind}_{n}))"
            for row, kind in enumerate(TYPES)
            for n in range(LOCALS)
        ),
        "(i32.store offset=96 (i32.load (local.get $answer)) (global.get $g0))",
        "(i64.store offset=104 (i32.load (local.get $answer)) (global.get $g1))",
        *(
            f"(i64.store offset={112 + 8 * n} (i32.load (local.get $answer))"
            f" (i64.load (i32.const {128 * n})))"
            for n in range(32)
        ),
        "(i32.store offset=8 (local.get $answer) (i32.const 368))",
        "(local.get $answer)",
    ]
)
