"""Scenarios: what people do with contracts, step by step, as data; here they are played on a chain.

A scenario is a JSON object whose ``steps`` are made one after the other, each in a block of its own:

    {"instantiate": CODE, "as": NAME, "by": PERSON, "msg": …}      a contract by the name NAME
    {"execute": NAME, "by": PERSON, "msg": …, "funds": COINS}      a transaction
    {"migrate": NAME, "by": PERSON, "code": CODE, "msg": …}        likewise
    {"send": NAME, "by": PERSON, "funds": COINS}                   coins to anybody, by the bank
    {"query": NAME, "msg": …}                                      a smart query
    {"balance": NAME}                                              all coins of somebody
    {"wait": SECONDS}                                              so much later

What comes of it stands in the same step: ``fails`` (a part of the error), ``emits`` (attributes that some event of a
contract has), ``gives`` (the answer; fields that are not named may be anything), ``learn`` (names for addresses in the
answer, each with the path to it). In messages ``$NAME`` is an address, ``{"$code": CODE}`` a code's number,
``{"$base64": …}`` a message inside of a message, ``{"$seconds": N}`` and ``{"$nanoseconds": N}`` the time of the block
and N seconds.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from google.protobuf.message import Message
from helpers.accounts import Person, fee, sign_tx
from helpers.chains import CHAIN_ID, GENESIS_TIME, genesis
from helpers.wasm import attribute, refusal

from chain.app import Application
from chain.store.database import MemoryDatabase
from chain.vm import VM
from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2 as auth_query
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_query
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.abci.v1beta1 import abci_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2, tx_pb2
from cosmos_pb.google.protobuf import duration_pb2, timestamp_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.types import params_pb2

PREFIX: Final = "wasm"
"""Of wasmd; the peer takes none for an address of a contract that is longer."""
PEOPLE: Final = {name: Person(name, PREFIX) for name in ("alice", "bob", "carol", "dave")}
COINS: Final = {"orai": 10**12, "usd": 10**12}
"""What each of them has in the beginning, besides what fees would cost."""
GAS: Final = 200_000_000
WRAPPED: Final = (
    ": execute wasm contract failed",
    ": instantiate wasm contract failed",
    ": migrate wasm contract failed",
    ": query wasm contract failed",
    ": unknown request",
)
Code = Callable[[str], bytes]


@dataclass
class Seen:
    """What came of a step: the answer of a query, the contracts' events and data of a transaction, or an error."""

    error: str = ""
    answer: Any = None
    events: list[Any] = field(default_factory=list)
    data: str = ""


class App(Protocol):
    """What a stage needs of a chain: ABCI."""

    def init_chain(self, request: abci.RequestInitChain) -> object: ...
    def finalize_block(self, request: abci.RequestFinalizeBlock) -> abci.ResponseFinalizeBlock: ...
    def commit(self) -> object: ...
    def query(self, request: abci.RequestQuery) -> abci.ResponseQuery: ...


def ours(vm: VM) -> App:
    return Application(MemoryDatabase(), vm, bech32_prefix=PREFIX)


