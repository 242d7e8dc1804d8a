"""A whole chain in one object: state, blocks, block production, RPC, gRPC and REST.

::

    node = await Node.open(home, genesis, keys)     # home None: everything in memory
    await node.start()                              # blocks from now on
    await node.serve()                              # node.rpc_url, node.grpc_address, node.rest_url
    ...
    await node.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from chain import decimals
from chain.node import services
from chain.node.blockstore import BlockStore, StoredBlock
from chain.node.clock import Clock, SystemClock
from chain.node.engine import Engine
from chain.node.errors import NodeError
from chain.node.execution import Application, Execution
from chain.node.genesis import Genesis
from chain.node.home import Home, HomeLock
from chain.node.identity import Identity
from chain.node.limits import MempoolLimits, ServerLimits
from chain.node.maker import Maker, Pace
from chain.node.privval import ValidatorKey
from chain.node.registry import PAGES, Registry, Urls
from chain.node.rpc import Rpc
from chain.node.transport import NodeTransport
from chain.router import QueryRouter
from chain.store.database import Database, LmdbDatabase, MemoryDatabase, SqliteDatabase
from chain.store.multistore import KEEP_RECENT

if TYPE_CHECKING:
    from chain.node.grpc import GrpcServer
    from chain.node.rest import Page, RestServer
    from chain.node.server import RpcServer

log = logging.getLogger("chain.node")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """How a node behaves; what its chain is stands in the genesis.

    ``min_gas_prices`` are (denom, decimal price) pairs, ``keep_recent`` versions of the state stay
    readable.
    """

    pace: Pace = field(default_factory=Pace)
    clock: Clock = field(default_factory=SystemClock)
    moniker: str = "lightship"
    bech32_prefix: str = "cosmos"
    min_gas_prices: tuple[tuple[str, str], ...] = ()
    database: Literal["sqlite", "lmdb"] = "sqlite"
    keep_recent: int = KEEP_RECENT
    mempool: MempoolLimits = field(default_factory=MempoolLimits)
    server: ServerLimits = field(default_factory=ServerLimits)

    @property
    def min_gas_price_text(self) -> str:
        """As ``DecCoins`` shows itself."""
        return ",".join(
            f"{decimals.show(str(int(Fraction(price) * decimals.ONE)))}{denom}"
            for denom, price in sorted(self.min_gas_prices)
        )


Build = Callable[[Database, Home | None, NodeConfig], Application]
"""Makes the application on a database; the home is where it may keep files."""


class Node:
    """Made by ``open``; ``stop`` ends it for good."""

    def __init__(self, engine: Engine, identity: Identity, config: NodeConfig) -> None:
        self.engine = engine
        self.config = config
        self.rpc_url = ""
        self.grpc_address = ""
        self.rest_url = ""
        self._identity = identity
        self._rpc = Rpc(engine, identity)
        self._lock: HomeLock | None = None
        self._making: asyncio.Task[None] | None = None
        self._servers: list[RpcServer | GrpcServer | RestServer] = []

    @classmethod
    async def open(
        cls,
        home: Path | None,
        genesis: Genesis | None = None,
        keys: Sequence[ValidatorKey] | None = None,
        *,
        config: NodeConfig | None = None,
        build: Build | None = None,
    ) -> Node:
        """A node on a folder, or in memory, level with its application but not yet making blocks.

        What the folder already holds wins over ``genesis`` and ``keys``, which a new one needs.
        Raises NodeError or GenesisError.
        """
        config = config or NodeConfig()
        folder = None if home is None else Home(home)
        genesis, keys = _material(folder, genesis, keys)
        lock = None if folder is None else folder.lock()
        try:
            engine = _engine(folder, genesis, keys, config, build or cosmwasm_application)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        node = cls(engine, Identity(keys[0].pub_key, config.moniker), config)
        node._lock = lock
        try:
            node._register_services()
            await engine.open()
        except BaseException:
            await node.stop()
            raise
        return node

    @property
    def chain_id(self) -> str:
        return self.engine.genesis.chain_id

    @property
    def height(self) -> int:
        """The last block; 0 before the first."""
        return self.engine.store.height

    @property
    def app(self) -> Application:
        return self.engine.execution.app

    async def start(self) -> None:
        """Make blocks from now on; returns when there is at least one."""
        if self._making is not None:
            raise NodeError(f"{self.chain_id} makes blocks already")
        delay = 0.0
        if not self.height:
            await self.next_block()
            delay = self.config.pace.interval
        self._making = asyncio.create_task(Maker(self.engine, self.config.pace).run(delay))
        self._making.add_done_callback(self._made)

    async def wait(self) -> None:
        """Until block production ends; raises what ended it."""
        if self._making is not None:
            await asyncio.wait([self._making])
            if not self._making.cancelled():
                self._making.result()

    async def next_block(self) -> int:
        """Make one block now; returns its height."""
        stored: StoredBlock = await self.engine.next_block()
        return stored.height

    async def serve(
        self, host: str = "127.0.0.1", rpc_port: int = 0, grpc_port: int = 0, rest_port: int = 0
    ) -> None:
        """Listen; ``rpc_url``, ``grpc_address`` and ``rest_url`` say where. OSError when a port is taken."""
        from chain.node.grpc import GrpcServer  # noqa: PLC0415 - a node without sockets needs none
        from chain.node.rest import RestServer  # noqa: PLC0415
        from chain.node.server import RpcServer  # noqa: PLC0415

        rpc = RpcServer(self._rpc, self.engine.bus, self.config.server)
        self._servers.append(rpc)
        address, port = await rpc.start(host, rpc_port)
        self.rpc_url = f"http://{address}:{port}"
        self._identity.rpc_address = f"tcp://{address}:{port}"
        grpc = GrpcServer(self.engine, self._queries().methods, self.config.server)
        self._servers.append(grpc)
        address, port = await grpc.start(host, grpc_port)
        self.grpc_address = f"{address}:{port}"
        rest = RestServer(
            self.engine, self._queries().methods, self.config.server, self._registry_pages()
        )
        self._servers.append(rest)
        address, port = await rest.start(host, rest_port)
        self.rest_url = f"http://{address}:{port}"

    def transport(self) -> NodeTransport:
        return NodeTransport(self.engine, self._rpc)

    async def stop(self) -> None:
        """End block production, servers and threads; everything is on disk already."""
        if self._making is not None:
            self._making.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._making
        for server in self._servers:
            await server.stop()
        await self.engine.close()
        if self._lock is not None:
            self._lock.release()

    def _made(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("%s makes no more blocks: %s", self.chain_id, error, exc_info=error)

    def _queries(self) -> QueryRouter:
        """The application's query table; empty for one that has none."""
        found = getattr(self.app, "queries", None)
        return found if isinstance(found, QueryRouter) else QueryRouter()

    def _registry_pages(self) -> dict[str, Page]:
        """The chain's description under its paths."""
        registry = Registry(self.engine, self.config.bech32_prefix, self.config.min_gas_prices)

        def page(make: Callable[[Registry, Urls], Awaitable[dict[str, Any]]]) -> Page:
            def shown(hostname: str) -> Awaitable[Mapping[str, Any]]:
                urls = Urls(self.rpc_url, self.rest_url, self.grpc_address)
                return make(registry, urls.seen_from(hostname))

            return shown

        return {path: page(make) for path, make in PAGES.items()}

    def _register_services(self) -> None:
        about = services.About(
            identity=self._identity,
            bech32_prefix=self.config.bech32_prefix,
            min_gas_price=self.config.min_gas_price_text,
            keep_recent=self.config.keep_recent,
        )
        services.register(self._queries(), self.engine, about, getattr(self.app, "staking", None))


