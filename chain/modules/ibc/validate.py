"""Stateless validation of IBC core messages, in the order of ibc-go (``ValidateBasic`` in each ``msgs.go``)."""

from __future__ import annotations

from typing import Final

from chain.modules.ibc.clients import Clients
from chain.modules.ibc.errors import (
    IBC_INVALID_ADDRESS,
    IBC_INVALID_SEQUENCE,
    IBC_INVALID_VERSION,
    INVALID_ACKNOWLEDGEMENT,
    INVALID_CHANNEL_COUNTERPARTY,
    INVALID_CHANNEL_ID,
    INVALID_CHANNEL_ORDERING,
    INVALID_CHANNEL_STATE,
    INVALID_CLIENT_TYPE,
    INVALID_CONNECTION_COUNTERPARTY,
    INVALID_CONNECTION_ID,
    INVALID_CONNECTION_VERSION,
    INVALID_ID,
    INVALID_PACKET,
    INVALID_PROOF,
    INVALID_SUBSTITUTE,
    INVALID_UPGRADE_CLIENT,
    TOO_MANY_HOPS,
    bare,
    explaining,
)
from chain.modules.ibc.store import enum_name
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from cosmos_pb.ibc.core.connection.v1 import tx_pb2 as connection_tx
from light_client import bech32, host
from light_client.codec import packet_from_pb
from light_client.errors import DecodeError, IdentifierError
from light_client.packet import Packet

MAX_PACKET_DATA: Final = 262_144
_MAX_VERSIONS = 100
_MAX_FEATURES = 100
_MAX_ALLOWED_CLIENTS = 200


