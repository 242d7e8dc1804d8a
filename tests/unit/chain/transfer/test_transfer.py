"""ICS-20 between two chains: out, back, further, refunds, refusals."""

from typing import Any

import pytest
from helpers.ibc_world import End, Link, MiniChain, attribute, linked, packet_of
from helpers.validators import SECOND

from chain import gojson
from chain.context import Mode
from chain.errors import AbciError, GenesisError
from chain.modules.transfer import Denom, Hop, escrow_address
from chain.router import MessageResult
from cosmos_pb.ibc.applications.transfer.v1 import query_pb2, transfer_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as tx
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from light_client import host
from light_client.codec import height_to_pb
from light_client.packet import Packet
from light_client.values import Height

SUCCESS = b'{"result":"AQ=="}'
VOUCHER = Denom("stake", (Hop("transfer", "channel-0"),))


@pytest.fixture
def link() -> Link:
    made = linked()
    made.open_channel("transfer")
    made.a.chain.fund(made.a.chain.user, "1000stake", "5atom")
    return made


def message(end: End, receiver: str, amount: int, denom: str, **changes: Any) -> tx.MsgTransfer:
    values: dict[str, Any] = {
        "source_port": "transfer",
        "source_channel": "channel-0",
        "token": {"denom": denom, "amount": str(amount)},
        "sender": end.chain.user,
        "receiver": receiver,
        "timeout_height": height_to_pb(Height(9, 1)),
    }
    return tx.MsgTransfer(**{**values, **changes})


def other(link: Link, end: End) -> End:
    return link.b if end is link.a else link.a


def relay(link: Link, source: End, packet: Packet) -> tuple[bytes, MessageResult, MessageResult]:
    """Receive on the other side and acknowledge here; the acknowledgement and both results."""
    destination = other(link, source)
    link.update(destination)
    received = destination.chain.run(link.recv(destination, packet))
    ack = bytes.fromhex(attribute(received.events, "write_acknowledgement", "packet_ack_hex"))
    link.update(source)
    return ack, received, source.chain.run(link.acknowledge(source, packet, ack))


def escrow(chain: MiniChain, channel: str = "channel-0") -> str:
    return chain.auth.address_text(escrow_address("transfer", channel))


def escrowed(chain: MiniChain, denom: str) -> int:
    chain.commit()
    path = "/ibc.applications.transfer.v1.Query/TotalEscrowForDenom"
    request = query_pb2.QueryTotalEscrowForDenomRequest(denom=denom)
    answer = chain.query(path, request, query_pb2.QueryTotalEscrowForDenomResponse)
    return int(answer.amount.amount)


def test_out_and_home_again(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    result = a.run(message(link.a, b.user, 300, "stake", memo="hi <there>"))
    assert tx.MsgTransferResponse.FromString(result.response.value).sequence == 1
    packet = packet_of(result.events)
    assert (
        packet.data
        == (
            f'{{"denom":"stake","amount":"300","sender":"{a.user}","receiver":"{b.user}",'
            '"memo":"hi \\u003cthere\\u003e"}'
        ).encode()
    )
    assert (a.balance(a.user, "stake"), a.balance(escrow(a), "stake")) == (700, 300)
    ack, _, _ = relay(link, link.a, packet)
    assert ack == SUCCESS
    assert b.balance(b.user, VOUCHER.local) == 300
    assert b.bank.supply(b.context(), VOUCHER.local) == 300
    assert escrowed(a, "stake") == 300
    back = packet_of(b.run(message(link.b, a.user, 120, VOUCHER.local)).events)
    assert b'"denom":"transfer/channel-0/stake"' in back.data
    assert b.balance(b.user, VOUCHER.local) == 180
    assert b.bank.supply(b.context(), VOUCHER.local) == 180
    assert b.balance(escrow(b), VOUCHER.local) == 0
    ack, _, _ = relay(link, link.b, back)
    assert ack == SUCCESS
    assert (a.balance(a.user, "stake"), a.balance(escrow(a), "stake")) == (820, 180)
    assert escrowed(a, "stake") == 180


def test_the_events_of_a_transfer(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    result = a.run(message(link.a, b.user, 300, "stake", memo="m"))
    assert [event.type for event in result.events] == [
        "coin_spent",
        "coin_received",
        "transfer",
        "message",
        "send_packet",
        "message",
        "ibc_transfer",
        "message",
    ]
    fields = (
        ("sender", a.user),
        ("receiver", b.user),
        ("denom", "stake"),
        ("amount", "300"),
        ("memo", "m"),
    )
    assert result.events[6].attributes == fields
    assert result.events[7].attributes == (("module", "transfer"),)
    _, received, acknowledged = relay(link, link.a, packet_of(result.events))
    by_type = {event.type: event.attributes for event in received.events}
    assert by_type["fungible_token_packet"] == (*fields, ("success", "true"))
    digest = VOUCHER.hash.hex().upper()
    assert by_type["denomination"] == (
        ("denom_hash", digest),
        (
            "denom",
            '{"base":"stake","trace":[{"port_id":"transfer","channel_id":"channel-0"}]}',
        ),
    )
    assert by_type["denomination_trace"] == (("trace_hash", digest), ("denom", f"ibc/{digest}"))
    packets = [
        event.attributes for event in acknowledged.events if event.type == "fungible_token_packet"
    ]
    assert packets == [
        (*fields, ("acknowledgement", 'result:"\\001" ')),
        (("success", "\x01"),),
    ]


def test_the_first_voucher_is_described(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 1, "stake")).events))
    metadata = b.bank.denom_metadata(b.context(), VOUCHER.local)
    assert metadata is not None
    assert metadata.description == "IBC token from transfer/channel-0/stake"
    assert metadata.name == "transfer/channel-0/stake IBC token"
    assert (metadata.base, metadata.display) == (VOUCHER.local, "transfer/channel-0/stake")
    assert metadata.symbol == "STAKE"
    assert [(unit.denom, unit.exponent) for unit in metadata.denom_units] == [("stake", 0)]


