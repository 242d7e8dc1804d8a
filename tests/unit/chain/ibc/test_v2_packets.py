"""IBC v2: counterparties, and packets from sending to their end, with real proofs; every refusal on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.ibc_v2 import LinkV2, ack_of, clients, linked_v2, packet_of, payload
from helpers.ibc_world import End, MiniChain
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.context import Mode
from chain.errors import AbciError
from chain.modules.ibc.v2.codec import packet_to_pb
from chain.modules.ibc.v2.packets import _go_seconds
from chain.modules.ibc.v2.port import PortRouterV2
from cosmos_pb.ibc.core.channel.v2 import packet_pb2
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as tx
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.ibc.core.client.v2 import tx_pb2 as client_tx
from light_client import bech32, host
from light_client.packet_v2 import (
    ERROR_ACKNOWLEDGEMENT,
    PacketV2,
    ack_commitment,
    packet_commitment,
)

STRANGER = bech32.encode("cosmos", b"stranger".ljust(20))
NOBODY = "cosmos1nobody"
EMPTY = "ibc/5 string could not be parsed as address: empty address string is not allowed"
FORM = "must be in valid format: {string}-{number}"
OTHER = "07-tendermint-9"


@pytest.fixture
def link() -> LinkV2:
    return linked_v2()


REGISTERED = {
    "ibc/2": "unauthorized",
    "ibc/5": "invalid address",
    "ibc/8": "invalid request",
    "host/2": "invalid identifier",
    "commitment/2": "invalid proof",
    "client/29": "client state is not active",
    "clientv2/34": "invalid counterparty",
    "clientv2/35": "counterparty not found",
    "channelv2/2": "invalid packet",
    "channelv2/3": "invalid payload",
    "channelv2/4": "sequence send not found",
    "channelv2/5": "invalid acknowledgement",
    "channelv2/8": "invalid packet timeout",
    "channelv2/9": "timeout elapsed",
    "channelv2/10": "timeout not reached",
    "undefined/111222": "panic",
    "mock/7": "the application refuses",
}


def refused(chain: MiniChain, message: Message) -> str:
    """``codespace/code text`` without the registered text, with which the text must end."""
    with pytest.raises(AbciError) as caught:
        chain.run(message)
    kind = f"{caught.value.codespace}/{caught.value.code}"
    registered = REGISTERED.get(kind, "")
    assert caught.value.log.endswith(registered), caught.value.log
    return f"{kind} {caught.value.log.removesuffix(registered).removesuffix(': ')}"


def stored(end: End, key: bytes) -> bytes | None:
    return end.chain.context().kv("ibc").get(key)


def commitment(end: End, packet: PacketV2) -> bytes | None:
    return stored(end, host.packet_commitment_key_v2(packet.source_client, packet.sequence))


def result(response: Any, kind: type[Any]) -> int:
    return int(kind.FromString(response.response.value).result)


# Counterparties.


def test_a_counterparty_is_registered_once_by_the_clients_creator() -> None:
    link = clients()
    a, message = link.a.chain, link.registration(link.a)
    client = link.a.client
    assert refused(a, link.registration(link.a, signer=STRANGER)) == (
        f"ibc/2 expected same signer as createClient submittor {link.a.signer}, got {STRANGER}"
    )
    assert refused(a, link.registration(link.a, client_id=OTHER)) == (
        f"ibc/2 expected same signer as createClient submittor , got {link.a.signer}"
    )
    assert a.run(message).events == ()
    info = a.ibc.counterparties.get(a.context(), client)
    assert info is not None
    assert (list(info.merkle_prefix), info.client_id) == ([b"ibc", b""], link.b.client)
    assert stored(link.a, f"clients/{client}/counterparty".encode()) == info.SerializeToString()
    assert stored(link.a, f"nextSequenceSend/{client}".encode()) == (1).to_bytes(8, "big")
    assert refused(a, message) == "ibc/8 cannot register counterparty once it is already set"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"signer": ""}, EMPTY),
        ({"counterparty_merkle_prefix": []}, "clientv2/34 counterparty messaging key cannot be empty"),
        ({"client_id": "one"}, "host/2 identifier one has invalid length: 3, must be between 4-64 characters"),
        ({"counterparty_client_id": ""}, "host/2 identifier cannot be blank"),
        ({"counterparty_client_id": "some"}, "host/2 07-tendermint-0 and some " + FORM),
    ],
)  # fmt: skip
def test_a_registration_is_checked(changes: dict[str, Any], expected: str) -> None:
    link = clients()
    assert refused(link.a.chain, link.registration(link.a, **changes)) == expected


def config(link: LinkV2, *relayers: str, **changes: Any) -> client_tx.MsgUpdateClientConfig:
    message = client_tx.MsgUpdateClientConfig(client_id=link.a.client, signer=link.a.signer)
    message.config.allowed_relayers.extend(relayers)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_a_client_may_be_relayed_for_by_some_only(link: LinkV2) -> None:
    a, client = link.a.chain, link.a.client
    sent = link.send(link.b)
    late = link.send(link.a)
    link.b.chain.run(link.receiving(link.b, late))
    link.update(link.a)
    allowed = link.receiving(link.a, sent)
    acknowledging = link.acknowledging(link.a, late, b"thanks")
    link.b.chain.commit()
    for signer in (link.a.signer, a.authority):
        assert a.run(config(link, STRANGER, signer=signer)).events == ()
    for message in (
        link.receiving(link.a, sent),
        link.acknowledging(link.a, late, b"thanks"),
        link.timing_out(link.a, late),
        link.update_message(link.a),
    ):
        assert refused(a, message) == (
            f"ibc/2 relayer {link.a.signer} is not authorized to update client {client}"
        )
    allowed.signer = STRANGER.upper()
    a.run(allowed)
    assert link.app(link.a).seen[-1][1][1] == STRANGER
    a.run(config(link))
    a.run(acknowledging)


def test_a_configuration_is_checked(link: LinkV2) -> None:
    a = link.a.chain
    assert refused(a, config(link, signer=STRANGER)) == (
        f"ibc/2 authority {a.authority} or client creator {link.a.signer} is authorized to update params "
        f"for {link.a.client}, got {STRANGER}"
    )
    length = "has invalid length: 1, must be between 4-64 characters"
    for message, expected in (
        (config(link, signer=""), EMPTY),
        (config(link, client_id="!"), f"host/2 identifier ! {length}"),
        (config(link, client_id="c-one"), "host/2 client ID c-one " + FORM),
        (config(link, *[STRANGER] * 21), "undefined/1 allowed relayers length must not exceed 20 items"),
        (config(link, STRANGER, NOBODY), f"undefined/1 invalid relayer address: {NOBODY}"),
    ):  # fmt: skip
        assert refused(a, message) == expected
    a.run(config(link, *[STRANGER] * 20))


# Packets.


def test_there_and_back(link: LinkV2) -> None:
    sent = link.a.chain.run(link.sending(link.a))
    packet = packet_of(sent.events)
    assert tx.MsgSendPacketResponse.FromString(sent.response.value).sequence == 1
    assert commitment(link.a, packet) == packet_commitment(packet)
    assert [event.type for event in sent.events] == ["send_packet", "message", "mock_sent"]
    link.update(link.b)
    got = link.b.chain.run(link.receiving(link.b, packet))
    assert result(got, tx.MsgRecvPacketResponse) == tx.RESPONSE_RESULT_TYPE_SUCCESS
    assert [event.type for event in got.events] == [
        "recv_packet",
        "message",
        "mock_received",
        "write_acknowledgement",
        "message",
    ]
    assert ack_of(got.events) == b"thanks"
    client, sequence = packet.destination_client, packet.sequence
    assert stored(link.b, host.packet_receipt_key_v2(client, sequence)) == b"\x02"
    assert stored(link.b, host.packet_ack_key_v2(client, sequence)) == ack_commitment([b"thanks"])
    link.update(link.a)
    heard = link.a.chain.run(link.acknowledging(link.a, packet, b"thanks"))
    assert result(heard, tx.MsgAcknowledgementResponse) == tx.RESPONSE_RESULT_TYPE_SUCCESS
    assert [event.type for event in heard.events] == ["acknowledge_packet", "message"]
    # The commitment was gone before the application heard of it.
    assert link.app(link.a).seen[-1] == ("ack", (1, b"thanks", link.a.signer, None))
    assert packet_of(link.a.chain.run(link.sending(link.a)).events).sequence == 2


def test_events_name_clients_and_carry_the_packet(link: LinkV2) -> None:
    packet = link.send(link.a)
    encoded = packet_to_pb(packet).SerializeToString().hex()
    head = (
        ("packet_source_client", link.a.client),
        ("packet_dest_client", link.b.client),
        ("packet_sequence", "1"),
        ("packet_timeout_timestamp", str(packet.timeout_timestamp)),
        ("encoded_packet_hex", encoded),
    )
    events = link.b.chain.run(link.receiving(link.b, packet)).events
    assert events[0].attributes == head
    assert events[1].attributes == (("module", "ibc_channelv2"),)
    ack = packet_pb2.Acknowledgement(app_acknowledgements=[b"thanks"]).SerializeToString().hex()
    (written,) = [event for event in events if event.type == "write_acknowledgement"]
    assert written.attributes == (*head, ("encoded_acknowledgement_hex", ack))
    link.update(link.a)
    acked = link.a.chain.run(link.acknowledging(link.a, packet, b"thanks")).events
    assert acked[0].attributes == head


def test_a_second_relay_is_a_no_op(link: LinkV2) -> None:
    packet = link.send(link.a)
    recv = link.receiving(link.b, packet)
    link.b.chain.run(recv)
    again = link.b.chain.run(recv)
    assert result(again, tx.MsgRecvPacketResponse) == tx.RESPONSE_RESULT_TYPE_NOOP
    assert again.events == ()
    link.update(link.a)
    ack = link.acknowledging(link.a, packet, b"thanks")
    link.a.chain.run(ack)
    again = link.a.chain.run(ack)
    assert result(again, tx.MsgAcknowledgementResponse) == tx.RESPONSE_RESULT_TYPE_NOOP
    assert again.events == ()
    assert [name for name, _ in link.app(link.a).seen] == ["send", "ack"]
    assert [name for name, _ in link.app(link.b).seen] == ["receive"]


def test_a_refused_packet_leaves_the_sentinel_and_renamed_events(link: LinkV2) -> None:
    packet = link.send(link.a, b"refuse")
    events = link.b.chain.run(link.receiving(link.b, packet)).events
    assert [event.type for event in events] == [
        "recv_packet",
        "message",
        "ibccallbackerror-mock_received",
        "write_acknowledgement",
        "message",
    ]
    assert events[2].attributes == (("ibccallbackerror-data", "refuse"),)
    assert ack_of(events) == ERROR_ACKNOWLEDGEMENT
    assert link.b.chain.context().kv("transfer").get(b"mock/refuse") is None
    link.update(link.a)
    link.a.chain.run(link.acknowledging(link.a, packet, ERROR_ACKNOWLEDGEMENT))
    assert link.app(link.a).seen[-1][1][1] == ERROR_ACKNOWLEDGEMENT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"crash", "mock/7 "),
        (b"sentinel", "channelv2/5 application acknowledgement cannot be sentinel error acknowledgement"),
        (b"empty", "channelv2/5 app acknowledgement cannot be empty"),
    ],
)  # fmt: skip
def test_an_application_that_breaks_the_rules_fails_the_message(
    link: LinkV2, value: bytes, expected: str
) -> None:
    packet = link.send(link.a, value)
    assert refused(link.b.chain, link.receiving(link.b, packet)) == expected
    assert stored(link.b, host.packet_receipt_key_v2(link.b.client, 1)) is None


def test_an_acknowledgement_may_come_later(link: LinkV2) -> None:
    packet = link.send(link.a, b"later")
    b, client = link.b.chain, link.b.client
    events = b.run(link.receiving(link.b, packet)).events
    assert [event.type for event in events] == ["recv_packet", "message", "mock_received"]
    assert b.ibc.async_packet_v2(b.context(), client, 1) == packet
    key = f"{client}async_packet".encode() + (1).to_bytes(8, "big")
    assert stored(link.b, key) == packet_to_pb(packet).SerializeToString()

    def write(sequence: int, *acks: bytes) -> Any:
        ctx = b.context()
        b.ibc.write_acknowledgement_v2(ctx, client, sequence, acks)
        return ctx.events.events

    for sequence, acks, text in (
        (1, (), "invalid acknowledgement: app acknowledgements must be of length one"),
        (1, (b"",), "invalid acknowledgement: app acknowledgement cannot be empty"),
        (2, (b"x",), f"packet with clientID ({client}) and sequence (2) not found for async acknowledgement"),
    ):  # fmt: skip
        with pytest.raises(AbciError) as caught:
            write(sequence, *acks)
        assert (caught.value.codespace, caught.value.code) == ("channelv2", 5)
        assert caught.value.log == f"{text}: invalid acknowledgement"
    assert ack_of(write(1, b"at last")) == b"at last"
    assert b.ibc.async_packet_v2(b.context(), client, 1) is None
    with pytest.raises(AbciError, match="not found for async"):
        write(1, b"again")
    b.ibc.packets_v2.keep_for_later(b.context(), packet)
    with pytest.raises(AbciError) as caught:
        write(1, b"again")
    assert (caught.value.codespace, caught.value.code) == ("channelv2", 11)
    assert caught.value.log == (
        f"write acknowledgement failed: acknowledgement for id {client}, sequence 1 already exists: "
        "acknowledgement for packet already exists"
    )
    b.ibc.packets_v2.keep_for_later(b.context(), replace(packet, sequence=5))
    with pytest.raises(AbciError, match="receipt not found for packet: invalid packet"):
        write(5, b"never received")
    link.update(link.a)
    link.a.chain.run(link.acknowledging(link.a, packet, b"at last"))
    assert link.app(link.a).seen[-1][1][:2] == (1, b"at last")


def test_sending_is_checked(link: LinkV2) -> None:
    a, end = link.a.chain, link.a
    now, failed = a.clock.ns // 10**9, f"send packet failed for source id: {link.a.client}: "
    ctx, client = a.context(), link.a.client
    known = a.ibc.clients.latest_height(ctx, client)
    latest = a.ibc.clients.timestamp_at(ctx, client, known) // 10**9
    a.clock = a.clock.add(-5 * 10**9)
    behind = a.clock.ns // 10**9
    elapsed = f"channelv2/9 {failed}timeout is less than or equal the current block timestamp"
    late = f"channelv2/9 {failed}latest timestamp: {latest}, timeout timestamp: {behind + 1}"
    length = "identifier ! has invalid length: 1, must be between"
    nobody, blank = "07-tendermint-7", "identifier cannot be blank"
    lost = f"clientv2/35 send packet failed for source id: {nobody}: counterparty not found for client: {nobody}"
    invalid = f"channelv2/2 {failed}constructed packet failed basic validation"
    for message, expected in (
        (link.sending(end, source_client="!"), f"host/2 {length} 4-64 characters"),
        (link.sending(end, timeout_timestamp=0), "channelv2/8 timeout must not be 0"),
        (link.sending(end, payloads=[]), "channelv2/3 payloads must be of length 1, got 0 instead"),
        (link.sending(end, payloads=[payload()] * 2), "channelv2/3 payloads must be of length 1, got 2 instead"),
        (link.sending(end, payload={"version": " "}), "channelv2/3 payload version cannot be empty"),
        (link.sending(end, payload={"encoding": ""}), "channelv2/3 payload encoding cannot be empty"),
        (link.sending(end, b""), "channelv2/3 payload value cannot be empty"),
        (link.sending(end, payload={"source_port": "!"}), f"host/2 invalid source port ID: {length} 2-128 characters"),
        (link.sending(end, payload={"destination_port": ""}), f"host/2 invalid destination port ID: {blank}"),
        (link.sending(end, signer=""), EMPTY),
        (link.sending(end, source_client=nobody), lost),
        (link.sending(end, seconds=0), f"{elapsed}, {behind} <= {behind}"),
        (link.sending(end, timeout_timestamp=2**63), f"{elapsed}, {2**63} <= {behind}"),
        (link.sending(end, seconds=86_401), f"channelv2/8 {failed}timeout exceeds the maximum expected value"),
        (link.sending(end, bytes(262_145)), f"{invalid}: packet data bytes cannot exceed 262144 bytes: invalid packet"),
        (link.sending(end, seconds=1), late),
        (link.sending(end, b"keep"), "mock/7 "),
        (link.sending(end, payload={"source_port": "moon"}), "undefined/111222 recovered: no route for moon"),
    ):  # fmt: skip
        assert refused(a, message) == expected
    assert a.ibc.packets_v2.next_sequence(a.context(), link.a.client) == 1
    a.clock = a.clock.add(5 * 10**9)
    assert a.clock.ns // 10**9 == now
    a.run(link.sending(link.a, seconds=86_400))
    kv = a.context().kv("ibc")
    kv.delete(f"nextSequenceSend/{link.a.client}".encode())
    assert refused(a, link.sending(link.a)) == (
        f"channelv2/4 {failed}source client: {link.a.client}"
    )


def test_a_client_that_is_not_active_sends_nothing(link: LinkV2) -> None:
    a = link.a.chain
    a.clock = a.clock.add(15 * 86_400 * 10**9)
    assert refused(a, link.sending(link.a)) == (
        f"client/29 send packet failed for source id: {link.a.client}: client ({link.a.client}) status is Expired"
    )
    a.ibc.clients.set_params(a.context(), client_pb2.Params(allowed_clients=["08-wasm"]))
    assert refused(a, link.sending(link.a)).endswith("status is Unauthorized")


def altered(message: Message, packet: PacketV2, **changes: Any) -> Any:
    """The message with another packet."""
    made = type(message).FromString(message.SerializeToString())
    made.packet.CopyFrom(packet_to_pb(replace(packet, **changes)))  # type: ignore[attr-defined]
    return made


def without(message: Message, name: str) -> Any:
    made = type(message).FromString(message.SerializeToString())
    made.ClearField(name)
    return made


def test_packets_are_checked_before_anything_is_looked_up(link: LinkV2) -> None:
    packet = link.send(link.a)
    good = link.receiving(link.b, packet)
    (one,) = packet.payloads
    slash = "cannot contain separator '/'"
    one_payload = "channelv2/2 payloads must contain exactly one payload"
    empty, large = (replace(one, value=bytes(size)) for size in (0, 262_145))
    for changes, expected in (
        ({"payloads": ()}, one_payload),
        ({"payloads": (one, one)}, one_payload),
        ({"payloads": (empty,)}, "channelv2/3 invalid Payload: payload value cannot be empty"),
        ({"payloads": (large,)}, "channelv2/2 packet data bytes cannot exceed 262144 bytes"),
        ({"source_client": ""}, "host/2 invalid source ID: identifier cannot be blank"),
        ({"destination_client": "x/y-4567"}, f"host/2 invalid destination ID: identifier x/y-4567 {slash}"),
        ({"sequence": 0}, "channelv2/2 packet sequence cannot be 0"),
        ({"timeout_timestamp": 0}, "channelv2/2 packet timeout timestamp cannot be 0"),
    ):  # fmt: skip
        assert refused(link.b.chain, altered(good, packet, **changes)) == expected
    timeout, ack = link.timing_out(link.a, packet), link.acknowledging(link.a, packet, b"x")
    proofs = (
        (without(good, "proof_commitment"), "proof commitment can not be empty"),
        (without(timeout, "proof_unreceived"), "proof unreceived can not be empty"),
        (without(ack, "proof_acked"), "cannot submit an empty acknowledgement proof"),
    )
    for message, text in proofs:
        assert refused(link.b.chain, message) == f"commitment/2 {text}"
    for acks, text in (
        ([], "app acknowledgements must be of length one"),
        ([b"a", b"b"], "app acknowledgements must be of length one"),
        ([b""], "app acknowledgement cannot be empty"),
    ):
        message = link.acknowledging(link.b, packet, b"x")
        del message.acknowledgement.app_acknowledgements[:]
        message.acknowledgement.app_acknowledgements.extend(acks)
        assert refused(link.b.chain, message) == f"channelv2/5 {text}"


def test_receiving_is_checked(link: LinkV2) -> None:
    packet = link.send(link.a)
    b, good = link.b.chain, link.receiving(link.b, packet)
    failed = "receive packet verification failed: "
    proof = (
        f"commitment/2 {failed}failed packet commitment verification for client ({link.b.client}): "
    )
    (one,) = packet.payloads
    assert refused(b, altered(good, packet, destination_client=OTHER)) == (
        f"clientv2/35 {failed}counterparty not found for client: 07-tendermint-9"
    )
    assert refused(b, altered(good, packet, source_client=OTHER)) == (
        f"clientv2/34 {failed}counterparty id (07-tendermint-0) does not match packet source id "
        "(07-tendermint-9)"
    )
    for changes in (
        {"sequence": 2},
        {"timeout_timestamp": packet.timeout_timestamp + 1},
        {"payloads": (replace(one, value=b"other"),)},
        {"payloads": (replace(one, encoding="text/html"),)},
    ):
        assert refused(b, altered(good, packet, **changes)).startswith(proof)
    assert refused(b, altered(good, packet, timeout_timestamp=1)) == (
        f"channelv2/9 {failed}current timestamp: {b.clock.ns // 10**9}, timeout timestamp: 1"
    )
    assert link.app(link.b).seen == []
    b.run(good)


def test_acknowledging_is_checked(link: LinkV2) -> None:
    packet = link.send(link.a)
    link.b.chain.run(link.receiving(link.b, packet))
    link.update(link.a)
    a, good = link.a.chain, link.acknowledging(link.a, packet, b"thanks")
    failed = "acknowledge packet verification failed: "
    assert refused(a, altered(good, packet, source_client=OTHER)).startswith("clientv2/35 ")
    assert refused(a, altered(good, packet, destination_client=OTHER)) == (
        f"clientv2/34 {failed}counterparty id (07-tendermint-0) does not match packet destination id "
        "(07-tendermint-9)"
    )
    other = replace(packet, timeout_timestamp=7)
    shown = {each: _octets(packet_commitment(each)) for each in (packet, other)}
    assert refused(a, altered(good, other)) == (
        f"channelv2/2 {failed}commitment bytes are not equal: got ({shown[other]}), expected ({shown[packet]})"
    )
    forged = link.acknowledging(link.a, packet, b"no thanks")
    proof = f"failed packet acknowledgement verification for client ({link.a.client}): "
    assert refused(a, forged).startswith(f"commitment/2 {failed}{proof}")
    assert commitment(link.a, packet) is not None
    a.run(good)
    assert commitment(link.a, packet) is None


def test_a_packet_that_is_late_times_out(link: LinkV2) -> None:
    packet = link.send(link.a, seconds=30)
    link.update(link.a)
    a, failed = link.a.chain, "timeout packet verification failed: "
    at = link.b.chain.clock.ns // 10**9
    assert refused(a, link.timing_out(link.a, packet)) == (
        f"channelv2/10 {failed}proof timestamp: {at}, timeout timestamp: {packet.timeout_timestamp}"
    )
    recv = link.receiving(link.b, packet)
    link.update(link.a, seconds=40)
    assert refused(link.b.chain, recv).startswith("channelv2/9 ")
    good = link.timing_out(link.a, packet)
    other = replace(packet, timeout_timestamp=7)
    shown = {each: _octets(packet_commitment(each)) for each in (packet, other)}
    assert refused(a, altered(good, other)) == (
        f"channelv2/2 {failed}packet commitment bytes are not equal: got ({shown[packet]}), expected "
        f"({shown[other]})"
    )
    assert refused(a, altered(good, packet, source_client=OTHER)).startswith("clientv2/35 ")
    assert refused(a, altered(good, packet, destination_client=OTHER)).startswith("clientv2/34 ")
    done = a.run(good)
    assert [event.type for event in done.events] == ["timeout_packet", "message"]
    assert [key for key, _ in done.events[0].attributes] == [
        "packet_source_client",
        "packet_dest_client",
        "packet_sequence",
        "packet_timeout_timestamp",
        "encoded_packet_hex",
    ]
    assert link.app(link.a).seen[-1] == ("timeout", (1, link.a.signer))
    again = a.run(good)
    assert result(again, tx.MsgTimeoutResponse) == tx.RESPONSE_RESULT_TYPE_NOOP


def test_a_timeout_counts_whole_seconds(link: LinkV2) -> None:
    """A client's time is cut to seconds, so a packet is late from its very second on."""
    packet = link.send(link.a, seconds=30)
    ahead = packet.timeout_timestamp * 10**9 - link.b.chain.clock.ns
    link.b.chain.clock = link.b.chain.clock.add(ahead - 2 * 10**9 + 999_999_999)
    link.update(link.a, seconds=1)
    assert refused(link.a.chain, link.timing_out(link.a, packet)).startswith("channelv2/10 ")
    link.update(link.a, seconds=1)
    link.a.chain.run(link.timing_out(link.a, packet))


