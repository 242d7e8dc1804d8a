"""The life of codes and contracts: who may do what, in which words it is refused, and which events tell of it.

Codespaces, codes and words are those of wasmd 0.61.14.
"""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from typing import Any

import pytest
from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.puppet import CODE, Puppet, coin, executes, sub
from helpers.wasm import ALICE, BOB, WasmChain, attribute, kinds, refusal

import contracts
from chain.errors import AbciError
from chain.modules.wasm import keys
from chain.vm import VM
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2, types_pb2
from cosmos_pb.cosmwasm.wasm.v1.types_pb2 import AccessConfig
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import bech32

CHECKSUM = sha256(CODE).digest()
NOBODY = AccessConfig(permission=types_pb2.ACCESS_TYPE_NOBODY)
EVERYBODY = AccessConfig(permission=types_pb2.ACCESS_TYPE_EVERYBODY)
ABSENT = bech32.encode("cosmos", bytes(32))
TOKEN = {
    "name": "Ship",
    "symbol": "SHIP",
    "decimals": 6,
    "initial_balances": [{"address": ALICE.address, "amount": "1000"}],
}


def only(*people: Person) -> AccessConfig:
    return AccessConfig(
        permission=types_pb2.ACCESS_TYPE_ANY_OF_ADDRESSES,
        addresses=[person.address for person in people],
    )


@pytest.fixture
def chain(vm: VM) -> WasmChain:
    return WasmChain(vm)


@pytest.fixture
def puppet(chain: WasmChain) -> Puppet:
    chain.store(CODE)
    return Puppet(chain, 1)


def shown(result: abci.ExecTxResult, kind: str) -> list[dict[str, str]]:
    """The attributes of the events of a kind, without the index of their message."""
    return [
        {pair.key: pair.value for pair in event.attributes if pair.key != "msg_index"}
        for event in result.events
        if event.type == kind
    ]


def response(result: abci.ExecTxResult, kind: Any) -> Any:
    assert result.code == 0, result.log
    [packed] = abci_pb2.TxMsgData.FromString(result.data).msg_responses
    return kind.FromString(packed.value)


def instantiation(**fields: Any) -> tx_pb2.MsgInstantiateContract:
    given: dict[str, Any] = {"code_id": 1, "label": "x", "msg": b"{}"}
    return tx_pb2.MsgInstantiateContract(**({"sender": ALICE.address} | given | fields))


def predictable(**fields: Any) -> tx_pb2.MsgInstantiateContract2:
    given: dict[str, Any] = {"code_id": 1, "label": "x", "msg": b"{}", "salt": b"s"}
    return tx_pb2.MsgInstantiateContract2(**({"sender": ALICE.address} | given | fields))


# -- store


def test_store(chain: WasmChain) -> None:
    result = chain.store(CODE)
    assert response(result, tx_pb2.MsgStoreCodeResponse) == tx_pb2.MsgStoreCodeResponse(
        code_id=1, checksum=CHECKSUM
    )
    assert shown(result, "store_code") == [{"code_checksum": CHECKSUM.hex(), "code_id": "1"}]
    again = chain.store(CODE)
    assert attribute(again, "code_id") == "2"


