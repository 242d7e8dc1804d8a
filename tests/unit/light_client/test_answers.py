"""Answers of a node: envelopes, pages, refusals, and values proven by a header."""

from dataclasses import replace
from typing import Any

import pytest
from helpers.answers import commit, envelope, pages, query
from helpers.trees import Store, multistore
from helpers.validators import make_block, signers

from light_client import answers
from light_client.answers import ProofOp
from light_client.errors import DecodeError, Mismatch, ProofError
from light_client.verify import Trusted

STORE = Store({b"alice": b"100", b"bob": b"7", b"carol": b"1"})
ROOT, UPPER = multistore({"bank": STORE.root, "ibc": b"\x09" * 32, "wasm": b"\x08" * 32})
MEMBERS = signers(5)
BLOCK = make_block("chain-1", 8, MEMBERS, app_hash=ROOT)
TRUSTED = Trusted.from_block(BLOCK)


def asked(key: bytes, height: int = 7) -> dict[str, Any]:
    return query(STORE, UPPER["bank"], "bank", key, height)


def test_answers_come_in_their_envelope_or_bare() -> None:
    bare = commit(BLOCK)
    assert answers.signed_header(bare) == answers.signed_header(envelope(bare))
    assert answers.signed_header(bare) == BLOCK.signed_header
    assert answers.result([1]) == [1]
    assert answers.result({"result": None}) is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {
                "jsonrpc": "2.0",
                "id": 1,
                "error": {"code": -32603, "message": "Internal error", "data": "no block"},
            },
            "the node answered with an error: Internal error: no block",
        ),
        ({"error": {"code": 1, "message": "busy", "data": ""}}, "with an error: busy"),
        ({"error": "busy"}, "with an error: busy"),
        ({"jsonrpc": "2.0", "id": 1}, "neither result nor error"),
        ([], "the answer must be an object, is list"),
        ({"jsonrpc": "2.0", "result": None}, "the answer must be an object, is NoneType"),
    ],
)
def test_what_is_no_answer_is_said(answer: Any, message: str) -> None:
    for read in (
        answers.signed_header,
        answers.store_answer,
        lambda page: answers.validator_set([page]),
    ):
        with pytest.raises(DecodeError, match=message):
            read(answer)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (answers.signed_header, "not an answer of /commit: it has no signed_header"),
        (answers.store_answer, "not an answer of /abci_query: it has no response"),
        (lambda page: answers.validator_set([page]), "not an answer of /validators: it has no"),
    ],
)
def test_the_answer_of_another_route_is_named(read: Any, message: str) -> None:
    with pytest.raises(DecodeError, match=f"{message}.*its fields: block"):
        read({"block": {}})
    with pytest.raises(DecodeError, match="its fields: none"):
        read({})


def test_a_light_block_from_pages() -> None:
    own, following = pages(BLOCK.validators, 8, size=2), pages(BLOCK.validators, 9)
    block = answers.light_block(commit(BLOCK), own, following)
    assert len(own) == 3
    assert block == replace(BLOCK, next_validators=block.next_validators)
    assert block.next_validators is not None
    assert block.next_validators.hash() == BLOCK.validators.hash()
    assert answers.light_block(commit(BLOCK), own).next_validators is None


def test_a_missing_page_and_pages_of_several_heights() -> None:
    first, second, third = pages(BLOCK.validators, 8, size=2)
    with pytest.raises(DecodeError, match="4 of 5 validators: a page is missing"):
        answers.validator_set([first, second])
    with pytest.raises(DecodeError, match="pages of several heights: 8, 9"):
        answers.validator_set([first, second, {**third, "block_height": "9"}])


@pytest.mark.parametrize(
    ("key", "value"), [(b"alice", b"100"), (b"bob", b"7"), (b"al", b""), (b"zoe", b"")]
)
def test_a_value_and_an_absence_are_proven(key: bytes, value: bytes) -> None:
    answer = answers.store_answer(envelope(asked(key)))
    assert answer.store == "bank"
    assert answers.proven(TRUSTED, answer, "bank", key) == value


def test_an_answer_is_only_proven_for_what_was_asked() -> None:
    answer = answers.store_answer(asked(b"alice"))
    with pytest.raises(Mismatch, match="key of the answer: expected 626F62, got 616C696365"):
        answers.proven(TRUSTED, answer, "bank", b"bob")
    with pytest.raises(ProofError, match="key"):
        answers.proven(TRUSTED, answer, "ibc", b"alice")
    later = answers.store_answer(asked(b"alice", height=8))
    with pytest.raises(Mismatch, match="header that proves the answer: expected 9, got 8"):
        answers.proven(TRUSTED, later, "bank", b"alice")


@pytest.mark.parametrize("value", [b"101", b"10", b"", b"1000"])
def test_another_value_is_refused(value: bytes) -> None:
    answer = replace(answers.store_answer(asked(b"alice")), value=value)
    with pytest.raises(ProofError):
        answers.proven(TRUSTED, answer, "bank", b"alice")


def test_an_answer_without_a_proof_proves_nothing() -> None:
    bare = asked(b"zoe")
    bare["response"]["proofOps"] = None
    answer = answers.store_answer(bare)
    assert answer.store == ""
    with pytest.raises(ProofError, match="proof must not be empty"):
        answers.proven(TRUSTED, answer, "bank", b"zoe")
    broken = replace(answer, ops=(ProofOp("ics23:iavl", b"zoe", b"\xff"),))
    with pytest.raises(DecodeError):
        answers.proven(TRUSTED, broken, "bank", b"zoe")


def test_both_spellings_of_the_proof() -> None:
    old = asked(b"alice")
    old["response"]["proof_ops"] = old["response"].pop("proofOps")
    assert answers.store_answer(old) == answers.store_answer(asked(b"alice"))


def test_a_refused_query_says_why() -> None:
    refused = {"response": {"code": 26, "log": "no such height", "codespace": "sdk"}}
    with pytest.raises(DecodeError, match=r"the query was refused: no such height \(sdk/26\)"):
        answers.store_answer(refused)
    with pytest.raises(DecodeError, match=r"refused:  \(sdk/1\)"):
        answers.store_answer({"response": {"code": 1}})
