"""Transactions that wait for a block, in the order in which they came.

Everything here runs on the application's thread (``chain.node.execution``), but for the counters.
Texts and limits are those of CometBFT's ``mempool/clist_mempool.go``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from chain.node.block import tx_hash, tx_size
from chain.node.errors import MempoolError
from chain.node.limits import MempoolLimits
from cosmos_pb.tendermint.abci import types_pb2 as abci

CheckTx = Callable[[abci.RequestCheckTx], abci.ResponseCheckTx]


@dataclass(frozen=True, slots=True)
class _Waiting:
    tx: bytes
    gas_wanted: int


class Mempool:
    def __init__(self, check_tx: CheckTx, limits: MempoolLimits | None = None) -> None:
        self._check_tx = check_tx
        self._limits = limits or MempoolLimits()
        self._waiting: OrderedDict[bytes, _Waiting] = OrderedDict()
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self.total_bytes = 0
        self.max_bytes = -1
        self.max_gas = -1
        """What one block takes at most (-1: no limit); the node sets both after each block."""

    def __len__(self) -> int:
        return len(self._waiting)

    def check(self, tx: bytes) -> abci.ResponseCheckTx:
        """Ask the application, and keep the transaction when it says code 0.

        Raises MempoolError for one that was seen before or fits into no block, or when there is no
        room.
        """
        self.refuse(tx)
        key = tx_hash(tx)
        self._remember(key)
        response = self._check_tx(abci.RequestCheckTx(tx=tx, type=abci.NEW))
        if response.code == 0 and -1 < self.max_gas < response.gas_wanted:
            self._seen.pop(key, None)
            raise MempoolError(
                f"gas wanted {response.gas_wanted} is greater than max gas {self.max_gas}"
            )
        if response.code == 0:
            self._waiting[key] = _Waiting(tx, response.gas_wanted)
            self.total_bytes += len(tx)
        else:
            self._seen.pop(key, None)
        return response

    def reap(self, max_bytes: int, max_gas: int) -> list[bytes]:
        """The first transactions that fit into a block (-1: no limit)."""
        reaped, size, gas = [], 0, 0
        for each in self._waiting.values():
            size += tx_size(each.tx)
            gas += each.gas_wanted
            if -1 < max_bytes < size or -1 < max_gas < gas:
                break
            reaped.append(each.tx)
        return reaped

    def first(self, count: int) -> list[bytes]:
        """Up to ``count`` transactions from the front (every one: -1)."""
        waiting = [each.tx for each in list(self._waiting.values())]
        return waiting if count < 0 else waiting[:count]

    def update(self, txs: Sequence[bytes], results: Sequence[abci.ExecTxResult]) -> None:
        """After a block: drop what it carried, and check again what still waits.

        Transactions that failed in the block may be sent again.
        """
        for tx, result in zip(txs, results, strict=True):
            key = tx_hash(tx)
            self._drop(key)
            if result.code == 0:
                self._remember(key)
            else:
                self._seen.pop(key, None)
        for key, each in list(self._waiting.items()):
            response = self._check_tx(abci.RequestCheckTx(tx=each.tx, type=abci.RECHECK))
            if response.code != 0:
                self._drop(key)
                self._seen.pop(key, None)

    def flush(self) -> None:
        self._waiting.clear()
        self._seen.clear()
        self.total_bytes = 0

    def refuse(self, tx: bytes) -> None:
        """Raise MempoolError for a transaction that the application need not be asked about."""
        limits = self._limits
        if len(self) >= limits.max_txs or self.total_bytes + len(tx) > limits.max_txs_bytes:
            raise MempoolError(
                f"mempool is full: number of txs {len(self)} (max: {limits.max_txs}), "
                f"total txs bytes {self.total_bytes} (max: {limits.max_txs_bytes})"
            )
        if len(tx) > limits.max_tx_bytes:
            raise MempoolError(
                f"Tx too large. Max size is {limits.max_tx_bytes}, but got {len(tx)}"
            )
        if -1 < self.max_bytes < tx_size(tx):
            raise MempoolError(f"tx size is too big: {tx_size(tx)}, max: {self.max_bytes}")
        if tx_hash(tx) in self._seen:
            raise MempoolError(IN_CACHE)

    def _remember(self, key: bytes) -> None:
        self._seen[key] = None
        self._seen.move_to_end(key)
        if len(self._seen) > self._limits.cache:
            self._seen.popitem(last=False)

    def _drop(self, key: bytes) -> None:
        each = self._waiting.pop(key, None)
        if each is not None:
            self.total_bytes -= len(each.tx)


IN_CACHE: Final = "tx already exists in cache"