def test_compiling_costs_three_gas_a_byte(chain: WasmChain) -> None:
    """Zipped or not; unzipping costs 0.15 a byte on top, and every byte of a transaction costs 10."""
    chain.store(CODE)  # the first transaction of an account costs more
    token = contracts.artifact("cw20_token")
    zipped = gzip.compress(token, mtime=0)
    plain, packed = chain.store(token), chain.store(zipped)
    saved = plain.gas_used - packed.gas_used
    assert saved == 10 * (len(token) - len(zipped)) - len(zipped) * 15 // 100
    assert plain.gas_used > 13 * len(token)
    short = chain.store(token, gas=3 * len(token))
    assert (short.codespace, short.code) == ("sdk", 11)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b"not wasm", "Wasm bytecode could not be deserialized"),
        (b"\0asm\1\0\0\0", "Wasm contract must contain exactly one memory"),
        (CODE.replace(b"interface_version_8", b"interface_version_7"), "interface_version_*"),
        (CODE.replace(b"allocate", b"allocatf", 1), 'required export: "allocate"'),
        (CODE.replace(b"query_chain", b"query_chaim"), 'unsupported import: "env.query_chaim"'),
    ],
)
def test_what_is_no_contract(chain: WasmChain, code: bytes, reason: str) -> None:
    codespace, number, log = refusal(chain.store(code))
    assert (codespace, number) == ("wasm", 2)
    assert log.startswith("Error calling the VM: Error during static Wasm validation: ")
    assert reason in log
    assert log.endswith(": create wasm contract failed")


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (b"", ("sdk", 18, "code bytes is required: empty: invalid request")),
        (
            bytes(800 * 1024 + 1),
            (
                "sdk",
                18,
                "code bytes cannot be longer than 819200 bytes: exceeds limit: invalid request",
            ),
        ),
        (
            gzip.compress(bytes(800 * 1024 + 1)),
            (
                "wasm",
                2,
                "uncompress wasm archive: max 819200 bytes: exceeds limit: create wasm contract failed",
            ),
        ),
        (
            gzip.compress(CODE)[:-20],
            ("wasm", 2, "uncompress wasm archive: unexpected EOF: create wasm contract failed"),
        ),
    ],
    ids=["empty", "large", "large inside", "half a zip"],
)
def test_codes_of_wrong_size(chain: WasmChain, code: bytes, end: tuple[str, int, str]) -> None:
    assert refusal(chain.store(code, gas=30_000_000)) == end


# -- instantiate


def test_instantiate(chain: WasmChain) -> None:
    code_id = chain.store_artifact("cw20_token")
    message = json.dumps(TOKEN).encode()
    result = chain.run(instantiation(code_id=code_id, msg=message, funds=[coin(7)]))
    made = response(result, tx_pb2.MsgInstantiateContractResponse)
    assert made.address == bech32.encode("cosmos", keys.classic_address(1, 1))
    assert kinds(result) == ["coin_spent", "coin_received", "transfer", "instantiate"]
    assert shown(result, "instantiate") == [{"_contract_address": made.address, "code_id": "1"}]
    assert chain.ask(made.address, {"balance": {"address": ALICE.address}}) == {"balance": "1000"}
    assert chain.app.bank.balance(chain.app.context_at(0), made.address, "stake") == 7


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({"code_id": 9}, ("wasm", 28, "code id 9: no such code")),
        ({"code_id": 0}, ("sdk", 18, "code id is required: invalid request")),
        ({"label": ""}, ("wasm", 12, "label: is required: empty")),
        (
            {"label": "x" * 129},
            ("wasm", 13, "label: cannot be longer than 128 characters: exceeds limit"),
        ),
        (
            {"label": " x"},
            ("wasm", 14, "label: label must not start/end with whitespaces: invalid"),
        ),
        (
            {"label": "a\0b"},
            ("wasm", 14, "label: label must have printable characters only: invalid"),
        ),
        ({"msg": b"{"}, ("wasm", 14, "payload msg: invalid")),
        ({"msg": b""}, ("wasm", 14, "payload msg: invalid")),
        (
            {"admin": "x"},
            ("undefined", 1, "admin: decoding bech32 failed: invalid bech32 string length 1"),
        ),
        (
            {"funds": [coin(10**15)]},
            (
                "sdk",
                5,
                (
                    "spendable balance 1000000000stake is smaller than 1000000000000000stake"
                    ": insufficient funds"
                ),
            ),
        ),
    ],
)
def test_contracts_that_are_not_made(
    puppet: Puppet, fields: dict[str, Any], end: tuple[str, int, str]
) -> None:
    assert refusal(puppet.chain.run(instantiation(**fields))) == end


def test_a_contract_that_does_not_want_to_be(chain: WasmChain) -> None:
    code_id = chain.store_artifact("cw20_token")
    before = chain.balance(ALICE)
    message = json.dumps(TOKEN | {"symbol": "!"}).encode()
    result = chain.run(instantiation(code_id=code_id, msg=message, funds=[coin(7)]))
    assert refusal(result) == (
        "wasm",
        4,
        (
            "Generic error: Ticker symbol is not in expected format [a-zA-Z\\-]{3,12}: "
            "instantiate wasm contract failed"
        ),
    )
    assert chain.balance(ALICE) == before
    made = chain.instantiate(code_id, TOKEN)
    assert made == bech32.encode("cosmos", keys.classic_address(1, 1)), "its number is free again"


