"""A configuration is read whole or refused in one line."""

from pathlib import Path

import pytest

from relayer import config
from relayer.errors import ConfigError

GOOD = """
[chains.alpha]
id = "alpha-1"
rpc = "http://127.0.0.1:26657"
prefix = "cosmos"
gas_price = "0.025stake"
keys = ["one", "two"]
trusting_period = "14d"

[chains.beta]
id = "beta-1"
rpc = "https://example.org/beta"
prefix = "osmo"
gas_price = "0utoken"
keys = ["one"]
trust = { height = 5, hash = "%s" }

[[paths]]
a = "alpha"
b = "beta"
allow = [{ port = "wasm.*" }, { channel = "channel-1" }]
deny = [{ channel = "channel-66" }]
""" % ("AB" * 32)


def test_what_is_written_is_what_is_read() -> None:
    found = config.parse(GOOD)
    alpha, beta = found.chains["alpha"], found.chains["beta"]
    assert str(alpha.gas_price) == "0.025stake"
    assert alpha.trusting_period == 14 * 86_400 * 10**9
    assert alpha.keys == ["one", "two"]
    assert beta.trust is not None
    assert beta.trust.height == 5
    assert found.paths[0].admits("wasm.cosmos1xyz", "channel-9")
    assert found.paths[0].admits("transfer", "channel-1")
    assert not found.paths[0].admits("transfer", "channel-2")
    assert not found.paths[0].admits("wasm.x", "channel-66")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("[chains.alpha]", "[nope]\n[chains.alpha]"), "c.toml: nope: contains unknown field"),
        (
            ('prefix = "osmo"', "prefix = 1"),
            "c.toml: chains.beta.prefix: Expected 'str', got 'int'",
        ),
        (('prefix = "osmo"\n', ""), "c.toml: chains.beta.prefix: missing required field"),
        (('keys = ["one"]', 'keys = ["one", 7]'), "c.toml: chains.beta.keys[1]: Expected 'str'"),
        (('keys = ["one"]', 'keys = ["../x"]'), "c.toml: chains.beta.keys[0]: expected a name of"),
        (
            ('a = "alpha"', 'a = "alpha"\nconnection = "5"'),
            "c.toml: paths[0].connection: expected an id",
        ),
        (
            ('port = "wasm.*"', 'port = "!"'),
            "c.toml: paths[0].allow[0].port: expected an identifier",
        ),
        (('prefix = "osmo"', 'prefix = "Osmo"'), "c.toml: chains.beta.prefix: expected a prefix"),
        (('keys = ["one"]', "keys = []"), "c.toml: chains.beta.keys: Expected 'array' of length"),
        (('"14d"', '"14x"'), "c.toml: chains.alpha.trusting_period: expected a duration"),
        (('"14d"', "14"), "c.toml: chains.alpha.trusting_period: Expected 'str', got 'int'"),
        (('"0utoken"', '"free"'), "c.toml: chains.beta.gas_price: expected a price"),
        (('b = "beta"', 'b = "gamma"'), "c.toml: paths[0].b: there is no chain 'gamma'"),
        (('b = "beta"', 'b = "alpha"'), "c.toml: paths[0]: joins a chain with itself"),
        (('port = "wasm.*"', "colour = 3"), "c.toml: paths[0].allow[0].colour: contains unknown"),
        (('"https://example.org/beta"', '"ftp://x"'), "c.toml: chains.beta.rpc: expected a URL"),
        (("[chains.beta]", "[chains.beta"), "c.toml: is not TOML"),
        (("height = 5", "height = 0"), "c.toml: chains.beta.trust.height: Expected 'int' >= 1"),
        (("ABAB", "XY"), "c.toml: chains.beta.trust.hash: expected 64 hex"),
    ],
)
def test_every_mistake_names_file_key_and_reason(change: tuple[str, str], line: str) -> None:
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "c.toml")
    assert str(caught.value).startswith(line)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "c.toml: chains: missing required field"),
        ("chains = 3", "c.toml: chains: expected one table"),
        ("chains.x = 3", "c.toml: chains.x: Expected 'object', got 'int'"),
        ("[chains]\n[state]\nfolder = 4", "c.toml: state.folder: Expected 'str', got 'int'"),
        ("[chains]\n[log]\nlevel = 'loud'", "c.toml: log.level: Invalid enum value 'loud'"),
    ],
)
def test_a_missing_or_strange_document(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "c.toml")
    assert str(caught.value).startswith(line)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        config.load(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        config.load(tmp_path / "latin.toml")
    (tmp_path / "good.toml").write_text(GOOD)
    assert set(config.load(tmp_path / "good.toml").chains) == {"alpha", "beta"}


@pytest.mark.parametrize(
    ("text", "ns"), [("90s", 90 * 10**9), ("1.5h", 5400 * 10**9), ("500ms", 5 * 10**8)]
)
def test_durations(text: str, ns: int) -> None:
    assert config.Duration.parse(text) == ns
    assert config.Duration.parse(text).seconds == ns / 10**9
