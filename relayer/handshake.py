"""Opening connections and channels, from whatever half-open state is there.

Each handshake is a table: what both ends are says whose turn it is and with which message. What
one end says is proven to the other; the state of both is read with proofs before every step.

Several handshakes go side by side: whatever is due on one chain travels in one transaction, in an order
in which each stands on the one before. So a channel begins while its connection is still being opened
(INIT needs no open connection, and TRY comes right behind the message that opens it).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.message import Message

from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from light_client import host
from light_client.values import Height
from relayer import messages
from relayer.client import TrackedClient, created
from relayer.endpoint import Endpoint
from relayer.errors import HandshakeError, VerificationFailed
from relayer.messages import ChannelSpec, Proof, SelfProof
from relayer.notices import HandshakeStep
from relayer.verified import Proven

M = TypeVar("M", bound=Message)


class Step(Enum):
    """A message of a handshake."""

    INIT = "init"
    TRY = "try"
    ACK = "ack"
    CONFIRM = "confirm"


NONE, INIT, TRYOPEN, OPEN, CLOSED = range(5)  # `State` of ICS-3 and ICS-4; absent is 0

# (state at a, state at b) -> (whose turn it is, the message); no entry: the ends do not fit together.
STEPS: Final[dict[tuple[int, int], tuple[str, Step] | None]] = {
    (NONE, NONE): ("a", Step.INIT),
    (INIT, NONE): ("b", Step.TRY),
    (NONE, INIT): ("a", Step.TRY),
    (INIT, TRYOPEN): ("a", Step.ACK),
    (TRYOPEN, INIT): ("b", Step.ACK),
    (OPEN, TRYOPEN): ("b", Step.CONFIRM),
    (TRYOPEN, OPEN): ("a", Step.CONFIRM),
    (OPEN, OPEN): None,
}


@dataclass(frozen=True, slots=True)
class Side:
    """One chain of a pair, with the client on it that tracks the other."""

    endpoint: Endpoint
    client: TrackedClient


@dataclass(frozen=True, slots=True)
class ChannelWish:
    """The channel to open: ports, a's version, and the order of its packets."""

    a_port: str
    b_port: str
    version: str
    ordered: bool = False


class ConnectionEnds:
    """The two ends of one connection while it is being opened; ids are "" until they exist."""

    kind = "connection"

    def __init__(self, a: Side, b: Side, a_id: str = "", b_id: str = "") -> None:
        self.sides = {"a": a, "b": b}
        self.ids = {"a": a_id, "b": b_id}

    def path(self, side: str) -> str:
        return host.connection_path(self.ids[side])

    async def state(self, side: str) -> tuple[int, Any, Proven | None]:
        """The state of an end, the end itself, and its proof."""
        return await _read(
            self.sides[side].endpoint, self.ids[side] and self.path(side), _CONNECTION
        )

    async def find_other(self, side: str, end: Any) -> str:
        """The other end's id: the one this end names, else one that names this end."""
        if end.counterparty.connection_id:
            return str(end.counterparty.connection_id)
        there = self.sides[_other(side)]
        for candidate in await there.endpoint.reader.client_connections(there.client.id):
            _, found, _ = await _read(there.endpoint, host.connection_path(candidate), _CONNECTION)
            if found is not None and found.counterparty.connection_id == self.ids[side]:
                return candidate
        return ""

    async def message(
        self, step: Step, side: str, other_end: Any, proof: Proven | None
    ) -> any_pb2.Any:
        here, there = self.sides[side], self.sides[_other(side)]
        signer = here.endpoint.address
        if step is Step.INIT or proof is None:
            return messages.connection_init(here.client.id, there.client.id, signer)
        told = Proof(proof.proof, proof.height)
        if step is Step.CONFIRM:
            return messages.connection_confirm(self.ids[side], told, signer)
        own = await _self_proof(there, proof.height)
        other_id = self.ids[_other(side)]
        if step is Step.TRY:
            return messages.connection_try(here.client.id, other_end, other_id, told, own, signer)
        return messages.connection_ack(self.ids[side], other_end, other_id, told, own, signer)


