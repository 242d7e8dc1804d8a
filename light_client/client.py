"""The 07-tendermint light client as pure functions, for chains and relayers alike (ICS-2, ICS-7).

A chain keeps client states, consensus states and their metadata in its own store, shows them here
as a `History`, and writes what comes back. The order of the checks and the codes of the errors are
those of ibc-go `modules/light-clients/07-tendermint`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from cosmos_pb.google.protobuf import any_pb2
from light_client import codec, commitment, errors
from light_client.errors import ClientError, LightClientError, ProofError, VerificationError
from light_client.message import ClientHeader, Misbehaviour
from light_client.state import (
    FROZEN_HEIGHT,
    SENTINEL_ROOT,
    ClientState,
    ConsensusState,
    is_expired,
)
from light_client.validators import ValidatorSet
from light_client.values import (
    U64_MAX,
    ZERO_HEIGHT,
    Height,
    Timestamp,
    is_revision_format,
    with_revision,
)
from light_client.verify import Rules, Trusted, verify_commit_trusting, verify_validated

ClientMessage = ClientHeader | Misbehaviour


class Status(Enum):
    """What a client may be used for; `value` is ibc-go's word."""

    UNKNOWN = "Unknown"
    FROZEN = "Frozen"
    EXPIRED = "Expired"
    ACTIVE = "Active"

    def __str__(self) -> str:
        return self.value


