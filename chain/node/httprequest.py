"""Requests of queries out of paths, query parameters and bodies, as grpc-gateway v1 reads them.

Every value is text until the field that it names says what it is (``runtime/query.go``, ``runtime/convert.go``); the
texts of refusals are those of Go's ``strconv`` and ``encoding/base64``. Parameters that name no field are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from chain import gobase64, gojson, protojson

_INTEGER: Final = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?[0-9])*)",
    re.ASCII,
)
_BASES: Final = {"0x": 16, "0b": 2, "0o": 8}
_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_MAX_DEPTH: Final = 8
"""Names in a parameter's path, such as the two of ``pagination.limit``: no request is deeper."""


class RequestError(ValueError):
    """A request that does not fit its method; the text is what the client is told."""


def from_path(request: Message, held: Mapping[str, str]) -> None:
    """Set the fields that stand in the path; lists are separated by commas. RequestError names the parameter."""
    for name, text in held.items():
        field = request.DESCRIPTOR.fields_by_name[name]
        try:
            if field.is_repeated:
                getattr(request, name).extend(_convert(field, one) for one in text.split(","))
            else:
                setattr(request, name, _convert(field, text))
        except ValueError as error:
            raise RequestError(f"type mismatch, parameter: {name}, error: {error}") from error


def from_parameters(
    request: Message, parameters: Iterable[tuple[str, str]], taken: Iterable[str]
) -> None:
    """Set what the query parameters name, but for the fields that were ``taken`` from the path."""
    collected: dict[str, list[str]] = {}
    for name, text in parameters:
        collected.setdefault(name, []).append(text)
    path_fields = frozenset(taken)
    for name, texts in collected.items():
        names = name.split(".")
        if names[0] not in path_fields and len(names) <= _MAX_DEPTH:
            _set(request, names, texts)


def from_body(request: Message, body: bytes) -> None:
    """Set what a JSON body holds; an empty one is an empty request."""
    if not body.strip():
        return
    try:
        protojson.fill(request, gojson.loads(body, trailing=True), loose=True)
    except (ValueError, RecursionError) as error:
        raise RequestError(str(error)) from error


def _set(message: Message, names: list[str], texts: list[str], at: int = 0) -> None:
    """Set the field at the end of the path ``names``, of which ``message`` is where ``at`` points."""
    field = _field(message, names[at])
    if field is None:
        return
    if at + 1 < len(names):
        _set_inside(message, field, names, texts, at)
    elif field.type == Field.TYPE_MESSAGE:
        name = _go_name(field.message_type)
        raise RequestError(f"field type *{name} is not supported in query parameters")
    else:
        try:
            _assign(message, field, texts)
        except ValueError as error:
            raise RequestError(str(error)) from error


def _set_inside(message: Message, field: Any, names: list[str], texts: list[str], at: int) -> None:
    if field.is_repeated:
        raise RequestError(f"unexpected repeated field in {'.'.join(names)}")
    if field.type != Field.TYPE_MESSAGE:
        path = ".".join(names[: at + 1])
        raise RequestError(f"unexpected nested field {names[at + 1]} in {path}")
    inner = getattr(message, field.name)
    inner.SetInParent()
    _set(inner, names, texts, at + 1)


def _assign(message: Message, field: Any, texts: list[str]) -> None:
    if field.is_repeated:
        values = [_convert(field, text) for text in texts]
        message.ClearField(field.name)
        getattr(message, field.name).extend(values)
    else:
        setattr(message, field.name, _convert(field, texts[0]))


def _field(message: Message, name: str) -> Any:
    """A field by its own name or its JSON name."""
    descriptor = message.DESCRIPTOR
    found = descriptor.fields_by_name.get(name)
    return found if found is not None else descriptor.fields_by_camelcase_name.get(name)


def _convert(field: Any, text: str) -> Any:
    if field.type == Field.TYPE_ENUM:
        return _enum(field, text)
    return _CONVERT[field.type](text)


def _enum(field: Any, text: str) -> int:
    enum = field.enum_type
    named = enum.values_by_name.get(text)
    if named is not None:
        return int(named.number)
    if re.fullmatch(r"[+-]?[0-9]{1,10}", text, re.ASCII) and int(text) in enum.values_by_number:
        return int(text)
    raise ValueError(f"{text} is not a valid {_go_name(enum)}")


def _go_name(descriptor: Any) -> str:
    """``PageRequest`` of ``cosmos.base.query.v1beta1`` is query.PageRequest in Go; x/gov has a package per version."""
    *_, module, version, _ = descriptor.full_name.split(".")
    return f"{version if module == 'gov' else module}.{descriptor.name}"


def _integer(bits: int, *, signed: bool) -> Callable[[str], int]:
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    function = "ParseInt" if signed else "ParseUint"

    def convert(text: str) -> int:
        if _INTEGER.fullmatch(text) is None or (not signed and text[0] in "+-"):
            raise ValueError(f"strconv.{function}: parsing {_quote(text)}: invalid syntax")
        value = _value(text)
        if not low <= value < high:
            raise ValueError(f"strconv.{function}: parsing {_quote(text)}: value out of range")
        return value

    return convert


def _value(text: str) -> int:
    """An integer as Go's literals have it: ``0x``, ``0b`` and ``0o`` or a plain 0 in front tell the base."""
    digits = text.lstrip("+-").replace("_", "")
    base = _BASES.get(digits[:2].lower())
    if base is None:
        base = 8 if digits.startswith("0") else 10
    else:
        digits = digits[2:]
    if len(digits) > _LONGEST:
        return 1 << _LONGEST
    return -int(digits, base) if text.startswith("-") else int(digits, base)


_LONGEST: Final = 256
"""Digits above which a number fits nowhere, whatever its base."""


def _bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {_quote(text)}: invalid syntax")


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"strconv.ParseFloat: parsing {_quote(text)}: invalid syntax") from None


def _bytes(text: str) -> bytes:
    """Base64 of either alphabet, with its padding."""
    raw = text.encode("utf-8", "replace")
    try:
        return gobase64.decode(raw)
    except ValueError:
        return gobase64.decode(raw, url_safe=True)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_CONVERT: Final[Mapping[int, Callable[[str], Any]]] = {
    Field.TYPE_STRING: str,
    Field.TYPE_BYTES: _bytes,
    Field.TYPE_BOOL: _bool,
    Field.TYPE_DOUBLE: _float,
    Field.TYPE_FLOAT: _float,
    **dict.fromkeys(
        (Field.TYPE_INT64, Field.TYPE_SINT64, Field.TYPE_SFIXED64), _integer(64, signed=True)
    ),
    **dict.fromkeys(
        (Field.TYPE_INT32, Field.TYPE_SINT32, Field.TYPE_SFIXED32), _integer(32, signed=True)
    ),
    **dict.fromkeys((Field.TYPE_UINT64, Field.TYPE_FIXED64), _integer(64, signed=False)),
    **dict.fromkeys((Field.TYPE_UINT32, Field.TYPE_FIXED32), _integer(32, signed=False)),
}
