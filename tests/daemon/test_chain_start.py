"""A chain started by the command line: what it says of itself, its faucet, and its end."""

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from helpers.live import LIGHTSHIP, environment

from light_client import bech32
from lightship.faucet import CREDIT, KEY_FILE

FRIEND = bech32.encode("wasm", bytes(range(20)))


@dataclass
class Started:
    process: subprocess.Popen[str]
    result: dict[str, Any]

    def ask(self, url: str, body: Any = None, kind: str = "application/json") -> tuple[int, str]:
        data = (
            None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        request = Request(url, data=data, headers={"Content-Type": kind})
        try:
            with urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def json(self, name: str) -> Any:
        status, text = self.ask(self.result[name])
        assert status == 200, text
        return json.loads(text)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    home = tmp_path_factory.mktemp("chain") / "alpha"
    accounts = ("--account", "alice=1000stake,7ugold")
    options = ("--prefix", "wasm", "--block-time", "instant", "--gas-price", "0.025stake")
    run("init", "--home", str(home), "--chain-id", "alpha-1", *accounts, *options)
    assert (home / KEY_FILE).stat().st_mode & 0o077 == 0
    ports = [word for kind in ("rpc", "grpc", "rest", "faucet") for word in (f"--{kind}-port", "0")]
    words = [*LIGHTSHIP, "chain", "start", "--home", str(home), *ports, "--json"]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Started(process, json.loads(process.stdout.readline())["result"])
        finally:
            process.kill()


def run(*words: str) -> Any:
    command = [*LIGHTSHIP, "chain", *words, "--json"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["result"]


def test_the_chains_description(chain: Started) -> None:
    about, assets = chain.json("chain_registry"), chain.json("assetlist")
    assert (about["chain_id"], about["chain_name"]) == ("alpha-1", "alpha1")
    assert (about["bech32_prefix"], about["slip44"]) == ("wasm", 118)
    assert about["fees"]["fee_tokens"] == [
        {
            "denom": "stake",
            "fixed_min_gas_price": 0.025,
            "low_gas_price": 0.025,
            "average_gas_price": 0.03,
            "high_gas_price": 0.04,
        }
    ]
    assert about["apis"]["rpc"][0]["address"] == chain.result["rpc"]
    assert about["staking"]["lock_duration"] == {"time": "1814400s"}
    assert [(one["base"], one["symbol"]) for one in assets["assets"]] == [
        ("stake", "STAKE"),
        ("ugold", "GOLD"),
    ]
    assert assets["assets"][1]["denom_units"][1] == {"denom": "gold", "exponent": 6}


def test_what_keplr_is_suggested(chain: Started) -> None:
    keplr = chain.json("keplr")
    assert (keplr["rpc"], keplr["rest"]) == (chain.result["rpc"], chain.result["rest"])
    assert keplr["bech32Config"]["bech32PrefixValAddr"] == "wasmvaloper"
    assert keplr["stakeCurrency"]["coinMinimalDenom"] == "stake"
    assert keplr["feeCurrencies"][0]["gasPriceStep"] == {
        "low": 0.025,
        "average": 0.03,
        "high": 0.04,
    }
    assert {one["coinMinimalDenom"]: one["coinDecimals"] for one in keplr["currencies"]} == {
        "stake": 0,
        "ugold": 6,
    }


def test_the_faucet_credits(chain: Started) -> None:
    url = chain.result["faucet"]
    for denom in ("stake", "ugold"):
        assert chain.ask(f"{url}/credit", {"address": FRIEND, "denom": denom}) == (200, "ok")
    _, text = chain.ask(f"{chain.result['rest']}/cosmos/bank/v1beta1/balances/{FRIEND}")
    assert [(coin["denom"], coin["amount"]) for coin in json.loads(text)["balances"]] == [
        ("stake", str(CREDIT)),
        ("ugold", str(CREDIT)),
    ]
    status = json.loads(chain.ask(f"{url}/status")[1])
    assert (status["status"], status["chainId"]) == ("ok", "alpha-1")
    assert status["availableTokens"] == status["chainTokens"] == ["stake", "ugold"]
    assert status["nodeUrl"] == chain.result["rpc"]


@pytest.mark.parametrize(
    ("body", "kind", "status", "text"),
    [
        (b"{", "application/json", 400, "Request body must be JSON"),
        (b"[" * 3000, "application/json", 400, "Request body must be JSON"),
        ([], "application/json", 400, "Request body must be a dictionary."),
        ({"denom": "stake"}, "application/json", 400, "Property 'address' must be a string."),
        ({"address": "", "denom": "stake"}, "application/json", 400, "must not be empty."),
        (
            {"address": "cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a", "denom": "stake"},
            "application/json",
            400,
            "Address is not in the expected format for this chain.",
        ),
        (
            {"address": FRIEND, "denom": "silver"},
            "application/json",
            422,
            "Token is not available. Available tokens are: stake,ugold",
        ),
        ({"address": FRIEND, "denom": "stake"}, "text/plain", 415, "application/json expected"),
        (b" " * 5000, "application/json", 413, "at most 4096 bytes"),
        (None, "application/json", 405, "This endpoint requires a POST request"),
    ],
)
def test_what_the_faucet_refuses(
    chain: Started, body: Any, kind: str, status: int, text: str
) -> None:
    found, said = chain.ask(f"{chain.result['faucet']}/credit", body, kind)
    assert found == status
    assert text in said
    assert "\n" not in said


def test_every_port_is_closed_in_the_end(chain: Started) -> None:
    """Runs last: the chain ends on SIGTERM, with its servers."""
    chain.process.send_signal(signal.SIGTERM)
    assert chain.process.wait(timeout=30) == 0
    for name in ("rpc", "rest", "faucet"):
        with pytest.raises(OSError, match="refused"):
            urlopen(chain.result[name], timeout=5)
