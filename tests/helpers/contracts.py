"""Contracts on a party's chain: stored, instantiated, executed and asked by its user."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers.linked import Party

from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from relayer.client import created
from relayer.wallet import Outcome


@dataclass
class Contract:
    """One contract."""

    party: Party
    address: str

    @property
    def port(self) -> str:
        return f"wasm.{self.address}"

    async def execute(self, message: Any, funds: Sequence[coin_pb2.Coin] = ()) -> Outcome:
        return await self.party.send(
            [
                wasm_tx.MsgExecuteContract(
                    sender=self.party.person.address,
                    contract=self.address,
                    msg=json.dumps(message).encode(),
                    funds=funds,
                )
            ]
        )

    async def query(self, message: Any) -> Any:
        request = query_pb2.QuerySmartContractStateRequest(
            address=self.address, query_data=json.dumps(message).encode()
        )
        answer = await self.party.endpoint.reader.ask(
            "/cosmwasm.wasm.v1.Query/SmartContractState",
            request,
            query_pb2.QuerySmartContractStateResponse,
        )
        return json.loads(answer.data)

    async def balance(self, address: str) -> int:
        """Of a cw20 token."""
        return int((await self.query({"balance": {"address": address}}))["balance"])


async def deploy(party: Party, code: bytes, message: Any, label: str = "test") -> Contract:
    """Store a contract and make one of it."""
    sender = party.person.address
    stored = await party.send(
        [wasm_tx.MsgStoreCode(sender=sender, wasm_byte_code=gzip.compress(code))]
    )
    code_id = int(created(stored.included, "store_code", "code_id")[0])
    made = await party.send(
        [
            wasm_tx.MsgInstantiateContract(
                sender=sender, code_id=code_id, label=label, msg=json.dumps(message).encode()
            )
        ]
    )
    return Contract(party, created(made.included, "instantiate", "_contract_address")[0])


def packed(message: Any) -> str:
    """A message inside another one."""
    return base64.b64encode(json.dumps(message).encode()).decode()
