"""The 07-tendermint client: what the vectors of ibc-go's rules leave out."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from helpers.trees import Store, multistore
from helpers.validators import (
    GENESIS,
    SECOND,
    Signer,
    make_block,
    signer,
    signers,
    validator_set,
)

from light_client import client, codec, proof_codec
from light_client.client import (
    ClientHeader,
    ClientState,
    ConsensusState,
    Misbehaviour,
    Status,
)
from light_client.errors import (
    CLIENT_NOT_ACTIVE,
    ClientError,
    Mismatch,
    ProofError,
    VerificationError,
)
from light_client.proofs import IAVL_SPEC
from light_client.state import FROZEN_HEIGHT, SENTINEL_ROOT
from light_client.validators import ValidatorSet
from light_client.values import ZERO_HEIGHT, Fraction, Height

CHAIN = "chain-1"
NOW = GENESIS.add(500 * SECOND)
DAY = 86_400 * SECOND
MEMBERS = signers(4)
STORE = Store({f"key-{number}".encode(): b"value" for number in range(6)})
ROOT, STORES = multistore({"bank": b"\1" * 32, "ibc": STORE.root})
STATE = ClientState(
    CHAIN, Fraction(1, 3), 14 * DAY, 21 * DAY, 10 * SECOND, ZERO_HEIGHT, Height(1, 5)
)


@dataclass
class Stored:
    states: dict[Height, ConsensusState] = field(default_factory=dict)
    when: tuple[int | None, Height | None] | None = None

    def get(self, height: Height, /) -> ConsensusState | None:
        return self.states.get(height)

    def previous(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        below = [stored for stored in self.states if stored < height]
        return (max(below), self.states[max(below)]) if below else None

    def next(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        above = [stored for stored in self.states if stored > height]
        return (min(above), self.states[min(above)]) if above else None

    def processed(self, height: Height, /) -> tuple[int | None, Height | None] | None:
        return self.when if height in self.states else None


def consensus(height: int, members: list[Signer] = MEMBERS) -> ConsensusState:
    return header(height, members).consensus_state


def header(height: int, members: list[Signer] = MEMBERS, **changes: Any) -> ClientHeader:
    trusted = changes.pop("trusted", MEMBERS)
    block = make_block(changes.pop("chain", CHAIN), height, members, app_hash=ROOT, **changes)
    return ClientHeader(block.signed_header, block.validators, Height(1, 5), validator_set(trusted))


HISTORY = Stored({Height(1, 5): consensus(5)}, (NOW.ns, Height(2, 50)))


def code(error: Any) -> tuple[str, int]:
    return error.value.codespace, error.value.code


def test_an_update_is_verified_and_stored() -> None:
    for height in (6, 9):
        message = header(height)
        client.verify_client_message(STATE, HISTORY, message, NOW)
        assert not client.check_for_misbehaviour(STATE, HISTORY, message)
        update = client.update_state(STATE, HISTORY, message)
        assert update.heights == (Height(1, height),)
        assert update.client_state.latest_height == Height(1, height)
        assert update.consensus_state == consensus(height)


def test_an_update_of_the_past_keeps_the_latest_height() -> None:
    state = replace(STATE, latest_height=Height(1, 90))
    assert client.update_state(state, HISTORY, header(9)).client_state is not None
    assert (
        client.update_state(state, HISTORY, header(9)).client_state.latest_height.revision_height
        == 90
    )


def test_a_repeated_update_changes_nothing() -> None:
    stored = Stored({**HISTORY.states, Height(1, 9): consensus(9)})
    assert client.update_state(STATE, stored, header(9)) == client.Update(
        STATE, (Height(1, 9),), None
    )


def test_misbehaviour_by_time_and_by_content() -> None:
    message = header(9)
    for states, expected in (
        ({Height(1, 9): consensus(9)}, False),
        ({Height(1, 9): replace(consensus(9), root=b"\2" * 32)}, True),
        ({Height(1, 8): consensus(8), Height(1, 10): consensus(10)}, False),
        ({Height(1, 8): replace(consensus(8), timestamp=message.consensus_state.timestamp)}, True),
        (
            {Height(1, 10): replace(consensus(10), timestamp=message.consensus_state.timestamp)},
            True,
        ),
        ({}, False),
    ):
        assert client.check_for_misbehaviour(STATE, Stored(states), message) is expected


def test_status_words() -> None:
    assert client.status(None, HISTORY, NOW) is Status.UNKNOWN
    assert str(client.status(STATE, HISTORY, NOW)) == "Active"
    assert client.status(client.freeze(STATE), HISTORY, NOW).value == "Frozen"
    assert client.freeze(STATE).frozen_height == FROZEN_HEIGHT
    assert client.status(STATE, Stored(), NOW) is Status.EXPIRED
    assert client.status(STATE, HISTORY, NOW.add(14 * DAY)) is Status.EXPIRED


@pytest.mark.parametrize(
    ("message", "expected", "words"),
    [
        (replace(header(9), trusted_height=Height(1, 4)), ("client", 7), "for Header at Trusted"),
        (replace(header(9), trusted_validators=None), ("undefined", 1), "nil validator set"),
        (replace(header(9), validator_set=None), ("client", 12), "validator set is nil"),
        (replace(header(9), trusted_height=Height(1, 9)), ("07-tendermint", 5), "less than"),
        (header(9, trusted=MEMBERS[:3]), ("07-tendermint", 14), "do not hash to latest"),
        (header(9, chain="chain-2"), ("07-tendermint", 5), "revision 2 does not match"),
        (header(9, chain="other-1"), ("undefined", 1), "chain id"),
        (header(9, members=signers(4, prefix="new")), ("undefined", 1), "cant trust new val set"),
        (
            replace(header(9), validator_set=validator_set(MEMBERS[:2])),
            ("client", 12),
            "does not match hash",
        ),
        (
            replace(header(9), trusted_validators=ValidatorSet(validator_set(MEMBERS).validators)),
            ("undefined", 1),
            "no proposer",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_headers_that_are_refused(message: ClientHeader, expected: Any, words: str) -> None:
    with pytest.raises((ClientError, VerificationError), match=words) as caught:
        client.verify_client_message(STATE, HISTORY, message, NOW)
    assert code(caught) == expected


def test_a_header_of_a_later_revision() -> None:
    state = replace(STATE, chain_id="chain-2", latest_height=Height(2, 5))
    message = header(9, chain="chain-2")
    with pytest.raises(ClientError, match="revision 2 does not match trusted header revision 1"):
        client.verify_client_message(state, HISTORY, message, NOW)


FORK = Misbehaviour("07-tendermint-0", header(9), header(9, time=GENESIS.add(9 * SECOND + 1)))


def test_a_fork_freezes() -> None:
    client.verify_client_message(STATE, HISTORY, FORK, NOW)
    assert client.check_for_misbehaviour(STATE, HISTORY, FORK)
    assert client.update_state(STATE, HISTORY, FORK) == client.Update(STATE, (), None)


def test_two_times_equal_heights_equal_blocks_are_innocent() -> None:
    same = replace(FORK, header_2=FORK.header_1)
    assert not client.check_for_misbehaviour(STATE, HISTORY, same)
    assert not client.check_for_misbehaviour(
        STATE, HISTORY, Misbehaviour("", header(10), header(9))
    )
    late = header(9, time=header(10).consensus_state.timestamp)
    assert client.check_for_misbehaviour(STATE, HISTORY, Misbehaviour("", header(10), late))


def second(change: Any) -> Misbehaviour:
    return replace(FORK, header_2=change)


@pytest.mark.parametrize(
    ("message", "expected", "words"),
    [
        (second(replace(header(9), trusted_height=Height(1, 0))), ("07-tendermint", 5), "Header2"),
        (second(replace(header(9), trusted_validators=None)), ("07-tendermint", 14), "Header2"),
        (second(header(9, chain="other-1")), ("client", 13), "identical chainIDs"),
        (replace(FORK, client_id="a/b"), ("host", 2), "separator"),
        (second(replace(header(9), validator_set=None)), ("client", 13), "header 2 failed"),
        (second(header(10)), ("client", 13), "Header1 height is less"),
        (
            second(header(9, absent=[member.address for member in MEMBERS[:2]])),
            ("client", 13),
            "did not commit",
        ),
        (second(replace(header(9), trusted_height=Height(1, 4))), ("client", 7), "for Header2"),
        (second(header(9, trusted=MEMBERS[:3])), ("07-tendermint", 14), "do not hash"),
        (
            second(header(9, members=signers(4, prefix="new"))),
            ("client", 13),
            "too much change",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_misbehaviour_that_is_refused(message: Misbehaviour, expected: Any, words: str) -> None:
    with pytest.raises((ClientError, VerificationError, Exception), match=words) as caught:
        client.verify_client_message(STATE, HISTORY, message, NOW)
    assert code(caught) == expected


def test_misbehaviour_against_an_expired_state() -> None:
    with pytest.raises(ClientError, match="trusting period") as caught:
        client.verify_client_message(STATE, HISTORY, FORK, NOW.add(14 * DAY))
    assert code(caught) == ("07-tendermint", 11)


def test_misbehaviour_of_a_chain_without_revisions() -> None:
    state = replace(STATE, chain_id="plain", latest_height=Height(0, 5))
    history = Stored({Height(0, 5): consensus(5)})
    first, other = (
        replace(
            header(9, chain="plain", time=GENESIS.add(9 * SECOND + ns)), trusted_height=Height(0, 5)
        )
        for ns in (0, 1)
    )
    client.verify_client_message(state, history, Misbehaviour("07-tendermint-0", first, other), NOW)


PATH = (b"ibc", b"key-3")
PROOF = proof_codec.encode_merkle((STORE.prove(b"key-3"), STORES["ibc"]))
ABSENT = proof_codec.encode_merkle((STORE.prove(b"key-33"), STORES["ibc"]))


def test_membership_at_a_known_height() -> None:
    at, self_height = Height(1, 5), Height(2, 50)
    client.verify_membership(STATE, HISTORY, at, 0, 0, PROOF, PATH, b"value", 0, self_height)
    client.verify_non_membership(
        STATE, HISTORY, at, 0, 0, ABSENT, (b"ibc", b"key-33"), 0, self_height
    )
    with pytest.raises(ProofError) as wrong:
        client.verify_membership(STATE, HISTORY, at, 0, 0, PROOF, PATH, b"v", 0, self_height)
    assert code(wrong) == ("commitment", 2)
    with pytest.raises(ClientError, match="please ensure the client has been updated") as future:
        client.verify_membership(
            STATE, HISTORY, Height(1, 6), 0, 0, PROOF, PATH, b"value", 0, self_height
        )
    assert code(future) == ("ibc", 9)
    with pytest.raises(ClientError, match="height that exists on the client") as unknown:
        client.verify_non_membership(
            STATE, HISTORY, Height(1, 4), 0, 0, ABSENT, PATH, 0, self_height
        )
    assert code(unknown) == ("client", 7)


@pytest.mark.parametrize(
    ("when", "delay", "expected"),
    [
        (None, (1, 0), 8),
        (None, (0, 1), 9),
        ((100, Height(2, 50)), (10, 0), 10),
        ((100, Height(2, 50)), (0, 3), 10),
    ],
)
def test_delays(when: Any, delay: tuple[int, int], expected: int) -> None:
    history = replace(HISTORY, when=when)
    with pytest.raises(ClientError) as caught:
        client.verify_membership(
            STATE, history, Height(1, 5), *delay, PROOF, PATH, b"value", 109, Height(2, 52)
        )
    assert code(caught) == ("07-tendermint", expected)


def test_delays_are_inclusive() -> None:
    history = replace(HISTORY, when=(100, Height(2, 50)))
    client.verify_membership(
        STATE, history, Height(1, 5), 10, 3, PROOF, PATH, b"value", 110, Height(2, 53)
    )
    client.verify_membership(
        STATE, history, Height(1, 5), 10, 0, PROOF, PATH, b"value", 110, Height(2, 0)
    )


def test_delays_wrap_around_as_in_go() -> None:
    history = replace(HISTORY, when=(100, Height(2, 50)))
    client.verify_membership(
        STATE,
        history,
        Height(1, 5),
        2**64 - 50,
        2**64 - 25,
        PROOF,
        PATH,
        b"value",
        51,
        Height(2, 26),
    )


@pytest.mark.parametrize(
    ("delay", "per_block", "blocks"),
    [
        (0, 5, 0),
        (5, 0, 0),
        (5, 5, 1),
        (6, 5, 2),
        (2**53 + 1, 2**52, 2),  # as doubles: one more nanosecond is lost
    ],
)
def test_block_delay_rounds_up(delay: int, per_block: int, blocks: int) -> None:
    assert client.block_delay(delay, per_block) == blocks


UPGRADED = replace(
    STATE, chain_id="chain-2", latest_height=Height(2, 1), unbonding_period_ns=7 * DAY
)
NEXT = ConsensusState(NOW, b"\3" * 32, b"\4" * 32)


def upgrade_proofs(upgraded: ClientState, following: ConsensusState) -> tuple[Stored, bytes, bytes]:
    committed = codec.to_any(upgraded.zero_custom_fields()).SerializeToString()
    keys = [b"upgradedIBCState/5/upgradedClient", b"upgradedIBCState/5/upgradedConsState"]
    store = Store(
        {keys[0]: committed, keys[1]: codec.to_any(following).SerializeToString(), b"x": b"y"}
    )
    root, stores = multistore({"upgrade": store.root, "ibc": b"\1" * 32})
    history = Stored({Height(1, 5): replace(consensus(5), root=root)})
    proofs = [proof_codec.encode_merkle((store.prove(key), stores["upgrade"])) for key in keys]
    return history, proofs[0], proofs[1]


def test_an_upgrade_keeps_what_the_relayer_chose() -> None:
    history, *proofs = upgrade_proofs(UPGRADED, NEXT)
    update = client.verify_upgrade_and_update(STATE, history, (UPGRADED, NEXT), *proofs)
    new = update.client_state
    assert (new.chain_id, new.latest_height) == ("chain-2", Height(2, 1))
    assert new.trust_level == STATE.trust_level
    assert new.trusting_period_ns == 14 * DAY * 7 // 21
    assert update.heights == (Height(2, 1),)
    assert update.consensus_state == replace(NEXT, root=SENTINEL_ROOT)


def test_an_upgrade_that_lengthens_unbonding_keeps_the_trusting_period() -> None:
    longer = replace(UPGRADED, unbonding_period_ns=28 * DAY)
    history, *proofs = upgrade_proofs(longer, NEXT)
    update = client.verify_upgrade_and_update(STATE, history, (longer, NEXT), *proofs)
    assert update.client_state.trusting_period_ns == STATE.trusting_period_ns


def test_an_upgrade_that_was_not_committed_to() -> None:
    history, *proofs = upgrade_proofs(UPGRADED, NEXT)
    other = replace(UPGRADED, unbonding_period_ns=8 * DAY)
    with pytest.raises(ProofError, match="client state proof failed") as caught:
        client.verify_upgrade_and_update(STATE, history, (other, NEXT), *proofs)
    assert code(caught) == ("commitment", 2)
    with pytest.raises(ProofError, match="consensus state proof failed"):
        client.verify_upgrade_and_update(
            STATE, history, (UPGRADED, replace(NEXT, root=b"")), *proofs
        )


def test_upgrades_that_cannot_be() -> None:
    history, *proofs = upgrade_proofs(UPGRADED, NEXT)
    for state, stored, upgraded, expected in (
        (STATE, history, replace(UPGRADED, latest_height=Height(1, 5)), ("ibc", 9)),
        (replace(STATE, upgrade_path=()), history, UPGRADED, ("client", 25)),
        (STATE, Stored(), UPGRADED, ("client", 7)),
    ):
        with pytest.raises(ClientError) as caught:
            client.verify_upgrade_and_update(state, stored, (upgraded, NEXT), *proofs)
        assert code(caught) == expected


def test_the_sdks_decimals_round_at_18_places() -> None:
    assert client._scale(10, 1, 3) == 3
    assert client._scale(10**10, 2**62, 2**62 + 1) == 9_999_999_999
    assert client._scale(1, 2**63 - 2, 2**63 - 1) == 1  # 1 - 1.08e-19 rounds up to 1
    assert client._scale(3, 1, 2 * 10**18) == 0


SUBSTITUTE = replace(STATE, chain_id="chain-2", latest_height=Height(2, 9), trusting_period_ns=DAY)
OTHER = Stored({Height(2, 9): consensus(9)}, (77, Height(3, 3)))


def test_recovery_takes_over_the_substitutes_state() -> None:
    subject = (client.freeze(STATE), HISTORY)
    recovery = client.recover(subject, (SUBSTITUTE, OTHER), NOW)
    assert recovery.client_state == SUBSTITUTE
    assert (recovery.height, recovery.consensus_state) == (Height(2, 9), consensus(9))
    assert (recovery.processed_time_ns, recovery.processed_height) == (77, Height(3, 3))


@pytest.mark.parametrize(
    ("subject", "substitute", "other", "expected"),
    [
        (STATE, SUBSTITUTE, OTHER, ("client", 24)),
        (client.freeze(STATE), client.freeze(SUBSTITUTE), OTHER, ("client", 29)),
        (client.freeze(STATE), SUBSTITUTE, Stored(), ("client", 29)),
        (
            replace(client.freeze(STATE), latest_height=Height(2, 9)),
            SUBSTITUTE,
            OTHER,
            ("client", 26),
        ),
        (
            client.freeze(STATE),
            replace(SUBSTITUTE, trust_level=Fraction(2, 6)),
            OTHER,
            ("client", 27),
        ),
        (client.freeze(STATE), replace(SUBSTITUTE, upgrade_path=()), OTHER, ("client", 27)),
        (client.freeze(STATE), SUBSTITUTE, replace(OTHER, when=None), ("client", 23)),
        (client.freeze(STATE), SUBSTITUTE, replace(OTHER, when=(1, None)), ("client", 23)),
    ],
)
def test_recoveries_that_are_refused(
    subject: ClientState, substitute: ClientState, other: Stored, expected: Any
) -> None:
    with pytest.raises(ClientError) as caught:
        client.recover((subject, HISTORY), (substitute, other), NOW)
    assert code(caught) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"chain_id": " "}, ("07-tendermint", 2)),
        ({"chain_id": "x" * 51}, ("07-tendermint", 2)),
        ({"trust_level": Fraction(1, 4)}, ("07-tendermint", 15)),
        ({"trust_level": Fraction(4, 3)}, ("07-tendermint", 15)),
        ({"trust_level": Fraction((2**64 + 2) // 3, 2**63)}, ("07-tendermint", 15)),
        ({"trust_level": Fraction(0, 0)}, ("07-tendermint", 15)),
        ({"trusting_period_ns": 0}, ("07-tendermint", 3)),
        ({"trusting_period_ns": 21 * DAY}, ("07-tendermint", 3)),
        ({"unbonding_period_ns": 0}, ("07-tendermint", 4)),
        ({"max_clock_drift_ns": 0}, ("07-tendermint", 7)),
        ({"latest_height": Height(2, 5)}, ("07-tendermint", 5)),
        ({"latest_height": Height(1, 0)}, ("07-tendermint", 5)),
        ({"proof_specs": ()}, ("07-tendermint", 13)),
        ({"upgrade_path": ("upgrade", " ")}, ("client", 3)),
    ],
)
def test_client_states_that_are_refused(changes: dict[str, Any], expected: Any) -> None:
    STATE.validate()
    with pytest.raises(ClientError) as caught:
        replace(STATE, **changes).validate()
    assert code(caught) == expected
    assert caught.value.kind.text in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"root": b""}, ("client", 8)),
        ({"root": b"\1"}, ("undefined", 1)),
        ({"next_validators_hash": b"\1"}, ("undefined", 1)),
        ({"timestamp": GENESIS.add(-GENESIS.ns)}, ("client", 8)),
    ],
)
def test_consensus_states_that_are_refused(changes: dict[str, Any], expected: Any) -> None:
    state = consensus(5)
    state.validate_basic()
    replace(state, root=SENTINEL_ROOT, next_validators_hash=b"").validate_basic()
    with pytest.raises((ClientError, Mismatch)) as caught:
        replace(state, **changes).validate_basic()
    assert code(caught) == expected


def test_the_words_of_an_error_are_ibc_gos() -> None:
    assert str(ClientError(CLIENT_NOT_ACTIVE)) == "client state is not active"
    assert signer("x").power == 10
    assert STATE.proof_specs[0] is IAVL_SPEC
