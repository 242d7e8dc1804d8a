"""Two sources that tell different stories of one chain: where they part, and what proves it.

A light client follows one source, its primary, and asks another, a witness, for the same height. If the
headers differ, the chain has forked or one of the two lies; whoever signed both blocks can be punished.

`first_conflict` is a generator that asks for light blocks and reads nothing itself:

    conflict = detector.drive(
        detector.first_conflict(root, height, rules, now),
        {Source.PRIMARY: primary.light_block, Source.WITNESS: witness.light_block},
    )
    if conflict is not None:
        evidence = conflict.evidence(against=Source.PRIMARY)             # for CometBFT
        message = conflict.misbehaviour("07-tendermint-0", trusted, validators)  # for a client of the chain

CometBFT (`light/detector.go`) compares along the primary's verification trace. Headers are chained by their
hashes, so that sources which differ once differ for ever: the first height at which they do is found by
halving, and the last common block is the one right below it.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from light_client.commit import FOR_BLOCK, LightBlock
from light_client.errors import Mismatch, VerificationError
from light_client.evidence import LightClientAttackEvidence
from light_client.message import ClientHeader, Misbehaviour
from light_client.validators import Validator, ValidatorSet, canonical_order
from light_client.values import Height, Timestamp
from light_client.verify import Rules, Trusted, trace

_T = TypeVar("_T")


class Source(Enum):
    """Who is asked."""

    PRIMARY = "primary"
    WITNESS = "witness"

    @property
    def other(self) -> "Source":
        return Source.WITNESS if self is Source.PRIMARY else Source.PRIMARY


class Attack(Enum):
    """What was done to have two blocks signed (`cometbft:spec/light-client/attacks`)."""

    LUNATIC = "lunatic"
    """One block does not follow from the chain's state: its application or validators are made up."""
    EQUIVOCATION = "equivocation"
    """Both could follow, and validators signed both in the same round."""
    AMNESIA = "amnesia"
    """Both could follow, from different rounds: the headers do not tell who forgot what it had voted."""


@dataclass(frozen=True, slots=True)
class Ask:
    """The light block of a height is wanted of a source."""

    source: Source
    height: int


class FaultySource(VerificationError):
    """A source's own block does not verify: it lies alone, and there is nothing to prove by it."""

    def __init__(self, source: Source, height: int, reason: VerificationError) -> None:
        super().__init__(f"{source.value} at height {height}: {reason}")
        self.source = source
        self.height = height
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two blocks of one height, each verified from the common block right below them."""

    common: LightBlock
    primary: LightBlock
    witness: LightBlock

    @property
    def height(self) -> int:
        return self.primary.height

    def block(self, source: Source) -> LightBlock:
        return self.primary if source is Source.PRIMARY else self.witness

    @property
    def attack(self) -> Attack:
        """`GetByzantineValidators`' three cases."""
        if _made_up(self.primary, self.witness):
            return Attack.LUNATIC
        same_round = self.primary.commit.round == self.witness.commit.round
        return Attack.EQUIVOCATION if same_round else Attack.AMNESIA

    def byzantine_validators(self, against: Source) -> tuple[Validator, ...]:
        """Who can be punished if that source's block is the false one; nobody for amnesia."""
        attack = self.attack
        if attack is Attack.LUNATIC:
            found = _signers(self.block(against), self.common.validators)
        elif attack is Attack.EQUIVOCATION:
            found = _double_signers(self.block(against), self.block(against.other))
        else:
            found = ()
        return canonical_order(found)

    def evidence(self, against: Source) -> LightClientAttackEvidence:
        """What a full node takes as proof that this source's block is false (`newLightClientAttackEvidence`)."""
        block, true = self.block(against), self.block(against.other)
        base = self.common if self.attack is Attack.LUNATIC else true
        return LightClientAttackEvidence(
            conflicting_block=block,
            common_height=base.height,
            byzantine_validators=self.byzantine_validators(against),
            total_voting_power=base.validators.total_power,
            timestamp=base.header.time,
        )

    def misbehaviour(
        self, client_id: str, trusted_height: Height, trusted_validators: ValidatorSet
    ) -> Misbehaviour:
        """What freezes a 07-tendermint client that trusts this height and its next validators."""
        headers = (
            ClientHeader(block.signed_header, block.validators, trusted_height, trusted_validators)
            for block in (self.primary, self.witness)
        )
        return Misbehaviour(client_id, *headers)


