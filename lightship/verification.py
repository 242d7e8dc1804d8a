"""A header or a proof checked one step after the other, each told as soon as it holds.

The checks are ``light_client``'s; what is told are the figures that they went by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from light_client import commitment, ics23, verify
from light_client.answers import StoreAnswer
from light_client.commit import LightBlock, SignedHeader
from light_client.errors import DecodeError, LightClientError, Mismatch, NotEnoughTrust
from light_client.proofs import SDK_SPECS
from light_client.validators import ValidatorSet
from light_client.values import Timestamp
from light_client.verify import Rules, Trusted
from lightship.errors import CheckFailed

TREES: Final = ("IAVL", "Tendermint")
"""The trees of ``SDK_SPECS``: that of a store, and that of all stores under the app hash."""


@dataclass
class Report:
    """Tells what holds, line by line, and remembers it as data."""

    say: Callable[[str], None]
    checks: list[dict[str, str]] = field(default_factory=list)

    @contextmanager
    def about(self, subject: str) -> Iterator[None]:
        """Checks of one thing; CheckFailed names it when one of them fails."""
        self.say(subject)
        try:
            yield
        except NotEnoughTrust as error:
            hint = "a header between the two may still lead there"
            raise CheckFailed(subject, f"{error} ({hint})") from error
        except LightClientError as error:
            raise CheckFailed(subject, error) from error

    def holds(self, check: str, found: object) -> None:
        self.say(f"  + {check}: {found}")
        self.checks.append({"check": check, "found": str(found)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known before a header is looked at, and how far to trust."""

    rules: Rules
    now: Timestamp
    chain_id: str | None = None
    hash: bytes | None = None
    trusted: SignedHeader | None = None
    trusted_validators: ValidatorSet | None = None
    trusted_hash: bytes | None = None


def check_header(
    report: Report,
    known: Known,
    signed: SignedHeader,
    validators: ValidatorSet | None,
    following: ValidatorSet | None = None,
) -> str:
    """All that can be checked of a header with what is known; how far that goes, in a sentence."""
    trusted = None if known.trusted is None else _trust(report, known, known.trusted)
    header = signed.header
    name = f"header {header.height} of {header.chain_id}"
    with report.about(name):
        signed.validate_basic(known.chain_id or header.chain_id)
        report.holds("chain id", header.chain_id)
        report.holds("height", f"{header.height}, at {header.time}")
        report.holds("hash", f"{_hex(header.hash())}, which the commit is for")
        _check_hash(report, known.hash, signed)
        if validators is not None:
            block = LightBlock(signed, validators, following)
            _check_commit(report, block)
            if trusted is not None:
                _check_trust(report, known, trusted, block)
    return _conclusion(known, name, signed=validators is not None)


def check_proof(
    report: Report, answer: StoreAnswer, root: bytes, store: str | None, key: bytes | None
) -> None:
    """Tree by tree, from the store up to the app hash."""
    what = "value" if answer.value else "absence"
    subject = f"{what} of key {_hex(answer.key)} in store {answer.store or '(none)'}"
    with report.about(f"{subject} after block {answer.height}"):
        _equal("store", answer.store if store is None else store, answer.store)
        _equal("key", answer.key if key is None else key, answer.key)
        path = (answer.store.encode(), answer.key)
        if not answer.ops:
            raise DecodeError("the answer carries no proof (ask with prove=true)")
        _check_trees(report, answer, path)
        if answer.value:
            commitment.verify_membership(SDK_SPECS, root, path, answer.value, answer.proofs)
        else:
            commitment.verify_non_membership(SDK_SPECS, root, path, answer.proofs)
        report.holds("app hash", f"{_hex(root)}, to which the proof leads")


def check_heights(report: Report, answer: StoreAnswer, signed: SignedHeader) -> None:
    """A header has the app hash of the block below it."""
    with report.about(f"app hash of header {signed.header.height}"):
        what = "height of the header that proves the answer"
        _equal(what, answer.height + 1, signed.header.height)
        report.holds("height", f"proves what was stored after block {answer.height}")


