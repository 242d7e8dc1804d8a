"""Our node's answers have the fields and types of a CometBFT 0.38 node's, as recorded by tendermint-rs."""

import asyncio
import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.kv_app import build, genesis, keys

from chain.node import Node

ROOT = Path(os.environ.get("LIGHTSHIP_VECTORS", Path(__file__).parents[2] / "../shared/vectors"))
INCOMING = ROOT / "rpc/tendermint-rs/kvstore_fixtures/v0_38/incoming"

if not INCOMING.is_dir():
    pytest.skip(f"no vectors in {INCOMING}", allow_module_level=True)

TX = base64.b64encode(b"async-key=value").decode()
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "abci_info": ("abci_info", {}),
    "abci_query_with_non_existent_key": ("abci_query", {"path": "/store/kv/key", "data": "6b"}),
    "block_at_height_1": ("block", {"height": "1"}),
    "block_at_height_10": ("block", {"height": "3"}),
    "block_search": ("block_search", {"query": "block.height > 1", "page": "1"}),
    "blockchain_from_1_to_10": ("blockchain", {"minHeight": "1", "maxHeight": "3"}),
    "broadcast_tx_async": ("broadcast_tx_async", {"tx": base64.b64encode(b"new=1").decode()}),
    "commit_at_height_10": ("commit", {"height": "2"}),
    "consensus_params": ("consensus_params", {"height": "2"}),
    "consensus_state": ("consensus_state", {}),
    "genesis": ("genesis", {}),
    "net_info": ("net_info", {}),
    "tx_search_no_prove": ("tx_search", {"query": "tx.height > 1", "prove": False}),
    "tx_search_with_prove": ("tx_search", {"query": "tx.height > 1", "prove": True}),
}
EXTRA = {"app", "app_state", "app_version", "events", "tx_results"}
"""What one application has and another has not: Go leaves them out when they are empty."""


async def world() -> Node:
    signers = keys()
    node = await Node.open(None, genesis(signers), signers, build=build)
    await node.next_block()
    await node.engine.check_tx(b"async-key=value")
    for _ in range(3):
        await node.next_block()
    return node


def recorded(name: str) -> Any:
    path = INCOMING / f"{name}.json"
    if not path.exists() and "LIGHTSHIP_VECTORS" in os.environ:
        pytest.skip(f"no {name}.json in this folder")
    return json.loads(path.read_text())["result"]


def assert_alike(ours: Any, theirs: Any, where: str) -> None:
    """The same type, and the same fields all the way down; null may stand for anything."""
    if ours is None or theirs is None:
        return
    assert type(ours) is type(theirs), f"{where}: {ours!r} is not like {theirs!r}"
    if isinstance(theirs, dict):
        if where.endswith(".events") and "tm.event" in theirs:
            return
        assert set(ours) ^ set(theirs) <= EXTRA, f"{where}: {sorted(set(ours) ^ set(theirs))}"
        for name in set(theirs) & set(ours):
            assert_alike(ours[name], theirs[name], f"{where}.{name}")
    if isinstance(theirs, list) and ours and theirs:
        assert_alike(ours[0], theirs[0], f"{where}[0]")


@pytest.mark.parametrize("name", CALLS)
async def test_answers_are_alike(name: str) -> None:
    theirs = recorded(name)
    node = await world()
    method, params = CALLS[name]
    answer = await node.transport().call(method, params)
    assert_alike(answer["result"], theirs, name)
    await node.stop()


async def test_new_block_events_are_alike() -> None:
    theirs = recorded("subscribe_newblock_1")
    node = await world()
    events = node.transport().subscribe("tm.event = 'NewBlock'")
    first = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    await node.next_block()
    assert_alike(await first, theirs, "result")
    await events.aclose()  # type: ignore[attr-defined] # it is a generator
    await node.stop()
