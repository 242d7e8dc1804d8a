"""Protobuf messages as JSON the way that gogoproto's jsonpb writes them with every field (``ProtoMarshalJSON``).

Fields have their proto names and stand in the order of their declaration; 64-bit integers are text; what is not set is
``null``, an empty list ``[]``, an empty ``bytes`` ``null``. Fields of some Go types write themselves: decimals, hashes
in hexadecimal, and messages of contracts, which are JSON already.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from chain import gojson
from chain.decimals import show
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

_RAW_JSON: Final = (
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
