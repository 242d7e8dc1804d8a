"""ICS-23 proofs and specs: protobuf to values and back.

Proofs come from strangers: they are bounded before they are parsed. Whether an empty suffix was
written is lost in parsing, and only shows as bytes that a re-encoding would not have; where there
are such bytes, the raw proof is walked by hand to find out.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from google.protobuf.message import DecodeError as ProtobufError

from cosmos_pb.cosmos.ics23.v1 import proofs_pb2 as pb
from cosmos_pb.ibc.core.commitment.v1 import commitment_pb2
from light_client import wire
from light_client.errors import DecodeError
from light_client.proofs import (
    MAX_PROOF_BYTES,
    BatchProof,
    CommitmentProof,
    ExistenceProof,
    InnerOp,
    InnerSpec,
    LeafOp,
    NonExistenceProof,
    ProofSpec,
)

_Entry = ExistenceProof | NonExistenceProof


def decode(data: bytes) -> CommitmentProof:
    """Read a `CommitmentProof`; a compressed batch comes back decompressed.

    Raises DecodeError for other bytes, for more than 4 MiB of them, and for an empty proof.
    """
    message = _parse(pb.CommitmentProof, data)
    proof = _commitment(message, _oddities(message, data))
    if proof is None:
        raise DecodeError("commitment proof holds no proof")
    return proof


def decode_merkle(data: bytes) -> tuple[CommitmentProof | None, ...]:
    """Read the `MerkleProof` of ibc-go: the proofs from the lowest tree to the highest.

    An entry without a proof in it is None. Raises DecodeError.
    """
    message = _parse(commitment_pb2.MerkleProof, data)
    odd = _oddities(message, data)
    raws: Iterable[bytes | None]
    raws = [None] * len(message.proofs) if odd is None else _fields(odd, 1)
    return tuple(_commitment(proof, raw) for proof, raw in zip(message.proofs, raws, strict=True))


def encode(proof: CommitmentProof) -> bytes:
    """A `CommitmentProof`; batches are written uncompressed."""
    return _to_pb(proof).SerializeToString()


def encode_merkle(proofs: Sequence[CommitmentProof]) -> bytes:
    """A `MerkleProof`, lowest tree first."""
    message = commitment_pb2.MerkleProof(proofs=[_to_pb(proof) for proof in proofs])
    return message.SerializeToString()


def compress(batch: BatchProof) -> bytes:
    """A `CommitmentProof` in which every inner op is written once, in the order first seen."""
    message = pb.CommitmentProof()
    message.compressed.SetInParent()
    indexes: dict[bytes, int] = {}
    for proof in batch.entries:
        entry = message.compressed.entries.add()
        if isinstance(proof, ExistenceProof):
            entry.exist.CopyFrom(_squeeze(proof, indexes))
        elif proof is not None:
            entry.nonexist.key = proof.key
            if proof.left is not None:
                entry.nonexist.left.CopyFrom(_squeeze(proof.left, indexes))
            if proof.right is not None:
                entry.nonexist.right.CopyFrom(_squeeze(proof.right, indexes))
    ops = [pb.InnerOp.FromString(raw) for raw in indexes]
    message.compressed.lookup_inners.extend(ops)
    return message.SerializeToString()


def spec_from_pb(spec: pb.ProofSpec) -> ProofSpec:
    inner = spec.inner_spec
    return ProofSpec(
        leaf_spec=_leaf(spec.leaf_spec) if spec.HasField("leaf_spec") else None,
        inner_spec=InnerSpec(
            child_order=tuple(inner.child_order),
            child_size=inner.child_size,
            min_prefix_length=inner.min_prefix_length,
            max_prefix_length=inner.max_prefix_length,
            empty_child=inner.empty_child,
            hash=inner.hash,
        )
        if spec.HasField("inner_spec")
        else None,
        max_depth=spec.max_depth,
        min_depth=spec.min_depth,
        prehash_key_before_comparison=spec.prehash_key_before_comparison,
    )


def spec_to_pb(spec: ProofSpec) -> pb.ProofSpec:
    message = pb.ProofSpec(
        max_depth=spec.max_depth,
        min_depth=spec.min_depth,
        prehash_key_before_comparison=spec.prehash_key_before_comparison,
    )
    if spec.leaf_spec is not None:
        message.leaf_spec.CopyFrom(_leaf_to_pb(spec.leaf_spec))
    if spec.inner_spec is not None:
        inner = spec.inner_spec
        message.inner_spec.CopyFrom(
            pb.InnerSpec(
                child_order=inner.child_order,
                child_size=inner.child_size,
                min_prefix_length=inner.min_prefix_length,
                max_prefix_length=inner.max_prefix_length,
                empty_child=inner.empty_child,
                hash=inner.hash,  # type: ignore[arg-type] # open enum: any number is legal
            )
        )
    return message


def _parse(kind: Any, data: bytes) -> Any:
    if len(data) > MAX_PROOF_BYTES:
        raise DecodeError(f"proof of {len(data)} bytes exceeds {MAX_PROOF_BYTES}")
    try:
        return kind.FromString(data)
    except ProtobufError as error:
        raise DecodeError(f"not a {kind.DESCRIPTOR.full_name}: {error}") from error


def _oddities(message: Any, data: bytes) -> bytes | None:
    """The raw bytes if they are not what would be written for the message, else None."""
    return None if message.ByteSize() == len(data) else data


def _commitment(message: pb.CommitmentProof, raw: bytes | None) -> CommitmentProof | None:
    kind = message.WhichOneof("proof")
    if kind == "exist":
        return _existence(message.exist, _only(raw, 1))
    if kind == "nonexist":
        return _nonexistence(message.nonexist, _only(raw, 2))
    if kind == "batch":
        return _batch(message.batch, _only(raw, 3))
    if kind == "compressed":
        return _decompress(message.compressed, _only(raw, 4))
    return None


def _existence(message: pb.ExistenceProof, raw: bytes | None) -> ExistenceProof:
    return ExistenceProof(
        message.key,
        message.value,
        _leaf(message.leaf) if message.HasField("leaf") else None,
        _ops(message.path, None if raw is None else _fields(raw, 4)),
    )


def _ops(ops: Iterable[pb.InnerOp], raws: Iterator[bytes] | None) -> tuple[InnerOp, ...]:
    if raws is None:
        return tuple([InnerOp(op.hash, op.prefix, op.suffix or None) for op in ops])
    pairs = zip(ops, raws, strict=True)
    return tuple(
        InnerOp(op.hash, op.prefix, op.suffix if any(True for _ in _fields(raw, 3)) else None)
        for op, raw in pairs
    )


def _nonexistence(message: pb.NonExistenceProof, raw: bytes | None) -> NonExistenceProof:
    left = _existence(message.left, _only(raw, 2)) if message.HasField("left") else None
    right = _existence(message.right, _only(raw, 3)) if message.HasField("right") else None
    return NonExistenceProof(message.key, left, right)


def _batch(message: pb.BatchProof, raw: bytes | None) -> BatchProof:
    raws: Iterable[bytes | None]
    raws = [None] * len(message.entries) if raw is None else _fields(raw, 1)
    return BatchProof(
        tuple(_entry(entry, part) for entry, part in zip(message.entries, raws, strict=True))
    )


def _entry(entry: pb.BatchEntry, raw: bytes | None) -> _Entry | None:
    kind = entry.WhichOneof("proof")
    if kind == "exist":
        return _existence(entry.exist, _only(raw, 1))
    return _nonexistence(entry.nonexist, _only(raw, 2)) if kind == "nonexist" else None


def _decompress(message: pb.CompressedBatchProof, raw: bytes | None) -> BatchProof:
    lookup = _ops(message.lookup_inners, None if raw is None else _fields(raw, 2))
    return BatchProof(tuple(_inflate_entry(entry, lookup) for entry in message.entries))


def _inflate_entry(entry: pb.CompressedBatchEntry, lookup: tuple[InnerOp, ...]) -> _Entry | None:
    kind = entry.WhichOneof("proof")
    if kind == "exist":
        return _inflate(entry.exist, lookup)
    if kind is None:
        return None
    absent = entry.nonexist
    return NonExistenceProof(
        absent.key,
        _inflate(absent.left, lookup) if absent.HasField("left") else None,
        _inflate(absent.right, lookup) if absent.HasField("right") else None,
    )


def _inflate(message: pb.CompressedExistenceProof, lookup: tuple[InnerOp, ...]) -> ExistenceProof:
    for index in message.path:
        if not 0 <= index < len(lookup):
            raise DecodeError(f"inner op {index} of {len(lookup)} in a compressed proof")
    return ExistenceProof(
        message.key,
        message.value,
        _leaf(message.leaf) if message.HasField("leaf") else None,
        tuple(lookup[index] for index in message.path),
    )


def _leaf(message: pb.LeafOp) -> LeafOp:
    return LeafOp(
        message.hash,
        message.prehash_key,
        message.prehash_value,
        message.length,
        message.prefix,
    )


def _leaf_to_pb(leaf: LeafOp) -> pb.LeafOp:
    return pb.LeafOp(
        hash=leaf.hash,  # type: ignore[arg-type] # open enums: any number is legal
        prehash_key=leaf.prehash_key,  # type: ignore[arg-type]
        prehash_value=leaf.prehash_value,  # type: ignore[arg-type]
        length=leaf.length,  # type: ignore[arg-type]
        prefix=leaf.prefix,
    )


def _op_to_pb(op: InnerOp) -> pb.InnerOp:
    return pb.InnerOp(
        hash=op.hash,  # type: ignore[arg-type] # open enum: any number is legal
        prefix=op.prefix,
        suffix=op.suffix or b"",
    )


def _to_pb(proof: CommitmentProof) -> pb.CommitmentProof:
    if isinstance(proof, ExistenceProof):
        return pb.CommitmentProof(exist=_existence_to_pb(proof))
    if isinstance(proof, NonExistenceProof):
        return pb.CommitmentProof(nonexist=_nonexistence_to_pb(proof))
    entries = [_entry_to_pb(entry) for entry in proof.entries]
    return pb.CommitmentProof(batch=pb.BatchProof(entries=entries))


def _entry_to_pb(entry: _Entry | None) -> pb.BatchEntry:
    if isinstance(entry, ExistenceProof):
        return pb.BatchEntry(exist=_existence_to_pb(entry))
    return pb.BatchEntry(nonexist=None if entry is None else _nonexistence_to_pb(entry))


def _existence_to_pb(proof: ExistenceProof) -> pb.ExistenceProof:
    return pb.ExistenceProof(
        key=proof.key,
        value=proof.value,
        leaf=None if proof.leaf is None else _leaf_to_pb(proof.leaf),
        path=[_op_to_pb(op) for op in proof.path],
    )


def _nonexistence_to_pb(proof: NonExistenceProof) -> pb.NonExistenceProof:
    return pb.NonExistenceProof(
        key=proof.key,
        left=None if proof.left is None else _existence_to_pb(proof.left),
        right=None if proof.right is None else _existence_to_pb(proof.right),
    )


def _squeeze(proof: ExistenceProof, indexes: dict[bytes, int]) -> pb.CompressedExistenceProof:
    raws = [_op_to_pb(op).SerializeToString() for op in proof.path]
    return pb.CompressedExistenceProof(
        key=proof.key,
        value=proof.value,
        leaf=None if proof.leaf is None else _leaf_to_pb(proof.leaf),
        path=[indexes.setdefault(raw, len(indexes)) for raw in raws],
    )


def _only(raw: bytes | None, tag: int) -> bytes | None:
    """The one embedded message with that tag; written twice, it would be anyone's guess."""
    if raw is None:
        return None
    found = list(_fields(raw, tag))
    if len(found) != 1:
        raise DecodeError(f"field {tag} of a proof is written {len(found)} times")
    return found[0]


def _fields(raw: bytes, tag: int) -> Iterator[bytes]:
    """The contents of every length-delimited field with that tag.

    The protobuf library has accepted these bytes before, so that lengths are right.
    """
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        number, kind = key >> 3, key & 7
        if kind == 2:
            size, at = _varint(raw, at)
            if number == tag:
                yield raw[at : at + size]
            at += size
        elif kind == 0:
            _, at = _varint(raw, at)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            _refuse_group(number)


_FIXED = {1: 8, 5: 4}


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    try:
        return wire.read_uvarint(raw, at)
    except ValueError as error:
        raise DecodeError(f"proof holds a {error}") from error


def _refuse_group(number: int) -> NoReturn:
    raise DecodeError(f"field {number} of a proof is a group")
