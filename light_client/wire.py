"""The few protobuf encodings that are hashed or signed, written by hand.

They are on the hot path of every header, and their rules are not those of a generic serializer:
gogoproto always emits an embedded message that is not nullable, even an empty one.
"""

from functools import lru_cache

from light_client.values import Timestamp

_U64 = (1 << 64) - 1
_ONE_BYTE = tuple(bytes((value,)) for value in range(256))


def uvarint(value: int) -> bytes:
    """Protobuf's base-128 integer; a negative int64 takes ten bytes."""
    if 0 <= value < 128:
        return _ONE_BYTE[value]
    value &= _U64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint_field(tag: int, value: int) -> bytes:
    """Field number `tag` with wire type 0; nothing when the value is zero."""
    return _ONE_BYTE[tag << 3] + uvarint(value) if value else b""


def bytes_field(tag: int, value: bytes) -> bytes:
    """Field number `tag` with wire type 2; nothing when the value is empty."""
    return message_field(tag, value) if value else b""


def message_field(tag: int, body: bytes) -> bytes:
    """An embedded message that is always written, empty or not."""
    return _ONE_BYTE[tag << 3 | 2] + uvarint(len(body)) + body


def sfixed64_field(tag: int, value: int) -> bytes:
    """Field number `tag` with wire type 1; nothing when the value is zero."""
    return _ONE_BYTE[tag << 3 | 1] + value.to_bytes(8, "little", signed=True) if value else b""


def timestamp(time: Timestamp) -> bytes:
    """The body of a `google.protobuf.Timestamp`."""
    return _seconds(time.seconds) + varint_field(2, time.nanos)


@lru_cache(maxsize=256)
def _seconds(seconds: int) -> bytes:
    """The first field, remembered: the votes of a commit have few different seconds."""
    return varint_field(1, seconds)


def read_uvarint(data: bytes, at: int) -> tuple[int, int]:
    """The integer at offset `at` and the offset behind it (Go `binary.ReadUvarint`).

    Raises ValueError if the data ends within the integer or it exceeds 64 bits.
    """
    value = shift = 0
    for position in range(at, min(at + 10, len(data))):
        byte = data[position]
        value |= (byte & 127) << shift
        if byte < 128:
            if value > _U64:
                break
            return value, position + 1
        shift += 7
    raise ValueError("truncated or oversized varint")


def read_zigzag(data: bytes, at: int) -> tuple[int, int]:
    """As `read_uvarint`, for signed integers in zig-zag form (Go `binary.ReadVarint`)."""
    value, end = read_uvarint(data, at)
    return (value >> 1) ^ -(value & 1), end


def zigzag(value: int) -> bytes:
    """A signed integer in zig-zag form, as IAVL writes heights, sizes and versions."""
    return uvarint(value << 1 if value >= 0 else (-value << 1) - 1)
