"""The ping-pong contract on both chains of a pair, and a channel between the two."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

from helpers.linked import Party

from contracts import artifact
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from relayer import Link
from relayer.client import created
from relayer.link import ChannelPair
from relayer.wallet import Outcome

VERSION = "ping-pong-1"


@dataclass
class Player:
    """One contract."""

    party: Party
    address: str

    @property
    def port(self) -> str:
        return f"wasm.{self.address}"

    async def execute(self, message: Any) -> Outcome:
        return await self.party.send(
            [
                wasm_tx.MsgExecuteContract(
                    sender=self.party.person.address,
                    contract=self.address,
                    msg=json.dumps(message).encode(),
                )
            ]
        )

    async def ping(self, channel: str, count: int = 1, seconds: int = 600) -> Outcome:
        message = {"channel": channel, "text": "x", "count": count, "timeout_seconds": seconds}
        return await self.execute({"ping": message})

    async def send(self, channel: str, packet: Any, seconds: int = 600) -> Outcome:
        message = {"channel": channel, "packet": packet, "timeout_seconds": seconds}
        return await self.execute({"send": message})

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

    async def counters(self) -> dict[str, int]:
        found: dict[str, int] = await self.query({"counters": {}})
        return found

    async def received(self, channel: str) -> list[int]:
        """The sequences received on a channel, in the order of the sequences."""
        answer = await self.query({"received": {"channel": channel, "limit": 100}})
        return [packet["sequence"] for packet in answer["packets"]]


async def player(party: Party) -> Player:
    """Store and instantiate the contract."""
    sender = party.person.address
    code = gzip.compress(artifact("ping_pong"))
    stored = await party.send([wasm_tx.MsgStoreCode(sender=sender, wasm_byte_code=code)])
    code_id = int(created(stored.included, "store_code", "code_id")[0])
    message = wasm_tx.MsgInstantiateContract(
        sender=sender, code_id=code_id, label="ping-pong", msg=b"{}"
    )
    made = await party.send([message])
    return Player(party, created(made.included, "instantiate", "_contract_address")[0])


async def players(
    link: Link, a: Party, b: Party, *, ordered: bool = False
) -> tuple[Player, Player, ChannelPair]:
    """Contracts on both chains of a link, and a channel between them."""
    at_a, at_b = await player(a), await player(b)
    channel = await link.open_channel(at_a.port, at_b.port, VERSION, ordered=ordered)
    return at_a, at_b, channel
