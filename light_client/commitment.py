"""Chained proofs: a key in a store, the store in the multistore, its root in a header.

Proofs are ordered from the lowest tree up, paths from the highest down. Source: ibc-go
`modules/core/23-commitment/types/merkle.go`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from google.protobuf.message import DecodeError as ProtobufError

from cosmos_pb.cosmos.ics23.v1 import proofs_pb2
from cosmos_pb.ibc.core.commitment.v1 import commitment_pb2
from cosmos_pb.tendermint.crypto import proof_pb2
from light_client import errors, ics23, proof_codec
from light_client.errors import DecodeError, ProofError
from light_client.proofs import CommitmentProof, ExistenceProof, NonExistenceProof, ProofSpec

MerkleProof = Sequence[CommitmentProof | None]

_CACHED: Final = 2048


def verify_membership(
    specs: Sequence[ProofSpec],
    root: bytes,
    path: Sequence[bytes],
    value: bytes,
    proof: bytes | MerkleProof,
) -> None:
    """The root commits to `value` under `path` (store name first).

    Raises ProofError with the codespace "commitment".
    """
    if isinstance(proof, bytes):
        _verify_encoded(tuple(specs), root, tuple(path), value, proof)
    else:
        _verify_membership(specs, root, path, value, proof)


def verify_non_membership(
    specs: Sequence[ProofSpec], root: bytes, path: Sequence[bytes], proof: bytes | MerkleProof
) -> None:
    """The root commits to a store (all of the path but its end) that holds nothing at its end.

    That a whole store is absent cannot be proven. Raises ProofError (codespace "commitment").
    """
    proofs = _proofs(proof)
    _check_arguments(specs, root, path, proofs)
    absent, key = proofs[0], path[-1]
    try:
        subroot = ics23.calculate(_present(absent, 0))
    except ProofError as error:
        raise _invalid(
            f"could not calculate root for proof index 0, merkle tree is likely empty. {error}"
        ) from error
    if not isinstance(absent, NonExistenceProof):
        raise _invalid("commitment proof must be non-existence proof for verifying non-membership")
    try:
        ics23.verify_non_existence(specs[0], subroot, absent, key)
    except ProofError as error:
        raise _invalid(
            f"failed to verify non-membership proof with key {key!r}: {error}"
        ) from error
    _verify_chain(specs, root, path, subroot, proofs, start=1)


def merkle_proof_from_proof_ops(ops: proof_pb2.ProofOps) -> bytes:
    """The `MerkleProof` bytes for a message, from the proof in an `abci_query` response.

    Raises DecodeError if there is none, or an op is not ICS-23.
    """
    if not ops.ops:
        raise DecodeError("the response carries no proof")
    merkle = commitment_pb2.MerkleProof()
    for op in ops.ops:
        try:
            merkle.proofs.append(proofs_pb2.CommitmentProof.FromString(op.data))
        except ProtobufError as error:
            raise DecodeError(f"proof op {op.type!r} is no ICS-23 proof: {error}") from error
    return merkle.SerializeToString()


def apply_prefix(prefix: bytes, path: str | bytes) -> tuple[bytes, bytes]:
    """The path below a counterparty's commitment prefix; raises ProofError (commitment/3)."""
    if not prefix:
        raise ProofError("prefix can't be empty", errors.INVALID_PREFIX)
    return prefix, path.encode() if isinstance(path, str) else path


@lru_cache(maxsize=_CACHED)
def _verify_encoded(
    specs: tuple[ProofSpec, ...], root: bytes, path: tuple[bytes, ...], value: bytes, proof: bytes
) -> None:
    """Remembered once it holds: a chain sees a proof when it is simulated, in the mempool and in the block."""
    _verify_membership(specs, root, path, value, _proofs(proof))


def _verify_membership(
    specs: Sequence[ProofSpec],
    root: bytes,
    path: Sequence[bytes],
    value: bytes,
    proofs: MerkleProof,
) -> None:
    _check_arguments(specs, root, path, proofs)
    if not value:
        raise _invalid("empty value in membership proof")
    _verify_chain(specs, root, path, value, proofs)


def _proofs(proof: bytes | MerkleProof) -> MerkleProof:
    if not isinstance(proof, bytes):
        return proof
    try:
        return proof_codec.decode_merkle(proof)
    except DecodeError as error:
        raise _invalid(
            f"failed to unmarshal proof into ICS 23 commitment merkle proof ({error})"
        ) from error


def _check_arguments(
    specs: Sequence[ProofSpec], root: bytes, path: Sequence[bytes], proofs: MerkleProof
) -> None:
    if not proofs:
        raise ProofError("proof must not be empty", errors.INVALID_MERKLE_PROOF)
    if not root:
        raise ProofError("root cannot be empty", errors.INVALID_MERKLE_PROOF)
    if len(specs) != len(proofs):
        raise ProofError(
            f"length of specs: {len(specs)} not equal to length of proof: {len(proofs)}",
            errors.INVALID_MERKLE_PROOF,
        )
    if len(path) != len(specs):
        raise _invalid(f"path length {len(path)} not same as proof {len(specs)}")


def _verify_chain(
    specs: Sequence[ProofSpec],
    root: bytes,
    path: Sequence[bytes],
    value: bytes,
    proofs: MerkleProof,
    start: int = 0,
) -> None:
    """Each tree holds the root of the one below it; the highest root is the given one."""
    for index in range(start, len(proofs)):
        proof, key = proofs[index], path[-1 - index]
        try:
            subroot = ics23.calculate(_present(proof, index))
        except ProofError as error:
            raise _invalid(
                f"could not calculate proof root at index {index}, "
                f"merkle tree may be empty. {error}"
            ) from error
        if not isinstance(proof, ExistenceProof):
            raise _invalid(f"commitment proof must be existence proof at index {index}")
        try:
            ics23.verify_existence(specs[index], subroot, proof, key, value)
        except ProofError as error:
            raise _invalid(
                f"failed to verify membership proof at index {index}: {error}"
            ) from error
        value = subroot
    if value != root:
        raise _invalid(
            f"proof did not commit to expected root: {root.hex().upper()}, "
            f"got: {value.hex().upper()}. Please ensure proof was submitted with correct "
            "proofHeight and to the correct chain."
        )


def _present(proof: CommitmentProof | None, index: int) -> CommitmentProof:
    if proof is None:
        raise ProofError(f"proof {index} is empty")
    return proof


def _invalid(detail: str) -> ProofError:
    return ProofError(detail, errors.INVALID_PROOF)