def test_a_received_packet_does_not_time_out(link: LinkV2) -> None:
    packet = link.send(link.a, seconds=30)
    link.b.chain.run(link.receiving(link.b, packet))
    link.update(link.a, seconds=40)
    assert refused(link.a.chain, link.timing_out(link.a, packet)).startswith(
        "commitment/2 timeout packet verification failed: failed packet receipt absence verification for client "
        f"({link.a.client}): "
    )


def test_an_application_may_refuse_to_hear_how_its_packet_ended(link: LinkV2) -> None:
    ends = f"source port mock, source client {link.a.client}, destination client {link.b.client}"
    packet = link.send(link.a, b"deaf", seconds=30)
    other = link.send(link.a, b"deaf", seconds=600)
    link.b.chain.run(link.receiving(link.b, other))
    link.update(link.a, seconds=40)
    for message, callback, sent in (
        (link.timing_out(link.a, packet), "OnTimeoutPacket", packet),
        (link.acknowledging(link.a, other, b"thanks"), "OnAcknowledgementPacket", other),
    ):
        assert refused(link.a.chain, message) == f"mock/7 failed {callback} for {ends}"
        assert commitment(link.a, sent) is not None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_flipped_bit_in_a_proof_is_accepted(data: st.DataObject) -> None:
    message = _LINK.receiving(_LINK.b, _PACKET)
    proof = bytearray(message.proof_commitment)
    position = data.draw(st.integers(0, len(proof) * 8 - 1))
    proof[position // 8] ^= 1 << position % 8
    message.proof_commitment = bytes(proof)
    with pytest.raises(AbciError):
        _LINK.b.chain.run(message)


_LINK = linked_v2()
_PACKET = _LINK.send(_LINK.a)


@given(st.integers(0, 2**64 - 1))
def test_seconds_wrap_as_in_go(seconds: int) -> None:
    """Far from the limits nothing happens; beyond, times begin again long ago."""
    found = _go_seconds(seconds)
    assert (found - seconds) % 2**64 == 0
    assert -(2**63) <= found + 62_135_596_800 < 2**63


# In the mempool.


def ante(chain: MiniChain, *messages: Message, mode: Mode = Mode.CHECK) -> None:
    ctx = chain.context(mode).fork()

    class Tx:
        pass

    tx_ = Tx()
    tx_.messages = messages  # type: ignore[attr-defined]
    chain.ibc.ante(ctx, tx_)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [Mode.CHECK, Mode.RECHECK])
