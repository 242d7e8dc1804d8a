"""Protobuf messages as JSON the way that gogoproto's jsonpb reads them, and writes them with every field.

Fields have their proto names and stand in the order of their declaration; 64-bit integers are text; what is not set is
``null``, an empty list ``[]``, an empty ``bytes`` ``null``. Fields of some Go types write themselves: decimals, hashes
in hexadecimal, and messages of contracts, which are JSON already.

Read are proto names and those in camel case, numbers also as text and enums also as numbers; unknown names are refused,
whatever follows the value is not looked at (``ProtoCodec.UnmarshalJSON``).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from chain import coins, decimals, gobase64, gojson, goproto, gounmarshal
from chain.decimals import show
from cosmos_pb._pool import POOL
from light_client.values import Timestamp

M = TypeVar("M", bound=Message)

_TEXT_NUMBERS: Final = frozenset({Field.CPPTYPE_INT64, Field.CPPTYPE_UINT64})
_NS: Final = 10**9


def encode(message: Message) -> bytes:
    return gojson.encode(value(message))


def value(message: Message) -> Any:
    """What JSON shows of a message."""
    special = _SPECIAL.get(message.DESCRIPTOR.full_name)
    if special is not None:
        return special(message)
    return {
        field.name: _field(message, field)
        for field in message.DESCRIPTOR.fields
        if field.full_name not in _DROPPED and not _other_choice(message, field)
    }


def _other_choice(message: Message, field: Any) -> bool:
    """A field of a oneof that holds another one, or none."""
    group = field.containing_oneof
    return group is not None and len(group.fields) > 1 and not message.HasField(field.name)


def _field(message: Message, field: Any) -> Any:
    held = getattr(message, field.name)
    if field.full_name in _NULLABLE and not held:
        return None
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        shown = field.message_type.fields_by_name["value"]
        return {str(key): _one(shown, held[key]) for key in sorted(held)}
    if field.is_repeated:
        return [_one(field, item) for item in held]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _one(field, held)


def _one(field: Any, held: Any) -> Any:
    custom = _CUSTOM.get(field.full_name)
    if custom is not None:
        return custom(held)
    if field.type == Field.TYPE_MESSAGE:
        return value(held)
    if field.type == Field.TYPE_BYTES:
        return base64.b64encode(held).decode() if held or field.is_repeated else None
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


def _decimal(held: str | bytes) -> str:
    return show(held.decode() if isinstance(held, bytes) else held)


def _hexadecimal(held: bytes) -> str:
    return held.hex().upper()


def _json(held: bytes) -> msgspec.Raw | None:
    """JSON inside JSON, as ``json.Marshal`` puts it there; ValueError for what is none."""
    return msgspec.Raw(gojson.compact(held)) if held else None


_SPECIAL: Final[Mapping[str, Callable[[Any], Any]]] = {
    "google.protobuf.Any": _any,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
}

# The gogoproto.customtype and gogoproto.casttype of fields in the .proto files of cosmos-sdk 0.53 and wasmd 0.61.
_DECIMALS: Final = (
    "cosmos.base.v1beta1.DecCoin.amount",
    "cosmos.base.v1beta1.DecProto.dec",
    "cosmos.distribution.v1beta1.DelegatorStartingInfo.stake",
    "cosmos.distribution.v1beta1.Params.base_proposer_reward",
    "cosmos.distribution.v1beta1.Params.bonus_proposer_reward",
    "cosmos.distribution.v1beta1.Params.community_tax",
    "cosmos.distribution.v1beta1.ValidatorSlashEvent.fraction",
    "cosmos.gov.v1beta1.TallyParams.quorum",
    "cosmos.gov.v1beta1.TallyParams.threshold",
    "cosmos.gov.v1beta1.TallyParams.veto_threshold",
    "cosmos.gov.v1beta1.WeightedVoteOption.weight",
    "cosmos.mint.v1beta1.Minter.annual_provisions",
    "cosmos.mint.v1beta1.Minter.inflation",
    "cosmos.mint.v1beta1.Params.goal_bonded",
    "cosmos.mint.v1beta1.Params.inflation_max",
    "cosmos.mint.v1beta1.Params.inflation_min",
    "cosmos.mint.v1beta1.Params.inflation_rate_change",
    "cosmos.mint.v1beta1.QueryAnnualProvisionsResponse.annual_provisions",
    "cosmos.mint.v1beta1.QueryInflationResponse.inflation",
    "cosmos.slashing.v1beta1.Params.min_signed_per_window",
    "cosmos.slashing.v1beta1.Params.slash_fraction_double_sign",
    "cosmos.slashing.v1beta1.Params.slash_fraction_downtime",
    "cosmos.staking.v1beta1.CommissionRates.max_change_rate",
    "cosmos.staking.v1beta1.CommissionRates.max_rate",
    "cosmos.staking.v1beta1.CommissionRates.rate",
    "cosmos.staking.v1beta1.Delegation.shares",
    "cosmos.staking.v1beta1.MsgEditValidator.commission_rate",
    "cosmos.staking.v1beta1.Params.min_commission_rate",
    "cosmos.staking.v1beta1.RedelegationEntry.shares_dst",
    "cosmos.staking.v1beta1.Validator.delegator_shares",
)
_INTS: Final = (
    "cosmos.base.v1beta1.Coin.amount",
    "cosmos.staking.v1beta1.MsgCreateValidator.min_self_delegation",
    "cosmos.staking.v1beta1.MsgEditValidator.min_self_delegation",
)
_NULLABLE: Final = frozenset(
    {
        "cosmos.staking.v1beta1.MsgEditValidator.commission_rate",
        "cosmos.staking.v1beta1.MsgEditValidator.min_self_delegation",
    }
)
"""Numbers behind a pointer in Go, which may be none."""

_HEXADECIMAL: Final = (
    "cosmwasm.wasm.v1.CodeInfoResponse.data_hash",
    "cosmwasm.wasm.v1.Model.key",
    "cosmwasm.wasm.v1.QueryCodeInfoResponse.checksum",
)
_DROPPED: Final = frozenset(
    {
        "ibc.core.channel.v1.Channel.upgrade_sequence",
        "ibc.core.channel.v1.IdentifiedChannel.upgrade_sequence",
    }
)
"""Fields of ibc-go 8 that version 10 has no more."""

_RAW_JSON: Final = (  # bytes that are JSON themselves and stand as such inside (wasmd's RawContractMessage)
    "cosmwasm.wasm.v1.ContractCodeHistoryEntry.msg",
    "cosmwasm.wasm.v1.MsgExecuteContract.msg",
    "cosmwasm.wasm.v1.MsgInstantiateContract.msg",
    "cosmwasm.wasm.v1.MsgInstantiateContract2.msg",
    "cosmwasm.wasm.v1.MsgMigrateContract.msg",
    "cosmwasm.wasm.v1.MsgStoreAndInstantiateContract.msg",
    "cosmwasm.wasm.v1.MsgStoreAndMigrateContract.msg",
    "cosmwasm.wasm.v1.MsgSudoContract.msg",
    "cosmwasm.wasm.v1.QuerySmartContractStateResponse.data",
)
_CUSTOM: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_DECIMALS, _decimal),
    **dict.fromkeys(_HEXADECIMAL, _hexadecimal),
    **dict.fromkeys(_RAW_JSON, _json),
}

# Reading.


def decode(data: bytes, message: type[M]) -> M:
    """The message that JSON text shows; ValueError when it shows none, or one that is nested too deep for us."""
    read = message()
    try:
        fill(read, gojson.loads(data, trailing=True))
    except RecursionError:
        raise gojson.JsonError("exceeded max depth") from None
    return read


def fill(message: Message, shown: Any, *, loose: bool = False) -> None:
    """Set the fields that a JSON object (of ``gojson.loads``) names; null names none.

    ``loose`` passes over unknown names, as grpc-gateway has it (runtime/marshal_jsonpb.go, ``allowUnknownFields``).
    """
    name = message.DESCRIPTOR.full_name
    if name in _READ_SPECIAL:
        _READ_SPECIAL[name](message, shown, loose)
        return
    if shown is None:
        return
    if not isinstance(shown, gojson.Pairs):
        raise _mismatch(shown, "map[string]json.RawMessage")
    fields = {field.json_name: field for field in message.DESCRIPTOR.fields}
    fields |= {field.name: field for field in message.DESCRIPTOR.fields}
    for name, held in dict(shown).items():
        if name in fields and (held is not None or _reads_null(fields[name])):
            _set(message, fields[name], held, loose)
        elif name not in fields and not loose:
            raise gojson.JsonError(f'unknown field "{name}" in {message.DESCRIPTOR.full_name}')


def _mismatch(held: Any, go_type: str) -> gojson.JsonError:
    """Go's words for a value of another kind."""
    kind = _KINDS.get(type(held), "number")
    return gojson.JsonError(f"json: cannot unmarshal {kind} into Go value of type {go_type}")


