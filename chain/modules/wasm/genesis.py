"""The genesis state of x/wasm as wasmd writes it (``x/wasm/keeper/genesis.go``).

It has ``params``, ``codes`` with their bytes, ``contracts`` with state and history, and ``sequences``. Two things are
of our own, for what wasmd has in its program: ``wasmd``, the release that the chain follows, and ``accepted_queries``.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any, Final

from chain.context import Context
from chain.errors import AbciError, GenesisError
from chain.modules import genesis
from chain.modules.wasm import keys
from chain.modules.wasm.access import NAMES
from chain.modules.wasm.keeper import Keeper
from chain.modules.wasm.routed import accept, accepted
from chain.router import QueryRouter
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2 as wasm_pb

DEFAULT_PARAMS: Final[Mapping[str, Any]] = {
    "code_upload_access": {"permission": "Everybody", "addresses": []},
    "instantiate_default_permission": "Everybody",
}

_ENUM: Final = {name: wasm_pb.AccessType.Name(kind) for kind, name in NAMES.items()}
_NAME: Final = {enum: name for name, enum in _ENUM.items()}


class Genesis:
    def __init__(self, keeper: Keeper, router: QueryRouter) -> None:
        self._keeper = keeper
        self._router = router

    def follow(self, state: Any) -> None:
        """Before anything is stored: go by the release that the state names. GenesisError if it is not known."""
        release = state.get("wasmd") if isinstance(state, Mapping) else None
        if not release:
            return
        try:
            self._keeper.rules.follow(str(release))
        except ValueError as error:
            raise GenesisError(f"app_state.wasm.wasmd: {error}") from error

    def load(self, ctx: Context, state: Mapping[str, Any]) -> None:
        """Fill an empty store; GenesisError names the part that is wrong."""
        try:
            self._load(ctx, state)
        except (KeyError, ValueError, AttributeError, TypeError, EOFError, OSError) as error:
            raise GenesisError(f"app_state.wasm: {type(error).__name__} {error}") from error
        except AbciError as error:
            raise GenesisError(f"app_state.wasm: {error}") from error

    def dump(self, ctx: Context) -> dict[str, Any]:
        store, extra = ctx.kv("wasm"), accepted(ctx)
        followed = self._keeper.followed(ctx)
        ours = {"wasmd": followed, "accepted_queries": extra}
        return {name: value for name, value in ours.items() if value} | {
            "params": _shown_params(self._keeper.codes.params(ctx)),
            "codes": [
                self._code(ctx, int.from_bytes(key[1:], "big"), value)
                for key, value in store.prefix(keys.CODE)
            ],
            "contracts": [
                self._contract(ctx, key[1:], value) for key, value in store.prefix(keys.CONTRACT)
            ],
            "sequences": [
                {"id_key": _base64(key), "value": str(int.from_bytes(value, "big"))}
                for key, value in store.prefix(keys.SEQUENCE)
            ],
        }

    # -- reading

    def _load(self, ctx: Context, state: Mapping[str, Any]) -> None:
        if state.get("wasmd"):
            self._keeper.remember_release(ctx, str(state["wasmd"]))
        params = _read(wasm_pb.Params, state.get("params") or DEFAULT_PARAMS)
        self._keeper.codes.set_params(ctx, params)
        accept(ctx, self._router, state.get("accepted_queries") or ())
        for code in state.get("codes") or ():
            self._load_code(ctx, code)
        for contract in state.get("contracts") or ():
            self._load_contract(ctx, contract)
        for sequence in state.get("sequences") or ():
            _set_once(ctx, base64.b64decode(sequence["id_key"]), keys.u64(int(sequence["value"])))
        self._check_sequences(ctx)

    def _load_code(self, ctx: Context, code: Mapping[str, Any]) -> None:
        codes, code_id = self._keeper.codes, int(code["code_id"])
        if codes.find(ctx, code_id) is not None:
            raise GenesisError(f"app_state.wasm.codes: code {code_id} is there twice")
        info = _read(wasm_pb.CodeInfo, code["code_info"])
        checksum = self._keeper.vm.restore_code(_unpacked(base64.b64decode(code["code_bytes"])))
        if checksum != info.code_hash:
            raise GenesisError(
                f"app_state.wasm.codes: code {code_id} hashes to {checksum.hex()}, not {info.code_hash.hex()}"
            )
        codes.save(ctx, code_id, info)
        if code.get("pinned"):
            self._keeper.vm.pin(checksum)
            ctx.kv("wasm").set(keys.pinned(code_id), b"\x01")

    def _load_contract(self, ctx: Context, contract: Mapping[str, Any]) -> None:
        keeper, address = self._keeper, contract["contract_address"]
        raw = keeper.auth.acc_address_bytes(address)
        info = _read(wasm_pb.ContractInfo, contract["contract_info"])
        keeper.codes.require(ctx, info.code_id)
        if keeper.has_contract(ctx, raw):
            raise GenesisError(f"app_state.wasm.contracts: {address} is there twice")
        history = [_read_entry(entry) for entry in contract["contract_code_history"]]
        if not history:
            raise GenesisError(f"app_state.wasm.contracts: {address} has no history")
        keeper.import_contract(ctx, raw, info, history)
        for model in contract.get("contract_state") or ():
            key = keys.contract_store(raw) + bytes.fromhex(model["key"])
            _set_once(ctx, key, base64.b64decode(model["value"] or ""))

    def _check_sequences(self, ctx: Context) -> None:
        """The next ids must be free."""
        store = ctx.kv("wasm")
        for key, _ in store.prefix(keys.CODE, reverse=True):
            last = int.from_bytes(key[1:], "big")
            following = int.from_bytes(store.get(keys.NEXT_CODE_ID) or b"\x01", "big")
            if following <= last:
                raise GenesisError(
                    f"app_state.wasm.sequences: the next code id is {following}, but code {last} exists"
                )
            break
        following = int.from_bytes(store.get(keys.NEXT_INSTANCE_ID) or b"\x01", "big")
        if self._keeper.has_contract(ctx, keys.classic_address(following, following)):
            raise GenesisError(
                f"app_state.wasm.sequences: the next contract id {following} was used already"
            )

    # -- writing

    def _code(self, ctx: Context, code_id: int, stored: bytes) -> dict[str, Any]:
        info = wasm_pb.CodeInfo.FromString(stored)
        return {
            "code_id": str(code_id),
            "code_info": _shown_code(info),
            "code_bytes": _base64(self._keeper.vm.code(info.code_hash)),
            "pinned": self._keeper.codes.is_pinned(ctx, code_id),
        }

    def _contract(self, ctx: Context, raw: bytes, stored: bytes) -> dict[str, Any]:
        prefix = keys.contract_store(raw)
        state = [
            {"key": key[len(prefix) :].hex().upper(), "value": _base64(value)}
            for key, value in ctx.kv("wasm").prefix(prefix)
        ]
        return {
            "contract_address": self._keeper.auth.address_text(raw),
            "contract_info": genesis.write(wasm_pb.ContractInfo.FromString(stored)),
            "contract_state": state,
            "contract_code_history": [
                _shown_entry(entry) for entry in self._keeper.history(ctx, raw)
            ],
        }


def _set_once(ctx: Context, key: bytes, value: bytes) -> None:
    if ctx.kv("wasm").has(key):
        raise GenesisError(f"app_state.wasm: the key {key.hex()} is there twice")
    ctx.kv("wasm").set(key, value)


def _unpacked(code: bytes) -> bytes:
    """Wasm, out of gzip if it comes in it."""
    return gzip.decompress(code) if code.startswith(b"\x1f\x8b\x08") else code


def _read(message: type[genesis.M], state: Mapping[str, Any]) -> genesis.M:
    """Permissions carry Go's own names here, the rest follows protobuf's JSON."""
    return genesis.read(message, _renamed(state, _ENUM), "wasm")


def _renamed(state: Any, names: Mapping[str, str]) -> Any:
    if not isinstance(state, Mapping):
        return state
    permissions = {"permission", "instantiate_default_permission"}
    return {
        key: names.get(value, value) if key in permissions else _renamed(value, names)
        for key, value in state.items()
    }


def _shown_params(params: wasm_pb.Params) -> Any:
    return _renamed(genesis.write(params), _NAME)


def _shown_code(info: wasm_pb.CodeInfo) -> Any:
    return _renamed(genesis.write(info), _NAME)


def _read_entry(entry: Mapping[str, Any]) -> wasm_pb.ContractCodeHistoryEntry:
    """The message of a history entry is JSON within JSON, not base64."""
    message = json.dumps(entry["msg"], separators=(",", ":"), ensure_ascii=False).encode()
    return _read(
        wasm_pb.ContractCodeHistoryEntry, {**entry, "msg": base64.b64encode(message).decode()}
    )


def _shown_entry(entry: wasm_pb.ContractCodeHistoryEntry) -> dict[str, Any]:
    return genesis.write(entry) | {"msg": json.loads(entry.msg)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
