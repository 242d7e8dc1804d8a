"""09-localhost: the chain as its own counterparty (``ibc-go:modules/light-clients/09-localhost``).

The client keeps nothing. What it verifies is read from this chain's own store, and a proof is one sentinel byte. One
connection, ``connection-localhost``, is open from the genesis on; channels over it join two applications of the chain.
"""

# ruff: noqa: ARG002 - methods have the shape of LightClient

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from chain.context import Context
from chain.modules.ibc.clients import ACTIVE, Delay
from chain.modules.ibc.connections import Connections, connection_end, default_version
from chain.modules.ibc.errors import (
    CLIENT_EXISTS,
    INVALID_PATH,
    INVALID_PROOF,
    INVALID_UPGRADE_CLIENT,
    MEMBERSHIP_FAILED,
    NON_MEMBERSHIP_FAILED,
    UPDATE_FAILED,
)
from chain.modules.ibc.store import PREFIX, STORE, self_height
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from light_client import host
from light_client.values import Height

CONNECTION_ID: Final = "connection-localhost"
PROOF: Final = b"\x01"
"""What stands for a proof (``SentinelProof``)."""


class Localhost:
    """Satisfies ``clients.LightClient``; no packed state or message belongs to it."""

    client_type: str = host.LOCALHOST_CLIENT_ID
    client_state_url: str = ""
    consensus_state_url: str = ""
    message_urls: Collection[str] = ()

    def validate_client_state(self, packed: any_pb2.Any) -> None:
        """Nothing: there is no state to validate, here and below."""

    def validate_consensus_state(self, packed: any_pb2.Any) -> None: ...

    def validate_message(self, packed: any_pb2.Any) -> None: ...

    def initialize(
        self, _: Context, client_id: str, client_state: any_pb2.Any, consensus_state: any_pb2.Any
    ) -> None:
        raise CLIENT_EXISTS("localhost is stateless and cannot be initialized")

    def status(self, _: Context, client_id: str) -> str:
        return ACTIVE

    def latest_height(self, ctx: Context, _: str) -> Height:
        return self_height(ctx)

    def timestamp_at(self, ctx: Context, _: str, height: Height) -> int:
        """The time of the block at hand, whatever the height."""
        return ctx.time.ns

    def verify_message(self, _: Context, client_id: str, packed: any_pb2.Any) -> None:
        raise UPDATE_FAILED("client message verification is unsupported by the localhost client")

    def is_misbehaviour(self, _: Context, client_id: str, packed: any_pb2.Any) -> bool:
        return False

    def freeze(self, _: Context, client_id: str) -> None:
        """Nothing: there is nobody to distrust."""

    def update(self, ctx: Context, _: str, packed: any_pb2.Any, *, prune: bool) -> list[Height]:
        return [self_height(ctx)]

    def verify_membership(
        self,
        ctx: Context,
        _: str,
        height: Height,
        delay: Delay,
        proof: bytes,
        path: Sequence[bytes],
        value: bytes,
    ) -> None:
        stored = ctx.kv(STORE).get(_key(proof, path))
        if stored is None:
            raise MEMBERSHIP_FAILED(f"value not found for path {_shown(path)}")
        if stored != value:
            raise MEMBERSHIP_FAILED(
                f"value provided does not equal value stored at path: {_shown(path)}"
            )

    def verify_non_membership(
        self,
        ctx: Context,
        _: str,
        height: Height,
        delay: Delay,
        proof: bytes,
        path: Sequence[bytes],
    ) -> None:
        if ctx.kv(STORE).has(_key(proof, path)):
            raise NON_MEMBERSHIP_FAILED(f"value found for path {_shown(path)}")

    def recover(self, _: Context, subject_id: str, substitute_id: str) -> None:
        raise UPDATE_FAILED("cannot update localhost client with a proposal")

    def upgrade(
        self,
        _: Context,
        client_id: str,
        client_state: any_pb2.Any,
        consensus_state: any_pb2.Any,
        proof_client: bytes,
        proof_consensus: bytes,
    ) -> None:
        raise INVALID_UPGRADE_CLIENT("cannot upgrade localhost client")


def connect(ctx: Context, connections: Connections) -> None:
    """Open the connection of the chain to itself (03-connection ``CreateSentinelLocalhostConnection``)."""
    counterparty = connection_pb2.Counterparty(
        client_id=host.LOCALHOST_CLIENT_ID, connection_id=CONNECTION_ID
    )
    counterparty.prefix.key_prefix = PREFIX
    end = connection_end(
        connection_pb2.STATE_OPEN, host.LOCALHOST_CLIENT_ID, counterparty, [default_version()], 0
    )
    connections.set(ctx, CONNECTION_ID, end)


def _key(proof: bytes, path: Sequence[bytes]) -> bytes:
    """The key in the store; the commitment prefix before it names the store itself."""
    if proof != PROOF:
        shown = proof.decode("utf-8", "replace")
        raise INVALID_PROOF(f"expected {PROOF.decode()}, got {shown}")
    if len(path) != 2:
        words = " ".join(part.decode("utf-8", "replace") for part in path)
        raise INVALID_PATH(f"path must be of length 2: [{words}]")
    return path[1]


def _shown(path: Sequence[bytes]) -> str:
    """A merkle path as Go prints it."""
    return f"{{[{' '.join(part.decode('utf-8', 'replace') for part in path)}]}}"
