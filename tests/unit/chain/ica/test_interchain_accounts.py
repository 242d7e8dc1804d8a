"""ICS-27 between two chains: registering, executing, refusing, timing out, opening again."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.accounts import pack
from helpers.ibc_world import MiniChain, attribute, linked, packet_of
from helpers.validators import SECOND
from unit.chain.transfer.test_callbacks import Listener

from chain import protojson
from chain.context import Mode
from chain.errors import AbciError, GenesisError
from chain.events import Event
from chain.modules.ibc.port import Counterparty
from chain.modules.ica import metadata
from chain.router import MessageResult
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_q
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import query_pb2 as controller_q
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import tx_pb2 as controller_tx
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import host_pb2
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import query_pb2 as host_q
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import tx_pb2 as host_tx
from cosmos_pb.ibc.applications.interchain_accounts.v1 import packet_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from light_client import host
from light_client.packet import Packet

CONTROLLER = "/ibc.applications.interchain_accounts.controller.v1.Query/"
HOST = "/ibc.applications.interchain_accounts.host.v1.Query/"
ORDERED, UNORDERED = channel_pb2.ORDER_ORDERED, channel_pb2.ORDER_UNORDERED


class Story:
    """A user of chain A who owns an account on chain B."""

    def __init__(self) -> None:
        self.link = linked()
        self.a, self.b = self.link.a.chain, self.link.b.chain
        self.owner = self.a.user
        self.port = f"icacontroller-{self.owner}"

    def begin(self, **changes: Any) -> MessageResult:
        values = {
            "owner": self.owner,
            "connection_id": self.link.a.connection,
            "ordering": UNORDERED,
        }
        return self.a.run(controller_tx.MsgRegisterInterchainAccount(**{**values, **changes}))

    def register(self, **changes: Any) -> str:
        """The whole handshake; the channel on A."""
        channel = attribute(self.begin(**changes).events, "channel_open_init", "channel_id")
        self.link.finish_channel(self.port, channel, "icahost")
        return channel

    @property
    def address(self) -> str:
        request = controller_q.QueryInterchainAccountRequest(
            owner=self.owner, connection_id=self.link.a.connection
        )
        answer = controller_q.QueryInterchainAccountResponse
        return str(self.a.query(f"{CONTROLLER}InterchainAccount", request, answer).address)

    def tx(self, data: bytes, memo: str = "", seconds: int = 60) -> controller_tx.MsgSendTx:
        carried = packet_pb2.InterchainAccountPacketData(
            type=packet_pb2.TYPE_EXECUTE_TX, data=data, memo=memo
        )
        return controller_tx.MsgSendTx(
            owner=self.owner,
            connection_id=self.link.a.connection,
            packet_data=carried,
            relative_timeout=seconds * SECOND,
        )

    def send(self, *messages: Message, **options: Any) -> Packet:
        return packet_of(self.a.run(self.tx(cosmos_tx(*messages), **options)).events)

    def relay(self, packet: Packet) -> tuple[dict[str, str], MessageResult]:
        """Receive and acknowledge; the acknowledgement and what receiving did."""
        self.link.update(self.link.b)
        received = self.b.run(self.link.recv(self.link.b, packet))
        ack = bytes.fromhex(attribute(received.events, "write_acknowledgement", "packet_ack_hex"))
        self.link.update(self.link.a)
        self.a.run(self.link.acknowledge(self.link.a, packet, ack))
        return json.loads(ack), received

    def bank_send(self, amount: int, sender: str = "") -> bank_tx.MsgSend:
        coins = [coin_pb2.Coin(denom="stake", amount=str(amount))]
        return bank_tx.MsgSend(
            from_address=sender or self.address, to_address=self.b.user, amount=coins
        )


def cosmos_tx(*messages: Message) -> bytes:
    return packet_pb2.CosmosTx(messages=map(pack, messages)).SerializeToString()


def told(events: Any) -> dict[str, str]:
    [found] = [event for event in events if event.type.endswith("ics27_packet")]
    return dict(found.attributes)


def refused(story: Story, data: bytes) -> tuple[dict[str, str], str]:
    """The acknowledgement of a packet that the host refuses, and the reason, which only the event tells."""
    packet = packet_of(story.a.run(story.tx(data)).events)
    ack, received = story.relay(packet)
    [event] = [each for each in received.events if each.type == "ibccallbackerror-ics27_packet"]
    return ack, plain(event)["error"]


def plain(event: Event) -> dict[str, str]:
    """Attributes of an event that core renamed."""
    return {key.removeprefix("ibccallbackerror-"): value for key, value in event.attributes}


def error_of(code: int) -> dict[str, str]:
    return {"error": f"ABCI code: {code}: error handling packet: see events for details"}


@pytest.fixture
def story() -> Story:
    made = Story()
    made.register()
    made.b.fund(made.address, "100stake")
    return made


# Registration.


def test_the_version_is_negotiated_and_the_account_made() -> None:
    story = Story()
    began = story.begin()
    answer = controller_tx.MsgRegisterInterchainAccountResponse.FromString(began.response.value)
    assert (answer.port_id, answer.channel_id) == (story.port, "channel-0")
    terms = (
        '{"version":"ics27-1","controller_connection_id":"connection-0",'
        '"host_connection_id":"connection-0","address":"%s","encoding":"proto3",'
        '"tx_type":"sdk_multi_msg"}'
    )
    assert attribute(began.events, "channel_open_init", "version") == terms % ""
    story.link.finish_channel(story.port, "channel-0", "icahost")
    for chain, port in ((story.a, story.port), (story.b, "icahost")):
        end = chain.ibc.channel(chain.context(), port, "channel-0")
        assert end is not None
        assert (end.state, end.ordering) == (channel_pb2.STATE_OPEN, UNORDERED)
        assert end.version == terms % story.address
    account = story.b.auth.account(story.b.context(), story.address)
    assert account is not None
    assert (account.owner, account.sequence, account.pub_key) == (story.port, 0, None)
    assert len(story.b.auth.address_bytes(story.address)) == 32


def test_the_address_is_that_of_the_block_before() -> None:
    """The value is of the vectors (ibc_core/derived_addresses.json), made with ibc-go's own code."""
    chain = MiniChain("gamma")
    ctx = chain.context()
    ctx.app_hash = bytes.fromhex("10690182bfe0c0d62af5790f2d2f9459092c46da70ff20802118f2dca8d4948f")
    found = chain.ica.host._make_account(ctx, "connection-12", "icacontroller-osmo1xyz")
    assert found == "cosmos1up5sajr0fjf29hj76l5yqn7f8zenpvd32rpxx7ms874n4prtzjys4epqkd"
    with pytest.raises(AbciError, match="existing account for newly generated") as caught:
        chain.ica.host._make_account(ctx, "connection-12", "icacontroller-osmo1xyz")
    assert (caught.value.codespace, caught.value.code) == ("interchainaccounts", 3)


