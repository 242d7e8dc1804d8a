"""The JSON of CometBFT's RPC to values and back, pure: what was already parsed in, dicts out.

Integers of 64 bits are strings, hashes and addresses upper-case hex, other bytes base64, times RFC 3339
(`cometbft:libs/json`). Reading takes numbers where strings belong and missing fields for empty ones,
as versions differ in both; anything else raises DecodeError.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from light_client.commit import Commit, CommitSig, LightBlock, SignedHeader
from light_client.errors import DecodeError
from light_client.evidence import (
    DuplicateVoteEvidence,
    Evidence,
    LightClientAttackEvidence,
    Vote,
)
from light_client.header import BlockID, Header, PartSetHeader, Version
from light_client.jsonfields import array, base64_bytes, hex_bytes, integer, mapping, text, time
from light_client.keys import BY_AMINO, KEY_TYPES, PublicKey, UnsupportedKey
from light_client.validators import Validator, ValidatorSet, next_proposer

Json = dict[str, Any]


def header_from_json(value: Any) -> Header:
    json = mapping(value, "header")
    version = mapping(json.get("version") or {}, "header.version")
    return Header(
        version=Version(integer(version, "block", "uint64"), integer(version, "app", "uint64")),
        chain_id=text(json, "chain_id"),
        height=integer(json, "height", "int64"),
        time=time(json, "time"),
        last_block_id=block_id_from_json(json.get("last_block_id")),
        last_commit_hash=hex_bytes(json, "last_commit_hash"),
        data_hash=hex_bytes(json, "data_hash"),
        validators_hash=hex_bytes(json, "validators_hash"),
        next_validators_hash=hex_bytes(json, "next_validators_hash"),
        consensus_hash=hex_bytes(json, "consensus_hash"),
        app_hash=hex_bytes(json, "app_hash"),
        last_results_hash=hex_bytes(json, "last_results_hash"),
        evidence_hash=hex_bytes(json, "evidence_hash"),
        proposer_address=hex_bytes(json, "proposer_address"),
    )


def header_to_json(header: Header) -> Json:
    return {
        "version": _version_to_json(header),
        "chain_id": header.chain_id,
        "height": str(header.height),
        "time": header.time.rfc3339(),
        "last_block_id": block_id_to_json(header.last_block_id),
        "last_commit_hash": to_hex(header.last_commit_hash),
        "data_hash": to_hex(header.data_hash),
        "validators_hash": to_hex(header.validators_hash),
        "next_validators_hash": to_hex(header.next_validators_hash),
        "consensus_hash": to_hex(header.consensus_hash),
        "app_hash": to_hex(header.app_hash),
        "last_results_hash": to_hex(header.last_results_hash),
        "evidence_hash": to_hex(header.evidence_hash),
        "proposer_address": to_hex(header.proposer_address),
    }


def _version_to_json(header: Header) -> Json:
    """CometBFT leaves zeros out."""
    versions = {"block": header.version.block, "app": header.version.app}
    return {name: str(version) for name, version in versions.items() if version}


def block_id_from_json(value: Any) -> BlockID:
    """Null reads as no block."""
    json = mapping(value or {}, "block_id")
    name = "parts" if "parts" in json else "part_set_header"
    parts = mapping(json.get(name) or {}, f"block_id.{name}")
    return BlockID(
        hex_bytes(json, "hash"),
        PartSetHeader(integer(parts, "total", "uint32"), hex_bytes(parts, "hash")),
    )


def block_id_to_json(block_id: BlockID) -> Json:
    parts = {"total": block_id.parts.total, "hash": to_hex(block_id.parts.hash)}
    return {"hash": to_hex(block_id.hash), "parts": parts}


def commit_from_json(value: Any) -> Commit:
    json = mapping(value, "commit")
    return Commit(
        height=integer(json, "height", "int64"),
        round=integer(json, "round", "int32"),
        block_id=block_id_from_json(json.get("block_id")),
        signatures=tuple(
            _commit_sig(vote) for vote in array(json.get("signatures"), "commit.signatures")
        ),
    )


def commit_to_json(commit: Commit) -> Json:
    return {
        "height": str(commit.height),
        "round": commit.round,
        "block_id": block_id_to_json(commit.block_id),
        "signatures": [
            {
                "block_id_flag": vote.flag,
                "validator_address": to_hex(vote.address),
                "timestamp": vote.timestamp.rfc3339(),
                "signature": to_base64(vote.signature),
            }
            for vote in commit.signatures
        ],
    }


def signed_header_from_json(value: Any) -> SignedHeader:
    """The `signed_header` of a /commit response."""
    json = mapping(value, "signed_header")
    return SignedHeader(header_from_json(json.get("header")), commit_from_json(json.get("commit")))


def signed_header_to_json(signed: SignedHeader) -> Json:
    return {"header": header_to_json(signed.header), "commit": commit_to_json(signed.commit)}


def public_key_from_json(value: Any) -> PublicKey:
    """Raises UnsupportedKey for a type that is not in the table of key types."""
    json = mapping(value, "pub_key")
    name = text(json, "type")
    kind = BY_AMINO.get(name)
    if kind is None:
        raise UnsupportedKey(name)
    return PublicKey(kind.name, base64_bytes(json, "value"))


def public_key_to_json(key: PublicKey) -> Json:
    return {"type": KEY_TYPES[key.type].amino, "value": to_base64(key.data)}


def validator_from_json(value: Any) -> Validator:
    """Raises DecodeError also if the address is not the key's."""
    json = mapping(value, "validator")
    key = public_key_from_json(json.get("pub_key"))
    address = hex_bytes(json, "address")
    if address and address != key.address:
        raise DecodeError(
            f"validator address {to_hex(address)} is not {to_hex(key.address)}, its key's"
        )
    name = "voting_power" if "voting_power" in json else "power"
    return Validator(key, integer(json, name, "int64"), integer(json, "proposer_priority", "int64"))


