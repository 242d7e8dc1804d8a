"""Header verification: from a trusted header to a new one, next to it or further on.

A header is trusted when a third (the trust level) of the validators that we already trust have
signed it, since one of them at least is honest, and two thirds of its own have, since otherwise
it is not final. The next header after a trusted one needs no such overlap: its validators are known
by hash. Checks and their order are those of `cometbft:light/verifier.go` and `types/validation.go`:
signatures are counted in the commit's order and counting stops at the threshold, so later ones are
never looked at. Here power is counted before any signature is checked, which CometBFT does when it
verifies in batches: a commit without enough power costs nothing.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final

from light_client.commit import FOR_BLOCK, Commit, CommitSig, LightBlock
from light_client.errors import (
    DoubleVote,
    HeaderExpired,
    HeaderFromFuture,
    HeightNotIncreasing,
    Mismatch,
    NotEnoughPower,
    NotEnoughTrust,
    TimeNotIncreasing,
    VerificationError,
    WrongSignature,
)
from light_client.header import Header
from light_client.validators import Validator, ValidatorSet
from light_client.values import (
    DEFAULT_TRUST_LEVEL,
    NS_PER_SECOND,
    Height,
    Ratio,
    Timestamp,
    revision,
)

# CometBFT asks next for the block at 9/16 of the way (`light/client.go`): its validator set changes
# little by little, so a step that failed is more likely to succeed in its first half.
PIVOT_NUMERATOR: Final = 9
PIVOT_DENOMINATOR: Final = 16

_I64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Rules:
    """How far to trust: periods in nanoseconds; the clock drift is that of our clock to theirs."""

    trusting_period_ns: int
    trust_level: Ratio = DEFAULT_TRUST_LEVEL
    max_clock_drift_ns: int = 10 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Trusted:
    """What is known of a chain after verification: proofs hold against `app_hash`.

    `validators` is the set that skipping verification counts by: of this height or of the next.
    """

    chain_id: str
    height: int
    time: Timestamp
    app_hash: bytes
    next_validators_hash: bytes
    validators: ValidatorSet
    header: Header | None = None

    @classmethod
    def from_block(cls, block: LightBlock) -> "Trusted":
        """Trust a block by decree: the root of trust, or one that has just been verified.

        Raises Mismatch if a validator set is not the one that the header names.
        """
        header, following = block.header, block.next_validators
        _expect_set("validators", header.validators_hash, block.validators)
        if following is not None:
            _expect_set("next validators", header.next_validators_hash, following)
        return cls(
            chain_id=header.chain_id,
            height=header.height,
            time=header.time,
            app_hash=header.app_hash,
            next_validators_hash=header.next_validators_hash,
            validators=following or block.validators,
            header=header,
        )

    @property
    def ibc_height(self) -> Height:
        """The height with the chain id's revision number."""
        return Height(revision(self.chain_id), self.height)


def verify(trusted: Trusted, block: LightBlock, rules: Rules, now: Timestamp) -> Trusted:
    """Verify a block from a trusted state, adjacent or skipping, and return the new trusted state.

    Raises NotEnoughTrust when a nearer block might still do, else another VerificationError.
    """
    _not_expired(trusted, rules, now)
    block.signed_header.validate_basic(trusted.chain_id)
    block.validators.check_powers()
    verify_validated(trusted, block, rules, now)
    return Trusted.from_block(block)


def verify_validated(trusted: Trusted, block: LightBlock, rules: Rules, now: Timestamp) -> None:
    """As `verify`, for a signed header and a set whose `validate_basic` have already passed."""
    _not_expired(trusted, rules, now)
    _check_progress(trusted, block.header, rules, now)
    _expect_set("expected new header validators", block.header.validators_hash, block.validators)
    verified: set[int] = set()
    if block.height == trusted.height + 1:
        if block.header.validators_hash != trusted.next_validators_hash:
            raise Mismatch(
                "expected old header next validators to match those from new header",
                trusted.next_validators_hash,
                block.header.validators_hash,
            )
    else:
        verify_commit_trusting(
            trusted.chain_id, trusted.validators, block.commit, rules.trust_level, verified
        )
    verify_commit_light(trusted.chain_id, block.validators, block.commit, verified)


def bisect(
    trusted: Trusted, target: int, rules: Rules, now: Timestamp
) -> Generator[int, LightBlock, Trusted]:
    """Skipping verification up to the height `target`: yields heights, is sent their light blocks.

    Returns the trusted state at `target`. Raises VerificationError.
    """
    steps = yield from trace(trusted, target, rules, now)
    return Trusted.from_block(steps[-1]) if steps else trusted


def trace(
    trusted: Trusted, target: int, rules: Rules, now: Timestamp
) -> Generator[int, LightBlock, tuple[LightBlock, ...]]:
    """As `bisect`, but returns every block on the way, each verified from the one before it.

    A client on another chain has to be led over the same steps.
    """
    if target < trusted.height:
        raise HeightNotIncreasing(target, trusted.height)
    if target == trusted.height:
        return ()
    pending = [(yield from _ask(target))]
    steps: list[LightBlock] = []
    depth = 0
    while True:
        block = pending[depth]
        try:
            trusted = verify(trusted, block, rules, now)
        except NotEnoughTrust:
            if depth == len(pending) - 1:
                distance = block.height - trusted.height
                pivot = trusted.height + distance * PIVOT_NUMERATOR // PIVOT_DENOMINATOR
                pending.append((yield from _ask(pivot)))
            depth += 1
            continue
        steps.append(block)
        if depth == 0:
            return tuple(steps)
        del pending[depth:]
        depth = 0


