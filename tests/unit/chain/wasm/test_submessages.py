"""What contracts send: when they hear of it, what is kept, whose data and whose gas it is in the end."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from helpers.accounts import Person
from helpers.puppet import CODE, SILENT, Puppet, b64, coin, executes, pays, sub
from helpers.wasm import ALICE, BOB, WasmChain, attribute, kinds, refusal

from chain.vm import VM
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import bech32

FAILS: dict[str, Any] = {"error": "no"}
HEARD = {"ok": {"attributes": [{"key": "heard", "value": "yes"}]}}


@pytest.fixture
def chain(vm: VM) -> WasmChain:
    made = WasmChain(vm)
    made.store(CODE)
    return made


@pytest.fixture
def puppet(chain: WasmChain) -> Puppet:
    return Puppet(chain, 1, answer=HEARD)


@pytest.fixture
def other(chain: WasmChain) -> Puppet:
    return Puppet(chain, 1)


def data_of(result: abci.ExecTxResult) -> bytes:
    """What the executed contract answered."""
    assert result.code == 0, result.log
    [response] = abci_pb2.TxMsgData.FromString(result.data).msg_responses
    return tx_pb2.MsgExecuteContractResponse.FromString(response.value).data


@pytest.mark.parametrize(
    ("reply_on", "succeeds", "heard"),
    [
        ("always", True, True),
        ("success", True, True),
        ("error", True, False),
        ("never", True, False),
        ("always", False, True),
        ("error", False, True),
    ],
)
def test_who_hears_what(
    puppet: Puppet, other: Puppet, reply_on: str, succeeds: bool, heard: bool
) -> None:
    message = executes(other.address, SILENT if succeeds else FAILS)
    result = puppet.sends(sub(message, reply_on))
    assert result.code == 0, result.log
    assert bool(puppet.stored("reply")) is heard
    assert bool(other.stored("env")) is succeeds
    tail = ["reply", "wasm"] if heard else []
    assert kinds(result) == ["execute", *(["execute"] if succeeds else []), *tail]


@pytest.mark.parametrize("reply_on", ["success", "never"])
def test_a_failure_nobody_wants_to_hear_of_ends_the_call(
    puppet: Puppet, other: Puppet, reply_on: str
) -> None:
    result = puppet.sends(sub(executes(other.address, FAILS), reply_on))
    assert refusal(result) == ("wasm", 5, "no: execute wasm contract failed")
    assert not puppet.stored("env")


@pytest.mark.parametrize("reply_on", ["sometimes", "", None])
def test_an_unknown_reply_on_is_no_result(puppet: Puppet, reply_on: Any) -> None:
    result = puppet.sends(sub(pays(BOB, 1), reply_on))
    assert (result.codespace, result.code) == ("wasm", 29)


@pytest.mark.parametrize("message", [{}, {"id": 1}, {"msg": pays(BOB, 1)}, None])
def test_a_message_without_reply_on_ends_the_call_when_its_turn_comes(
    puppet: Puppet, other: Puppet, message: Any
) -> None:
    """As wasmd 0.61.14 answers."""
    earlier = sub(executes(other.address, FAILS))
    assert refusal(puppet.sends(message)) == ("wasm", 14, "replyOn value: invalid")
    assert refusal(puppet.sends(earlier, message)) == (
        "wasm",
        5,
        "no: execute wasm contract failed",
    )


def test_null_says_nothing(puppet: Puppet) -> None:
    """In every field of what a contract returns, as Go reads it."""
    before = puppet.chain.balance(BOB)
    message = {**sub(pays(BOB, 7)), "id": None, "gas_limit": None, "payload": None}
    attributes = [{"key": "heard", "value": None}]
    said = {"messages": [message], "data": None, "events": None, "attributes": attributes}
    result = puppet.says({"error": None, "ok": said}, funds=[coin(7)])
    assert result.code == 0, result.log
    assert attribute(result, "heard") == ""
    assert puppet.chain.balance(BOB) == before + 7


def test_what_failed_is_forgotten_what_came_before_is_kept(puppet: Puppet, other: Puppet) -> None:
    before = puppet.chain.balance(BOB)
    broken = {"ok": {"messages": [sub(pays(BOB, 1000)), sub(executes(other.address, FAILS))]}}
    middle = Puppet(puppet.chain, 1)
    paid = executes(middle.address, broken, amount=1000)
    messages = (sub(pays(BOB, 1)), sub(paid, "error"), sub(pays(BOB, 10)))
    result = puppet.sends(*messages, funds=[coin(2000)])
    assert result.code == 0, result.log
    assert puppet.chain.balance(BOB) == before + 11
    assert puppet.reply["result"] == {"error": "no: execute wasm contract failed"}


def test_messages_run_depth_first_in_order(puppet: Puppet, other: Puppet) -> None:
    told = {
        "ok": {
            "attributes": [{"key": "who", "value": "other"}],
            "events": [{"type": "inner", "attributes": [{"key": "b", "value": "2"}]}],
            "messages": [sub(pays(BOB, 1))],
        }
    }
    paid = executes(other.address, told, amount=5)
    result = puppet.says(
        {
            "ok": {
                "attributes": [{"key": " who ", "value": " puppet "}],
                "events": [{"type": " outer ", "attributes": []}],
                "messages": [sub(paid, "always"), sub(executes(other.address, SILENT))],
            }
        },
        funds=[coin(5)],
    )
    money = ["coin_spent", "coin_received", "transfer"]
    assert kinds(result) == [
        *money,
        "execute",
        "wasm",
        "wasm-outer",
        *money,
        "execute",
        "wasm",
        "wasm-inner",
        *money,
        "reply",
        "wasm",
        "execute",
    ]
    [own, others, replied] = [event for event in result.events if event.type == "wasm"]
    assert [pair.value for pair in own.attributes] == [puppet.address, "puppet", "0"]
    assert [pair.value for pair in others.attributes] == [other.address, "other", "0"]
    assert [pair.key for pair in replied.attributes] == ["_contract_address", "heard", "msg_index"]


def test_events_of_a_contracts_message_have_sorted_attributes(
    puppet: Puppet, other: Puppet
) -> None:
    paid = executes(other.address, {"ok": {"attributes": [{"key": "A", "value": "1"}]}}, amount=5)
    result = puppet.sends(sub(paid), funds=[coin(5)])
    [_, sent] = [
        event
        for event in result.events
        if event.type == "transfer" and event.attributes[-1].key == "msg_index"
    ]
    assert [pair.key for pair in sent.attributes] == ["amount", "recipient", "sender", "msg_index"]
    [told] = [event for event in result.events if event.type == "wasm"]
    assert [pair.key for pair in told.attributes] == ["A", "_contract_address", "msg_index"]


@pytest.mark.parametrize(
    ("answers", "data"),
    [
        ([{"ok": {}}], b"own"),
        ([{"ok": {"data": b64(b"first")}}], b"first"),
        ([{"ok": {"data": b64(b"first")}}, {"ok": {"data": b64(b"last")}}], b"last"),
        ([{"ok": {"data": b64(b"first")}}, {"ok": {}}], b"first"),
        ([{"ok": {"data": b64(b"first")}}, {"ok": {"data": ""}}], b""),
    ],
)
def test_the_last_reply_with_data_wins(chain: WasmChain, answers: list[Any], data: bytes) -> None:
    """Contracts in a row, each of which replies with its own answer to the one below."""
    outer = Puppet(chain, 1, answer=answers[-1])
    if len(answers) == 1:
        assert data_of(outer.sends(sub(pays(BOB, 1), "always"), funds=[coin(1)])) == data
        return
    inner = Puppet(chain, 1, answer=answers[0])
    told = {"ok": {"data": b64(b"own"), "messages": [sub(pays(BOB, 1), "always")]}}
    message = executes(inner.address, told, amount=1)
    result = outer.sends(sub(message, "always"), funds=[coin(1)])
    heard = tx_pb2.MsgExecuteContractResponse.FromString(
        base64.b64decode(outer.reply["result"]["ok"]["data"])
    )
    assert heard.data == b"first"
    assert data_of(result) == (b"own" if answers[-1] == {"ok": {}} else data)


def test_a_failing_reply_ends_the_call(chain: WasmChain, other: Puppet) -> None:
    picky = Puppet(chain, 1, answer={"error": "not that"})
    result = picky.sends(sub(executes(other.address, SILENT), "always"))
    assert refusal(result) == ("wasm", 5, "reply: not that: execute wasm contract failed")


def test_a_gas_limit_is_the_messages_own(puppet: Puppet, other: Puppet) -> None:
    loop = executes(other.address, {"ok": {"messages": [sub(pays(BOB, 1))]}})
    result = puppet.sends(sub(loop, "error", gas_limit=10_000))
    assert result.code == 0, result.log
    assert puppet.reply["result"] == {"error": "codespace: sdk, code: 11"}
    assert not other.stored("env")
    bare = puppet.sends()
    assert result.gas_used > bare.gas_used + 10_000


def test_without_a_reply_a_gas_limit_ends_the_call(puppet: Puppet, other: Puppet) -> None:
    message = executes(other.address, SILENT)
    result = puppet.sends(sub(message, "never", gas_limit=10_000))
    assert refusal(result) == ("sdk", 11, "SubMsg hit gas limit: out of gas")


def test_a_gas_limit_above_what_is_left_is_none(puppet: Puppet, other: Puppet) -> None:
    message = executes(other.address, SILENT)
    limited = puppet.sends(sub(message, "always", gas_limit=2**64 - 1))
    free = puppet.sends(sub(message, "always"))
    assert limited.code == free.code == 0
    longer = len(
        ', "gas_limit": 18446744073709551615'
    )  # bytes of the transaction, and of the result
    assert limited.gas_used - free.gas_used == (10 + 1) * longer


def test_out_of_the_transactions_gas_is_not_for_contracts(puppet: Puppet, other: Puppet) -> None:
    message = executes(other.address, SILENT)
    wanted = puppet.sends(sub(message, "always")).gas_used
    result = puppet.sends(sub(message, "always"), gas=wanted - 1000)
    assert (result.codespace, result.code) == ("sdk", 11)


@pytest.mark.parametrize(
    ("message", "codespace", "code", "text"),
    [
        ({"custom": {}}, "wasm", 20, "no handler found: unknown message from the contract"),
        ({"gov": {"vote": {}}}, "wasm", 20, "no handler found: unknown message from the contract"),
        ({"wasm": {}}, "wasm", 20, "no handler found: unknown message from the contract"),
        (
            {"any": {"type_url": "/a.B", "value": ""}},
            "wasm",
            10,
            "Cannot unpack proto message with type URL: /a.B: invalid CosmosMsg from the contract",
        ),
        (
            {"any": {"type_url": "/cosmos.bank.v1beta1.MsgSend", "value": b64(b"\xff")}},
            "wasm",
            10,
            (
                "Cannot unpack proto message with type URL: /cosmos.bank.v1beta1.MsgSend: "
                "invalid CosmosMsg from the contract"
            ),
        ),
        (
            {"any": {"type_url": "", "value": b64(b"anything")}},
            "undefined",
            1,
            "expecting non nil value to create a new Any, failed packing protobuf message to Any",
        ),
        (
            {"any": {"type_url": "/a.B", "value": b64(bytes(512 * 1024 + 1))}},
            "wasm",
            13,
            "AnyMsg value size 524289 exceeds limit 524288: exceeds limit",
        ),
        (
            {"ibc": {"send_packet": {"channel_id": "channel-0", "data": "", "timeout": {}}}},
            "wasm",
            17,
            "ibc not supported: unsupported for this contract",
        ),
        ({"bank": {"burn": {"amount": []}}}, "wasm", 12, "amount: empty"),
    ],
)
def test_messages_that_the_chain_refuses(
    puppet: Puppet, message: Any, codespace: str, code: int, text: str
) -> None:
    assert refusal(puppet.sends(sub(message), gas=50_000_000)) == (codespace, code, text)


def any_send(sender: str, to: str) -> dict[str, Any]:
    message = bank_tx.MsgSend(from_address=sender, to_address=to, amount=[coin(1)])
    value = b64(message.SerializeToString())
    return {"any": {"type_url": "/cosmos.bank.v1beta1.MsgSend", "value": value}}


def test_a_contract_signs_for_nobody_else(puppet: Puppet) -> None:
    result = puppet.sends(sub(any_send(ALICE.address, BOB.address)))
    assert refusal(result) == ("sdk", 4, "contract doesn't have permission: unauthorized")


def test_a_contract_signs_for_itself(puppet: Puppet) -> None:
    before = puppet.chain.balance(BOB)
    result = puppet.sends(sub(any_send(puppet.address, BOB.address)), funds=[coin(1)])
    assert result.code == 0, result.log
    assert puppet.chain.balance(BOB) == before + 1


def test_burning(puppet: Puppet) -> None:
    message = {"bank": {"burn": {"amount": [{"denom": "stake", "amount": "3"}]}}}
    before = puppet.learns({"bank": {"supply": {"denom": "stake"}}})
    assert puppet.sends(sub(message), funds=[coin(3)]).code == 0
    after = puppet.learns({"bank": {"supply": {"denom": "stake"}}})
    assert int(before["amount"]["amount"]) - int(after["amount"]["amount"]) == 3


def test_nothing_to_send_is_nothing_done(puppet: Puppet) -> None:
    message = {"bank": {"send": {"to_address": BOB.address, "amount": []}}}
    assert puppet.sends(sub(message, "always")).code == 0
    assert puppet.reply["result"]["ok"] == {"events": [], "msg_responses": []}


def test_equal_denominations_are_summed(puppet: Puppet) -> None:
    before = puppet.chain.balance(BOB)
    message = pays(BOB, 1)
    message["bank"]["send"]["amount"] *= 2
    assert puppet.sends(sub(message), funds=[coin(2)]).code == 0
    assert puppet.chain.balance(BOB) == before + 2


@pytest.mark.parametrize("amount", ["-1", "1.5", "x", ""])
def test_amounts_that_are_none(puppet: Puppet, amount: str) -> None:
    message = {
        "bank": {
            "send": {"to_address": BOB.address, "amount": [{"denom": "stake", "amount": amount}]}
        }
    }
    assert puppet.sends(sub(message), funds=[coin(2)]).code != 0


def test_a_contract_makes_migrates_and_abandons_a_contract(puppet: Puppet) -> None:
    made = {
        "wasm": {
            "instantiate2": {
                "admin": puppet.address,
                "code_id": 1,
                "msg": b64(b"{}"),
                "funds": [],
                "label": "child",
                "salt": b64(b"salt"),
            }
        }
    }
    assert puppet.sends(sub(made, "always")).code == 0
    response = tx_pb2.MsgInstantiateContract2Response.FromString(
        base64.b64decode(puppet.reply["result"]["ok"]["data"])
    )
    child = response.address
    update = {"wasm": {"update_admin": {"contract_addr": child, "admin": BOB.address}}}
    clear = {"wasm": {"clear_admin": {"contract_addr": child}}}
    migrate = {"wasm": {"migrate": {"contract_addr": child, "new_code_id": 1, "msg": b64(b"{}")}}}
    result = puppet.sends(sub(migrate), sub(update), sub(clear, "error"))
    assert result.code == 0, result.log
    assert kinds(result) == ["execute", "migrate", "update_contract_admin", "reply", "wasm"]
    assert puppet.reply["result"] == {"error": "codespace: sdk, code: 4"}
    assert puppet.learns({"wasm": {"contract_info": {"contract_addr": child}}}) == {
        "code_id": 1,
        "creator": puppet.address,
        "admin": BOB.address,
        "pinned": False,
        "ibc2_port": f"wasm2{child.removeprefix('cosmos')}",
    }


def test_a_bad_message_to_a_contract_fails_its_basic_validation(puppet: Puppet) -> None:
    message = executes(puppet.address, {})
    message["wasm"]["execute"]["msg"] = b64(b"no json")
    result = puppet.sends(sub(message))
    assert (result.codespace, result.code) == ("wasm", 14)
    assert "payload msg: invalid" in result.log


def test_a_transfer_over_no_channel(puppet: Puppet) -> None:
    message = {
        "ibc": {
            "transfer": {
                "channel_id": "channel-9",
                "to_address": "x",
                "amount": {"denom": "stake", "amount": "1"},
                "timeout": {"block": None, "timestamp": "9000000000000000000"},
            }
        }
    }
    result = puppet.sends(sub(message), funds=[coin(1)])
    assert result.code != 0
    assert "channel-9" in result.log


def test_nothing_goes_to_a_person_of_another_chain(puppet: Puppet) -> None:
    stranger = Person("alice", prefix="osmo")
    result = puppet.sends(sub(pays(stranger, 1)), funds=[coin(1)])
    assert (result.codespace, result.code) == ("sdk", 7)


def test_what_is_not_there_is_told_by_its_number(puppet: Puppet) -> None:
    absent = bech32.encode("cosmos", bytes(32))
    assert puppet.sends(sub(executes(absent, SILENT), "error")).code == 0
    assert puppet.reply["result"] == {"error": "codespace: wasm, code: 22"}


@pytest.mark.parametrize("amount", ["0x3", "03", "3"])
def test_amounts_in_other_bases(puppet: Puppet, amount: str) -> None:
    """Go's ``NewIntFromString`` looks at the prefix, so a contract may write so."""
    sent = {"to_address": BOB.address, "amount": [{"denom": "stake", "amount": amount}]}
    result = puppet.sends(sub({"bank": {"send": sent}}), funds=[coin(3)])
    assert result.code == 0, result.log
    assert attribute(result, "amount") == "3stake"


