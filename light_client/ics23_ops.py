"""The operations that a proof brings with it: hashes of leaves and of inner nodes (`ics23:go/ops.go`)."""

import hashlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from light_client import wire
from light_client.errors import ProofError
from light_client.proofs import (
    BITCOIN,
    BLAKE2B_512,
    BLAKE2S_256,
    FIXED32_BIG,
    FIXED32_LITTLE,
    FIXED64_BIG,
    FIXED64_LITTLE,
    NO_HASH,
    NO_PREFIX,
    REQUIRE_32_BYTES,
    REQUIRE_64_BYTES,
    RIPEMD160,
    SHA256,
    SHA512,
    SHA512_256,
    VAR_PROTO,
    InnerOp,
    LeafOp,
)
from light_client.ripemd import ripemd160

_Bytes = Callable[[bytes], bytes]


def apply_leaf(op: LeafOp, key: bytes, value: bytes) -> bytes:
    """The hash of a leaf; raises ProofError without a key or a value, or for an unknown op."""
    if not key:
        raise ProofError("leaf op needs key")
    if not value:
        raise ProofError("leaf op needs value")
    data = (
        op.prefix
        + _with_length(op.length, prehash(op.prehash_key, key))
        + _with_length(op.length, prehash(op.prehash_value, value))
    )
    return do_hash(op.hash, data)


def apply_inner(op: InnerOp, child: bytes) -> bytes:
    """The hash of an inner node over one child's; raises ProofError without a child."""
    if not child:
        raise ProofError("inner op needs child value")
    return do_hash(op.hash, op.prefix + child + (op.suffix or b""))


def do_hash(op: int, data: bytes) -> bytes:
    """The digest by one of the hash ops that Go knows; raises ProofError for another."""
    function = _HASHES.get(op)
    if function is None:
        raise ProofError(f"unsupported hashop: {op}")
    return function(data)


def prehash(op: int, data: bytes) -> bytes:
    """As `do_hash`, but no hash leaves the data as they are."""
    return data if op == NO_HASH else do_hash(op, data)


def _with_length(op: int, data: bytes) -> bytes:
    function = _LENGTHS.get(op)
    if function is None:
        raise ProofError(f"unsupported lengthop: {op}")
    return function(data)


def _exactly(size: int) -> _Bytes:
    def check(data: bytes) -> bytes:
        if len(data) != size:
            raise ProofError(f"data was {len(data)} bytes, not {size}")
        return data

    return check


_HASHES: Final[Mapping[int, _Bytes]] = {
    SHA256: lambda data: sha256(data).digest(),
    SHA512: lambda data: hashlib.sha512(data).digest(),
    RIPEMD160: ripemd160,
    BITCOIN: lambda data: ripemd160(sha256(data).digest()),
    SHA512_256: lambda data: hashlib.new("sha512_256", data).digest(),
    BLAKE2B_512: lambda data: hashlib.blake2b(data).digest(),
    BLAKE2S_256: lambda data: hashlib.blake2s(data).digest(),
}


_LENGTHS: Final[Mapping[int, _Bytes]] = {
    NO_PREFIX: lambda data: data,
    VAR_PROTO: lambda data: wire.uvarint(len(data)) + data,
    REQUIRE_32_BYTES: _exactly(32),
    REQUIRE_64_BYTES: _exactly(64),
    FIXED32_BIG: lambda data: len(data).to_bytes(4, "big") + data,
    FIXED32_LITTLE: lambda data: len(data).to_bytes(4, "little") + data,
    FIXED64_BIG: lambda data: len(data).to_bytes(8, "big") + data,
    FIXED64_LITTLE: lambda data: len(data).to_bytes(8, "little") + data,
}