class ChannelEnds:
    """The two ends of one channel while it is being opened."""

    kind = "channel"

    def __init__(
        self,
        a: Side,
        b: Side,
        connections: Mapping[str, str],
        wish: ChannelWish,
        a_id: str = "",
        b_id: str = "",
    ) -> None:
        self.sides = {"a": a, "b": b}
        self.ids = {"a": a_id, "b": b_id}
        self.connections = connections  # by side; "" while they do not exist
        self.ports = {"a": wish.a_port, "b": wish.b_port}
        self._wish = wish

    def path(self, side: str) -> str:
        return host.channel_path(self.ports[side], self.ids[side])

    async def state(self, side: str) -> tuple[int, Any, Proven | None]:
        return await _read(self.sides[side].endpoint, self.ids[side] and self.path(side), _CHANNEL)

    async def find_other(self, side: str, end: Any) -> str:
        if end.counterparty.channel_id:
            return str(end.counterparty.channel_id)
        other = _other(side)
        wanted = (self.ports[other], self.ports[side], self.ids[side])
        for channel in await self.sides[other].endpoint.reader.channels(self.connections[other]):
            counterparty = channel.counterparty
            if (channel.port_id, counterparty.port_id, counterparty.channel_id) == wanted:
                return str(channel.channel_id)
        return ""

    async def message(
        self, step: Step, side: str, other_end: Any, proof: Proven | None
    ) -> any_pb2.Any:
        signer = self.sides[side].endpoint.address
        if step is Step.INIT or proof is None:
            return messages.channel_init(self._spec(side, self._wish.version), signer)
        told = Proof(proof.proof, proof.height)
        port, own_id, other_id = self.ports[side], self.ids[side], self.ids[_other(side)]
        if step is Step.TRY:
            spec = self._spec(side, other_end.version, ordered=_is_ordered(other_end))
            return messages.channel_try(spec, other_end.version, told, signer)
        if step is Step.ACK:
            return messages.channel_ack(port, own_id, other_id, other_end.version, told, signer)
        return messages.channel_confirm(port, own_id, told, signer)

    def _spec(self, side: str, version: str, *, ordered: bool | None = None) -> ChannelSpec:
        other = _other(side)
        return ChannelSpec(
            port=self.ports[side],
            counterparty_port=self.ports[other],
            counterparty_channel=self.ids[other],
            connection=self.connections[side],
            version=version,
            ordered=self._wish.ordered if ordered is None else ordered,
        )


Ends = ConnectionEnds | ChannelEnds


@dataclass(frozen=True, slots=True)
class Turn:
    """A step that is due, and what the other end says."""

    ends: Ends
    side: str
    step: Step
    other_end: Any
    proof: Proven | None


async def open_together(parts: Sequence[Ends]) -> None:
    """Take handshakes to their end; a connection comes before the channels over it.

    Raises HandshakeError when ends cannot be joined, and what a transaction raises.
    """
    while True:
        turns = await asyncio.gather(*(_turn(ends) for ends in parts))
        due = [turn for turn in turns if turn is not None]
        if not due:
            return
        ready = _ready(due)
        await asyncio.gather(
            *(_take([turn for turn in ready if turn.side == side]) for side in "ab")
        )


async def _turn(ends: Ends) -> Turn | None:
    """Whose turn it is and with what; None when both ends are open."""
    found = {side: await ends.state(side) for side in "ab"}
    for side in "ab":
        other = _other(side)
        if found[side][1] is not None and not ends.ids[other]:
            ends.ids[other] = await ends.find_other(side, found[side][1])
            found[other] = await ends.state(other)
    states = (found["a"][0], found["b"][0])
    if states not in STEPS:
        names = " and ".join(f"{ends.ids[side]} in state {found[side][0]}" for side in "ab")
        raise HandshakeError(f"{ends.kind} ends do not fit together: {names}")
    due = STEPS[states]
    if due is None:
        return None
    side, step = due
    _, other_end, proof = found[_other(side)]
    return Turn(ends, side, step, other_end, proof)


def _ready(due: Sequence[Turn]) -> list[Turn]:
    """The turns that can be taken now: a channel's TRY only behind what opens its connection there."""
    connecting = {turn.side: turn.step for turn in due if isinstance(turn.ends, ConnectionEnds)}

    def is_ready(turn: Turn) -> bool:
        if isinstance(turn.ends, ConnectionEnds) or not connecting:
            return True
        opens = connecting.get(turn.side) in {Step.ACK, Step.CONFIRM}
        return opens and bool(turn.ends.connections[turn.side])

    return [turn for turn in due if is_ready(turn)]


