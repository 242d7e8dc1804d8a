"""Accounts that sign for the relayer on one chain: sequences, gas, fees, and following to inclusion.

Each wallet owns its sequence: it grows only when the mempool took a transaction, and is set right by
the number that the chain expects when it disagrees. Several wallets, and several transactions of each,
are on their way at the same time.
"""

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from cosmos_pb.google.protobuf import any_pb2
from relayer import tx
from relayer.clock import Clock
from relayer.coins import Coin, GasPrice
from relayer.errors import (
    InsufficientFee,
    NetworkError,
    QueryError,
    RelayerError,
    RpcError,
    SequenceMismatch,
    TxLost,
    TxRejected,
    rejection,
)
from relayer.heights import Heights
from relayer.keys import Signer
from relayer.reader import Included, Reader

ATTEMPTS: Final = 4
IN_FLIGHT: Final = 4  # transactions of one wallet between broadcast and inclusion
MEMPOOL_FULL: Final = ("sdk", 20)
ALREADY_KNOWN: Final = "tx already exists in cache"

_FEE_MARGIN = Decimal("1.1")
_RECHECK = 0.25  # seconds between looks for a transaction when no new block shows up
_USUAL_GAS = 100_000  # what simulated fees are computed from
_INDEXING = 0.02  # an indexer may be a moment behind its block


