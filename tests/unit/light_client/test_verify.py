"""Skipping and adjacent verification: what is trusted, and what stops it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from helpers.validators import (
    GENESIS,
    SECOND,
    Signer,
    make_block,
    make_header,
    resign,
    sign_commit,
    signer,
    signers,
    validator_set,
)

from light_client.commit import FOR_NIL, LightBlock, SignedHeader
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
from light_client.validators import Validator, ValidatorSet
from light_client.values import Fraction, Height
from light_client.verify import (
    Rules,
    Trusted,
    bisect,
    trace,
    verify,
    verify_commit_light,
    verify_commit_trusting,
)

CHAIN = "chain-1"
NOW = GENESIS.add(1000 * SECOND)
RULES = Rules(3600 * SECOND)
OLD = signers(4, prefix="old")
NEW = signers(4, prefix="new")


def trust(height: int, members: list[Signer], following: list[Signer] | None = None) -> Trusted:
    return Trusted.from_block(make_block(CHAIN, height, members, following))


def test_the_next_header_needs_no_overlap() -> None:
    verified = verify(trust(1, OLD, NEW), make_block(CHAIN, 2, NEW), RULES, NOW)
    assert (verified.height, verified.ibc_height) == (2, Height(1, 2))


def test_the_next_header_must_have_the_announced_validators() -> None:
    with pytest.raises(Mismatch, match="next validators"):
        verify(trust(1, OLD), make_block(CHAIN, 2, NEW), RULES, NOW)


def test_a_later_header_needs_more_than_a_third_of_whom_we_trust() -> None:
    trusted = trust(1, OLD)
    mixed = [*OLD[:2], *NEW[:2]]
    assert verify(trusted, make_block(CHAIN, 9, mixed), RULES, NOW).height == 9
    with pytest.raises(NotEnoughTrust) as caught:
        verify(trusted, make_block(CHAIN, 9, [OLD[0], *NEW[:3]]), RULES, NOW)
    assert (caught.value.signed, caught.value.total, caught.value.needed) == (10, 40, 13)


def test_the_trust_level_has_to_be_exceeded() -> None:
    trusted, block = trust(1, OLD), make_block(CHAIN, 9, OLD)
    verify(trusted, block, replace(RULES, trust_level=Fraction(2, 3)), NOW)
    with pytest.raises(NotEnoughTrust):
        verify(trusted, block, replace(RULES, trust_level=Fraction(1, 1)), NOW)


@pytest.mark.parametrize("level", [Fraction(1, 0), Fraction(2**63, 1)])
def test_trust_levels_that_cannot_be_used(level: Fraction) -> None:
    with pytest.raises(VerificationError, match="cannot be used with power 40"):
        verify(trust(1, OLD), make_block(CHAIN, 9, OLD), replace(RULES, trust_level=level), NOW)


def test_two_thirds_have_to_be_exceeded() -> None:
    members = signers(6)
    absent = {member.address for member in members[:2]}
    with pytest.raises(NotEnoughPower, match="got 40, needed more than 40 of 60") as caught:
        verify(trust(1, members), make_block(CHAIN, 2, members, absent=absent), RULES, NOW)
    assert (caught.value.signed, caught.value.total, caught.value.needed) == (40, 60, 40)
    verify(trust(1, members), make_block(CHAIN, 2, members, absent=list(absent)[:1]), RULES, NOW)


def test_votes_for_nil_do_not_count() -> None:
    block = make_block(CHAIN, 2, OLD)
    votes = tuple(replace(vote, flag=FOR_NIL) for vote in block.commit.signatures)
    commit = replace(block.commit, signatures=votes)
    with pytest.raises(NotEnoughPower, match="got 0"):
        verify_commit_light(CHAIN, block.validators, commit)
    with pytest.raises(NotEnoughTrust, match="got 0"):
        verify_commit_trusting(CHAIN, block.validators, commit, Fraction(1, 3))


def forge(block: LightBlock, index: int, **changes: Any) -> LightBlock:
    votes = list(block.commit.signatures)
    votes[index] = replace(votes[index], **changes)
    commit = replace(block.commit, signatures=tuple(votes))
    return replace(block, signed_header=SignedHeader(block.header, commit))


def test_a_wrong_signature_that_counts() -> None:
    block = forge(make_block(CHAIN, 2, OLD), 1, signature=bytes(64))
    with pytest.raises(WrongSignature) as caught:
        verify(trust(1, OLD), block, RULES, NOW)
    assert caught.value.index == 1
    assert caught.value.address == block.validators.validators[1].address


def test_signatures_behind_the_threshold_are_not_looked_at() -> None:
    block = forge(make_block(CHAIN, 2, OLD), 3, signature=bytes(64))
    assert verify(trust(1, OLD), block, RULES, NOW).height == 2


def test_a_vote_at_anothers_place() -> None:
    block = make_block(CHAIN, 2, OLD)
    swapped = forge(block, 0, address=block.validators.validators[1].address)
    with pytest.raises(Mismatch, match="address mismatch at index 0"):
        verify(trust(1, OLD), swapped, RULES, NOW)


def test_a_validator_that_votes_twice() -> None:
    block = make_block(CHAIN, 9, OLD)
    vote = block.commit.signatures[0]
    twice = forge(block, 1, address=vote.address, signature=vote.signature)
    with pytest.raises(DoubleVote) as caught:
        verify(trust(1, OLD), twice, RULES, NOW)
    assert (caught.value.first, caught.value.second) == (0, 1)


def test_a_commit_of_another_size() -> None:
    block = make_block(CHAIN, 2, OLD)
    commit = replace(block.commit, signatures=block.commit.signatures[:3])
    with pytest.raises(Mismatch, match="wrong set size: expected 4, got 3"):
        verify_commit_light(CHAIN, block.validators, commit)


def test_the_trusting_period_ends_exactly() -> None:
    trusted, block = trust(1, OLD), make_block(CHAIN, 2, OLD)
    end = trusted.time.add(RULES.trusting_period_ns)
    assert verify(trusted, block, RULES, end.add(-1)).height == 2
    with pytest.raises(HeaderExpired) as caught:
        verify(trusted, block, RULES, end)
    assert (caught.value.expired_at, caught.value.now) == (end, end)


def test_headers_come_from_before_now_and_the_drift() -> None:
    trusted, block = trust(1, OLD), make_block(CHAIN, 2, OLD)
    limit = block.header.time.add(-RULES.max_clock_drift_ns)
    assert verify(trusted, block, RULES, limit.add(1)).height == 2
    with pytest.raises(HeaderFromFuture, match="from the future") as caught:
        verify(trusted, block, RULES, limit)
    assert caught.value.time == block.header.time


def test_heights_and_times_increase() -> None:
    trusted = trust(5, OLD)
    for height in (4, 5):
        with pytest.raises(HeightNotIncreasing) as caught:
            verify(trusted, make_block(CHAIN, height, OLD), RULES, NOW)
        assert (caught.value.height, caught.value.trusted) == (height, 5)
    for nanoseconds in (0, -1):
        late = make_block(CHAIN, 6, OLD, time=trusted.time.add(nanoseconds))
        with pytest.raises(TimeNotIncreasing):
            verify(trusted, late, RULES, NOW)


def test_headers_of_another_chain() -> None:
    with pytest.raises(Mismatch, match="chain id"):
        verify(trust(1, OLD), make_block("chain-2", 2, OLD), RULES, NOW)


def test_a_commit_signed_for_another_chain() -> None:
    header = make_header(CHAIN, 2, OLD)
    block = replace(
        make_block(CHAIN, 2, OLD),
        signed_header=SignedHeader(header, sign_commit(header, OLD, chain_id="chain-2")),
    )
    with pytest.raises(WrongSignature):
        verify(trust(1, OLD), block, RULES, NOW)


def test_validators_that_are_not_the_headers() -> None:
    block = replace(make_block(CHAIN, 2, OLD), validators=validator_set(NEW))
    with pytest.raises(Mismatch, match="validators hash"):
        verify(trust(1, OLD), block, RULES, NOW)


def test_next_validators_that_are_not_the_headers() -> None:
    block = replace(make_block(CHAIN, 2, OLD), next_validators=validator_set(NEW))
    with pytest.raises(Mismatch, match="next validators hash"):
        verify(trust(1, OLD), block, RULES, NOW)


def test_without_the_next_validators_the_blocks_own_are_trusted() -> None:
    trusted = Trusted.from_block(replace(make_block(CHAIN, 1, OLD, NEW), next_validators=None))
    assert trusted.validators == validator_set(OLD)
    assert verify(trusted, make_block(CHAIN, 9, OLD), RULES, NOW).height == 9


@pytest.mark.parametrize(
    ("powers", "words"),
    [((-1, 10), "negative voting power -1"), ((2**60, 2**60), "exceeds maximum"), ((), "nil or")],
)
def test_powers_that_no_chain_has(powers: tuple[int, ...], words: str) -> None:
    keys = [member.validator.pub_key for member in OLD]
    members = tuple(Validator(key, power) for key, power in zip(keys, powers, strict=False))
    block = replace(make_block(CHAIN, 2, OLD), validators=ValidatorSet(members))
    with pytest.raises(VerificationError, match=words):
        verify(trust(1, OLD), block, RULES, NOW)


def test_a_rotated_key_cannot_lend_its_old_signature() -> None:
    """The signature checked for the trusted set must not be skipped for another key's power."""
    strong = [replace(member, power=1) for member in OLD[:3]] + [signer("strong", 100)]
    block = make_block(CHAIN, 9, strong)
    index = next(
        at for at, v in enumerate(block.validators.validators) if v.address == strong[3].address
    )
    with pytest.raises(WrongSignature):
        verify(trust(1, OLD[:3]), forge(block, index, signature=bytes(64)), RULES, NOW)


