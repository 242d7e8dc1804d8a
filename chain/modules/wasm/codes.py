"""Uploaded codes: their upload, their access rules, which are pinned (wasmd ``x/wasm/keeper/keeper.go``)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from chain.context import Context, Mode
from chain.errors import UNAUTHORIZED
from chain.gas import GasMeter
from chain.modules.wasm import errors, gas, keys
from chain.modules.wasm.access import can_create, default_access
from chain.modules.wasm.versions import Rules
from chain.vm import VmError
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

MAX_WASM_SIZE: Final = 800 * 1024

_GZIP: Final = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True)
class Upload:
    """A code on its way in; without ``access`` the chain's default holds."""

    creator: str
    code: bytes
    access: wasm_pb.AccessConfig | None = None


class Codes:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.vm = rules.vm

    # -- parameters

    def params(self, ctx: Context) -> wasm_pb.Params:
        return wasm_pb.Params.FromString(ctx.kv("wasm").get(keys.PARAMS) or b"")

    def set_params(self, ctx: Context, params: wasm_pb.Params) -> None:
        params.code_upload_access.SetInParent()
        ctx.kv("wasm").set(keys.PARAMS, params.SerializeToString())

    # -- reading

    def find(self, ctx: Context, code_id: int) -> wasm_pb.CodeInfo | None:
        found = ctx.kv("wasm").get(keys.code(code_id))
        return None if found is None else wasm_pb.CodeInfo.FromString(found)

    def require(self, ctx: Context, code_id: int) -> wasm_pb.CodeInfo:
        """The code of an id; wasm/28 when there is none."""
        found = self.find(ctx, code_id)
        if found is None:
            raise errors.no_such_code(code_id)
        return found

    def save(self, ctx: Context, code_id: int, info: wasm_pb.CodeInfo) -> None:
        ctx.kv("wasm").set(keys.code(code_id), info.SerializeToString())

    # -- uploading

    def store(self, ctx: Context, upload: Upload, *, authority: bool) -> tuple[int, bytes]:
        """Check, compile and keep a contract; returns (code id, checksum)."""
        default = default_access(self.params(ctx), upload.creator)
        access = default if upload.access is None else upload.access
        params = self.params(ctx)  # wasmd reads them twice, at the sender's cost
        if not can_create(params, default, upload.creator, access, authority=authority):
            raise UNAUTHORIZED("can not create code")
        code = gunzip(ctx, upload.code)
        unit = self._rules.version.multiplier
        gas.consume_runtime(ctx, gas.COMPILE_COST_PER_BYTE * unit * len(code), unit)
        try:
            checksum = self._keep(ctx, code)
        except VmError as error:
            raise errors.CREATE_FAILED(errors.from_vm(error)) from error
        code_id = self.next_id(ctx, keys.NEXT_CODE_ID)
        info = wasm_pb.CodeInfo(
            code_hash=checksum, creator=upload.creator, instantiate_config=access
        )
        self.save(ctx, code_id, info)
        ctx.emit("store_code", ("code_checksum", checksum.hex()), ("code_id", str(code_id)))
        return code_id, checksum

    def _keep(self, ctx: Context, code: bytes) -> bytes:
        """A simulation checks the code and leaves nothing behind (CWA-2024-009)."""
        if ctx.mode is Mode.SIMULATE:
            self.vm.check(code)
            return sha256(code).digest()
        return self.vm.store_code(code)

    def next_id(self, ctx: Context, key: bytes) -> int:
        """Sequences start at 1; the store holds the next one."""
        store = ctx.kv("wasm")
        stored = store.get(key)
        value = 1 if stored is None else int.from_bytes(stored, "big")
        store.set(key, keys.u64(value + 1))
        return value

    # -- pinning

    def is_pinned(self, ctx: Context, code_id: int) -> bool:
        return ctx.kv("wasm").has(keys.pinned(code_id))

    def pin(self, ctx: Context, code_id: int) -> None:
        """Keep a compiled code in memory, which makes every call into it cheaper."""
        info = self.require(ctx, code_id)
        ctx.gas.consume(self._rules.version.pin_cost, "Loading CosmWasm module: pin code")
        self._pinned_checksums(ctx)
        if ctx.mode is not Mode.SIMULATE:
            self.vm.pin(info.code_hash)
        ctx.kv("wasm").set(keys.pinned(code_id), b"\x01")
        ctx.emit("pin_code", ("code_id", str(code_id)))

    def unpin(self, ctx: Context, code_id: int) -> None:
        info = self.require(ctx, code_id)
        ctx.gas.consume(self._rules.version.pin_cost, "Loading CosmWasm module: unpin code")
        others = self._pinned_checksums(ctx, code_id)
        if info.code_hash not in others and ctx.mode is not Mode.SIMULATE:
            self.vm.unpin(info.code_hash)
        ctx.kv("wasm").delete(keys.pinned(code_id))
        ctx.emit("unpin_code", ("code_id", str(code_id)))

    def pin_again(self, ctx: Context) -> None:
        """After a restart: load what the chain's state says is pinned."""
        for checksum in self._pinned_checksums(ctx):
            self.vm.pin(checksum)

    def _pinned_checksums(self, ctx: Context, but: int | None = None) -> set[bytes]:
        """Of every pinned code except ``but``, read at the sender's cost as ``collectPinnedChecksums`` does.

        Releases that take nothing for pinning do not look.
        """
        if not self._rules.version.pin_cost:
            ctx = ctx.with_gas(GasMeter())
        ids = [int.from_bytes(key[1:], "big") for key, _ in ctx.kv("wasm").prefix(keys.PINNED)]
        return {self.require(ctx, code_id).code_hash for code_id in ids if code_id != but}


def gunzip(ctx: Context, code: bytes) -> bytes:
    """Wasm as is; a single gzip stream is charged and unpacked, at most MAX_WASM_SIZE bytes of it."""
    if not code.startswith(_GZIP):
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
