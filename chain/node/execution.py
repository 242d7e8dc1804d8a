"""Blocks from beginning to end: proposed, executed, signed, stored, committed (CometBFT
``state/execution.go``).

Everything here runs on one thread, so CheckTx and FinalizeBlock never meet. A block is stored after
FinalizeBlock, which changes nothing that lasts, and before Commit: whatever moment a crash picks,
the block store is level with the application or one block ahead, and ``open`` executes that block
again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chain.node import rotation
from chain.node.block import NO_COMMIT, Block, block_id, max_data_bytes, sign_commit
from chain.node.blockstore import BlockStore, StoredBlock
from chain.node.clock import Clock
from chain.node.errors import NodeError
from chain.node.genesis import Genesis
from chain.node.limits import MempoolLimits
from chain.node.mempool import Mempool
from chain.node.params import MAX_BLOCK_BYTES, ConsensusParams
from chain.node.privval import ValidatorKey
from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.types import params_pb2, validator_pb2
from light_client import codec, hashes, merkle
from light_client.commit import FOR_BLOCK, Commit
from light_client.errors import LightClientError
from light_client.header import BLOCK_PROTOCOL, BlockID, Header, Version
from light_client.keys import PublicKey
from light_client.validators import ValidatorSet
from light_client.values import Timestamp

P2P_PROTOCOL: Final = 8
ABCI_VERSION: Final = "2.0.0"
COMET_VERSION: Final = "0.38.19"
_TIME_STEP_NS: Final = 1_000_000

log = logging.getLogger("chain.node")


class Application(Protocol):
    """What the node asks of an application: ABCI 2.0 without snapshots and vote extensions."""

    def info(self, request: abci.RequestInfo) -> abci.ResponseInfo: ...
    def init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain: ...
    def check_tx(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx: ...
    def prepare_proposal(
        self, request: abci.RequestPrepareProposal
    ) -> abci.ResponsePrepareProposal: ...
    def process_proposal(
        self, request: abci.RequestProcessProposal
    ) -> abci.ResponseProcessProposal: ...
    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock: ...
    def commit(self) -> abci.ResponseCommit: ...
    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery: ...
    def ask(self, path: str, data: bytes, height: int) -> tuple[int, bytes]:
        """A gRPC method at a height, 0 for the latest: the height and the answer, or an AbciError."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class State:
    """What the next block is made from (CometBFT ``state.State``); ``height`` is the last one made."""

    height: int
    block_id: BlockID
    time: Timestamp
    commit: Commit
    last_validators: ValidatorSet | None
    validators: ValidatorSet
    next_validators: ValidatorSet
    params: ConsensusParams
    app_hash: bytes
    results_hash: bytes


