"""What somebody writes who uses the light client, as mypy sees it: the types of every public answer.

Checked by tests/unit/test_typing.py against the installed packages, never run.
"""

from collections.abc import Callable, Generator
from typing import Any, assert_type

from chain.node import Node
from contracts import artifact
from cosmos_pb.tendermint.crypto import proof_pb2
from light_client import Rules, Trusted, answers, commitment, ics23, rpcjson, verify
from light_client.client import ClientState, ConsensusState, History, Status, status
from light_client.evidence import LightClientAttackEvidence
from light_client.proofs import SDK_SPECS, CommitmentProof, InnerSpec, LeafOp, ProofSpec
from light_client.tendermint import (
    Attack,
    Conflict,
    Fraction,
    Height,
    LightBlock,
    LightClientError,
    Mismatch,
    NotEnoughTrust,
    SignedHeader,
    Source,
    Timestamp,
    ValidatorSet,
    drive,
    first_conflict,
)
from relayer.transport import Transport

Fetch = Callable[[int], LightBlock]
SPEC: ProofSpec = ProofSpec(leaf_spec=LeafOp(prefix=b"\0"), inner_spec=InnerSpec(child_size=32))


def from_json(commit: Any, validators: list[Any]) -> LightBlock:
    assert_type(answers.signed_header(commit), SignedHeader)
    assert_type(answers.validator_set(validators), ValidatorSet)
    assert_type(rpcjson.header_to_json(answers.signed_header(commit).header), dict[str, Any])
    return answers.light_block(commit, validators)


def follow(root: Trusted, height: int, fetch: Callable[[int], LightBlock]) -> Trusted:
    rules = Rules(trusting_period_ns=10**15, trust_level=Fraction(1, 3))
    steps = verify.bisect(root, height, rules, Timestamp.parse("2024-01-01T00:00:00Z"))
    assert_type(steps, Generator[int, LightBlock, Trusted])
    try:
        wanted = next(steps)
        while True:
            wanted = steps.send(fetch(wanted))
    except StopIteration as done:
        found: Trusted = done.value
        return found


def disagreement(root: LightBlock, height: int, one: Fetch, two: Fetch) -> Conflict | None:
    asking = first_conflict(root, height, Rules(trusting_period_ns=10**15), root.header.time)
    found = drive(asking, {Source.PRIMARY: one, Source.WITNESS: two})
    if found is not None:
        assert_type(found.attack, Attack)
        assert_type(found.evidence(), LightClientAttackEvidence)
    return found


def balance(header: Trusted, answer: answers.StoreAnswer, key: bytes) -> int:
    try:
        value = answers.proven(header, answer, "bank", key)
    except Mismatch as error:
        raise SystemExit(f"{error.what}: {error.expected!r} is not {error.got!r}") from error
    except NotEnoughTrust as error:
        raise SystemExit(error.signed * 100 // error.total) from error
    except LightClientError as error:
        raise SystemExit(error.code) from error
    assert_type(value, bytes)
    assert_type(answer.proofs, tuple[CommitmentProof, ...])
    return int(value)


def prove(root: bytes, ops: proof_pb2.ProofOps, key: bytes, value: bytes) -> bytes:
    proof = commitment.merkle_proof_from_proof_ops(ops)
    commitment.verify_membership(SDK_SPECS, root, (b"ibc", key), value, proof)
    ics23.verify_membership(SPEC, root, ops.ops[0].data, key, value)
    return assert_type(ics23.calculate(ics23.ExistenceProof(key, value, None)), bytes)


def usable(state: ClientState, history: History, now: Timestamp) -> bool:
    assert_type(history.get(Height(1, 5)), ConsensusState | None)
    return status(state, history, now) is Status.ACTIVE


def transport(node: Node) -> Transport:
    return node.transport()


def code() -> bytes:
    return assert_type(artifact("ping_pong"), bytes)
