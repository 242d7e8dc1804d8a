"""Refusals of query handlers: a gRPC status, as an ABCI query reports it.

baseapp turns the status of a gRPC query into a registered error whose text begins ``rpc error: code = ... desc = ...``
(cosmos-sdk baseapp/abci.go, gRPCErrorToSDKError); clients match on those words.
"""

from __future__ import annotations

from chain.errors import INVALID_REQUEST, KEY_NOT_FOUND, UNKNOWN_REQUEST, AbciError


def not_found(description: str) -> AbciError:
    return KEY_NOT_FOUND(f"rpc error: code = NotFound desc = {description}")


def invalid_argument(description: str) -> AbciError:
    return INVALID_REQUEST(f"rpc error: code = InvalidArgument desc = {description}")


def unknown(description: str) -> AbciError:
    return UNKNOWN_REQUEST(f"rpc error: code = Unknown desc = {description}")
