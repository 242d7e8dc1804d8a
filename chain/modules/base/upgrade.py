"""x/upgrade: the store where a chain leaves the client and consensus state of its next self.

Relayers prove keys of the store ``upgrade`` before they upgrade a client: ``upgradedIBCState/{height}/upgradedClient``
and ``.../upgradedConsState`` (cosmos-sdk x/upgrade/types/keys.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from chain.context import Context
from chain.errors import Registered
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.cosmos.upgrade.v1beta1 import query_pb2, upgrade_pb2

STORE: Final = "upgrade"
NO_MODULE_VERSION: Final = Registered("upgrade", 2, "module version not found")
MODULE_VERSIONS: Final[Mapping[str, int]] = {
    "auth": 5,
    "bank": 4,
    "consensus": 1,
    "distribution": 3,
    "gov": 5,
    "ibc": 8,
    "mint": 2,
    "slashing": 4,
    "staking": 5,
    "transfer": 6,
    "upgrade": 2,
    "vesting": 1,
    "wasm": 4,
}
"""Consensus versions of the modules whose state or queries are here, in cosmos-sdk 0.53, ibc-go 10 and wasmd 0.61."""

_PLAN: Final = b"\x00"
_DONE: Final = b"\x01"


class Upgrade:
    name = "upgrade"
    stores = (STORE,)

    def __init__(self, authority: str) -> None:
        """``authority`` is the address that may plan an upgrade."""
        self._authority = authority

    def register(self, _: MessageRouter, queries: QueryRouter) -> None:
        for name, request, handler in (
            ("CurrentPlan", query_pb2.QueryCurrentPlanRequest, self._current_plan),
            ("AppliedPlan", query_pb2.QueryAppliedPlanRequest, self._applied_plan),
            (
                "UpgradedConsensusState",
                query_pb2.QueryUpgradedConsensusStateRequest,
                self._upgraded_consensus,
            ),
            ("ModuleVersions", query_pb2.QueryModuleVersionsRequest, self._module_versions),
            ("Authority", query_pb2.QueryAuthorityRequest, self._authority_address),
        ):
            queries.register(f"/cosmos.upgrade.v1beta1.Query/{name}", request, handler)

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

    def _upgraded_consensus(
        self, ctx: Context, request: query_pb2.QueryUpgradedConsensusStateRequest
    ) -> query_pb2.QueryUpgradedConsensusStateResponse:
        key = f"upgradedIBCState/{request.last_height}/upgradedConsState"
        return query_pb2.QueryUpgradedConsensusStateResponse(
            upgraded_consensus_state=ctx.kv(STORE).get(key.encode()) or b""
        )

    def _module_versions(
        self, _: Context, request: query_pb2.QueryModuleVersionsRequest
    ) -> query_pb2.QueryModuleVersionsResponse:
        wanted = request.module_name
        if wanted and wanted not in MODULE_VERSIONS:
            raise NO_MODULE_VERSION(f"x/upgrade: QueryModuleVersions module {wanted} not found")
        return query_pb2.QueryModuleVersionsResponse(
            module_versions=[
                upgrade_pb2.ModuleVersion(name=name, version=version)
                for name, version in MODULE_VERSIONS.items()
                if wanted in {"", name}
            ]
        )

    def _authority_address(
        self, _: Context, __: query_pb2.QueryAuthorityRequest
    ) -> query_pb2.QueryAuthorityResponse:
        return query_pb2.QueryAuthorityResponse(address=self._authority)
