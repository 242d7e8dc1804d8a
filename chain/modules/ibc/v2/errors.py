"""Registered errors of IBC v2 (``errors.go`` of ibc-go's 02-client/v2 and 04-channel/v2)."""

from __future__ import annotations

from typing import Final

from chain.errors import Registered

INVALID_COUNTERPARTY: Final = Registered("clientv2", 34, "invalid counterparty")
COUNTERPARTY_NOT_FOUND: Final = Registered("clientv2", 35, "counterparty not found")

INVALID_PACKET: Final = Registered("channelv2", 2, "invalid packet")
INVALID_PAYLOAD: Final = Registered("channelv2", 3, "invalid payload")
SEQUENCE_SEND_NOT_FOUND: Final = Registered("channelv2", 4, "sequence send not found")
INVALID_ACKNOWLEDGEMENT: Final = Registered("channelv2", 5, "invalid acknowledgement")
INVALID_TIMEOUT: Final = Registered("channelv2", 8, "invalid packet timeout")
TIMEOUT_ELAPSED: Final = Registered("channelv2", 9, "timeout elapsed")
TIMEOUT_NOT_REACHED: Final = Registered("channelv2", 10, "timeout not reached")
ACKNOWLEDGEMENT_EXISTS: Final = Registered(
    "channelv2", 11, "acknowledgement for packet already exists"
)
NO_OP: Final = Registered("channelv2", 12, "message is redundant, no-op will be performed")
