"""Blocks as CometBFT 0.38 lays them out: header, transactions, the commit of the block before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from chain.node.privval import ValidatorKey
from cosmos_pb.tendermint.types import block_pb2
from light_client import codec, merkle, rpcjson
from light_client.commit import ABSENT, FOR_BLOCK, PRECOMMIT, Commit, CommitSig, canonical_vote
from light_client.header import BlockID, Header, PartSetHeader
from light_client.validators import ValidatorSet
from light_client.values import ZERO_TIME, Timestamp

PART_SIZE: Final = 65_536
NO_COMMIT: Final = Commit(0, 0, BlockID(), ())
"""What the first block carries in place of a commit."""

_ABSENT: Final = CommitSig(ABSENT, b"", ZERO_TIME, b"")


@dataclass(frozen=True, slots=True)
class Block:
    """No evidence: the validators of an embedded chain are one process."""

    header: Header
    txs: tuple[bytes, ...]
    last_commit: Commit

    def encode(self) -> bytes:
        message = block_pb2.Block(header=codec.header_to_pb(self.header))
        message.data.SetInParent()
        message.data.txs.extend(self.txs)
        message.evidence.SetInParent()
        message.last_commit.CopyFrom(codec.commit_to_pb(self.last_commit))
        return message.SerializeToString()

    @classmethod
    def decode(cls, data: bytes) -> Block:
        message = codec.parse(block_pb2.Block, data)
        return cls(
            codec.header_from_pb(message.header),
            tuple(message.data.txs),
            codec.commit_from_pb(message.last_commit),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "header": rpcjson.header_to_json(self.header),
            "data": {"txs": [rpcjson.to_base64(tx) or "" for tx in self.txs]},
            "evidence": {"evidence": []},
            "last_commit": rpcjson.commit_to_json(self.last_commit),
        }


def tx_hash(tx: bytes) -> bytes:
    return sha256(tx).digest()


def block_id(header: Header, encoded: bytes) -> BlockID:
    """The header's hash, and the Merkle root over the 64 KiB parts of the whole block."""
    parts = [encoded[at : at + PART_SIZE] for at in range(0, len(encoded), PART_SIZE)]
    return BlockID(header.hash(), PartSetHeader(len(parts), merkle.root(parts)))


def sign_commit(
    chain_id: str,
    height: int,
    of: BlockID,
    time: Timestamp,
    validators: ValidatorSet,
    keys: Mapping[bytes, ValidatorKey],
) -> Commit:
    """Precommits of the whole set at one time; a validator without a key in ``keys`` is absent."""
    message = canonical_vote(chain_id, PRECOMMIT, height, 0, of).at(time)
    votes = []
    for validator in validators.validators:
        key = keys.get(validator.address)
        if key is None:
            votes.append(_ABSENT)
        else:
            votes.append(CommitSig(FOR_BLOCK, key.address, time, key.sign(message)))
    return Commit(height, 0, of, tuple(votes))


def tx_size(tx: bytes) -> int:
    """Bytes that a transaction takes in a block (``ComputeProtoSizeForTxs``)."""
    length = len(tx)
    return 1 + (length.bit_length() + 6) // 7 + length


def max_data_bytes(max_bytes: int, validators: int) -> int:
    """Room for transactions in a block of ``max_bytes`` (``MaxDataBytesNoEvidence``)."""
    overhead, header, commit, signature = 11, 626, 94, 111
    return max(0, max_bytes - overhead - header - commit - signature * validators)
