"""Codes, contracts and calls into them (wasmd ``x/wasm/keeper/keeper.go``).

Every entry point has the same stages: *load* the instance, *charge* its set-up, *call* the VM, *charge* what it used,
*judge* the result, then *dispatch* what the contract asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec

from chain.coins import Coin
from chain.context import Context, Mode
from chain.errors import INVALID_REQUEST, UNAUTHORIZED, AbciError, OutOfGas
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.wasm import errors, events, gas, keys, wire
from chain.modules.wasm.access import can_create, can_instantiate, default_access
from chain.modules.wasm.backend import ContractBackend
from chain.vm import VM, VmError
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

MAX_WASM_SIZE: Final = 800 * 1024
MAX_QUERY_DEPTH: Final = 10
MAX_CALL_DEPTH: Final = 100

VM_PREFIX: Final = "Error calling the VM: "
"""What wasmvm puts before the errors of its engine (libwasmvm `error/rust.rs`)."""

TX_COUNTER: Final = "wasm.tx_counter"
TX_CONTRACTS: Final = "wasm.tx_contracts"
CALL_DEPTH: Final = "wasm.call_depth"
QUERY_DEPTH: Final = "wasm.query_depth"

Result = TypeVar("Result", wire.ContractResult, wire.ChannelOpenResult, wire.QueryResult)
ResponseHandler = Callable[[Context, "Instance", wire.Response, bytes | None], bytes | None]
QueryHandler = Callable[[Context, str, bytes, int], bytes]


@dataclass(frozen=True, slots=True)
class Instance:
    """A contract and the code it runs."""

    address: str
    raw_address: bytes
    info: wasm_pb.ContractInfo
    code: wasm_pb.CodeInfo


class Keeper:
    """State of x/wasm. ``dispatch`` (sub-messages) and ``answer`` (contract queries) are set by its module."""

    dispatch: ResponseHandler
    answer: QueryHandler

    def __init__(self, auth: Auth, bank: Bank, vm: VM) -> None:
        self.auth = auth
        self.bank = bank
        self.vm = vm

    # -- reading

    def params(self, ctx: Context) -> wasm_pb.Params:
        return wasm_pb.Params.FromString(ctx.kv("wasm").get(keys.PARAMS) or b"")

    def set_params(self, ctx: Context, params: wasm_pb.Params) -> None:
        params.code_upload_access.SetInParent()
        ctx.kv("wasm").set(keys.PARAMS, params.SerializeToString())

    def code_info(self, ctx: Context, code_id: int) -> wasm_pb.CodeInfo | None:
        found = ctx.kv("wasm").get(keys.code(code_id))
        return None if found is None else wasm_pb.CodeInfo.FromString(found)

    def contract_info(self, ctx: Context, address: bytes) -> wasm_pb.ContractInfo | None:
        found = ctx.kv("wasm").get(keys.contract(address))
        return None if found is None else wasm_pb.ContractInfo.FromString(found)

    def instance(self, ctx: Context, address: str) -> Instance:
        """The contract at ``address``; wasm/22 or wasm/28 when it or its code is missing."""
        raw = self.auth.address_bytes(address)
        info = self.contract_info(ctx, raw)
        if info is None:
            raise errors.no_such_contract(address)
        code = self.code_info(ctx, info.code_id)
        if code is None:
            raise errors.no_such_code(info.code_id)
        return Instance(address, raw, info, code)

    def is_pinned(self, ctx: Context, code_id: int) -> bool:
        return ctx.kv("wasm").has(keys.pinned(code_id))

    def history(self, ctx: Context, address: bytes) -> Iterator[wasm_pb.ContractCodeHistoryEntry]:
        for _, value in ctx.kv("wasm").prefix(keys.history(address)):
            yield wasm_pb.ContractCodeHistoryEntry.FromString(value)

    def raw(self, ctx: Context, address: bytes, key: bytes) -> bytes | None:
        return ctx.kv("wasm").get(keys.contract_store(address) + key)

    # -- codes

    def store_code(
        self,
        ctx: Context,
        sender: str,
        code: bytes,
        access: wasm_pb.AccessConfig | None,
        *,
        authority: bool,
    ) -> tuple[int, bytes]:
        """Check, compile and keep a contract; returns (code id, checksum)."""
        params = self.params(ctx)
        default = default_access(params, sender)
        if access is None:
            access = default
        if not can_create(params, default, sender, access, authority=authority):
            raise UNAUTHORIZED("can not create code")
        code = _gunzip(ctx, code)
        self._charge_compilation(ctx, code)
        try:
            checksum = self._keep(ctx, code)
        except VmError as error:
            raise errors.CREATE_FAILED(f"{VM_PREFIX}{error}") from error
        code_id = self._next_id(ctx, keys.NEXT_CODE_ID)
        info = wasm_pb.CodeInfo(code_hash=checksum, creator=sender, instantiate_config=access)
        ctx.kv("wasm").set(keys.code(code_id), info.SerializeToString())
        ctx.emit("store_code", ("code_checksum", checksum.hex()), ("code_id", str(code_id)))
        return code_id, checksum

    def _keep(self, ctx: Context, code: bytes) -> bytes:
        """A simulation checks the code and leaves nothing behind (CWA-2024-009)."""
        if ctx.mode is Mode.SIMULATE:
            self.vm.check(code)
            return sha256(code).digest()
        return self.vm.store_code(code)

    def _charge_compilation(self, ctx: Context, code: bytes) -> None:
        cost = gas.COMPILE_COST_PER_BYTE * gas.MULTIPLIER * len(code)
        limit = gas.runtime_limit(ctx)
        gas.consume_runtime(ctx, min(cost, limit))
        if cost > limit:
            raise errors.CREATE_FAILED("Out of gas")

    # -- entry points

    def instantiate(
        self,
        ctx: Context,
        code_id: int,
        creator: str,
        admin: str,
        message: bytes,
        label: str,
        funds: Sequence[Coin],
        make_address: Callable[[Context, int, bytes], bytes],
        *,
        authority: bool = False,
    ) -> tuple[str, bytes | None]:
        """Create a contract; returns (address, data of its response)."""
        code = self.code_info(ctx, code_id)
        if code is None:
            raise errors.no_such_code(code_id)
        self._charge_setup(ctx, code.code_hash, code_id, "instantiate")
        if not can_instantiate(code.instantiate_config, creator, authority=authority):
            raise UNAUTHORIZED("can not instantiate")
        raw = make_address(ctx, code_id, code.code_hash)
        address = self.auth.address_text(raw)
        if ctx.kv("wasm").has(keys.contract(raw)):
            raise errors.DUPLICATE(
                "contract address already exists, try a different combination of creator, checksum and salt"
            )
        self._claim_account(ctx, address)
        self._deposit(ctx, creator, address, funds)
        arguments = (self.env(ctx, address), wire.go_json(wire.info(creator, funds)), message)
        data = self.call(ctx, code.code_hash, raw, "instantiate", arguments)
        response = self._judge(data, errors.INSTANTIATE_FAILED)
        info = wasm_pb.ContractInfo(code_id=code_id, creator=creator, admin=admin, label=label)
        info.created.CopyFrom(_position(ctx))
        self._set_ports(info, address, ibc=self.vm.analyze(code.code_hash).has_ibc_entry_points)
        entry = wasm_pb.ContractCodeHistoryEntry(
            operation=wasm_pb.CONTRACT_CODE_HISTORY_OPERATION_TYPE_INIT,
            code_id=code_id,
            updated=info.created,
            msg=message,
        )
        store = ctx.kv("wasm")
        at = keys.position(info.created.block_height, info.created.tx_index)
        store.set(keys.by_code(code_id, at, raw), b"")
        store.set(keys.by_creator(self.auth.address_bytes(creator), at, raw), b"")
        self._append_history(ctx, raw, entry)
        store.set(keys.contract(raw), info.SerializeToString())
        ctx.emit("instantiate", ("_contract_address", address), ("code_id", str(code_id)))
        instance = Instance(address, raw, info, code)
        with wrapped("dispatch"):
            return address, self.respond(ctx, instance, response, response.data)

    def execute(
        self, ctx: Context, address: str, sender: str, message: bytes, funds: Sequence[Coin]
    ) -> bytes | None:
        instance = self.instance(ctx, address)
        self._charge_setup(ctx, instance.code.code_hash, instance.info.code_id, "execute")
        self._deposit(ctx, sender, address, funds)
        arguments = (self.env(ctx, address), wire.go_json(wire.info(sender, funds)), message)
        data = self.call(ctx, instance.code.code_hash, instance.raw_address, "execute", arguments)
        response = self._judge(data, errors.EXECUTE_FAILED)
        ctx.emit("execute", ("_contract_address", address))
        return self.respond(ctx, instance, response, response.data)

    def migrate(
        self,
        ctx: Context,
        address: str,
        sender: str,
        code_id: int,
        message: bytes,
        *,
        authority: bool = False,
    ) -> bytes | None:
        """Point a contract at another code; its ``migrate`` runs unless both codes carry the same migrate version."""
        raw = self.auth.address_bytes(address)
        info = self.contract_info(ctx, raw)
        if info is None:
            raise INVALID_REQUEST("unknown contract")
        if not authority and info.admin != sender:
            raise UNAUTHORIZED("can not migrate")
        code = self.code_info(ctx, code_id)
        if code is None:
            raise INVALID_REQUEST("unknown code")
        if not can_instantiate(code.instantiate_config, sender, authority=authority):
            raise UNAUTHORIZED("to use new code")
        analysis = self.vm.analyze(code.code_hash)
        if not analysis.has_ibc_entry_points and info.ibc_port_id:
            raise errors.MIGRATION_FAILED("requires ibc callbacks")
        self._set_ports(info, address, ibc=analysis.has_ibc_entry_points)
        old_code = self.code_info(ctx, info.code_id)
        if old_code is None:
            raise errors.no_such_code(info.code_id)
        old_version = self.vm.analyze(old_code.code_hash).contract_migrate_version
        response = None
        if (
            analysis.contract_migrate_version is None
            or analysis.contract_migrate_version != old_version
        ):
            self._charge_setup(ctx, code.code_hash, code_id, "migrate")
            about = {"sender": sender, "old_migrate_version": old_version}
            arguments = (self.env(ctx, address), message, wire.go_json(about))
            data = self.call(ctx, code.code_hash, raw, "migrate", arguments)
            response = self._judge(data, errors.MIGRATION_FAILED)
        self._record_migration(ctx, raw, info, code_id, message)
        ctx.emit("migrate", ("code_id", str(code_id)), ("_contract_address", address))
        if response is None:
            return None
        with wrapped("dispatch"):
            return self.respond(ctx, Instance(address, raw, info, code), response, response.data)

    def sudo(self, ctx: Context, address: str, message: bytes) -> bytes | None:
        """Privileged entry for the chain itself; no access control here."""
        instance = self.instance(ctx, address)
        self._charge_setup(ctx, instance.code.code_hash, instance.info.code_id, "sudo")
        arguments = (self.env(ctx, address), message)
        data = self.call(ctx, instance.code.code_hash, instance.raw_address, "sudo", arguments)
        response = self._judge(data, errors.EXECUTE_FAILED)
        ctx.emit("sudo", ("_contract_address", address))
        with wrapped("dispatch"):
            return self.respond(ctx, instance, response, response.data)

    def reply(self, ctx: Context, address: str, reply: dict[str, Any], cost: int) -> bytes | None:
        """Tell a contract how its sub-message ended; ``cost`` is the set-up with its events (``ReplyCosts``)."""
        instance = self.instance(ctx, address)
        ctx.gas.consume(cost, "Loading CosmWasm module: reply")
        arguments = (self.env(ctx, address), wire.go_json(reply))
        data = self.call(ctx, instance.code.code_hash, instance.raw_address, "reply", arguments)
        response = self._judge(data, errors.EXECUTE_FAILED)
        ctx.emit("reply", ("_contract_address", address))
        with wrapped("dispatch"):
            return self.respond(ctx, instance, response, response.data)

    def query(self, ctx: Context, address: str, message: bytes) -> bytes:
        """The contract's answer to a smart query."""
        depth = ctx.values.get(QUERY_DEPTH, 0) + 1
        if depth > MAX_QUERY_DEPTH:
            raise errors.MAX_QUERY_STACK("")
        ctx = ctx.with_value(QUERY_DEPTH, depth)
        instance = self.instance(ctx, address)
        self._charge_setup(ctx, instance.code.code_hash, instance.info.code_id, "query")
        arguments = (self.env(ctx, address), message)
        data = self.call(ctx, instance.code.code_hash, instance.raw_address, "query", arguments)
        result = _decode(data, wire.QueryResult)
        if result.error:
            raise errors.ContractError(errors.QUERY_FAILED, result.error)
        return result.ok or b""

    def ibc_call(
        self, ctx: Context, address: str, entry: str, message: dict[str, Any]
    ) -> tuple[Instance, bytes]:
        """An IBC entry point: the instance and its raw result. Inside, SDK gas counts unmultiplied, as in wasmd."""
        instance = self.instance(ctx, address)
        name = entry.replace("_", "-")
        self._charge_setup(ctx, instance.code.code_hash, instance.info.code_id, name)
        arguments = (self.env(ctx, address), wire.go_json(message))
        data = self.call(
            ctx, instance.code.code_hash, instance.raw_address, entry, arguments, multiplier=1
        )
        return instance, data

    # -- the call itself

    def call(
        self,
        ctx: Context,
        checksum: bytes,
        address: bytes,
        entry: str,
        arguments: Sequence[bytes],
        *,
        multiplier: int = gas.MULTIPLIER,
    ) -> bytes:
        """Run one entry point and charge it: VM gas, and one SDK gas per byte of the result (wasmvm ``lib.go``)."""
        limit = gas.runtime_limit(ctx)
        backend = ContractBackend(self, ctx, address, multiplier)
        try:
            result = self.vm.call(checksum, entry, arguments, backend, limit)
        except VmError as error:
            gas.consume_runtime(ctx, error.gas.used_internally if error.gas else 0)
            raise errors.VM_ERROR(f"{VM_PREFIX}{error}") from error
        except AbciError as error:
            report = getattr(error, "gas_report", None)
            gas.consume_runtime(ctx, report.used_internally if report else 0)
            raise
        used = result.gas.used_internally
        parsing = gas.MULTIPLIER * len(result.data)
        if limit < used + parsing:
            gas.consume_runtime(ctx, used)
            size = len(result.data)
            raise errors.VM_ERROR(
                f"insufficient gas left to deserialize contract execution result ({size} bytes)"
            )
        gas.consume_runtime(ctx, used + parsing)
        return result.data

    def respond(
        self, ctx: Context, instance: Instance, response: wire.Response, data: bytes | None
    ) -> bytes | None:
        """Emit what the contract reported and run what it asked for; the reply's data wins over ``data``."""
        depth = ctx.values.get(CALL_DEPTH, 0) + 1
        if depth > MAX_CALL_DEPTH:
            raise errors.MAX_CALL_DEPTH("")
        inner = ctx.with_value(CALL_DEPTH, depth)
        attributes, custom = response.attributes or [], response.events or []
        inner.gas.consume(gas.event_cost(attributes, custom), "Custom contract event attributes")
        inner.events.extend(events.of_response(instance.address, attributes, custom))
        return self.dispatch(inner, instance, response, data)

    def env(self, ctx: Context, address: str) -> bytes:
        counter = ctx.values.get(TX_COUNTER)
        transaction = None
        if counter is not None:
            transaction = {"index": counter, "hash": sha256(ctx.tx_bytes).digest()}
        return wire.go_json(wire.env(ctx, address, transaction))

    def judge_basic(self, ctx: Context, instance: Instance, data: bytes) -> None:
        """The result of an IBC entry point that returns nothing but messages and events."""
        response = self._judge(data, errors.EXECUTE_FAILED)
        self.respond(ctx, instance, response, None)

    def _judge(self, data: bytes, failure: Any) -> wire.Response:
        result = _decode(data, wire.ContractResult)
        if result.error:
            raise errors.ContractError(failure, result.error)
        if result.ok is None:
            raise errors.VM_ERROR("internal wasmvm error")
        return result.ok

    # -- pieces

    def _charge_setup(self, ctx: Context, checksum: bytes, code_id: int, entry: str) -> None:
        cost = gas.setup_cost(discount=self._is_warm(ctx, checksum, code_id))
        ctx.gas.consume(cost, f"Loading CosmWasm module: {entry}")

    def _is_warm(self, ctx: Context, checksum: bytes, code_id: int) -> bool:
        """Pinned, or used before in this transaction (``checkDiscountEligibility``); marks it as used."""
        if self.is_pinned(ctx, code_id):
            return True
        seen: set[bytes] | None = ctx.values.get(TX_CONTRACTS)
        if seen is None:
            return False
        warm = checksum in seen
        seen.add(checksum)
        return warm

    def _claim_account(self, ctx: Context, address: str) -> None:
        account = self.auth.account(ctx, address)
        if account is None:
            self.auth.ensure_account(ctx, address)
        elif account.sequence != 0 or account.pub_key is not None:
            raise errors.ACCOUNT_EXISTS("address is claimed by external account")

    def _deposit(self, ctx: Context, sender: str, address: str, funds: Sequence[Coin]) -> None:
        if not any(coin.amount for coin in funds):
            return
        self.bank.check_send_enabled(ctx, funds)
        if self.bank.is_blocked(sender):
            raise UNAUTHORIZED(f"{sender} is not allowed to receive funds")
        inner = ctx.fork()
        self.bank.send(inner, sender, address, funds)
        ctx.merge(inner, events=False)
        ctx.events.extend(event for event in inner.events.events if event.type != "message")

    def _set_ports(self, info: wasm_pb.ContractInfo, address: str, *, ibc: bool) -> None:
        if ibc:
            info.ibc_port_id = f"wasm.{address}"
        info.ibc2_port_id = f"wasm2{address.removeprefix(self.auth.prefix)}"

    def _record_migration(
        self, ctx: Context, raw: bytes, info: wasm_pb.ContractInfo, code_id: int, message: bytes
    ) -> None:
        store = ctx.kv("wasm")
        last = list(self.history(ctx, raw))[-1]
        old = keys.position(last.updated.block_height, last.updated.tx_index)
        store.delete(keys.by_code(info.code_id, old, raw))
        entry = wasm_pb.ContractCodeHistoryEntry(
            operation=wasm_pb.CONTRACT_CODE_HISTORY_OPERATION_TYPE_MIGRATE,
            code_id=code_id,
            updated=_position(ctx),
            msg=message,
        )
        self._append_history(ctx, raw, entry)
        at = keys.position(entry.updated.block_height, entry.updated.tx_index)
        store.set(keys.by_code(code_id, at, raw), b"")
        info.code_id = code_id
        store.set(keys.contract(raw), info.SerializeToString())

    def _append_history(
        self, ctx: Context, raw: bytes, entry: wasm_pb.ContractCodeHistoryEntry
    ) -> None:
        last = next(ctx.kv("wasm").prefix(keys.history(raw), reverse=True), None)
        place = 1 if last is None else int.from_bytes(last[0][-8:], "big") + 1
        ctx.kv("wasm").set(keys.history(raw, place), entry.SerializeToString())

    def _next_id(self, ctx: Context, key: bytes) -> int:
        """Sequences start at 1; the store holds the next one."""
        store = ctx.kv("wasm")
        stored = store.get(key)
        value = 1 if stored is None else int.from_bytes(stored, "big")
        store.set(key, keys.u64(value + 1))
        return value

    def classic_address(self, ctx: Context, code_id: int, _: bytes) -> bytes:
        return keys.classic_address(code_id, self._next_id(ctx, keys.NEXT_INSTANCE_ID))