def test_a_voucher_travels_on_through_another_channel(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    link.open_channel("transfer")
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 10, "stake")).events))
    # Over the other channel it does not go home: it is escrowed, and gets a second hop.
    sent = b.run(message(link.b, a.user, 4, VOUCHER.local, source_channel="channel-1"))
    relay(link, link.b, packet_of(sent.events))
    assert b.balance(escrow(b, "channel-1"), VOUCHER.local) == 4
    twice = VOUCHER.with_hop("transfer", "channel-1")
    assert a.balance(a.user, twice.local) == 4
    assert a.balance(a.user, "stake") == 990
    sent = a.run(message(link.a, b.user, 3, twice.local, source_channel="channel-1"))
    relay(link, link.a, packet_of(sent.events))
    assert a.bank.supply(a.context(), twice.local) == 1
    assert b.balance(b.user, VOUCHER.local) == 9


def test_a_refused_packet_refunds(link: Link) -> None:
    a = link.a.chain
    blocked = link.b.chain.auth.module_address("fee_collector")
    raw = gojson.text(link.b.chain.auth.address_bytes(blocked))  # as ibc-go prints it
    for receiver, code, told in (("cosmos1nonsense", 5, "cosmos1nonsense"), (blocked, 2, raw)):
        before = a.balance(a.user, "stake")
        sent = a.run(message(link.a, receiver, 40, "stake"))
        assert a.balance(a.user, "stake") == before - 40
        ack, received, acknowledged = relay(link, link.a, packet_of(sent.events))
        text = f"ABCI code: {code}: error handling packet: see events for details"
        assert ack == f'{{"error":"{text}"}}'.encode()
        assert a.balance(a.user, "stake") == before
        assert a.balance(escrow(a), "stake") == 0
        renamed = [event for event in received.events if event.type.startswith("ibccallback")]
        assert renamed[0].type == "ibccallbackerror-fungible_token_packet"
        assert renamed[0].get("ibccallbackerror-success") == "false"
        assert told in (renamed[0].get("ibccallbackerror-error") or "")
        last = [event for event in acknowledged.events if event.type == "fungible_token_packet"][-1]
        assert last.attributes == (("error", text),)
    assert escrowed(a, "stake") == 0


def test_a_refused_voucher_is_minted_again(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 10, "stake")).events))
    sent = b.run(message(link.b, "nobody", 10, VOUCHER.local))
    assert b.bank.supply(b.context(), VOUCHER.local) == 0
    relay(link, link.b, packet_of(sent.events))
    assert b.balance(b.user, VOUCHER.local) == 10


