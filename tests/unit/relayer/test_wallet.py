"""Sequences, fees and inclusion against a chain that is scripted call by call."""

import asyncio
import base64
from typing import Any

import pytest
from helpers.simulated import SimulatedChain, TestClock

from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2
from cosmos_pb.cosmos.auth.v1beta1 import query_pb2 as auth_query
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2, tx_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from relayer import tx
from relayer.coins import Coin, GasPrice
from relayer.errors import InsufficientFee, SequenceMismatch, TxLost, TxRejected
from relayer.heights import Heights
from relayer.keys import Signer
from relayer.reader import Reader
from relayer.wallet import IN_FLIGHT, Spending, WalletPool

SIGNERS = [Signer.from_secret(bytes([0] * 31 + [n])) for n in (1, 2)]
MISMATCH = "account sequence mismatch, expected {}, got {}: incorrect account sequence"
ACCOUNT = "/cosmos.auth.v1beta1.Query/Account"
SIMULATE = "/cosmos.tx.v1beta1.Service/Simulate"


class Ledger:
    """The part of a chain that a wallet sees: one sequence, a minimum price, a mempool."""

    def __init__(self, sequence: int = 7) -> None:
        self.sequence = sequence
        self.minimum = 0
        self.gas_used = 100_000
        self.delivered: dict[str, dict[str, Any]] = {}
        self.offered: list[tuple[int, int, int]] = []
        self.deliver = True
        self.outcome: dict[str, Any] = {"code": 0}
        self.mempool_full = 0
        self.chain = SimulatedChain()
        self.chain.queries = {ACCOUNT: self.account, SIMULATE: self.simulate}
        self.chain.answers = {"broadcast_tx_sync": self.broadcast, "tx": self.find}

    def account(self, _data: bytes) -> abci.ResponseQuery:
        account = auth_pb2.BaseAccount(account_number=3, sequence=self.sequence)
        response = auth_query.QueryAccountResponse(account=tx.pack(account))
        return abci.ResponseQuery(value=response.SerializeToString())

    def simulate(self, data: bytes) -> abci.ResponseQuery:
        raw = service_pb2.SimulateRequest.FromString(data).tx_bytes
        got = _sequence(raw)
        if got != self.sequence:
            log = MISMATCH.format(self.sequence, got)
            return abci.ResponseQuery(code=32, codespace="sdk", log=log)
        response = service_pb2.SimulateResponse()
        response.gas_info.gas_used = self.gas_used
        return abci.ResponseQuery(value=response.SerializeToString())

    def broadcast(self, params: Any) -> Any:
        raw = tx_bytes(params["tx"])
        auth = tx_pb2.AuthInfo.FromString(tx_pb2.TxRaw.FromString(raw).auth_info_bytes)
        fee = int(auth.fee.amount[0].amount)
        self.offered.append((_sequence(raw), auth.fee.gas_limit, fee))
        if self.mempool_full:
            self.mempool_full -= 1
            return _checked(20, "mempool is full")
        if fee < self.minimum:
            need = f"insufficient fees; got: {fee}stake required: {self.minimum}stake: insufficient fee"
            return _checked(13, need)
        self.sequence += 1
        if self.deliver:
            self.delivered[tx.tx_hash(raw)] = self.outcome
            self.chain.commit()
        return _checked(0, "")

    def find(self, params: Any) -> Any:
        tx_hash = tx_bytes(params["hash"]).hex().upper()
        if tx_hash not in self.delivered:
            raise KeyError(f"tx ({tx_hash}) not found")
        return {"hash": tx_hash, "height": "9", "tx": "", "tx_result": self.delivered[tx_hash]}

    def pool(self, signers: list[Signer] | None = None, **spending: Any) -> WalletPool:
        clock = TestClock(self.chain.now)
        reader = Reader("sim-1", self.chain)
        rules = Spending(GasPrice.parse("0.01stake"), **{"inclusion": 5.0, **spending})
        heights = Heights(reader, clock)
        return WalletPool("sim-1", "cosmos", signers or SIGNERS[:1], rules, reader, heights, clock)


def tx_bytes(text: str) -> bytes:
    return base64.b64decode(text)


def _sequence(raw: bytes) -> int:
    auth = tx_pb2.AuthInfo.FromString(tx_pb2.TxRaw.FromString(raw).auth_info_bytes)
    return auth.signer_infos[0].sequence


def _checked(code: int, log: str) -> dict[str, Any]:
    return {"code": code, "codespace": "sdk" if code else "", "log": log, "hash": ""}


MESSAGE = tx.pack(bank_tx.MsgSend())


async def test_gas_is_simulated_and_paid_for() -> None:
    ledger = Ledger()
    outcome = await ledger.pool(multiplier=1.5).submit([MESSAGE])
    assert ledger.offered == [(7, 150_000, 1500)]
    assert outcome.fee == (Coin("stake", 1500),)
    assert outcome.included.height == 9


