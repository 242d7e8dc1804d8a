"""The hashes in a header that cover something other than validators and commits.

Sources: `cometbft:types/{tx,results,evidence,params}.go`.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from light_client import merkle, wire


class TxResult(Protocol):
    """The deterministic part of an `abci.ExecTxResult`: all that the results hash covers."""

    @property
    def code(self) -> int: ...
    @property
    def data(self) -> bytes: ...
    @property
    def gas_wanted(self) -> int: ...
    @property
    def gas_used(self) -> int: ...


def data_hash(txs: Sequence[bytes]) -> bytes:
    """The root over the SHA-256 of each transaction."""
    return merkle.root([sha256(tx).digest() for tx in txs])


def results_hash(results: Sequence[TxResult]) -> bytes:
    """The root over the results of a block's transactions; it stands in the next header."""
    return merkle.root([_result(result) for result in results])


def evidence_hash(evidence: Sequence[bytes]) -> bytes:
    """The root over the encoded evidence, each without the oneof that wraps it in a block."""
    return merkle.root(evidence)


def consensus_params_hash(max_bytes: int, max_gas: int) -> bytes:
    """SHA-256 of `HashedParams`, the block limits (-1: none)."""
    return sha256(wire.varint_field(1, max_bytes) + wire.varint_field(2, max_gas)).digest()


def _result(result: TxResult) -> bytes:
    return (
        wire.varint_field(1, result.code)
        + wire.bytes_field(2, result.data)
        + wire.varint_field(5, result.gas_wanted)
        + wire.varint_field(6, result.gas_used)
    )