def test_a_timeout_refunds(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    limit = b.clock.ns + 20 * SECOND
    sent = a.run(
        message(link.a, b.user, 40, "stake", timeout_height=None, timeout_timestamp=limit, memo="m")
    )
    packet = packet_of(sent.events)
    link.update(link.a, seconds=30)
    result = a.run(link.timeout(link.a, packet))
    assert a.balance(a.user, "stake") == 1000
    (event,) = [event for event in result.events if event.type == "timeout"]
    assert event.attributes == (
        ("receiver", a.user),
        ("refund_tokens", '{"denom":{"base":"stake","trace":null},"amount":"40"}'),
        ("memo", "m"),
        ("refund_receiver", a.user),
        ("refund_denom", "stake"),
        ("refund_amount", "40"),
    )
    again = a.run(link.timeout(link.a, packet))
    assert channel_tx.MsgTimeoutResponse.FromString(again.response.value).result == 1
    assert a.balance(a.user, "stake") == 1000


def test_the_largest_number_means_everything(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    sent = a.run(message(link.a, b.user, 2**256 - 1, "stake"))
    assert b'"amount":"1000"' in packet_of(sent.events).data
    assert a.balance(a.user, "stake") == 0
    refuse(a, message(link.a, b.user, 2**256 - 1, "stake"), ("transfer", 5), "empty spendable")


def refuse(chain: MiniChain, msg: tx.MsgTransfer, expected: tuple[str, int], text: str) -> None:
    with pytest.raises(AbciError) as caught:
        chain.run(msg)
    assert (caught.value.codespace, caught.value.code) == expected, str(caught.value)
    assert text in str(caught.value)


def test_sending_is_checked(link: Link) -> None:
    a, b = link.a.chain, link.b.chain

    def send(amount: int = 1, denom: str = "stake", **changes: Any) -> tx.MsgTransfer:
        receiver = changes.pop("receiver", b.user)
        return message(link.a, receiver, amount, denom, **changes)

    unknown = f"ibc/{'AB' * 32}"
    for msg, expected, text in (
        (send(1001), ("sdk", 5), "spendable balance 1000stake is smaller than 1001stake"),
        (send(0), ("ibc", 6), "0stake"),
        (send(-1), ("ibc", 6), "-1stake"),
        (send(1, "s"), ("ibc", 6), "1s"),
        (send(1, "ibc/xyz"), ("ibc", 6), "1ibc/xyz"),
        (send(1, unknown), ("transfer", 6), "AB: denomination not found"),
        (send(source_channel="channel-7"), ("channelv2", 8), "timeout must not be 0"),
        (
            send(source_channel="channel-7", timeout_timestamp=1),
            ("clientv2", 35),
            "send packet failed for source id: channel-7: counterparty not found",
        ),
        (send(source_port="!"), ("host", 2), "invalid source port ID"),
        (send(receiver=" "), ("ibc", 5), "missing recipient address"),
        (send(receiver="r" * 2049), ("ibc", 5), "must not exceed 2048 bytes"),
        (send(sender=""), ("ibc", 5), "missing sender address"),
        (send(memo="m" * 32_769), ("transfer", 11), "memo must not exceed 32768 bytes"),
        (send(timeout_height=None), ("channel", 13), "cannot both be 0"),
        (send(token={"denom": "stake", "amount": "1.5"}), ("sdk", 2), "1.5"),
    ):
        refuse(a, msg, expected, text)
    assert a.balance(a.user, "stake") == 1000
    # A native token whose name looks like a path is read as one, and its hops must be valid.
    a.fund(a.user, "5transfer/channel-9")
    sent = a.run(message(link.a, b.user, 5, "transfer/channel-9"))
    assert b'"denom":"transfer/channel-9"' in packet_of(sent.events).data


def test_switches_stop_transfers(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    sent = packet_of(a.run(message(link.a, b.user, 1, "stake")).events)
    off = transfer_pb2.Params(send_enabled=False, receive_enabled=False)
    b.run(tx.MsgUpdateParams(signer=b.authority, params=off))
    ack, _, _ = relay(link, link.a, sent)
    assert ack.startswith(b'{"error":"ABCI code: 8:')
    assert a.balance(a.user, "stake") == 1000
    b.fund(b.user, "5stake")
    refuse(b, message(link.b, a.user, 1, "stake"), ("transfer", 7), "are disabled")
    with pytest.raises(AbciError, match=r"expected .*, got"):
        b.run(tx.MsgUpdateParams(signer=b.user, params=off))


def test_channels_are_unordered_and_of_version_one() -> None:
    link = linked()
    with pytest.raises(AbciError, match=r"expected one of \[ics20-1\], got ics20-9") as caught:
        link.channel_init("transfer", channel_pb2.ORDER_UNORDERED, "ics20-9")
    assert (caught.value.codespace, caught.value.code) == ("transfer", 4)
    with pytest.raises(AbciError, match="expected ORDER_UNORDERED channel") as caught:
        link.channel_init("transfer", channel_pb2.ORDER_ORDERED, "")
    assert (caught.value.codespace, caught.value.code) == ("channel", 6)
    channel, _ = link.open_channel("transfer")
    stored = link.a.chain.ibc.channel(link.a.chain.context(), "transfer", channel)
    assert stored is not None
    assert stored.version == "ics20-1"


def test_an_acknowledgement_must_be_canonical(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    packet = packet_of(a.run(message(link.a, b.user, 1, "stake")).events)
    for ack, expected, text in (
        (b'{"result":"AQ==" }', ("ibc", 12), "did not marshal to expected bytes"),
        (b"\x01", ("ibc", 4), "cannot unmarshal"),
        (b"{}", ("ibc", 12), "got neither"),
    ):
        with pytest.raises(AbciError, match=text) as caught:
            a.transfer.on_acknowledgement_packet(a.context(), packet, ack, a.user)
        assert (caught.value.codespace, caught.value.code) == expected
    assert a.balance(a.user, "stake") == 999


def test_more_than_was_escrowed_is_never_released(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 10, "stake")).events))
    # A counterparty that lies about what it burned gets an error and nothing else.
    data = (
        f'{{"denom":"transfer/channel-0/stake","amount":"11","sender":"x","receiver":"{a.user}"}}'
    )
    ctx = b.context()
    b.ibc.send_packet(ctx, "transfer", "channel-0", Height(9, 1), 0, data.encode())
    link.update(link.a)
    received = a.run(link.recv(link.a, packet_of(ctx.events.events)))
    ack = attribute(received.events, "write_acknowledgement", "packet_ack")
    assert ack.startswith('{"error":"ABCI code: 5:')
    assert a.balance(a.user, "stake") == 990
    assert a.balance(escrow(a), "stake") == 10


def test_queries(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 10, "stake")).events))
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 2, "atom")).events))
    b.commit()

    def ask(method: str, **fields: Any) -> Any:
        request = getattr(query_pb2, f"Query{method}Request")(**fields)
        response = getattr(query_pb2, f"Query{method}Response")
        return b.query(f"/ibc.applications.transfer.v1.Query/{method}", request, response)

    def refused(method: str, text: str, **fields: Any) -> None:
        with pytest.raises(AbciError, match=text):
            ask(method, **fields)

    digest = VOUCHER.hash.hex().upper()
    assert ask("Params").params == transfer_pb2.Params(send_enabled=True, receive_enabled=True)
    for text in (digest, f"ibc/{digest}", digest.lower()):
        assert ask("Denom", hash=text).denom == VOUCHER.to_pb()
        trace = ask("DenomTrace", hash=text).denom_trace
        assert (trace.path, trace.base_denom) == ("transfer/channel-0", "stake")
    assert [denom.base for denom in ask("Denoms").denoms] == ["atom", "stake"]
    traces = ask("DenomTraces").denom_traces
    assert [trace.base_denom for trace in traces] == ["atom", "stake"]
    assert ask("DenomHash", trace="transfer/channel-0/stake").hash == digest
    where = {"port_id": "transfer", "channel_id": "channel-0"}
    assert ask("EscrowAddress", **where).escrow_address == escrow(b)
    assert ask("TotalEscrowForDenom", denom="stake").amount.amount == "0"
    refused("Denom", "invalid denom trace hash", hash="xyz")
    refused("Denom", "expected size to be 32 bytes", hash="AB")
    refused("Denom", "denomination not found", hash="AB" * 32)
    refused("DenomTrace", "NotFound", hash="AB" * 32)
    refused("DenomHash", "denomination not found", trace="transfer/channel-7/stake")
    refused("DenomHash", "cannot be blank", trace="")
    refused("EscrowAddress", "channel not found", port_id="transfer", channel_id="channel-7")
    refused("EscrowAddress", "InvalidArgument", port_id="!", channel_id="channel-7")
    refused("TotalEscrowForDenom", "invalid denom", denom="!")


