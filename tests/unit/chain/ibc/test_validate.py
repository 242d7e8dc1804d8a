"""Stateless validation of every message: what is refused, with which error, before anything is read."""

from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.ibc_world import Link, linked

from chain.errors import AbciError
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from cosmos_pb.ibc.core.connection.v1 import tx_pb2 as connection_tx
from light_client.codec import to_any

LINK: Link = linked()
SIGNER = LINK.a.signer
VERSION = {"identifier": "1", "features": ["ORDER_ORDERED"]}
PACKET = {
    "sequence": 1,
    "source_port": "mock",
    "source_channel": "channel-0",
    "destination_port": "mock",
    "destination_channel": "channel-0",
    "data": b"x",
    "timeout_timestamp": 1,
}
END = {
    "state": channel_pb2.STATE_TRYOPEN,
    "ordering": channel_pb2.ORDER_UNORDERED,
    "counterparty": {"port_id": "mock", "channel_id": "channel-0"},
    "connection_hops": ["connection-0"],
}
COUNTERPARTY = {
    "client_id": "07-tendermint-0",
    "connection_id": "connection-0",
    "prefix": {"key_prefix": b"ibc"},
}
GOOD: dict[type[Message], dict[str, Any]] = {
    client_tx.MsgUpdateClient: {
        "client_id": "07-tendermint-0",
        "client_message": to_any(
            LINK.b.chain.client_header(LINK.b.chain.revised(1)),
        ),
    },
    client_tx.MsgUpgradeClient: {
        "client_id": "07-tendermint-0",
        "client_state": to_any(LINK.b.chain.client_state()),
        "consensus_state": to_any(LINK.b.chain.consensus_state()),
        "proof_upgrade_client": b"x",
        "proof_upgrade_consensus_state": b"x",
    },
    client_tx.MsgRecoverClient: {
        "subject_client_id": "07-tendermint-0",
        "substitute_client_id": "07-tendermint-1",
    },
    client_tx.MsgUpdateParams: {"params": {"allowed_clients": ["07-tendermint"]}},
    client_tx.MsgDeleteClientCreator: {"client_id": "07-tendermint-0"},
    connection_tx.MsgConnectionOpenTry: {
        "client_id": "07-tendermint-0",
        "counterparty": COUNTERPARTY,
        "counterparty_versions": [VERSION],
        "proof_init": b"x",
    },
    connection_tx.MsgConnectionOpenAck: {
        "connection_id": "connection-0",
        "counterparty_connection_id": "connection-0",
        "version": VERSION,
        "proof_try": b"x",
    },
    connection_tx.MsgConnectionOpenConfirm: {"connection_id": "connection-0", "proof_ack": b"x"},
    connection_tx.MsgUpdateParams: {"params": {"max_expected_time_per_block": 1}},
    channel_tx.MsgChannelOpenTry: {"port_id": "mock", "channel": END, "proof_init": b"x"},
    channel_tx.MsgChannelOpenAck: {
        "port_id": "mock",
        "channel_id": "channel-0",
        "counterparty_channel_id": "channel-0",
        "proof_try": b"x",
    },
    channel_tx.MsgChannelOpenConfirm: {
        "port_id": "mock",
        "channel_id": "channel-0",
        "proof_ack": b"x",
    },
    channel_tx.MsgChannelCloseInit: {"port_id": "mock", "channel_id": "channel-0"},
    channel_tx.MsgChannelCloseConfirm: {
        "port_id": "mock",
        "channel_id": "channel-0",
        "proof_init": b"x",
    },
    channel_tx.MsgRecvPacket: {"packet": PACKET, "proof_commitment": b"x"},
    channel_tx.MsgAcknowledgement: {
        "packet": PACKET,
        "acknowledgement": b"x",
        "proof_acked": b"x",
    },
    channel_tx.MsgTimeout: {
        "packet": PACKET,
        "proof_unreceived": b"x",
        "next_sequence_recv": 1,
    },
    channel_tx.MsgTimeoutOnClose: {
        "packet": PACKET,
        "proof_unreceived": b"x",
        "proof_close": b"x",
        "next_sequence_recv": 1,
    },
}


def validate(kind: type[Message], **changes: Any) -> None:
    fields = {"signer": SIGNER, **GOOD[kind], **changes}
    message = kind(**{name: value for name, value in fields.items() if value is not None})
    service = LINK.a.chain.messages.service(f"/{kind.DESCRIPTOR.full_name}")
    assert list(service.signers(message)) == [fields["signer"]]
    service.validate(message)


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
def test_good_messages_pass(kind: type[Message]) -> None:
    validate(kind)


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("signer", ["", "cosmos1", "osmo1a53udazy8ayufvy0s434pfwjcedzqv347h34au"])
def test_signers_are_addresses_of_this_chain(kind: type[Message], signer: str) -> None:
    with pytest.raises(AbciError, match="string could not be parsed as address") as caught:
        validate(kind, signer=signer)
    assert (caught.value.codespace, caught.value.code) == ("ibc", 5)


PROOFS = [
    (kind, name)
    for kind, fields in GOOD.items()
    for name, value in fields.items()
    if value == b"x" and name != "acknowledgement" and "upgrade" not in name
]


