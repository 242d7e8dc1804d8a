"""Protobuf to values and back, for everything but proofs.

What Go cannot leave out (gogoproto's non-nullable messages) is always written, so that the bytes
equal ibc-go's. Reading raises DecodeError for what is not protobuf, and the errors of the values
themselves for what is well-formed and yet wrong.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.message import Message

from cosmos_pb.google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.ibc.lightclients.tendermint.v1 import tendermint_pb2
from cosmos_pb.tendermint.crypto import keys_pb2
from cosmos_pb.tendermint.types import types_pb2, validator_pb2
from light_client import errors, proof_codec, wiretypes
from light_client.commit import Commit, CommitSig, LightBlock, SignedHeader
from light_client.errors import ClientError, DecodeError, Mismatch, VerificationError
from light_client.header import BlockID, Header, PartSetHeader, Version
from light_client.keys import KEY_TYPES, PublicKey, UnsupportedKey
from light_client.message import ClientHeader, Misbehaviour
from light_client.packet import Packet
from light_client.state import ClientState, ConsensusState
from light_client.validators import MAX_VALIDATORS, Validator, ValidatorSet
from light_client.values import MAX_TIME, NS_PER_SECOND, ZERO_TIME, Fraction, Height, Timestamp

MAX_MESSAGE_BYTES: Final = 1 << 23
"""Of a packed header or misbehaviour: two headers of the largest sets have less (with keys of today)."""

ClientMessage = ClientHeader | Misbehaviour
ClientValue = ClientState | ConsensusState | ClientHeader | Misbehaviour

_M = TypeVar("_M", bound=Message)
_MAX_DURATION_SECONDS = (2**63 - 1) // NS_PER_SECOND
_CACHED_SETS = 64
_CACHED_SET_BYTES = (
    1 << 17
)  # of one set: several times the largest of any chain, and memory stays bounded
_FIRST_SECOND = ZERO_TIME.seconds
_LAST_SECOND = MAX_TIME.seconds


def parse(message: type[_M], data: bytes) -> _M:
    """A message of the given class; raises DecodeError."""
    parsed = message()
    try:
        parsed.ParseFromString(data)
    except ProtobufError as error:
        raise DecodeError(f"not a {message.DESCRIPTOR.full_name}: {error}") from error
    return parsed


def height_from_pb(pb: client_pb2.Height) -> Height:
    return Height(pb.revision_number, pb.revision_height)


def height_to_pb(height: Height) -> client_pb2.Height:
    return client_pb2.Height(
        revision_number=height.revision_number, revision_height=height.revision_height
    )


def timestamp_from_pb(pb: timestamp_pb2.Timestamp) -> Timestamp:
    """Raises DecodeError outside the years 1 to 9999 (gogoproto's `StdTimeUnmarshal`)."""
    seconds, nanos = pb.seconds, pb.nanos
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND or not 0 <= nanos < NS_PER_SECOND:
        raise DecodeError(f"timestamp out of range: {seconds} s, {nanos} ns")
    return Timestamp(seconds, nanos)


def _time(message: Message, field: str) -> Timestamp:
    """A time that Go holds by value: the year 1, not 1970, where the field is absent (gogoproto's `stdtime`)."""
    return timestamp_from_pb(getattr(message, field)) if message.HasField(field) else ZERO_TIME


def timestamp_to_pb(time: Timestamp) -> timestamp_pb2.Timestamp:
    return timestamp_pb2.Timestamp(seconds=time.seconds, nanos=time.nanos)


def duration_from_pb(pb: duration_pb2.Duration) -> int:
    """Nanoseconds; raises DecodeError where Go's time.Duration cannot hold them."""
    seconds, nanos = pb.seconds, pb.nanos
    ns = seconds * NS_PER_SECOND + nanos
    opposed = (seconds > 0 > nanos) or (seconds < 0 < nanos)
    if abs(seconds) > _MAX_DURATION_SECONDS or abs(nanos) >= NS_PER_SECOND or opposed:
        raise DecodeError(f"duration out of range: {seconds} s, {nanos} ns")
    if not -(2**63) <= ns < 2**63:
        raise DecodeError(f"duration out of range: {ns} ns")
    return ns


def duration_to_pb(ns: int) -> duration_pb2.Duration:
    seconds = abs(ns) // NS_PER_SECOND
    sign = -1 if ns < 0 else 1
    return duration_pb2.Duration(
        seconds=sign * seconds, nanos=sign * (abs(ns) - seconds * NS_PER_SECOND)
    )


def public_key_from_pb(pb: keys_pb2.PublicKey) -> PublicKey:
    """Raises UnsupportedKey for a type or size that is not in the table of key types."""
    kind = pb.WhichOneof("sum")
    if kind is None:
        raise UnsupportedKey("unknown")
    return PublicKey(kind, getattr(pb, kind))


def public_key_to_pb(key: PublicKey) -> keys_pb2.PublicKey:
    return keys_pb2.PublicKey.FromString(_oneof(KEY_TYPES[key.type].tag, key.data))


def block_id_from_pb(pb: types_pb2.BlockID) -> BlockID:
    parts = pb.part_set_header
    return BlockID(pb.hash, PartSetHeader(parts.total, parts.hash))


def block_id_to_pb(block_id: BlockID) -> types_pb2.BlockID:
    parts = types_pb2.PartSetHeader(total=block_id.parts.total, hash=block_id.parts.hash)
    return types_pb2.BlockID(hash=block_id.hash, part_set_header=parts)


def header_from_pb(pb: types_pb2.Header) -> Header:
    return Header(
        version=Version(pb.version.block, pb.version.app),
        chain_id=pb.chain_id,
        height=pb.height,
        time=_time(pb, "time"),
        last_block_id=block_id_from_pb(pb.last_block_id),
        last_commit_hash=pb.last_commit_hash,
        data_hash=pb.data_hash,
        validators_hash=pb.validators_hash,
        next_validators_hash=pb.next_validators_hash,
        consensus_hash=pb.consensus_hash,
        app_hash=pb.app_hash,
        last_results_hash=pb.last_results_hash,
        evidence_hash=pb.evidence_hash,
        proposer_address=pb.proposer_address,
    )


def header_to_pb(header: Header) -> types_pb2.Header:
    pb = types_pb2.Header(
        chain_id=header.chain_id,
        height=header.height,
        time=timestamp_to_pb(header.time),
        last_block_id=block_id_to_pb(header.last_block_id),
        last_commit_hash=header.last_commit_hash,
        data_hash=header.data_hash,
        validators_hash=header.validators_hash,
        next_validators_hash=header.next_validators_hash,
        consensus_hash=header.consensus_hash,
        app_hash=header.app_hash,
        last_results_hash=header.last_results_hash,
        evidence_hash=header.evidence_hash,
        proposer_address=header.proposer_address,
    )
    pb.version.SetInParent()
    pb.version.block = header.version.block
    pb.version.app = header.version.app
    return pb


def commit_from_pb(pb: types_pb2.Commit) -> Commit:
    """The commit; flags lose all but their lowest byte, as CometBFT's `BlockIDFlag` is a byte.

    Raises DecodeError for more votes than a set may have validators.
    """
    _check_count("votes in a commit", len(pb.signatures))
    votes = []
    for vote in pb.signatures:  # in line, as there are hundreds of them in every header
        time = vote.timestamp
        seconds, nanos = time.seconds, time.nanos
        if not _FIRST_SECOND <= seconds <= _LAST_SECOND or not 0 <= nanos < NS_PER_SECOND:
            raise DecodeError(f"timestamp out of range: {seconds} s, {nanos} ns")
        stamp = Timestamp(seconds, nanos) if seconds or vote.HasField("timestamp") else ZERO_TIME
        flag = vote.block_id_flag & 0xFF
        votes.append(CommitSig(flag, vote.validator_address, stamp, vote.signature))
    return Commit(pb.height, pb.round, block_id_from_pb(pb.block_id), tuple(votes))


def commit_to_pb(commit: Commit) -> types_pb2.Commit:
    pb = types_pb2.Commit(
        height=commit.height, round=commit.round, block_id=block_id_to_pb(commit.block_id)
    )
    for vote in commit.signatures:
        pb.signatures.add(
            block_id_flag=vote.flag,
            validator_address=vote.address,
            timestamp=timestamp_to_pb(vote.timestamp),
            signature=vote.signature,
        )
    return pb


def signed_header_from_pb(pb: types_pb2.SignedHeader) -> SignedHeader:
    """Raises ClientError (client/12) without a header; a missing commit is read as an empty one."""
    commit = commit_from_pb(pb.commit)
    if not pb.HasField("header"):
        raise ClientError(errors.INVALID_CLIENT_HEADER, "tendermint header cannot be nil")
    return SignedHeader(header_from_pb(pb.header), commit)


def signed_header_to_pb(signed: SignedHeader) -> types_pb2.SignedHeader:
    return types_pb2.SignedHeader(
        header=header_to_pb(signed.header), commit=commit_to_pb(signed.commit)
    )


def validator_from_pb(pb: validator_pb2.Validator) -> Validator:
    """Raises Mismatch unless the address is the key's."""
    key = public_key_from_pb(pb.pub_key)
    if pb.address != key.address:
        raise Mismatch(
            "validator address is incorrectly derived from pubkey", key.address, pb.address
        )
    return Validator(key, pb.voting_power, pb.proposer_priority)


def validator_to_pb(validator: Validator) -> validator_pb2.Validator:
    return validator_pb2.Validator(
        address=validator.address,
        pub_key=public_key_to_pb(validator.pub_key),
        voting_power=validator.power,
        proposer_priority=validator.proposer_priority,
    )


def validator_set_from_pb(pb: validator_pb2.ValidatorSet) -> ValidatorSet:
    """The set, from a cache when these very bytes were read before: sets change rarely.

    The total power on the wire is ignored, as in CometBFT. Raises DecodeError for too many validators.
    """
    _check_count("validators in a set", len(pb.validators))
    return _remembered(pb.SerializeToString())


def validator_set_to_pb(validators: ValidatorSet) -> validator_pb2.ValidatorSet:
    """The total power is left out, as CometBFT does: evidence is hashed with it."""
    proposer = validators.proposer
    return validator_pb2.ValidatorSet(
        validators=[validator_to_pb(validator) for validator in validators.validators],
        proposer=None if proposer is None else validator_to_pb(proposer),
    )


def light_block_from_pb(pb: types_pb2.LightBlock) -> LightBlock:
    return LightBlock(
        signed_header_from_pb(pb.signed_header), validator_set_from_pb(pb.validator_set)
    )


def light_block_to_pb(block: LightBlock) -> types_pb2.LightBlock:
    return types_pb2.LightBlock(
        signed_header=signed_header_to_pb(block.signed_header),
        validator_set=validator_set_to_pb(block.validators),
    )


def packet_from_pb(pb: channel_pb2.Packet) -> Packet:
    return Packet(
        sequence=pb.sequence,
        source_port=pb.source_port,
        source_channel=pb.source_channel,
        destination_port=pb.destination_port,
        destination_channel=pb.destination_channel,
        data=pb.data,
        timeout_height=height_from_pb(pb.timeout_height),
        timeout_timestamp=pb.timeout_timestamp,
    )


def packet_to_pb(packet: Packet) -> channel_pb2.Packet:
    return channel_pb2.Packet(
        sequence=packet.sequence,
        source_port=packet.source_port,
        source_channel=packet.source_channel,
        destination_port=packet.destination_port,
        destination_channel=packet.destination_channel,
        data=packet.data,
        timeout_height=height_to_pb(packet.timeout_height),
        timeout_timestamp=packet.timeout_timestamp,
    )


def client_state_from_pb(pb: tendermint_pb2.ClientState) -> ClientState:
    return ClientState(
        chain_id=pb.chain_id,
        trust_level=Fraction(pb.trust_level.numerator, pb.trust_level.denominator),
        trusting_period_ns=duration_from_pb(pb.trusting_period),
        unbonding_period_ns=duration_from_pb(pb.unbonding_period),
        max_clock_drift_ns=duration_from_pb(pb.max_clock_drift),
        frozen_height=height_from_pb(pb.frozen_height),
        latest_height=height_from_pb(pb.latest_height),
        proof_specs=tuple(proof_codec.spec_from_pb(spec) for spec in pb.proof_specs),
        upgrade_path=tuple(pb.upgrade_path),
        allow_update_after_expiry=pb.allow_update_after_expiry,
        allow_update_after_misbehaviour=pb.allow_update_after_misbehaviour,
    )


def client_state_to_pb(state: ClientState) -> tendermint_pb2.ClientState:
    level = tendermint_pb2.Fraction(
        numerator=state.trust_level.numerator, denominator=state.trust_level.denominator
    )
    return tendermint_pb2.ClientState(
        chain_id=state.chain_id,
        trust_level=level,
        trusting_period=duration_to_pb(state.trusting_period_ns),
        unbonding_period=duration_to_pb(state.unbonding_period_ns),
        max_clock_drift=duration_to_pb(state.max_clock_drift_ns),
        frozen_height=height_to_pb(state.frozen_height),
        latest_height=height_to_pb(state.latest_height),
        proof_specs=[proof_codec.spec_to_pb(spec) for spec in state.proof_specs],
        upgrade_path=state.upgrade_path,
        allow_update_after_expiry=state.allow_update_after_expiry,
        allow_update_after_misbehaviour=state.allow_update_after_misbehaviour,
    )


def consensus_state_from_pb(pb: tendermint_pb2.ConsensusState) -> ConsensusState:
    return ConsensusState(_time(pb, "timestamp"), pb.root.hash, pb.next_validators_hash)


def consensus_state_to_pb(state: ConsensusState) -> tendermint_pb2.ConsensusState:
    pb = tendermint_pb2.ConsensusState(
        timestamp=timestamp_to_pb(state.timestamp),
        next_validators_hash=state.next_validators_hash,
    )
    pb.root.SetInParent()
    pb.root.hash = state.root
    return pb


def client_header_from_pb(pb: tendermint_pb2.Header) -> ClientHeader:
    """Raises ClientError (client/12) without a signed header. The priorities of validators are not kept.

    What is wrong with a validator is left to `ValidatorSet.validate_basic`, where ibc-go looks at it.
    """
    if not pb.HasField("signed_header"):
        raise ClientError(errors.INVALID_CLIENT_HEADER, "tendermint signed header cannot be nil")
    return ClientHeader(
        signed_header=signed_header_from_pb(pb.signed_header),
        validator_set=_optional_set(pb, "validator_set"),
        trusted_height=height_from_pb(pb.trusted_height),
        trusted_validators=_optional_set(pb, "trusted_validators"),
    )


def client_header_to_pb(header: ClientHeader) -> tendermint_pb2.Header:
    own, trusted = header.validator_set, header.trusted_validators
    return tendermint_pb2.Header(
        signed_header=signed_header_to_pb(header.signed_header),
        validator_set=None if own is None else validator_set_to_pb(own),
        trusted_height=height_to_pb(header.trusted_height),
        trusted_validators=None if trusted is None else validator_set_to_pb(trusted),
    )


def misbehaviour_from_pb(pb: tendermint_pb2.Misbehaviour) -> Misbehaviour:
    """Raises ClientError (07-tendermint/6) if a header is missing."""
    for number in (1, 2):
        if not pb.HasField(f"header_{number}"):  # type: ignore[arg-type] # both names exist
            raise ClientError(errors.INVALID_HEADER, f"misbehaviour Header{number} cannot be nil")
    return Misbehaviour(
        pb.client_id, client_header_from_pb(pb.header_1), client_header_from_pb(pb.header_2)
    )


def misbehaviour_to_pb(misbehaviour: Misbehaviour) -> tendermint_pb2.Misbehaviour:
    return tendermint_pb2.Misbehaviour(
        client_id=misbehaviour.client_id,
        header_1=client_header_to_pb(misbehaviour.header_1),
        header_2=client_header_to_pb(misbehaviour.header_2),
    )


_PREFIX = "/ibc.lightclients.tendermint.v1."
_READERS: dict[str, tuple[type[Any], Callable[[Any], ClientValue]]] = {
    f"{_PREFIX}ClientState": (tendermint_pb2.ClientState, client_state_from_pb),
    f"{_PREFIX}ConsensusState": (tendermint_pb2.ConsensusState, consensus_state_from_pb),
    f"{_PREFIX}Header": (tendermint_pb2.Header, client_header_from_pb),
    f"{_PREFIX}Misbehaviour": (tendermint_pb2.Misbehaviour, misbehaviour_from_pb),
}
_WRITERS: dict[type[ClientValue], tuple[str, Callable[[Any], Message]]] = {
    ClientState: (f"{_PREFIX}ClientState", client_state_to_pb),
    ConsensusState: (f"{_PREFIX}ConsensusState", consensus_state_to_pb),
    ClientHeader: (f"{_PREFIX}Header", client_header_to_pb),
    Misbehaviour: (f"{_PREFIX}Misbehaviour", misbehaviour_to_pb),
}


def to_any(value: ClientValue) -> any_pb2.Any:
    """The value packed with ibc-go's type URL; its bytes are what an upgrade commits to."""
    url, writer = _WRITERS[type(value)]
    return any_pb2.Any(type_url=url, value=writer(value).SerializeToString())


def from_any(packed: any_pb2.Any) -> ClientValue:
    """Raises ClientError (client/10) for a type of another light client, DecodeError above MAX_MESSAGE_BYTES.

    A field of another wire type than its own is refused, as by gogoproto; protobuf's own reader passes over it.
    """
    reader = _READERS.get(packed.type_url)
    if reader is None:
        raise ClientError(errors.INVALID_CLIENT_TYPE, f"type {packed.type_url!r} is not known")
    size = len(packed.value)
    if size > MAX_MESSAGE_BYTES:
        raise DecodeError(f"client message of {size} bytes: at most {MAX_MESSAGE_BYTES} are read")
    message, convert = reader
    parsed = parse(message, packed.value)
    parsed.DiscardUnknownFields()
    if parsed.ByteSize() != size:  # there is something unknown, or what could be shorter
        wiretypes.check(parse(message, packed.value))
    return convert(parsed)


def _optional_set(pb: tendermint_pb2.Header, name: str) -> ValidatorSet | None:
    if not pb.HasField(name):  # type: ignore[arg-type] # a field of Header
        return None
    try:
        return _members(getattr(pb, name))
    except VerificationError as fault:
        return ValidatorSet((), fault=fault)


def _members(pb: validator_pb2.ValidatorSet) -> ValidatorSet:
    """The set without priorities, which nothing hashes: they change with every block, the rest seldom."""
    _check_count("validators in a set", len(pb.validators))
    bare = validator_pb2.ValidatorSet()
    bare.CopyFrom(pb)
    for validator in bare.validators:
        validator.ClearField("proposer_priority")
    bare.ClearField("total_voting_power")
    bare.ClearField("proposer")
    proposer = validator_from_pb(pb.proposer) if pb.HasField("proposer") else None
    return _remembered(bare.SerializeToString()).proposed_by(proposer)


def _remembered(data: bytes) -> ValidatorSet:
    return _cached_set(data) if len(data) <= _CACHED_SET_BYTES else _validator_set(data)


@lru_cache(maxsize=_CACHED_SETS)
def _cached_set(data: bytes) -> ValidatorSet:
    return _validator_set(data)


def _validator_set(data: bytes) -> ValidatorSet:
    pb = parse(validator_pb2.ValidatorSet, data)
    return ValidatorSet(
        tuple(validator_from_pb(validator) for validator in pb.validators),
        validator_from_pb(pb.proposer) if pb.HasField("proposer") else None,
    )


def _check_count(what: str, count: int) -> None:
    if count > MAX_VALIDATORS:
        raise DecodeError(f"{count} {what}: at most {MAX_VALIDATORS} are read")


def _oneof(tag: int, data: bytes) -> bytes:
    return bytes((tag << 3 | 2, len(data))) + data
