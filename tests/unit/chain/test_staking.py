"""x/staking: what the genesis states is what queries answer."""

from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.chains import Solo

from chain import decimals
from chain.errors import GenesisError
from cosmos_pb.cosmos.staking.v1beta1 import query_pb2
from light_client import bech32

QUERY = "/cosmos.staking.v1beta1.Query/"
DELEGATOR = Person("alice").address


def _operator(name: str) -> str:
    return bech32.encode("cosmosvaloper", Person(name).raw_address)


def _validator(name: str, tokens: str, status: str = "BOND_STATUS_BONDED") -> dict[str, Any]:
    key = {"@type": "/cosmos.crypto.ed25519.PubKey", "key": "A" * 43 + "="}
    return {
        "operator_address": _operator(name),
        "consensus_pubkey": key,
        "status": status,
        "tokens": tokens,
        "delegator_shares": f"{tokens}.000000000000000000",
        "description": {"moniker": name},
        "commission": {"commission_rates": {"rate": "0.1", "max_rate": "0.2"}},
    }


STATE = {
    "params": {"unbonding_time": "600s", "historical_entries": 7, "bond_denom": "ubond"},
    "last_total_power": "30",
    "validators": [
        _validator("small", "10"),
        _validator("large", "20"),
        _validator("gone", "5", "BOND_STATUS_UNBONDED"),
    ],
    "delegations": [
        {
            "delegator_address": DELEGATOR,
            "validator_address": _operator("large"),
            "shares": "20.000000000000000000",
        }
    ],
}


@pytest.fixture(scope="module")
def solo() -> Solo:
    chain = Solo({"staking": STATE})
    chain.block()
    return chain


def _ask(solo: Solo, method: str, request: Message, response: Any) -> Any:
    answer = solo.query(QUERY + method, request)
    assert answer.code == 0, answer.log
    return response.FromString(answer.value)


def test_parameters_default_to_those_of_the_sdk(solo: Solo) -> None:
    request, response = query_pb2.QueryParamsRequest(), query_pb2.QueryParamsResponse
    own = _ask(solo, "Params", request, response).params
    assert (own.unbonding_time.seconds, own.historical_entries) == (600, 7)
    plain = Solo({})
    plain.block()
    default = _ask(plain, "Params", request, response).params
    assert (default.unbonding_time.seconds, default.historical_entries) == (21 * 86400, 10_000)
    assert default.bond_denom == "stake"


def test_validators(solo: Solo) -> None:
    ctx = solo.app.context_at(0)
    q = query_pb2
    every = _ask(solo, "Validators", q.QueryValidatorsRequest(), q.QueryValidatorsResponse)
    assert len(every.validators) == 3
    bonded = q.QueryValidatorsRequest(status="BOND_STATUS_BONDED")
    found = _ask(solo, "Validators", bonded, q.QueryValidatorsResponse)
    assert {v.description.moniker for v in found.validators} == {"small", "large"}
    one = q.QueryValidatorRequest(validator_addr=_operator("large"))
    assert _ask(solo, "Validator", one, q.QueryValidatorResponse).validator.tokens == "20"
    pool = _ask(solo, "Pool", q.QueryPoolRequest(), q.QueryPoolResponse).pool
    assert (pool.bonded_tokens, pool.not_bonded_tokens) == ("30", "0")
    staking = solo.app.staking
    assert [v.description.moniker for v in staking.validators(ctx)] == ["large", "small"]
    assert staking.bond_denom(ctx) == "ubond"


def test_delegations(solo: Solo) -> None:
    q = query_pb2
    every = q.QueryDelegatorDelegationsRequest(delegator_addr=DELEGATOR)
    found = _ask(solo, "DelegatorDelegations", every, q.QueryDelegatorDelegationsResponse)
    one = q.QueryDelegationRequest(delegator_addr=DELEGATOR, validator_addr=_operator("large"))
    response = _ask(solo, "Delegation", one, q.QueryDelegationResponse).delegation_response
    assert list(found.delegation_responses) == [response]
    assert (response.balance.denom, response.balance.amount) == ("ubond", "20")


@pytest.mark.parametrize(
    ("method", "request_", "text"),
    [
        ("Validators", query_pb2.QueryValidatorsRequest(status="x"), "invalid validator status x"),
        ("Validator", query_pb2.QueryValidatorRequest(), "validator address cannot be empty"),
        (
            "Validator",
            query_pb2.QueryValidatorRequest(validator_addr=DELEGATOR),
            "hrp does not match bech32 prefix: expected 'cosmosvaloper' got 'cosmos'",
        ),
        (
            "Validator",
            query_pb2.QueryValidatorRequest(validator_addr=_operator("nobody")),
            f"validator {_operator('nobody')} not found: key not found",
        ),
        (
            "Delegation",
            query_pb2.QueryDelegationRequest(
                delegator_addr=DELEGATOR, validator_addr=_operator("small")
            ),
            f"delegation with delegator {DELEGATOR} not found for validator {_operator('small')}",
        ),
    ],
)
def test_refused_queries(solo: Solo, method: str, request_: Message, text: str) -> None:
    assert text in solo.query(QUERY + method, request_).log


def test_genesis_round_trip(solo: Solo) -> None:
    exported = solo.app.export_genesis()["staking"]
    again = Solo({"staking": exported})
    again.block()
    assert again.app.export_genesis()["staking"] == exported


def test_a_wrong_operator_is_named() -> None:
    state = {"validators": [{"operator_address": "nobody"}]}
    with pytest.raises(GenesisError, match=r"app_state.staking: decoding bech32 failed"):
        Solo({"staking": state})


def test_decimals_have_a_point_in_json_only(solo: Solo) -> None:
    """Protobuf carries them times 10^18 (cosmossdk.io/math LegacyDec)."""
    request = query_pb2.QueryValidatorRequest(validator_addr=_operator("large"))
    found = _ask(solo, "Validator", request, query_pb2.QueryValidatorResponse).validator
    assert found.commission.commission_rates.rate == "100000000000000000"
    assert found.delegator_shares == "20000000000000000000"
    [shown] = [
        one
        for one in solo.app.export_genesis()["staking"]["validators"]
        if one["operator_address"] == _operator("large")
    ]
    assert shown["commission"]["commission_rates"]["rate"] == "0.100000000000000000"
    assert shown["delegator_shares"] == "20.000000000000000000"


@pytest.mark.parametrize("text", ["", "x", "1.", ".1", "0." + "1" * 19])
def test_what_is_no_decimal(text: str) -> None:
    state = {"validators": [{**_validator("one", "1"), "delegator_shares": text}]}
    with pytest.raises(GenesisError, match="is no decimal"):
        Solo({"staking": state})


@pytest.mark.parametrize(
    ("text", "number", "shown"),
    [
        ("0.1", 10**17, "0.100000000000000000"),
        ("12", 12 * 10**18, "12.000000000000000000"),
        ("-0.5", -5 * 10**17, "-0.500000000000000000"),
    ],
)
def test_decimals(text: str, number: int, shown: str) -> None:
    assert decimals.parse(text) == number
    assert decimals.show(str(number)) == shown
