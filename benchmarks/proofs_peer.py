"""ICS-23 proofs beside the npm package @confio/ics23: the same bytes, decoded anew each time, in one run.

``ics23`` remembers nothing between calls, so that repeated proofs cost what new ones do.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle, pairwise
from pathlib import Path
from typing import Final

from benchmarks.measure import Result, per_second
from chain.store import proofs
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from cosmos_pb.cosmos.ics23.v1 import proofs_pb2 as pb
from light_client import ics23, proof_codec

PACKAGE: Final = "@confio/ics23@0.6.8"
PEER: Final = Path(__file__).parent / "peer" / "ics23.mjs"
AIM: Final = 1.3
ROUNDS: Final = 3
KEYS: Final = 2_000
CASES: Final = 200
IN_BATCH: Final = 20
STORE: Final = "ibc"
SPECS: Final = {"iavl": ics23.IAVL_SPEC, "tendermint": ics23.TENDERMINT_SPEC}


@dataclass(frozen=True, slots=True)
class Case:
    """One proof and what it is to prove; a value of None is an absence."""

    root: bytes
    proof: bytes
    items: tuple[tuple[bytes, bytes | None], ...]

    def verify(self, spec: ics23.ProofSpec) -> None:
        (key, value), *more = self.items
        if more and value is not None:
            held = {each: found for each, found in self.items if found is not None}
            ics23.verify_batch_membership(spec, self.root, self.proof, held)
        elif more:
            ics23.verify_batch_non_membership(
                spec, self.root, self.proof, [each for each, _ in self.items]
            )
        elif value is not None:
            ics23.verify_membership(spec, self.root, self.proof, key, value)
        else:
            ics23.verify_non_membership(spec, self.root, self.proof, key)

    def as_json(self) -> object:
        items = [[key.hex(), None if value is None else value.hex()] for key, value in self.items]
        return {"root": self.root.hex(), "proof": self.proof.hex(), "items": items}


def run(quick: bool) -> list[Result]:
    """Ratios of rates; 0 when there is no peer, which is then said and misses no aim.

    Both take turns, and the best round of each counts: what else the machine does disturbs neither alone.
    """
    kinds = _kinds()
    counts = {
        name: (20 if quick else 100) if "batch" in name else (500 if quick else 5_000)
        for name in kinds
    }
    ours: dict[str, float] = {}
    theirs: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        peer = _Peer(Path(folder), kinds)
        for _ in range(1 if quick else ROUNDS):
            _best(theirs, peer.rates(0.3 if quick else 0.6))
            _best(ours, _rates(kinds, counts))
    return [_result(name, ours[name], theirs.get(name), n, peer) for name, n in counts.items()]


def _result(name: str, ours: float, theirs: float | None, n: int, peer: _Peer) -> Result:
    if theirs is None:
        return Result(f"peer {name}", 0, "x", n, f"{ours:,.0f}/s; no peer: {peer.missing}")
    what = f"{ours:,.0f}/s, {PACKAGE} {theirs:,.0f}/s"
    return Result(f"peer {name}", ours / theirs, "x", n, what, AIM)


def _best(known: dict[str, float], measured: Mapping[str, float]) -> None:
    for name, rate in measured.items():
        known[name] = max(rate, known.get(name, 0))


def _rates(
    kinds: Mapping[str, tuple[str, list[Case]]], counts: Mapping[str, int]
) -> dict[str, float]:
    return {
        name: per_second(_verifying(SPECS[spec], cycle(cases)), counts[name])
        for name, (spec, cases) in kinds.items()
    }


def _verifying(spec: ics23.ProofSpec, turn: Iterable[Case]) -> Callable[[], None]:
    following = iter(turn)

    def work() -> None:
        next(following).verify(spec)

    return work


class _Peer:
    """The npm package, installed in a folder; ``missing`` says why it cannot be had."""

    def __init__(self, folder: Path, kinds: Mapping[str, tuple[str, list[Case]]]) -> None:
        self._folder = folder
        self.missing = ""
        if shutil.which("npm") is None or shutil.which("node") is None:
            self.missing = "npm and node are not installed"
            return
        told = {
            name: {"spec": spec, "cases": [case.as_json() for case in cases]}
            for name, (spec, cases) in kinds.items()
        }
        (folder / "kinds.json").write_text(json.dumps(told))
        self._run("npm", "install", "--silent", "--no-save", "--ignore-scripts", PACKAGE)

    def rates(self, seconds: float) -> dict[str, float]:
        """Verifications a second of every kind; nothing without the package."""
        output = "" if self.missing else self._run("node", str(PEER), "kinds.json", str(seconds))
        found: dict[str, float] = json.loads(output or "{}")
        return found

    def _run(self, name: str, *words: str) -> str:
        done = subprocess.run(
            [shutil.which(name) or name, *words],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            self.missing = f"{name}: {done.stderr.strip()[-200:]}"
            return ""
        return done.stdout


def _kinds() -> dict[str, tuple[str, list[Case]]]:
    multistore = MultiStore(MemoryDatabase(), [STORE])
    writes: dict[bytes, bytes | None] = {_key(n): _key(n) * 2 for n in range(KEYS)}
    multistore.stage({STORE: writes})
    multistore.commit()
    root = multistore.snapshot().tree(STORE).hash

    def iavl(key: bytes) -> Case:
        value, ops = multistore.prove(STORE, key, 1)
        return Case(root, ops.ops[0].data, ((key, value),))

    present = [iavl(_key(n)) for n in range(CASES)]
    absent = [iavl(_key(n) + b"x") for n in range(CASES)]
    stores_present, stores_absent = _simple_map()
    return {
        "iavl present": ("iavl", present),
        "iavl absent": ("iavl", absent),
        "tendermint present": ("tendermint", stores_present),
        "tendermint absent": ("tendermint", stores_absent),
        "iavl batch present": ("iavl", [_batch(present, squeeze=False)]),
        "iavl batch absent": ("iavl", [_batch(absent, squeeze=False)]),
        "iavl compressed batch": ("iavl", [_batch(present, squeeze=True)]),
        "tendermint batch": ("tendermint", [_batch(stores_present, squeeze=False)]),
        "tendermint compressed batch": ("tendermint", [_batch(stores_absent, squeeze=True)]),
    }


def _simple_map() -> tuple[list[Case], list[Case]]:
    """A CometBFT tree of ``CASES`` named values: each of them, and the gap behind each."""
    pairs = [(f"store{n:04}", sha256(str(n).encode()).digest()) for n in range(CASES)]
    root = proofs.multistore_hash(pairs)
    shown = [proofs.store_proof(pairs, name) for name, _ in pairs]
    present = [
        Case(root, proof.SerializeToString(), ((name.encode(), value),))
        for (name, value), proof in zip(pairs, shown, strict=True)
    ]
    absent = []
    for left, right in pairwise(shown):
        key = left.exist.key + b"x"
        gap = pb.NonExistenceProof(key=key, left=left.exist, right=right.exist)
        proof = pb.CommitmentProof(nonexist=gap)
        absent.append(Case(root, proof.SerializeToString(), ((key, None),)))
    return present, absent


def _batch(cases: list[Case], *, squeeze: bool) -> Case:
    chosen = cases[:: len(cases) // IN_BATCH][:IN_BATCH]
    entries = [proof_codec.decode(case.proof) for case in chosen]
    batch = ics23.BatchProof(
        tuple(entry for entry in entries if not isinstance(entry, ics23.BatchProof))
    )
    proof = proof_codec.compress(batch) if squeeze else proof_codec.encode(batch)
    return Case(chosen[0].root, proof, tuple(case.items[0] for case in chosen))


def _key(number: int) -> bytes:
    return f"commitments/ports/transfer/channels/channel-0/sequences/{number:06d}".encode()
