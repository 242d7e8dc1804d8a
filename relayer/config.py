"""The configuration file: TOML in, frozen values out, one clear line for whatever is wrong.

[log]
level = "info"

[state]
folder = "~/.lightship"

[chains.alpha]
id = "alpha-1"
rpc = "http://127.0.0.1:26657"
prefix = "cosmos"
gas_price = "0.025stake"
keys = ["relayer-1", "relayer-2"]

[[paths]]
a = "alpha"
b = "beta"
"""

import re
import tomllib
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from light_client.header import MAX_CHAIN_ID_BYTES
from relayer.coins import GasPrice
from relayer.errors import ConfigError

DEFAULT_FOLDER: Final = Path("~/.lightship")

_UNITS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")

_WISHES: Final[dict[str, str]] = {}


def _like(pattern: str, wish: str) -> msgspec.Meta:
    """Text of a pattern; `wish` is what somebody is told who writes other text."""
    _WISHES[f"Expected `str` matching regex {pattern!r}"] = f"expected {wish}"
    return msgspec.Meta(pattern=pattern)


_Url = Annotated[str, _like(r"^https?://[^\s/]+", "a URL such as http://127.0.0.1:26657")]
_Name = Annotated[
    str,
    _like(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "a name of letters, digits, '.', '_' and '-'"),
]
_Identifier = Annotated[
    str,
    _like(
        r"^[a-zA-Z0-9._+\-#\[\]<>*?]{2,128}$",
        "an identifier such as wasm.* (2 to 128 characters)",
    ),
]


_ConnectionId = Annotated[str, _like(r"^connection-[0-9]{1,20}$", "an id such as connection-0")]


class Duration(int):
    """A length of time in nanoseconds, written as "90s", "14d" or "500ms"."""

    @classmethod
    def parse(cls, text: str) -> "Duration":
        match = _DURATION.fullmatch(text)
        if not match:
            raise ValueError(f"expected a duration such as 90s, 12h or 14d, got {text!r}")
        return cls(Decimal(match[1]) * _UNITS[match[2]])

    @property
    def seconds(self) -> float:
        return self / 10**9


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Log(_Strict, frozen=True):
    """How much is said, and whether for people or for machines."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class StateConfig(_Strict, frozen=True):
    """Where the relayer keeps its own state and its keys."""

    folder: Path = DEFAULT_FOLDER

    @property
    def path(self) -> Path:
        return self.folder.expanduser()


class Trust(_Strict, frozen=True):
    """A block that the operator trusts: its height and its hash in hex."""

    height: Annotated[int, msgspec.Meta(ge=1)]
    hash: Annotated[str, _like(r"^[0-9A-Fa-f]{64}$", "64 hexadecimal digits")]


class ChainConfig(_Strict, frozen=True):
    """One chain: where it is, what it costs, who signs, and how far it is trusted.

    `trusting_period` defaults to two thirds of the chain's unbonding time. `max_gas` 0 means none.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHAIN_ID_BYTES)]
    rpc: _Url
    prefix: Annotated[str, _like(r"^[a-z][a-z0-9]{0,82}$", "a prefix such as cosmos")]
    gas_price: GasPrice
    keys: Annotated[list[_Name], msgspec.Meta(min_length=1)]
    grpc: str | None = None
    gas_multiplier: Annotated[float, msgspec.Meta(ge=1.0, le=10.0)] = 1.3
    max_gas: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_messages: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    max_tx_bytes: Annotated[int, msgspec.Meta(ge=4096, le=8 << 20)] = 900_000
    rpc_batch: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    rpc_timeout: Duration = Duration.parse("10s")
    inclusion_timeout: Duration = Duration.parse("60s")
    clock_drift: Duration = Duration.parse("40s")
    trusting_period: Duration | None = None
    trust: Trust | None = None
    fee_granter: str = ""
    memo: Annotated[str, msgspec.Meta(max_length=256)] = ""


class Channels(_Strict, frozen=True):
    """Which channels of a path are relayed, by end a; "*" and "?" match as in a shell."""

    port: _Identifier = "*"
    channel: _Identifier = "*"

    def matches(self, port: str, channel: str) -> bool:
        return fnmatchcase(port, self.port) and fnmatchcase(channel, self.channel)


class PathConfig(_Strict, frozen=True):
    """Two chains by their names here, joined by a connection; `connection` is its id on chain a.

    Without `connection` the one that `lightship create` made for these two chains is meant.
    """

    a: str
    b: str
    connection: _ConnectionId | None = None
    allow: list[Channels] = []
    deny: list[Channels] = []

    def admits(self, port: str, channel: str) -> bool:
        """Whether the channel with this end on chain a is relayed."""
        if any(rule.matches(port, channel) for rule in self.deny):
            return False
        return not self.allow or any(rule.matches(port, channel) for rule in self.allow)


class Config(_Strict, frozen=True):
    """The whole file."""

    chains: dict[str, ChainConfig]
    paths: list[PathConfig] = []
    log: Log = Log()
    state: StateConfig = StateConfig()


def load(file: Path) -> Config:
    """Read and check a configuration file.

    Raises ConfigError, which names the file, the key in it and the reason.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(file, "", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(file, "", f"is not UTF-8: {error.reason} at {error.start}") from error
    return parse(text, file)


def parse(text: str, file: Path | str = "configuration") -> Config:
    """Check the text of a configuration; `file` is what errors call it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, "", f"is not TOML: {error}") from error
    chains = document.get("chains", {})
    if not isinstance(chains, dict):
        raise ConfigError(file, "chains", "expected one table [chains.NAME] for each chain")
    for name, chain in chains.items():
        _convert(chain, ChainConfig, file, f"chains.{name}")
    config: Config = _convert(document, Config, file, "")
    _check_paths(config, file)
    return config


def _convert(value: Any, type_: Any, file: Path | str, prefix: str) -> Any:
    try:
        return msgspec.convert(value, type_, dec_hook=_custom)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        key = _key(prefix, place.rstrip("`"), reason)
        told = _WISHES.get(reason) or reason.replace("Object ", "").replace("`", "'")
        raise ConfigError(file, key, told) from error


def _custom(type_: Any, value: Any) -> Any:
    """Our own types are all written as text."""
    read = _READ[type_]
    if not isinstance(value, str):
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")  # noqa: TRY004 - msgspec's rule
    return read(value)


_READ: Final = {Duration: Duration.parse, GasPrice: GasPrice.parse, Path: Path}


def _key(prefix: str, place: str, reason: str) -> str:
    """The dotted key that msgspec's path stands for; a missing or unknown field is named too."""
    named = re.search(r"(?:field|unknown field) `([^`]+)`", reason)
    parts = [prefix, place.lstrip("."), named[1] if named else ""]
    return ".".join(part for part in parts if part)


def _check_paths(config: Config, file: Path | str) -> None:
    for index, path in enumerate(config.paths):
        for end, name in (("a", path.a), ("b", path.b)):
            if name not in config.chains:
                known = ", ".join(sorted(config.chains)) or "none"
                reason = f"there is no chain {name!r} (chains: {known})"
                raise ConfigError(file, f"paths[{index}].{end}", reason)
        if path.a == path.b:
            raise ConfigError(file, f"paths[{index}]", "joins a chain with itself")
