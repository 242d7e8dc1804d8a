"""What people and contracts may ask, and how they are refused."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.puppet import CODE, Puppet, b64, coin
from helpers.wasm import ALICE, BOB, WasmChain, refusal

from chain.modules.wasm import keys
from chain.vm import VM
from cosmos_pb.cosmos.base.query.v1beta1.pagination_pb2 import PageRequest
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2 as query
from light_client import bech32

SERVICE = "/cosmwasm.wasm.v1.Query/"
ABSENT = bech32.encode("cosmos", bytes(32))
CHECKSUM = sha256(CODE).digest()
PANICKED = (
    "Error calling the VM: Error executing Wasm: Wasmer runtime error: RuntimeError: "
    "Error calling into the VM's backend: Panic in FFI call: wasmvm error"
)
INIT = b'{"ok": {"messages": [], "attributes": [], "events": []}}'


@pytest.fixture(scope="module")
def puppet(vm: VM) -> Puppet:
    """Two codes and two contracts; the second has state and belongs to nobody."""
    chain = WasmChain(vm)
    chain.store(CODE)
    chain.store(CODE)
    made = Puppet(chain, 1)
    chain.instantiate(2, {}, label="second")
    assert made.says({"ok": {}}, funds=[coin(5)]).code == 0
    return made


@pytest.fixture
def second() -> str:
    return bech32.encode("cosmos", keys.classic_address(2, 2))


def ask(puppet: Puppet, name: str, **fields: Any) -> Any:
    request: Message = getattr(query, f"Query{name}Request")(**fields)
    answer = puppet.chain.query(f"{SERVICE}{name}", request)
    assert answer.code == 0, answer.log
    return getattr(query, f"Query{name}Response").FromString(answer.value)


def refused(puppet: Puppet, name: str, **fields: Any) -> tuple[str, int, str]:
    request: Message = getattr(query, f"Query{name}Request")(**fields)
    answer = puppet.chain.query(f"{SERVICE}{name}", request)
    return answer.codespace, answer.code, answer.log


# -- what people ask


def test_contract_info(puppet: Puppet, second: str) -> None:
    found = ask(puppet, "ContractInfo", address=puppet.address)
    assert found.address == puppet.address
    info = found.contract_info
    assert (info.code_id, info.creator, info.admin, info.label) == (
        1,
        ALICE.address,
        ALICE.address,
        "test",
    )
    assert info.created.block_height == 4
    assert info.ibc_port_id == ""
    assert info.ibc2_port_id == f"wasm2{puppet.address.removeprefix('cosmos')}"
    assert ask(puppet, "ContractInfo", address=second).contract_info.admin == ""


def test_contracts_by_code_and_creator(puppet: Puppet, second: str) -> None:
    assert list(ask(puppet, "ContractsByCode", code_id=1).contracts) == [puppet.address]
    assert list(ask(puppet, "ContractsByCode", code_id=2).contracts) == [second]
    assert not ask(puppet, "ContractsByCode", code_id=3).contracts
    made = ask(puppet, "ContractsByCreator", creator_address=ALICE.address)
    assert list(made.contract_addresses) == [puppet.address, second]
    nothing = ask(puppet, "ContractsByCreator", creator_address=BOB.address)
    assert not nothing.contract_addresses


def test_pages_by_key(puppet: Puppet, second: str) -> None:
    first = ask(
        puppet,
        "ContractsByCreator",
        creator_address=ALICE.address,
        pagination=PageRequest(limit=1),
    )
    assert list(first.contract_addresses) == [puppet.address]
    rest = ask(
        puppet,
        "ContractsByCreator",
        creator_address=ALICE.address,
        pagination=PageRequest(limit=1, key=first.pagination.next_key),
    )
    assert list(rest.contract_addresses) == [second]
    assert not rest.pagination.next_key


@pytest.mark.parametrize("page", [PageRequest(offset=1), PageRequest(count_total=True)])
def test_no_other_pages(puppet: Puppet, page: PageRequest) -> None:
    codespace, code, log = refused(puppet, "Codes", pagination=page)
    assert (codespace, code) == ("sdk", 18)
    assert "offset and count queries not supported" in log


def test_codes(puppet: Puppet) -> None:
    listed = ask(puppet, "Codes").code_infos
    assert [(info.code_id, info.creator, info.data_hash) for info in listed] == [
        (1, ALICE.address, CHECKSUM),
        (2, ALICE.address, CHECKSUM),
    ]
    assert ask(puppet, "Code", code_id=2).data == CODE
    assert ask(puppet, "CodeInfo", code_id=2).checksum == CHECKSUM
    assert not ask(puppet, "PinnedCodes").code_ids


def test_history(puppet: Puppet) -> None:
    [entry] = ask(puppet, "ContractHistory", address=puppet.address).entries
    assert (entry.operation, entry.code_id, entry.msg) == (1, 1, INIT)


def test_state(puppet: Puppet) -> None:
    models = ask(puppet, "AllContractState", address=puppet.address).models
    assert [model.key for model in models] == [b"answer", b"env", b"info"]
    assert models[0].value == INIT
    raw = ask(puppet, "RawContractState", address=puppet.address, query_data=b"answer")
    assert raw.data == INIT
    absent = ask(puppet, "RawContractState", address=puppet.address, query_data=b"absent")
    assert absent.data == b""


def test_smart_query(puppet: Puppet) -> None:
    answer = ask(
        puppet,
        "SmartContractState",
        address=puppet.address,
        query_data=json.dumps({"ok": b64(b'{"a":1}')}).encode(),
    )
    assert answer.data == b'{"a":1}'


def test_params(puppet: Puppet) -> None:
    params = ask(puppet, "Params").params
    assert (params.code_upload_access.permission, params.instantiate_default_permission) == (3, 3)


def test_build_address(puppet: Puppet) -> None:
    for message in (b"", b"{}"):
        built = ask(
            puppet,
            "BuildAddress",
            code_hash=CHECKSUM.hex(),
            creator_address=ALICE.address,
            salt="0a",
            init_args=message,
        )
        raw = keys.predictable_address(CHECKSUM, ALICE.raw_address, b"\n", message)
        assert built.address == bech32.encode("cosmos", raw)


NO_CONTRACT = f"address {ABSENT}: no such contract: unknown request"


@pytest.mark.parametrize(
    ("name", "fields", "end"),
    [
        ("ContractInfo", {"address": ABSENT}, ("sdk", 6, NO_CONTRACT)),
        ("AllContractState", {"address": ABSENT}, ("sdk", 6, NO_CONTRACT)),
        ("RawContractState", {"address": ABSENT, "query_data": b"x"}, ("sdk", 6, NO_CONTRACT)),
        ("SmartContractState", {"address": ABSENT, "query_data": b"{}"}, ("sdk", 6, NO_CONTRACT)),
        ("Code", {"code_id": 99}, ("sdk", 6, "code id 99: no such code: unknown request")),
        (
            "ContractInfo",
            {"address": "ab"},
            ("sdk", 18, "decoding bech32 failed: invalid bech32 string length 2: invalid request"),
        ),
        (
            "SmartContractState",
            {"address": ABSENT, "query_data": b"{"},
            (
                "sdk",
                18,
                "rpc error: code = InvalidArgument desc = invalid query data: invalid request",
            ),
        ),
    ],
)
def test_refusals(
    puppet: Puppet, name: str, fields: dict[str, Any], end: tuple[str, int, str]
) -> None:
    assert refused(puppet, name, **fields) == end


def test_a_contracts_own_refusal(puppet: Puppet) -> None:
    assert refused(
        puppet, "SmartContractState", address=puppet.address, query_data=b'{"error":"no"}'
    ) == ("sdk", 6, "no: query wasm contract failed: unknown request")


# -- what contracts ask


def test_bank(puppet: Puppet) -> None:
    own = {"address": puppet.address}
    assert puppet.learns({"bank": {"balance": {**own, "denom": "stake"}}}) == {
        "amount": {"denom": "stake", "amount": "5"}
    }
    assert puppet.learns({"bank": {"balance": {**own, "denom": "gold"}}}) == {
        "amount": {"denom": "gold", "amount": "0"}
    }
    assert puppet.learns({"bank": {"all_balances": own}}) == {
        "amount": [{"denom": "stake", "amount": "5"}]
    }
    assert puppet.learns({"bank": {"supply": {"denom": "stake"}}}) == {
        "amount": {"denom": "stake", "amount": "2000000000"}
    }


@pytest.mark.parametrize("denom", ["", "ab", "a b c", "1stake", "x" * 129])
def test_an_amount_of_what_is_no_denomination_ends_the_call(puppet: Puppet, denom: str) -> None:
    """The SDK panics in the query; as wasmd 0.61.14 answers."""
    own = {"address": puppet.address, "denom": denom}
    for request_ in ({"bank": {"balance": own}}, {"bank": {"supply": {"denom": denom}}}):
        assert refusal(puppet.migrate(request_)) == ("wasm", 29, PANICKED)


def test_wasm(puppet: Puppet, second: str) -> None:
    asked = {"contract_addr": second}
    smart = {**asked, "msg": b64(json.dumps({"ok": b64(b"[1]")}).encode())}
    assert puppet.learns({"wasm": {"smart": smart}}) == [1]
    raw = puppet.asks({"wasm": {"raw": {**asked, "key": b64(b"answer")}}})
    assert raw == {"ok": {"ok": b64(b"{}")}}
    raw = puppet.asks({"wasm": {"raw": {**asked, "key": b64(b"absent")}}})
    assert raw == {"ok": {"ok": ""}}
    assert puppet.learns({"wasm": {"contract_info": asked}}) == {
        "code_id": 2,
        "creator": ALICE.address,
        "pinned": False,
        "ibc2_port": f"wasm2{second.removeprefix('cosmos')}",
    }
    assert puppet.learns({"wasm": {"code_info": {"code_id": 2}}}) == {
        "code_id": 2,
        "creator": ALICE.address,
        "checksum": CHECKSUM.hex(),
    }


def test_raw_range(puppet: Puppet) -> None:
    asked = {"contract_addr": puppet.address, "start": b64(b"b"), "limit": 1, "order": "ascending"}
    page = puppet.learns({"wasm": {"raw_range": asked}})
    [[key, value]] = page["data"]
    assert key == b64(b"env")
    assert b64(puppet.stored("env")) == value
    assert page["next_key"] == b64(b"info")
    asked |= {"start": None, "end": b64(b"ask"), "limit": 9, "order": "descending"}
    page = puppet.learns({"wasm": {"raw_range": asked}})
    assert page == {"data": [[b64(b"answer"), b64(INIT)]], "next_key": None}


def test_ibc_and_staking(puppet: Puppet) -> None:
    assert puppet.learns({"ibc": {"port_id": {}}}) == {"port_id": ""}
    assert puppet.learns({"ibc": {"list_channels": {}}}) == {"channels": []}
    assert puppet.learns({"ibc": {"channel": {"channel_id": "channel-0"}}}) == {}
    assert puppet.learns({"staking": {"bonded_denom": {}}}) == {"denom": "stake"}
    assert puppet.learns({"staking": {"all_validators": {}}}) == {"validators": []}


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"custom": {"x": 1}}, {"unsupported_request": {"kind": "custom"}}),
        (
            {"stargate": {"path": "/x", "data": ""}},
            {"unsupported_request": {"kind": "Stargate queries are disabled on this chain"}},
        ),
        (
            {"grpc": {"path": "/x", "data": ""}},
            {"unsupported_request": {"kind": "gRPC queries are disabled on this chain"}},
        ),
        ({"wasm": {}}, {"unsupported_request": {"kind": "unknown WasmQuery variant"}}),
        (
            {"wasm": {"contract_info": {"contract_addr": ABSENT}}},
            {"no_such_contract": {"addr": ABSENT}},
        ),
        (
            {"wasm": {"smart": {"contract_addr": ABSENT, "msg": b64(b"{}")}}},
            {"no_such_contract": {"addr": ABSENT}},
        ),
        ({"wasm": {"code_info": {"code_id": 99}}}, {"no_such_code": {"code_id": 99}}),
    ],
)
def test_system_errors(puppet: Puppet, request_: Any, answer: Any) -> None:
    assert puppet.asks(request_) == {"error": answer}


def test_a_request_that_is_none(puppet: Puppet) -> None:
    answer = puppet.asks({"bank": 5})
    assert list(answer["error"]) == ["invalid_request"]
    assert answer["error"]["invalid_request"]["request"] == b64(b'{"bank": 5}')


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (
            {"bank": {"balance": {"address": "x", "denom": "stake"}}},
            "codespace: sdk, code: 7",
        ),
        (
            {"bank": {"denom_metadata": {"denom": "none"}}},
            "codespace: sdk, code: 38",
        ),
    ],
)
def test_refusals_are_redacted(puppet: Puppet, request_: Any, error: str) -> None:
    assert puppet.asks(request_) == {"ok": {"error": error}}


def test_another_contracts_refusal_is_told(puppet: Puppet, second: str) -> None:
    smart = {"contract_addr": second, "msg": b64(b'{"error":"a<b"}')}
    assert puppet.asks({"wasm": {"smart": smart}}) == {
        "ok": {"error": "a<b: query wasm contract failed"}
    }