class Validator:
    """Checks messages of a chain whose addresses carry ``prefix``."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def address(self, text: str) -> bytes:
        """The bytes of a signer's address; ibc/5 when it is none of this chain's."""
        unparsed = "string could not be parsed as address"
        if not text.strip():
            raise IBC_INVALID_ADDRESS(f"{unparsed}: empty address string is not allowed")
        try:
            prefix, raw = bech32.decode(text)
        except DecodeError as error:
            raise IBC_INVALID_ADDRESS(f"{unparsed}: decoding bech32 failed: {error}") from error
        if prefix != self._prefix or not raw:
            raise IBC_INVALID_ADDRESS(
                f"{unparsed}: invalid Bech32 prefix; expected {self._prefix}, got {prefix}"
            )
        return raw

    def text(self, address: bytes) -> str:
        """An address in bech32; nobody's is empty text."""
        return bech32.encode(self._prefix, address) if address else ""

    # 02-client.

    def create_client(self, msg: client_tx.MsgCreateClient) -> None:
        self.address(msg.signer)
        state_type = self._clients.of_packed(msg.client_state)
        with explaining():
            state_type.validate_client_state(msg.client_state)
        if self._clients.of_packed(msg.consensus_state) is not state_type:
            raise INVALID_CLIENT_TYPE(
                "client type for client state and consensus state do not match"
            )
        with explaining():
            state_type.validate_consensus_state(msg.consensus_state)

    def update_client(self, msg: client_tx.MsgUpdateClient) -> None:
        self.address(msg.signer)
        with explaining():
            self._clients.of_packed(msg.client_message).validate_message(msg.client_message)
            host.validate_client_id(msg.client_id)

    def submit_misbehaviour(self, msg: client_tx.MsgSubmitMisbehaviour) -> None:
        self.address(msg.signer)
        with explaining():
            self._clients.of_packed(msg.misbehaviour).validate_message(msg.misbehaviour)
            host.validate_client_id(msg.client_id)

    def upgrade_client(self, msg: client_tx.MsgUpgradeClient) -> None:
        expected = self._clients.of_packed(msg.client_state).client_type
        got = self._clients.of_packed(msg.consensus_state).client_type
        if expected != got:
            raise INVALID_UPGRADE_CLIENT(
                "consensus state's client-type does not match client. "
                f"expected: {expected}, got: {got}"
            )
        if not msg.proof_upgrade_client:
            raise INVALID_UPGRADE_CLIENT("proof of upgrade client cannot be empty")
        if not msg.proof_upgrade_consensus_state:
            raise INVALID_UPGRADE_CLIENT("proof of upgrade consensus state cannot be empty")
        self.address(msg.signer)
        with explaining():
            host.validate_client_id(msg.client_id)

    def recover_client(self, msg: client_tx.MsgRecoverClient) -> None:
        self.address(msg.signer)
        with explaining():
            host.validate_client_id(msg.subject_client_id)
            host.validate_client_id(msg.substitute_client_id)
        if msg.subject_client_id == msg.substitute_client_id:
            raise INVALID_SUBSTITUTE("subject and substitute clients must be different")

    def client_params(self, msg: client_tx.MsgUpdateParams) -> None:
        self.address(msg.signer)
        allowed = list(msg.params.allowed_clients)
        if len(allowed) > _MAX_ALLOWED_CLIENTS:
            raise INVALID_CLIENT_TYPE(
                f"allowed clients length must not exceed {_MAX_ALLOWED_CLIENTS} items"
            )
        if "*" in allowed and len(allowed) > 1:
            raise INVALID_CLIENT_TYPE(
                "allow list must have only one element because the allow all clients wildcard "
                "(*) is present"
            )
        for index, client_type in enumerate(allowed):
            if not client_type.strip():
                raise INVALID_CLIENT_TYPE(f"client type {index} cannot be blank")
            if client_type in allowed[:index]:
                raise INVALID_CLIENT_TYPE(f"duplicate client type: {client_type}")

    def delete_client_creator(self, msg: client_tx.MsgDeleteClientCreator) -> None:
        self.address(msg.signer)
        with explaining():
            host.validate_client_id(msg.client_id)
        try:
            host.parse_client_id(msg.client_id)
        except IdentifierError as error:
            raise INVALID_ID(
                f"client ID {msg.client_id} must be in valid format: {{string}}-{{number}}"
            ) from error

    # 03-connection.

    def connection_open_init(self, msg: connection_tx.MsgConnectionOpenInit) -> None:
        _connection_client(msg.client_id)
        if msg.counterparty.connection_id:
            raise INVALID_CONNECTION_COUNTERPARTY(
                "counterparty connection identifier must be empty"
            )
        if msg.HasField("version"):
            with explaining("basic validation of the provided version failed"):
                validate_version(msg.version)
        self.address(msg.signer)
        _connection_counterparty(msg.counterparty)

    def connection_open_try(self, msg: connection_tx.MsgConnectionOpenTry) -> None:
        _connection_client(msg.client_id)
        with explaining("invalid counterparty connection ID"):
            host.validate_connection_id(msg.counterparty.connection_id)
        if not msg.counterparty_versions:
            raise IBC_INVALID_VERSION("empty counterparty versions")
        if len(msg.counterparty_versions) > _MAX_VERSIONS:
            raise IBC_INVALID_VERSION(
                f"counterparty versions must not exceed {_MAX_VERSIONS} items"
            )
        for index, version in enumerate(msg.counterparty_versions):
            with explaining(f"basic validation failed on version with index {index}"):
                validate_version(version)
        _require_proof(msg.proof_init, "cannot submit an empty proof init")
        self.address(msg.signer)
        _connection_counterparty(msg.counterparty)

    def connection_open_ack(self, msg: connection_tx.MsgConnectionOpenAck) -> None:
        _own_connection(msg.connection_id)
        with explaining("invalid counterparty connection ID"):
            host.validate_connection_id(msg.counterparty_connection_id)
        if not msg.HasField("version"):
            raise INVALID_CONNECTION_VERSION("version cannot be nil")
        validate_version(msg.version)
        _require_proof(msg.proof_try, "cannot submit an empty proof try")
        self.address(msg.signer)

    def connection_open_confirm(self, msg: connection_tx.MsgConnectionOpenConfirm) -> None:
        _own_connection(msg.connection_id)
        _require_proof(msg.proof_ack, "cannot submit an empty proof ack")
        self.address(msg.signer)

    def connection_params(self, msg: connection_tx.MsgUpdateParams) -> None:
        self.address(msg.signer)
        if not msg.params.max_expected_time_per_block:
            raise INVALID_CONNECTION_VERSION("MaxExpectedTimePerBlock cannot be zero")

    # 04-channel.

    def channel_open_init(self, msg: channel_tx.MsgChannelOpenInit) -> None:
        _port(msg.port_id)
        _require_state(msg.channel, channel_pb2.STATE_INIT, "MsgChannelOpenInit")
        if msg.channel.counterparty.channel_id:
            raise INVALID_CHANNEL_COUNTERPARTY("counterparty channel identifier must be empty")
        self.address(msg.signer)
        validate_channel(msg.channel)

    def channel_open_try(self, msg: channel_tx.MsgChannelOpenTry) -> None:
        _port(msg.port_id)
        if msg.previous_channel_id:
            raise INVALID_CHANNEL_ID(
                "previous channel identifier must be empty, this field has been deprecated as "
                "crossing hellos are no longer supported"
            )
        _require_proof(msg.proof_init, "cannot submit an empty init proof")
        _require_state(msg.channel, channel_pb2.STATE_TRYOPEN, "MsgChannelOpenTry")
        with explaining("invalid counterparty channel ID"):
            host.validate_channel_id(msg.channel.counterparty.channel_id)
        self.address(msg.signer)
        validate_channel(msg.channel)

    def channel_open_ack(self, msg: channel_tx.MsgChannelOpenAck) -> None:
        _own_channel(msg.port_id, msg.channel_id)
        with explaining("invalid counterparty channel ID"):
            host.validate_channel_id(msg.counterparty_channel_id)
        _require_proof(msg.proof_try, "cannot submit an empty try proof")
        self.address(msg.signer)

    def channel_open_confirm(self, msg: channel_tx.MsgChannelOpenConfirm) -> None:
        _own_channel(msg.port_id, msg.channel_id)
        _require_proof(msg.proof_ack, "cannot submit an empty acknowledgement proof")
        self.address(msg.signer)

    def channel_close_init(self, msg: channel_tx.MsgChannelCloseInit) -> None:
        _own_channel(msg.port_id, msg.channel_id)
        self.address(msg.signer)

    def channel_close_confirm(self, msg: channel_tx.MsgChannelCloseConfirm) -> None:
        _own_channel(msg.port_id, msg.channel_id)
        _require_proof(msg.proof_init, "cannot submit an empty init proof")
        self.address(msg.signer)

    def recv_packet(self, msg: channel_tx.MsgRecvPacket) -> None:
        _require_proof(msg.proof_commitment, "cannot submit an empty commitment proof")
        self.address(msg.signer)
        validate_packet(packet_from_pb(msg.packet))

    def acknowledgement(self, msg: channel_tx.MsgAcknowledgement) -> None:
        _require_proof(msg.proof_acked, "cannot submit an empty acknowledgement proof")
        if not msg.acknowledgement:
            raise INVALID_ACKNOWLEDGEMENT("ack bytes cannot be empty")
        self.address(msg.signer)
        validate_packet(packet_from_pb(msg.packet))

    def timeout(self, msg: channel_tx.MsgTimeout) -> None:
        _require_proof(msg.proof_unreceived, "cannot submit an empty unreceived proof")
        _require_next_sequence(msg.next_sequence_recv)
        self.address(msg.signer)
        validate_packet(packet_from_pb(msg.packet))

    def timeout_on_close(self, msg: channel_tx.MsgTimeoutOnClose) -> None:
        _require_next_sequence(msg.next_sequence_recv)
        _require_proof(msg.proof_unreceived, "cannot submit an empty unreceived proof")
        _require_proof(
            msg.proof_close, "cannot submit an empty proof of closed counterparty channel end"
        )
        self.address(msg.signer)
        validate_packet(packet_from_pb(msg.packet))


