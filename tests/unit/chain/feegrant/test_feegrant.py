"""x/feegrant. Codes, texts, events and answers are those of wasmd 0.61.14 for the same messages."""

from __future__ import annotations

import base64

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person, fee, pack, sign_tx
from helpers.chains import CHAIN_ID, GENESIS_TIME, Solo, genesis

from chain import gojson
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.feegrant.v1beta1 import feegrant_pb2 as pb
from cosmos_pb.cosmos.feegrant.v1beta1 import query_pb2, tx_pb2
from cosmos_pb.google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci

GRANTER, GRANTEE, OTHER, STRANGER = map(Person, ("granter", "grantee", "other", "stranger"))
SEND_URL = "/cosmos.bank.v1beta1.MsgSend"
HOUR = duration_pb2.Duration(seconds=3600)
QUERY = "/cosmos.feegrant.v1beta1.Query/"


@pytest.fixture
def solo() -> Solo:
    made = Solo(genesis(dict.fromkeys((GRANTER, GRANTEE, OTHER), "1000000stake")))
    made.block()
    return made


def coins(*amounts: int, denom: str = "stake") -> list[coin_pb2.Coin]:
    return [coin_pb2.Coin(denom=denom, amount=str(amount)) for amount in amounts]


def at(seconds: int) -> timestamp_pb2.Timestamp:
    return timestamp_pb2.Timestamp(seconds=GENESIS_TIME + seconds)


def grant(
    allowance: Message | None, grantee: Person = GRANTEE, granter: Person = GRANTER
) -> tx_pb2.MsgGrantAllowance:
    packed = None if allowance is None else pack(allowance)
    return tx_pb2.MsgGrantAllowance(
        granter=granter.address, grantee=grantee.address, allowance=packed
    )


REVOKE = tx_pb2.MsgRevokeAllowance(granter=GRANTER.address, grantee=GRANTEE.address)


def send(sender: Person = GRANTEE) -> bank_tx.MsgSend:
    return bank_tx.MsgSend(from_address=sender.address, to_address=OTHER.address, amount=coins(1))


def run(solo: Solo, person: Person, *messages: Message) -> abci.ExecTxResult:
    return solo.block(solo.tx(person, *messages))[0]


def spend(
    solo: Solo, amount: int, *messages: Message, granter: Person = GRANTER, payer: str = ""
) -> abci.ExecTxResult:
    """The grantee sends a coin, and the granter is to pay."""
    account = solo.app.auth.account(solo.app.context_at(0), GRANTEE.address)
    assert account is not None
    charged = fee(f"{amount}stake", granter=granter.address, payer=payer)
    signer = (GRANTEE, account.number, account.sequence)
    return solo.block(sign_tx([signer], messages or [send()], chain_id=CHAIN_ID, fee=charged))[0]


def events(result: abci.ExecTxResult) -> list[tuple[str, str]]:
    """Those of this module: which, and for whom."""
    return [
        (event.type, event.attributes[0].value)
        for event in result.events
        if event.type.endswith("_feegrant")
    ]


def held(solo: Solo) -> any_pb2.Any:
    request = query_pb2.QueryAllowanceRequest(granter=GRANTER.address, grantee=GRANTEE.address)
    answer = solo.query(QUERY + "Allowance", request)
    return query_pb2.QueryAllowanceResponse.FromString(answer.value).allowance.allowance


def stored(solo: Solo) -> dict[bytes, bytes]:
    return dict(solo.app.context_at(0).kv("feegrant").iterate())


def refused(text: str) -> str:
    who, whom = gojson.text(GRANTER.raw_address), gojson.text(GRANTEE.raw_address)
    return f"{who} does not allow to pay fees for {whom}: {text}"


BASIC = pb.BasicAllowance


def periodic(**fields: object) -> pb.PeriodicAllowance:
    return pb.PeriodicAllowance(period=HOUR, **fields)  # type: ignore[arg-type]


def allowed(allowance: Message | None, *urls: str) -> pb.AllowedMsgAllowance:
    packed = None if allowance is None else pack(allowance)
    return pb.AllowedMsgAllowance(allowance=packed, allowed_messages=urls)


