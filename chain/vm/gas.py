"""What everything costs, as data: one `Era` for each span of cosmwasm-vm versions.

All figures are CosmWasm gas. Sources: cosmwasm-vm `environment.rs` (GasConfig), `engine.rs` (cost),
`metering.rs`, `config.rs` (WasmLimits), each at the tag that opens an era; wasmd `keeper/api.go`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from chain.vm import window

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL_READ: Final = 8_000_000
"""Bytes up to which a Region is read at the small price."""
_MICROSECOND: Final = 1_000_000
"""Gas per microsecond: the target is 10^12 per second."""


class GasReport(NamedTuple):
    """How the gas of one call was used; `used_externally` is what the backend reported."""

    limit: int
    remaining: int
    used_externally: int
    used_internally: int

    @classmethod
    def of(cls, limit: int, remaining: int, external: int) -> GasReport:
        return cls(limit, remaining, external, max(0, limit - external - remaining))


@dataclass(frozen=True, slots=True)
class Linear:
    """A cost of `base + per_item * items`."""

    base: int
    per_item: int = 0

    def of(self, items: int) -> int:
        return self.base + self.per_item * items

    def times(self, factor: int) -> Linear:
        return Linear(self.base * factor, self.per_item * factor)


_FREE: Final = Linear(0)


@dataclass(frozen=True, slots=True)
class OpCosts:
    """What the metering writes into the code.

    `accounting` operators are those before which gas is charged; `free_locals` is the number of
    declared locals of a function that cost nothing (None: locals are never charged).
    """

    plain: int
    accounting: int
    if_accounts: bool
    free_locals: int | None = None


@dataclass(frozen=True, slots=True)
class HostCosts:
    """What a call of the host costs beside the work that it asks for.

    `packed` is what of it the guest charges in the straight lane, see `window.COSTS`.
    """

    call: int = 0
    read_small: Linear = _FREE
    read_large: Linear = _FREE
    write: Linear = _FREE
    string: Linear = _FREE
    packed: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        small, write = self.read_small, self.write
        costs = (self.call, small.base, small.per_item, write.base, write.per_item)
        object.__setattr__(self, "packed", struct.pack(window.PRICES, *costs))

    def read(self, length: int) -> int:
        """Reading a Region; the two lines meet nowhere, as upstream has it."""
        return (self.read_small if length <= SMALL_READ else self.read_large).of(length)


@dataclass(frozen=True, slots=True)
class CryptoCosts:
    secp256k1_verify: int
    secp256k1_recover: int
    ed25519_verify: int
    ed25519_batch: Linear
    ed25519_batch_one_key: Linear
    ed25519_batch_minimum: int = 0
    secp256r1_verify: int = 0
    secp256r1_recover: int = 0
    bls_aggregate_g1: Linear = _FREE
    bls_aggregate_g2: Linear = _FREE
    bls_hash_to_g1: int = 0
    bls_hash_to_g2: int = 0
    bls_pairing: Linear = _FREE


@dataclass(frozen=True, slots=True)
class ApiCosts:
    """The chain's charges for addresses.

    A validation that fails to decode costs `canonicalize` since wasmd 0.60, and in the 1.5 line,
    where the VM itself asks for the two conversions; `validate` in between.
    """

    humanize: int
    canonicalize: int
    validate: int
    validate_undecodable: int


@dataclass(frozen=True, slots=True)
class WasmLimits:
    """Limits of the static checks; None means that the version has no such limit."""

    memory_pages: int = 512
    table_elements: int = 2_500
    imports: int = 100
    functions: int = 20_000
    function_params: int = 100
    total_function_params: int | None = 10_000
    function_results: int = 1
    function_locals: int | None = None
    total_function_locals: int | None = None


@dataclass(frozen=True, slots=True)
class Era:
    """The rules of a span of versions, named by the first cosmwasm-vm version that has them."""

    name: str
    ops: OpCosts
    host: HostCosts
    crypto: CryptoCosts
    api: ApiCosts
    limits: WasmLimits
    required_exports: tuple[str, ...] = ("allocate", "deallocate")
    new_crypto: bool = True
    migrate_info: bool = True
    debug_always_reads: bool = True
    strict_sections: bool = True
    """Whether a list of sections with bytes to spare is refused; they were ignored before."""
    bare_magic: bool = False
    """Whether the refusal of what is no Wasm leaves out the bytes that it found (an older wasmparser)."""
    bodies_first: bool = False
    """Whether faults in function bodies are found before those of the contract interface."""
    long_table_index: bool = True
    """Whether call_indirect may name table 0 in more than one byte, as compilers do since 2024."""
    not_normalized: str = "address not normalized"
    """Of an address whose parts are right; the VM compared by itself before 2.0, wasmd's API since."""
    strict_infinity: bool = True
    """Whether zeros must follow the flag of a BLS point at infinity: arkworks 0.5 demands it."""