def test_genesis_round_trip(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    relay(link, link.a, packet_of(a.run(message(link.a, b.user, 10, "stake")).events))
    for chain in (a, b):
        exported = chain.transfer.export_genesis(chain.context())
        fresh = MiniChain(chain.chain_id)
        fresh.transfer.init_genesis(fresh.context(Mode.GENESIS), exported)
        assert fresh.transfer.export_genesis(fresh.context()) == exported
        before, after = (dict(one.context().kv("transfer").prefix(b"")) for one in (chain, fresh))
        assert before == after
    assert a.transfer.export_genesis(a.context())["total_escrowed"] == [
        {"denom": "stake", "amount": "10"}
    ]
    with pytest.raises(GenesisError, match="unknown field nonsense"):
        a.transfer.init_genesis(a.context(Mode.GENESIS), {"nonsense": 1})


def test_nothing_is_received_twice(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    packet = packet_of(a.run(message(link.a, b.user, 10, "stake")).events)
    link.update(link.b)
    recv = link.recv(link.b, packet)
    for _ in range(3):
        b.run(recv)
    assert b.balance(b.user, VOUCHER.local) == 10
    path = host.packet_receipt_path("transfer", "channel-0", 1)
    assert b.context().kv("ibc").get(path.encode()) == b"\x01"
