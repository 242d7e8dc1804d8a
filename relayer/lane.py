"""One direction of a link: what one chain proves, as transactions for the other.

A lane to chain T carries the packets that T is to receive, and the acknowledgements and timeouts of T's
own packets: all of them need proofs from the same chain and the same client on T, so they share batches.
Each step takes a wallet, chooses packets, proves them at one height, and sends the batch on its way without
waiting for its end; meanwhile the next step begins. What became of a batch is learnt from T's events.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cosmos_pb.google.protobuf import any_pb2
from light_client import host
from light_client.values import Height
from relayer import messages, plan
from relayer.client import TrackedClient
from relayer.endpoint import Endpoint
from relayer.errors import (
    NetworkError,
    QueryError,
    RelayerError,
    TxError,
    TxRejected,
)
from relayer.ledger import Ledger
from relayer.notices import BatchFailed, BatchIncluded, BatchSent, PacketStuck
from relayer.packets import PacketKey
from relayer.plan import Action, Channel, Head, Task
from relayer.proving import Advocate
from relayer.wallet import Wallet

NUDGE_AFTER: Final = 2.0  # seconds without a block before a late packet makes us cause one

_REUSE_WITHIN = 20  # blocks that a state may be old and still be proven, in case of pruning
_SHARED_FAULTS: Final = frozenset({("sdk", 11), ("sdk", 21)})  # out of gas, too large: split
_MAX_IDLE = 1.0
_TOO_EARLY = 0.1


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task with its message, ready to be sent."""

    task: Task
    message: any_pb2.Any


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages for one transaction: the client's update first, then one per packet."""

    update: tuple[any_pb2.Any, ...]
    items: tuple[Prepared, ...]
    height: Height

    @property
    def messages(self) -> list[any_pb2.Any]:
        return [*self.update, *(item.message for item in self.items)]

    @property
    def tasks(self) -> list[Task]:
        return [item.task for item in self.items]


