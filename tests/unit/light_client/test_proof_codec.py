"""Reading and writing proofs: bounds, presence, batches."""

import pytest
from helpers.trees import Store

from cosmos_pb.cosmos.ics23.v1 import proofs_pb2
from light_client import proof_codec, wire
from light_client.errors import DecodeError
from light_client.proofs import (
    IAVL_SPEC,
    MAX_PROOF_BYTES,
    SMT_SPEC,
    BatchProof,
    CommitmentProof,
    ExistenceProof,
    InnerOp,
    NonExistenceProof,
    ProofSpec,
)

STORE = Store({bytes([number]) * 3: b"value" for number in range(1, 9)})
EXIST, ABSENT = STORE.prove(b"\3\3\3"), STORE.prove(b"\3\3\4")
EDGE = STORE.prove(b"\xff")
assert isinstance(EXIST, ExistenceProof)
assert isinstance(ABSENT, NonExistenceProof)
assert isinstance(EDGE, NonExistenceProof)
BATCH = BatchProof((EXIST, ABSENT, EDGE, STORE.existence(b"\4\4\4")))


@pytest.mark.parametrize("proof", [EXIST, ABSENT, EDGE, BATCH, STORE.prove(b"\0")])
def test_proofs_come_back(proof: CommitmentProof) -> None:
    assert proof_codec.decode(proof_codec.encode(proof)) == proof


def test_proofs_without_leaf_or_neighbours_come_back() -> None:
    for proof in (ExistenceProof(b"", b"", None), NonExistenceProof(b"k", None, None)):
        assert proof_codec.decode(proof_codec.encode(proof)) == proof
        assert proof_codec.decode(proof_codec.compress(BatchProof((proof,)))) == BatchProof(
            (proof,)
        )


def test_compression_writes_every_op_once() -> None:
    packed = proof_codec.compress(BATCH)
    assert len(packed) < len(proof_codec.encode(BATCH))
    assert proof_codec.decode(packed) == BATCH
    message = proofs_pb2.CommitmentProof.FromString(packed).compressed
    raws = [op.SerializeToString() for op in message.lookup_inners]
    assert len(raws) == len(set(raws))


@pytest.mark.parametrize("index", [-1, 1, 2**31 - 1])
def test_an_op_that_a_compressed_proof_does_not_have(index: int) -> None:
    message = proofs_pb2.CommitmentProof()
    message.compressed.lookup_inners.add()
    message.compressed.entries.add().exist.path.append(index)
    with pytest.raises(DecodeError, match=f"inner op {index} of 1"):
        proof_codec.decode(message.SerializeToString())


def test_empty_entries_are_none() -> None:
    for field in ("batch", "compressed"):
        message = proofs_pb2.CommitmentProof()
        getattr(message, field).entries.add()
        assert proof_codec.decode(message.SerializeToString()) == BatchProof((None,))
    assert proof_codec.decode(proof_codec.encode(BatchProof((None,)))) == BatchProof((None,))
    assert proof_codec.decode(proof_codec.compress(BatchProof((None,)))) == BatchProof((None,))


def test_a_huge_proof_is_refused_unread() -> None:
    with pytest.raises(DecodeError, match=f"proof of {64 << 20} bytes exceeds {MAX_PROOF_BYTES}"):
        proof_codec.decode(bytes(64 << 20))


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x0a\x05", b"\x32\x00"])
def test_bytes_without_a_proof(data: bytes) -> None:
    with pytest.raises(DecodeError):
        proof_codec.decode(data)


def field(tag: int, body: bytes) -> bytes:
    return wire.message_field(tag, body)


LOUD = field(2, b"\1") + field(3, b"")  # an inner op whose suffix is written, though empty
QUIET = field(2, b"\1")


@pytest.mark.parametrize(
    "data",
    [
        field(1, field(4, LOUD) + field(4, QUIET)),
        field(
            1,
            field(4, b"\x20\x07" + LOUD + b"\x29" + bytes(8) + b"\x2d" + bytes(4))
            + field(4, QUIET),
        ),
    ],
    ids=["plain", "among unknown fields"],
)
def test_an_empty_suffix_on_the_wire_is_seen(data: bytes) -> None:
    proof = proof_codec.decode(data)
    assert isinstance(proof, ExistenceProof)
    assert [op.suffix for op in proof.path] == [b"", None]


def test_other_wire_types_are_stepped_over() -> None:
    data = field(1, b"\x31" + bytes(8) + b"\x35" + bytes(4) + b"\x38\x01" + field(4, LOUD))
    assert suffixes(proof_codec.decode(data)) == [b""]


def test_an_empty_suffix_is_seen_in_every_kind_of_proof() -> None:
    exist = field(4, LOUD)
    for data in (
        field(2, field(2, exist)),
        field(2, field(3, exist)),
        field(3, field(1, field(1, exist))),
        field(3, field(1, field(2, field(2, exist)))),
        field(4, field(1, field(1, field(4, b"\0"))) + field(2, LOUD)),
    ):
        assert b"" in list(suffixes(proof_codec.decode(data)))
    (merkle,) = proof_codec.decode_merkle(field(1, field(1, exist)))
    assert list(suffixes(merkle)) == [b""]


def suffixes(proof: CommitmentProof | None) -> list[bytes | None]:
    if proof is None:
        return []
    if isinstance(proof, ExistenceProof):
        return [op.suffix for op in proof.path]
    if isinstance(proof, NonExistenceProof):
        return suffixes(proof.left) + suffixes(proof.right)
    assert isinstance(proof, BatchProof)
    return [suffix for entry in proof.entries for suffix in suffixes(entry)]


def test_a_proof_written_twice_is_refused() -> None:
    twice = field(1, field(4, LOUD)) + field(1, field(4, LOUD))
    with pytest.raises(DecodeError, match="field 1 of a proof is written 2 times"):
        proof_codec.decode(twice)


def test_integers_of_more_than_64_bits_are_refused() -> None:
    oversized = b"\x20" + b"\xff" * 9 + b"\x7f"
    with pytest.raises(DecodeError, match="proof holds a truncated or oversized varint"):
        proof_codec.decode(field(1, field(4, oversized + LOUD)))


def test_groups_are_refused() -> None:
    with pytest.raises(DecodeError, match="field 5 of a proof is a group"):
        proof_codec.decode(field(1, field(4, b"\x2b\x2c" + LOUD)))


def test_merkle_proofs_come_back() -> None:
    proofs = (EXIST, ABSENT)
    assert proof_codec.decode_merkle(proof_codec.encode_merkle(proofs)) == proofs
    assert proof_codec.decode_merkle(field(1, b"")) == (None,)
    assert proof_codec.decode_merkle(b"") == ()


def test_specs_come_back() -> None:
    for spec in (IAVL_SPEC, SMT_SPEC, ProofSpec(), ProofSpec(max_depth=3, min_depth=1)):
        assert proof_codec.spec_from_pb(proof_codec.spec_to_pb(spec)) == spec
    assert ProofSpec().shape is None


def test_inner_ops_are_plain_values() -> None:
    assert InnerOp(1, b"a", b"b") == InnerOp(1, b"a", b"b") != InnerOp(1, b"a", None)