class Execution:
    def __init__(
        self,
        app: Application,
        store: BlockStore,
        genesis: Genesis,
        keys: Sequence[ValidatorKey],
        clock: Clock,
        limits: MempoolLimits | None = None,
    ) -> None:
        self.app = app
        self.store = store
        self.genesis = genesis
        self.clock = clock
        self.mempool = Mempool(app.check_tx, limits)
        self._keys = {key.address: key for key in keys}
        self._state: State | None = None

    @property
    def state(self) -> State:
        if self._state is None:
            raise NodeError("the node is not open")
        return self._state

    def open(self) -> None:
        """Bring application and block store level (CometBFT ``consensus/replay.go``).

        Raises NodeError when their histories do not fit each other or the genesis.
        """
        info = self.app.info(
            abci.RequestInfo(
                version=COMET_VERSION,
                block_version=BLOCK_PROTOCOL,
                p2p_version=P2P_PROTOCOL,
                abci_version=ABCI_VERSION,
            )
        )
        app_height, height = info.last_block_height, self.store.height
        if app_height > height:
            raise NodeError(
                f"the application is at height {app_height}, ahead of the block store at {height}"
            )
        if height:
            self._check_chain_id()
        app_hash = info.last_block_app_hash
        if not app_height:
            app_hash = self._init_chain(info.app_version)
        self._replay(app_height, app_hash)
        self._limit_mempool()

    def next_block(self) -> StoredBlock:
        """Make one block out of what waits in the mempool."""
        state = self.state
        height = state.height + 1 if state.height else self.genesis.initial_height
        time = self._next_time(state)
        txs = self._propose(state, height, time)
        block = self._assemble(state, height, time, txs)
        encoded = block.encode()
        identity = block_id(block.header, encoded)
        self._accept(state, block, identity)
        results = self._finalize(block, identity.hash, state.last_validators)
        commit = self._sign(state, height, identity, time)
        stored = StoredBlock(block, len(encoded), commit, results)
        self._state = self._save(state, stored, encoded)
        retain = self.app.commit().retain_height
        self.store.publish(stored)
        self._limit_mempool()
        self.mempool.update(block.txs, results.tx_results)
        self.store.prune(retain)
        return stored

    def _limit_mempool(self) -> None:
        """Tell the mempool what the next block takes."""
        params, count = self.state.params, len(self.state.validators)
        max_bytes = params.max_bytes if params.max_bytes > 0 else MAX_BLOCK_BYTES
        self.mempool.max_bytes = max_data_bytes(max_bytes, count)
        self.mempool.max_gas = params.max_gas

    def _check_chain_id(self) -> None:
        stored = self.store.must_load(self.store.height).header.chain_id
        if stored != self.genesis.chain_id:
            raise NodeError(
                f"the stored blocks are of chain {stored!r}, "
                f"the genesis is of {self.genesis.chain_id!r}"
            )

    def _init_chain(self, app_version: int) -> bytes:
        """Start the application; returns its first app hash."""
        genesis = self.genesis
        response = self.app.init_chain(
            abci.RequestInitChain(
                time=codec.timestamp_to_pb(genesis.genesis_time),
                chain_id=genesis.chain_id,
                consensus_params=genesis.consensus_params.to_pb(),
                validators=[_update(each.pub_key, each.power) for each in genesis.validators],
                app_state_bytes=genesis.app_state_bytes,
                initial_height=genesis.initial_height,
            )
        )
        params = genesis.consensus_params
        if app_version:
            params = params.updated(_version_params(app_version))
        params = params.updated(response.consensus_params)
        members = [(each.pub_key, each.power) for each in genesis.validators]
        if response.validators:
            members = _members(response.validators)
        if not members:
            raise NodeError("neither the genesis nor the application names a validator")
        first = rotation.new_set(members)
        self.store.save_genesis(genesis.initial_height, params, first, rotation.increment(first))
        return response.app_hash or genesis.app_hash

    def _replay(self, app_height: int, app_hash: bytes) -> None:
        """Execute again the stored blocks that the application has not committed."""
        for stored in self.store.from_height(app_height + 1):
            log.info("replaying block %d", stored.height)
            height = stored.height
            before = self.store.validators(height - 1) if stored.block.last_commit.height else None
            results = self._finalize(stored.block, stored.block_id.hash, before)
            if results.app_hash != stored.results.app_hash:
                raise NodeError(
                    f"block {height}, executed again, gives app hash {results.app_hash.hex()}, "
                    f"it gave {stored.results.app_hash.hex()} before"
                )
            self.app.commit()
            app_hash = results.app_hash
        self._state = self._state_now(app_hash)

    def _state_now(self, app_hash: bytes) -> State:
        height, store = self.store.height, self.store
        if not height:
            return self._first_state(app_hash)
        last = store.must_load(height)
        if app_hash != last.results.app_hash:
            raise NodeError(
                f"the application's hash at height {height} is {app_hash.hex()}, "
                f"block execution gave {last.results.app_hash.hex()}"
            )
        return State(
            height=height,
            block_id=last.block_id,
            time=last.header.time,
            commit=last.seen_commit,
            last_validators=store.validators(height),
            validators=store.validators(height + 1),
            next_validators=store.validators(height + 2),
            params=store.params(height + 1),
            app_hash=app_hash,
            results_hash=hashes.results_hash(last.results.tx_results),
        )

    def _first_state(self, app_hash: bytes) -> State:
        first = self.genesis.initial_height
        return State(
            height=0,
            block_id=BlockID(),
            time=self.genesis.genesis_time.add(-1),
            commit=NO_COMMIT,
            last_validators=None,
            validators=self.store.validators(first),
            next_validators=self.store.validators(first + 1),
            params=self.store.params(first),
            app_hash=app_hash,
            results_hash=merkle.EMPTY_ROOT,
        )

    def _next_time(self, state: State) -> Timestamp:
        """The clock's time, or a little after the last block when the clock is not past it."""
        now = self.clock.now()
        return now if now > state.time else state.time.add(_TIME_STEP_NS)

    def _propose(self, state: State, height: int, time: Timestamp) -> list[bytes]:
        room = self.mempool.max_bytes
        votes = _votes(state.commit, state.last_validators)
        extended = [
            abci.ExtendedVoteInfo(validator=each.validator, block_id_flag=each.block_id_flag)
            for each in votes
        ]
        response = self.app.prepare_proposal(
            abci.RequestPrepareProposal(
                max_tx_bytes=room,
                txs=self.mempool.reap(room, self.mempool.max_gas),
                local_last_commit=abci.ExtendedCommitInfo(round=0, votes=extended),
                height=height,
                time=codec.timestamp_to_pb(time),
                next_validators_hash=state.next_validators.hash(),
                proposer_address=_proposer(state.validators),
            )
        )
        return list(response.txs)

    def _assemble(self, state: State, height: int, time: Timestamp, txs: Sequence[bytes]) -> Block:
        header = Header(
            version=Version(BLOCK_PROTOCOL, state.params.app_version),
            chain_id=self.genesis.chain_id,
            height=height,
            time=time,
            last_block_id=state.block_id,
            last_commit_hash=state.commit.hash(),
            data_hash=hashes.data_hash(txs),
            validators_hash=state.validators.hash(),
            next_validators_hash=state.next_validators.hash(),
            consensus_hash=state.params.hash(),
            app_hash=state.app_hash,
            last_results_hash=state.results_hash,
            evidence_hash=merkle.EMPTY_ROOT,
            proposer_address=_proposer(state.validators),
        )
        return Block(header, tuple(txs), state.commit)

    def _accept(self, state: State, block: Block, identity: BlockID) -> None:
        header = block.header
        response = self.app.process_proposal(
            abci.RequestProcessProposal(
                txs=block.txs,
                proposed_last_commit=_commit_info(block.last_commit, state.last_validators),
                hash=identity.hash,
                height=header.height,
                time=codec.timestamp_to_pb(header.time),
                next_validators_hash=header.next_validators_hash,
                proposer_address=header.proposer_address,
            )
        )
        if response.status != abci.ResponseProcessProposal.ACCEPT:
            raise NodeError(f"the application rejects its own proposal for block {header.height}")

    def _finalize(
        self, block: Block, block_hash: bytes, last_validators: ValidatorSet | None
    ) -> abci.ResponseFinalizeBlock:
        header = block.header
        response = self.app.finalize_block(
            abci.RequestFinalizeBlock(
                txs=block.txs,
                decided_last_commit=_commit_info(block.last_commit, last_validators),
                hash=block_hash,
                height=header.height,
                time=codec.timestamp_to_pb(header.time),
                next_validators_hash=header.next_validators_hash,
                proposer_address=header.proposer_address,
            )
        )
        if len(response.tx_results) != len(block.txs):
            raise NodeError(
                f"block {header.height} has {len(block.txs)} transactions, "
                f"the application answers {len(response.tx_results)} results"
            )
        return response

    def _sign(self, state: State, height: int, identity: BlockID, time: Timestamp) -> Commit:
        validators = state.validators
        commit = sign_commit(self.genesis.chain_id, height, identity, time, validators, self._keys)
        pairs = zip(validators.validators, commit.signatures, strict=True)
        power = sum(each.power for each, vote in pairs if vote.flag == FOR_BLOCK)
        if power <= validators.total_power * 2 // 3:
            raise NodeError(
                f"keys for {power} of {validators.total_power} voting power are at hand: "
                f"no two thirds for block {height}"
            )
        return commit

    def _save(self, state: State, stored: StoredBlock, encoded: bytes) -> State:
        """Store the block and what follows from it; returns the state after it."""
        results, height = stored.results, stored.height
        after = state.next_validators
        changed = bool(results.validator_updates)
        if changed:
            after = _changed(after, results.validator_updates)
        after = rotation.increment(after)
        params = state.params.updated(results.consensus_param_updates)
        self.store.save(
            stored,
            encoded,
            validators=after,
            changed=changed,
            params=params if params != state.params else None,
        )
        return State(
            height=height,
            block_id=stored.block_id,
            time=stored.header.time,
            commit=stored.seen_commit,
            last_validators=state.validators,
            validators=state.next_validators,
            next_validators=after,
            params=params,
            app_hash=results.app_hash,
            results_hash=hashes.results_hash(results.tx_results),
        )


