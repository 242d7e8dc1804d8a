"""One call of a contract without a chain: what ``lightship vm run`` does.

The contract stands in a state of its own, over the modules that a chain would have: x/wasm charges, judges and emits
as it does there. Nothing is dispatched: what the contract asks for is shown, not done.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, cast

from chain.assembly import assemble
from chain.coins import Coin
from chain.context import Context, Mode
from chain.errors import AbciError
from chain.events import Event
from chain.gas import GasMeter
from chain.modules.wasm import errors, gas, keys, wire
from chain.modules.wasm.keeper import TX_CONTRACTS, TX_COUNTER, Keeper, Wanted
from chain.modules.wasm.module import Wasm
from chain.modules.wasm.results import decode, judge
from chain.modules.wasm.versions import DEFAULT, Version
from chain.store.branch import Branch
from chain.vm import (
    BUILT_IN_CAPABILITIES,
    ERAS,
    GasReport,
)
from chain.vm.profile import Profile, Profiler
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb
from light_client import bech32
from light_client.values import Timestamp
from lightship.canned import Answers
from lightship.watched import OLD_CHECKSUM, WatchedVM

STORE: Final = "wasm"
CODE_ID: Final = 1
OLD_CODE_ID: Final = 2
GENESIS_TIME: Final = Timestamp(1_700_000_000)

State = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class World:
    """Where the call happens. ``contract`` and ``sender`` are filled in for the prefix when they are empty."""

    prefix: str = "cosmos"
    chain_id: str = "test-1"
    height: int = 1
    time: Timestamp = GENESIS_TIME
    tx_index: int | None = 0
    """None: outside of any transaction, as at the end of a block; queries always are."""
    contract: str = ""
    admin: str = ""
    label: str = "contract"
    balances: Mapping[str, Sequence[Coin]] = field(default_factory=dict)
    old_migrate_version: int | None = None

    def address(self, raw: bytes) -> str:
        return bech32.encode(self.prefix, raw)

    @property
    def contract_address(self) -> str:
        return self.contract or self.address(keys.classic_address(CODE_ID, 1))

    @property
    def default_sender(self) -> str:
        return self.address(sha256(b"sender").digest()[:20])


@dataclass(frozen=True, slots=True)
class Call:
    """``message`` is the JSON that the entry point gets behind env (and info)."""

    entry: str
    message: bytes
    gas_limit: int
    """SDK gas."""
    sender: str = ""
    funds: Sequence[Coin] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a call did to one key; ``after`` None: removed."""

    key: bytes
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to. ``error`` is the chain's text for a call that failed; nothing of it is kept then."""

    result: Any
    """The contract's own JSON, or None when it returned none."""
    error: str | None
    events: list[dict[str, Any]]
    vm_gas: GasReport | None
    """None when the VM was not reached."""
    sdk_gas: int
    changes: list[Change]
    state: State
    debug: tuple[str, ...]
    questions: Sequence[Any]
    profile: Profile | None