def test_instantiate2(puppet: Puppet) -> None:
    chain = puppet.chain
    loose = chain.run(predictable())
    fixed = chain.run(predictable(fix_msg=True))
    for result, message in ((loose, b""), (fixed, b"{}")):
        raw = keys.predictable_address(CHECKSUM, ALICE.raw_address, b"s", message)
        assert response(result, tx_pb2.MsgInstantiateContract2Response).address == bech32.encode(
            "cosmos", raw
        )
    assert refusal(chain.run(predictable())) == (
        "wasm",
        15,
        (
            "contract address already exists, try a different combination of creator, checksum and salt: "
            "duplicate"
        ),
    )


@pytest.mark.parametrize(
    ("salt", "end"),
    [
        (b"", ("wasm", 12, "salt: is required: empty")),
        (bytes(65), ("wasm", 13, "salt: cannot be longer than 64 characters: exceeds limit")),
    ],
)
def test_salts(puppet: Puppet, salt: bytes, end: tuple[str, int, str]) -> None:
    assert refusal(puppet.chain.run(predictable(salt=salt))) == end


def test_a_used_account_is_nobodys_contract(puppet: Puppet) -> None:
    """CWA-2022-005; an account that only ever received becomes the contract's."""
    chain = puppet.chain
    raw = keys.predictable_address(CHECKSUM, ALICE.raw_address, b"s", b"")
    ctx = chain.app.context_at(0)
    chain.app.auth.create_account(ctx, raw)
    assert chain.app.messages.dispatch(ctx, predictable()).response.value
    ctx = chain.app.context_at(0)
    chain.app.auth.save(ctx, raw, chain.app.auth.create_account(ctx, raw).next())
    with pytest.raises(AbciError, match="address is claimed by external account") as caught:
        chain.app.messages.dispatch(ctx, predictable())
    assert (caught.value.codespace, caught.value.code) == ("wasm", 3)


# -- execute


def test_execute(chain: WasmChain) -> None:
    token = chain.make("cw20_token", TOKEN)
    message = {"transfer": {"recipient": BOB.address, "amount": "5"}}
    result = chain.execute(token, message, funds=[coin(9)])
    assert kinds(result) == ["coin_spent", "coin_received", "transfer", "execute", "wasm"]
    assert shown(result, "execute") == [{"_contract_address": token}]
    assert list(shown(result, "wasm")[0].items()) == [
        ("_contract_address", token),
        ("action", "transfer"),
        ("from", ALICE.address),
        ("to", BOB.address),
        ("amount", "5"),
    ]
    assert chain.ask(token, {"balance": {"address": BOB.address}}) == {"balance": "5"}


PARSING = "Error parsing into type cw20::msg::Cw20ExecuteMsg: "


@pytest.mark.parametrize(
    ("message", "end"),
    [
        (
            {"transfer": {"recipient": BOB.address, "amount": "2000"}},
            ("wasm", 5, "Overflow: Cannot Sub with given operands: execute wasm contract failed"),
        ),
        (
            {"transfer": {"recipient": "abc", "amount": "1"}},
            (
                "wasm",
                5,
                (
                    "Generic error: addr_validate errored: decoding bech32 failed: "
                    "invalid bech32 string length 3: execute wasm contract failed"
                ),
            ),
        ),
        (
            {"transfer": {"recipient": BOB.address}},
            ("wasm", 5, f"{PARSING}missing field `amount`: execute wasm contract failed"),
        ),
        (b"not json", ("wasm", 14, "payload msg: invalid")),
        (b"", ("wasm", 14, "payload msg: invalid")),
    ],
)
def test_refused_executions(chain: WasmChain, message: Any, end: tuple[str, int, str]) -> None:
    token = chain.make("cw20_token", TOKEN)
    assert refusal(chain.execute(token, message)) == end