def validate_packet(packet: Packet) -> None:
    """``Packet.ValidateBasic``: identifiers, a sequence, a timeout, and data of a bearable size."""
    for what, check, text in (
        ("source port", host.validate_port_id, packet.source_port),
        ("destination port", host.validate_port_id, packet.destination_port),
        ("source channel", host.validate_channel_id, packet.source_channel),
        ("destination channel", host.validate_channel_id, packet.destination_channel),
    ):
        with explaining(f"invalid {what} ID"):
            check(text)
    if packet.sequence == 0:
        raise INVALID_PACKET("packet sequence cannot be 0")
    if packet.timeout_height.is_zero and not packet.timeout_timestamp:
        raise INVALID_PACKET("packet timeout height and packet timeout timestamp cannot both be 0")
    if not packet.data:
        raise INVALID_PACKET("packet data bytes cannot be empty")
    if len(packet.data) > MAX_PACKET_DATA:
        raise INVALID_PACKET(f"packet data bytes cannot exceed {MAX_PACKET_DATA} bytes")


def validate_version(version: connection_pb2.Version) -> None:
    if not version.identifier.strip():
        raise INVALID_CONNECTION_VERSION("version identifier cannot be blank")
    if len(version.features) > _MAX_FEATURES:
        raise INVALID_CONNECTION_VERSION(f"features length must not exceed {_MAX_FEATURES} items")
    for index, feature in enumerate(version.features):
        if not feature.strip():
            raise INVALID_CONNECTION_VERSION(f"feature cannot be blank, index {index}")


