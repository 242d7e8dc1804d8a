"""Grants to delegate and to transfer tokens. Codes, texts and gas are those of wasmd 0.61.14 for the same messages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person, pack
from helpers.chains import Solo, genesis

from chain.errors import AbciError
from chain.gas import GasMeter
from chain.modules.authz.kinds import Decision
from chain.modules.staking.authorizations import STAKE
from chain.modules.transfer.authorizations import TRANSFER, UNBOUNDED
from cosmos_pb.cosmos.authz.v1beta1 import authz_pb2, query_pb2, tx_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.staking.v1beta1 import authz_pb2 as stake_pb
from cosmos_pb.cosmos.staking.v1beta1 import tx_pb2 as staking
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.transfer.v1 import authz_pb2 as transfer_pb
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import bech32

GRANTER, GRANTEE, OTHER = map(Person, ("granter", "grantee", "other"))
QUERY: Final = "/cosmos.authz.v1beta1.Query/"
DELEGATE, UNDELEGATE, REDELEGATE, CANCEL = range(1, 5)


def operator(person: Person) -> str:
    return bech32.encode("cosmosvaloper", person.raw_address)


VALIDATOR, UNKNOWN = operator(GRANTEE), operator(OTHER)
STAKING_STATE = {
    "validators": [
        {
            "operator_address": VALIDATOR,
            "consensus_pubkey": {"@type": "/cosmos.crypto.ed25519.PubKey", "key": "A" * 43 + "="},
            "status": "BOND_STATUS_BONDED",
            "tokens": "10",
            "delegator_shares": "10.000000000000000000",
            "description": {"moniker": "one"},
            "commission": {"commission_rates": {"rate": "0.1", "max_rate": "0.2"}},
        }
    ],
    "delegations": [
        {
            "delegator_address": OTHER.address,
            "validator_address": VALIDATOR,
            "shares": "10.000000000000000000",
        }
    ],
}


@pytest.fixture(scope="module")
def solo() -> Solo:
    state = genesis(dict.fromkeys((GRANTER, GRANTEE, OTHER), "100000000stake"))
    made = Solo({**state, "staking": STAKING_STATE})
    made.block()
    return made


def coin(amount: int | str, denom: str = "stake") -> coin_pb2.Coin:
    return coin_pb2.Coin(denom=denom, amount=str(amount))


def stake(
    kind: int,
    limit: coin_pb2.Coin | None = None,
    *,
    allowed: list[str] | None = None,
    denied: list[str] | None = None,
) -> stake_pb.StakeAuthorization:
    listed = stake_pb.StakeAuthorization.Validators
    return stake_pb.StakeAuthorization(
        authorization_type=kind,  # type: ignore[arg-type]
        max_tokens=limit,
        allow_list=None if allowed is None else listed(address=allowed),
        deny_list=None if denied is None else listed(address=denied),
    )


def allocation(
    channel: str = "channel-0",
    *limit: coin_pb2.Coin,
    port: str = "transfer",
    to: tuple[str, ...] = (),
    memos: tuple[str, ...] = (),
) -> transfer_pb.Allocation:
    return transfer_pb.Allocation(
        source_port=port,
        source_channel=channel,
        spend_limit=limit,
        allow_list=to,
        allowed_packet_data=memos,
    )


def over(*allocations: transfer_pb.Allocation) -> transfer_pb.TransferAuthorization:
    return transfer_pb.TransferAuthorization(allocations=allocations)


def grant(authorization: Message | any_pb2.Any) -> tx_pb2.MsgGrant:
    packed = authorization if isinstance(authorization, any_pb2.Any) else pack(authorization)
    inside = authz_pb2.Grant(authorization=packed)
    return tx_pb2.MsgGrant(granter=GRANTER.address, grantee=GRANTEE.address, grant=inside)


def execute(*messages: Message) -> tx_pb2.MsgExec:
    return tx_pb2.MsgExec(grantee=GRANTEE.address, msgs=map(pack, messages))


def run(solo: Solo, person: Person, *messages: Message) -> abci.ExecTxResult:
    return solo.block(solo.tx(person, *messages, gas=400_000))[0]


def reason(result: abci.ExecTxResult) -> tuple[str, int, str]:
    text = result.log.removeprefix("failed to execute message; message index: 0: ")
    return result.codespace, result.code, text


LIMITED = coin(100)
TYPE = "cannot normalize authz type with types.AuthorizationType: unknown authorization type"
NOT_GRANTED: dict[str, tuple[Message, str, int, str]] = {
    "for no type": (stake(0, LIMITED), "authz", 4, "unknown authorization type"),
    "for a type that is none": (
        stake(9, LIMITED),
        "undefined",
        111222,
        f"recovered: {TYPE}: panic",
    ),
    "of less than nothing": (
        stake(DELEGATE, coin(-1)),
        "authz",
        12,
        "negative coin amount: -1stake: max tokens should be positive",
    ),
    "over no channel": (
        over(),
        "transfer",
        10,
        "allocations cannot be empty: invalid transfer authorization",
    ),
    "over a channel twice": (
        over(allocation("channel-0", coin(1)), allocation("channel-0", coin(1))),
        "channel",
        4,
        "duplicate source channel ID: channel-0: invalid channel",
    ),
    "without a limit": (
        over(allocation("channel-0")),
        "ibc",
        6,
        "spend limit cannot be nil: invalid coins",
    ),
    "of nothing": (
        over(allocation("channel-0", coin(0))),
        "ibc",
        6,
        "invalid spend limit: coin 0stake amount is not positive: invalid coins",
    ),
    "of coins that are not sorted": (
        over(allocation("channel-0", coin(1), coin(1, "aaa"))),
        "ibc",
        6,
        "invalid spend limit: denomination aaa is not sorted: invalid coins",
    ),
    "of one denomination twice": (
        over(allocation("channel-0", coin(1), coin(1))),
        "ibc",
        6,
        "invalid spend limit: duplicate denomination stake: invalid coins",
    ),
    "of no denomination": (
        over(allocation("channel-0", coin(1, "!"))),
        "ibc",
        6,
        "invalid spend limit: invalid denom: !: invalid coins",
    ),
    "from no port": (
        over(allocation("channel-0", coin(1), port="!")),
        "host",
        2,
        (
            "invalid source port ID: identifier ! has invalid length: 1, must be between 2-128 "
            "characters: invalid identifier"
        ),
    ),
    "from an empty port": (
        over(allocation("channel-0", coin(1), port="")),
        "host",
        2,
        "invalid source port ID: identifier cannot be blank: invalid identifier",
    ),
    "over what is no channel": (
        over(allocation("channel-0", coin(1)), allocation("x", coin(1))),
        "host",
        2,
        (
            "invalid source channel ID: identifier x has invalid length: 1, must be between 8-64 "
            "characters: invalid identifier"
        ),
    ),
    "to somebody twice": (
        over(allocation("channel-0", coin(1), to=("a", "a"))),
        "transfer",
        10,
        "duplicate entry in allow list a: invalid transfer authorization",
    ),
}


@pytest.mark.parametrize("name", NOT_GRANTED)
def test_what_is_not_granted(solo: Solo, name: str) -> None:
    authorization, *expected = NOT_GRANTED[name]
    assert list(reason(run(solo, GRANTER, grant(authorization)))) == expected


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("/x.y.Authorization", "unable to resolve type URL /x.y.Authorization"),
        ("", "unable to resolve type URL "),
        (
            "/cosmos.bank.v1beta1.MsgSend",
            (
                "no concrete type registered for type URL /cosmos.bank.v1beta1.MsgSend against "
                "interface *authz.Authorization"
            ),
        ),
    ],
)
def test_what_is_no_authorization(solo: Solo, url: str, text: str) -> None:
    result = solo.check(solo.tx(GRANTER, grant(any_pb2.Any(type_url=url))))
    assert (result.code, result.log) == (2, f"{text}: tx parse error: tx parse error")


def test_an_amount_that_is_no_number_cannot_be_decoded(solo: Solo) -> None:
    result = solo.check(solo.tx(GRANTER, grant(stake(DELEGATE, coin("x")))))
    text = 'math/big: cannot unmarshal "x" into a *big.Int: tx parse error: tx parse error'
    assert (result.codespace, result.code, result.log) == ("sdk", 2, text)


GRANTED: dict[str, tuple[Message, str]] = {
    "to delegate": (stake(DELEGATE, LIMITED, allowed=[VALIDATOR]), "Delegate"),
    "no amount is zero": (stake(DELEGATE, coin_pb2.Coin(denom="stake")), "Delegate"),
    "to undelegate": (stake(UNDELEGATE, coin(0), allowed=["nobody", "nobody"]), "Undelegate"),
    "to redelegate": (stake(REDELEGATE), "BeginRedelegate"),
    "to cancel": (stake(CANCEL, coin(5, "!"), denied=[]), "CancelUnbondingDelegation"),
}


@pytest.mark.parametrize("name", GRANTED)
def test_what_is_granted_is_shown(solo: Solo, name: str) -> None:
    authorization, message = GRANTED[name]
    url = f"/cosmos.staking.v1beta1.Msg{message}"
    assert run(solo, GRANTER, grant(authorization)).code == 0
    request = query_pb2.QueryGrantsRequest(
        granter=GRANTER.address, grantee=GRANTEE.address, msg_type_url=url
    )
    answer = solo.query(f"{QUERY}Grants", request)
    (found,) = query_pb2.QueryGrantsResponse.FromString(answer.value).grants
    assert found.authorization == pack(authorization)
    revoke = tx_pb2.MsgRevoke(granter=GRANTER.address, grantee=GRANTEE.address, msg_type_url=url)
    assert run(solo, GRANTER, revoke).code == 0


# What becomes of a grant when it is used


def delegate(amount: int | str, to: str = VALIDATOR, denom: str = "stake") -> staking.MsgDelegate:
    return staking.MsgDelegate(
        delegator_address=GRANTER.address, validator_address=to, amount=coin(amount, denom)
    )


def redelegate(amount: int, source: str, target: str) -> staking.MsgBeginRedelegate:
    return staking.MsgBeginRedelegate(
        delegator_address=GRANTER.address,
        validator_src_address=source,
        validator_dst_address=target,
        amount=coin(amount),
    )


def send(
    amount: int = 5,
    channel: str = "channel-0",
    *,
    to: str = "r1",
    memo: str = "",
    denom: str = "stake",
    port: str = "transfer",
) -> transfer_tx.MsgTransfer:
    return transfer_tx.MsgTransfer(
        source_port=port,
        source_channel=channel,
        token=coin(amount, denom),
        sender=GRANTER.address,
        receiver=to,
        memo=memo,
        timeout_timestamp=2**62,
    )


TWO = over(
    allocation("channel-0", coin(10), to=("r1", "r2"), memos=("one", " two ")),
    allocation("channel-1", coin(UNBOUNDED), coin(5, "ucosm"), memos=("*",)),
)
REST = over(TWO.allocations[1])
STAKES: Final = stake(DELEGATE, LIMITED, allowed=[UNKNOWN, VALIDATOR])
USES: dict[str, tuple[Any, Message, Message, Decision, int]] = {
    "some tokens of a limit": (
        STAKE,
        STAKES,
        delegate(40),
        Decision(updated=stake(DELEGATE, coin(60), allowed=[UNKNOWN, VALIDATOR])),
        20,
    ),
    "the whole limit": (STAKE, STAKES, delegate(100, UNKNOWN), Decision(delete=True), 10),
    "any amount": (
        STAKE,
        stake(DELEGATE, denied=[UNKNOWN]),
        delegate(10**30),
        Decision(updated=stake(DELEGATE, denied=[UNKNOWN])),
        10,
    ),
    "the new validator counts": (
        STAKE,
        stake(REDELEGATE, coin(7), allowed=[VALIDATOR]),
        redelegate(7, UNKNOWN, VALIDATOR),
        Decision(delete=True),
        10,
    ),
    "some of an allocation": (
        TRANSFER,
        TWO,
        send(4, to="r2", memo="two"),
        Decision(
            updated=over(
                allocation("channel-0", coin(6), to=("r1", "r2"), memos=("one", " two ")),
                TWO.allocations[1],
            )
        ),
        120,
    ),
    "a whole allocation": (TRANSFER, TWO, send(10, memo="one"), Decision(updated=REST), 60),
    "of a limit without end": (TRANSFER, TWO, send(9, "channel-1", memo="any"), Decision(), 0),
    "the last allocation": (
        TRANSFER,
        over(allocation("channel-7", coin(10))),
        send(10, "channel-7", memo=" \t"),
        Decision(delete=True),
        0,
    ),
}


@pytest.mark.parametrize("name", USES)
def test_what_is_left_of_a_grant(name: str) -> None:
    kind, authorization, message, expected, cost = USES[name]
    gas = GasMeter()
    before = authorization.SerializeToString()
    assert kind.accept(SimpleNamespace(gas=gas), authorization, message) == expected
    assert gas.consumed == cost
    assert authorization.SerializeToString() == before


DENIED = "cannot delegate/undelegate to {} validator: unauthorized"
NOT_ACCEPTED: dict[str, tuple[Any, Message, Message, str, int, str]] = {
    "a validator that is not listed": (
        STAKE,
        stake(DELEGATE, allowed=[VALIDATOR]),
        delegate(5, UNKNOWN),
        "sdk",
        4,
        DENIED.format(UNKNOWN),
    ),
    "a validator that is denied": (
        STAKE,
        stake(DELEGATE, denied=[UNKNOWN, VALIDATOR]),
        delegate(5),
        "sdk",
        4,
        DENIED.format(VALIDATOR),
    ),
    "more than the limit": (
        STAKE,
        STAKES,
        delegate(101),
        "undefined",
        1,
        "negative coin amount: -1stake",
    ),
    "another denomination": (
        STAKE,
        STAKES,
        delegate(5, denom="ucosm"),
        "undefined",
        1,
        "invalid coin denoms: stake, ucosm",
    ),
    "no staking message": (STAKE, STAKES, send(), "sdk", 18, "unknown msg type: invalid request"),
    "no transfer": (TRANSFER, TWO, delegate(5), "ibc", 12, "type mismatch: invalid type"),
    "another channel": (
        TRANSFER,
        TWO,
        send(channel="channel-5"),
        "ibc",
        16,
        "requested port and channel allocation does not exist: not found",
    ),
    "another port": (
        TRANSFER,
        TWO,
        send(port="icahost"),
        "ibc",
        16,
        "requested port and channel allocation does not exist: not found",
    ),
    "another receiver": (
        TRANSFER,
        TWO,
        send(to="r3", memo="one"),
        "ibc",
        5,
        "not allowed receiver address for transfer: invalid address",
    ),
    "another memo": (
        TRANSFER,
        TWO,
        send(memo="three"),
        "transfer",
        10,
        "not allowed memo: three: invalid transfer authorization",
    ),
    "a memo": (
        TRANSFER,
        over(allocation("channel-0", coin(5))),
        send(memo="x"),
        "transfer",
        10,
        (
            "memo must be empty because allowed packet data in allocation is empty: "
            "invalid transfer authorization"
        ),
    ),
    "more than is allocated": (
        TRANSFER,
        TWO,
        send(11, memo="one"),
        "ibc",
        3,
        "requested amount of token stake is more than spend limit: insufficient funds",
    ),
    "another token": (
        TRANSFER,
        TWO,
        send(6, "channel-1", denom="ucosm"),
        "ibc",
        3,
        "requested amount of token ucosm is more than spend limit: insufficient funds",
    ),
}


@pytest.mark.parametrize("name", NOT_ACCEPTED)
def test_what_a_grant_does_not_allow(name: str) -> None:
    kind, authorization, message, *expected = NOT_ACCEPTED[name]
    with pytest.raises(AbciError) as refused:
        kind.accept(SimpleNamespace(gas=GasMeter()), authorization, message)
    error = refused.value
    assert [error.codespace, error.code, error.log] == expected


# Messages of staking


def unbond(to: str = VALIDATOR, amount: int = 5, denom: str = "stake") -> staking.MsgUndelegate:
    return staking.MsgUndelegate(
        delegator_address=GRANTER.address, validator_address=to, amount=coin(amount, denom)
    )


def cancel(to: str = VALIDATOR, height: int = 5) -> staking.MsgCancelUnbondingDelegation:
    return staking.MsgCancelUnbondingDelegation(
        delegator_address=GRANTER.address,
        validator_address=to,
        amount=coin(5),
        creation_height=height,
    )


NO_DELEGATION: Final = ("staking", 19, "no delegation for (address, validator) tuple")
NO_VALIDATOR: Final = ("staking", 3, "validator does not exist")
NO_ADDRESS: Final = "decoding bech32 failed: invalid bech32 string length 1: invalid address"
REFUSED: dict[str, tuple[Message, str, int, str]] = {
    "to an unknown validator": (delegate(5, UNKNOWN), *NO_VALIDATOR),
    "to no address": (delegate(5, "x"), "sdk", 7, f"invalid validator address: {NO_ADDRESS}"),
    "to an account": (
        delegate(5, OTHER.address),
        "sdk",
        7,
        (
            "invalid validator address: hrp does not match bech32 prefix: expected "
            "'cosmosvaloper' got 'cosmos': internal logic error: invalid address"
        ),
    ),
    "nothing": (delegate(0), "sdk", 18, "invalid delegation amount: invalid request"),
    "no amount": (
        staking.MsgDelegate(delegator_address=GRANTER.address, validator_address=VALIDATOR),
        "sdk",
        18,
        "invalid delegation amount: invalid request",
    ),
    "another coin": (
        delegate(5, denom="ucosm"),
        "sdk",
        18,
        "invalid coin denomination: got ucosm, expected stake: invalid request",
    ),
    "back what is not there": (unbond(), *NO_DELEGATION),
    "back another coin": (unbond(denom="ucosm"), *NO_DELEGATION),
    "back from an unknown validator": (unbond(UNKNOWN), *NO_VALIDATOR),
    "back nothing": (unbond(amount=0), "sdk", 18, "invalid shares amount: invalid request"),
    "over what is not there": (redelegate(5, VALIDATOR, VALIDATOR), *NO_DELEGATION),
    "over from no address": (
        redelegate(5, "x", VALIDATOR),
        "sdk",
        7,
        f"invalid source validator address: {NO_ADDRESS}",
    ),
    "over to no address": (
        redelegate(5, VALIDATOR, "x"),
        "sdk",
        7,
        f"invalid destination validator address: {NO_ADDRESS}",
    ),
    "what is not unbonding": (
        cancel(),
        "undefined",
        1,
        (
            "rpc error: code = NotFound desc = unbonding delegation with delegator "
            f"{GRANTER.address} not found for validator {VALIDATOR}"
        ),
    ),
    "of no height": (cancel(height=0), "sdk", 18, "invalid height: invalid request"),
    "of an unknown validator": (cancel(UNKNOWN), *NO_VALIDATOR),
}


@pytest.mark.parametrize("name", REFUSED)
def test_delegating_is_refused_as_the_sdk_refuses_it(solo: Solo, name: str) -> None:
    message, *expected = REFUSED[name]
    assert list(reason(run(solo, GRANTER, message))) == expected


def test_what_the_sdk_would_do_is_not_supported(solo: Solo) -> None:
    text = "delegations of this chain are those of its genesis: feature not supported"
    own = unbond()
    own.delegator_address = OTHER.address
    to_itself = redelegate(5, VALIDATOR, VALIDATOR)
    to_unknown = redelegate(5, VALIDATOR, UNKNOWN)
    to_itself.delegator_address = to_unknown.delegator_address = OTHER.address
    assert reason(run(solo, GRANTER, delegate(5))) == ("sdk", 37, text)
    assert reason(run(solo, OTHER, own)) == ("sdk", 37, text)
    assert reason(run(solo, OTHER, to_itself))[:2] == ("staking", 29)
    assert reason(run(solo, OTHER, to_unknown))[:2] == ("staking", 31)


def test_a_refused_message_uses_nothing_of_a_grant(solo: Solo) -> None:
    authorization = stake(DELEGATE, LIMITED, denied=[OTHER.address])
    assert run(solo, GRANTER, grant(authorization)).code == 0
    result = run(solo, GRANTEE, execute(delegate(5, UNKNOWN)))
    assert reason(result)[:2] == ("staking", 3)
    assert "failed to execute message; message delegator_address:" in result.log
    request = query_pb2.QueryGrantsRequest(granter=GRANTER.address, grantee=GRANTEE.address)
    answer = solo.query(f"{QUERY}Grants", request)
    (found,) = query_pb2.QueryGrantsResponse.FromString(answer.value).grants
    assert found.authorization == pack(authorization)