def _reads_null(field: Any) -> bool:
    """Types that read JSON themselves are asked to read null too."""
    return field.full_name in _NUMBERS and field.full_name not in _NULLABLE


def _set(message: Message, field: Any, held: Any, loose: bool) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        raise gojson.JsonError(f"maps are not read: {field.full_name}")
    if not field.is_repeated:
        if field.type == Field.TYPE_MESSAGE:
            inner = getattr(message, field.name)
            inner.SetInParent()
            fill(inner, held, loose=loose)
        else:
            setattr(message, field.name, _scalar(field, held))
        return
    if not isinstance(held, list) or isinstance(held, gojson.Pairs):
        raise _mismatch(held, "[]json.RawMessage")
    into = getattr(message, field.name)
    for item in held:
        if field.type == Field.TYPE_MESSAGE:
            fill(into.add(), item, loose=loose)
        else:
            into.append(_scalar(field, item))


def _scalar(field: Any, held: Any) -> Any:
    try:
        if field.full_name in _RAW_JSON:
            return gojson.encode(plain(held))
        if field.full_name in _NUMBERS:
            read = _NUMBERS[field.full_name](_text(field, "" if held is None else held))
            return read.encode() if field.type == Field.TYPE_BYTES else read
        scalar: Callable[[Any, Any], Any] = _SCALARS.get(field.cpp_type, _integer)
        return scalar(field, held)
    except (TypeError, ValueError) as error:
        raise gojson.JsonError(str(error)) from error