@dataclass
class Chain:
    """A chain that replaces one validator per height, and counts what it is asked for."""

    asked: list[int] = field(default_factory=list)

    def members(self, height: int) -> list[Signer]:
        return [signer(f"member-{height + offset}") for offset in range(6)]

    def block(self, height: int) -> LightBlock:
        self.asked.append(height)
        return make_block(CHAIN, height, self.members(height), self.members(height + 1))


def drive(chain: Chain, flow: Any) -> Any:
    try:
        height = next(flow)
        while True:
            height = flow.send(chain.block(height))
    except StopIteration as done:
        return done.value


def test_bisection_asks_for_nearer_blocks_when_trust_is_not_enough() -> None:
    chain = Chain()
    trusted = Trusted.from_block(make_block(CHAIN, 1, chain.members(1), chain.members(2)))
    reached = drive(chain, bisect(trusted, 20, RULES, NOW))
    assert reached.height == 20
    assert chain.asked[:3] == [20, 11, 6]
    assert len(chain.asked) == len(set(chain.asked))


def test_the_trace_can_be_followed_step_by_step() -> None:
    chain = Chain()
    trusted = Trusted.from_block(make_block(CHAIN, 1, chain.members(1), chain.members(2)))
    steps = drive(chain, trace(trusted, 20, RULES, NOW))
    assert len(steps) < 19
    for step in steps:
        trusted = verify(trusted, step, RULES, NOW)
    assert trusted.height == 20