def test_of_several_variants_the_first_counts(puppet: Puppet) -> None:
    """In the order of ``MessageEncoders.Encode``; a variant that is known but empty counts as unknown."""
    both = pays(BOB, 1) | {"wasm": {"execute": {"contract_addr": "x", "msg": "", "funds": []}}}
    assert puppet.sends(sub(both), funds=[coin(1)]).code == 0
    empty = {"bank": {}, "wasm": executes(puppet.address, {"ok": {}})["wasm"]}
    ended = puppet.sends(sub(empty))
    assert (ended.codespace, ended.code) == ("wasm", 20)
    assert "no handler found: unknown message from the contract" in ended.log


def test_an_unknown_message_deep_inside_is_told_as_unknown(puppet: Puppet, other: Puppet) -> None:
    inner = {"ok": {"messages": [sub({"custom": {"a": 1}})]}}
    ended = puppet.sends(sub(executes(other.address, inner)))
    assert refusal(ended) == (
        "wasm",
        20,
        "no handler found: unknown message from the contract",
    )


def test_a_message_signed_by_no_address(puppet: Puppet) -> None:
    packed = {"type_url": "/cosmos.bank.v1beta1.MsgSend", "value": ""}
    assert puppet.sends(sub({"any": packed}, "error")).code == 0
    assert puppet.reply["result"] == {"error": "codespace: undefined, code: 1"}
