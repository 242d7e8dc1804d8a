"""The chain's answers to contracts, one class for each kind of query (wasmd ``x/wasm/keeper/query_plugins.go``)."""

from __future__ import annotations

from typing import Any

from chain import coins, decimals, gojson
from chain.context import Context
from chain.errors import INVALID_ADDRESS, INVALID_REQUEST, NOT_FOUND, AbciError, unregistered
from chain.gas import prefix_end
from chain.modules.bank import store as bank_store
from chain.modules.ibc.module import Ibc
from chain.modules.pagination import paginate
from chain.modules.staking.module import STORE as STAKING_STORE
from chain.modules.staking.module import Staking
from chain.modules.wasm import asked, errors, keys, wire
from chain.modules.wasm.keeper import Keeper
from chain.vm.errors import BackendError
from cosmos_pb.cosmos.bank.v1beta1 import bank_pb2
from cosmos_pb.cosmos.base.query.v1beta1.pagination_pb2 import PageRequest
from cosmos_pb.cosmos.staking.v1beta1 import staking_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2


class WasmAnswers:
    """``WasmQuery``."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def __call__(self, ctx: Context, _: str, wanted: asked.Wasm) -> bytes:
        if wanted.smart is not None:
            check_address(self._keeper, wanted.smart.contract_addr)
            with errors.wrapped("json msg"):
                wire.check_message(wanted.smart.msg)
            return self._keeper.query(ctx, wanted.smart.contract_addr, wanted.smart.msg)
        if wanted.raw is not None:
            raw = check_address(self._keeper, wanted.raw.contract_addr)
            return self._keeper.raw(ctx, raw, wanted.raw.key) or b""
        if wanted.contract_info is not None:
            return gojson.encode(self._contract_info(ctx, wanted.contract_info.contract_addr))
        if wanted.code_info is not None:
            return gojson.encode(self._code_info(ctx, wanted.code_info.code_id))
        if wanted.raw_range is not None:
            return gojson.encode(self._raw_range(ctx, wanted.raw_range))
        raise errors.unsupported("unknown WasmQuery variant")

    def _contract_info(self, ctx: Context, address: str) -> dict[str, Any]:
        info = self._keeper.contract_info(ctx, check_address(self._keeper, address))
        if info is None:
            raise errors.no_such_contract(address)
        answer: dict[str, Any] = {"code_id": info.code_id, "creator": info.creator}
        if info.admin:
            answer["admin"] = info.admin
        answer["pinned"] = self._keeper.codes.is_pinned(ctx, info.code_id)
        if info.ibc_port_id:
            answer["ibc_port"] = info.ibc_port_id
        if info.ibc2_port_id:
            answer["ibc2_port"] = info.ibc2_port_id
        return answer

    def _code_info(self, ctx: Context, code_id: int) -> dict[str, Any]:
        if code_id == 0:
            raise errors.EMPTY("code id")
        info = self._keeper.codes.require(ctx, code_id)
        return {"code_id": code_id, "creator": info.creator, "checksum": info.code_hash.hex()}

    def _raw_range(self, ctx: Context, wanted: asked.RawRange) -> dict[str, Any]:
        prefix = keys.contract_store(check_address(self._keeper, wanted.contract_addr))
        if wanted.order not in {"ascending", "descending"}:
            raise INVALID_REQUEST(f"unknown order {wanted.order}")
        first = prefix + (wanted.start or b"")
        last = prefix_end(prefix) if wanted.end is None else prefix + wanted.end
        found: list[tuple[bytes, bytes]] = []
        for key, value in ctx.kv("wasm").iterate(first, last, reverse=wanted.order == "descending"):
            if len(found) == wanted.limit:
                return {"data": found, "next_key": key[len(prefix) :]}
            found.append((key[len(prefix) :], value))
        return {"data": found, "next_key": None}


class BankAnswers:
    """``BankQuery``."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def __call__(self, ctx: Context, _: str, wanted: asked.Bank) -> bytes:
        return gojson.encode(self._answer(ctx, wanted))

    def _answer(self, ctx: Context, wanted: asked.Bank) -> dict[str, Any]:
        bank = self._keeper.bank
        if wanted.all_balances is not None:
            check_address(self._keeper, wanted.all_balances.address)
            return {"amount": wire.coins(bank.balances(ctx, wanted.all_balances.address))}
        if wanted.balance is not None:
            check_address(self._keeper, wanted.balance.address)
            held = bank.balance(ctx, wanted.balance.address, wanted.balance.denom)
            return _amount(wanted.balance.denom, held)
        if wanted.supply is not None:
            return _amount(wanted.supply.denom, bank.supply(ctx, wanted.supply.denom))
        if wanted.denom_metadata is not None:
            found = bank.denom_metadata(ctx, wanted.denom_metadata.denom)
            if found is None:
                raise NOT_FOUND(wanted.denom_metadata.denom)
            return {"metadata": _metadata(found)}
        if wanted.all_denom_metadata is not None:
            return self._all_metadata(ctx, wanted.all_denom_metadata.pagination or asked.Page())
        raise errors.unsupported("unknown BankQuery variant")

    def _all_metadata(self, ctx: Context, page: asked.Page) -> dict[str, Any]:
        found, after = paginate(
            ctx.kv(bank_store.STORE),
            bank_store.METADATA,
            PageRequest(key=page.key or b"", limit=page.limit, reverse=page.reverse),
            lambda _, stored: _metadata(bank_pb2.Metadata.FromString(stored)),
        )
        answer: dict[str, Any] = {"metadata": found}
        if after.next_key:
            answer["next_key"] = after.next_key
        return answer


