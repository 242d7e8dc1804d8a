"""03-connection: the handshake between two clients, and the proofs that go through a connection.

Follows ``ibc-go:modules/core/03-connection/keeper/{handshake,verify}.go``. Each step loads its end, checks its state,
proves the state that the counterparty must have stored, writes its own and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chain.context import Context
from chain.modules.ibc.clients import NO_DELAY, Clients, Delay
from chain.modules.ibc.errors import (
    CLIENT_NOT_FOUND,
    CONNECTION_NOT_FOUND,
    INVALID_CONNECTION_STATE,
    INVALID_CONNECTION_VERSION,
    VERSION_NEGOTIATION_FAILED,
    explaining,
)
from chain.modules.ibc.store import (
    PREFIX,
    STORE,
    emit,
    enum_name,
    next_number,
    read_message,
    write_message,
)
from cosmos_pb.ibc.core.connection.v1 import connection_pb2 as pb
from light_client import host
from light_client.client import block_delay
from light_client.values import Height

NEXT_SEQUENCE: Final = "nextConnectionSequence"
PARAMS: Final = "connectionParams"
DEFAULT_BLOCK_TIME: Final = 30_000_000_000
"""The expected time per block, in nanoseconds, from which a block delay is computed."""
FEATURES: Final = ("ORDER_ORDERED", "ORDER_UNORDERED")
_SUBMODULE = "connection"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the handshake: from our state, given proof of theirs, to our next state."""

    before: pb.State.ValueType
    theirs: pb.State.ValueType
    after: pb.State.ValueType


HANDSHAKE: Final = {
    "init": Step(
        pb.STATE_UNINITIALIZED_UNSPECIFIED, pb.STATE_UNINITIALIZED_UNSPECIFIED, pb.STATE_INIT
    ),
    "try": Step(pb.STATE_UNINITIALIZED_UNSPECIFIED, pb.STATE_INIT, pb.STATE_TRYOPEN),
    "ack": Step(pb.STATE_INIT, pb.STATE_TRYOPEN, pb.STATE_OPEN),
    "confirm": Step(pb.STATE_TRYOPEN, pb.STATE_OPEN, pb.STATE_OPEN),
}


def default_version() -> pb.Version:
    return pb.Version(identifier="1", features=FEATURES)


