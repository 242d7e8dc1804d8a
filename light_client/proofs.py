"""ICS-23 proofs and specs as values (`ics23:proto/cosmos/ics23/v1/proofs.proto`).

A proof is decoded once into these; verifying works on nothing else. An `InnerOp`'s suffix is None
when its field was not on the wire: the rule for Tendermint trees tells that from an empty one.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

MAX_PROOF_BYTES: Final = 4 << 20  # four times the largest transaction that CometBFT gossips
MAX_DEPTH: Final = 128

NO_HASH: Final = 0
SHA256: Final = 1
SHA512: Final = 2
RIPEMD160: Final = 4
BITCOIN: Final = 5
SHA512_256: Final = 6
BLAKE2B_512: Final = 7
BLAKE2S_256: Final = 8

NO_PREFIX: Final = 0
VAR_PROTO: Final = 1
FIXED32_BIG: Final = 3
FIXED32_LITTLE: Final = 4
FIXED64_BIG: Final = 5
FIXED64_LITTLE: Final = 6
REQUIRE_32_BYTES: Final = 7
REQUIRE_64_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class LeafOp:
    """How a key and a value become the hash of a leaf."""

    hash: int = NO_HASH
    prehash_key: int = NO_HASH
    prehash_value: int = NO_HASH
    length: int = NO_PREFIX
    prefix: bytes = b""


@dataclass(slots=True)
class InnerOp:
    """How a child's hash becomes its parent's; not frozen because a proof holds dozens of them."""

    hash: int = NO_HASH
    prefix: bytes = b""
    suffix: bytes | None = None


@dataclass(frozen=True, slots=True)
class ExistenceProof:
    """A key, its value, and the way from their leaf up to the root."""

    key: bytes
    value: bytes
    leaf: LeafOp | None
    path: tuple[InnerOp, ...] = ()


@dataclass(frozen=True, slots=True)
class NonExistenceProof:
    """The neighbours between which a key would stand; one may be missing at an edge of the tree."""

    key: bytes
    left: ExistenceProof | None
    right: ExistenceProof | None


@dataclass(frozen=True, slots=True)
class BatchProof:
    """Several proofs against one root, in whatever form they arrived."""

    entries: tuple[ExistenceProof | NonExistenceProof | None, ...]


CommitmentProof = ExistenceProof | NonExistenceProof | BatchProof


@dataclass(frozen=True, slots=True)
class InnerSpec:
    """What inner nodes of a tree look like; sizes in bytes."""

    child_order: tuple[int, ...] = ()
    child_size: int = 0
    min_prefix_length: int = 0
    max_prefix_length: int = 0
    empty_child: bytes = b""
    hash: int = NO_HASH


@dataclass(frozen=True)
class ProofSpec:
    """What a verifier demands of every proof for one kind of tree; depth 0 means no own bound."""

    leaf_spec: LeafOp | None = None
    inner_spec: InnerSpec | None = None
    max_depth: int = 0
    min_depth: int = 0
    prehash_key_before_comparison: bool = False

    @cached_property
    def shape(self) -> tuple[int, ...] | None:
        """What `SpecEquals` compares: neither prefixes nor depths nor the order of children."""
        leaf, inner = self.leaf_spec, self.inner_spec
        if leaf is None or inner is None:
            return None
        return (
            leaf.hash,
            leaf.prehash_key,
            leaf.prehash_value,
            leaf.length,
            inner.hash,
            inner.min_prefix_length,
            inner.max_prefix_length,
            inner.child_size,
            len(inner.child_order),
        )


_SDK_LEAF: Final = LeafOp(hash=SHA256, prehash_value=SHA256, length=VAR_PROTO, prefix=b"\x00")
IAVL_SPEC: Final = ProofSpec(
    leaf_spec=_SDK_LEAF,
    inner_spec=InnerSpec(
        child_order=(0, 1),
        child_size=33,
        min_prefix_length=4,
        max_prefix_length=12,
        hash=SHA256,
    ),
)
TENDERMINT_SPEC: Final = ProofSpec(
    leaf_spec=_SDK_LEAF,
    inner_spec=InnerSpec(
        child_order=(0, 1),
        child_size=32,
        min_prefix_length=1,
        max_prefix_length=1,
        hash=SHA256,
    ),
)
SMT_SPEC: Final = ProofSpec(
    leaf_spec=LeafOp(hash=SHA256, prehash_key=SHA256, prehash_value=SHA256, prefix=b"\x00"),
    inner_spec=InnerSpec(
        child_order=(0, 1),
        child_size=32,
        min_prefix_length=1,
        max_prefix_length=1,
        empty_child=bytes(32),
        hash=SHA256,
    ),
    max_depth=256,
    prehash_key_before_comparison=True,
)
SDK_SPECS: Final = (IAVL_SPEC, TENDERMINT_SPEC)
