"""Whatever a chain is sent, message by message and query by query: an answer, and never a fault of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from helpers.chains import Solo, genesis
from helpers.inputs import ALICE, TEXT, messages
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chain.errors import AbciError, GenesisError, StoreError
from chain.modules.transfer import packet
from chain.node.genesis import Genesis
from chain.store import node
from chain.vm import VM
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from light_client.values import Timestamp

PANIC: Final = 111222
MANY: Final = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
EACH: Final = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
"""For what is done with every message and every method."""


@pytest.fixture(scope="module")
def solo() -> Iterator[Solo]:
    vm = VM()
    chain = Solo(genesis({ALICE: "1000000stake"}), vm=vm)
    chain.block()
    yield chain
    vm.close()


def test_every_message_has_an_outcome(solo: Solo) -> None:
    for url, service in sorted(solo.app.messages.services.items()):

        @EACH
        @given(messages(service.message))
        def attempt(message: Message) -> None:
            tx = solo.tx(ALICE, message, gas=2_000_000)
            checked = solo.check(tx)
            (result,) = solo.block(tx)
            assert PANIC not in (checked.code, result.code), (url, checked.log, result.log)  # noqa: B023

        attempt()


def test_every_query_has_an_answer(solo: Solo) -> None:
    for path, method in sorted(solo.app.queries.methods.items()):

        @EACH
        @given(messages(method.request), st.sampled_from([0, 1, 2, -1, 2**63 - 1]))
        def attempt(request: Message, height: int) -> None:
            answer = solo.query(path, request, height=height)  # noqa: B023
            assert answer.code != PANIC, (path, answer.log)  # noqa: B023

        attempt()


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
