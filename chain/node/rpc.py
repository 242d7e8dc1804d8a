"""The routes of CometBFT 0.38's RPC (``rpc/core``): what they take, and what they answer.

Handlers return plain JSON values. They raise RpcError for the caller's mistakes, and our own
errors, which become CometBFT's "Internal error" with their text as data.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from chain.errors import ChainError
from chain.node import abcijson, answers, arguments, roundstate
from chain.node.arguments import Evidence, Parameter
from chain.node.block import tx_hash
from chain.node.engine import Engine
from chain.node.errors import MethodNotFound, RpcError
from chain.node.execution import COMET_VERSION, P2P_PROTOCOL
from chain.node.identity import Identity
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import rpcjson
from light_client.header import BLOCK_PROTOCOL, BlockID
from light_client.rpcjson import Json, to_base64, to_hex
from light_client.validators import Validator

COMMIT_TIMEOUT: Final = 10.0
GENESIS_CHUNK: Final = 16 * 1024 * 1024
_METAS: Final = 20

log = logging.getLogger("chain.node")


@dataclass(frozen=True, slots=True)
class Route:
    """``reads``: the handler is an ordinary function that runs on a reader's thread.

    ``cached``: a browser may keep the answer for a day; ``needs`` names the argument without which it may not.
    """

    handler: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    reads: bool = False
    cached: bool = False
    needs: str = ""

    def cacheable(self, values: Mapping[str, Any]) -> bool:
        return self.cached and (not self.needs or self.needs in values)


class Rpc:
    def __init__(self, engine: Engine, identity: Identity) -> None:
        self._engine = engine
        self._store = engine.store
        self._mempool = engine.mempool
        self._identity = identity
        self._background: set[asyncio.Task[Any]] = set()
        self._genesis_json = msgspec.json.encode(engine.genesis.to_json())

    async def call(self, method: str, params: bytes) -> Any:
        """The result of a method called with JSON of its params. Raises RpcError, whatever happens."""
        route = route_of(method)
        return await self.run(route, arguments.from_json(route.parameters, params))

    async def run(self, route: Route, values: Mapping[str, Any]) -> Any:
        try:
            if route.reads:
                return await self._engine.read(route.handler, self, **values)
            return await route.handler(self, **values)
        except RpcError:
            raise
        except ChainError as error:
            raise RpcError(str(error)) from error
        except Exception as error:
            log.exception("RPC handler %s failed", route.handler.__name__)
            raise RpcError(f"{type(error).__name__} in the node; its log says more") from error

    # What the node is

    async def health(self) -> Json:
        return {}

    async def status(self) -> Json:
        height = self._store.height
        key = self._identity.validator
        power = self._engine.execution.state.validators.find(key.address)
        return {
            "node_info": self._node_info(),
            "sync_info": {
                **answers.block_sync("latest", self._store.load(height)),
                **answers.block_sync("earliest", self._store.load(self._store.base)),
                "catching_up": False,
            },
            "validator_info": {
                "address": to_hex(key.address),
                "pub_key": rpcjson.public_key_to_json(key),
                "voting_power": str(power.power if power else 0),
            },
        }

    async def net_info(self) -> Json:
        return {
            "listening": True,
            "listeners": [f"Listener(@{self._identity.listen_address})"],
            "n_peers": "0",
            "peers": [],
        }

    async def genesis(self) -> Json:
        if len(self._genesis_json) > GENESIS_CHUNK:
            raise RpcError("genesis response is large, please use the genesis_chunked API instead")
        return {"genesis": self._engine.genesis.to_json()}

    async def genesis_chunked(self, chunk: int = 0) -> Json:
        total = max(1, -(-len(self._genesis_json) // GENESIS_CHUNK))
        if not 0 <= chunk < total:
            raise RpcError(f"there are {total - 1} chunks, {chunk} is invalid")
        piece = self._genesis_json[chunk * GENESIS_CHUNK :][:GENESIS_CHUNK]
        data = base64.b64encode(piece).decode()
        return {"chunk": str(chunk), "total": str(total), "data": data}

    # Blocks

    def blockchain(self, minHeight: int = 0, maxHeight: int = 0) -> Json:  # noqa: N803 - wire names
        low, high = self._window(minHeight, maxHeight)
        metas = []
        for height in range(high, low - 1, -1):
            stored = self._store.must_load(height)
            metas.append(
                {
                    "block_id": rpcjson.block_id_to_json(stored.block_id),
                    "block_size": str(stored.size),
                    "header": rpcjson.header_to_json(stored.header),
                    "num_txs": str(len(stored.block.txs)),
                }
            )
        return {"last_height": str(self._store.height), "block_metas": metas}

    def block(self, height: int | None = None) -> Json:
        return answers.block_json(self._store.must_load(self._height(height)))

    def block_by_hash(self, hash: bytes = b"") -> Json:  # noqa: A002 - the wire's name
        stored = self._store.load_by_hash(hash)
        if stored is None:
            return {"block_id": rpcjson.block_id_to_json(_NO_BLOCK), "block": None}
        return answers.block_json(stored)

    def header(self, height: int | None = None) -> Json:
        stored = self._store.must_load(self._height(height))
        return {"header": rpcjson.header_to_json(stored.header)}

    def header_by_hash(self, hash: bytes = b"") -> Json:  # noqa: A002
        stored = self._store.load_by_hash(hash)
        return {"header": None if stored is None else rpcjson.header_to_json(stored.header)}

    def commit(self, height: int | None = None) -> Json:
        stored = self._store.must_load(self._height(height))
        return {
            "signed_header": rpcjson.signed_header_to_json(stored.signed_header),
            "canonical": stored.height < self._store.height,
        }

    def block_results(self, height: int | None = None) -> Json:
        stored = self._store.must_load(self._height(height))
        results = stored.results
        updates = None
        if results.HasField("consensus_param_updates"):
            updates = abcijson.params(results.consensus_param_updates)
        return {
            "height": str(stored.height),
            "txs_results": [abcijson.tx_result(each) for each in results.tx_results] or None,
            "finalize_block_events": abcijson.events(results.events) or None,
            "validator_updates": abcijson.validator_updates(results.validator_updates),
            "consensus_param_updates": updates,
            "app_hash": to_base64(results.app_hash),
        }

    def validators(
        self, height: int | None = None, page: int | None = None, per_page: int | None = None
    ) -> Json:
        at = self._height(height, ahead=1)
        members: Sequence[Validator] = self._store.validators(at).validators
        shown = answers.page_of(members, page, per_page)
        return {
            "block_height": str(at),
            "validators": rpcjson.validators_to_json(shown),
            "count": str(len(shown)),
            "total": str(len(members)),
        }

    def consensus_params(self, height: int | None = None) -> Json:
        at = self._height(height, ahead=1)
        return {
            "block_height": str(at),
            "consensus_params": self._store.params(at).to_json(),
        }

    async def consensus_state(self) -> Json:
        state = self._engine.execution.state
        return {"round_state": roundstate.simple(state, self._store.height + 1)}

    async def dump_consensus_state(self) -> Json:
        state = self._engine.execution.state
        return {"round_state": roundstate.full(state, self._store.height + 1), "peers": []}

    # Transactions

    def tx(self, hash: bytes = b"", prove: bool = False) -> Json:  # noqa: A002, FBT - wire names
        if not hash:
            raise RpcError("transaction hash cannot be empty")
        place = self._store.index.find(hash, self._store.height)
        if place is None:
            raise RpcError(f"tx ({to_hex(hash)}) not found")
        return self._tx_json(place, prove=prove)

    def tx_search(
        self,
        query: str = "",
        prove: bool = False,
        page: int | None = None,
        per_page: int | None = None,
        order_by: str = "",
    ) -> Json:
        places = self._store.index.search_txs(answers.query(query), self._store.height)
        shown = answers.page_of(answers.ordered(places, order_by), page, per_page)
        return {
            "txs": [self._tx_json(place, prove=prove) for place in shown],
            "total_count": str(len(places)),
        }

    def block_search(
        self,
        query: str = "",
        page: int | None = None,
        per_page: int | None = None,
        order_by: str = "",
    ) -> Json:
        heights = self._store.index.search_blocks(answers.query(query), self._store.height)
        shown = answers.page_of(answers.ordered(heights, order_by), page, per_page)
        return {
            "blocks": [answers.block_json(self._store.must_load(height)) for height in shown],
            "total_count": str(len(heights)),
        }

    async def check_tx(self, tx: bytes = b"") -> Json:
        request = abci.RequestCheckTx(tx=tx)
        return abcijson.tx_result(
            await self._engine.on_app_thread(self._engine.execution.app.check_tx, request)
        )

    async def broadcast_tx_async(self, tx: bytes = b"") -> Json:
        """Answers before CheckTx, unless the mempool refuses at once."""
        self._mempool.refuse(tx)
        task = asyncio.ensure_future(self._engine.check_tx(tx))
        self._background.add(task)
        task.add_done_callback(self._forget)
        return answers.broadcast_json(tx, abci.ResponseCheckTx())

    async def broadcast_tx_sync(self, tx: bytes = b"") -> Json:
        return answers.broadcast_json(tx, await self._engine.check_tx(tx))

    async def broadcast_tx_commit(self, tx: bytes = b"") -> Json:
        """Waits for the block; an RpcError when none has it within ``COMMIT_TIMEOUT`` seconds."""
        subscription = self._engine.bus.subscribe(
            f"tm.event='Tx' AND tx.hash='{to_hex(tx_hash(tx))}'"
        )
        try:
            checked = await self._engine.check_tx(tx)
            if checked.code:
                return answers.committed_json(tx, checked, abcijson.tx_result(abci.ExecTxResult()))
            async with asyncio.timeout(COMMIT_TIMEOUT):
                event = await subscription.next()
        except TimeoutError:
            raise RpcError("timed out waiting for tx to be included in a block") from None
        finally:
            subscription.cancel()
        if event is None:
            raise RpcError("txSub was canceled (reason: CometBFT exited)")
        found = event.json["data"]["value"]["TxResult"]
        result = {**abcijson.tx_result(abci.ExecTxResult()), **found["result"]}
        return answers.committed_json(tx, checked, result, found["height"])

    async def unconfirmed_txs(self, limit: int | None = None) -> Json:
        txs = self._mempool.first(answers.page_size(limit))
        return {**self._unconfirmed(len(txs)), "txs": [to_base64(tx) for tx in txs]}

    async def num_unconfirmed_txs(self) -> Json:
        return {**self._unconfirmed(len(self._mempool)), "txs": None}

    # The application

    async def abci_info(self) -> Json:
        response = await self._engine.on_app_thread(
            self._engine.execution.app.info, abci.RequestInfo(version=COMET_VERSION)
        )
        return {"response": abcijson.info(response)}

    async def abci_query(
        self, path: str = "", data: bytes = b"", height: int = 0, prove: bool = False
    ) -> Json:
        request = abci.RequestQuery(path=path, data=data, height=height, prove=prove)
        shown = abcijson.query(await self._engine.query(request))
        if path.endswith("/subspace") and not shown["code"]:
            shown["value"] = shown["value"] or ""  # pairs, of which there may be none
        return {"response": shown}

    async def broadcast_evidence(self, evidence: Evidence | None = None) -> Json:
        """The validators of an embedded chain are one process that signs each height once."""
        if evidence is None:
            raise RpcError("no evidence was provided")
        raise RpcError("failed to add evidence: this chain's validators are not punished")

    # Parts of the answers

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.debug("broadcast_tx_async: %s", error)

    def _node_info(self) -> Json:
        identity = self._identity
        app = self._engine.execution.state.params.app_version
        return {
            "protocol_version": {
                "p2p": str(P2P_PROTOCOL),
                "block": str(BLOCK_PROTOCOL),
                "app": str(app),
            },
            "id": identity.node_id,
            "listen_addr": identity.listen_address,
            "network": self._engine.genesis.chain_id,
            "version": COMET_VERSION,
            "channels": "40202122233038606100",
            "moniker": identity.moniker,
            "other": {"tx_index": "on", "rpc_address": identity.rpc_address},
        }

    def _height(self, height: int | None, ahead: int = 0) -> int:
        """``getHeight`` of CometBFT; ``ahead`` is 1 where the block being made counts."""
        latest, base = self._store.height + ahead, self._store.base
        if height is None:
            return latest
        if height <= 0:
            raise RpcError(f"height must be greater than 0, but got {height}")
        if height > latest:
            raise RpcError(
                f"height {height} must be less than or equal to the current "
                f"blockchain height {latest}"
            )
        if height < base:
            raise RpcError(f"height {height} is not available, lowest height is {base}")
        return height

    def _window(self, low: int, high: int) -> tuple[int, int]:
        if low < 0 or high < 0:
            raise RpcError("heights must be non-negative")
        high = min(high or self._store.height, self._store.height)
        low = max(low or 1, self._store.base, high - _METAS + 1)
        if low > high:
            raise RpcError(f"min height {low} can't be greater than max height {high}")
        return low, high

    def _tx_json(self, place: tuple[int, int], *, prove: bool) -> Json:
        height, index = place
        stored = self._store.must_load(height)
        tx = stored.block.txs[index]
        found = {
            "hash": to_hex(tx_hash(tx)),
            "height": str(height),
            "index": index,
            "tx_result": abcijson.tx_result(stored.results.tx_results[index]),
            "tx": to_base64(tx),
        }
        return {**found, "proof": answers.tx_proof(stored, index)} if prove else found

    def _unconfirmed(self, shown: int) -> Json:
        return {
            "n_txs": str(shown),
            "total": str(len(self._mempool)),
            "total_bytes": str(self._mempool.total_bytes),
        }


def route_of(method: str) -> Route:
    """Raises MethodNotFound."""
    route = ROUTES.get(method)
    if route is None:
        raise MethodNotFound(method)
    return route


_NO_BLOCK: Final = BlockID()
_HEIGHT: Final = Parameter("height", "int64")
_TX: Final = Parameter("tx", "types.Tx")
_HASH: Final = Parameter("hash", "[]uint8")
_QUERY: Final = Parameter("query", "string")
_PROVE: Final = Parameter("prove", "bool")
_PAGES: Final = (Parameter("page", "int"), Parameter("per_page", "int"))
_ORDER: Final = Parameter("order_by", "string")
_WINDOW: Final = (Parameter("minHeight", "int64"), Parameter("maxHeight", "int64"))


def _at_height(handler: Callable[..., Any], *parameters: Parameter) -> Route:
    return Route(handler, (_HEIGHT, *parameters), reads=True, cached=True, needs="height")


def _read(handler: Callable[..., Any], *parameters: Parameter) -> Route:
    return Route(handler, parameters, reads=True, cached=True)


ROUTES: Final[dict[str, Route]] = {
    "health": Route(Rpc.health),
    "status": Route(Rpc.status),
    "net_info": Route(Rpc.net_info),
    "blockchain": _read(Rpc.blockchain, *_WINDOW),
    "genesis": Route(Rpc.genesis, cached=True),
    "genesis_chunked": Route(Rpc.genesis_chunked, (Parameter("chunk", "uint"),), cached=True),
    "block": _at_height(Rpc.block),
    "block_by_hash": _read(Rpc.block_by_hash, _HASH),
    "block_results": _at_height(Rpc.block_results),
    "commit": _at_height(Rpc.commit),
    "header": _at_height(Rpc.header),
    "header_by_hash": _read(Rpc.header_by_hash, Parameter("hash", "bytes.HexBytes")),
    "check_tx": Route(Rpc.check_tx, (_TX,)),
    "tx": _read(Rpc.tx, _HASH, _PROVE),
    "tx_search": Route(Rpc.tx_search, (_QUERY, _PROVE, *_PAGES, _ORDER), reads=True),
    "block_search": Route(Rpc.block_search, (_QUERY, *_PAGES, _ORDER), reads=True),
    "validators": _at_height(Rpc.validators, *_PAGES),
    "dump_consensus_state": Route(Rpc.dump_consensus_state),
    "consensus_state": Route(Rpc.consensus_state),
    "consensus_params": _at_height(Rpc.consensus_params),
    "unconfirmed_txs": Route(Rpc.unconfirmed_txs, (Parameter("limit", "int"),)),
    "num_unconfirmed_txs": Route(Rpc.num_unconfirmed_txs),
    "broadcast_tx_commit": Route(Rpc.broadcast_tx_commit, (_TX,)),
    "broadcast_tx_sync": Route(Rpc.broadcast_tx_sync, (_TX,)),
    "broadcast_tx_async": Route(Rpc.broadcast_tx_async, (_TX,)),
    "abci_query": Route(
        Rpc.abci_query,
        (Parameter("path", "string"), Parameter("data", "bytes.HexBytes"), _HEIGHT, _PROVE),
    ),
    "abci_info": Route(Rpc.abci_info, cached=True),
    "broadcast_evidence": Route(Rpc.broadcast_evidence, (Parameter("evidence", "types.Evidence"),)),
}
SOCKET_ROUTES: Final = {
    "subscribe": (_QUERY,),
    "unsubscribe": (_QUERY,),
    "unsubscribe_all": (),
}
"""What only WebSocket serves, with its parameters."""
