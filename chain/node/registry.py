"""The chain's description for wallets and dApps.

That is chain-registry's ``chain.json`` and ``assetlist.json``, and what Keplr's ``experimentalSuggestChain`` takes.

Everything is asked of the running chain, when it is asked for. A denomination with metadata in x/bank is shown as that
says; one without, as it is, or in millions when its name begins with ``u`` as names of millionths do (``uatom``).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from google.protobuf.message import Message

from chain.node.engine import Engine
from chain.node.services import BUILD_DEPS
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_query
from cosmos_pb.cosmos.staking.v1beta1 import query_pb2 as staking_query
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2

PREFIX: Final = "/chain-registry/"
COIN_TYPE: Final = 118
"""SLIP-44 of the Cosmos Hub, which most chains share."""

_MICRO: Final = re.compile(r"u[a-z]{2,}")
_ANYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - these are looked for, not bound
_BECH32: Final = {
    "bech32PrefixAccAddr": "",
    "bech32PrefixAccPub": "pub",
    "bech32PrefixValAddr": "valoper",
    "bech32PrefixValPub": "valoperpub",
    "bech32PrefixConsAddr": "valcons",
    "bech32PrefixConsPub": "valconspub",
}

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the node listens; ``grpc`` without a scheme."""

    rpc: str
    rest: str
    grpc: str

    def seen_from(self, hostname: str) -> Urls:
        """For a client that reached the node as ``hostname``: nobody can dial the address that means all of them."""

        def dialled(url: str) -> str:
            host = urlsplit(url if "//" in url else f"//{url}").hostname
            return url.replace(host, hostname, 1) if host in _ANYWHERE and hostname else url

        return Urls(dialled(self.rpc), dialled(self.rest), dialled(self.grpc))


@dataclass(frozen=True, slots=True)
class Asset:
    """A denomination: ``exponent`` digits of its amounts stand after the point when it is shown as ``display``."""

    denom: str
    display: str
    symbol: str
    exponent: int
    description: str

    @classmethod
    def of(cls, denom: str, metadata: bank_pb2.Metadata | None) -> Asset:
        if metadata is None:
            micro = _MICRO.fullmatch(denom) is not None
            display = denom[1:] if micro else denom
            return cls(denom, display, display.upper(), 6 if micro else 0, "")
        display = metadata.display or denom
        units = {unit.denom: unit.exponent for unit in metadata.denom_units}
        symbol = metadata.symbol or display.upper()
        return cls(denom, display, symbol, units.get(display, 0), metadata.description)

    @property
    def currency(self) -> dict[str, Any]:
        """As Keplr has it."""
        return {
            "coinDenom": self.symbol,
            "coinMinimalDenom": self.denom,
            "coinDecimals": self.exponent,
        }

    @property
    def listed(self) -> dict[str, Any]:
        """As an asset list has it."""
        units = [{"denom": self.denom, "exponent": 0}]
        if self.display != self.denom:
            units.append({"denom": self.display, "exponent": self.exponent})
        described = {"description": self.description} if self.description else {}
        return {
            **described,
            "denom_units": units,
            "base": self.denom,
            "name": self.symbol,
            "display": self.display,
            "symbol": self.symbol,
            "type_asset": "sdk.coin",
        }