def test_executing_what_is_not_there(chain: WasmChain) -> None:
    assert refusal(chain.execute(ABSENT, {})) == (
        "wasm",
        22,
        f"address {ABSENT}: no such contract",
    )
    assert refusal(chain.execute("hello", {})) == (
        "undefined",
        1,
        "contract: decoding bech32 failed: invalid bech32 string length 5",
    )


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"type": " ab "}, "Event type too short: 'ab'"),
        (
            {"type": "abc", "attributes": [{"key": " ", "value": "v"}]},
            "Empty attribute key. Value: v",
        ),
        (
            {"type": "abc", "attributes": [{"key": "_x", "value": "v"}]},
            "Attribute key starts with reserved prefix _: '_x'",
        ),
    ],
)
def test_events_that_contracts_may_not_emit(puppet: Puppet, event: Any, reason: str) -> None:
    result = puppet.says({"ok": {"events": [event]}})
    assert refusal(result) == ("wasm", 21, f"{reason}: invalid event")


@pytest.mark.parametrize("result", [{}, {"ok": None}, {"error": None}, None])
def test_neither_a_response_nor_an_error_ends_the_transaction(puppet: Puppet, result: Any) -> None:
    """Wasmd reads such a result through a nil pointer; no contract in between may catch that."""
    ended = puppet.says(result)
    assert (ended.codespace, ended.code) == ("undefined", 111222)
    assert "invalid memory address or nil pointer dereference" in ended.log
    ended = puppet.sends(sub(executes(puppet.address, result), "error"))
    assert (ended.codespace, ended.code) == ("undefined", 111222)


@pytest.mark.parametrize("result", [[], 1, {"ok": {"data": "%"}}])
def test_results_that_are_none(puppet: Puppet, result: Any) -> None:
    ended = puppet.says(result)
    assert (ended.codespace, ended.code) == ("wasm", 29)


def test_results_cost_a_gas_a_byte(puppet: Puppet) -> None:
    """And 10 for each byte of the transaction that carries this one."""
    short = puppet.says({"ok": {}}).gas_used
    longer = puppet.says(b'{"ok":' + b" " * 1001 + b"{}}").gas_used
    assert longer - short == pytest.approx(11 * 1000, rel=0.02)


# -- migrate, admin, label


def migration(puppet: Puppet, code_id: int = 1, by: Person = ALICE) -> tx_pb2.MsgMigrateContract:
    return tx_pb2.MsgMigrateContract(
        sender=by.address, contract=puppet.address, code_id=code_id, msg=b'{"bank":{}}'
    )


def test_migrate(puppet: Puppet) -> None:
    puppet.chain.store(CODE)
    result = puppet.chain.run(migration(puppet, 2))
    assert result.code == 0, result.log
    [event] = shown(result, "migrate")
    assert list(event.items()) == [("code_id", "2"), ("_contract_address", puppet.address)]
    assert puppet.chain.info(puppet.address).code_id == 2


@pytest.mark.parametrize(
    ("code_id", "by", "end"),
    [
        (9, ALICE, ("sdk", 18, "unknown code: invalid request")),
        (0, ALICE, ("sdk", 18, "code id is required: invalid request")),
        (1, BOB, ("sdk", 4, "can not migrate: unauthorized")),
        (2, ALICE, ("sdk", 4, "to use new code: unauthorized")),
    ],
)
def test_refused_migrations(
    puppet: Puppet, code_id: int, by: Person, end: tuple[str, int, str]
) -> None:
    puppet.chain.store(CODE, instantiate_permission=NOBODY)
    assert refusal(puppet.chain.run(migration(puppet, code_id, by), by=by)) == end


def test_migrating_what_is_not_there(puppet: Puppet) -> None:
    message = migration(puppet)
    message.contract = ABSENT
    assert refusal(puppet.chain.run(message)) == ("sdk", 18, "unknown contract: invalid request")


def test_a_contract_with_channels_keeps_its_entry_points(chain: WasmChain) -> None:
    chain.store(CODE)
    player = chain.make("ping_pong", {}, admin=ALICE)
    message = tx_pb2.MsgMigrateContract(sender=ALICE.address, contract=player, code_id=1, msg=b"{}")
    assert refusal(chain.run(message)) == (
        "wasm",
        11,
        "requires ibc callbacks: migrate wasm contract failed",
    )


