"""Two sources that tell different stories of one chain: where they part, and what proves it.

A light client follows one source, its primary, and asks another, a witness, for the same height. If the
headers differ, the chain has forked or one of the two lies; whoever signed both blocks can be punished.

`first_conflict` is a generator that asks for light blocks and reads nothing itself:

    sources = {Source.PRIMARY: primary.light_block, Source.WITNESS: witness.light_block}
    conflict = drive(first_conflict(root, height, rules, now), sources)
    if conflict is not None:                                    # it accuses the primary
        evidence = conflict.evidence()                          # for a full node that is on the witness's side
        message = conflict.misbehaviour(client_id, trusted_height, trusted_validators)  # for a client
        counter = drive(counter_accusation(conflict, rules, now), sources)

Source: `cometbft:light/detector.go`. The primary's story is verified first, by skipping verification, and then
compared block by block with the witness's, which is verified likewise from each block to the next. Who lies
with a third of the trusted power makes up one block and has none below it, so that the stories may well be
the same at every height but the last: what they have in common is the last step of the trace on which they
agree, not the height below.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeVar

from light_client.commit import ABSENT, FOR_BLOCK, CommitSig, LightBlock
from light_client.errors import Mismatch, VerificationError
from light_client.evidence import LightClientAttackEvidence
from light_client.message import ClientHeader, Misbehaviour
from light_client.validators import Validator, ValidatorSet, canonical_order
from light_client.values import ZERO_TIME, Height, Timestamp
from light_client.verify import Rules, Trusted, trace

_T = TypeVar("_T")
_NO_VOTE = CommitSig(ABSENT, b"", ZERO_TIME, b"")


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
    """The light block of a height is wanted of a source.

    A witness that has not come so far answers with the newest that it has.
    """

    source: Source
    height: int


class FaultySource(VerificationError):
    """A source's own block does not verify: it lies alone, and there is nothing to prove by it."""

    def __init__(self, source: Source, height: int, reason: VerificationError) -> None:
        super().__init__(f"{source.value} at height {height}: {reason}")
        self.source = source
        self.height = height
        self.reason = reason


class WitnessBehind(VerificationError):
    """The witness has no block of that height yet, nor one so late that it contradicts: ask again later."""

    def __init__(self, height: int, latest: int) -> None:
        super().__init__(f"the witness is at height {latest}, and {height} is to be compared")
        self.height = height
        self.latest = latest


@dataclass(frozen=True, slots=True)
class Conflict:
    """A block of the accused source, and what the other source says instead.

    `story` begins with the last block that both have, each further one is verified by the one before it, and
    the last contradicts `block`: it has the same height, or a lower one and yet no earlier time. Votes that do
    not verify are taken out of the two, for a full node refuses all evidence that has one.
    """

    accused: Source
    block: LightBlock
    story: tuple[LightBlock, ...]

    @property
    def common(self) -> LightBlock:
        return self.story[0]

    @property
    def contrary(self) -> LightBlock:
        return self.story[-1]

    @property
    def height(self) -> int:
        return self.block.height

    @property
    def attack(self) -> Attack:
        """`GetByzantineValidators`' three cases; a block above the contrary one is made up as well."""
        if self.height != self.contrary.height or _made_up(self.block, self.contrary):
            return Attack.LUNATIC
        same_round = self.block.commit.round == self.contrary.commit.round
        return Attack.EQUIVOCATION if same_round else Attack.AMNESIA

    @property
    def byzantine_validators(self) -> tuple[Validator, ...]:
        """Who can be punished if the accused lies, by falling power; nobody for amnesia."""
        attack = self.attack
        if attack is Attack.LUNATIC:
            found = _signers(self.block, self.common.validators)
        elif attack is Attack.EQUIVOCATION:
            found = _double_signers(self.block, self.contrary)
        else:
            found = ()
        return canonical_order(found)

    def evidence(self) -> LightClientAttackEvidence:
        """What a full node takes as proof that `block` is false (`newLightClientAttackEvidence`)."""
        base = self.common if self.attack is Attack.LUNATIC else self.contrary
        return LightClientAttackEvidence(
            conflicting_block=self.block,
            common_height=base.height,
            byzantine_validators=self.byzantine_validators,
            total_voting_power=base.validators.total_power,
            timestamp=base.header.time,
        )

    def misbehaviour(
        self, client_id: str, trusted_height: Height, trusted_validators: ValidatorSet
    ) -> Misbehaviour:
        """What freezes a 07-tendermint client that trusts this height and its next validators.

        The trusted height is below both blocks; a client verifies both by it in one step. In a chain whose
        validators changed much it takes a later one, to which the client is led over `story` first.
        """
        blocks = sorted((self.block, self.contrary), key=lambda block: -block.height)
        headers = (
            ClientHeader(block.signed_header, block.validators, trusted_height, trusted_validators)
            for block in blocks
        )
        return Misbehaviour(client_id, *headers)