def _commit_info(commit: Commit, validators: ValidatorSet | None) -> abci.CommitInfo:
    return abci.CommitInfo(round=commit.round, votes=_votes(commit, validators))


def _votes(commit: Commit, validators: ValidatorSet | None) -> list[abci.VoteInfo]:
    if validators is None:
        return []
    pairs = zip(validators.validators, commit.signatures, strict=True)
    return [
        abci.VoteInfo(
            validator=abci.Validator(address=each.address, power=each.power),
            block_id_flag=validator_pb2.BlockIDFlag.ValueType(vote.flag),
        )
        for each, vote in pairs
    ]


def _proposer(validators: ValidatorSet) -> bytes:
    if validators.proposer is None:
        raise NodeError("a validator set has no proposer")
    return validators.proposer.address


def _update(key: PublicKey, power: int) -> abci.ValidatorUpdate:
    return abci.ValidatorUpdate(pub_key=codec.public_key_to_pb(key), power=power)


def _members(updates: Sequence[abci.ValidatorUpdate]) -> list[tuple[PublicKey, int]]:
    try:
        return [(codec.public_key_from_pb(each.pub_key), each.power) for each in updates]
    except LightClientError as error:
        raise NodeError(f"the application names a validator with a bad key: {error}") from error


def _changed(validators: ValidatorSet, updates: Sequence[abci.ValidatorUpdate]) -> ValidatorSet:
    try:
        return rotation.updated(validators, _members(updates))
    except ValueError as error:
        raise NodeError(f"the application's validator updates do not apply: {error}") from error


def _version_params(app_version: int) -> params_pb2.ConsensusParams:
    return params_pb2.ConsensusParams(version=params_pb2.VersionParams(app=app_version))