class Lane:
    """From the subject of `client` to its host; `back` is the client for the other way."""

    def __init__(self, client: TrackedClient, back: TrackedClient, ledger: Ledger) -> None:
        self.prover = client.subject
        self.target = client.host
        self.client = client
        self.ledger = ledger
        self._back = back
        self._advocate = Advocate(self.prover, self.target, ledger)
        self.wake = asyncio.Event()
        self.done: Counter[Action] = Counter()
        self._busy: dict[PacketKey, int | None] = {}
        self._not_before: dict[PacketKey, float] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._failure: RelayerError | None = None

    async def run(self) -> None:
        """Relay until cancelled; raises what makes it pointless to go on."""
        try:
            while True:
                self.wake.clear()
                if not await self.step():
                    await self._idle()
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Wait for what is on its way: transactions that were sent are seen to their end."""
        while self._sending:
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def drain(self) -> None:
        """Relay what can be relayed now, and wait until it is in blocks."""
        while await self.step():
            pass
        await self.stop()
        self._raise_failure()

    async def step(self) -> bool:
        """Send one batch on its way; False when there is nothing to send."""
        self._raise_failure()
        await self._look_at_late_packets()
        if next(self._due(), None) is None:
            return False
        wallet = await self.target.wallets.acquire()  # meanwhile more may have come
        try:
            tasks = await self._choose(self.target.limits.messages)
            batch = await self._prepare(tasks, wallet.address) if tasks else None
        except BaseException:
            self.target.wallets.release(wallet)
            raise
        if batch is None:
            self.target.wallets.release(wallet)
            return bool(tasks)
        self._launch(batch, wallet)
        return True

    def pending(self) -> Iterator[Task]:
        """What waits for this lane, whether it can go now or not."""
        target, now = self.target.chain_id, self.target.now()
        here, there = _head(self.target), _head(self.prover)
        for entry in self.ledger.packets.values():
            on_source = entry.key.source == target
            destination = there if on_source else here
            closed = bool(self.ledger.closed) and self.ledger.is_closed(entry)
            action = plan.next_action(entry, destination, now, closed=closed)
            if action is not None and plan.executes_on_source(action) == on_source:
                yield Task(action, entry)

    def _due(self) -> Iterator[Task]:
        """Tasks that can go: not on their way already, provable, and after their pause."""
        self._free()
        clock, provable = self.target.clock.monotonic(), self.prover.heights.latest - 1
        blocked = {(key.source, key.port, key.channel) for key in self._busy}
        for task in self.pending():
            key = task.key
            if key in self._busy or self._not_before.get(key, 0.0) > clock:
                continue
            if task.entry.height > provable and task.action not in _TIMEOUTS:
                continue
            if plan.needs_order(task) and (key.source, key.port, key.channel) in blocked:
                continue
            yield task

    async def _choose(self, limit: int) -> list[Task]:
        """The next tasks for one batch, oldest first, ordered channels in their order."""
        due = sorted(self._due(), key=lambda task: task.entry.height)
        if any(plan.needs_order(task) for task in due):
            due = plan.in_order(due, await self._next_sequences(due))
        return due[:limit]

    async def _look_at_late_packets(self) -> None:
        """A packet that is too late needs a verified newer header of its destination, or a new block."""
        now = self.target.now()
        late = [
            entry
            for entry in self.ledger.packets.values()
            if entry.key.source == self.target.chain_id
            and plan.overdue(entry, _head(self.prover), now)
        ]
        if not late:
            return
        head = await self.prover.head()
        silent = self.prover.clock.monotonic() - self.prover.heights.since
        still = any(plan.overdue(entry, head, now) for entry in late)
        if still and silent > NUDGE_AFTER:
            await self._back.advance("wake")  # a chain that makes no block by itself has no time

    async def _next_sequences(self, tasks: Sequence[Task]) -> dict[Channel, int]:
        """The next sequence of each ordered channel among the tasks, proven by the target."""
        by_channel = {plan.channel_of(task): task for task in tasks if plan.needs_order(task)}
        height = await self.target.provable()
        found = {}
        for channel, task in by_channel.items():
            packet = task.entry.packet
            if task.action is Action.RECEIVE:
                port, channel_id = packet.destination_port, packet.destination_channel
                path = host.next_sequence_recv_path(port, channel_id)
            else:
                path = host.next_sequence_ack_path(packet.source_port, packet.source_channel)
            proven = await self.target.prove(path, height)
            found[channel] = int.from_bytes(proven.value, "big")
        return found

    async def _prepare(self, tasks: Sequence[Task], signer: str) -> Batch | None:
        """Drop what is redundant, prove the rest at one height, and build what fits a transaction."""
        for task in tasks:
            self._busy[task.key] = None
        prepared: list[Prepared] = []
        chosen: list[Prepared] = []
        try:
            wanted = await self._advocate.without_redundant(tasks)
            if not wanted:
                return None
            height = self._proof_height(wanted)
            proofs = await asyncio.gather(
                *(self._advocate.message(task, height - 1, signer) for task in wanted)
            )
            update = await self.client.update(Height(self.prover.revision, height), signer)
            prepared = [
                Prepared(task, message)
                for task, message in zip(wanted, proofs, strict=True)
                if message is not None
            ]
            self._pause([t for t, made in zip(wanted, proofs, strict=True) if made is None])
            chosen = self._first_batch(prepared, messages.size(update))
        finally:
            sent = {item.task.key for item in chosen}
            for task in tasks:
                if task.key not in sent:
                    self._busy.pop(task.key, None)
        if not chosen:
            return None
        return Batch(tuple(update), tuple(chosen), Height(self.prover.revision, height))

    def _first_batch(self, prepared: list[Prepared], overhead: int) -> list[Prepared]:
        limits = self.target.limits
        room = plan.Limits(limits.messages, limits.bytes - overhead, limits.gas)
        made = plan.batches(prepared, room, lambda item: (messages.size([item.message]), 0))
        return made[0] if made else []

    def _proof_height(self, tasks: Sequence[Task]) -> int:
        """The header to prove by: one that the client knows already where that is enough."""
        latest = self.prover.heights.latest
        needed = max(
            (task.entry.height + 1 for task in tasks if task.action not in _TIMEOUTS), default=0
        )
        if any(task.action in _TIMEOUTS for task in tasks):
            return latest
        known = self.client.newest.revision_height
        if needed <= known <= latest and latest - known <= _REUSE_WITHIN:
            return known
        return latest

    def _launch(self, batch: Batch, wallet: Wallet) -> None:
        async def send() -> None:
            try:
                await self._send(batch, wallet)
            except RelayerError as error:
                self._failure = error
            finally:
                self.target.wallets.release(wallet)
                self.wake.set()

        task = asyncio.create_task(send())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, batch: Batch, wallet: Wallet) -> None:
        """Submit a batch; when the chain refuses it, find out which packets it is about."""
        actions = Counter(task.action.value for task in batch.tasks)
        link, chain = self.ledger.ids.id, self.target.chain_id
        self.target.notices(BatchSent(link, chain, len(batch.items), dict(actions)))
        started = self.target.clock.monotonic()
        try:
            outcome = await self.target.submit(batch.messages, wallet)
        except TxRejected as error:
            await self._refused(batch, error, wallet)
            return
        except (TxError, NetworkError, QueryError) as error:
            self._put_back(batch.tasks, error)
            return
        self.client.confirm(batch.height)
        included = outcome.included
        self.done.update(task.action for task in batch.tasks)
        for task in batch.tasks:
            self._busy[task.key] = included.height
        self.target.notices(
            BatchIncluded(
                link,
                chain,
                included.hash,
                included.height,
                len(batch.items),
                included.gas_used,
                ",".join(map(str, outcome.fee)),
                self.target.clock.monotonic() - started,
            )
        )

    async def _refused(self, batch: Batch, error: TxRejected, wallet: Wallet) -> None:
        """Keep a bad packet from holding up the others: split until it is alone."""
        self.target.notices(
            BatchFailed(self.ledger.ids.id, self.target.chain_id, len(batch.items), str(error))
        )
        index = error.message_index
        if index is not None and index < len(batch.update):
            await self.client.load()  # what it trusts is not what we thought
            self._put_back(batch.tasks, error)
            return
        shared = error.is_panic or (error.codespace, error.code) in _SHARED_FAULTS
        if index is None and not shared:
            self._put_back(batch.tasks, error)
            return
        culprit = None if index is None else index - len(batch.update)
        parts = plan.split(batch.items, culprit)
        if not parts:
            self._put_back(batch.tasks, error, own_fault=True)
            return
        if culprit is not None:
            self._put_back([parts.pop().pop().task], error, own_fault=True)
        for part in parts:
            again = await self._prepare([item.task for item in part], wallet.address)
            if again is not None:
                await self._send(again, wallet)

    def _put_back(
        self, tasks: Sequence[Task], error: RelayerError, *, own_fault: bool = False
    ) -> None:
        """Try again later, after longer and longer pauses."""
        now = self.target.clock.monotonic()
        for task in tasks:
            self._busy.pop(task.key, None)
            entry = self.ledger.mark_failed(task.key, str(error))
            if entry is None:
                continue
            pause = plan.delay(entry.attempts, own_fault=own_fault)
            self._not_before[task.key] = now + pause
            key = task.key
            self.target.notices(
                PacketStuck(
                    self.ledger.ids.id,
                    key.source,
                    key.port,
                    key.channel,
                    key.sequence,
                    task.action.value,
                    entry.attempts,
                    pause,
                    str(error),
                )
            )

    def _pause(self, tasks: Sequence[Task]) -> None:
        """Tasks for which a proof says that it is too early, or that there is nothing to do."""
        due = self.target.clock.monotonic() + _TOO_EARLY
        for task in tasks:
            if task.key in self.ledger.packets:
                self._not_before[task.key] = due

    def _free(self) -> None:
        """A packet is ours to handle again once the events behind its transaction were read."""
        read = self.ledger.cursors.get(self.target.chain_id) or 0
        finished = [key for key, height in self._busy.items() if height and height <= read]
        for key in finished:
            del self._busy[key]
        for key in [key for key in self._not_before if key not in self.ledger.packets]:
            del self._not_before[key]

    async def _idle(self) -> None:
        """Sleep until woken, or until a packet that failed is due again."""
        now = self.target.clock.monotonic()
        pauses = [due - now for due in self._not_before.values() if due > now]
        try:
            async with asyncio.timeout(max(0.01, min([_MAX_IDLE, *pauses]))):
                await self.wake.wait()
        except TimeoutError:
            return

    def _raise_failure(self) -> None:
        """What a batch on its way ran into that is no matter of single packets."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure


_TIMEOUTS: Final = frozenset({Action.TIME_OUT, Action.TIME_OUT_ON_CLOSE})


def _head(chain: Endpoint) -> Head:
    """Where a chain stands: its newest height, and the newest time that was verified."""
    return Head(Height(chain.revision, chain.heights.latest), chain.newest_time)
