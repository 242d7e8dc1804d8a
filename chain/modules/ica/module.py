"""x/interchainaccounts: both sides of ICS-27 as one module (``27-interchain-accounts/module.go``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chain.context import Context
from chain.errors import AbciError, GenesisError
from chain.modules import genesis
from chain.modules.auth.module import Auth
from chain.modules.ibc.module import Ibc
from chain.modules.ica import validate
from chain.modules.ica.controller import Controller, controller_port
from chain.modules.ica.host import Host
from chain.modules.ica.store import (
    CONTROLLER,
    CONTROLLER_PORT_PREFIX,
    HOST,
    HOST_PORT,
    MODULE,
    Records,
)
from chain.modules.status import invalid_argument, not_found
from chain.modules.transfer.callbacks import Contracts
from chain.router import MessageRouter, QueryRouter, Routers
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import query_pb2 as controller_q
from cosmos_pb.ibc.applications.interchain_accounts.controller.v1 import tx_pb2 as controller_tx
from cosmos_pb.ibc.applications.interchain_accounts.genesis.v1 import genesis_pb2
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import query_pb2 as host_q
from cosmos_pb.ibc.applications.interchain_accounts.host.v1 import tx_pb2 as host_tx

CONTROLLER_SERVICE = "/ibc.applications.interchain_accounts.controller.v1.Query/"
HOST_SERVICE = "/ibc.applications.interchain_accounts.host.v1.Query/"


class InterchainAccounts:
    """The module and the applications behind its ports; it routes itself there."""

    name = MODULE
    stores: tuple[str, ...] = (HOST, CONTROLLER)

    def __init__(self, auth: Auth, ibc: Ibc, routers: Routers) -> None:
        self._auth = auth
        self.host = Host(auth, ibc, routers)
        self.controller = Controller(ibc, routers.messages, auth.module_address(MODULE))
        ibc.route(HOST_PORT, self.host)
        ibc.route(CONTROLLER_PORT_PREFIX, self.controller)

    def call_back(self, contracts: Contracts) -> None:
        """From now on contracts hear of the packets whose memos name them."""
        self.controller.call_back(contracts)

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        signed = validate.Signed(self._auth)
        ours, theirs = self.controller, self.host
        table: list[tuple[type[Any], Callable[[Context, Any], Any], Callable[[Any], None]]] = [
            (
                controller_tx.MsgRegisterInterchainAccount,
                ours.register_account,
                validate.register_account,
            ),
            (controller_tx.MsgSendTx, ours.send_tx, validate.send_tx),
            (controller_tx.MsgUpdateParams, ours.update_params, signed.controller_params),
            (host_tx.MsgUpdateParams, theirs.update_params, signed.host_params),
            (host_tx.MsgModuleQuerySafe, theirs.module_query_safe, signed.module_query_safe),
        ]
        for message, handler, check in table:
            owned = "owner" in message.DESCRIPTOR.fields_by_name
            messages.register(message, handler, _owner if owned else _signer, check)
        for path, request, answer in (
            ("InterchainAccount", controller_q.QueryInterchainAccountRequest, self.account),
            ("Params", controller_q.QueryParamsRequest, self.controller_params),
        ):
            queries.register(CONTROLLER_SERVICE + path, request, answer)
        queries.register(f"{HOST_SERVICE}Params", host_q.QueryParamsRequest, self.host_params)

    # Queries.

    def account(
        self, ctx: Context, request: controller_q.QueryInterchainAccountRequest
    ) -> controller_q.QueryInterchainAccountResponse:
        try:
            port = controller_port(request.owner)
        except AbciError as error:
            text = f"failed to generate portID from owner address: {error}"
            raise invalid_argument(text) from error
        address = self.controller.records.account(ctx, request.connection_id, port)
        if address is None:
            raise not_found(
                f"failed to retrieve account address for {port} "
                f"on connection {request.connection_id}"
            )
        return controller_q.QueryInterchainAccountResponse(address=address)

    def controller_params(
        self, ctx: Context, _: controller_q.QueryParamsRequest
    ) -> controller_q.QueryParamsResponse:
        return controller_q.QueryParamsResponse(params=self.controller.records.params(ctx))

    def host_params(self, ctx: Context, _: host_q.QueryParamsRequest) -> host_q.QueryParamsResponse:
        return host_q.QueryParamsResponse(params=self.host.records.params(ctx))

    # Genesis.

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        document = genesis.read(genesis_pb2.GenesisState, state, self.name)
        ours, theirs = document.controller_genesis_state, document.host_genesis_state
        for port in ours.ports:
            self.controller.records.set_port(ctx, port)
        self.host.records.set_port(ctx, theirs.port or HOST_PORT)
        for channel in ours.active_channels:
            self.controller.records.set_middleware(
                ctx,
                channel.connection_id,
                channel.port_id,
                enabled=channel.is_middleware_enabled,
            )
        _load(ctx, self.controller.records, ours)
        _load(ctx, self.host.records, theirs)
        try:
            validate.allow_list(self.host.records.params(ctx))
        except AbciError as error:
            raise GenesisError(f"app_state.{self.name}: {error}") from error

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        document = genesis_pb2.GenesisState(
            controller_genesis_state=genesis_pb2.ControllerGenesisState(
                active_channels=self.controller.records.active_channels(ctx),
                interchain_accounts=self.controller.records.accounts(ctx),
                ports=self.controller.records.ports(ctx),
                params=self.controller.records.params(ctx),
            ),
            host_genesis_state=genesis_pb2.HostGenesisState(
                active_channels=self.host.records.active_channels(ctx),
                interchain_accounts=self.host.records.accounts(ctx),
                port=HOST_PORT,
                params=self.host.records.params(ctx),
            ),
        )
        return genesis.write(document)


def _owner(msg: Any) -> tuple[str]:
    return (msg.owner,)


def _signer(msg: Any) -> tuple[str]:
    return (msg.signer,)


def _load(ctx: Context, records: Records[Any], state: Any) -> None:
    """What both sides have; parameters that a genesis does not name are the default."""
    for channel in state.active_channels:
        records.set_active_channel(ctx, channel.connection_id, channel.port_id, channel.channel_id)
    for account in state.interchain_accounts:
        records.set_account(ctx, account.connection_id, account.port_id, account.account_address)
    records.set_params(ctx, state.params if state.HasField("params") else records.params(ctx))
