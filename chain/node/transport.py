"""A node as a relayer's transport: the same calls, without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from chain.node.engine import Engine
from chain.node.errors import RpcError
from chain.node.rpc import Rpc
from cosmos_pb.tendermint.abci import types_pb2 as abci


class NodeTransport:
    """Satisfies ``relayer.transport.Transport`` structurally."""

    def __init__(self, engine: Engine, rpc: Rpc) -> None:
        self._engine = engine
        self._rpc = rpc

    async def call(self, method: str, params: Mapping[str, Any]) -> Any:
        """The whole response object of JSON-RPC, with ``result`` or ``error``."""
        try:
            result = await self._rpc.call(method, msgspec.json.encode(params))
        except RpcError as error:
            return {"jsonrpc": "2.0", "id": -1, "error": error.as_json()}
        return {"jsonrpc": "2.0", "id": -1, "result": result}

    async def query(
        self, path: str, data: bytes, *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        return await self._engine.query(
            abci.RequestQuery(path=path, data=data, height=height, prove=prove)
        )

    async def subscribe(self, query: str) -> AsyncIterator[Any]:
        """The ``result`` object of each event. Raises QueryError for text that is no query."""
        subscription = self._engine.bus.subscribe(query)
        try:
            async for event in subscription:
                yield {"query": query, **event.json}
        finally:
            subscription.cancel()

    async def close(self) -> None:
        """Nothing to release: the node goes on."""
