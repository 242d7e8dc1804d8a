"""REST as wallets use it: paths, parameters, JSON, errors, CORS and limits, over a socket."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from helpers.accounts import Person
from helpers.rest import ALICE, RestClient, rest_chain
from yarl import URL

from chain.node import ServerLimits, httprule
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2

BOB = Person("bob")
BANK = "/cosmos/bank/v1beta1"
BALANCES = f"{BANK}/balances/{ALICE.address}"
TXS = "/cosmos/tx/v1beta1/txs"
HEIGHT = "x-cosmos-block-height"


@pytest.fixture
async def rest() -> AsyncIterator[RestClient]:
    async with rest_chain() as client:
        yield client


def send(amount: int) -> tx_pb2.MsgSend:
    coins = [coin_pb2.Coin(denom="stake", amount=str(amount))]
    return tx_pb2.MsgSend(from_address=ALICE.address, to_address=BOB.address, amount=coins)


async def test_the_shape_of_answers(rest: RestClient) -> None:
    gold = {"denom": "gold", "amount": "5"}
    stake = {"denom": "stake", "amount": "1000000"}
    assert await rest.get(BALANCES) == (
        200,
        {"balances": [gold, stake], "pagination": {"next_key": None, "total": "2"}},
    )
    status, params = await rest.get("/cosmos/staking/v1beta1/params")
    assert (status, params["params"]["min_commission_rate"]) == (200, "0." + "0" * 18)
    assert params["params"]["unbonding_time"] == "1814400s"
    _, found = await rest.get("/cosmos/staking/v1beta1/validators")
    (validator,) = found["validators"]
    assert validator["status"] == "BOND_STATUS_BONDED"
    assert validator["consensus_pubkey"]["@type"] == "/cosmos.crypto.ed25519.PubKey"
    assert validator["commission"]["commission_rates"]["max_rate"] == "0.200000000000000000"


@pytest.mark.parametrize(
    ("path", "field", "expected"),
    [
        ("channel/v2/clients/07-t-0/packet_commitments/1,2/unreceived_packets", "sequences", ["1", "2"]),
        ("channel/v2/clients/07-t-0/packet_commitments/1,2/unreceived_acks", "sequences", []),
        ("channel/v2/clients/07-t-0/packet_receipts/1", "received", False),
        ("channel/v2/clients/07-t-0/packet_acknowledgements", "acknowledgements", []),
        ("channel/v2/clients/07-t-0/next_sequence_send", "code", 5),
        ("client/v2/config/07-t-0", "config", {"allowed_relayers": []}),
        ("client/v2/counterparty_info/07-t-0", "code", 5),
    ],
)  # fmt: skip
async def test_ibc_v2(rest: RestClient, path: str, field: str, expected: Any) -> None:
    _, found = await rest.get(f"/ibc/core/{path}")
    assert found[field] == expected


@pytest.mark.parametrize(
    ("query", "denoms", "next_key", "total"),
    [
        ("pagination.limit=1", ["gold"], base64.b64encode(b"stake").decode(), "0"),
        ("pagination.limit=0x1&pagination.count_total=T", ["gold"], "c3Rha2U=", "2"),
        ("pagination.offset=1&pagination.countTotal=true", ["stake"], None, "2"),
        ("pagination.key=c3Rha2U=", ["stake"], None, "0"),
        ("pagination.key=c3Rha2U%3D&nothing=known", ["stake"], None, "0"),
        ("pagination.reverse=1&pagination.limit=1", ["stake"], "Z29sZA==", "0"),
    ],
)
async def test_query_parameters(
    rest: RestClient, query: str, denoms: list[str], next_key: str | None, total: str
) -> None:
    status, found = await rest.get(f"{BALANCES}?{query}")
    assert status == 200, found
    assert [coin["denom"] for coin in found["balances"]] == denoms
    assert found["pagination"] == {"next_key": next_key, "total": total}


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        ("/nothing", 501, 12, "Not Implemented"),
        ("/", 501, 12, "Not Implemented"),
        (f"{BANK}/params/", 501, 12, "Not Implemented"),
        (
            "/cosmos/base/tendermint/v1beta1/blocks/abc",
            400,
            3,
            'type mismatch, parameter: height, error: strconv.ParseInt: parsing "abc": invalid syntax',
        ),
        (
            f"{BALANCES}?pagination.limit=-1",
            400,
            3,
            'strconv.ParseUint: parsing "-1": invalid syntax',
        ),
        (
            f"{BALANCES}?pagination.limit={2**64}",
            400,
            3,
            f'strconv.ParseUint: parsing "{2**64}": value out of range',
        ),
        (f"{BALANCES}?pagination.key=_w", 400, 3, "illegal base64 data at input byte 0"),
        (f"{BALANCES}?pagination.key=c3Rha2U", 400, 3, "illegal base64 data at input byte 4"),
        (
            f"{BALANCES}?pagination.reverse=maybe",
            400,
            3,
            'strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (f"{TXS}?query=tx.height=1&order_by=UP", 400, 3, "UP is not a valid tx.OrderBy"),
        (f"{TXS}/{'0' * 64}", 404, 5, f"tx not found: {'0' * 64}"),
        (f"{BANK}/balances/xx", 400, 3, "invalid address: decoding bech32 failed: invalid bech32 string length 2"),
    ],
)  # fmt: skip
async def test_errors(rest: RestClient, path: str, status: int, code: int, message: str) -> None:
    assert await rest.get(path) == (status, {"code": code, "message": message, "details": []})


async def test_a_height_is_asked_for_and_told(rest: RestClient) -> None:
    """Under its own name, and under the one that grpc-gateway gives it."""
    metadata = f"Grpc-Metadata-{HEIGHT}"
    for asked, told in (({}, "2"), ({HEIGHT: "1"}, "1"), ({metadata: "1"}, "1")):
        response, _ = await rest.request("GET", f"{BANK}/supply", headers=asked)
        assert (response.headers[HEIGHT], response.headers[metadata]) == (told, told)
        exposed = response.headers["Access-Control-Expose-Headers"].lower().split(", ")
        assert {HEIGHT, metadata.lower()} <= set(exposed)
    response, body = await rest.request("GET", f"{BANK}/supply", headers={HEIGHT: "abc"})
    assert (response.status, body["code"]) == (500, 2)
    assert 'strconv.ParseInt: parsing "abc": invalid syntax' in body["message"]


async def test_a_transaction_is_simulated_sent_and_found(rest: RestClient) -> None:
    tx = base64.b64encode(rest.signed(send(7))).decode()
    status, simulated = await rest.post("/cosmos/tx/v1beta1/simulate", {"tx_bytes": tx})
    assert status == 200, simulated
    assert int(simulated["gas_info"]["gas_used"]) > 40_000
    status, sent = await rest.post(TXS, {"tx_bytes": tx, "mode": "BROADCAST_MODE_SYNC"})
    assert (status, sent["tx_response"]["code"]) == (200, 0)
    digest = sent["tx_response"]["txhash"]
    assert (await rest.get(f"{TXS}/{digest}"))[0] == 404
    await rest.node.next_block()
    status, found = await rest.get(f"{TXS}/{digest}")
    (message,) = found["tx"]["body"]["messages"]
    assert (status, message["@type"]) == (200, "/cosmos.bank.v1beta1.MsgSend")
    assert found["tx"]["auth_info"]["signer_infos"][0]["mode_info"] == {
        "single": {"mode": "SIGN_MODE_DIRECT"}
    }
    assert (await rest.get(f"{BANK}/balances/{BOB.address}"))[1]["balances"] == [
        {"denom": "stake", "amount": "7"}
    ]
    _, listed = await rest.get(f"{TXS}?query=message.sender%3D'{ALICE.address}'")
    assert [each["txhash"] for each in listed["tx_responses"]] == [digest]


async def test_a_contracts_message_in_a_body_is_json_itself(rest: RestClient) -> None:
    """As wasmd's RawContractMessage reads it, and cosmpy writes it; unknown names are passed over."""
    run = {
        "@type": "/cosmwasm.wasm.v1.MsgExecuteContract",
        "sender": ALICE.address,
        "contract": BOB.address,
        "msg": {"transfer": {"amount": "1"}},
        "unknown": {},
    }
    signer = {"mode_info": {"single": {"mode": "SIGN_MODE_DIRECT"}}, "sequence": "0"}
    info = {"signerInfos": [signer], "fee": {}}
    tx = {"body": {"messages": [run]}, "authInfo": info, "signatures": [""]}
    status, answer = await rest.post("/cosmos/tx/v1beta1/simulate", {"tx": tx})
    assert status != 200
    assert f"address {BOB.address}: no such contract" in answer["message"], answer