def validator_to_json(validator: Validator) -> Json:
    return {
        "address": to_hex(validator.address),
        "pub_key": public_key_to_json(validator.pub_key),
        "voting_power": str(validator.power),
        "proposer_priority": str(validator.proposer_priority),
    }


def validators_from_json(value: Any) -> tuple[Validator, ...]:
    """The `validators` of a /validators response; a long list comes in several pages."""
    return tuple(validator_from_json(item) for item in array(value, "validators"))


def validators_to_json(validators: Sequence[Validator]) -> list[Json]:
    return [validator_to_json(validator) for validator in validators]


def validator_set_from_json(value: Any, proposer: bytes | None = None) -> ValidatorSet:
    """A set from all its pages; the proposer by address, else as CometBFT would choose it."""
    validators = validators_from_json(value)
    chosen = next((v for v in validators if v.address == proposer), None)
    return ValidatorSet(validators, chosen or next_proposer(validators))


def light_block_from_json(
    signed_header: Any, validators: Any, next_validators: Any = None
) -> LightBlock:
    """A light block from the responses of /commit and /validators (all pages) of one height."""
    signed = signed_header_from_json(signed_header)
    own = validator_set_from_json(validators, signed.header.proposer_address)
    following = None if next_validators is None else validator_set_from_json(next_validators)
    return LightBlock(signed, own, following)


def evidence_from_json(value: Any) -> Evidence:
    """One piece of a block's evidence; 0.34 spells some field names as Go does."""
    json = mapping(value, "evidence")
    kind = text(json, "type")
    read = _EVIDENCE.get(kind)
    if read is None:
        raise DecodeError(f"evidence type {kind!r} is not known")
    body = mapping(json.get("value"), "evidence.value")
    return read({_SPELLINGS.get(name, name): item for name, item in body.items()})


def to_hex(data: bytes) -> str:
    return data.hex().upper()


def to_base64(data: bytes) -> str | None:
    """Null for no bytes, as Go writes a nil slice."""
    return base64.b64encode(data).decode() if data else None


def _duplicate_vote(json: Mapping[str, Any]) -> DuplicateVoteEvidence:
    return DuplicateVoteEvidence(
        vote_a=_vote(json.get("vote_a")),
        vote_b=_vote(json.get("vote_b")),
        total_voting_power=integer(json, "total_voting_power", "int64"),
        validator_power=integer(json, "validator_power", "int64"),
        timestamp=time(json, "timestamp"),
    )


def _light_client_attack(json: Mapping[str, Any]) -> LightClientAttackEvidence:
    block = mapping(json.get("conflicting_block"), "conflicting_block")
    members = mapping(block.get("validator_set"), "validator_set")
    proposer = members.get("proposer")
    address = None if proposer is None else validator_from_json(proposer).address
    return LightClientAttackEvidence(
        conflicting_block=LightBlock(
            signed_header_from_json(block.get("signed_header")),
            validator_set_from_json(members.get("validators"), address),
        ),
        common_height=integer(json, "common_height", "int64"),
        byzantine_validators=validators_from_json(json.get("byzantine_validators")),
        total_voting_power=integer(json, "total_voting_power", "int64"),
        timestamp=time(json, "timestamp"),
    )


_EVIDENCE: Final[Mapping[str, Callable[[Mapping[str, Any]], Evidence]]] = {
    "tendermint/DuplicateVoteEvidence": _duplicate_vote,
    "tendermint/LightClientAttackEvidence": _light_client_attack,
}
_SPELLINGS: Final = {
    "TotalVotingPower": "total_voting_power",
    "ValidatorPower": "validator_power",
    "Timestamp": "timestamp",
    "ConflictingBlock": "conflicting_block",
    "CommonHeight": "common_height",
    "ByzantineValidators": "byzantine_validators",
}


def _vote(value: Any) -> Vote:
    json = mapping(value, "vote")
    return Vote(
        type=integer(json, "type", "int32"),
        height=integer(json, "height", "int64"),
        round=integer(json, "round", "int32"),
        block_id=block_id_from_json(json.get("block_id")),
        timestamp=time(json, "timestamp"),
        validator_address=hex_bytes(json, "validator_address"),
        validator_index=integer(json, "validator_index", "int32"),
        signature=base64_bytes(json, "signature"),
        extension=base64_bytes(json, "extension"),
        extension_signature=base64_bytes(json, "extension_signature"),
    )


def _commit_sig(value: Any) -> CommitSig:
    json = mapping(value, "signature")
    return CommitSig(
        flag=integer(json, "block_id_flag", "int32"),
        address=hex_bytes(json, "validator_address"),
        timestamp=time(json, "timestamp"),
        signature=base64_bytes(json, "signature"),
    )
