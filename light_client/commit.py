"""Commits, what validators sign, and the blocks that a light client looks at.

Sources: `cometbft:types/block.go`, `types/vote.go`, `types/canonical.go`.
"""

from dataclasses import dataclass
from typing import Final

from light_client import merkle, wire
from light_client.errors import Mismatch, VerificationError
from light_client.header import ADDRESS_SIZE, BlockID, Header
from light_client.validators import ValidatorSet
from light_client.values import Timestamp

ABSENT: Final = 1
FOR_BLOCK: Final = 2
FOR_NIL: Final = 3

PREVOTE: Final = 1
PRECOMMIT: Final = 2

MAX_SIGNATURE_SIZE: Final = 3309  # ML-DSA-65, the longest that CometBFT 0.40 knows


@dataclass(frozen=True, slots=True)
class CommitSig:
    """One validator's vote in a commit: ABSENT, FOR_BLOCK or FOR_NIL."""

    flag: int
    address: bytes
    timestamp: Timestamp
    signature: bytes

    def validate_basic(self) -> None:
        """Raises VerificationError unless the fields fit the flag."""
        if self.flag == ABSENT:
            self._must_be_empty()
        elif self.flag in {FOR_BLOCK, FOR_NIL}:
            self._must_be_signed()
        else:
            raise VerificationError(f"unknown BlockIDFlag: {self.flag}")

    def _must_be_empty(self) -> None:
        if self.address:
            raise VerificationError("validator address is present in an absent vote")
        if not self.timestamp.is_zero:
            raise VerificationError(f"time {self.timestamp} is present in an absent vote")
        if self.signature:
            raise VerificationError("signature is present in an absent vote")

    def _must_be_signed(self) -> None:
        if len(self.address) != ADDRESS_SIZE:
            raise Mismatch("ValidatorAddress size", ADDRESS_SIZE, len(self.address))
        if not self.signature:
            raise VerificationError("signature is missing")
        if len(self.signature) > MAX_SIGNATURE_SIZE:
            raise VerificationError(
                f"signature is too big: {len(self.signature)} bytes (max: {MAX_SIGNATURE_SIZE})"
            )


@dataclass(frozen=True, slots=True)
class SignBytes:
    """A vote's sign bytes but for the timestamp: everything before and behind it.

    All votes of a commit for one block differ in nothing else.
    """

    head: bytes
    tail: bytes

    def at(self, timestamp: Timestamp) -> bytes:
        """The length-prefixed bytes that are signed."""
        body = self.head + wire.message_field(5, wire.timestamp(timestamp)) + self.tail
        return wire.uvarint(len(body)) + body


@dataclass(frozen=True, slots=True)
class Commit:
    """The precommits that made a block final, one entry per validator of its set, in its order."""

    height: int
    round: int
    block_id: BlockID
    signatures: tuple[CommitSig, ...]

    def hash(self) -> bytes:
        """The Merkle root over the signatures, which the next header carries."""
        return merkle.root([_commit_sig(signature) for signature in self.signatures])

    def for_block(self, chain_id: str) -> SignBytes:
        """What every vote for the block signs, but for its timestamp."""
        return canonical_vote(chain_id, PRECOMMIT, self.height, self.round, self.block_id)

    def sign_bytes(self, chain_id: str, index: int) -> bytes:
        """What the validator at `index` has signed; votes that are not for the block name none."""
        vote = self.signatures[index]
        block_id = self.block_id if vote.flag == FOR_BLOCK else BlockID()
        template = canonical_vote(chain_id, PRECOMMIT, self.height, self.round, block_id)
        return template.at(vote.timestamp)

    def validate_basic(self) -> None:
        """Raises VerificationError unless this is a commit for a block, with well-formed votes."""
        self.block_id.validate_basic()
        if self.height < 0:
            raise VerificationError(f"commit has negative height {self.height}")
        if self.round < 0:
            raise VerificationError(f"commit has negative round {self.round}")
        for vote in self.signatures:
            vote.validate_basic()
        if self.height >= 1 and self.block_id.is_zero:
            raise VerificationError("commit cannot be for nil block")
        if self.height >= 1 and not self.signatures:
            raise VerificationError("no signatures in commit")


@dataclass(frozen=True, slots=True)
class SignedHeader:
    """A header and the commit that made it final."""

    header: Header
    commit: Commit

    def validate_basic(self, chain_id: str) -> None:
        """Raises VerificationError unless the commit is for this header of this chain."""
        self.header.validate_basic()
        self.commit.validate_basic()
        if self.header.chain_id != chain_id:
            raise Mismatch("header chain id", chain_id, self.header.chain_id)
        if self.commit.height != self.header.height:
            raise Mismatch(
                "header and commit height mismatch", self.header.height, self.commit.height
            )
        header_hash = self.header.hash()
        if header_hash != self.commit.block_id.hash:
            raise Mismatch("commit signs block", header_hash, self.commit.block_id.hash)


@dataclass(frozen=True, slots=True)
class LightBlock:
    """What a light client asks a node for at one height."""

    signed_header: SignedHeader
    validators: ValidatorSet
    next_validators: ValidatorSet | None = None

    @property
    def header(self) -> Header:
        return self.signed_header.header

    @property
    def commit(self) -> Commit:
        return self.signed_header.commit

    @property
    def height(self) -> int:
        return self.signed_header.header.height


def canonical_vote(
    chain_id: str, vote_type: int, height: int, round_: int, block_id: BlockID
) -> SignBytes:
    """The `CanonicalVote` of these fields, to be completed with a timestamp."""
    head = (
        wire.varint_field(1, vote_type)
        + wire.sfixed64_field(2, height)
        + wire.sfixed64_field(3, round_)
    )
    if not block_id.is_zero:
        head += wire.message_field(4, block_id.encode())
    return SignBytes(head, wire.bytes_field(6, chain_id.encode()))


def vote_sign_bytes(
    chain_id: str,
    vote_type: int,
    height: int,
    round_: int,
    block_id: BlockID,
    timestamp: Timestamp,
) -> bytes:
    """The length-prefixed bytes that a validator signs for one vote."""
    return canonical_vote(chain_id, vote_type, height, round_, block_id).at(timestamp)


def _commit_sig(vote: CommitSig) -> bytes:
    return (
        wire.varint_field(1, vote.flag)
        + wire.bytes_field(2, vote.address)
        + wire.message_field(3, wire.timestamp(vote.timestamp))
        + wire.bytes_field(4, vote.signature)
    )
