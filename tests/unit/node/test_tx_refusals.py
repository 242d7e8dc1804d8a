"""What CheckTx says to transactions that are wrong, word for word what wasmd 0.61.14 said to the same bytes.

Each line of ``data/rpc/transactions.jsonl`` was recorded there: [name, base64, codespace, code, log, gas wanted].
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from helpers import chains

from chain.vm import VM
from cosmos_pb.tendermint.abci import types_pb2 as abci

LINES = Path(__file__).parents[2] / "data" / "rpc" / "transactions.jsonl"
CASES: list[list[Any]] = [json.loads(line) for line in LINES.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def solo() -> chains.Solo:
    state = chains.genesis({})
    solo = chains.Solo(state, vm=VM(), bech32_prefix="wasm", min_gas_prices=[("stake", "0.025")])
    solo.block()
    return solo


@pytest.mark.parametrize(
    ("raw", "codespace", "code", "log", "wanted"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_check_tx(
    solo: chains.Solo, raw: str, codespace: str, code: int, log: str, wanted: str
) -> None:
    got = solo.app.check_tx(abci.RequestCheckTx(tx=base64.b64decode(raw)))
    assert (got.codespace, got.code, got.log) == (codespace, code, log)
    assert got.gas_wanted == int(wanted)
