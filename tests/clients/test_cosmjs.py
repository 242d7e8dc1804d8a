"""CosmJS, the library of most dApps and wallets, as its documentation uses it."""

from pathlib import Path
from typing import Final

import pytest
from helpers.bring import program
from helpers.clients import provide, run_steps
from helpers.network import network
from helpers.npm import install

from contracts import artifact

NAMES: Final = (
    "amino",
    "cosmwasm-stargate",
    "crypto",
    "encoding",
    "proto-signing",
    "stargate",
    "tendermint-rpc",
)
RELEASE: Final = "0.38.1"
BASE: Final = "@scure/base@2.0.0"  # 2.4.0, which 0.38.1 allows, breaks its fromBech32

pytestmark = pytest.mark.xdist_group("cosmjs")


async def test_a_dapp_with_cosmjs(tmp_path: Path) -> None:
    install(tmp_path, *(f"@cosmjs/{name}@{RELEASE}" for name in NAMES), BASE)
    provide(tmp_path, "steps.mjs", "cosmjs.mjs")
    (tmp_path / "token.wasm").write_bytes(artifact("cw20_token"))
    async with network(tmp_path, "200ms") as net:
        settings = {
            "rpc": net.a.rpc,
            "otherRpc": net.b.rpc,
            "chainId": net.a.chain_id,
            "mnemonic": net.a.user.mnemonic,
            "token": str(tmp_path / "token.wasm"),
            "channel": {"here": net.channel.a_channel, "there": net.channel.b_channel},
        }
        steps = await run_steps([program("node"), "cosmjs.mjs"], tmp_path, settings)
    assert {"sendIbcTokens, and the voucher on the other chain", "amino: sendTokens"} <= set(steps)