class Registry:
    """``min_gas_prices`` are (denom, decimal price) pairs."""

    def __init__(
        self, engine: Engine, bech32_prefix: str, min_gas_prices: tuple[tuple[str, str], ...]
    ) -> None:
        self._engine = engine
        self._prefix = bech32_prefix
        self._prices = min_gas_prices

    async def chain(self, urls: Urls) -> dict[str, Any]:
        """``chain.json`` (chain.schema.json of cosmos/chain-registry)."""
        staking = await self._staking()
        versions = {path.rpartition("/")[2]: version for path, version in BUILD_DEPS}
        chain_id = self._engine.genesis.chain_id
        tokens = [
            {"denom": denom, "fixed_min_gas_price": float(price), **_steps(price, "{}_gas_price")}
            for denom, price in await self._fee_prices(staking)
        ]
        return {
            "$schema": "../chain.schema.json",
            "chain_name": _name(chain_id),
            "chain_type": "cosmos",
            "chain_id": chain_id,
            "pretty_name": chain_id,
            "status": "live",
            "network_type": "devnet",
            "bech32_prefix": self._prefix,
            "daemon_name": "lightship",
            "key_algos": ["secp256k1"],
            "slip44": COIN_TYPE,
            "fees": {"fee_tokens": tokens},
            "staking": {
                "staking_tokens": [{"denom": staking.bond_denom}],
                "lock_duration": {"time": f"{staking.unbonding_time.seconds}s"},
            },
            "codebase": {
                "sdk": {"type": "cosmos", "version": versions["cosmos-sdk"]},
                "consensus": {"type": "cometbft", "version": versions["cometbft"]},
                "cosmwasm": {"version": versions["wasmd"], "enabled": True},
                "ibc": {"type": "go", "version": versions["v10"], "ics_enabled": ["ics20-1"]},
            },
            "apis": {
                kind: [{"address": address, "provider": "lightship"}]
                for kind, address in (("rpc", urls.rpc), ("rest", urls.rest), ("grpc", urls.grpc))
            },
        }

    async def assets(self, _: Urls) -> dict[str, Any]:
        """``assetlist.json``: the chain's own denominations."""
        return {
            "$schema": "../assetlist.schema.json",
            "chain_name": _name(self._engine.genesis.chain_id),
            "assets": [asset.listed for asset in await self._assets()],
        }

    async def keplr(self, urls: Urls) -> dict[str, Any]:
        """The argument of ``window.keplr.experimentalSuggestChain`` (``ChainInfo`` of @keplr-wallet/types)."""
        staking = await self._staking()
        assets = {asset.denom: asset for asset in await self._assets()}
        staked = assets.get(staking.bond_denom) or Asset.of(staking.bond_denom, None)
        chain_id = self._engine.genesis.chain_id
        fees = [
            {
                **(assets.get(denom) or Asset.of(denom, None)).currency,
                "gasPriceStep": _steps(price, "{}"),
            }
            for denom, price in await self._fee_prices(staking)
        ]
        return {
            "rpc": urls.rpc,
            "rest": urls.rest,
            "chainId": chain_id,
            "chainName": chain_id,
            "bip44": {"coinType": COIN_TYPE},
            "bech32Config": {name: self._prefix + tail for name, tail in _BECH32.items()},
            "currencies": [asset.currency for asset in assets.values()],
            "feeCurrencies": fees,
            "stakeCurrency": staked.currency,
            "features": ["cosmwasm"],
        }

    async def _fee_prices(self, staking: staking_pb2.Params) -> list[tuple[str, str]]:
        """What fees are paid in; a chain that asks for none takes none in the staked denomination."""
        return list(self._prices) or [(staking.bond_denom, "0")]

    async def _assets(self) -> list[Asset]:
        supply = await self._ask(
            "bank",
            "TotalSupply",
            bank_query.QueryTotalSupplyRequest(),
            bank_query.QueryTotalSupplyResponse,
        )
        known = await self._ask(
            "bank", "DenomsMetadata", bank_query.QueryDenomsMetadataRequest(), bank_query.QueryDenomsMetadataResponse
        )  # fmt: skip
        metadata = {each.base: each for each in known.metadatas}
        own = (coin.denom for coin in supply.supply if not coin.denom.startswith("ibc/"))
        return [Asset.of(denom, metadata.get(denom)) for denom in own]

    async def _staking(self) -> staking_pb2.Params:
        found = await self._ask(
            "staking", "Params", staking_query.QueryParamsRequest(), staking_query.QueryParamsResponse
        )  # fmt: skip
        return found.params

    async def _ask(self, module: str, method: str, request: Message, response: type[M]) -> M:
        path = f"/cosmos.{module}.v1beta1.Query/{method}"
        _, answer = await self._engine.ask(path, request.SerializeToString())
        return response.FromString(answer)


PAGES: Final[Mapping[str, Callable[[Registry, Urls], Awaitable[dict[str, Any]]]]] = {
    f"{PREFIX}chain.json": Registry.chain,
    f"{PREFIX}assetlist.json": Registry.assets,
    f"{PREFIX}keplr.json": Registry.keplr,
}
"""What stands under which path of the REST port."""


def _name(chain_id: str) -> str:
    """Lower-case letters and digits, as the schema wants names."""
    return re.sub(r"[^a-z0-9]", "", chain_id.lower()) or "chain"


def _steps(price: str, name: str) -> dict[str, float]:
    """Three prices to choose from, none below the least that the mempool takes."""
    least = float(price)
    factors = {"low": 1.0, "average": 1.2, "high": 1.6}
    return {name.format(step): round(least * factor, 9) for step, factor in factors.items()}