_OLD_CRYPTO = CryptoCosts(
    secp256k1_verify=154 * _MICROSECOND,
    secp256k1_recover=162 * _MICROSECOND,
    ed25519_verify=63 * _MICROSECOND,
    ed25519_batch=Linear(0, 63 * _MICROSECOND // 2),
    ed25519_batch_one_key=Linear(0, 63 * _MICROSECOND // 4),
    ed25519_batch_minimum=63 * _MICROSECOND,
)
_NEW_CRYPTO = CryptoCosts(
    secp256k1_verify=96 * _MICROSECOND,
    secp256k1_recover=194 * _MICROSECOND,
    secp256r1_verify=279 * _MICROSECOND,
    secp256r1_recover=592 * _MICROSECOND,
    ed25519_verify=35 * _MICROSECOND,
    ed25519_batch=Linear(24 * _MICROSECOND, 21 * _MICROSECOND),
    ed25519_batch_one_key=Linear(36 * _MICROSECOND, 10 * _MICROSECOND),
    bls_aggregate_g1=Linear(68 * _MICROSECOND, 12 * _MICROSECOND),
    bls_aggregate_g2=Linear(207 * _MICROSECOND // 2, 49 * _MICROSECOND // 2),
    bls_hash_to_g1=563 * _MICROSECOND,
    bls_hash_to_g2=871 * _MICROSECOND,
    bls_pairing=Linear(2112 * _MICROSECOND, 163 * _MICROSECOND),
)
_KILO_CRYPTO = CryptoCosts(
    secp256k1_verify=_OLD_CRYPTO.secp256k1_verify * 1000,
    secp256k1_recover=_OLD_CRYPTO.secp256k1_recover * 1000,
    ed25519_verify=_OLD_CRYPTO.ed25519_verify * 1000,
    ed25519_batch=_OLD_CRYPTO.ed25519_batch.times(1000),
    ed25519_batch_one_key=_OLD_CRYPTO.ed25519_batch_one_key.times(1000),
    ed25519_batch_minimum=_OLD_CRYPTO.ed25519_batch_minimum * 1000,
)


def _api(multiplier: int, undecodable: int) -> ApiCosts:
    return ApiCosts(5 * multiplier, 4 * multiplier, 9 * multiplier, undecodable * multiplier)


_NO_HOST = HostCosts()
_HOST = HostCosts(  # CWA-2025-002; never multiplied by 1000 in the 1.5 line
    call=18_000,
    read_small=Linear(200_000, 115),
    read_large=Linear(0, 520),
    string=Linear(28_700, 1_400),
)
_HOST_AND_WRITE = replace(_HOST, write=Linear(230_000, 570))

_B = OpCosts(115, 115 * 14, if_accounts=False)  # CWA-2024-004
_C = OpCosts(115, 115 * 14, if_accounts=True)  # CWA-2024-007
_L = replace(_C, free_locals=29)

_LIMITS_15 = WasmLimits(functions=10_000, function_params=50, total_function_params=None)
_LIMITS = WasmLimits()
_LIMITS_L = WasmLimits(function_locals=100, total_function_locals=10_000)


def _kilo(ops: OpCosts) -> OpCosts:
    return replace(ops, plain=ops.plain * 1000, accounting=ops.accounting * 1000)


def _eras_15() -> list[Era]:
    first = Era(
        "1.5.0",
        OpCosts(150_000, 150_000, if_accounts=False),
        _NO_HOST,
        _KILO_CRYPTO,
        _api(140_000_000, 4),
        _LIMITS_15,
        required_exports=("allocate", "deallocate", "instantiate"),
        new_crypto=False,
        migrate_info=False,
        bare_magic=True,
        not_normalized="Address is not normalized",
        strict_sections=False,
        strict_infinity=False,
        debug_always_reads=False,
        bodies_first=True,
        long_table_index=False,
    )
    strict = replace(first, ops=_kilo(_C), strict_sections=True)
    return [
        first,
        replace(first, name="1.5.6", ops=_kilo(_B)),
        replace(strict, name="1.5.8"),
        replace(strict, name="1.5.10", host=_HOST),
        replace(strict, name="1.5.11", host=_HOST, debug_always_reads=True),
    ]


def _eras_20() -> list[Era]:
    first = Era(
        "2.0.0",
        OpCosts(150, 150, if_accounts=False),
        _NO_HOST,
        _OLD_CRYPTO,
        _api(140_000, 9),
        _LIMITS,
        new_crypto=False,
        migrate_info=False,
        strict_sections=False,
        strict_infinity=False,
        debug_always_reads=False,
        bodies_first=True,
        long_table_index=False,
    )
    strict = replace(first, ops=_C, strict_sections=True)
    return [
        first,
        replace(first, name="2.0.5", ops=_B),
        replace(strict, name="2.0.7"),
        replace(strict, name="2.0.9", host=_HOST),
    ]


def _eras_21_to_23() -> list[Era]:
    first = Era(
        "2.1.0",
        OpCosts(170, 170, if_accounts=False),
        _NO_HOST,
        _NEW_CRYPTO,
        _api(140_000, 9),
        _LIMITS,
        migrate_info=False,
        strict_sections=False,
        strict_infinity=False,
        debug_always_reads=False,
        long_table_index=False,
    )
    strict = replace(first, ops=_C, strict_sections=True)
    with_host = replace(strict, host=_HOST)
    reading = replace(with_host, migrate_info=True, debug_always_reads=True)
    return [
        first,
        replace(first, name="2.1.2", ops=_B),
        replace(strict, name="2.1.4"),
        replace(with_host, name="2.1.6"),
        replace(with_host, name="2.1.7", debug_always_reads=True),
        replace(strict, name="2.2.0", migrate_info=True),
        replace(with_host, name="2.2.1", migrate_info=True),
        replace(reading, name="2.2.2"),
        replace(reading, name="2.2.9", ops=_L, limits=_LIMITS_L),
    ]


def _eras_30() -> list[Era]:
    first = Era("3.0.0", _C, _HOST_AND_WRITE, _NEW_CRYPTO, _api(140_000, 4), _LIMITS)
    return [first, replace(first, name="3.0.9", ops=_L, limits=_LIMITS_L)]


ERAS: Final[Mapping[str, Era]] = MappingProxyType(
    {era.name: era for era in (*_eras_15(), *_eras_20(), *_eras_21_to_23(), *_eras_30())}
)
"""Every era by name. 2.2.9 also holds for 2.3.4, 2.2.2 for 2.3.0 to 2.3.3."""

DEFAULT_ERA: Final = ERAS["3.0.9"]
