"""Deterministic validators that sign: everything a test needs to play a CometBFT chain."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from light_client.commit import (
    ABSENT,
    FOR_BLOCK,
    PRECOMMIT,
    Commit,
    CommitSig,
    LightBlock,
    SignedHeader,
    vote_sign_bytes,
)
from light_client.header import BlockID, Header, PartSetHeader, Version
from light_client.keys import ED25519, PublicKey
from light_client.validators import Validator, ValidatorSet, canonical_order
from light_client.values import ZERO_TIME, Timestamp

GENESIS = Timestamp(1_700_000_000)
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Signer:
    """A validator with its secret."""

    secret: Ed25519PrivateKey
    power: int

    @property
    def validator(self) -> Validator:
        return Validator(
            PublicKey(ED25519, self.secret.public_key().public_bytes_raw()), self.power
        )

    @property
    def address(self) -> bytes:
        return self.validator.address

    def sign(self, message: bytes) -> bytes:
        return self.secret.sign(message)


def signer(name: str, power: int = 10) -> Signer:
    """The same signer for the same name, always."""
    return Signer(Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()), power)


def signers(count: int, power: int = 10, prefix: str = "validator") -> list[Signer]:
    return [signer(f"{prefix}-{number}", power) for number in range(count)]


def validator_set(members: Sequence[Signer]) -> ValidatorSet:
    """The set in canonical order; its first validator proposes."""
    ordered = canonical_order(member.validator for member in members)
    return ValidatorSet(ordered, ordered[0])


def sign_commit(
    header: Header,
    members: Sequence[Signer],
    absent: Collection[bytes] = (),
    round_: int = 0,
    chain_id: str | None = None,
) -> Commit:
    """A commit for the header by all members but the absent ones (addresses), in canonical order."""
    block_id = BlockID(header.hash(), PartSetHeader(1, sha256(header.hash()).digest()))
    by_address = {member.address: member for member in members}
    votes = []
    for index, validator in enumerate(validator_set(members).validators):
        if validator.address in absent:
            votes.append(CommitSig(ABSENT, b"", ZERO_TIME, b""))
            continue
        time = header.time.add((index + 1) * 1_000_000)
        message = vote_sign_bytes(
            chain_id or header.chain_id, PRECOMMIT, header.height, round_, block_id, time
        )
        signature = by_address[validator.address].sign(message)
        votes.append(CommitSig(FOR_BLOCK, validator.address, time, signature))
    return Commit(header.height, round_, block_id, tuple(votes))


def make_header(
    chain_id: str,
    height: int,
    members: Sequence[Signer],
    following: Sequence[Signer] | None = None,
    time: Timestamp | None = None,
    app_hash: bytes = b"\xaa" * 32,
) -> Header:
    """A header whose validators are the members; those of the next height are `following`."""
    validators = validator_set(members)
    return Header(
        version=Version(11),
        chain_id=chain_id,
        height=height,
        time=time or GENESIS.add(height * SECOND),
        last_block_id=BlockID(b"\x01" * 32, PartSetHeader(1, b"\x02" * 32)),
        last_commit_hash=b"\x03" * 32,
        data_hash=b"\x04" * 32,
        validators_hash=validators.hash(),
        next_validators_hash=validator_set(following or members).hash(),
        consensus_hash=b"\x05" * 32,
        app_hash=app_hash,
        last_results_hash=b"\x06" * 32,
        evidence_hash=b"\x07" * 32,
        proposer_address=validators.validators[0].address,
    )


def make_block(
    chain_id: str,
    height: int,
    members: Sequence[Signer],
    following: Sequence[Signer] | None = None,
    absent: Collection[bytes] = (),
    time: Timestamp | None = None,
    app_hash: bytes = b"\xaa" * 32,
) -> LightBlock:
    """A block as a node would serve it, signed by the members that are not absent."""
    header = make_header(chain_id, height, members, following, time, app_hash)
    commit = sign_commit(header, members, absent)
    return LightBlock(
        SignedHeader(header, commit), validator_set(members), validator_set(following or members)
    )


def resign(block: LightBlock, header: Header, members: Sequence[Signer]) -> LightBlock:
    """The block with another header, signed anew."""
    return replace(block, signed_header=SignedHeader(header, sign_commit(header, members)))
