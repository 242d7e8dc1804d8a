"""02-client: clients of other chains, by type (``ibc-go:modules/core/02-client/keeper``).

What a client believes is decided by its LightClient, found by the type in its identifier. Everything a client keeps
lies under ``clients/{id}/``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from chain.context import Context
from chain.modules.ibc.errors import (
    CLIENT_INVALID_HEIGHT,
    CLIENT_NOT_ACTIVE,
    CLIENT_ROUTE_NOT_FOUND,
    IBC_UNPACK_ANY,
    INVALID_CLIENT_TYPE,
    INVALID_RECOVERY_CLIENT,
    explaining,
)
from chain.modules.ibc.store import STORE, emit, next_number, read_message, write_message
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2
from light_client import host
from light_client.errors import IdentifierError
from light_client.values import ZERO_HEIGHT, Height

ACTIVE: Final = "Active"
UNKNOWN: Final = "Unknown"
UNAUTHORIZED: Final = "Unauthorized"
NEXT_SEQUENCE: Final = "nextClientSequence"
PARAMS: Final = "clientParams"
_SUBMODULE = "client"


@dataclass(frozen=True, slots=True)
class Delay:
    """How long a consensus state must be known before a packet may be proven with it: nanoseconds and blocks."""

    time: int = 0
    blocks: int = 0


NO_DELAY: Final = Delay()


class LightClient(Protocol):
    """One type of client. States and messages arrive packed, as transactions carry them; without URLs none do."""

    @property
    def client_type(self) -> str: ...
    @property
    def client_state_url(self) -> str: ...
    @property
    def consensus_state_url(self) -> str: ...
    @property
    def message_urls(self) -> Collection[str]: ...

    def validate_client_state(self, packed: any_pb2.Any) -> None: ...
    def validate_consensus_state(self, packed: any_pb2.Any) -> None: ...
    def validate_message(self, packed: any_pb2.Any) -> None: ...

    def initialize(
        self,
        ctx: Context,
        client_id: str,
        client_state: any_pb2.Any,
        consensus_state: any_pb2.Any,
    ) -> None: ...
    def status(self, ctx: Context, client_id: str) -> str: ...
    def latest_height(self, ctx: Context, client_id: str) -> Height: ...
    def timestamp_at(self, ctx: Context, client_id: str, height: Height) -> int:
        """Nanoseconds since 1970 of the consensus state at ``height``; client/7 when there is none."""
        ...

    def verify_message(self, ctx: Context, client_id: str, packed: any_pb2.Any) -> None: ...
    def is_misbehaviour(self, ctx: Context, client_id: str, packed: any_pb2.Any) -> bool: ...
    def freeze(self, ctx: Context, client_id: str) -> None: ...
    def update(
        self, ctx: Context, client_id: str, packed: any_pb2.Any, *, prune: bool
    ) -> list[Height]: ...
    def verify_membership(
        self,
        ctx: Context,
        client_id: str,
        height: Height,
        delay: Delay,
        proof: bytes,
        path: Sequence[bytes],
        value: bytes,
    ) -> None: ...
    def verify_non_membership(
        self,
        ctx: Context,
        client_id: str,
        height: Height,
        delay: Delay,
        proof: bytes,
        path: Sequence[bytes],
    ) -> None: ...
    def recover(self, ctx: Context, subject_id: str, substitute_id: str) -> None: ...
    def upgrade(
        self,
        ctx: Context,
        client_id: str,
        client_state: any_pb2.Any,
        consensus_state: any_pb2.Any,
        proof_client: bytes,
        proof_consensus: bytes,
    ) -> None: ...


class Clients:
    """The client keeper."""

    def __init__(self, light_clients: Iterable[LightClient]) -> None:
        self.types: Mapping[str, LightClient] = {one.client_type: one for one in light_clients}
        self._by_url = {
            url: one
            for one in self.types.values()
            for url in (one.client_state_url, one.consensus_state_url, *one.message_urls)
            if url
        }

    # Routing.

    def of_packed(self, packed: any_pb2.Any) -> LightClient:
        """The type that a packed state or message belongs to; ibc/14 when none does."""
        if not packed.type_url:
            raise IBC_UNPACK_ANY("protobuf Any message cannot be nil")
        found = self._by_url.get(packed.type_url)
        if found is None:
            raise IBC_UNPACK_ANY(f"no concrete type registered for type URL {packed.type_url}")
        return found

    def of_client(self, ctx: Context, client_id: str) -> LightClient:
        """The type of an existing or coming client; client/10 when parameters forbid it."""
        with explaining(f"unable to parse client identifier {client_id}"):
            client_type, _ = host.parse_client_id(client_id)
        if not self._is_allowed(ctx, client_type):
            raise INVALID_CLIENT_TYPE(
                f"client ({client_id}) type {client_type} is not in the allowed client list"
            )
        found = self.types.get(client_type)
        if found is None:
            raise CLIENT_ROUTE_NOT_FOUND(client_id)
        return found

    # Reading.

    def state(self, ctx: Context, client_id: str) -> any_pb2.Any | None:
        return read_message(ctx, host.client_state_path(client_id), any_pb2.Any)

    def consensus_state(self, ctx: Context, client_id: str, height: Height) -> any_pb2.Any | None:
        return read_message(ctx, host.consensus_state_path(client_id, height), any_pb2.Any)

    def status(self, ctx: Context, client_id: str) -> str:
        light_client = self._allowed(ctx, client_id)
        return light_client.status(ctx, client_id) if light_client else UNAUTHORIZED

    def latest_height(self, ctx: Context, client_id: str) -> Height:
        light_client = self._allowed(ctx, client_id)
        return light_client.latest_height(ctx, client_id) if light_client else ZERO_HEIGHT

    def timestamp_at(self, ctx: Context, client_id: str, height: Height) -> int:
        return self.of_client(ctx, client_id).timestamp_at(ctx, client_id, height)

    def params(self, ctx: Context) -> client_pb2.Params:
        stored = read_message(ctx, PARAMS, client_pb2.Params)
        return client_pb2.Params(allowed_clients=["*"]) if stored is None else stored

    def set_params(self, ctx: Context, params: client_pb2.Params) -> None:
        write_message(ctx, PARAMS, params)

    def creator(self, ctx: Context, client_id: str) -> bytes:
        return ctx.kv(STORE).get(_creator_key(client_id)) or b""

    def set_creator(self, ctx: Context, client_id: str, creator: bytes) -> None:
        """Remember who made the client; no creator removes the entry."""
        if creator:
            ctx.kv(STORE).set(_creator_key(client_id), creator)
        else:
            ctx.kv(STORE).delete(_creator_key(client_id))

    def require_active(self, ctx: Context, client_id: str, description: str) -> None:
        """client/29 with ``description`` (``{}`` is the status) unless the client is active."""
        _require_active(self.status(ctx, client_id), description)

    # Changing.

    def create(
        self, ctx: Context, client_state: any_pb2.Any, consensus_state: any_pb2.Any, creator: bytes
    ) -> str:
        client_type = self.of_packed(client_state).client_type
        client_id = f"{client_type}-{next_number(ctx, NEXT_SEQUENCE)}"
        light_client = self.of_client(ctx, client_id)
        with explaining():
            light_client.initialize(ctx, client_id, client_state, consensus_state)
        status = light_client.status(ctx, client_id)
        _require_active(status, f"cannot create client ({client_id}) with status {{}}")
        height = light_client.latest_height(ctx, client_id)
        self._emit(ctx, "create_client", client_id, ("consensus_height", str(height)))
        self.set_creator(ctx, client_id, creator)
        return client_id

    def update(self, ctx: Context, client_id: str, message: any_pb2.Any) -> None:
        light_client = self._for_message(ctx, client_id, message)
        status = light_client.status(ctx, client_id)
        _require_active(status, f"cannot update client ({client_id}) with status {{}}")
        with explaining():
            light_client.verify_message(ctx, client_id, message)
            if light_client.is_misbehaviour(ctx, client_id, message):
                light_client.freeze(ctx, client_id)
                self._emit(ctx, "client_misbehaviour", client_id)
                return
            heights = light_client.update(ctx, client_id, message, prune=True)
        self._emit(
            ctx,
            "update_client",
            client_id,
            ("consensus_height", str(heights[0]) if heights else ""),
            ("consensus_heights", ",".join(map(str, heights))),
            ("header", message.SerializeToString(deterministic=True).hex()),
        )

    def rehearse_update(
        self, ctx: Context, client_id: str, message: any_pb2.Any, *, verify: bool
    ) -> None:
        """An update in the mempool: no pruning, no misbehaviour, no event (``ante.go`` updateClientCheckTx)."""
        self.require_active(ctx, client_id, f"cannot update client ({client_id}) with status {{}}")
        light_client = self._for_message(ctx, client_id, message)
        with explaining():
            if verify:
                light_client.verify_message(ctx, client_id, message)
            light_client.update(ctx, client_id, message, prune=False)

    def upgrade(
        self,
        ctx: Context,
        client_id: str,
        client_state: any_pb2.Any,
        consensus_state: any_pb2.Any,
        proof_client: bytes,
        proof_consensus: bytes,
    ) -> None:
        light_client = self.of_client(ctx, client_id)
        status = light_client.status(ctx, client_id)
        _require_active(status, f"cannot upgrade client ({client_id}) with status {{}}")
        with explaining(f"cannot upgrade client with ID {client_id}"):
            light_client.upgrade(
                ctx, client_id, client_state, consensus_state, proof_client, proof_consensus
            )
        height = light_client.latest_height(ctx, client_id)
        self._emit(ctx, "upgrade_client", client_id, ("consensus_height", str(height)))

    def recover(self, ctx: Context, subject_id: str, substitute_id: str) -> None:
        light_client = self.of_client(ctx, subject_id)
        status = light_client.status(ctx, subject_id)
        if status == ACTIVE:
            raise INVALID_RECOVERY_CLIENT(
                f"cannot recover subject client ({subject_id}) with status {status}"
            )
        status = light_client.status(ctx, substitute_id)
        if status != ACTIVE:
            raise CLIENT_NOT_ACTIVE(
                f"cannot recover client using substitute client ({substitute_id}) "
                f"with status {status}"
            )
        _require_newer(light_client, ctx, subject_id, substitute_id)
        with explaining():
            light_client.recover(ctx, subject_id, substitute_id)
        client_type, _ = host.parse_client_id(subject_id)
        pairs = (("subject_client_id", subject_id), ("client_type", client_type))
        emit(ctx, _SUBMODULE, "recover_client", *pairs)

    # Proofs.

    def verify_membership(
        self,
        ctx: Context,
        client_id: str,
        height: Height,
        proof: bytes,
        path: Sequence[bytes],
        value: bytes,
        delay: Delay = NO_DELAY,
    ) -> None:
        """That the counterparty stores ``value`` under ``path`` (its prefix first) at ``height``."""
        text = f"cannot call verify membership on client ({client_id}) with status {{}}"
        light_client = self._active(ctx, client_id, text)
        with explaining():
            light_client.verify_membership(ctx, client_id, height, delay, proof, path, value)

    def verify_non_membership(
        self,
        ctx: Context,
        client_id: str,
        height: Height,
        proof: bytes,
        path: Sequence[bytes],
        delay: Delay = NO_DELAY,
    ) -> None:
        """That the counterparty stores nothing under ``path`` at ``height``."""
        text = f"cannot call verify non membership on client ({client_id}) with status {{}}"
        light_client = self._active(ctx, client_id, text)
        with explaining():
            light_client.verify_non_membership(ctx, client_id, height, delay, proof, path)

    # Parts.

    def _active(self, ctx: Context, client_id: str, description: str) -> LightClient:
        light_client = self.of_client(ctx, client_id)
        _require_active(light_client.status(ctx, client_id), description)
        return light_client

    def _allowed(self, ctx: Context, client_id: str) -> LightClient | None:
        """The type of a client, or None where ``of_client`` refuses."""
        try:
            client_type, _ = host.parse_client_id(client_id)
        except IdentifierError:
            return None
        return self.types.get(client_type) if self._is_allowed(ctx, client_type) else None

    def _is_allowed(self, ctx: Context, client_type: str) -> bool:
        allowed = self.params(ctx).allowed_clients
        return client_type in allowed or list(allowed) == ["*"]

    def _for_message(self, ctx: Context, client_id: str, message: any_pb2.Any) -> LightClient:
        light_client = self.of_client(ctx, client_id)
        if self.of_packed(message) is not light_client:
            raise INVALID_CLIENT_TYPE(
                f"client ({client_id}) cannot take a message of type {message.type_url}"
            )
        return light_client

    def _emit(self, ctx: Context, type_: str, client_id: str, *pairs: tuple[str, str]) -> None:
        client_type, _ = host.parse_client_id(client_id)
        head = (("client_id", client_id), ("client_type", client_type))
        emit(ctx, _SUBMODULE, type_, *head, *pairs)


def _require_active(status: str, description: str) -> None:
    if status != ACTIVE:
        raise CLIENT_NOT_ACTIVE(description.format(status))


def _require_newer(
    light_client: LightClient, ctx: Context, subject_id: str, substitute_id: str
) -> None:
    subject = light_client.latest_height(ctx, subject_id)
    substitute = light_client.latest_height(ctx, substitute_id)
    if subject >= substitute:
        raise CLIENT_INVALID_HEIGHT(
            "subject client state latest height is greater or equal to substitute client state "
            f"latest height ({subject} >= {substitute})"
        )


def _creator_key(client_id: str) -> bytes:
    return f"clients/{client_id}/creator".encode()