def first_conflict(
    root: LightBlock, height: int, rules: Rules, now: Timestamp
) -> Generator[Ask, LightBlock, Conflict | None]:
    """Verify the primary's block of a height from a trusted one, and compare with the witness.

    None if the witness has the same block there. Raises FaultySource for a source whose own blocks do not
    verify (or no longer, from a root that has expired), Mismatch for one that does not know the root, and
    WitnessBehind.
    """
    for source in Source:
        known = yield from _block(source, root.height)
        if known.header.hash() != root.header.hash():
            raise Mismatch(f"trusted block of the {source.value}", _hash(root), _hash(known))
    target = yield from _block(Source.PRIMARY, height)
    story = yield from _verified(Source.PRIMARY, root, target, rules, now)
    answer = yield Ask(Source.WITNESS, height)
    if answer.height > height:
        raise _wrong_height(Source.WITNESS, height, answer)
    late = answer.header.time >= target.header.time
    if answer.height <= root.height or (answer.height < height and not late):
        raise WitnessBehind(height, answer.height)
    if answer.header.hash() == target.header.hash():
        return None
    return (yield from _compare(story, answer, Source.WITNESS, rules, now))


def counter_accusation(
    conflict: Conflict, rules: Rules, now: Timestamp
) -> Generator[Ask, LightBlock, Conflict | None]:
    """The same quarrel from the other side: the accused's story is held true, its accuser's compared with it.

    None where the accused agrees with all of the other's blocks. Raises FaultySource for the accused.
    """
    return (yield from _compare(conflict.story, conflict.block, conflict.accused, rules, now))


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


def _compare(
    story: tuple[LightBlock, ...], target: LightBlock, source: Source, rules: Rules, now: Timestamp
) -> Generator[Ask, LightBlock, Conflict | None]:
    """The first block of a verified story that this source, which has `target`, does not share.

    As `examineConflictingHeaderAgainstTrace`.
    """
    agreed, *told = story
    for block in told:
        if block.height >= target.height:  # above it, the target contradicts by its time
            theirs = target
        else:
            theirs = yield from _block(source, block.height)
        steps = yield from _verified(source, agreed, theirs, rules, now)
        if theirs.header.hash() != block.header.hash():
            *between, last = steps
            return Conflict(source.other, _sound(block), (*between, _sound(last)))
        agreed = theirs
    return None


def _verified(
    source: Source, agreed: LightBlock, target: LightBlock, rules: Rules, now: Timestamp
) -> Generator[Ask, LightBlock, tuple[LightBlock, ...]]:
    """The steps from a block that is trusted to a source's block, by skipping verification."""
    steps = trace(Trusted.from_block(agreed), target.height, rules, now)
    try:
        wanted = next(steps)
        while True:
            known = wanted == target.height
            wanted = steps.send(target if known else (yield from _block(source, wanted)))
    except StopIteration as done:
        return (agreed, *done.value)
    except VerificationError as error:
        raise FaultySource(source, target.height, error) from error


def _block(source: Source, height: int) -> Generator[Ask, LightBlock, LightBlock]:
    block = yield Ask(source, height)
    if block.height != height:
        raise _wrong_height(source, height, block)
    return block


def _wrong_height(source: Source, height: int, block: LightBlock) -> Mismatch:
    return Mismatch(f"height of the {source.value}'s light block", height, block.height)


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


def _sound(block: LightBlock) -> LightBlock:
    """The block without the votes for it that do not verify: they count nowhere, and no hash covers them."""
    commit, members = block.commit, block.validators.validators
    template = commit.for_block(block.header.chain_id)

    def holds(vote: CommitSig, member: Validator) -> bool:
        return vote.flag != FOR_BLOCK or (
            vote.address == member.address
            and member.pub_key.verify(template.at(vote.timestamp), vote.signature)
        )

    pairs = zip(commit.signatures, members, strict=True)
    votes = tuple(vote if holds(vote, member) else _NO_VOTE for vote, member in pairs)
    signed = replace(block.signed_header, commit=replace(commit, signatures=votes))
    return replace(block, signed_header=signed)


def _signers(block: LightBlock, validators: ValidatorSet) -> tuple[Validator, ...]:
    """The members of a set that signed the block."""
    found = (
        validators.find(vote.address) for vote in block.commit.signatures if vote.flag == FOR_BLOCK
    )
    return tuple(each for each in found if each is not None)


def _double_signers(block: LightBlock, other: LightBlock) -> tuple[Validator, ...]:
    """Those who signed both: the sets are the same, and so are the places in them."""
    return tuple(
        member
        for member, vote, twin in zip(
            block.validators.validators,
            block.commit.signatures,
            other.commit.signatures,
            strict=True,
        )
        if vote.flag == twin.flag == FOR_BLOCK
    )


def _hash(block: LightBlock) -> str:
    return block.header.hash().hex().upper()


__all__ = [
    "Ask",
    "Attack",
    "Conflict",
    "FaultySource",
    "Source",
    "WitnessBehind",
    "counter_accusation",
    "drive",
    "first_conflict",
]
