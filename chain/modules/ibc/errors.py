"""Registered errors of IBC core, and the bridge from what ``light_client`` raises to what a transaction reports.

Codespaces, codes and texts are ibc-go's (``errors.go`` of 02-client, 03-connection, 04-channel, 05-port,
23-commitment and ``modules/core/errors``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chain.errors import PANIC, AbciError, OutOfGas, Registered
from light_client.errors import LightClientError

CLIENT_EXISTS: Final = Registered("client", 2, "light client already exists")
CLIENT_NOT_FOUND: Final = Registered("client", 4, "light client not found")
CONSENSUS_STATE_NOT_FOUND: Final = Registered("client", 7, "consensus state not found")
INVALID_CLIENT_TYPE: Final = Registered("client", 10, "invalid client type")
UPDATE_FAILED: Final = Registered("client", 23, "unable to update light client")
INVALID_RECOVERY_CLIENT: Final = Registered("client", 24, "invalid recovery client")
INVALID_UPGRADE_CLIENT: Final = Registered("client", 25, "invalid client upgrade")
CLIENT_INVALID_HEIGHT: Final = Registered("client", 26, "invalid height")
INVALID_SUBSTITUTE: Final = Registered("client", 27, "invalid client state substitute")
CLIENT_NOT_ACTIVE: Final = Registered("client", 29, "client state is not active")
MEMBERSHIP_FAILED: Final = Registered("client", 30, "membership verification failed")
NON_MEMBERSHIP_FAILED: Final = Registered("client", 31, "non-membership verification failed")
CLIENT_ROUTE_NOT_FOUND: Final = Registered("client", 32, "light client module route not found")

CONNECTION_NOT_FOUND: Final = Registered("connection", 3, "connection not found")
CONNECTION_PATHS_NOT_FOUND: Final = Registered(
    "connection", 4, "light client connection paths not found"
)
INVALID_CONNECTION_STATE: Final = Registered("connection", 6, "invalid connection state")
INVALID_CONNECTION_COUNTERPARTY: Final = Registered(
    "connection", 7, "invalid counterparty connection"
)
INVALID_CONNECTION_VERSION: Final = Registered("connection", 9, "invalid connection version")
VERSION_NEGOTIATION_FAILED: Final = Registered(
    "connection", 10, "connection version negotiation failed"
)
INVALID_CONNECTION_ID: Final = Registered("connection", 11, "invalid connection identifier")

CHANNEL_NOT_FOUND: Final = Registered("channel", 3, "channel not found")
INVALID_CHANNEL: Final = Registered("channel", 4, "invalid channel")
INVALID_CHANNEL_STATE: Final = Registered("channel", 5, "invalid channel state")
INVALID_CHANNEL_ORDERING: Final = Registered("channel", 6, "invalid channel ordering")
INVALID_CHANNEL_COUNTERPARTY: Final = Registered("channel", 7, "invalid counterparty channel")
SEQUENCE_SEND_NOT_FOUND: Final = Registered("channel", 10, "sequence send not found")
SEQUENCE_RECEIVE_NOT_FOUND: Final = Registered("channel", 11, "sequence receive not found")
SEQUENCE_ACK_NOT_FOUND: Final = Registered("channel", 12, "sequence acknowledgement not found")
INVALID_PACKET: Final = Registered("channel", 13, "invalid packet")
TOO_MANY_HOPS: Final = Registered("channel", 15, "too many connection hops")
INVALID_ACKNOWLEDGEMENT: Final = Registered("channel", 16, "invalid acknowledgement")
ACKNOWLEDGEMENT_EXISTS: Final = Registered(
    "channel", 17, "acknowledgement for packet already exists"
)
INVALID_CHANNEL_ID: Final = Registered("channel", 18, "invalid channel identifier")
PACKET_RECEIVED: Final = Registered("channel", 19, "packet already received")
PACKET_OUT_OF_ORDER: Final = Registered("channel", 21, "packet sequence is out of order")
REDUNDANT_TX: Final = Registered("channel", 22, "packet messages are redundant")
NO_OP: Final = Registered("channel", 23, "message is redundant, no-op will be performed")
TIMEOUT_NOT_REACHED: Final = Registered("channel", 39, "timeout not reached")
TIMEOUT_ELAPSED: Final = Registered("channel", 40, "timeout elapsed")

INVALID_PORT: Final = Registered("port", 4, "invalid port")
ROUTE_NOT_FOUND: Final = Registered("port", 5, "route not found")

INVALID_PROOF: Final = Registered("commitment", 2, "invalid proof")
INVALID_ID: Final = Registered("host", 2, "invalid identifier")
INVALID_PATH: Final = Registered("host", 3, "invalid path")

IBC_INVALID_SEQUENCE: Final = Registered("ibc", 1, "invalid sequence")
IBC_UNAUTHORIZED: Final = Registered("ibc", 2, "unauthorized")
IBC_INSUFFICIENT_FUNDS: Final = Registered("ibc", 3, "insufficient funds")
IBC_UNKNOWN_REQUEST: Final = Registered("ibc", 4, "unknown request")
IBC_INVALID_ADDRESS: Final = Registered("ibc", 5, "invalid address")
IBC_INVALID_COINS: Final = Registered("ibc", 6, "invalid coins")
IBC_INVALID_REQUEST: Final = Registered("ibc", 8, "invalid request")
IBC_INVALID_VERSION: Final = Registered("ibc", 10, "invalid version")
IBC_INVALID_TYPE: Final = Registered("ibc", 12, "invalid type")
IBC_UNPACK_ANY: Final = Registered("ibc", 14, "failed unpacking protobuf message from Any")
IBC_NOT_FOUND: Final = Registered("ibc", 16, "not found")


@contextmanager
def explaining(description: str = "") -> Iterator[None]:
    """Put ``description: `` before the text of any refusal inside, and report light client errors as such refusals.

    Running out of gas is not a refusal (it is a panic in Go) and passes untouched, as other panics do.
    """
    try:
        yield
    except OutOfGas:
        raise
    except AbciError as error:
        if not description or PANIC.matches(error):
            raise
        raise error.wrap(description) from error
    except LightClientError as error:
        refusal = AbciError(error.codespace, error.code, str(error))
        raise (refusal.wrap(description) if description else refusal) from error


def bare(kind: Registered) -> AbciError:
    """The registered text alone."""
    return kind()
