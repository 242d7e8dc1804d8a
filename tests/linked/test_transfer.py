"""The transfer story between two embedded chains in one process."""

from helpers.linked import pair

from relayer import Link, Report
from relayer.notices import Notices


async def test_there_and_back() -> None:
    async with pair(notices=Notices(print)) as (a, b):
        link = await Link.create(a.endpoint, b.endpoint)
        channel = await link.open_channel("transfer", "transfer", "ics20-1")
        assert (channel.a_channel, channel.b_channel) == ("channel-0", "channel-0")
        await a.send([a.transfer(channel.a_channel, b.person.address, 1000)])
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        coins = await b.endpoint.reader.balances(b.person.address)
        voucher = next(coin for coin in coins if coin.denom.startswith("ibc/"))
        assert voucher.amount == 1000
        before = await a.balance()
        await b.send(
            [b.transfer(channel.b_channel, a.person.address, 400, denom=voucher.denom)]
        )
        assert await link.relay_all() == Report(received=1, acknowledged=1)
        assert await a.balance() == before + 400
        assert not link.ledger.packets