class IbcAnswers:
    """``IBCQuery``; only open channels are shown."""

    def __init__(self, keeper: Keeper, ibc: Ibc) -> None:
        self._keeper = keeper
        self._ibc = ibc

    def __call__(self, ctx: Context, caller: str, wanted: asked.Ibc) -> bytes:
        return gojson.encode(self._answer(ctx, caller, wanted))

    def _answer(self, ctx: Context, caller: str, wanted: asked.Ibc) -> dict[str, Any]:
        if wanted.port_id is not None:
            return {"port_id": self._port(ctx, caller)}
        if wanted.list_channels is not None:
            port = wanted.list_channels.port_id or self._port(ctx, caller)
            found = self._ibc.channels_of_port(ctx, port) if port else []
            return {
                "channels": [
                    channel(one.port_id, one.channel_id, one) for one in found if _is_open(one)
                ]
            }
        if wanted.channel is not None:
            port, name = (
                wanted.channel.port_id or self._port(ctx, caller),
                wanted.channel.channel_id,
            )
            end = self._ibc.channel(ctx, port, name)
            return {"channel": channel(port, name, end)} if end and _is_open(end) else {}
        raise errors.unsupported("unknown IBCQuery variant")

    def _port(self, ctx: Context, caller: str) -> str:
        info = self._keeper.contract_info(ctx, self._keeper.auth.acc_address_bytes(caller))
        if info is None:  # the contract is being made; wasmd reads through a nil pointer here
            raise BackendError("Panic in FFI call")
        return info.ibc_port_id


class StakingAnswers:
    """``StakingQuery``. Validators and delegations are data here: shares are tokens, and there are no rewards."""

    def __init__(self, keeper: Keeper, staking: Staking) -> None:
        self._keeper = keeper
        self._staking = staking

    def __call__(self, ctx: Context, _: str, wanted: asked.Staking) -> bytes:
        return gojson.encode(self._answer(ctx, wanted))

    def _answer(self, ctx: Context, wanted: asked.Staking) -> dict[str, Any]:
        if wanted.bonded_denom is not None:
            return {"denom": self._staking.bond_denom(ctx)}
        if wanted.all_validators is not None:
            return {"validators": [_validator(one) for one in self._staking.validators(ctx)]}
        if wanted.validator is not None:
            found = self._validator(ctx, wanted.validator.address)
            return {"validator": None if found is None else _validator(found)}
        if wanted.all_delegations is not None:
            return {"delegations": self._all_delegations(ctx, wanted.all_delegations.delegator)}
        if wanted.delegation is not None:
            return self._delegation(ctx, wanted.delegation)
        raise errors.unsupported("unknown Staking variant")

    def _validator(self, ctx: Context, operator: str) -> staking_pb2.Validator | None:
        try:
            return self._staking.validator(ctx, operator)
        except AbciError as error:  # as ValAddressFromBech32 says it, without a registered code
            raise unregistered(error.log.removesuffix(f": {INVALID_ADDRESS.text}")) from error

    def _all_delegations(self, ctx: Context, delegator: str) -> list[dict[str, Any]]:
        check_address(self._keeper, delegator)
        stored = ctx.kv(STAKING_STORE).prefix(self._staking.delegations_of(delegator))
        return [self._shown(ctx, staking_pb2.Delegation.FromString(value)) for _, value in stored]

    def _delegation(self, ctx: Context, wanted: asked.Delegation) -> dict[str, Any]:
        check_address(self._keeper, wanted.delegator)
        found = self._staking.delegation(ctx, wanted.delegator, wanted.validator)
        if found is None:
            return {}
        shown = self._shown(ctx, found)
        return {
            "delegation": shown | {"accumulated_rewards": [], "can_redelegate": shown["amount"]}
        }

    def _shown(self, ctx: Context, found: staking_pb2.Delegation) -> dict[str, Any]:
        tokens = str(decimals.whole(found.shares))
        return {
            "delegator": found.delegator_address,
            "validator": found.validator_address,
            "amount": {"denom": self._staking.bond_denom(ctx), "amount": tokens},
        }


def channel(port: str, channel_id: str, end: Any) -> dict[str, Any]:
    """``IbcChannel`` of a channel end (``Channel`` and ``IdentifiedChannel`` alike)."""
    return wire.channel(
        port,
        channel_id,
        (end.counterparty.port_id, end.counterparty.channel_id),
        channel_pb2.Order.Name(end.ordering),
        end.version,
        end.connection_hops[0],
    )


def check_address(keeper: Keeper, address: str) -> bytes:
    try:
        return keeper.auth.acc_address_bytes(address)
    except AbciError as error:
        raise INVALID_ADDRESS(address) from error


def _is_open(end: Any) -> bool:
    return bool(end.state == channel_pb2.STATE_OPEN)


def _amount(denom: str, amount: int) -> dict[str, Any]:
    """A coin as the SDK makes it: it panics over a denomination that could be none (``types/coin.go`` NewCoin)."""
    if not coins.is_denom(denom):
        raise BackendError("Panic in FFI call")
    return {"amount": {"denom": denom, "amount": str(amount)}}


def _metadata(found: bank_pb2.Metadata) -> dict[str, Any]:
    return {
        "description": found.description,
        "denom_units": [
            {"denom": unit.denom, "exponent": unit.exponent, "aliases": list(unit.aliases)}
            for unit in found.denom_units
        ],
        "base": found.base,
        "display": found.display,
        "name": found.name,
        "symbol": found.symbol,
        "uri": found.uri,
        "uri_hash": found.uri_hash,
    }


def _validator(found: staking_pb2.Validator) -> dict[str, str]:
    rates = found.commission.commission_rates
    return {
        "address": found.operator_address,
        "commission": decimals.show(rates.rate),
        "max_commission": decimals.show(rates.max_rate),
        "max_change_rate": decimals.show(rates.max_change_rate),
    }