@pytest.mark.parametrize("body", ["{", "[]", '{"tx_bytes": 5}', "1" * 3, '"' + "[" * 9, "[" * 9999])
async def test_bodies_that_are_no_request(rest: RestClient, body: str) -> None:
    response, answer = await rest.request("POST", TXS, data=body.encode())
    assert (response.status, answer["code"]) == (400, 3)
    assert answer["message"]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("[]", "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"),
        ("5", "json: cannot unmarshal number into Go value of type map[string]json.RawMessage"),
        ('{"tx_bytes":"!!"}', "illegal base64 data at input byte 0"),
        (
            '{"tx_bytes":"AAAA","mode":"X"}',
            'unknown value "X" for enum cosmos.tx.v1beta1.BroadcastMode',
        ),
    ],
)
async def test_what_is_said_of_a_body(rest: RestClient, body: str, text: str) -> None:
    """As wasmd 0.61.14 says it."""
    _, answer = await rest.request("POST", TXS, data=body.encode())
    assert answer == {"code": 3, "message": text, "details": []}


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("/cosmos//bank/v1beta1/./params?x=1", "/cosmos/bank/v1beta1/params?x=1"),
        ("/cosmos/../bank/v1beta1/./params/", "/bank/v1beta1/params/"),
        ("//", "/"),
        ("/.cosmos/%2e%2e/x", "/x"),
        ("/a%2Fb//c", "/a/b/c"),
        ("/a%0d%0ab//c", "/a%0D%0Ab/c"),
    ],
)
async def test_paths_are_cleaned_first(rest: RestClient, path: str, cleaned: str) -> None:
    url = URL(rest.node.rest_url + path, encoded=True)
    async with rest.session.get(url, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (301, cleaned)


async def test_every_method_has_a_path(rest: RestClient) -> None:
    """But for two of ibc-go 8, which ibc-go 10 has neither here nor there."""
    methods = rest.node._queries().methods
    routed = {route.method for route in httprule.routes(methods)}
    transfer = "/ibc.applications.transfer.v1.Query/"
    assert set(methods) - routed == {f"{transfer}DenomTrace", f"{transfer}DenomTraces"}


@pytest.mark.parametrize(
    ("path", "status", "answer"),
    [
        (
            "/ibc/apps/interchain_accounts/host/v1/params",
            200,
            {"params": {"host_enabled": True, "allow_messages": ["*"]}},
        ),
        (
            "/ibc/apps/interchain_accounts/controller/v1/params",
            200,
            {"params": {"controller_enabled": True}},
        ),
        (
            "/ibc/apps/interchain_accounts/controller/v1/owners/x/connections/x",
            404,
            {
                "code": 5,
                "message": "failed to retrieve account address for icacontroller-x on connection x",
                "details": [],
            },
        ),
        (
            "/cosmos/auth/v1beta1/address_by_id/1",
            400,
            {
                "code": 3,
                "message": "requesting with id isn't supported, try to request using account-id",
                "details": [],
            },
        ),
        (
            "/cosmos/auth/v1beta1/address_by_id/0",
            200,
            {"account_address": ALICE.address},
        ),
        (
            "/ibc/apps/transfer/v1/denoms/x",
            400,
            {
                "code": 3,
                "message": "invalid denom trace hash: , error: encoding/hex: invalid byte: U+0078 'x'",
                "details": [],
            },
        ),
        (
            "/cosmos/distribution/v1beta1/validators/x/slashes",
            400,
            {"code": 3, "message": "invalid validator address", "details": []},
        ),
    ],
)
async def test_answers_of_wasmd(rest: RestClient, path: str, status: int, answer: Any) -> None:
    assert await rest.get(path) == (status, answer)


async def test_every_origin_may_ask(rest: RestClient) -> None:
    wanted = {
        "Origin": "https://wallet.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": f"content-type,{HEIGHT}",
    }
    response, _ = await rest.request("OPTIONS", TXS, headers=wanted)
    assert response.status == 204
    for name, value in (("Origin", "*"), ("Headers", "*"), ("Methods", "HEAD, GET, POST, OPTIONS")):
        assert response.headers[f"Access-Control-Allow-{name}"] == value
    for path in (BALANCES, "/nothing"):
        response, _ = await rest.request("GET", path)
        assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(("verb", "status"), [("POST", 200), ("DELETE", 501), ("PUT", 501)])
async def test_other_verbs(rest: RestClient, verb: str, status: int) -> None:
    """A form that is posted to a GET path is served like the query it stands for (grpc-gateway v1)."""
    response, body = await rest.request(verb, f"{BANK}/supply/by_denom", data={"denom": "stake"})
    assert response.status == status
    if status == 200:
        assert body == {"amount": {"denom": "stake", "amount": "1000000"}}


async def test_large_bodies_and_many_connections_are_refused() -> None:
    async with rest_chain(ServerLimits(body=1000, connections=0)) as rest:
        status, body = await rest.get(BALANCES)
        assert (status, body["code"]) == (503, 14)
    async with rest_chain(ServerLimits(body=1000)) as rest:
        answer: Any = await rest.post(TXS, {"tx_bytes": "A" * 2000})
        assert answer == (
            400,
            {"code": 3, "message": "http: request body too large", "details": []},
        )
