"""Queries of x/authz (cosmos.authz.v1beta1.Query)."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.auth.module import Auth
from chain.modules.authz import errors, store
from chain.modules.grants import prefixed, two_addresses
from chain.modules.pagination import paginate
from chain.router import QueryRouter
from cosmos_pb.cosmos.authz.v1beta1 import authz_pb2, query_pb2

SERVICE: Final = "/cosmos.authz.v1beta1.Query/"


class Queries:
    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def register(self, queries: QueryRouter) -> None:
        for method, request, handler in (
            ("Grants", query_pb2.QueryGrantsRequest, self.grants),
            ("GranterGrants", query_pb2.QueryGranterGrantsRequest, self.granter_grants),
            ("GranteeGrants", query_pb2.QueryGranteeGrantsRequest, self.grantee_grants),
        ):
            queries.register(SERVICE + method, request, handler)

    def grants(
        self, ctx: Context, request: query_pb2.QueryGrantsRequest
    ) -> query_pb2.QueryGrantsResponse:
        granter, grantee = self._address(request.granter), self._address(request.grantee)
        key = store.key(granter, grantee, request.msg_type_url)
        if request.msg_type_url:
            found = store.get(ctx, key)
            if found is None:
                text = f"authorization not found for {request.msg_type_url} type"
                raise errors.NOT_FOUND(text)
            return query_pb2.QueryGrantsResponse(grants=[found])
        listed, page = paginate(ctx.kv(store.STORE), key, request.pagination, _read)
        return query_pb2.QueryGrantsResponse(grants=listed, pagination=page)

    def granter_grants(
        self, ctx: Context, request: query_pb2.QueryGranterGrantsRequest
    ) -> query_pb2.QueryGranterGrantsResponse:
        prefix = store.GRANT + prefixed(self._address(request.granter))

        def shown(key: bytes, stored: bytes) -> authz_pb2.GrantAuthorization:
            grantee = self._auth.address_text(key[1 : 1 + key[0]])
            return _between(request.granter, grantee, _read(key, stored))

        listed, page = paginate(ctx.kv(store.STORE), prefix, request.pagination, shown)
        return query_pb2.QueryGranterGrantsResponse(grants=listed, pagination=page)

    def grantee_grants(
        self, ctx: Context, request: query_pb2.QueryGranteeGrantsRequest
    ) -> query_pb2.QueryGranteeGrantsResponse:
        wanted = self._address(request.grantee)

        def shown(key: bytes, stored: bytes) -> authz_pb2.GrantAuthorization | None:
            granter, grantee, _ = two_addresses(key, 0)
            if grantee != wanted:
                return None
            granter_text = self._auth.address_text(granter)
            return _between(granter_text, request.grantee, _read(key, stored))

        listed, page = paginate(ctx.kv(store.STORE), store.GRANT, request.pagination, shown)
        return query_pb2.QueryGranteeGrantsResponse(grants=listed, pagination=page)

    def _address(self, text: str) -> bytes:
        return self._auth.address_bytes(text)


def _read(_: bytes, stored: bytes) -> authz_pb2.Grant:
    return authz_pb2.Grant.FromString(stored)


def _between(granter: str, grantee: str, grant: authz_pb2.Grant) -> authz_pb2.GrantAuthorization:
    return authz_pb2.GrantAuthorization(
        granter=granter,
        grantee=grantee,
        authorization=grant.authorization,
        expiration=grant.expiration if grant.HasField("expiration") else None,
    )