def test_what_is_stored_has_ibc_gos_keys(story: Story) -> None:
    at = f"{story.port}/connection-0"
    assert dict(story.a.branch.iterate("icacontroller")) == {
        f"activeChannel/{at}".encode(): b"channel-0",
        f"isMiddlewareEnabled/{at}".encode(): b"\x02",
        f"owner/{at}".encode(): story.address.encode(),
        b"params": b"\x08\x01",
        f"port/{story.port}".encode(): b"\x01",
    }
    assert dict(story.b.branch.iterate("icahost")) == {
        f"activeChannel/{at}".encode(): b"channel-0",
        f"owner/{at}".encode(): story.address.encode(),
        b"params": b"\x08\x01\x12\x01*",
        b"port/icahost": b"\x01",
    }


def test_one_owner_has_one_account_per_connection(story: Story) -> None:
    with pytest.raises(AbciError, match="existing active channel channel-0 for portID") as caught:
        story.begin()
    assert (caught.value.codespace, caught.value.code) == ("interchainaccounts", 10)
    first = story.address
    story.owner = story.a.auth.address_text(b"somebody else entirel")
    story.port = f"icacontroller-{story.owner}"
    story.register()
    assert story.address != first


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"controller_connection_id": "connection-9"}, ("connection", 8), "got connection-9"),
        ({"host_connection_id": "connection-9"}, ("connection", 8), "got connection-9"),
        ({"encoding": "amino"}, ("interchainaccounts", 18), "unsupported encoding format amino"),
        ({"tx_type": "x"}, ("interchainaccounts", 2), "unsupported transaction type x"),
        ({"version": "ics27-9"}, ("interchainaccounts", 12), "expected ics27-1, got ics27-9"),
        ({"address": "a b"}, ("interchainaccounts", 13), "strictly alphanumeric"),
        ({"address": "a" * 129}, ("interchainaccounts", 13), "not exceeding 128 characters"),
    ],
)
def test_terms_that_are_refused(changes: dict[str, str], code: tuple[str, int], text: str) -> None:
    story = Story()
    terms = metadata.default("connection-0", "connection-0")
    for name, value in changes.items():
        setattr(terms, name, value)
    with pytest.raises(AbciError, match=text) as caught:
        story.begin(version=metadata.text(terms))
    assert (caught.value.codespace, caught.value.code) == code