class Workbench:
    """A contract's code with its state; ``run`` may be called any number of times, each on that same state."""

    def __init__(
        self,
        code: bytes,
        state: State,
        world: World,
        *,
        answers: Answers | None = None,
        version: Version = DEFAULT,
        capabilities: frozenset[str] = BUILT_IN_CAPABILITIES,
        profile: bool = False,
    ) -> None:
        self._vm = WatchedVM(ERAS[version.vm], capabilities, world.old_migrate_version)
        self._world = world
        self._answers = answers or Answers()
        self._checksum = self._vm.store_code(code)
        if profile:
            self._vm.profiler = Profiler(code, ERAS[version.vm])
        self._parts = assemble(world.prefix, self._vm)
        self._keeper = cast("Wasm", self._parts.wasm).keeper
        self._keeper.rules.version = version
        self._keeper.dispatch = lambda _, __, ___, data: data
        self._keeper.answer = self._answers.over(self._keeper.answer)
        self._raw = self._keeper.auth.address_bytes(world.contract_address)
        self._prefix = keys.contract_store(self._raw)
        self._state = dict(state)

    def close(self) -> None:
        self._vm.close()

    def run(self, call: Call) -> Outcome:
        """Raises AbciError for what makes the call impossible, such as an address of another chain."""
        call = replace(call, sender=call.sender or self._world.default_sender)
        self._keeper.auth.address_bytes(call.sender)
        ground = self._ground(call)
        ctx = ground.fork(GasMeter(call.gas_limit))
        if self._world.tx_index is not None and call.entry != "query":
            ctx = ctx.with_value(TX_COUNTER, self._world.tx_index)
        ctx = ctx.with_value(TX_CONTRACTS, set())
        self._vm.reset()
        error = None
        try:
            _ENTER.get(call.entry, _ibc)(self, ctx, call)
        except AbciError as failed:
            error = failed.log
        changes = [] if error else list(self._changes(ground, ctx))
        return self._outcome(ctx, error, changes)

    # -- the ground that a call stands on

    def _ground(self, call: Call) -> Context:
        ctx = Context(
            self._world.chain_id,
            self._world.height,
            self._world.time,
            Branch(_Nothing()),
            GasMeter(),
            Mode.DELIVER,
            sdk=self._keeper.version.sdk,
        )
        genesis = {"bank": {"balances": self._balances(call)}}
        for module in self._parts.modules:
            module.init_genesis(ctx, genesis.get(module.name, {}))
        codes = {CODE_ID: self._checksum, OLD_CODE_ID: OLD_CHECKSUM}
        for code_id, checksum in codes.items():
            self._keeper.codes.save(ctx, code_id, self._code_info(checksum))
        if call.entry != "instantiate":
            self._place_contract(ctx, OLD_CODE_ID if call.entry == "migrate" else CODE_ID, call)
        for key, value in self._state.items():
            ctx.store.set(STORE, self._prefix + key, value)
        ctx.events.events.clear()
        return ctx

    def _balances(self, call: Call) -> list[dict[str, Any]]:
        """Those of the world; whoever sends funds has them."""
        held = {address: list(coins) for address, coins in self._world.balances.items()}
        held.setdefault(call.sender, []).extend(call.funds)
        return [
            {
                "address": address,
                "coins": [
                    {
                        "denom": denom,
                        "amount": str(sum(c.amount for c in coins if c.denom == denom)),
                    }
                    for denom in sorted({coin.denom for coin in coins})
                ],
            }
            for address, coins in held.items()
            if coins
        ]

    def _code_info(self, checksum: bytes) -> wasm_pb.CodeInfo:
        everybody = wasm_pb.AccessConfig(permission=wasm_pb.ACCESS_TYPE_EVERYBODY)
        creator = self._world.default_sender
        return wasm_pb.CodeInfo(code_hash=checksum, creator=creator, instantiate_config=everybody)

    def _place_contract(self, ctx: Context, code_id: int, call: Call) -> None:
        created = wasm_pb.AbsoluteTxPosition(block_height=1)
        info = wasm_pb.ContractInfo(
            code_id=code_id,
            creator=self._world.default_sender,
            admin=self._world.admin or call.sender,
            label=self._world.label,
            created=created,
        )
        entry = wasm_pb.ContractCodeHistoryEntry(
            operation=wasm_pb.CONTRACT_CODE_HISTORY_OPERATION_TYPE_INIT,
            code_id=code_id,
            updated=created,
            msg=b"{}",
        )
        self._keeper.give_ports(info, self.address, self._vm.analyze(self._checksum))
        self._keeper.auth.create_account(ctx, self._raw)
        self._keeper.import_contract(ctx, self._raw, info, [entry])

    # -- what came of it

    def _changes(self, ground: Context, ctx: Context) -> Iterator[Change]:
        written = ctx.store.writes.get(STORE, {})
        for key in sorted(key for key in written if key.startswith(self._prefix)):
            before = ground.store.get(STORE, key)
            if before != written[key]:
                yield Change(key[len(self._prefix) :], before, written[key])

    def _outcome(self, ctx: Context, error: str | None, changes: list[Change]) -> Outcome:
        state = dict(self._state)
        for change in changes:
            if change.after is None:
                state.pop(change.key, None)
            else:
                state[change.key] = change.after
        return Outcome(
            result=_parsed(self._vm.data),
            error=error,
            events=[] if error else [_shown(event) for event in ctx.events.events],
            vm_gas=self._vm.gas,
            sdk_gas=ctx.gas.consumed,
            changes=changes,
            state=state,
            debug=self._vm.debug,
            questions=self._answers.asked,
            profile=self._vm.profiler.profile if self._vm.profiler else None,
        )

    # -- entry points

    @property
    def keeper(self) -> Keeper:
        return self._keeper

    @property
    def address(self) -> str:
        return self._world.contract_address

    def wanted(self, call: Call) -> Wanted:
        admin = self._world.admin
        return Wanted(CODE_ID, call.sender, admin, self._world.label, call.message, call.funds)

    def raw_address(self, *_: object) -> bytes:
        return self._raw


