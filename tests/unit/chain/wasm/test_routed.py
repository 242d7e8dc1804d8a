"""Queries of contracts to gRPC paths, of which a genesis may accept some."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from helpers.chains import Solo, genesis
from helpers.puppet import CODE, Puppet, b64
from helpers.wasm import ALICE, BOB, WasmChain

from chain import protojson
from chain.errors import GenesisError
from chain.vm import VM
from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2 as auth_query
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_query
from cosmos_pb.cosmos.base.query.v1beta1 import pagination_pb2
from cosmos_pb.google.protobuf import any_pb2, duration_pb2, timestamp_pb2
from cosmos_pb.tendermint.types import params_pb2

BALANCE = "/cosmos.bank.v1beta1.Query/Balance"
ACCOUNT = "/cosmos.auth.v1beta1.Query/Account"
ASKED = b64(bank_query.QueryBalanceRequest(address=BOB.address, denom="stake").SerializeToString())


def state(*accepted: str) -> dict[str, Any]:
    people = {ALICE: "1000000000stake", BOB: "1000000000stake"}
    return {**genesis(people), "wasm": {"accepted_queries": list(accepted)}}


@pytest.fixture(scope="module")
def puppet(vm: VM) -> Puppet:
    chain = WasmChain(vm, state(BALANCE, ACCOUNT))
    chain.store(CODE)
    return Puppet(chain, 1)


def test_an_accepted_query_is_answered_in_protobuf_or_in_json(puppet: Puppet) -> None:
    answer = puppet.asks({"grpc": {"path": BALANCE, "data": ASKED}})
    raw = base64.b64decode(answer["ok"]["ok"])
    held = bank_query.QueryBalanceResponse.FromString(raw).balance
    assert (held.denom, held.amount) == ("stake", "1000000000")
    answer = puppet.asks({"stargate": {"path": BALANCE, "data": ASKED}})
    assert base64.b64decode(answer["ok"]["ok"]) == (
        b'{"balance":{"denom":"stake","amount":"1000000000"}}'
    )


def test_the_rest_is_not(puppet: Puppet) -> None:
    path = "/cosmos.bank.v1beta1.Query/AllBalances"
    for kind in ("grpc", "stargate"):
        assert puppet.asks({kind: {"path": path, "data": ASKED}}) == {
            "error": {
                "unsupported_request": {"kind": f"'{path}' path is not allowed from the contract"}
            }
        }


def test_refusals_are_redacted(puppet: Puppet) -> None:
    asked = auth_query.QueryAccountRequest(address="x").SerializeToString()
    [(kind, text)] = puppet.asks({"grpc": {"path": ACCOUNT, "data": b64(asked)}})["ok"].items()
    assert (kind, text.startswith("codespace: ")) == ("error", True)


def test_the_list_goes_through_a_genesis(puppet: Puppet) -> None:
    exported = puppet.chain.app.export_genesis()["wasm"]
    assert exported["accepted_queries"] == [BALANCE, ACCOUNT]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/no.such.Query/Method", "there is no query /no.such.Query/Method"),
        ("/cosmwasm.wasm.v1.Query/SmartContractState", "depends on the node"),
    ],
)
def test_a_list_that_cannot_be(vm: VM, path: str, reason: str) -> None:
    with pytest.raises(GenesisError, match=reason):
        Solo(state(path), vm=vm)


def test_json_as_jsonpb_writes_it() -> None:
    account = auth_pb2.BaseAccount(address="a", account_number=2**63)
    packed = any_pb2.Any(
        type_url="/cosmos.auth.v1beta1.BaseAccount", value=account.SerializeToString()
    )
    answer = auth_query.QueryAccountsResponse(
        accounts=[packed], pagination=pagination_pb2.PageResponse(total=1)
    )
    assert json.loads(protojson.encode(answer)) == {
        "accounts": [
            {
                "@type": "/cosmos.auth.v1beta1.BaseAccount",
                "address": "a",
                "pub_key": None,
                "account_number": "9223372036854775808",
                "sequence": "0",
            }
        ],
        "pagination": {"next_key": None, "total": "1"},
    }
    evidence = params_pb2.EvidenceParams(
        max_age_duration=duration_pb2.Duration(seconds=90, nanos=500_000_000), max_bytes=7
    )
    assert protojson.encode(evidence) == (
        b'{"max_age_num_blocks":"0","max_age_duration":"90.5s","max_bytes":"7"}'
    )
    assert protojson.encode(timestamp_pb2.Timestamp(seconds=1)) == b'"1970-01-01T00:00:01Z"'
