"""Queries of x/staking (cosmos.staking.v1beta1.Query)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chain import decimals
from chain.context import Context
from chain.errors import AbciError
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from chain.router import QueryRouter
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.staking.v1beta1 import query_pb2, staking_pb2

if TYPE_CHECKING:
    from chain.modules.staking.module import Staking

SERVICE = "/cosmos.staking.v1beta1.Query/"


class Queries:
    def __init__(self, staking: Staking) -> None:
        self._staking = staking

    def register(self, queries: QueryRouter) -> None:
        for method, request, handler in (
            ("Params", query_pb2.QueryParamsRequest, self.params),
            ("Pool", query_pb2.QueryPoolRequest, self.pool),
            ("Validators", query_pb2.QueryValidatorsRequest, self.validators),
            ("Validator", query_pb2.QueryValidatorRequest, self.validator),
            ("Delegation", query_pb2.QueryDelegationRequest, self.delegation),
            ("DelegatorDelegations", query_pb2.QueryDelegatorDelegationsRequest, self.delegations),
        ):
            queries.register(SERVICE + method, request, handler)

    def params(
        self, ctx: Context, _: query_pb2.QueryParamsRequest
    ) -> query_pb2.QueryParamsResponse:
        return query_pb2.QueryParamsResponse(params=self._staking.params(ctx))

    def pool(self, ctx: Context, _: query_pb2.QueryPoolRequest) -> query_pb2.QueryPoolResponse:
        bonded = sum(int(one.tokens or 0) for one in self._staking.validators(ctx))
        pool = staking_pb2.Pool(bonded_tokens=str(bonded), not_bonded_tokens="0")
        return query_pb2.QueryPoolResponse(pool=pool)

    def validators(
        self, ctx: Context, request: query_pb2.QueryValidatorsRequest
    ) -> query_pb2.QueryValidatorsResponse:
        wanted = _status(request.status)

        def chosen(_: bytes, stored: bytes) -> staking_pb2.Validator | None:
            one = staking_pb2.Validator.FromString(stored)
            return one if wanted is None or one.status == wanted else None

        found, page = paginate(ctx.kv("staking"), b"\x21", request.pagination, chosen)
        return query_pb2.QueryValidatorsResponse(validators=found, pagination=page)

    def validator(
        self, ctx: Context, request: query_pb2.QueryValidatorRequest
    ) -> query_pb2.QueryValidatorResponse:
        if not request.validator_addr:
            raise invalid_argument("validator address cannot be empty")
        try:
            found = self._staking.validator(ctx, request.validator_addr)
        except AbciError as error:
            raise invalid_argument(str(error)) from error
        if found is None:
            raise not_found(f"validator {request.validator_addr} not found")
        return query_pb2.QueryValidatorResponse(validator=found)

    def delegation(
        self, ctx: Context, request: query_pb2.QueryDelegationRequest
    ) -> query_pb2.QueryDelegationResponse:
        delegator, operator = request.delegator_addr, request.validator_addr
        try:
            found = self._staking.delegation(ctx, delegator, operator)
        except AbciError as error:
            raise invalid_argument(str(error)) from error
        if found is None:
            raise not_found(
                f"delegation with delegator {delegator} not found for validator {operator}"
            )
        return query_pb2.QueryDelegationResponse(delegation_response=self._with_balance(ctx, found))

    def delegations(
        self, ctx: Context, request: query_pb2.QueryDelegatorDelegationsRequest
    ) -> query_pb2.QueryDelegatorDelegationsResponse:
        try:
            prefix = self._staking.delegations_of(request.delegator_addr)
        except AbciError as error:
            raise invalid_argument(str(error)) from error
        found, page = paginate(
            ctx.kv("staking"),
            prefix,
            request.pagination,
            lambda _, stored: self._with_balance(ctx, staking_pb2.Delegation.FromString(stored)),
        )
        return query_pb2.QueryDelegatorDelegationsResponse(
            delegation_responses=found, pagination=page
        )

    def _with_balance(
        self, ctx: Context, delegation: staking_pb2.Delegation
    ) -> staking_pb2.DelegationResponse:
        """Shares stand one to one for tokens: nothing is ever slashed here."""
        amount = str(decimals.whole(delegation.shares))
        balance = coin_pb2.Coin(denom=self._staking.bond_denom(ctx), amount=amount)
        return staking_pb2.DelegationResponse(delegation=delegation, balance=balance)


def _status(name: str) -> int | None:
    if not name:
        return None
    try:
        return staking_pb2.BondStatus.Value(name)
    except ValueError as error:
        raise invalid_argument(f"invalid validator status {name}") from error
