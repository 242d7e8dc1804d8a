"""Queries of x/bank (cosmos.bank.v1beta1.Query)."""

from __future__ import annotations

from chain.coins import Coin, is_denom
from chain.context import Context
from chain.errors import AbciError
from chain.modules.auth.module import Auth
from chain.modules.bank import store
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from chain.router import QueryRouter
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2, query_pb2
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2

SERVICE = "/cosmos.bank.v1beta1.Query/"


class Queries:
    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def register(self, queries: QueryRouter) -> None:
        by_query = query_pb2.QueryDenomMetadataByQueryStringRequest
        for method, request, handler in (
            ("Balance", query_pb2.QueryBalanceRequest, self.balance),
            ("AllBalances", query_pb2.QueryAllBalancesRequest, self.all_balances),
            ("SpendableBalances", query_pb2.QuerySpendableBalancesRequest, self.spendable),
            (
                "SpendableBalanceByDenom",
                query_pb2.QuerySpendableBalanceByDenomRequest,
                self.spendable_by_denom,
            ),
            ("TotalSupply", query_pb2.QueryTotalSupplyRequest, self.total_supply),
            ("SupplyOf", query_pb2.QuerySupplyOfRequest, self.supply_of),
            ("Params", query_pb2.QueryParamsRequest, self.params),
            ("DenomMetadata", query_pb2.QueryDenomMetadataRequest, self.metadata),
            ("DenomMetadataByQueryString", by_query, self.metadata_by_query),
            ("DenomsMetadata", query_pb2.QueryDenomsMetadataRequest, self.all_metadata),
            ("DenomOwners", query_pb2.QueryDenomOwnersRequest, self.owners),
            ("DenomOwnersByQuery", query_pb2.QueryDenomOwnersByQueryRequest, self.owners_by_query),
            ("SendEnabled", query_pb2.QuerySendEnabledRequest, self.send_enabled),
        ):
            queries.register(SERVICE + method, request, handler)

    def balance(
        self, ctx: Context, request: query_pb2.QueryBalanceRequest
    ) -> query_pb2.QueryBalanceResponse:
        return query_pb2.QueryBalanceResponse(
            balance=self._one(ctx, request.address, request.denom)
        )

    def spendable_by_denom(
        self, ctx: Context, request: query_pb2.QuerySpendableBalanceByDenomRequest
    ) -> query_pb2.QuerySpendableBalanceByDenomResponse:
        self._address(request.address)
        return query_pb2.QuerySpendableBalanceByDenomResponse(
            balance=self._one(ctx, request.address, request.denom)
        )

    def all_balances(
        self, ctx: Context, request: query_pb2.QueryAllBalancesRequest
    ) -> query_pb2.QueryAllBalancesResponse:
        found, page = self._page(ctx, request.address, request.pagination)
        return query_pb2.QueryAllBalancesResponse(balances=found, pagination=page)

    def spendable(
        self, ctx: Context, request: query_pb2.QuerySpendableBalancesRequest
    ) -> query_pb2.QuerySpendableBalancesResponse:
        found, page = self._page(ctx, request.address, request.pagination)
        return query_pb2.QuerySpendableBalancesResponse(balances=found, pagination=page)

    def total_supply(
        self, ctx: Context, request: query_pb2.QueryTotalSupplyRequest
    ) -> query_pb2.QueryTotalSupplyResponse:
        found, page = paginate(ctx.kv(store.STORE), store.SUPPLY, request.pagination, _coin)
        return query_pb2.QueryTotalSupplyResponse(supply=found, pagination=page)

    def supply_of(
        self, ctx: Context, request: query_pb2.QuerySupplyOfRequest
    ) -> query_pb2.QuerySupplyOfResponse:
        _require_denom(request.denom)
        amount = Coin(request.denom, store.supply(ctx, request.denom))
        return query_pb2.QuerySupplyOfResponse(amount=amount.to_pb())

    def params(
        self, ctx: Context, _: query_pb2.QueryParamsRequest
    ) -> query_pb2.QueryParamsResponse:
        params = bank_pb2.Params(default_send_enabled=store.default_send_enabled(ctx))
        return query_pb2.QueryParamsResponse(params=params)

    def metadata(
        self, ctx: Context, request: query_pb2.QueryDenomMetadataRequest
    ) -> query_pb2.QueryDenomMetadataResponse:
        return query_pb2.QueryDenomMetadataResponse(metadata=_metadata(ctx, request.denom))

    def metadata_by_query(
        self, ctx: Context, request: query_pb2.QueryDenomMetadataByQueryStringRequest
    ) -> query_pb2.QueryDenomMetadataByQueryStringResponse:
        return query_pb2.QueryDenomMetadataByQueryStringResponse(
            metadata=_metadata(ctx, request.denom)
        )

    def all_metadata(
        self, ctx: Context, request: query_pb2.QueryDenomsMetadataRequest
    ) -> query_pb2.QueryDenomsMetadataResponse:
        found, page = paginate(
            ctx.kv(store.STORE),
            store.METADATA,
            request.pagination,
            lambda _, stored: bank_pb2.Metadata.FromString(stored),
        )
        return query_pb2.QueryDenomsMetadataResponse(metadatas=found, pagination=page)

    def owners(
        self, ctx: Context, request: query_pb2.QueryDenomOwnersRequest
    ) -> query_pb2.QueryDenomOwnersResponse:
        found, page = self._owners(ctx, request.denom, request.pagination)
        return query_pb2.QueryDenomOwnersResponse(denom_owners=found, pagination=page)

    def owners_by_query(
        self, ctx: Context, request: query_pb2.QueryDenomOwnersByQueryRequest
    ) -> query_pb2.QueryDenomOwnersByQueryResponse:
        found, page = self._owners(ctx, request.denom, request.pagination)
        return query_pb2.QueryDenomOwnersByQueryResponse(denom_owners=found, pagination=page)

    def send_enabled(
        self, ctx: Context, request: query_pb2.QuerySendEnabledRequest
    ) -> query_pb2.QuerySendEnabledResponse:
        if request.denoms:
            known = ((denom, store.send_enabled(ctx, denom)) for denom in request.denoms)
            chosen = [bank_pb2.SendEnabled(denom=d, enabled=e) for d, e in known if e is not None]
            return query_pb2.QuerySendEnabledResponse(send_enabled=chosen)
        found, page = paginate(
            ctx.kv(store.STORE),
            store.SEND_ENABLED,
            request.pagination,
            lambda denom, stored: bank_pb2.SendEnabled(
                denom=denom.decode(), enabled=stored == b"\x01"
            ),
        )
        return query_pb2.QuerySendEnabledResponse(send_enabled=found, pagination=page)

    def _one(self, ctx: Context, address: str, denom: str) -> coin_pb2.Coin:
        _require_denom(denom)
        raw = self._address(address)
        return Coin(denom, store.balance(ctx, raw, denom)).to_pb()

    def _page(
        self, ctx: Context, address: str, page: pagination_pb2.PageRequest
    ) -> tuple[list[coin_pb2.Coin], pagination_pb2.PageResponse]:
        prefix = store.balances_of(self._address(address))
        return paginate(ctx.kv(store.STORE), prefix, page, _coin)

    def _owners(
        self, ctx: Context, denom: str, page: pagination_pb2.PageRequest
    ) -> tuple[list[query_pb2.DenomOwner], pagination_pb2.PageResponse]:
        _require_denom(denom)

        def owner(key: bytes, _: bytes) -> query_pb2.DenomOwner:
            held = Coin(denom, store.balance(ctx, key[1:], denom))
            return query_pb2.DenomOwner(
                address=self._auth.address_text(key[1:]), balance=held.to_pb()
            )

        return paginate(ctx.kv(store.STORE), store.holders_of(denom), page, owner)

    def _address(self, address: str) -> bytes:
        try:
            return self._auth.address_bytes(address)
        except AbciError as error:
            raise invalid_argument(f"invalid address: {error}") from error


def _coin(denom: bytes, stored: bytes) -> coin_pb2.Coin:
    return coin_pb2.Coin(denom=denom.decode(), amount=stored.decode())


def _metadata(ctx: Context, denom: str) -> bank_pb2.Metadata:
    _require_denom(denom)
    found = store.metadata(ctx, denom)
    if found is None:
        raise not_found(f"client metadata for denom {denom}")
    return found


def _require_denom(denom: str) -> None:
    if not is_denom(denom):
        raise invalid_argument(f"invalid denom: {denom}")
