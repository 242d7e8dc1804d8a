"""02-client of IBC v2: which client of the other chain belongs to a client, and who may relay for it.

Both lie beside the client's states (``ibc-go:modules/core/02-client/v2/keeper``).
"""

from __future__ import annotations

from chain.context import Context
from chain.modules.ibc.store import read_message, write_message
from chain.modules.ibc.v2.errors import COUNTERPARTY_NOT_FOUND
from cosmos_pb.ibc.core.client.v2 import config_pb2, counterparty_pb2


class Counterparties:
    """The client keeper of IBC v2."""

    def get(self, ctx: Context, client_id: str) -> counterparty_pb2.CounterpartyInfo | None:
        return read_message(ctx, counterparty_path(client_id), counterparty_pb2.CounterpartyInfo)

    def require(self, ctx: Context, client_id: str) -> counterparty_pb2.CounterpartyInfo:
        """The counterparty of a client; clientv2/35 when none is registered."""
        found = self.get(ctx, client_id)
        if found is None:
            raise COUNTERPARTY_NOT_FOUND(f"counterparty not found for client: {client_id}")
        return found

    def set(
        self, ctx: Context, client_id: str, counterparty: counterparty_pb2.CounterpartyInfo
    ) -> None:
        write_message(ctx, counterparty_path(client_id), counterparty)

    def config(self, ctx: Context, client_id: str) -> config_pb2.Config:
        """Who may relay for a client; an empty list, which is the default, stands for everybody."""
        stored = read_message(ctx, _config_path(client_id), config_pb2.Config)
        return config_pb2.Config() if stored is None else stored

    def set_config(self, ctx: Context, client_id: str, config: config_pb2.Config) -> None:
        write_message(ctx, _config_path(client_id), config)


def counterparty_path(client_id: str) -> str:
    return f"clients/{client_id}/counterparty"


def _config_path(client_id: str) -> str:
    return f"clients/{client_id}/config"
