"""Two sources of one chain: where they part, and the evidence of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from helpers.validators import (
    GENESIS,
    SECOND,
    Signer,
    make_block,
    make_header,
    sign_commit,
    signer,
    signers,
)

from light_client import client, codec, detector, tendermint
from light_client.commit import FOR_BLOCK, CommitSig, LightBlock, SignedHeader
from light_client.detector import Attack, Conflict, FaultySource, Source, WitnessBehind
from light_client.errors import (
    HeaderExpired,
    HeightNotIncreasing,
    Mismatch,
    NotEnoughPower,
    WrongSignature,
)
from light_client.evidence import LightClientAttackEvidence
from light_client.message import ClientHeader
from light_client.state import ClientState, ConsensusState
from light_client.validators import canonical_order
from light_client.values import ZERO_HEIGHT, Fraction, Height, Timestamp
from light_client.verify import Rules

CHAIN = "forked-1"
MEMBERS = signers(4)
ADDRESSES = {member.address for member in MEMBERS}
RULES = Rules(trusting_period_ns=3600 * SECOND)
NOW = GENESIS.add(200 * SECOND)
TOP = 100
FORK = 37

Fetch = Callable[[int], LightBlock]


class Chain:
    """Blocks of one chain, as a source serves them; some heights have blocks of another story."""

    def __init__(self, others: Mapping[int, LightBlock] | None = None, top: int = 10**6) -> None:
        self.others = others or {}
        self.top = top
        self.asked: list[int] = []

    def light_block(self, height: int) -> LightBlock:
        self.asked.append(height)
        at = min(height, self.top)
        return self.others.get(at) or make_block(CHAIN, at, MEMBERS)


def other(
    height: int, members: Sequence[Signer] = MEMBERS, round_: int = 0, **changes: object
) -> LightBlock:
    """A block with another header, or with another set of validators."""
    header = replace(make_header(CHAIN, height, members), **changes)  # type: ignore[arg-type]
    signed = SignedHeader(header, sign_commit(header, members, round_=round_))
    return replace(make_block(CHAIN, height, members), signed_header=signed)


def false(height: int) -> LightBlock:
    return other(height, app_hash=b"\xbb" * 32)


def forked(*heights: int) -> Chain:
    """A chain with another application from the fork on."""
    return Chain({height: false(height) for height in heights or range(FORK, TOP + 1)})


ROOT = Chain().light_block(1)


def sources(primary: Fetch, witness: Fetch) -> dict[Source, Fetch]:
    return {Source.PRIMARY: primary, Source.WITNESS: witness}


def compare(
    primary: Chain, witness: Chain, height: int = TOP, now: Timestamp = NOW
) -> Conflict | None:
    both = sources(primary.light_block, witness.light_block)
    return detector.drive(detector.first_conflict(ROOT, height, RULES, now), both)


def conflict(primary: Chain, witness: Chain) -> Conflict:
    found = compare(primary, witness)
    assert found is not None
    return found


def counter(found: Conflict, primary: Chain, witness: Chain) -> Conflict | None:
    both = sources(primary.light_block, witness.light_block)
    return detector.drive(detector.counter_accusation(found, RULES, NOW), both)


def test_sources_that_agree() -> None:
    primary, witness = Chain(), Chain()
    assert compare(primary, witness) is None
    assert primary.asked == witness.asked == [1, TOP]


def test_a_block_made_up_at_the_last_height_alone() -> None:
    """Who has a third of the trusted power needs no blocks below: so it goes at main nets."""
    found = conflict(forked(TOP), Chain())
    assert (found.accused, found.height, found.common, found.attack) == (
        Source.PRIMARY,
        TOP,
        ROOT,
        Attack.LUNATIC,
    )
    assert found.evidence() == LightClientAttackEvidence(
        conflicting_block=false(TOP),
        common_height=1,
        byzantine_validators=ROOT.validators.validators,
        total_voting_power=40,
        timestamp=ROOT.header.time,
    )
    assert found.story == (ROOT, Chain().light_block(TOP))


class Rotating(Chain):
    """A chain whose validators change one at a time, every ten blocks."""

    def light_block(self, height: int) -> LightBlock:
        self.asked.append(height)
        if height in self.others:
            return self.others[height]
        return make_block(CHAIN, height, rotated(height), rotated(height + 1))


def rotated(height: int) -> list[Signer]:
    return [signer(f"turn-{number}") for number in range(height // 10, height // 10 + 4)]


def test_the_first_step_on_which_the_stories_part() -> None:
    root = Rotating().light_block(1)
    lies = {
        height: other(height, rotated(height), app_hash=b"\xbb" * 32)
        for height in range(FORK, TOP)
        if height % 10 != 9  # there the next block has other validators
    }
    honest, liar = Rotating(), Rotating(lies)
    both = sources(liar.light_block, honest.light_block)
    target = TOP - 5
    found = detector.drive(detector.first_conflict(root, target, RULES, NOW), both)
    assert found is not None
    assert found.common.height < FORK <= found.height < target
    assert found.common.header == honest.light_block(found.common.height).header
    assert found.block.header == liar.light_block(found.height).header
    assert found.contrary.header == honest.light_block(found.height).header
    back = counter_of(found, both)
    assert back.accused is Source.WITNESS
    assert back.block.header == honest.light_block(back.height).header
    assert back.contrary.header == liar.light_block(back.height).header


def counter_of(found: Conflict, both: dict[Source, Fetch]) -> Conflict:
    back = detector.drive(detector.counter_accusation(found, RULES, NOW), both)
    assert back is not None
    return back


def test_a_lunatic_attack_is_by_those_of_the_common_set_who_signed() -> None:
    strangers = [signer("stranger", 10), *MEMBERS[:2]]
    lie = other(TOP, strangers)
    found = conflict(Chain({TOP: lie}), Chain())
    guilty = {validator.address for validator in found.evidence().byzantine_validators}
    assert guilty == {member.address for member in MEMBERS[:2]}
    assert found.byzantine_validators == canonical_order(found.byzantine_validators)


def test_equivocation_is_by_those_who_signed_both() -> None:
    twin = other(TOP, data_hash=b"\xdd" * 32)
    absent = {MEMBERS[0].address}
    commit = sign_commit(twin.header, MEMBERS, absent)
    primary = Chain({TOP: replace(twin, signed_header=SignedHeader(twin.header, commit))})
    found = conflict(primary, Chain())
    assert found.attack is Attack.EQUIVOCATION
    evidence = found.evidence()
    guilty = {validator.address for validator in evidence.byzantine_validators}
    assert guilty == ADDRESSES - absent
    assert (evidence.common_height, evidence.timestamp) == (TOP, found.contrary.header.time)
    assert evidence.conflicting_block == found.block


def test_amnesia_names_nobody() -> None:
    found = conflict(Chain({TOP: other(TOP, round_=1, data_hash=b"\xdd" * 32)}), Chain())
    assert found.attack is Attack.AMNESIA
    assert found.evidence().byzantine_validators == ()


def test_votes_that_do_not_verify_are_taken_out_of_the_evidence() -> None:
    """A full node refuses evidence with a false signature, so a liar would protect itself with one."""
    lie = false(TOP)
    *votes, last = lie.commit.signatures
    for forged in (
        replace(last, signature=b"\1" * 64),
        CommitSig(FOR_BLOCK, b"\2" * 20, last.timestamp, last.signature),
    ):
        commit = replace(lie.commit, signatures=(*votes, forged))
        shielded = replace(lie, signed_header=SignedHeader(lie.header, commit))
        found = conflict(Chain({TOP: shielded}), Chain())
        guilty = {validator.address for validator in found.byzantine_validators}
        assert guilty == ADDRESSES - {last.address}
        assert found.block.commit.signatures[:-1] == tuple(votes)
        found.block.signed_header.validate_basic(CHAIN)


def test_the_misbehaviour_freezes_a_client() -> None:
    found = conflict(forked(), Chain())
    freezes(found)


def freezes(found: Conflict) -> None:
    trusted = Height(1, 1)
    message = found.misbehaviour("07-tendermint-0", trusted, ROOT.validators)
    state = ClientState(
        CHAIN,
        Fraction(1, 3),
        RULES.trusting_period_ns,
        2 * RULES.trusting_period_ns,
        10 * SECOND,
        ZERO_HEIGHT,
        trusted,
    )
    history = Known(ClientHeader(ROOT.signed_header, None, ZERO_HEIGHT, None).consensus_state)
    read = codec.from_any(codec.to_any(message))
    assert isinstance(read, client.Misbehaviour)
    client.verify_client_message(state, history, read, NOW)
    assert client.check_for_misbehaviour(state, history, read)


class Known:
    """A history of one state, at height 1."""

    def __init__(self, state: ConsensusState) -> None:
        self.state = state

    def get(self, height: Height, /) -> ConsensusState | None:
        return self.state if height == Height(1, 1) else None

    def previous(self, _: Height, /) -> None:
        return None

    def next(self, _: Height, /) -> None:
        return None

    def processed(self, _: Height, /) -> None:
        return None


def test_a_block_ahead_of_its_time() -> None:
    """The primary is far above the witness's newest block, which is no earlier: time has not increased."""
    witness = Chain(top=60)
    early = {
        height: other(height, time=GENESIS.add(30 * SECOND + height)) for height in range(60, 101)
    }
    found = conflict(Chain(early), witness)
    assert (found.height, found.contrary.height, found.attack) == (TOP, 60, Attack.LUNATIC)
    assert found.evidence().common_height == 1
    freezes(found)
    back = counter(found, Chain(early), witness)
    assert back is not None
    assert (back.accused, back.height) == (Source.WITNESS, 60)
    agreeing = Chain({height: block for height, block in early.items() if height == TOP})
    assert counter(found, agreeing, witness) is None


