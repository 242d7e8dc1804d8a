"""Contracts that others compiled, from npm: the same transfers, through contracts that we did not build."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import pytest
from helpers.accounts import Person
from helpers.contracts import Contract, deploy, packed
from helpers.linked import Party, late, pair
from helpers.npm import package

from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_query
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.ibc.applications.transfer.v1 import query_pb2 as transfer_query
from relayer import Link, Report, TxRejected
from relayer.link import ChannelPair
from relayer.wallet import Outcome

PACKAGE: Final = "@oraichain/common-contracts-build"
VERSION: Final = "1.0.35"
SUPPLY: Final = 1_000_000
ACKNOWLEDGED: Final = Report(received=1, acknowledged=1)
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


async def bridge(party: Party, code: Code, *allowed: Contract) -> Contract:
    message = {
        "default_timeout": 600,
        "gov_contract": party.person.address,
        "allowlist": [{"contract": each.address} for each in allowed],
    }
    return await deploy(party, code("cw20-ics20"), message, "bridge")


def stake(amount: int) -> coin_pb2.Coin:
    return coin_pb2.Coin(denom="stake", amount=str(amount))


def ibc(port: str, channel: str, denom: str) -> str:
    """What the transfer module calls a coin that came by this channel end."""
    return f"ibc/{sha256(f'{port}/{channel}/{denom}'.encode()).hexdigest().upper()}"


async def supply(party: Party, denom: str) -> int:
    """All coins of a denomination on a chain, whoever owns them."""
    answer = await party.endpoint.reader.ask(
        "/cosmos.bank.v1beta1.Query/SupplyOf",
        bank_query.QuerySupplyOfRequest(denom=denom),
        bank_query.QuerySupplyOfResponse,
    )
    return int(answer.amount.amount)


async def coins(party: Party, address: str) -> dict[str, int]:
    return {coin.denom: coin.amount for coin in await party.endpoint.reader.balances(address)}


@dataclass
class Crossing:
    """On a: a cw20 token, cw20-ics20, and a channel from there to the transfer module of b."""

    a: Party
    b: Party
    link: Link
    cw20: Contract
    through: Contract
    channel: ChannelPair

    async def send(self, to: str, amount: int, seconds: int = 600) -> Outcome:
        """The user's token to ``to`` on b."""
        message = packed(self.wish(to, seconds))
        transfer = {"contract": self.through.address, "amount": str(amount), "msg": message}
        return await self.cw20.execute({"send": transfer})

    async def send_native(self, to: str, amount: int, seconds: int = 600) -> Outcome:
        return await self.through.execute({"transfer": self.wish(to, seconds)}, [stake(amount)])

    def wish(self, to: str, seconds: int) -> Any:
        return {"channel": self.channel.a_channel, "remote_address": to, "timeout": seconds}

    async def back(self, denom: str, amount: int) -> Outcome:
        """The voucher of b's user to a's user."""
        to = self.a.person.address
        return await self.b.send(
            [self.b.transfer(self.channel.b_channel, to, amount, denom=self.voucher(denom))]
        )

    def voucher(self, denom: str) -> str:
        return ibc("transfer", self.channel.b_channel, denom)

    @property
    def cw20_denom(self) -> str:
        return f"cw20:{self.cw20.address}"

    async def holds(self, away: int) -> None:
        """Of all tokens ``away`` are on b, and both chains and the contract's own books agree on it."""
        voucher = self.voucher(self.cw20_denom)
        owned = await self.cw20.balance(self.a.person.address)
        escrowed = await self.cw20.balance(self.through.address)
        assert (owned, escrowed) == (SUPPLY - away, away)
        assert (await coins(self.b, self.b.person.address)).get(voucher, 0) == away
        assert await supply(self.b, voucher) == away
        await self.has_booked({"cw20": {"address": self.cw20.address, "amount": str(away)}})

    async def has_booked(self, balance: Any) -> None:
        answer = await self.through.query({"channel": {"id": self.channel.a_channel}})
        assert answer["balances"] == [balance]


async def crossing(a: Party, b: Party, code: Code) -> Crossing:
    cw20 = await token(a, code)
    through = await bridge(a, code, cw20)
    link = await Link.create(a.endpoint, b.endpoint)
    channel = await link.open_channel(through.port, "transfer", "ics20-1")
    return Crossing(a, b, link, cw20, through, channel)


async def test_a_token_travels_and_comes_home(code: Code) -> None:
    async with pair() as (a, b):
        way = await crossing(a, b, code)
        await way.send(b.person.address, 250_000)
        assert await way.link.relay_all() == ACKNOWLEDGED
        await way.holds(away=250_000)
        await way.back(way.cw20_denom, 100_000)
        assert await way.link.relay_all() == ACKNOWLEDGED
        await way.holds(away=150_000)
        await way.back(way.cw20_denom, 150_000)
        assert await way.link.relay_all() == ACKNOWLEDGED
        await way.holds(away=0)
        assert not way.link.ledger.packets


