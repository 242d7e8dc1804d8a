"""Whatever a chain may be sent: strategies for messages of any type and JSON of any shape, and a node that takes it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.rest import RestClient, rest_chain
from hypothesis import strategies as st
from yarl import URL

from chain.node import httprule
from cosmos_pb import message_class
from cosmos_pb.google.protobuf import any_pb2

ALICE: Final = Person("alice")

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
PACKED: Final = tuple(
    message_class(name)
    for name in (
        *(f"ibc.lightclients.tendermint.v1.{name}" for name in ("ClientState", "ConsensusState", "Header")),
        "ibc.lightclients.tendermint.v1.Misbehaviour",
        *(f"cosmos.crypto.{name}" for name in ("secp256k1.PubKey", "ed25519.PubKey", "multisig.LegacyAminoPubKey")),
        *(f"cosmos.feegrant.v1beta1.{name}Allowance" for name in ("Basic", "Periodic", "AllowedMsg")),
        *(f"cosmwasm.wasm.v1.{name}Authorization" for name in ("ContractExecution", "ContractMigration", "StoreCode")),
        *(f"cosmwasm.wasm.v1.{name}Limit" for name in ("Combined", "MaxCalls", "MaxFunds")),
        *(f"cosmwasm.wasm.v1.{name}Filter" for name in ("AcceptedMessageKeys", "AcceptedMessages", "AllowAllMessages")),
        *("cosmos.authz.v1beta1.GenericAuthorization", "cosmos.bank.v1beta1.SendAuthorization"),
        *("cosmos.bank.v1beta1.MsgSend", "cosmos.authz.v1beta1.MsgExec", "cosmwasm.wasm.v1.MsgExecuteContract"),
    )
)  # fmt: skip
"""What an Any holds: client states, keys, allowances, authorizations with their limits and filters, messages."""
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


GIANT: Final = 200_000
scalars = st.one_of(
    TEXT,
    st.sampled_from(["\u0000", "'", '"', "{", "%s", "../..", "9" * 400, "-0", "1e9"]),
    st.sampled_from([10, 1000, GIANT]).map("A".__mul__),
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


class Failures(logging.Handler):
    """What our own code reports of itself: none of it is the client's fault."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))

    @contextmanager
    def listening(self) -> Iterator[None]:
        root = logging.getLogger()
        root.addHandler(self)
        yield
        root.removeHandler(self)


class Loop:
    """A chain and its client, and the event loop where they live."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self._chain = rest_chain()
        self.client: RestClient = self.runner.run(self._chain.__aenter__())
        self.methods = self.client.node._queries().methods
        self.routes = httprule.routes(self.methods)

    def ask(self, verb: str, path: str, **options: Any) -> tuple[int, Any]:
        """The status and the JSON of a REST answer."""
        status, text = self.http(verb, self.client.node.rest_url + path, **options)
        return status, json.loads(text)

    def http(self, verb: str, url: str, **options: Any) -> tuple[int, str]:
        async def asked() -> tuple[int, str]:
            call = self.client.session.request(verb, URL(url, encoded=True), **options)
            async with call as response:
                return response.status, await response.text()

        return self.runner.run(asked())

    def close(self) -> None:
        self.runner.run(self._chain.__aexit__(None, None, None))
        self.runner.close()