class Stage:
    """The chain on which a scenario is played; a block is five seconds, and has one transaction.

    ``said`` are the steps as a peer can make them, ``seen`` what came of each, ``told`` the same in the chain's words.
    """

    def __init__(self, app: App, code: Code | None = None) -> None:
        self.app = app
        self.code = code or _no_code
        self.height = self.later = self.now = 0
        self.names = {name: person.address for name, person in PEOPLE.items()}
        self.codes: dict[str, int] = {}
        self.contracts: list[str] = []
        self.said: list[dict[str, Any]] = []
        self.seen: list[Seen] = []
        self.told: list[abci.ExecTxResult | abci.ResponseQuery] = []
        self.app.init_chain(_beginning())
        self.block(_signed(PEOPLE["alice"], 0, 0, _nothing(PEOPLE["alice"])))

    def play(self, scenario: Any) -> None:
        """Make all steps; AssertionError where something else comes of one than is written."""
        for name in codes_of(scenario["steps"]):
            self.store(name)
        for step in scenario["steps"]:
            try:
                self.step(step)
            except AssertionError as error:
                raise AssertionError(f"{json.dumps(step)}: {error}") from error

    def step(self, step: Mapping[str, Any]) -> None:
        kind = next(iter(step))
        if kind == "wait":
            self.later += step["wait"]
            return
        before = len(self.contracts)
        said = getattr(self, f"say_{kind}")(step)
        seen = self.asked(kind, said) if kind in QUERIES else self.done(kind, said)
        now = {"height": self.height, "time": str(self.now)}
        self.said.append({"kind": kind, "block": now, **said})
        self.seen.append(seen)
        if "as" in step and not seen.error:
            self.names[step["as"]] = self.contracts[before]
        for name, path in step.get("learn", {}).items():
            self.names[name] = found(seen.answer, path)
        self.judge(step, seen)

    # -- what a step says, names resolved

    def say_instantiate(self, step: Mapping[str, Any]) -> dict[str, Any]:
        admin = self.names[step["admin"]] if "admin" in step else ""
        label = step.get("as", "refused")
        return {
            **self.call(step),
            "code": self.codes[step["instantiate"]],
            "label": label,
            "admin": admin,
        }

    def say_execute(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.call(step), "contract": self.names[step["execute"]]}

    def say_migrate(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **self.call(step),
            "contract": self.names[step["migrate"]],
            "code": self.codes[step["code"]],
        }

    def say_send(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.call({"msg": {}, **step}), "to": self.names[step["send"]]}

    def say_query(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {"contract": self.names[step["query"]], "msg": self.resolved(step["msg"])}

    def say_balance(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {"address": self.names[step["balance"]]}

    def call(self, step: Mapping[str, Any]) -> dict[str, Any]:
        funds = [
            {"denom": denom, "amount": str(amount)}
            for denom, amount in sorted(step.get("funds", {}).items())
        ]
        sender = self.names[step["by"]]
        return {"sender": sender, "msg": self.resolved(step["msg"]), "funds": funds}

    def resolved(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\$(\w+)", lambda match: self.names[match[1]], value)
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if not isinstance(value, dict):
            return value
        key = next(iter(value), "")
        if key in MACROS:
            return MACROS[key](self, value[key])
        return {self.resolved(name): self.resolved(item) for name, item in value.items()}

    # -- what is done on the chain

    def store(self, name: str) -> None:
        message = tx_pb2.MsgStoreCode(
            sender=self.names["alice"], wasm_byte_code=gzip.compress(self.code(name), mtime=0)
        )
        self.codes[name] = int(attribute(self.deliver("alice", message), "code_id"))

    def deliver(self, by: str, message: Message, gas: int = GAS) -> abci.ExecTxResult:
        [result] = self.block(self.tx(PEOPLE[by], message, gas))
        return result

    def tx(self, person: Person, message: Message, gas: int) -> bytes:
        request = auth_query.QueryAccountRequest(address=person.address)
        answer = self.query("/cosmos.auth.v1beta1.Query/Account", request)
        packed = auth_query.QueryAccountResponse.FromString(answer.value).account
        account = auth_pb2.BaseAccount.FromString(packed.value)
        return _signed(person, account.account_number, account.sequence, message, gas)

    def block(self, *txs: bytes) -> list[abci.ExecTxResult]:
        self.height += 1
        self.now = self.time_of(self.height)
        time = timestamp_pb2.Timestamp(seconds=self.now // 10**9)
        request = abci.RequestFinalizeBlock(txs=txs, height=self.height, time=time)
        response = self.app.finalize_block(request)
        self.app_hash = response.app_hash
        self.app.commit()
        return list(response.tx_results)

    def query(self, path: str, request: Message) -> abci.ResponseQuery:
        data = request.SerializeToString()
        return self.app.query(abci.RequestQuery(path=path, data=data))

    def done(self, kind: str, said: Mapping[str, Any]) -> Seen:
        by = next(name for name, address in self.names.items() if address == said["sender"])
        result = self.deliver(by, TRANSACTIONS[kind](said))
        self.told.append(result)
        if result.code:
            return Seen(error=bare(refusal(result)[2]))
        for event in result.events:
            if event.type == "instantiate":
                self.contracts += [
                    a.value for a in event.attributes if a.key == "_contract_address"
                ]
        return Seen(events=list(spoken(result)), data=data_of(kind, result))

    def asked(self, kind: str, said: Mapping[str, Any]) -> Seen:
        if kind == "balance":
            request = bank_query.QueryAllBalancesRequest(address=said["address"])
            answer = self.query("/cosmos.bank.v1beta1.Query/AllBalances", request)
            self.told.append(answer)
            coins = bank_query.QueryAllBalancesResponse.FromString(answer.value).balances
            return Seen(answer={coin.denom: coin.amount for coin in coins})
        smart = query_pb2.QuerySmartContractStateRequest(
            address=said["contract"], query_data=encoded(said["msg"])
        )
        answer = self.query("/cosmwasm.wasm.v1.Query/SmartContractState", smart)
        self.told.append(answer)
        if answer.code:
            return Seen(error=bare(answer.log))
        data = query_pb2.QuerySmartContractStateResponse.FromString(answer.value).data
        return Seen(answer=json.loads(data))

    def time_of(self, height: int) -> int:
        """Of a block at this height, made now; nanoseconds."""
        return (GENESIS_TIME + 5 * height + self.later) * 10**9

    # -- what came of it

    def judge(self, step: Mapping[str, Any], seen: Seen) -> None:
        if "fails" in step:
            assert seen.error, "it did not fail"
            assert self.resolved(step["fails"]) in seen.error, seen.error
            return
        assert not seen.error, seen.error
        if "gives" in step:
            agrees(seen.answer, self.resolved(step["gives"]))
        if "emits" in step:
            wanted = self.resolved(step["emits"])
            emitted = [dict(attributes) for _, attributes in seen.events]
            assert any(wanted.items() <= each.items() for each in emitted), emitted

    def storage(self, contract: str) -> dict[str, str]:
        """All that a contract keeps, in hexadecimal."""
        request = query_pb2.QueryAllContractStateRequest(address=contract)
        request.pagination.limit = 100_000
        answer = self.query("/cosmwasm.wasm.v1.Query/AllContractState", request)
        models = query_pb2.QueryAllContractStateResponse.FromString(answer.value).models
        return {model.key.hex(): model.value.hex() for model in models}


def _beginning() -> abci.RequestInitChain:
    held = ",".join(f"{amount}{denom}" for denom, amount in COINS.items())
    return abci.RequestInitChain(
        chain_id=CHAIN_ID,
        time=timestamp_pb2.Timestamp(seconds=GENESIS_TIME),
        initial_height=1,
        consensus_params=params_pb2.ConsensusParams(
            block=params_pb2.BlockParams(max_bytes=4_000_000, max_gas=-1),
            evidence=params_pb2.EvidenceParams(
                max_age_num_blocks=100_000,
                max_age_duration=duration_pb2.Duration(seconds=172_800),
                max_bytes=1_048_576,
            ),
            validator=params_pb2.ValidatorParams(pub_key_types=["ed25519"]),
        ),
        app_state_bytes=json.dumps(genesis(dict.fromkeys(PEOPLE.values(), held))).encode(),
    )


def _no_code(name: str) -> bytes:
    raise LookupError(f"no code for {name}")


def _signed(person: Person, number: int, sequence: int, message: Message, gas: int = GAS) -> bytes:
    signers = [(person, number, sequence)]
    return sign_tx(signers, [message], chain_id=CHAIN_ID, fee=fee(gas=gas))


def _nothing(person: Person) -> Message:
    """Reading the count of transactions costs less before the first; wasmd has had one in its genesis."""
    coin = coin_pb2.Coin(denom="orai", amount="1")
    return bank_tx.MsgSend(from_address=person.address, to_address=person.address, amount=[coin])


def codes_of(value: Any) -> list[str]:
    """Names of the codes that a scenario uses, in order."""
    return list(dict.fromkeys(_codes(value)))


def _codes(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _codes(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in {"instantiate", "code", "$code"} and isinstance(item, str):
                yield item
            else:
                yield from _codes(item)


def encoded(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def bare(text: str) -> str:
    """An error without the words that x/wasm puts around those of the contract."""
    for words in WRAPPED:
        text = text.replace(words, "")
    return text


def found(answer: Any, path: str) -> Any:
    for step in path.split("."):
        answer = answer[int(step)] if isinstance(answer, list) else answer[step]
    return answer


def agrees(answer: Any, wanted: Any) -> None:
    """What is wanted is in the answer; lists are as long as they should be."""
    if isinstance(wanted, dict) and isinstance(answer, dict):
        assert wanted.keys() <= answer.keys(), answer
        assert wanted or not answer, answer
        for key, item in wanted.items():
            agrees(answer[key], item)
    elif isinstance(wanted, list) and isinstance(answer, list):
        assert len(wanted) == len(answer), answer
        for each, item in zip(answer, wanted, strict=True):
            agrees(each, item)
    else:
        assert answer == wanted, answer


def spoken(result: abci.ExecTxResult) -> Iterator[Any]:
    """The events that contracts themselves emitted."""
    for event in result.events:
        if event.type.partition("-")[0] == "wasm":
            said = [[pair.key, pair.value] for pair in event.attributes if pair.key != "msg_index"]
            yield [event.type, said]


def data_of(kind: str, result: abci.ExecTxResult) -> str:
    """What the contract answered, in base64."""
    [response] = abci_pb2.TxMsgData.FromString(result.data).msg_responses
    if kind not in RESPONSES:
        return ""
    return base64.b64encode(RESPONSES[kind].FromString(response.value).data).decode()


def _coins(said: Mapping[str, Any]) -> list[coin_pb2.Coin]:
    return [coin_pb2.Coin(**coin) for coin in said["funds"]]


QUERIES: Final = {"query", "balance"}
RESPONSES: Final[dict[str, Any]] = {
    "instantiate": tx_pb2.MsgInstantiateContractResponse,
    "execute": tx_pb2.MsgExecuteContractResponse,
    "migrate": tx_pb2.MsgMigrateContractResponse,
}
TRANSACTIONS: Final[dict[str, Callable[[Mapping[str, Any]], Message]]] = {
    "instantiate": lambda said: tx_pb2.MsgInstantiateContract(
        sender=said["sender"],
        admin=said["admin"],
        code_id=said["code"],
        label=said["label"],
        msg=encoded(said["msg"]),
        funds=_coins(said),
    ),
    "execute": lambda said: tx_pb2.MsgExecuteContract(
        sender=said["sender"],
        contract=said["contract"],
        msg=encoded(said["msg"]),
        funds=_coins(said),
    ),
    "migrate": lambda said: tx_pb2.MsgMigrateContract(
        sender=said["sender"],
        contract=said["contract"],
        code_id=said["code"],
        msg=encoded(said["msg"]),
    ),
    "send": lambda said: bank_tx.MsgSend(
        from_address=said["sender"], to_address=said["to"], amount=_coins(said)
    ),
}
MACROS: Final[dict[str, Callable[[Stage, Any], Any]]] = {
    "$code": lambda stage, name: stage.codes[name],
    "$base64": lambda stage, value: base64.b64encode(encoded(stage.resolved(value))).decode(),
    "$seconds": lambda stage, after: stage.time_of(stage.height + 1) // 10**9 + after,
    "$nanoseconds": lambda stage, after: str(stage.time_of(stage.height + 1) + after * 10**9),
}
