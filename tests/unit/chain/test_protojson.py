"""Messages as gogoproto's jsonpb writes and reads them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain import gojson, protojson
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2 as staking
from cosmos_pb.cosmos.staking.v1beta1 import tx_pb2 as staking_tx
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import host_pb2
from cosmos_pb.ibc.applications.interchain_accounts.v1 import packet_pb2
from cosmos_pb.ibc.applications.interchain_accounts.v1.metadata_pb2 import Metadata
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.client.v2 import counterparty_pb2
from cosmos_pb.ibc.lightclients.tendermint.v1 import tendermint_pb2

Data = packet_pb2.InterchainAccountPacketData


def read(shown: Any, message: Any) -> Any:
    return protojson.decode(json.dumps(shown).encode(), message)


def test_names_in_both_spellings_numbers_as_text_enums_by_number() -> None:
    wanted = transfer_tx.MsgTransfer(source_port="transfer", timeout_timestamp=7)
    for shown in (
        {"source_port": "transfer", "timeout_timestamp": "7"},
        {"sourcePort": "transfer", "timeoutTimestamp": 7},
        {"source_port": "transfer", "timeout_timestamp": " 7 ", "memo": None},
    ):
        assert read(shown, transfer_tx.MsgTransfer) == wanted
    for kind in ("TYPE_EXECUTE_TX", 1):
        assert read({"type": kind}, Data).type == packet_pb2.TYPE_EXECUTE_TX
    assert read({"type": 9}, Data).type == 9
    assert read({"host_enabled": True}, host_pb2.Params).host_enabled


def test_null_is_nothing_and_what_follows_is_not_looked_at() -> None:
    assert protojson.decode(b"null", Metadata) == Metadata()
    assert protojson.decode(b'{"version":"x"} and so on', Metadata).version == "x"
    assert protojson.decode(b'{"version":"x","version":"y"}', Metadata).version == "y"


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ([], Metadata),
        ("x", Metadata),
        ({"colour": "red"}, Metadata),
        ({"version": 1}, Metadata),
        ({"data": "?"}, Data),
        ({"data": "YQ"}, Data),
        ({"data": ["YQ=="]}, Data),
        ({"type": "TYPE_NONE"}, Data),
        ({"type": 1.5}, Data),
        ({"type": True}, Data),
        ({"timeout_timestamp": -1}, transfer_tx.MsgTransfer),
        ({"timeout_timestamp": "0x7"}, transfer_tx.MsgTransfer),
        ({"timeout_timestamp": "7 7"}, transfer_tx.MsgTransfer),
        ({"timeout_timestamp": 2**64}, transfer_tx.MsgTransfer),
        ({"host_enabled": 1}, host_pb2.Params),
        ({"host_enabled": "true"}, host_pb2.Params),
        ({"allow_messages": "x"}, host_pb2.Params),
        ({"allow_messages": {"x": 1}}, host_pb2.Params),
        ({"messages": [{}]}, packet_pb2.CosmosTx),
        ({"messages": ["x"]}, packet_pb2.CosmosTx),
        ({"messages": [{"@type": 7}]}, packet_pb2.CosmosTx),
        ({"messages": [{"@type": "/a.B"}]}, packet_pb2.CosmosTx),
        ({"trusting_period": "soon"}, tendermint_pb2.ClientState),
        ({"trusting_period": 7}, tendermint_pb2.ClientState),
    ],
)
def test_what_is_refused(shown: Any, message: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(shown, message)


@pytest.mark.parametrize("text", [b"", b"{", b'{"version":}', b"\xff"])
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        protojson.decode(text, Metadata)


def test_unknown_names_are_passed_over_where_that_is_asked_for() -> None:
    coin = {"denom": "stake", "amount": "5", "weight": 1}
    sending = {"@type": "/cosmos.bank.v1beta1.MsgSend", "amount": [coin], "nothing": None}
    body = tx_pb2.TxBody()
    protojson.fill(body, gojson.loads(json.dumps({"messages": [sending]}).encode()), loose=True)
    (packed,) = body.messages
    sent = bank_tx.MsgSend.FromString(packed.value)
    assert sent.amount == [coin_pb2.Coin(denom="stake", amount="5")]


def test_an_any_shows_the_message_inside() -> None:
    sending = bank_tx.MsgSend(
        from_address="a", to_address="b", amount=[coin_pb2.Coin(denom="stake", amount="7")]
    )
    tx = packet_pb2.CosmosTx()
    tx.messages.add(type_url="/cosmos.bank.v1beta1.MsgSend", value=sending.SerializeToString())
    text = protojson.encode(tx)
    assert json.loads(text)["messages"][0]["@type"] == "/cosmos.bank.v1beta1.MsgSend"
    assert protojson.decode(text, packet_pb2.CosmosTx) == tx


def test_a_contracts_message_stands_as_json() -> None:
    """wasmd's RawContractMessage."""
    run = wasm_tx.MsgExecuteContract(sender="a", contract="b", msg=b'{"release":{"n":1e2}}')
    text = protojson.encode(run)
    assert b'"msg":{"release":{"n":1e2}}' in text
    assert protojson.decode(text, wasm_tx.MsgExecuteContract) == run


def test_times_and_durations() -> None:
    state = tendermint_pb2.ClientState()
    state.trusting_period.seconds = 14
    header = tendermint_pb2.ConsensusState()
    header.timestamp.seconds = 1_700_000_000
    for message in (state, header):
        assert protojson.decode(protojson.encode(message), type(message)) == message


