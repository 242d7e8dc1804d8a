"""The errors of this package. Anything else that escapes from it is a bug of ours.

    LightClientError            .codespace, .code: what an ABCI response would carry
    ├── DecodeError             the bytes or the text are not what they claim to be
    ├── IdentifierError         an ICS-24 identifier or path is malformed
    ├── VerificationError       a header, commit or validator set does not hold
    │   ├── Mismatch            .what .expected .got
    │   ├── HeaderExpired       .expired_at .now
    │   ├── HeaderFromFuture    .time .now .max_clock_drift_ns
    │   ├── HeightNotIncreasing .height .trusted
    │   ├── TimeNotIncreasing   .time .trusted
    │   ├── WrongSignature      .index .address .signature
    │   ├── DoubleVote          .address .first .second
    │   ├── NotEnoughPower      .signed .total .needed
    │   └── NotEnoughTrust      .signed .total .needed
    ├── ProofError              an ICS-23 or commitment proof does not hold
    └── ClientError             one of the errors that ibc-go registers, with its codespace and code

Codes and the words behind them are ibc-go's (`errors.go` of 02-client, 07-tendermint, 23-commitment
and 24-host); everything that CometBFT reports has no registered code and is "undefined", 1.
"""

from dataclasses import dataclass
from typing import Final

from light_client.values import Timestamp


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered error: its codespace, its code there, and its text."""

    codespace: str
    code: int
    text: str


class LightClientError(Exception):
    """The root of the tree; carries the codespace and code of an ABCI response."""

    codespace: str = "undefined"
    code: int = 1


class DecodeError(LightClientError):
    """Bytes, JSON or text that cannot be read as what they should be."""


class IdentifierError(LightClientError):
    """An ICS-24 identifier or path that the host refuses."""

    def __init__(self, detail: str, kind: Registered | None = None) -> None:
        registered = kind or INVALID_ID
        super().__init__(f"{detail}: {registered.text}")
        self.codespace = registered.codespace
        self.code = registered.code


class VerificationError(LightClientError):
    """A header, a commit or a validator set that must not be trusted."""


class Mismatch(VerificationError):
    """Two values that had to be equal: what they are, the expected one, and the one at hand."""

    def __init__(self, what: str, expected: object, got: object) -> None:
        super().__init__(f"{what}: expected {_show(expected)}, got {_show(got)}")
        self.what = what
        self.expected = expected
        self.got = got


class HeaderExpired(VerificationError):
    """The trusted header is older than the trusting period (`ErrOldHeaderExpired`)."""

    def __init__(self, expired_at: Timestamp, now: Timestamp) -> None:
        super().__init__(f"old header has expired at {expired_at} (now: {now})")
        self.expired_at = expired_at
        self.now = now


class HeaderFromFuture(VerificationError):
    """The new header's time is not before now plus the allowed clock drift."""

    def __init__(self, time: Timestamp, now: Timestamp, max_clock_drift_ns: int) -> None:
        super().__init__(
            f"new header has a time from the future {time} "
            f"(now: {now}; max clock drift: {max_clock_drift_ns} ns)"
        )
        self.time = time
        self.now = now
        self.max_clock_drift_ns = max_clock_drift_ns


class HeightNotIncreasing(VerificationError):
    """The new header is not above the trusted one."""

    def __init__(self, height: int, trusted: int) -> None:
        super().__init__(
            f"expected new header height {height} to be greater than one of old header {trusted}"
        )
        self.height = height
        self.trusted = trusted


class TimeNotIncreasing(VerificationError):
    """The new header is not later than the trusted one."""

    def __init__(self, time: Timestamp, trusted: Timestamp) -> None:
        super().__init__(f"expected new header time {time} to be after old header time {trusted}")
        self.time = time
        self.trusted = trusted


class WrongSignature(VerificationError):
    """A signature that had to be counted does not verify under its validator's key."""

    def __init__(self, index: int, address: bytes, signature: bytes) -> None:
        super().__init__(f"wrong signature (#{index}) of {_show(address)}: {_show(signature)}")
        self.index = index
        self.address = address
        self.signature = signature


class DoubleVote(VerificationError):
    """One trusted validator appears twice in a commit."""

    def __init__(self, address: bytes, first: int, second: int) -> None:
        super().__init__(f"double vote from {_show(address)} ({first} and {second})")
        self.address = address
        self.first = first
        self.second = second


class _PowerError(VerificationError):
    """Voting power: what signed, of what total, and the amount that had to be exceeded."""

    _prefix = ""

    def __init__(self, signed: int, total: int, needed: int) -> None:
        super().__init__(
            f"{self._prefix}invalid commit -- insufficient voting power: "
            f"got {signed}, needed more than {needed} of {total}"
        )
        self.signed = signed
        self.total = total
        self.needed = needed


