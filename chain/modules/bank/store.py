"""Keys and values of the store ``bank`` (cosmos-sdk x/bank/types/keys.go).

00 + denom: supply; 01 + denom: metadata; 02 + length + address + denom: balance; 03 + denom + 00 + length + address:
index of the holders of a denomination; 04 + denom: send-enabled; 05: parameters. Amounts are decimal text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from chain.coins import Coin
from chain.context import Context
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2

STORE: Final = "bank"

SUPPLY: Final = b"\x00"
METADATA: Final = b"\x01"
BALANCE: Final = b"\x02"
HOLDER: Final = b"\x03"
SEND_ENABLED: Final = b"\x04"
PARAMS: Final = b"\x05"


def balances_of(raw: bytes) -> bytes:
    """The prefix of an account's balances."""
    return BALANCE + bytes([len(raw)]) + raw


def holders_of(denom: str) -> bytes:
    """The prefix of a denomination's holders."""
    return HOLDER + denom.encode() + b"\0"


@lru_cache(maxsize=32_768)
def _balance_key(raw: bytes, denom: str) -> bytes:
    return balances_of(raw) + denom.encode()


def balance(ctx: Context, raw: bytes, denom: str) -> int:
    stored = ctx.kv(STORE).get(_balance_key(raw, denom))
    return int(stored) if stored else 0


def set_balance(ctx: Context, raw: bytes, coin: Coin) -> None:
    """A balance and its place in the holders' index; a zero balance is not kept."""
    store = ctx.kv(STORE)
    index = holders_of(coin.denom) + bytes([len(raw)]) + raw
    if coin.amount:
        if not ctx.sdk.looks_for_holders:
            store.set(index, b"")
        elif not store.has(index):
            store.set(index, b"\0")
        store.set(_balance_key(raw, coin.denom), str(coin.amount).encode())
    else:
        store.delete(index)
        store.delete(_balance_key(raw, coin.denom))


def balances(ctx: Context, raw: bytes) -> Iterator[Coin]:
    prefix = balances_of(raw)
    for key, stored in ctx.kv(STORE).prefix(prefix):
        yield Coin(key[len(prefix) :].decode(), int(stored))


def supply(ctx: Context, denom: str) -> int:
    stored = ctx.kv(STORE).get(SUPPLY + denom.encode())
    return int(stored) if stored else 0


def set_supply(ctx: Context, coin: Coin) -> None:
    store, key = ctx.kv(STORE), SUPPLY + coin.denom.encode()
    if coin.amount:
        store.set(key, str(coin.amount).encode())
    else:
        store.delete(key)


def metadata(ctx: Context, denom: str) -> bank_pb2.Metadata | None:
    stored = ctx.kv(STORE).get(METADATA + denom.encode())
    return None if stored is None else bank_pb2.Metadata.FromString(stored)


def has_metadata(ctx: Context, denom: str) -> bool:
    return ctx.kv(STORE).has(METADATA + denom.encode())


def set_metadata(ctx: Context, value: bank_pb2.Metadata) -> None:
    ctx.kv(STORE).set(METADATA + value.base.encode(), value.SerializeToString())


def send_enabled(ctx: Context, denom: str) -> bool | None:
    """Whether this denomination was switched on or off; None when the default holds. Looks before it reads."""
    key = SEND_ENABLED + denom.encode()
    return ctx.kv(STORE).get(key) == b"\x01" if ctx.kv(STORE).has(key) else None


def set_send_enabled(ctx: Context, denom: str, *, enabled: bool) -> None:
    ctx.kv(STORE).set(SEND_ENABLED + denom.encode(), bytes([enabled]))


def default_send_enabled(ctx: Context) -> bool:
    return bank_pb2.Params.FromString(ctx.kv(STORE).get(PARAMS) or b"").default_send_enabled


def set_params(ctx: Context, params: bank_pb2.Params) -> None:
    ctx.kv(STORE).set(PARAMS, params.SerializeToString())
