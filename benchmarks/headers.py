"""Headers of a chain with 150 validators that a 07-tendermint client takes in per second."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import ed25519_zebra

from benchmarks.measure import Result
from chain.node.privval import ValidatorKey
from cosmos_pb.google.protobuf import any_pb2
from light_client import client as tm
from light_client import codec
from light_client.client import ClientState, ConsensusState
from light_client.commit import (
    FOR_BLOCK,
    PRECOMMIT,
    Commit,
    CommitSig,
    SignedHeader,
    canonical_vote,
)
from light_client.header import BlockID, Header, PartSetHeader, Version
from light_client.message import ClientHeader
from light_client.validators import Validator, ValidatorSet, canonical_order
from light_client.values import DEFAULT_TRUST_LEVEL, NS_PER_SECOND, ZERO_HEIGHT, Height, Timestamp

_URL: Final = "/ibc.lightclients.tendermint.v1.Header"
CHAIN: Final = "bench-1"
VALIDATORS: Final = 150
POWERS: Final = {
    "real": [int(10**8 * 0.955**number) for number in range(VALIDATORS)],
    "equal": [10] * VALIDATORS,
}
"""Like the Cosmos Hub's, where 9 validators hold a third and 24 two thirds; and the most costly case."""

Triple = tuple[bytes, bytes, bytes]
START: Final = Timestamp(1_700_000_000)
DAY: Final = 24 * 3600 * NS_PER_SECOND


def run(quick: bool) -> list[Result]:
    """From the bytes of a message to the new state: decoding, hashes, all signatures up to two thirds.

    Each message has signatures of its own, so that none is remembered; the set of validators is.
    """
    n = 20 if quick else 150
    results = []
    for name, powers in POWERS.items():
        for kind, step in (("adjacent", 1), ("skipping", 10)):
            made = _headers(n, step, powers)
            cost, signatures = _costs(made)
            what = f"client updates, {VALIDATORS} validators of {name} power, {step} on"
            title = f"headers {name} {kind}"
            aim = 400 if name == "real" else 0
            results.append(Result(title, 1 / cost, "headers/s", n, what, aim))
            over = f"update beside its signatures alone ({signatures * 1e6:,.0f} us)"
            most = (
                1.25 if name == "equal" else 0
            )  # what is not signatures is the same for few of them
            results.append(
                Result(f"{title} cost", cost / signatures, "x", n, over, most, lower=True)
            )
    return results


@dataclass(frozen=True, slots=True)
class Message:
    """A client message, and the signatures that verifying it must check."""

    data: bytes
    signatures: tuple[Triple, ...]