def test_a_version_that_is_none() -> None:
    for version in ("ics27-1", '{"version":1}', '{"color":"red"}', "[]"):
        with pytest.raises(AbciError, match="cannot unmarshal ICS-27 interchain accounts metadata"):
            Story().begin(version=version)


def test_a_host_proposes_terms_in_place_of_what_it_cannot_read() -> None:
    story = Story()
    answer = story.b.ica.host.on_chan_open_try(
        story.b.context(),
        UNORDERED,
        ["connection-0"],
        "icahost",
        "channel-0",
        Counterparty("icacontroller-x", "channel-0"),
        "gibberish",
    )
    terms = metadata.parse(answer)
    assert terms.address
    terms.address = ""
    assert terms == metadata.default("connection-0", "connection-0")


@pytest.mark.parametrize("order", [0, 7])
def test_an_order_must_be_named(order: int) -> None:
    with pytest.raises(AbciError, match="invalid channel ordering"):
        Story().begin(ordering=order)


def test_messages_are_checked_without_state() -> None:
    story = Story()
    wrong: list[tuple[Message, str]] = [
        (
            controller_tx.MsgRegisterInterchainAccount(connection_id="x", ordering=UNORDERED),
            "connection ID",
        ),
        (
            controller_tx.MsgRegisterInterchainAccount(
                connection_id="connection-0", ordering=UNORDERED, owner=" "
            ),
            "owner address cannot be empty",
        ),
        (
            controller_tx.MsgRegisterInterchainAccount(
                connection_id="connection-0", ordering=UNORDERED, owner="o" * 2049
            ),
            "must not exceed 2048 bytes",
        ),
        (story.tx(b""), "packet data cannot be empty"),
        (story.tx(b"x", memo="m" * 32_769), "memo cannot be greater than 32768"),
        (story.tx(b"x", seconds=0), "relative timeout cannot be zero"),
        (host_tx.MsgModuleQuerySafe(signer=story.owner), "no queries provided"),
        (host_tx.MsgModuleQuerySafe(signer="nobody"), "string could not be parsed as address"),
        (controller_tx.MsgUpdateParams(signer=""), "string could not be parsed as address"),
        (
            host_tx.MsgUpdateParams(
                signer=story.owner, params=host_pb2.Params(allow_messages=["*", "/x"])
            ),
            "must have only one element",
        ),
        (
            host_tx.MsgUpdateParams(
                signer=story.owner, params=host_pb2.Params(allow_messages=["/x", " "])
            ),
            "must not contain empty strings",
        ),
        (
            host_tx.MsgUpdateParams(
                signer=story.owner, params=host_pb2.Params(allow_messages=["/x"] * 501)
            ),
            "must not exceed 500 items",
        ),
    ]
    for message, text in wrong:
        with pytest.raises(AbciError, match=text):
            story.a.run(message)


# Execution.


