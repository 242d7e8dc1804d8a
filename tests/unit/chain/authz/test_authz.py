"""x/authz. Codes, texts, events and answers are those of wasmd 0.61.14 for the same messages."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person, pack
from helpers.chains import GENESIS_TIME, Solo, genesis

from chain import gojson
from cosmos_pb.cosmos.authz.v1beta1 import authz_pb2, query_pb2, tx_pb2
from cosmos_pb.cosmos.bank.v1beta1 import authz_pb2 as bank_authz
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.google.protobuf import any_pb2, timestamp_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci

GRANTER, GRANTEE, OTHER, STRANGER = map(Person, ("granter", "grantee", "other", "stranger"))
SEND_URL = "/cosmos.bank.v1beta1.MsgSend"
MULTI_URL = "/cosmos.bank.v1beta1.MsgMultiSend"
QUERY = "/cosmos.authz.v1beta1.Query/"
GENERIC = authz_pb2.GenericAuthorization(msg=SEND_URL)


@pytest.fixture
def solo() -> Solo:
    made = Solo(genesis(dict.fromkeys((GRANTER, GRANTEE, OTHER), "1000000stake")))
    made.block()
    return made


def coins(*amounts: int, denom: str = "stake") -> list[coin_pb2.Coin]:
    return [coin_pb2.Coin(denom=denom, amount=str(amount)) for amount in amounts]


def grant(
    authorization: Message | None, expires: int | None = None, grantee: str = GRANTEE.address
) -> tx_pb2.MsgGrant:
    """``expires`` seconds after the genesis."""
    inside = authz_pb2.Grant(authorization=None if authorization is None else pack(authorization))
    if expires is not None:
        inside.expiration.CopyFrom(timestamp_pb2.Timestamp(seconds=GENESIS_TIME + expires))
    return tx_pb2.MsgGrant(granter=GRANTER.address, grantee=grantee, grant=inside)


def revoke(url: str = SEND_URL) -> tx_pb2.MsgRevoke:
    return tx_pb2.MsgRevoke(granter=GRANTER.address, grantee=GRANTEE.address, msg_type_url=url)


def send(amount: int = 5, sender: Person = GRANTER, to: Person = OTHER) -> bank_tx.MsgSend:
    return bank_tx.MsgSend(from_address=sender.address, to_address=to.address, amount=coins(amount))


def multi_send(*senders: Person) -> bank_tx.MsgMultiSend:
    output = bank_pb2.Output(address=OTHER.address, coins=coins(1))
    inputs = [bank_pb2.Input(address=sender.address, coins=coins(1)) for sender in senders]
    return bank_tx.MsgMultiSend(inputs=inputs, outputs=[output])


def execute(*messages: Message) -> tx_pb2.MsgExec:
    return tx_pb2.MsgExec(grantee=GRANTEE.address, msgs=map(pack, messages))


def limited(*amounts: int, to: tuple[Person, ...] = ()) -> bank_authz.SendAuthorization:
    allowed = [person.address for person in to]
    return bank_authz.SendAuthorization(spend_limit=coins(*amounts), allow_list=allowed)


def run(solo: Solo, person: Person, *messages: Message) -> abci.ExecTxResult:
    return solo.block(solo.tx(person, *messages))[0]


def granted(solo: Solo, *arguments: object) -> None:
    result = run(solo, GRANTER, grant(*arguments))  # type: ignore[arg-type]
    assert result.code == 0, result.log


def stored(solo: Solo) -> dict[bytes, bytes]:
    return dict(solo.app.context_at(0).kv("authz").iterate())


def reason(result: abci.ExecTxResult) -> tuple[str, int, str]:
    text = result.log.removeprefix("failed to execute message; message index: 0: ")
    return result.codespace, result.code, text


def typed(result: abci.ExecTxResult) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (event.type, [(pair.key, pair.value) for pair in event.attributes])
        for event in result.events
        if event.type.startswith("cosmos.authz")
    ]


def _event(name: str, url: str = SEND_URL) -> tuple[str, list[tuple[str, str]]]:
    return (
        f"cosmos.authz.v1beta1.{name}",
        [
            ("grantee", f'"{GRANTEE.address}"'),
            ("granter", f'"{GRANTER.address}"'),
            ("msg_type_url", f'"{url}"'),
            ("msg_index", "0"),
        ],
    )


REFUSED: dict[str, tuple[Message, str, int, str]] = {
    "to oneself": (
        grant(GENERIC, None, GRANTER.address),
        "authz",
        7,
        "grantee and granter should be different",
    ),
    "of nothing": (grant(None), "sdk", 29, "authorization is nil: invalid type"),
    "to no address": (
        grant(GENERIC, None, "x"),
        "sdk",
        7,
        (
            "invalid grantee address: decoding bech32 failed: invalid bech32 string length 1: "
            "invalid address"
        ),
    ),
    "for no message": (
        grant(authz_pb2.GenericAuthorization()),
        "undefined",
        1,
        "msg type cannot be empty",
    ),
    "for a message that nobody serves": (
        grant(authz_pb2.GenericAuthorization(msg="/x.Y")),
        "sdk",
        29,
        "/x.Y doesn't exist.: invalid type",
    ),
    "until yesterday": (
        grant(GENERIC, 10),
        "authz",
        3,
        (
            "expiration must be after the current block time (2023-11-14T22:13:30Z), got "
            "2023-11-14T22:13:30Z: expiration time of authorization should be more than current "
            "time"
        ),
    ),
    "without a limit": (grant(limited()), "sdk", 10, "spend limit cannot be nil: invalid coins"),
    "of a limit of zero": (
        grant(limited(0)),
        "sdk",
        10,
        "spend limit must be positive: invalid coins",
    ),
    "for a recipient twice": (grant(limited(1, to=(OTHER, OTHER))), "bank", 8, "duplicate entry"),
    "the end of no message": (
        revoke(""),
        "sdk",
        18,
        "missing msg method name: invalid request",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_grants_refused(solo: Solo, name: str) -> None:
    message, codespace, code, text = REFUSED[name]
    assert reason(run(solo, GRANTER, message)) == (codespace, code, text)


NOT_GRANTED = (
    f"failed to get grant with given granter: {GRANTER.address}, grantee: {GRANTEE.address} "
    "& msgType: {} : authorization not found"
)

NOT_EXECUTED: dict[str, tuple[Message, str, int, str]] = {
    "nothing": (execute(), "sdk", 18, "messages cannot be empty: invalid request"),
    "what was not granted": (
        execute(multi_send(GRANTER)),
        "authz",
        2,
        NOT_GRANTED.format(MULTI_URL),
    ),
    "what two must sign": (
        execute(multi_send(GRANTER, OTHER)),
        "authz",
        9,
        "authorization can be given to msg with only one signer",
    ),
    "what fails": (
        execute(send(2_000_000)),
        "sdk",
        5,
        (
            f'failed to execute message; message from_address:"{GRANTER.address}" '
            f'to_address:"{OTHER.address}" amount:<denom:"stake" amount:"2000000" > : '
            "spendable balance 1000000stake is smaller than 2000000stake: insufficient funds"
        ),
    ),
}


@pytest.mark.parametrize("name", NOT_EXECUTED)
def test_messages_refused(solo: Solo, name: str) -> None:
    granted(solo, GENERIC)
    message, codespace, code, text = NOT_EXECUTED[name]
    assert reason(run(solo, GRANTEE, message)) == (codespace, code, text)
    assert solo.balance(GRANTER) == 1_000_000


UNREADABLE: dict[str, tuple[Message, str]] = {
    "a type that nobody knows": (
        tx_pb2.MsgExec(grantee=GRANTER.address, msgs=[any_pb2.Any(type_url="/x.Y")]),
        "unable to resolve type URL /x.Y",
    ),
    "no message": (
        tx_pb2.MsgExec(grantee=GRANTER.address, msgs=[pack(GENERIC)]),
        (
            "no concrete type registered for type URL /cosmos.authz.v1beta1.GenericAuthorization "
            "against interface *interface { ProtoMessage(); Reset(); String() string }"
        ),
    ),
    "an expiry before the year 1": (
        grant(GENERIC, -(2**40)),
        (
            f"timestamp: &timestamppb.Timestamp{{Seconds: {GENESIS_TIME - 2**40},\nNanos: 0,\n}} "
            "before 0001-01-01"
        ),
    ),
    "no authorization": (
        grant(send()),
        (
            f"no concrete type registered for type URL {SEND_URL} against interface "
            "*authz.Authorization"
        ),
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read(solo: Solo, name: str) -> None:
    message, text = UNREADABLE[name]
    answer = solo.check(solo.tx(GRANTER, message))
    assert (answer.codespace, answer.code) == ("sdk", 2)
    assert answer.log == f"{text}: tx parse error: tx parse error"


def test_any_message_of_a_type(solo: Solo) -> None:
    result = run(solo, GRANTER, grant(GENERIC))
    assert typed(result) == [_event("EventGrant")]
    result = run(solo, GRANTEE, execute(send(5), send(7)))
    assert result.code == 0, result.log
    assert solo.balance(OTHER) == 1_000_012
    marks = [
        [pair.value for pair in event.attributes if pair.key == "authz_msg_index"]
        for event in result.events
        if event.type == "transfer"
    ]
    assert marks == [["0"], ["1"]]
    data = abci_pb2.TxMsgData.FromString(result.data).msg_responses[0]
    assert list(tx_pb2.MsgExecResponse.FromString(data.value).results) == [b"", b""]


def test_one_s_own_messages_need_no_grant(solo: Solo) -> None:
    assert run(solo, GRANTEE, execute(send(5, GRANTEE))).code == 0
    assert solo.balance(GRANTEE) == 999_995


@pytest.mark.parametrize(("levels", "code"), [(9, 0), (10, 2)])
def test_how_deep_messages_may_be(solo: Solo, levels: int, code: int) -> None:
    message: Message = send(5, GRANTEE)
    for _ in range(levels):
        message = execute(message)
    result = solo.check(solo.tx(GRANTEE, message))
    assert result.code == code
    if code:
        assert result.log == "max depth exceeded: tx parse error: tx parse error"


def test_up_to_a_limit_and_to_some_only(solo: Solo) -> None:
    granted(solo, limited(100, to=(GRANTEE, OTHER)), 10**6)
    assert run(solo, GRANTEE, execute(send(40))).code == 0
    other = run(solo, GRANTEE, execute(send(4, to=STRANGER)))
    assert reason(other) == (
        "sdk",
        4,
        f"cannot send to {STRANGER.address} address: unauthorized",
    )
    more = run(solo, GRANTEE, execute(send(61)))
    assert reason(more) == (
        "sdk",
        5,
        "requested amount is more than spend limit: insufficient funds",
    )
    grant_left = next(value for key, value in stored(solo).items() if key[:1] == b"\x01")
    left = authz_pb2.Grant.FromString(grant_left)
    assert left.authorization == pack(limited(60, to=(GRANTEE, OTHER)))
    assert left.expiration.seconds == GENESIS_TIME + 10**6
    last = run(solo, GRANTEE, execute(send(60)))
    assert typed(last) == [_event("EventRevoke")]
    assert [key[:1] for key in stored(solo)] == [b"\x02"]
    gone = run(solo, GRANTEE, execute(send(1)))
    assert reason(gone) == ("authz", 2, NOT_GRANTED.format(SEND_URL))


def test_an_end_by_the_granter(solo: Solo) -> None:
    granted(solo, GENERIC)
    assert typed(run(solo, GRANTER, revoke())) == [_event("EventRevoke")]
    assert stored(solo) == {}
    again = run(solo, GRANTER, revoke())
    key = b"\x01\x14" + GRANTER.raw_address + b"\x14" + GRANTEE.raw_address + SEND_URL.encode()
    text = f"failed to delete grant with key {gojson.text(key)}: authorization not found"
    assert reason(again) == ("authz", 2, text)


def _queue(solo: Solo) -> list[list[str]]:
    items = [value for key, value in stored(solo).items() if key[:1] == b"\x02"]
    return [list(authz_pb2.GrantQueueItem.FromString(item).msg_type_urls) for item in items]


def test_the_queue_follows_the_expiry(solo: Solo) -> None:
    multi = authz_pb2.GenericAuthorization(msg=MULTI_URL)
    granted(solo, GENERIC, 1000)
    granted(solo, GENERIC, 1000)
    assert _queue(solo) == [[SEND_URL]]
    granted(solo, multi, 1000)
    assert _queue(solo) == [[SEND_URL, MULTI_URL]]
    granted(solo, GENERIC, 2000)
    assert _queue(solo) == [[MULTI_URL], [SEND_URL]]
    granted(solo, GENERIC)
    assert _queue(solo) == [[MULTI_URL], []]
    assert run(solo, GRANTER, revoke(MULTI_URL)).code == 0
    assert _queue(solo) == [[], []]


def test_what_has_expired_is_removed_when_a_block_begins(solo: Solo) -> None:
    granted(solo, GENERIC, 20)
    assert run(solo, GRANTEE, execute(send())).code == 0
    assert run(solo, GRANTEE, execute(send())).code == 0
    result = run(solo, GRANTEE, execute(send()))
    assert reason(result) == ("authz", 2, NOT_GRANTED.format(SEND_URL))
    assert stored(solo) == {}


def test_a_grantee_without_an_account_gets_one(solo: Solo) -> None:
    granted(solo, GENERIC, None, STRANGER.address)
    assert solo.app.auth.account(solo.app.context_at(0), STRANGER.address) is not None


def test_a_module_gets_no_account_by_a_grant(solo: Solo) -> None:
    module = solo.app.auth.module_address("mint")
    result = run(solo, GRANTER, grant(GENERIC, None, module))
    text = f"{module} is not allowed to receive funds: unauthorized"
    assert reason(result) == ("sdk", 4, text)


def test_queries(solo: Solo) -> None:
    granted(solo, GENERIC, 1000)
    grants = query_pb2.QueryGrantsRequest(granter=GRANTER.address, grantee=GRANTEE.address)
    answer = solo.query(QUERY + "Grants", grants)
    found = query_pb2.QueryGrantsResponse.FromString(answer.value)
    expected = grant(GENERIC, 1000).grant
    assert (list(found.grants), found.pagination.total) == ([expected], 1)
    grants.msg_type_url = SEND_URL
    answer = solo.query(QUERY + "Grants", grants)
    assert list(query_pb2.QueryGrantsResponse.FromString(answer.value).grants) == [expected]
    whole = authz_pb2.GrantAuthorization(
        granter=GRANTER.address,
        grantee=GRANTEE.address,
        authorization=expected.authorization,
        expiration=expected.expiration,
    )
    answer = solo.query(
        QUERY + "GranterGrants", query_pb2.QueryGranterGrantsRequest(granter=GRANTER.address)
    )
    by_granter = query_pb2.QueryGranterGrantsResponse.FromString(answer.value)
    assert list(by_granter.grants) == [whole]
    for person, listed in ((GRANTEE, [whole]), (OTHER, [])):
        request = query_pb2.QueryGranteeGrantsRequest(grantee=person.address)
        answer = solo.query(QUERY + "GranteeGrants", request)
        by_grantee = query_pb2.QueryGranteeGrantsResponse.FromString(answer.value)
        assert list(by_grantee.grants) == listed


@pytest.mark.parametrize(
    ("granter", "url", "code", "text"),
    [
        (
            GRANTER.address,
            "/x.Y",
            6,
            "authorization not found for /x.Y type: authorization not found: unknown request",
        ),
        ("", "", 18, "empty address string is not allowed: invalid request"),
    ],
)
def test_queries_refused(solo: Solo, granter: str, url: str, code: int, text: str) -> None:
    request = query_pb2.QueryGrantsRequest(
        granter=granter, grantee=GRANTEE.address, msg_type_url=url
    )
    answer = solo.query(QUERY + "Grants", request)
    assert (answer.code, answer.log) == (code, text)


def test_the_genesis_holds_them(solo: Solo) -> None:
    granted(solo, GENERIC, 10**6)
    granted(solo, authz_pb2.GenericAuthorization(msg=MULTI_URL))
    state = solo.app.export_genesis()
    again = Solo(state)
    again.block()
    assert stored(again) == stored(solo)


def test_the_genesis_leaves_out_what_has_expired(solo: Solo) -> None:
    granted(solo, GENERIC, 10**6)
    state = solo.app.export_genesis()
    state["authz"]["authorization"][0]["expiration"] = "2020-01-01T00:00:00Z"
    again = Solo(state)
    again.block()
    assert stored(again) == {}
