"""Registered errors of ICS-20 (``ibc-go:modules/apps/transfer/types/errors.go``)."""

from __future__ import annotations

from typing import Final

from chain.errors import Registered

INVALID_DENOM: Final = Registered("transfer", 3, "invalid denomination for cross-chain transfer")
INVALID_VERSION: Final = Registered("transfer", 4, "invalid ICS20 version")
INVALID_AMOUNT: Final = Registered("transfer", 5, "invalid token amount")
DENOM_NOT_FOUND: Final = Registered("transfer", 6, "denomination not found")
SEND_DISABLED: Final = Registered(
    "transfer", 7, "fungible token transfers from this chain are disabled"
)
RECEIVE_DISABLED: Final = Registered(
    "transfer", 8, "fungible token transfers to this chain are disabled"
)
MAX_CHANNELS: Final = Registered("transfer", 9, "max transfer channels")
INVALID_AUTHORIZATION: Final = Registered("transfer", 10, "invalid transfer authorization")
INVALID_MEMO: Final = Registered("transfer", 11, "invalid memo")
ABI_DECODING: Final = Registered("transfer", 15, "decoding abi failed")
RECEIVE_FAILED: Final = Registered("transfer", 16, "receive packet failed")
