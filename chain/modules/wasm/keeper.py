"""Contracts and the calls into them (wasmd ``x/wasm/keeper/keeper.go``).

Every entry point has the same stages: *load* the instance, *charge* its set-up, *call* the VM, *charge* what it used,
*judge* the result, then *respond*: emit what the contract reported and dispatch what it asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from chain import gojson
from chain.coins import Coin
from chain.context import Context
from chain.errors import INVALID_REQUEST, UNAUTHORIZED, AbciError
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.wasm import errors, events, gas, keys, wire
from chain.modules.wasm.access import can_instantiate
from chain.modules.wasm.backend import ContractBackend
from chain.modules.wasm.codes import Codes
from chain.modules.wasm.errors import wrapped
from chain.modules.wasm.records import Records, position
from chain.modules.wasm.results import decode, judge
from chain.modules.wasm.versions import Rules, Version
from chain.vm import VM, Analysis, VmError
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

MAX_QUERY_DEPTH: Final = 10

TX_COUNTER: Final = "wasm.tx_counter"
TX_CONTRACTS: Final = "wasm.tx_contracts"
CALL_DEPTH: Final = "wasm.call_depth"
QUERY_DEPTH: Final = "wasm.query_depth"
FREE_INSTANTIATION: Final = "wasm.free_instantiation"
"""Set below an instantiation by the authority, whose right to use any code its contracts' messages inherit."""

IBC_LABELS: Final = {
    "ibc_channel_open": "ibc-open-channel",
    "ibc_channel_connect": "ibc-connect-channel",
    "ibc_channel_close": "ibc-close-channel",
    "ibc_packet_receive": "ibc-recv-packet",
    "ibc_packet_ack": "ibc-ack-packet",
    "ibc_packet_timeout": "ibc-timeout-packet",
    "ibc_source_callback": "ibc-source-chain-callback",
    "ibc_destination_callback": "ibc-destination-chain-callback",
}
"""What wasmd calls the entry points where it charges their set-up (``keeper/relay.go``)."""

AddressMaker = Callable[[Context, int, bytes], bytes]
ResponseHandler = Callable[[Context, "Instance", wire.Response, bytes | None], bytes | None]
QueryHandler = Callable[[Context, str, bytes, int], bytes]


@dataclass(frozen=True, slots=True)
class Instance:
    """A contract and the code it runs."""

    address: str
    raw_address: bytes
    info: wasm_pb.ContractInfo
    code: wasm_pb.CodeInfo


@dataclass(frozen=True, slots=True)
class Wanted:
    """A contract that somebody wants to make; no ``admin`` is empty text."""

    code_id: int
    creator: str
    admin: str
    label: str
    message: bytes
    funds: Sequence[Coin] = ()