async def test_gas_has_a_ceiling() -> None:
    ledger = Ledger()
    await ledger.pool(max_gas=120_000, multiplier=9.0).submit([MESSAGE])
    assert ledger.offered[0][1] == 120_000


async def test_the_sequence_is_asked_for_once() -> None:
    ledger = Ledger()
    pool = ledger.pool()
    for _ in range(3):
        await pool.submit([MESSAGE])
    assert [sequence for sequence, _, _ in ledger.offered] == [7, 8, 9]
    assert sum(path == ACCOUNT for path, _ in ledger.chain.calls) == 1


async def test_a_sequence_that_others_used_is_set_right() -> None:
    ledger = Ledger()
    pool = ledger.pool()
    await pool.submit([MESSAGE])
    ledger.sequence = 42
    await pool.submit([MESSAGE])
    assert ledger.offered[-1][0] == 42
    assert pool.wallets[0].sequence == 43


async def test_a_chain_that_never_agrees_is_not_asked_for_ever() -> None:
    ledger = Ledger()

    def contrary(data: bytes) -> abci.ResponseQuery:
        got = _sequence(service_pb2.SimulateRequest.FromString(data).tx_bytes)
        return abci.ResponseQuery(code=32, codespace="sdk", log=MISMATCH.format(got + 1, got))

    ledger.chain.queries[SIMULATE] = contrary
    with pytest.raises(SequenceMismatch):
        await ledger.pool().submit([MESSAGE])


async def test_the_price_follows_what_the_chain_requires() -> None:
    ledger = Ledger()
    ledger.minimum = 4000
    pool = ledger.pool()
    await pool.submit([MESSAGE])
    await pool.submit([MESSAGE])
    fees = [fee for _, _, fee in ledger.offered]
    assert fees[0] < 4000 <= fees[1]
    assert len(fees) == 3


async def test_a_fee_in_a_coin_that_we_do_not_have_is_refused() -> None:
    ledger = Ledger()

    def refuse(_params: Any) -> Any:
        return _checked(13, "insufficient fees; got: 1300stake required: 5uother: insufficient fee")

    ledger.chain.answers["broadcast_tx_sync"] = refuse
    with pytest.raises(InsufficientFee, match="5uother"):
        await ledger.pool().submit([MESSAGE])


async def test_a_full_mempool_is_waited_for() -> None:
    ledger = Ledger()
    ledger.mempool_full = 2
    await ledger.pool().submit([MESSAGE])
    assert [sequence for sequence, _, _ in ledger.offered] == [7, 7, 7]


async def test_what_would_fail_is_not_sent() -> None:
    ledger = Ledger()
    log = (
        "failed to execute message; message index: 2: no: channel not found [x] with gas used: '1'"
    )
    ledger.chain.queries[SIMULATE] = lambda _data: abci.ResponseQuery(
        code=3, codespace="channel", log=log
    )
    with pytest.raises(TxRejected) as caught:
        await ledger.pool().submit([MESSAGE])
    assert caught.value.message_index == 2
    assert caught.value.height == 0
    assert ledger.offered == []


async def test_what_fails_in_its_block_says_where() -> None:
    ledger = Ledger()
    ledger.outcome = {"code": 11, "codespace": "sdk", "log": "out of gas"}
    with pytest.raises(TxRejected, match="in block 9 with sdk/11: out of gas"):
        await ledger.pool().submit([MESSAGE])


async def test_what_no_block_has_is_lost_after_a_while() -> None:
    ledger = Ledger()
    ledger.deliver = False
    with pytest.raises(TxLost) as caught:
        await ledger.pool(inclusion=3.0).submit([MESSAGE])
    assert caught.value.waited >= 3.0


async def test_an_unknown_account_is_said_to_be_unfunded() -> None:
    ledger = Ledger()
    ledger.chain.queries[ACCOUNT] = lambda _data: abci.ResponseQuery(
        code=22, codespace="sdk", log="account cosmos1x not found: key not found"
    )
    with pytest.raises(TxRejected, match="is it funded"):
        await ledger.pool().submit([MESSAGE])


async def test_a_transaction_that_the_mempool_has_already_counts_as_sent() -> None:
    ledger = Ledger()
    honest = ledger.broadcast

    def twice(params: Any) -> Any:
        honest(params)
        raise KeyError("tx already exists in cache")

    ledger.chain.answers["broadcast_tx_sync"] = twice
    pool = ledger.pool()
    await pool.submit([MESSAGE])
    assert pool.wallets[0].sequence == 8


async def test_the_least_busy_wallet_is_next_and_a_full_pool_waits() -> None:
    pool = Ledger().pool(SIGNERS)
    taken = [await pool.acquire() for _ in range(pool.capacity)]
    assert {wallet.in_flight for wallet in pool.wallets} == {IN_FLIGHT}
    assert [wallet is pool.wallets[at % 2] for at, wallet in enumerate(taken)] == [True] * len(
        taken
    )
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    assert not waiting.done()
    pool.release(taken[3])
    assert await waiting is taken[3]
