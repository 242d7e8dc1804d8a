"""Genesis of IBC core: clients, connections and channels, and IBC v2 (``ibc-go:modules/core/types/genesis.go``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from google.protobuf.message import Message

from chain.context import Context
from chain.errors import AbciError, GenesisError
from chain.modules import genesis
from chain.modules.ibc import channels as channel_keeper
from chain.modules.ibc import clients as client_keeper
from chain.modules.ibc import connections as connection_keeper
from chain.modules.ibc import localhost
from chain.modules.ibc.channels import Channels
from chain.modules.ibc.clients import Clients
from chain.modules.ibc.connections import Connections
from chain.modules.ibc.store import STORE, read_number, write_message, write_number
from chain.modules.ibc.v2 import genesis as genesis_v2
from chain.modules.ibc.v2.counterparties import Counterparties
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2, genesis_pb2
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from light_client import host
from light_client.codec import height_from_pb, height_to_pb
from light_client.errors import LightClientError

_SEQUENCES: Final[dict[str, Callable[[str, str], str]]] = {
    "send_sequences": host.next_sequence_send_path,
    "recv_sequences": host.next_sequence_recv_path,
    "ack_sequences": host.next_sequence_ack_path,
}
_PACKETS: Final[dict[str, tuple[str, Callable[[str, str, int], str]]]] = {
    "acknowledgements": ("acks", host.packet_ack_path),
    "commitments": ("commitments", host.packet_commitment_path),
    "receipts": ("receipts", host.packet_receipt_path),
}

_ELSEWHERE: Final = (b"connections", b"counterparty")
"""What lies beside a client and is of another part: of the connections', of IBC v2's."""


def init(
    ctx: Context,
    state: Mapping[str, Any],
    clients: Clients,
    connections: Connections,
    counterparties: Counterparties,
) -> None:
    """Write a genesis state; parts that are missing are those of an empty chain."""
    try:
        _init_clients(ctx, _part(state, "client_genesis"), clients)
        genesis_v2.init_clients(ctx, _part(state, "client_v2_genesis"), counterparties)
        _init_connections(ctx, _part(state, "connection_genesis"), connections)
        _init_channels(ctx, _part(state, "channel_genesis"))
        genesis_v2.init_channels(ctx, _part(state, "channel_v2_genesis"))
    except (AbciError, LightClientError) as error:
        raise GenesisError(f"app_state.ibc: {error}") from error


def export(
    ctx: Context,
    clients: Clients,
    connections: Connections,
    channels: Channels,
    counterparties: Counterparties,
) -> dict[str, Any]:
    """The state at hand, such that ``init`` makes the same store of it."""
    client_genesis = _export_clients(ctx, clients)
    client_ids = [client["client_id"] for client in client_genesis["clients"]]
    return {
        "client_genesis": client_genesis,
        "client_v2_genesis": genesis_v2.export_clients(ctx, client_ids, counterparties),
        "connection_genesis": _export_connections(ctx, connections),
        "channel_genesis": _export_channels(ctx, channels),
        "channel_v2_genesis": genesis_v2.export_channels(ctx, client_ids),
    }


def _init_clients(ctx: Context, state: Mapping[str, Any], clients: Clients) -> None:
    document = genesis.read(genesis_pb2.GenesisState, state, "ibc.client_genesis")
    params = document.params if document.HasField("params") else _all_clients()
    clients.set_params(ctx, params)
    kv = ctx.kv(STORE)
    for one in document.clients:
        clients.of_packed(one.client_state).validate_client_state(one.client_state)
        write_message(ctx, host.client_state_path(one.client_id), one.client_state)
    for states in document.clients_consensus:
        for item in states.consensus_states:
            height = height_from_pb(item.height)
            path = host.consensus_state_path(states.client_id, height)
            write_message(ctx, path, item.consensus_state)
    for metadata in document.clients_metadata:
        for entry in metadata.client_metadata:
            kv.set(f"clients/{metadata.client_id}/".encode() + entry.key, entry.value)
    write_number(ctx, client_keeper.NEXT_SEQUENCE, document.next_client_sequence)


def _export_clients(ctx: Context, clients: Clients) -> dict[str, Any]:
    document = genesis_pb2.GenesisState(params=clients.params(ctx))
    document.next_client_sequence = read_number(ctx, client_keeper.NEXT_SEQUENCE) or 0
    consensus: dict[str, client_pb2.ClientConsensusStates] = {}
    metadata: dict[str, genesis_pb2.IdentifiedGenesisMetadata] = {}
    for key, value in ctx.kv(STORE).prefix(b"clients/"):
        client_id, rest = _split_client_key(key)
        if rest == b"clientState":
            state = any_pb2.Any.FromString(value)
            document.clients.add(client_id=client_id, client_state=state)
        elif (height := _consensus_height(rest)) is not None:
            states = consensus.setdefault(
                client_id, client_pb2.ClientConsensusStates(client_id=client_id)
            )
            states.consensus_states.add(
                height=height, consensus_state=any_pb2.Any.FromString(value)
            )
        elif rest not in _ELSEWHERE:
            entries = metadata.setdefault(
                client_id, genesis_pb2.IdentifiedGenesisMetadata(client_id=client_id)
            )
            entries.client_metadata.add(key=rest, value=value)
    document.clients_consensus.extend(consensus.values())
    document.clients_metadata.extend(metadata.values())
    return genesis.write(document)


def _init_connections(ctx: Context, state: Mapping[str, Any], connections: Connections) -> None:
    module = "ibc.connection_genesis"
    for item in state.get("connections", ()):
        one = genesis.read(connection_pb2.IdentifiedConnection, item, module)
        end = connection_keeper.connection_end(
            one.state, one.client_id, one.counterparty, one.versions, one.delay_period
        )
        connections.set(ctx, one.id, end)
    localhost.connect(ctx, connections)
    for item in state.get("client_connection_paths", ()):
        paths = genesis.read(connection_pb2.ConnectionPaths, item, module)
        stored = connection_pb2.ClientPaths(paths=paths.paths)
        write_message(ctx, host.client_connections_path(paths.client_id), stored)
    if "params" in state:
        params = genesis.read(connection_pb2.Params, state["params"], module)
    else:
        params = connections.params(ctx)
    connections.set_params(ctx, params)
    sequence = _number(state, "next_connection_sequence", module)
    write_number(ctx, connection_keeper.NEXT_SEQUENCE, sequence)


def _export_connections(ctx: Context, connections: Connections) -> dict[str, Any]:
    ends = [
        connection_pb2.IdentifiedConnection(
            id=connection_id,
            client_id=end.client_id,
            versions=end.versions,
            state=end.state,
            counterparty=end.counterparty,
            delay_period=end.delay_period,
        )
        for connection_id, end in connections.all(ctx)
    ]
    return {
        "connections": _write_all(ends),
        "client_connection_paths": _write_all(_client_paths(ctx)),
        "next_connection_sequence": str(read_number(ctx, connection_keeper.NEXT_SEQUENCE) or 0),
        "params": genesis.write(connections.params(ctx)),
    }


def _client_paths(ctx: Context) -> list[connection_pb2.ConnectionPaths]:
    found = []
    for key, value in ctx.kv(STORE).prefix(b"clients/"):
        client_id, rest = _split_client_key(key)
        if rest == b"connections":
            paths = connection_pb2.ClientPaths.FromString(value).paths
            found.append(connection_pb2.ConnectionPaths(client_id=client_id, paths=paths))
    return found


def _init_channels(ctx: Context, state: Mapping[str, Any]) -> None:
    module = "ibc.channel_genesis"
    for item in state.get("channels", ()):
        one = genesis.read(channel_pb2.IdentifiedChannel, item, module)
        end = channel_keeper.channel_end(
            one.state, one.ordering, one.counterparty, one.connection_hops, one.version
        )
        write_message(ctx, host.channel_path(one.port_id, one.channel_id), end)
    for name, (_, packet_path) in _PACKETS.items():
        for item in state.get(name, ()):
            packet = genesis.read(channel_pb2.PacketState, item, module)
            key = packet_path(packet.port_id, packet.channel_id, packet.sequence)
            ctx.kv(STORE).set(key.encode(), packet.data)
    for name, path in _SEQUENCES.items():
        for item in state.get(name, ()):
            counter = genesis.read(channel_pb2.PacketId, item, module)
            write_number(ctx, path(counter.port_id, counter.channel_id), counter.sequence)
    sequence = _number(state, "next_channel_sequence", module)
    write_number(ctx, channel_keeper.NEXT_SEQUENCE, sequence)


def _export_channels(ctx: Context, channels: Channels) -> dict[str, Any]:
    exported: dict[str, Any] = {"channels": _write_all(list(channels.all(ctx)))}
    for name, (prefix, _) in _PACKETS.items():
        exported[name] = _write_all(list(_packet_states(ctx, prefix)))
    for name, path in _SEQUENCES.items():
        prefix = path("", "").partition("/")[0]
        exported[name] = _write_all(list(_counters(ctx, prefix)))
    exported["next_channel_sequence"] = str(read_number(ctx, channel_keeper.NEXT_SEQUENCE) or 0)
    return exported


def _packet_states(ctx: Context, prefix: str) -> Iterator[channel_pb2.PacketState]:
    for key, value in ctx.kv(STORE).prefix(f"{prefix}/ports/".encode()):
        _, _, port, _, channel_id, _, sequence = key.decode().split("/")
        yield channel_pb2.PacketState(
            port_id=port, channel_id=channel_id, sequence=int(sequence), data=value
        )


def _counters(ctx: Context, prefix: str) -> Iterator[channel_pb2.PacketId]:
    for key, value in ctx.kv(STORE).prefix(f"{prefix}/ports/".encode()):
        _, _, port, _, channel_id = key.decode().split("/")
        sequence = int.from_bytes(value, "big")
        yield channel_pb2.PacketId(port_id=port, channel_id=channel_id, sequence=sequence)


def _split_client_key(key: bytes) -> tuple[str, bytes]:
    """The client and the rest of a key, which may hold any byte (iteration keys do)."""
    _, client_id, rest = key.split(b"/", 2)
    return client_id.decode(), rest


def _consensus_height(rest: bytes) -> client_pb2.Height | None:
    name, _, height = rest.partition(b"/")
    if name != b"consensusStates" or b"/" in height:
        return None
    return height_to_pb(host.parse_height(height.decode()))


def _part(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = state.get(name, {})
    if not isinstance(part, Mapping):
        raise GenesisError(f"app_state.ibc.{name}: expected an object")
    return part


def _number(state: Mapping[str, Any], name: str, module: str) -> int:
    try:
        return int(state.get(name, 0))
    except (TypeError, ValueError) as error:
        raise GenesisError(f"app_state.{module}.{name}: {error}") from error


def _write_all(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [genesis.write(message) for message in messages]


def _all_clients() -> client_pb2.Params:
    return client_pb2.Params(allowed_clients=["*"])
