"""Fields that have another wire type than their own.

Go's generated code (gogoproto) refuses a message with one; protobuf's own reader passes over it, as if the
number were unknown. A verifier that lets such a message through would agree to bytes that no chain accepts.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from light_client.errors import DecodeError

MAX_PARTS: Final = 200_000  # two headers of the largest validator sets have less


def check(message: Message) -> None:
    """Raises DecodeError for a known field of a wrong wire type, or if there is too much to look through."""
    for count, part in enumerate(_parts(message)):
        if count == MAX_PARTS:
            raise DecodeError(f"client message with unknown fields and more than {count} parts")
        fields = part.DESCRIPTOR.fields_by_number
        for unknown in cast("Iterable[Any]", UnknownFieldSet(part)):
            if unknown.field_number in fields:
                name = fields[unknown.field_number].full_name
                raise DecodeError(f"wrong wire type {unknown.wire_type} for field {name}")


def _parts(message: Message) -> Iterator[Message]:
    """The message and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                yield from _parts(part)
