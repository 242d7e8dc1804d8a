"""x/auth: accounts and their numbers.

Keys of the store ``acc`` (cosmos-sdk x/auth/types/keys.go): 00 parameters, 01 + address an account, 02 the next account
number (``globalAccountNumber`` before SDK 0.50), ``accountNumber`` + BE8 number an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from google.protobuf import wrappers_pb2

from chain.context import Context
from chain.errors import (
    INVALID_ADDRESS,
    LOGIC,
    UNKNOWN_ADDRESS,
    AbciError,
    GenesisError,
    unregistered,
)
from chain.gas import DELETE_COST, HAS_COST, WRITE_COST_FLAT, WRITE_COST_PER_BYTE
from chain.modules import genesis
from chain.modules.auth import account as accounts
from chain.modules.auth import params as parameters
from chain.modules.auth.account import Account
from chain.modules.auth.params import Params
from chain.modules.auth.queries import Queries
from chain.router import MessageRouter, QueryRouter
from cosmos_pb.cosmos.auth.v1beta1 import genesis_pb2
from light_client import bech32
from light_client.addresses import module_account
from light_client.errors import DecodeError

STORE: Final = "acc"
FEE_COLLECTOR: Final = "fee_collector"
ADDRESS_LENGTHS: Final = frozenset({20, 32})

_PARAMS: Final = b"\x00"
_ACCOUNT: Final = b"\x01"
_NEXT_NUMBER: Final = b"\x02"
_LEGACY_NEXT_NUMBER: Final = b"globalAccountNumber"
_BY_NUMBER: Final = b"accountNumber"

_INDEX_SIZE: Final = len(_BY_NUMBER) + 8


class Auth:
    """``permissions`` are the module accounts that exist, with what each may do (``minter``, ``burner``...)."""

    name = "auth"
    stores = (STORE,)

    def __init__(self, bech32_prefix: str, permissions: Mapping[str, tuple[str, ...]]) -> None:
        self.prefix = bech32_prefix
        self.permissions = permissions

    def register(self, _: MessageRouter, queries: QueryRouter) -> None:
        """x/auth has no message that a user can sign; its parameters belong to governance."""
        Queries(self).register(queries)

    # Addresses

    def address_bytes(self, address: str) -> bytes:
        """Bytes of a bech32 address of this chain, refused as codec/address/bech32_codec.go does."""
        return self.bytes_under(self.prefix, address)

    def bytes_under(self, prefix: str, address: str) -> bytes:
        """The same for another prefix of this chain's, such as that of operators."""
        found, raw = _decoded(address)
        if found != prefix:
            raise LOGIC(f"hrp does not match bech32 prefix: expected '{prefix}' got '{found}'")
        return _of_fair_length(raw)

    def acc_address_bytes(self, address: str) -> bytes:
        """The same, refused as types/address.go AccAddressFromBech32 does: without a registered code."""
        found, raw = _decoded(address)
        if found != self.prefix:
            raise unregistered(f"invalid Bech32 prefix; expected {self.prefix}, got {found}")
        return _of_fair_length(raw)

    def address_text(self, raw: bytes) -> str:
        return bech32.encode(self.prefix, raw)

    def module_address(self, name: str) -> str:
        return self.address_text(module_account(name))

    # Accounts

    def account(self, ctx: Context, address: str) -> Account | None:
        return self.load(ctx, self.address_bytes(address))

    def load(self, ctx: Context, raw: bytes) -> Account | None:
        stored = ctx.kv(STORE).get(_ACCOUNT + raw)
        return None if stored is None else accounts.decode(stored)

    def require(self, ctx: Context, raw: bytes) -> Account:
        """The account of a signer; sdk/9 when there is none."""
        found = self.load(ctx, raw)
        if found is None:
            raise UNKNOWN_ADDRESS(f"account {self.address_text(raw)} does not exist")
        return found

    def has(self, ctx: Context, raw: bytes) -> bool:
        return ctx.kv(STORE).has(_ACCOUNT + raw)

    def ensure_account(self, ctx: Context, address: str) -> Account:
        """The account, made with the next number when it is not there yet."""
        raw = self.address_bytes(address)
        found = self.load(ctx, raw)
        return self.create_account(ctx, raw) if found is None else found

    def create_account(self, ctx: Context, raw: bytes) -> Account:
        """A new account for an address that is known to have none."""
        return self._number(ctx, raw, Account(self.address_text(raw), 0))

    def create_interchain_account(self, ctx: Context, raw: bytes, owner: str) -> Account:
        """The same for one that a port of another chain owns (ICS-27)."""
        return self._number(ctx, raw, Account(self.address_text(raw), 0, owner=owner))

    def ensure_module_account(self, ctx: Context, name: str) -> Account:
        """The account of a module, made when it is not there yet; sdk/9 for a name without one."""
        if name not in self.permissions:
            raise UNKNOWN_ADDRESS(f"module account {name} does not exist")
        raw = module_account(name)
        found = self.load(ctx, raw)
        if found is not None:
            return found
        new = Account(self.address_text(raw), 0, module=name, permissions=self.permissions[name])
        return self._number(ctx, raw, new)

    def save(self, ctx: Context, raw: bytes, account: Account) -> None:
        """Store an account and its place in the number index.

        The gas is that of the SDK's indexed map: a read of the old value, and for the unique index a deletion, a
        presence check and a write. A number never changes, so an existing index entry is paid for but left alone.
        """
        store = ctx.kv(STORE)
        if not ctx.sdk.indexed_accounts:
            store.set(_ACCOUNT + raw, account.encode())
            store.set(_number_key(account.number), raw)
            return
        if store.get(_ACCOUNT + raw) is None:
            store.has(_number_key(account.number))
            store.set(_number_key(account.number), raw)
        else:
            ctx.gas.consume(DELETE_COST, "Delete")
            ctx.gas.consume(HAS_COST, "Has")
            ctx.gas.consume(WRITE_COST_FLAT, "WriteFlat")
            ctx.gas.consume(WRITE_COST_PER_BYTE * (_INDEX_SIZE + len(raw)), "WritePerByte")
        store.set(_ACCOUNT + raw, account.encode())

    def address_of_number(self, ctx: Context, number: int) -> bytes | None:
        return ctx.kv(STORE).get(_number_key(number))

    def _number(self, ctx: Context, raw: bytes, account: Account) -> Account:
        """Store an account under a new number."""
        counts = ctx.sdk.counts_accounts
        numbered = Account(
            account.address,
            self._next_number(ctx) if counts else _made_number(ctx, raw, account.module),
            module=account.module,
            permissions=account.permissions,
            owner=account.owner,
        )
        self.save(ctx, raw, numbered)
        return numbered

    def _next_number(self, ctx: Context) -> int:
        store, legacy = ctx.kv(STORE), ctx.sdk.legacy_counter
        stored = store.get(_LEGACY_NEXT_NUMBER if legacy else _NEXT_NUMBER) or b""
        number = (
            wrappers_pb2.UInt64Value.FromString(stored).value
            if legacy
            else int.from_bytes(stored, "big")
        )
        self._set_next_number(ctx, number + 1)
        return number

    def _set_next_number(self, ctx: Context, number: int) -> None:
        if ctx.sdk.legacy_counter:
            value = wrappers_pb2.UInt64Value(value=number).SerializeToString()
            ctx.kv(STORE).set(_LEGACY_NEXT_NUMBER, value)
        else:
            ctx.kv(STORE).set(_NEXT_NUMBER, number.to_bytes(8, "big"))

    # Parameters and genesis

    def params(self, ctx: Context) -> Params:
        return parameters.decode(ctx.kv(STORE).get(_PARAMS) or b"")

    def set_params(self, ctx: Context, params: Params) -> None:
        ctx.kv(STORE).set(_PARAMS, params.to_pb().SerializeToString())

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        document = genesis.read(genesis_pb2.GenesisState, state, self.name)
        known = document.HasField("params")
        self.set_params(ctx, parameters.from_pb(document.params) if known else Params())
        try:
            found = [accounts.from_any(packed) for packed in document.accounts]
        except AbciError as error:
            raise GenesisError(f"app_state.auth.accounts: {error}") from error
        numbered = sorted(found, key=lambda each: each.number)
        highest = -1
        for account in _renumbered(numbered):
            self.save(ctx, self._genesis_address(account), account)
            highest = max(highest, account.number)
        if ctx.sdk.counts_accounts:
            self._set_next_number(ctx, highest + 1)
        self.ensure_module_account(ctx, FEE_COLLECTOR)

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        document = genesis_pb2.GenesisState(params=self.params(ctx).to_pb())
        ordered = sorted(self.all(ctx), key=lambda each: each.number)
        document.accounts.extend(account.to_any() for account in ordered)
        return genesis.write(document)

    def all(self, ctx: Context) -> Iterator[Account]:
        """Every account, by address bytes."""
        return (accounts.decode(stored) for _, stored in ctx.kv(STORE).prefix(_ACCOUNT))

    def _genesis_address(self, account: Account) -> bytes:
        try:
            return self.address_bytes(account.address)
        except AbciError as error:
            raise GenesisError(f"app_state.auth.accounts: {account.address!r}: {error}") from error