def test_a_witness_that_is_behind() -> None:
    with pytest.raises(WitnessBehind, match=f"at height 60, and {TOP} is to be") as caught:
        compare(Chain(), Chain(top=60))
    assert (caught.value.latest, caught.value.height) == (60, TOP)
    late = other(1, time=GENESIS.add(TOP * SECOND))
    calls = iter([ROOT, late])
    both = sources(Chain().light_block, lambda _: next(calls))
    with pytest.raises(WitnessBehind):
        detector.drive(detector.first_conflict(ROOT, TOP, RULES, NOW), both)


def test_a_source_that_lies_alone_is_named() -> None:
    strangers = [signer(f"stranger-{number}") for number in range(4)]
    liar = Chain({TOP: other(TOP, strangers)})
    with pytest.raises(FaultySource, match=r"witness at height \d+: ") as caught:
        compare(Chain(), Chain({height: other(height, strangers) for height in range(2, TOP + 1)}))
    assert (caught.value.source, caught.value.height) == (Source.WITNESS, TOP)
    assert isinstance(caught.value.reason, Mismatch)
    with pytest.raises(FaultySource, match="primary at height"):
        compare(liar, Chain())


def test_blocks_without_power_or_signatures_are_lies() -> None:
    lie = false(TOP)
    thin = sign_commit(lie.header, MEMBERS, {member.address for member in MEMBERS[1:]})
    wrong = replace(
        lie.commit,
        signatures=tuple(replace(vote, signature=b"\1" * 64) for vote in lie.commit.signatures),
    )
    for commit, reason in ((thin, NotEnoughPower), (wrong, WrongSignature)):
        block = replace(lie, signed_header=SignedHeader(lie.header, commit))
        with pytest.raises(FaultySource) as caught:
            compare(Chain(), Chain({TOP: block}))
        assert isinstance(caught.value.reason, reason)


