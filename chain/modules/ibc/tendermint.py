"""07-tendermint on a chain: where its states and their metadata lie; what they mean is ``light_client.client``'s.

Layout of ``ibc-go:modules/light-clients/07-tendermint/store.go``, all under ``clients/{id}/``: ``clientState``,
``consensusStates/{height}`` with ``/processedTime`` (eight bytes, nanoseconds) and ``/processedHeight`` (text), and
``iterateConsensusStates`` + big-endian height, which keeps them in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeVar

from chain.context import Context
from chain.modules.ibc.clients import Delay
from chain.modules.ibc.errors import (
    CLIENT_NOT_FOUND,
    CONSENSUS_STATE_NOT_FOUND,
    INVALID_CLIENT_TYPE,
)
from chain.modules.ibc.store import STORE, self_height
from cosmos_pb.google.protobuf import any_pb2
from light_client import client as tm
from light_client import host
from light_client.client import ClientMessage, ClientState, ConsensusState
from light_client.codec import from_any, parse, to_any
from light_client.message import ClientHeader, Misbehaviour
from light_client.values import ZERO_HEIGHT, Height

_URL = "/ibc.lightclients.tendermint.v1."
_MESSAGES_CACHED = 64
_STATES_CACHED = 1024

T = TypeVar("T")


class Tendermint:
    """The LightClient of CometBFT chains."""

    client_type: Final = "07-tendermint"
    client_state_url: Final = f"{_URL}ClientState"
    consensus_state_url: Final = f"{_URL}ConsensusState"
    message_urls: Final = (f"{_URL}Header", f"{_URL}Misbehaviour")

    # Stateless checks.

    def validate_client_state(self, packed: any_pb2.Any) -> None:
        _expect(ClientState, from_any(packed)).validate()

    def validate_consensus_state(self, packed: any_pb2.Any) -> None:
        _expect(ConsensusState, from_any(packed)).validate_basic()

    def validate_message(self, packed: any_pb2.Any) -> None:
        _message(packed).validate_basic()

    # States.

    def initialize(
        self,
        ctx: Context,
        client_id: str,
        client_state: any_pb2.Any,
        consensus_state: any_pb2.Any,
    ) -> None:
        state = _expect(ClientState, from_any(client_state))
        state.validate()
        consensus = _expect(ConsensusState, from_any(consensus_state))
        consensus.validate_basic()
        _write_client(ctx, client_id, state)
        _write_consensus(ctx, client_id, state.latest_height, consensus)

    def status(self, ctx: Context, client_id: str) -> str:
        state = _read_client(ctx, client_id)
        return tm.status(state, StoredHistory(ctx, client_id), ctx.time).value

    def latest_height(self, ctx: Context, client_id: str) -> Height:
        state = _read_client(ctx, client_id)
        return ZERO_HEIGHT if state is None else state.latest_height

    def timestamp_at(self, ctx: Context, client_id: str, height: Height) -> int:
        _require_client(ctx, client_id)
        consensus = StoredHistory(ctx, client_id).get(height)
        if consensus is None:
            raise CONSENSUS_STATE_NOT_FOUND(f"height ({height})")
        return consensus.timestamp.ns

    # Updates.

    def verify_message(self, ctx: Context, client_id: str, packed: any_pb2.Any) -> None:
        state = _require_client(ctx, client_id)
        history = StoredHistory(ctx, client_id)
        tm.verify_client_message(state, history, _message(packed), ctx.time)

    def is_misbehaviour(self, ctx: Context, client_id: str, packed: any_pb2.Any) -> bool:
        state = _require_client(ctx, client_id)
        history = StoredHistory(ctx, client_id)
        return tm.check_for_misbehaviour(state, history, _message(packed))

    def freeze(self, ctx: Context, client_id: str) -> None:
        _write_client(ctx, client_id, tm.freeze(_require_client(ctx, client_id)))

    def update(
        self, ctx: Context, client_id: str, packed: any_pb2.Any, *, prune: bool
    ) -> list[Height]:
        state = _require_client(ctx, client_id)
        message = _message(packed)
        if prune and isinstance(message, ClientHeader):
            _prune_oldest(ctx, client_id, state)
        update = tm.update_state(state, StoredHistory(ctx, client_id), message)
        if update.consensus_state is not None:
            _write_client(ctx, client_id, update.client_state)
            _write_consensus(ctx, client_id, update.heights[0], update.consensus_state)
        return list(update.heights)

    def recover(self, ctx: Context, subject_id: str, substitute_id: str) -> None:
        substitute_type, _ = host.parse_client_id(substitute_id)
        if substitute_type != self.client_type:
            raise INVALID_CLIENT_TYPE(f"expected: {self.client_type}, got: {substitute_type}")
        recovery = tm.recover(
            (_require_client(ctx, subject_id), StoredHistory(ctx, subject_id)),
            (_require_client(ctx, substitute_id), StoredHistory(ctx, substitute_id)),
            ctx.time,
        )
        _write_client(ctx, subject_id, recovery.client_state)
        _write_consensus(
            ctx,
            subject_id,
            recovery.height,
            recovery.consensus_state,
            processed=(recovery.processed_time_ns, recovery.processed_height),
        )

    def upgrade(
        self,
        ctx: Context,
        client_id: str,
        client_state: any_pb2.Any,
        consensus_state: any_pb2.Any,
        proof_client: bytes,
        proof_consensus: bytes,
    ) -> None:
        upgraded = (
            _expect(ClientState, from_any(client_state)),
            _expect(ConsensusState, from_any(consensus_state)),
        )
        state = _require_client(ctx, client_id)
        history = StoredHistory(ctx, client_id)
        update = tm.verify_upgrade_and_update(
            state, history, upgraded, proof_client, proof_consensus
        )
        _write_client(ctx, client_id, update.client_state)
        if update.consensus_state is not None:
            _write_consensus(ctx, client_id, update.heights[0], update.consensus_state)

    # Proofs.

    def verify_membership(
        self,
        ctx: Context,
        client_id: str,
        height: Height,
        delay: Delay,
        proof: bytes,
        path: Sequence[bytes],
        value: bytes,
    ) -> None:
        tm.verify_membership(
            _require_client(ctx, client_id),
            StoredHistory(ctx, client_id),
            height,
            delay.time,
            delay.blocks,
            proof,
            path,
            value,
            ctx.time.ns,
            self_height(ctx),
        )

    def verify_non_membership(
        self,
        ctx: Context,
        client_id: str,
        height: Height,
        delay: Delay,
        proof: bytes,
        path: Sequence[bytes],
    ) -> None:
        tm.verify_non_membership(
            _require_client(ctx, client_id),
            StoredHistory(ctx, client_id),
            height,
            delay.time,
            delay.blocks,
            proof,
            path,
            ctx.time.ns,
            self_height(ctx),
        )


class StoredHistory:
    """The consensus states of a client as ``light_client.client.History``."""

    __slots__ = ("_client_id", "_ctx")

    def __init__(self, ctx: Context, client_id: str) -> None:
        self._ctx = ctx
        self._client_id = client_id

    def get(self, height: Height, /) -> ConsensusState | None:
        path = host.consensus_state_path(self._client_id, height)
        raw = self._ctx.kv(STORE).get(path.encode())
        return _consensus_state(raw) if raw else None

    def previous(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        """The one at the greatest stored height below."""
        start = _iteration_prefix(self._client_id)
        end = host.iterate_consensus_key(self._client_id, height)
        return self._first(start, end, reverse=True)

    def next(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        """The one at the least stored height above."""
        start = host.iterate_consensus_key(self._client_id, height) + b"\0"
        end = _iteration_prefix(self._client_id) + b"\xff" * 17
        return self._first(start, end)

    def oldest(self) -> tuple[Height, ConsensusState] | None:
        start = _iteration_prefix(self._client_id)
        return self._first(start, start + b"\xff" * 17)

    def processed(self, height: Height, /) -> tuple[int | None, Height | None] | None:
        """Our time (ns) and height when the consensus state was stored."""
        kv = self._ctx.kv(STORE)
        time = kv.get(host.processed_time_path(self._client_id, height).encode())
        at = kv.get(host.processed_height_path(self._client_id, height).encode())
        return (
            int.from_bytes(time, "big") if time else None,
            host.parse_height(at.decode()) if at else None,
        )

    def _first(
        self, start: bytes, end: bytes, *, reverse: bool = False
    ) -> tuple[Height, ConsensusState] | None:
        for key, _ in self._ctx.kv(STORE).iterate(start, end, reverse=reverse):
            number, height = key[-16:-8], key[-8:]
            found = Height(int.from_bytes(number, "big"), int.from_bytes(height, "big"))
            consensus = self.get(found)
            return None if consensus is None else (found, consensus)
        return None


def _prune_oldest(ctx: Context, client_id: str, state: ClientState) -> None:
    """Delete the oldest consensus state when it is expired: at most one per update."""
    oldest = StoredHistory(ctx, client_id).oldest()
    if oldest is None or not tm.is_expired(oldest[1], state.trusting_period_ns, ctx.time):
        return
    kv, height = ctx.kv(STORE), oldest[0]
    kv.delete(host.consensus_state_path(client_id, height).encode())
    kv.delete(host.processed_time_path(client_id, height).encode())
    kv.delete(host.processed_height_path(client_id, height).encode())
    kv.delete(host.iterate_consensus_key(client_id, height))


def _read_client(ctx: Context, client_id: str) -> ClientState | None:
    raw = ctx.kv(STORE).get(host.client_state_path(client_id).encode())
    return _client_state(raw) if raw else None


def _require_client(ctx: Context, client_id: str) -> ClientState:
    state = _read_client(ctx, client_id)
    if state is None:
        raise CLIENT_NOT_FOUND(client_id)
    return state


def _write_client(ctx: Context, client_id: str, state: ClientState) -> None:
    ctx.kv(STORE).set(host.client_state_path(client_id).encode(), _packed(state))


def _write_consensus(
    ctx: Context,
    client_id: str,
    height: Height,
    consensus: ConsensusState,
    processed: tuple[int, Height] | None = None,
) -> None:
    """A consensus state with its metadata; ``processed`` (ns, height) is now unless given."""
    time, at = processed or (ctx.time.ns, self_height(ctx))
    kv, path = ctx.kv(STORE), host.consensus_state_path(client_id, height)
    kv.set(path.encode(), _packed(consensus))
    kv.set(host.processed_time_path(client_id, height).encode(), time.to_bytes(8, "big"))
    kv.set(host.processed_height_path(client_id, height).encode(), str(at).encode())
    relative = path.removeprefix(f"clients/{client_id}/")
    kv.set(host.iterate_consensus_key(client_id, height), relative.encode())


def _iteration_prefix(client_id: str) -> bytes:
    return host.iterate_consensus_key(client_id, ZERO_HEIGHT)[:-16]


def _packed(state: ClientState | ConsensusState) -> bytes:
    return to_any(state).SerializeToString(deterministic=True)


def _message(packed: any_pb2.Any) -> ClientMessage:
    return _decoded_message(packed.type_url, packed.value)


@lru_cache(maxsize=_MESSAGES_CACHED)
def _decoded_message(url: str, value: bytes) -> ClientMessage:
    """Headers are large and each is looked at several times, in the mempool and in the block."""
    message = from_any(any_pb2.Any(type_url=url, value=value))
    if not isinstance(message, ClientHeader | Misbehaviour):
        raise INVALID_CLIENT_TYPE(f"{url} is no message of a client")
    return message


@lru_cache(maxsize=_STATES_CACHED)
def _client_state(raw: bytes) -> ClientState:
    return _expect(ClientState, from_any(parse(any_pb2.Any, raw)))


@lru_cache(maxsize=_STATES_CACHED)
def _consensus_state(raw: bytes) -> ConsensusState:
    return _expect(ConsensusState, from_any(parse(any_pb2.Any, raw)))


def _expect(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise INVALID_CLIENT_TYPE(f"expected {kind.__name__}, got {type(value).__name__}")
    return value
