"""Queries of x/staking (cosmos.staking.v1beta1.Query)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from chain import decimals
from chain.context import Context
from chain.errors import AbciError
from chain.modules.pagination import paginate
from chain.modules.status import internal, invalid_argument, not_found
from chain.router import QueryRouter
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.staking.v1beta1 import query_pb2 as q
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2

if TYPE_CHECKING:
    from chain.modules.staking.module import Staking

SERVICE = "/cosmos.staking.v1beta1.Query/"


class Queries:
    def __init__(self, staking: Staking) -> None:
        self._staking = staking

    def register(self, queries: QueryRouter) -> None:
        for method, request, handler in (
            ("Params", q.QueryParamsRequest, self.params),
            ("Pool", q.QueryPoolRequest, self.pool),
            ("Validators", q.QueryValidatorsRequest, self.validators),
            ("Validator", q.QueryValidatorRequest, self.validator),
            ("ValidatorDelegations", q.QueryValidatorDelegationsRequest, self.to_validator),
            (
                "ValidatorUnbondingDelegations",
                q.QueryValidatorUnbondingDelegationsRequest,
                self.unbonding_from,
            ),
            ("Delegation", q.QueryDelegationRequest, self.delegation),
            ("UnbondingDelegation", q.QueryUnbondingDelegationRequest, self.unbonding),
            ("DelegatorDelegations", q.QueryDelegatorDelegationsRequest, self.delegations),
            (
                "DelegatorUnbondingDelegations",
                q.QueryDelegatorUnbondingDelegationsRequest,
                self.unbondings,
            ),
            ("Redelegations", q.QueryRedelegationsRequest, self.redelegations),
            ("DelegatorValidators", q.QueryDelegatorValidatorsRequest, self.delegator_validators),
            ("DelegatorValidator", q.QueryDelegatorValidatorRequest, self.delegator_validator),
        ):
            queries.register(SERVICE + method, request, handler)

    def params(self, ctx: Context, _: q.QueryParamsRequest) -> q.QueryParamsResponse:
        return q.QueryParamsResponse(params=self._staking.params(ctx))

    def pool(self, ctx: Context, _: q.QueryPoolRequest) -> q.QueryPoolResponse:
        bonded = sum(int(one.tokens or 0) for one in self._staking.validators(ctx))
        pool = staking_pb2.Pool(bonded_tokens=str(bonded), not_bonded_tokens="0")
        return q.QueryPoolResponse(pool=pool)

    def validators(
        self, ctx: Context, request: q.QueryValidatorsRequest
    ) -> q.QueryValidatorsResponse:
        wanted = _status(request.status)

        def chosen(_: bytes, stored: bytes) -> staking_pb2.Validator | None:
            one = staking_pb2.Validator.FromString(stored)
            return one if wanted is None or one.status == wanted else None

        found, page = paginate(ctx.kv("staking"), b"\x21", request.pagination, chosen)
        return q.QueryValidatorsResponse(validators=found, pagination=page)

    def validator(self, ctx: Context, request: q.QueryValidatorRequest) -> q.QueryValidatorResponse:
        _required(validator=request.validator_addr)
        found = self._staking.validator(ctx, request.validator_addr)
        if found is None:
            raise not_found(f"validator {request.validator_addr} not found")
        return q.QueryValidatorResponse(validator=found)

    def to_validator(
        self, ctx: Context, request: q.QueryValidatorDelegationsRequest
    ) -> q.QueryValidatorDelegationsResponse:
        operator = request.validator_addr
        _required(validator=operator)
        self._staking.operator_bytes(operator)

        def chosen(_: bytes, stored: bytes) -> staking_pb2.DelegationResponse | None:
            one = staking_pb2.Delegation.FromString(stored)
            return self._with_balance(ctx, one) if one.validator_address == operator else None

        found, page = paginate(ctx.kv("staking"), b"\x31", request.pagination, chosen)
        return q.QueryValidatorDelegationsResponse(delegation_responses=found, pagination=page)

    def unbonding_from(
        self, _: Context, request: q.QueryValidatorUnbondingDelegationsRequest
    ) -> q.QueryValidatorUnbondingDelegationsResponse:
        _required(validator=request.validator_addr)
        self._staking.operator_bytes(request.validator_addr)
        return q.QueryValidatorUnbondingDelegationsResponse(pagination=_NOTHING)

    def delegation(
        self, ctx: Context, request: q.QueryDelegationRequest
    ) -> q.QueryDelegationResponse:
        delegator, operator = request.delegator_addr, request.validator_addr
        _required(delegator=delegator, validator=operator)
        found = self._staking.delegation(ctx, delegator, operator)
        if found is None:
            raise not_found(
                f"delegation with delegator {delegator} not found for validator {operator}"
            )
        return q.QueryDelegationResponse(delegation_response=self._with_balance(ctx, found))

    def unbonding(self, ctx: Context, request: q.QueryUnbondingDelegationRequest) -> NoReturn:
        delegator, operator = request.delegator_addr, request.validator_addr
        _required(delegator=delegator, validator=operator)
        self._staking.delegation(ctx, delegator, operator)
        raise not_found(
            f"unbonding delegation with delegator {delegator} not found for validator {operator}"
        )

    def delegations(
        self, ctx: Context, request: q.QueryDelegatorDelegationsRequest
    ) -> q.QueryDelegatorDelegationsResponse:
        _required(delegator=request.delegator_addr)
        found, page = paginate(
            ctx.kv("staking"),
            self._staking.delegations_of(request.delegator_addr),
            request.pagination,
            lambda _, stored: self._with_balance(ctx, staking_pb2.Delegation.FromString(stored)),
        )
        return q.QueryDelegatorDelegationsResponse(delegation_responses=found, pagination=page)

    def unbondings(
        self, _: Context, request: q.QueryDelegatorUnbondingDelegationsRequest
    ) -> q.QueryDelegatorUnbondingDelegationsResponse:
        _required(delegator=request.delegator_addr)
        self._staking.delegations_of(request.delegator_addr)
        return q.QueryDelegatorUnbondingDelegationsResponse(pagination=_NOTHING)

    def redelegations(
        self, _: Context, request: q.QueryRedelegationsRequest
    ) -> q.QueryRedelegationsResponse:
        """There are none. What names no address is refused, and a single one that is asked for, all as the SDK does."""
        delegator, source = request.delegator_addr, request.src_validator_addr
        target = request.dst_validator_addr
        try:
            if source and not delegator and not target:
                self._staking.operator_bytes(source)
            else:
                self._staking.delegations_of(delegator)
            if delegator and source and target:
                self._staking.operator_bytes(source)
                self._staking.operator_bytes(target)
        except AbciError as error:
            raise internal(error.log) from error
        if delegator and source and target:
            raise internal(
                "rpc error: code = NotFound desc = redelegation not found for delegator address "
                f"{delegator} from validator address {source}"
            )
        return q.QueryRedelegationsResponse(pagination=_NOTHING)

    def delegator_validators(
        self, ctx: Context, request: q.QueryDelegatorValidatorsRequest
    ) -> q.QueryDelegatorValidatorsResponse:
        _required(delegator=request.delegator_addr)

        def chosen(_: bytes, stored: bytes) -> staking_pb2.Validator | None:
            one = staking_pb2.Delegation.FromString(stored)
            return self._staking.validator(ctx, one.validator_address)

        prefix = self._staking.delegations_of(request.delegator_addr)
        found, page = paginate(ctx.kv("staking"), prefix, request.pagination, chosen)
        return q.QueryDelegatorValidatorsResponse(validators=found, pagination=page)

    def delegator_validator(
        self, ctx: Context, request: q.QueryDelegatorValidatorRequest
    ) -> q.QueryDelegatorValidatorResponse:
        delegator, operator = request.delegator_addr, request.validator_addr
        _required(delegator=delegator, validator=operator)
        if self._staking.delegation(ctx, delegator, operator) is None:
            raise internal("no delegation for (address, validator) tuple")
        found = self._staking.validator(ctx, operator)
        return q.QueryDelegatorValidatorResponse(validator=found)

    def _with_balance(
        self, ctx: Context, delegation: staking_pb2.Delegation
    ) -> staking_pb2.DelegationResponse:
        """Shares stand one to one for tokens: nothing is ever slashed here."""
        amount = str(decimals.whole(delegation.shares))
        balance = coin_pb2.Coin(denom=self._staking.bond_denom(ctx), amount=amount)
        return staking_pb2.DelegationResponse(delegation=delegation, balance=balance)


_NOTHING: Final = pagination_pb2.PageResponse()
"""The page of a list that is always empty: nobody unbonds on this chain."""


def _required(**addresses: str) -> None:
    for whose, address in addresses.items():
        if not address:
            raise invalid_argument(f"{whose} address cannot be empty")


def _status(name: str) -> int | None:
    if not name:
        return None
    try:
        return staking_pb2.BondStatus.Value(name)
    except ValueError as error:
        raise invalid_argument(f"invalid validator status {name}") from error
