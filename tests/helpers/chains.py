"""A bare application in memory, driven block by block without a node."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.message import Message
from helpers.accounts import Person, fee, sign_tx

from chain.app import Application
from chain.store.database import Database, MemoryDatabase
from chain.vm import VM
from cosmos_pb.google.protobuf import timestamp_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.types import params_pb2

CHAIN_ID = "test-1"
GENESIS_TIME = 1_700_000_000


def genesis(
    people: Mapping[Person, str], *, denom_metadata: Sequence[Any] = ()
) -> dict[str, dict[str, Any]]:
    """``app_state`` in the SDK's shape: every person has an account and coins such as ``10stake``."""
    accounts, balances = [], []
    for number, (person, held) in enumerate(people.items()):
        accounts.append(
            {
                "@type": "/cosmos.auth.v1beta1.BaseAccount",
                "address": person.address,
                "pub_key": None,
                "account_number": str(number),
                "sequence": "0",
            }
        )
        parts = [part for part in held.split(",") if part]
        digits = [part.rstrip("abcdefghijklmnopqrstuvwxyz") for part in parts]
        coins = [
            {"denom": part[len(number) :], "amount": number}
            for part, number in zip(parts, digits, strict=True)
        ]
        balances.append({"address": person.address, "coins": coins})
    return {
        "auth": {"accounts": accounts},
        "bank": {"balances": balances, "denom_metadata": list(denom_metadata)},
    }


class Solo:
    """One application and the block height it has reached; a block is five seconds."""

    def __init__(
        self,
        app_state: Mapping[str, Any],
        *,
        max_gas: int = -1,
        database: Database | None = None,
        vm: VM | None = None,
        **options: Any,
    ) -> None:
        self.app = Application(database or MemoryDatabase(), vm, **options)
        self.height = self.app.multistore.version
        self.init_request = abci.RequestInitChain(
            chain_id=CHAIN_ID,
            time=timestamp_pb2.Timestamp(seconds=GENESIS_TIME),
            initial_height=1,
            consensus_params=params_pb2.ConsensusParams(
                block=params_pb2.BlockParams(max_bytes=4_000_000, max_gas=max_gas)
            ),
            app_state_bytes=json.dumps(app_state).encode(),
        )
        if self.height == 0:
            self.app.init_chain(self.init_request)

    def request(self, *txs: bytes) -> abci.RequestFinalizeBlock:
        height = self.height + 1
        return abci.RequestFinalizeBlock(
            txs=txs, height=height, time=timestamp_pb2.Timestamp(seconds=GENESIS_TIME + 5 * height)
        )

    def block(self, *txs: bytes) -> list[abci.ExecTxResult]:
        """Make a block and return the results of its transactions."""
        response = self.app.finalize_block(self.request(*txs))
        self.app.commit()
        self.height += 1
        return list(response.tx_results)

    def tx(
        self, person: Person, *messages: Message, amount: str = "", gas: int = 200_000, **body: Any
    ) -> bytes:
        """Signed with the account's committed number and sequence."""
        account = self.app.auth.account(self.app.context_at(0), person.address)
        if account is None:
            raise LookupError(person.address)
        signers = [(person, account.number, account.sequence)]
        return sign_tx(signers, messages, chain_id=CHAIN_ID, fee=fee(amount, gas), **body)

    def check(self, tx: bytes, *, again: bool = False) -> abci.ResponseCheckTx:
        kind = abci.RECHECK if again else abci.NEW
        return self.app.check_tx(abci.RequestCheckTx(tx=tx, type=kind))

    def balance(self, person: Person, denom: str = "stake") -> int:
        return self.app.bank.balance(self.app.context_at(0), person.address, denom)

    def query(
        self, path: str, data: bytes | Message = b"", *, height: int = 0, prove: bool = False
    ) -> abci.ResponseQuery:
        raw = data if isinstance(data, bytes) else data.SerializeToString()
        request = abci.RequestQuery(path=path, data=raw, height=height, prove=prove)
        return self.app.query(request)
