"""04-channel: the channel handshake and closing (``ibc-go:modules/core/04-channel/keeper/handshake.go``).

Each step loads its end, checks its state, proves the state that the counterparty must have stored, writes its own and
says so. The application's callbacks are called between these, in ``server.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chain.context import Context
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.connections import (
    Connections,
    check_open,
    version_text,
    versions_text,
)
from chain.modules.ibc.errors import (
    CHANNEL_NOT_FOUND,
    INVALID_CHANNEL_STATE,
    INVALID_CONNECTION_VERSION,
    TOO_MANY_HOPS,
)
from chain.modules.ibc.store import (
    STORE,
    emit,
    enum_name,
    next_number,
    read_message,
    write_message,
    write_number,
)
from cosmos_pb.ibc.core.channel.v1 import channel_pb2 as pb
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from light_client import host
from light_client.values import Height

NEXT_SEQUENCE: Final = "nextChannelSequence"
SUBMODULE: Final = "channel"
_ENDS = "channelEnds/ports/"
_LIVE = frozenset({pb.STATE_INIT, pb.STATE_TRYOPEN, pb.STATE_OPEN})


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the handshake: from one of our states, given proof of theirs (None: nothing to prove), to our next."""

    before: frozenset[pb.State.ValueType]
    theirs: pb.State.ValueType | None
    after: pb.State.ValueType
    refusal: str


HANDSHAKE: Final = {
    "open_init": Step(frozenset(), None, pb.STATE_INIT, ""),
    "open_try": Step(frozenset(), pb.STATE_INIT, pb.STATE_TRYOPEN, ""),
    "open_ack": Step(
        frozenset({pb.STATE_INIT}),
        pb.STATE_TRYOPEN,
        pb.STATE_OPEN,
        "channel state should be INIT (got {})",
    ),
    "open_confirm": Step(
        frozenset({pb.STATE_TRYOPEN}),
        pb.STATE_OPEN,
        pb.STATE_OPEN,
        "channel state is not TRYOPEN (got {})",
    ),
    "close_init": Step(_LIVE, None, pb.STATE_CLOSED, "channel is already CLOSED"),
    "close_confirm": Step(_LIVE, pb.STATE_CLOSED, pb.STATE_CLOSED, "channel is already CLOSED"),
}


