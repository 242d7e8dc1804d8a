"""The 24 functions that a contract may import: their types, and what of them can be done in Wasm.

Source: cosmwasm-vm `instance.rs` (imports) and `imports.rs` (limits).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KEY: Final = 64 << 10
MAX_VALUE: Final = 128 << 10
MAX_HUMAN: Final = 256
MAX_REQUEST: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Signature:
    """`params` i32 values, and a result of `result_bits` (0, 32 or 64).

    `regions` is there for functions whose result, if they have one, is a Region for what the host answers, or 0: their
    first parameters are Regions to be read, as long as it says at most, and the others numbers. Those that need the
    right to do so are `writing`.
    """

    params: int
    result_bits: int
    regions: tuple[int, ...] | None = None
    writing: bool = False


SIGNATURES: Final[Mapping[str, Signature]] = MappingProxyType(
    {
        "db_read": Signature(1, 32, (MAX_KEY,)),
        "db_write": Signature(2, 0, (MAX_KEY, MAX_VALUE), writing=True),
        "db_remove": Signature(1, 0, (MAX_KEY,), writing=True),
        "db_scan": Signature(3, 32),
        "db_next": Signature(1, 32, ()),
        "db_next_key": Signature(1, 32, ()),
        "db_next_value": Signature(1, 32, ()),
        "addr_validate": Signature(1, 32, (MAX_HUMAN,)),
        "addr_canonicalize": Signature(2, 32),
        "addr_humanize": Signature(2, 32),
        "secp256k1_verify": Signature(3, 32),
        "secp256k1_recover_pubkey": Signature(3, 64),
        "secp256r1_verify": Signature(3, 32),
        "secp256r1_recover_pubkey": Signature(3, 64),
        "ed25519_verify": Signature(3, 32),
        "ed25519_batch_verify": Signature(3, 32),
        "bls12_381_aggregate_g1": Signature(2, 32),
        "bls12_381_aggregate_g2": Signature(2, 32),
        "bls12_381_pairing_equality": Signature(4, 32),
        "bls12_381_hash_to_g1": Signature(4, 32),
        "bls12_381_hash_to_g2": Signature(4, 32),
        "debug": Signature(1, 0),
        "abort": Signature(1, 0),
        "query_chain": Signature(1, 32, (MAX_REQUEST,)),
    }
)