class Connections:
    """The connection keeper."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    # Reading.

    def get(self, ctx: Context, connection_id: str) -> pb.ConnectionEnd | None:
        return read_message(ctx, host.connection_path(connection_id), pb.ConnectionEnd)

    def require(self, ctx: Context, connection_id: str) -> pb.ConnectionEnd:
        """connection/3 when there is none."""
        end = self.get(ctx, connection_id)
        if end is None:
            raise CONNECTION_NOT_FOUND(connection_id)
        return end

    def require_open(self, ctx: Context, connection_id: str) -> pb.ConnectionEnd:
        """connection/3 when there is none, connection/6 when it is not open."""
        end = self.require(ctx, connection_id)
        check_open(end)
        return end

    def all(self, ctx: Context) -> Iterator[tuple[str, pb.ConnectionEnd]]:
        for key, raw in ctx.kv(STORE).prefix(b"connections/"):
            yield key.decode().removeprefix("connections/"), pb.ConnectionEnd.FromString(raw)

    def of_client(self, ctx: Context, client_id: str) -> list[str] | None:
        paths = read_message(ctx, host.client_connections_path(client_id), pb.ClientPaths)
        return None if paths is None else list(paths.paths)

    def params(self, ctx: Context) -> pb.Params:
        stored = read_message(ctx, PARAMS, pb.Params)
        return (
            pb.Params(max_expected_time_per_block=DEFAULT_BLOCK_TIME) if stored is None else stored
        )

    def set_params(self, ctx: Context, params: pb.Params) -> None:
        write_message(ctx, PARAMS, params)

    def set(self, ctx: Context, connection_id: str, end: pb.ConnectionEnd) -> None:
        write_message(ctx, host.connection_path(connection_id), end)

    # The handshake.

    def open_init(
        self,
        ctx: Context,
        client_id: str,
        counterparty: pb.Counterparty,
        version: pb.Version | None,
        delay_period: int,
    ) -> str:
        versions = [default_version() if version is None else version]
        if version is not None and not is_supported([default_version()], version):
            raise INVALID_CONNECTION_VERSION("version is not supported")
        self._clients.require_active(ctx, client_id, f"client ({client_id}) status is {{}}")
        connection_id = f"connection-{next_number(ctx, NEXT_SEQUENCE)}"
        self._add_to_client(ctx, client_id, connection_id)
        state = HANDSHAKE["init"].after
        end = connection_end(state, client_id, counterparty, versions, delay_period)
        self.set(ctx, connection_id, end)
        _emit(ctx, "init", connection_id, end)
        return connection_id

    def open_try(
        self,
        ctx: Context,
        client_id: str,
        counterparty: pb.Counterparty,
        delay_period: int,
        counterparty_versions: Sequence[pb.Version],
        proof: bytes,
        proof_height: Height,
    ) -> str:
        step = HANDSHAKE["try"]
        connection_id = f"connection-{next_number(ctx, NEXT_SEQUENCE)}"
        version = pick_version([default_version()], counterparty_versions)
        theirs = connection_end(
            step.theirs,
            counterparty.client_id,
            our_counterparty(client_id, ""),
            counterparty_versions,
            delay_period,
        )
        end = connection_end(step.after, client_id, counterparty, [version], delay_period)
        self._verify_connection(ctx, end, counterparty.connection_id, theirs, proof, proof_height)
        with explaining(
            f"failed to add connection with ID {connection_id} to client with ID {client_id}"
        ):
            self._add_to_client(ctx, client_id, connection_id)
        self.set(ctx, connection_id, end)
        _emit(ctx, "try", connection_id, end)
        return connection_id

    def open_ack(
        self,
        ctx: Context,
        connection_id: str,
        version: pb.Version,
        counterparty_connection_id: str,
        proof: bytes,
        proof_height: Height,
    ) -> None:
        end, step = self._at_step(ctx, "ack", connection_id)
        if not is_supported(end.versions, version):
            raise INVALID_CONNECTION_STATE(
                f"the counterparty selected version {version_text(version)} is not supported by "
                "versions selected on INIT"
            )
        theirs = _counterpart(step.theirs, connection_id, end, [version])
        self._verify_connection(ctx, end, counterparty_connection_id, theirs, proof, proof_height)
        end.state = step.after
        del end.versions[:]
        end.versions.append(version)
        end.counterparty.connection_id = counterparty_connection_id
        self.set(ctx, connection_id, end)
        _emit(ctx, "ack", connection_id, end)

    def open_confirm(
        self, ctx: Context, connection_id: str, proof: bytes, proof_height: Height
    ) -> None:
        end, step = self._at_step(ctx, "confirm", connection_id)
        theirs = _counterpart(step.theirs, connection_id, end, end.versions)
        self._verify_connection(
            ctx, end, end.counterparty.connection_id, theirs, proof, proof_height
        )
        end.state = step.after
        self.set(ctx, connection_id, end)
        _emit(ctx, "confirm", connection_id, end)

    # Proofs through a connection.

    def verify(
        self,
        ctx: Context,
        end: pb.ConnectionEnd,
        path: str,
        value: bytes,
        proof: bytes,
        height: Height,
        *,
        what: str,
        delayed: bool = True,
    ) -> None:
        """That the counterparty stores ``value`` under ``path``; ``what`` names it in the error."""
        with explaining(f"failed {what} verification for client ({end.client_id})"):
            self._clients.verify_membership(
                ctx,
                end.client_id,
                height,
                proof,
                _merkle_path(end, path),
                value,
                self._delay(ctx, end) if delayed else NO_DELAY,
            )

    def verify_absence(
        self,
        ctx: Context,
        end: pb.ConnectionEnd,
        path: str,
        proof: bytes,
        height: Height,
        *,
        what: str,
    ) -> None:
        """That the counterparty stores nothing under ``path``."""
        with explaining(f"failed {what} verification for client ({end.client_id})"):
            self._clients.verify_non_membership(
                ctx,
                end.client_id,
                height,
                proof,
                _merkle_path(end, path),
                self._delay(ctx, end),
            )

    # Parts.

    def _at_step(
        self, ctx: Context, message: str, connection_id: str
    ) -> tuple[pb.ConnectionEnd, Step]:
        step = HANDSHAKE[message]
        end = self.require(ctx, connection_id)
        if end.state != step.before:
            expected = pb.State.Name(step.before).removeprefix("STATE_")
            raise INVALID_CONNECTION_STATE(
                f"connection state is not {expected} (got {enum_name(pb.State, end.state)})"
            )
        return end, step

    def _verify_connection(
        self,
        ctx: Context,
        end: pb.ConnectionEnd,
        connection_id: str,
        theirs: pb.ConnectionEnd,
        proof: bytes,
        proof_height: Height,
    ) -> None:
        self.verify(
            ctx,
            end,
            host.connection_path(connection_id),
            theirs.SerializeToString(deterministic=True),
            proof,
            proof_height,
            what="connection state",
            delayed=False,
        )

    def _add_to_client(self, ctx: Context, client_id: str, connection_id: str) -> None:
        if self._clients.state(ctx, client_id) is None:
            raise CLIENT_NOT_FOUND(client_id)
        paths = [*(self.of_client(ctx, client_id) or ()), connection_id]
        write_message(ctx, host.client_connections_path(client_id), pb.ClientPaths(paths=paths))

    def _delay(self, ctx: Context, end: pb.ConnectionEnd) -> Delay:
        block_time = self.params(ctx).max_expected_time_per_block
        if not end.delay_period:
            return NO_DELAY
        return Delay(end.delay_period, block_delay(end.delay_period, block_time))


def check_open(end: pb.ConnectionEnd) -> None:
    """connection/6 when it is not open."""
    if end.state != pb.STATE_OPEN:
        raise INVALID_CONNECTION_STATE(
            f"connection state is not OPEN (got {enum_name(pb.State, end.state)})"
        )


def connection_end(
    state: pb.State.ValueType,
    client_id: str,
    counterparty: pb.Counterparty,
    versions: Sequence[pb.Version],
    delay_period: int,
) -> pb.ConnectionEnd:
    """An end whose encoding is Go's: counterparty and prefix are always written."""
    end = pb.ConnectionEnd(
        client_id=client_id,
        versions=versions,
        state=state,
        counterparty=counterparty,
        delay_period=delay_period,
    )
    end.counterparty.prefix.SetInParent()
    return end