@dataclass(slots=True)
class _Consensus:
    """A History in a dict."""

    states: dict[Height, ConsensusState] = field(default_factory=dict)

    def get(self, height: Height, /) -> ConsensusState | None:
        return self.states.get(height)

    def previous(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        return max(
            (pair for pair in self.states.items() if pair[0] < height), default=None, key=_height
        )

    def next(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        return min(
            (pair for pair in self.states.items() if pair[0] > height), default=None, key=_height
        )

    def processed(self, _: Height, /) -> tuple[int | None, Height | None] | None:
        return None


def _height(pair: tuple[Height, ConsensusState]) -> Height:
    return pair[0]


def _costs(made: Sequence[Message]) -> tuple[float, float]:
    """Seconds for one update and for the signatures that it checks, taken in turns: medians."""
    first = _decode(made[0].data)
    state = _client(first.height)
    history = _Consensus({first.height: first.consensus_state})
    updates, alone = [], []
    for message in made[1:]:
        began = time.perf_counter()
        header = _decode(message.data)
        now = header.signed_header.header.time.add(NS_PER_SECOND)
        tm.verify_client_message(state, history, header, now)
        if tm.check_for_misbehaviour(state, history, header):
            raise RuntimeError(f"misbehaviour at {header.height}")
        update = tm.update_state(state, history, header)
        between = time.perf_counter()
        if not all(ed25519_zebra.ed_verify(*each) for each in message.signatures):
            raise RuntimeError(f"bad signature at {header.height}")
        updates.append(between - began)
        alone.append(time.perf_counter() - between)
        state = update.client_state
        if update.consensus_state is not None:
            history.states = {update.heights[0]: update.consensus_state}
    return statistics.median(updates), statistics.median(alone)


def _decode(data: bytes) -> ClientHeader:
    message = codec.from_any(any_pb2.Any(type_url=_URL, value=data))
    if not isinstance(message, ClientHeader):
        raise TypeError(f"not a header: {type(message).__name__}")
    return message


def _client(height: Height) -> ClientState:
    return ClientState(
        CHAIN, DEFAULT_TRUST_LEVEL, 14 * DAY, 21 * DAY, 10 * NS_PER_SECOND, ZERO_HEIGHT, height
    )


def _headers(count: int, step: int, powers: Sequence[int]) -> list[Message]:
    """``count`` + 1 messages, each trusted by the one before it; proposers take turns, as they do."""
    keys = [ValidatorKey.from_secret(f"bench {number}") for number in range(len(powers))]
    pairs = zip(keys, powers, strict=True)
    members = canonical_order(Validator(key.pub_key, power) for key, power in pairs)
    by_address = {key.address: key for key in keys}
    signers = [by_address[member.address] for member in members]
    made = []
    for height in itertools.islice(itertools.count(1, step), count + 1):
        header = _header(height, ValidatorSet(members, members[0]))
        signed = SignedHeader(header, _commit(header, signers))
        content = ClientHeader(
            signed,
            _turned(members, height),
            Height(1, max(height - step, 0)),
            _turned(members, height - step + 1),
        )
        data = codec.client_header_to_pb(content).SerializeToString()
        made.append(Message(data, _needed(signed.commit, members)))
    return made


def _turned(members: Sequence[Validator], height: int) -> ValidatorSet:
    """The set with the priorities of a height, which nothing hashes."""
    turned = tuple(
        replace(member, proposer_priority=(height * 7919 + number * 104729) % 1_000_003)
        for number, member in enumerate(members)
    )
    return ValidatorSet(turned, turned[height % len(turned)])


def _needed(commit: Commit, members: Sequence[Validator]) -> tuple[Triple, ...]:
    """(signature, message, key) of the votes that exceed two thirds, in the commit's order."""
    enough, power, found = sum(member.power for member in members) * 2 // 3, 0, []
    for index, (vote, member) in enumerate(zip(commit.signatures, members, strict=True)):
        found.append((vote.signature, commit.sign_bytes(CHAIN, index), member.pub_key.data))
        power += member.power
        if power > enough:
            break
    return tuple(found)


def _header(height: int, validators: ValidatorSet) -> Header:
    block = BlockID(b"\x01" * 32, PartSetHeader(1, b"\x02" * 32))
    return Header(
        version=Version(11),
        chain_id=CHAIN,
        height=height,
        time=START.add(height * NS_PER_SECOND),
        last_block_id=block,
        last_commit_hash=b"\x03" * 32,
        data_hash=b"\x04" * 32,
        validators_hash=validators.hash(),
        next_validators_hash=validators.hash(),
        consensus_hash=b"\x05" * 32,
        app_hash=height.to_bytes(32, "big"),
        last_results_hash=b"\x06" * 32,
        evidence_hash=b"\x07" * 32,
        proposer_address=validators.validators[0].address,
    )


def _commit(header: Header, signers: Sequence[ValidatorKey]) -> Commit:
    """Everybody signs, each at a time of his own."""
    block = BlockID(header.hash(), PartSetHeader(1, b"\x08" * 32))
    vote = canonical_vote(CHAIN, PRECOMMIT, header.height, 0, block)
    signatures = []
    for number, key in enumerate(signers):
        at = header.time.add(number * 1_000_003)
        signatures.append(CommitSig(FOR_BLOCK, key.address, at, key.sign(vote.at(at))))
    return Commit(header.height, 0, block, tuple(signatures))
