"""CometBFT block headers and their hash (`cometbft:types/block.go`)."""

from dataclasses import dataclass
from typing import Final

from light_client import merkle, wire
from light_client.errors import Mismatch, VerificationError
from light_client.values import Timestamp

BLOCK_PROTOCOL: Final = 11
MAX_CHAIN_ID_BYTES: Final = 50
HASH_SIZE: Final = 32
ADDRESS_SIZE: Final = 20


@dataclass(frozen=True, slots=True)
class Version:
    """The block protocol and the application's own version."""

    block: int
    app: int = 0


@dataclass(frozen=True, slots=True)
class PartSetHeader:
    """How many parts a proposed block was gossiped in, and their Merkle root."""

    total: int = 0
    hash: bytes = b""

    def validate_basic(self) -> None:
        _check_hash("PartSetHeader hash", self.hash)


@dataclass(frozen=True, slots=True)
class BlockID:
    """A block's hash and its parts; all empty for "no block"."""

    hash: bytes = b""
    parts: PartSetHeader = PartSetHeader()

    @property
    def is_zero(self) -> bool:
        return not self.hash and not self.parts.total and not self.parts.hash

    def encode(self) -> bytes:
        """The protobuf form, in which the part set header is always written."""
        parts = wire.varint_field(1, self.parts.total) + wire.bytes_field(2, self.parts.hash)
        return wire.bytes_field(1, self.hash) + wire.message_field(2, parts)

    def validate_basic(self) -> None:
        _check_hash("BlockID hash", self.hash)
        self.parts.validate_basic()


@dataclass(frozen=True, slots=True)
class Header:
    """A block header; hashes are 32 bytes or empty, the app hash has any length."""

    version: Version
    chain_id: str
    height: int
    time: Timestamp
    last_block_id: BlockID
    last_commit_hash: bytes
    data_hash: bytes
    validators_hash: bytes
    next_validators_hash: bytes
    consensus_hash: bytes
    app_hash: bytes
    last_results_hash: bytes
    evidence_hash: bytes
    proposer_address: bytes

    def hash(self) -> bytes:
        """The block hash: the Merkle root over the fourteen fields, each encoded alone.

        Empty without a validators hash, as in Go.
        """
        if not self.validators_hash:
            return b""
        version = self.version
        return merkle.root(
            [
                wire.varint_field(1, version.block) + wire.varint_field(2, version.app),
                wire.bytes_field(1, self.chain_id.encode()),
                wire.varint_field(1, self.height),
                wire.timestamp(self.time),
                self.last_block_id.encode(),
                wire.bytes_field(1, self.last_commit_hash),
                wire.bytes_field(1, self.data_hash),
                wire.bytes_field(1, self.validators_hash),
                wire.bytes_field(1, self.next_validators_hash),
                wire.bytes_field(1, self.consensus_hash),
                wire.bytes_field(1, self.app_hash),
                wire.bytes_field(1, self.last_results_hash),
                wire.bytes_field(1, self.evidence_hash),
                wire.bytes_field(1, self.proposer_address),
            ]
        )

    def validate_basic(self) -> None:
        """The checks that need nothing but the header, in the order of `Header.ValidateBasic`.

        Raises VerificationError.
        """
        if self.version.block != BLOCK_PROTOCOL:
            raise Mismatch("block protocol", BLOCK_PROTOCOL, self.version.block)
        length = len(self.chain_id.encode())
        if length > MAX_CHAIN_ID_BYTES:
            raise VerificationError(
                f"chainID is too long; got: {length}, max: {MAX_CHAIN_ID_BYTES}"
            )
        if self.height <= 0:
            raise VerificationError(f"header height {self.height} is not positive")
        self.last_block_id.validate_basic()
        _check_hash("LastCommitHash", self.last_commit_hash)
        _check_hash("DataHash", self.data_hash)
        _check_hash("EvidenceHash", self.evidence_hash)
        if len(self.proposer_address) != ADDRESS_SIZE:
            raise Mismatch("ProposerAddress length", ADDRESS_SIZE, len(self.proposer_address))
        _check_hash("ValidatorsHash", self.validators_hash)
        _check_hash("NextValidatorsHash", self.next_validators_hash)
        _check_hash("ConsensusHash", self.consensus_hash)
        _check_hash("LastResultsHash", self.last_results_hash)


def _check_hash(what: str, value: bytes) -> None:
    if value and len(value) != HASH_SIZE:
        raise Mismatch(f"{what} length", HASH_SIZE, len(value))
