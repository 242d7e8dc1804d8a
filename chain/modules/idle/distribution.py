"""Queries of x/distribution (cosmos.distribution.v1beta1.Query): there are delegations, but no rewards."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.errors import AbciError, Registered
from chain.modules.auth.module import Auth
from chain.modules.idle.paging import page_of
from chain.modules.staking.module import Staking
from chain.modules.status import invalid_argument
from chain.router import Method
from cosmos_pb.cosmos.distribution.v1beta1 import distribution_pb2
from cosmos_pb.cosmos.distribution.v1beta1 import query_pb2 as q

NO_VALIDATOR: Final = Registered("staking", 3, "validator does not exist")
NO_DELEGATION: Final = Registered("staking", 19, "no delegation for (address, validator) tuple")
_NONE: Final = "0"


class DistributionQueries:
    def __init__(self, auth: Auth, staking: Staking) -> None:
        self._auth = auth
        self._staking = staking

    def methods(self) -> list[Method]:
        return [
            ("Params", q.QueryParamsRequest, self.params),
            ("ValidatorDistributionInfo", q.QueryValidatorDistributionInfoRequest, self.validator),
            (
                "ValidatorOutstandingRewards",
                q.QueryValidatorOutstandingRewardsRequest,
                self.outstanding,
            ),
            ("ValidatorCommission", q.QueryValidatorCommissionRequest, self.commission),
            ("ValidatorSlashes", q.QueryValidatorSlashesRequest, self.slashes),
            ("DelegationRewards", q.QueryDelegationRewardsRequest, self.rewards),
            ("DelegationTotalRewards", q.QueryDelegationTotalRewardsRequest, self.total_rewards),
            ("DelegatorValidators", q.QueryDelegatorValidatorsRequest, self.validators),
            ("DelegatorWithdrawAddress", q.QueryDelegatorWithdrawAddressRequest, self.withdraw_to),
            ("CommunityPool", q.QueryCommunityPoolRequest, self.community_pool),
        ]

    def params(self, _: Context, __: q.QueryParamsRequest) -> q.QueryParamsResponse:
        params = distribution_pb2.Params(
            community_tax=_NONE, base_proposer_reward=_NONE, bonus_proposer_reward=_NONE
        )
        return q.QueryParamsResponse(params=params)

    def validator(
        self, ctx: Context, request: q.QueryValidatorDistributionInfoRequest
    ) -> q.QueryValidatorDistributionInfoResponse:
        self._validator(ctx, request.validator_address)
        own = self._auth.address_text(self._staking.operator_bytes(request.validator_address))
        if self._staking.delegation(ctx, own, request.validator_address) is None:
            raise NO_DELEGATION("")
        return q.QueryValidatorDistributionInfoResponse(operator_address=own)

    def outstanding(
        self, ctx: Context, request: q.QueryValidatorOutstandingRewardsRequest
    ) -> q.QueryValidatorOutstandingRewardsResponse:
        self._validator(ctx, request.validator_address)
        rewards = distribution_pb2.ValidatorOutstandingRewards()
        return q.QueryValidatorOutstandingRewardsResponse(rewards=rewards)

    def commission(
        self, ctx: Context, request: q.QueryValidatorCommissionRequest
    ) -> q.QueryValidatorCommissionResponse:
        self._validator(ctx, request.validator_address)
        commission = distribution_pb2.ValidatorAccumulatedCommission()
        return q.QueryValidatorCommissionResponse(commission=commission)

    def slashes(
        self, _: Context, request: q.QueryValidatorSlashesRequest
    ) -> q.QueryValidatorSlashesResponse:
        _required(request.validator_address, "validator")
        start, end = request.starting_height, request.ending_height
        if end < start:
            raise invalid_argument(f"starting height greater than ending height ({start} > {end})")
        try:
            self._staking.operator_bytes(request.validator_address)
        except AbciError as error:
            raise invalid_argument("invalid validator address") from error
        page = page_of((), request.pagination)[1]
        return q.QueryValidatorSlashesResponse(pagination=page)

    def rewards(
        self, ctx: Context, request: q.QueryDelegationRewardsRequest
    ) -> q.QueryDelegationRewardsResponse:
        delegator, operator = request.delegator_address, request.validator_address
        _required(delegator, "delegator")
        self._validator(ctx, operator)
        if self._staking.delegation(ctx, delegator, operator) is None:
            raise NO_DELEGATION("")
        return q.QueryDelegationRewardsResponse()

    def total_rewards(
        self, ctx: Context, request: q.QueryDelegationTotalRewardsRequest
    ) -> q.QueryDelegationTotalRewardsResponse:
        operators = self._operators(ctx, request.delegator_address)
        reward = distribution_pb2.DelegationDelegatorReward
        return q.QueryDelegationTotalRewardsResponse(
            rewards=[reward(validator_address=operator) for operator in operators]
        )

    def validators(
        self, ctx: Context, request: q.QueryDelegatorValidatorsRequest
    ) -> q.QueryDelegatorValidatorsResponse:
        operators = self._operators(ctx, request.delegator_address)
        return q.QueryDelegatorValidatorsResponse(validators=operators)

    def withdraw_to(
        self, _: Context, request: q.QueryDelegatorWithdrawAddressRequest
    ) -> q.QueryDelegatorWithdrawAddressResponse:
        _required(request.delegator_address, "delegator")
        raw = self._auth.address_bytes(request.delegator_address)
        return q.QueryDelegatorWithdrawAddressResponse(
            withdraw_address=self._auth.address_text(raw)
        )

    def community_pool(
        self, _: Context, __: q.QueryCommunityPoolRequest
    ) -> q.QueryCommunityPoolResponse:
        return q.QueryCommunityPoolResponse()

    def _validator(self, ctx: Context, operator: str) -> None:
        """Refuse an operator address that is none, or no validator's."""
        _required(operator, "validator")
        if self._staking.validator(ctx, operator) is None:
            raise NO_VALIDATOR("")

    def _operators(self, ctx: Context, delegator: str) -> list[str]:
        _required(delegator, "delegator")
        return [one.validator_address for one in self._staking.delegations(ctx, delegator)]


def _required(address: str, whose: str) -> None:
    if not address:
        raise invalid_argument(f"empty {whose} address")