def validate_channel(channel: channel_pb2.Channel) -> None:
    if channel.state == channel_pb2.STATE_UNINITIALIZED_UNSPECIFIED:
        raise bare(INVALID_CHANNEL_STATE)
    if channel.ordering not in {channel_pb2.ORDER_ORDERED, channel_pb2.ORDER_UNORDERED}:
        raise INVALID_CHANNEL_ORDERING(enum_name(channel_pb2.Order, channel.ordering))
    if len(channel.connection_hops) != 1:
        raise TOO_MANY_HOPS("current IBC version only supports one connection hop")
    with explaining("invalid connection hop ID"):
        host.validate_connection_id(channel.connection_hops[0])
    with explaining("invalid counterparty port ID"):
        host.validate_port_id(channel.counterparty.port_id)
    if channel.counterparty.channel_id:
        with explaining("invalid counterparty channel ID"):
            host.validate_channel_id(channel.counterparty.channel_id)


def _connection_client(client_id: str) -> None:
    if client_id == host.LOCALHOST_CLIENT_ID:
        raise INVALID_CLIENT_TYPE("localhost connection handshakes are disallowed")
    with explaining("invalid client ID"):
        host.validate_client_id(client_id)


def _connection_counterparty(counterparty: connection_pb2.Counterparty) -> None:
    if counterparty.connection_id:
        with explaining("invalid counterparty connection ID"):
            host.validate_connection_id(counterparty.connection_id)
    with explaining("invalid counterparty client ID"):
        host.validate_client_id(counterparty.client_id)
    if not counterparty.prefix.key_prefix:
        raise INVALID_CONNECTION_COUNTERPARTY("counterparty prefix cannot be empty")


def _own_connection(connection_id: str) -> None:
    try:
        host.parse_connection_id(connection_id)
    except IdentifierError as error:
        raise bare(INVALID_CONNECTION_ID) from error


def _own_channel(port_id: str, channel_id: str) -> None:
    _port(port_id)
    try:
        host.parse_channel_id(channel_id)
    except IdentifierError as error:
        raise bare(INVALID_CHANNEL_ID) from error


def _port(port_id: str) -> None:
    with explaining("invalid port ID"):
        host.validate_port_id(port_id)


def _require_state(
    channel: channel_pb2.Channel, state: channel_pb2.State.ValueType, message: str
) -> None:
    if channel.state != state:
        name = channel_pb2.State.Name(state)
        raise INVALID_CHANNEL_STATE(
            f"channel state must be {name.removeprefix('STATE_')} in {message}. "
            f"expected: {name}, got: {enum_name(channel_pb2.State, channel.state)}"
        )


def _require_proof(proof: bytes, refusal: str) -> None:
    if not proof:
        raise INVALID_PROOF(refusal)


def _require_next_sequence(sequence: int) -> None:
    if not sequence:
        raise IBC_INVALID_SEQUENCE("next sequence receive cannot be 0")