async def test_a_token_that_is_refused_or_late_is_refunded(code: Code) -> None:
    async with pair() as (a, b):
        way = await crossing(a, b, code)
        await way.send("nobody", 4_000)
        assert await way.cw20.balance(a.person.address) == SUPPLY - 4_000
        assert await way.link.relay_all() == ACKNOWLEDGED
        await way.holds(away=0)
        await way.send(b.person.address, 5_000, seconds=1)
        assert await way.cw20.balance(a.person.address) == SUPPLY - 5_000
        await late(b)
        assert await way.link.relay_all() == Report(timed_out=1)
        await way.holds(away=0)


async def test_a_native_coin_travels_through_the_contract(code: Code) -> None:
    async with pair() as (a, b):
        way = await crossing(a, b, code)
        voucher, before = way.voucher("stake"), await a.balance()
        sent = await way.send_native(b.person.address, 70_000)
        assert await way.link.relay_all() == ACKNOWLEDGED
        assert await a.balance() == before - sent.fee[0].amount - 70_000
        assert await coins(a, way.through.address) == {"stake": 70_000}
        assert (await coins(b, b.person.address))[voucher] == 70_000
        assert await supply(b, voucher) == 70_000
        await way.has_booked({"native": {"denom": "stake", "amount": "70000"}})
        await way.back("stake", 70_000)
        assert await way.link.relay_all() == ACKNOWLEDGED
        assert await a.balance() == before - sent.fee[0].amount
        assert await coins(a, way.through.address) == {}
        assert await supply(b, voucher) == 0


async def test_a_native_coin_that_is_refused_or_late_is_refunded(code: Code) -> None:
    async with pair() as (a, b):
        way = await crossing(a, b, code)
        before = await a.balance()
        refused = await way.send_native("nobody", 4_000)
        assert await way.link.relay_all() == ACKNOWLEDGED
        unpunctual = await way.send_native(b.person.address, 5_000, seconds=1)
        assert await coins(a, way.through.address) == {"stake": 5_000}
        await late(b)
        assert await way.link.relay_all() == Report(timed_out=1)
        fees = refused.fee[0].amount + unpunctual.fee[0].amount
        assert await a.balance() == before - fees
        assert await coins(a, way.through.address) == {}
        assert await supply(b, way.voucher("stake")) == 0


async def test_a_contract_refuses_what_it_did_not_send(code: Code) -> None:
    """Between two cw20-ics20 the receiver answers with an error, for it has no vouchers."""
    async with pair() as (a, b):
        cw20 = await token(a, code)
        ends = await bridge(a, code, cw20), await bridge(b, code)
        link = await Link.create(a.endpoint, b.endpoint)
        channel = await link.open_channel(ends[0].port, ends[1].port, "ics20-1")
        way = Crossing(a, b, link, cw20, ends[0], channel)
        await way.send(b.person.address, 6_000)
        assert await cw20.balance(way.through.address) == 6_000
        assert await link.relay_all() == ACKNOWLEDGED
        await way.holds(away=0)


# cw-ics20-latest pays a coin from elsewhere out of its own stock of a mapped asset, and takes it in on the way home.


@dataclass
class Exchange:
    """On b: cw-ics20-latest, which maps a's stake to some asset. On a: the transfer module."""

    a: Party
    b: Party
    link: Link
    contract: Contract
    channel: ChannelPair

    async def map(self, asset: Any, decimals: int = 6) -> None:
        mapping = {
            "local_channel_id": self.channel.b_channel,
            "denom": "stake",
            "local_asset_info": asset,
            "local_asset_info_decimals": decimals,
            "remote_decimals": 6,
        }
        await self.contract.execute({"update_mapping_pair": mapping})

    async def buy(self, amount: int) -> int:
        """a's user sends stake to b's user; what it costs him in all."""
        message = self.a.transfer(self.channel.a_channel, self.b.person.address, amount)
        return amount + (await self.a.send([message])).fee[0].amount

    def wish(self, to: str, seconds: int = 600) -> Any:
        return {
            "local_channel_id": self.channel.b_channel,
            "remote_address": to,
            "remote_denom": "stake",
            "timeout": seconds,
        }

    async def outstanding(self) -> int:
        """a's stake that the contract has paid for and not given back, by its own books."""
        denom = f"{self.contract.port}/{self.channel.b_channel}/stake"
        key = {"channel_id": self.channel.b_channel, "denom": denom}
        answer = await self.contract.query({"channel_with_key": key})
        return int(answer["balance"]["native"]["amount"])

    async def escrowed(self) -> dict[str, int]:
        """What the transfer module of a keeps for this channel."""
        end = {"port_id": self.channel.a_port, "channel_id": self.channel.a_channel}
        answer = await self.a.endpoint.reader.ask(
            "/ibc.applications.transfer.v1.Query/EscrowAddress",
            transfer_query.QueryEscrowAddressRequest(**end),
            transfer_query.QueryEscrowAddressResponse,
        )
        return await coins(self.a, answer.escrow_address)

    async def is_owed(self, amount: int) -> None:
        """``amount`` of a's stake is away: a's escrow and the contract's books agree on it."""
        assert await self.escrowed() == ({"stake": amount} if amount else {})
        assert await self.outstanding() == amount


