"""The parts of REST by themselves: path patterns, JSON of Go's own types, statuses, and the chain's description."""

import json

import pytest

from chain import gohex, gojson, protojson
from chain.errors import PANIC, Registered, unregistered
from chain.modules.status import internal, not_found, over_abci, over_grpc
from chain.node.httprule import find, routes
from chain.node.registry import Asset, Urls
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2
from cosmos_pb.cosmos.tx.signing.v1beta1 import signing_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2, types_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx

BANK = "/cosmos.bank.v1beta1.Query/"
TABLE = routes(
    [
        *(BANK + name for name in ("Balance", "AllBalances", "DenomMetadata", "DenomsMetadata")),
        *(f"/cosmos.auth.v1beta1.Query/Address{name}" for name in ("BytesToString", "StringToBytes")),
        "/cosmos.tx.v1beta1.Service/BroadcastTx",
        "/ibc.applications.transfer.v1.Query/DenomTraces",
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "path", "method", "held"),
    [
        ("GET", "bank/v1beta1/balances/a", "AllBalances", {"address": "a"}),
        ("GET", "bank/v1beta1/balances/a/by_denom", "Balance", {"address": "a"}),
        ("GET", "bank/v1beta1/balances/", "AllBalances", {"address": ""}),
        ("GET", "bank/v1beta1/balances/a/b", None, {}),
        ("GET", "bank/v1beta1/denoms_metadata", "DenomsMetadata", {}),
        ("GET", "bank/v1beta1/denoms_metadata/ibc/A/b", "DenomMetadata", {"denom": "ibc/A/b"}),
        ("GET", "auth/v1beta1/bech32/x", "AddressBytesToString", {"address_bytes": "x"}),
        ("POST", "tx/v1beta1/txs", "BroadcastTx", {}),
        ("GET", "tx/v1beta1/txs", None, {}),
        ("GET", "bank/v1beta1/balances/a\nb", "AllBalances", {"address": "a\nb"}),
    ],
)
def test_paths(verb: str, path: str, method: str | None, held: dict[str, str]) -> None:
    """Of two methods under one path the first that is declared answers, as in grpc-gateway v1."""
    found = find(TABLE, verb, f"/cosmos/{path}")
    if method is None:
        assert found is None
    else:
        assert found is not None
        assert (found[0].method.rpartition("/")[2], found[1]) == (method, held)


def test_methods_without_a_path_have_no_route() -> None:
    assert not [route for route in TABLE if "transfer" in route.method]


def test_json_of_gos_own_types() -> None:
    rates = staking_pb2.CommissionRates(
        rate="100000000000000000", max_rate="", max_change_rate="-1"
    )
    assert protojson.value(rates) == {
        "rate": "0.100000000000000000",
        "max_rate": "0.000000000000000000",
        "max_change_rate": "-0.000000000000000001",
    }
    model = types_pb2.Model(key=b"\x00\xab", value=b"v")
    assert protojson.encode(model) == b'{"key":"00AB","value":"dg=="}'
    message = wasm_tx.MsgExecuteContract(msg=b'{ "a" : [1, 1.50e3, " <"] }')
    shown = protojson.encode(message)
    assert b'"msg":{"a":[1,1.50e3," \\u003c"]}' in shown
    assert json.loads(protojson.encode(query_pb2.QuerySmartContractStateResponse())) == {
        "data": None
    }
    with pytest.raises(ValueError, match="not JSON"):
        protojson.encode(query_pb2.QuerySmartContractStateResponse(data=b"{"))


def test_json_shows_of_a_oneof_what_is_set() -> None:
    single = tx_pb2.ModeInfo(single=tx_pb2.ModeInfo.Single(mode=signing_pb2.SIGN_MODE_DIRECT))
    assert protojson.value(single) == {"single": {"mode": "SIGN_MODE_DIRECT"}}
    assert protojson.value(tx_pb2.ModeInfo()) == {}


@pytest.mark.parametrize("text", [b"{}", b'[1,"a b",{"c":null}]', b" \n7 "])
def test_compact_json_is_the_same_json(text: bytes) -> None:
    assert json.loads(gojson.compact(text)) == json.loads(text)
    assert gojson.compact(gojson.compact(text)) == gojson.compact(text)


KIND = Registered("wasm", 28, "no such code")


@pytest.mark.parametrize(
    ("error", "abci", "grpc"),
    [
        (
            KIND("code id 9"),
            ("sdk", 6, "code id 9: no such code: unknown request"),
            ("Unknown", "codespace wasm code 28: no such code: code id 9"),
        ),
        (
            KIND(),
            ("sdk", 6, "no such code: unknown request"),
            ("Unknown", "codespace wasm code 28: no such code"),
        ),
        (
            KIND("code id 9").wrap("outer"),
            ("sdk", 6, "outer: code id 9: no such code: unknown request"),
            ("Unknown", "codespace wasm code 28: no such code: outer: code id 9"),
        ),
        (
            unregistered("plain words"),
            ("sdk", 18, "plain words: invalid request"),
            ("Unknown", "plain words"),
        ),
        (
            not_found("no tx"),
            ("sdk", 22, "rpc error: code = NotFound desc = no tx: key not found"),
            ("NotFound", "no tx"),
        ),
        (
            internal("broken"),
            ("sdk", 6, "rpc error: code = Internal desc = broken: unknown request"),
            ("Internal", "broken"),
        ),
        (PANIC("oh"), ("sdk", 6, "oh: panic: unknown request"), ("Internal", "oh: panic")),
    ],
)  # fmt: skip
def test_a_refusal_through_both_doors(
    error: Exception, abci: tuple[str, int, str], grpc: tuple[str, str]
) -> None:
    told = over_abci(error)  # type: ignore[arg-type] # the parameters are AbciErrors
    assert (told.codespace, told.code, told.log) == abci
    assert over_grpc(error) == grpc  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0g", "invalid byte: U+0067 'g'"),
        ("abc", "odd length hex string"),
        ("é", "invalid byte: U+00C3 'Ã'"),
    ],
)
def test_what_is_no_hexadecimal_text(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="encoding/hex: ") as caught:
        gohex.decode(text)
    assert str(caught.value).endswith(told)


def test_assets_with_and_without_metadata() -> None:
    metadata = bank_pb2.Metadata(
        base="uship",
        display="ship",
        symbol="SHP",
        description="a ship",
        denom_units=[{"denom": "uship", "exponent": 0}, {"denom": "ship", "exponent": 8}],  # type: ignore[list-item] # protobuf takes them
    )
    assert Asset.of("uship", metadata).currency == {
        "coinDenom": "SHP",
        "coinMinimalDenom": "uship",
        "coinDecimals": 8,
    }
    assert Asset.of("uship", None).currency["coinDecimals"] == 6
    assert Asset.of("stake", None).listed["denom_units"] == [{"denom": "stake", "exponent": 0}]
    assert Asset.of("up", None).exponent == 0


def test_an_address_that_nobody_can_dial_is_replaced() -> None:
    urls = Urls("http://0.0.0.0:1", "http://0.0.0.0:2", "0.0.0.0:3")
    assert urls.seen_from("box.example") == Urls(
        "http://box.example:1", "http://box.example:2", "box.example:3"
    )
    own = Urls("http://127.0.0.1:1", "http://127.0.0.1:2", "127.0.0.1:3")
    assert own.seen_from("box.example") == own
