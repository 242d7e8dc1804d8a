"""One chain as the relayer sees it: typed reads, verified reads, wallets and the newest height."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from cosmos_pb.google.protobuf import any_pb2
from light_client.values import Height, Timestamp, revision
from light_client.verify import Rules
from relayer.clock import Clock, SystemClock
from relayer.coins import GasPrice
from relayer.config import ChainConfig, Duration
from relayer.errors import ChainMismatch, NetworkError, TxError
from relayer.events import IbcEvent, of_block
from relayer.heights import Heights
from relayer.keys import Signer
from relayer.notices import ChainReady, Notices
from relayer.plan import Head, Limits
from relayer.reader import Reader
from relayer.transport import Transport
from relayer.verified import Proven, Verifier
from relayer.wallet import Outcome, Spending, WalletPool

_EVENTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """What must be known of a chain beforehand. Periods in nanoseconds, `inclusion` in seconds.

    Without a trusting period it is two thirds of the unbonding time; without a trusted block the newest
    one, or what a client on another chain trusts, is the root of trust. `rpc` is for errors: where the
    endpoint is.
    """

    chain_id: str
    prefix: str
    gas_price: GasPrice
    gas_multiplier: float = 1.3
    max_gas: int = 0
    max_messages: int = 50
    max_tx_bytes: int = 900_000
    inclusion: float = 60.0
    clock_drift_ns: int = Duration.parse("40s")
    trusting_period_ns: int | None = None
    trusted_block: tuple[int, bytes] | None = None
    memo: str = ""
    fee_granter: str = ""
    rpc: str = ""

    @classmethod
    def of(cls, config: ChainConfig) -> Self:
        trust = config.trust
        return cls(
            chain_id=config.id,
            prefix=config.prefix,
            gas_price=config.gas_price,
            gas_multiplier=config.gas_multiplier,
            max_gas=config.max_gas,
            max_messages=config.max_messages,
            max_tx_bytes=config.max_tx_bytes,
            inclusion=config.inclusion_timeout.seconds,
            clock_drift_ns=config.clock_drift,
            trusting_period_ns=config.trusting_period,
            trusted_block=(trust.height, bytes.fromhex(trust.hash)) if trust else None,
            memo=config.memo,
            fee_granter=config.fee_granter,
            rpc=config.rpc,
        )


class Endpoint:
    """A chain behind a transport. `open` it before use, `close` it afterwards."""

    def __init__(
        self,
        settings: ChainSettings,
        transport: Transport,
        signers: Sequence[Signer] = (),
        *,
        clock: Clock | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.settings = settings
        self.chain_id = settings.chain_id
        self.revision = revision(settings.chain_id)
        self.clock: Clock = clock or SystemClock()
        self.notices = notices or Notices()
        self.reader = Reader(settings.chain_id, transport)
        self.heights = Heights(self.reader, self.clock)
        self.verifier = Verifier(settings.chain_id, self.reader, self.clock)
        self.wallets = WalletPool(
            settings.chain_id,
            settings.prefix,
            signers,
            _spending(settings),
            self.reader,
            self.heights,
            self.clock,
        )
        self.unbonding_ns = 0
        self._touched = 0
        self._blocks: dict[int, asyncio.Task[list[IbcEvent]]] = {}

    @property
    def limits(self) -> Limits:
        """What one transaction to this chain may hold."""
        settings = self.settings
        return Limits(settings.max_messages, settings.max_tx_bytes, settings.max_gas)

    @property
    def address(self) -> str:
        """The first wallet's address."""
        if not self.wallets.wallets:
            raise TxError(self.chain_id, "there is no key to sign with")
        return self.wallets.address

    @property
    def newest_time(self) -> Timestamp:
        """The time of the newest block that was verified so far."""
        return self.verifier.newest.time

    async def open(self) -> Self:
        """Check which chain this is, learn its periods, and find a root of trust.

        Raises ChainMismatch, NetworkError, VerificationFailed.
        """
        status = await self.reader.status()
        if status.chain_id != self.chain_id:
            raise ChainMismatch(
                self.settings.rpc or self.reader.name, self.chain_id, status.chain_id
            )
        self.heights.announce(status.height)
        self.unbonding_ns = await self.reader.unbonding_ns()
        settings = self.settings
        period = settings.trusting_period_ns or self.unbonding_ns * 2 // 3
        self.verifier.rules = Rules(period, max_clock_drift_ns=settings.clock_drift_ns)
        if settings.trusted_block is not None:
            await self.verifier.trust(*settings.trusted_block)
        else:
            await self._wait(max(status.height, 1))
            await self.verifier.trust(self.heights.latest)
        self.notices(ChainReady(self.chain_id, self.heights.latest))
        return self

    async def close(self) -> None:
        for task in self._blocks.values():
            task.cancel()
        await asyncio.gather(*self._blocks.values(), return_exceptions=True)
        await self.reader.transport.close()

    async def events(self, height: int) -> list[IbcEvent]:
        """The IBC events of a block; links that share the chain share the reading."""
        task = self._blocks.get(height)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(self._read_block(height))
            self._blocks[height] = task
            for old in list(self._blocks)[:-_EVENTS_KEPT]:
                if self._blocks[old].done():
                    del self._blocks[old]
        return await asyncio.shield(task)

    async def settled(self, height: int) -> int:
        """The newest height whose state can be proven now, at least `height`.

        The state after block h is in header h + 1, so that one is waited for.
        """
        await self._wait(height + 1)
        return self.heights.latest - 1

    async def provable(self) -> int:
        """The newest height that can be proven, with all that our own transactions did in it."""
        latest = await self.heights.refresh()
        return await self.settled(max(self._touched, latest - 1, 1))

    async def catch_up(self) -> None:
        """From now on what anybody did up to the newest block is in all that is proven."""
        self._touched = max(self._touched, await self.heights.refresh())

    async def head(self) -> Head:
        """The newest block that is known, verified."""
        trusted = await self.verifier.header(self.heights.latest)
        return Head(Height(self.revision, trusted.height), trusted.time)

    async def prove(self, path: str | bytes, height: int | None = None) -> Proven:
        """What the ibc store holds under a path, verified; without a height, the newest provable."""
        return await self.verifier.prove(path, height or await self.provable())

    async def submit(self, messages: Sequence[any_pb2.Any], wallet: Any = None) -> Outcome:
        """Send one transaction and wait until a block has it; see `WalletPool.submit`."""
        if not self.wallets.wallets:
            raise TxError(self.chain_id, "there is no key to sign with")
        outcome = await self.wallets.submit(messages, wallet)
        self._touched = max(self._touched, outcome.included.height)
        return outcome

    def now(self) -> Timestamp:
        return self.clock.now()

    async def _wait(self, height: int) -> None:
        if not await self.heights.wait(height, self.settings.inclusion):
            waited = self.settings.inclusion
            raise NetworkError(
                self.chain_id,
                f"no block {height} within {waited:g} s, the newest is {self.heights.latest}",
            )

    async def _read_block(self, height: int) -> list[IbcEvent]:
        return of_block(await self.reader.block_results(height))


def _spending(settings: ChainSettings) -> Spending:
    return Spending(
        price=settings.gas_price,
        multiplier=settings.gas_multiplier,
        max_gas=settings.max_gas,
        memo=settings.memo,
        granter=settings.fee_granter,
        inclusion=settings.inclusion,
    )
