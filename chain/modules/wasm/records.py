"""What the chain keeps of each contract beside its state: its info, its history, two indexes (``keeper/keeper.go``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chain.context import Context
from chain.modules.auth.module import Auth
from chain.modules.wasm import keys
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb


class Records:
    def __init__(self, auth: Auth) -> None:
        self.auth = auth

    def contract_info(self, ctx: Context, address: bytes) -> wasm_pb.ContractInfo | None:
        found = ctx.kv("wasm").get(keys.contract(address))
        return None if found is None else wasm_pb.ContractInfo.FromString(found)

    def has_contract(self, ctx: Context, address: bytes) -> bool:
        return ctx.kv("wasm").has(keys.contract(address))

    def save_info(self, ctx: Context, address: bytes, info: wasm_pb.ContractInfo) -> None:
        ctx.kv("wasm").set(keys.contract(address), info.SerializeToString())

    def history(self, ctx: Context, address: bytes) -> Iterator[wasm_pb.ContractCodeHistoryEntry]:
        for _, value in ctx.kv("wasm").prefix(keys.history(address)):
            yield wasm_pb.ContractCodeHistoryEntry.FromString(value)

    def raw(self, ctx: Context, address: bytes, key: bytes) -> bytes | None:
        return ctx.kv("wasm").get(keys.contract_store(address) + key)

    def record_creation(
        self, ctx: Context, raw: bytes, info: wasm_pb.ContractInfo, message: bytes
    ) -> None:
        entry = wasm_pb.ContractCodeHistoryEntry(
            operation=wasm_pb.CONTRACT_CODE_HISTORY_OPERATION_TYPE_INIT,
            code_id=info.code_id,
            updated=info.created,
            msg=message,
        )
        store, at = ctx.kv("wasm"), _place(info.created)
        store.set(keys.by_code(info.code_id, at, raw), b"")
        store.set(keys.by_creator(self.auth.acc_address_bytes(info.creator), at, raw), b"")
        self._append_history(ctx, raw, entry)
        self.save_info(ctx, raw, info)

    def import_contract(
        self,
        ctx: Context,
        raw: bytes,
        info: wasm_pb.ContractInfo,
        history: Sequence[wasm_pb.ContractCodeHistoryEntry],
    ) -> None:
        """A contract out of a genesis file, without its state; ``history`` has at least one entry."""
        store = ctx.kv("wasm")
        for entry in history:
            self._append_history(ctx, raw, entry)
        self.save_info(ctx, raw, info)
        store.set(keys.by_code(info.code_id, _place(history[-1].updated), raw), b"")
        creator = self.auth.acc_address_bytes(info.creator)
        store.set(keys.by_creator(creator, _place(history[0].updated), raw), b"")

    def record_migration(
        self, ctx: Context, raw: bytes, info: wasm_pb.ContractInfo, code_id: int, message: bytes
    ) -> None:
        store = ctx.kv("wasm")
        _, stored = next(store.prefix(keys.history(raw), reverse=True))
        last = wasm_pb.ContractCodeHistoryEntry.FromString(stored)
        store.delete(keys.by_code(info.code_id, _place(last.updated), raw))
        entry = wasm_pb.ContractCodeHistoryEntry(
            operation=wasm_pb.CONTRACT_CODE_HISTORY_OPERATION_TYPE_MIGRATE,
            code_id=code_id,
            updated=position(ctx),
            msg=message,
        )
        self._append_history(ctx, raw, entry)
        store.set(keys.by_code(code_id, _place(entry.updated), raw), b"")
        info.code_id = code_id
        self.save_info(ctx, raw, info)

    def _append_history(
        self, ctx: Context, raw: bytes, entry: wasm_pb.ContractCodeHistoryEntry
    ) -> None:
        last = next(ctx.kv("wasm").prefix(keys.history(raw), reverse=True), None)
        place = 1 if last is None else int.from_bytes(last[0][-8:], "big") + 1
        ctx.kv("wasm").set(keys.history(raw, place), entry.SerializeToString())


def position(ctx: Context) -> wasm_pb.AbsoluteTxPosition:
    """Wasmd's "tx index" is the block gas consumed so far (``NewAbsoluteTxPosition``)."""
    index = ctx.block_gas.consumed if ctx.block_gas is not None else 0
    return wasm_pb.AbsoluteTxPosition(block_height=ctx.height, tx_index=index)


def _place(position: wasm_pb.AbsoluteTxPosition) -> bytes:
    return keys.position(position.block_height, position.tx_index)
