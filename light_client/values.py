"""Heights, instants and chain-id revisions: the small values that everything else is made of."""

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Protocol

NS_PER_SECOND: Final = 1_000_000_000
U64_MAX: Final = 2**64 - 1
_SPACES: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
MAX_DIGITS: Final = 100  # beyond any number of 64 bits, whatever its leading zeros

# Go's `$` never matches before a trailing newline and its `.` never matches one
# (ibc-go modules/core/02-client/types/height.go, IsRevisionFormat).
_REVISION = re.compile(r".*[^\n-]-([1-9][0-9]*)")
_HEIGHT = re.compile(r"([0-9]+)-([0-9]+)")
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86_400
_CYCLE_DAYS = 146_097  # the Gregorian calendar repeats every 400 years


@dataclass(frozen=True, slots=True, order=True)
class Height:
    """An IBC height. Revisions compare first (ICS-7)."""

    revision_number: int
    revision_height: int

    @classmethod
    def parse(cls, text: str) -> "Height":
        """Read "revision-height".

        Raises ValueError for any other text, or a number above 2**64-1.
        """
        match = _HEIGHT.fullmatch(text)
        if not match:
            raise ValueError(f"expected height as revision-height, got {text!r}")
        if max(len(match[1]), len(match[2])) > MAX_DIGITS:
            raise ValueError("height exceeds 64 bits by its number of digits")
        number, height = int(match[1]), int(match[2])
        if max(number, height) > U64_MAX:
            raise ValueError(f"height {text} exceeds 64 bits")
        return cls(number, height)

    @property
    def is_zero(self) -> bool:
        return self.revision_number == 0 and self.revision_height == 0

    def increment(self) -> "Height":
        """The next height of the same revision."""
        return Height(self.revision_number, self.revision_height + 1)

    def __str__(self) -> str:
        return f"{self.revision_number}-{self.revision_height}"


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """An instant in UTC: whole seconds since 1970, which may be negative, and 0..999,999,999 ns.

    Python's datetime has neither nanoseconds nor Go's zero time before the epoch of year 1.
    """

    seconds: int
    nanos: int = 0

    @classmethod
    def from_ns(cls, ns: int) -> "Timestamp":
        """The instant `ns` nanoseconds after 1970."""
        return cls(*divmod(ns, NS_PER_SECOND))

    @classmethod
    def parse(cls, text: str) -> "Timestamp":
        """Read RFC 3339 with any number of fractional digits; those after the ninth are cut off.

        Raises ValueError for any other text.
        """
        match = _RFC3339.fullmatch(text)
        if not match:
            raise ValueError(f"expected an RFC 3339 time, got {text!r}")
        year, month, day, hour, minute, second = (int(match[i]) for i in range(1, 7))
        if hour > 23 or minute > 59 or second > 59:
            raise ValueError(f"time of day out of range in {text!r}")
        days = date(year, month, day).toordinal() - _EPOCH_DAY
        seconds = days * _DAY + hour * 3600 + minute * 60 + second - _offset(match)
        return cls(seconds, int((match[7] or "0")[:9].ljust(9, "0")))

    @property
    def ns(self) -> int:
        """Nanoseconds since 1970."""
        return self.seconds * NS_PER_SECOND + self.nanos

    @property
    def is_zero(self) -> bool:
        """Whether this is Go's zero time, which absent signatures carry."""
        return self == ZERO_TIME

    def add(self, ns: int) -> "Timestamp":
        """The instant `ns` nanoseconds later (or earlier when negative)."""
        return Timestamp.from_ns(self.ns + ns)

    def rfc3339(self) -> str:
        """Go's RFC3339Nano in UTC: trailing zeros of the fraction are left out."""
        days, rest = divmod(self.seconds, _DAY)
        fraction = f".{self.nanos:09d}".rstrip("0") if self.nanos else ""
        clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
        return f"{_calendar(days)}T{clock}{fraction}Z"

    def __str__(self) -> str:
        return self.rfc3339()


class Ratio(Protocol):
    """A trust level: `Fraction` below, or one of the standard library."""

    @property
    def numerator(self) -> int: ...
    @property
    def denominator(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Fraction:
    """A trust level as it stands on the wire: neither reduced nor checked."""

    numerator: int
    denominator: int

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


ZERO_TIME: Final = Timestamp(-62_135_596_800, 0)
DEFAULT_TRUST_LEVEL: Final = Fraction(1, 3)
MAX_TIME: Final = Timestamp(253_402_300_799, 999_999_999)
ZERO_HEIGHT: Final = Height(0, 0)


def revision(chain_id: str) -> int:
    """The revision number in a chain id of the form name-N, else 0 (ibc-go `ParseChainID`)."""
    match = _REVISION.fullmatch(chain_id)
    if not match or len(match[1]) > 20:  # digits of 2**64
        return 0
    number = int(match[1])
    return number if number <= U64_MAX else 0


def is_revision_format(chain_id: str) -> bool:
    """Whether the chain id ends in "-N" without leading zeros."""
    return _REVISION.fullmatch(chain_id) is not None


def with_revision(chain_id: str, number: int) -> str:
    """The chain id with another revision number; it must be in revision format."""
    return f"{chain_id.rpartition('-')[0]}-{number}"


def is_blank(text: str) -> bool:
    """Whether Go's `strings.TrimSpace` leaves nothing; Python would take the separators 1C to 1F for spaces too."""
    return not text.strip(_SPACES)


def _offset(match: re.Match[str]) -> int:
    if match[8] is None:
        return 0
    hours, minutes = int(match[9]), int(match[10])
    if hours > 23 or minutes > 59:
        raise ValueError(f"zone offset out of range in {match[0]!r}")
    seconds = hours * 3600 + minutes * 60
    return -seconds if match[8] == "-" else seconds


@lru_cache(maxsize=64)
def _calendar(days: int) -> str:
    cycles, ordinal = divmod(days + _EPOCH_DAY - 1, _CYCLE_DAYS)
    day = date.fromordinal(ordinal + 1)
    return f"{day.year + 400 * cycles:04}-{day.month:02}-{day.day:02}"