def verify_commit_light(
    chain_id: str,
    validators: ValidatorSet,
    commit: Commit,
    verified: set[int] | None = None,
) -> None:
    """More than two thirds of the set have signed the block, each at its place in the commit.

    `verified` holds the indexes of signatures already checked, and grows by those checked here.
    """
    if len(validators) != len(commit.signatures):
        raise Mismatch("invalid commit -- wrong set size", len(validators), len(commit.signatures))
    total = validators.total_power
    needed = total * 2 // 3
    votes = _enough(_by_index(validators, commit), needed)
    if votes.power <= needed:
        raise NotEnoughPower(votes.power, total, needed)
    _check_signatures(chain_id, commit, votes, verified)


def verify_commit_trusting(
    chain_id: str,
    validators: ValidatorSet,
    commit: Commit,
    trust_level: Ratio,
    verified: set[int] | None = None,
) -> None:
    """More than `trust_level` of a trusted set have signed, wherever they stand in the commit.

    Raises NotEnoughTrust, DoubleVote, WrongSignature.
    """
    total = validators.total_power
    product = total * trust_level.numerator
    if not trust_level.denominator or product > _I64_MAX:
        raise VerificationError(f"trust level {trust_level} cannot be used with power {total}")
    needed = product // trust_level.denominator
    votes = _enough(_by_address(validators, commit), needed)
    if votes.power <= needed:
        raise NotEnoughTrust(votes.power, total, needed)
    _check_signatures(chain_id, commit, votes, verified)


@dataclass(frozen=True, slots=True)
class _Votes:
    """The votes that were counted, and their power."""

    counted: list[tuple[int, CommitSig, Validator]]
    power: int


def _by_index(
    validators: ValidatorSet, commit: Commit
) -> Iterator[tuple[int, CommitSig, Validator]]:
    pairs = zip(commit.signatures, validators.validators, strict=True)
    for index, (vote, validator) in enumerate(pairs):
        if vote.flag != FOR_BLOCK:
            continue
        if vote.address != validator.address:
            raise Mismatch(
                f"validator address mismatch at index {index}", validator.address, vote.address
            )
        yield index, vote, validator


def _by_address(
    validators: ValidatorSet, commit: Commit
) -> Iterator[tuple[int, CommitSig, Validator]]:
    seen: dict[bytes, int] = {}
    for index, vote in enumerate(commit.signatures):
        if vote.flag != FOR_BLOCK:
            continue
        validator = validators.find(vote.address)
        if validator is None:
            continue
        if vote.address in seen:
            raise DoubleVote(vote.address, seen[vote.address], index)
        seen[vote.address] = index
        yield index, vote, validator


def _enough(votes: Iterator[tuple[int, CommitSig, Validator]], needed: int) -> _Votes:
    """Count votes until their power exceeds what is needed."""
    counted = []
    power = 0
    for entry in votes:
        counted.append(entry)
        power += entry[2].power
        if power > needed:
            break
    return _Votes(counted, power)


def _check_signatures(
    chain_id: str, commit: Commit, votes: _Votes, verified: set[int] | None
) -> None:
    """Equal addresses are equal keys, so a signature checked for one set holds for the other."""
    template = commit.for_block(chain_id)
    done = set() if verified is None else verified
    for index, vote, validator in votes.counted:
        if index in done:
            continue
        if not validator.pub_key.verify(template.at(vote.timestamp), vote.signature):
            raise WrongSignature(index, vote.address, vote.signature)
        done.add(index)


def _not_expired(trusted: Trusted, rules: Rules, now: Timestamp) -> None:
    expires = trusted.time.add(rules.trusting_period_ns)
    if expires <= now:
        raise HeaderExpired(expires, now)


def _check_progress(trusted: Trusted, header: Header, rules: Rules, now: Timestamp) -> None:
    if header.chain_id != trusted.chain_id:
        raise Mismatch("header chain id", trusted.chain_id, header.chain_id)
    if header.height <= trusted.height:
        raise HeightNotIncreasing(header.height, trusted.height)
    if header.time <= trusted.time:
        raise TimeNotIncreasing(header.time, trusted.time)
    if header.time >= now.add(rules.max_clock_drift_ns):
        raise HeaderFromFuture(header.time, now, rules.max_clock_drift_ns)


def _expect_set(what: str, expected: bytes, validators: ValidatorSet) -> None:
    got = validators.hash()
    if got != expected:
        raise Mismatch(f"{what} hash", expected, got)


def _ask(height: int) -> Generator[int, LightBlock, LightBlock]:
    block = yield height
    if block.height != height:
        raise Mismatch("height of the light block", height, block.height)
    return block


__all__ = [
    "Rules",
    "Trusted",
    "bisect",
    "trace",
    "verify",
    "verify_commit_light",
    "verify_commit_trusting",
    "verify_validated",
]
