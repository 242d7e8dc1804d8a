"""Registered errors of x/feegrant (cosmossdk.io/x/feegrant errors.go)."""

from __future__ import annotations

from typing import Final

from chain.errors import Registered

LIMIT_EXCEEDED: Final = Registered("feegrant", 2, "fee limit exceeded")
EXPIRED: Final = Registered("feegrant", 3, "fee allowance expired")
INVALID_DURATION: Final = Registered("feegrant", 4, "invalid duration")
NO_ALLOWANCE: Final = Registered("feegrant", 5, "no allowance")
NO_MESSAGES: Final = Registered("feegrant", 6, "allowed messages are empty")
MESSAGE_NOT_ALLOWED: Final = Registered("feegrant", 7, "message not allowed")
