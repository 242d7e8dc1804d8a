"""Contracts that hear of transfers: who is called, with which gas, and what a failure does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from helpers.ibc_world import End, Link, linked, packet_of
from unit.chain.transfer.test_transfer import SUCCESS, VOUCHER, message, relay

from chain.context import Context
from chain.errors import AbciError, OutOfGas, unregistered
from chain.gas import GasMeter
from chain.modules.ibc import Acknowledgement
from light_client.packet import Packet

WRITING = 2_000 + 30 * len(b"heard" + b"yes")
"""Gas of what a listener writes."""


class Panic(AbciError):
    """A panic that is not about gas."""


@dataclass
class Listener:
    """Contracts that remember what they heard. ``uses`` gas, and raises ``failure`` after that."""

    panics: type[AbciError] = Panic
    heard: list[tuple[Any, ...]] = field(default_factory=list)
    uses: int = 1_000
    failure: AbciError | None = None

    def sending(self, contract: str, sender: str) -> None:
        self.heard.append(("sending", contract, sender))
        if self.failure:
            raise self.failure

    def acknowledged(
        self, ctx: Context, packet: Packet, ack: bytes, relayer: str, contract: str, sender: str
    ) -> None:
        self._hear(ctx, "acknowledged", packet.sequence, ack, relayer, contract, sender)

    def timed_out(
        self, ctx: Context, packet: Packet, relayer: str, contract: str, sender: str
    ) -> None:
        self._hear(ctx, "timed out", packet.sequence, relayer, contract, sender)

    def received(self, ctx: Context, packet: Packet, ack: Acknowledgement, contract: str) -> None:
        self._hear(ctx, "received", packet.sequence, ack.data, contract)

    def _hear(self, ctx: Context, *call: Any) -> None:
        self.heard.append(call)
        ctx.emit("heard", what=str(call[0]))
        ctx.kv("transfer").set(b"heard", b"yes")
        ctx.gas.consume(self.uses, "listening")
        if self.failure:
            raise self.failure


@pytest.fixture
def link() -> Link:
    made = linked()
    made.open_channel("transfer")
    made.a.chain.fund(made.a.chain.user, "1000stake")
    return made


def listen(end: End, **fields: Any) -> Listener:
    listener = Listener(**fields)
    end.chain.transfer.call_back(listener)
    return listener


def memo(**sides: dict[str, Any]) -> str:
    return json.dumps({f"{side}_callback": wanted for side, wanted in sides.items()})


def sent(link: Link, text: str) -> Packet:
    made = link.a.chain.run(message(link.a, link.b.chain.user, 10, "stake", memo=text))
    return packet_of(made.events)


def told(events: Any, side: str) -> dict[str, str]:
    [found] = [event for event in events if event.type == f"ibc_{side}_callback"]
    return dict(found.attributes)


def test_the_source_hears_of_its_packet_and_of_the_acknowledgement(link: Link) -> None:
    listener = listen(link.a)
    user = link.a.chain.user
    made = link.a.chain.run(
        message(link.a, link.b.chain.user, 10, "stake", memo=memo(src={"address": user}))
    )
    assert told(made.events, "src") == {
        "module": "ibccallbacks",
        "callback_type": "send_packet",
        "callback_address": user,
        "callback_exec_gas_limit": "1000000",
        "callback_commit_gas_limit": "1000000",
        "packet_sequence": "1",
        "callback_base_application_version": "ics20-1",
        "callback_result": "success",
        "packet_src_port": "transfer",
        "packet_src_channel": "channel-0",
    }
    assert [event.type for event in made.events][-3:] == [
        "ibc_src_callback",
        "ibc_transfer",
        "message",
    ]
    ack, _, done = relay(link, link.a, packet_of(made.events))
    assert listener.heard == [
        ("sending", user, user),
        ("acknowledged", 1, ack, link.a.signer, user, user),
    ]
    assert told(done.events, "src")["callback_type"] == "acknowledgement_packet"
    assert any(event.type == "heard" for event in done.events)


def test_the_destination_hears_of_what_arrived(link: Link) -> None:
    listener = listen(link.b)
    packet = sent(link, memo(dest={"address": "anybody", "gas_limit": "5000"}))
    ack, received, _ = relay(link, link.a, packet)
    assert ack == SUCCESS
    assert listener.heard == [("received", 1, SUCCESS, "anybody")]
    about = told(received.events, "dest")
    assert (about["callback_commit_gas_limit"], about["callback_result"]) == ("5000", "success")
    assert (about["packet_dest_port"], about["packet_dest_channel"]) == ("transfer", "channel-0")


def test_a_destination_that_refuses_sends_the_tokens_back(link: Link) -> None:
    listener = listen(link.b, failure=unregistered("no, thanks"))
    packet = sent(link, memo(dest={"address": "anybody"}))
    ack, received, _ = relay(link, link.a, packet)
    assert json.loads(ack)["error"].startswith("ABCI code: 1: ")
    assert listener.heard
    assert link.b.chain.balance(link.b.chain.user, VOUCHER.local) == 0
    assert link.a.chain.balance(link.a.chain.user, "stake") == 1000
    [about] = [e for e in received.events if e.type == "ibccallbackerror-ibc_dest_callback"]
    assert ("ibccallbackerror-callback_error", "no, thanks") in about.attributes


def test_a_source_that_fails_stops_nothing(link: Link) -> None:
    user = link.a.chain.user
    packet = sent(link, memo(src={"address": user}))
    for failure, text in (
        (unregistered("no"), "no"),
        (
            Panic("undefined", 111222, "trap"),
            "ibc acknowledgement_packet callback panicked with: {trap}: callback panic",
        ),
    ):
        listener = listen(link.a, failure=failure)
        ctx = link.a.chain.context()
        link.a.chain.transfer.on_acknowledgement_packet(ctx, packet, SUCCESS, "relayer")
        assert listener.heard
        assert ctx.kv("transfer").get(b"heard") is None
        about = told(ctx.events.events, "src")
        assert (about["callback_result"], about["callback_error"]) == ("failure", text)
        assert "heard" not in kinds(ctx)


def kinds(ctx: Context) -> list[str]:
    return [event.type for event in ctx.events.events]


def test_the_source_hears_of_a_timeout(link: Link) -> None:
    user = link.a.chain.user
    packet = sent(link, memo(src={"address": user}))
    listener = listen(link.a)
    ctx = link.a.chain.context()
    link.a.chain.transfer.on_timeout_packet(ctx, packet, "relayer")
    assert listener.heard == [("timed out", 1, "relayer", user, user)]
    assert told(ctx.events.events, "src")["callback_type"] == "timeout_packet"
    assert ctx.kv("transfer").get(b"heard") == b"yes"


@pytest.mark.parametrize(
    ("limit", "left", "uses", "end"),
    [
        ("5000", 1_000_000, 4_999, "success"),
        ("5000", 1_000_000, 5_000, "success"),
        ("5000", 1_000_000, 5_001, "ibc timeout_packet callback out of gas: callback out of gas"),
        ("900000", 500_000, 450_000, "success"),
        ("900000", 500_000, 600_000, None),
    ],
)
def test_a_callback_has_its_own_gas(
    link: Link, limit: str, left: int, uses: int, end: str | None
) -> None:
    """``end`` None: the relayer brought too little, and the whole transaction fails."""
    packet = sent(link, memo(src={"address": link.a.chain.user, "gas_limit": limit}))

    def time_out(uses: int, left: int | None) -> Context:
        listen(link.a, uses=uses - WRITING)
        ctx = link.a.chain.context().fork(GasMeter(left))
        link.a.chain.transfer.on_timeout_packet(ctx, packet, "relayer")
        return ctx

    if end is None:
        with pytest.raises(OutOfGas, match="commitGasLimit: 900000"):
            time_out(uses, left)
        return
    without = time_out(WRITING, None).gas.consumed - WRITING
    ctx = time_out(uses, left)
    about = told(ctx.events.events, "src")
    assert about.get("callback_error", about["callback_result"]) == end
    assert ctx.gas.consumed - without == min(uses, int(limit))


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({}, "invalid callback data"),
        ({"address": 1}, "invalid callback data"),
        ({"address": "  "}, "invalid callback data"),
        ({"address": "a", "gas_limit": 1}, "gas limit [1"),
        ({"address": "a", "gas_limit": "x"}, 'parsing "x": invalid syntax'),
        ({"address": "a", "gas_limit": "-1"}, 'parsing "-1": invalid syntax'),
        ({"address": "a", "gas_limit": str(2**64)}, "value out of range"),
        ({"address": "a", "calldata": 1}, "calldata must be a string"),
        ({"address": "a", "calldata": "0"}, "calldata must be a valid hex string"),
    ],
)
def test_a_malformed_callback_is_no_transfer(link: Link, wanted: dict[str, Any], text: str) -> None:
    packet = sent(link, memo(dest=wanted))
    listener = listen(link.a)
    with pytest.raises(AbciError) as caught:
        sent(link, memo(src=wanted))
    assert (caught.value.codespace, caught.value.code) == ("ibccallbacks", 8)
    assert text in caught.value.log
    listen(link.b)
    ack, _, _ = relay(link, link.a, packet)
    assert json.loads(ack)["error"].startswith("ABCI code: 8: ")
    assert not listener.heard


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "null",
        "[]",
        '{"src_callback":{"address":"a"}',
        '{"src_callback":"a"}',
        '{"src_callback":null}',
        '{"src_callback":{"address":"a"},"other":1e400}',
        '{"SRC_CALLBACK":{"address":"a"}}',
        '{"src_callback":{"address":"a"},"src_callback":1}',
    ],
)
def test_other_memos_call_nobody(link: Link, text: str) -> None:
    listener = listen(link.a)
    sent(link, text)
    assert not listener.heard


def test_odd_memos_call_somebody(link: Link) -> None:
    for odd in (
        '{"src_callback":{"address":"a","gas_limit":"","calldata":""},"n":1.5}',
        ' {"src_callback":1,"src_callback":{"address":"a","gas_limit":"007"}} ',
    ):
        listener = listen(link.a)
        sent(link, odd)
        assert len(listener.heard) == 1


def test_a_sender_that_is_refused_sends_nothing(link: Link) -> None:
    listen(link.a, failure=unregistered("not you"))
    with pytest.raises(AbciError, match="not you"):
        sent(link, memo(src={"address": "a"}))
    assert link.a.chain.balance(link.a.chain.user, "stake") == 1000