def test_admins(puppet: Puppet) -> None:
    chain, contract = puppet.chain, puppet.address
    update = tx_pb2.MsgUpdateAdmin(sender=ALICE.address, new_admin=BOB.address, contract=contract)
    assert shown(chain.run(update), "update_contract_admin") == [
        {"_contract_address": contract, "new_admin_address": BOB.address}
    ]
    clear = tx_pb2.MsgClearAdmin(sender=ALICE.address, contract=contract)
    refused = ("sdk", 4, "can not modify contract: unauthorized")
    assert refusal(chain.run(clear)) == refused
    clear.sender = BOB.address
    assert shown(chain.run(clear, by=BOB), "update_contract_admin") == [
        {"_contract_address": contract, "new_admin_address": ""}
    ]
    update.sender = BOB.address
    update.new_admin = ALICE.address
    assert refusal(chain.run(update, by=BOB)) == refused


def test_the_same_admin_again(puppet: Puppet) -> None:
    message = tx_pb2.MsgUpdateAdmin(
        sender=ALICE.address, new_admin=ALICE.address, contract=puppet.address
    )
    assert refusal(puppet.chain.run(message)) == (
        "wasm",
        14,
        "new admin is the same as the old: invalid",
    )


def test_labels(puppet: Puppet) -> None:
    message = tx_pb2.MsgUpdateContractLabel(
        sender=ALICE.address, new_label="new", contract=puppet.address
    )
    assert shown(puppet.chain.run(message), "update_contract_label") == [
        {"_contract_address": puppet.address, "new_label": "new"}
    ]
    message.sender = BOB.address
    assert refusal(puppet.chain.run(message, by=BOB))[:2] == ("sdk", 4)
    message.new_label = ""
    assert refusal(puppet.chain.run(message, by=BOB)) == ("wasm", 12, "label: is required: empty")


# -- access


@pytest.mark.parametrize(
    ("access", "by", "allowed"),
    [
        (EVERYBODY, BOB, True),
        (NOBODY, ALICE, False),
        (only(BOB), BOB, True),
        (only(BOB), ALICE, False),
        (only(ALICE, BOB), ALICE, True),
    ],
)
def test_who_may_instantiate(
    chain: WasmChain, access: AccessConfig, by: Person, allowed: bool
) -> None:
    assert chain.store(CODE, instantiate_permission=access).code == 0
    result = chain.run(instantiation(sender=by.address), by=by)
    if allowed:
        assert result.code == 0, result.log
    else:
        assert refusal(result) == ("sdk", 4, "can not instantiate: unauthorized")


def test_narrowing_the_access_to_a_code(chain: WasmChain) -> None:
    chain.store(CODE)
    message = tx_pb2.MsgUpdateInstantiateConfig(
        sender=ALICE.address, code_id=1, new_instantiate_permission=only(BOB)
    )
    assert shown(chain.run(message), "update_code_access_config") == [
        {
            "code_permission": "AnyOfAddresses",
            "code_id": "1",
            "authorized_addresses": BOB.address,
        }
    ]
    assert chain.run(instantiation()).code == 4
    message.sender = BOB.address
    assert refusal(chain.run(message, by=BOB)) == (
        "sdk",
        4,
        "can not modify code access config: unauthorized",
    )


@pytest.mark.parametrize(
    ("access", "end"),
    [
        (AccessConfig(), ("wasm", 12, "instantiate permission: type: empty")),
        (only(), ("wasm", 12, "instantiate permission: addresses: addresses: empty")),
        (
            only(BOB, BOB),
            ("wasm", 15, "instantiate permission: addresses: duplicate addresses: duplicate"),
        ),
        (
            only(*(Person(str(number)) for number in range(51))),
            (
                "sdk",
                18,
                (
                    "instantiate permission: addresses: total number of addresses is greater than 50: "
                    "invalid request"
                ),
            ),
        ),
        (
            AccessConfig(
                permission=types_pb2.ACCESS_TYPE_ANY_OF_ADDRESSES,
                addresses=[BOB.address, BOB.address.upper()],
            ),
            ("wasm", 15, "instantiate permission: addresses: duplicate addresses: duplicate"),
        ),
    ],
)
def test_access_that_makes_no_sense(
    chain: WasmChain, access: AccessConfig, end: tuple[str, int, str]
) -> None:
    assert refusal(chain.store(CODE, instantiate_permission=access)) == end


