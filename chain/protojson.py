"""Protobuf messages as JSON the way that gogoproto's jsonpb writes them with every field (``ProtoMarshalJSON``).

Fields have their proto names and stand in the order of their declaration; 64-bit integers are text; what is not set is
``null``, an empty list ``[]``, an empty ``bytes`` ``null``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from chain import gojson
from cosmos_pb._pool import POOL
from light_client.values import Timestamp

_TEXT_NUMBERS: Final = frozenset({Field.CPPTYPE_INT64, Field.CPPTYPE_UINT64})
_NS: Final = 10**9


def encode(message: Message) -> bytes:
    return gojson.encode(value(message))


def value(message: Message) -> Any:
    """What JSON shows of a message."""
    special = _SPECIAL.get(message.DESCRIPTOR.full_name)
    if special is not None:
        return special(message)
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: Any) -> Any:
    held = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        shown = field.message_type.fields_by_name["value"]
        return {str(key): _one(shown, held[key]) for key in sorted(held)}
    if field.is_repeated:
        return [_one(field, item) for item in held]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _one(field, held)


def _one(field: Any, held: Any) -> Any:
    if field.type == Field.TYPE_MESSAGE:
        return value(held)
    if field.type == Field.TYPE_BYTES:
        return base64.b64encode(held).decode() if held else None
    if field.type == Field.TYPE_ENUM:
        known = field.enum_type.values_by_number.get(held)
        return held if known is None else known.name
    return str(held) if field.cpp_type in _TEXT_NUMBERS else held


def _any(message: Any) -> Any:
    """The message inside, with its type in front; null when there is none."""
    if not message.type_url:
        return None
    name = message.type_url.rpartition("/")[2]
    inner = message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))
    shown = value(inner.FromString(message.value))
    body = shown if isinstance(shown, dict) else {"value": shown}
    return {"@type": message.type_url, **body}


def _timestamp(message: Any) -> str:
    return Timestamp(message.seconds, message.nanos).rfc3339()


def _duration(message: Any) -> str:
    total = message.seconds * _NS + message.nanos
    whole, part = divmod(abs(total), _NS)
    digits = f".{part:09}".rstrip("0").rstrip(".") if part else ""
    return f"{'-' if total < 0 else ''}{whole}{digits}s"


_SPECIAL: Final[Mapping[str, Callable[[Any], Any]]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
}