def _renumbered(ordered: list[Account]) -> Iterator[Account]:
    """Numbers that occur twice become the lowest unused ones (x/auth/types SanitizeGenesisAccounts)."""
    used = {account.number for account in ordered}
    seen: set[int] = set()
    free = 0
    for account in ordered:
        number = account.number
        if number in seen:
            while free in used:
                free += 1
            number = free
            used.add(number)
        seen.add(number)
        yield Account(
            account.address,
            number,
            account.sequence,
            account.pub_key,
            account.module,
            account.permissions,
            account.owner,
        )


def _made_number(ctx: Context, raw: bytes, module: str) -> int:
    """Since SDK 0.54 (x/auth/types/account_id.go GenerateID); the top bit keeps it off the numbers of a counter."""
    place = (
        ctx.height.to_bytes(8, "big"),
        ctx.app_hash,
        ctx.tx_index.to_bytes(8, "big", signed=True),
    )
    digest = sha256(b"".join((*place, raw, module.encode()))).digest()
    return int.from_bytes(digest[:8], "big") | 1 << 63


def _number_key(number: int) -> bytes:
    return _BY_NUMBER + number.to_bytes(8, "big")


@lru_cache(maxsize=65_536)
def _decoded(address: str) -> tuple[str, bytes]:
    if not address.strip():
        raise unregistered("empty address string is not allowed")
    try:
        return bech32.decode(address)
    except DecodeError as error:
        raise unregistered(f"decoding bech32 failed: {error}") from error


def _of_fair_length(raw: bytes) -> bytes:
    """Accounts have 20 or 32 bytes, and nothing else is an address (wasmd x/wasm/types VerifyAddressLen)."""
    if len(raw) not in ADDRESS_LENGTHS:
        raise INVALID_ADDRESS("")
    return raw
