"""What ``lightship chain init`` writes into a genesis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lightship.cli.chain import command


@pytest.mark.parametrize(
    ("options", "added"),
    [
        ((), {}),
        (("--ibc-hooks",), {"ibchooks": {"enabled": True}}),
        (("--wasmd", "0.53.2"), {"wasm": {"wasmd": "0.53.2"}}),
    ],
)
def test_switches_of_the_genesis(
    tmp_path: Path, options: tuple[str, ...], added: dict[str, Any]
) -> None:
    home = tmp_path / "home"
    arguments = ["init", "--home", str(home), "--chain-id", "x-1", *options]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    [genesis] = home.rglob("genesis.json")
    state = json.loads(genesis.read_text())["app_state"]
    assert {name: part for name, part in state.items() if name in {"ibchooks", "wasm"}} == added