def _engine(
    home: Home | None,
    genesis: Genesis,
    keys: Sequence[ValidatorKey],
    config: NodeConfig,
    build: Build,
) -> Engine:
    app = build(_database(home, config), home, config)
    store = BlockStore(None if home is None else home.blocks)
    return Engine(Execution(app, store, genesis, keys, config.clock, config.mempool))


def cosmwasm_application(database: Database, home: Home | None, config: NodeConfig) -> Application:
    """The application of this package, with a VM for contracts."""
    from chain.node.cosmwasm import CosmWasmApplication  # noqa: PLC0415 - it loads wasmtime

    return CosmWasmApplication(
        database,
        None if home is None else home.wasm,
        bech32_prefix=config.bech32_prefix,
        min_gas_prices=config.min_gas_prices,
        keep_recent=config.keep_recent,
    )


def _material(
    home: Home | None, genesis: Genesis | None, keys: Sequence[ValidatorKey] | None
) -> tuple[Genesis, tuple[ValidatorKey, ...]]:
    if home is not None:
        return home.prepare(genesis, keys)
    if genesis is None or not keys:
        raise NodeError("a chain in memory needs a genesis and validator keys")
    return genesis, tuple(keys)


def _database(home: Home | None, config: NodeConfig) -> Database:
    if home is None:
        return MemoryDatabase()
    if config.database == "lmdb":
        return LmdbDatabase(home.data / "application.lmdb")
    return SqliteDatabase(home.data / "application.db")
