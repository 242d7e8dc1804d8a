"""NFTs over IBC: cw721-base and cw-ics721-bridge, as npm has them, on two chains."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from helpers.contracts import Contract, deploy, packed
from helpers.linked import Party, late, pair
from helpers.npm import package

from relayer import Link, Report, TxRejected
from relayer.link import ChannelPair
from relayer.wallet import Outcome

PACKAGE: Final = "@oraichain/common-contracts-build"
VERSION: Final = "1.0.35"
CW721: Final = 1
"""The number of the code of which bridges make collections: the first on both chains."""
ACKNOWLEDGED: Final = Report(received=1, acknowledged=1)

pytestmark = pytest.mark.xdist_group("npm")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(PACKAGE, VERSION, tmp_path_factory.mktemp("npm")) / "data"


@dataclass
class Shore:
    """One end: a chain, the collection that was made there, and the bridge."""

    party: Party
    art: Contract
    bridge: Contract

    async def send(
        self, art: Contract, token: str, to: str, channel: str, seconds: float = 600
    ) -> Outcome:
        """The user's NFT to ``to`` on the other chain."""
        until = time.time_ns() + int(seconds * 10**9)
        wish = {"receiver": to, "channel_id": channel, "timeout": {"timestamp": str(until)}}
        message = {"contract": self.bridge.address, "token_id": token, "msg": packed(wish)}
        return await art.execute({"send_nft": message})

    async def owner(self, art: Contract, token: str) -> str:
        return str((await art.query({"owner_of": {"token_id": token}}))["owner"])

    async def collection(self, class_id: str) -> Contract:
        """The collection of vouchers that the bridge made for a class from elsewhere."""
        address = await self.bridge.query({"nft_contract": {"class_id": class_id}})
        assert address is not None, class_id
        return Contract(self.party, address)


async def shore(party: Party, folder: Path) -> Shore:
    person = party.person.address
    collection = {"name": "Art", "symbol": "ART", "minter": person}
    art = await deploy(party, (folder / "cw721-base.wasm").read_bytes(), collection, "art")
    code = (folder / "cw-ics721-bridge.wasm").read_bytes()
    bridge = await deploy(party, code, {"cw721_base_code_id": CW721, "pauser": person}, "bridge")
    return Shore(party, art, bridge)


@dataclass
class Strait:
    """Two shores and a channel between their bridges, with an NFT on a that its user owns."""

    a: Shore
    b: Shore
    link: Link
    channel: ChannelPair

    @property
    def class_on_b(self) -> str:
        """What b calls the collection of a."""
        return f"{self.b.bridge.port}/{self.channel.b_channel}/{self.a.art.address}"

    async def go(self, to: str, seconds: float = 600) -> Outcome:
        return await self.a.send(self.a.art, "one", to, self.channel.a_channel, seconds)

    async def away(self, shore: Shore) -> Any:
        """NFTs that a bridge keeps because they are elsewhere."""
        return await shore.bridge.query({"outgoing_channels": {}})


async def strait(a: Party, b: Party, folder: Path) -> Strait:
    ends = await shore(a, folder), await shore(b, folder)
    link = await Link.create(a.endpoint, b.endpoint)
    channel = await link.open_channel(ends[0].bridge.port, ends[1].bridge.port, "ics721-1")
    minted = {"token_id": "one", "owner": a.person.address, "token_uri": "https://example.com/1"}
    await ends[0].art.execute({"mint": {**minted, "extension": {}}})
    return Strait(*ends, link, channel)


async def test_an_nft_travels_and_comes_home(folder: Path) -> None:
    async with pair() as (a, b):
        way = await strait(a, b, folder)
        await way.go(b.person.address)
        assert await way.link.relay_all() == ACKNOWLEDGED
        assert await way.a.owner(way.a.art, "one") == way.a.bridge.address
        assert await way.away(way.a) == [[[way.a.art.address, "one"], way.channel.a_channel]]
        vouchers = await way.b.collection(way.class_on_b)
        assert await way.b.owner(vouchers, "one") == b.person.address
        info = await vouchers.query({"nft_info": {"token_id": "one"}})
        assert info["token_uri"] == "https://example.com/1"
        await way.b.send(vouchers, "one", a.person.address, way.channel.b_channel)
        assert await way.link.relay_all() == ACKNOWLEDGED
        assert await way.a.owner(way.a.art, "one") == a.person.address
        assert await way.away(way.a) == []
        assert await vouchers.query({"num_tokens": {}}) == {"count": 0}
        assert not way.link.ledger.packets


async def test_an_nft_that_is_refused_or_late_comes_back(folder: Path) -> None:
    async with pair() as (a, b):
        way = await strait(a, b, folder)
        await way.go("nobody")
        assert await way.a.owner(way.a.art, "one") == way.a.bridge.address
        assert await way.link.relay_all() == ACKNOWLEDGED
        assert await way.a.owner(way.a.art, "one") == a.person.address
        await way.go(b.person.address, seconds=1)
        assert await way.a.owner(way.a.art, "one") == way.a.bridge.address
        await late(b)
        assert await way.link.relay_all() == Report(timed_out=1)
        assert await way.a.owner(way.a.art, "one") == a.person.address
        assert await way.away(way.a) == []
        assert await way.b.bridge.query({"nft_contracts": {}}) == []


async def test_a_paused_bridge_keeps_nothing(folder: Path) -> None:
    """The side that is paused answers with an error, and what was sent to it comes back."""
    async with pair() as (a, b):
        way = await strait(a, b, folder)
        await way.b.bridge.execute({"pause": {}})
        await way.go(b.person.address)
        assert await way.link.relay_all() == ACKNOWLEDGED
        assert await way.a.owner(way.a.art, "one") == a.person.address
        await way.a.bridge.execute({"pause": {}})
        with pytest.raises(TxRejected, match="contract is paused"):
            await way.go(b.person.address)
