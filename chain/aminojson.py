"""Protobuf messages as amino JSON, the text that SIGN_MODE_LEGACY_AMINO_JSON signs.

Which name a message has, which fields stay when they are empty and which are encoded in a way of their own, say the
options of the .proto files (``amino/amino.proto``). The rules are those of cosmossdk.io/x/tx, signing/aminojson: keys
sorted, 64-bit integers as text, an Any as ``{"type", "value"}``, times as RFC 3339, durations as nanoseconds.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import isinf
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, OneofDescriptor
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import DecodeError, Message

from chain import coins, gojson
from cosmos_pb import message_class
from cosmos_pb.amino import amino_pb2
from cosmos_pb.cosmos_proto import cosmos_pb2
from cosmos_pb.google.protobuf import any_pb2, descriptor_pb2
from light_client.values import ZERO_TIME, Timestamp

MAX_DEPTH: Final = 10
"""How many messages may be inside one another (cosmos-sdk codec/types MaxUnpackAnyRecursionDepth)."""

_MAX_DURATION: Final = (2**63 - 1) // 10**9 - 1
"""The most seconds of a duration that are still nanoseconds of 64 bits."""

_TEXT_NUMBERS: Final = frozenset({Field.CPPTYPE_INT64, Field.CPPTYPE_UINT64})
_NUMBERS: Final = frozenset({Field.CPPTYPE_INT32, Field.CPPTYPE_UINT32, Field.CPPTYPE_ENUM})

Writer = Callable[[Any, int], str]
"""The JSON of a value, and how many messages inside one another may yet follow."""


class AminoError(ValueError):
    """A message that has no amino JSON."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one field is written, and what stays of it when it is empty."""

    name: str
    field: Field
    empty: str | None
    write: Writer


def encode(message: Message, depth: int = MAX_DEPTH) -> str:
    """The JSON of a message without its type; AminoError when it cannot be told in amino."""
    special = _SPECIAL.get(message.DESCRIPTOR.full_name)
    if special is not None:
        return special(message, depth)
    members = (
        f"{gojson.quote(shape.name)}:{value}"
        for shape in _shapes(message.DESCRIPTOR)
        if (value := _member(message, shape, depth)) is not None
    )
    return "{" + ",".join(members) + "}"


def encode_any(packed: any_pb2.Any, depth: int = MAX_DEPTH) -> str:
    """The message inside with its amino name, or its type URL where it has none; AminoError if it cannot be read."""
    if depth == 0:
        raise AminoError("max depth exceeded")
    try:
        kind = message_class(packed.type_url.removeprefix("/"))
        message = kind.FromString(packed.value)
    except KeyError as error:
        raise AminoError(f"can't resolve type URL {packed.type_url}") from error
    except DecodeError as error:
        raise AminoError(f"{packed.type_url}: {error}") from error
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise AminoError(f"{packed.type_url} has unknown fields")
    return f'{{"type":"{_name(message.DESCRIPTOR)}","value":{encode(message, depth - 1)}}}'


def inline(data: bytes) -> str:
    """JSON in bytes, written anew as Go writes what it read: keys sorted, numbers as 64-bit floats. AminoError."""
    try:
        return _sorted(gojson.loads(data))
    except (ValueError, RecursionError) as error:
        raise AminoError("could not normalize JSON: invalid JSON bytes") from error


def _member(message: Message, shape: _Shape, depth: int) -> str | None:
    """The JSON of a field's value; None for one that is left out."""
    field, held = shape.field, getattr(message, shape.field.name)
    if field.is_repeated:
        present = bool(held)
    elif field.has_presence:
        present = message.HasField(field.name)
    else:
        present = held != field.default_value
    if present:
        return shape.write(held, depth)
    group = field.containing_oneof
    return shape.empty if group is None or message.WhichOneof(group.name) is None else None


@lru_cache(maxsize=1024)
def _shapes(descriptor: Descriptor) -> tuple[_Shape, ...]:
    return tuple(sorted(map(_shape, descriptor.fields), key=lambda shape: shape.name))


def _shape(field: Field) -> _Shape:
    options = descriptor_pb2.FieldOptions.FromString(field.GetOptions().SerializeToString())
    if field.containing_oneof is not None:
        return _choice(field, field.containing_oneof, options.Extensions[amino_pb2.oneof_name])
    encoding = options.Extensions[amino_pb2.encoding]
    is_integer = options.Extensions[cosmos_pb2.scalar] == "cosmos.Int"
    empty = None
    if options.Extensions[amino_pb2.dont_omitempty]:
        empty = '"0"' if is_integer else _empty(field, encoding)
    return _Shape(
        name=options.Extensions[amino_pb2.field_name] or field.name,
        field=field,
        empty=empty,
        write=_integer if is_integer else _writer(field, encoding),
    )


