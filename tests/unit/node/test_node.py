"""A node in one process: blocks that a light client accepts, restarts, time, and the pace of blocks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import kv_app
from helpers.kv_app import KeyValueApp, build, genesis, keys

from chain.node import ManualClock, Node, NodeConfig, NodeError, Pace, ValidatorKey
from chain.node.genesis import GenesisValidator
from light_client import ics23, rpcjson
from light_client.commit import LightBlock
from light_client.proofs import IAVL_SPEC, TENDERMINT_SPEC
from light_client.values import NS_PER_SECOND, Timestamp
from light_client.verify import Rules, verify_adjacent

NOW = Timestamp.parse("2024-05-06T07:08:09Z")
SECOND = NS_PER_SECOND


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    opened = await open_node()
    yield opened
    await opened.stop()


async def open_node(home: Path | None = None, validators: int = 1, **config: Any) -> Node:
    settings = {"clock": ManualClock(NOW), **config}
    signers = keys(validators)
    return await Node.open(
        home, genesis(signers), signers, config=NodeConfig(**settings), build=build
    )


async def result(node: Node, method: str, **params: Any) -> Any:
    response = await node.transport().call(method, params)
    assert "error" not in response, response
    return response["result"]


async def error(node: Node, method: str, **params: Any) -> dict[str, Any]:
    response = await node.transport().call(method, params)
    assert "result" not in response, response
    found: dict[str, Any] = response["error"]
    return found


async def send(node: Node, tx: bytes) -> None:
    response = await node.engine.check_tx(tx)
    assert response.code == 0, response.log


async def light_block(node: Node, height: int) -> LightBlock:
    commit = await result(node, "commit", height=str(height))
    sets = []
    for each in (height, height + 1):
        found: list[Any] = []
        page = 1
        while True:
            answer = await result(node, "validators", height=str(each), page=str(page))
            found += answer["validators"]
            if len(found) == int(answer["total"]):
                break
            page += 1
        sets.append(found)
    return rpcjson.light_block_from_json(commit["signed_header"], *sets)
