"""ICS-23 proofs verified per second, from the bytes of a message."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final, TypeVar

from benchmarks.measure import Result, per_second
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from cosmos_pb.tendermint.crypto import proof_pb2
from light_client import commitment, ics23
from light_client.proofs import IAVL_SPEC, SDK_SPECS

KEYS: Final = 5_000
"""More than anything in the verifiers remembers."""

STORES: Final = ("acc", "bank", "consensus", "ibc", "staking", "transfer", "upgrade", "wasm")
STORE: Final = "ibc"

T = TypeVar("T")


def run(quick: bool) -> list[Result]:
    """A store of ``KEYS`` keys among ``len(STORES)``, as a chain of ours has it."""
    multistore = _multistore()
    n = 500 if quick else 5_000
    made = [
        ("proofs present", "IAVL existence", _existence(multistore)),
        ("proofs absent", "IAVL non-existence, between two keys", _absence(multistore)),
        ("proofs ibc", "a key in a store in a header's app hash", _two_levels(multistore)),
    ]
    depth = multistore.snapshot().tree(STORE).height
    return [
        Result(name, per_second(work, n), "proofs/s", n, f"{what}; depth {depth}")
        for name, what, work in made
    ]


def _multistore() -> MultiStore:
    multistore = MultiStore(MemoryDatabase(), STORES)
    writes: dict[str, dict[bytes, bytes | None]] = {name: {b"key": b"value"} for name in STORES}
    writes[STORE] = {_key(number): sha256(_key(number)).digest() for number in range(KEYS)}
    multistore.stage(writes)
    multistore.commit()
    return multistore


def _key(number: int) -> bytes:
    return f"commitments/ports/transfer/channels/channel-0/sequences/{number:06d}".encode()


def _existence(multistore: MultiStore) -> Callable[[], None]:
    root = multistore.snapshot().tree(STORE).hash
    proofs = _in_turn(_proven(multistore))

    def work() -> None:
        key, value, ops = next(proofs)
        ics23.verify_membership(IAVL_SPEC, root, ops.ops[0].data, key, value)

    return work


def _absence(multistore: MultiStore) -> Callable[[], None]:
    root = multistore.snapshot().tree(STORE).hash
    keys = [_key(number) + b"x" for number in range(KEYS)]
    proofs = _in_turn([(key, multistore.prove(STORE, key, 1)[1].ops[0].data) for key in keys])

    def work() -> None:
        key, proof = next(proofs)
        ics23.verify_non_membership(IAVL_SPEC, root, proof, key)

    return work


def _two_levels(multistore: MultiStore) -> Callable[[], None]:
    root, store = multistore.app_hash, STORE.encode()
    proofs = _in_turn(
        [
            (key, value, commitment.merkle_proof_from_proof_ops(ops))
            for key, value, ops in _proven(multistore)
        ]
    )

    def work() -> None:
        key, value, proof = next(proofs)
        commitment.verify_membership(SDK_SPECS, root, (store, key), value, proof)

    return work


def _proven(multistore: MultiStore) -> list[tuple[bytes, bytes, proof_pb2.ProofOps]]:
    found = []
    for number in range(KEYS):
        key = _key(number)
        value, ops = multistore.prove(STORE, key, 1)
        found.append((key, value or b"", ops))
    return found


def _in_turn(values: list[T]) -> Iterator[T]:
    """One after the other and over again, so that no two calls in a row see the same bytes."""
    return itertools.cycle(values)