def test_messages_run_for_the_account(story: Story) -> None:
    packet = story.send(story.bank_send(30), story.bank_send(12), memo="two at once")
    assert json.loads(packet.data) == {
        "type": "TYPE_EXECUTE_TX",
        "data": json.loads(packet.data)["data"],
        "memo": "two at once",
    }
    assert list(json.loads(packet.data)) == ["type", "data", "memo"]
    ack, received = story.relay(packet)
    assert story.b.balance(story.b.user, "stake") == 42
    done = abci_pb2.TxMsgData.FromString(base64.b64decode(ack["result"]))
    assert [each.type_url for each in done.msg_responses] == [
        "/cosmos.bank.v1beta1.MsgSendResponse"
    ] * 2
    assert told(received.events) == {
        "module": "interchainaccounts",
        "host_channel_id": "channel-0",
        "success": "true",
    }
    assert any(event.type == "coin_spent" for event in received.events)


def test_all_or_nothing(story: Story) -> None:
    data = cosmos_tx(story.bank_send(30), story.bank_send(1_000))
    ack, reason = refused(story, data)
    assert ack == error_of(5)
    assert reason.startswith("failed to execute interchain account transaction: spendable balance")
    assert story.b.balance(story.b.user, "stake") == 0


def test_an_account_signs_for_itself_alone(story: Story) -> None:
    story.b.fund(story.b.user, "50stake")
    ack, reason = refused(story, cosmos_tx(story.bank_send(1, sender=story.b.user)))
    assert ack == error_of(2)
    assert f"unexpected signer address: expected {story.address}, got {story.b.user}" in reason


def test_messages_that_are_not_allowed(story: Story) -> None:
    params = host_pb2.Params(
        host_enabled=True, allow_messages=["/cosmos.bank.v1beta1.MsgMultiSend"]
    )
    story.b.run(host_tx.MsgUpdateParams(signer=story.b.authority, params=params))
    ack, reason = refused(story, cosmos_tx(story.bank_send(1)))
    assert ack == error_of(2)
    assert "message type not allowed: /cosmos.bank.v1beta1.MsgSend: unauthorized" in reason
    params.allow_messages[:] = ["/x", "/cosmos.bank.v1beta1.MsgSend"]
    story.b.run(host_tx.MsgUpdateParams(signer=story.b.authority, params=params))
    ack, _ = story.relay(story.send(story.bank_send(1)))
    assert "result" in ack


def test_stateless_checks_apply(story: Story) -> None:
    ack, reason = refused(story, cosmos_tx(story.bank_send(0)))
    assert ack == error_of(10)
    assert reason.endswith("invalid coins")


def test_no_messages_are_a_success(story: Story) -> None:
    empty = packet_pb2.CosmosTx().SerializeToString() or b"\x12\x00"  # an unknown field
    packet = packet_of(story.a.run(story.tx(empty)).events)
    ack, _ = story.relay(packet)
    assert ack == {"result": ""}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xff", "cannot unmarshal CosmosTx with protobuf"),
        (
            packet_pb2.CosmosTx(messages=[any_pb2.Any(type_url="/a.B")]).SerializeToString(),
            "no concrete type registered for type URL /a.B against interface",
        ),
        (
            packet_pb2.CosmosTx(
                messages=[any_pb2.Any(type_url="/cosmos.bank.v1beta1.MsgSend", value=b"\xff")]
            ).SerializeToString(),
            "cannot unmarshal CosmosTx with protobuf",
        ),
    ],
)
def test_data_that_is_no_transaction(story: Story, data: bytes, text: str) -> None:
    ack, reason = refused(story, data)
    assert ack == error_of(12)
    assert text in reason


def test_a_host_that_is_disabled(story: Story) -> None:
    story.b.run(host_tx.MsgUpdateParams(signer=story.b.authority, params=host_pb2.Params()))
    ack, reason = refused(story, cosmos_tx(story.bank_send(1)))
    assert ack == error_of(2)
    assert reason == "host submodule is disabled"
    with pytest.raises(AbciError, match="host submodule is disabled"):
        story.b.ica.host.on_chan_open_confirm(story.b.context(), "icahost", "channel-0")


def test_a_controller_that_is_disabled(story: Story) -> None:
    packet = story.send(story.bank_send(1))
    off = controller_tx.MsgUpdateParams(signer=story.a.authority)
    off.params.SetInParent()
    story.a.run(off)
    for act in (lambda: story.send(story.bank_send(1)), lambda: story.relay(packet)):
        with pytest.raises(AbciError, match="controller submodule is disabled"):
            act()


