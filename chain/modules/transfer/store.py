"""The store "transfer": port, parameters, denominations that arrived, escrow totals (``keeper/keeper.go``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain.coins import Coin
from chain.context import Context
from chain.modules.transfer import denom as denoms
from chain.modules.transfer.denom import Denom
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.ibc.applications.transfer.v1 import token_pb2, transfer_pb2

STORE: Final = "transfer"
PORT: Final = b"\x01"
DENOM: Final = b"\x03"
PARAMS: Final = b"params"
_ESCROW = b"totalEscrowForDenom/"


def port(ctx: Context) -> str:
    return (ctx.kv(STORE).get(PORT) or b"transfer").decode()


def set_port(ctx: Context, name: str) -> None:
    ctx.kv(STORE).set(PORT, name.encode())


def params(ctx: Context) -> transfer_pb2.Params:
    raw = ctx.kv(STORE).get(PARAMS)
    if raw is None:
        return transfer_pb2.Params(send_enabled=True, receive_enabled=True)
    return transfer_pb2.Params.FromString(raw)


def set_params(ctx: Context, value: transfer_pb2.Params) -> None:
    ctx.kv(STORE).set(PARAMS, value.SerializeToString())


def denom(ctx: Context, digest: bytes) -> Denom | None:
    raw = ctx.kv(STORE).get(DENOM + digest)
    return None if raw is None else decode_denom(raw)


def has_denom(ctx: Context, digest: bytes) -> bool:
    return ctx.kv(STORE).has(DENOM + digest)


def set_denom(ctx: Context, value: Denom) -> None:
    ctx.kv(STORE).set(DENOM + value.hash, value.to_pb().SerializeToString())


def all_denoms(ctx: Context) -> Iterator[Denom]:
    return (decode_denom(raw) for _, raw in ctx.kv(STORE).prefix(DENOM))


def decode_denom(raw: bytes) -> Denom:
    return denoms.from_pb(token_pb2.Denom.FromString(raw))


def escrowed(ctx: Context, name: str) -> int:
    raw = ctx.kv(STORE).get(_ESCROW + name.encode())
    return 0 if raw is None else int(coin_pb2.IntProto.FromString(raw).int)


def set_escrowed(ctx: Context, name: str, amount: int) -> None:
    """Zero removes the entry."""
    key = _ESCROW + name.encode()
    if amount:
        ctx.kv(STORE).set(key, coin_pb2.IntProto(int=str(amount)).SerializeToString())
    else:
        ctx.kv(STORE).delete(key)


def all_escrowed(ctx: Context) -> Iterator[Coin]:
    for key, raw in ctx.kv(STORE).prefix(_ESCROW):
        yield Coin(key[len(_ESCROW) :].decode(), int(coin_pb2.IntProto.FromString(raw).int))
