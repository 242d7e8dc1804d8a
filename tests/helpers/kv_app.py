"""A tiny ABCI application: ``key=value`` writes, ``power:<hex key>=<n>`` changes a validator,
others fail.

It keeps its state in a real multistore, so that nodes around it can be proven, restarted and
killed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from chain.context import Context
from chain.errors import INVALID_HEIGHT, AbciError, StoreError
from chain.modules.status import internal, not_found, over_abci
from chain.node import Genesis, NodeConfig, ValidatorKey, equal_validators
from chain.node.home import Home
from chain.router import QueryRouter
from chain.store import Database, MultiStore
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.types import params_pb2
from light_client.values import Timestamp

GENESIS_TIME = Timestamp.parse("2024-01-02T03:04:05Z")
BALANCE = "/cosmos.bank.v1beta1.Query/Balance"


def keys(count: int = 1) -> list[ValidatorKey]:
    return [ValidatorKey.from_secret(f"validator {number}") for number in range(count)]


def genesis(
    signers: Sequence[ValidatorKey] | None = None, chain_id: str = "kv-1", **fields: Any
) -> Genesis:
    members = keys() if signers is None else signers
    return Genesis(
        chain_id=chain_id,
        genesis_time=GENESIS_TIME,
        validators=equal_validators([key.pub_key for key in members]),
        app_state={"kv": {"genesis": "yes"}},
        **fields,
    )


class KeyValueApp:
    """Counts its calls in ``calls``; ``slow`` makes FinalizeBlock take that many seconds.

    ``unproposed`` keeps transactions out of its proposals.
    """

    def __init__(self, database: Database, slow: float = 0.0) -> None:
        self.multistore = MultiStore(database, ["kv"])
        self.queries = QueryRouter()
        self.queries.register(BALANCE, query_pb2.QueryBalanceRequest, self._balance)
        self.calls: list[str] = []
        self.slow = slow
        self.unproposed = False
        self._first: dict[bytes, bytes | None] = {}

    def info(self, _: abci.RequestInfo) -> abci.ResponseInfo:
        return abci.ResponseInfo(
            data="kv",
            version="1.0",
            last_block_height=self.multistore.version,
            last_block_app_hash=self.multistore.app_hash if self.multistore.version else b"",
        )

    def init_chain(self, request: abci.RequestInitChain) -> abci.ResponseInitChain:
        self.calls.append("init_chain")
        self.multistore.set_initial_version(request.initial_height)
        state = json.loads(request.app_state_bytes)["kv"]
        self._first = {key.encode(): value.encode() for key, value in state.items()}
        return abci.ResponseInitChain(app_hash=self.multistore.app_hash)

    def check_tx(self, request: abci.RequestCheckTx) -> abci.ResponseCheckTx:
        self.calls.append("recheck" if request.type == abci.RECHECK else "check")
        if b"=" not in request.tx:
            return abci.ResponseCheckTx(code=2, codespace="kv", log="a transaction is key=value")
        if request.type == abci.RECHECK and request.tx.startswith(b"once"):
            return abci.ResponseCheckTx(code=3, codespace="kv", log="not any more")
        return abci.ResponseCheckTx(gas_wanted=10, gas_used=1)

    def prepare_proposal(
        self, request: abci.RequestPrepareProposal
    ) -> abci.ResponsePrepareProposal:
        return abci.ResponsePrepareProposal(txs=() if self.unproposed else request.txs)

    def process_proposal(self, _: abci.RequestProcessProposal) -> abci.ResponseProcessProposal:
        return abci.ResponseProcessProposal(status=abci.ResponseProcessProposal.ACCEPT)

    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock:
        self.calls.append(f"finalize {request.height}")
        time.sleep(self.slow)
        response = abci.ResponseFinalizeBlock()
        writes = dict(self._first)
        for tx in request.txs:
            response.tx_results.append(self._execute(tx, writes, response))
        event = response.events.add(type="block_done")
        event.attributes.add(key="parity", value=str(request.height % 2), index=True)
        writes[b"height"] = str(request.height).encode()
        response.app_hash = self.multistore.stage({"kv": writes})
        return response

    def commit(self) -> abci.ResponseCommit:
        self.calls.append("commit")
        self.multistore.commit()
        self._first = {}
        return abci.ResponseCommit()

    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        height = request.height or self.multistore.version
        if request.path in self.queries.methods:
            return self._service(request, height)
        try:
            snapshot = self.multistore.snapshot(height)
        except StoreError as error:
            return abci.ResponseQuery(code=26, codespace="sdk", log=str(error))
        response = abci.ResponseQuery(key=request.data, height=height)
        value = snapshot.get("kv", request.data)
        if request.prove:
            value, ops = snapshot.prove("kv", request.data)
            response.proof_ops.CopyFrom(ops)
        response.value = value or b""
        return response

    def close(self) -> None:
        self.multistore.close()

    def ask(self, path: str, data: bytes, height: int) -> tuple[int, bytes]:
        if height > self.multistore.version:
            raise INVALID_HEIGHT("cannot query with height in the future")
        method = self.queries.method(path)
        try:
            request = method.read(path, data)
        except AbciError as error:
            raise internal(f"grpc: error unmarshalling request: {error}") from error
        answer = method.handler(None, request)  # type: ignore[arg-type]
        return height or self.multistore.version, answer.SerializeToString()

    def _service(self, request: abci.RequestQuery, height: int) -> abci.ResponseQuery:
        try:
            _, value = self.ask(request.path, request.data, height)
        except AbciError as error:
            told = over_abci(error)
            return abci.ResponseQuery(code=told.code, codespace=told.codespace, log=told.log)
        return abci.ResponseQuery(value=value, height=height)

    def _execute(
        self,
        tx: bytes,
        writes: dict[bytes, bytes | None],
        response: abci.ResponseFinalizeBlock,
    ) -> abci.ExecTxResult:
        key, _, value = tx.partition(b"=")
        if key.startswith(b"fail"):
            return abci.ExecTxResult(code=5, codespace="kv", log="as asked", gas_wanted=10)
        if key.startswith(b"power:"):
            update = response.validator_updates.add(power=int(value))
            update.pub_key.ed25519 = bytes.fromhex(key[6:].decode())
        if key == b"max_gas":
            block = params_pb2.BlockParams(max_bytes=22_020_096, max_gas=int(value))
            response.consensus_param_updates.block.CopyFrom(block)
        writes[key] = value
        result = abci.ExecTxResult(data=b"ok", gas_wanted=10, gas_used=7)
        event = result.events.add(type="set")
        event.attributes.add(key="key", value=key.decode(), index=True)
        event.attributes.add(key="value", value=value.decode(), index=True)
        event.attributes.add(key="hidden", value="secret", index=False)
        return result

    def _balance(
        self, _: Context, request: query_pb2.QueryBalanceRequest
    ) -> query_pb2.QueryBalanceResponse:
        if request.address != "alice":
            raise not_found(f"account {request.address} not found")
        response = query_pb2.QueryBalanceResponse()
        response.balance.denom, response.balance.amount = request.denom, "7"
        return response


def build(database: Database, home: Home | None, config: NodeConfig) -> KeyValueApp:
    return KeyValueApp(database)
