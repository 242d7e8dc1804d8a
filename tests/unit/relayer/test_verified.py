"""What an endpoint serves is used only after it was verified."""

import copy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from helpers.simulated import SimulatedChain, TestClock
from helpers.validators import SECOND, make_block, signers

from light_client import commitment, rpcjson
from light_client.proofs import SDK_SPECS
from light_client.state import ConsensusState
from light_client.values import Height
from light_client.verify import Rules
from relayer.errors import VerificationFailed
from relayer.reader import Reader
from relayer.verified import Verifier

WEEK = 7 * 86_400 * SECOND


def verifier(chain: SimulatedChain) -> Verifier:
    made = Verifier(chain.chain_id, Reader(chain.chain_id, chain), TestClock(chain.now))
    made.rules = Rules(WEEK)
    return made


async def test_a_value_and_its_absence_are_proven() -> None:
    chain = SimulatedChain()
    chain.commit({"commitments/a": b"\x01" * 32, "commitments/c": b"\x02"})
    chain.commit()
    trusted = verifier(chain)
    await trusted.trust(1)
    there = await trusted.prove("commitments/a", 2)
    missing = await trusted.prove("commitments/b", 2)
    assert there.value == b"\x01" * 32
    assert not missing.value
    assert there.height == missing.height == Height(1, 3)
    root = chain.blocks[3].header.app_hash
    path = (b"ibc", b"commitments/b")
    commitment.verify_non_membership(SDK_SPECS, root, path, missing.proof)


async def test_an_empty_upper_proof_cache_still_checks_every_key() -> None:
    chain = SimulatedChain()
    chain.commit({f"commitments/{n}": bytes([n + 1]) for n in range(20)})
    chain.commit()
    trusted = verifier(chain)
    await trusted.trust(1)
    await trusted.prove("commitments/0", 2)

    def lie(what: str, answer: Any) -> Any:
        if what == "query":
            answer.value = b"\xff"
        return answer

    chain.forge = lie
    with pytest.raises(VerificationFailed, match="commitments/1") as caught:
        await trusted.prove("commitments/1", 2)
    assert caught.value.height == 2


@pytest.mark.parametrize(
    ("field", "value"), [("key", b"commitments/9"), ("height", 1), ("value", b"")]
)
async def test_an_answer_to_another_question_is_refused(field: str, value: object) -> None:
    chain = SimulatedChain()
    chain.commit({"commitments/a": b"\x01"})
    chain.commit()
    trusted = verifier(chain)
    await trusted.trust(1)

    def lie(what: str, answer: Any) -> Any:
        if what == "query":
            setattr(answer, field, value)
        return answer

    chain.forge = lie
    with pytest.raises(VerificationFailed):
        await trusted.prove("commitments/a", 2)


async def test_a_forged_header_is_refused_and_not_kept() -> None:
    chain = SimulatedChain()
    for _ in range(3):
        chain.commit({"x": b"1"})
    trusted = verifier(chain)
    await trusted.trust(1)

    def lie(what: str, answer: Any) -> Any:
        if what != "commit":
            return answer
        forged = copy.deepcopy(answer)
        forged["signed_header"]["header"]["app_hash"] = "BB" * 32
        return forged

    chain.forge = lie
    with pytest.raises(VerificationFailed, match=r"header at height 3 .*commit signs block"):
        await trusted.header(3)
    chain.forge = lambda _what, answer: answer
    assert (await trusted.header(3)).app_hash == chain.blocks[3].header.app_hash


async def test_a_header_of_strangers_is_refused() -> None:
    chain = SimulatedChain()
    chain.commit()
    strangers = signers(4, prefix="strangers")
    chain.blocks[3] = make_block(chain.chain_id, 3, strangers)
    chain.blocks[4] = make_block(chain.chain_id, 4, strangers)
    trusted = verifier(chain)
    await trusted.trust(2)
    with pytest.raises(VerificationFailed, match="header at height 4"):
        await trusted.header(4)


async def test_validators_that_change_are_followed_by_bisection() -> None:
    chain = SimulatedChain(members=4)
    for number in range(12):
        fresh = signers(1, prefix=f"fresh-{number}")
        chain.commit(members=[*chain.members[1:], *fresh])
    chain.commit()
    trusted = verifier(chain)
    await trusted.trust(1)
    assert (await trusted.header(chain.height)).height == 14
    headers = await trusted.client_headers(Height(1, 1), chain.height)
    assert len(headers) > 1
    assert headers[0].trusted_height == Height(1, 1)
    assert headers[-1].height == Height(1, chain.height)
    for before, after in pairwise(headers):
        assert after.trusted_height == before.height


async def test_the_root_of_trust_can_be_pinned() -> None:
    chain = SimulatedChain()
    right = chain.blocks[1].header.hash()
    await verifier(chain).trust(1, right)
    with pytest.raises(VerificationFailed, match="trusted header"):
        await verifier(chain).trust(1, bytes(32))


async def test_the_other_chains_client_is_a_root_of_trust() -> None:
    chain = SimulatedChain()
    header = chain.blocks[1].header
    consensus = ConsensusState(header.time, header.app_hash, header.next_validators_hash)
    await verifier(chain).trust_consensus(1, consensus)
    with pytest.raises(VerificationFailed, match="the other chain trusts"):
        await verifier(chain).trust_consensus(1, replace(consensus, root=b"\x01" * 32))


async def test_older_headers_are_verified_by_hash() -> None:
    chain = SimulatedChain()
    chain.commit()
    chain.commit()
    trusted = verifier(chain)
    await trusted.trust(3)
    with pytest.raises(VerificationFailed, match="the next header names"):
        await trusted.header(2)  # the simulated headers name no real predecessor


async def test_an_expired_root_is_refused() -> None:
    chain = SimulatedChain()
    chain.commit()
    trusted = verifier(chain)
    trusted.rules = Rules(1)
    await trusted.trust(1)
    with pytest.raises(VerificationFailed, match="old header has expired"):
        await trusted.header(2)


async def test_a_validator_set_that_the_header_does_not_name_is_refused() -> None:
    chain = SimulatedChain()

    def lie(what: str, answer: Any) -> Any:
        if what != "validators":
            return answer
        others = signers(4, prefix="others")
        listed = rpcjson.validators_to_json([member.validator for member in others])
        return {"validators": listed, "total": "4"}

    chain.forge = lie
    with pytest.raises(VerificationFailed, match="validator set"):
        await verifier(chain).trust(1)
