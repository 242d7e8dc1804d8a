"""Refusals of query handlers as gRPC statuses, and what an ABCI query makes of any refusal.

baseapp turns the error of a gRPC handler into a registered one (cosmos-sdk baseapp/abci.go, gRPCErrorToSDKError): a
status keeps its text, which begins ``rpc error: code = ... desc = ...`` and on which clients match; a registered error
is sdk/6, any other sdk/18. Over gRPC the error is told as it is (cosmossdk.io/errors errors.go, GRPCStatus).
"""

from __future__ import annotations

from typing import Final

from chain.errors import (
    INVALID_REQUEST,
    KEY_NOT_FOUND,
    PANIC,
    UNAUTHORIZED,
    UNKNOWN_REQUEST,
    AbciError,
    Registered,
    is_unregistered,
)

_REGISTERED: Final = {
    "NotFound": KEY_NOT_FOUND,
    "InvalidArgument": INVALID_REQUEST,
    "FailedPrecondition": INVALID_REQUEST,
    "Unauthenticated": UNAUTHORIZED,
}


class StatusError(AbciError):
    """A gRPC status: ``status`` as Go names its code, such as NotFound, and a description."""

    def __init__(self, status: str, description: str) -> None:
        registered = _registered(status)
        log = f"rpc error: code = {status} desc = {description}: {registered.text}"
        super().__init__(registered.codespace, registered.code, log, registered.text)
        self.status = status
        self.description = description


def not_found(description: str) -> AbciError:
    return StatusError("NotFound", description)


def invalid_argument(description: str) -> AbciError:
    return StatusError("InvalidArgument", description)


def unknown(description: str) -> AbciError:
    return StatusError("Unknown", description)


def internal(description: str) -> AbciError:
    return StatusError("Internal", description)


def over_abci(error: AbciError) -> AbciError:
    """The refusal of a handler as the answer to an ABCI query."""
    if isinstance(error, StatusError):
        return error
    return (INVALID_REQUEST if is_unregistered(error) else UNKNOWN_REQUEST)(error.log)


def over_grpc(error: AbciError) -> tuple[str, str]:
    """The name of the gRPC code of a refusal, and its message."""
    if isinstance(error, StatusError):
        return error.status, error.description
    if PANIC.matches(error):
        return "Internal", error.log
    if not error.text:
        return "Unknown", error.log
    words = error.log.removesuffix(error.text).removesuffix(": ")
    told = f"codespace {error.codespace} code {error.code}: {error.text}"
    return "Unknown", f"{told}: {words}" if words else told


def _registered(status: str) -> Registered:
    return _REGISTERED.get(status, UNKNOWN_REQUEST)
