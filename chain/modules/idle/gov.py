"""Queries of x/gov (cosmos.gov.v1.Query, cosmos.gov.v1beta1.Query): the SDK's parameters, and no proposals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from chain.context import Context
from chain.decimals import parse, show
from chain.modules.auth.module import Auth
from chain.modules.idle.paging import page_of
from chain.modules.staking.module import Staking
from chain.modules.status import invalid_argument, not_found
from chain.router import Method
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.gov.v1 import gov_pb2, query_pb2
from cosmos_pb.cosmos.gov.v1beta1 import gov_pb2 as legacy_pb2
from cosmos_pb.cosmos.gov.v1beta1 import query_pb2 as legacy_query_pb2
from cosmos_pb.google.protobuf import duration_pb2

# The SDK's defaults (x/gov/types/v1/params.go): amounts of the bond denomination, seconds, decimals.
MIN_DEPOSIT: Final = 10_000_000
EXPEDITED_DEPOSIT: Final = 50_000_000
PERIOD: Final = 172_800
EXPEDITED_PERIOD: Final = 86_400
QUORUM: Final = "0.334"
THRESHOLD: Final = "0.5"
EXPEDITED_THRESHOLD: Final = "0.667"


class _Proposals:
    """What both versions refuse in the same words."""

    def __init__(self, auth: Auth, staking: Staking, messages: Any) -> None:
        self._auth = auth
        self._staking = staking
        self._messages = messages

    def methods(self) -> list[Method]:
        handlers: tuple[tuple[str, Callable[[Context, Any], Any]], ...] = (
            ("Proposal", self.proposal),
            ("TallyResult", self.proposal),
            ("Proposals", self._empty("Proposals")),
            ("Vote", self.vote),
            ("Votes", self._empty("Votes", of_proposal=True)),
            ("Deposit", self.deposit),
            ("Deposits", self._empty("Deposits", of_proposal=True)),
        )
        return [
            (name, getattr(self._messages, f"Query{name}Request"), handler)
            for name, handler in handlers
        ]

    def proposal(self, _: Context, request: Any) -> Any:
        number = _number(request)
        raise not_found(f"proposal {number} doesn't exist")

    def vote(self, _: Context, request: Any) -> Any:
        number = _number(request)
        if not request.voter:
            raise invalid_argument("empty voter address")
        self._auth.address_bytes(request.voter)
        raise invalid_argument(f"voter: {request.voter} not found for proposal: {number}")

    def deposit(self, _: Context, request: Any) -> Any:
        number = _number(request)
        if not request.depositor:
            raise invalid_argument("empty depositor address")
        self._auth.address_bytes(request.depositor)
        raise not_found(
            f'collections: not found: key \'("{number}", "{request.depositor}")\' of type '
            "github.com/cosmos/gogoproto/cosmos.gov.v1.Deposit"
        )

    def _empty(self, name: str, *, of_proposal: bool = False) -> Callable[[Context, Any], Any]:
        response = getattr(self._messages, f"Query{name}Response")

        def answer(_: Context, request: Any) -> Any:
            if of_proposal:
                _number(request)
            return response(pagination=page_of((), request.pagination)[1])

        return answer

    def _defaults(self, ctx: Context) -> gov_pb2.Params:
        denom = self._staking.bond_denom(ctx)
        return gov_pb2.Params(
            min_deposit=[coin_pb2.Coin(denom=denom, amount=str(MIN_DEPOSIT))],
            max_deposit_period=duration_pb2.Duration(seconds=PERIOD),
            voting_period=duration_pb2.Duration(seconds=PERIOD),
            quorum=_decimal(QUORUM),
            threshold=_decimal(THRESHOLD),
            veto_threshold=_decimal(QUORUM),
            min_initial_deposit_ratio=_decimal("0"),
            proposal_cancel_ratio=_decimal(THRESHOLD),
            expedited_voting_period=duration_pb2.Duration(seconds=EXPEDITED_PERIOD),
            expedited_threshold=_decimal(EXPEDITED_THRESHOLD),
            expedited_min_deposit=[coin_pb2.Coin(denom=denom, amount=str(EXPEDITED_DEPOSIT))],
            burn_vote_veto=True,
            min_deposit_ratio=_decimal("0.01"),
        )


class GovQueries(_Proposals):
    """``cosmos.gov.v1.Query``."""

    def __init__(self, auth: Auth, staking: Staking) -> None:
        super().__init__(auth, staking, query_pb2)

    def methods(self) -> list[Method]:
        return [
            ("Constitution", query_pb2.QueryConstitutionRequest, self.constitution),
            ("Params", query_pb2.QueryParamsRequest, self.params),
            *super().methods(),
        ]

    def constitution(
        self, _: Context, __: query_pb2.QueryConstitutionRequest
    ) -> query_pb2.QueryConstitutionResponse:
        return query_pb2.QueryConstitutionResponse()

    def params(
        self, ctx: Context, request: query_pb2.QueryParamsRequest
    ) -> query_pb2.QueryParamsResponse:
        params = self._defaults(ctx)
        response = query_pb2.QueryParamsResponse(params=params)
        match request.params_type:
            case "voting":
                response.voting_params.voting_period.CopyFrom(params.voting_period)
            case "deposit":
                response.deposit_params.min_deposit.extend(params.min_deposit)
                response.deposit_params.max_deposit_period.CopyFrom(params.max_deposit_period)
            case "tallying":
                response.tally_params.quorum = params.quorum
                response.tally_params.threshold = params.threshold
                response.tally_params.veto_threshold = params.veto_threshold
            case "":
                pass
            case other:
                raise invalid_argument(f"unknown params type: {other}")
        return response


class LegacyGovQueries(_Proposals):
    """``cosmos.gov.v1beta1.Query``: what was not asked for stands there as zeros."""

    def __init__(self, auth: Auth, staking: Staking) -> None:
        super().__init__(auth, staking, legacy_query_pb2)

    def methods(self) -> list[Method]:
        return [("Params", legacy_query_pb2.QueryParamsRequest, self.params), *super().methods()]

    def params(
        self, ctx: Context, request: legacy_query_pb2.QueryParamsRequest
    ) -> legacy_query_pb2.QueryParamsResponse:
        params = self._defaults(ctx)
        wanted = request.params_type
        if wanted not in {"", "voting", "deposit", "tallying"}:
            raise invalid_argument(f"unknown params type: {wanted}")
        if not wanted:
            raise invalid_argument(" is not a valid parameter type")
        deposit = legacy_pb2.DepositParams(max_deposit_period=duration_pb2.Duration())
        voting = legacy_pb2.VotingParams(voting_period=duration_pb2.Duration())
        tally = legacy_pb2.TallyParams(quorum=b"0", threshold=b"0", veto_threshold=b"0")
        if wanted == "voting":
            voting.voting_period.CopyFrom(params.voting_period)
        elif wanted == "deposit":
            deposit.min_deposit.extend(params.min_deposit)
            deposit.max_deposit_period.CopyFrom(params.max_deposit_period)
        else:
            tally.quorum = tally.veto_threshold = _scaled(QUORUM)
            tally.threshold = _scaled(THRESHOLD)
        return legacy_query_pb2.QueryParamsResponse(
            voting_params=voting, deposit_params=deposit, tally_params=tally
        )


def _number(request: Any) -> int:
    """The proposal that is asked for; 0 is none."""
    if not request.proposal_id:
        raise invalid_argument("proposal id can not be 0")
    return int(request.proposal_id)


def _decimal(text: str) -> str:
    return show(str(parse(text)))


def _scaled(text: str) -> bytes:
    return str(parse(text)).encode()
