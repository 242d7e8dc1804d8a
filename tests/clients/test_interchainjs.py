"""interchainjs as its documentation uses it."""

from pathlib import Path
from typing import Final

import pytest
from helpers.bring import program
from helpers.clients import provide, run_steps
from helpers.network import chain
from helpers.npm import install

from contracts import artifact
from lightship.devnet import Account

PACKAGES: Final = (
    "interchainjs@1.19.3",
    "@interchainjs/cosmos@1.21.0",
    "@interchainjs/types@1.21.0",
)

pytestmark = pytest.mark.xdist_group("interchainjs")


async def test_a_dapp_with_interchainjs(tmp_path: Path) -> None:
    install(tmp_path, *PACKAGES)
    provide(tmp_path, "steps.mjs", "interchainjs.mjs")
    (tmp_path / "token.wasm").write_bytes(artifact("cw20_token"))
    async with chain(tmp_path) as alpha:
        settings = {
            "rpc": alpha.rpc,
            "chainId": alpha.chain_id,
            "mnemonic": alpha.user.mnemonic,
            "receiver": Account.new("nobody", ()).address("cosmos"),
            "token": str(tmp_path / "token.wasm"),
        }
        steps = await run_steps([program("node"), "interchainjs.mjs"], tmp_path, settings)
    assert {"executeContract, getSmartContractState", "AminoSigner: send"} <= set(steps)
