"""Registered errors of x/staking (cosmos-sdk x/staking/types/errors.go)."""

from __future__ import annotations

from typing import Final

from chain.errors import Registered

NO_VALIDATOR: Final = Registered("staking", 3, "validator does not exist")
NO_DELEGATION: Final = Registered("staking", 19, "no delegation for (address, validator) tuple")
SELF_REDELEGATION: Final = Registered("staking", 29, "cannot redelegate to the same validator")
BAD_REDELEGATION_DST: Final = Registered(
    "staking", 31, "redelegation destination validator not found"
)
