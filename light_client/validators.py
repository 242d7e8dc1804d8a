"""Validator sets and their hash (`cometbft:types/validator_set.go`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from light_client import merkle, wire
from light_client.errors import VerificationError
from light_client.keys import KEY_TYPES, PublicKey

MAX_TOTAL_POWER: Final = (2**63 - 1) // 8
MAX_VALIDATORS: Final = 10_000  # `types.MaxVotesCount`: more cannot vote in CometBFT


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator and its voting power; the proposer priority is hashed nowhere."""

    pub_key: PublicKey
    power: int
    proposer_priority: int = 0

    @property
    def address(self) -> bytes:
        return self.pub_key.address


@dataclass(frozen=True)
class ValidatorSet:
    """Validators in a given order: the hash follows it, nothing here sorts.

    Chains order by falling power, then by rising address (`canonical_order`). A set that could not be
    read is empty, and its `fault` says why: that a message holds one may not be the first thing wrong with it.
    """

    validators: tuple[Validator, ...]
    proposer: Validator | None = None
    fault: VerificationError | None = None

    def hash(self) -> bytes:
        """The Merkle root over (key, power) of each validator, computed once."""
        return self._hash

    @cached_property
    def total_power(self) -> int:
        return sum(validator.power for validator in self.validators)

    def find(self, address: bytes) -> Validator | None:
        """The validator of that address; the first one if a set names it twice."""
        at = self._index.get(address)
        return None if at is None else self.validators[at]

    def index(self, address: bytes) -> int | None:
        """Its position in the set."""
        return self._index.get(address)

    def proposed_by(self, proposer: Validator | None) -> "ValidatorSet":
        """The same validators with another proposer, and with what has been computed of them."""
        made = ValidatorSet(self.validators, proposer)
        made.__dict__.update(_hash=self._hash, _index=self._index, total_power=self.total_power)
        return made

    def check_powers(self) -> None:
        """All that has to hold of a set but for its proposer; raises VerificationError."""
        if self.fault is not None:
            raise self.fault
        if not self.validators:
            raise VerificationError("validator set is nil or empty")
        for index, validator in enumerate(self.validators):
            if validator.power < 0:
                raise VerificationError(
                    f"invalid validator #{index}: negative voting power {validator.power}"
                )
        if self.total_power > MAX_TOTAL_POWER:
            raise VerificationError(
                f"total voting power {self.total_power} exceeds maximum {MAX_TOTAL_POWER}"
            )

    def validate_basic(self) -> None:
        """The checks of `ValidatorSetFromProto`; raises VerificationError."""
        self.check_powers()
        if self.proposer is None:
            raise VerificationError("validator set has no proposer")
        if self.proposer.power < 0 or self.proposer.address not in self._index:
            raise VerificationError(
                f"proposer {self.proposer.address.hex().upper()} is not in the validator set"
            )

    def __len__(self) -> int:
        return len(self.validators)

    @cached_property
    def _hash(self) -> bytes:
        return merkle.root([_leaf(validator) for validator in self.validators])

    @cached_property
    def _index(self) -> Mapping[bytes, int]:
        numbered = enumerate(self.validators)
        found: dict[bytes, int] = {}
        for at, validator in numbered:
            found.setdefault(validator.address, at)
        return found


def canonical_order(validators: Iterable[Validator]) -> tuple[Validator, ...]:
    """The order in which a chain keeps its validators."""
    return tuple(sorted(validators, key=lambda validator: (-validator.power, validator.address)))


def next_proposer(validators: Sequence[Validator]) -> Validator | None:
    """Whom CometBFT takes for the proposer: the highest priority, then the lowest address."""
    return min(validators, key=lambda v: (-v.proposer_priority, v.address), default=None)


def _leaf(validator: Validator) -> bytes:
    """A `SimpleValidator`: the key's oneof and the power."""
    key = validator.pub_key
    body = wire.message_field(KEY_TYPES[key.type].tag, key.data)
    return wire.message_field(1, body) + wire.varint_field(2, validator.power)
