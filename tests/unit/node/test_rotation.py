"""Proposer rotation and validator updates, by the rules of CometBFT's validator_set.go."""

from collections import Counter

import pytest
from helpers.kv_app import keys

from chain.node.rotation import increment, new_set, updated
from light_client.keys import PublicKey
from light_client.validators import ValidatorSet

KEYS = [key.pub_key for key in keys(5)]


def members(*powers: int) -> list[tuple[PublicKey, int]]:
    return list(zip(KEYS, powers, strict=False))


def proposer(validators: ValidatorSet) -> bytes:
    assert validators.proposer is not None
    return validators.proposer.address


def turns(validators: ValidatorSet, count: int) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for _ in range(count):
        found[proposer(validators)] += 1
        validators = increment(validators)
    return found


@pytest.mark.parametrize(
    "powers", [(1, 1, 1), (1, 2, 3), (10, 1, 1, 1), (1000, 1), (4, 4, 1, 1, 1)]
)
def test_turns_are_proportional_to_power(powers: tuple[int, ...]) -> None:
    total = sum(powers)
    found = turns(new_set(members(*powers)), 3 * total)
    assert found == {key.address: 3 * power for (key, power) in members(*powers)}


def test_priorities_stay_centred_and_within_their_window() -> None:
    validators = new_set(members(1000, 300, 20, 1, 1))
    for _ in range(500):
        validators = increment(validators)
        priorities = [each.proposer_priority for each in validators.validators]
        assert max(priorities) - min(priorities) <= 2 * validators.total_power
        assert abs(sum(priorities)) < len(priorities)


def test_equal_priorities_are_decided_by_address() -> None:
    assert proposer(new_set(members(5, 5, 5))) == min(key.address for key in KEYS[:3])


def test_the_set_is_in_canonical_order() -> None:
    validators = new_set(members(1, 3, 2, 3))
    listed = [(-each.power, each.address) for each in validators.validators]
    assert listed == sorted(listed)


def test_newcomers_start_behind() -> None:
    before = new_set(members(10, 10))
    after = updated(before, [(KEYS[2], 10)])
    newcomer = after.find(KEYS[2].address)
    assert newcomer is not None
    assert newcomer.proposer_priority == min(each.proposer_priority for each in after.validators)
    assert newcomer.proposer_priority < -20
    assert KEYS[2].address not in turns(increment(after), 2)


def test_changes_keep_the_priority_and_removals_take_it_along() -> None:
    before = increment(new_set(members(10, 20, 30)))
    after = updated(before, [(KEYS[0], 15), (KEYS[1], 0)])
    assert [(each.pub_key, each.power) for each in after.validators] == [
        (KEYS[2], 30),
        (KEYS[0], 15),
    ]
    assert updated(before, []).validators == before.validators


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ([(KEYS[0], -1)], "voting power can't be negative: -1"),
        ([(KEYS[4], 0)], "failed to find validator .* to remove"),
        ([(KEYS[0], 0), (KEYS[1], 0)], "leave the set empty"),
    ],
)
def test_impossible_changes(changes: list[tuple[PublicKey, int]], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        updated(new_set(members(1, 1)), changes)
