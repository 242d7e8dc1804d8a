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
from relayer import Endpoint
from relayer.client import created
from relayer.tx import pack
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
    return Contract(party, await instantiate(party.user, code, message, label))


async def instantiate(user: Endpoint, code: bytes, message: Any, label: str = "test") -> str:
    """Store a contract as a chain's user and make one of it; its address."""
    store = wasm_tx.MsgStoreCode(sender=user.address, wasm_byte_code=gzip.compress(code))
    stored = await user.submit([pack(store)])
    code_id = int(created(stored.included, "store_code", "code_id")[0])
    make = wasm_tx.MsgInstantiateContract(
        sender=user.address, code_id=code_id, label=label, msg=json.dumps(message).encode()
    )
    made = await user.submit([pack(make)])
    return created(made.included, "instantiate", "_contract_address")[0]


def packed(message: Any) -> str:
    """A message inside another one."""
    return base64.b64encode(json.dumps(message).encode()).decode()
