"""Two sources of one chain: where they part, and the evidence of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from helpers.validators import (
    GENESIS,
    SECOND,
    make_block,
    make_header,
    sign_commit,
    signer,
    signers,
)

from light_client import client, detector, tendermint
from light_client.commit import LightBlock, SignedHeader
from light_client.detector import Attack, Conflict, FaultySource, Source
from light_client.errors import HeaderExpired, Mismatch, NotEnoughPower
from light_client.evidence import LightClientAttackEvidence
from light_client.message import ClientHeader
from light_client.state import ClientState, ConsensusState
from light_client.values import ZERO_HEIGHT, Fraction, Height, Timestamp
from light_client.verify import Rules

CHAIN = "forked-1"
MEMBERS = signers(4)
RULES = Rules(trusting_period_ns=3600 * SECOND)
NOW = GENESIS.add(200 * SECOND)
FORK = 37


class Chain:
    """Blocks of one chain; from height ``fork`` on they are another chain's."""

    def __init__(self, fork: int = 1000, **changes: object) -> None:
        self.fork = fork
        self.changes = changes
        self.asked: list[int] = []

    def light_block(self, height: int) -> LightBlock:
        self.asked.append(height)
        if height < self.fork:
            return make_block(CHAIN, height, MEMBERS)
        header = replace(make_header(CHAIN, height, MEMBERS), **self.changes)  # type: ignore[arg-type]
        signed = SignedHeader(header, sign_commit(header, MEMBERS))
        return replace(make_block(CHAIN, height, MEMBERS), signed_header=signed)


ROOT = Chain().light_block(1)


def compare(
    primary: Callable[[int], LightBlock],
    witness: Callable[[int], LightBlock],
    height: int = 100,
    now: Timestamp = NOW,
) -> Conflict | None:
    sources = {Source.PRIMARY: primary, Source.WITNESS: witness}
    return detector.drive(detector.first_conflict(ROOT, height, RULES, now), sources)


def conflict(witness: Chain) -> Conflict:
    found = compare(Chain().light_block, witness.light_block)
    assert found is not None
    return found


def test_sources_that_agree() -> None:
    primary, witness = Chain(), Chain()
    assert compare(primary.light_block, witness.light_block) is None
    assert primary.asked == witness.asked == [1, 100]


@pytest.mark.parametrize("fork", [2, 3, FORK, 99, 100])
def test_the_first_difference_is_found_by_halving(fork: int) -> None:
    witness = Chain(fork, app_hash=b"\xbb" * 32)
    found = conflict(witness)
    assert (found.height, found.common.height) == (fork, fork - 1)
    assert found.primary.header.app_hash == b"\xaa" * 32
    assert found.witness.header.app_hash == b"\xbb" * 32
    assert len(witness.asked) <= 2 + 7 + 1


def test_a_lunatic_attack_is_by_those_of_the_common_set_who_signed() -> None:
    found = conflict(Chain(FORK, app_hash=b"\xbb" * 32))
    assert found.attack is Attack.LUNATIC
    evidence = found.evidence(Source.WITNESS)
    assert evidence == LightClientAttackEvidence(
        conflicting_block=found.witness,
        common_height=FORK - 1,
        byzantine_validators=found.common.validators.validators,
        total_voting_power=40,
        timestamp=found.common.header.time,
    )
    assert found.evidence(Source.PRIMARY).conflicting_block == found.primary


def test_equivocation_is_by_those_who_signed_both() -> None:
    absent = {MEMBERS[0].address}

    def witness(height: int) -> LightBlock:
        block = Chain(FORK, data_hash=b"\xdd" * 32).light_block(height)
        if height < FORK:
            return block
        commit = sign_commit(block.header, MEMBERS, absent)
        return replace(block, signed_header=SignedHeader(block.header, commit))

    found = compare(Chain().light_block, witness)
    assert found is not None
    assert found.attack is Attack.EQUIVOCATION
    evidence = found.evidence(Source.WITNESS)
    guilty = {validator.address for validator in evidence.byzantine_validators}
    assert guilty == {member.address for member in MEMBERS} - absent
    assert (evidence.common_height, evidence.timestamp) == (FORK, found.primary.header.time)


def test_amnesia_names_nobody() -> None:
    def witness(height: int) -> LightBlock:
        block = Chain(FORK, data_hash=b"\xdd" * 32).light_block(height)
        if height < FORK:
            return block
        commit = sign_commit(block.header, MEMBERS, round_=1)
        return replace(block, signed_header=SignedHeader(block.header, commit))

    found = compare(Chain().light_block, witness)
    assert found is not None
    assert found.attack is Attack.AMNESIA
    assert found.evidence(Source.WITNESS).byzantine_validators == ()


def test_the_misbehaviour_freezes_a_client() -> None:
    found = conflict(Chain(FORK, app_hash=b"\xbb" * 32))
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
    client.verify_client_message(state, history, message, NOW)
    assert client.check_for_misbehaviour(state, history, message)


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


def test_a_source_that_lies_alone_is_named() -> None:
    strangers = [signer(f"stranger-{number}") for number in range(4)]

    def witness(height: int) -> LightBlock:
        return make_block(CHAIN, height, MEMBERS if height < FORK else strangers)

    with pytest.raises(FaultySource, match=f"witness at height {FORK}: ") as caught:
        compare(Chain().light_block, witness)
    assert (caught.value.source, caught.value.height) == (Source.WITNESS, FORK)
    assert isinstance(caught.value.reason, Mismatch)
    with pytest.raises(FaultySource, match="primary at height"):
        compare(witness, Chain().light_block)


def test_a_block_without_power_is_a_lie() -> None:
    most = {member.address for member in MEMBERS[1:]}

    def witness(height: int) -> LightBlock:
        block = Chain(FORK, app_hash=b"\xbb" * 32).light_block(height)
        commit = sign_commit(block.header, MEMBERS, most)
        return (
            block
            if height < FORK
            else replace(block, signed_header=SignedHeader(block.header, commit))
        )

    with pytest.raises(FaultySource) as caught:
        compare(Chain().light_block, witness)
    assert isinstance(caught.value.reason, NotEnoughPower)


def test_a_source_must_know_the_root_and_answer_what_was_asked() -> None:
    with pytest.raises(Mismatch, match="trusted block of the witness"):
        compare(Chain().light_block, Chain(1, app_hash=b"\xbb" * 32).light_block)
    with pytest.raises(Mismatch, match="height of the primary's light block"):
        compare(lambda height: Chain().light_block(max(height, 2)), Chain().light_block)


def test_an_expired_root_proves_nothing() -> None:
    with pytest.raises(FaultySource) as caught:
        compare(
            Chain().light_block,
            Chain(FORK, app_hash=b"\xbb" * 32).light_block,
            now=GENESIS.add(7200 * SECOND),
        )
    assert isinstance(caught.value.reason, HeaderExpired)


def test_the_front_module_has_what_it_lists() -> None:
    for name in tendermint.__all__:
        assert getattr(tendermint, name) is not None
    assert tendermint.first_conflict is detector.first_conflict