def our_counterparty(client_id: str, connection_id: str) -> pb.Counterparty:
    """What the counterparty stores about us."""
    ours = pb.Counterparty(client_id=client_id, connection_id=connection_id)
    ours.prefix.key_prefix = PREFIX
    return ours


def is_supported(supported: Sequence[pb.Version], proposed: pb.Version) -> bool:
    """Whether our version of that identifier has every proposed feature, of which there must be one."""
    ours = next((one for one in supported if one.identifier == proposed.identifier), None)
    if ours is None or not proposed.features:
        return False
    return set(proposed.features) <= set(ours.features)


def pick_version(supported: Sequence[pb.Version], counterparty: Sequence[pb.Version]) -> pb.Version:
    """The first of ours that they have too, with the features both have; connection/10 when there is none."""
    for ours in supported:
        theirs = next((one for one in counterparty if one.identifier == ours.identifier), None)
        features = [feature for feature in ours.features if theirs and feature in theirs.features]
        if features:
            return pb.Version(identifier=ours.identifier, features=features)
    raise VERSION_NEGOTIATION_FAILED(
        f"failed to find a matching counterparty version ({versions_text(counterparty)}) "
        f"from the supported version list ({versions_text(supported)})"
    )


def version_text(version: pb.Version) -> str:
    """A version in gogoproto's one-line text form."""
    features = "".join(f'features:"{feature}" ' for feature in version.features)
    return f'identifier:"{version.identifier}" {features}'


def versions_text(versions: Sequence[pb.Version]) -> str:
    return f"[{' '.join(map(version_text, versions))}]"


def _counterpart(
    state: pb.State.ValueType,
    connection_id: str,
    end: pb.ConnectionEnd,
    versions: Sequence[pb.Version],
) -> pb.ConnectionEnd:
    return connection_end(
        state,
        end.counterparty.client_id,
        our_counterparty(end.client_id, connection_id),
        versions,
        end.delay_period,
    )


def _merkle_path(end: pb.ConnectionEnd, path: str) -> tuple[bytes, bytes]:
    return end.counterparty.prefix.key_prefix, path.encode()


def _emit(ctx: Context, step: str, connection_id: str, end: pb.ConnectionEnd) -> None:
    pairs = [
        ("connection_id", connection_id),
        ("client_id", end.client_id),
        ("counterparty_client_id", end.counterparty.client_id),
    ]
    if step != "init":
        pairs.append(("counterparty_connection_id", end.counterparty.connection_id))
    emit(ctx, _SUBMODULE, f"connection_open_{step}", *pairs)