class Channels:
    """The channel keeper: ends and handshakes. Packets are in ``packets.py``."""

    def __init__(self, clients: Clients, connections: Connections) -> None:
        self._clients = clients
        self._connections = connections

    # Reading.

    def get(self, ctx: Context, port: str, channel_id: str) -> pb.Channel | None:
        return read_message(ctx, host.channel_path(port, channel_id), pb.Channel)

    def require(self, ctx: Context, port: str, channel_id: str) -> pb.Channel:
        """channel/3 when there is none."""
        channel = self.get(ctx, port, channel_id)
        if channel is None:
            raise CHANNEL_NOT_FOUND(f"port ID ({port}) channel ID ({channel_id})")
        return channel

    def set(self, ctx: Context, port: str, channel_id: str, channel: pb.Channel) -> None:
        write_message(ctx, host.channel_path(port, channel_id), channel)

    def all(self, ctx: Context, port_prefix: str = "") -> Iterator[pb.IdentifiedChannel]:
        for key, raw in ctx.kv(STORE).prefix(f"{_ENDS}{port_prefix}".encode()):
            yield identified(key, raw)

    # The handshake. ``prepare_*`` checks, ``write_*`` comes after the application's consent.

    def prepare_init(self, ctx: Context, order: pb.Order.ValueType, hops: Sequence[str]) -> str:
        end = self._connections.require(ctx, hops[0])
        _require_feature(end, order)
        self._clients.require_active(ctx, end.client_id, f"client ({end.client_id}) status is {{}}")
        return f"channel-{next_number(ctx, NEXT_SEQUENCE)}"

    def prepare_try(
        self,
        ctx: Context,
        order: pb.Order.ValueType,
        hops: Sequence[str],
        port: str,
        counterparty: pb.Counterparty,
        counterparty_version: str,
        proof: bytes,
        proof_height: Height,
    ) -> str:
        if len(hops) != 1:
            raise TOO_MANY_HOPS(f"expected 1, got {len(hops)}")
        channel_id = f"channel-{next_number(ctx, NEXT_SEQUENCE)}"
        end = self._connections.require_open(ctx, hops[0])
        _require_feature(end, order)
        theirs = channel_end(
            pb.STATE_INIT,
            order,
            pb.Counterparty(port_id=port),
            [end.counterparty.connection_id],
            counterparty_version,
        )
        self.verify(ctx, end, counterparty, theirs, proof, proof_height)
        return channel_id

    def write_opening(
        self,
        ctx: Context,
        message: str,
        port: str,
        channel_id: str,
        order: pb.Order.ValueType,
        hops: Sequence[str],
        counterparty: pb.Counterparty,
        version: str,
    ) -> None:
        """Store the new end of ``open_init`` or ``open_try`` with its three sequences at 1."""
        channel = channel_end(HANDSHAKE[message].after, order, counterparty, hops, version)
        write_number(ctx, host.next_sequence_send_path(port, channel_id), 1)
        write_number(ctx, host.next_sequence_recv_path(port, channel_id), 1)
        write_number(ctx, host.next_sequence_ack_path(port, channel_id), 1)
        self.set(ctx, port, channel_id, channel)
        _emit(ctx, message, port, channel_id, channel)

    def open_ack(
        self,
        ctx: Context,
        port: str,
        channel_id: str,
        counterparty_version: str,
        counterparty_channel_id: str,
        proof: bytes,
        proof_height: Height,
    ) -> None:
        channel, step = self._at_step(ctx, "open_ack", port, channel_id)
        channel.version = counterparty_version
        channel.counterparty.channel_id = counterparty_channel_id
        self._prove_and_write(ctx, "open_ack", step, port, channel_id, channel, proof, proof_height)

    def open_confirm(
        self, ctx: Context, port: str, channel_id: str, proof: bytes, proof_height: Height
    ) -> None:
        channel, step = self._at_step(ctx, "open_confirm", port, channel_id)
        self._prove_and_write(
            ctx, "open_confirm", step, port, channel_id, channel, proof, proof_height
        )

    def close_init(self, ctx: Context, port: str, channel_id: str) -> None:
        channel, step = self._at_step(ctx, "close_init", port, channel_id)
        end = self._connections.require(ctx, channel.connection_hops[0])
        self._clients.require_active(ctx, end.client_id, f"client ({end.client_id}) status is {{}}")
        check_open(end)
        channel.state = step.after
        self.set(ctx, port, channel_id, channel)
        _emit(ctx, "close_init", port, channel_id, channel)

    def close_confirm(
        self, ctx: Context, port: str, channel_id: str, proof: bytes, proof_height: Height
    ) -> None:
        channel, step = self._at_step(ctx, "close_confirm", port, channel_id)
        self._prove_and_write(
            ctx, "close_confirm", step, port, channel_id, channel, proof, proof_height
        )

    def close_after_timeout(
        self, ctx: Context, port: str, channel_id: str, channel: pb.Channel
    ) -> None:
        """An ordered channel ends with its first timeout."""
        channel.state = pb.STATE_CLOSED
        self.set(ctx, port, channel_id, channel)
        pairs = _identity(port, channel_id, channel)
        emit(
            ctx,
            SUBMODULE,
            "channel_close",
            *pairs,
            ("packet_channel_ordering", order_name(channel)),
        )

    # Proofs.

    def verify(
        self,
        ctx: Context,
        end: connection_pb2.ConnectionEnd,
        counterparty: pb.Counterparty,
        theirs: pb.Channel,
        proof: bytes,
        proof_height: Height,
    ) -> None:
        """That the counterparty stores exactly ``theirs``."""
        self._connections.verify(
            ctx,
            end,
            host.channel_path(counterparty.port_id, counterparty.channel_id),
            theirs.SerializeToString(deterministic=True),
            proof,
            proof_height,
            what="channel state",
            delayed=False,
        )

    # Parts.

    def _at_step(
        self, ctx: Context, message: str, port: str, channel_id: str
    ) -> tuple[pb.Channel, Step]:
        step = HANDSHAKE[message]
        channel = self.require(ctx, port, channel_id)
        if channel.state not in step.before:
            raise INVALID_CHANNEL_STATE(step.refusal.format(enum_name(pb.State, channel.state)))
        return channel, step

    def _prove_and_write(
        self,
        ctx: Context,
        message: str,
        step: Step,
        port: str,
        channel_id: str,
        channel: pb.Channel,
        proof: bytes,
        proof_height: Height,
    ) -> None:
        end = self._connections.require_open(ctx, channel.connection_hops[0])
        if step.theirs is not None:
            theirs = counterpart(step.theirs, port, channel_id, channel, end)
            self.verify(ctx, end, channel.counterparty, theirs, proof, proof_height)
        if message != "close_confirm":
            self.get(ctx, port, channel_id)  # ibc-go reads it once more before it writes, at a cost
        channel.state = step.after
        self.set(ctx, port, channel_id, channel)
        _emit(ctx, message, port, channel_id, channel)


