"""x/upgrade: the store where a chain leaves the client and consensus state of its next self.

Relayers prove keys of the store ``upgrade`` before they upgrade a client: ``upgradedIBCState/{height}/upgradedClient``
and ``.../upgradedConsState`` (cosmos-sdk x/upgrade/types/keys.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chain.context import Context
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.cosmos.upgrade.v1beta1 import query_pb2, upgrade_pb2

STORE: Final = "upgrade"
_PLAN: Final = b"\x00"
_DONE: Final = b"\x01"


class Upgrade:
    name = "upgrade"
    stores = (STORE,)

    def register(self, _: MessageRouter, queries: QueryRouter) -> None:
        service = "/cosmos.upgrade.v1beta1.Query/"
        queries.register(
            f"{service}CurrentPlan", query_pb2.QueryCurrentPlanRequest, self._current_plan
        )
        queries.register(
            f"{service}AppliedPlan", query_pb2.QueryAppliedPlanRequest, self._applied_plan
        )

    def set_upgraded_client(self, ctx: Context, height: int, client: bytes) -> None:
        ctx.kv(STORE).set(f"upgradedIBCState/{height}/upgradedClient".encode(), client)

    def set_upgraded_consensus(self, ctx: Context, height: int, consensus: bytes) -> None:
        ctx.kv(STORE).set(f"upgradedIBCState/{height}/upgradedConsState".encode(), consensus)

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        """Nothing: a new chain has no plan."""

    def export_genesis(self, _: Context) -> dict[str, Any]:
        return {}

    def _current_plan(
        self, ctx: Context, _: query_pb2.QueryCurrentPlanRequest
    ) -> query_pb2.QueryCurrentPlanResponse:
        stored = ctx.kv(STORE).get(_PLAN)
        plan = None if stored is None else upgrade_pb2.Plan.FromString(stored)
        return query_pb2.QueryCurrentPlanResponse(plan=plan)

    def _applied_plan(
        self, ctx: Context, request: query_pb2.QueryAppliedPlanRequest
    ) -> query_pb2.QueryAppliedPlanResponse:
        stored = ctx.kv(STORE).get(_DONE + request.name.encode())
        return query_pb2.QueryAppliedPlanResponse(height=int.from_bytes(stored or b"", "big"))
