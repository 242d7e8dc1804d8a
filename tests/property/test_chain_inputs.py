"""Whatever a chain is sent, message by message and query by query: an answer, and never a fault of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.chains import Solo, genesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chain.errors import AbciError, GenesisError, StoreError
from chain.modules.transfer import packet
from chain.node.genesis import Genesis
from chain.store import node
from chain.vm import VM
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.lightclients.tendermint.v1 import tendermint_pb2
from light_client.values import Timestamp

PANIC: Final = 111222
ALICE: Final = Person("alice")
MANY: Final = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))

WORDS: Final = (
    *("", "stake", "ibc/00", "transfer/channel-0/stake", "transfer", "wasm.x", "channel-0"),
    *("connection-0", "07-tendermint-0", "07-tendermint", "09-localhost", "0-1", "1-1", "ics20-1"),
    *("0", "1", "-1", "1.5", "18446744073709551616", "9" * 80, "a" * 129, "%s", "\x00", "ü"),
)
TEXT: Final = st.sampled_from([*WORDS, ALICE.address]) | st.text(max_size=8)
SIGNERS: Final = ("signer", "sender", "from_address", "authority", "admin", "creator")
SIGNER: Final = st.sampled_from([ALICE.address] * 7 + ["", "cosmos1x"])
BOUNDS: Final = {
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (0, 7),
}
PACKED: Final = (
    tendermint_pb2.ClientState,
    tendermint_pb2.ConsensusState,
    tendermint_pb2.Header,
    tendermint_pb2.Misbehaviour,
)
DEPTH: Final = 5
LIKELY: Final[dict[str, tuple[Any, ...]]] = {
    "port": ("transfer", "wasm.x"),
    "channel": ("channel-0",),
    "client_id": ("07-tendermint-0",),
    "connection": ("connection-0",),
    "address": (ALICE.address,),
    "receiver": (ALICE.address,),
    "denom": ("stake",),
    "amount": ("1",),
    "proof": (b"\x0a\x00",),
    "msg": (b"{}",),
    "label": ("label",),
    "code_id": (1,),
    "chain_id": ("test-1",),
}
"""What a field with such a name mostly holds, so that messages get past their first checks."""


def scalar(draw: st.DrawFn, field: Any) -> Any:
    likely: tuple[Any, ...] = next(
        (held for part, held in LIKELY.items() if part in field.name), ()
    )
    fits = [each for each in likely if isinstance(each, type(field.default_value))]
    if fits and draw(st.integers(0, 3)) > 0:
        return draw(st.sampled_from(fits))
    if field.cpp_type in BOUNDS:
        low, high = BOUNDS[field.cpp_type]
        return draw(st.sampled_from([0, 1, 2, 5, low, high]) | st.integers(low, high))
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return draw(st.booleans())
    if field.type == FieldDescriptor.TYPE_BYTES:
        return draw(st.binary(max_size=40))
    return draw(SIGNER if field.name in SIGNERS else TEXT)


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 0) -> Message:
    """A message of this kind, with something in most of its fields."""
    if kind is any_pb2.Any:
        inner = draw(messages(draw(st.sampled_from(PACKED)), depth + 1))
        url = f"/{inner.DESCRIPTOR.full_name}"
        return any_pb2.Any(type_url=url, value=inner.SerializeToString())
    made = kind()
    for field in kind.DESCRIPTOR.fields:
        if draw(st.integers(0, 5)) == 0:
            continue
        count = draw(st.integers(0, 2)) if field.is_repeated else 1
        for _ in range(count):
            put(draw, made, field, depth)
    return made


def put(draw: st.DrawFn, made: Message, field: Any, depth: int) -> None:
    held: Any = getattr(made, field.name)
    if field.message_type is None:
        value = scalar(draw, field)
        held.append(value) if field.is_repeated else setattr(made, field.name, value)
    elif field.message_type.GetOptions().map_entry or depth >= DEPTH:
        return
    else:
        target = held.add() if field.is_repeated else held
        target.MergeFrom(draw(messages(type(target), depth + 1)))


@pytest.fixture(scope="module")
def solo() -> Iterator[Solo]:
    vm = VM()
    chain = Solo(genesis({ALICE: "1000000stake"}), vm=vm)
    chain.block()
    yield chain
    vm.close()


@MANY
@given(st.data())
def test_any_message_has_an_outcome(solo: Solo, data: st.DataObject) -> None:
    services = solo.app.messages.services
    service = services[data.draw(st.sampled_from(sorted(services)), label="message")]
    message = data.draw(messages(service.message))
    tx = solo.tx(ALICE, message, gas=2_000_000)
    checked = solo.check(tx)
    (result,) = solo.block(tx)
    assert PANIC not in (checked.code, result.code), (checked.log, result.log)


@MANY
@given(st.data())
def test_any_query_has_an_answer(solo: Solo, data: st.DataObject) -> None:
    methods = solo.app.queries.methods
    path = data.draw(st.sampled_from(sorted(methods)), label="path")
    request = data.draw(messages(methods[path].request))
    answer = solo.query(path, request)
    assert answer.code != PANIC, answer.log


@MANY
@given(
    st.sampled_from(["", "/", "/store", "/store/ibc/key", "/store/x/key", "/store/ibc/subspace"])
    | st.sampled_from(["/app/simulate", "/app/version", "/app", "/p2p/filter", "/x.Query/Y"])
    | st.text(max_size=12),
    st.binary(max_size=40),
    st.sampled_from([0, 1, 2, 5, -1, 2**63 - 1]),
    st.booleans(),
)
def test_any_path_has_an_answer(
    solo: Solo, path: str, raw: bytes, height: int, prove: bool
) -> None:
    answer = solo.query(path, raw, height=height, prove=prove)
    assert answer.code != PANIC, answer.log


@pytest.fixture(scope="module")
def send(solo: Solo) -> bytes:
    one = coin_pb2.Coin(denom="stake", amount="1")
    message = tx_pb2.MsgSend(from_address=ALICE.address, to_address=ALICE.address, amount=[one])
    return solo.tx(ALICE, message)


@MANY
@given(st.data())
def test_any_transaction_bytes_have_an_outcome(
    solo: Solo, send: bytes, data: st.DataObject
) -> None:
    raw = bytearray(send)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    checked = solo.check(bytes(raw))
    (result,) = solo.block(bytes(raw))
    assert PANIC not in (checked.code, result.code), (checked.log, result.log)


@MANY
@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
@example(b'{"denom":"a","amount":"1","sender":"x","receiver":"y","memo":1}')
@example(b"[" * 100_000)
def test_any_packet_data_is_a_transfer_or_refused(raw: bytes) -> None:
    with suppress(AbciError):
        packet.unmarshal(raw).validate()


@MANY
@given(st.integers(0, 2**64 - 1), st.binary(max_size=80))
def test_any_bytes_are_a_node_or_refused(identifier: int, raw: bytes) -> None:
    with suppress(StoreError):
        assert node.encode(node.decode(identifier, raw)) is not None


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
DOCUMENT: Final = Genesis("test-1", Timestamp(1), ()).to_json()


@MANY
@given(st.dictionaries(st.sampled_from(sorted(DOCUMENT)), JSON) | JSON)
def test_any_document_is_a_genesis_or_refused(changes: Any) -> None:
    document = {**DOCUMENT, **changes} if isinstance(changes, dict) else changes
    with suppress(GenesisError):
        Genesis.from_json(document)
