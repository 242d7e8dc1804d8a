"""What each side of ICS-27 stores, under the same keys in a store of its own (``types/keys.go``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from google.protobuf.message import Message

from chain.context import Context
from chain.modules.ibc.module import Ibc
from cosmos_pb.ibc.applications.interchain_accounts.genesis.v1 import genesis_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2

MODULE: Final = "interchainaccounts"
CONTROLLER: Final = "icacontroller"
HOST: Final = "icahost"
HOST_PORT: Final = "icahost"
CONTROLLER_PORT_PREFIX: Final = "icacontroller-"

_PARAMS: Final = b"params"
_ENABLED, _DISABLED = b"\x01", b"\x02"

ParamsT = TypeVar("ParamsT", bound=Message)


class Records(Generic[ParamsT]):
    """The store ``name``. Ports are those of controllers on both sides; ``default`` parameters are a new chain's."""

    def __init__(self, name: str, ibc: Ibc, default: ParamsT) -> None:
        self.name = name
        self._ibc = ibc
        self._default = default

    def params(self, ctx: Context) -> ParamsT:
        raw = ctx.kv(self.name).get(_PARAMS)
        return self._default if raw is None else type(self._default).FromString(raw)

    def set_params(self, ctx: Context, params: ParamsT) -> None:
        ctx.kv(self.name).set(_PARAMS, params.SerializeToString())

    # Channels.

    def active_channel(self, ctx: Context, connection: str, port: str) -> str | None:
        """The channel that was opened last."""
        raw = ctx.kv(self.name).get(f"activeChannel/{port}/{connection}".encode())
        return raw.decode() if raw else None

    def set_active_channel(self, ctx: Context, connection: str, port: str, channel: str) -> None:
        key = f"activeChannel/{port}/{connection}"
        ctx.kv(self.name).set(key.encode(), channel.encode())

    def open_channel(self, ctx: Context, connection: str, port: str) -> str | None:
        """The active channel if it is open."""
        return self._in_state(ctx, connection, port, channel_pb2.STATE_OPEN)

    def has_closed_channel(self, ctx: Context, connection: str, port: str) -> bool:
        closed = self._in_state(ctx, connection, port, channel_pb2.STATE_CLOSED)
        return closed is not None

    def _in_state(
        self, ctx: Context, connection: str, port: str, state: channel_pb2.State.ValueType
    ) -> str | None:
        name = self.active_channel(ctx, connection, port)
        end = self._ibc.channel(ctx, port, name) if name else None
        return name if end is not None and end.state == state else None

    # Accounts.

    def account(self, ctx: Context, connection: str, port: str) -> str | None:
        raw = ctx.kv(self.name).get(f"owner/{port}/{connection}".encode())
        return raw.decode() if raw else None

    def set_account(self, ctx: Context, connection: str, port: str, address: str) -> None:
        ctx.kv(self.name).set(f"owner/{port}/{connection}".encode(), address.encode())

    # Ports, and whether an application of its own hears of a port's packets (which is so on no chain of ours).

    def set_port(self, ctx: Context, port: str) -> None:
        ctx.kv(self.name).set(f"port/{port}".encode(), b"\x01")

    def middleware(self, ctx: Context, connection: str, port: str) -> bool | None:
        """None before it was said."""
        raw = ctx.kv(self.name).get(f"isMiddlewareEnabled/{port}/{connection}".encode())
        return {_ENABLED: True, _DISABLED: False}.get(raw or b"")

    def set_middleware(self, ctx: Context, connection: str, port: str, *, enabled: bool) -> None:
        key = f"isMiddlewareEnabled/{port}/{connection}"
        ctx.kv(self.name).set(key.encode(), _ENABLED if enabled else _DISABLED)

    # All of a kind, for the genesis.

    def ports(self, ctx: Context) -> list[str]:
        return [parts[0] for parts, _ in self._under(ctx, "port")]

    def active_channels(self, ctx: Context) -> list[genesis_pb2.ActiveChannel]:
        return [
            genesis_pb2.ActiveChannel(
                port_id=port,
                connection_id=connection,
                channel_id=value,
                is_middleware_enabled=self.middleware(ctx, connection, port) is True,
            )
            for (port, connection), value in self._under(ctx, "activeChannel")
        ]

    def accounts(self, ctx: Context) -> list[genesis_pb2.RegisteredInterchainAccount]:
        return [
            genesis_pb2.RegisteredInterchainAccount(
                port_id=port, connection_id=connection, account_address=value
            )
            for (port, connection), value in self._under(ctx, "owner")
        ]

    def _under(self, ctx: Context, kind: str) -> Iterator[tuple[list[str], str]]:
        for key, value in ctx.kv(self.name).prefix(f"{kind}/".encode()):
            yield key.decode().split("/")[1:], value.decode()
