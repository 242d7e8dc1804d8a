"""The errors of this package. Anything else that escapes from it is a bug of ours.

    RelayerError
    ├── ConfigError             a configuration file: .file .key
    ├── KeyringError            a mnemonic, a key file or its password
    ├── NetworkError            an endpoint did not answer, or not in its protocol: .endpoint
    │   └── RpcError            it answered with an error: .code .message .data
    ├── QueryError              an ABCI query was refused: .path .codespace .code .log
    ├── TxError                 a transaction did not take effect: .chain
    │   ├── TxRejected          refused by the chain: .codespace .code .log .height
    │   │   ├── SequenceMismatch    .expected .got
    │   │   └── InsufficientFee     .required
    │   └── TxLost              accepted and not included in time: .hash .waited
    ├── ChainMismatch           an endpoint serves another chain: .expected .got
    ├── VerificationFailed      a header or proof does not hold: .chain .height .what
    ├── HandshakeError          two ends that cannot be joined
    ├── StateError              our own state file
    └── PathStopped             a path that must not go on: .path

The first half is somebody's input or network; VerificationFailed means that an endpoint lies or is
broken, and nothing that it said may be used.
"""

import re
from pathlib import Path
from typing import Final


class RelayerError(Exception):
    """The root of the tree."""


class ConfigError(RelayerError):
    """A configuration that cannot be used: which file, which key in it, and why."""

    def __init__(self, file: Path | str, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = str(file)
        self.key = key
        self.reason = reason


class KeyringError(RelayerError):
    """A mnemonic, derivation path, key file or password that does not do."""


class NetworkError(RelayerError):
    """An endpoint that cannot be reached or does not speak its protocol."""

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(f"{endpoint}: {reason}")
        self.endpoint = endpoint
        self.reason = reason


class RpcError(NetworkError):
    """A JSON-RPC error object: the endpoint is there and says no."""

    def __init__(self, endpoint: str, method: str, code: int, message: str, data: str) -> None:
        super().__init__(endpoint, f"{method}: {message} ({code}){': ' if data else ''}{data}")
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class QueryError(RelayerError):
    """An ABCI query that the application refused, with its codespace, code and log."""

    def __init__(self, chain: str, path: str, codespace: str, code: int, log: str) -> None:
        super().__init__(f"{chain}: query {path} failed with {codespace or 'code'}/{code}: {log}")
        self.chain = chain
        self.path = path
        self.codespace = codespace
        self.code = code
        self.log = log

    @property
    def not_found(self) -> bool:
        """Whether the application says that the object does not exist."""
        return "not found" in self.log.lower() or "NotFound" in self.log


class TxError(RelayerError):
    """A transaction that took no effect."""

    def __init__(self, chain: str, message: str) -> None:
        super().__init__(f"{chain}: {message}")
        self.chain = chain


class TxRejected(TxError):
    """A transaction that the chain refused.

    `height` is the block that included the failed transaction, for which fees were paid, or 0 when
    it was refused before (simulation, CheckTx). A simulation says why, but not with which code.
    """

    def __init__(
        self,
        chain: str,
        codespace: str,
        code: int,
        log: str,
        height: int = 0,
        *,
        simulated: bool = False,
    ) -> None:
        where = f" in block {height}" if height else ""
        how = "would fail" if simulated else f"refused{where} with {codespace}/{code}"
        super().__init__(chain, f"transaction {how}: {log}")
        self.codespace = codespace
        self.code = code
        self.log = log
        self.height = height

    @property
    def message_index(self) -> int | None:
        """The message that failed, when the SDK names it in the log."""
        match = re.search(r"message index: (\d+)", self.log)
        return int(match[1]) if match else None

    @property
    def is_panic(self) -> bool:
        """Whether a message made the chain's code panic; the SDK does not say then which one."""
        return "recovered: " in self.log


class SequenceMismatch(TxRejected):
    """The account's sequence on the chain is another one (sdk/32)."""

    def __init__(self, chain: str, log: str, expected: int, got: int) -> None:
        super().__init__(chain, "sdk", 32, log)
        self.expected = expected
        self.got = got


class InsufficientFee(TxRejected):
    """The fee is below the chain's minimum (sdk/13); `required` is the chain's text of coins."""

    def __init__(self, chain: str, log: str, required: str) -> None:
        super().__init__(chain, "sdk", 13, log)
        self.required = required


class TxLost(TxError):
    """A transaction that entered the mempool and was not seen in a block in time."""

    def __init__(self, chain: str, tx_hash: str, waited: float) -> None:
        super().__init__(chain, f"transaction {tx_hash} not included within {waited:g} s")
        self.hash = tx_hash
        self.waited = waited


class ChainMismatch(RelayerError):
    """An endpoint serves a chain other than the configured one."""

    def __init__(self, endpoint: str, expected: str, got: str) -> None:
        super().__init__(f"{endpoint}: expected chain {expected}, got {got}")
        self.endpoint = endpoint
        self.expected = expected
        self.got = got


class VerificationFailed(RelayerError):
    """What an endpoint served does not verify: a header, a validator set or a proof."""

    def __init__(self, chain: str, height: int, what: str, reason: str) -> None:
        super().__init__(f"{chain}: {what} at height {height} does not verify: {reason}")
        self.chain = chain
        self.height = height
        self.what = what
        self.reason = reason


class HandshakeError(RelayerError):
    """Two ends of a client, connection or channel that cannot be joined."""


class StateError(RelayerError):
    """The relayer's own state file cannot be used."""


class PathStopped(RelayerError):
    """A path that was stopped for good; its cause is chained."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"path {path} stopped: {reason}")
        self.path = path
        self.reason = reason


# What baseapp wraps around the reason when a simulation fails (cosmos-sdk `baseapp/abci.go`, `x/auth/tx`).
_SIMULATED: Final = re.compile(
    r"rpc error: code = \w+ desc = (?P<reason>.*?)"
    r"(?: \[[^\]]*\])?(?: with gas used: '\d+')?(?:: (?:unknown|invalid) request)?",
    re.DOTALL,
)


def rejection(chain: str, codespace: str, code: int, log: str, height: int = 0) -> TxRejected:
    """The most telling error for a refusal; texts as in cosmos-sdk `x/auth/ante`."""
    simulated = _SIMULATED.fullmatch(log)
    log = simulated["reason"] if simulated else log
    if (codespace == "sdk" and code == 32) or "account sequence mismatch" in log:
        match = re.search(r"expected (\d+), got (\d+)", log)
        if match:
            return SequenceMismatch(chain, log, int(match[1]), int(match[2]))
    if codespace == "sdk" and code == 13:
        match = re.search(r"required: ([0-9][^\s:]*)", log)
        if match:
            return InsufficientFee(chain, log, match[1])
    return TxRejected(chain, codespace, code, log, height, simulated=simulated is not None)