class wrapped:  # noqa: N801 - reads as the statement it is
    """``with wrapped("dispatch"):`` puts ``dispatch: `` before refusals (``errorsmod.Wrap``), not before out of gas."""

    def __init__(self, description: str) -> None:
        self._description = description

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, AbciError) and not isinstance(error, OutOfGas):
            raise error.wrap(self._description) from error


def _decode(data: bytes, shape: type[Result]) -> Result:
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise errors.VM_ERROR(f"{VM_PREFIX}result of the contract: {error}") from error


decode_result = _decode


def _position(ctx: Context) -> wasm_pb.AbsoluteTxPosition:
    """Wasmd's "tx index" is the block gas consumed so far (``NewAbsoluteTxPosition``)."""
    index = ctx.block_gas.consumed if ctx.block_gas is not None else 0
    return wasm_pb.AbsoluteTxPosition(block_height=ctx.height, tx_index=index)


def _gunzip(ctx: Context, code: bytes) -> bytes:
    """Wasm as is; a single gzip stream is charged and unpacked, at most MAX_WASM_SIZE bytes of it."""
    if not code.startswith(b"\x1f\x8b\x08"):
        return code
    ctx.gas.consume(gas.uncompress_cost(len(code)), "Uncompress gzip bytecode")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(code, MAX_WASM_SIZE + 1)
    except zlib.error as error:
        raise errors.CREATE_FAILED(f"uncompress wasm archive: {error}") from error
    if len(unpacked) > MAX_WASM_SIZE:
        raise errors.CREATE_FAILED(
            f"uncompress wasm archive: max {MAX_WASM_SIZE} bytes: exceeds limit"
        )
    if not unpacker.eof:
        raise errors.CREATE_FAILED("uncompress wasm archive: unexpected EOF")
    return unpacked
