"""x/consensus: the consensus parameters as the application keeps them (store ``consensus``, key ``Consensus``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chain.context import Context
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.cosmos.consensus.v1 import query_pb2
from cosmos_pb.tendermint.types import params_pb2

STORE: Final = "consensus"
PARAMS: Final = b"Consensus"


class Consensus:
    name = "consensus"
    stores = (STORE,)

    def register(self, _: MessageRouter, queries: QueryRouter) -> None:
        queries.register(
            "/cosmos.consensus.v1.Query/Params", query_pb2.QueryParamsRequest, self._query_params
        )

    def params(self, ctx: Context) -> params_pb2.ConsensusParams:
        return params_pb2.ConsensusParams.FromString(self.stored(ctx))

    def stored(self, ctx: Context) -> bytes:
        """The serialized parameters; empty before the first genesis."""
        return ctx.store.get(STORE, PARAMS) or b""

    def set_params(self, ctx: Context, params: params_pb2.ConsensusParams) -> None:
        ctx.kv(STORE).set(PARAMS, params.SerializeToString())

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        """Nothing: the parameters come with the InitChain request."""

    def export_genesis(self, _: Context) -> dict[str, Any]:
        return {}

    def _query_params(
        self, ctx: Context, _: query_pb2.QueryParamsRequest
    ) -> query_pb2.QueryParamsResponse:
        return query_pb2.QueryParamsResponse(params=self.params(ctx))
