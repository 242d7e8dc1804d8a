"""Acknowledgements in JSON, and the table of ports."""

import pytest
from helpers.ibc_world import MiniChain
from hypothesis import given
from hypothesis import strategies as st

from chain import gojson
from chain.errors import AbciError
from chain.modules.ibc.port import PortRouter, StandardAck, parse_ack, result_ack


@pytest.mark.parametrize(
    "text",
    [
        b'{"result":"AQ=="}',
        b'{"result":""}',
        b'{"result":null}',
        b"{}",
        b'{"error":"ABCI code: 7: error handling packet: see events for details"}',
        b'{"error":"\\u003cscript\\u003e \\u0026 \xc3\xbc \\n \\u2028"}',
    ],
)
def test_canonical_acknowledgements_survive(text: bytes) -> None:
    parsed = parse_ack(text)
    assert parsed is not None
    assert parsed.marshal() == text


@pytest.mark.parametrize(
    "text",
    [
        b' {"result":"AQ=="}',
        b'{"result":"AQ=="} ',
        b'{"result":"AQ=="}trailing',
        b'{"result":"AQ==","result":"Ag=="}',
        b'{"result":"AQ==","error":"x"}',
        b'{"result":"AR=="}',
        b'{"result":"A\\u0051=="}',
        b'{"result":"AQ\\n=="}',
        b'{"error":"<"}',
        b'{"error":null}',
        b'{"error":"\xff"}',
        b'{"error":"\\ud800"}',
        b"null",
    ],
)
def test_other_spellings_are_readable_but_not_the_same(text: bytes) -> None:
    parsed = parse_ack(text)
    assert parsed is not None
    assert parsed.marshal() != text


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\x01",
        b"[]",
        b'"result"',
        b"1",
        b'{"Result":"AQ=="}',
        b'{"result":"AQ==","memo":""}',
        b'{"result":1}',
        b'{"result":"AQ"}',
        b'{"result":"A*=="}',
        b'{"result":"\xc3\xbc"}',
        b'{"error":{"code":1}}',
        b'{"error":NaN}',
        b'{"error":"a\nb"}',
        b"[" * 5000,
        b'{"ok":{}}',
    ],
)
def test_anything_else_is_the_applications_own(text: bytes) -> None:
    assert parse_ack(text) is None


@given(st.binary(max_size=120))
def test_any_bytes_parse_or_do_not(data: bytes) -> None:
    parsed = parse_ack(data)
    assert parsed is None or isinstance(parsed.marshal(), bytes)


@given(st.binary(max_size=60), st.text(max_size=60))
def test_what_we_write_we_read(result: bytes, error: str) -> None:
    assert parse_ack(StandardAck(result=result).marshal()) == StandardAck(result=result)
    assert parse_ack(StandardAck(error=error).marshal()) == StandardAck(error=gojson.clean(error))


def test_the_text_form_that_events_carry() -> None:
    assert StandardAck(result=b"\x01").compact_text() == 'result:"\\001" '
    assert StandardAck(error='a "b"\n\xfc').compact_text() == 'error:"a \\"b\\"\\n\\303\\274" '
    assert StandardAck().compact_text() == ""
    assert not StandardAck().success
    assert result_ack(b"\x01").data == b'{"result":"AQ=="}'


def test_ports_are_found_by_name_and_by_prefix() -> None:
    chain = MiniChain("alpha-1")
    router, app, other = PortRouter(), chain.mock, chain.transfer
    router.route("wasm.", app)
    router.route("transfer", other)
    router.route("icacontroller-", other)
    assert router.module("wasm.cosmos1abc") is app
    assert router.module("icacontroller-cosmos1abc") is other
    assert router.module("transfer") is other
    for unknown in ("transfer2", "wasm", "was", "icacontroller"):
        with pytest.raises(AbciError, match="route not found") as caught:
            router.module(unknown)
        assert (caught.value.codespace, caught.value.code) == ("port", 5)
    with pytest.raises(ValueError, match="routed twice"):
        router.route("transfer", app)
