"""Errors of codespace ``wasm`` (wasmd ``x/wasm/types/errors.go``) and which of them a contract may read in full."""

from __future__ import annotations

from typing import Any

from chain.errors import PANIC, AbciError, OutOfGas, Registered
from chain.vm import OutOfGas as OutOfVmGas
from chain.vm import VmError

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


UNREGISTERED = ("undefined", 1)
"""Codespace and code of a Go error that no module registered."""


class ContractError(AbciError):
    """What a contract itself said: the calling contract may read it in full, unless a layer in between wrapped it."""

    def __init__(self, registered: Registered, text: str) -> None:
        super().__init__(registered.codespace, registered.code, f"{text}: {registered.text}")


class SystemRefusal(AbciError):
    """A refusal that a querying contract receives as ``SystemError`` JSON (wasmvm ``types/systemerror.go``)."""

    def __init__(
        self, codespace: str, code: int, log: str, system: dict[str, Any], text: str = ""
    ) -> None:
        super().__init__(codespace, code, log, text)
        self.system = system


class Panic(AbciError):
    """What wasmd panics about: no contract in between may catch it, the whole transaction fails."""

    def __init__(self, text: str) -> None:
        super().__init__(PANIC.codespace, PANIC.code, f"recovered: {text}: {PANIC.text}")


def no_such_contract(address: str) -> SystemRefusal:
    system = {"no_such_contract": {"addr": address}}
    return _refusal(NO_SUCH_CONTRACT, f"address {address}", system)


def no_such_code(code_id: int) -> SystemRefusal:
    return _refusal(NO_SUCH_CODE, f"code id {code_id}", {"no_such_code": {"code_id": code_id}})


def unsupported(kind: str) -> SystemRefusal:
    """A query that this chain does not answer to contracts."""
    system = {"unsupported_request": {"kind": kind}}
    return SystemRefusal(*UNREGISTERED, f"unsupported request: {kind}", system)


def unknown_query() -> SystemRefusal:
    """A query of no kind at all."""
    return SystemRefusal(*UNREGISTERED, "unknown system error", {"unknown": {}})


def from_vm(error: VmError) -> str:
    """The VM's error in the words of wasmvm, for which a host function that was not paid is an error like others."""
    if isinstance(error, OutOfVmGas) and not error.levels:
        return "Out of gas"
    return f"Error calling the VM: {error}"


def of_vm(error: AbciError) -> str:
    """The text of a wasm/29 without its own name, to be told under another."""
    return error.log.removesuffix(f": {VM_ERROR.text}")


def redacted(error: AbciError, *, told: bool) -> str:
    """What a contract reads of a failed sub-message or query: only what is the same on every node.

    ``told``: whether what another contract said is.
    """
    if told and isinstance(error, ContractError):
        return error.log
    return f"codespace: {error.codespace}, code: {error.code}"


def _refusal(registered: Registered, description: str, system: dict[str, Any]) -> SystemRefusal:
    log = registered(description).log
    return SystemRefusal(registered.codespace, registered.code, log, system, registered.text)


class _Wrapping:
    def __init__(self, description: str) -> None:
        self._description = description

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, AbciError) and not (
            isinstance(error, OutOfGas) or PANIC.matches(error)
        ):
            raise error.wrap(self._description) from error


def wrapped(description: str) -> _Wrapping:
    """Within it, refusals get ``description: `` before their text (``errorsmod.Wrap``), panics do not."""
    return _Wrapping(description)
