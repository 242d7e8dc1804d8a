"""Transactions per second in the chain process, without the network: everything else that a block takes."""

from __future__ import annotations

import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
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

    def sign(self, message: Message) -> bytes:
        body = tx.body_bytes([pack(message)])
        account = tx.Account(CHAIN, self.number, self.sequence)
        self.sequence += 1
        return tx.sign(body, self.signer, account, tx.Fee(GAS, (Coin("stake", 1),)))


class _Chain:
    """A node without its network and its clock: mempool, application, block store."""

    def __init__(self, folder: Path) -> None:
        signers = [Signer.from_secret(number.to_bytes(32, "big")) for number in range(1, ACCOUNTS + 1)]
        self.senders = [
            _Sender(signer, signer.address(PREFIX), number) for number, signer in enumerate(signers)
        ]
        self._vm = VM(folder / "wasm")
        self._app = Application(SqliteDatabase(folder / "application.db"), self._vm)
        self._store = BlockStore(folder / "blocks.db")
        keys = [ValidatorKey.from_secret(f"bench {number}") for number in range(4)]
        accounts = [_account(signer) for signer in signers]
        genesis = make_genesis(CHAIN, Timestamp.from_ns(time.time_ns()), keys, accounts)
        self._execution = Execution(self._app, self._store, genesis, keys, SystemClock())
        self._execution.open()

    def deploy(self) -> str:
        """A cw20 token of which every sender has plenty; returns its address."""
        owner = self.senders[0]
        code = gzip.compress(contracts.artifact("cw20_token"), mtime=0)
        self.run([owner.sign_large(wasm_tx.MsgStoreCode(sender=owner.address, wasm_byte_code=code))])
        return ""

    def close(self) -> None:
        self._app.close()
        self._store.close()
        self._vm.close()