def test_only_what_relays_nothing_new_is_kept_out_of_the_mempool(link: LinkV2, mode: Mode) -> None:
    first, second = link.send(link.a), link.send(link.a)
    old, new = link.receiving(link.b, first), link.receiving(link.b, second)
    ante(link.b.chain, old, new, mode=mode)
    link.b.chain.run(old)
    old = link.receiving(link.b, first)
    ante(link.b.chain, old, new, mode=mode)
    for messages in ((old,), (old, old)):
        with pytest.raises(AbciError, match="packet messages are redundant") as caught:
            ante(link.b.chain, *messages, mode=mode)
        assert (caught.value.codespace, caught.value.code) == ("channel", 22)
    ante(link.b.chain, old, mode=Mode.DELIVER)
    ante(link.b.chain, old, link.sending(link.b), mode=mode)
    link.update(link.a)
    acks = [
        link.acknowledging(link.a, first, b"thanks"),
        link.timing_out(link.a, replace(first, timeout_timestamp=1)),
    ]
    link.a.chain.run(acks[0])
    for message in acks:
        with pytest.raises(AbciError, match="packet messages are redundant"):
            ante(link.a.chain, message, mode=mode)


# The router.


def test_ports_are_routed_once() -> None:
    app: Any = object()
    router = PortRouterV2()
    router.route("transfer", app)
    router.route_prefix("wasm2", app)
    attempts: list[Callable[[], None]] = [
        lambda: router.route("transfer", app),
        lambda: router.route("wasm2abc", app),
        lambda: router.route_prefix("wasm", app),
        lambda: router.route_prefix("wasm2", app),
        lambda: router.route_prefix("wasm21", app),
        lambda: router.route_prefix("trans", app),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="routed twice"):
            attempt()
    assert router.module("wasm21xyz") is app
    with pytest.raises(AbciError, match="recovered: no route for transfers: panic"):
        router.module("transfers")


def _octets(data: bytes) -> str:
    return str(list(data)).replace(",", "")
