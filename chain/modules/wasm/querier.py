"""What contracts may ask of their chain (wasmd ``x/wasm/keeper/query_plugins.go``).

A query runs in a scope that is thrown away, under a meter of its own; what it consumed is charged to the asking
contract whatever its end. Refusals are redacted like those of sub-messages, except those that have a ``SystemError``
form.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chain.context import Context
from chain.errors import INVALID_ADDRESS, INVALID_REQUEST, NOT_FOUND, AbciError, OutOfGas
from chain.gas import GasMeter
from chain.modules.ibc.module import Ibc
from chain.modules.staking.module import Staking
from chain.modules.wasm import errors, gas, keys, wire
from chain.modules.wasm.keeper import Keeper
from cosmos_pb.ibc.core.channel.v1 import channel_pb2


class _Address(msgspec.Struct):
    address: str = ""


class _Balance(msgspec.Struct):
    address: str = ""
    denom: str = ""


class _Denom(msgspec.Struct):
    denom: str = ""


class _Bank(msgspec.Struct):
    supply: _Denom | None = None
    balance: _Balance | None = None
    all_balances: _Address | None = None
    denom_metadata: _Denom | None = None


class _Nothing(msgspec.Struct):
    pass


class _ListChannels(msgspec.Struct):
    port_id: str | None = None


class _Channel(msgspec.Struct):
    port_id: str | None = None
    channel_id: str = ""


class _Ibc(msgspec.Struct):
    port_id: _Nothing | None = None
    list_channels: _ListChannels | None = None
    channel: _Channel | None = None


class _Delegator(msgspec.Struct):
    delegator: str = ""


class _Staking(msgspec.Struct):
    bonded_denom: _Nothing | None = None
    all_validators: _Nothing | None = None
    validator: _Address | None = None
    all_delegations: _Delegator | None = None


class _Smart(msgspec.Struct):
    contract_addr: str = ""
    msg: bytes = b""


class _Raw(msgspec.Struct):
    contract_addr: str = ""
    key: bytes = b""


class _Contract(msgspec.Struct):
    contract_addr: str = ""


class _Code(msgspec.Struct):
    code_id: int = 0


class _RawRange(msgspec.Struct):
    contract_addr: str = ""
    start: bytes | None = None
    end: bytes | None = None
    limit: int = 0
    order: str = ""


class _Wasm(msgspec.Struct):
    smart: _Smart | None = None
    raw: _Raw | None = None
    contract_info: _Contract | None = None
    code_info: _Code | None = None
    raw_range: _RawRange | None = None


class _Request(msgspec.Struct):
    bank: _Bank | None = None
    custom: msgspec.Raw | None = None
    distribution: msgspec.Raw | None = None
    ibc: _Ibc | None = None
    staking: _Staking | None = None
    stargate: msgspec.Raw | None = None
    grpc: msgspec.Raw | None = None
    wasm: _Wasm | None = None


class Querier:
    """Answers ``query_chain``."""

    def __init__(self, keeper: Keeper, staking: Staking, ibc: Ibc) -> None:
        self._keeper = keeper
        self._staking = staking
        self._ibc = ibc

    def __call__(self, ctx: Context, caller: str, request: bytes, gas_limit: int) -> bytes:
        """JSON of ``SystemResult<ContractResult<Binary>>``; ``gas_limit`` in VM gas."""
        try:
            asked = msgspec.json.decode(request, type=_Request)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            return _system({"invalid_request": {"error": str(error), "request": request}})
        meter = GasMeter(gas_limit // gas.MULTIPLIER)
        try:
            answer = self._answer(ctx.fork(meter), caller, asked)
        except OutOfGas:
            raise
        except AbciError as error:
            system = getattr(error, "system", None)
            if system is not None:
                return _system(system)
            return msgspec.json.encode({"ok": {"error": errors.redacted(error)}})
        finally:
            ctx.gas.consume(meter.consumed, "contract sub-query")
        return msgspec.json.encode({"ok": {"ok": answer}})

    def _answer(self, ctx: Context, caller: str, asked: _Request) -> bytes:
        if asked.wasm is not None:
            return self._wasm(ctx, asked.wasm)
        if asked.bank is not None:
            return wire.go_json(self._bank(ctx, asked.bank))
        if asked.ibc is not None:
            return wire.go_json(self._ibc_query(ctx, caller, asked.ibc))
        if asked.staking is not None:
            return wire.go_json(self._staking_query(ctx, asked.staking))
        if asked.stargate is not None:
            raise errors.UnsupportedRequest("Stargate queries are disabled on this chain")
        if asked.grpc is not None:
            raise errors.UnsupportedRequest("gRPC queries are disabled on this chain")
        for kind in ("custom", "distribution"):
            if getattr(asked, kind) is not None:
                raise errors.UnsupportedRequest(kind)
        unknown = errors.UnsupportedRequest("unknown")
        unknown.system = {"unknown": {}}
        raise unknown

    def _wasm(self, ctx: Context, asked: _Wasm) -> bytes:
        keeper = self._keeper
        if asked.smart is not None:
            self._check_address(asked.smart.contract_addr)
            check_json(asked.smart.msg, "json msg")
            return keeper.query(ctx, asked.smart.contract_addr, asked.smart.msg)
        if asked.raw is not None:
            raw = self._check_address(asked.raw.contract_addr)
            return keeper.raw(ctx, raw, asked.raw.key) or b""
        if asked.contract_info is not None:
            return wire.go_json(self._contract_info(ctx, asked.contract_info.contract_addr))
        if asked.code_info is not None:
            return wire.go_json(self._code_info(ctx, asked.code_info.code_id))
        if asked.raw_range is not None:
            return wire.go_json(self._raw_range(ctx, asked.raw_range))
        raise errors.UnsupportedRequest("unknown WasmQuery variant")

    def _contract_info(self, ctx: Context, address: str) -> dict[str, Any]:
        info = self._keeper.contract_info(ctx, self._check_address(address))
        if info is None:
            raise errors.no_such_contract(address)
        answer: dict[str, Any] = {"code_id": info.code_id, "creator": info.creator}
        if info.admin:
            answer["admin"] = info.admin
        answer["pinned"] = self._keeper.is_pinned(ctx, info.code_id)
        if info.ibc_port_id:
            answer["ibc_port"] = info.ibc_port_id
        if info.ibc2_port_id:
            answer["ibc2_port"] = info.ibc2_port_id
        return answer

    def _code_info(self, ctx: Context, code_id: int) -> dict[str, Any]:
        if code_id == 0:
            raise errors.EMPTY("code id")
        info = self._keeper.code_info(ctx, code_id)
        if info is None:
            raise errors.no_such_code(code_id)
        return {"code_id": code_id, "creator": info.creator, "checksum": info.code_hash.hex()}

    def _raw_range(self, ctx: Context, asked: _RawRange) -> dict[str, Any]:
        prefix = keys.contract_store(self._check_address(asked.contract_addr))
        if asked.order not in ("ascending", "descending"):
            raise INVALID_REQUEST(f"unknown order {asked.order}")
        store = ctx.kv("wasm")
        last = (
            prefix + asked.end
            if asked.end is not None
            else keys.CONTRACT_STORE + _after(prefix[1:])
        )
        pairs = store.iterate(
            prefix + (asked.start or b""), last, reverse=asked.order == "descending"
        )
        found: list[tuple[bytes, bytes]] = []
        for key, value in pairs:
            if len(found) == asked.limit:
                return {"data": found, "next_key": key[len(prefix) :]}
            found.append((key[len(prefix) :], value))
        return {"data": found, "next_key": None}

    def _bank(self, ctx: Context, asked: _Bank) -> dict[str, Any]:
        bank = self._keeper.bank
        if asked.all_balances is not None:
            self._check_address(asked.all_balances.address)
            return {"amount": wire.coins(bank.balances(ctx, asked.all_balances.address))}
        if asked.balance is not None:
            self._check_address(asked.balance.address)
            amount = bank.balance(ctx, asked.balance.address, asked.balance.denom)
            return {"amount": {"denom": asked.balance.denom, "amount": str(amount)}}
        if asked.supply is not None:
            amount = bank.supply(ctx, asked.supply.denom)
            return {"amount": {"denom": asked.supply.denom, "amount": str(amount)}}
        if asked.denom_metadata is not None:
            return {"metadata": self._metadata(ctx, asked.denom_metadata.denom)}
        raise errors.UnsupportedRequest("unknown BankQuery variant")

    def _metadata(self, ctx: Context, denom: str) -> dict[str, Any]:
        found = self._keeper.bank.denom_metadata(ctx, denom)
        if found is None:
            raise NOT_FOUND(denom)
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

    def _ibc_query(self, ctx: Context, caller: str, asked: _Ibc) -> dict[str, Any]:
        own = self._keeper.contract_info(ctx, self._check_address(caller))
        port = own.ibc_port_id if own is not None else ""
        if asked.port_id is not None:
            return {"port_id": port}
        if asked.list_channels is not None:
            wanted = asked.list_channels.port_id or port
            found = self._ibc.channels_of_port(ctx, wanted) if wanted else []
            return {
                "channels": [
                    channel(item.port_id, item.channel_id, item)
                    for item in found
                    if item.state == channel_pb2.STATE_OPEN
                ]
            }
        if asked.channel is not None:
            wanted = asked.channel.port_id or port
            end = self._ibc.channel(ctx, wanted, asked.channel.channel_id)
            if end is None or end.state != channel_pb2.STATE_OPEN:
                return {}
            return {"channel": channel(wanted, asked.channel.channel_id, end)}
        raise errors.UnsupportedRequest("unknown IBCQuery variant")

    def _staking_query(self, ctx: Context, asked: _Staking) -> dict[str, Any]:
        if asked.bonded_denom is not None:
            return {"denom": self._staking.bond_denom(ctx)}
        if asked.all_validators is not None:
            return {"validators": [_validator(found) for found in self._staking.validators(ctx)]}
        if asked.validator is not None:
            wanted = asked.validator.address
            named = [
                item for item in self._staking.validators(ctx) if item.operator_address == wanted
            ]
            return {"validator": _validator(named[0]) if named else None}
        if asked.all_delegations is not None:
            self._check_address(asked.all_delegations.delegator)
            return {"delegations": []}
        raise errors.UnsupportedRequest("unknown Staking variant")

    def _check_address(self, address: str) -> bytes:
        try:
            return self._keeper.auth.address_bytes(address)
        except AbciError as error:
            raise INVALID_ADDRESS(address) from error


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


def check_json(message: bytes, what: str) -> None:
    """A contract message must be JSON (``RawContractMessage.ValidateBasic``); wasm/14 otherwise."""
    try:
        msgspec.json.decode(message)
    except msgspec.DecodeError as error:
        raise errors.INVALID(f"{what}") from error


def _system(error: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"error": error})


def _validator(found: Any) -> dict[str, str]:
    rates = found.commission.commission_rates
    return {
        "address": found.operator_address,
        "commission": rates.rate,
        "max_commission": rates.max_rate,
        "max_change_rate": rates.max_change_rate,
    }


def _after(address: bytes) -> bytes:
    """The address after ``address``, as the end of its key range."""
    return (int.from_bytes(address, "big") + 1).to_bytes(len(address), "big")
