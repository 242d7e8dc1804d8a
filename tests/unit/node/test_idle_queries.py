"""What wallets ask of modules that do nothing on this chain, over REST: gov, mint, slashing, distribution, staking."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from helpers.accounts import Person
from helpers.rest import ALICE, RestClient, rest_chain

from chain.assembly import MODULE_ACCOUNTS
from light_client import bech32

NOBODY = Person("nobody").address
OPERATOR = bech32.encode("cosmosvaloper", bytes(20))
FROM_TO = f"src_validator_addr={OPERATOR}&dst_validator_addr={OPERATOR}"
BECH32 = "decoding bech32 failed: invalid bech32"
NO_REDELEGATION = "rpc error: code = NotFound desc = redelegation not found"
NO_PAGE = {"next_key": None, "total": "0"}
NO_MODULE = "codespace upgrade code 2: module version not found"
DECIMAL_ZERO = "0." + "0" * 18


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rest() -> AsyncIterator[RestClient]:
    async with rest_chain() as client:
        yield client


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def operator(rest: RestClient) -> str:
    _, found = await rest.get("/cosmos/staking/v1beta1/validators")
    name: str = found["validators"][0]["operator_address"]
    return name


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("mint/v1beta1/inflation", {"inflation": DECIMAL_ZERO}),
        ("mint/v1beta1/annual_provisions", {"annual_provisions": DECIMAL_ZERO}),
        ("gov/v1/proposals", {"proposals": [], "pagination": NO_PAGE}),
        ("gov/v1/proposals/7/votes", {"votes": [], "pagination": NO_PAGE}),
        ("gov/v1beta1/proposals/7/deposits", {"deposits": [], "pagination": NO_PAGE}),
        ("gov/v1/constitution", {"constitution": ""}),
        ("distribution/v1beta1/community_pool", {"pool": []}),
        (f"distribution/v1beta1/delegators/{NOBODY}/rewards", {"rewards": [], "total": []}),
        (
            f"distribution/v1beta1/delegators/{NOBODY}/withdraw_address",
            {"withdraw_address": NOBODY},
        ),
        (
            f"staking/v1beta1/delegators/{NOBODY}/redelegations",
            {"redelegation_responses": [], "pagination": NO_PAGE},
        ),
        (
            f"staking/v1beta1/delegators/{NOBODY}/unbonding_delegations",
            {"unbonding_responses": [], "pagination": NO_PAGE},
        ),
        (
            "upgrade/v1beta1/module_versions?module_name=bank",
            {"module_versions": [{"name": "bank", "version": "4"}]},
        ),
        ("upgrade/v1beta1/upgraded_consensus_state/5", {"upgraded_consensus_state": None}),
    ],
)
async def test_answers(rest: RestClient, path: str, expected: Any) -> None:
    assert await rest.get(f"/cosmos/{path}") == (200, expected)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("gov/v1/proposals/1", 404, "proposal 1 doesn't exist"),
        ("gov/v1beta1/proposals/0/tally", 400, "proposal id can not be 0"),
        (
            f"gov/v1/proposals/1/votes/{NOBODY}",
            400,
            f"voter: {NOBODY} not found for proposal: 1",
        ),
        ("gov/v1/params/x", 400, "unknown params type: x"),
        ("gov/v1beta1/params/x", 400, "unknown params type: x"),
        ("gov/v1/proposals?proposal_status=77", 400, "77 is not a valid v1.ProposalStatus"),
        (
            "slashing/v1beta1/signing_infos/xx",
            500,
            "decoding bech32 failed: invalid bech32 string length 2",
        ),
        (
            "upgrade/v1beta1/module_versions?module_name=nope",
            500,
            f"{NO_MODULE}: x/upgrade: QueryModuleVersions module nope not found",
        ),
        ("staking/v1beta1/delegators/xx/redelegations", 500, f"{BECH32} string length 2"),
        (
            f"staking/v1beta1/delegators/{NOBODY}/redelegations?{FROM_TO}",
            500,
            f"{NO_REDELEGATION} for delegator address {NOBODY} from validator address {OPERATOR}",
        ),
        ("staking/v1beta1/historical_info/-1", 400, "height cannot be negative"),
        (
            "staking/v1beta1/historical_info/99",
            404,
            "historical info for height 99 not found",
        ),
    ],
)
async def test_refusals(rest: RestClient, path: str, status: int, message: str) -> None:
    found, body = await rest.get(f"/cosmos/{path}")
    assert (found, body["message"]) == (status, message)


async def test_parameters_are_those_of_the_sdk(rest: RestClient) -> None:
    _, gov = await rest.get("/cosmos/gov/v1/params/voting")
    assert gov["voting_params"] == {"voting_period": "172800s"}
    assert gov["params"]["quorum"] == "0.334" + "0" * 15
    assert gov["params"]["min_deposit"] == [{"denom": "stake", "amount": "10000000"}]
    _, legacy = await rest.get("/cosmos/gov/v1beta1/params/tallying")
    assert legacy["tally_params"]["threshold"] == "0.5" + "0" * 17
    assert legacy["voting_params"] == {"voting_period": "0s"}
    _, mint = await rest.get("/cosmos/mint/v1beta1/params")
    assert (mint["params"]["mint_denom"], mint["params"]["inflation_max"]) == (
        "stake",
        DECIMAL_ZERO,
    )
    _, slashing = await rest.get("/cosmos/slashing/v1beta1/params")
    assert slashing["params"]["downtime_jail_duration"] == "600s"
    assert slashing["params"]["slash_fraction_double_sign"] == DECIMAL_ZERO


async def test_validators_sign_every_block(rest: RestClient) -> None:
    _, found = await rest.get("/cosmos/slashing/v1beta1/signing_infos?pagination.limit=5")
    (info,) = found["info"]
    _, members = await rest.get("/cosmos/base/tendermint/v1beta1/validatorsets/latest")
    assert info["address"] == members["validators"][0]["address"]
    assert (info["index_offset"], info["missed_blocks_counter"]) == ("2", "0")
    _, one = await rest.get(f"/cosmos/slashing/v1beta1/signing_infos/{info['address']}")
    assert one == {"val_signing_info": info}


async def test_a_validator_without_delegations(rest: RestClient) -> None:
    name = await operator(rest)
    base = f"/cosmos/staking/v1beta1/validators/{name}"
    assert (await rest.get(f"{base}/delegations"))[1] == {
        "delegation_responses": [],
        "pagination": NO_PAGE,
    }
    assert (await rest.get(f"{base}/delegations/{ALICE.address}"))[0] == 404
    status, refused = await rest.get(f"{base}/delegations/{ALICE.address}/unbonding_delegation")
    assert (status, refused["code"]) == (404, 5)
    rewards = f"/cosmos/distribution/v1beta1/delegators/{ALICE.address}/rewards/{name}"
    status, refused = await rest.get(rewards)
    assert (status, refused["message"]) == (
        500,
        "codespace staking code 19: no delegation for (address, validator) tuple",
    )
    _, slashes = await rest.get(f"/cosmos/distribution/v1beta1/validators/{name}/slashes")
    assert slashes == {"slashes": [], "pagination": NO_PAGE}


async def test_the_history_of_validators(rest: RestClient) -> None:
    _, found = await rest.get("/cosmos/staking/v1beta1/historical_info/2")
    _, block = await rest.get("/cosmos/base/tendermint/v1beta1/blocks/2")
    header, kept = block["block"]["header"], found["hist"]["header"]
    for name in ("chain_id", "height", "time", "app_hash", "next_validators_hash"):
        assert kept[name] == header[name]
    assert kept["data_hash"] is None
    assert [one["operator_address"] for one in found["hist"]["valset"]] == [await operator(rest)]


async def test_module_accounts_that_do_not_exist_yet_are_shown(rest: RestClient) -> None:
    _, every = await rest.get("/cosmos/auth/v1beta1/module_accounts")
    assert [account["name"] for account in every["accounts"]] == sorted(MODULE_ACCOUNTS)
    _, gov = await rest.get("/cosmos/auth/v1beta1/module_accounts/gov")
    assert gov["account"]["permissions"] == ["burner"]
    status, body = await rest.get("/cosmos/auth/v1beta1/module_accounts/nobody")
    assert (status, body["message"]) == (404, "account nobody not found")
