"""Queries of x/feegrant (cosmos.feegrant.v1beta1.Query)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chain.context import Context
from chain.errors import AbciError
from chain.modules.auth.module import Auth
from chain.modules.grants import pack, prefixed
from chain.modules.pagination import paginate
from chain.modules.status import internal
from chain.router import QueryRouter
from cosmos_pb.cosmos.feegrant.v1beta1 import feegrant_pb2, query_pb2

if TYPE_CHECKING:
    from chain.modules.feegrant.module import FeeGrant

SERVICE: Final = "/cosmos.feegrant.v1beta1.Query/"
_GRANT: Final = b"\x00"


class Queries:
    def __init__(self, auth: Auth, grants: FeeGrant) -> None:
        self._auth = auth
        self._grants = grants

    def register(self, queries: QueryRouter) -> None:
        for method, request, handler in (
            ("Allowance", query_pb2.QueryAllowanceRequest, self.allowance),
            ("Allowances", query_pb2.QueryAllowancesRequest, self.allowances),
            ("AllowancesByGranter", query_pb2.QueryAllowancesByGranterRequest, self.by_granter),
        ):
            queries.register(SERVICE + method, request, handler)

    def allowance(
        self, ctx: Context, request: query_pb2.QueryAllowanceRequest
    ) -> query_pb2.QueryAllowanceResponse:
        granter, grantee = self._address(request.granter), self._address(request.grantee)
        try:
            found = self._grants.allowance(ctx, granter, grantee)
        except AbciError as error:
            raise internal(error.log) from error
        return query_pb2.QueryAllowanceResponse(
            allowance=feegrant_pb2.Grant(
                granter=request.granter, grantee=request.grantee, allowance=pack(found)
            )
        )

    def allowances(
        self, ctx: Context, request: query_pb2.QueryAllowancesRequest
    ) -> query_pb2.QueryAllowancesResponse:
        prefix = _GRANT + prefixed(self._address(request.grantee))
        found, page = paginate(ctx.kv("feegrant"), prefix, request.pagination, _read)
        return query_pb2.QueryAllowancesResponse(allowances=found, pagination=page)

    def by_granter(
        self, ctx: Context, request: query_pb2.QueryAllowancesByGranterRequest
    ) -> query_pb2.QueryAllowancesByGranterResponse:
        behind = prefixed(self._address(request.granter))

        def chosen(key: bytes, stored: bytes) -> feegrant_pb2.Grant | None:
            return _read(key, stored) if key[1 + key[0] :] == behind else None

        found, page = paginate(ctx.kv("feegrant"), _GRANT, request.pagination, chosen)
        return query_pb2.QueryAllowancesByGranterResponse(allowances=found, pagination=page)

    def _address(self, text: str) -> bytes:
        return self._auth.address_bytes(text)


def _read(_: bytes, stored: bytes) -> feegrant_pb2.Grant:
    return feegrant_pb2.Grant.FromString(stored)