def test_only_the_authority_sets_parameters(story: Story) -> None:
    for message in (
        controller_tx.MsgUpdateParams(signer=story.owner),
        host_tx.MsgUpdateParams(signer=story.owner),
    ):
        with pytest.raises(AbciError, match=f"expected {story.a.authority}, got {story.owner}"):
            story.a.run(message)


# JSON in place of protobuf.


@pytest.fixture
def json_story() -> Story:
    made = Story()
    terms = metadata.default("connection-0", "connection-0")
    terms.encoding = "proto3json"
    made.register(version=metadata.text(terms))
    made.b.fund(made.address, "100stake")
    return made


def json_tx(story: Story, **changes: Any) -> dict[str, Any]:
    shown = {
        "@type": "/cosmos.bank.v1beta1.MsgSend",
        "from_address": story.address,
        "to_address": story.b.user,
        "amount": [{"denom": "stake", "amount": "7"}],
    }
    return {"messages": [{**shown, **changes}]}


def test_json_runs_too(json_story: Story) -> None:
    data = json.dumps(json_tx(json_story), indent=1).encode()
    ack, _ = json_story.relay(packet_of(json_story.a.run(json_story.tx(data)).events))
    assert "result" in ack
    assert json_story.b.balance(json_story.b.user, "stake") == 7


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"color": "red"}, "cannot unmarshal CosmosTx with proto3 json"),
        ({"@type": "/a.B"}, "cannot unmarshal CosmosTx with proto3 json"),
        ({"@type": "/cosmos.base.v1beta1.Coin"}, "cannot unmarshal CosmosTx with proto3 json"),
        ({"to_address": None}, "original and reconstructed JSON objects do not match"),
        ({"amount": [{"denom": "stake", "amount": 7}]}, "cannot unmarshal"),
    ],
)
def test_json_that_says_too_little_or_too_much(
    json_story: Story, changes: dict[str, Any], text: str
) -> None:
    ack, reason = refused(json_story, json.dumps(json_tx(json_story, **changes)).encode())
    assert ack == error_of(12)
    assert text in reason


@pytest.mark.parametrize("data", [b'{"messages":[{}]}', b'{"messages":[{},{},{}]}', b"{", b"[]"])
def test_json_of_ibc_gos_own_tests_that_is_none(json_story: Story, data: bytes) -> None:
    assert refused(json_story, data)[0] == error_of(12)


@pytest.mark.parametrize("depth", [50, 500, 3_000])
def test_json_that_is_deep(json_story: Story, depth: int) -> None:
    """Messages that hold messages: refused, however deep."""
    inner = '{"@type":"/cosmos.authz.v1beta1.MsgExec","msgs":['
    text = '{"messages":[' + inner * depth + "]}" * depth + "]}"
    assert refused(json_story, text.encode())[0] == error_of(12)


# Timeouts and channels that close.


def test_an_unordered_channel_survives_a_timeout(story: Story) -> None:
    packet = story.send(story.bank_send(1), seconds=5)
    story.link.update(story.link.a, seconds=10)
    story.a.run(story.link.timeout(story.link.a, packet))
    ack, _ = story.relay(story.send(story.bank_send(2)))
    assert "result" in ack
    assert story.b.balance(story.b.user, "stake") == 2


def test_an_ordered_channel_closes_and_is_opened_again_for_the_same_account() -> None:
    story = Story()
    story.register(ordering=ORDERED)
    address = story.address
    story.b.fund(address, "100stake")
    packet = story.send(story.bank_send(1), seconds=5)
    story.link.update(story.link.a, seconds=10)
    story.a.run(story.link.timeout(story.link.a, packet, ordered=True))
    with pytest.raises(AbciError, match="failed to retrieve active channel on connection") as gone:
        story.send(story.bank_send(1))
    assert (gone.value.codespace, gone.value.code) == ("interchainaccounts", 11)

    with pytest.raises(AbciError, match="order cannot change when reopening a channel"):
        story.begin(ordering=UNORDERED)
    terms = metadata.default("connection-0", "connection-0")
    terms.encoding = "proto3json"
    with pytest.raises(AbciError, match="previous active channel metadata does not match"):
        story.begin(version=metadata.text(terms), ordering=ORDERED)

    again = attribute(story.begin(ordering=ORDERED).events, "channel_open_init", "channel_id")
    with pytest.raises(AbciError, match="existing active channel channel-0 for portID icahost"):
        story.link.finish_channel(story.port, again, "icahost")
    close_on_host(story)
    story.link.finish_channel(story.port, again, "icahost")
    assert story.address == address
    ack, _ = story.relay(story.send(story.bank_send(3)))
    assert "result" in ack
    assert story.b.balance(story.b.user, "stake") == 3


