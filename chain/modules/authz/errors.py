"""Registered errors of x/authz (cosmos-sdk x/authz/errors.go)."""

from __future__ import annotations

from typing import Final

from chain.errors import Registered

NOT_FOUND: Final = Registered("authz", 2, "authorization not found")
INVALID_EXPIRATION: Final = Registered(
    "authz", 3, "expiration time of authorization should be more than current time"
)
UNKNOWN_TYPE: Final = Registered("authz", 4, "unknown authorization type")
NO_GRANT_KEY: Final = Registered("authz", 5, "grant key not found")
EXPIRED: Final = Registered("authz", 6, "authorization expired")
GRANTEE_IS_GRANTER: Final = Registered("authz", 7, "grantee and granter should be different")
NUMBER_OF_SIGNERS: Final = Registered(
    "authz", 9, "authorization can be given to msg with only one signer"
)
NEGATIVE_MAX_TOKENS: Final = Registered("authz", 12, "max tokens should be positive")
