"""Chains to play with: a genesis with funded accounts, in the SDK's own shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from chain.errors import GenesisError
from chain.modules import genesis as genesis_json
from chain.node.genesis import Genesis, equal_validators
from chain.node.privval import ValidatorKey
from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2
from cosmos_pb.cosmos.bank.v1beta1 import genesis_pb2
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.crypto.ed25519 import keys_pb2
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2
from light_client import bech32
from light_client.values import Timestamp
from relayer.coins import Coin, GasPrice
from relayer.config import Duration
from relayer.keys import Signer
from relayer.mnemonic import generate_mnemonic
from relayer.tx import pack

CHAIN_FILE: Final = "chain.json"
UNBONDING_SECONDS: Final = 21 * 24 * 3600
POWER: Final = 10


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody with tokens; the mnemonic is for play, never for value."""

    name: str
    mnemonic: str
    coins: tuple[Coin, ...]

    @classmethod
    def new(cls, name: str, coins: Sequence[Coin], mnemonic: str = "") -> Account:
        return cls(name, mnemonic or generate_mnemonic(12), tuple(coins))

    @property
    def signer(self) -> Signer:
        return Signer.from_mnemonic(self.mnemonic)

    def address(self, prefix: str) -> str:
        return self.signer.address(prefix)


def make_genesis(
    chain_id: str,
    now: Timestamp,
    validators: Sequence[ValidatorKey],
    accounts: Sequence[Account],
    *,
    prefix: str = "cosmos",
    denom: str = "stake",
    wasmd: str | None = None,
    hooks: bool = False,
) -> Genesis:
    """The document of a new chain; ``denom`` is what its validators stake, ``wasmd`` the release that it follows.

    With ``hooks`` memos of transfers may call contracts (ibc-hooks).
    """
    addresses = [account.address(prefix) for account in accounts]
    balances = [
        genesis_pb2.Balance(
            address=address,
            coins=[
                coin_pb2.Coin(denom=coin.denom, amount=str(coin.amount))
                for coin in sorted(account.coins, key=lambda coin: coin.denom)
            ],
        )
        for account, address in zip(accounts, addresses, strict=True)
    ]
    state: dict[str, Any] = {
        "auth": {"accounts": [_shown(auth_pb2.BaseAccount(address=each)) for each in addresses]},
        "bank": {"balances": [genesis_json.write(balance) for balance in balances]},
        "staking": {
            "params": _staking_params(denom),
            "validators": [
                _validator(number, key, prefix) for number, key in enumerate(validators)
            ],
        },
        **({} if wasmd is None else {"wasm": {"wasmd": wasmd}}),
        **({"ibchooks": {"enabled": True}} if hooks else {}),
    }
    return Genesis(
        chain_id=chain_id,
        genesis_time=now,
        validators=equal_validators([key.pub_key for key in validators], POWER),
        app_state=state,
    )


def _staking_params(denom: str) -> dict[str, Any]:
    params = staking_pb2.Params(
        max_validators=100,
        max_entries=7,
        historical_entries=10_000,
        bond_denom=denom,
        min_commission_rate="0",
    )
    params.unbonding_time.seconds = UNBONDING_SECONDS
    return genesis_json.write(params)


def _validator(number: int, key: ValidatorKey, prefix: str) -> dict[str, Any]:
    tokens = POWER * 1_000_000
    validator = staking_pb2.Validator(
        operator_address=bech32.encode(f"{prefix}valoper", key.address),
        consensus_pubkey=pack(keys_pb2.PubKey(key=key.pub_key.data)),
        status=staking_pb2.BOND_STATUS_BONDED,
        tokens=str(tokens),
        delegator_shares=f"{tokens}.0",
        min_self_delegation="1",
    )
    validator.description.moniker = f"validator-{number}"
    validator.unbonding_time.SetInParent()
    rates = validator.commission.commission_rates
    rates.rate, rates.max_rate, rates.max_change_rate = "0.1", "0.2", "0.01"
    validator.commission.update_time.SetInParent()
    return genesis_json.write(validator)


def _shown(message: Any) -> dict[str, Any]:
    """A message under its type, as an Any stands in JSON."""
    name = message.DESCRIPTOR.full_name
    return {"@type": f"/{name}", **genesis_json.write(message)}


class ChainFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``chain.json`` of a chain's folder: what its processes must know that is not in the genesis."""

    prefix: str = "cosmos"
    block_time: str = "1s"
    gas_price: str = ""

    def __post_init__(self) -> None:
        if self.block_time != "instant":
            Duration.parse(self.block_time)
        if self.gas_price:
            GasPrice.parse(self.gas_price)

    def save(self, home: Path) -> None:
        text = msgspec.json.format(msgspec.json.encode(self)).decode()
        (home / CHAIN_FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, home: Path) -> Self:
        """Raises GenesisError, which names the file."""
        file = home / CHAIN_FILE
        try:
            return msgspec.json.decode(file.read_bytes(), type=cls)
        except FileNotFoundError:
            raise GenesisError(f"{home} holds no chain (lightship chain init makes one)") from None
        except msgspec.MsgspecError as error:
            raise GenesisError(f"{file}: {error}") from error
