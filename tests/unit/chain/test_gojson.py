"""JSON as Go sees it: what is valid, and how it is written."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain import gojson

VALID = [
    b"{}",
    b"[]",
    b" \t\r\n1 ",
    b"-0.5e+3",
    b'"\\u00e9\\/\\ud800"',
    b'"\xff\xfe"',
    b"1e999",
    b"9" * 5000,
    b'{"a":1,"a":2}',
    b'[{},[],{"a":[1,{"b":null}]},true,false]',
    b"[" * 10_000 + b"]" * 10_000,
    b'["\xff",' * 9_999 + b"[]" + b"]" * 9_999,
]
INVALID = [
    b"",
    b" ",
    b"{",
    b"[1,]",
    b"[,1]",
    b"[1 2]",
    b"1 2",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b"{1:2}",
    b'{"a" 1}',
    b'{"\xff":1]',
    b'["\xff"}',
    b"tru",
    b"NaN",
    b"01",
    b"+1",
    b".5",
    b"1.",
    b"1e",
    b"'a'",
    b'"a',
    b'"\n"',
    b'"\x00"',
    b'"\\x"',
    b'"\\u12g4"',
    b"\x0c1",
    b"\xef\xbb\xbf{}",
    b"1//",
    b"[" * 10_001 + b"]" * 10_001,
    b"[" * 100_000,
    b"]",
]


@pytest.mark.parametrize("text", VALID, ids=lambda text: repr(text[:16]))
def test_valid(text: bytes) -> None:
    assert gojson.valid(text)


@pytest.mark.parametrize("text", INVALID, ids=lambda text: repr(text[:16]))
def test_invalid(text: bytes) -> None:
    assert not gojson.valid(text)


def _python_agrees(text: bytes) -> bool:
    try:
        json.loads(text, parse_constant=int)
    except ValueError:
        return False
    return True


@given(st.lists(st.sampled_from(list('{}[]:,"\\a10-.e tn')), max_size=12).map("".join))
def test_both_ways_to_look_agree(text: str) -> None:
    """The quick way and the scanner behind it, held against the standard library."""
    data = text.encode()
    expected = _python_agrees(data)
    assert gojson.valid(data) is expected
    broken = gojson.valid(b'["\xff",' + data + b"]")  # what only the scanner accepts
    assert broken is _python_agrees(b"[1," + data + b"]")


@given(st.binary(max_size=40))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert gojson.valid(data) in {True, False}


def test_html_is_escaped() -> None:
    text = "<a href='&'>\u2028\u2029é\x7f\b\f\n\"\\"
    assert gojson.encode({"a": text}) == (
        b'{"a":"\\u003ca href=\'\\u0026\'\\u003e\\u2028\\u2029\xc3\xa9\x7f\\b\\f\\n\\"\\\\"}'
    )
    assert gojson.encode(b"\xff<") == b'"/zw="'


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_reads_as_itself(text: str) -> None:
    assert msgspec.json.decode(gojson.quote(text)) == text


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert gojson.quote("a\ud800") == '"a\ufffd"'
