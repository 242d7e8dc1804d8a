"""x/auth: addresses, account numbers, queries, genesis."""

from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.chains import Solo, genesis

from chain.assembly import MODULE_ACCOUNTS
from chain.errors import AbciError, GenesisError
from chain.modules.auth.account import Account
from chain.modules.auth.module import Auth
from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2, query_pb2
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from light_client import bech32

ALICE, BOB, CAROL = Person("alice"), Person("bob"), Person("carol")
QUERY = "/cosmos.auth.v1beta1.Query/"


@pytest.fixture(scope="module")
def solo() -> Solo:
    chain = Solo(genesis({ALICE: "10stake", BOB: "10stake"}))
    chain.block()
    return chain


def test_module_addresses_are_those_of_the_cosmos_hub() -> None:
    auth = Auth("cosmos", {})
    assert auth.module_address("fee_collector") == "cosmos17xpfvakm2amg962yls6f84z3kell8c5lserqta"
    assert auth.module_address("gov") == "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn"


Refusal = tuple[str, int, str]
OSMO = Person("x", "osmo").address
LONG = bech32.encode("cosmos", bytes(256))


@pytest.mark.parametrize(
    ("address", "refusal", "acc_refusal"),
    [
        ("", ("undefined", 1, "empty address string is not allowed"), None),
        ("  ", ("undefined", 1, "empty address string is not allowed"), None),
        (
            "cosmos1",
            ("undefined", 1, "decoding bech32 failed: invalid bech32 string length 7"),
            None,
        ),
        (LONG, ("sdk", 7, "invalid address"), None),
        (bech32.encode("cosmos", bytes(21)), ("sdk", 7, "invalid address"), None),
        (bech32.encode("cosmos", b""), ("sdk", 7, "invalid address"), None),
        (
            OSMO,
            (
                "sdk",
                35,
                "hrp does not match bech32 prefix: expected 'cosmos' got 'osmo': internal logic error",
            ),
            ("undefined", 1, "invalid Bech32 prefix; expected cosmos, got osmo"),
        ),
    ],
)
def test_what_is_no_address(address: str, refusal: Refusal, acc_refusal: Refusal | None) -> None:
    auth = Auth("cosmos", {})
    for read, expected in (
        (auth.address_bytes, refusal),
        (auth.acc_address_bytes, acc_refusal or refusal),
    ):
        with pytest.raises(AbciError) as refused:
            read(address)
        assert (refused.value.codespace, refused.value.code, refused.value.log) == expected


def test_accounts_are_numbered_in_the_order_they_come(solo: Solo) -> None:
    ctx, auth = solo.app.context_at(0), solo.app.auth
    assert auth.account(ctx, CAROL.address) is None
    first = auth.ensure_account(ctx, CAROL.address)
    module = auth.ensure_module_account(ctx, "wasm")
    assert (first.number, module.number) == (3, 4)
    assert module.permissions == ("burner",)
    assert auth.ensure_account(ctx, CAROL.address) == first
    assert auth.address_of_number(ctx, 3) == CAROL.raw_address
    with pytest.raises(AbciError, match="module account nobody does not exist"):
        auth.ensure_module_account(ctx, "nobody")


def test_saving_costs_what_the_indexed_map_of_the_sdk_costs(solo: Solo) -> None:
    ctx, auth = solo.app.context_at(0), solo.app.auth
    account = auth.ensure_account(ctx, ALICE.address)
    before, size = ctx.gas.consumed, len(account.encode())
    auth.save(ctx, ALICE.raw_address, account)
    index = 13 + 8 + 20
    expected = 1000 + 3 * (21 + size) + 1000 + 1000 + 2000 + 30 * index + 2000 + 30 * (21 + size)
    assert ctx.gas.consumed - before == expected


def _ask(solo: Solo, method: str, request: Message, response: Any) -> Any:
    answer = solo.query(QUERY + method, request)
    assert answer.code == 0, answer.log
    return response.FromString(answer.value)


