"""What docs/light-client.md and examples/ promise, run against a live chain."""

import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.live import ROOT, LiveChain, environment, live_chain

PAGE = ROOT / "docs/light-client.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveChain]:
    with live_chain(tmp_path_factory.mktemp("live") / "chain") as running:
        running.reach(6)
        yield running


def blocks(language: str) -> str:
    """All blocks of the page in one language, as one program."""
    found = [body for kind, body in BLOCK.findall(PAGE.read_text()) if kind == language]
    assert found, f"{PAGE} has no {language} block"
    return "\n".join(found)


def run(
    chain: LiveChain, folder: Path, *command: str, program: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(NODE=chain.rpc, ADDRESS=chain.address),
        input=program,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_block_of_the_page_is_run_or_plain_text() -> None:
    assert {kind for kind, _ in BLOCK.findall(PAGE.read_text())} == {"python", "sh", "text"}


@pytest.mark.skipif(not shutil.which("curl"), reason="the page's shell examples use curl")
def test_the_shell_examples(chain: LiveChain, tmp_path: Path) -> None:
    done = run(chain, tmp_path, "bash", "-euo", "pipefail", "-s", program=blocks("sh"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Present: after block ") == 2
    assert done.stdout.count(" ('1000') under 02") == 2
    assert "Whether they are the chain's was not checked" in done.stdout
    assert done.stdout.rstrip().endswith("trusted by its hash.")


def test_the_python_examples(chain: LiveChain, tmp_path: Path) -> None:
    done = run(chain, tmp_path, sys.executable, "-", program=blocks("python"))
    assert done.returncode == 0, done.stderr
    assert f"{chain.address} has 1000 stake after block " in done.stdout
    assert "provided value doesn't match proof" in done.stdout
    assert "the client is at 1-" in done.stdout
    assert "height of the header that proves the answer " in done.stdout


def balance(chain: LiveChain, *words: str) -> subprocess.CompletedProcess[str]:
    return run(chain, ROOT, sys.executable, "examples/verify_balance.py", chain.rpc, *words)


@pytest.mark.parametrize(("denom", "amount"), [("stake", 1000), ("gold", 7), ("lead", 0)])
def test_the_example_verifies_a_balance(chain: LiveChain, denom: str, amount: int) -> None:
    block_hash = chain.ask("commit?height=2")["signed_header"]["commit"]["block_id"]["hash"]
    done = balance(chain, chain.address, denom, "--trust", f"2:{block_hash}")
    assert done.returncode == 0, done.stderr
    assert "trusting live-1 from block 2\n" in done.stdout
    assert f"verified: {chain.address} has {amount} {denom} after block " in done.stdout


def test_the_example_reads_every_page(chain: LiveChain) -> None:
    example = runpy.run_path(str(ROOT / "examples/verify_balance.py"))
    example["Node"].light_block.__globals__["PAGE"] = 2
    block = example["Node"](chain.rpc).light_block(2)
    assert len(block.validators) == 5
    assert block.validators.hash() == block.header.validators_hash


def test_the_example_refuses_another_root(chain: LiveChain) -> None:
    done = balance(chain, chain.address, "stake", "--trust", f"2:{'AB' * 32}")
    assert done.returncode == 1
    assert f"NOT verified: hash of the trusted block: expected {'AB' * 32}, got " in done.stderr


def test_the_example_names_a_node_that_is_not_there(chain: LiveChain) -> None:
    done = run(
        chain,
        ROOT,
        sys.executable,
        "examples/verify_balance.py",
        "http://127.0.0.1:1",
        chain.address,
        "stake",
    )
    assert done.returncode == 1
    assert "NOT verified: " in done.stderr
    assert "Traceback" not in done.stderr


def test_every_example_is_tested() -> None:
    assert [file.name for file in (ROOT / "examples").glob("*.py")] == ["verify_balance.py"]
