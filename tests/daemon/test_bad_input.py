"""What its user sees of a mistake: one line that names the thing and the reason, and an exit code that is not zero."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import pytest
from aiohttp import ClientSession
from helpers.desk import WEALTH, Desk, Said, set_up
from wasmtime import wat2wasm

from contracts import artifact
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.google.protobuf import any_pb2

pytestmark = pytest.mark.xdist_group("bad input")

ABI: Final = (
    '(memory (export "memory") 4) (func (export "interface_version_8"))'
    '(func (export "allocate") (param i32) (result i32) (i32.const 0))'
)
FREE: Final = '(func (export "deallocate") (param i32))'
START: Final = '(func (export "instantiate") (param i32 i32 i32) (result i32) (i32.const 0))'
BAD_CODE: Final = {
    "text": b"not a contract at all",
    "large": b"\0asm\1\0\0\0" + bytes(820_000),
    "missing": bytes(wat2wasm(f"(module {ABI} {START})")),
    "unknown": bytes(
        wat2wasm(f'(module (import "env" "fly_to_moon" (func)) {ABI} {FREE} {START})')
    ),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """With contracts good and bad: on the chain, codes 1 and 2, and a hostile contract."""
    with set_up(tmp_path_factory.mktemp("desk")) as made:
        for name in ("cw20_token", "hostile"):
            (made.folder / f"{name}.wasm").write_bytes(artifact(name))
            assert made.done("tx", "store", "alpha", f"{name}.wasm", *CONFIG, *BOB)["code_id"]
        for name, code in BAD_CODE.items():
            (made.folder / f"{name}.wasm").write_bytes(code)
        make = ("tx", "instantiate", "alpha", "2", "{}", "--label", "hostile")
        (made.folder / "hostile").write_text(made.done(*make, *CONFIG, *BOB)["contract"])
        made.people["bob"].sequence = 3
        spoil(made)
        yield made


def spoil(desk: Desk) -> None:
    """Chains that cannot start, if only because another one has the port."""
    for name in ("spare", "priceless", "keyless", "locked", "dry"):
        desk.done("chain", "init", "--home", name, "--chain-id", "spare-1")
    (desk.folder / "dry/faucet_key.json").unlink()
    (desk.folder / "priceless/chain.json").write_text('{"gas_price":"free"}')
    (desk.folder / "keyless/validator_keys.json").write_text("{}")
    (desk.folder / "locked/data/lock").write_text("this is no lock, and longer than its header is")


# Command lines and what they are told. HOSTILE stands for the contract, PORT for the chain's.
CONFIG: Final = ("--config", "good.toml")
BOB: Final = ("--from", "bob")
HOSTILE: Final = "HOSTILE"
PORT: Final = "PORT"
PORTS: Final = ("--rpc-port", "0", "--grpc-port", "0")
SEND: Final = ("tx", "send", "alpha", "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn", "5stake")
TOKEN: Final = '{"name":"Ship","symbol":"SHIP","decimals":"six","initial_balances":[]}'
COMMANDS: Final = [
    (("query", "status", "http://127.0.0.1:1"), "http://127.0.0.1:1: cannot connect: "),
    ((*SEND, *CONFIG, "--from", "nobody"), "there is no key named nobody"),
    (
        (*SEND, *CONFIG, "--from", "poor"),
        "alpha-1: transaction refused with sdk/9: account cosmos1",
    ),
    (("keys", "delete", "poor"), "no terminal to ask for consent: --yes deletes without asking"),
    (("tx", "store", "alpha", "text.wasm", *CONFIG), "Wasm bytecode could not be deserialized"),
    (
        ("tx", "store", "alpha", "large.wasm", *CONFIG),
        "code bytes cannot be longer than 819200 bytes: exceeds limit",
    ),
    (
        ("tx", "store", "alpha", "missing.wasm", *CONFIG),
        'Wasm contract doesn\'t have required export: "deallocate"',
    ),
    (
        ("tx", "store", "alpha", "unknown.wasm", *CONFIG),
        'Wasm contract requires unsupported import: "env.fly_to_moon"',
    ),
    (
        ("tx", "instantiate", "alpha", "1", '{"name":', "--label", "x", *CONFIG),
        "the message is not JSON: ",
    ),
    (
        ("tx", "instantiate", "alpha", "1", TOKEN, "--label", "x", *CONFIG),
        "Error parsing into type cw20_base::msg::InstantiateMsg: ",
    ),
    (
        ("query", "smart", "alpha", HOSTILE, '{"loop_forever":{}}', *CONFIG),
        "out of gas in location: Wasm engine function execution; gasWanted: 3000000",
    ),
    (("start", *CONFIG), "good.toml: paths: there is no path to relay"),
    (("chain", "start", "--home", "alpha"), "another process runs the chain in alpha"),
    (("config", "check", "--config", "absent.toml"), "absent.toml: No such file"),
    (("frobnicate",), "No such command 'frobnicate'"),
]
SLIPS: Final = [
    (("query", "status", "http://"), "is not a URL of a host"),
    (
        ("tx", "send", "alpha", "cosmos1xyz", "5stake", *CONFIG),
        "transaction would fail: failed to execute message; message index: 0: invalid to address: ",
    ),
    (
        ("tx", "send", "beta", "x", "5stake", *CONFIG),
        "there is no chain 'beta' in the configuration",
    ),
    ((*SEND[:-1], "stake", *CONFIG), "Invalid value for 'AMOUNT': "),
    ((*SEND[:-1], f"{WEALTH + 1}stake", *CONFIG), f"is smaller than {WEALTH + 1}stake: insuff"),
    (("keys", "add", "alice"), "a key named alice exists already"),
    (("keys", "add", "../alice"), "key name '../alice' is not of letters, digits, "),
    (("keys", "add", "k", "--mnemonic-file", "good.toml"), "a mnemonic has 12, 15, 18, 21 or 24"),
    (("tx", "store", "alpha", "absent.wasm", *CONFIG), "Invalid value for 'FILE': "),
    (
        ("tx", "instantiate", "alpha", "99", "{}", "--label", "x", *CONFIG),
        "code id 99: no such code",
    ),
    (
        ("tx", "instantiate", "alpha", str(2**64), "{}", "--label", "x", *CONFIG),
        "Invalid value for 'CODE_ID': 18446744073709551616 is not in the range",
    ),
    (("tx", "execute", "alpha", HOSTILE, "{", *CONFIG), "the message is not JSON: "),
    (
        ("tx", "execute", "alpha", HOSTILE, '{"fly":{}}', *CONFIG),
        "Error parsing into type lightship_hostile::ExecuteMsg: unknown variant `fly`, ",
    ),
    (
        ("tx", "execute", "alpha", HOSTILE, '{"fail":{"reason":"two\\nlines"}}', *CONFIG),
        "Generic error: two lines: execute wasm contract failed",
    ),
    (("query", "smart", "alpha", HOSTILE, "[", *CONFIG), "the message is not JSON: "),
    (
        ("query", "smart", "alpha", HOSTILE, '{"recurse":{"depth":null}}', *CONFIG),
        "RuntimeError: call stack exhausted: wasmvm error",
    ),
    (
        ("query", "smart", "alpha", HOSTILE, '{"allocate_all":{}}', *CONFIG),
        "RuntimeError: unreachable: wasmvm error",
    ),
    (("query", "smart", "alpha", "cosmos1x", "{}", *CONFIG), "decoding bech32 failed: "),
    (
        ("query", "client", "alpha", "07-tendermint-7", *CONFIG),
        "07-tendermint-7: light client not found",
    ),
    (
        ("tx", "transfer", "alpha", "channel-9", "cosmos1x", "5stake", *CONFIG),
        "send packet failed for source id: channel-9: ",
    ),
    (("create", "client", "alpha", "beta", *CONFIG), "there is no chain 'beta' in the config"),
    (("chain", "start", "--home", "nothing"), "nothing holds no chain"),
    (("chain", "start", "--home", "priceless"), "priceless/chain.json: expected a price such as"),
    (
        ("chain", "start", "--home", "keyless"),
        "keyless/validator_keys.json: a key has no 'priv_key'",
    ),
    (
        ("chain", "start", "--home", "locked"),
        "cannot lock locked/data/lock: file is not a database",
    ),
    (
        ("chain", "start", "--home", "spare", "--rpc-port", PORT),
        "RPC cannot listen on 127.0.0.1:",
    ),
    (
        ("chain", "start", "--home", "spare", "--rpc-port", "0", "--grpc-port", PORT),
        "gRPC cannot listen on 127.0.0.1:",
    ),
    (
        ("chain", "start", "--home", "spare", *PORTS, "--rest-port", PORT),
        "REST cannot listen on 127.0.0.1:",
    ),
    (
        ("chain", "start", "--home", "spare", *PORTS, "--rest-port", "0", "--faucet-port", PORT),
        "faucet cannot listen on 127.0.0.1:",
    ),
    (("chain", "start", "--home", "dry", "--faucet-port", "0"), "dry has no faucet: there is no"),
    (("chain", "init", "--home", "alpha", "--chain-id", "x"), "alpha holds a chain already"),
    (("chain", "init", "--home", "x", "--chain-id", "x" * 51), "chain_id is too long: 51 bytes"),
    (
        ("chain", "init", "--home", "x", "--chain-id", "x", "--account", "a=5stake,7stake"),
        "--account a: stake is given twice",
    ),
    (
        ("chain", "init", "--home", "x", "--chain-id", "x", "--denom", "1"),
        "--denom: expected a denomination such as stake, got '1'",
    ),
]


def filled(desk: Desk, words: tuple[str, ...]) -> list[str]:
    meant = {
        HOSTILE: (desk.folder / "hostile").read_text(),
        PORT: desk.url.rpartition(":")[2],
    }
    return [meant.get(word, word) for word in words]


def one_line(plain: Said, as_json: Said) -> str:
    """The error of a command: one line for people, and with --json the same for programs."""
    assert plain.code in {1, 2}
    [line] = plain.err.splitlines()
    assert line.startswith("error: ")
    reason = line.removeprefix("error: ")
    assert (as_json.code, as_json.err) == (plain.code, "")
    assert json.loads(as_json.out) == {"status": "error", "result": reason}
    return reason


@pytest.mark.parametrize(("words", "said"), COMMANDS, ids=[said for _, said in COMMANDS])
def test_a_mistake_on_the_command_line(desk: Desk, words: tuple[str, ...], said: str) -> None:
    plain, as_json = desk.said_twice(*filled(desk, words))
    assert said in one_line(plain, as_json)
    assert plain.out == ""


@pytest.mark.parametrize(("words", "said"), SLIPS, ids=[said for _, said in SLIPS])
def test_a_slip_on_the_command_line(desk: Desk, words: tuple[str, ...], said: str) -> None:
    """As above, and quicker: without a process for each."""
    command = filled(desk, words)
    plain, as_json = desk.says(*command), desk.says(*command, "--json")
    assert said in one_line(plain, as_json)
    assert plain.out == ""


@pytest.mark.parametrize("words", [(), ("chain",), ("tx",)], ids=str)
def test_a_group_without_a_command_shows_its_help(desk: Desk, words: tuple[str, ...]) -> None:
    told = desk.says(*words)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(" ".join(["Usage: lightship", *words, "[OPTIONS] COMMAND"]))
    assert "\n\nCommands:\n" in told.err


CHANGES: Final[list[tuple[dict[str, str], str]]] = [
    ({"colour": '"red"'}, "bad.toml: chains.alpha.colour: contains unknown field 'colour'"),
    ({"prefix": "5"}, "bad.toml: chains.alpha.prefix: Expected 'str', got 'int'"),
    ({"keys": '"alice"'}, "bad.toml: chains.alpha.keys: Expected 'array', got 'str'"),
    ({"max_gas": '"5"'}, "bad.toml: chains.alpha.max_gas: Expected 'int', got 'str'"),
    ({"rpc_timeout": '"soon"'}, "bad.toml: chains.alpha.rpc_timeout: expected a duration such as"),
    ({"id": '"gamma-1"'}, "expected chain gamma-1, got alpha-1"),
    ({"rpc": '"http://127.0.0.1:1"'}, "http://127.0.0.1:1: cannot connect: "),
    ({"rpc": '"ftp://x"'}, "bad.toml: chains.alpha.rpc: expected a URL such as http://127.0.0.1"),
    ({"rpc": "http://x"}, "bad.toml: is not TOML: "),
    ({"keys": '["nobody"]'}, "there is no key named nobody"),
    ({"keys": '["poor"]'}, "owns no stake to pay fees with"),
    ({"keys": '["../x"]'}, "bad.toml: chains.alpha.keys[0]: expected a name of letters, digits, "),
    ({"gas_price": '"cheap"'}, "bad.toml: chains.alpha.gas_price: expected a price such as"),
]


@pytest.mark.parametrize(("changes", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_a_mistake_in_the_configuration(desk: Desk, changes: dict[str, str], said: str) -> None:
    check = ("config", "check", "--config", desk.config("bad.toml", **changes))
    assert said in one_line(*desk.said_twice(*check))


@pytest.mark.parametrize("words", [SEND, ("start",)], ids=["tx", "start"])
def test_the_wrong_chain_is_named_with_its_endpoint(desk: Desk, words: tuple[str, ...]) -> None:
    file = desk.folder / desk.config("wrong.toml", id='"gamma-1"')
    beta = file.read_text().replace("alpha", "beta").replace("gamma", "beta")
    file.write_text(f'{file.read_text()}{beta}[[paths]]\na = "alpha"\nb = "beta"\n')
    told = desk.says(*words, "--config", "wrong.toml")
    assert told == Said(1, "", f"error: {desk.url}: expected chain gamma-1, got alpha-1\n")


# Transactions made by hand: the SDK's codespace, code and text.


WRONG: Final[list[tuple[str, dict[str, Any], int, str]]] = [
    (
        "signature",
        {"flip": 1},
        4,
        "signature verification failed; please verify account number (0) and chain-id (alpha-1): ",
    ),
    ("chain id", {"chain_id": "other-1"}, 4, "please verify account number (0) and chain-id (alph"),
    ("no signature", {"sign": False}, 15, "no signatures supplied"),
    (
        "sequence",
        {"ahead": 7},
        32,
        "account sequence mismatch, expected 0, got 7: incorrect account sequence",
    ),
    (
        "fee too small",
        {"fee": "1stake"},
        13,
        "insufficient fees; got: 1stake required: 5000stake: insufficient fee",
    ),
    ("no fee", {"fee": ""}, 13, "insufficient fees; got:  required: 5000stake: insufficient fee"),
    ("fee of another coin", {"fee": "5000gold"}, 13, "insufficient fees; got: 5000gold required"),
    (
        "fee not owned",
        {"fee": f"{10 * WEALTH}stake"},
        5,
        f"is smaller than {10 * WEALTH}stake: insufficient funds",
    ),
    ("gas", {"gas": 30_000}, 11, "out of gas in location: "),
    ("no gas", {"gas": 0, "fee": "5stake"}, 11, "gasWanted: 0, gasUsed: 1000: out of gas"),
    ("too much gas", {"gas": 2**63, "fee": "5stake"}, 18, f"invalid gas supplied; {2**63} > "),
    ("memo", {"memo": "x" * 257}, 12, "maximum number of characters is 256 but received 257"),
    ("too late", {"timeout_height": 1}, 30, "timeout height: 1: tx timeout height"),
    ("unknown message", {"any": any_pb2.Any(type_url="/fly.Me")}, 2, "/fly.Me: tx parse error"),
    ("bytes", {"cut": 3}, 2, "tx parse error"),
]


@pytest.mark.parametrize(
    ("wrong", "code", "text"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_a_transaction_that_is_wrong(
    desk: Desk, wrong: dict[str, Any], code: int, text: str
) -> None:
    answer = desk.rpc("broadcast_tx_sync", tx=desk.transaction("alice", **wrong))["result"]
    assert (answer["codespace"], answer["code"]) == ("sdk", code), answer["log"]
    assert text in answer["log"]
    assert desk.balance("alice") == WEALTH


# Calls with bad parameters are told the same over POST, GET and WebSocket.


CALLS: Final[list[tuple[str, dict[str, str], int, str]]] = [
    ("block", {"height": "soon"}, -32602, "arguments: invalid "),
    ("block", {"height": str(2**64)}, -32602, f"number {2**64} into Go value of type int64"),
    ("block", {"height": "-5"}, -32603, "height must be greater than 0, but got -5"),
    ("block", {"height": "999999"}, -32603, "height 999999 must be less than or equal to the curr"),
    ("validators", {"page": "99"}, -32603, "page should be within [1, 1] range, given 99"),
    ("tx", {"hash": "zz"}, -32602, "arguments: i"),
    ("tx", {}, -32603, "transaction hash cannot be empty"),
    ("abci_query", {"path": "/x", "data": "zz"}, -32602, "arguments: "),
    ("broadcast_tx_sync", {"tx": "!!"}, -32602, "arguments: i"),
    ("tx_search", {"query": "a="}, -32603, "offset 2: EOF"),
    ("blockchain", {"minHeight": "9", "maxHeight": "2"}, -32603, "min height 9 can't be greater"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "params", "code", "text"), CALLS)
async def test_a_call_with_bad_parameters(
    desk: Desk, method: str, params: dict[str, str], code: int, text: str
) -> None:
    told = [desk.rpc(method, **params), by_get(desk, method, params)]
    async with ClientSession() as session, session.ws_connect(f"{desk.url}/websocket") as socket:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        await socket.send_json(call)
        told.append(await socket.receive_json(timeout=10))
    codes = (code, code, -32603)  # WebSocket has no word for arguments that are wrong
    for answer, wanted in zip(told, codes, strict=True):
        assert answer["error"]["code"] == wanted
        assert text in answer["error"]["data"]


TEXTS: Final = ("query", "path")
"""Parameters that stand in quotes in a URI."""


def by_get(desk: Desk, method: str, params: dict[str, str]) -> Any:
    quoted = {key: f'"{value}"' if key in TEXTS else value for key, value in params.items()}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{desk.url}/{method}?{urllib.parse.urlencode(quoted)}", timeout=20)
    assert caught.value.code == 500
    with caught.value as answer:
        return json.load(answer)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"{", -32700, "error unmarshaling request: "),
        (b"5", -32700, "cannot unmarshal number into Go value of type struct"),
        (b'{"id":{},"method":"block"}', -32700, "json-rpc ID (map[]) is of unknown type"),
        (b"[" * 100_000, -32700, "error unmarshaling request: "),
        (b'{"id":1,"method":"block","params":5}', -32602, "unknown type for JSON params"),
        (b'{"id":1,"method":"block","params":[1,2]}', -32602, "expected 1 parameters ([height])"),
        (b'{"id":1,"method":"fly"}', -32601, ""),
    ],
    ids=lambda value: value[:40].decode() if isinstance(value, bytes) else "",
)
def test_a_request_that_is_none(desk: Desk, body: bytes, code: int, text: str) -> None:
    error = desk.post(body)["error"]
    assert error["code"] == code
    assert text in error.get("data", "")
    assert desk.rpc("health")["result"] == {}


# Contracts that mean harm: their sender pays, and nobody else notices.


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"loop_forever": {}}, "out of gas in location: Wasm engine function execution"),
        ({"recurse": {"depth": None}}, "call stack exhausted: wasmvm error"),
        ({"overflow_stack": {}}, "out of bounds memory access: wasmvm error"),
        ({"allocate_all": {}}, "unreachable: wasmvm error"),
        ({"fill_storage": {}}, "out of gas in location: wasm contract"),
        ({"open_iterators": {}}, "reached iterator limit (32768): wasmvm error"),
        ({"message_loop": {}}, "max call depth exceeded"),
        ({"reply_loop": {}}, "reply: dispatch: max call depth exceeded"),
        ({"query_loop": {}}, "query wasm contract failed: execute wasm contract failed"),
        ({"huge_result": {"bytes": 70_000_000}}, "unreachable: wasmvm error"),
        ({"panic": {"message": "on purpose"}}, "on purpose: wasmvm error"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_hostile_contract_costs_its_sender_and_nobody_else(
    desk: Desk, message: dict[str, Any], said: str
) -> None:
    execute = wasm_tx.MsgExecuteContract(
        sender=desk.people["bob"].address,
        contract=(desk.folder / "hostile").read_text(),
        msg=json.dumps(message).encode(),
    )
    owned, others, memory = desk.balance("bob"), desk.balance("alice"), desk.peak_memory()
    answer = desk.broadcast("bob", execute, gas=3_000_000)
    result = answer["tx_result"]
    assert result["code"] != 0
    assert said in result["log"]
    assert int(result["gas_used"]) > 50_000
    assert desk.balance("bob") == owned - 75_000
    assert desk.balance("alice") == others
    assert desk.peak_memory() - memory < 256 << 20
    after = desk.broadcast("bob")
    assert after["tx_result"]["code"] == 0, after["tx_result"]["log"]
    assert int(after["height"]) > int(answer["height"])
