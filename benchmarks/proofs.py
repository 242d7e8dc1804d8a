"""ICS-23 proofs verified per second, from the bytes of a message."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from benchmarks.measure import Result, per_second
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from light_client import commitment, ics23
from light_client.proofs import IAVL_SPEC, SDK_SPECS

KEYS: Final = 1_000
STORES: Final = ("acc", "bank", "consensus", "ibc", "staking", "transfer", "upgrade", "wasm")
STORE: Final = "ibc"


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
    key = _key(KEYS // 3)
    value, ops = multistore.prove(STORE, key, 1)
    root, proof = multistore.snapshot().tree(STORE).hash, ops.ops[0].data
    return lambda: ics23.verify_membership(IAVL_SPEC, root, proof, key, value or b"")


def _absence(multistore: MultiStore) -> Callable[[], None]:
    key = _key(KEYS // 3) + b"x"
    _, ops = multistore.prove(STORE, key, 1)
    root, proof = multistore.snapshot().tree(STORE).hash, ops.ops[0].data
    return lambda: ics23.verify_non_membership(IAVL_SPEC, root, proof, key)


def _two_levels(multistore: MultiStore) -> Callable[[], None]:
    key = _key(KEYS // 3)
    value, ops = multistore.prove(STORE, key, 1)
    root, proof = multistore.app_hash, commitment.merkle_proof_from_proof_ops(ops)
    path = (STORE.encode(), key)
    return lambda: commitment.verify_membership(SDK_SPECS, root, path, value or b"", proof)
