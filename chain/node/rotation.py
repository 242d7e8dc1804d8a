"""Whose turn it is: proposer priorities and validator updates (CometBFT
``types/validator_set.go``).

Each round every validator's priority grows by its power; the highest proposes and pays the total
power. Priorities are kept within a window of twice the total power and centred on zero; a new
validator starts 1.125 total powers behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from light_client.keys import PublicKey
from light_client.validators import Validator, ValidatorSet, canonical_order

_WINDOW: Final = 2
_I64_MAX: Final = 2**63 - 1
_I64_MIN: Final = -(2**63)


def new_set(members: Iterable[tuple[PublicKey, int]]) -> ValidatorSet:
    """The set at genesis, its first proposer chosen (``NewValidatorSet``)."""
    return increment(updated(ValidatorSet(()), members))


def increment(validators: ValidatorSet) -> ValidatorSet:
    """One turn later (``IncrementProposerPriority(1)``)."""
    total = validators.total_power
    priorities = _centred(
        _rescaled([each.proposer_priority for each in validators.validators], total)
    )
    grown = [
        _clip(priority + each.power)
        for priority, each in zip(priorities, validators.validators, strict=True)
    ]
    chosen = min(
        range(len(grown)), key=lambda index: (-grown[index], validators.validators[index].address)
    )
    grown[chosen] = _clip(grown[chosen] - total)
    members = _with_priorities(validators.validators, grown)
    return ValidatorSet(members, members[chosen])


def updated(validators: ValidatorSet, changes: Iterable[tuple[PublicKey, int]]) -> ValidatorSet:
    """With members added, changed, or (power 0) removed (``updateWithChangeSet``).

    Raises ValueError for a negative power, or when nobody would be left.
    """
    members = {each.pub_key: each for each in validators.validators}
    wanted = dict(changes)
    for key, power in wanted.items():
        if power < 0:
            raise ValueError(f"voting power can't be negative: {power}")
        if not power and key not in members:
            raise ValueError(f"failed to find validator {key.address.hex().upper()} to remove")
    powers = {key: wanted.get(key) or each.power for key, each in members.items()} | wanted
    # A newcomer's penalty counts additions and changes, but not yet the removals.
    total = sum(power or members[key].power for key, power in powers.items())
    late = -(total + (total >> 3))
    kept = [
        replace(members[key], power=power) if key in members else Validator(key, power, late)
        for key, power in powers.items()
        if power
    ]
    if not kept:
        raise ValueError("validator updates leave the set empty")
    total = sum(each.power for each in kept)
    priorities = _centred(_rescaled([each.proposer_priority for each in kept], total))
    return ValidatorSet(
        canonical_order(list(_with_priorities(tuple(kept), priorities))), validators.proposer
    )


def _rescaled(priorities: list[int], total: int) -> list[int]:
    window = _WINDOW * total
    spread = max(priorities) - min(priorities)
    if window <= 0 or spread <= window:
        return priorities
    ratio = (spread + window - 1) // window
    return [_truncated(priority, ratio) for priority in priorities]


def _centred(priorities: list[int]) -> list[int]:
    average = sum(priorities) // len(priorities)
    return [_clip(priority - average) for priority in priorities]


def _truncated(number: int, by: int) -> int:
    """Go's integer division, which rounds towards zero."""
    return number // by if number >= 0 else -(-number // by)


def _clip(number: int) -> int:
    return max(_I64_MIN, min(_I64_MAX, number))


def _with_priorities(
    members: tuple[Validator, ...], priorities: list[int]
) -> tuple[Validator, ...]:
    pairs = zip(members, priorities, strict=True)
    return tuple(replace(each, proposer_priority=priority) for each, priority in pairs)
