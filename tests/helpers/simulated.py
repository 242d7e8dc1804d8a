"""A chain behind a transport, driven by the test: signed headers, real proofs, scripted answers.

It has no application. `put` changes its store, `commit` makes a block; what it serves can be bent by
assigning to `forge`, so that a test can play a lying endpoint.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from helpers.validators import GENESIS, SECOND, make_block, signers

from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import rpcjson
from light_client.commit import LightBlock
from light_client.values import Timestamp
from relayer.clock import Clock


class TestClock:
    """A clock that stands still unless someone sleeps."""

    __test__ = False

    def __init__(self, now: Timestamp = GENESIS) -> None:
        self.time = now
        self.elapsed = 0.0
        self.slept: list[float] = []

    def now(self) -> Timestamp:
        return self.time

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.elapsed += seconds
        self.time = self.time.add(int(seconds * SECOND))


class SimulatedChain:
    """One chain, four validators, a store named ibc, one second between blocks."""

    def __init__(self, chain_id: str = "sim-1", members: int = 4) -> None:
        self.chain_id = chain_id
        self.members = signers(members, prefix=chain_id)
        self.store = MultiStore(MemoryDatabase(), ["bank", "ibc"])
        self.blocks: dict[int, LightBlock] = {}
        self.results: dict[int, dict[str, Any]] = {}
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.answers: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
        self.queries: dict[str, Callable[[bytes], abci.ResponseQuery]] = {}
        self.forge: Callable[[str, Any], Any] = lambda _what, answer: answer
        self.commit()

    @property
    def height(self) -> int:
        return max(self.blocks, default=0)

    @property
    def now(self) -> Timestamp:
        return GENESIS.add((self.height + 1) * SECOND)

    def commit(
        self,
        puts: Mapping[str, bytes] | None = None,
        *,
        events: list[dict[str, Any]] | None = None,
        members: Any = None,
    ) -> int:
        """Make a block that writes to the ibc store; its effect is in the next block's app hash."""
        height = self.height + 1
        app_hash = self.store.app_hash
        following = members or self.members
        self.blocks[height] = make_block(
            self.chain_id, height, self.members, following, app_hash=app_hash
        )
        self.members = following
        writes = {key.encode(): value for key, value in (puts or {}).items()}
        self.store.stage({"ibc": writes, "bank": {b"height": str(height).encode()}})
        self.store.commit()
        tx = {"code": 0, "events": events or []}
        self.results[height] = {"height": str(height), "txs_results": [tx]}
        return height

    async def call(self, method: str, params: Mapping[str, Any]) -> Any:
        self.calls.append((method, params))
        answer = self.answers[method] if method in self.answers else getattr(self, f"_{method}")
        try:
            return {"jsonrpc": "2.0", "id": 1, "result": self.forge(method, answer(params))}
        except KeyError as error:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": str(error)}}

    async def query(
        self, path: str, data: bytes, *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        self.calls.append((path, {"data": data, "height": height}))
        if path in self.queries:
            return self.queries[path](data)
        if path != "/store/ibc/key":
            return abci.ResponseQuery(code=6, codespace="sdk", log=f"unknown query path {path}")
        at = height or self.height
        value, ops = self.store.prove("ibc", data, at)
        answer = abci.ResponseQuery(key=data, value=value or b"", height=at)
        if prove:
            answer.proof_ops.CopyFrom(ops)
        forged: abci.ResponseQuery = self.forge("query", answer)
        return forged

    async def subscribe(self, query: str) -> AsyncIterator[Any]:
        for height in sorted(self.blocks):
            yield {
                "query": query,
                "data": {"value": {"block": {"header": {"height": str(height)}}}},
            }

    async def close(self) -> None:
        self.calls.append(("close", {}))

    def _status(self, _params: Mapping[str, Any]) -> Any:
        return {
            "node_info": {"network": self.chain_id},
            "sync_info": {
                "latest_block_height": str(self.height),
                "latest_block_time": self.blocks[self.height].header.time.rfc3339(),
                "earliest_block_height": "1",
            },
        }

    def _commit(self, params: Mapping[str, Any]) -> Any:
        block = self.blocks[int(params["height"])]
        signed = rpcjson.signed_header_to_json(block.signed_header)
        return {"signed_header": signed, "canonical": True}

    def _validators(self, params: Mapping[str, Any]) -> Any:
        height, page, size = (int(params[name]) for name in ("height", "page", "per_page"))
        below = self.blocks.get(height - 1)
        validators = (
            self.blocks[height].validators
            if height in self.blocks
            else below.next_validators
            if below
            else None
        )
        if validators is None:
            raise KeyError(height)
        listed = rpcjson.validators_to_json(validators.validators)
        part = listed[(page - 1) * size : page * size]
        return {"validators": part, "count": str(len(part)), "total": str(len(listed))}

    def _block_results(self, params: Mapping[str, Any]) -> Any:
        return self.results[int(params["height"])]


def clock_of(chain: SimulatedChain) -> Clock:
    """A clock at the chain's own time."""
    return TestClock(chain.now)