async def exchange(a: Party, b: Party, code: Code) -> Exchange:
    message = {
        "default_timeout": 600,
        "gov_contract": b.person.address,
        "swap_router_contract": b.person.address,
        "allowlist": [],
    }
    contract = await deploy(b, code("cw-ics20-latest"), message, "exchange")
    link = await Link.create(a.endpoint, b.endpoint)
    channel = await link.open_channel("transfer", contract.port, "ics20-1")
    return Exchange(a, b, link, contract, channel)


async def test_a_remote_coin_is_exchanged_for_a_local_token(code: Code) -> None:
    """With two decimals more than the coin has, and a hundredth as the contract's fee."""
    async with pair() as (a, b):
        shop = await exchange(a, b, code)
        cw20 = await token(b, code, owner=shop.contract.address)
        await shop.map({"token": {"contract_addr": cw20.address}}, decimals=8)
        fees = Person("who takes the fees").address
        ratio = {"token_denom": "stake", "ratio": {"nominator": 1, "denominator": 100}}
        await shop.contract.execute({"update_config": {"token_fee": [ratio], "fee_receiver": fees}})
        before = await a.balance()
        spent = await shop.buy(5_000)
        assert await shop.link.relay_all() == ACKNOWLEDGED
        assert await a.balance() == before - spent
        assert await cw20.balance(b.person.address) == 495_000
        assert await cw20.balance(fees) == 5_000
        assert await cw20.balance(shop.contract.address) == SUPPLY - 500_000
        await shop.is_owed(5_000)
        wish = packed(shop.wish(a.person.address))
        back = {"contract": shop.contract.address, "amount": "200000", "msg": wish}
        await cw20.execute({"send": back})
        assert await shop.link.relay_all() == ACKNOWLEDGED
        assert await a.balance() == before - spent + 1_980
        held = [
            await cw20.balance(each) for each in (b.person.address, fees, shop.contract.address)
        ]
        assert held == [295_000, 7_000, SUPPLY - 302_000]
        await shop.is_owed(3_020)


async def test_a_remote_coin_is_exchanged_for_a_local_coin(code: Code) -> None:
    """And taken back by transfer_to_remote, whose failures are refunded."""
    async with pair() as (a, b):
        shop = await exchange(a, b, code)
        await shop.map({"native_token": {"denom": "stake"}})
        stock = bank_tx.MsgSend(
            from_address=b.person.address, to_address=shop.contract.address, amount=[stake(100_000)]
        )
        await b.send([stock])
        at_a, at_b = await a.balance(), await b.balance()
        spent = await shop.buy(90_000)
        assert await shop.link.relay_all() == ACKNOWLEDGED
        assert await b.balance() == at_b + 90_000
        await shop.is_owed(90_000)
        for wish, end in (
            (shop.wish(a.person.address), ACKNOWLEDGED),
            (shop.wish("nobody"), ACKNOWLEDGED),
            (shop.wish(a.person.address, seconds=1), Report(timed_out=1)),
        ):
            sent = await shop.contract.execute({"transfer_to_remote": wish}, [stake(30_000)])
            at_b -= sent.fee[0].amount
            if end.timed_out:
                await late(a)
            assert await shop.link.relay_all() == end
        assert await a.balance() == at_a - spent + 30_000
        assert await b.balance() == at_b + 60_000
        assert await coins(b, shop.contract.address) == {"stake": 40_000}
        await shop.is_owed(60_000)


async def test_a_coin_without_a_mapping_is_refused(code: Code) -> None:
    async with pair() as (a, b):
        shop = await exchange(a, b, code)
        before = await a.balance()
        spent = await shop.buy(7_000)
        assert await shop.link.relay_all() == ACKNOWLEDGED
        assert await a.balance() == before - spent + 7_000
        assert await shop.escrowed() == {}
        with pytest.raises(TxRejected, match="mapping pair"):
            await shop.contract.execute(
                {"transfer_to_remote": shop.wish(a.person.address)}, [stake(1)]
            )