REFUSED: dict[str, tuple[Message, str, int, str]] = {
    "to oneself": (
        grant(BASIC(), GRANTER),
        "sdk",
        7,
        "cannot self-grant fee authorization: invalid address",
    ),
    "to no address": (
        tx_pb2.MsgGrantAllowance(granter=GRANTER.address, grantee="x", allowance=pack(BASIC())),
        "undefined",
        1,
        "decoding bech32 failed: invalid bech32 string length 1",
    ),
    "expired already": (
        grant(BASIC(expiration=at(-1))),
        "sdk",
        18,
        "expiration is before current block time: invalid request",
    ),
    "expired before 1970": (
        grant(BASIC(expiration=timestamp_pb2.Timestamp(seconds=-1))),
        "feegrant",
        4,
        "expiration time cannot be negative: invalid duration",
    ),
    "a limit of zero": (
        grant(BASIC(spend_limit=coins(0))),
        "sdk",
        10,
        "send amount is invalid: 0stake: invalid coins",
    ),
    "a period without a limit": (
        grant(periodic()),
        "sdk",
        10,
        "spend limit must be positive: invalid coins",
    ),
    "a period's limit of zero": (
        grant(periodic(period_spend_limit=coins(0))),
        "sdk",
        10,
        "spend amount is invalid: 0stake: invalid coins",
    ),
    "a period in another coin": (
        grant(
            periodic(basic=BASIC(spend_limit=coins(1)), period_spend_limit=coins(1, denom="ucosm"))
        ),
        "sdk",
        10,
        "period spend limit has different currency than basic spend limit: invalid coins",
    ),
    "a period that ends before it begins": (
        grant(
            pb.PeriodicAllowance(
                period=duration_pb2.Duration(seconds=-1), period_spend_limit=coins(1)
            )
        ),
        "feegrant",
        4,
        "negative clock step: invalid duration",
    ),
    "nothing to spend in a period": (
        grant(periodic(period_spend_limit=coins(1), period_can_spend=coins(0))),
        "sdk",
        10,
        "can spend amount is invalid: 0stake: invalid coins",
    ),
    "no messages allowed": (
        grant(allowed(BASIC())),
        "feegrant",
        6,
        "allowed messages shouldn't be empty: allowed messages are empty",
    ),
    "messages without an allowance": (
        grant(allowed(None, SEND_URL)),
        "feegrant",
        5,
        "allowance should not be empty: no allowance",
    ),
    "the end of none": (REVOKE, "sdk", 38, "fee-grant not found: not found"),
    "the end of one's own": (
        tx_pb2.MsgRevokeAllowance(granter=GRANTER.address, grantee=GRANTER.address),
        "sdk",
        7,
        "addresses must be different: invalid address",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(solo: Solo, name: str) -> None:
    message, codespace, code, text = REFUSED[name]
    result = run(solo, GRANTER, message)
    wrapped = f"failed to execute message; message index: 0: {text}"
    assert (result.codespace, result.code, result.log) == (codespace, code, wrapped)


def test_no_allowance_at_all(solo: Solo) -> None:
    result = run(solo, GRANTER, grant(None))
    assert (result.codespace, result.code) == ("undefined", 111222)
    assert "nil pointer" in result.log


UNREADABLE: dict[str, tuple[any_pb2.Any, str]] = {
    "a type that nobody knows": (any_pb2.Any(type_url="/x.Y"), "unable to resolve type URL /x.Y"),
    "another type": (
        pack(send()),
        (
            f"no concrete type registered for type URL {SEND_URL} "
            "against interface *feegrant.FeeAllowanceI"
        ),
    ),
    "an amount that is no number": (
        pack(BASIC(spend_limit=[coin_pb2.Coin(denom="stake", amount="many")])),
        'math/big: cannot unmarshal "many" into a *big.Int',
    ),
    "an expiry after the year 9999": (
        pack(BASIC(expiration=timestamp_pb2.Timestamp(seconds=253_402_300_800))),
        (
            "timestamp: &timestamppb.Timestamp{Seconds: 253402300800,\nNanos: 0,\n} "
            "after 10000-01-01"
        ),
    ),
    "a period that no 64 bits hold": (
        pack(pb.PeriodicAllowance(period=duration_pb2.Duration(seconds=2**34))),
        (
            "duration: &durationpb.Duration{Seconds: 17179869184,\nNanos: 0,\n} "
            "is out of range for time.Duration"
        ),
    ),
    "another type inside": (
        pack(allowed(send(), SEND_URL)),
        (
            f"no concrete type registered for type URL {SEND_URL} "
            "against interface *feegrant.FeeAllowanceI"
        ),
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_allowances_that_cannot_be_read(solo: Solo, name: str) -> None:
    packed, text = UNREADABLE[name]
    message = tx_pb2.MsgGrantAllowance(
        granter=GRANTER.address, grantee=GRANTEE.address, allowance=packed
    )
    answer = solo.check(solo.tx(GRANTER, message))
    assert (answer.codespace, answer.code) == ("sdk", 2)
    assert answer.log == f"{text}: tx parse error: tx parse error"


def test_allowances_too_deep_inside_one_another(solo: Solo) -> None:
    allowance: Message = BASIC()
    for _ in range(10):
        allowance = allowed(allowance, SEND_URL)
    answer = solo.check(solo.tx(GRANTER, grant(allowance)))
    assert (answer.code, answer.log) == (2, "max depth exceeded: tx parse error: tx parse error")


def test_without_a_limit(solo: Solo) -> None:
    granted = run(solo, GRANTER, grant(BASIC()))
    assert granted.code == 0, granted.log
    assert events(granted) == [("set_feegrant", GRANTER.address)]
    result = spend(solo, 5000)
    assert result.code == 0, result.log
    assert events(result) == [
        ("use_feegrant", GRANTER.address),
        ("update_feegrant", GRANTER.address),
    ]
    assert solo.balance(GRANTER) == 1_000_000 - 5000
    assert solo.balance(GRANTEE) == 1_000_000 - 1
    paid = next(event for event in result.events if event.type == "tx")
    assert paid.attributes[1].value == GRANTER.address
    again = run(solo, GRANTER, grant(BASIC()))
    assert again.log.endswith("fee allowance already exists: invalid request")
    ended = run(solo, GRANTER, REVOKE)
    assert events(ended) == [("revoke_feegrant", GRANTER.address)]
    assert stored(solo) == {}


def test_up_to_a_limit(solo: Solo) -> None:
    run(solo, GRANTER, grant(BASIC(spend_limit=coins(9000))))
    assert spend(solo, 5000).code == 0
    assert held(solo) == pack(BASIC(spend_limit=coins(4000)))
    more = spend(solo, 4001)
    assert (more.codespace, more.code) == ("feegrant", 2)
    assert more.log == refused("basic allowance: fee limit exceeded")
    last = spend(solo, 4000)
    assert events(last) == [
        ("revoke_feegrant", GRANTER.address),
        ("use_feegrant", GRANTER.address),
    ]
    none = spend(solo, 1)
    assert (none.codespace, none.code) == ("sdk", 38)
    assert none.log == refused("fee-grant not found: not found")


def test_in_periods(solo: Solo) -> None:
    """What a period does not use is lost, and no period gives more than the whole."""
    allowance = pb.PeriodicAllowance(
        basic=BASIC(spend_limit=coins(10_000)),
        period=duration_pb2.Duration(seconds=25),
        period_spend_limit=coins(6000),
        period_reset=at(0),
    )
    run(solo, GRANTER, grant(allowance))
    assert spend(solo, 5000).code == 0
    assert pb.PeriodicAllowance.FromString(held(solo).value) == pb.PeriodicAllowance(
        basic=BASIC(spend_limit=coins(5000)),
        period=duration_pb2.Duration(seconds=25),
        period_spend_limit=coins(6000),
        period_can_spend=coins(1000),
        period_reset=at(25),
    )
    more = spend(solo, 1001)
    assert (more.code, more.log) == (2, refused("period limit: fee limit exceeded"))
    next_period = spend(solo, 1000)  # in the block of 25 seconds
    assert next_period.code == 0
    left = pb.PeriodicAllowance.FromString(held(solo).value)
    assert list(left.basic.spend_limit) == list(left.period_can_spend) == coins(4000)
    assert left.period_reset == at(50)


def test_a_period_after_a_long_rest_begins_anew(solo: Solo) -> None:
    allowance = periodic(period_spend_limit=coins(6000), basic=BASIC())
    run(solo, GRANTER, grant(allowance))
    assert spend(solo, 1).code == 0
    left = pb.PeriodicAllowance.FromString(held(solo).value)
    assert left.period_reset == at(5 * solo.height + 3600)
    assert not left.basic.spend_limit


def test_the_whole_ends_a_periodic_one(solo: Solo) -> None:
    allowance = periodic(basic=BASIC(spend_limit=coins(10)), period_spend_limit=coins(10))
    run(solo, GRANTER, grant(allowance))
    assert spend(solo, 10).code == 0
    assert stored(solo) == {}


def test_a_period_may_give_more_than_the_whole_holds(solo: Solo) -> None:
    """What can be spent was set by the granter, and the whole is counted all the same."""
    allowance = periodic(
        basic=BASIC(spend_limit=coins(10)),
        period_spend_limit=coins(5),
        period_can_spend=coins(50),
        period_reset=at(10**6),
    )
    run(solo, GRANTER, grant(allowance))
    more = spend(solo, 11)
    assert (more.code, more.log) == (2, refused("absolute limit: fee limit exceeded"))


def test_for_some_messages(solo: Solo) -> None:
    run(solo, GRANTER, grant(allowed(BASIC(spend_limit=coins(9000)), SEND_URL)))
    assert spend(solo, 5000, send(), send()).code == 0
    assert held(solo) == pack(allowed(BASIC(spend_limit=coins(4000)), SEND_URL))
    other = spend(solo, 1, tx_pb2.MsgPruneAllowances(pruner=GRANTEE.address))
    assert (other.codespace, other.code) == ("feegrant", 7)
    text = "message does not exist in allowed messages: message not allowed"
    assert other.log == refused(text)


def test_what_has_expired_is_removed_at_the_end_of_a_block(solo: Solo) -> None:
    run(solo, GRANTER, grant(BASIC(expiration=at(20))))
    assert len(stored(solo)) == 2
    while solo.height < 4:
        assert spend(solo, 1).code == 0
    solo.block()
    assert stored(solo) == {}


@pytest.mark.parametrize(
    "allowance",
    [
        BASIC(expiration=at(20)),
        periodic(basic=BASIC(expiration=at(20)), period_spend_limit=coins(5)),
    ],
    ids=["basic", "periodic"],
)
def test_what_expires_in_this_block_pays_no_more(solo: Solo, allowance: Message) -> None:
    """It is still there until the block ends, and says why it does not pay."""
    run(solo, GRANTER, grant(allowance))
    solo.block()
    solo.block()
    result = spend(solo, 1)
    assert (result.codespace, result.code) == ("feegrant", 3)
    assert result.log.endswith(" limit: fee allowance expired") or result.log.endswith(
        "basic allowance: fee allowance expired"
    )


def test_the_queue_keeps_what_was_revoked(solo: Solo) -> None:
    """So a new grant of the same two ends with the old one (a slip of the SDK's, and part of the state)."""
    run(solo, GRANTER, grant(BASIC(expiration=at(25))))
    run(solo, GRANTER, REVOKE)
    assert [key[:1] for key in stored(solo)] == [b"\x01"]
    run(solo, GRANTER, grant(BASIC()))
    assert len(stored(solo)) == 2
    solo.block()
    solo.block()
    assert stored(solo) == {}


def test_anybody_may_prune(solo: Solo) -> None:
    result = run(solo, OTHER, tx_pb2.MsgPruneAllowances(pruner=OTHER.address))
    assert events(result) == [("prune_feegrant", OTHER.address)]


def test_a_grantee_without_an_account_gets_one(solo: Solo) -> None:
    assert run(solo, GRANTER, grant(BASIC(), STRANGER)).code == 0
    assert solo.app.auth.account(solo.app.context_at(0), STRANGER.address) is not None


def test_a_module_gets_no_account_by_a_grant(solo: Solo) -> None:
    module = solo.app.auth.module_address("mint")
    message = tx_pb2.MsgGrantAllowance(
        granter=GRANTER.address, grantee=module, allowance=pack(BASIC())
    )
    result = run(solo, GRANTER, message)
    assert result.log.endswith(f"{module} is not allowed to receive funds: unauthorized")


def test_a_granter_who_is_the_payer_needs_no_grant(solo: Solo) -> None:
    assert spend(solo, 10, granter=GRANTEE).code == 0
    assert solo.balance(GRANTEE) == 1_000_000 - 11


def test_a_granter_without_funds(solo: Solo) -> None:
    run(solo, GRANTER, grant(BASIC()))
    result = spend(solo, 2_000_000)
    assert (result.codespace, result.code) == ("sdk", 5)


def test_queries(solo: Solo) -> None:
    run(solo, GRANTER, grant(BASIC()))
    run(solo, OTHER, grant(BASIC(), granter=OTHER))
    expected = pb.Grant(granter=GRANTER.address, grantee=GRANTEE.address, allowance=pack(BASIC()))
    request = query_pb2.QueryAllowancesByGranterRequest(granter=GRANTER.address)
    answer = solo.query(QUERY + "AllowancesByGranter", request)
    found = query_pb2.QueryAllowancesByGranterResponse.FromString(answer.value)
    assert (list(found.allowances), found.pagination.total) == ([expected], 1)
    answer = solo.query(
        QUERY + "Allowances", query_pb2.QueryAllowancesRequest(grantee=GRANTEE.address)
    )
    everything = query_pb2.QueryAllowancesResponse.FromString(answer.value)
    assert {each.granter for each in everything.allowances} == {GRANTER.address, OTHER.address}


@pytest.mark.parametrize(
    ("granter", "grantee", "code", "text"),
    [
        (
            GRANTEE.address,
            GRANTER.address,
            6,
            "rpc error: code = Internal desc = fee-grant not found: not found: unknown request",
        ),
        (
            "x",
            GRANTER.address,
            18,
            "decoding bech32 failed: invalid bech32 string length 1: invalid request",
        ),
        (
            GRANTER.address,
            Person("grantee", "osmo").address,
            6,
            (
                "hrp does not match bech32 prefix: expected 'cosmos' got 'osmo': "
                "internal logic error: unknown request"
            ),
        ),
    ],
)
def test_queries_refused(solo: Solo, granter: str, grantee: str, code: int, text: str) -> None:
    request = query_pb2.QueryAllowanceRequest(granter=granter, grantee=grantee)
    answer = solo.query(QUERY + "Allowance", request)
    assert (answer.code, answer.log) == (code, text)


def test_the_genesis_holds_them(solo: Solo) -> None:
    run(solo, GRANTER, grant(BASIC(spend_limit=coins(7), expiration=at(10**6))))
    state = solo.app.export_genesis()
    assert len(state["feegrant"]["allowances"]) == 1
    again = Solo(state)
    again.block()
    assert stored(again) == stored(solo)
    assert held(again) == held(solo)


def test_what_is_stored(solo: Solo) -> None:
    """A periodic allowance has its messages and its times even when they say nothing (gogoproto's nullable = false)."""
    run(solo, GRANTER, grant(pb.PeriodicAllowance(period_spend_limit=coins(5))))
    key, value = next(iter(stored(solo).items()))
    assert key == b"\0\x14" + GRANTEE.raw_address + b"\x14" + GRANTER.raw_address
    inside = pb.Grant.FromString(value).allowance.value
    assert base64.b64encode(inside).decode() == "CgASABoKCgVzdGFrZRIBNSoLCICSuMOY/v///wE="
