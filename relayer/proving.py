"""From a packet that waits to a message that proves its case: what is in vain is dropped on the way."""

import asyncio
from collections.abc import Sequence
from typing import Final

from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import host
from light_client.packet import ack_commitment, packet_commitment
from relayer import messages, plan
from relayer.endpoint import Endpoint
from relayer.errors import VerificationFailed
from relayer.ledger import Ledger
from relayer.messages import Proof
from relayer.packets import PacketKey
from relayer.plan import Action, Task
from relayer.verified import Proven

CLOSED: Final = 4  # `State` of ICS-4


class Advocate:
    """Makes messages for `target` out of what `prover` proves."""

    def __init__(self, prover: Endpoint, target: Endpoint, ledger: Ledger) -> None:
        self.prover = prover
        self.target = target
        self.ledger = ledger

    async def without_redundant(self, tasks: Sequence[Task]) -> list[Task]:
        """Ask the target which messages would be in vain, before fees are paid for them.

        That a packet is done is only believed with a proof, since nobody would relay it any more.
        """
        groups: dict[tuple[str, str, bool], list[Task]] = {}
        for task in tasks:
            packet = task.entry.packet
            receive = task.action is Action.RECEIVE
            port = packet.destination_port if receive else packet.source_port
            channel = packet.destination_channel if receive else packet.source_channel
            groups.setdefault((port, channel, receive), []).append(task)
        answers = await asyncio.gather(*(self._missing(*group) for group in groups.items()))
        missing = set().union(*answers)
        doubtful = [task for task in tasks if task.key not in missing]
        checked = await asyncio.gather(*(self._is_done(task) for task in doubtful))
        done = {task.key for task, is_done in zip(doubtful, checked, strict=True) if is_done}
        return [task for task in tasks if task.key not in done]

    async def _missing(
        self, channel: tuple[str, str, bool], tasks: Sequence[Task]
    ) -> set[PacketKey]:
        port, channel_id, receive = channel
        reader = self.target.reader
        sequences = [task.key.sequence for task in tasks]
        ask = reader.unreceived_packets if receive else reader.unreceived_acks
        found = await ask(port, channel_id, sequences)
        return {task.key for task in tasks if task.key.sequence in found}

    async def _is_done(self, task: Task) -> bool:
        """Whether the target proves that a message would be in vain; the ledger then knows too."""
        packet = task.entry.packet
        if task.action is not Action.RECEIVE:
            path = host.packet_commitment_path(
                packet.source_port, packet.source_channel, packet.sequence
            )
            proven = await self.target.prove(path)
            if not proven.value:
                self.ledger.finish(task.key)
            return not proven.value
        if await self._was_received(self.target, task, await self.target.provable()):
            self.ledger.mark_received(task.key)
            return True
        return False

    async def _was_received(self, chain: Endpoint, task: Task, height: int) -> bool:
        return _received(task, await self._reception(chain, task, height))

    async def _reception(self, chain: Endpoint, task: Task, height: int) -> Proven:
        """What the destination proves about having received a packet."""
        packet = task.entry.packet
        port, channel = packet.destination_port, packet.destination_channel
        if task.entry.ordered:
            return await chain.prove(host.next_sequence_recv_path(port, channel), height)
        path = host.packet_receipt_path(port, channel, packet.sequence)
        return await chain.prove(path, height)

    async def message(self, task: Task, height: int, signer: str) -> any_pb2.Any | None:
        """The message for a task with its proof; None when it turns out that there is nothing to do."""
        return await _MAKERS[task.action](self, task, height, signer)

    async def _receive(self, task: Task, height: int, signer: str) -> any_pb2.Any | None:
        packet = task.entry.packet
        path = host.packet_commitment_path(
            packet.source_port, packet.source_channel, packet.sequence
        )
        proven = await self.prover.prove(path, height)
        if not proven.value:  # acknowledged or timed out by somebody else
            self.ledger.finish(task.key)
            return None
        self._expect(proven, packet_commitment(packet), "packet")
        return messages.recv_packet(packet, _proof(proven), signer)

    async def _acknowledge(self, task: Task, height: int, signer: str) -> any_pb2.Any | None:
        packet, ack = task.entry.packet, task.entry.ack
        path = host.packet_ack_path(
            packet.destination_port, packet.destination_channel, packet.sequence
        )
        proven = await self.prover.prove(path, height)
        self._expect(proven, ack_commitment(ack), "acknowledgement")
        return messages.acknowledgement(packet, ack, _proof(proven), signer)

    async def _time_out(self, task: Task, height: int, signer: str) -> any_pb2.Any | None:
        packet = task.entry.packet
        head = await self.prover.verifier.header(height + 1)
        if not plan.expired(packet, head.ibc_height, head.time):
            return None
        proven = await self._reception(self.prover, task, height)
        if _received(task, proven):
            self.ledger.mark_received(task.key)
            return None
        return messages.timeout(packet, _next_sequence(task, proven), _proof(proven), signer)

    async def _time_out_on_close(self, task: Task, height: int, signer: str) -> any_pb2.Any | None:
        packet = task.entry.packet
        path = host.channel_path(packet.destination_port, packet.destination_channel)
        channel = await self.prover.prove(path, height)
        if channel_pb2.Channel.FromString(channel.value).state != CLOSED:
            return None
        proven = await self._reception(self.prover, task, height)
        if _received(task, proven):
            self.ledger.mark_received(task.key)
            return None
        following = _next_sequence(task, proven)
        return messages.timeout_on_close(packet, following, _proof(proven), channel.proof, signer)

    def _expect(self, proven: Proven, commitment: bytes, what: str) -> None:
        """What we read in events must be what the chain has committed to."""
        if proven.value != commitment:
            path, got = proven.key.decode(errors="replace"), proven.value.hex()
            raise VerificationFailed(
                self.prover.chain_id,
                proven.height.revision_height,
                f"{what} of {path}",
                f"expected commitment {commitment.hex()}, the chain has {got or 'none'}",
            )


_MAKERS: Final = {
    Action.RECEIVE: Advocate._receive,  # noqa: SLF001 - the class's own table
    Action.ACKNOWLEDGE: Advocate._acknowledge,  # noqa: SLF001
    Action.TIME_OUT: Advocate._time_out,  # noqa: SLF001
    Action.TIME_OUT_ON_CLOSE: Advocate._time_out_on_close,  # noqa: SLF001
}


def _received(task: Task, proven: Proven) -> bool:
    """A receipt, or on an ordered channel a next sequence beyond the packet's."""
    if task.entry.ordered:
        return int.from_bytes(proven.value, "big") > task.key.sequence
    return bool(proven.value)


def _next_sequence(task: Task, proven: Proven) -> int:
    """The destination's next receive sequence; where there is none any number but 0 is accepted."""
    return int.from_bytes(proven.value, "big") if task.entry.ordered else task.key.sequence


def _proof(proven: Proven) -> Proof:
    return Proof(proven.proof, proven.height)
