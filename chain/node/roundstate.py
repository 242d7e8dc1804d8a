"""What ``consensus_state`` and ``dump_consensus_state`` show between blocks (``consensus/types/round_state.go``)."""

from __future__ import annotations

from typing import Final

from chain.node.execution import State
from light_client import rpcjson
from light_client.commit import Commit, CommitSig
from light_client.rpcjson import Json, to_hex
from light_client.validators import ValidatorSet

_FINGERPRINT: Final = 6
_NO_EXTENSION: Final = bytes(_FINGERPRINT)


def simple(state: State, height: int) -> Json:
    """Of the round that is about to begin at ``height``."""
    return {
        "height/round/step": f"{height}/0/1",
        "start_time": state.time.rfc3339(),
        "proposal_block_hash": "",
        "locked_block_hash": "",
        "valid_block_hash": "",
        "height_vote_set": [_no_votes(state.validators)],
        "proposer": _proposer(state.validators),
    }


def full(state: State, height: int) -> Json:
    """The same with everything that CometBFT keeps of a round."""
    nothing = dict.fromkeys(("proposal", "proposal_block", "proposal_block_parts"))
    return {
        "height": str(height),
        "round": 0,
        "step": 1,
        "start_time": state.time.rfc3339(),
        "commit_time": state.time.rfc3339(),
        "validators": _validators(state.validators),
        **nothing,
        **_no_block("locked"),
        **_no_block("valid"),
        "votes": [_no_votes(state.validators)],
        "commit_round": -1,
        "last_commit": _last_commit(state.commit, state.last_validators),
        "last_validators": _validators(state.last_validators),
        "triggered_timeout_precommit": False,
    }


def _no_block(which: str) -> Json:
    return {f"{which}_round": -1, f"{which}_block": None, f"{which}_block_parts": None}


def _no_votes(validators: ValidatorSet) -> Json:
    count = len(validators)
    votes = ["nil-Vote"] * count
    bits = _bit_array([False] * count, 0, validators.total_power)
    return {
        "round": 0,
        "prevotes": votes,
        "prevotes_bit_array": bits,
        "precommits": votes,
        "precommits_bit_array": bits,
    }


def _proposer(validators: ValidatorSet) -> Json:
    address = validators.proposer.address if validators.proposer else b""
    return {"address": to_hex(address), "index": validators.index(address)}


def _validators(members: ValidatorSet | None) -> Json:
    if members is None:
        return {"validators": None, "proposer": None}
    proposer = members.proposer
    return {
        "validators": rpcjson.validators_to_json(members.validators),
        "proposer": rpcjson.validator_to_json(proposer) if proposer else None,
    }


def _last_commit(commit: Commit, validators: ValidatorSet | None) -> Json | None:
    if validators is None or not commit.signatures:
        return None
    signed = [bool(vote.signature) for vote in commit.signatures]
    pairs = zip(validators.validators, signed, strict=True)
    power = sum(member.power for member, voted in pairs if voted)
    return {
        "votes": [_vote(commit, place, vote) for place, vote in enumerate(commit.signatures)],
        "votes_bit_array": _bit_array(signed, power, validators.total_power),
        "peer_maj_23s": {},
    }


def _vote(commit: Commit, place: int, vote: CommitSig) -> str:
    """``Vote.String``, hashes and signatures by their first six bytes."""
    if not vote.signature:
        return "nil-Vote"
    address, block, signature = (
        to_hex(data[:_FINGERPRINT]) for data in (vote.address, commit.block_id.hash, vote.signature)
    )
    kind = "SIGNED_MSG_TYPE_PRECOMMIT(Precommit)"
    return (
        f"Vote{{{place}:{address} {commit.height}/{commit.round:02d}/{kind} {block} {signature} "
        f"{to_hex(_NO_EXTENSION)} @ {vote.timestamp.rfc3339()}}}"
    )


def _bit_array(bits: list[bool], power: int, total: int) -> str:
    marks = "".join("x" if bit else "_" for bit in bits)
    return f"BA{{{len(bits)}:{marks}}} {power}/{total} = {power / total:.2f}"
