"""Queries of ICS-20 (``ibc.applications.transfer.v1.Query``), with ``DenomTrace(s)`` as ibc-go v8 had them."""

from __future__ import annotations

from chain.coins import Coin, is_denom
from chain.context import Context
from chain.errors import AbciError
from chain.modules.auth.module import Auth
from chain.modules.ibc.errors import CHANNEL_NOT_FOUND
from chain.modules.ibc.module import Ibc
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from chain.modules.transfer import store
from chain.modules.transfer.denom import Denom, escrow_address, parse_hash
from chain.modules.transfer.errors import DENOM_NOT_FOUND
from chain.router import QueryRouter
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.ibc.applications.transfer.v1 import query_pb2 as q
from light_client import host
from light_client.errors import IdentifierError

SERVICE = "/ibc.applications.transfer.v1.Query/"


class Queries:
    def __init__(self, auth: Auth, ibc: Ibc) -> None:
        self._auth = auth
        self._ibc = ibc

    def register(self, queries: QueryRouter) -> None:
        for method, request, handler in (
            ("Params", q.QueryParamsRequest, self.params),
            ("Denom", q.QueryDenomRequest, self.denom),
            ("Denoms", q.QueryDenomsRequest, self.denoms),
            ("DenomTrace", q.QueryDenomTraceRequest, self.denom_trace),
            ("DenomTraces", q.QueryDenomTracesRequest, self.denom_traces),
            ("DenomHash", q.QueryDenomHashRequest, self.denom_hash),
            ("EscrowAddress", q.QueryEscrowAddressRequest, self.escrow_address),
            ("TotalEscrowForDenom", q.QueryTotalEscrowForDenomRequest, self.total_escrow),
        ):
            queries.register(SERVICE + method, request, handler)

    def params(self, ctx: Context, _: q.QueryParamsRequest) -> q.QueryParamsResponse:
        return q.QueryParamsResponse(params=store.params(ctx))

    def denom(self, ctx: Context, request: q.QueryDenomRequest) -> q.QueryDenomResponse:
        return q.QueryDenomResponse(denom=_find(ctx, request.hash).to_pb())

    def denom_trace(
        self, ctx: Context, request: q.QueryDenomTraceRequest
    ) -> q.QueryDenomTraceResponse:
        return q.QueryDenomTraceResponse(denom_trace=_find(ctx, request.hash).to_trace_pb())

    def denoms(self, ctx: Context, request: q.QueryDenomsRequest) -> q.QueryDenomsResponse:
        found, page = _page(ctx, request.pagination)
        return q.QueryDenomsResponse(denoms=[one.to_pb() for one in found], pagination=page)

    def denom_traces(
        self, ctx: Context, request: q.QueryDenomTracesRequest
    ) -> q.QueryDenomTracesResponse:
        found, page = _page(ctx, request.pagination)
        traces = [one.to_trace_pb() for one in found]
        return q.QueryDenomTracesResponse(denom_traces=traces, pagination=page)

    def denom_hash(
        self, ctx: Context, request: q.QueryDenomHashRequest
    ) -> q.QueryDenomHashResponse:
        denom = Denom.parse(request.trace)
        try:
            denom.validate()
        except AbciError as error:
            raise invalid_argument(str(error)) from error
        if not store.has_denom(ctx, denom.hash):
            raise not_found(str(DENOM_NOT_FOUND(request.trace)))
        return q.QueryDenomHashResponse(hash=denom.hash.hex().upper())

    def escrow_address(
        self, ctx: Context, request: q.QueryEscrowAddressRequest
    ) -> q.QueryEscrowAddressResponse:
        port, channel = request.port_id, request.channel_id
        try:
            host.validate_port_id(port)
            host.validate_channel_id(channel)
        except IdentifierError as error:
            raise invalid_argument(str(error)) from error
        if self._ibc.channel(ctx, port, channel) is None:
            text = f"port ID ({port}) channel ID ({channel})"
            raise not_found(str(CHANNEL_NOT_FOUND(text)))
        address = self._auth.address_text(escrow_address(port, channel))
        return q.QueryEscrowAddressResponse(escrow_address=address)

    def total_escrow(
        self, ctx: Context, request: q.QueryTotalEscrowForDenomRequest
    ) -> q.QueryTotalEscrowForDenomResponse:
        if not is_denom(request.denom):
            raise invalid_argument(f"invalid denom: {request.denom}")
        total = Coin(request.denom, store.escrowed(ctx, request.denom))
        return q.QueryTotalEscrowForDenomResponse(amount=total.to_pb())


def _find(ctx: Context, text: str) -> Denom:
    try:
        digest = parse_hash(text.removeprefix("ibc/"))
    except ValueError as error:
        raise invalid_argument(f"invalid denom trace hash: , error: {error}") from error
    found = store.denom(ctx, digest)
    if found is None:
        raise not_found(str(DENOM_NOT_FOUND(text)))
    return found


def _page(
    ctx: Context, page: pagination_pb2.PageRequest
) -> tuple[list[Denom], pagination_pb2.PageResponse]:
    found, answer = paginate(
        ctx.kv(store.STORE), store.DENOM, page, lambda _, raw: store.decode_denom(raw)
    )
    return sorted(found, key=Denom.sort_key), answer
