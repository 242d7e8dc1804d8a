"""Amino JSON, against what Cosmos SDK 0.53.6 with wasmd 0.61.14 and ibc-go 10.5 signs, and what CosmJS 0.39 signs.

`tests/data/amino` holds messages and what either made of them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from chain import aminojson
from chain.aminojson import AminoError
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2, duration_pb2, timestamp_pb2

FOLDER = Path(__file__).parents[2] / "data" / "amino"


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted(FOLDER.glob("*.json"))
        for case in json.loads(path.read_text())["messages"]
    ]


def _packed(case: dict[str, str]) -> any_pb2.Any:
    return any_pb2.Any(type_url=case["type_url"], value=bytes.fromhex(case["value"]))


@pytest.mark.parametrize("case", _cases())
def test_messages(case: dict[str, str]) -> None:
    if "amino" in case:
        assert aminojson.encode_any(_packed(case)) == case["amino"]
    else:
        with pytest.raises(AminoError):
            aminojson.encode_any(_packed(case))


SEND = bank_tx.MsgSend().DESCRIPTOR.full_name

REFUSED: dict[str, tuple[any_pb2.Any, str]] = {
    "a type that nobody knows": (any_pb2.Any(type_url="/x.Y"), "can't resolve type URL /x.Y"),
    "bytes that are no message": (any_pb2.Any(type_url=f"/{SEND}", value=b"\x0a"), SEND),
    "unknown fields": (any_pb2.Any(type_url=f"/{SEND}", value=b"\x78\x01"), "unknown fields"),
    "an amount that is no number": (
        any_pb2.Any(
            type_url="/cosmos.base.v1beta1.Coin",
            value=coin_pb2.Coin(amount="many").SerializeToString(),
        ),
        "invalid integer 'many'",
    ),
    "fields of a oneof": (
        any_pb2.Any(
            type_url="/cosmos.tx.v1beta1.ModeInfo", value=tx_pb2.ModeInfo().SerializeToString()
        ),
        "within a oneof",
    ),
    "a time before its second": (
        any_pb2.Any(
            type_url="/google.protobuf.Timestamp",
            value=timestamp_pb2.Timestamp(nanos=-1).SerializeToString(),
        ),
        "nanos must be non-negative",
    ),
    "a duration of more nanoseconds than 64 bits": (
        any_pb2.Any(
            type_url="/google.protobuf.Duration",
            value=duration_pb2.Duration(seconds=9_223_372_036).SerializeToString(),
        ),
        "would overflow an int64",
    ),
}


@pytest.mark.parametrize(("levels", "held"), [(10, True), (11, False)])
def test_ten_messages_inside_one_another(levels: int, *, held: bool) -> None:
    packed = any_pb2.Any(type_url=f"/{SEND}")
    for _ in range(levels - 1):
        packed = any_pb2.Any(type_url="/google.protobuf.Any", value=packed.SerializeToString())
    if held:
        assert aminojson.encode_any(packed).count('"type"') == levels
    else:
        with pytest.raises(AminoError, match="max depth exceeded"):
            aminojson.encode_any(packed)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    packed, text = REFUSED[name]
    with pytest.raises(AminoError, match=text):
        aminojson.encode_any(packed)


def test_json_inside_may_be_nested_deeply() -> None:
    deep = b"[" * 300 + b"]" * 300
    assert aminojson.inline(deep) == deep.decode()


def test_json_inside_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(AminoError, match="invalid JSON bytes"):
        aminojson.inline(b"[" * 100_000 + b"]" * 100_000)