def close_on_host(story: Story) -> None:
    story.link.update(story.link.b)
    confirm = channel_tx.MsgChannelCloseConfirm(
        port_id="icahost",
        channel_id="channel-0",
        proof_init=story.a.prove(host.channel_path(story.port, "channel-0")),
        proof_height=story.a.proof_height,
        signer=story.b.user,
    )
    story.b.run(confirm)


def test_an_account_that_became_something_else_is_not_opened_again(story: Story) -> None:
    ctx = story.b.context()
    raw = story.b.auth.address_bytes(story.address)
    account = story.b.auth.load(ctx, raw)
    assert account is not None
    story.b.auth.save(ctx, raw, type(account)(account.address, account.number))
    with pytest.raises(AbciError, match="does not have interchain account type") as caught:
        story.b.ica.host._account(ctx, "connection-0", story.port)
    assert (caught.value.codespace, caught.value.code) == ("interchainaccounts", 19)


# What each side does not do.


def test_steps_that_belong_to_the_other_side(story: Story) -> None:
    ours, theirs = story.a.ica.controller, story.b.ica.host
    packet = story.send(story.bank_send(1))
    for act in (
        ours.on_chan_open_try,
        ours.on_chan_open_confirm,
        theirs.on_chan_open_init,
        theirs.on_chan_open_ack,
        theirs.on_acknowledgement_packet,
        theirs.on_timeout_packet,
    ):
        with pytest.raises(AbciError) as caught:
            act()
        assert (caught.value.codespace, caught.value.code) == ("interchainaccounts", 5)
    for chain, port in ((story.a, story.port), (story.b, "icahost")):
        close = channel_tx.MsgChannelCloseInit(
            port_id=port, channel_id="channel-0", signer=chain.user
        )
        with pytest.raises(AbciError, match="user cannot close channel"):
            chain.run(close)
    ctx = story.a.context()
    ack = ours.on_recv_packet(ctx, packet, "")
    assert not ack.success
    assert told(ctx.events.events)["controller_channel_id"] == packet.destination_channel


def test_ports_that_do_not_fit() -> None:
    story = Story()
    ours = (story.a.context(), UNORDERED, ["connection-0"])
    with pytest.raises(AbciError, match=r"expected icacontroller-\{owner-account-address\}, got x"):
        story.a.ica.controller.on_chan_open_init(
            *ours, "x", "channel-0", Counterparty("icahost", ""), ""
        )
    with pytest.raises(AbciError, match="expected icahost, got transfer: invalid host port"):
        story.a.ica.controller.on_chan_open_init(
            *ours, story.port, "channel-0", Counterparty("transfer", ""), ""
        )
    with pytest.raises(AbciError, match="expected icahost, got icahost2: invalid host port"):
        story.a.ica.host.on_chan_open_try(
            *ours, "icahost2", "channel-0", Counterparty(story.port, "channel-0"), ""
        )


# Callbacks, queries, genesis.


def test_an_owner_that_is_a_contract_hears_of_its_packets(story: Story) -> None:
    listener = Listener()
    story.a.ica.call_back(listener)
    memo = json.dumps({"src_callback": {"address": story.owner}})
    packet = story.send(story.bank_send(5), memo=memo)
    story.relay(packet)
    assert [(call[0], call[-1]) for call in listener.heard] == [
        ("sending", story.owner),
        ("acknowledged", story.owner),
    ]
    late = story.send(story.bank_send(5), memo=memo, seconds=5)
    story.link.update(story.link.a, seconds=10)
    story.a.run(story.link.timeout(story.link.a, late))
    assert listener.heard[-1][0] == "timed out"


