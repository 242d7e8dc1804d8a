"""The chain at work in one process: a thread that owns the application, a few that answer queries,
an event loop around them.

CheckTx and blocks go through the first thread and so never meet. Queries read committed versions on
the others.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from chain.errors import ChainError
from chain.node.blockstore import StoredBlock
from chain.node.errors import MempoolError, NodeError
from chain.node.eventlog import block_events
from chain.node.execution import Execution
from chain.node.pubsub import EventBus
from cosmos_pb.tendermint.abci import types_pb2 as abci

STACK_BYTES: Final = 16 << 20
"""What threads that run contracts get: compiled code needs more than some systems give a thread."""

_READERS: Final = 4
_CHECKED_AT_ONCE: Final = 50
_READ_AT_ONCE: Final = 25
_ON_APP_THREAD: Final = frozenset(
    {"/app/simulate", "app/simulate", "/cosmos.tx.v1beta1.Service/Simulate"}
)
"""Queries that look at the mempool's state, which belongs to the application's thread."""

P = ParamSpec("P")
T = TypeVar("T")
Check = tuple[bytes, "asyncio.Future[abci.ResponseCheckTx]"]
Read = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class Engine:
    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self.store = execution.store
        self.mempool = execution.mempool
        self.genesis = execution.genesis
        self.bus = EventBus()
        self.wake = asyncio.Event()
        """Set when a transaction has come in."""
        self._app_thread = _threads("application", 1)
        self._readers = _threads("query", _READERS)
        self._unchecked: list[Check] = []
        self._reads: list[Read] = []
        self._block_lock = asyncio.Lock()
        self._closed = False
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        """Bring application and block store level. Raises NodeError."""
        await self.on_app_thread(self.execution.open)

    async def close(self) -> None:
        """Let the block in the making be finished, then end every thread."""
        if self._closed:
            return
        async with self._block_lock:
            self._closed = True
        self.bus.close()
        for _, future in self._unchecked:
            future.cancel()
        await asyncio.to_thread(self._close_threads)

    async def on_app_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._must_be_open()
        return await asyncio.wrap_future(self._app_thread.submit(function, *args, **kwargs))

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run something that only reads committed state."""
        self._must_be_open()
        future: asyncio.Future[T] = self._loop.create_future()
        self._reads.append((partial(function, *args, **kwargs), future))
        if len(self._reads) == 1:
            self._loop.call_soon(self._start_reading)
        return await future

    async def query(self, request: abci.RequestQuery) -> abci.ResponseQuery:
        run = self.on_app_thread if request.path in _ON_APP_THREAD else self.read
        return await run(self.execution.app.query, request)

    async def ask(self, path: str, data: bytes, height: int = 0) -> tuple[int, bytes]:
        """A gRPC method: the height and the answer. Raises AbciError as the method refuses it."""
        run = self.on_app_thread if path in _ON_APP_THREAD else self.read
        return await run(self.execution.app.ask, path, data, height)

    async def check_tx(self, tx: bytes) -> abci.ResponseCheckTx:
        """Offer a transaction to the mempool; raises MempoolError when it does not even ask.

        Transactions that come in while others are checked travel to the application's thread
        together.
        """
        self._must_be_open()
        future: asyncio.Future[abci.ResponseCheckTx] = self._loop.create_future()
        self._unchecked.append((tx, future))
        if len(self._unchecked) == 1:
            self._app_thread.submit(self._check_some)
        return await future

    def _start_reading(self) -> None:
        """Reads of the same moment travel to a thread together: the way there takes longer than most of them."""
        reads, self._reads = self._reads, []
        if self._closed:
            for _, future in reads:
                future.cancel()
            return
        for at in range(0, len(reads), _READ_AT_ONCE):
            self._readers.submit(self._read_some, reads[at : at + _READ_AT_ONCE])

    def _read_some(self, reads: list[Read]) -> None:
        """On a reader's thread."""
        outcomes = [(future, _tried(work)) for work, future in reads]
        self._loop.call_soon_threadsafe(_settle, outcomes)

    def submit_tx(self, tx: bytes) -> abci.ResponseCheckTx:
        """``check_tx`` for handlers of queries, which run on a reader's thread."""
        return asyncio.run_coroutine_threadsafe(self.check_tx(tx), self._loop).result()

    async def next_block(self) -> StoredBlock:
        """Make one block now, and tell the subscribers."""
        async with self._block_lock:
            self.wake.clear()
            stored = await self.on_app_thread(self.execution.next_block)
            # What waits although the block was empty does not fit: only news changes that.
            if len(self.mempool) and stored.block.txs:
                self.wake.set()
        if self.bus:
            for event in block_events(stored):
                self.bus.publish(event)
        return stored

    def _must_be_open(self) -> None:
        if self._closed:
            raise NodeError("the node is closed")

    def _check_some(self) -> None:
        """On the application's thread: check what waits, a bounded number, so that blocks get their
        turn.
        """
        batch = self._unchecked[:_CHECKED_AT_ONCE]
        outcomes = [(future, _outcome(self.mempool.check, tx)) for tx, future in batch]
        self._loop.call_soon_threadsafe(self._checked, outcomes)

    def _checked(
        self,
        outcomes: list[
            tuple[asyncio.Future[abci.ResponseCheckTx], abci.ResponseCheckTx | Exception]
        ],
    ) -> None:
        del self._unchecked[: len(outcomes)]
        if self._unchecked and not self._closed:
            self._app_thread.submit(self._check_some)
        _settle(outcomes)
        if len(self.mempool):
            self.wake.set()

    def _close_threads(self) -> None:
        self._app_thread.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self.execution.app.close()
        self.store.close()


def _outcome(
    check: Callable[[bytes], abci.ResponseCheckTx], tx: bytes
) -> abci.ResponseCheckTx | Exception:
    try:
        return check(tx)
    except (MempoolError, ChainError) as error:
        return error


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
        return error


def _settle(outcomes: list[tuple[asyncio.Future[Any], Any]]) -> None:
    """Tell everybody who waits; an exception is raised where it is awaited."""
    for future, outcome in outcomes:
        if future.cancelled():
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _threads(name: str, count: int) -> ThreadPoolExecutor:
    """Threads with a stack of ``STACK_BYTES``, started while that is what new threads get."""
    ready = threading.Barrier(count + 1)
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    before = threading.stack_size(STACK_BYTES)
    try:
        for _ in range(count):
            pool.submit(ready.wait)
        ready.wait()
    finally:
        threading.stack_size(before)
    return pool