def test_queries(solo: Solo) -> None:
    q = query_pb2
    found = _ask(
        solo, "Account", q.QueryAccountRequest(address=BOB.address), q.QueryAccountResponse
    )
    assert found.account.type_url == "/cosmos.auth.v1beta1.BaseAccount"
    base = auth_pb2.BaseAccount.FromString(found.account.value)
    assert (base.address, base.account_number, base.HasField("pub_key")) == (BOB.address, 1, False)
    info = _ask(
        solo,
        "AccountInfo",
        q.QueryAccountInfoRequest(address=BOB.address),
        q.QueryAccountInfoResponse,
    )
    assert info.info == base
    page = pagination_pb2.PageRequest(limit=2, count_total=True)
    some = _ask(solo, "Accounts", q.QueryAccountsRequest(pagination=page), q.QueryAccountsResponse)
    assert (len(some.accounts), some.pagination.total) == (2, 3)
    by_id = q.QueryAccountAddressByIDRequest(account_id=1)
    named = _ask(solo, "AccountAddressByID", by_id, q.QueryAccountAddressByIDResponse)
    assert named.account_address == BOB.address
    params = _ask(solo, "Params", q.QueryParamsRequest(), q.QueryParamsResponse).params
    assert (params.max_memo_characters, params.tx_sig_limit) == (256, 7)
    modules = _ask(
        solo, "ModuleAccounts", q.QueryModuleAccountsRequest(), q.QueryModuleAccountsResponse
    )
    assert {a.type_url for a in modules.accounts} == {"/cosmos.auth.v1beta1.ModuleAccount"}
    shown = [auth_pb2.ModuleAccount.FromString(a.value) for a in modules.accounts]
    assert [account.name for account in shown] == sorted(MODULE_ACCOUNTS)
    by_name = q.QueryModuleAccountByNameRequest(name="fee_collector")
    collector = _ask(solo, "ModuleAccountByName", by_name, q.QueryModuleAccountByNameResponse)
    assert collector.account == modules.accounts[sorted(MODULE_ACCOUNTS).index("fee_collector")]
    prefix = _ask(solo, "Bech32Prefix", q.Bech32PrefixRequest(), q.Bech32PrefixResponse)
    assert prefix.bech32_prefix == "cosmos"
    text = q.AddressBytesToStringRequest(address_bytes=BOB.raw_address)
    assert (
        _ask(solo, "AddressBytesToString", text, q.AddressBytesToStringResponse).address_string
        == BOB.address
    )
    raw = q.AddressStringToBytesRequest(address_string=BOB.address)
    assert (
        _ask(solo, "AddressStringToBytes", raw, q.AddressStringToBytesResponse).address_bytes
        == BOB.raw_address
    )


@pytest.mark.parametrize(
    ("method", "request_", "text"),
    [
        (
            "Account",
            query_pb2.QueryAccountRequest(address=CAROL.address),
            f"rpc error: code = NotFound desc = account {CAROL.address} not found: key not found",
        ),
        (
            "Account",
            query_pb2.QueryAccountRequest(),
            "rpc error: code = InvalidArgument desc = Address cannot be empty: invalid request",
        ),
        (
            "AccountAddressByID",
            query_pb2.QueryAccountAddressByIDRequest(account_id=99),
            (
                "rpc error: code = NotFound desc = account address not found with account number 99: "
                "key not found"
            ),
        ),
    ],
)
def test_refused_queries(solo: Solo, method: str, request_: Message, text: str) -> None:
    assert solo.query(QUERY + method, request_).log == text


def test_accounts_of_a_genesis_get_numbers_of_their_own() -> None:
    state = genesis({ALICE: "1stake", BOB: "1stake", CAROL: "1stake"})
    for account, number in zip(state["auth"]["accounts"], ("2", "0", "0"), strict=True):
        account["account_number"] = number
    solo = Solo(state)
    solo.block()
    ctx = solo.app.context_at(0)
    numbers = {a.address: a.number for a in solo.app.auth.all(ctx)}
    assert numbers == {
        ALICE.address: 2,
        BOB.address: 0,
        CAROL.address: 1,
        solo.app.auth.module_address("fee_collector"): 3,
    }


@pytest.mark.parametrize(
    ("auth", "text"),
    [
        ({"accounts": [{"@type": "/x.Y"}]}, "app_state.auth: "),
        (
            {"accounts": [{"@type": "/cosmos.auth.v1beta1.BaseAccount", "address": "x"}]},
            "app_state.auth.accounts: 'x': decoding bech32 failed",
        ),
        ({"params": {"tx_sig_limit": "many"}}, "app_state.auth: .*tx_sig_limit"),
    ],
)
def test_a_wrong_genesis_says_what_is_wrong(auth: dict[str, Any], text: str) -> None:
    with pytest.raises(GenesisError, match=text):
        Solo({"auth": auth})


def test_stored_accounts_are_read_back() -> None:
    from chain.modules.auth import account as accounts

    module = Account("cosmos1x", 3, module="transfer", permissions=("minter", "burner"))
    assert accounts.decode(module.encode()) == module