class History(Protocol):
    """The consensus states of one client, as its host stores them."""

    def get(self, height: Height, /) -> ConsensusState | None:
        """The consensus state at exactly this height."""
        ...

    def previous(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        """The one at the greatest stored height below."""
        ...

    def next(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        """The one at the least stored height above."""
        ...

    def processed(self, height: Height, /) -> tuple[int | None, Height | None] | None:
        """The host's time in ns and its height when this consensus state was stored."""
        ...


@dataclass(frozen=True, slots=True)
class Update:
    """What to write after a client message: with no consensus state there is nothing to write."""

    client_state: ClientState
    heights: tuple[Height, ...]
    consensus_state: ConsensusState | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """What to write after a recovery; the processed time and height are the substitute's."""

    client_state: ClientState
    height: Height
    consensus_state: ConsensusState
    processed_time_ns: int
    processed_height: Height


def status(client: ClientState | None, history: History, now: Timestamp) -> Status:
    """The client's status by its latest height alone; frozen takes precedence over expired."""
    if client is None:
        return Status.UNKNOWN
    if not client.frozen_height.is_zero:
        return Status.FROZEN
    consensus = history.get(client.latest_height)
    if consensus is None or is_expired(consensus, client.trusting_period_ns, now):
        return Status.EXPIRED
    return Status.ACTIVE


def verify_client_message(
    client: ClientState, history: History, message: ClientMessage, now: Timestamp
) -> None:
    """Verify a header or a proof of misbehaviour, its basic checks included.

    Raises ClientError or VerificationError. The client's status is the caller's to check.
    """
    message.validate_basic()
    if isinstance(message, Misbehaviour):
        _verify_misbehaviour(client, history, message, now)
    else:
        _verify_header(client, history, message, now)


def check_for_misbehaviour(  # the client state decides nothing here, as in ICS-2
    _client: ClientState, history: History, message: ClientMessage
) -> bool:
    """Whether a verified message proves misbehaviour, so that the client has to be frozen."""
    if isinstance(message, Misbehaviour):
        return _headers_conflict(message)
    height, consensus = message.height, message.consensus_state
    existing = history.get(height)
    if existing is not None:
        return existing != consensus
    before, after = history.previous(height), history.next(height)
    return (before is not None and before[1].timestamp >= consensus.timestamp) or (
        after is not None and after[1].timestamp <= consensus.timestamp
    )


def update_state(client: ClientState, history: History, message: ClientMessage) -> Update:
    """The state after a verified message that is no misbehaviour.

    Pruning is the caller's: before this it deletes its oldest consensus state if that `is_expired`.
    """
    if isinstance(message, Misbehaviour):
        return Update(client, (), None)
    height = message.height
    if history.get(height) is not None:
        return Update(client, (height,), None)
    latest = max(client.latest_height, height)
    return Update(replace(client, latest_height=latest), (height,), message.consensus_state)


def freeze(client: ClientState) -> ClientState:
    """The client after misbehaviour; the frozen height is always 0-1."""
    return replace(client, frozen_height=FROZEN_HEIGHT)


def verify_membership(
    client: ClientState,
    history: History,
    proof_height: Height,
    delay_time_ns: int,
    delay_blocks: int,
    proof: bytes,
    path: Sequence[bytes],
    value: bytes,
    now_ns: int,
    self_height: Height,
) -> None:
    """The counterparty committed to `value` under `path` (store first) at `proof_height`.

    `now_ns` and `self_height` are the host's, for the connection's delay. Raises ClientError, or
    ProofError with codespace "commitment".
    """
    _check_delay(client, history, proof_height, (delay_time_ns, delay_blocks, now_ns, self_height))
    consensus = _proof_state(history, proof_height)
    commitment.verify_membership(client.proof_specs, consensus.root, path, value, proof)


def verify_non_membership(
    client: ClientState,
    history: History,
    proof_height: Height,
    delay_time_ns: int,
    delay_blocks: int,
    proof: bytes,
    path: Sequence[bytes],
    now_ns: int,
    self_height: Height,
) -> None:
    """The counterparty committed to nothing under `path` at `proof_height`; raises as above."""
    _check_delay(client, history, proof_height, (delay_time_ns, delay_blocks, now_ns, self_height))
    consensus = _proof_state(history, proof_height)
    commitment.verify_non_membership(client.proof_specs, consensus.root, path, proof)


def block_delay(delay_time_ns: int, max_expected_time_per_block_ns: int) -> int:
    """How many blocks a delay lasts at least: rounded up, by way of doubles as in 03-connection."""
    if max_expected_time_per_block_ns == 0:
        return 0
    return math.ceil(float(delay_time_ns) / float(max_expected_time_per_block_ns))


def verify_upgrade_and_update(
    client: ClientState,
    history: History,
    upgraded: tuple[ClientState, ConsensusState],
    proof_client: bytes,
    proof_consensus: bytes,
) -> Update:
    """The client of the upgraded chain, if the old chain committed to it before it stopped.

    What the relayer chose (trust level, clock drift, trusting period) stays; the trusting period
    shrinks with the unbonding period. Raises ClientError or ProofError.
    """
    new_client, new_consensus = upgraded
    current = client.latest_height
    if new_client.latest_height <= current:
        raise ClientError(
            errors.IBC_INVALID_HEIGHT,
            f"upgraded client height {new_client.latest_height} must be at greater than "
            f"current client height {current}",
        )
    if not client.upgrade_path:
        raise ClientError(
            errors.INVALID_UPGRADE_CLIENT, "cannot upgrade client, no upgrade path set"
        )
    consensus = history.get(current)
    if consensus is None:
        raise ClientError(
            errors.CONSENSUS_STATE_NOT_FOUND, "could not retrieve consensus state for lastHeight"
        )
    for name, value, key, proof in (
        ("client state", new_client.zero_custom_fields(), "upgradedClient", proof_client),
        ("consensus state", new_consensus, "upgradedConsState", proof_consensus),
    ):
        _verify_upgrade(client, consensus.root, name, key, codec.to_any(value), proof)
    state = _upgraded_state(client, new_client)
    state.validate()
    return Update(state, (state.latest_height,), replace(new_consensus, root=SENTINEL_ROOT))


def recover(
    subject: tuple[ClientState, History], substitute: tuple[ClientState, History], now: Timestamp
) -> Recovery:
    """A frozen or expired client takes over the state of an active one of the same chain.

    Raises ClientError; the authority to do so is the caller's to check.
    """
    client, history = subject
    other, other_history = substitute
    if status(client, history, now) is Status.ACTIVE:
        raise ClientError(
            errors.INVALID_RECOVERY_CLIENT, "cannot recover subject client with status Active"
        )
    other_status = status(other, other_history, now)
    if other_status is not Status.ACTIVE:
        raise ClientError(
            errors.CLIENT_NOT_ACTIVE, f"substitute client is not Active, status is {other_status}"
        )
    if client.latest_height >= other.latest_height:
        raise ClientError(
            errors.INVALID_CLIENT_HEIGHT,
            "subject client state latest height is greater or equal to substitute client state "
            f"latest height ({client.latest_height} >= {other.latest_height})",
        )
    if _lasting(client) != _lasting(other):
        raise ClientError(
            errors.INVALID_SUBSTITUTE, "subject client state does not match substitute client state"
        )
    return _take_over(client, other, other_history)


def _verify_header(
    client: ClientState, history: History, header: ClientHeader, now: Timestamp
) -> None:
    consensus = _trusted_state(history, header, "Header")
    trusted_set = _trusted_validators(header, consensus)
    height, trusted_height = header.height, header.trusted_height
    if height.revision_number != trusted_height.revision_number:
        raise ClientError(
            errors.INVALID_HEADER_HEIGHT,
            f"header height revision {height.revision_number} does not match "
            f"trusted header revision {trusted_height.revision_number}",
        )
    trusted = Trusted(
        chain_id=client.chain_id,
        height=trusted_height.revision_height,
        time=consensus.timestamp,
        app_hash=consensus.root,
        next_validators_hash=consensus.next_validators_hash,
        validators=trusted_set,
    )
    rules = Rules(client.trusting_period_ns, client.trust_level, client.max_clock_drift_ns)
    verify_validated(trusted, header.light_block(), rules, now)


def _verify_misbehaviour(
    client: ClientState, history: History, message: Misbehaviour, now: Timestamp
) -> None:
    both = (("Header1", message.header_1), ("Header2", message.header_2))
    trusted = [(header, _trusted_state(history, header, name)) for name, header in both]
    for header, consensus in trusted:
        _verify_conflicting(client, consensus, header, now)


def _verify_conflicting(
    client: ClientState, consensus: ConsensusState, header: ClientHeader, now: Timestamp
) -> None:
    """One header of a misbehaviour: signed by enough of the validators we trust, not too long ago.

    Clock drift and monotonic time are not asked for: a header from the future is misbehaviour too.
    """
    trusted_set = _trusted_validators(header, consensus)
    age = now.ns - consensus.timestamp.ns
    if age >= client.trusting_period_ns:
        raise ClientError(
            errors.TRUSTING_PERIOD_EXPIRED,
            "current timestamp minus the latest consensus state timestamp is greater than or "
            f"equal to the trusting period ({age} >= {client.trusting_period_ns})",
        )
    chain_id = client.chain_id
    if is_revision_format(chain_id):
        chain_id = with_revision(chain_id, header.height.revision_number)
    try:
        commit = header.signed_header.commit
        verify_commit_trusting(chain_id, trusted_set, commit, client.trust_level)
    except LightClientError as error:
        raise ClientError(
            errors.INVALID_MISBEHAVIOUR,
            f"validator set in header has too much change from trusted validator set: {error}",
        ) from error


def _headers_conflict(message: Misbehaviour) -> bool:
    first, second = message.header_1, message.header_2
    if first.height == second.height:
        return first.signed_header.commit.block_id.hash != second.signed_header.commit.block_id.hash
    return first.signed_header.header.time <= second.signed_header.header.time


def _trusted_state(history: History, header: ClientHeader, name: str) -> ConsensusState:
    consensus = history.get(header.trusted_height)
    if consensus is None:
        raise ClientError(
            errors.CONSENSUS_STATE_NOT_FOUND,
            f"could not get trusted consensus state from clientStore for {name} "
            f"at TrustedHeight: {header.trusted_height}",
        )
    return consensus


def _trusted_validators(header: ClientHeader, consensus: ConsensusState) -> ValidatorSet:
    validators = header.trusted_validators
    if validators is None:
        raise VerificationError("trusted validator set is not set: nil validator set")
    validators.validate_basic()
    got = validators.hash()
    if got != consensus.next_validators_hash:
        raise ClientError(
            errors.INVALID_VALIDATOR_SET,
            "trusted validators do not hash to latest trusted validators. "
            f"Expected: {consensus.next_validators_hash.hex().upper()}, got: {got.hex().upper()}",
        )
    return validators


def _check_delay(
    client: ClientState, history: History, height: Height, delay: tuple[int, int, int, Height]
) -> None:
    """The proof height is known, and the delay since its consensus state was stored is over."""
    time_ns, blocks, now_ns, self_height = delay
    if client.latest_height < height:
        raise ClientError(
            errors.IBC_INVALID_HEIGHT,
            f"client state height < proof height ({client.latest_height} < {height}), "
            "please ensure the client has been updated",
        )
    if not time_ns and not blocks:
        return
    processed_ns, processed_height = history.processed(height) or (None, None)
    if time_ns:
        _check_time(time_ns, processed_ns, now_ns, height)
    if blocks:
        _check_blocks(blocks, processed_height, self_height, height)


def _check_time(delay_ns: int, processed_ns: int | None, now_ns: int, height: Height) -> None:
    if processed_ns is None:
        raise ClientError(
            errors.PROCESSED_TIME_NOT_FOUND, f"processed time not found for height: {height}"
        )
    valid = processed_ns + delay_ns & U64_MAX  # wraps around as in Go, so that chains agree
    if now_ns < valid:
        raise ClientError(
            errors.DELAY_PERIOD_NOT_PASSED,
            f"cannot verify packet until time: {valid}, current time: {now_ns}",
        )


def _check_blocks(
    blocks: int, processed: Height | None, self_height: Height, height: Height
) -> None:
    if processed is None:
        raise ClientError(
            errors.PROCESSED_HEIGHT_NOT_FOUND, f"processed height not found for height: {height}"
        )
    valid = Height(processed.revision_number, processed.revision_height + blocks & U64_MAX)
    if self_height < valid:
        raise ClientError(
            errors.DELAY_PERIOD_NOT_PASSED,
            f"cannot verify packet until height: {valid}, current height: {self_height}",
        )


def _proof_state(history: History, height: Height) -> ConsensusState:
    consensus = history.get(height)
    if consensus is None:
        raise ClientError(
            errors.CONSENSUS_STATE_NOT_FOUND,
            "please ensure the proof was constructed against a height that exists on the client",
        )
    return consensus


def _verify_upgrade(
    client: ClientState, root: bytes, name: str, key: str, value: any_pb2.Any, proof: bytes
) -> None:
    *parents, last = client.upgrade_path
    path = [*parents, f"{last}/{client.latest_height.revision_height}/{key}"]
    keys = [part.encode() for part in path]
    try:
        commitment.verify_membership(
            client.proof_specs, root, keys, value.SerializeToString(), proof
        )
    except ProofError as error:
        wrapped = ProofError(f"{name} proof failed. Path: {path}: {error}")
        wrapped.codespace, wrapped.code = error.codespace, error.code
        raise wrapped from error


def _upgraded_state(client: ClientState, upgraded: ClientState) -> ClientState:
    trusting = client.trusting_period_ns
    if upgraded.unbonding_period_ns < client.unbonding_period_ns:
        trusting = _scale(trusting, upgraded.unbonding_period_ns, client.unbonding_period_ns)
    return replace(
        upgraded,
        trust_level=client.trust_level,
        trusting_period_ns=trusting,
        max_clock_drift_ns=client.max_clock_drift_ns,
        frozen_height=ZERO_HEIGHT,
        allow_update_after_expiry=False,
        allow_update_after_misbehaviour=False,
    )


def _scale(period: int, new: int, old: int) -> int:
    """The product period * new / old as the SDK's decimals do it: rounded at 18 places, then cut off."""
    rounded, rest = divmod(period * new * 10**36 // old, 10**18)
    half = 10**18 // 2
    if rest > half or (rest == half and rounded % 2):
        rounded += 1
    return rounded // 10**18


def _lasting(client: ClientState) -> tuple[object, ...]:
    """What a substitute has to agree on (`IsMatchingClientState`)."""
    return (
        client.trust_level.numerator,
        client.trust_level.denominator,
        client.unbonding_period_ns,
        client.max_clock_drift_ns,
        client.proof_specs,
        client.upgrade_path,
    )


def _take_over(client: ClientState, other: ClientState, history: History) -> Recovery:
    height = other.latest_height
    consensus = history.get(height)
    processed_ns, processed_height = history.processed(height) or (None, None)
    if consensus is None or processed_ns is None or processed_height is None:
        raise ClientError(
            errors.UPDATE_CLIENT_FAILED,
            "unable to retrieve processed height and time for substitute client latest height",
        )
    recovered = replace(
        client,
        latest_height=height,
        frozen_height=ZERO_HEIGHT,
        trusting_period_ns=other.trusting_period_ns,
        chain_id=other.chain_id,
    )
    return Recovery(recovered, height, consensus, processed_ns, processed_height)


__all__ = [
    "ClientHeader",
    "ClientMessage",
    "ClientState",
    "ConsensusState",
    "History",
    "Misbehaviour",
    "Recovery",
    "Status",
    "Update",
    "block_delay",
    "check_for_misbehaviour",
    "freeze",
    "is_expired",
    "recover",
    "status",
    "update_state",
    "verify_client_message",
    "verify_membership",
    "verify_non_membership",
    "verify_upgrade_and_update",
]
