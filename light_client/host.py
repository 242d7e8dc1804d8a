"""ICS-24: where things are stored under the "ibc" prefix, and what an identifier may look like.

Sources: ibc-go `modules/core/24-host` and `modules/core/02-client/types/keys.go`.
"""

import re
from typing import Final

from light_client.errors import DecodeError, IdentifierError
from light_client.values import U64_MAX, Height, is_blank

STORE_PREFIX: Final = b"ibc"
LOCALHOST_CLIENT_ID: Final = "09-localhost"

_CHARACTERS = re.compile(r"[a-zA-Z0-9._+\-#\[\]<>]+")
_CLIENT_ID = re.compile(r"\w+(?:[\w-]+\w)?-[0-9]{1,20}", re.ASCII)
_LENGTHS = {"client": (4, 64), "connection": (10, 64), "channel": (8, 64), "port": (2, 128)}


def client_state_path(client_id: str) -> str:
    return f"clients/{client_id}/clientState"


def consensus_state_path(client_id: str, height: Height) -> str:
    return f"clients/{client_id}/consensusStates/{height}"


def connection_path(connection_id: str) -> str:
    return f"connections/{connection_id}"


def client_connections_path(client_id: str) -> str:
    return f"clients/{client_id}/connections"


def channel_path(port_id: str, channel_id: str) -> str:
    return f"channelEnds/{_channel(port_id, channel_id)}"


def packet_commitment_path(port_id: str, channel_id: str, sequence: int) -> str:
    return f"commitments/{_channel(port_id, channel_id)}/sequences/{sequence}"


def packet_ack_path(port_id: str, channel_id: str, sequence: int) -> str:
    return f"acks/{_channel(port_id, channel_id)}/sequences/{sequence}"


def packet_receipt_path(port_id: str, channel_id: str, sequence: int) -> str:
    return f"receipts/{_channel(port_id, channel_id)}/sequences/{sequence}"


def next_sequence_send_path(port_id: str, channel_id: str) -> str:
    return f"nextSequenceSend/{_channel(port_id, channel_id)}"


def next_sequence_recv_path(port_id: str, channel_id: str) -> str:
    return f"nextSequenceRecv/{_channel(port_id, channel_id)}"


def next_sequence_ack_path(port_id: str, channel_id: str) -> str:
    return f"nextSequenceAck/{_channel(port_id, channel_id)}"


def processed_time_path(client_id: str, height: Height) -> str:
    return f"{consensus_state_path(client_id, height)}/processedTime"


def processed_height_path(client_id: str, height: Height) -> str:
    return f"{consensus_state_path(client_id, height)}/processedHeight"


def iterate_consensus_key(client_id: str, height: Height) -> bytes:
    """The key that keeps consensus states in order of height (07-tendermint `IterationKey`)."""
    big_endian = height.revision_number.to_bytes(8, "big") + height.revision_height.to_bytes(
        8, "big"
    )
    return f"clients/{client_id}/iterateConsensusStates".encode() + big_endian


def packet_commitment_key_v2(client_id: str, sequence: int) -> bytes:
    """IBC v2 (`24-host/v2`): commitments carry the byte 1, receipts 2, acknowledgements 3."""
    return client_id.encode() + b"\x01" + sequence.to_bytes(8, "big")


def packet_receipt_key_v2(client_id: str, sequence: int) -> bytes:
    return client_id.encode() + b"\x02" + sequence.to_bytes(8, "big")


def packet_ack_key_v2(client_id: str, sequence: int) -> bytes:
    return client_id.encode() + b"\x03" + sequence.to_bytes(8, "big")


def validate_client_id(text: str) -> None:
    _validate("client", text)


def validate_connection_id(text: str) -> None:
    _validate("connection", text)


def validate_channel_id(text: str) -> None:
    _validate("channel", text)


def validate_port_id(text: str) -> None:
    _validate("port", text)


def parse_client_id(text: str) -> tuple[str, int]:
    """Split "07-tendermint-3" into the client type and the sequence.

    Raises IdentifierError (host/2) if the text has another form.
    """
    if text == LOCALHOST_CLIENT_ID:
        return text, 0
    if not _CLIENT_ID.fullmatch(text):
        raise IdentifierError(
            f"invalid client identifier {text} is not in format: `{{client-type}}-{{N}}`"
        )
    client_type, _, number = text.rpartition("-")
    return client_type, _sequence(number, text)


def parse_connection_id(text: str) -> int:
    """The N of "connection-N"; raises IdentifierError for any other text."""
    return _numbered(text, "connection-")


def parse_channel_id(text: str) -> int:
    """The N of "channel-N"; raises IdentifierError for any other text."""
    return _numbered(text, "channel-")


def parse_height(text: str) -> Height:
    """`Height.parse` for text from outside: raises DecodeError."""
    try:
        return Height.parse(text)
    except ValueError as error:
        raise DecodeError(str(error)) from error


def _channel(port_id: str, channel_id: str) -> str:
    return f"ports/{port_id}/channels/{channel_id}"


def _numbered(text: str, prefix: str) -> int:
    number = text.removeprefix(prefix)
    if number == text or not re.fullmatch(r"[0-9]{1,20}", number):
        raise IdentifierError(f"identifier {text} is not in format `{prefix}{{N}}`")
    return _sequence(number, text)


def _sequence(digits: str, text: str) -> int:
    if int(digits) > U64_MAX:
        raise IdentifierError(f"sequence of identifier {text} exceeds 64 bits")
    return int(digits)


def _validate(kind: str, text: str) -> None:
    """The checks of `defaultIdentifierValidator`, in its order; lengths count bytes as in Go."""
    least, most = _LENGTHS[kind]
    length = len(text.encode(errors="surrogatepass"))
    if is_blank(text):
        raise IdentifierError("identifier cannot be blank")
    if "/" in text:
        raise IdentifierError(f"identifier {text} cannot contain separator '/'")
    if not least <= length <= most:
        raise IdentifierError(
            f"identifier {text} has invalid length: {length}, "
            f"must be between {least}-{most} characters"
        )
    if not _CHARACTERS.fullmatch(text):
        raise IdentifierError(
            f"identifier {text} must contain only alphanumeric or the following characters: "
            "'.', '_', '+', '-', '#', '[', ']', '<', '>'"
        )
