"""x/bank: what moves, what it says, what it refuses, and its queries."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.chains import Solo, genesis
from hypothesis import given, settings
from hypothesis import strategies as st

from chain import coins
from chain.coins import Coin
from chain.context import Context
from chain.errors import AbciError, GenesisError
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2, query_pb2, tx_pb2
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2

ALICE, BOB, CAROL = Person("alice"), Person("bob"), Person("carol")
QUERY = "/cosmos.bank.v1beta1.Query/"


def _coins(text: str) -> list[coin_pb2.Coin]:
    """Wire coins of ``3stake,-1atom``, in that order and unchecked."""
    found = []
    for part in filter(None, text.split(",")):
        number = part.rstrip("abcdefghijklmnopqrstuvwxyz")
        found.append(coin_pb2.Coin(denom=part[len(number) :], amount=number))
    return found


def _send(amount: str, recipient: str = BOB.address) -> tx_pb2.MsgSend:
    return tx_pb2.MsgSend(from_address=ALICE.address, to_address=recipient, amount=_coins(amount))


def _multi(spent: str, *parts: tuple[Person, str], senders: int = 1) -> tx_pb2.MsgMultiSend:
    inputs = [bank_pb2.Input(address=ALICE.address, coins=_coins(spent)) for _ in range(senders)]
    outputs = [bank_pb2.Output(address=person.address, coins=_coins(c)) for person, c in parts]
    return tx_pb2.MsgMultiSend(inputs=inputs, outputs=outputs)


@pytest.fixture
def solo() -> Solo:
    state = genesis(
        {ALICE: "1000atom,1000stake", BOB: "1stake"},
        denom_metadata=[{"base": "stake", "display": "stake", "symbol": "STK"}],
    )
    state["bank"]["send_enabled"] = [{"denom": "frozen", "enabled": False}]
    state["bank"]["balances"][0]["coins"].insert(1, {"denom": "frozen", "amount": "5"})
    chain = Solo(state)
    chain.block()
    return chain


@pytest.fixture
def ctx(solo: Solo) -> Context:
    return solo.app.context_at(0)


def _events(events: Any) -> list[tuple[str, dict[str, str]]]:
    return [(e.type, {pair.key: pair.value for pair in e.attributes}) for e in events]


def test_a_transfer_and_its_events(solo: Solo) -> None:
    result = solo.block(solo.tx(ALICE, _send("3atom,7stake")))[0]
    assert result.code == 0
    assert (solo.balance(BOB, "atom"), solo.balance(BOB)) == (3, 8)
    sender, recipient, amount = ALICE.address, BOB.address, "3atom,7stake"
    index = {"msg_index": "0"}
    assert _events(result.events)[3:] == [
        (
            "message",
            {"action": "/cosmos.bank.v1beta1.MsgSend", "sender": sender, "module": "bank", **index},
        ),
        ("coin_spent", {"spender": sender, "amount": amount, **index}),
        ("coin_received", {"receiver": recipient, "amount": amount, **index}),
        ("transfer", {"recipient": recipient, "sender": sender, "amount": amount, **index}),
        ("message", {"sender": sender, **index}),
    ]


def test_a_new_recipient_gets_an_account(solo: Solo) -> None:
    solo.block(solo.tx(ALICE, _send("1stake", CAROL.address)))
    account = solo.app.auth.account(solo.app.context_at(0), CAROL.address)
    assert account is not None
    assert (account.number, account.sequence) == (3, 0)  # after two people and the fee collector


REFUSED: dict[str, tuple[Message, str, int, str]] = {
    "more than there is": (
        _send("1001stake"),
        "sdk",
        5,
        "spendable balance 1000stake is smaller than 1001stake: insufficient funds",
    ),
    "a denomination nobody has": (
        _send("1foo"),
        "sdk",
        5,
        "spendable balance 0foo is smaller than 1foo: insufficient funds",
    ),
    "nothing": (_send(""), "sdk", 10, ": invalid coins"),
    "a negative amount": (_send("-1stake"), "sdk", 10, "-1stake: invalid coins"),
    "unsorted coins": (_send("1stake,1atom"), "sdk", 10, "1stake,1atom: invalid coins"),
    "to nobody": (
        _send("1stake", ""),
        "sdk",
        7,
        "invalid to address: empty address string is not allowed: invalid address",
    ),
    "a switched-off denomination": (
        _send("1frozen"),
        "bank",
        5,
        "frozen transfers are currently disabled: send transactions are disabled",
    ),
    "many: no output": (_multi("1stake"), "bank", 3, "no outputs to send transaction"),
    "many: two senders": (
        _multi("1stake", (BOB, "1stake"), senders=2),
        "bank",
        9,
        "multiple senders not allowed",
    ),
    "many: sums differ": (
        _multi("3stake", (BOB, "1stake"), (CAROL, "1stake")),
        "bank",
        4,
        "sum inputs != sum outputs",
    ),
    "many: an empty output": (
        _multi("1stake", (BOB, "1stake"), (CAROL, "0stake")),
        "sdk",
        10,
        "0stake: invalid coins",
    ),
    "many: no coins at all": (_multi("", (BOB, "")), "sdk", 10, ": invalid coins"),
    "many: another chain's address, and other sums": (
        _multi("3stake", (Person("bob", "osmo"), "1stake")),
        "sdk",
        7,
        "invalid output address: invalid Bech32 prefix; expected cosmos, got osmo: invalid address",
    ),
}


@pytest.mark.parametrize(("message", "codespace", "code", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(solo: Solo, message: Message, codespace: str, code: int, text: str) -> None:
    result = solo.block(solo.tx(ALICE, message))[0]
    expected = f"failed to execute message; message index: 0: {text}"
    assert (result.codespace, result.code, result.log) == (codespace, code, expected)
    assert (solo.balance(ALICE), solo.balance(ALICE, "atom")) == (1000, 1000)


def test_module_accounts_are_out_of_reach_of_users(solo: Solo) -> None:
    collector = solo.app.auth.module_address("fee_collector")
    result = solo.block(solo.tx(ALICE, _send("1stake", collector)))[0]
    assert result.code == 4
    assert f"{collector} is not allowed to receive funds: unauthorized" in result.log


def test_an_address_in_capitals_is_the_same_address(solo: Solo) -> None:
    collector = solo.app.auth.module_address("fee_collector").upper()
    assert solo.block(solo.tx(ALICE, _send("1stake", collector)))[0].code == 4
    result = solo.block(solo.tx(ALICE, _send("1stake", CAROL.address.upper())))[0]
    assert result.code == 0
    assert ("recipient", CAROL.address) in [
        (p.key, p.value) for e in result.events for p in e.attributes
    ]
    account = solo.app.auth.account(solo.app.context_at(0), CAROL.address)
    assert account is not None
    assert account.address == CAROL.address


def test_many_recipients(solo: Solo) -> None:
    message = _multi("2atom,5stake", (BOB, "2atom,2stake"), (CAROL, "3stake"))
    result = solo.block(solo.tx(ALICE, message))[0]
    assert result.code == 0
    assert [solo.balance(each) for each in (ALICE, BOB, CAROL)] == [995, 3, 3]
    transfers = [pairs for kind, pairs in _events(result.events) if kind == "transfer"]
    assert [pairs["amount"] for pairs in transfers] == ["2atom,2stake", "3stake"]
    said = [kind for kind, pairs in _events(result.events) if "msg_index" in pairs]
    paid = ["coin_received", "transfer"]
    assert said == ["message", "message", "coin_spent", *paid, *paid]


def test_minting_and_burning_change_the_supply(solo: Solo, ctx: Context) -> None:
    bank, wasm = solo.app.bank, solo.app.auth.module_address("transfer")
    bank.mint(ctx, "transfer", [Coin("voucher", 10)])
    bank.send_from_module(ctx, "transfer", BOB.address, [Coin("voucher", 4)])
    bank.burn(ctx, "transfer", [Coin("voucher", 6)])
    bank.send_to_module(ctx, BOB.address, "transfer", [Coin("voucher", 1)])
    assert bank.supply(ctx, "voucher") == 4
    assert bank.balance(ctx, wasm, "voucher") == 1
    assert bank.balances(ctx, BOB.address) == [Coin("stake", 1), Coin("voucher", 3)]
    kinds = [event.type for event in ctx.events.events]
    assert kinds[:2] == ["coin_received", "coinbase"]
    assert kinds[6:8] == ["coin_spent", "burn"]


MODULE_REFUSALS: list[tuple[Callable[[Any, Context], None], str]] = [
    (
        lambda bank, ctx: bank.mint(ctx, "wasm", [Coin("a" * 3, 1)]),
        "module account wasm does not have permissions to mint tokens: unauthorized",
    ),
    (
        lambda bank, ctx: bank.burn(ctx, "fee_collector", [Coin("abc", 1)]),
        "module account fee_collector does not have permissions to burn tokens: unauthorized",
    ),
    (
        lambda bank, ctx: bank.mint(ctx, "nobody", [Coin("abc", 1)]),
        "module account nobody does not exist: unknown address",
    ),
    (
        lambda bank, ctx: bank.mint(ctx, "mint", [Coin("stake", 2**256 - 1)]),
        f"integer overflow: 1001 + {2**256 - 1}stake: invalid coins",
    ),
]


@pytest.mark.parametrize(("act", "text"), MODULE_REFUSALS)
def test_modules_need_permission(
    solo: Solo, ctx: Context, act: Callable[[Any, Context], None], text: str
) -> None:
    with pytest.raises(AbciError) as refused:
        act(solo.app.bank, ctx)
    assert refused.value.log == text


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-1, 1500)), max_size=12)
)
def test_no_transfer_changes_the_total(moves: list[tuple[int, int, int]]) -> None:
    people = (ALICE, BOB, CAROL)
    solo = Solo(genesis({ALICE: "1000stake", BOB: "500stake"}))
    solo.block()
    ctx = solo.app.context_at(0)
    for source, target, amount in moves:
        refused = None
        try:
            with ctx.branch() as inner:
                solo.app.bank.send(
                    inner, people[source].address, people[target].address, [Coin("stake", amount)]
                )
        except AbciError as error:
            refused = error.code
        assert refused in {None, 5, 10}
    held = [solo.app.bank.balances(ctx, person.address) for person in people]
    assert coins.total(held) == (Coin("stake", 1500),)
    owners = query_pb2.QueryDenomOwnersResponse.FromString(
        solo.app.queries.handle(
            ctx,
            f"{QUERY}DenomOwners",
            query_pb2.QueryDenomOwnersRequest(denom="stake").SerializeToString(),
        )
    )
    assert sum(int(owner.balance.amount) for owner in owners.denom_owners) == 1500


def test_queries(solo: Solo) -> None:
    def ask(method: str, request: Message, response: type[Message]) -> Any:
        answer = solo.query(QUERY + method, request)
        assert (answer.code, answer.height) == (0, 1), answer.log
        return response.FromString(answer.value)

    q = query_pb2
    one = ask(
        "Balance", q.QueryBalanceRequest(address=BOB.address, denom="stake"), q.QueryBalanceResponse
    )
    assert (one.balance.denom, one.balance.amount) == ("stake", "1")
    none = ask(
        "Balance",
        q.QueryBalanceRequest(address=CAROL.address, denom="none"),
        q.QueryBalanceResponse,
    )
    assert none.balance.amount == "0"
    every = ask("TotalSupply", q.QueryTotalSupplyRequest(), q.QueryTotalSupplyResponse)
    assert [coin.denom for coin in every.supply] == ["atom", "frozen", "stake"]
    supply = ask("SupplyOf", q.QuerySupplyOfRequest(denom="stake"), q.QuerySupplyOfResponse)
    assert supply.amount.amount == "1001"
    metadata = ask(
        "DenomMetadata", q.QueryDenomMetadataRequest(denom="stake"), q.QueryDenomMetadataResponse
    )
    assert metadata.metadata.symbol == "STK"
    params = ask("Params", q.QueryParamsRequest(), q.QueryParamsResponse)
    assert params.params.default_send_enabled
    switches = ask("SendEnabled", q.QuerySendEnabledRequest(), q.QuerySendEnabledResponse)
    assert [(s.denom, s.enabled) for s in switches.send_enabled] == [("frozen", False)]
    owners = ask(
        "DenomOwners", q.QueryDenomOwnersRequest(denom="stake"), q.QueryDenomOwnersResponse
    )
    assert {o.address for o in owners.denom_owners} == {ALICE.address, BOB.address}
    for method, request, response in (
        ("AllBalances", q.QueryAllBalancesRequest, q.QueryAllBalancesResponse),
        ("SpendableBalances", q.QuerySpendableBalancesRequest, q.QuerySpendableBalancesResponse),
    ):
        page = pagination_pb2.PageRequest(limit=2)
        found = ask(method, request(address=ALICE.address, pagination=page), response)
        assert [coin.denom for coin in found.balances] == ["atom", "frozen"]
        assert found.pagination.next_key == b"stake"


@pytest.mark.parametrize(
    ("method", "request_", "code", "text"),
    [
        ("Balance", query_pb2.QueryBalanceRequest(denom="gold"), 18, "empty address string"),
        ("Balance", query_pb2.QueryBalanceRequest(denom="!!"), 18, "invalid denom: !!"),
        ("Balance", query_pb2.QueryBalanceRequest(address=BOB.address), 18, "invalid denom"),
        ("AllBalances", query_pb2.QueryAllBalancesRequest(address="x"), 18, "invalid address: "),
        ("SupplyOf", query_pb2.QuerySupplyOfRequest(), 18, "invalid denom"),
        (
            "DenomMetadata",
            query_pb2.QueryDenomMetadataRequest(denom="none"),
            22,
            "rpc error: code = NotFound desc = client metadata for denom none: key not found",
        ),
    ],
)
def test_refused_queries(solo: Solo, method: str, request_: Message, code: int, text: str) -> None:
    answer = solo.query(QUERY + method, request_)
    assert answer.code == code
    assert text in answer.log
    assert answer.log.startswith("rpc error: code = ")


def test_genesis_round_trip(solo: Solo) -> None:
    exported = solo.app.export_genesis()
    again = Solo({"auth": exported["auth"], "bank": exported["bank"]})
    again.block()
    assert again.app.export_genesis() == exported
    assert exported["bank"]["supply"] == [
        {"denom": "atom", "amount": "1000"},
        {"denom": "frozen", "amount": "5"},
        {"denom": "stake", "amount": "1001"},
    ]


@pytest.mark.parametrize(
    ("bank", "text"),
    [
        ({"balances": [{"address": "nobody", "coins": []}]}, "app_state.bank: decoding bech32"),
        ({"supply": [{"denom": "stake", "amount": "1"}]}, "genesis supply is incorrect"),
        ({"colour": "red"}, 'app_state.bank: .*"colour"'),
        ({"params": {"default_send_enabled": "perhaps"}}, "app_state.bank: "),
        (
            {"balances": [{"address": BOB.address, "coins": [{"denom": "x", "amount": "1"}]}]},
            "app_state.bank: 1x: invalid coins",
        ),
    ],
)
def test_a_wrong_genesis_says_what_is_wrong(bank: dict[str, Any], text: str) -> None:
    with pytest.raises(GenesisError, match=text):
        Solo({"bank": bank})
