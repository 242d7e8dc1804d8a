"""Memos of unknown content, read and written again as Go does."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain import gojson
from chain.modules.transfer import memo


@pytest.mark.parametrize("text", ["", "hello", "[]", "1", "null", "{", '{"a":1e999}', '{"a":}'])
def test_memos_that_are_no_objects(text: str) -> None:
    assert memo.members(text) is None


def test_written_again_in_order_of_names() -> None:
    read = memo.members('{ "b": [1, {"z": null, "y": true}], "a": "<é\\u2028>", "ä": 0.10 }')
    assert read is not None
    expected = '{"a":"\\u003cé\\u2028\\u003e","b":[1,{"y":true,"z":null}],"ä":0.1}'
    assert memo.write(read).decode() == expected


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("0", "0"),
        ("-0", "-0"),
        ("1", "1"),
        ("-1.50", "-1.5"),
        ("100", "100"),
        ("9007199254740993", "9007199254740992"),
        ("123456789012345678901", "123456789012345680000"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("12345e20", "1.2345e+24"),
        ("0.000001", "0.000001"),
        ("0.0000001", "1e-7"),
        ("-2.5e-300", "-2.5e-300"),
        ("5e-324", "5e-324"),
    ],
)
def test_numbers_as_go_writes_a_float64(shown: str, written: str) -> None:
    assert gojson.number(float(shown)) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_is_lost(value: float) -> None:
    text = gojson.number(value)
    assert float(text) == value
    assert math.copysign(1, float(text)) == math.copysign(1, value)
    assert json.loads(text, parse_int=float) == value
