"""Header verification vectors of tendermint-rs, and 07-tendermint vectors after ibc-go."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.lightclients.tendermint.v1 import tendermint_pb2
from light_client import client, codec, rpcjson
from light_client.client import ClientState, ConsensusState, Status
from light_client.commit import ABSENT, LightBlock
from light_client.errors import (
    CLIENT_NOT_ACTIVE,
    ClientError,
    LightClientError,
    NotEnoughTrust,
    VerificationError,
)
from light_client.validators import ValidatorSet, canonical_order
from light_client.values import ZERO_TIME, Fraction, Height, Timestamp
from light_client.verify import Rules, Trusted, bisect, verify

FOLDER = vectors.topic("light_client")


@dataclass
class Stored:
    """A client's consensus states, as a chain would keep them."""

    states: dict[Height, ConsensusState]
    when: tuple[int | None, Height | None] | None = None

    def get(self, height: Height, /) -> ConsensusState | None:
        return self.states.get(height)

    def previous(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        below = [stored for stored in self.states if stored < height]
        return (max(below), self.states[max(below)]) if below else None

    def next(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        above = [stored for stored in self.states if stored > height]
        return (min(above), self.states[min(above)]) if above else None

    def processed(self, _height: Height, /) -> tuple[int | None, Height | None] | None:
        return self.when


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    for keys, run in RUNNERS:
        if keys <= case.keys():
            return run(case)
    pytest.fail(f"{name}: unknown format {sorted(case)}")


def run_single_step(case: Case) -> None:
    initial = case["initial"]
    signed = rpcjson.signed_header_from_json(initial["signed_header"])
    header, following = signed.header, sorted_set(initial["next_validator_set"])
    trusted = Trusted(
        header.chain_id,
        header.height,
        header.time,
        header.app_hash,
        header.next_validators_hash,
        following,
    )
    rules = Rules(int(initial["trusting_period"]), Fraction(1, 3), 0)
    for step in case["input"]:
        block = light_block(step["block"])
        try:
            trusted = verify(trusted, block, rules, Timestamp.parse(step["now"]))
            verdict = "SUCCESS"
        except NotEnoughTrust:
            verdict = "NOT_ENOUGH_TRUST"
        except VerificationError:
            verdict = "INVALID"
        assert verdict == step["verdict"]


def run_bisection(case: Case) -> None:
    primary = blocks(case["primary"])
    target, now = int(case["height_to_verify"]), Timestamp.parse(case["now"])
    options = case["trust_options"]
    level = options["trust_level"]
    rules = Rules(
        int(options["period"]),
        Fraction(int(level["numerator"]), int(level["denominator"])),
        10_000_000_000,
    )
    trusted = Trusted.from_block(primary[int(options["height"])])
    try:
        reached = drive(primary, trusted, target, rules, now)
        verified = reached.height == target
    except VerificationError:
        verified = False
    assert verified == case["primary_verifies"]
    witnesses = [blocks(witness["value"]) for witness in case["witnesses"]]
    agreed = [
        witness[target].header.hash() == primary[target].header.hash() for witness in witnesses
    ]
    assert agreed == case["witness_agrees_at_target"]
    assert (verified and all(agreed)) == (case["expected_output"] != "error")


def run_client_message(case: Case) -> None:
    state, history, now = situation(case)
    try:
        message = codec.from_any(
            any_pb2.Any(type_url=case["message_type"], value=raw(case["message"]))
        )
        assert isinstance(message, client.ClientHeader | client.Misbehaviour)
        message.validate_basic()
        check_active(state, history, now)
        client.verify_client_message(state, history, message, now)
    except LightClientError as error:
        return expect_error(case, error)
    frozen = client.check_for_misbehaviour(state, history, message)
    if "frozen_height" in case.get("after", {}):
        assert frozen
        assert str(client.freeze(state).frozen_height) == case["after"]["frozen_height"]
        return None
    assert not frozen
    assert case["expect"] in {"ok", "ok-but-not-misbehaviour"}
    update = client.update_state(state, history, message)
    if case["expect"] == "ok":
        check_update(case["after"], history, update)
    else:
        assert update == client.Update(state, (), None)
    return None


def check_update(after: Case, history: Stored, update: client.Update) -> None:
    (height,) = update.heights
    written = update.consensus_state or history.states[height]
    encoded = codec.consensus_state_to_pb(written).SerializeToString()
    assert str(update.client_state.latest_height) == after["latest_height"]
    assert str(height) == after["consensus_height"]
    assert encoded == raw(after["consensus_state"])
    assert (update.consensus_state is None) == after["result"].startswith("duplicate")


def run_upgrade(case: Case) -> None:
    state, history, now = situation(case)
    upgraded = (
        client_state(case["upgraded_client"]),
        consensus_state(case["upgraded_consensus_state"]),
    )
    try:
        check_active(state, history, now)
        update = client.verify_upgrade_and_update(
            state,
            history,
            upgraded,
            raw(case["proof_upgrade_client"]),
            raw(case["proof_upgrade_consensus_state"]),
        )
    except LightClientError as error:
        return expect_error(case, error)
    after = case["after"]
    assert update.consensus_state is not None
    new, consensus = update.client_state, update.consensus_state
    assert codec.client_state_to_pb(new).SerializeToString() == raw(after["client_state"])
    assert codec.consensus_state_to_pb(consensus).SerializeToString() == raw(
        after["consensus_state"]
    )
    assert [str(height) for height in update.heights] == [after["consensus_height"]]
    assert str(new.trusting_period_ns) == after["trusting_period_ns"]
    return None


def run_validate(case: Case) -> None:
    state = client_state(case["client_state"]["proto"])
    try:
        state.validate()
        verdict = None
    except LightClientError as error:
        verdict = error
    assert (verdict is None) == case["valid"]
    if verdict is not None:
        expect_error({"expect": "error", **case}, verdict)


def run_status(case: Case) -> None:
    state, history, now = situation(case)
    assert client.status(state, history, now).value == case["status"]


def run_delay(case: Case) -> None:
    processed_ns, processed = case["processed_time"], case["processed_height"]
    when = (
        None if processed_ns is None else int(processed_ns),
        None if processed is None else Height.parse(processed),
    )
    height = Height(1, 1)
    state = replace(PLAIN, latest_height=height)
    with pytest.raises(LightClientError) as caught:
        client.verify_membership(
            state,
            Stored({}, when),
            height,
            int(case["delay_time_ns"]),
            int(case["delay_blocks"]),
            b"",
            (),
            b"",
            int(case["now_ns"]),
            Height.parse(case["self_height"]),
        )
    # there is no proof behind it, so that what passes the delay fails on the missing state
    wanted = {"codespace": "client", "code": 7} if case["ok"] else case["error"]
    expect_error({"expect": "error", "error": wanted}, caught.value)


def run_block_delay(case: Case) -> None:
    delay = client.block_delay(int(case["delay_ns"]), int(case["max_expected_time_per_block_ns"]))
    assert str(delay) == case["block_delay"]


RUNNERS = (
    ({"initial", "input"}, run_single_step),
    ({"primary", "height_to_verify"}, run_bisection),
    ({"message_type", "expect"}, run_client_message),
    ({"upgraded_client", "expect"}, run_upgrade),
    ({"client_state", "valid"}, run_validate),
    ({"client_state", "status"}, run_status),
    ({"processed_time", "delay_blocks"}, run_delay),
    ({"block_delay"}, run_block_delay),
)

PLAIN = ClientState("chain-1", Fraction(1, 3), 1, 2, 1, Height(0, 0), Height(1, 1))


def expect_error(case: Case, error: LightClientError) -> None:
    assert case["expect"] == "error", error
    assert error.codespace == case["error"]["codespace"], error
    assert error.code == case["error"]["code"], error


def situation(case: Case) -> tuple[ClientState, Stored, Timestamp]:
    states = {
        Height.parse(entry["height"]): consensus_state(entry["proto"])
        for entry in case["consensus_states"]
    }
    return client_state(case["client_state"]["proto"]), Stored(states), Timestamp.parse(case["now"])


def client_state(encoded: str) -> ClientState:
    pb = codec.parse(tendermint_pb2.ClientState, raw(encoded))
    state = codec.client_state_from_pb(pb)
    assert codec.client_state_to_pb(state).SerializeToString() == raw(encoded)
    return state


def consensus_state(encoded: str) -> ConsensusState:
    pb = codec.parse(tendermint_pb2.ConsensusState, raw(encoded))
    state = codec.consensus_state_from_pb(pb)
    assert codec.consensus_state_to_pb(state).SerializeToString() == raw(encoded)
    return state


def check_active(state: ClientState, history: Stored, now: Timestamp) -> None:
    """What ibc-go's keeper does between the basic checks and the client's own."""
    status = client.status(state, history, now)
    if status is not Status.ACTIVE:
        raise ClientError(CLIENT_NOT_ACTIVE, f"status is {status}")


def sorted_set(json: Any) -> ValidatorSet:
    """Tendermint-rs writes validators in any order and sorts them on loading."""
    validators = canonical_order(rpcjson.validators_from_json(json["validators"]))
    return ValidatorSet(validators, validators[0] if validators else None)


def light_block(json: Any) -> LightBlock:
    """It also writes 1970 where a vote is absent, and CometBFT the year 1."""
    signed = rpcjson.signed_header_from_json(json["signed_header"])
    votes = tuple(
        replace(vote, timestamp=ZERO_TIME) if vote.flag == ABSENT else vote
        for vote in signed.commit.signatures
    )
    signed = replace(signed, commit=replace(signed.commit, signatures=votes))
    return LightBlock(
        signed, sorted_set(json["validator_set"]), sorted_set(json["next_validator_set"])
    )


def blocks(provider: Any) -> dict[int, LightBlock]:
    found = [light_block(item) for item in provider["lite_blocks"]]
    return {block.height: block for block in found}


def drive(
    source: dict[int, LightBlock], trusted: Trusted, target: int, rules: Rules, now: Timestamp
) -> Trusted:
    def finish() -> Generator[int, LightBlock, None]:
        reached.append((yield from bisect(trusted, target, rules, now)))

    reached: list[Trusted] = []
    flow = finish()
    height = next(flow, None)
    while height is not None:
        try:
            height = flow.send(source[height])
        except StopIteration:
            height = None
    return reached[0]
