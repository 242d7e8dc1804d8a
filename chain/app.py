"""The application, ABCI-shaped: it executes; it never decides when a block happens.

State changes of FinalizeBlock stay in memory until Commit, so the same block may be finalized again before that, by a
consensus engine that replays after a crash (cometbft spec/abci, ABCI 2.0). Transactions in the mempool are checked over
a state of their own, which every Commit resets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from typing import Any, Final

from google.protobuf import json_format

from chain import txcodec
from chain.abci_query import AbciQueries
from chain.ante import MAX_GAS, required_fees
from chain.assembly import assemble
from chain.bookkeeping import Block, Bookkeeping
from chain.context import Context, Mode
from chain.errors import INVALID_REQUEST, TX_DECODE, AbciError, GenesisError, StoreError
from chain.events import Event, to_pb
from chain.execution import Executor, Outcome
from chain.gas import GasMeter
from chain.modules.status import invalid_argument, unknown
from chain.router import Module
from chain.sdk import SDK_50
from chain.store.branch import Branch
from chain.store.database import Database
from chain.store.multistore import KEEP_RECENT, MultiStore
from chain.vm import VM
from cosmos_pb._pool import POOL
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2
from cosmos_pb.google.protobuf import timestamp_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client.values import Timestamp
from light_client.wire import uvarint

NAME: Final = "lightship"
DISTRIBUTION: Final = "lightship"


class Application:
    """``min_gas_prices`` are (denom, decimal price) pairs that the mempool holds fees against; any of them is enough.

    Without a ``vm`` the chain has no contracts. ``keep_recent`` versions of the state stay readable (0: all).
    """

    def __init__(
        self,
        database: Database,
        vm: VM | None,
        *,
        bech32_prefix: str = "cosmos",
        min_gas_prices: Sequence[tuple[str, str]] = (),
        keep_recent: int = KEEP_RECENT,
    ) -> None:
        parts = assemble(bech32_prefix, vm)
        self.auth, self.bank, self.ibc, self.wasm = parts.auth, parts.bank, parts.ibc, parts.wasm
        self.staking, self.upgrade = parts.staking, parts.upgrade
        self.messages, self.queries = parts.routers.messages, parts.routers.queries
        self.multistore = MultiStore(database, parts.stores, keep_recent=keep_recent)
        self.min_gas_prices = tuple(min_gas_prices)
        required_fees(self.min_gas_prices, 1)  # a price that is no number is told at once
        self._modules: tuple[Module, ...] = parts.modules
        self._consensus = parts.consensus
        self._executor = Executor(self.messages, parts.auth, parts.ante, parts.consensus)
        self._bookkeeping = Bookkeeping(self.multistore, keep_recent)
        self._genesis: Branch | None = None
        self._pending: Block | None = None
        self._initial_height = 1
        self._last = self._bookkeeping.last()
        if self.wasm is not None and self.multistore.version:
            self.wasm.keeper.resume(self.context_at(0))
        self._check = self._fresh_check()
        self.queries.register(
            "/cosmos.tx.v1beta1.Service/Simulate", service_pb2.SimulateRequest, self._query_simulate
        )
        txcodec.register(self.queries)
        self._abci_queries = AbciQueries(
            self.multistore,
            self.queries,
            self.context_at,
            {"simulate": self._app_simulate, "version": lambda _: version().encode()},
        )

    # Handshake

    def info(self, _: abci.RequestInfo) -> abci.ResponseInfo:
        return abci.ResponseInfo(
            data=NAME,
            version=version(),
            last_block_height=self.multistore.version,
            last_block_app_hash=self.multistore.app_hash if self.multistore.version else b"",
        )

    def init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        """Run the genesis; nothing is kept before the first Commit. GenesisError names what is wrong in it."""
        if self.multistore.version:
            raise GenesisError(f"the chain is at height {self.multistore.version} already")
        state = self._app_state(request.app_state_bytes)
        self._initial_height = max(request.initial_height, 1)
        self.multistore.set_initial_version(self._initial_height)
        genesis = Branch(self.multistore.snapshot())
        self._last = Block(request.chain_id, 0, _time(request.time))
        if self.wasm is not None:
            self.wasm.follow_genesis(state.get(self.wasm.name) or {})
        ctx = self._context(self._last, genesis, Mode.GENESIS)
        self._consensus.set_params(ctx, request.consensus_params)
        for module in self._modules:
            module.init_genesis(ctx, state.get(module.name) or {})
        self._genesis = genesis
        self._check = self._fresh_check()
        return abci.ResponseInitChain(
            validators=request.validators, app_hash=self.multistore.app_hash
        )

    def _app_state(self, data: bytes) -> dict[str, Any]:
        try:
            state = json.loads(data) if data else {}
        except ValueError as error:
            raise GenesisError(f"app_state is not JSON: {error}") from error
        if not isinstance(state, dict):
            raise GenesisError(f"app_state must be an object, got {type(state).__name__}")
        unknown_names = set(state) - {module.name for module in self._modules}
        if unknown_names:
            raise GenesisError(
                f"app_state names modules that are not here: {', '.join(sorted(unknown_names))}"
            )
        return state

    def export_genesis(self) -> dict[str, Any]:
        """``app_state`` of the last committed height."""
        ctx = self.context_at(self.multistore.version)
        return {module.name: module.export_genesis(ctx) for module in self._modules}

    # Mempool

    def check_tx(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx:
        mode = Mode.RECHECK if request.type == abci.RECHECK else Mode.CHECK
        outcome = self._executor.run(self._checking(mode), request.tx)
        response = abci.ResponseCheckTx(
            gas_wanted=_signed(outcome.gas_wanted),
            gas_used=min(outcome.gas_used, MAX_GAS),
            events=outcome.events,
        )
        if outcome.error is not None:
            response.code, response.codespace = outcome.error.code, outcome.error.codespace
            response.log = outcome.error.log
        return response

    def simulate(self, tx: bytes) -> tuple[abci_pb2.GasInfo, abci_pb2.Result]:
        """Run a transaction over the mempool's state and forget it.

        Neither the gas limit nor signatures are held against it, the sequence is. Raises AbciError as the transaction
        would be refused.
        """
        outcome = self._simulated(tx)
        if outcome.error is not None:
            raise outcome.error
        return _gas_info(outcome), _result(outcome)

    def _simulated(self, tx: bytes) -> Outcome:
        return self._executor.run(self._checking(Mode.SIMULATE).fork(), tx)

    def _checking(self, mode: Mode) -> Context:
        """The mempool's state under ``mode``: one branch, three contexts."""
        if not self._last.chain_id:
            raise StoreError("the chain has no state yet: InitChain has not been called")
        return self._check[mode]

    # Blocks

    def prepare_proposal(
        self, request: abci.RequestPrepareProposal
    ) -> abci.ResponsePrepareProposal:
        """The first transactions that fit the block's bytes and gas (cosmos-sdk baseapp/abci_utils.go)."""
        max_gas = self._max_gas(self._checking(Mode.CHECK))
        chosen: list[bytes] = []
        size = gas = 0
        for raw in request.txs:
            try:
                wanted = self._executor.decode(raw).gas_limit
            except AbciError:
                continue  # it could not be in the mempool, and would fail in the block
            taken = 1 + len(uvarint(len(raw))) + len(raw)
            if 0 <= request.max_tx_bytes < size + taken or (max_gas and gas + wanted > max_gas):
                continue
            chosen.append(raw)
            size, gas = size + taken, gas + wanted
        return abci.ResponsePrepareProposal(txs=chosen)

    def process_proposal(
        self, request: abci.RequestProcessProposal
    ) -> abci.ResponseProcessProposal:
        """Accept unless a transaction cannot be read, or together they want more gas than a block has."""
        max_gas = self._max_gas(self._checking(Mode.CHECK))
        try:
            wanted = sum(self._executor.decode(raw).gas_limit for raw in request.txs)
        except AbciError:
            return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.REJECT)
        fits = not max_gas or wanted <= max_gas
        answer = abci.ResponseProcessProposal
        return answer(status=answer.ACCEPT if fits else answer.REJECT)

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        expected = self.multistore.version + 1 if self.multistore.version else self._initial_height
        if request.height != expected:
            raise INVALID_REQUEST(f"invalid height: {request.height}; expected: {expected}")
        block = Block(
            self._last.chain_id,
            request.height,
            _time(request.time),
            request.proposer_address,
            request.hash,
        )
        ctx = self._context(block, self._start_of_block(), Mode.DELIVER)
        ctx.block_gas = GasMeter(self._max_gas(ctx) or None)
        response = abci.ResponseFinalizeBlock(events=self._hooks(ctx, "begin_block", "BeginBlock"))
        for index, raw in enumerate(request.txs):
            ctx.tx_index = index
            response.tx_results.append(self._deliver(ctx, raw))
        ctx.tx_index = 0
        response.events.extend(self._hooks(ctx, "end_block", "EndBlock"))
        response.consensus_param_updates.MergeFromString(self._consensus.stored(ctx))
        self._pending = block
        self._bookkeeping.put(block)
        response.app_hash = self.multistore.stage(ctx.store.writes)
        return response

    def commit(self) -> abci.ResponseCommit:
        """Persist what the last FinalizeBlock computed."""
        if self._pending is None:
            raise StoreError("Commit without a FinalizeBlock before it")
        self.multistore.commit()
        self._last, self._pending, self._genesis = self._pending, None, None
        self._check = self._fresh_check()
        return abci.ResponseCommit()

    def close(self) -> None:
        self.multistore.close()

    def _start_of_block(self) -> Branch:
        """A branch over the last commit; the first block begins with what the genesis wrote."""
        start = Branch(self.multistore.snapshot())
        if self._genesis is not None:
            start.writes = {store: dict(pairs) for store, pairs in self._genesis.writes.items()}
        elif self.multistore.version == 0:
            raise StoreError("the chain has no state yet: InitChain has not been called")
        return start

    def _hooks(self, ctx: Context, hook: str, mode: str) -> list[abci.Event]:
        """Run a block hook of the modules that have it; its events say when they happened."""
        events: list[Event] = []
        for module in self._modules:
            run = getattr(module, hook, None)
            if run is not None:
                with ctx.branch() as inner:
                    run(inner)
                events.extend(inner.events.events)
        return [to_pb(event.with_attributes(("mode", mode))) for event in events]

    def _deliver(self, ctx: Context, raw: bytes) -> abci.ExecTxResult:
        try:
            self._executor.decode(raw)
        except AbciError:
            return abci.ExecTxResult(
                code=TX_DECODE.code, codespace=TX_DECODE.codespace, log=TX_DECODE.text
            )
        outcome = self._executor.run(ctx, raw)
        result = abci.ExecTxResult(
            data=outcome.data,
            gas_wanted=_signed(outcome.gas_wanted),
            gas_used=min(outcome.gas_used, MAX_GAS),
            events=outcome.events,
        )
        if outcome.error is not None:
            result.code, result.codespace = outcome.error.code, outcome.error.codespace
            result.log = outcome.error.log
        return result

    def _max_gas(self, ctx: Context) -> int:
        """Gas of a block; 0 for no limit."""
        return max(self._consensus.params(ctx).block.max_gas, 0)

    # Queries and contexts

    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        return self._abci_queries.answer(request)

    def ask(self, path: str, data: bytes, height: int) -> tuple[int, bytes]:
        """A gRPC method at ``height`` (0: the latest): the height and the answer. Raises AbciError."""
        return self._abci_queries.ask(path, data, height)

    def context_at(self, height: int) -> Context:
        """Committed state at ``height`` (0: the latest), to be read; StoreError when it is pruned."""
        height = height or self.multistore.version
        last = self._last
        known = last.time if height == last.height else self._bookkeeping.time_of(height)
        block = replace(
            last, height=height, time=known or last.time
        )  # as baseapp does for old blocks
        return self._context(block, Branch(self.multistore.snapshot(height)), Mode.QUERY)

    def _fresh_check(self) -> dict[Mode, Context]:
        """The mempool's contexts over the last commit.

        Before the first block they carry its height: at height 0 the SDK would check signatures for account number 0.
        """
        below = self._genesis or self.multistore.snapshot()
        block = replace(self._last, height=self._last.height or self._initial_height)
        ctx = self._context(block, Branch(below), Mode.CHECK)
        ctx.tx_index = -1
        return {mode: replace(ctx, mode=mode) for mode in (Mode.CHECK, Mode.RECHECK, Mode.SIMULATE)}

    def _context(self, block: Block, store: Branch, mode: Mode) -> Context:
        return Context(
            chain_id=block.chain_id,
            height=block.height,
            time=block.time,
            store=store,
            gas=GasMeter(),
            mode=mode,
            proposer=block.proposer,
            header_hash=block.header_hash,
            app_hash=self.multistore.app_hash,
            min_gas_prices=self.min_gas_prices,
            sdk=SDK_50 if self.wasm is None else self.wasm.keeper.version.sdk,
        )

    def _query_simulate(
        self, _: Context, request: service_pb2.SimulateRequest
    ) -> service_pb2.SimulateResponse:
        """cosmos-sdk x/auth/tx/service.go Simulate."""
        raw = request.tx_bytes or txcodec.raw(request.tx)
        if not raw:
            raise invalid_argument("empty txBytes is not allowed")
        outcome = self._simulated(raw)
        if outcome.error is not None:
            raise unknown(f"{outcome.error} with gas used: '{outcome.gas_used}'")
        return service_pb2.SimulateResponse(gas_info=_gas_info(outcome), result=_result(outcome))

    def _app_simulate(self, tx: bytes) -> bytes:
        """``/app/simulate``: a SimulationResponse as JSON."""
        try:
            gas_info, result = self.simulate(tx)
        except AbciError as error:
            raise error.wrap("failed to simulate tx") from error
        message = abci_pb2.SimulationResponse(gas_info=gas_info, result=result)
        text = json_format.MessageToJson(
            message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
            descriptor_pool=POOL,
            indent=None,
        )
        return text.encode()


def version() -> str:
    """The version of the installed distribution; of a source tree that is not installed, ``0``."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "0"


def _time(message: timestamp_pb2.Timestamp) -> Timestamp:
    return Timestamp(message.seconds, message.nanos)


def _signed(gas: int) -> int:
    """``int64(gas)`` as Go has it: what is too large becomes negative."""
    return gas if gas <= MAX_GAS else gas - 2**64


def _gas_info(outcome: Outcome) -> abci_pb2.GasInfo:
    return abci_pb2.GasInfo(gas_wanted=outcome.gas_wanted, gas_used=outcome.gas_used)


def _result(outcome: Outcome) -> abci_pb2.Result:
    return abci_pb2.Result(
        data=outcome.data, events=outcome.events, msg_responses=outcome.responses
    )
