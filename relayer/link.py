"""Two chains joined by a connection, with everything that is needed to carry packets between them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from light_client import host
from relayer.client import TrackedClient, create_client
from relayer.endpoint import Endpoint
from relayer.errors import HandshakeError, RelayerError, VerificationFailed
from relayer.events import Unreadable
from relayer.handshake import (
    OPEN,
    ChannelEnds,
    ChannelWish,
    ConnectionEnds,
    Side,
    close_channel,
    open_together,
)
from relayer.lane import Lane
from relayer.ledger import Ledger
from relayer.misbehaviour import Detector
from relayer.notices import BadEvent, BlockRead, NetworkTrouble, PathStarted
from relayer.plan import Action
from relayer.scan import catch_up
from relayer.state import EndIds, LinkIds, State
from relayer.supervise import again, first

Admits = Callable[[str, str], bool]

_AHEAD = 16  # blocks that are fetched at the same time while catching up
_QUIET = 5.0  # seconds after which a reader that heard of no block asks
_REFRESH_CHECK = 30.0
_MAX_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class ChannelPair:
    """A channel by its ends."""

    a_port: str
    a_channel: str
    b_port: str
    b_channel: str
    version: str


@dataclass(frozen=True, slots=True)
class Report:
    """How many messages of each kind took effect."""

    received: int = 0
    acknowledged: int = 0
    timed_out: int = 0

    @property
    def total(self) -> int:
        return self.received + self.acknowledged + self.timed_out

    def __add__(self, other: "Report") -> "Report":
        return Report(
            self.received + other.received,
            self.acknowledged + other.acknowledged,
            self.timed_out + other.timed_out,
        )


class Link:
    """A connection between two open endpoints; make one with `create` or `resume`."""

    def __init__(
        self,
        a: Side,
        b: Side,
        ids: LinkIds,
        state: State,
        admits: Admits | None = None,
    ) -> None:
        self.a = a
        self.b = b
        self.ids = ids
        self.ledger = Ledger(state, ids, admits)
        self.lanes = {
            "a": Lane(a.client, b.client, self.ledger),
            "b": Lane(b.client, a.client, self.ledger),
        }
        self._detectors = {side.endpoint.chain_id: Detector(side.client) for side in (a, b)}
        self._preparing = asyncio.Lock()
        self._notices = a.endpoint.notices

    @property
    def id(self) -> str:
        return self.ids.id

    @classmethod
    async def create(
        cls,
        a: Endpoint,
        b: Endpoint,
        *,
        state: State | None = None,
        admits: Admits | None = None,
    ) -> Self:
        """Create a client on each chain and a connection over them.

        Raises HandshakeError, TxError, NetworkError, VerificationFailed.
        """
        link, _ = await cls.create_with_channels(a, b, (), state=state, admits=admits)
        return link

    @classmethod
    async def create_with_channels(
        cls,
        a: Endpoint,
        b: Endpoint,
        wishes: Sequence[ChannelWish],
        *,
        state: State | None = None,
        admits: Admits | None = None,
    ) -> tuple[Self, list[ChannelPair]]:
        """Create clients, a connection, and channels over it, in six rounds of transactions."""
        on_a, on_b = await asyncio.gather(create_client(a, b), create_client(b, a))
        sides = Side(a, on_a), Side(b, on_b)
        return await cls.connect_with_channels(*sides, wishes, state=state, admits=admits)

    @classmethod
    async def connect(
        cls,
        a: Side,
        b: Side,
        a_connection: str = "",
        *,
        state: State | None = None,
        admits: Admits | None = None,
    ) -> Self:
        """Open a connection over clients that exist, or finish one that a has begun."""
        link, _ = await cls.connect_with_channels(
            a, b, (), a_connection, state=state, admits=admits
        )
        return link

    @classmethod
    async def connect_with_channels(
        cls,
        a: Side,
        b: Side,
        wishes: Sequence[ChannelWish],
        a_connection: str = "",
        *,
        state: State | None = None,
        admits: Admits | None = None,
    ) -> tuple[Self, list[ChannelPair]]:
        """Open a connection over clients that exist, and channels over it, in five rounds."""
        begun = {side.endpoint.chain_id: side.endpoint.heights.latest for side in (a, b)}
        ends = ConnectionEnds(a, b, a_connection)
        channels = [ChannelEnds(a, b, ends.ids, wish) for wish in wishes]
        await open_together([ends, *channels])
        ids = LinkIds(
            EndIds(a.endpoint.chain_id, a.client.id, ends.ids["a"]),
            EndIds(b.endpoint.chain_id, b.client.id, ends.ids["b"]),
        )
        state = state or State()
        state.save_link(ids, begun)
        return cls(a, b, ids, state, admits), [await _pair(each) for each in channels]

    @classmethod
    async def resume(
        cls,
        a: Endpoint,
        b: Endpoint,
        connection: str,
        *,
        state: State | None = None,
        admits: Admits | None = None,
    ) -> Self:
        """Take up a connection by its id on a; both ends and both clients are read with proofs.

        Packets that were sent before are found even without a state file.
        """
        end = await _connection(a, connection)
        other = end.counterparty
        if not other.connection_id:
            raise HandshakeError(f"{connection} on {a.chain_id} has no other end yet")
        there = await _connection(b, other.connection_id)
        if there.counterparty.connection_id != connection or there.client_id != other.client_id:
            raise HandshakeError(
                f"{connection} on {a.chain_id} and {other.connection_id} on {b.chain_id} "
                "are not the ends of one connection"
            )
        on_a = TrackedClient(end.client_id, a, b)
        on_b = TrackedClient(there.client_id, b, a)
        await asyncio.gather(on_a.load(), on_b.load())
        for client in (on_a, on_b):
            try:
                await client.anchor()
            except VerificationFailed as error:
                await Detector(client).suspect(error)
                raise
        if end.state != OPEN or there.state != OPEN:
            sides = Side(a, on_a), Side(b, on_b)
            return await cls.connect(*sides, connection, state=state, admits=admits)
        ids = LinkIds(
            EndIds(a.chain_id, end.client_id, connection),
            EndIds(b.chain_id, there.client_id, other.connection_id),
        )
        state = state or State()
        if ids not in state.links():
            state.save_link(ids, {})
        return cls(Side(a, on_a), Side(b, on_b), ids, state, admits)

    async def open_channel(
        self, a_port: str, b_port: str, version: str, *, ordered: bool = False
    ) -> ChannelPair:
        """Open a channel; the version is a's wish, the application on b may answer with another."""
        [pair] = await self.open_channels([ChannelWish(a_port, b_port, version, ordered)])
        return pair

    async def open_channels(self, wishes: Sequence[ChannelWish]) -> list[ChannelPair]:
        """Open several channels side by side, in shared transactions: if one is refused, all are."""
        channels = [self._ends(wish) for wish in wishes]
        await open_together(channels)
        return [await _pair(each) for each in channels]

    async def finish_channel(self, a_port: str, a_channel: str, b_port: str) -> ChannelPair:
        """Bring a channel that was begun on a to its end, be it in a's newest block."""
        await self.a.endpoint.catch_up()
        ends = self._ends(ChannelWish(a_port, b_port, ""), a_channel)
        await open_together([ends])
        return await _pair(ends)

    async def close_channel(self, channel: ChannelPair) -> None:
        """Close a channel from a's end."""
        wish = ChannelWish(channel.a_port, channel.b_port, channel.version)
        await close_channel(self._ends(wish, channel.a_channel, channel.b_channel))

    async def read(self) -> None:
        """Read all blocks of both chains that were not read yet."""
        await self._prepare()
        for side in (self.a, self.b):
            await side.endpoint.heights.refresh()
            await self._read_side(side)

    async def relay_once(self) -> Report:
        """Read both chains, relay what can be relayed now, and wait until it is in blocks."""
        await self.read()
        await self._settle()
        before = self._report()
        await asyncio.gather(*(lane.drain() for lane in self.lanes.values()))
        after = self._report()
        return Report(
            after.received - before.received,
            after.acknowledged - before.acknowledged,
            after.timed_out - before.timed_out,
        )

    async def relay_all(self, rounds: int = _MAX_ROUNDS) -> Report:
        """Relay until nothing is left that could be relayed now."""
        total = Report()
        for _ in range(rounds):
            report = await self.relay_once()
            total += report
            if not report.total:
                break
        return total

    async def run(self) -> None:
        """Relay until cancelled. What may pass is tried again; what may not is raised.

        VerificationFailed, HandshakeError and StateError end a link. When cancelled, transactions
        that are on their way are waited for.
        """
        self._notices(PathStarted(self.id))
        try:
            await self._run_all()
        except* RelayerError as group:
            error = first(group)
            if isinstance(error, VerificationFailed):
                for detector in self._detectors.values():
                    await detector.suspect(error)
            raise error from None

    async def _run_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for side in (self.a, self.b):
                group.create_task(self._again(side.endpoint.heights.follow))
                group.create_task(self._again(partial(self._keep_reading, side)))
                group.create_task(self._again(partial(self._keep_fresh, side)))
            for lane in self.lanes.values():
                group.create_task(self._again(lane.run))

    def _report(self) -> Report:
        done = self.lanes["a"].done + self.lanes["b"].done
        return Report(
            done[Action.RECEIVE],
            done[Action.ACKNOWLEDGE],
            done[Action.TIME_OUT] + done[Action.TIME_OUT_ON_CLOSE],
        )

    def _ends(self, wish: ChannelWish, a_channel: str = "", b_channel: str = "") -> ChannelEnds:
        connections = {"a": self.ids.a.connection, "b": self.ids.b.connection}
        return ChannelEnds(self.a, self.b, connections, wish, a_channel, b_channel)

    async def _prepare(self) -> None:
        """Where no block was read yet, take stock of what is pending and begin at the newest."""
        async with self._preparing:
            for side in (self.a, self.b):
                await self._forget_pruned(side.endpoint)
            if None in self.ledger.cursors.values():
                await catch_up(self.a.endpoint, self.b.endpoint, self.ledger)

    async def _forget_pruned(self, endpoint: Endpoint) -> None:
        """Blocks that the chain no longer has cannot be read: what was in them must be found anew."""
        cursor = self.ledger.cursors[endpoint.chain_id]
        if cursor is None:
            return
        earliest = (await endpoint.reader.status()).earliest
        if cursor + 1 < earliest:
            reason = f"blocks {cursor + 1} to {earliest - 1} of {endpoint.chain_id} are pruned"
            self._notices(NetworkTrouble(self.id, reason, 0.0))
            self.ledger.cursors[endpoint.chain_id] = None

    async def _settle(self) -> None:
        """Wait until what was read can be proven: one block more on each chain that has packets."""
        for side, other in ((self.a, self.b), (self.b, self.a)):
            newest = max(
                (
                    task.entry.height
                    for lane in self.lanes.values()
                    if lane.prover is side.endpoint
                    for task in lane.pending()
                    if task.action in {Action.RECEIVE, Action.ACKNOWLEDGE}
                ),
                default=0,
            )
            if newest:
                await side.endpoint.settled(newest)
            await other.endpoint.heights.refresh()

    async def _read_side(self, side: Side) -> None:
        """Read a chain's blocks in order; none is skipped, several are fetched at once."""
        endpoint, chain = side.endpoint, side.endpoint.chain_id
        cursor = self.ledger.cursors[chain] or 0
        while cursor < endpoint.heights.latest:
            last = min(cursor + _AHEAD, endpoint.heights.latest)
            wanted = range(cursor + 1, last + 1)
            blocks = await asyncio.gather(*(endpoint.events(height) for height in wanted))
            for height, events in zip(wanted, blocks, strict=True):
                ours = self.ledger.read(chain, height, events)
                if ours:
                    self._notices(BlockRead(self.id, chain, height, ours))
                for event in events:
                    if isinstance(event, Unreadable):
                        self._notices(BadEvent(chain, height, event.type, event.reason))
            cursor = last

    async def _keep_reading(self, side: Side) -> None:
        await self._prepare()
        heights, chain = side.endpoint.heights, side.endpoint.chain_id
        if not heights.latest:
            await heights.refresh()
        while True:
            await self._read_side(side)
            for lane in self.lanes.values():
                lane.wake.set()
            await heights.wait((self.ledger.cursors[chain] or 0) + 1, _QUIET)

    async def _keep_fresh(self, side: Side) -> None:
        """Update a client before it expires for want of packets, and compare what others gave it."""
        detector = self._detectors[side.endpoint.chain_id]
        while True:
            await side.client.refresh()
            conflict = await detector.look()
            if conflict is not None:
                notice = await detector.accuse(conflict)
                raise VerificationFailed(
                    notice.chain, notice.height, "header", "another one was submitted to its client"
                )
            await side.endpoint.clock.sleep(_REFRESH_CHECK)

    def _again(self, work: Callable[[], Awaitable[None]]) -> Coroutine[None, None, None]:
        return again(work, self.a.endpoint.clock, self._trouble)

    def _trouble(self, error: RelayerError, pause: float) -> None:
        self._notices(NetworkTrouble(self.id, str(error), pause))


async def _pair(ends: ChannelEnds) -> ChannelPair:
    """An open channel by its ends, and the version that was settled on."""
    _, end, _ = await ends.state("a")
    return ChannelPair(ends.ports["a"], ends.ids["a"], ends.ports["b"], ends.ids["b"], end.version)


async def _connection(endpoint: Endpoint, connection: str) -> connection_pb2.ConnectionEnd:
    proven = await endpoint.prove(host.connection_path(connection))
    if not proven.value:
        raise HandshakeError(f"there is no {connection} on {endpoint.chain_id}")
    return connection_pb2.ConnectionEnd.FromString(proven.value)
