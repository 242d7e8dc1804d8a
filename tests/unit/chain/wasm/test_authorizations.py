"""Grants for contracts and codes. Codes and texts are those of wasmd 0.61.14 for the same grants and messages."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person, pack
from helpers.chains import Solo, genesis

from chain.context import Context
from chain.errors import AbciError
from chain.modules.auth.module import Auth
from chain.modules.authz.kinds import Decision, Kind
from chain.modules.wasm.authorizations import kinds
from chain.modules.wasm.validate import Validator
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import authz_pb2 as pb
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as tx
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2
from light_client import bech32

ALICE = Person("alice")
CONTRACT = bech32.encode("cosmos", bytes(32))
TRANSFER = b'{"transfer":{"amount":"1"}}'
CODE = b"\0asm\x01\0\0\0"
STORE, EXECUTION, MIGRATION = kinds(Validator(Auth("cosmos", {})))

ALL = pb.AllowAllMessagesFilter()
ONCE = pb.MaxCallsLimit(remaining=1)


@pytest.fixture(scope="module")
def ctx() -> Context:
    solo = Solo(genesis({ALICE: "1stake"}))
    solo.block()
    return solo.app.context_at(0)


def coins(*amounts: int) -> list[coin_pb2.Coin]:
    return [coin_pb2.Coin(denom="stake", amount=str(amount)) for amount in amounts]


def calls(remaining: int) -> pb.MaxCallsLimit:
    return pb.MaxCallsLimit(remaining=remaining)


def funds(*amounts: int) -> pb.MaxFundsLimit:
    return pb.MaxFundsLimit(amounts=coins(*amounts))


def both(remaining: int, *amounts: int) -> pb.CombinedLimit:
    return pb.CombinedLimit(calls_remaining=remaining, amounts=coins(*amounts))


def keys(*names: str) -> pb.AcceptedMessageKeysFilter:
    return pb.AcceptedMessageKeysFilter(keys=names)


def exactly(*messages: bytes) -> pb.AcceptedMessagesFilter:
    return pb.AcceptedMessagesFilter(messages=messages)


def one(
    limit: Message | None, filter_: Message | None = ALL, contract: str = CONTRACT
) -> pb.ContractGrant:
    return pb.ContractGrant(
        contract=contract,
        limit=None if limit is None else pack(limit),
        filter=None if filter_ is None else pack(filter_),
    )


def execution(*grants: pb.ContractGrant) -> pb.ContractExecutionAuthorization:
    return pb.ContractExecutionAuthorization(grants=grants)


def call(message: bytes = TRANSFER, *amounts: int, contract: str = CONTRACT) -> Message:
    return tx.MsgExecuteContract(
        sender=ALICE.address, contract=contract, msg=message, funds=coins(*amounts)
    )


def refusal(kind: Kind, authorization: Message) -> tuple[str, int, str]:
    with pytest.raises(AbciError) as refused:
        kind.validate(authorization)
    return refused.value.codespace, refused.value.code, refused.value.log


INVALID: dict[str, tuple[Message, str, int, str]] = {
    "nothing": (execution(), "wasm", 12, "grants: empty"),
    "no limit": (
        execution(one(None)),
        "sdk",
        29,
        "position 0: limit: undefined limit: invalid type",
    ),
    "no filter": (
        execution(one(ONCE, None)),
        "sdk",
        29,
        "position 0: filter: undefined filter: invalid type",
    ),
    "no contract": (
        execution(one(ONCE, contract="x")),
        "undefined",
        1,
        "position 0: contract: decoding bech32 failed: invalid bech32 string length 1",
    ),
    "no calls": (
        execution(one(calls(0))),
        "wasm",
        12,
        "position 0: limit: remaining calls: empty",
    ),
    "no funds": (execution(one(funds())), "wasm", 12, "position 0: limit: amounts: empty"),
    "funds of zero": (
        execution(one(funds(0))),
        "undefined",
        1,
        "position 0: limit: coin 0stake amount is not positive",
    ),
    "neither calls nor funds": (
        execution(one(both(0, 1))),
        "wasm",
        12,
        "position 0: limit: remaining calls: empty",
    ),
    "calls without funds": (
        execution(one(both(1, 0))),
        "wasm",
        12,
        "position 0: limit: amounts: empty",
    ),
    "calls and a coin twice": (
        execution(one(both(1, 1, 1))),
        "undefined",
        1,
        "position 0: limit: amounts: duplicate denomination stake",
    ),
    "no keys": (execution(one(ONCE, keys())), "wasm", 12, "position 0: filter: keys: empty"),
    "an empty key": (
        execution(one(ONCE, keys(""))),
        "wasm",
        12,
        "position 0: filter: key: empty",
    ),
    "space around a key": (
        execution(one(ONCE, keys(" a"))),
        "wasm",
        14,
        'position 0: filter: key " a" contains whitespaces: invalid',
    ),
    "a key twice": (
        execution(one(ONCE, keys("a", "a"))),
        "wasm",
        15,
        'position 0: filter: key "a": duplicate',
    ),
    "no messages": (
        execution(one(ONCE, exactly())),
        "wasm",
        12,
        "position 0: filter: messages: empty",
    ),
    "an empty message": (
        execution(one(ONCE, exactly(b""))),
        "wasm",
        12,
        "position 0: filter: message: empty",
    ),
    "no JSON": (execution(one(ONCE, exactly(b"{"))), "wasm", 14, "position 0: filter: invalid"),
    "a message twice": (
        execution(one(ONCE, exactly(b"{}", b"{}"))),
        "wasm",
        15,
        "position 0: filter: message: duplicate",
    ),
    "the second": (
        execution(one(ONCE), one(calls(0))),
        "wasm",
        12,
        "position 1: limit: remaining calls: empty",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid(name: str) -> None:
    authorization, codespace, code, text = INVALID[name]
    assert refusal(EXECUTION, authorization) == (codespace, code, text)


def test_valid() -> None:
    EXECUTION.validate(
        execution(
            one(calls(2), keys("a", "b")),
            one(funds(1), exactly(b"{}")),
            one(both(1, 1), ALL),
        )
    )


NO = Decision(accept=False)

DECIDED: dict[str, tuple[pb.ContractExecutionAuthorization, Message, Decision]] = {
    "one of two calls": (
        execution(one(calls(2))),
        call(),
        Decision(updated=execution(one(ONCE))),
    ),
    "the last call": (execution(one(ONCE)), call(), Decision(delete=True)),
    "a call with funds": (execution(one(ONCE)), call(TRANSFER, 1), NO),
    "another contract": (execution(one(ONCE)), call(contract=ALICE.address), NO),
    "no funds": (execution(one(funds(10))), call(), Decision()),
    "some funds": (
        execution(one(funds(10))),
        call(TRANSFER, 4),
        Decision(updated=execution(one(funds(6)))),
    ),
    "all funds": (execution(one(funds(10))), call(TRANSFER, 10), Decision(delete=True)),
    "more funds": (execution(one(funds(10))), call(TRANSFER, 11), NO),
    "a call and funds": (
        execution(one(both(3, 10))),
        call(TRANSFER, 4),
        Decision(updated=execution(one(both(2, 6)))),
    ),
    "a call and all funds": (
        execution(one(both(3, 10))),
        call(TRANSFER, 10),
        Decision(delete=True),
    ),
    "the last of both": (execution(one(both(1, 10))), call(), Decision(delete=True)),
    "more of both": (execution(one(both(3, 10))), call(TRANSFER, 11), NO),
    "a key": (execution(one(ONCE, keys("x", "transfer"))), call(), Decision(delete=True)),
    "another key": (execution(one(ONCE, keys("burn"))), call(), NO),
    "two keys": (
        execution(one(ONCE, keys("a", "b"))),
        call(b'{"a":1,"b":2}'),
        NO,
    ),
    "a key twice": (
        execution(one(ONCE, keys("a"))),
        call(b'{"a":1,"a":2}'),
        Decision(delete=True),
    ),
    "no object": (execution(one(ONCE, keys("a"))), call(b'["a"]'), NO),
    "a message": (execution(one(ONCE, exactly(TRANSFER))), call(), Decision(delete=True)),
    "nearly that message": (execution(one(ONCE, exactly(TRANSFER + b" "))), call(), NO),
    "the second grant": (
        execution(one(ONCE, keys("burn")), one(calls(2))),
        call(),
        Decision(updated=execution(one(ONCE, keys("burn")), one(ONCE))),
    ),
    "one grant used up": (
        execution(one(ONCE), one(calls(2), keys("burn"))),
        call(),
        Decision(updated=execution(one(calls(2), keys("burn")))),
    ),
}


@pytest.mark.parametrize("name", DECIDED)
def test_decided(ctx: Context, name: str) -> None:
    authorization, message, decision = DECIDED[name]
    before = pb.ContractExecutionAuthorization.FromString(authorization.SerializeToString())
    assert EXECUTION.accept(ctx, authorization, message) == decision
    assert authorization == before


UNDECIDED: dict[str, tuple[pb.ContractGrant, str, int, str]] = {
    "no limit": (one(None), "sdk", 38, "limit: undefined limit: not found"),
    "no filter": (one(ONCE, None), "sdk", 38, "filter: undefined filter: not found"),
    "no calls": (one(calls(0)), "sdk", 4, "limit: no calls left: unauthorized"),
    "no calls and funds": (one(both(0, 1)), "sdk", 4, "limit: no calls left: unauthorized"),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_grants_that_never_could_be_made(ctx: Context, name: str) -> None:
    grant, codespace, code, text = UNDECIDED[name]
    with pytest.raises(AbciError) as refused:
        EXECUTION.accept(ctx, execution(grant), call())
    found = refused.value
    assert (found.codespace, found.code, found.log) == (codespace, code, text)


_PAID = len
"""Of what is read: a gas a byte."""


def _free(_: bytes) -> int:
    return 0


@pytest.mark.parametrize(
    ("filter_", "message", "passes", "gas"),
    [
        (ALL, b"{}", True, _free),
        (ALL, b"[{},{}]", True, _free),
        (keys("foo"), b'{"foo": "bar"}', True, _PAID),
        (keys("foo", "other"), b'{"other": "value"}', True, _PAID),
        (keys("foo"), b'{"bar": "value"}', False, _PAID),
        (keys("foo", "other"), b'[{"foo":"bar"}]', False, _PAID),
        (exactly(b"{}"), b"{}", True, _free),
        (exactly(b'[{"foo":"bar"}]', b'{"other":"value"}'), b'[{"foo":"bar"}]', True, _free),
        (exactly(b'{"foo":"bar"}'), b'{"other":"value"}', False, _free),
        (ALL, b'{"other":"value"}', True, _free),
    ],
    ids=[
        "allow all - accepts json obj",
        "allow all - accepts json array",
        "allowed key - single",
        "allowed key - multiple",
        "allowed key - non accepted key",
        "allowed key - unsupported array msg",
        "allow message - single",
        "allow message - multiple",
        "allow message - no match",
        "allow all message - always accept valid",
    ],
)
def test_what_filters_pass_and_cost(
    ctx: Context,
    filter_: Message,
    message: bytes,
    passes: bool,
    gas: Callable[[bytes], int],
) -> None:
    """The rows of ``TestContractAuthzFilterAccept`` (``x/wasm/types/authz_test.go``)."""
    before = ctx.gas.consumed
    decision = EXECUTION.accept(ctx, execution(one(ONCE, filter_)), call(message))
    assert decision.accept == passes
    assert ctx.gas.consumed - before == gas(message)


def test_keys_are_not_looked_for_in_what_is_no_json(ctx: Context) -> None:
    """What is no JSON gets to the other filters in no message: ``validate`` refuses it before."""
    with pytest.raises(AbciError, match="not an allowed msg"):
        EXECUTION.accept(ctx, execution(one(ONCE, keys("foo", "other"))), call(b"not a json msg"))
    with pytest.raises(AbciError, match="invalid"):
        Validator(Auth("cosmos", {})).execute(
            tx.MsgExecuteContract(sender=ALICE.address, contract=CONTRACT, msg=b"not json")
        )


def test_migrations_have_no_funds(ctx: Context) -> None:
    migrate = tx.MsgMigrateContract(
        sender=ALICE.address, contract=CONTRACT, code_id=1, msg=TRANSFER
    )
    authorization = pb.ContractMigrationAuthorization(grants=[one(funds(1))])
    assert MIGRATION.url(authorization) == "/cosmwasm.wasm.v1.MsgMigrateContract"
    assert MIGRATION.accept(ctx, authorization, migrate) == Decision()
    counted = pb.ContractMigrationAuthorization(grants=[one(calls(2))])
    left = pb.ContractMigrationAuthorization(grants=[one(ONCE)])
    assert MIGRATION.accept(ctx, counted, migrate) == Decision(updated=left)


@pytest.mark.parametrize(
    ("grant", "text"),
    [
        (
            one(ALL),
            (
                "limit: no concrete type registered for type URL "
                "/cosmwasm.wasm.v1.AllowAllMessagesFilter against interface "
                "*types.ContractAuthzLimitX"
            ),
        ),
        (
            one(ONCE, ONCE),
            (
                "filter: no concrete type registered for type URL /cosmwasm.wasm.v1.MaxCallsLimit "
                "against interface *types.ContractAuthzFilterX"
            ),
        ),
    ],
)
def test_what_cannot_be_read(grant: pb.ContractGrant, text: str) -> None:
    with pytest.raises(AbciError) as refused:
        EXECUTION.check(execution(grant), 9)
    assert refused.value.code == 2
    assert refused.value.log == f"{text}: tx parse error: tx parse error"


# Codes


def access(permission: types_pb2.AccessType.ValueType) -> types_pb2.AccessConfig:
    return types_pb2.AccessConfig(permission=permission)


NOBODY = access(types_pb2.ACCESS_TYPE_NOBODY)
EVERYBODY = access(types_pb2.ACCESS_TYPE_EVERYBODY)
HASH = sha256(CODE).digest()


def codes(*grants: pb.CodeGrant) -> pb.StoreCodeAuthorization:
    return pb.StoreCodeAuthorization(grants=grants)


def code(hash_: bytes = HASH, permission: Any = None) -> pb.CodeGrant:
    return pb.CodeGrant(code_hash=hash_, instantiate_permission=permission)


def store(content: bytes = CODE, permission: Any = NOBODY) -> tx.MsgStoreCode:
    return tx.MsgStoreCode(
        sender=ALICE.address, wasm_byte_code=content, instantiate_permission=permission
    )


@pytest.mark.parametrize(
    ("authorization", "code_number", "text"),
    [
        (codes(), 12, "grants: empty"),
        (codes(code(b"")), 12, "position 0: code hash: empty"),
        (
            codes(code(HASH, access(types_pb2.ACCESS_TYPE_UNSPECIFIED))),
            12,
            "position 0: type: empty",
        ),
        (
            codes(code(b"*"), code()),
            18,
            "cannot have multiple grants when wildcard grant is one of them: invalid request",
        ),
        (
            codes(code(), code()),
            18,
            "cannot have multiple grants with same code hash: invalid request",
        ),
    ],
)
def test_invalid_for_codes(authorization: Message, code_number: int, text: str) -> None:
    assert refusal(STORE, authorization)[1:] == (code_number, text)


@pytest.mark.parametrize(
    ("authorization", "message", "accepted"),
    [
        (codes(code()), store(), True),
        (codes(code()), store(gzip.compress(CODE)), True),
        (codes(code()), store(CODE + b"\0"), False),
        (codes(code(b"*")), store(CODE + b"\0"), True),
        (codes(code(HASH, NOBODY)), store(), True),
        (codes(code(HASH, NOBODY)), store(CODE, EVERYBODY), False),
        (codes(code(bytes(32)), code(HASH, EVERYBODY)), store(), True),
    ],
)
def test_codes(ctx: Context, authorization: Message, message: Message, *, accepted: bool) -> None:
    STORE.validate(authorization)
    assert STORE.accept(ctx, authorization, message) == Decision(accept=accepted)


@pytest.mark.parametrize(
    ("message", "code_number", "text"),
    [
        (store(b"abcdef"), 18, "checksum: invalid request"),
        (
            store(gzip.compress(CODE)[:-12]),
            18,
            "uncompress wasm archive: invalid request",
        ),
        (
            store(CODE, None),
            111222,
            "recovered: runtime error: invalid memory address or nil pointer dereference: panic",
        ),
    ],
)
def test_codes_refused(ctx: Context, message: Message, code_number: int, text: str) -> None:
    with pytest.raises(AbciError) as refused:
        STORE.accept(ctx, codes(code(HASH, NOBODY)), message)
    assert (refused.value.code, refused.value.log) == (code_number, text)
