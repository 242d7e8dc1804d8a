"""A chain in memory that serves REST, and a client of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from google.protobuf.message import Message
from helpers import chains
from helpers.accounts import Person, fee, sign_tx

from chain.node import ManualClock, Node, NodeConfig, ServerLimits, ValidatorKey
from light_client.values import Timestamp
from lightship.devnet import make_genesis

CHAIN_ID = "rest-1"
NOW = Timestamp.parse("2024-05-06T07:08:09Z")
ALICE = Person("alice")


@dataclass
class RestClient:
    """``get`` and ``post`` answer with the HTTP status and the decoded JSON."""

    node: Node
    session: aiohttp.ClientSession

    async def request(
        self, verb: str, path: str, **options: Any
    ) -> tuple[aiohttp.ClientResponse, Any]:
        async with self.session.request(verb, self.node.rest_url + path, **options) as response:
            text = await response.text()
            return response, json.loads(text) if text else None

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        response, body = await self.request("GET", path, **options)
        return response.status, body

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        response, answer = await self.request("POST", path, json=body)
        return response.status, answer

    def signed(self, message: Message, sequence: int = 0) -> bytes:
        """A transaction of Alice's."""
        return sign_tx([(ALICE, 0, sequence)], [message], chain_id=CHAIN_ID, fee=fee(gas=200_000))


@asynccontextmanager
async def rest_chain(limits: ServerLimits | None = None) -> AsyncIterator[RestClient]:
    """A chain at height 2 on which Alice has 1000000stake and 5gold."""
    signers = [ValidatorKey.from_secret("rest")]
    genesis = make_genesis(CHAIN_ID, NOW, signers, [])
    state = {**genesis.app_state, **chains.genesis({ALICE: "5gold,1000000stake"})}
    config = NodeConfig(clock=ManualClock(NOW), server=limits or ServerLimits())
    node = await Node.open(None, replace(genesis, app_state=state), signers, config=config)
    try:
        for _ in range(2):
            await node.next_block()
        await node.serve()
        async with aiohttp.ClientSession() as session:
            yield RestClient(node, session)
    finally:
        await node.stop()
