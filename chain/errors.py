"""Errors of the embedded chain.

::

    ChainError
    ├── AbciError          a message, transaction or query was refused: codespace, code and log as the SDK reports them
    │   └── OutOfGas       sdk/11, raised by a gas meter
    ├── GenesisError       a genesis document cannot start a chain
    └── StoreError         the database does not hold what it should (chain/store)

Anything else that leaves the application is a bug of ours and is reported as codespace ``sdk``, code 111222
(``panic``), as baseapp does for a recovered panic.
"""

from __future__ import annotations

from dataclasses import dataclass


class ChainError(Exception):
    """Anything the embedded chain refuses."""


class GenesisError(ChainError):
    """A genesis document that cannot start a chain."""


class StoreError(ChainError):
    """The database does not hold what it should."""


class AbciError(ChainError):
    """A refusal with the registered (codespace, code) of the Go implementation and a log text.

    ``text`` is the registered error's own, with which ``log`` ends; empty for an error that is not registered.
    """

    def __init__(self, codespace: str, code: int, log: str, text: str = "") -> None:
        super().__init__(log)
        self.codespace = codespace
        self.code = code
        self.log = log
        self.text = text

    def wrap(self, description: str) -> AbciError:
        """The same error with ``description: `` before its text, as ``errorsmod.Wrap`` writes it."""
        return AbciError(self.codespace, self.code, f"{description}: {self.log}", self.text)

    def __str__(self) -> str:
        return self.log


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered error; calling it makes the exception, with an optional description in front."""

    codespace: str
    code: int
    text: str

    def __call__(self, description: str = "") -> AbciError:
        log = f"{description}: {self.text}" if description else self.text
        return AbciError(self.codespace, self.code, log, self.text)

    def matches(self, error: BaseException) -> bool:
        return isinstance(error, AbciError) and (error.codespace, error.code) == (
            self.codespace,
            self.code,
        )


_UNREGISTERED = Registered("undefined", 1, "")


def unregistered(text: str) -> AbciError:
    """An error of Go's that was never registered (cosmossdk.io/errors abci.go)."""
    return AbciError(_UNREGISTERED.codespace, _UNREGISTERED.code, text)


def is_unregistered(error: AbciError) -> bool:
    return _UNREGISTERED.matches(error)


def nil_pointer() -> AbciError:
    """Where Go reads what a message does not hold, and recovers."""
    return PANIC("recovered: runtime error: invalid memory address or nil pointer dereference")


# Codespace "sdk" (cosmos-sdk types/errors/errors.go).
TX_DECODE = Registered("sdk", 2, "tx parse error")
INVALID_SEQUENCE = Registered("sdk", 3, "invalid sequence")
UNAUTHORIZED = Registered("sdk", 4, "unauthorized")
INSUFFICIENT_FUNDS = Registered("sdk", 5, "insufficient funds")
UNKNOWN_REQUEST = Registered("sdk", 6, "unknown request")
INVALID_ADDRESS = Registered("sdk", 7, "invalid address")
INVALID_PUBKEY = Registered("sdk", 8, "invalid pubkey")
UNKNOWN_ADDRESS = Registered("sdk", 9, "unknown address")
INVALID_COINS = Registered("sdk", 10, "invalid coins")
OUT_OF_GAS = Registered("sdk", 11, "out of gas")
MEMO_TOO_LARGE = Registered("sdk", 12, "memo too large")
INSUFFICIENT_FEE = Registered("sdk", 13, "insufficient fee")
TOO_MANY_SIGNATURES = Registered("sdk", 14, "maximum number of signatures exceeded")
NO_SIGNATURES = Registered("sdk", 15, "no signatures supplied")
JSON_MARSHAL = Registered("sdk", 16, "failed to marshal JSON bytes")
JSON_UNMARSHAL = Registered("sdk", 17, "failed to unmarshal JSON bytes")
INVALID_REQUEST = Registered("sdk", 18, "invalid request")
TX_IN_MEMPOOL = Registered("sdk", 19, "tx already in mempool")
MEMPOOL_FULL = Registered("sdk", 20, "mempool is full")
TX_TOO_LARGE = Registered("sdk", 21, "tx too large")
KEY_NOT_FOUND = Registered("sdk", 22, "key not found")
INVALID_SIGNER = Registered("sdk", 24, "tx intended signer does not match the given signer")
INVALID_HEIGHT = Registered("sdk", 26, "invalid height")
INVALID_VERSION = Registered("sdk", 27, "invalid version")
INVALID_CHAIN_ID = Registered("sdk", 28, "invalid chain-id")
INVALID_TYPE = Registered("sdk", 29, "invalid type")
TX_TIMEOUT_HEIGHT = Registered("sdk", 30, "tx timeout height")
UNKNOWN_EXTENSION_OPTIONS = Registered("sdk", 31, "unknown extension options")
WRONG_SEQUENCE = Registered("sdk", 32, "incorrect account sequence")
PACK_ANY = Registered("sdk", 33, "failed packing protobuf message to Any")
UNPACK_ANY = Registered("sdk", 34, "failed unpacking protobuf message from Any")
LOGIC = Registered("sdk", 35, "internal logic error")
CONFLICT = Registered("sdk", 36, "conflict")
NOT_SUPPORTED = Registered("sdk", 37, "feature not supported")
NOT_FOUND = Registered("sdk", 38, "not found")
IO = Registered("sdk", 39, "Internal IO error")
INVALID_GAS_LIMIT = Registered("sdk", 41, "invalid gas limit")
PANIC = Registered("undefined", 111222, "panic")


class OutOfGas(AbciError):
    """A gas meter ran over its limit (cosmos-sdk store/types/gas.go ErrorOutOfGas)."""

    def __init__(self, descriptor: str, limit: int = 0, consumed: int = 0) -> None:
        text = f"out of gas in location: {descriptor}; gasWanted: {limit}, gasUsed: {consumed}"
        log = f"{text}: {OUT_OF_GAS.text}"
        super().__init__(OUT_OF_GAS.codespace, OUT_OF_GAS.code, log, OUT_OF_GAS.text)
        self.descriptor = descriptor
