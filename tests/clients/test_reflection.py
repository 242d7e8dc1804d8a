"""Clients that know nothing of the chain but what it tells them: grpcurl (v1) and gRPC's own in Python (v1alpha)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from helpers import go
from helpers.clients import SCRIPTS, run_steps
from helpers.network import ChainProcess, chain

GRPCURL: Final = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"
BANK: Final = "cosmos.bank.v1beta1.Query"

pytestmark = [pytest.mark.xdist_group("reflection and ts-relayer"), pytest.mark.timeout(600)]


def address(chain: ChainProcess) -> str:
    return chain.user.address("cosmos")


async def test_a_client_in_python(tmp_path: Path) -> None:
    async with chain(tmp_path) as alpha:
        settings = {"grpc": alpha.grpc, "address": address(alpha)}
        script = str(SCRIPTS / "reflected.py")
        steps = await run_steps([sys.executable, script], tmp_path, settings)
    assert "every service is described" in steps


class Grpcurl:
    """``grpcurl`` at one address."""

    def __init__(self, program: Path, target: str) -> None:
        self.program = str(program)
        self.target = target

    def said(self, *words: str, data: str = "") -> subprocess.CompletedProcess[str]:
        given = ["-d", data] if data else []
        command = [self.program, "-plaintext", *given, self.target, *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)

    def shown(self, *words: str) -> str:
        said = self.said(*words)
        assert said.returncode == 0, said.stderr
        return said.stdout

    def answer(self, method: str, **fields: Any) -> Any:
        said = self.said(method, data=json.dumps(fields))
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)


async def test_grpcurl(tmp_path: Path) -> None:
    program = go.install(GRPCURL, tmp_path)
    async with chain(tmp_path) as alpha:
        grpcurl = Grpcurl(program, alpha.grpc)
        services = grpcurl.shown("list").split()
        assert {BANK, "cosmwasm.wasm.v1.Query", "grpc.reflection.v1.ServerReflection"} <= set(
            services
        )
        assert f"{BANK}.AllBalances" in grpcurl.shown("list", BANK)
        everything = grpcurl.shown("describe")
        assert all(f"{service} is a service" in everything for service in services)
        assert "rpc Balance (" in grpcurl.shown("describe", f"{BANK}.Balance")
        assert "string denom = 1;" in grpcurl.shown("describe", "cosmos.base.v1beta1.Coin")
        asked = grpcurl.answer(f"{BANK}/Balance", address=address(alpha), denom="gold")
        assert asked == {"balance": {"denom": "gold", "amount": "1000000000"}}
        validators = grpcurl.answer("cosmos.staking.v1beta1.Query/Validators")["validators"]
        assert validators[0]["consensusPubkey"]["@type"] == "/cosmos.crypto.ed25519.PubKey"
        refused = grpcurl.said(f"{BANK}/Balance", data='{"address": "nobody", "denom": "gold"}')
        assert "Code: InvalidArgument" in refused.stderr
        assert "decoding bech32 failed" in refused.stderr
