"""Decoding that refuses fields which nobody knows (cosmos-sdk codec/unknownproto), and types (codec/types)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar, cast

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from chain.errors import TX_DECODE
from cosmos_pb import message_class

NON_CRITICAL: Final = 1 << 10
"""Field numbers with this bit may be unknown inside a TxBody (ADR-020)."""

_GO_PACKAGES: Final = {
    "cosmos.tx.v1beta1": "tx",
    "cosmos.tx.signing.v1beta1": "signing",
    "cosmos.crypto.secp256k1": "secp256k1",
    "cosmos.crypto.secp256r1": "secp256r1",
    "cosmos.crypto.ed25519": "ed25519",
    "cosmos.crypto.multisig": "multisig",
    "ibc.lightclients.tendermint.v1": "tendermint",
}
_WIRE_TYPES: Final = {
    0: "varint",
    1: "fixed64",
    2: "bytes",
    3: "start_group",
    4: "end_group",
    5: "fixed32",
}

M = TypeVar("M", bound=Message)


def parse(message: type[M], data: bytes, *, non_critical: bool = False) -> M:
    """Decode, refusing unknown fields at any depth; ``non_critical`` lets those numbered so pass (and drops them)."""
    name = message.DESCRIPTOR.full_name
    try:
        parsed = message.FromString(data)
    except ProtobufDecodeError as error:
        raise TX_DECODE(f"{name}: {error}") from error
    size = parsed.ByteSize()
    parsed.DiscardUnknownFields()
    if parsed.ByteSize() != size:
        _refuse_unknown(message.FromString(data), non_critical=non_critical)
    return parsed


def _refuse_unknown(message: Message, *, non_critical: bool) -> None:
    for unknown in cast("Iterable[Any]", UnknownFieldSet(message)):
        if non_critical and unknown.field_number & NON_CRITICAL:
            continue
        name = _go_type(message)
        wire = _WIRE_TYPES[unknown.wire_type]
        raise TX_DECODE(
            f'errUnknownField "{name}": {{TagNum: {unknown.field_number}, WireType:"{wire}"}}'
        )
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for inner in value if field.is_repeated else (value,):
            _refuse_unknown(inner, non_critical=non_critical)


def _go_type(message: Message) -> str:
    """What Go calls the type of a message: nearly all modules' are in a package ``types``."""
    package = message.DESCRIPTOR.file.package
    name = message.DESCRIPTOR.full_name.removeprefix(f"{package}.").replace(".", "_")
    return f"*{_GO_PACKAGES.get(package, 'types')}.{name}"


def is_known(url: str) -> bool:
    """Whether a type URL names a message at all."""
    try:
        message_class(url.removeprefix("/"))
    except KeyError:
        return False
    return url.startswith("/")


def unknown_type(url: str, interface: str) -> str:
    """Why a type URL stands for nothing of the Go type ``interface`` (codec/types/interface_registry.go)."""
    if not is_known(url):
        return f"unable to resolve type URL {url}"
    return f"no concrete type registered for type URL {url} against interface {interface}"