def test_an_upload_nobody_may_make(chain: WasmChain) -> None:
    """The chain's parameters decide; an upload may not be for more people than the default."""
    params = types_pb2.Params(
        code_upload_access=only(ALICE),
        instantiate_default_permission=types_pb2.ACCESS_TYPE_NOBODY,
    )
    ctx = chain.app.context_at(0)
    govern(chain, ctx, tx_pb2.MsgUpdateParams(params=params))
    store = tx_pb2.MsgStoreCode(sender=ALICE.address, wasm_byte_code=CODE)
    assert chain.app.messages.dispatch(ctx, store).response.value
    store.instantiate_permission.CopyFrom(EVERYBODY)
    for sender in (ALICE, BOB):
        store.sender = sender.address
        with pytest.raises(AbciError, match="can not create code: unauthorized"):
            chain.app.messages.dispatch(ctx, store)


# -- what only the authority may do


def govern(chain: WasmChain, ctx: Any, message: Any) -> Any:
    message.authority = chain.app.auth.module_address("gov")
    return chain.app.messages.dispatch(ctx, message)


@pytest.mark.parametrize(
    "message",
    [
        tx_pb2.MsgPinCodes(code_ids=[1]),
        tx_pb2.MsgUnpinCodes(code_ids=[1]),
        tx_pb2.MsgSudoContract(contract=ABSENT, msg=b"{}"),
        tx_pb2.MsgUpdateParams(
            params=types_pb2.Params(
                code_upload_access=EVERYBODY,
                instantiate_default_permission=types_pb2.ACCESS_TYPE_EVERYBODY,
            )
        ),
    ],
    ids=lambda message: message.DESCRIPTOR.name,
)
def test_people_do_not_govern(puppet: Puppet, message: Message) -> None:
    message.authority = ALICE.address  # type: ignore[attr-defined]
    gov = puppet.chain.app.auth.module_address("gov")
    assert refusal(puppet.chain.run(message)) == (
        "wasm",
        14,
        f"invalid authority; expected {gov}, got {ALICE.address}: invalid",
    )


def test_a_pinned_code_is_cheaper(puppet: Puppet) -> None:
    chain = puppet.chain
    ctx = chain.app.context_at(0)
    message = tx_pb2.MsgExecuteContract(
        sender=ALICE.address, contract=puppet.address, msg=b'{"ok":{}}'
    )
    costs: list[int] = []
    for pinned in (False, True, False):
        if pinned:
            [event] = govern(chain, ctx, tx_pb2.MsgPinCodes(code_ids=[1])).events
            assert (event.type, event.attributes) == ("pin_code", (("code_id", "1"),))
        elif costs:
            [event] = govern(chain, ctx, tx_pb2.MsgUnpinCodes(code_ids=[1])).events
            assert (event.type, event.attributes) == ("unpin_code", (("code_id", "1"),))
        before = ctx.gas.consumed
        chain.app.messages.dispatch(ctx, message)
        costs.append(ctx.gas.consumed - before)
    assert costs[0] == costs[2] == costs[1] + 58_000


def test_pinning_no_code(puppet: Puppet) -> None:
    ctx = puppet.chain.app.context_at(0)
    with pytest.raises(AbciError, match="code id 9: no such code"):
        govern(puppet.chain, ctx, tx_pb2.MsgPinCodes(code_ids=[9]))


def test_a_second_call_in_a_transaction_is_cheaper(puppet: Puppet) -> None:
    message = tx_pb2.MsgExecuteContract(
        sender=ALICE.address, contract=puppet.address, msg=b'{"ok":{}}'
    )
    chain = puppet.chain
    [once] = chain.block(chain.tx(ALICE, message, gas=10**6))
    [twice] = chain.block(chain.tx(ALICE, message, message, gas=10**6))
    size = message.ByteSize()
    more = twice.gas_used - once.gas_used
    assert once.gas_used - 58_000 > more > 2_000 + 10 * size
    assert once.gas_used > 60_000