@dataclass(frozen=True, slots=True)
class Spending:
    """What transactions may cost. `max_gas` 0 is no limit; `inclusion` is in seconds."""

    price: GasPrice
    multiplier: float = 1.3
    max_gas: int = 0
    memo: str = ""
    granter: str = ""
    inclusion: float = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A transaction that took effect."""

    included: Included
    fee: tuple[Coin, ...]
    signer: str


class Wallet:
    """One account and where it stands."""

    def __init__(self, signer: Signer, prefix: str) -> None:
        self.signer = signer
        self.address = signer.address(prefix)
        self.number = 0
        self.sequence: int | None = None
        self.lock = asyncio.Lock()
        self.in_flight = 0


class WalletPool:
    """The wallets of one chain; `submit` picks the one with the fewest transactions on their way."""

    def __init__(
        self,
        chain_id: str,
        prefix: str,
        signers: Sequence[Signer],
        spending: Spending,
        reader: Reader,
        heights: Heights,
        clock: Clock,
    ) -> None:
        self._chain_id = chain_id
        self._spending = spending
        self._price = spending.price
        self._reader = reader
        self._heights = heights
        self._clock = clock
        self._freed = asyncio.Event()
        self._trouble: NetworkError | None = None
        self.wallets = [Wallet(signer, prefix) for signer in signers]

    @property
    def capacity(self) -> int:
        """How many transactions can be on their way at the same time."""
        return len(self.wallets) * IN_FLIGHT

    @property
    def address(self) -> str:
        """The first wallet's address, for messages that are built before a wallet is picked."""
        return self.wallets[0].address

    async def acquire(self) -> Wallet:
        """The least busy wallet, once there is one with room; give it back with `release`."""
        while True:
            wallet = min(self.wallets, key=lambda each: each.in_flight)
            if wallet.in_flight < IN_FLIGHT:
                wallet.in_flight += 1
                return wallet
            self._freed.clear()
            await self._freed.wait()

    def release(self, wallet: Wallet) -> None:
        wallet.in_flight -= 1
        self._freed.set()

    async def submit(
        self, messages: Sequence[any_pb2.Any], wallet: Wallet | None = None
    ) -> Outcome:
        """Sign, send and follow one transaction until a block has it.

        The messages must name the wallet's address as their signer: pass the wallet that was acquired, or
        none when they were built for `address`. Raises TxRejected when the chain refuses it (at
        simulation, at CheckTx, or in its block) and TxLost when no block has it in time.
        """
        own = wallet is None
        if wallet is None:
            wallet = self.wallets[0]
            wallet.in_flight += 1
        try:
            body = tx.body_bytes(messages, memo=self._spending.memo)
            tx_hash, fee = await self._enter(wallet, body)
            included = await self._follow(tx_hash)
        finally:
            if own:
                self.release(wallet)
        if included.code:
            raise rejection(
                self._chain_id, included.codespace, included.code, included.log, included.height
            )
        return Outcome(included, fee, wallet.address)

    async def _enter(self, wallet: Wallet, body: bytes) -> tuple[str, tuple[Coin, ...]]:
        """Get a transaction into the mempool, setting right what the chain complains about."""
        async with wallet.lock:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return await self._enter_once(wallet, body)
                except SequenceMismatch as error:
                    wallet.sequence = error.expected
                    if attempt == ATTEMPTS:
                        raise
                except InsufficientFee as error:
                    if attempt == ATTEMPTS or not self._raise_price(error):
                        raise
                except TxRejected as error:
                    if attempt == ATTEMPTS or (error.codespace, error.code) != MEMPOOL_FULL:
                        raise
                    await self._heights.wait(self._heights.latest + 1, 1.0)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _enter_once(self, wallet: Wallet, body: bytes) -> tuple[str, tuple[Coin, ...]]:
        sequence = await self._sequence(wallet)
        gas = await self._gas(wallet, body, sequence)
        fee = self._fee(gas)
        account = tx.Account(self._chain_id, wallet.number, sequence)
        signed = tx.sign(body, wallet.signer, account, fee)
        try:
            code, codespace, log = await self._reader.broadcast(signed)
        except RpcError as error:
            if ALREADY_KNOWN not in f"{error.message} {error.data}":
                wallet.sequence = None
                raise
            code, codespace, log = 0, "", ""
        except RelayerError:
            wallet.sequence = None  # it may have arrived: ask the chain before the next one
            raise
        if code:
            raise rejection(self._chain_id, codespace, code, log)
        wallet.sequence = sequence + 1
        return tx.tx_hash(signed), fee.coins

    def _fee(self, gas: int) -> tx.Fee:
        coins = (self._price.fee(gas),) if self._price.amount else ()
        return tx.Fee(gas, coins, granter=self._spending.granter)

    async def _sequence(self, wallet: Wallet) -> int:
        if wallet.sequence is None:
            account = await self._reader.account(wallet.address)
            if account is None:
                raise TxRejected(
                    self._chain_id, "sdk", 9, f"account {wallet.address} not found: is it funded?"
                )
            wallet.number, wallet.sequence = account.number, account.sequence
        return wallet.sequence

    async def _gas(self, wallet: Wallet, body: bytes, sequence: int) -> int:
        """The gas limit: what simulation used, times the multiplier, at most the maximum."""
        fee = self._fee(_USUAL_GAS)
        probe = tx.unsigned(body, wallet.signer.public_key, sequence, fee)
        try:
            used = await self._reader.simulate(probe)
        except QueryError as error:
            raise rejection(self._chain_id, error.codespace, error.code, error.log) from error
        wanted = math.ceil(used * self._spending.multiplier)
        return min(wanted, self._spending.max_gas) if self._spending.max_gas else wanted

    def _raise_price(self, error: InsufficientFee) -> bool:
        """Pay what the chain says it wants; False if that is no price in our denomination."""
        offered = re.search(r"got: ([0-9]+)", error.log)
        denom = re.escape(self._price.denom)
        wanted = re.search(rf"(?:^|,)([0-9]+){denom}(?:,|$)", error.required)
        if not wanted:
            return False
        had = Decimal(offered[1]) if offered else Decimal(0)
        if not had or not self._price.amount:
            return False
        factor = Decimal(wanted[1]) / had * _FEE_MARGIN
        self._price = GasPrice(self._price.denom, self._price.amount * factor)
        return True

    async def _follow(self, tx_hash: str) -> Included:
        """Look for a transaction whenever there is a new block, until one has it."""
        started = self._clock.monotonic()
        seen = self._heights.latest
        pause = _INDEXING
        while True:
            found = await self._look_for(tx_hash)
            if found is not None:
                self._heights.announce(found.height)
                return found
            waited = self._clock.monotonic() - started
            if waited >= self._spending.inclusion:
                raise TxLost(self._chain_id, tx_hash, waited) from self._trouble
            await self._heights.wait(seen + 1, pause)
            seen, pause = self._heights.latest, min(pause * 2, _RECHECK)

    async def _look_for(self, tx_hash: str) -> Included | None:
        """One look; an endpoint that does not answer now may do so later, the transaction is out."""
        try:
            return await self._reader.find_tx(tx_hash)
        except NetworkError as error:
            self._trouble = error
            return None
