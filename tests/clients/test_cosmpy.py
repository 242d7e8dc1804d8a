"""cosmpy as its documentation uses it, in an environment of its own: it wants other versions than ours."""

from pathlib import Path
from typing import Final

import pytest
from helpers.clients import SCRIPTS, run_steps
from helpers.network import chain
from helpers.pip import environment

from contracts import artifact

PACKAGE: Final = "cosmpy==0.12.2"
POLL_SECONDS: Final = 0.2

pytestmark = pytest.mark.xdist_group("cosmpy")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("cosmpy"), PACKAGE)


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
async def test_a_script_with_cosmpy(tmp_path: Path, python: Path, protocol: str) -> None:
    (tmp_path / "token.wasm").write_bytes(artifact("cw20_token"))
    async with chain(tmp_path) as alpha:
        urls = {"grpc": f"grpc+http://{alpha.grpc}", "rest": f"rest+{alpha.rest}"}
        settings = {
            "url": urls[protocol],
            "chainId": alpha.chain_id,
            "mnemonic": alpha.user.mnemonic,
            "token": str(tmp_path / "token.wasm"),
            "pollSeconds": POLL_SECONDS,
        }
        steps = await run_steps([str(python), str(SCRIPTS / "ledger.py")], tmp_path, settings)
    assert "LedgerContract.execute and query" in steps