class Keeper(Records):
    """State of x/wasm. ``dispatch`` (sub-messages) and ``answer`` (contract queries) are set by its module."""

    dispatch: ResponseHandler
    answer: QueryHandler

    def __init__(self, auth: Auth, bank: Bank, vm: VM) -> None:
        super().__init__(auth)
        self.bank = bank
        self.vm = vm
        self.rules = Rules(vm)
        self.codes = Codes(self.rules)

    @property
    def version(self) -> Version:
        return self.rules.version

    # -- the rules of the chain

    def remember_release(self, ctx: Context, release: str) -> None:
        """What the genesis named, for the next start."""
        ctx.store.set("wasm", keys.RELEASE, release.encode())

    def followed(self, ctx: Context) -> str:
        """What the genesis named, "" if nothing; looking at it costs no gas, for in wasmd it is the program."""
        return (ctx.store.get("wasm", keys.RELEASE) or b"").decode()

    def resume(self, ctx: Context) -> None:
        """After a restart: the rules and the pinned codes that the chain's state names."""
        if release := self.followed(ctx):
            self.rules.follow(release)
        self.codes.pin_again(ctx)

    # -- reading

    def instance(self, ctx: Context, address: str) -> Instance:
        """The contract at ``address``; wasm/22 or wasm/28 when it or its code is missing."""
        raw = self.auth.acc_address_bytes(address)
        address = self.auth.address_text(raw)
        info = self.contract_info(ctx, raw)
        if info is None:
            raise errors.no_such_contract(address)
        return Instance(address, raw, info, self.codes.require(ctx, info.code_id))

    # -- entry points

    def instantiate(
        self, ctx: Context, wanted: Wanted, make_address: AddressMaker, *, authority: bool = False
    ) -> tuple[str, bytes | None]:
        """Create a contract; returns (address, data of its response)."""
        free = authority or ctx.values.get(FREE_INSTANTIATION, False)
        early = not self.version.warms_in_tx  # without asking whether there is such a code
        if early:
            self._charge_setup(ctx, b"", wanted.code_id, "instantiate")
        code = self.codes.require(ctx, wanted.code_id)
        if not early:
            self._charge_setup(ctx, code.code_hash, wanted.code_id, "instantiate")
        if not can_instantiate(code.instantiate_config, wanted.creator, authority=free):
            raise UNAUTHORIZED("can not instantiate")
        raw = make_address(ctx, wanted.code_id, code.code_hash)
        address = self.auth.address_text(raw)
        self._claim_account(ctx, raw)
        self._deposit(ctx, wanted.creator, address, wanted.funds)
        about = gojson.encode(wire.info(wanted.creator, wanted.funds))
        arguments = (self.env(ctx, address), about, wanted.message)
        data = self.call(ctx, code.code_hash, raw, "instantiate", arguments)
        response = judge(data, errors.INSTANTIATE_FAILED)
        info = self._new_info(ctx, wanted, address, code.code_hash)
        self.record_creation(ctx, raw, info, wanted.message)
        ctx.emit("instantiate", ("_contract_address", address), ("code_id", str(wanted.code_id)))
        if free:
            ctx = ctx.with_value(FREE_INSTANTIATION, True)
        with wrapped("dispatch"):
            return address, self.respond(
                ctx, Instance(address, raw, info, code), response, response.data
            )

    def execute(
        self, ctx: Context, address: str, sender: str, message: bytes, funds: Sequence[Coin]
    ) -> bytes | None:
        instance = self.instance(ctx, address)
        self._charge_setup(ctx, instance.code.code_hash, instance.info.code_id, "execute")
        self._deposit(ctx, sender, instance.address, funds)
        about = gojson.encode(wire.info(sender, funds))
        data = self._enter(ctx, instance, "execute", about, message)
        response = judge(data, errors.EXECUTE_FAILED)
        ctx.emit("execute", ("_contract_address", instance.address))
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
        if not self.version.migrate_versions:  # then it is sure that the contract is called
            self._charge_setup(ctx, b"", code_id, "migrate")
        raw, info = self.modifiable(ctx, address, sender, "migrate", authority=authority)
        code = self.codes.find(ctx, code_id)
        if code is None:
            raise INVALID_REQUEST("unknown code")
        free = authority or ctx.values.get(FREE_INSTANTIATION, False)
        if not can_instantiate(code.instantiate_config, sender, authority=free):
            raise UNAUTHORIZED("to use new code")
        instance = Instance(self.auth.address_text(raw), raw, info, code)
        response = self._call_migrate(ctx, instance, sender, code_id, message)
        self.record_migration(ctx, instance.raw_address, instance.info, code_id, message)
        ctx.emit("migrate", ("code_id", str(code_id)), ("_contract_address", instance.address))
        if response is None:
            return None
        with wrapped("dispatch"):
            return self.respond(ctx, instance, response, response.data)

    def sudo(self, ctx: Context, address: str, message: bytes) -> bytes | None:
        """Privileged entry for the chain itself; no access control here."""
        instance = self.instance(ctx, address)
        self._charge_setup(ctx, instance.code.code_hash, instance.info.code_id, "sudo")
        data = self._enter(ctx, instance, "sudo", message)
        response = judge(data, errors.EXECUTE_FAILED)
        ctx.emit("sudo", ("_contract_address", instance.address))
        with wrapped("dispatch"):
            return self.respond(ctx, instance, response, response.data)

    def reply(
        self, ctx: Context, address: str, reply: Mapping[str, Any], cost: int
    ) -> bytes | None:
        """Tell a contract how its sub-message ended; ``cost`` is the set-up with its events (``ReplyCosts``)."""
        instance = self.instance(ctx, address)
        ctx.gas.consume(cost, "Loading CosmWasm module: reply")
        data = self._enter(ctx, instance, "reply", gojson.encode(reply))
        response = judge(data, errors.EXECUTE_FAILED)
        ctx.emit("reply", ("_contract_address", instance.address))
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
        data = self._enter(ctx, instance, "query", message)
        result = decode(data, wire.QueryResult)
        if result.error:
            raise errors.ContractError(errors.QUERY_FAILED, result.error)
        return result.ok or b""

    def ibc_call(
        self, ctx: Context, address: str, entry: str, message: Mapping[str, Any]
    ) -> tuple[Instance, bytes]:
        """An IBC entry point: the instance and its raw result. Inside, SDK gas counts unmultiplied, as in wasmd.

        The entry points of IBC v2 charge no set-up there (``keeper/ibc2.go``).
        """
        instance = self.instance(ctx, address)
        if entry in IBC_LABELS and self.version.ibc_setup:
            label = IBC_LABELS[entry]
            self._charge_setup(ctx, instance.code.code_hash, instance.info.code_id, label)
        data = self._enter(ctx, instance, entry, gojson.encode(message), multiplier=1)
        return instance, data

    # -- the call itself

    def _enter(
        self,
        ctx: Context,
        instance: Instance,
        entry: str,
        *arguments: bytes,
        multiplier: int | None = None,
    ) -> bytes:
        checksum, raw = instance.code.code_hash, instance.raw_address
        arguments = (self.env(ctx, instance.address), *arguments)
        return self.call(ctx, checksum, raw, entry, arguments, multiplier=multiplier)

    def call(
        self,
        ctx: Context,
        checksum: bytes,
        address: bytes,
        entry: str,
        arguments: Sequence[bytes],
        *,
        multiplier: int | None = None,
    ) -> bytes:
        """Run one entry point and charge it: VM gas, and one SDK gas per byte of the result (wasmvm ``lib.go``)."""
        unit = self.version.multiplier
        limit = gas.runtime_limit(ctx, unit)
        backend = ContractBackend(self, ctx, address, multiplier or unit)
        try:
            result = self.vm.call(checksum, entry, arguments, backend, limit)
        except VmError as error:
            gas.consume_runtime(ctx, error.gas.used_internally if error.gas else 0, unit)
            raise errors.VM_ERROR(errors.from_vm(error)) from error
        except AbciError as error:
            report = getattr(error, "gas_report", None)
            gas.consume_runtime(ctx, report.used_internally if report else 0, unit)
            raise
        used = result.gas.used_internally
        parsing = unit * len(result.data)
        if limit < used + parsing:
            gas.consume_runtime(ctx, used, unit)
            size = len(result.data)
            raise errors.VM_ERROR(
                f"insufficient gas left to deserialize contract execution result ({size} bytes)"
            )
        gas.consume_runtime(ctx, used + parsing, unit)
        return result.data

    def respond(
        self, ctx: Context, instance: Instance, response: wire.Response, data: bytes | None
    ) -> bytes | None:
        """Emit what the contract reported and run what it asked for; a reply's data wins over ``data``."""
        attributes, custom = response.attributes or [], response.events or []
        ctx.gas.consume(gas.event_cost(attributes, custom), "Custom contract event attributes")
        ctx.events.extend(events.of_response(instance.address, attributes, custom))
        if self.version.replies_deepen:
            ctx = self.deeper(ctx)
        return self.dispatch(ctx, instance, response, data)

    def deeper(self, ctx: Context) -> Context:
        """One message further inside; wasm/30 where that is too far."""
        depth, most = ctx.values.get(CALL_DEPTH, 0) + 1, self.version.max_depth
        if most is not None and depth > most:
            raise errors.MAX_CALL_DEPTH("")
        return ctx.with_value(CALL_DEPTH, depth)

    def env(self, ctx: Context, address: str) -> bytes:
        counter = ctx.values.get(TX_COUNTER)
        transaction: dict[str, Any] | None = None
        if counter is not None:
            transaction = {"index": counter}
            if self.version.tx_hash:
                transaction["hash"] = sha256(ctx.tx_bytes).digest()
        return gojson.encode(wire.env(ctx, address, transaction))

    # -- pieces

    def modifiable(
        self, ctx: Context, address: str, sender: str, action: str, *, authority: bool
    ) -> tuple[bytes, wasm_pb.ContractInfo]:
        """A contract of which ``sender`` is the admin: (address, info); sdk/18, sdk/4."""
        raw = self.auth.acc_address_bytes(address)
        info = self.contract_info(ctx, raw)
        if info is None:
            raise INVALID_REQUEST("unknown contract")
        if not authority and info.admin != sender:
            raise UNAUTHORIZED(f"can not {action}")
        return raw, info

    def classic_address(self, ctx: Context, code_id: int, _: bytes) -> bytes:
        return keys.classic_address(code_id, self.codes.next_id(ctx, keys.NEXT_INSTANCE_ID))

    def _charge_setup(self, ctx: Context, checksum: bytes, code_id: int, entry: str) -> None:
        warm = self._is_warm(ctx, checksum, code_id)
        cost = self.version.discounted_setup if warm else gas.INSTANCE_COST
        ctx.gas.consume(cost, f"Loading CosmWasm module: {entry}")

    def _is_warm(self, ctx: Context, checksum: bytes, code_id: int) -> bool:
        """Pinned, or used before in this transaction (``checkDiscountEligibility``); marks it as used."""
        if self.codes.is_pinned(ctx, code_id):
            return True
        seen: set[bytes] | None = ctx.values.get(TX_CONTRACTS)
        if seen is None or not self.version.warms_in_tx:
            return False
        warm = checksum in seen
        seen.add(checksum)
        return warm

    def _claim_account(self, ctx: Context, raw: bytes) -> None:
        """A new contract takes an address that nobody has signed with (CWA-2022-005)."""
        if self.has_contract(ctx, raw):
            raise errors.DUPLICATE(
                "contract address already exists, try a different combination of creator, checksum and salt"
            )
        account = self.auth.load(ctx, raw)
        if account is None:
            self.auth.create_account(ctx, raw)
        elif account.sequence != 0 or account.pub_key is not None:
            raise errors.ACCOUNT_EXISTS("address is claimed by external account")

    def _deposit(self, ctx: Context, sender: str, address: str, funds: Sequence[Coin]) -> None:
        """The bank's events are kept except ``message`` (``BankCoinTransferrer``)."""
        if not any(coin.amount for coin in funds):
            return
        before = len(ctx.events.events)
        self.bank.check_send_enabled(ctx, funds)
        self.bank.check_not_blocked(address)
        self.bank.send(ctx, sender, address, funds)
        ctx.events.events[before:] = [
            event for event in ctx.events.events[before:] if event.type != "message"
        ]

    def _new_info(
        self, ctx: Context, wanted: Wanted, address: str, checksum: bytes
    ) -> wasm_pb.ContractInfo:
        info = wasm_pb.ContractInfo(
            code_id=wanted.code_id,
            creator=wanted.creator,
            admin=wanted.admin,
            label=wanted.label,
            created=position(ctx),
        )
        self.give_ports(info, address, self.vm.analyze(checksum))
        return info

    def give_ports(self, info: wasm_pb.ContractInfo, address: str, code: Analysis) -> None:
        """One of IBC v2 for every contract where there are such, and one of IBC v1 if its code has the entry points."""
        if code.has_ibc_entry_points:
            info.ibc_port_id = f"wasm.{address}"
        if self.version.ibc2_port:
            info.ibc2_port_id = self.port_v2(address)

    def port_v2(self, address: str) -> str:
        """A contract's port of IBC v2 (``PortIDForContractV2``)."""
        return f"wasm2{address.removeprefix(self.auth.prefix)}"

    def _call_migrate(
        self, ctx: Context, instance: Instance, sender: str, code_id: int, message: bytes
    ) -> wire.Response | None:
        """Run ``migrate`` of the new code, and give the contract its ports; None where there is nothing to run."""
        info, checksum = instance.info, instance.code.code_hash
        new = self.vm.analyze(checksum)
        if info.ibc_port_id and not new.has_ibc_entry_points:
            raise errors.MIGRATION_FAILED("requires ibc callbacks")
        self.give_ports(info, instance.address, new)
        version = self._migrate_version(ctx, info.code_id)
        if version is not None and version == new.contract_migrate_version:
            return None
        if self.version.migrate_versions:
            self._charge_setup(ctx, checksum, code_id, "migrate")
        arguments = [message]
        if self.version.migrate_info:
            about = {"sender": sender, "old_migrate_version": version}
            arguments.append(gojson.encode(about))
        data = self._enter(ctx, instance, "migrate", *arguments)
        result = decode(data, wire.ContractResult)
        if result.error:
            raise errors.ContractError(errors.MIGRATION_FAILED, result.error)
        return result.ok

    def _migrate_version(self, ctx: Context, code_id: int) -> int | None:
        """Of a code, where the release asks for it."""
        if not self.version.migrate_versions:
            return None
        code = self.codes.require(ctx, code_id)
        return self.vm.analyze(code.code_hash).contract_migrate_version