@given(st.binary(max_size=20), st.text(max_size=20), st.integers(0, 2**64 - 1))
def test_there_and_back(data: bytes, text: str, number: int) -> None:
    for message in (
        Data(type=packet_pb2.TYPE_EXECUTE_TX, data=data, memo=text),
        transfer_tx.MsgTransfer(memo=text, timeout_timestamp=number),
        tx_pb2.TxBody(memo=text, timeout_height=number),
    ):
        assert protojson.decode(protojson.encode(message), type(message)) == message


def test_numbers_must_fit_a_float64() -> None:
    with pytest.raises(ValueError, match="cannot unmarshal number 1e999"):
        protojson.same(b"1e999", b"1e999")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (b'{"a":1,"b":[2]}', b' {"b":[2.0],"a":1}', True),
        (b"1", b"true", False),
        (b'"1"', b"1", False),
        (b"null", b'""', False),
        (b"[1,2]", b"[2,1]", False),
        (b'{"a":1}', b"{}", False),
        (b"9007199254740993", b"9007199254740992", True),
    ],
)
def test_two_texts_that_show_the_same(one: bytes, other: bytes, equal: bool) -> None:
    assert protojson.same(one, other) is equal


RATES = {
    "0.1": "100000000000000000",
    "1": "1000000000000000000",
    "-0.5": "-500000000000000000",
    "00.1": "100000000000000000",
    "+0.1": "100000000000000000",
}


@pytest.mark.parametrize(("shown", "held"), RATES.items())
def test_decimals_are_written_with_a_point_and_held_without(shown: str, held: str) -> None:
    found = read({"commission_rate": shown}, staking_tx.MsgEditValidator)
    assert found == staking_tx.MsgEditValidator(commission_rate=held)
    text = json.loads(protojson.encode(found))["commission_rate"]
    assert (len(text.partition(".")[2]), float(text)) == (18, float(shown))


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        ("", "decimal string cannot be empty"),
        ("x", "failed to set decimal string with base 10: x000000000000000000"),
        (".5", "invalid decimal length"),
        ("0.", "invalid decimal length"),
        ("1.2.3", "invalid decimal string"),
        (
            "0.1234567890123456789",
            (
                "value '0.1234567890123456789' exceeds max precision by -1 decimal places: "
                "max precision 18"
            ),
        ),
        ("9" * 100, "out of range: invalid decimal string"),
        (0.1, "json: cannot unmarshal number into Go value of type string"),
    ],
)
def test_decimals_that_are_none(shown: Any, text: str) -> None:
    with pytest.raises(gojson.JsonError, match=f"^{re.escape(text)}$"):
        read({"rate": shown}, staking.CommissionRates)


def test_numbers_that_may_be_absent_are_null() -> None:
    shown = json.loads(protojson.encode(staking_tx.MsgEditValidator()))
    assert shown["commission_rate"] is None
    assert shown["min_self_delegation"] is None
    with pytest.raises(gojson.JsonError, match=r"^decimal string cannot be empty$"):
        read({"rate": None}, staking.CommissionRates)


def test_amounts_are_held_in_decimal_whatever_their_base() -> None:
    for shown, held in (("0x10", "16"), ("1_000", "1000"), ("-3", "-3"), ("010", "8")):
        assert read({"amount": shown}, coin_pb2.Coin).amount == held
    for wrong in ("", "x", "1.5", " 1", None):
        with pytest.raises(gojson.JsonError, match=r"^math/big: cannot unmarshal "):
            read({"amount": wrong}, coin_pb2.Coin)


SEND = {"@type": "/cosmos.bank.v1beta1.MsgSend"}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"memo": 5}, "json: cannot unmarshal number into Go value of type string"),
        ({"timeout_height": "x"}, "invalid character 'x' looking for beginning of value"),
        ({"timeout_height": -1}, "json: cannot unmarshal number -1 into Go value of type uint64"),
        ({"timeout_height": 1.5}, "json: cannot unmarshal number 1.5 into Go value of type uint64"),
        ({"messages": {}}, "json: cannot unmarshal object into Go value of type []json.RawMessage"),
        ({"unordered": "x"}, "json: cannot unmarshal string into Go value of type bool"),
        ({"messages": [{"@type": 5}]}, "can't unmarshal Any's '@type': \"5\""),
        (
            {"messages": [5]},
            "json: cannot unmarshal number into Go value of type map[string]*json.RawMessage",
        ),
        (
            {"messages": [{**SEND, "amount": 5}]},
            (
                "can't unmarshal Any nested proto *types.MsgSend: "
                "json: cannot unmarshal number into Go value of type []json.RawMessage"
            ),
        ),
    ],
)
def test_what_does_not_fit_is_told_as_go_does(body: Any, text: str) -> None:
    with pytest.raises(gojson.JsonError, match=f"^{re.escape(text)}$"):
        read(body, tx_pb2.TxBody)


def test_empty_bytes_in_a_list_are_text() -> None:
    """Alone they are null, which says that they are absent."""
    prefix = counterparty_pb2.CounterpartyInfo(merkle_prefix=[b"ibc", b""])
    shown = protojson.encode(prefix)
    assert shown == b'{"merkle_prefix":["aWJj",""],"client_id":""}'
    assert protojson.decode(shown, counterparty_pb2.CounterpartyInfo) == prefix
