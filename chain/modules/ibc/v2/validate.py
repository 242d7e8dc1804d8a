"""Stateless validation of IBC v2's messages, in the order of ibc-go (``msgs.go``, ``packet.go``, ``config.go``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from chain.errors import AbciError, unregistered
from chain.modules.ibc.errors import INVALID_ID, INVALID_PROOF, explaining
from chain.modules.ibc.v2.codec import packet_from_pb, payload_from_pb
from chain.modules.ibc.v2.errors import (
    INVALID_ACKNOWLEDGEMENT,
    INVALID_COUNTERPARTY,
    INVALID_PACKET,
    INVALID_PAYLOAD,
    INVALID_TIMEOUT,
)
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v2 import tx_pb2 as client_tx
from light_client import host
from light_client.errors import IdentifierError
from light_client.packet_v2 import PacketV2, Payload

MAX_PAYLOADS: Final = 262_144
"""Bytes that the values of all payloads may have together."""
MAX_ALLOWED_RELAYERS: Final = 20


class ValidatorV2:
    """``address`` gives the bytes of a signer's address, or refuses with ibc/5."""

    def __init__(self, address: Callable[[str], bytes]) -> None:
        self._address = address

    # 02-client.

    def register_counterparty(self, msg: client_tx.MsgRegisterCounterparty) -> None:
        self._address(msg.signer)
        if not msg.counterparty_merkle_prefix:
            raise INVALID_COUNTERPARTY("counterparty messaging key cannot be empty")
        with explaining():
            host.validate_client_id(msg.client_id)
            host.validate_client_id(msg.counterparty_client_id)
        if not (is_client_id(msg.client_id) and is_client_id(msg.counterparty_client_id)):
            raise INVALID_ID(
                f"{msg.client_id} and {msg.counterparty_client_id} must be in valid format: "
                "{string}-{number}"
            )

    def update_client_config(self, msg: client_tx.MsgUpdateClientConfig) -> None:
        self._address(msg.signer)
        with explaining():
            host.validate_client_id(msg.client_id)
        if not is_client_id(msg.client_id):
            raise INVALID_ID(
                f"client ID {msg.client_id} must be in valid format: {{string}}-{{number}}"
            )
        self._relayers(msg.config.allowed_relayers)

    def _relayers(self, relayers: Sequence[str]) -> None:
        if len(relayers) > MAX_ALLOWED_RELAYERS:
            raise unregistered(
                f"allowed relayers length must not exceed {MAX_ALLOWED_RELAYERS} items"
            )
        for relayer in relayers:
            try:
                self._address(relayer)
            except AbciError as error:
                raise unregistered(f"invalid relayer address: {relayer}") from error

    # 04-channel.

    def send_packet(self, msg: channel_tx.MsgSendPacket) -> None:
        with explaining():
            host.validate_client_id(msg.source_client)
        if not msg.timeout_timestamp:
            raise INVALID_TIMEOUT("timeout must not be 0")
        if len(msg.payloads) != 1:
            raise INVALID_PAYLOAD(f"payloads must be of length 1, got {len(msg.payloads)} instead")
        validate_payload(payload_from_pb(msg.payloads[0]))
        self._address(msg.signer)

    def recv_packet(self, msg: channel_tx.MsgRecvPacket) -> None:
        _require_proof(msg.proof_commitment, "proof commitment can not be empty")
        self._address(msg.signer)
        validate_packet(packet_from_pb(msg.packet))

    def acknowledgement(self, msg: channel_tx.MsgAcknowledgement) -> None:
        _require_proof(msg.proof_acked, "cannot submit an empty acknowledgement proof")
        validate_acknowledgement(msg.acknowledgement.app_acknowledgements)
        self._address(msg.signer)
        validate_packet(packet_from_pb(msg.packet))

    def timeout(self, msg: channel_tx.MsgTimeout) -> None:
        _require_proof(msg.proof_unreceived, "proof unreceived can not be empty")
        self._address(msg.signer)
        validate_packet(packet_from_pb(msg.packet))


def validate_packet(packet: PacketV2) -> None:
    """``Packet.ValidateBasic``: one payload of a bearable size, clients' identifiers, a sequence, a timeout."""
    if len(packet.payloads) != 1:
        raise INVALID_PACKET("payloads must contain exactly one payload")
    (payload,) = packet.payloads
    with explaining("invalid Payload"):
        validate_payload(payload)
    if len(payload.value) > MAX_PAYLOADS:
        raise INVALID_PACKET(f"packet data bytes cannot exceed {MAX_PAYLOADS} bytes")
    with explaining("invalid source ID"):
        host.validate_channel_id(packet.source_client)
    with explaining("invalid destination ID"):
        host.validate_channel_id(packet.destination_client)
    if not packet.sequence:
        raise INVALID_PACKET("packet sequence cannot be 0")
    if not packet.timeout_timestamp:
        raise INVALID_PACKET("packet timeout timestamp cannot be 0")


def validate_payload(payload: Payload) -> None:
    """``Payload.ValidateBasic``."""
    with explaining("invalid source port ID"):
        host.validate_port_id(payload.source_port)
    with explaining("invalid destination port ID"):
        host.validate_port_id(payload.destination_port)
    for what, missing in (
        ("version", not payload.version.strip()),
        ("encoding", not payload.encoding.strip()),
        ("value", not payload.value),
    ):
        if missing:
            raise INVALID_PAYLOAD(f"payload {what} cannot be empty")


def validate_acknowledgement(app_acknowledgements: Sequence[bytes]) -> None:
    """``Acknowledgement.Validate``: one, and not an empty one."""
    if len(app_acknowledgements) != 1:
        raise INVALID_ACKNOWLEDGEMENT("app acknowledgements must be of length one")
    if not app_acknowledgements[0]:
        raise INVALID_ACKNOWLEDGEMENT("app acknowledgement cannot be empty")


def is_client_id(text: str) -> bool:
    """Whether it has the form of a client's identifier, ``{type}-{number}``."""
    try:
        host.parse_client_id(text)
    except IdentifierError:
        return False
    return True


def _require_proof(proof: bytes, refusal: str) -> None:
    if not proof:
        raise INVALID_PROOF(refusal)