def test_queries_that_a_message_makes(story: Story) -> None:
    wanted = host_pb2.QueryRequest(
        path="/cosmos.bank.v1beta1.Query/Balance",
        data=bank_q.QueryBalanceRequest(address=story.address, denom="stake").SerializeToString(),
    )
    asking = host_tx.MsgModuleQuerySafe(signer=story.address, requests=[wanted])
    ack, _ = story.relay(story.send(asking))
    done = abci_pb2.TxMsgData.FromString(base64.b64decode(ack["result"]))
    answer = host_tx.MsgModuleQuerySafeResponse.FromString(done.msg_responses[0].value)
    balance = bank_q.QueryBalanceResponse.FromString(answer.responses[0])
    assert balance.balance.amount == "100"
    assert answer.height == story.b.height - 1
    wanted.path = "/cosmos.bank.v1beta1.Query/Nothing"
    with pytest.raises(AbciError, match=f"not module query safe: {wanted.path}"):
        story.b.run(host_tx.MsgModuleQuerySafe(signer=story.b.user, requests=[wanted]))
    wanted.path = "/cosmos.staking.v1beta1.Query/Pool"  # safe, but this little chain has no staking
    with pytest.raises(AbciError, match=f"no route to query: {wanted.path}"):
        story.b.run(host_tx.MsgModuleQuerySafe(signer=story.b.user, requests=[wanted]))


def test_queries(story: Story) -> None:
    params = story.b.query(f"{HOST}Params", host_q.QueryParamsRequest(), host_q.QueryParamsResponse)
    assert (params.params.host_enabled, list(params.params.allow_messages)) == (True, ["*"])
    asked, answer = controller_q.QueryParamsRequest(), controller_q.QueryParamsResponse
    assert story.a.query(f"{CONTROLLER}Params", asked, answer).params.controller_enabled
    for owner, text in (
        ("nobody", "failed to retrieve account address for icacontroller-nobody on connection x"),
        (" ", "failed to generate portID from owner address: owner address cannot be empty"),
    ):
        request = controller_q.QueryInterchainAccountRequest(owner=owner, connection_id="x")
        with pytest.raises(AbciError, match=text):
            story.a.query(
                f"{CONTROLLER}InterchainAccount",
                request,
                controller_q.QueryInterchainAccountResponse,
            )


def test_genesis_keeps_everything(story: Story) -> None:
    for chain in (story.a, story.b):
        state = chain.ica.export_genesis(chain.context())
        fresh = MiniChain("delta")
        fresh.ica.init_genesis(fresh.context(Mode.GENESIS), state)
        assert fresh.ica.export_genesis(fresh.context()) == state
        for store in ("icacontroller", "icahost"):
            assert dict(fresh.branch.iterate(store)) == dict(chain.branch.iterate(store))
    exported = story.a.ica.export_genesis(story.a.context())["controller_genesis_state"]
    assert exported["ports"] == [story.port]


@pytest.mark.parametrize(
    "state",
    [
        {"color": "red"},
        {"host_genesis_state": {"params": {"allow_messages": ["*", "/x"]}}},
    ],
)
def test_a_genesis_that_is_wrong(state: dict[str, Any]) -> None:
    chain = MiniChain("delta")
    with pytest.raises(GenesisError, match=r"app_state\.interchainaccounts"):
        chain.ica.init_genesis(chain.context(Mode.GENESIS), state)


def test_an_interchain_account_survives_its_encoding(story: Story) -> None:
    packed = story.b.auth.account(story.b.context(), story.address)
    assert packed is not None
    shown = protojson.value(packed.to_any())
    assert shown["@type"] == "/ibc.applications.interchain_accounts.v1.InterchainAccount"
    assert shown["account_owner"] == story.port
    assert packed.next().owner == story.port
    fresh = MiniChain("delta")
    state = story.b.auth.export_genesis(story.b.context())
    fresh.auth.init_genesis(fresh.context(Mode.GENESIS), state)
    assert fresh.auth.account(fresh.context(), story.address) == packed
