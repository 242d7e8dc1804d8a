"""The README's commands between chains that exist, as a newcomer types them."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from helpers.live import LIGHTSHIP, ROOT, environment

from relayer.config import load

NAMES = ("alpha", "beta")


class Newcomer:
    """Somebody with an empty home folder and two chains that have faucets."""

    def __init__(self, home: Path, chains: dict[str, dict[str, Any]]) -> None:
        self.home = home
        self.chains = chains
        self.environment = environment(HOME=str(home), LIGHTSHIP_PASSWORD="long enough for a test")

    def types(self, line: str, *more: str) -> str:
        """A command that succeeds; what it prints."""
        done = self.runs(line, *more)
        assert done.returncode == 0, (line, done.stderr)
        return done.stdout

    def runs(self, line: str, *more: str) -> subprocess.CompletedProcess[str]:
        words = [*self.words(line), *more]
        return subprocess.run(
            words, env=self.environment, cwd=self.home, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip

    def words(self, line: str) -> list[str]:
        """With the addresses of our chains in the place of those that the README names."""
        for name, url in re.findall(r"(\w+)=(http://[\d.:]+)", line):
            line = line.replace(url, self.chains[name]["rpc"])
        program, *words = shlex.split(line)
        assert program == "lightship"
        return [*LIGHTSHIP, *words]

    def is_funded(self, chain: str, address: str) -> None:
        body = json.dumps({"denom": "stake", "address": address}).encode()
        request = Request(self.chains[chain]["faucet"] + "/credit", data=body)
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=30) as response:
            assert response.status == 200

    def address(self) -> str:
        (key,) = json.loads(self.types("lightship keys list --json"))["result"]
        return str(key["address"])


@contextmanager
def started(home: Path, name: str) -> Iterator[dict[str, Any]]:
    folder = str(home / name)
    made = [*LIGHTSHIP, "chain", "init", "--home", folder, "--chain-id", f"{name}-1"]
    subprocess.run(made, env=environment(), check=True, capture_output=True)
    ports = [word for kind in ("rpc", "grpc", "rest", "faucet") for word in (f"--{kind}-port", "0")]
    words = [*LIGHTSHIP, "chain", "start", "--home", folder, *ports, "--json"]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["result"]
        finally:
            process.terminate()


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    with ExitStack() as stack:
        chains = {name: stack.enter_context(started(tmp_path, name)) for name in NAMES}
        yield Newcomer(tmp_path, chains)


def shown(first: str) -> list[str]:
    """The lines of the README's block that starts with this command."""
    for block in re.findall(
        r"^```\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    ):
        if block.startswith(first):
            return str(block).splitlines()
    raise AssertionError(f"the README has no block that starts with {first!r}")


def test_between_chains_that_exist(newcomer: Newcomer) -> None:
    init, add, check, channel, start = shown("lightship config init")
    newcomer.types(init)
    missing = newcomer.runs(check)
    assert missing.returncode == 1
    assert "lightship keys add relayer" in missing.stderr
    newcomer.types(add)
    poor = newcomer.runs(check)
    assert poor.returncode == 1
    assert "relayer" in poor.stderr
    address = newcomer.address()
    for name in NAMES:
        newcomer.is_funded(name, address)
    newcomer.types(check)
    newcomer.types(channel)
    with subprocess.Popen(newcomer.words(start), env=newcomer.environment) as relayer:
        try:
            sent = f"lightship tx transfer alpha channel-0 {address} 1234stake"
            newcomer.types(sent)
            until = time.monotonic() + 60
            while '"1234"' not in newcomer.types(f"lightship query balances beta {address} --json"):
                assert time.monotonic() < until, "the transfer did not arrive in 60 s"
        finally:
            relayer.terminate()
    assert relayer.returncode == 0


def test_what_config_init_asks_the_chains(newcomer: Newcomer) -> None:
    (init, *_) = shown("lightship config init")
    file = newcomer.home / "mine/relayer.toml"
    newcomer.types(init, "--config", str(file), "--key", "boat", "--state", "kept here")
    config = load(file)
    assert {name: chain.id for name, chain in config.chains.items()} == {
        "alpha": "alpha-1",
        "beta": "beta-1",
    }
    assert all(chain.prefix == "cosmos" for chain in config.chains.values())
    assert all(list(chain.keys) == ["boat"] for chain in config.chains.values())
    assert [(path.a, path.b) for path in config.paths] == [("alpha", "beta")]
    again = newcomer.runs(init, "--config", str(file))
    assert again.returncode == 1
    assert again.stderr == f"error: {file}: exists already (--force writes over it)\n"
    newcomer.types(init, "--config", str(file), "--force")
    assert load(file).chains["alpha"].keys == ["relayer"]
