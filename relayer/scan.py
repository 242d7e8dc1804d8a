"""Taking stock of a link that was not read from its beginning: what is pending on its channels.

The chains know which packets are unfinished; what is in them is found in the events of old transactions.
"""

import asyncio
from typing import Any

from relayer.endpoint import Endpoint
from relayer.events import Kind, PacketEvent, of_events
from relayer.ledger import Ledger
from relayer.packets import Entry, PacketKey, Stage

_CLOSED = 4
_SEARCHES = 16


async def catch_up(a: Endpoint, b: Endpoint, ledger: Ledger) -> None:
    """Fill the ledger with what is pending, and let reading begin at the newest blocks.

    The heights come first: what happens while we look is then read as well.
    """
    unread = [chain for chain in (a, b) if ledger.cursors[chain.chain_id] is None]
    heights = {chain.chain_id: await chain.heights.refresh() for chain in unread}
    await _pending(a, b, ledger)
    await _pending(b, a, ledger)
    for chain, height in heights.items():
        ledger.skip_to(chain, height)


async def _pending(source: Endpoint, destination: Endpoint, ledger: Ledger) -> None:
    for channel in await source.reader.channels(ledger.connection(source.chain_id)):
        if channel.state == _CLOSED:
            ledger.closed.add((source.chain_id, channel.port_id, channel.channel_id))
        if not _admitted(channel, source, ledger):
            continue
        sequences = await source.reader.commitments(channel.port_id, channel.channel_id)
        limit = asyncio.Semaphore(_SEARCHES)
        found = await asyncio.gather(
            *(_find(source, channel, sequence, limit) for sequence in sequences)
        )
        entries = [entry for entry in found if entry is not None]
        ledger.learn(entries)
        await _find_acks(destination, channel, entries, ledger, limit)


def _admitted(channel: Any, source: Endpoint, ledger: Ledger) -> bool:
    if source.chain_id == ledger.ids.a.chain:
        return ledger.admits(channel.port_id, channel.channel_id)
    return ledger.admits(channel.counterparty.port_id, channel.counterparty.channel_id)


async def _find(
    source: Endpoint, channel: Any, sequence: int, limit: asyncio.Semaphore
) -> Entry | None:
    """The packet in the events of the transaction that sent it."""
    query = (
        f"send_packet.packet_src_channel='{channel.channel_id}' AND "
        f"send_packet.packet_src_port='{channel.port_id}' AND "
        f"send_packet.packet_sequence='{sequence}'"
    )
    async with limit:
        txs = await source.reader.search(query)
    wanted = (Kind.SENT, channel.port_id, channel.channel_id, sequence)
    for tx in txs:
        for event in of_events(tx.events):
            if isinstance(event, PacketEvent) and _sent(event) == wanted:
                key = PacketKey(source.chain_id, channel.port_id, channel.channel_id, sequence)
                return Entry(key, Stage.SENT, event.packet, event.ordered, tx.height)
    return None


async def _find_acks(
    destination: Endpoint,
    channel: Any,
    entries: list[Entry],
    ledger: Ledger,
    limit: asyncio.Semaphore,
) -> None:
    """For packets that the destination has received: the acknowledgements that it has written."""
    if not entries:
        return
    other = channel.counterparty
    sequences = [entry.key.sequence for entry in entries]
    missing = await destination.reader.unreceived_packets(
        other.port_id, other.channel_id, sequences
    )
    received = [entry for entry in entries if entry.key.sequence not in missing]

    async def find(entry: Entry) -> None:
        query = (
            f"write_acknowledgement.packet_dst_channel='{other.channel_id}' AND "
            f"write_acknowledgement.packet_dst_port='{other.port_id}' AND "
            f"write_acknowledgement.packet_sequence='{entry.key.sequence}'"
        )
        async with limit:
            txs = await destination.reader.search(query)
        for tx in txs:
            for event in of_events(tx.events):
                if isinstance(event, PacketEvent) and _is_ack_for(event, entry):
                    ledger.mark_acked(entry.key, event.ack, tx.height)

    await asyncio.gather(*(find(entry) for entry in received))


def _is_ack_for(event: PacketEvent, entry: Entry) -> bool:
    return event.kind is Kind.ACK_WRITTEN and event.packet == entry.packet


def _sent(event: PacketEvent) -> tuple[Kind, str, str, int]:
    packet = event.packet
    return event.kind, packet.source_port, packet.source_channel, packet.sequence
