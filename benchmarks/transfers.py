"""Transactions per second in the chain process, without the network: everything else that a block takes."""

from __future__ import annotations

import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf.message import Message

import contracts
from benchmarks.measure import Result
from chain.app import Application
from chain.node.blockstore import BlockStore
from chain.node.clock import SystemClock
from chain.node.execution import Execution
from chain.node.privval import ValidatorKey
from chain.store.database import SqliteDatabase
from chain.vm import VM
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client.values import Timestamp
from lightship.devnet import Account, make_genesis
from lightship.memory import settle
from relayer import tx
from relayer.coins import Coin
from relayer.keys import Signer
from relayer.tx import pack

AIM: Final = 1_500
CHAIN: Final = "bench-1"
PREFIX: Final = "cosmos"
ACCOUNTS: Final = 100
PER_BLOCK: Final = 500
GAS: Final = 400_000


def run(quick: bool) -> list[Result]:
    """Signed transactions through CheckTx, a block, its events' index and two databases on disk."""
    blocks = 2 if quick else 10
    with tempfile.TemporaryDirectory(prefix="lightship-bench-") as folder:
        chain = _Chain(Path(folder))
        try:
            return _measure(chain, blocks)
        finally:
            chain.close()


def _measure(chain: _Chain, blocks: int) -> list[Result]:
    token = chain.deploy()
    settle()  # as the chain's process does
    n = blocks * PER_BLOCK
    what = f"{ACCOUNTS} senders, {PER_BLOCK} in a block, CheckTx + block, SQLite"
    cw20 = chain.rate(lambda sender, receiver: _cw20(token, sender, receiver), blocks)
    bank = chain.rate(_bank, blocks)
    return [
        Result("transfers cw20", cw20, "tx/s", n, f"cw20 transfers: {what}", AIM),
        Result("transfers bank", bank, "tx/s", n, f"coins: {what}"),
    ]


def _cw20(token: str, sender: str, receiver: str) -> Message:
    wish = {"transfer": {"recipient": receiver, "amount": "1"}}
    return wasm_tx.MsgExecuteContract(sender=sender, contract=token, msg=json.dumps(wish).encode())


def _bank(sender: str, receiver: str) -> Message:
    message = bank_tx.MsgSend(from_address=sender, to_address=receiver)
    message.amount.add(denom="stake", amount="1")
    return message


@dataclass(slots=True)
class _Sender:
    signer: Signer
    address: str
    number: int
    sequence: int = 0

    def sign(self, message: Message, gas: int = GAS) -> bytes:
        body = tx.body_bytes([pack(message)])
        account = tx.Account(CHAIN, self.number, self.sequence)
        self.sequence += 1
        return tx.sign(body, self.signer, account, tx.Fee(gas, (Coin("stake", 1),)))


class _Chain:
    """A node without its network and its clock: mempool, application, block store."""

    def __init__(self, folder: Path) -> None:
        keys = [ValidatorKey.from_secret(f"bench {number}") for number in range(4)]
        accounts = [
            Account.new(str(number), (Coin("stake", 10**12),)) for number in range(ACCOUNTS)
        ]
        self.senders = [
            _Sender(account.signer, account.address(PREFIX), number)
            for number, account in enumerate(accounts)
        ]
        genesis = make_genesis(CHAIN, Timestamp.from_ns(time.time_ns()), keys, accounts)
        self._vm = VM(folder / "wasm")
        self._app = Application(SqliteDatabase(folder / "application.db"), self._vm)
        self._store = BlockStore(folder / "blocks.db")
        self._execution = Execution(self._app, self._store, genesis, keys, SystemClock())
        self._execution.open()
        self.run([])

    def deploy(self) -> str:
        """A cw20 token of which every sender has plenty; returns its address."""
        owner = self.senders[0]
        code = gzip.compress(contracts.artifact("cw20_token"), mtime=0)
        store = wasm_tx.MsgStoreCode(sender=owner.address, wasm_byte_code=code)
        self.run([owner.sign(store, 100 * GAS)])
        balances = [{"address": each.address, "amount": str(10**12)} for each in self.senders]
        token = {"name": "Ship", "symbol": "SHIP", "decimals": 6, "initial_balances": balances}
        make = wasm_tx.MsgInstantiateContract(
            sender=owner.address, code_id=1, label="token", msg=json.dumps(token).encode()
        )
        (result,) = self.run([owner.sign(make, 100 * GAS)])
        return next(
            pair.value
            for event in result.events
            if event.type == "instantiate"
            for pair in event.attributes
            if pair.key == "_contract_address"
        )

    def rate(self, message: Callable[[str, str], Message], blocks: int) -> float:
        """Transactions per second of full blocks, by the median of their times."""
        times = []
        self.run(self._sign(message))
        for _ in range(blocks):
            txs = self._sign(message)
            began = time.perf_counter()
            self.run(txs)
            times.append(time.perf_counter() - began)
        return PER_BLOCK / statistics.median(times)

    def run(self, txs: Sequence[bytes]) -> Sequence[abci.ExecTxResult]:
        """Check transactions and make one block of them; RuntimeError unless all of them succeed."""
        for each in txs:
            checked = self._execution.mempool.check(each)
            if checked.code:
                raise RuntimeError(f"CheckTx refuses a transaction: {checked.log}")
        results = self._execution.next_block().results.tx_results
        failed = [result.log for result in results if result.code]
        if failed or len(results) != len(txs):
            raise RuntimeError(f"{len(results)} of {len(txs)} in the block, failed: {failed[:1]}")
        return results

    def close(self) -> None:
        self._app.close()
        self._store.close()
        self._vm.close()

    def _sign(self, message: Callable[[str, str], Message]) -> list[bytes]:
        senders = self.senders
        pairs = [(senders[at % ACCOUNTS], senders[(at + 1) % ACCOUNTS]) for at in range(PER_BLOCK)]
        return [one.sign(message(one.address, other.address)) for one, other in pairs]
