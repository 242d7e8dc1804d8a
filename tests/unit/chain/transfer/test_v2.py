"""ICS-20 over IBC v2 between two chains: out, back, refunds, encodings, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.ibc_v2 import LinkV2, ack_of, linked_v2, packet_of
from helpers.ibc_world import End, MiniChain
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import AbciError
from chain.events import Event
from chain.modules.ibc.v2.port import FAILURE, Delivery
from chain.modules.transfer import Denom, Hop, TransferData, encodings, escrow_address
from chain.modules.transfer.v2 import TransferV2
from chain.router import MessageResult
from cosmos_pb.ibc.applications.transfer.v1 import packet_pb2, transfer_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as tx
from light_client import abi
from light_client.packet_v2 import ERROR_ACKNOWLEDGEMENT, PacketV2, Payload

CLIENT = "07-tendermint-0"
SUCCESS = b'{"result":"AQ=="}'
VOUCHER = Denom("stake", (Hop("transfer", CLIENT),))
ENCODINGS = [encodings.JSON, encodings.PROTOBUF, encodings.ABI]


@pytest.fixture
def link() -> LinkV2:
    made = linked_v2()
    made.a.chain.fund(made.a.chain.user, "1000stake", "5a/b/c")
    return made


def message(end: End, receiver: str, amount: int, denom: str, **changes: Any) -> tx.MsgTransfer:
    values: dict[str, Any] = {
        "source_port": "transfer",
        "source_channel": end.client,
        "token": {"denom": denom, "amount": str(amount)},
        "sender": end.chain.user,
        "receiver": receiver,
        "timeout_timestamp": end.chain.clock.ns // 10**9 + 60,
    }
    return tx.MsgTransfer(**{**values, **changes})


def relay(
    link: LinkV2, source: End, packet: PacketV2
) -> tuple[bytes, MessageResult, MessageResult]:
    """Receive on the other side and acknowledge here; the acknowledgement and both results."""
    destination = link.other(source)
    link.update(destination)
    received = destination.chain.run(link.receiving(destination, packet))
    ack = ack_of(received.events)
    link.update(source)
    return ack, received, source.chain.run(link.acknowledging(source, packet, ack))


def escrow(chain: MiniChain) -> str:
    return chain.auth.address_text(escrow_address("transfer", CLIENT))


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [event.type for event in events]


@pytest.mark.parametrize("encoding", ["", *ENCODINGS])
def test_out_and_home_again(link: LinkV2, encoding: str) -> None:
    a, b = link.a.chain, link.b.chain
    sent = a.run(message(link.a, b.user, 300, "stake", memo="hi <there>", encoding=encoding))
    assert tx.MsgTransferResponse.FromString(sent.response.value).sequence == 1
    packet = packet_of(sent.events)
    (payload,) = packet.payloads
    data = TransferData("stake", "300", a.user, b.user, "hi <there>")
    assert payload.encoding == (encoding or encodings.JSON)
    assert (payload.version, payload.source_port, payload.destination_port) == (
        "ics20-1",
        "transfer",
        "transfer",
    )
    assert encodings.decode(payload) == data
    assert kinds(sent.events) == [
        "send_packet",
        "message",
        "coin_spent",
        "coin_received",
        "transfer",
        "message",
        "ibc_transfer",
        "message",
    ]
    assert (a.balance(a.user, "stake"), a.balance(escrow(a), "stake")) == (700, 300)
    ack, received, _ = relay(link, link.a, packet)
    assert ack == SUCCESS
    assert kinds(received.events)[:2] == ["recv_packet", "message"]
    assert kinds(received.events)[-4:] == [
        "fungible_token_packet",
        "message",
        "write_acknowledgement",
        "message",
    ]
    assert b.balance(b.user, VOUCHER.local) == 300
    back = b.run(message(link.b, a.user, 100, VOUCHER.local, encoding=encoding))
    home = packet_of(back.events)
    assert encodings.decode(home.payloads[0]).denom == f"transfer/{CLIENT}/stake"
    assert relay(link, link.b, home)[0] == SUCCESS
    assert (a.balance(a.user, "stake"), a.balance(escrow(a), "stake")) == (800, 200)
    assert b.balance(b.user, VOUCHER.local) == 200


def test_a_refused_transfer_is_refunded(link: LinkV2) -> None:
    a, b = link.a.chain, link.b.chain
    sent = a.run(message(link.a, "nobody", 300, "stake"))
    ack, received, heard = relay(link, link.a, packet_of(sent.events))
    assert ack == ERROR_ACKNOWLEDGEMENT
    assert a.balance(a.user, "stake") == 1000
    failed = next(event for event in received.events if event.type.endswith("token_packet"))
    assert failed.type == "ibccallbackerror-fungible_token_packet"
    told = dict(failed.attributes)
    assert told["ibccallbackerror-success"] == "true"  # as ibc-go says in spite of the error
    assert "failed to decode receiver address: nobody" in told["ibccallbackerror-error"]
    outcomes = [event for event in heard.events if event.type == "fungible_token_packet"]
    text = "ABCI code: 16: error handling packet: see events for details"
    assert outcomes[0].get("acknowledgement") == f'error:"{text}" '
    assert outcomes[1].attributes == (("error", text),)
    # Vouchers that were burnt are minted again.
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 10, "stake")).events))
    refused = b.run(message(link.b, "nobody", 4, VOUCHER.local))
    assert b.balance(b.user, VOUCHER.local) == 6
    relay(link, link.b, packet_of(refused.events))
    assert b.balance(b.user, VOUCHER.local) == 10


def test_a_late_transfer_is_refunded(link: LinkV2) -> None:
    a, b = link.a.chain, link.b.chain
    packet = packet_of(a.run(message(link.a, b.user, 300, "stake", memo="m")).events)
    link.update(link.a, seconds=90)
    done = a.run(link.timing_out(link.a, packet))
    assert a.balance(a.user, "stake") == 1000
    (timeout,) = [event for event in done.events if event.type == "timeout"]
    assert timeout.get("receiver") == a.user
    assert json.loads(timeout.get("refund_tokens") or "") == {
        "denom": {"base": "stake", "trace": None},
        "amount": "300",
    }


def test_all_of_a_coin(link: LinkV2) -> None:
    a = link.a.chain
    packet = packet_of(a.run(message(link.a, "x", 2**256 - 1, "stake")).events)
    assert encodings.decode(packet.payloads[0]).amount == "1000"
    assert a.balance(a.user, "stake") == 0


def refused(chain: MiniChain, msg: Message) -> str:
    with pytest.raises(AbciError) as caught:
        chain.run(msg)
    return f"{caught.value.codespace}/{caught.value.code} {caught.value.log}"


def test_sending_is_checked(link: LinkV2) -> None:
    a, b = link.a.chain, link.b.chain
    now = a.clock.ns // 10**9

    def send(amount: int = 1, denom: str = "stake", **changes: Any) -> tx.MsgTransfer:
        return message(link.a, b.user, amount, denom, **changes)

    failed = f"send packet failed for source id: {CLIENT}:"
    nobody = "counterparty not found for client: channel-77: counterparty not found"
    known = '["application/json", "application/x-protobuf"]'
    encoding = f"invalid encoding provided, must be either empty or one of {known}, got text/plain"
    slashes = "base denomination a/b/c cannot contain slashes for IBC v2 packet"
    for msg, expected in (
        (send(timeout_timestamp=0), "channelv2/8 timeout must not be 0"),
        (send(timeout_timestamp=now), f"channelv2/9 {failed} timeout is less than or equal"),
        (send(timeout_timestamp=a.clock.ns + 60 * 10**9), f"channelv2/8 {failed} timeout exceeds"),
        (send(source_channel="07-tendermint-5"), "clientv2/35 send packet failed for source id: 07-tendermint-5"),
        (send(source_channel="channel-77"), f"clientv2/35 send packet failed for source id: channel-77: {nobody}"),
        (send(encoding="text/plain"), f"ibc/12 {encoding}: invalid type"),
        (send(1001), "sdk/5 spendable balance 1000stake is smaller than 1001stake"),
        (send(1, "a/b/c"), f"transfer/3 {slashes}: invalid denomination for cross-chain transfer"),
    ):  # fmt: skip
        assert refused(a, msg).startswith(expected), refused(a, msg)
    assert a.balance(a.user, "stake") == 1000
    params = tx.MsgUpdateParams(
        signer=a.authority, params=transfer_pb2.Params(receive_enabled=True)
    )
    direct = sending(link, "a", a.user)
    a.run(params)
    assert refused(a, send()).startswith("transfer/7 ")
    assert refused(a, direct).startswith("transfer/7 ")


def sending(link: LinkV2, base: str, sender: str, **changes: Any) -> Any:
    data = TransferData(base, "1", sender, link.b.chain.user)
    fields: dict[str, Any] = {
        "source_port": "transfer",
        "destination_port": "transfer",
        "version": "ics20-1",
        "encoding": encodings.JSON,
    }
    return link.sending(link.a, data.marshal(), payload={**fields, **changes})


def test_a_packet_of_tokens_may_be_sent_without_msg_transfer(link: LinkV2) -> None:
    a = link.a.chain
    events = a.run(sending(link, "stake", a.user)).events
    assert "ibc_transfer" in kinds(events)
    assert a.balance(a.user, "stake") == 999
    stranger = a.auth.address_text(b"s" * 20)
    for msg, expected in (
        (sending(link, "stake", stranger), f"ibc/2 sender {'s' * 20} is different from signer {a.user}"),
        (sending(link, "stake", "x"), "undefined/1 decoding bech32 failed"),
        (sending(link, "stake", a.user, version="ics20-2"), "transfer/4 ics20-2: invalid ICS20 version"),
        (sending(link, "stake", a.user, encoding="text/plain"), "ibc/12 invalid encoding provided"),
        (sending(link, "", a.user), "transfer/3 invalid packet data: base denomination cannot be blank"),
        (sending(link, "stake", a.user, destination_port="mock"), "channelv2/2 payload port ID is invalid: "),
    ):  # fmt: skip
        assert refused(a, msg).startswith(expected), refused(a, msg)
    # A path is read as one: this is a voucher, of which there is none here.
    path = f"transfer/{CLIENT}/stake"
    assert "is smaller than" in refused(a, sending(link, path, a.user))


class Port:
    """The application alone, on a chain of its own."""

    def __init__(self) -> None:
        self.chain = MiniChain("alpha-1")
        self.app = TransferV2(self.chain.auth, self.chain.transfer.tokens)
        self.chain.fund(self.chain.user, "10stake")

    def delivery(self, **changes: Any) -> Delivery:
        data = TransferData("stake", "5", "someone", self.chain.user)
        ports = {"source_port": "transfer", "destination_port": "transfer"}
        payload = {"version": "ics20-1", "encoding": encodings.JSON, "value": data.marshal()}
        clients = {"source_client": CLIENT, "destination_client": CLIENT}
        fields = {**ports, **payload, **clients, **changes}
        source, destination = fields.pop("source_client"), fields.pop("destination_client")
        return Delivery(str(source), str(destination), 1, Payload(**fields))


def test_what_comes_from_elsewhere_is_a_failure_without_a_word() -> None:
    port = Port()
    for changes in (
        {"source_port": "other"},
        {"destination_port": "other"},
        {"source_client": "channel"},
        {"destination_client": "client-"},
    ):
        ctx = port.chain.context()
        assert port.app.on_recv_packet(ctx, port.delivery(**changes), "") is FAILURE
        assert ctx.events.events == []
    for changes, expected in (
        ({"source_client": "channel"}, "client IDs must be in valid format"),
        ({"source_port": "other"}, "payload port ID is invalid"),
    ):
        with pytest.raises(AbciError, match=expected) as caught:
            port.app.on_send_packet(port.chain.context(), port.delivery(**changes), port.chain.user)
        assert (caught.value.codespace, caught.value.code) == ("channelv2", 2)


def test_data_that_is_none_is_a_failure_with_an_event() -> None:
    port = Port()
    for changes in ({"value": b"{"}, {"version": "ics20-9"}, {"encoding": "text/plain"}):
        ctx = port.chain.context()
        assert port.app.on_recv_packet(ctx, port.delivery(**changes), "") is FAILURE
        assert ctx.events.events[0].get("denom") == ""
        assert ctx.events.events[0].get("success") == "true"


@pytest.mark.parametrize(
    ("ack", "expected"),
    [
        (b"{", "ibc/4 cannot unmarshal"),
        (b'{"error":"x"}', "ibc/8 cannot pass in a custom error acknowledgement with IBC v2: invalid request"),
        (b"{}", "ibc/8 cannot pass in a custom error acknowledgement with IBC v2: invalid request"),
    ],
)  # fmt: skip
def test_acknowledgements_are_checked(ack: bytes, expected: str) -> None:
    port = Port()
    with pytest.raises(AbciError) as caught:
        port.app.on_acknowledgement_packet(port.chain.context(), port.delivery(), ack, "")
    found = f"{caught.value.codespace}/{caught.value.code} {caught.value.log}"
    assert found.startswith(expected)


# Encodings.


def payload_of(value: bytes, encoding: str) -> Payload:
    return Payload("transfer", "transfer", "ics20-1", encoding, value)


TEXT = st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(TEXT, TEXT, st.text(max_size=80), st.integers(1, 2**256 - 1))
def test_what_is_written_is_read(
    encoding: str, sender: str, receiver: str, memo: str, amount: int
) -> None:
    data = TransferData("transfer/07-tendermint-9/stake", str(amount), sender, receiver, memo)
    assert encodings.decode(payload_of(encodings.encode(data, encoding), encoding)) == data


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(encoding: str, value: bytes) -> None:
    try:
        data = encodings.decode(payload_of(value, encoding))
    except AbciError as error:
        assert error.codespace in {"ibc", "transfer", "host"}  # noqa: PT017 - one of two outcomes
    else:
        data.validate()


@given(st.data())
def test_a_damaged_tuple_is_read_or_refused(data: st.DataObject) -> None:
    """Offsets and lengths of any size."""
    whole = TransferData("stake", "7", "alice", "bob", "memo")
    value = bytearray(encodings.encode(whole, encodings.ABI))
    word = data.draw(st.integers(0, len(value) // 32 - 1)) * 32
    value[word : word + 32] = data.draw(st.integers(0, 2**256 - 1)).to_bytes(32, "big")
    cut = bytes(value[: data.draw(st.integers(0, len(value)))])
    try:
        encodings.decode(payload_of(cut, encodings.ABI)).validate()
    except AbciError as error:
        assert error.codespace in {"ibc", "transfer"}  # noqa: PT017


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"", "abi: attempting to unmarshal an empty string while arguments are expected"),
        (b"x", "abi: cannot marshal in to go type: length insufficient 1 require 32"),
        (words(33), "abi: cannot marshal in to go slice: offset 33 would go over slice boundary (len=32)"),
        (words(32, 160), "abi: cannot marshal in to go slice: offset 192 would go over slice boundary (len=32)"),
        (words(32, 0, 2**70), "abi: cannot marshal in to go slice: offset"),
        (words(32, 32, 2**63), "abi: length larger than int64: 9223372036854775872"),
        (words(32, 32, 65), "abi: cannot marshal in to go type: length insufficient 64 require 129"),
    ],
)  # fmt: skip
def test_no_tuple(value: bytes, text: str) -> None:
    with pytest.raises(AbciError) as caught:
        encodings.decode(payload_of(value, encodings.ABI))
    assert caught.value.log.startswith(
        f"cannot unmarshal ICS20-V1 transfer packet data: failed to unpack data: {text}"
    ), caught.value.log
    assert caught.value.log.endswith(": decoding abi failed: invalid type")


def test_protobuf_without_unknown_fields() -> None:
    known = packet_pb2.FungibleTokenPacketData(
        denom="stake", amount="7", sender="alice", receiver="bob"
    ).SerializeToString()
    data = encodings.decode(payload_of(known, encodings.PROTOBUF))
    assert data == TransferData("stake", "7", "alice", "bob")
    with pytest.raises(AbciError) as caught:
        encodings.decode(payload_of(known + b"\x32\x01x", encodings.PROTOBUF))
    assert caught.value.log == (
        "cannot unmarshal ICS20-V1 transfer packet data: errUnknownField "
        '"*types.FungibleTokenPacketData": {TagNum: 6, WireType:"bytes"}: invalid type'
    )


def test_a_tuple_may_lie_anywhere() -> None:
    """Offsets are followed, and what lies between is nobody's business."""
    strings = [text.encode() for text in ("stake", "alice", "bob", "")]
    tail, offsets = b"", []
    for text in strings:
        offsets.append(5 * 32 + 32 + len(tail))
        tail += len(text).to_bytes(32, "big") + text
    denom, sender, receiver, memo = offsets
    body = words(denom, sender, receiver, 7, memo) + b"\xff" * 32 + tail
    value = words(96) + b"\xee" * 64 + body + b"trailing"
    data = encodings.decode(payload_of(value, encodings.ABI))
    assert data == TransferData("stake", "7", "alice", "bob")
    packed = abi.Tuple(("stake", "alice", "bob", 7, ""))
    assert encodings.encode(data, encodings.ABI) == abi.encode(packed)
