"""The ping-pong contract on both chains of a pair, and a channel between the two."""

from __future__ import annotations

from typing import Any

from helpers.contracts import Contract, deploy
from helpers.linked import Party

from contracts import artifact
from relayer import Link
from relayer.link import ChannelPair
from relayer.wallet import Outcome

VERSION = "ping-pong-1"


class Player(Contract):
    """One ping-pong contract."""

    async def ping(self, channel: str, count: int = 1, seconds: int = 600) -> Outcome:
        message = {"channel": channel, "text": "x", "count": count, "timeout_seconds": seconds}
        return await self.execute({"ping": message})

    async def send(self, channel: str, packet: Any, seconds: int = 600) -> Outcome:
        message = {"channel": channel, "packet": packet, "timeout_seconds": seconds}
        return await self.execute({"send": message})

    async def counters(self) -> dict[str, int]:
        found: dict[str, int] = await self.query({"counters": {}})
        return found

    async def received(self, channel: str) -> list[int]:
        """The sequences received on a channel, in the order of the sequences."""
        answer = await self.query({"received": {"channel": channel, "limit": 100}})
        return [packet["sequence"] for packet in answer["packets"]]


async def player(party: Party) -> Player:
    """Store and instantiate the contract."""
    made = await deploy(party, artifact("ping_pong"), {}, "ping-pong")
    return Player(party, made.address)


async def players(
    link: Link, a: Party, b: Party, *, ordered: bool = False
) -> tuple[Player, Player, ChannelPair]:
    """Contracts on both chains of a link, and a channel between them."""
    at_a, at_b = await player(a), await player(b)
    channel = await link.open_channel(at_a.port, at_b.port, VERSION, ordered=ordered)
    return at_a, at_b, channel
