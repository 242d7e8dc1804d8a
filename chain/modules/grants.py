"""What x/feegrant and x/authz share: keys of grants between two accounts, expiry, limits, messages inside an Any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message

from chain import coins, stdtime
from chain.coins import Coin
from chain.errors import TX_DECODE, AbciError
from chain.goproto import unknown_type
from cosmos_pb.google.protobuf import any_pb2, timestamp_pb2
from light_client.values import Timestamp

MAX_DEPTH: Final = 10
"""How many messages may be inside one another (cosmos-sdk codec/types MaxUnpackAnyRecursionDepth)."""

TIME_SIZE: Final = len("2006-01-02T15:04:05.000000000")

M = TypeVar("M", bound=Message)


def prefixed(raw: bytes) -> bytes:
    """An address as a key holds it: behind its length (types/address MustLengthPrefix)."""
    return bytes([len(raw)]) + raw


def two_addresses(key: bytes, at: int) -> tuple[bytes, bytes, bytes]:
    """The two addresses that stand at an offset of a key, and what follows."""
    middle = at + 1 + key[at]
    end = middle + 1 + key[middle]
    return key[at + 1 : middle], key[middle + 1 : end], key[end:]


def sortable(time: Timestamp) -> bytes:
    """An instant as keys hold it, always of one length (types/utils.go SortableTimeFormat)."""
    whole = Timestamp(time.seconds).rfc3339().removesuffix("Z")
    return f"{whole}.{time.nanos:09d}".encode()


def instant(message: timestamp_pb2.Timestamp) -> Timestamp:
    return Timestamp(message.seconds, message.nanos)


def subtract(limit: Sequence[Coin], spent: Sequence[Coin]) -> tuple[Coin, ...] | None:
    """What is left; None when it is not enough (types/coin.go SafeSub)."""
    negated = [Coin(coin.denom, -coin.amount) for coin in spent]
    left = coins.total([limit, negated])
    return None if any(coin.amount < 0 for coin in left) else left


def undecodable(text: str) -> AbciError:
    """The refusal of a transaction whose messages cannot be decoded."""
    return TX_DECODE(f"{text}: {TX_DECODE.text}")


def unpack(
    packed: any_pb2.Any, known: Mapping[str, type[M]], interface: str, depth: int = MAX_DEPTH
) -> M:
    """The message inside, which must be one of ``known``; refused as the SDK's decoder does (interface_registry.go)."""
    if depth <= 0:
        raise undecodable("max depth exceeded")
    kind = known.get(packed.type_url)
    if kind is None:
        raise undecodable(unknown_type(packed.type_url, interface))
    try:
        message = kind.FromString(packed.value)
    except DecodeError as error:
        raise undecodable(str(error)) from error
    check(message)
    return message


def check(message: Message) -> None:
    """Go decodes amounts, times and durations with the message that holds them; sdk/2 when one of them is wrong."""
    for field, held in message.ListFields():
        if field.message_type is not None:
            decode = _DECODED.get(field.message_type.full_name, check)
            for inner in held if field.is_repeated else (held,):
                decode(inner)


def _decoded(decode: Callable[[Any], object]) -> Callable[[Any], None]:
    def run(message: Any) -> None:
        try:
            decode(message)
        except AbciError as error:
            raise undecodable(error.log.removesuffix(f": {TX_DECODE.text}")) from error

    return run


_DECODED: Final[dict[str, Callable[[Any], None]]] = {
    "cosmos.base.v1beta1.Coin": _decoded(lambda coin: coins.decoded(coin.amount)),
    "google.protobuf.Timestamp": _decoded(stdtime.instant),
    "google.protobuf.Duration": _decoded(stdtime.nanoseconds),
    "google.protobuf.Any": lambda _: None,
}


def pack(message: Message) -> any_pb2.Any:
    return any_pb2.Any(
        type_url=f"/{message.DESCRIPTOR.full_name}", value=message.SerializeToString()
    )
