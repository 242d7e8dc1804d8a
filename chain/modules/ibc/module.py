"""x/ibc: IBC core as ibc-go v10 has it, classic and v2, in one store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chain.context import Context
from chain.modules.ibc import genesis
from chain.modules.ibc.ante import check_redundant
from chain.modules.ibc.channels import Channels
from chain.modules.ibc.clients import Clients, LightClient
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.errors import explaining
from chain.modules.ibc.localhost import Localhost
from chain.modules.ibc.messages import register as register_messages
from chain.modules.ibc.packets import Packets
from chain.modules.ibc.port import PortModule, PortRouter
from chain.modules.ibc.queries import register as register_queries
from chain.modules.ibc.server import MsgServer
from chain.modules.ibc.store import STORE, read_number
from chain.modules.ibc.tendermint import Tendermint
from chain.modules.ibc.v2.counterparties import Counterparties
from chain.modules.ibc.v2.packets import PacketsV2
from chain.modules.ibc.v2.port import PortModuleV2, PortRouterV2
from chain.modules.ibc.v2.server import MsgServerV2
from chain.modules.ibc.validate import Validator
from chain.router import MessageRouter, QueryRouter
from chain.tx import DecodedTx
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from light_client import host
from light_client.packet import Packet
from light_client.packet_v2 import PacketV2
from light_client.values import Height


class Ibc:
    """Client, connection and channel keepers, and what applications ask of them.

    ``authority`` is the bech32 address that may recover clients and change parameters; its prefix is the chain's.
    Another type of client is one more entry in ``light_clients``.
    """

    name = "ibc"
    stores: tuple[str, ...] = (STORE,)

    def __init__(
        self, authority: str, light_clients: Iterable[LightClient] = (Tendermint(), Localhost())
    ) -> None:
        self.authority = authority
        self._prefix = authority.rpartition("1")[0]
        self.clients = Clients(light_clients)
        self.connections = Connections(self.clients)
        self.channels = Channels(self.clients, self.connections)
        self.packets = Packets(self.clients, self.connections, self.channels)
        self.ports = PortRouter()
        self.counterparties = Counterparties()
        self.packets_v2 = PacketsV2(self.clients, self.counterparties)
        self.ports_v2 = PortRouterV2()
        validator = Validator(self.clients, self._prefix)
        self.server_v2 = MsgServerV2(
            authority,
            validator,
            self.clients,
            self.counterparties,
            self.packets_v2,
            self.ports_v2,
        )
        self.server = MsgServer(
            authority,
            self.clients,
            self.connections,
            self.channels,
            self.packets,
            self.ports,
            validator,
            self.server_v2.require_relayer,
        )

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        register_messages(messages, self.server, self.server_v2)
        register_queries(
            queries,
            self.clients,
            self.connections,
            self.channels,
            self.counterparties,
            self.packets_v2,
            self._prefix,
        )

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        genesis.init(ctx, state, self.clients, self.connections, self.counterparties)

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        return genesis.export(
            ctx, self.clients, self.connections, self.channels, self.counterparties
        )

    def ante(self, ctx: Context, tx: DecodedTx) -> Context:
        """Refuse (channel/22) a transaction in the mempool that relays nothing new."""
        check_redundant(ctx, self.server, self.server_v2, self.clients, tx.messages)
        return ctx

    # For applications.

    def route(self, port: str, module: PortModule) -> None:
        """Serve ``port`` with ``module``; a dot or a hyphen at the end stands for every port that starts so."""
        self.ports.route(port, module)

    def send_packet(
        self,
        ctx: Context,
        port: str,
        channel: str,
        timeout_height: Height,
        timeout_timestamp: int,
        data: bytes,
    ) -> int:
        """Commit to a packet (ICS-4) and return its sequence; ``timeout_timestamp`` in nanoseconds, 0 for none."""
        return self.packets.send(ctx, port, channel, timeout_height, timeout_timestamp, data)

    def write_acknowledgement(self, ctx: Context, packet: Packet, ack: bytes) -> None:
        """The acknowledgement of a packet whose application answered None; channel/17 when there is one already."""
        self.packets.write_acknowledgement(ctx, packet, ack)

    def close_channel_init(self, ctx: Context, port: str, channel: str) -> None:
        with explaining("channel handshake close init failed"):
            self.channels.close_init(ctx, port, channel)

    def channel(self, ctx: Context, port: str, channel: str) -> channel_pb2.Channel | None:
        return self.channels.get(ctx, port, channel)

    def channels_of_port(
        self, ctx: Context, port_prefix: str
    ) -> list[channel_pb2.IdentifiedChannel]:
        """Ends on every port whose name starts so, in the order of their keys."""
        return list(self.channels.all(ctx, port_prefix))

    def next_sequence_send(self, ctx: Context, port: str, channel: str) -> int | None:
        return read_number(ctx, host.next_sequence_send_path(port, channel))

    # For applications of IBC v2.

    def route_v2(self, port: str, module: PortModuleV2) -> None:
        self.ports_v2.route(port, module)

    def route_prefix_v2(self, prefix: str, module: PortModuleV2) -> None:
        """Serve every port that starts with ``prefix``."""
        self.ports_v2.route_prefix(prefix, module)

    def async_packet_v2(self, ctx: Context, client_id: str, sequence: int) -> PacketV2 | None:
        """A packet that arrived for one of our clients and waits for its acknowledgement."""
        return self.packets_v2.kept(ctx, client_id, sequence)

    def write_acknowledgement_v2(
        self, ctx: Context, client_id: str, sequence: int, app_acknowledgements: Sequence[bytes]
    ) -> None:
        """The acknowledgement of such a packet; channelv2/5 when none waits."""
        self.packets_v2.acknowledge_later(ctx, client_id, sequence, app_acknowledgements)