class NotEnoughPower(_PowerError):
    """Two thirds of the header's own validators have not signed."""


class NotEnoughTrust(_PowerError):
    """Too little of the trusted validator set has signed: try a nearer header."""

    _prefix = "cant trust new val set: "


class ProofError(LightClientError):
    """A proof that does not prove what it should; plain ICS-23 has no registered code."""

    def __init__(self, detail: str, kind: Registered | None = None) -> None:
        super().__init__(f"{detail}: {kind.text}" if kind else detail)
        if kind:
            self.codespace = kind.codespace
            self.code = kind.code


class ClientError(LightClientError):
    """An error that ibc-go registers for clients; its text is `detail: registered text`."""

    def __init__(self, kind: Registered, detail: str = "") -> None:
        super().__init__(f"{detail}: {kind.text}" if detail else kind.text)
        self.kind = kind
        self.detail = detail
        self.codespace = kind.codespace
        self.code = kind.code


def _show(value: object) -> str:
    return value.hex().upper() or "nothing" if isinstance(value, bytes) else str(value)


def _table(codespace: str, texts: dict[int, str]) -> dict[int, Registered]:
    return {code: Registered(codespace, code, text) for code, text in texts.items()}


CLIENT: Final = _table(
    "client",
    {
        3: "light client is invalid",
        4: "light client not found",
        7: "consensus state not found",
        8: "invalid consensus state",
        10: "invalid client type",
        12: "invalid client header",
        13: "invalid light client misbehaviour",
        23: "unable to update light client",
        24: "invalid recovery client",
        25: "invalid client upgrade",
        26: "invalid height",
        27: "invalid client state substitute",
        29: "client state is not active",
    },
)
TENDERMINT: Final = _table(
    "07-tendermint",
    {
        2: "invalid chain-id",
        3: "invalid trusting period",
        4: "invalid unbonding period",
        5: "invalid header height",
        6: "invalid header",
        7: "invalid max clock drift",
        8: "processed time not found",
        9: "processed height not found",
        10: "packet-specified delay period has not been reached",
        11: "time since latest trusted state has passed the trusting period",
        13: "invalid proof specs",
        14: "invalid validator set",
        15: "invalid trust level",
    },
)

INVALID_CLIENT: Final = CLIENT[3]
CLIENT_NOT_FOUND: Final = CLIENT[4]
CONSENSUS_STATE_NOT_FOUND: Final = CLIENT[7]
INVALID_CONSENSUS: Final = CLIENT[8]
INVALID_CLIENT_TYPE: Final = CLIENT[10]
INVALID_CLIENT_HEADER: Final = CLIENT[12]
INVALID_MISBEHAVIOUR: Final = CLIENT[13]
UPDATE_CLIENT_FAILED: Final = CLIENT[23]
INVALID_RECOVERY_CLIENT: Final = CLIENT[24]
INVALID_UPGRADE_CLIENT: Final = CLIENT[25]
INVALID_CLIENT_HEIGHT: Final = CLIENT[26]
INVALID_SUBSTITUTE: Final = CLIENT[27]
CLIENT_NOT_ACTIVE: Final = CLIENT[29]

INVALID_CHAIN_ID: Final = TENDERMINT[2]
INVALID_TRUSTING_PERIOD: Final = TENDERMINT[3]
INVALID_UNBONDING_PERIOD: Final = TENDERMINT[4]
INVALID_HEADER_HEIGHT: Final = TENDERMINT[5]
INVALID_HEADER: Final = TENDERMINT[6]
INVALID_MAX_CLOCK_DRIFT: Final = TENDERMINT[7]
PROCESSED_TIME_NOT_FOUND: Final = TENDERMINT[8]
PROCESSED_HEIGHT_NOT_FOUND: Final = TENDERMINT[9]
DELAY_PERIOD_NOT_PASSED: Final = TENDERMINT[10]
TRUSTING_PERIOD_EXPIRED: Final = TENDERMINT[11]
INVALID_PROOF_SPECS: Final = TENDERMINT[13]
INVALID_VALIDATOR_SET: Final = TENDERMINT[14]
INVALID_TRUST_LEVEL: Final = TENDERMINT[15]

INVALID_PROOF: Final = Registered("commitment", 2, "invalid proof")
INVALID_PREFIX: Final = Registered("commitment", 3, "invalid prefix")
INVALID_MERKLE_PROOF: Final = Registered("commitment", 4, "invalid merkle proof")

INVALID_ID: Final = Registered("host", 2, "invalid identifier")
INVALID_PATH: Final = Registered("host", 3, "invalid path")
INVALID_PACKET: Final = Registered("host", 4, "invalid packet")

IBC_INVALID_HEIGHT: Final = Registered("ibc", 9, "invalid height")