def _instantiate(bench: Workbench, ctx: Context, call: Call) -> None:
    bench.keeper.instantiate(ctx, bench.wanted(call), bench.raw_address)


def _execute(bench: Workbench, ctx: Context, call: Call) -> None:
    bench.keeper.execute(ctx, bench.address, call.sender, call.message, call.funds)


def _migrate(bench: Workbench, ctx: Context, call: Call) -> None:
    bench.keeper.migrate(ctx, bench.address, call.sender, CODE_ID, call.message, authority=True)


def _sudo(bench: Workbench, ctx: Context, call: Call) -> None:
    bench.keeper.sudo(ctx, bench.address, call.message)


def _query(bench: Workbench, ctx: Context, call: Call) -> None:
    bench.keeper.query(ctx, bench.address, call.message)


def _reply(bench: Workbench, ctx: Context, call: Call) -> None:
    """The events of the sub-message are paid for, as on a chain."""
    reply = json.loads(call.message)
    result = reply.get("result") if isinstance(reply, dict) else None
    seen = (result.get("ok") or {}).get("events") if isinstance(result, dict) else None
    found = wire.decode(json.dumps(seen or []).encode(), list[wire.ContractEvent])
    cost = gas.reply_cost(bench.keeper.version.discounted_setup, found)
    bench.keeper.reply(ctx, bench.address, reply, cost)


def _ibc(bench: Workbench, ctx: Context, call: Call) -> None:
    """Every entry point of IBC, callbacks and IBC v2 included."""
    instance, data = bench.keeper.ibc_call(ctx, bench.address, call.entry, json.loads(call.message))
    if call.entry == "ibc_channel_open":
        opened = decode(data, wire.ChannelOpenResult)
        if opened.error:
            raise errors.ContractError(errors.EXECUTE_FAILED, opened.error)
        return
    response = judge(data, errors.EXECUTE_FAILED)
    bench.keeper.respond(ctx, instance, response, response.acknowledgement)


_ENTER: Final[Mapping[str, Callable[[Workbench, Context, Call], None]]] = {
    "instantiate": _instantiate,
    "execute": _execute,
    "migrate": _migrate,
    "sudo": _sudo,
    "query": _query,
    "reply": _reply,
}


class _Nothing:
    """The state before genesis."""

    def get(self, store: str, key: bytes) -> None:
        """There is no value."""

    def iterate(
        self,
        store: str,  # noqa: ARG002 - the Protocol's signature
        start: bytes,  # noqa: ARG002
        end: bytes | None,  # noqa: ARG002
        *,
        reverse: bool = False,  # noqa: ARG002
    ) -> Iterator[tuple[bytes, bytes]]:
        return iter(())


def _shown(event: Event) -> dict[str, Any]:
    attributes = [{"key": key, "value": value} for key, value in event.attributes]
    return {"type": event.type, "attributes": attributes}


def _parsed(data: bytes | None) -> Any:
    """The contract's result; bytes that are not JSON as base64."""
    if data is None:
        return None
    try:
        return json.loads(data)
    except ValueError:
        return base64.b64encode(data).decode()