@pytest.mark.parametrize(("kind", "name"), PROOFS, ids=lambda part: getattr(part, "__name__", part))
def test_proofs_are_not_empty(kind: type[Message], name: str) -> None:
    with pytest.raises(AbciError, match="cannot submit an empty") as caught:
        validate(kind, **{name: b""})
    assert (caught.value.codespace, caught.value.code) == ("commitment", 2)


REFUSED: list[tuple[type[Message], dict[str, Any], tuple[str, int]]] = [
    (client_tx.MsgUpdateClient, {"client_id": "x"}, ("host", 2)),
    (client_tx.MsgUpdateClient, {"client_message": None}, ("ibc", 14)),
    (client_tx.MsgUpgradeClient, {"proof_upgrade_client": b""}, ("client", 25)),
    (client_tx.MsgUpgradeClient, {"proof_upgrade_consensus_state": b""}, ("client", 25)),
    (client_tx.MsgUpgradeClient, {"client_id": "!"}, ("host", 2)),
    (client_tx.MsgRecoverClient, {"subject_client_id": "!"}, ("host", 2)),
    (client_tx.MsgRecoverClient, {"substitute_client_id": "07-tendermint-0"}, ("client", 27)),
    (client_tx.MsgUpdateParams, {"params": {"allowed_clients": ["*", "a"]}}, ("client", 10)),
    (client_tx.MsgUpdateParams, {"params": {"allowed_clients": ["a", "a"]}}, ("client", 10)),
    (client_tx.MsgUpdateParams, {"params": {"allowed_clients": [" "]}}, ("client", 10)),
    (client_tx.MsgUpdateParams, {"params": {"allowed_clients": ["a"] * 201}}, ("client", 10)),
    (client_tx.MsgDeleteClientCreator, {"client_id": "client"}, ("host", 2)),
    (connection_tx.MsgConnectionOpenTry, {"client_id": "09-localhost"}, ("client", 10)),
    (
        connection_tx.MsgConnectionOpenTry,
        {"counterparty": {**COUNTERPARTY, "connection_id": ""}},
        ("host", 2),
    ),
    (
        connection_tx.MsgConnectionOpenTry,
        {"counterparty": {**COUNTERPARTY, "client_id": ""}},
        ("host", 2),
    ),
    (
        connection_tx.MsgConnectionOpenTry,
        {"counterparty_versions": [VERSION] * 101},
        ("ibc", 10),
    ),
    (
        connection_tx.MsgConnectionOpenTry,
        {"counterparty_versions": [{"identifier": "1", "features": [" "]}]},
        ("connection", 9),
    ),
    (
        connection_tx.MsgConnectionOpenTry,
        {"counterparty_versions": [{"identifier": "1", "features": ["f"] * 101}]},
        ("connection", 9),
    ),
    (connection_tx.MsgConnectionOpenAck, {"connection_id": "connection"}, ("connection", 11)),
    (connection_tx.MsgConnectionOpenAck, {"counterparty_connection_id": ""}, ("host", 2)),
    (connection_tx.MsgConnectionOpenAck, {"version": None}, ("connection", 9)),
    (connection_tx.MsgUpdateParams, {"params": {}}, ("connection", 9)),
    (channel_tx.MsgChannelOpenTry, {"port_id": "p"}, ("host", 2)),
    (
        channel_tx.MsgChannelOpenTry,
        {"channel": {**END, "state": channel_pb2.STATE_INIT}},
        ("channel", 5),
    ),
    (
        channel_tx.MsgChannelOpenTry,
        {"channel": {**END, "counterparty": {"port_id": "mock"}}},
        ("host", 2),
    ),
    (
        channel_tx.MsgChannelOpenTry,
        {"channel": {**END, "counterparty": {"port_id": "", "channel_id": "channel-0"}}},
        ("host", 2),
    ),
    (
        channel_tx.MsgChannelOpenTry,
        {"channel": {**END, "connection_hops": ["x"]}},
        ("host", 2),
    ),
    (channel_tx.MsgChannelOpenAck, {"counterparty_channel_id": "!"}, ("host", 2)),
    (channel_tx.MsgChannelCloseInit, {"channel_id": "chan-0"}, ("channel", 18)),
    (channel_tx.MsgAcknowledgement, {"acknowledgement": b""}, ("channel", 16)),
    (channel_tx.MsgTimeout, {"next_sequence_recv": 0}, ("ibc", 1)),
    (channel_tx.MsgTimeoutOnClose, {"next_sequence_recv": 0}, ("ibc", 1)),
    *(
        (kind, {"packet": {**PACKET, name: value}}, expected)
        for kind in (
            channel_tx.MsgRecvPacket,
            channel_tx.MsgAcknowledgement,
            channel_tx.MsgTimeout,
            channel_tx.MsgTimeoutOnClose,
        )
        for name, value, expected in (
            ("sequence", 0, ("channel", 13)),
            ("data", b"", ("channel", 13)),
            ("timeout_timestamp", 0, ("channel", 13)),
            ("source_port", "!", ("host", 2)),
            ("destination_port", "!", ("host", 2)),
            ("source_channel", "!", ("host", 2)),
            ("destination_channel", "!", ("host", 2)),
        )
    ),
]


@pytest.mark.parametrize(("kind", "changes", "expected"), REFUSED)
def test_bad_messages_are_refused(
    kind: type[Message], changes: dict[str, Any], expected: tuple[str, int]
) -> None:
    with pytest.raises(AbciError) as caught:
        validate(kind, **changes)
    assert (caught.value.codespace, caught.value.code) == expected, str(caught.value)