def _check_commit(report: Report, block: LightBlock) -> None:
    """Two thirds of the validators that the header names have signed it."""
    validators, following = block.validators, block.next_validators
    validators.validate_basic()
    Trusted.from_block(block)
    report.holds("validators", _named(validators))
    if following is not None:
        report.holds("next validators", _named(following))
    counted: set[int] = set()
    verify.verify_commit_light(block.header.chain_id, validators, block.commit, counted)
    power = sum(validators.validators[index].power for index in counted)
    votes = f"{len(counted)} of {len(block.commit.signatures)} checked"
    share = f"power {power} of {validators.total_power}: more than 2/3"
    report.holds("signatures", f"{votes}, {share}")


def _trust(report: Report, known: Known, signed: SignedHeader) -> Trusted:
    """The trusted header, which nothing is checked against but its own hash and what is known."""
    header, validators = signed.header, known.trusted_validators
    with report.about(f"trusted header {header.height} of {header.chain_id}"):
        signed.validate_basic(known.chain_id or header.chain_id)
        report.holds("hash", f"{_hex(header.hash())}, which the commit is for")
        _check_hash(report, known.trusted_hash, signed)
        if validators is not None:
            if validators.hash() != header.next_validators_hash:
                _equal("trusted validators hash", header.validators_hash, validators.hash())
            report.holds("validators", _named(validators))
    return Trusted(
        chain_id=header.chain_id,
        height=header.height,
        time=header.time,
        app_hash=header.app_hash,
        next_validators_hash=header.next_validators_hash,
        validators=validators or ValidatorSet(()),
        header=header,
    )


def _check_trust(report: Report, known: Known, trusted: Trusted, block: LightBlock) -> None:
    """The header follows from the trusted one: as the next, or signed by enough of those trusted."""
    rules, validators = known.rules, trusted.validators
    verify.verify(trusted, block, rules, known.now)
    until = trusted.time.add(rules.trusting_period_ns)
    report.holds("trusting period", f"until {until}, now {known.now}")
    report.holds("later", f"{block.header.time} after {trusted.time}")
    if block.height == trusted.height + 1:
        report.holds("next header", f"header {trusted.height} names its validators")
        return
    counted: set[int] = set()
    level = rules.trust_level
    verify.verify_commit_trusting(trusted.chain_id, validators, block.commit, level, counted)
    found = (validators.find(block.commit.signatures[index].address) for index in counted)
    power = sum(validator.power for validator in found if validator is not None)
    share = f"power {power} of {validators.total_power}: more than {level}"
    report.holds("trusted signatures", f"{len(counted)} of {len(validators)} checked, {share}")


def _check_trees(report: Report, answer: StoreAnswer, path: tuple[bytes, bytes]) -> None:
    """Each tree under its spec; that there are as many as specs is for the whole chain to say."""
    value = answer.value
    for tree, spec, proof, key in zip(
        TREES, SDK_SPECS, answer.proofs, reversed(path), strict=False
    ):
        root = ics23.calculate(proof)
        if value:
            ics23.verify_membership(spec, root, proof, key, value)
        else:
            ics23.verify_non_membership(spec, root, proof, key)
        what = f"{_hex(key)} = {_hex(value)}" if value else f"nothing under {_hex(key)}"
        report.holds(f"{tree} tree", f"{what}, root {_hex(root)}")
        value = root


def _check_hash(report: Report, given: bytes | None, signed: SignedHeader) -> None:
    if given is not None:
        _equal("hash", given, signed.header.hash())
        report.holds("given hash", "the same")


def _conclusion(known: Known, name: str, *, signed: bool) -> str:
    if known.trusted is not None:
        how = "by its hash" if known.trusted_hash else "as it was given"
        return f"{name} follows from header {known.trusted.header.height}, trusted {how}."
    if known.hash is not None:
        return f"{name} is the one with the hash that was given."
    if signed:
        return (
            f"{name} is signed by the validators that it names. Whether they are the chain's "
            "was not checked: give --hash, or --trusted-commit."
        )
    return f"Whether anybody signed {name} was not checked: give --validators, or --hash."


def _named(validators: ValidatorSet) -> str:
    return f"{len(validators)}, whose hash the header names: {_hex(validators.hash())}"


def _equal(what: str, expected: object, got: object) -> None:
    if expected != got:
        raise Mismatch(what, expected, got)


def _hex(data: bytes) -> str:
    return data.hex().upper()
