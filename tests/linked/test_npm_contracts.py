"""Contracts that others compiled, from npm: the same transfers, through contracts that we did not build."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from helpers.contracts import Contract, deploy, packed
from helpers.linked import Party, pair
from helpers.npm import package

from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from relayer import Link, Report
from relayer.link import ChannelPair

PACKAGE: Final = "@oraichain/common-contracts-build"
VERSION: Final = "1.0.35"
SUPPLY: Final = 1_000_000
Code = Callable[[str], bytes]

pytestmark = pytest.mark.xdist_group("npm")


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Code:
    folder = package(PACKAGE, VERSION, tmp_path_factory.mktemp("npm"))
    return lambda name: (folder / "data" / f"{name}.wasm").read_bytes()


async def token(party: Party, code: Code, owner: str = "") -> Contract:
    """A cw20 token, all of it the owner's (the user's, if nobody is named)."""
    held = {"address": owner or party.person.address, "amount": str(SUPPLY)}
    message = {"name": "Ship", "symbol": "SHIP", "decimals": 6, "initial_balances": [held]}
    return await deploy(party, code("cw20-base"), message, "token")


async def bridge(party: Party, code: Code, allowed: Contract) -> Contract:
    message = {
        "default_timeout": 600,
        "gov_contract": party.person.address,
        "allowlist": [{"contract": allowed.address}],
    }
    return await deploy(party, code("cw20-ics20"), message, "bridge")


async def send(
    cw20: Contract, through: Contract, channel: str, to: str, amount: int, seconds: float = 600
) -> None:
    wish = {"channel": channel, "remote_address": to, "timeout": seconds}
    await cw20.execute(
        {"send": {"contract": through.address, "amount": str(amount), "msg": packed(wish)}}
    )


async def voucher(party: Party) -> tuple[str, int]:
    """The one token that came over IBC; an amount of 0 when there is none."""
    coins = await party.endpoint.reader.balances(party.person.address)
    return next(
        ((coin.denom, coin.amount) for coin in coins if coin.denom.startswith("ibc/")), ("", 0)
    )


async def set_up(a: Party, b: Party, code: Code) -> tuple[Link, Contract, Contract, ChannelPair]:
    """On a: a token, its bridge, and a channel from there to the transfer module of b."""
    cw20 = await token(a, code)
    through = await bridge(a, code, cw20)
    link = await Link.create(a.endpoint, b.endpoint)
    channel = await link.open_channel(through.port, "transfer", "ics20-1")
    return link, cw20, through, channel


async def test_a_token_travels_and_comes_home(code: Code) -> None:
    async with pair() as (a, b):
        link, cw20, through, channel = await set_up(a, b, code)
        await send(cw20, through, channel.a_channel, b.person.address, 250_000)
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        denom, amount = await voucher(b)
        assert amount == 250_000
        assert await cw20.balance(through.address) == 250_000
        await b.send([b.transfer(channel.b_channel, a.person.address, 100_000, denom=denom)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await voucher(b) == (denom, 150_000)
        assert await cw20.balance(through.address) == 150_000
        assert await cw20.balance(a.person.address) == SUPPLY - 150_000


async def test_a_native_coin_travels_through_the_contract(code: Code) -> None:
    async with pair() as (a, b):
        link, _, through, channel = await set_up(a, b, code)
        wish = {"channel": channel.a_channel, "remote_address": b.person.address}
        coin = coin_pb2.Coin(denom="stake", amount="70000")
        await through.execute({"transfer": wish}, [coin])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        denom, amount = await voucher(b)
        assert amount == 70_000
        held = await a.endpoint.reader.balances(through.address)
        assert [(each.denom, each.amount) for each in held] == [("stake", 70_000)]
        before = await a.balance()
        await b.send([b.transfer(channel.b_channel, a.person.address, 70_000, denom=denom)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await a.balance() == before + 70_000
        assert await voucher(b) == ("", 0)


async def test_what_is_refused_or_late_is_refunded(code: Code) -> None:
    async with pair() as (a, b):
        link, cw20, through, channel = await set_up(a, b, code)
        await send(cw20, through, channel.a_channel, "nobody", 4_000)
        assert await cw20.balance(a.person.address) == SUPPLY - 4_000
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await cw20.balance(a.person.address) == SUPPLY
        await send(cw20, through, channel.a_channel, b.person.address, 5_000, seconds=1)
        assert await cw20.balance(a.person.address) == SUPPLY - 5_000
        await asyncio.sleep(1.1)
        await b.node.next_block()
        assert await link.relay_all() == Report(timed_out=1)
        assert await cw20.balance(a.person.address) == SUPPLY
        assert await cw20.balance(through.address) == 0
        assert await voucher(b) == ("", 0)


async def test_a_remote_coin_is_exchanged_for_a_local_token(code: Code) -> None:
    """cw-ics20-latest pays a mapped token out of its own stock, and takes it in again on the way back."""
    async with pair() as (a, b):
        message: dict[str, Any] = {
            "default_timeout": 600,
            "gov_contract": b.person.address,
            "swap_router_contract": b.person.address,
            "allowlist": [],
        }
        exchange = await deploy(b, code("cw-ics20-latest"), message, "exchange")
        cw20 = await token(b, code, owner=exchange.address)
        link = await Link.create(a.endpoint, b.endpoint)
        channel = await link.open_channel("transfer", exchange.port, "ics20-1")
        asset = {"token": {"contract_addr": cw20.address}}
        mapping = {
            "local_channel_id": channel.b_channel,
            "denom": "stake",
            "local_asset_info": asset,
            "local_asset_info_decimals": 6,
            "remote_decimals": 6,
        }
        await exchange.execute({"update_mapping_pair": mapping})
        before = await a.balance()
        sent = await a.send([a.transfer(channel.a_channel, b.person.address, 90_000)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        spent = sent.fee[0].amount + 90_000
        assert await a.balance() == before - spent
        assert await cw20.balance(b.person.address) == 90_000
        assert await cw20.balance(exchange.address) == SUPPLY - 90_000
        back = {
            "local_channel_id": channel.b_channel,
            "remote_address": a.person.address,
            "remote_denom": "stake",
        }
        await cw20.execute(
            {"send": {"contract": exchange.address, "amount": "40000", "msg": packed(back)}}
        )
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await a.balance() == before - spent + 40_000
        assert await cw20.balance(b.person.address) == 50_000
        assert await cw20.balance(exchange.address) == SUPPLY - 50_000
