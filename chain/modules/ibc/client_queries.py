"""Queries of 02-client (``grpc_query.go``)."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.errors import AbciError
from chain.modules.ibc.clients import ACTIVE, Clients, Delay
from chain.modules.ibc.errors import (
    CLIENT_NOT_ACTIVE,
    CLIENT_NOT_FOUND,
    CONSENSUS_STATE_NOT_FOUND,
    INVALID_CLIENT_TYPE,
)
from chain.modules.ibc.query_parts import Method, check_id, own_height
from chain.modules.ibc.store import STORE
from chain.modules.pagination import paginate
from chain.modules.status import invalid_argument, not_found
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.ibc.core.client.v1 import query_pb2 as client_query
from light_client import bech32, host
from light_client.codec import height_from_pb, height_to_pb
from light_client.errors import DecodeError
from light_client.values import Height

_UNVERIFIABLE: Final = (host.LOCALHOST_CLIENT_ID, "06-solomachine")
_PROOF_READ_COST = 3 * 3
"""Gas per byte of a proof that VerifyMembership is asked about: three reads."""


class ClientQueries:
    """``ibc.core.client.v1.Query``."""

    def __init__(self, clients: Clients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix

    def methods(self) -> list[Method]:
        return [
            ("ClientState", client_query.QueryClientStateRequest, self.client_state),
            ("ClientStates", client_query.QueryClientStatesRequest, self.client_states),
            ("ConsensusState", client_query.QueryConsensusStateRequest, self.consensus_state),
            ("ConsensusStates", client_query.QueryConsensusStatesRequest, self.consensus_states),
            (
                "ConsensusStateHeights",
                client_query.QueryConsensusStateHeightsRequest,
                self.consensus_state_heights,
            ),
            ("ClientStatus", client_query.QueryClientStatusRequest, self.client_status),
            ("ClientParams", client_query.QueryClientParamsRequest, self.client_params),
            ("ClientCreator", client_query.QueryClientCreatorRequest, self.client_creator),
            (
                "UpgradedClientState",
                client_query.QueryUpgradedClientStateRequest,
                self.upgraded_client_state,
            ),
            (
                "UpgradedConsensusState",
                client_query.QueryUpgradedConsensusStateRequest,
                self.upgraded_consensus_state,
            ),
            ("VerifyMembership", client_query.QueryVerifyMembershipRequest, self.verify_membership),
        ]

    def client_state(
        self, ctx: Context, request: client_query.QueryClientStateRequest
    ) -> client_query.QueryClientStateResponse:
        check_id(host.validate_client_id, request.client_id)
        state = self._clients.state(ctx, request.client_id)
        if state is None:
            raise not_found(str(CLIENT_NOT_FOUND(request.client_id)))
        return client_query.QueryClientStateResponse(
            client_state=state, proof_height=own_height(ctx)
        )

    def client_states(
        self, ctx: Context, request: client_query.QueryClientStatesRequest
    ) -> client_query.QueryClientStatesResponse:
        found, page = paginate(ctx.kv(STORE), b"clients", request.pagination, _identified_client)
        return client_query.QueryClientStatesResponse(
            client_states=sorted(found, key=lambda one: one.client_id), pagination=page
        )

    def consensus_state(
        self, ctx: Context, request: client_query.QueryConsensusStateRequest
    ) -> client_query.QueryConsensusStateResponse:
        client_id = request.client_id
        check_id(host.validate_client_id, client_id)
        height = Height(request.revision_number, request.revision_height)
        if not request.latest_height and not request.revision_height:
            raise invalid_argument("consensus state height cannot be 0")
        at = self._clients.latest_height(ctx, client_id) if request.latest_height else height
        state = self._clients.consensus_state(ctx, client_id, at)
        if state is None:
            text = f"client-id: {client_id}, height: {height}"
            raise not_found(str(CONSENSUS_STATE_NOT_FOUND(text)))
        return client_query.QueryConsensusStateResponse(
            consensus_state=state, proof_height=own_height(ctx)
        )

    def consensus_states(
        self, ctx: Context, request: client_query.QueryConsensusStatesRequest
    ) -> client_query.QueryConsensusStatesResponse:
        check_id(host.validate_client_id, request.client_id)
        found, page = paginate(
            ctx.kv(STORE), _consensus_prefix(request.client_id), request.pagination, _with_height
        )
        return client_query.QueryConsensusStatesResponse(consensus_states=found, pagination=page)

    def consensus_state_heights(
        self, ctx: Context, request: client_query.QueryConsensusStateHeightsRequest
    ) -> client_query.QueryConsensusStateHeightsResponse:
        check_id(host.validate_client_id, request.client_id)
        found, page = paginate(
            ctx.kv(STORE), _consensus_prefix(request.client_id), request.pagination, _height_of_key
        )
        return client_query.QueryConsensusStateHeightsResponse(
            consensus_state_heights=found, pagination=page
        )

    def client_status(
        self, ctx: Context, request: client_query.QueryClientStatusRequest
    ) -> client_query.QueryClientStatusResponse:
        check_id(host.validate_client_id, request.client_id)
        status = self._clients.status(ctx, request.client_id)
        return client_query.QueryClientStatusResponse(status=status)

    def client_params(
        self, ctx: Context, _: client_query.QueryClientParamsRequest
    ) -> client_query.QueryClientParamsResponse:
        return client_query.QueryClientParamsResponse(params=self._clients.params(ctx))

    def client_creator(
        self, ctx: Context, request: client_query.QueryClientCreatorRequest
    ) -> client_query.QueryClientCreatorResponse:
        check_id(host.validate_client_id, request.client_id)
        creator = self._clients.creator(ctx, request.client_id)
        text = bech32.encode(self._prefix, creator) if creator else ""
        return client_query.QueryClientCreatorResponse(creator=text)

    def upgraded_client_state(
        self, _: Context, __: client_query.QueryUpgradedClientStateRequest
    ) -> client_query.QueryUpgradedClientStateResponse:
        """There is no x/upgrade here, so there never is a plan."""
        raise not_found("upgrade plan not found")

    def upgraded_consensus_state(
        self, ctx: Context, _: client_query.QueryUpgradedConsensusStateRequest
    ) -> client_query.QueryUpgradedConsensusStateResponse:
        raise not_found(f"upgraded consensus state not found, height {ctx.height}")

    def verify_membership(
        self, ctx: Context, request: client_query.QueryVerifyMembershipRequest
    ) -> client_query.QueryVerifyMembershipResponse:
        self._check_verifiable(request)
        client_id, height = request.client_id, height_from_pb(request.proof_height)
        try:
            self._clients.of_client(ctx, client_id)
        except AbciError as error:
            raise not_found(str(error)) from error
        status = self._clients.status(ctx, client_id)
        if status != ACTIVE:
            raise CLIENT_NOT_ACTIVE(
                f"cannot verify membership using client ({client_id}) with status {status}"
            )
        ctx.gas.consume(_PROOF_READ_COST * len(request.proof), "verify membership query")
        delay = Delay(request.time_delay, request.block_delay)
        path = tuple(request.merkle_path.key_path)
        try:
            self._clients.verify_membership(
                ctx, client_id, height, request.proof, path, request.value, delay
            )
        except AbciError:
            return client_query.QueryVerifyMembershipResponse(success=False)
        return client_query.QueryVerifyMembershipResponse(success=True)

    def _check_verifiable(self, request: client_query.QueryVerifyMembershipRequest) -> None:
        check_id(host.validate_client_id, request.client_id)
        check_id(host.parse_client_id, request.client_id)
        for missing, text in (
            (not request.proof, "empty proof"),
            (height_from_pb(request.proof_height).is_zero, "proof height must be non-zero"),
            (not request.merkle_path.key_path, "empty merkle path"),
            (not request.value, "empty value"),
        ):
            if missing:
                raise invalid_argument(text)
        if host.parse_client_id(request.client_id)[0] in _UNVERIFIABLE:
            denied = " ".join(_UNVERIFIABLE)
            text = f"verify membership is disabled for client types [{denied}]"
            raise invalid_argument(str(INVALID_CLIENT_TYPE(text)))


def _consensus_prefix(client_id: str) -> bytes:
    return f"clients/{client_id}/consensusStates/".encode()


def _identified_client(key: bytes, raw: bytes) -> client_pb2.IdentifiedClientState | None:
    client_id, _, rest = key.removeprefix(b"/").partition(b"/")
    if rest != b"clientState":
        return None
    return client_pb2.IdentifiedClientState(
        client_id=client_id.decode(), client_state=any_pb2.Any.FromString(raw)
    )


def _height_of_key(key: bytes, _: bytes) -> client_pb2.Height | None:
    try:
        return None if b"/" in key else height_to_pb(host.parse_height(key.decode()))
    except DecodeError:
        return None


def _with_height(key: bytes, raw: bytes) -> client_pb2.ConsensusStateWithHeight | None:
    height = _height_of_key(key, raw)
    if height is None:
        return None
    return client_pb2.ConsensusStateWithHeight(
        height=height, consensus_state=any_pb2.Any.FromString(raw)
    )
