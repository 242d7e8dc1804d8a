"""What the queries of IBC core share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chain.context import Context
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.errors import CLIENT_NOT_FOUND, CONSENSUS_STATE_NOT_FOUND
from chain.modules.ibc.store import self_height
from chain.modules.status import invalid_argument, not_found
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2
from light_client.codec import height_to_pb
from light_client.errors import IdentifierError
from light_client.values import Height

Method = tuple[str, type[Any], Callable[[Context, Any], Any]]
"""A method's name, its request and its handler."""


def own_height(ctx: Context) -> client_pb2.Height:
    return height_to_pb(self_height(ctx))


def check_id(check: Callable[[str], object], text: str) -> None:
    try:
        check(text)
    except IdentifierError as error:
        raise invalid_argument(str(error)) from error


def identified_client(
    ctx: Context, clients: Clients, client_id: str
) -> client_pb2.IdentifiedClientState:
    state = clients.state(ctx, client_id)
    if state is None:
        raise not_found(str(CLIENT_NOT_FOUND(f"client-id: {client_id}")))
    return client_pb2.IdentifiedClientState(client_id=client_id, client_state=state)


def consensus(ctx: Context, clients: Clients, client_id: str, at: Height) -> any_pb2.Any:
    state = clients.consensus_state(ctx, client_id, at)
    if state is None:
        raise not_found(str(CONSENSUS_STATE_NOT_FOUND(f"client-id: {client_id}")))
    return state
