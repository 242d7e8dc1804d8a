"""Genesis of IBC v2: counterparties and packets (``genesis.go`` of ibc-go's 02-client/v2 and 04-channel/v2).

Who may relay for a client is exported with the client, as part of its metadata; ibc-go's own export forgets it. And
ibc-go refuses to import a client whose counterparty has the same identifier, though the first clients of any two chains
have; here what was exported can be imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from chain.context import Context
from chain.errors import GenesisError
from chain.modules import genesis
from chain.modules.ibc.store import STORE, read_number, write_number
from chain.modules.ibc.v2.counterparties import Counterparties
from chain.modules.ibc.v2.packets import RECEIPT, async_key, next_sequence_path
from chain.modules.ibc.v2.queries import prefix_of
from cosmos_pb.ibc.core.channel.v2 import genesis_pb2 as channel_pb
from cosmos_pb.ibc.core.client.v2 import genesis_pb2 as client_pb
from light_client import host

_PACKETS: Final[dict[str, Callable[[str, int], bytes]]] = {
    "acknowledgements": host.packet_ack_key_v2,
    "commitments": host.packet_commitment_key_v2,
    "receipts": host.packet_receipt_key_v2,
    "async_packets": async_key,
}


def init_clients(ctx: Context, state: Mapping[str, Any], counterparties: Counterparties) -> None:
    """Write ``client_v2_genesis``; GenesisError as ``GenesisState.Validate`` refuses."""
    document = genesis.read(client_pb.GenesisState, state, "ibc.client_v2_genesis")
    seen: set[str] = set()
    for info in document.counterparty_infos:
        for wrong, text in (
            (not info.client_id, "counterparty client id cannot be empty"),
            (
                not info.counterparty_info.merkle_prefix,
                "counterparty merkle prefix cannot be empty",
            ),
            (info.client_id in seen, f"duplicate counterparty client id {info.client_id} found"),
        ):
            if wrong:
                raise GenesisError(f"app_state.ibc.client_v2_genesis: {text}")
        seen.add(info.client_id)
        counterparties.set(ctx, info.client_id, info.counterparty_info)


def export_clients(
    ctx: Context, client_ids: Iterable[str], counterparties: Counterparties
) -> dict[str, Any]:
    infos = [
        client_pb.GenesisCounterpartyInfo(client_id=client_id, counterparty_info=found)
        for client_id in client_ids
        if (found := counterparties.get(ctx, client_id)) is not None
    ]
    return genesis.write(client_pb.GenesisState(counterparty_infos=infos))


def init_channels(ctx: Context, state: Mapping[str, Any]) -> None:
    """Write ``channel_v2_genesis``."""
    document = genesis.read(channel_pb.GenesisState, state, "ibc.channel_v2_genesis")
    for name, key in _PACKETS.items():
        for packet in getattr(document, name):
            _check(name, packet)
            data = RECEIPT if name == "receipts" else packet.data
            ctx.kv(STORE).set(key(packet.client_id, packet.sequence), data)
    for counter in document.send_sequences:
        _check("send_sequences", counter)
        write_number(ctx, next_sequence_path(counter.client_id), counter.sequence)


def export_channels(ctx: Context, client_ids: Iterable[str]) -> dict[str, Any]:
    document = channel_pb.GenesisState()
    for client_id in client_ids:
        for name, key in _PACKETS.items():
            getattr(document, name).extend(_states(ctx, client_id, key))
        sequence = read_number(ctx, next_sequence_path(client_id))
        if sequence is not None:
            document.send_sequences.add(client_id=client_id, sequence=sequence)
    return genesis.write(document)


def _states(
    ctx: Context, client_id: str, key: Callable[[str, int], bytes]
) -> Iterator[channel_pb.PacketState]:
    prefix = prefix_of(key, client_id)
    for found, data in ctx.kv(STORE).prefix(prefix):
        sequence = int.from_bytes(found[len(prefix) :], "big")
        yield channel_pb.PacketState(client_id=client_id, sequence=sequence, data=data)


def _check(name: str, item: channel_pb.PacketState | channel_pb.PacketSequence) -> None:
    """A client, a sequence and, of packets, data."""
    where = f"app_state.ibc.channel_v2_genesis.{name}"
    host.validate_client_id(item.client_id)
    if not item.sequence:
        raise GenesisError(f"{where}: sequence cannot be 0")
    if isinstance(item, channel_pb.PacketState) and not item.data:
        raise GenesisError(f"{where}: data bytes cannot be empty")