async def close_channel(ends: ChannelEnds) -> None:
    """Close the end at a (when it is open), then prove that to b."""
    a, b = ends.sides["a"], ends.sides["b"]
    if (await ends.state("a"))[0] == OPEN:
        close = messages.channel_close_init(ends.ports["a"], ends.ids["a"], a.endpoint.address)
        await a.endpoint.submit([close])
        _report(ends, "a", "close_init")
    state, _, proof = await ends.state("a")
    if state != CLOSED or proof is None:
        raise HandshakeError(f"{ends.ids['a']} on {a.endpoint.chain_id} did not close")
    if (await ends.state("b"))[0] == OPEN:
        signer = b.endpoint.address
        update = await b.client.update(proof.height, signer)
        close = messages.channel_close_confirm(
            ends.ports["b"], ends.ids["b"], Proof(proof.proof, proof.height), signer
        )
        await b.endpoint.submit([*update, close])
        b.client.confirm(proof.height)
        _report(ends, "b", "close_confirm")


async def _take(turns: Sequence[Turn]) -> None:
    """Make the steps of one chain in one transaction: the client first, since proofs are newer than it."""
    if not turns:
        return
    side = turns[0].side
    here = turns[0].ends.sides[side]
    heights = sorted({turn.proof.height for turn in turns if turn.proof is not None})
    updates: list[any_pb2.Any] = []
    for height in heights:
        updates += await here.client.update(height, here.endpoint.address)
    steps = [await turn.ends.message(turn.step, side, turn.other_end, turn.proof) for turn in turns]
    outcome = await here.endpoint.submit([*updates, *steps])
    for height in heights:
        here.client.confirm(height)
    for kind, step in dict.fromkeys((turn.ends.kind, turn.step) for turn in turns):
        same = [turn.ends for turn in turns if (turn.ends.kind, turn.step) == (kind, step)]
        if step in {Step.INIT, Step.TRY}:
            ids = created(outcome.included, f"{kind}_open_{step.value}", f"{kind}_id")
            for ends, made in zip(same, ids, strict=True):
                ends.ids[side] = made
        for ends in same:
            _report(ends, side, f"{kind}_open_{step.value}")


def _report(ends: Ends, side: str, step: str) -> None:
    endpoint = ends.sides[side].endpoint
    port = ends.ports[side] if isinstance(ends, ChannelEnds) else ""
    endpoint.notices(HandshakeStep(endpoint.chain_id, step, ends.ids[side], port))


async def _read(
    endpoint: Endpoint, path: str, kind: type[M]
) -> tuple[int, M | None, Proven | None]:
    if not path:
        return NONE, None, None
    proven = await endpoint.prove(path)
    if not proven.value:
        return NONE, None, None
    try:
        end = kind.FromString(proven.value)
    except ProtobufError as error:
        height = proven.height.revision_height
        raise VerificationFailed(endpoint.chain_id, height, path, str(error)) from error
    return int(getattr(end, "state")), end, proven  # noqa: B009 - both kinds have it


async def _self_proof(prover: Side, height: Height) -> SelfProof:
    """What the prover's client says of the verifier, proven at the same height as the rest."""
    client, at = prover.client, height.revision_height - 1
    state = await prover.endpoint.prove(host.client_state_path(client.id), at)
    packed = any_pb2.Any.FromString(state.value)
    trusted = client.decode_state(state.value).latest_height
    path = host.consensus_state_path(client.id, trusted)
    consensus = await prover.endpoint.prove(path, at)
    return SelfProof(
        client_state=packed,
        client=Proof(state.proof, state.height),
        consensus=Proof(consensus.proof, consensus.height),
        consensus_height=trusted,
    )


def _is_ordered(channel: Any) -> bool:
    return bool(channel.ordering == channel_pb2.ORDER_ORDERED)


def _other(side: str) -> str:
    return "b" if side == "a" else "a"


_CONNECTION: Final = connection_pb2.ConnectionEnd
_CHANNEL: Final = channel_pb2.Channel
