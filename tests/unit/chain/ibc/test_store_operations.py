"""What each message reads and writes in the IBC store, in number as ibc-go v10.5 does it: gas depends on it.

The lists follow ``modules/core/{keeper,02-client,03-connection,04-channel}/keeper`` and ``07-tendermint``. Two chains
of ours and two of wasmd v0.61, driven by the same relayer, used the same gas for all of these messages, apart from the
lengths of heights and balances.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.ibc_v2 import LinkV2, ack_of, linked_v2
from helpers.ibc_v2 import packet_of as packet_of_v2
from helpers.ibc_world import Link, MiniChain, attribute, linked, packet_of

from chain.gas import GasKV
from chain.modules.transfer.callbacks import Contracts
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2
from cosmos_pb.ibc.core.client.v2 import tx_pb2 as client_tx
from light_client.codec import height_to_pb
from light_client.values import ZERO_HEIGHT, Height

_NAMES = (
    (r"clients/[^/]+/clientState", "client"),
    (r"clients/[^/]+/consensusStates/[0-9-]+", "consensus"),
    (r"clients/[^/]+/consensusStates/[0-9-]+/processed(Time|Height)", "processed"),
    (r"clients/[^/]+/iterateConsensusStates[\s\S]{16}", "iteration"),
    (r"clients/[^/]+/(creator|config|connections|counterparty)", r"\1"),
    (r"connections/[^/]+", "connection"),
    (r"channelEnds/.*", "channel"),
    (r"(nextSequence\w+|recvStartSequence|commitments|receipts|acks)/.*", r"\1"),
    (r"07-tendermint-0\x01[\s\S]{8}", "commitment"),
    (r"07-tendermint-0\x02[\s\S]{8}", "receipt"),
    (r"07-tendermint-0\x03[\s\S]{8}", "ack"),
)
_ACTIVE = ["get clientParams", "get client", "get consensus"]
_PROOF = [*_ACTIVE, "get client", "get consensus"]
_OPENED = [f"set nextSequence{kind}" for kind in ("Send", "Recv", "Ack")]

EXPECTED: dict[str, list[str]] = {
    "MsgCreateClient": [
        *["get nextClientSequence", "set nextClientSequence", "get clientParams"],
        *["set client", "set consensus", "set processed", "set processed", "set iteration"],
        *["get client", "get consensus", "get client", "set creator"],
    ],
    "MsgUpdateClient": [
        *["get config", *_ACTIVE, "get client", "get consensus"],
        *["get client", "get consensus", "seek", "get consensus", "seek"],
        *["get client", "seek", "get consensus", "get consensus"],
        *["set client", "set consensus", "set processed", "set processed", "set iteration"],
    ],
    "MsgConnectionOpenInit": [
        *[*_ACTIVE, "get nextConnectionSequence", "set nextConnectionSequence"],
        *["get client", "get connections", "set connections", "set connection"],
    ],
    "MsgConnectionOpenTry": [
        *["get nextConnectionSequence", "set nextConnectionSequence", *_PROOF],
        *["get client", "get connections", "set connections", "set connection"],
    ],
    "MsgConnectionOpenAck": ["get connection", *_PROOF, "set connection"],
    "MsgConnectionOpenConfirm": ["get connection", *_PROOF, "set connection"],
    "MsgChannelOpenInit": [
        *["get connection", *_ACTIVE, "get nextChannelSequence", "set nextChannelSequence"],
        *["set channel", *_OPENED],
    ],
    "MsgChannelOpenTry": [
        *["get nextChannelSequence", "set nextChannelSequence", "get connection", *_PROOF],
        *[*_OPENED, "set channel"],
    ],
    "MsgChannelOpenAck": ["get channel", "get connection", *_PROOF, "get channel", "set channel"],
    "MsgChannelOpenConfirm": [
        *["get channel", "get connection", *_PROOF, "get channel", "set channel"],
    ],
    "MsgTransfer": [
        *["get channel", "get channel", "get nextSequenceSend", "get connection", *_ACTIVE],
        *["get clientParams", "get client", *_ACTIVE],
        *["set nextSequenceSend", "set commitments", "get channel"],
    ],
    "MsgRecvPacket": [
        *["get channel", "get connection", "get connectionParams", *_PROOF],
        *["get recvStartSequence", "get receipts", "set receipts", "get channel"],
        *["get channel", "get recvStartSequence", "has acks", "set acks"],
    ],
    "MsgAcknowledgement": [
        *["get channel", "get connection", "get commitments", "get connectionParams", *_PROOF],
        *["delete commitments", "get channel"],
    ],
    "MsgTimeout": [
        *["get channel", "get connection", *_ACTIVE, "get commitments", "get connectionParams"],
        *[*_PROOF, "delete commitments", "get channel"],
    ],
}
"""The last look at the channel of the packet messages is that of ibc-callbacks, which asks for its version."""

EXPECTED_V2: dict[str, list[str]] = {
    "MsgRegisterCounterparty": [
        *["get creator", "get counterparty", "set counterparty", "set nextSequenceSend"],
    ],
    "MsgUpdateClientConfig": ["get creator", "set config"],
    "MsgTransfer": [
        *["get channel", "get counterparty", "get nextSequenceSend", *_ACTIVE],
        *["get clientParams", "get client", *_ACTIVE],
        *["set nextSequenceSend", "set commitment"],
    ],
    "MsgRecvPacket": [
        *["get config", "get counterparty", "has receipt", *_PROOF, "set receipt"],
        *["get counterparty", "get ack", "get receipt", "set ack"],
    ],
    "MsgAcknowledgement": [
        *["get config", "get counterparty", "get commitment", *_PROOF, "delete commitment"],
    ],
    "MsgTimeout": [
        *["get config", "get counterparty", *_ACTIVE, "get commitment", *_PROOF],
        "delete commitment",
    ],
}
"""``modules/core/{keeper,02-client/v2,04-channel/v2}/keeper``."""


class Recorder:
    """The operations on the IBC store, by message."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_message: dict[str, Counter[str]] = {}
        self._current: list[str] = []
        for name in ("get", "has", "set", "delete"):
            self._watch(monkeypatch, name)
        seek: Any = GasKV._seek

        def sought(kv: GasKV, *pair: bytes) -> None:
            self._current.append("seek")
            seek(kv, *pair)

        monkeypatch.setattr(GasKV, "_seek", sought)
        run = MiniChain.run

        def ran(chain: MiniChain, message: Message, ctx: Any = None) -> Any:
            self._current.clear()
            result = run(chain, message, ctx)
            name = str(message.DESCRIPTOR.name)
            self.by_message.setdefault(name, Counter(self._current))
            return result

        monkeypatch.setattr(MiniChain, "run", ran)

    def _watch(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        original: Any = getattr(GasKV, name)

        def watched(kv: Any, key: bytes, *rest: bytes) -> Any:
            if kv._name == "ibc":
                self._current.append(f"{name} {_kind(key.decode('latin1'))}")
            return original(kv, key, *rest)

        monkeypatch.setattr(GasKV, name, watched)


def _kind(key: str) -> str:
    for pattern, name in _NAMES:
        found = re.fullmatch(pattern, key)
        if found:
            return found.expand(name)
    return key


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Counter[str]]]:
    """A packet each way that a packet can end, over a connection and a channel made for it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        recorder = Recorder(monkeypatch)
        link = linked()
        link.open_channel("transfer")
        for end in (link.a, link.b):
            nobody: Any = type("Nobody", (), {"panics": ()})()
            contracts: Contracts = nobody
            end.chain.transfer.call_back(contracts)
        _relay(link)
        yield recorder.by_message


def _relay(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    a.fund(a.user, "1000stake")
    sent = packet_of(a.run(_transfer(link, Height(9, 1))).events)
    link.update(link.b)
    received = b.run(link.recv(link.b, sent))
    ack = bytes.fromhex(attribute(received.events, "write_acknowledgement", "packet_ack_hex"))
    link.update(link.a)
    a.run(link.acknowledge(link.a, sent, ack))
    late = packet_of(a.run(_transfer(link, b.revised(b.height + 1))).events)
    for _ in range(3):
        b.commit()
    link.update(link.a)
    a.run(link.timeout(link.a, late))


def _transfer(link: Link, timeout: Height) -> tx_pb2.MsgTransfer:
    return tx_pb2.MsgTransfer(
        source_port="transfer",
        source_channel="channel-0",
        token=coin_pb2.Coin(denom="stake", amount="10"),
        sender=link.a.chain.user,
        receiver=link.b.chain.user,
        timeout_height=height_to_pb(timeout),
    )


@pytest.mark.parametrize("message", EXPECTED)
def test_operations(seen: dict[str, Counter[str]], message: str) -> None:
    assert seen[message] == Counter(EXPECTED[message])


@pytest.fixture(scope="module")
def seen_v2() -> Iterator[dict[str, Counter[str]]]:
    """The same over clients alone."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        recorder = Recorder(monkeypatch)
        link = linked_v2()
        a, b = link.a.chain, link.b.chain
        a.fund(a.user, "1000stake")
        sent = packet_of_v2(a.run(_transfer_v2(link, 600)).events)
        late = packet_of_v2(a.run(_transfer_v2(link, 60)).events)
        link.update(link.b)
        received = b.run(link.receiving(link.b, sent))
        link.update(link.a)
        a.run(link.acknowledging(link.a, sent, ack_of(received.events)))
        link.update(link.a, seconds=90)
        a.run(link.timing_out(link.a, late))
        a.run(client_tx.MsgUpdateClientConfig(client_id=link.a.client, signer=link.a.signer))
        yield recorder.by_message


def _transfer_v2(link: LinkV2, seconds: int) -> tx_pb2.MsgTransfer:
    message = _transfer(link, ZERO_HEIGHT)
    message.source_channel = link.a.client
    message.timeout_timestamp = link.a.chain.clock.ns // 10**9 + seconds
    return message


@pytest.mark.parametrize("message", EXPECTED_V2)
def test_operations_of_v2(seen_v2: dict[str, Counter[str]], message: str) -> None:
    assert seen_v2[message] == Counter(EXPECTED_V2[message])