def _text(field: Any, held: Any) -> Any:
    is_bytes = field.type == Field.TYPE_BYTES and field.full_name not in _NUMBERS
    if not isinstance(held, str):
        raise _mismatch(held, "[]uint8" if is_bytes else "string")
    return gobase64.decode(held.encode("utf-8", "replace")) if is_bytes else gojson.clean(held)


def _flag(_: Any, held: Any) -> bool:
    if not isinstance(held, bool):
        raise _mismatch(held, "bool")
    return held


def _float(_: Any, held: Any) -> float:
    return float(_digits(held, "float64"))


def _enum(field: Any, held: Any) -> int:
    enum = field.enum_type
    if isinstance(held, str):
        if held not in enum.values_by_name:
            raise ValueError(f'unknown value "{held}" for enum {enum.full_name}')
        return int(enum.values_by_name[held].number)
    go_type = goproto.go_type(enum).removeprefix("*")
    return gounmarshal.integer(_digits(held, go_type), go_type, -(2**31), 2**31 - 1)


def _integer(field: Any, held: Any) -> int:
    go_type, low, high = _INTEGERS[field.cpp_type]
    return gounmarshal.integer(_digits(held, go_type), go_type, low, high)


def _digits(held: Any, go_type: str) -> bytes:
    """A number as JSON has it, which may stand in quotes."""
    text = held.text if isinstance(held, gojson.Number) else held
    if not isinstance(text, str):
        raise _mismatch(held, go_type)
    raw = text.encode("utf-8", "replace")
    gojson.check(raw)
    return raw.strip()


