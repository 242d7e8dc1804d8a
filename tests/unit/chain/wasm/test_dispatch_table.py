"""The twenty cases of wasmd's dispatcher test (``x/wasm/keeper/msg_dispatcher_test.go``), under their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from chain.context import Context, Mode
from chain.errors import INVALID_REQUEST, AbciError
from chain.events import Event
from chain.gas import GasMeter
from chain.modules.wasm import wire
from chain.modules.wasm.dispatch import Dispatcher
from chain.modules.wasm.keeper import Instance
from chain.modules.wasm.messenger import Outcome
from chain.store.branch import Branch
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb
from cosmos_pb.google.protobuf import any_pb2
from light_client.values import Timestamp

Reply = Mapping[str, Any]
Replier = Callable[[Context, Reply], bytes | None]
Handler = Callable[[Context], Outcome]

FOO = Event.of("myEvent", foo="bar")
CONTRACT = Instance("contract", b"\x01" * 32, wasm_pb.ContractInfo(), wasm_pb.CodeInfo())


def sub(reply_on: Any, number: int = 0, msg: Any = None, **fields: Any) -> wire.SubMsg:
    return wire.SubMsg(msg or wire.CosmosMsg(), reply_on, number, **fields)


def returns(*data: bytes, events: tuple[Event, ...] = (), cost: int = 0) -> Handler:
    def handle(ctx: Context) -> Outcome:
        ctx.gas.consume(cost, "testing")
        ctx.events.extend(events)
        return Outcome(tuple(any_pb2.Any(value=each) for each in data))

    return handle


def fails(*events: Event) -> Handler:
    def handle(ctx: Context) -> Outcome:
        ctx.events.extend(events)
        raise INVALID_REQUEST("my error")

    return handle


def nobody(_: Context, __: Reply) -> bytes | None:
    raise AssertionError("the contract is told of what it did not ask for")


def says(data: bytes | None, *events: Event) -> Replier:
    def reply(ctx: Context, _: Reply) -> bytes | None:
        ctx.events.extend(events)
        return data

    return reply


def refuses(_: Context, __: Reply) -> bytes | None:
    raise INVALID_REQUEST("reply failed")


def names(*answers: bytes | None) -> Replier:
    return lambda _, reply: answers[reply["id"] - 1]


def echoes(kinds: list[str], *events: Event, payload: bytes | None = None) -> Replier:
    """Checks the types of the events it is shown, and gives back the data."""

    def reply(ctx: Context, told: Reply) -> bytes | None:
        assert [event["type"] for event in told["result"]["ok"]["events"]] == kinds
        assert told.get("payload") == payload
        ctx.events.extend(events)
        data: bytes | None = told["result"]["ok"].get("data")
        return data

    return reply


@dataclass(frozen=True)
class Case:
    messages: list[wire.SubMsg]
    reply: Replier
    handle: Handler
    commits: list[bool]
    data: bytes | None = None
    events: tuple[Event, ...] = ()
    fails: bool = False


WASM = wire.CosmosMsg(wasm=wire.WasmMsg())
ANY = wire.CosmosMsg(any=wire.AnyMsg())
EXECUTE, RANDOM = Event.of("execute", _contract_address="x"), Event.of("wasm", random="data")
TOLD = Event.of("wasm-reply")
NEVER_TWICE = [sub("never", 1), sub("never", 2)]
ERROR_TWICE = [sub("error", 1), sub("error", 2)]

CASES = {
    "no reply on error without error": Case([sub("error")], nobody, returns(b"myData"), [True]),
    "no reply on success without success": Case(
        [sub("success")], nobody, fails(), [False], fails=True
    ),
    "reply on success - received": Case(
        [sub("success")], says(b"myReplyData"), returns(b"myData"), [True], b"myReplyData"
    ),
    "reply on error - handled": Case(
        [sub("error")], says(b"myReplyData"), fails(), [False], b"myReplyData"
    ),
    "with reply events": Case(
        [sub("success")],
        says(b"myReplyData", TOLD),
        returns(b"myData", events=(FOO,)),
        [True],
        b"myReplyData",
        (FOO, TOLD),
    ),
    "with context events - released on commit": Case(
        [sub("never")], nobody, returns(events=(FOO,)), [True], events=(FOO,)
    ),
    "with context events - discarded on failure": Case(
        [sub("never")], nobody, fails(FOO), [False], fails=True
    ),
    "reply returns error": Case([sub("success")], refuses, returns(), [True], fails=True),
    "with gas limit - out of gas": Case(
        [sub("error", gas_limit=1)],
        says(b"myReplyData"),
        returns(b"someData", cost=101),
        [False],
        b"myReplyData",
    ),
    "with gas limit - within limit no error": Case(
        [sub("error", gas_limit=1)], nobody, returns(b"someData", cost=1), [True]
    ),
    "never reply - with nil response": Case(NEVER_TWICE, nobody, returns(), [True, True]),
    "never reply - with any non nil response": Case(
        NEVER_TWICE, nobody, returns(b""), [True, True]
    ),
    "never reply - with error": Case(NEVER_TWICE, nobody, fails(), [False], fails=True),
    "multiple msg - last reply returned": Case(
        ERROR_TWICE, names(b"1", b"2"), fails(), [False, False], b"2"
    ),
    "multiple msg - last non nil reply returned": Case(
        ERROR_TWICE, names(b"1", None), fails(), [False, False], b"1"
    ),
    "multiple msg - empty reply can overwrite result": Case(
        ERROR_TWICE, names(b"1", b""), fails(), [False, False], b""
    ),
    "message event filtered without reply": Case(
        [sub("never")],
        nobody,
        returns(b"myData", events=(Event.of("message"), FOO)),
        [True],
        events=(FOO,),
    ),
    "wasm reply gets proper events": Case(
        [sub("always", 1, WASM)],
        echoes(["execute", "wasm"], TOLD),
        returns(b"subData", events=(Event.of("message"), EXECUTE, RANDOM)),
        [True],
        b"subData",
        (EXECUTE, RANDOM, TOLD),
    ),
    "wasm reply gets payload": Case(
        [sub("always", 1, WASM, payload=b"payloadData")],
        echoes([], payload=b"payloadData"),
        returns(),
        [True],
    ),
    "non-wasm reply events get filtered": Case(
        [sub("always", 1, ANY)],
        echoes([], TOLD),
        returns(b"subData", events=(Event.of("message"), Event.of("non-deterministic"))),
        [True],
        b"subData",
        (Event.of("non-deterministic"), TOLD),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_dispatch(case: Case) -> None:
    tried = 0

    def messenger(inner: Context, _: Instance, __: wire.CosmosMsg) -> Outcome:
        nonlocal tried
        inner.store.set("wasm", bytes([tried := tried + 1]), b"done")
        return case.handle(inner)

    ctx = _context()
    dispatch = Dispatcher(lambda inner, _, reply, __: case.reply(inner, reply), messenger)
    response = wire.Response(messages=case.messages)
    if case.fails:
        with pytest.raises(AbciError):
            dispatch(ctx, CONTRACT, response, None)
    else:
        assert dispatch(ctx, CONTRACT, response, None) == case.data
        assert tuple(ctx.events.events) == case.events
    committed = [ctx.store.get("wasm", bytes([each + 1])) is not None for each in range(tried)]
    assert committed == case.commits


def test_the_contracts_own_data_stays_where_no_reply_sets_any() -> None:
    dispatch = Dispatcher(lambda *_: None, lambda *_: Outcome())
    response = wire.Response(messages=[sub("always")])
    assert dispatch(_context(), CONTRACT, response, b"own") == b"own"


def _context() -> Context:
    store = Branch(MultiStore(MemoryDatabase(), ["wasm"]).snapshot())
    return Context("test-1", 1, Timestamp(1, 0), store, GasMeter(100), Mode.DELIVER)
