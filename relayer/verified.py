"""A chain as far as it can be believed: headers by skipping verification, values by ICS-23 proofs.

Nothing that an endpoint says reaches another chain, or decides whether a packet was sent or
received, before it has passed here.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, TypeVar

from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import commitment, ics23, proof_codec, verify
from light_client.commit import LightBlock
from light_client.errors import LightClientError, ProofError
from light_client.host import STORE_PREFIX
from light_client.message import ClientHeader
from light_client.proofs import IAVL_SPEC, SDK_SPECS, ExistenceProof
from light_client.state import ConsensusState
from light_client.validators import ValidatorSet
from light_client.values import Height, revision
from light_client.verify import Rules, Trusted
from relayer.clock import Clock
from relayer.errors import VerificationFailed
from relayer.reader import Reader

MAX_BACKWARDS: Final = 1000

_KEPT = 512
_SETS = 32

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Proven:
    """What a store holds under a key (nothing: b""), and the proof for a message.

    `height` is that of the header whose app hash the proof leads to: one above the state's height.
    """

    key: bytes
    value: bytes
    proof: bytes
    height: Height


class Verifier:
    """The trusted side of one chain. `rules` say how far to trust, the first block comes by `trust`."""

    def __init__(self, chain_id: str, reader: Reader, clock: Clock) -> None:
        self._chain_id = chain_id
        self._reader = reader
        self._clock = clock
        self._lock = asyncio.Lock()
        self._trusted: OrderedDict[int, Trusted] = OrderedDict()
        self._blocks: OrderedDict[int, LightBlock] = OrderedDict()
        self._sets: OrderedDict[bytes, ValidatorSet] = OrderedDict()
        self._stores: OrderedDict[int, tuple[bytes, bytes]] = OrderedDict()
        self._newest: Trusted | None = None
        self._rules: Rules | None = None

    @property
    def ready(self) -> bool:
        return bool(self._trusted) and self._rules is not None

    @property
    def rules(self) -> Rules:
        if self._rules is None:
            raise VerificationFailed(self._chain_id, 0, "header", "no trusting period is known yet")
        return self._rules

    @rules.setter
    def rules(self, rules: Rules) -> None:
        self._rules = rules

    @property
    def newest(self) -> Trusted:
        """The newest verified header."""
        if self._newest is None:
            raise self._failed(0, "header", "no header of this chain is trusted yet")
        return self._newest

    async def trust(self, height: int, block_hash: bytes | None = None) -> Trusted:
        """Take a block as the root of trust; with a hash, it must be that block.

        Its commit is checked against its own validator set in any case.
        """
        block = await self._block(height)
        got = block.header.hash()
        if block_hash is not None and got != block_hash:
            raise self._failed(
                height, "trusted header", f"expected hash {block_hash.hex()}, got {got.hex()}"
            )
        return self._decree(block)

    async def trust_consensus(self, height: int, consensus: ConsensusState) -> Trusted:
        """Take what a client on another chain trusts as the root; the header there must agree."""
        block = await self._block(height)
        header = block.header
        got = ConsensusState(header.time, header.app_hash, header.next_validators_hash)
        if got != consensus:
            raise self._failed(height, "header", f"the other chain trusts {consensus}, got {got}")
        return self._decree(block)

    async def header(self, height: int) -> Trusted:
        """The verified header of a height."""
        found = self._trusted.get(height)
        if found is not None:
            return found
        async with self._lock:
            return self._trusted.get(height) or await self._verify_up_to(height)

    async def client_headers(self, trusted_height: Height, height: int) -> list[ClientHeader]:
        """The headers that lead a client from a height it trusts to a greater one.

        One, unless the validators changed too much in between.
        """
        known = await self.header(trusted_height.revision_height)
        now = self._clock.now()
        steps = await self._drive(verify.trace(known, height, self.rules, now), height)
        headers = []
        for block in steps:
            headers.append(
                ClientHeader(
                    block.signed_header, block.validators, trusted_height, known.validators
                )
            )
            known = self._keep(Trusted.from_block(block))
            trusted_height = Height(trusted_height.revision_number, block.height)
        return headers

    async def prove(self, path: str | bytes, height: int) -> Proven:
        """What the ibc store holds under a path after block `height`, proven by header height + 1.

        Raises VerificationFailed unless the answer is for this key and height and its proof holds.
        """
        key = path.encode() if isinstance(path, str) else path
        name = STORE_PREFIX.decode()
        answer = await self._reader.store(name, key, height=height, prove=True)
        if answer.key != key or answer.height != height:
            raise self._failed(
                height, "proof", f"asked for {key!r}, got {answer.key!r} at {answer.height}"
            )
        trusted = await self.header(height + 1)
        try:
            proof = self._check(trusted, answer)
        except LightClientError as error:
            raise self._failed(height, f"proof of {key.decode(errors='replace')}", error) from error
        proof_height = Height(revision(self._chain_id), height + 1)
        return Proven(key, answer.value, proof, proof_height)

    def _check(self, trusted: Trusted, answer: abci.ResponseQuery) -> bytes:
        """The proof for a message, once it holds.

        All proofs of one height share the proof that the ibc store is in the multistore: when its very
        bytes have been verified before, the root of the store is known.
        """
        proof = commitment.merkle_proof_from_proof_ops(answer.proof_ops)
        path, ops = (STORE_PREFIX, answer.key), answer.proof_ops.ops
        known = self._stores.get(trusted.height)
        if known is not None and len(ops) == len(SDK_SPECS) and ops[1].data == known[0]:
            if answer.value:
                ics23.verify_membership(IAVL_SPEC, known[1], ops[0].data, answer.key, answer.value)
            else:
                ics23.verify_non_membership(IAVL_SPEC, known[1], ops[0].data, answer.key)
        elif answer.value:
            commitment.verify_membership(SDK_SPECS, trusted.app_hash, path, answer.value, proof)
            self._keep_store(trusted.height, ops[1].data)
        else:
            commitment.verify_non_membership(SDK_SPECS, trusted.app_hash, path, proof)
            self._keep_store(trusted.height, ops[1].data)
        return proof

    def _keep_store(self, height: int, upper: bytes) -> None:
        proof = proof_codec.decode(upper)
        if not isinstance(proof, ExistenceProof):
            raise ProofError("the upper proof is no existence proof")
        _keep(self._stores, height, (upper, proof.value), _KEPT)

    async def _verify_up_to(self, height: int) -> Trusted:
        below = max((known for known in self._trusted if known < height), default=None)
        if below is None:
            return await self._verify_down_to(height)
        now = self._clock.now()
        steps = verify.trace(self._trusted[below], height, self.rules, now)
        for block in await self._drive(steps, height):
            self._keep(Trusted.from_block(block))
        return self._trusted[height]

    async def _verify_down_to(self, height: int) -> Trusted:
        """Older than all that is trusted: every header names its predecessor by hash."""
        above = min(self._trusted, default=None)
        if above is None:
            raise self._failed(height, "header", "no header of this chain is trusted yet")
        if above - height > MAX_BACKWARDS:
            reason = f"older than the oldest trusted one, {above}, by more than {MAX_BACKWARDS}"
            raise self._failed(height, "header", reason)
        header = (await self._block(above)).header
        for at in range(above - 1, height - 1, -1):
            block = await self._block(at)
            got, expected = block.header.hash(), header.last_block_id.hash
            if got != expected:
                reason = f"hash {got.hex()}, the next header names {expected.hex()}"
                raise self._failed(at, "header", reason)
            header = block.header
        return self._keep(Trusted.from_block(block))

    async def _drive(self, steps: Generator[int, LightBlock, R], target: int) -> R:
        """Feed a verification with the light blocks that it asks for."""
        try:
            height = next(steps)
            while True:
                height = steps.send(await self._block(height))
        except StopIteration as done:
            outcome: R = done.value
            return outcome
        except LightClientError as error:
            self._blocks.clear()  # what was fetched may be part of the lie
            raise self._failed(target, "header", error) from error

    async def _block(self, height: int) -> LightBlock:
        """A light block with both validator sets, unverified, from the cache when seen before."""
        found = self._blocks.get(height)
        if found is None:
            signed = await self._reader.signed_header(height)
            header = signed.header
            if header.height != height:
                raise self._failed(height, "header", f"got the one of height {header.height}")
            validators = await self._validators(header.validators_hash, height)
            following = await self._validators(header.next_validators_hash, height + 1)
            found = LightBlock(signed, validators, following)
            _keep(self._blocks, height, found, _KEPT)
        return found

    async def _validators(self, set_hash: bytes, height: int) -> ValidatorSet:
        """The set with this hash: sets change rarely, so most often it is known already."""
        found = self._sets.get(set_hash)
        if found is None:
            found = await self._reader.validators(height)
            if found.hash() != set_hash:
                reason = f"header names {set_hash.hex()}, got {found.hash().hex()}"
                raise self._failed(height, "validator set", reason)
            _keep(self._sets, set_hash, found, _SETS)
        return found

    def _decree(self, block: LightBlock) -> Trusted:
        try:
            block.signed_header.validate_basic(self._chain_id)
            verify.verify_commit_light(self._chain_id, block.validators, block.commit)
            return self._keep(Trusted.from_block(block))
        except LightClientError as error:
            raise self._failed(block.height, "trusted header", error) from error

    def _keep(self, trusted: Trusted) -> Trusted:
        _keep(self._trusted, trusted.height, trusted, _KEPT)
        if self._newest is None or trusted.height > self._newest.height:
            self._newest = trusted
        return trusted

    def _failed(self, height: int, what: str, reason: object) -> VerificationFailed:
        return VerificationFailed(self._chain_id, height, what, str(reason))


K = TypeVar("K")
V = TypeVar("V")


def _keep(cache: OrderedDict[K, V], key: K, value: V, size: int) -> None:
    """Remember the newest `size` values."""
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > size:
        cache.popitem(last=False)