def test_one_step_is_enough_when_validators_stay() -> None:
    flow = bisect(trust(1, OLD), 500, RULES, NOW)
    assert next(flow) == 500
    with pytest.raises(StopIteration) as done:
        flow.send(make_block(CHAIN, 500, OLD))
    assert done.value.value.height == 500


def test_nothing_to_do_and_nothing_possible() -> None:
    trusted = trust(5, OLD)
    with pytest.raises(StopIteration) as done:
        next(bisect(trusted, 5, RULES, NOW))
    assert done.value.value is trusted
    with pytest.raises(HeightNotIncreasing):
        next(bisect(trusted, 4, RULES, NOW))


def test_a_node_that_sends_another_height() -> None:
    flow = bisect(trust(1, OLD), 9, RULES, NOW)
    next(flow)
    with pytest.raises(Mismatch, match="height of the light block: expected 9, got 8"):
        flow.send(make_block(CHAIN, 8, OLD))


def test_bisection_ends_at_a_forged_block() -> None:
    flow = bisect(trust(1, OLD), 9, RULES, NOW)
    next(flow)
    with pytest.raises(WrongSignature):
        flow.send(forge(make_block(CHAIN, 9, OLD), 0, signature=bytes(64)))


def test_a_block_by_strangers_is_followed_down_to_where_it_breaks() -> None:
    """Strangers cannot be told from a changed set until the block next to it is verified."""
    chain = {height: make_block(CHAIN, height, OLD) for height in range(2, 9)}
    forged = resign(make_block(CHAIN, 9, NEW), make_header(CHAIN, 9, NEW), NEW)
    flow = bisect(trust(1, OLD), 9, RULES, NOW)
    next(flow)
    height = flow.send(forged)
    while height != 8:
        height = flow.send(chain[height])
    with pytest.raises(Mismatch, match="next validators"):
        flow.send(chain[8])


def test_the_clock_may_be_ten_seconds_off_unless_said_otherwise() -> None:
    assert RULES.max_clock_drift_ns == 10 * SECOND


@pytest.mark.parametrize(
    ("power", "level", "error", "words"),
    [
        ((2**63 - 1) // 49, Fraction(49, 50), NotEnoughTrust, "voting power"),
        (2**59, Fraction(16, 17), VerificationError, "cannot be used"),
    ],
)
def test_a_share_of_the_greatest_powers(
    power: int, level: Fraction, error: type[Exception], words: str
) -> None:
    """Their product is reckoned in 64 bits, as CometBFT does."""
    other = signer("other", power).validator
    block = make_block(CHAIN, 2, NEW)
    with pytest.raises(error, match=words) as caught:
        verify_commit_trusting(CHAIN, ValidatorSet((other,)), block.commit, level)
    assert type(caught.value) is error
