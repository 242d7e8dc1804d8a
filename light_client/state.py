"""What a chain stores about another: the 07-tendermint client state and consensus states.

Sources: ibc-go `modules/light-clients/07-tendermint/{client_state,consensus_state}.go`.
"""

from dataclasses import dataclass, replace
from typing import Final

from light_client import errors
from light_client.errors import ClientError, Mismatch
from light_client.header import HASH_SIZE, MAX_CHAIN_ID_BYTES
from light_client.proofs import SDK_SPECS, ProofSpec
from light_client.values import (
    DEFAULT_TRUST_LEVEL,
    U64_MAX,
    ZERO_HEIGHT,
    Fraction,
    Height,
    Ratio,
    Timestamp,
    is_blank,
    revision,
)

CLIENT_TYPE: Final = "07-tendermint"
FROZEN_HEIGHT: Final = Height(0, 1)
SENTINEL_ROOT: Final = b"sentinel_root"  # the root of an upgraded client: proves nothing
DEFAULT_UPGRADE_PATH: Final = ("upgrade", "upgradedIBCState")


@dataclass(frozen=True, slots=True)
class ClientState:
    """A client of the chain `chain_id`; periods in nanoseconds, frozen unless the height is 0-0."""

    chain_id: str
    trust_level: Ratio
    trusting_period_ns: int
    unbonding_period_ns: int
    max_clock_drift_ns: int
    frozen_height: Height
    latest_height: Height
    proof_specs: tuple[ProofSpec, ...] = SDK_SPECS
    upgrade_path: tuple[str, ...] = DEFAULT_UPGRADE_PATH
    allow_update_after_expiry: bool = False
    allow_update_after_misbehaviour: bool = False

    def validate(self) -> None:
        """The checks of `ClientState.Validate`, in its order; raises ClientError."""
        self._validate_chain_id()
        self._validate_periods()
        self._validate_latest_height()
        if self.trusting_period_ns >= self.unbonding_period_ns:
            raise ClientError(
                errors.INVALID_TRUSTING_PERIOD,
                f"trusting period ({self.trusting_period_ns} ns) should be < "
                f"unbonding period ({self.unbonding_period_ns} ns)",
            )
        if not self.proof_specs:
            raise ClientError(errors.INVALID_PROOF_SPECS, "proof specs cannot be nil for tm client")
        for index, key in enumerate(self.upgrade_path):
            if is_blank(key):
                raise ClientError(
                    errors.INVALID_CLIENT, f"key in upgrade path at index {index} cannot be empty"
                )

    def zero_custom_fields(self) -> "ClientState":
        """The state with everything that a relayer chooses zeroed, as an upgrade commits to it."""
        return replace(
            self,
            trust_level=Fraction(0, 0),
            trusting_period_ns=0,
            max_clock_drift_ns=0,
            frozen_height=ZERO_HEIGHT,
            allow_update_after_expiry=False,
            allow_update_after_misbehaviour=False,
        )

    def _validate_chain_id(self) -> None:
        if is_blank(self.chain_id):
            raise ClientError(errors.INVALID_CHAIN_ID, "chain id cannot be empty string")
        length = len(self.chain_id.encode())
        if length > MAX_CHAIN_ID_BYTES:
            raise ClientError(
                errors.INVALID_CHAIN_ID,
                f"chainID is too long; got: {length}, max: {MAX_CHAIN_ID_BYTES}",
            )

    def _validate_periods(self) -> None:
        level = (
            self.trust_level
        )  # Go's product wraps around (`cometbft:light/verifier.go`, ValidateTrustLevel)
        if level.numerator * 3 & U64_MAX < level.denominator or not (
            0 < level.denominator >= level.numerator
        ):
            raise ClientError(
                errors.INVALID_TRUST_LEVEL,
                f"trustLevel must be within [1/3, 1], given {level.numerator}/{level.denominator}",
            )
        for value, kind, name in (
            (self.trusting_period_ns, errors.INVALID_TRUSTING_PERIOD, "trusting period"),
            (self.unbonding_period_ns, errors.INVALID_UNBONDING_PERIOD, "unbonding period"),
            (self.max_clock_drift_ns, errors.INVALID_MAX_CLOCK_DRIFT, "max clock drift"),
        ):
            if value <= 0:
                raise ClientError(kind, f"{name} must be greater than zero")

    def _validate_latest_height(self) -> None:
        expected = revision(self.chain_id)
        if self.latest_height.revision_number != expected:
            raise ClientError(
                errors.INVALID_HEADER_HEIGHT,
                "latest height revision number must match chain id revision number "
                f"({self.latest_height.revision_number} != {expected})",
            )
        if self.latest_height.revision_height == 0:
            raise ClientError(
                errors.INVALID_HEADER_HEIGHT,
                "tendermint client's latest height revision height cannot be zero",
            )


@dataclass(frozen=True, slots=True)
class ConsensusState:
    """What a client trusts about one height: its time, its app hash, and who signs the next."""

    timestamp: Timestamp
    root: bytes
    next_validators_hash: bytes

    def validate_basic(self) -> None:
        """Raises ClientError, or Mismatch for a hash of the wrong length."""
        if not self.root:
            raise ClientError(errors.INVALID_CONSENSUS, "root cannot be empty")
        if len(self.root) != HASH_SIZE and self.root != SENTINEL_ROOT:
            raise Mismatch("root hash is invalid: length", HASH_SIZE, len(self.root))
        if self.next_validators_hash and len(self.next_validators_hash) != HASH_SIZE:
            raise Mismatch(
                "next validators hash is invalid: length",
                HASH_SIZE,
                len(self.next_validators_hash),
            )
        if self.timestamp.seconds <= 0:
            raise ClientError(errors.INVALID_CONSENSUS, "timestamp must be a positive Unix time")


def is_expired(consensus: ConsensusState, trusting_period_ns: int, now: Timestamp) -> bool:
    """Whether a consensus state is too old to trust a header by, or to keep."""
    return consensus.timestamp.ns + trusting_period_ns <= now.ns


__all__ = [
    "CLIENT_TYPE",
    "DEFAULT_TRUST_LEVEL",
    "DEFAULT_UPGRADE_PATH",
    "FROZEN_HEIGHT",
    "SENTINEL_ROOT",
    "ClientState",
    "ConsensusState",
    "is_expired",
]