def first_conflict(
    root: LightBlock, height: int, rules: Rules, now: Timestamp
) -> Generator[Ask, LightBlock, Conflict | None]:
    """Compare both sources from a trusted block up to a height; None when they agree there.

    Raises FaultySource for a source whose own block does not verify (or no longer, from a root that has
    expired), and Mismatch for one that does not know the root.
    """
    for source in Source:
        known = yield from _block(source, root.height)
        if known.header.hash() != root.header.hash():
            raise Mismatch(f"trusted block of the {source.value}", _hash(root), _hash(known))
    if not (yield from _differ(height)):
        return None
    agreed, differing = root.height, height
    while differing - agreed > 1:
        middle = (agreed + differing) // 2
        if (yield from _differ(middle)):
            differing = middle
        else:
            agreed = middle
    common = yield from _verified(Source.PRIMARY, root, agreed, rules, now)
    ours = yield from _verified(Source.PRIMARY, common, differing, rules, now)
    theirs = yield from _verified(Source.WITNESS, common, differing, rules, now)
    return Conflict(common, primary=ours, witness=theirs)


def drive(
    asking: Generator[Ask, LightBlock, _T],
    sources: Mapping[Source, Callable[[int], LightBlock]],
) -> _T:
    """Run a generator of this module with functions that fetch a light block by its height."""
    try:
        ask = next(asking)
        while True:
            ask = asking.send(sources[ask.source](ask.height))
    except StopIteration as done:
        result: _T = done.value
        return result


def _block(source: Source, height: int) -> Generator[Ask, LightBlock, LightBlock]:
    block = yield Ask(source, height)
    if block.height != height:
        raise Mismatch(f"height of the {source.value}'s light block", height, block.height)
    return block


def _differ(height: int) -> Generator[Ask, LightBlock, bool]:
    """Whether the sources have different headers there; what they claim is not verified yet."""
    primary = yield from _block(Source.PRIMARY, height)
    witness = yield from _block(Source.WITNESS, height)
    return primary.header.hash() != witness.header.hash()


def _verified(
    source: Source, trusted: LightBlock, height: int, rules: Rules, now: Timestamp
) -> Generator[Ask, LightBlock, LightBlock]:
    """A source's block, by skipping verification over the same source's blocks."""
    steps = trace(Trusted.from_block(trusted), height, rules, now)
    try:
        wanted = next(steps)
        while True:
            wanted = steps.send((yield Ask(source, wanted)))
    except StopIteration as done:
        return done.value[-1] if done.value else trusted
    except VerificationError as error:
        raise FaultySource(source, height, error) from error


def _made_up(one: LightBlock, other: LightBlock) -> bool:
    """`ConflictingHeaderIsInvalid`: what follows from the state before differs."""
    a, b = one.header, other.header
    return (
        a.validators_hash != b.validators_hash
        or a.next_validators_hash != b.next_validators_hash
        or a.consensus_hash != b.consensus_hash
        or a.app_hash != b.app_hash
        or a.last_results_hash != b.last_results_hash
    )


def _signers(block: LightBlock, validators: ValidatorSet) -> tuple[Validator, ...]:
    """The members of a set that signed the block."""
    found = (
        validators.find(vote.address) for vote in block.commit.signatures if vote.flag == FOR_BLOCK
    )
    return tuple(each for each in found if each is not None)


def _double_signers(block: LightBlock, other: LightBlock) -> tuple[Validator, ...]:
    """Those who signed both, at the same place of the same set."""
    pairs = zip(block.commit.signatures, other.commit.signatures, strict=False)
    both = (vote.address for vote, twin in pairs if vote.flag == twin.flag == FOR_BLOCK)
    found = (block.validators.find(address) for address in both)
    return tuple(each for each in found if each is not None)


def _hash(block: LightBlock) -> str:
    return block.header.hash().hex().upper()


__all__ = ["Ask", "Attack", "Conflict", "FaultySource", "Source", "drive", "first_conflict"]