def _choice(field: Field, group: OneofDescriptor, name: str) -> _Shape:
    """A field of a oneof, under the oneof's name and wrapped with one of its own; the first speaks for an empty one."""
    if not name:
        raise AminoError(f"field {field.name} within a oneof has no amino name")
    one = _one(field)
    return _Shape(
        name=group.name.title().replace("_", ""),
        field=field,
        empty="null" if group.fields[0].name == field.name else None,
        write=lambda held, depth: (
            f'{{"type":"{name}","value":{{{gojson.quote(field.name)}:{one(held, depth)}}}}}'
        ),
    )


def _writer(field: Field, encoding: str) -> Writer:
    one = _inline if encoding == "inline_json" else _one(field)
    if not field.is_repeated:
        return one
    if encoding == "inline_json" or _is_map(field):
        return _unsupported
    return lambda held, depth: "[" + ",".join(one(item, depth) for item in held) + "]"


def _one(field: Field) -> Writer:
    """How one value of a field is written."""
    if field.type == Field.TYPE_BYTES:
        return lambda held, _: f'"{b64encode(held).decode()}"'
    if field.cpp_type in _TEXT_NUMBERS:
        return lambda held, _: f'"{held}"'
    if field.cpp_type in _NUMBERS:
        return lambda held, _: str(held)
    simple: dict[int, Writer] = {
        Field.CPPTYPE_MESSAGE: encode,
        Field.CPPTYPE_STRING: lambda held, _: gojson.quote(held),
        Field.CPPTYPE_BOOL: lambda held, _: "true" if held else "false",
    }
    return simple.get(field.cpp_type, _unsupported)


def _empty(field: Field, encoding: str) -> str:
    """What a field looks like that is kept though nothing is in it; Go's structs are never without their messages."""
    if field.is_repeated:
        return "[]" if encoding == "legacy_coins" else "null"
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return f'"{ZERO_TIME}"'
        return encode(message_class(field.message_type.full_name)())
    return "null" if field.type == Field.TYPE_BYTES else _one(field)(field.default_value, 0)


def _inline(data: bytes, _: int) -> str:
    return inline(data)


def _integer(text: str, _: int) -> str:
    try:
        return f'"{coins.integer(text)}"'
    except ValueError as error:
        raise AminoError(f"invalid integer {text!r}") from error


def _unsupported(held: Any, _: int) -> str:
    raise AminoError(f"unsupported type {type(held).__name__}")


def _is_map(field: Field) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


@lru_cache(maxsize=1024)
def _name(descriptor: Descriptor) -> str:
    options = descriptor_pb2.MessageOptions.FromString(descriptor.GetOptions().SerializeToString())
    return options.Extensions[amino_pb2.name] or f"/{descriptor.full_name}"


def _timestamp(message: Any, _: int) -> str:
    if message.nanos < 0:
        raise AminoError(f"nanos must be non-negative on timestamp {message}")
    return f'"{Timestamp(message.seconds, message.nanos).rfc3339()}"'


def _duration(message: Any, _: int) -> str:
    if message.seconds > _MAX_DURATION:
        raise AminoError(
            f"{message.seconds} seconds would overflow an int64 when represented as nanoseconds"
        )
    return f'"{message.seconds * 10**9 + message.nanos}"'


def _sorted(value: Any) -> str:
    if isinstance(value, gojson.Pairs):
        members = sorted(dict(value).items())  # of members with one name Go keeps the last
        return "{" + ",".join(f"{gojson.quote(k)}:{_sorted(v)}" for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_sorted, value)) + "]"
    if isinstance(value, gojson.Number):
        return _float(float(value.text))
    return gojson.quote(value) if isinstance(value, str) else gojson.encode(value).decode()


def _float(number: float) -> str:
    if isinf(number):
        raise AminoError("a number is out of range")
    return gojson.number(number)


def _unseen(_: Any, __: int) -> str:
    """Wasmd declares these after the files that use them, so that x/tx knows none of their fields there.

    A signature in this mode therefore says nothing of them, and wallets that write them out are refused, as by wasmd
    0.61.
    """
    return "{}"


_SPECIAL: Final[dict[str, Writer]] = {
    "google.protobuf.Any": encode_any,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "cosmwasm.wasm.v1.AccessConfig": _unseen,
    "cosmwasm.wasm.v1.Params": _unseen,
}
