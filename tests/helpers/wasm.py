"""A chain with contracts, for one person to play on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import Message
from helpers.accounts import Person
from helpers.chains import Solo, genesis

import contracts
from chain.events import Event
from chain.vm import VM
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2, tx_pb2, types_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci

ALICE = Person("alice")
BOB = Person("bob")
GAS = 20_000_000


class WasmChain(Solo):
    """``alice`` and ``bob`` have stake; codes are numbered in the order in which they are stored."""

    def __init__(self, vm: VM, app_state: dict[str, Any] | None = None, **options: Any) -> None:
        people = {ALICE: "1000000000stake", BOB: "1000000000stake"}
        super().__init__(app_state or genesis(people), vm=vm, **options)
        if not self.height:
            self.block()

    def run(self, message: Message, *, by: Person = ALICE, gas: int = GAS) -> abci.ExecTxResult:
        [result] = self.block(self.tx(by, message, gas=gas))
        return result

    def store(self, wasm: bytes, *, gas: int = GAS, **fields: Any) -> abci.ExecTxResult:
        message = tx_pb2.MsgStoreCode(sender=ALICE.address, wasm_byte_code=wasm, **fields)
        return self.run(message, gas=gas)

    def store_artifact(self, name: str) -> int:
        return int(attribute(self.store(gzip.compress(contracts.artifact(name))), "code_id"))

    def instantiate(
        self, code_id: int, message: Any, *, admin: Person | None = None, label: str = "test"
    ) -> str:
        result = self.run(
            tx_pb2.MsgInstantiateContract(
                sender=ALICE.address,
                admin=admin.address if admin else "",
                code_id=code_id,
                label=label,
                msg=json.dumps(message).encode(),
            )
        )
        assert result.code == 0, result.log
        return attribute(result, "_contract_address")

    def make(self, name: str, message: Any, **fields: Any) -> str:
        """Store an artifact of ours and make a contract of it."""
        return self.instantiate(self.store_artifact(name), message, **fields)

    def execute(
        self,
        contract: str,
        message: Any,
        *,
        by: Person = ALICE,
        gas: int = GAS,
        funds: Sequence[coin_pb2.Coin] = (),
    ) -> abci.ExecTxResult:
        [result] = self.block(self.execution(contract, message, by=by, gas=gas, funds=funds))
        return result

    def execution(
        self,
        contract: str,
        message: Any,
        *,
        by: Person = ALICE,
        funds: Sequence[coin_pb2.Coin] = (),
        **tx: Any,
    ) -> bytes:
        """The transaction of an execution."""
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        made = tx_pb2.MsgExecuteContract(sender=by.address, contract=contract, msg=raw, funds=funds)
        return self.tx(by, made, **tx)

    def ask(self, contract: str, message: Any) -> Any:
        request = query_pb2.QuerySmartContractStateRequest(
            address=contract, query_data=json.dumps(message).encode()
        )
        answer = self.query("/cosmwasm.wasm.v1.Query/SmartContractState", request)
        assert answer.code == 0, answer.log
        return json.loads(query_pb2.QuerySmartContractStateResponse.FromString(answer.value).data)

    def info(self, contract: str) -> types_pb2.ContractInfo:
        request = query_pb2.QueryContractInfoRequest(address=contract)
        answer = self.query("/cosmwasm.wasm.v1.Query/ContractInfo", request)
        assert answer.code == 0, answer.log
        return query_pb2.QueryContractInfoResponse.FromString(answer.value).contract_info


def attribute(result: abci.ExecTxResult, key: str) -> str:
    """The last value of an attribute; AssertionError when the transaction has none."""
    found = [pair.value for event in result.events for pair in event.attributes if pair.key == key]
    assert found, f"no {key}: {result.log}"
    return found[-1]


def kinds(result: abci.ExecTxResult) -> list[str]:
    """The types of the events of messages, without those of the transaction itself."""
    return [
        event.type
        for event in result.events
        if any(pair.key == "msg_index" for pair in event.attributes) and event.type != "message"
    ]


def refusal(result: abci.ExecTxResult) -> tuple[str, int, str]:
    """Codespace, code, and the reason after baseapp's words."""
    return (
        result.codespace,
        result.code,
        result.log.removeprefix("failed to execute message; message index: 0: "),
    )


def pairs(event: Event) -> dict[str, str]:
    return dict(event.attributes)