def channel_end(
    state: pb.State.ValueType,
    order: pb.Order.ValueType,
    counterparty: pb.Counterparty,
    hops: Sequence[str],
    version: str,
) -> pb.Channel:
    """An end whose encoding is Go's: the counterparty is always written."""
    channel = pb.Channel(state=state, ordering=order, connection_hops=hops, version=version)
    channel.counterparty.port_id = counterparty.port_id
    channel.counterparty.channel_id = counterparty.channel_id
    return channel


def counterpart(
    state: pb.State.ValueType,
    port: str,
    channel_id: str,
    channel: pb.Channel,
    end: connection_pb2.ConnectionEnd,
) -> pb.Channel:
    """The end that the counterparty must have for ours to be ``channel``."""
    return channel_end(
        state,
        channel.ordering,
        pb.Counterparty(port_id=port, channel_id=channel_id),
        [end.counterparty.connection_id],
        channel.version,
    )


def identified(key: bytes, raw: bytes) -> pb.IdentifiedChannel:
    """A stored end (whole key) with the port and channel that its key names."""
    _, _, port, _, channel_id = key.decode().split("/")
    channel = pb.Channel.FromString(raw)
    found = pb.IdentifiedChannel(
        state=channel.state,
        ordering=channel.ordering,
        counterparty=channel.counterparty,
        connection_hops=channel.connection_hops,
        version=channel.version,
        port_id=port,
        channel_id=channel_id,
    )
    found.counterparty.SetInParent()
    return found


def order_name(channel: pb.Channel) -> str:
    return enum_name(pb.Order, channel.ordering)


def _require_feature(end: connection_pb2.ConnectionEnd, order: pb.Order.ValueType) -> None:
    if len(end.versions) != 1:
        raise INVALID_CONNECTION_VERSION(
            "single version must be negotiated on connection before opening channel, "
            f"got: {versions_text(end.versions)}"
        )
    feature = enum_name(pb.Order, order)
    if feature not in end.versions[0].features:
        raise INVALID_CONNECTION_VERSION(
            f"connection version {version_text(end.versions[0])} does not support "
            f"channel ordering: {feature}"
        )


def _identity(port: str, channel_id: str, channel: pb.Channel) -> list[tuple[str, str]]:
    return [
        ("port_id", port),
        ("channel_id", channel_id),
        ("counterparty_port_id", channel.counterparty.port_id),
        ("counterparty_channel_id", channel.counterparty.channel_id),
        ("connection_id", channel.connection_hops[0]),
    ]


def _emit(ctx: Context, message: str, port: str, channel_id: str, channel: pb.Channel) -> None:
    pairs = _identity(port, channel_id, channel)
    if message == "open_init":
        del pairs[3]  # nobody knows it yet
    if message in {"open_init", "open_try"}:
        pairs.append(("version", channel.version))
    emit(ctx, SUBMODULE, f"channel_{message}", *pairs)
