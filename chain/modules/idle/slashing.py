"""Queries of x/slashing (cosmos.slashing.v1beta1.Query): all validators sign every block, and none is ever slashed."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.auth.module import Auth
from chain.modules.idle.paging import page_of
from chain.modules.staking.module import Staking
from chain.modules.status import invalid_argument, not_found
from chain.router import Method
from cosmos_pb.cosmos.slashing.v1beta1 import query_pb2, slashing_pb2
from cosmos_pb.google.protobuf import duration_pb2, timestamp_pb2

# The SDK's defaults (x/slashing/types/params.go), but for the fractions that are slashed.
WINDOW: Final = 100
JAILED_SECONDS: Final = 600
_HALF: Final = b"500000000000000000"
_NONE: Final = b"0"


class SlashingQueries:
    def __init__(self, auth: Auth, staking: Staking) -> None:
        self._prefix = f"{auth.prefix}valcons"
        self._auth = auth
        self._staking = staking

    def methods(self) -> list[Method]:
        return [
            ("Params", query_pb2.QueryParamsRequest, self.params),
            ("SigningInfo", query_pb2.QuerySigningInfoRequest, self.signing_info),
            ("SigningInfos", query_pb2.QuerySigningInfosRequest, self.signing_infos),
        ]

    def params(self, _: Context, __: query_pb2.QueryParamsRequest) -> query_pb2.QueryParamsResponse:
        params = slashing_pb2.Params(
            signed_blocks_window=WINDOW,
            min_signed_per_window=_HALF,
            downtime_jail_duration=duration_pb2.Duration(seconds=JAILED_SECONDS),
            slash_fraction_double_sign=_NONE,
            slash_fraction_downtime=_NONE,
        )
        return query_pb2.QueryParamsResponse(params=params)

    def signing_info(
        self, ctx: Context, request: query_pb2.QuerySigningInfoRequest
    ) -> query_pb2.QuerySigningInfoResponse:
        if not request.cons_address:
            raise invalid_argument("invalid request")
        self._auth.bytes_under(self._prefix, request.cons_address)
        for info in self._infos(ctx):
            if info.address == request.cons_address:
                return query_pb2.QuerySigningInfoResponse(val_signing_info=info)
        raise not_found(f"SigningInfo not found for validator {request.cons_address}")

    def signing_infos(
        self, ctx: Context, request: query_pb2.QuerySigningInfosRequest
    ) -> query_pb2.QuerySigningInfosResponse:
        found, page = page_of(self._infos(ctx), request.pagination)
        return query_pb2.QuerySigningInfosResponse(info=found, pagination=page)

    def _infos(self, ctx: Context) -> list[slashing_pb2.ValidatorSigningInfo]:
        addresses = (self._staking.consensus_address(one) for one in self._staking.validators(ctx))
        return [
            slashing_pb2.ValidatorSigningInfo(
                address=address, index_offset=ctx.height, jailed_until=timestamp_pb2.Timestamp()
            )
            for address in sorted(addresses)
        ]
