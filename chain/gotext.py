"""What Go prints: protobuf messages in a line of text (gogoproto's proto/text.go, compact), and bytes (``%v``)."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

_ESCAPES: Final = {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}

WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's ``strings.TrimSpace`` takes away; Python's ``strip`` would take four control characters more."""


def compact(message: Message) -> str:
    """``name:value `` for each field that is set, messages between ``<`` and ``>``."""
    return "".join(
        f"{field.name}:{_value(field, item)} "
        for field, held in message.ListFields()
        for item in (held if field.is_repeated else (held,))
    )


def octets(data: bytes) -> str:
    """``[1 2 255]``."""
    return f"[{' '.join(map(str, data))}]"


def _value(field: Field, held: Any) -> str:
    if field.type == Field.TYPE_MESSAGE:
        return f"<{compact(held)}>"
    if field.type == Field.TYPE_STRING:
        return _quoted(held.encode())
    if field.type == Field.TYPE_BYTES:
        return _quoted(held)
    if field.type == Field.TYPE_BOOL:
        return "true" if held else "false"
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(held)
        return known.name if known else str(held)
    return str(held)


def _quoted(data: bytes) -> str:
    shown = (
        _ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}")
        for byte in data
    )
    return f'"{"".join(shown)}"'
