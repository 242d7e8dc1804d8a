"""Evidence of validators' misbehaviour, as blocks carry and hash it (`cometbft:types/evidence.go`)."""

from dataclasses import dataclass

from light_client import wire
from light_client.codec import light_block_to_pb, validator_to_pb
from light_client.commit import LightBlock
from light_client.header import BlockID
from light_client.validators import Validator
from light_client.values import Timestamp


@dataclass(frozen=True, slots=True)
class Vote:
    """One validator's prevote or precommit."""

    type: int
    height: int
    round: int
    block_id: BlockID
    timestamp: Timestamp
    validator_address: bytes
    validator_index: int
    signature: bytes
    extension: bytes = b""
    extension_signature: bytes = b""

    def encode(self) -> bytes:
        return (
            wire.varint_field(1, self.type)
            + wire.varint_field(2, self.height)
            + wire.varint_field(3, self.round)
            + wire.message_field(4, self.block_id.encode())
            + wire.message_field(5, wire.timestamp(self.timestamp))
            + wire.bytes_field(6, self.validator_address)
            + wire.varint_field(7, self.validator_index)
            + wire.bytes_field(8, self.signature)
            + wire.bytes_field(9, self.extension)
            + wire.bytes_field(10, self.extension_signature)
        )


@dataclass(frozen=True, slots=True)
class DuplicateVoteEvidence:
    """Two votes of one validator for different blocks in one round."""

    vote_a: Vote
    vote_b: Vote
    total_voting_power: int
    validator_power: int
    timestamp: Timestamp

    def encode(self) -> bytes:
        """The protobuf form, which is what a header's evidence hash covers."""
        return (
            wire.message_field(1, self.vote_a.encode())
            + wire.message_field(2, self.vote_b.encode())
            + wire.varint_field(3, self.total_voting_power)
            + wire.varint_field(4, self.validator_power)
            + wire.message_field(5, wire.timestamp(self.timestamp))
        )


@dataclass(frozen=True, slots=True)
class LightClientAttackEvidence:
    """A block that conflicts with the chain's, and the last height at which both agree."""

    conflicting_block: LightBlock
    common_height: int
    byzantine_validators: tuple[Validator, ...]
    total_voting_power: int
    timestamp: Timestamp

    def encode(self) -> bytes:
        """The protobuf form, which is what a header's evidence hash covers."""
        block = light_block_to_pb(self.conflicting_block).SerializeToString()
        byzantine = (validator_to_pb(v).SerializeToString() for v in self.byzantine_validators)
        return (
            wire.message_field(1, block)
            + wire.varint_field(2, self.common_height)
            + b"".join(wire.message_field(3, validator) for validator in byzantine)
            + wire.varint_field(4, self.total_voting_power)
            + wire.message_field(5, wire.timestamp(self.timestamp))
        )


Evidence = DuplicateVoteEvidence | LightClientAttackEvidence