def test_a_source_must_know_the_root_and_answer_what_was_asked() -> None:
    with pytest.raises(Mismatch, match="trusted block of the witness"):
        compare(Chain(), forked(1))
    with pytest.raises(Mismatch, match="height of the primary's light block"):
        compare(Chain(top=50), Chain())
    ahead = sources(Chain().light_block, lambda height: Chain().light_block(height + (height > 1)))
    with pytest.raises(Mismatch, match=f"height of the witness's light block: expected {TOP}"):
        detector.drive(detector.first_conflict(ROOT, TOP, RULES, NOW), ahead)


def test_nothing_is_compared_below_the_root() -> None:
    root = Chain().light_block(50)
    both = sources(Chain().light_block, Chain().light_block)
    with pytest.raises(FaultySource) as caught:
        detector.drive(detector.first_conflict(root, 49, RULES, NOW), both)
    assert isinstance(caught.value.reason, HeightNotIncreasing)


def test_an_expired_root_proves_nothing() -> None:
    with pytest.raises(FaultySource) as caught:
        compare(Chain(), forked(), now=GENESIS.add(7200 * SECOND))
    assert isinstance(caught.value.reason, HeaderExpired)


def test_the_front_module_has_what_it_lists() -> None:
    for name in tendermint.__all__:
        assert getattr(tendermint, name) is not None
    assert tendermint.first_conflict is detector.first_conflict
