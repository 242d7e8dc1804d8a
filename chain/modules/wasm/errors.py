"""Errors of codespace ``wasm`` (wasmd ``x/wasm/types/errors.go``) and which of them a contract may read in full."""

from __future__ import annotations

from typing import Any

from chain.errors import AbciError, Registered

CREATE_FAILED = Registered("wasm", 2, "create wasm contract failed")
ACCOUNT_EXISTS = Registered("wasm", 3, "contract account already exists")
INSTANTIATE_FAILED = Registered("wasm", 4, "instantiate wasm contract failed")
EXECUTE_FAILED = Registered("wasm", 5, "execute wasm contract failed")
NOT_FOUND = Registered("wasm", 8, "not found")
QUERY_FAILED = Registered("wasm", 9, "query wasm contract failed")
INVALID_MSG = Registered("wasm", 10, "invalid CosmosMsg from the contract")
MIGRATION_FAILED = Registered("wasm", 11, "migrate wasm contract failed")
EMPTY = Registered("wasm", 12, "empty")
LIMIT = Registered("wasm", 13, "exceeds limit")
INVALID = Registered("wasm", 14, "invalid")
DUPLICATE = Registered("wasm", 15, "duplicate")
MAX_IBC_CHANNELS = Registered("wasm", 16, "max transfer channels")
UNSUPPORTED_FOR_CONTRACT = Registered("wasm", 17, "unsupported for this contract")
UNKNOWN_MSG = Registered("wasm", 20, "unknown message from the contract")
INVALID_EVENT = Registered("wasm", 21, "invalid event")
NO_SUCH_CONTRACT = Registered("wasm", 22, "no such contract")
MAX_QUERY_STACK = Registered("wasm", 27, "max query stack size exceeded")
NO_SUCH_CODE = Registered("wasm", 28, "no such code")
VM_ERROR = Registered("wasm", 29, "wasmvm error")
MAX_CALL_DEPTH = Registered("wasm", 30, "max call depth exceeded")


class ContractError(AbciError):
    """What a contract itself said: the calling contract may read it in full, unless a layer in between wrapped it."""

    def __init__(self, registered: Registered, text: str) -> None:
        super().__init__(registered.codespace, registered.code, f"{text}: {registered.text}")


class SystemError_(AbciError):  # noqa: N801 - SystemError is a builtin; the field's name is kept
    """A refusal that a querying contract receives as ``SystemError`` JSON (wasmvm ``types/systemerror.go``)."""

    def __init__(self, registered: Registered, description: str, system: dict[str, Any]) -> None:
        log = f"{description}: {registered.text}" if description else registered.text
        super().__init__(registered.codespace, registered.code, log)
        self.system = system


def no_such_contract(address: str) -> SystemError_:
    return SystemError_(
        NO_SUCH_CONTRACT, f"address {address}", {"no_such_contract": {"addr": address}}
    )


def no_such_code(code_id: int) -> SystemError_:
    return SystemError_(NO_SUCH_CODE, f"code id {code_id}", {"no_such_code": {"code_id": code_id}})


class UnsupportedRequest(AbciError):
    """A query that this chain does not answer to contracts."""

    def __init__(self, kind: str) -> None:
        super().__init__("undefined", 1, f"unsupported request: {kind}")
        self.system: dict[str, Any] = {"unsupported_request": {"kind": kind}}


def redacted(error: AbciError) -> str:
    """What a contract reads of a failed sub-message or query: only what is the same on every node."""
    if isinstance(error, ContractError):
        return error.log
    return f"codespace: {error.codespace}, code: {error.code}"
