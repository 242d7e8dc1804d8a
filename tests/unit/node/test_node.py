"""A node in one process: blocks that a light client accepts, restarts, time, and the pace of
blocks.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
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
from light_client.verify import Rules, Trusted, verify

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


RULES = Rules(trusting_period_ns=14 * 86_400 * SECOND, max_clock_drift_ns=40 * SECOND)


@pytest.mark.parametrize("validators", [1, 4])
async def test_a_light_client_follows_the_chain(validators: int) -> None:
    node = await open_node(validators=validators)
    clock = node.config.clock
    assert isinstance(clock, ManualClock)
    for number in range(12):
        clock.advance(SECOND)
        await send(node, b"k%d=v" % number)
        await node.next_block()
    trusted = Trusted.from_block(await light_block(node, 1))
    for height in (2, 3, 7, 12):
        trusted = verify(trusted, await light_block(node, height), RULES, clock.now())
    assert trusted.height == 12
    await node.stop()


async def test_every_validator_gets_its_turn(node: Node) -> None:
    many = await open_node(validators=4)
    for _ in range(8):
        await many.next_block()
    proposers = [
        many.engine.store.must_load(height).header.proposer_address for height in range(1, 9)
    ]
    assert len(set(proposers[:4])) == 4
    assert proposers[:4] == proposers[4:]
    await many.stop()


async def test_validator_updates_act_two_blocks_later() -> None:
    first, second = keys(2)
    node = await Node.open(
        None,
        genesis([first]),
        [first, second],
        config=NodeConfig(clock=ManualClock(NOW)),
        build=build,
    )
    await send(node, b"power:%s=5" % second.pub_key.data.hex().encode())
    for _ in range(5):
        await node.next_block()
    totals = [(await result(node, "validators", height=str(h)))["total"] for h in range(1, 7)]
    assert totals == ["1", "1", "2", "2", "2", "2"]
    commits = [await result(node, "commit", height=str(h)) for h in range(1, 6)]
    signed = [len(each["signed_header"]["commit"]["signatures"]) for each in commits]
    assert signed == [1, 1, 2, 2, 2]
    trusted = Trusted.from_block(await light_block(node, 1))
    for height in range(2, 6):
        trusted = verify(trusted, await light_block(node, height), RULES, NOW.add(SECOND))
    await node.stop()


async def test_a_set_without_two_thirds_of_its_keys_makes_no_block() -> None:
    signers = keys(3)
    node = await Node.open(None, genesis(signers), signers[:2], build=build)
    with pytest.raises(NodeError, match="keys for 20 of 30 voting power"):
        await node.next_block()
    await node.stop()


async def test_state_is_provable_under_the_next_header(node: Node) -> None:
    await node.next_block()
    await send(node, b"here=value")
    height = await node.next_block()
    await node.next_block()
    transport = node.transport()
    for key, value in ((b"here", b"value"), (b"nowhere", b"")):
        response = await transport.query("/store/kv/key", key, height=height, prove=True)
        header = (await result(node, "header", height=str(height + 1)))["header"]
        low, high = response.proof_ops.ops
        app_hash = bytes.fromhex(header["app_hash"])
        root = store_root(high.data)
        ics23.verify_membership(TENDERMINT_SPEC, app_hash, high.data, b"kv", root)
        assert response.value == value
        if value:
            ics23.verify_membership(IAVL_SPEC, root, low.data, key, value)
        else:
            ics23.verify_non_membership(IAVL_SPEC, root, low.data, key)


def store_root(proof: bytes) -> bytes:
    from cosmos_pb.cosmos.ics23.v1 import proofs_pb2

    return proofs_pb2.CommitmentProof.FromString(proof).exist.value


async def test_blocks_and_hashes_fit_together(node: Node) -> None:
    for number in range(3):
        await send(node, b"a%d=b" % number)
        await node.next_block()
    blocks = [await result(node, "block", height=str(height)) for height in (1, 2, 3)]
    for before, after in pairwise(blocks):
        assert after["block"]["header"]["last_block_id"] == before["block_id"]
        assert after["block"]["last_commit"]["block_id"] == before["block_id"]
        header = rpcjson.header_from_json(before["block"]["header"])
        assert header.hash().hex().upper() == before["block_id"]["hash"]
        commit = rpcjson.commit_from_json(after["block"]["last_commit"])
        assert rpcjson.to_hex(commit.hash()) == after["block"]["header"]["last_commit_hash"]
    first = blocks[0]["block"]
    assert first["last_commit"]["signatures"] == []
    assert first["header"]["last_block_id"]["hash"] == ""


async def test_a_transaction_is_found_when_its_block_is(node: Node) -> None:
    """The index has it a moment earlier, when the block is saved but not published."""
    await send(node, b"a=1")
    height = await node.next_block()
    index, key = node.engine.store.index, sha256(b"a=1").digest()
    assert index.find(key, height) == (height, 0)
    assert index.find(key, height - 1) is None


async def test_times_only_grow_even_if_the_clock_does_not() -> None:
    clock = ManualClock(NOW)
    node = await open_node(clock=clock)
    for _ in range(3):
        await node.next_block()
    clock.time = NOW.add(-3600 * SECOND)
    await node.next_block()
    times = [node.engine.store.must_load(height).header.time for height in range(1, 5)]
    assert times == sorted(set(times))
    assert times[0] == NOW
    await node.stop()


async def test_consensus_parameters_change_from_the_next_block(node: Node) -> None:
    await send(node, b"max_gas=100")
    await node.next_block()
    now = await result(node, "consensus_params", height="1")
    then = await result(node, "consensus_params", height="2")
    assert now["consensus_params"]["block"]["max_gas"] == "-1"
    assert then["consensus_params"]["block"]["max_gas"] == "100"
    for number in range(12):
        await send(node, b"g%d=1" % number)
    await node.next_block()
    assert len(node.engine.store.must_load(2).block.txs) == 10, "each wants 10 gas of 100"
    headers = [node.engine.store.must_load(height).header for height in (1, 2)]
    assert headers[0].consensus_hash != headers[1].consensus_hash


async def test_a_chain_may_begin_at_a_later_height() -> None:
    signers = keys()
    node = await Node.open(None, genesis(signers, initial_height=50), signers, build=build)
    assert [await node.next_block() for _ in range(2)] == [50, 51]
    assert (await result(node, "status"))["sync_info"]["earliest_block_height"] == "50"
    await node.stop()


# Restarts


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    node = await open_node(tmp_path, validators=3)
    await send(node, b"a=1")
    for _ in range(3):
        await node.next_block()
    before = await result(node, "block_results", height="1")
    await node.stop()

    again = await Node.open(tmp_path, build=build, config=NodeConfig(clock=ManualClock(NOW)))
    assert (again.chain_id, again.height) == ("kv-1", 3)
    assert await result(again, "block_results", height="1") == before
    assert await again.next_block() == 4
    trusted = Trusted.from_block(await light_block(again, 1))
    verify(trusted, await light_block(again, 4), RULES, NOW.add(SECOND))
    app = again.app
    assert isinstance(app, KeyValueApp)
    assert "init_chain" not in app.calls
    await again.stop()


class Killed(BaseException):
    """What stands for ``kill -9`` in these tests."""


@pytest.mark.parametrize("moment", ["finalize_block", "save", "commit"])
@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_crash_at_any_moment_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, side: str
) -> None:
    node = await open_node(tmp_path)
    await send(node, b"first=1")
    await node.next_block()
    await send(node, b"second=2")
    owner: Any = node.engine.store if moment == "save" else node.app
    original = getattr(owner, moment)

    def dying(*args: Any, **kwargs: Any) -> Any:
        if side == "after":
            original(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(owner, moment, dying)
    with pytest.raises(Killed):
        await node.next_block()
    await node.stop()

    again = await Node.open(tmp_path, build=build, config=NodeConfig(clock=ManualClock(NOW)))
    stored = (moment, side) in {("save", "after"), ("commit", "before"), ("commit", "after")}
    assert again.height == (2 if stored else 1)
    app = again.app
    assert isinstance(app, KeyValueApp)
    replayed = [call for call in app.calls if call.startswith("finalize")]
    assert replayed == (["finalize 2"] if stored and (moment, side) != ("commit", "after") else [])
    answer = await again.transport().query("/store/kv/key", b"second")
    assert answer.value == (b"2" if stored else b"")
    assert await again.next_block() == again.height
    trusted = Trusted.from_block(await light_block(again, 1))
    for height in range(2, again.height + 1):
        trusted = verify(trusted, await light_block(again, height), RULES, NOW.add(SECOND))
    await again.stop()


async def test_a_lost_application_is_replayed_from_the_blocks(tmp_path: Path) -> None:
    node = await open_node(tmp_path)
    for number in range(4):
        await send(node, b"n%d=v" % number)
        await node.next_block()
    await node.stop()
    for file in (tmp_path / "data").glob("application.db*"):
        file.unlink()
    again = await Node.open(tmp_path, build=build)
    app = again.app
    assert isinstance(app, KeyValueApp)
    assert app.calls[0] == "init_chain"
    assert [call for call in app.calls if call.startswith("finalize")] == [
        f"finalize {height}" for height in range(1, 5)
    ]
    await again.stop()


async def test_blocks_lost_behind_the_application_are_fatal(tmp_path: Path) -> None:
    node = await open_node(tmp_path)
    await node.next_block()
    await node.stop()
    for file in (tmp_path / "data").glob("blocks.db*"):
        file.unlink()
    with pytest.raises(NodeError, match="height 1, ahead of the block store at 0"):
        await Node.open(tmp_path, build=build)


async def test_an_application_that_computes_otherwise_is_fatal(tmp_path: Path) -> None:
    node = await open_node(tmp_path)
    await send(node, b"a=1")
    await node.next_block()
    await node.stop()
    for file in (tmp_path / "data").glob("application.db*"):
        file.unlink()

    class Other(KeyValueApp):
        def _execute(self, tx: bytes, writes: Any, response: Any) -> Any:
            return super()._execute(tx + b"!", writes, response)

    with pytest.raises(NodeError, match="block 1, executed again, gives app hash"):
        await Node.open(tmp_path, build=lambda database, *_: Other(database))


async def test_a_home_has_one_chain_and_one_process(tmp_path: Path) -> None:
    node = await open_node(tmp_path)
    with pytest.raises(NodeError, match="another process runs the chain"):
        await Node.open(tmp_path, build=build)
    await node.stop()
    with pytest.raises(NodeError, match="is the home of kv-1, not other-1"):
        await Node.open(tmp_path, genesis(chain_id="other-1"), keys(), build=build)
    assert (await Node.open(tmp_path, build=build)).chain_id == "kv-1"


async def test_a_chain_in_memory_needs_a_genesis_and_keys() -> None:
    with pytest.raises(NodeError, match="needs a genesis and validator keys"):
        await Node.open(None, build=build)


async def test_old_blocks_go_when_the_application_says_so(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await node.next_block()
    original = node.app.commit

    def commit() -> Any:
        response = original()
        response.retain_height = 4
        return response

    monkeypatch.setattr(node.app, "commit", commit)
    await node.next_block()
    assert (node.engine.store.base, node.height) == (4, 6)
    assert (await error(node, "block", height="3"))["data"] == (
        "height 3 is not available, lowest height is 4"
    )


# The pace of blocks


async def test_instant_blocks_come_with_transactions_and_once_more() -> None:
    node = await open_node(pace=Pace(interval=60, instant=True))
    await node.start()
    await until_quiet(node)
    quiet = node.height
    await send(node, b"a=1")
    await until_quiet(node)
    assert node.height == quiet + 2, "the transaction's block, and one that proves it"
    assert node.engine.store.must_load(quiet + 1).block.txs == (b"a=1",)
    await node.stop()


async def until_quiet(node: Node) -> None:
    height = -1
    while height != node.height or len(node.engine.mempool):
        height = node.height
        await asyncio.sleep(0.05)


async def test_what_a_block_leaves_behind_makes_no_others() -> None:
    node = await open_node(pace=Pace(interval=60, instant=True))
    await node.start()
    await send(node, b"max_gas=10")
    await until_quiet(node)
    app = node.app
    assert isinstance(app, KeyValueApp)
    app.unproposed = True
    quiet = node.height
    await send(node, b"waits=1")
    await until_no_more(node)
    assert node.height <= quiet + 2
    assert len(node.engine.mempool) == 1
    await node.stop()


async def until_no_more(node: Node) -> None:
    height = -1
    while height != node.height:
        height = node.height
        await asyncio.sleep(0.1)


async def test_instant_blocks_still_let_time_pass() -> None:
    node = await open_node(pace=Pace(interval=0.05, instant=True))
    await node.start()
    before = node.height
    await asyncio.sleep(0.4)
    assert 4 <= node.height - before <= 9
    await node.stop()


async def test_blocks_on_an_interval_keep_their_time() -> None:
    node = await open_node(pace=Pace(interval=0.1))
    await node.start()
    before = node.height
    await asyncio.sleep(1.05)
    assert 9 <= node.height - before <= 11
    await node.stop()


async def test_a_failing_application_ends_block_production_loudly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    node = await open_node(pace=Pace(interval=0.01))
    await node.start()

    def fail(_: Any) -> Any:
        raise NodeError("the disk is gone")

    monkeypatch.setattr(node.app, "finalize_block", fail)
    with pytest.raises(NodeError, match="the disk is gone"):
        await asyncio.wait_for(node.wait(), 5)
    assert "kv-1 makes no more blocks" in caplog.text
    assert (await result(node, "status"))["sync_info"]["latest_block_height"] == str(node.height)
    await node.stop()


async def test_queries_are_answered_while_a_block_is_executed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = await open_node()
    await node.next_block()
    app = node.app
    assert isinstance(app, KeyValueApp)
    app.slow = 0.5
    block = asyncio.create_task(node.next_block())
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.3):
        await node.transport().query("/store/kv/key", b"height")
        await result(node, "block")
    assert not block.done()
    assert await block == 2
    await node.stop()


# Genesis and parameters that an application answers


async def test_the_application_may_name_the_first_validators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signer, other = keys(2)

    class Naming(KeyValueApp):
        def init_chain(self, request: Any) -> Any:
            response = super().init_chain(request)
            update = response.validators.add(power=3)
            update.pub_key.ed25519 = other.pub_key.data
            response.consensus_params.version.app = 9
            return response

    node = await Node.open(
        None, genesis([signer]), [other], build=lambda database, *_: Naming(database)
    )
    await node.next_block()
    header = node.engine.store.must_load(1).header
    assert (header.proposer_address, header.version.app) == (other.address, 9)
    await node.stop()


async def test_a_genesis_without_validators_starts_nothing() -> None:
    empty = replace(genesis(), validators=())
    with pytest.raises(NodeError, match="names a validator"):
        await Node.open(None, empty, keys(), build=build)


async def test_powers_decide_how_often_one_proposes() -> None:
    first, second = keys(2)
    weighted = replace(
        genesis(),
        validators=(GenesisValidator(first.pub_key, 30), GenesisValidator(second.pub_key, 10)),
    )
    node = await Node.open(None, weighted, [first, second], build=build)
    for _ in range(8):
        await node.next_block()
    proposers = [
        node.engine.store.must_load(height).header.proposer_address for height in range(1, 9)
    ]
    assert (proposers.count(first.address), proposers.count(second.address)) == (6, 2)
    await node.stop()


def test_keys_are_the_same_for_the_same_secret() -> None:
    assert kv_app.keys()[0] == ValidatorKey.from_secret("validator 0")
