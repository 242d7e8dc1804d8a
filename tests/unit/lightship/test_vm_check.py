"""`lightship vm check`, as its user sees it."""

import json
from pathlib import Path

import pytest

from contracts import ARTIFACTS, artifact
from lightship.cli.app import run


def files(folder: Path) -> list[str]:
    for name in ARTIFACTS:
        (folder / f"{name}.wasm").write_bytes(artifact(name))
    return [str(folder / f"{name}.wasm") for name in ARTIFACTS]


def test_our_contracts_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = files(tmp_path)
    assert run(["vm", "check", *named]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [*(f"{name}: pass" for name in named), "All contracts (5) passed checks!"]


def test_a_failure_says_why_and_the_others_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.wasm").write_bytes(b"no contract")
    named = [str(tmp_path / "text.wasm"), *files(tmp_path)]
    options = ["--available-capabilities", "iterator", "--json"]
    assert run(["vm", "check", *named, *options]) == 1
    result = json.loads(capsys.readouterr().out)["result"]
    verdicts = {Path(each["file"]).stem: each for each in result["contracts"]}
    assert "bad magic number" in verdicts["text"]["error"]
    assert 'requires unavailable capabilities: {"stargate"}' in verdicts["cw20_ics20"]["error"]
    assert verdicts["cw20_token"]["requires"] == ["iterator"]
    assert "execute" in verdicts["cw20_token"]["entry_points"]
    passed = {name for name, each in verdicts.items() if each["pass"]}
    assert passed == {"cw20_token", "hostile"}
    assert result["failed"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent.wasm"], "absent.wasm: No such file"),
        (["x", "--era", "9"], "there is no wasmd '9' nor an era of its VM with this name"),
    ],
)
def test_mistakes(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["vm", "check", *words]) != 0
    assert said in capsys.readouterr().err
