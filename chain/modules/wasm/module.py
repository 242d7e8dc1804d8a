"""x/wasm as a module of the application: keeper, messages, queries, IBC port and genesis in one front."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from typing import Any, Final

from chain.context import Context, Mode
from chain.errors import GenesisError
from chain.modules import genesis
from chain.modules.auth.module import Auth
from chain.modules.bank.module import Bank
from chain.modules.ibc.module import Ibc
from chain.modules.staking.module import Staking
from chain.modules.wasm import keys
from chain.modules.wasm.dispatch import Dispatcher
from chain.modules.wasm.ibc import PORT_PREFIX, ContractPort
from chain.modules.wasm.keeper import TX_CONTRACTS, TX_COUNTER, Keeper
from chain.modules.wasm.messages import Messages
from chain.modules.wasm.querier import Querier
from chain.modules.wasm.queries import Queries
from chain.router import MessageRouter, QueryRouter, Routers
from chain.vm import VM
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

PYTHON_FRAMES: Final = 10_000
"""Messages nest up to 100 deep, a dozen frames each, queries inside them more: above CPython's limit of 1,000."""


class Wasm:
    """Satisfies ``chain.router.Module``."""

    name = "wasm"
    stores = ("wasm",)

    def __init__(
        self,
        auth: Auth,
        bank: Bank,
        staking: Staking,
        ibc: Ibc,
        routers: Routers,
        vm: VM,
        authority: str,
    ) -> None:
        sys.setrecursionlimit(max(sys.getrecursionlimit(), PYTHON_FRAMES))
        self.keeper = Keeper(auth, bank, vm)
        self.keeper.dispatch = Dispatcher(self.keeper, ibc, routers.messages)
        self.keeper.answer = Querier(self.keeper, staking, ibc)
        self._messages = Messages(self.keeper, authority)
        self._queries = Queries(self.keeper)
        ibc.route(PORT_PREFIX, ContractPort(self.keeper, ibc))

    def register(self, messages: MessageRouter, queries: QueryRouter) -> None:
        self._messages.register(messages)
        self._queries.register(queries)

    def ante(self, ctx: Context, _: Any) -> Context:
        """Number the transaction within its block and remember the codes it warms (wasmd ``keeper/ante.go``)."""
        if ctx.mode is not Mode.SIMULATE:
            ctx = ctx.with_value(TX_COUNTER, self._count(ctx))
        return ctx.with_value(TX_CONTRACTS, set())

    def _count(self, ctx: Context) -> int:
        store = ctx.kv("wasm")
        stored = store.get(keys.TX_COUNTER)
        counter = 0
        if stored is not None and int.from_bytes(stored[:8], "big") == ctx.height:
            counter = int.from_bytes(stored[8:], "big")
        store.set(keys.TX_COUNTER, keys.u64(ctx.height) + (counter + 1).to_bytes(4, "big"))
        return counter

    # -- genesis

    def init_genesis(self, ctx: Context, state: Mapping[str, Any]) -> None:
        """Wasmd's genesis: ``params``, ``codes`` (with bytes), ``contracts`` (info, state, history), ``sequences``."""
        try:
            params = state.get("params") or DEFAULT_PARAMS
            self.keeper.set_params(ctx, genesis.read(wasm_pb.Params, params, self.name))
            for code in state.get("codes", ()):
                self._import_code(ctx, code)
            for contract in state.get("contracts", ()):
                self._import_contract(ctx, contract)
            for sequence in state.get("sequences", ()):
                key = base64.b64decode(sequence["id_key"])
                ctx.kv("wasm").set(key, keys.u64(int(sequence["value"])))
        except (KeyError, ValueError) as error:
            raise GenesisError(f"app_state.wasm: {error}") from error

    def _import_code(self, ctx: Context, code: Mapping[str, Any]) -> None:
        info = genesis.read(wasm_pb.CodeInfo, code["code_info"], self.name)
        checksum = self.keeper.vm.restore_code(base64.b64decode(code["code_bytes"]))
        if checksum != info.code_hash:
            raise GenesisError(
                f"app_state.wasm.codes: code {code['code_id']} hashes to {checksum.hex()}, not {info.code_hash.hex()}"
            )
        code_id = int(code["code_id"])
        ctx.kv("wasm").set(keys.code(code_id), info.SerializeToString())
        if code.get("pinned"):
            self.keeper.vm.pin(checksum)
            ctx.kv("wasm").set(keys.pinned(code_id), b"\x01")

    def _import_contract(self, ctx: Context, contract: Mapping[str, Any]) -> None:
        store = ctx.kv("wasm")
        raw = self.keeper.auth.address_bytes(contract["contract_address"])
        info = genesis.read(wasm_pb.ContractInfo, contract["contract_info"], self.name)
        store.set(keys.contract(raw), info.SerializeToString())
        for model in contract.get("contract_state", ()):
            key = keys.contract_store(raw) + bytes.fromhex(model["key"])
            store.set(key, base64.b64decode(model["value"]))
        entries = [
            genesis.read(wasm_pb.ContractCodeHistoryEntry, entry, self.name)
            for entry in contract["contract_code_history"]
        ]
        for place, entry in enumerate(entries, start=1):
            store.set(keys.history(raw, place), entry.SerializeToString())
        last, created = entries[-1].updated, info.created
        creator = self.keeper.auth.address_bytes(info.creator)
        at = keys.position(last.block_height, last.tx_index)
        store.set(keys.by_code(info.code_id, at, raw), b"")
        at = keys.position(created.block_height, created.tx_index)
        store.set(keys.by_creator(creator, at, raw), b"")

    def export_genesis(self, ctx: Context) -> dict[str, Any]:
        store = ctx.kv("wasm")
        codes = [
            self._export_code(ctx, int.from_bytes(key[1:], "big"), value)
            for key, value in store.prefix(keys.CODE)
        ]
        contracts = [
            self._export_contract(ctx, key[1:], value) for key, value in store.prefix(keys.CONTRACT)
        ]
        sequences = [
            {"id_key": base64.b64encode(key).decode(), "value": str(int.from_bytes(value, "big"))}
            for key, value in store.prefix(keys.SEQUENCE)
        ]
        return {
            "params": genesis.write(self.keeper.params(ctx)),
            "codes": codes,
            "contracts": contracts,
            "sequences": sequences,
        }

    def _export_code(self, ctx: Context, code_id: int, stored: bytes) -> dict[str, Any]:
        info = wasm_pb.CodeInfo.FromString(stored)
        return {
            "code_id": str(code_id),
            "code_info": genesis.write(info),
            "code_bytes": base64.b64encode(self.keeper.vm.code(info.code_hash)).decode(),
            "pinned": self.keeper.is_pinned(ctx, code_id),
        }

    def _export_contract(self, ctx: Context, raw: bytes, stored: bytes) -> dict[str, Any]:
        prefix = keys.contract_store(raw)
        state = [
            {"key": key[len(prefix) :].hex().upper(), "value": base64.b64encode(value).decode()}
            for key, value in ctx.kv("wasm").prefix(prefix)
        ]
        return {
            "contract_address": self.keeper.auth.address_text(raw),
            "contract_info": genesis.write(wasm_pb.ContractInfo.FromString(stored)),
            "contract_state": state,
            "contract_code_history": [
                genesis.write(entry) for entry in self.keeper.history(ctx, raw)
            ],
        }


DEFAULT_PARAMS: Final[dict[str, Any]] = {
    "code_upload_access": {"permission": "ACCESS_TYPE_EVERYBODY", "addresses": []},
    "instantiate_default_permission": "ACCESS_TYPE_EVERYBODY",
}