def plain(shown: Any) -> Any:
    """Objects as dictionaries and numbers as the JSON that they were, for writing."""
    if isinstance(shown, gojson.Pairs):
        return {name: plain(held) for name, held in shown}
    if isinstance(shown, list):
        return [plain(held) for held in shown]
    return msgspec.Raw(shown.text.encode()) if isinstance(shown, gojson.Number) else shown


def same(one: bytes, other: bytes) -> bool:
    """Whether two JSON texts show the same: the order of members does not matter, numbers count as float64."""
    return bool(_compared(gojson.loads(one)) == _compared(gojson.loads(other)))


def _compared(shown: Any) -> Any:
    if isinstance(shown, gojson.Pairs):
        return {gojson.clean(name): _compared(held) for name, held in shown}
    if isinstance(shown, list):
        return [_compared(held) for held in shown]
    if isinstance(shown, gojson.Number):
        return gojson.float64(shown.text)
    return (type(shown), shown)  # True is not 1 here


def _read_any(message: Any, shown: Any, loose: bool) -> None:
    """The message that ``@type`` names; there must be one of that name."""
    if not isinstance(shown, gojson.Pairs):
        raise _mismatch(shown, "map[string]*json.RawMessage")
    members = dict(shown)
    if members.get("@type") is None:
        raise gojson.JsonError("Any JSON doesn't have '@type'")
    url = members.pop("@type")
    if not isinstance(url, str):
        raw = gojson.encode(plain(url)).decode()
        raise gojson.JsonError(f"can't unmarshal Any's '@type': {gojson.quote_go(raw)}")
    name = url.rpartition("/")[2]
    try:
        found = POOL.FindMessageTypeByName(name)
    except KeyError as error:
        unknown = f"unknown message type {gojson.quote_go(name)}"
        raise gojson.JsonError(unknown if loose else f"unable to resolve type URL {url}") from error
    inner = message_factory.GetMessageClass(found)()
    special = found.full_name in _READ_SPECIAL
    body = members.get("value") if special else gojson.Pairs(members.items())
    try:
        fill(inner, body, loose=loose)
    except gojson.JsonError as error:
        kind = goproto.go_type(found)
        raise gojson.JsonError(f"can't unmarshal Any nested proto {kind}: {error}") from error
    message.type_url, message.value = url, inner.SerializeToString(deterministic=True)


def _read_text(message: Message, shown: Any, _: bool) -> None:
    """Times and durations, which are text."""
    if not isinstance(shown, str):
        raise _mismatch(shown, "string")
    try:
        json_format.Parse(json.dumps(shown), message)
    except json_format.ParseError as error:
        raise gojson.JsonError(str(error)) from error


def _decimal_number(text: str) -> str:
    return str(decimals.from_text(text))


def _whole_number(text: str) -> str:
    return str(coins.from_text(text))


_NUMBERS: Final[Mapping[str, Callable[[str], str]]] = {
    **dict.fromkeys(_DECIMALS, _decimal_number),
    **dict.fromkeys(_INTS, _whole_number),
}
"""Numbers of any size: what protobuf holds of the text that JSON shows."""

_INTEGERS: Final = {
    Field.CPPTYPE_INT32: ("int32", -(2**31), 2**31 - 1),
    Field.CPPTYPE_INT64: ("int64", -(2**63), 2**63 - 1),
    Field.CPPTYPE_UINT32: ("uint32", 0, 2**32 - 1),
    Field.CPPTYPE_UINT64: ("uint64", 0, 2**64 - 1),
}
_KINDS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "bool",
    list: "array",
    gojson.Pairs: "object",
    type(None): "null",
}
_SCALARS: Final[Mapping[int, Callable[[Any, Any], Any]]] = {
    Field.CPPTYPE_STRING: _text,
    Field.CPPTYPE_BOOL: _flag,
    Field.CPPTYPE_FLOAT: _float,
    Field.CPPTYPE_DOUBLE: _float,
    Field.CPPTYPE_ENUM: _enum,
}
_READ_SPECIAL: Final[Mapping[str, Callable[[Any, Any, bool], None]]] = {
    "google.protobuf.Any": _read_any,
    "google.protobuf.Timestamp": _read_text,
    "google.protobuf.Duration": _read_text,
}
