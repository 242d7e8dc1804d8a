"""Queries of x/mint (cosmos.mint.v1beta1.Query): nothing is ever minted."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.staking.module import Staking
from chain.router import Method
from cosmos_pb.cosmos.mint.v1beta1 import mint_pb2, query_pb2

BLOCKS_PER_YEAR: Final = 6_311_520
"""At five seconds each (x/mint/types/params.go)."""

_GOAL: Final = "670000000000000000"
_NONE: Final = "0"


class MintQueries:
    def __init__(self, staking: Staking) -> None:
        self._staking = staking

    def methods(self) -> list[Method]:
        return [
            ("Params", query_pb2.QueryParamsRequest, self.params),
            ("Inflation", query_pb2.QueryInflationRequest, self.inflation),
            ("AnnualProvisions", query_pb2.QueryAnnualProvisionsRequest, self.provisions),
        ]

    def params(
        self, ctx: Context, _: query_pb2.QueryParamsRequest
    ) -> query_pb2.QueryParamsResponse:
        params = mint_pb2.Params(
            mint_denom=self._staking.bond_denom(ctx),
            inflation_rate_change=_NONE,
            inflation_max=_NONE,
            inflation_min=_NONE,
            goal_bonded=_GOAL,
            blocks_per_year=BLOCKS_PER_YEAR,
        )
        return query_pb2.QueryParamsResponse(params=params)

    def inflation(
        self, _: Context, __: query_pb2.QueryInflationRequest
    ) -> query_pb2.QueryInflationResponse:
        return query_pb2.QueryInflationResponse(inflation=_NONE.encode())

    def provisions(
        self, _: Context, __: query_pb2.QueryAnnualProvisionsRequest
    ) -> query_pb2.QueryAnnualProvisionsResponse:
        return query_pb2.QueryAnnualProvisionsResponse(annual_provisions=_NONE.encode())
