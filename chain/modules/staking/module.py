"""x/staking as data: parameters, and validators and delegations as the genesis file states them.

What wallets and relayers ask is answered from that state, which no message changes. Keys of the store ``staking``
(cosmos-sdk x/staking/types/keys.go): 21 + length + operator: validator; 31 + length + delegator + length + operator:
delegation; 51: parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from chain.context import Context
from chain.errors import AbciError, GenesisError
from chain.modules import genesis
from chain.modules.auth.module import Auth
from chain.modules.staking import decimals
from chain.modules.staking.messages import Messages
from chain.modules.staking.queries import Queries
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.cosmos.crypto.ed25519 import keys_pb2
from cosmos_pb.cosmos.staking.v1beta1 import genesis_pb2, staking_pb2
from cosmos_pb.google.protobuf import duration_pb2
from light_client import bech32

STORE: Final = "staking"
VALIDATOR: Final = b"\x21"
DELEGATION: Final = b"\x31"
PARAMS: Final = b"\x51"

THREE_WEEKS: Final = 21 * 24 * 3600
"""Default unbonding period in seconds."""


class Staking:
    name = "staking"
    stores = (STORE,)

    def __init__(self, auth: Auth) -> None:
        self._auth = auth
        self._operator_prefix = f"{auth.prefix}valoper"

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        Messages(self._auth, self).register(messages)
        Queries(self).register(queries)

    def params(self, ctx: Context) -> staking_pb2.Params:
        return staking_pb2.Params.FromString(ctx.kv(STORE).get(PARAMS) or b"")

    def bond_denom(self, ctx: Context) -> str:
        return self.params(ctx).bond_denom

    def validator(self, ctx: Context, operator: str) -> staking_pb2.Validator | None:
        stored = ctx.kv(STORE).get(VALIDATOR + _prefixed(self.operator_bytes(operator)))
        return None if stored is None else staking_pb2.Validator.FromString(stored)

    def validators(self, ctx: Context) -> list[staking_pb2.Validator]:
        """The bonded validators, the strongest first."""
        every = (
            staking_pb2.Validator.FromString(stored)
            for _, stored in ctx.kv(STORE).prefix(VALIDATOR)
        )
        bonded = [one for one in every if one.status == staking_pb2.BOND_STATUS_BONDED]
        return sorted(bonded, key=lambda one: -int(one.tokens or 0))

    def delegations_of(self, delegator: str) -> bytes:
        """The store prefix of a delegator's delegations."""
        return DELEGATION + _prefixed(self._auth.address_bytes(delegator))

    def delegations(self, ctx: Context, delegator: str) -> list[staking_pb2.Delegation]:
        prefix = self.delegations_of(delegator)
        found = ctx.kv(STORE).prefix(prefix)
        return [staking_pb2.Delegation.FromString(stored) for _, stored in found]

    def consensus_address(self, validator: staking_pb2.Validator) -> str:
        """The ``valcons`` address: the first 20 bytes of the key's SHA-256 (CometBFT crypto/ed25519)."""
        key = keys_pb2.PubKey.FromString(validator.consensus_pubkey.value).key
        return bech32.encode(f"{self._auth.prefix}valcons", sha256(key).digest()[:20])

    def delegation(
        self, ctx: Context, delegator: str, operator: str
    ) -> staking_pb2.Delegation | None:
        stored = ctx.kv(STORE).get(self._delegation_key(delegator, operator))
        return None if stored is None else staking_pb2.Delegation.FromString(stored)

    def operator_bytes(self, operator: str) -> bytes:
        """Bytes of a ``valoper`` address, refused as codec/address/bech32_codec.go does."""
        return self._auth.bytes_under(self._operator_prefix, operator)

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        """``last_total_power`` and the powers are left to the validator set of the consensus engine."""
        known = {key: value for key, value in state.items() if not key.startswith("last_")}
        try:
            known = decimals.from_json(known)
        except ValueError as error:
            raise GenesisError(f"app_state.staking: {error}") from error
        document = genesis.read(genesis_pb2.GenesisState, known, self.name)
        params = document.params if document.HasField("params") else default_params()
        store = ctx.kv(STORE)
        store.set(PARAMS, params.SerializeToString())
        try:
            for one in document.validators:
                key = VALIDATOR + _prefixed(self.operator_bytes(one.operator_address))
                store.set(key, one.SerializeToString())
            for each in document.delegations:
                key = self._delegation_key(each.delegator_address, each.validator_address)
                store.set(key, each.SerializeToString())
        except AbciError as error:
            raise GenesisError(f"app_state.staking: {error}") from error

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        """With decimals as JSON has them."""
        document = genesis_pb2.GenesisState(params=self.params(ctx), exported=True)
        for _, stored in ctx.kv(STORE).prefix(VALIDATOR):
            document.validators.add().MergeFromString(stored)
        for _, stored in ctx.kv(STORE).prefix(DELEGATION):
            document.delegations.add().MergeFromString(stored)
        shown: dict[str, Any] = decimals.to_json(genesis.write(document))
        return shown

    def _delegation_key(self, delegator: str, operator: str) -> bytes:
        return self.delegations_of(delegator) + _prefixed(self.operator_bytes(operator))


def default_params() -> staking_pb2.Params:
    """The SDK's defaults (x/staking/types/params.go)."""
    return staking_pb2.Params(
        unbonding_time=duration_pb2.Duration(seconds=THREE_WEEKS),
        max_validators=100,
        max_entries=7,
        historical_entries=10_000,
        bond_denom="stake",
        min_commission_rate="0",
    )


def _prefixed(raw: bytes) -> bytes:
    return bytes([len(raw)]) + raw
