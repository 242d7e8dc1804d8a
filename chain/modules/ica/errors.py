"""Registered errors of ICS-27 (``ibc-go:modules/apps/27-interchain-accounts``: types, controller and host)."""

from __future__ import annotations

from typing import Final

from chain.errors import Registered

_SPACE: Final = "interchainaccounts"

UNKNOWN_DATA_TYPE: Final = Registered(_SPACE, 2, "unknown data type")
ACCOUNT_ALREADY_EXIST: Final = Registered(_SPACE, 3, "account already exist")
INVALID_CHANNEL_FLOW: Final = Registered(_SPACE, 5, "invalid message sent to channel end")
INVALID_OUTGOING_DATA: Final = Registered(_SPACE, 6, "invalid outgoing data")
ACCOUNT_NOT_FOUND: Final = Registered(_SPACE, 8, "interchain account not found")
ACTIVE_CHANNEL_ALREADY_SET: Final = Registered(
    _SPACE, 10, "active channel already set for this owner"
)
ACTIVE_CHANNEL_NOT_FOUND: Final = Registered(_SPACE, 11, "no active channel for this owner")
INVALID_VERSION: Final = Registered(_SPACE, 12, "invalid interchain accounts version")
INVALID_ACCOUNT_ADDRESS: Final = Registered(_SPACE, 13, "invalid account address")
INVALID_CONTROLLER_PORT: Final = Registered(_SPACE, 15, "invalid controller port")
INVALID_HOST_PORT: Final = Registered(_SPACE, 16, "invalid host port")
INVALID_TIMEOUT_TIMESTAMP: Final = Registered(_SPACE, 17, "timeout timestamp must be in the future")
INVALID_CODEC: Final = Registered(_SPACE, 18, "codec is not supported")
INVALID_ACCOUNT_REOPENING: Final = Registered(_SPACE, 19, "invalid account reopening")

CONTROLLER_DISABLED: Final = Registered("icacontroller", 2, "controller submodule is disabled")
HOST_DISABLED: Final = Registered("icahost", 2, "host submodule is disabled")

CONNECTION_INVALID: Final = Registered("connection", 8, "invalid connection")
