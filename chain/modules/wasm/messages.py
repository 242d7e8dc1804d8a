"""The messages of x/wasm: who signs them, what is checked before any state is read, and what they do
(wasmd ``x/wasm/keeper/msg_server.go``, ``x/wasm/types/tx.go``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from chain import coins
from chain.context import Context
from chain.errors import INVALID_ADDRESS, INVALID_REQUEST, UNAUTHORIZED, AbciError
from chain.modules.wasm import access, errors, gas, keys
from chain.modules.wasm.keeper import MAX_WASM_SIZE, Keeper, wrapped
from chain.modules.wasm.querier import check_json
from chain.router import MessageRouter
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as tx
from cosmos_pb.cosmwasm.wasm.v1.types_pb2 import AccessType

MAX_LABEL_SIZE: Final = 128
MAX_SALT_SIZE: Final = 64


class Messages:
    """Handlers and their stateless checks. ``authority`` is the address that governs the chain."""

    def __init__(self, keeper: Keeper, authority: str) -> None:
        self._keeper = keeper
        self._authority = authority

    def register(self, router: MessageRouter) -> None:
        for message, handler, validate in (
            (tx.MsgStoreCode, self.store_code, self._check_store),
            (tx.MsgInstantiateContract, self.instantiate, self._check_instantiate),
            (tx.MsgInstantiateContract2, self.instantiate2, self._check_instantiate2),
            (tx.MsgExecuteContract, self.execute, self._check_execute),
            (tx.MsgMigrateContract, self.migrate, self._check_migrate),
            (tx.MsgUpdateAdmin, self.update_admin, self._check_update_admin),
            (tx.MsgClearAdmin, self.clear_admin, self._check_clear_admin),
            (tx.MsgUpdateContractLabel, self.update_label, self._check_update_label),
            (tx.MsgUpdateInstantiateConfig, self.update_config, self._check_update_config),
        ):
            router.register(message, handler, _sender, validate)
        for governed, act in (
            (tx.MsgUpdateParams, self.update_params),
            (tx.MsgSudoContract, self.sudo),
            (tx.MsgPinCodes, self.pin),
            (tx.MsgUnpinCodes, self.unpin),
        ):
            router.register(governed, self._governed(act), _authority, self._check_authority)

    # -- handlers

    def store_code(self, ctx: Context, msg: tx.MsgStoreCode) -> tx.MsgStoreCodeResponse:
        permission = msg.instantiate_permission if msg.HasField("instantiate_permission") else None
        code_id, checksum = self._keeper.store_code(
            ctx, msg.sender, msg.wasm_byte_code, permission, authority=self._governs(msg)
        )
        return tx.MsgStoreCodeResponse(code_id=code_id, checksum=checksum)

    def instantiate(
        self, ctx: Context, msg: tx.MsgInstantiateContract
    ) -> tx.MsgInstantiateContractResponse:
        address, data = self._instantiate(ctx, msg, self._keeper.classic_address)
        return tx.MsgInstantiateContractResponse(address=address, data=data or b"")

    def instantiate2(
        self, ctx: Context, msg: tx.MsgInstantiateContract2
    ) -> tx.MsgInstantiateContract2Response:
        creator = self._keeper.auth.address_bytes(msg.sender)
        fixed = msg.msg if msg.fix_msg else b""

        def predictable(_: Context, __: int, checksum: bytes) -> bytes:
            return keys.predictable_address(checksum, creator, msg.salt, fixed)

        address, data = self._instantiate(ctx, msg, predictable)
        return tx.MsgInstantiateContract2Response(address=address, data=data or b"")

    def _instantiate(
        self, ctx: Context, msg: Any, make_address: Callable[[Context, int, bytes], bytes]
    ) -> tuple[str, bytes | None]:
        return self._keeper.instantiate(
            ctx,
            msg.code_id,
            msg.sender,
            msg.admin,
            msg.msg,
            msg.label,
            coins.from_pb(msg.funds),
            make_address,
            authority=self._governs(msg),
        )

    def execute(self, ctx: Context, msg: tx.MsgExecuteContract) -> tx.MsgExecuteContractResponse:
        data = self._keeper.execute(
            ctx, msg.contract, msg.sender, msg.msg, coins.from_pb(msg.funds)
        )
        return tx.MsgExecuteContractResponse(data=data or b"")

    def migrate(self, ctx: Context, msg: tx.MsgMigrateContract) -> tx.MsgMigrateContractResponse:
        data = self._keeper.migrate(
            ctx, msg.contract, msg.sender, msg.code_id, msg.msg, authority=self._governs(msg)
        )
        return tx.MsgMigrateContractResponse(data=data or b"")

    def update_admin(self, ctx: Context, msg: tx.MsgUpdateAdmin) -> tx.MsgUpdateAdminResponse:
        self._set_admin(ctx, msg, msg.new_admin)
        return tx.MsgUpdateAdminResponse()

    def clear_admin(self, ctx: Context, msg: tx.MsgClearAdmin) -> tx.MsgClearAdminResponse:
        self._set_admin(ctx, msg, "")
        return tx.MsgClearAdminResponse()

    def update_label(
        self, ctx: Context, msg: tx.MsgUpdateContractLabel
    ) -> tx.MsgUpdateContractLabelResponse:
        raw, info = self._modifiable(ctx, msg)
        info.label = msg.new_label
        ctx.kv("wasm").set(keys.contract(raw), info.SerializeToString())
        ctx.emit(
            "update_contract_label",
            ("_contract_address", msg.contract),
            ("new_label", msg.new_label),
        )
        return tx.MsgUpdateContractLabelResponse()

    def update_config(
        self, ctx: Context, msg: tx.MsgUpdateInstantiateConfig
    ) -> tx.MsgUpdateInstantiateConfigResponse:
        """Only the creator, and only towards fewer people than the default admits; the authority may do anything."""
        info = self._keeper.code_info(ctx, msg.code_id)
        if info is None:
            raise errors.no_such_code(msg.code_id)
        wanted = msg.new_instantiate_permission
        default = access.default_access(self._keeper.params(ctx), info.creator)
        if not self._governs(msg) and (
            info.creator != msg.sender or not access.is_subset(wanted, default)
        ):
            raise UNAUTHORIZED("can not modify code access config")
        info.instantiate_config.CopyFrom(wanted)
        ctx.kv("wasm").set(keys.code(msg.code_id), info.SerializeToString())
        attributes = [
            ("code_permission", AccessType.Name(wanted.permission)),
            ("code_id", str(msg.code_id)),
        ]
        if wanted.addresses:
            attributes.append(("authorized_addresses", ",".join(wanted.addresses)))
        ctx.emit("update_code_access_config", *attributes)
        return tx.MsgUpdateInstantiateConfigResponse()

    def update_params(self, ctx: Context, msg: tx.MsgUpdateParams) -> tx.MsgUpdateParamsResponse:
        access.validate(msg.params.code_upload_access)
        self._keeper.set_params(ctx, msg.params)
        return tx.MsgUpdateParamsResponse()

    def sudo(self, ctx: Context, msg: tx.MsgSudoContract) -> tx.MsgSudoContractResponse:
        check_json(msg.msg, "payload msg")
        return tx.MsgSudoContractResponse(data=self._keeper.sudo(ctx, msg.contract, msg.msg) or b"")

    def pin(self, ctx: Context, msg: tx.MsgPinCodes) -> tx.MsgPinCodesResponse:
        for code_id in msg.code_ids:
            self._set_pinned(ctx, code_id, pinned=True)
        return tx.MsgPinCodesResponse()

    def unpin(self, ctx: Context, msg: tx.MsgUnpinCodes) -> tx.MsgUnpinCodesResponse:
        for code_id in msg.code_ids:
            self._set_pinned(ctx, code_id, pinned=False)
        return tx.MsgUnpinCodesResponse()

    # -- pieces

    def _set_admin(self, ctx: Context, msg: Any, admin: str) -> None:
        raw, info = self._modifiable(ctx, msg)
        info.admin = admin
        ctx.kv("wasm").set(keys.contract(raw), info.SerializeToString())
        ctx.emit(
            "update_contract_admin",
            ("_contract_address", msg.contract),
            ("new_admin_address", admin),
        )

    def _modifiable(self, ctx: Context, msg: Any) -> Any:
        raw = self._keeper.auth.address_bytes(msg.contract)
        info = self._keeper.contract_info(ctx, raw)
        if info is None:
            raise INVALID_REQUEST("unknown contract")
        if info.admin != msg.sender and not self._governs(msg):
            raise UNAUTHORIZED("can not modify contract")
        return raw, info

    def _set_pinned(self, ctx: Context, code_id: int, *, pinned: bool) -> None:
        info = self._keeper.code_info(ctx, code_id)
        if info is None:
            raise errors.no_such_code(code_id)
        action = "pin" if pinned else "unpin"
        ctx.gas.consume(gas.PIN_COST, f"Loading CosmWasm module: {action} code")
        if pinned:
            self._keeper.vm.pin(info.code_hash)
            ctx.kv("wasm").set(keys.pinned(code_id), b"\x01")
        else:
            self._keeper.vm.unpin(info.code_hash)
            ctx.kv("wasm").delete(keys.pinned(code_id))
        ctx.emit(f"{action}_code", ("code_id", str(code_id)))

    def _governs(self, msg: Any) -> bool:
        return bool(msg.sender == self._authority)

    def _governed(self, act: Callable[[Context, Any], Any]) -> Callable[[Context, Any], Any]:
        def handler(ctx: Context, msg: Any) -> Any:
            if msg.authority != self._authority:
                raise AbciError(
                    "sdk",
                    UNAUTHORIZED.code,
                    f"expected authority {self._authority}, got {msg.authority}: {UNAUTHORIZED.text}",
                )
            return act(ctx, msg)

        return handler

    # -- stateless checks

    def _check_address(self, address: str, what: str = "") -> None:
        """As ``AccAddressFromBech32``, whose errors have no registered code."""
        try:
            self._keeper.auth.address_bytes(address)
        except AbciError as error:
            text = error.log.removesuffix(f": {INVALID_ADDRESS.text}")
            raise AbciError("undefined", 1, f"{what}: {text}" if what else text) from error

    def _check_authority(self, msg: Any) -> None:
        self._check_address(msg.authority, "authority")

    def _check_store(self, msg: tx.MsgStoreCode) -> None:
        self._check_address(msg.sender)
        if not msg.wasm_byte_code:
            raise INVALID_REQUEST("code bytes is required: empty")
        if len(msg.wasm_byte_code) > MAX_WASM_SIZE:
            raise INVALID_REQUEST(
                f"code bytes cannot be longer than {MAX_WASM_SIZE} bytes: exceeds limit"
            )
        if msg.HasField("instantiate_permission"):
            with wrapped("instantiate permission"):
                access.validate(msg.instantiate_permission)

    def _check_create(self, msg: Any) -> None:
        self._check_address(msg.sender, "sender")
        if msg.code_id == 0:
            raise INVALID_REQUEST("code id is required")
        with wrapped("label"):
            check_label(msg.label)
        check_funds(msg.funds)
        if msg.admin:
            self._check_address(msg.admin, "admin")
        with wrapped("payload msg"):
            check_message(msg.msg)

    def _check_instantiate(self, msg: tx.MsgInstantiateContract) -> None:
        self._check_create(msg)

    def _check_instantiate2(self, msg: tx.MsgInstantiateContract2) -> None:
        self._check_create(msg)
        if not msg.salt:
            raise errors.EMPTY("is required").wrap("salt")
        if len(msg.salt) > MAX_SALT_SIZE:
            raise errors.LIMIT(f"cannot be longer than {MAX_SALT_SIZE} characters").wrap("salt")

    def _check_execute(self, msg: tx.MsgExecuteContract) -> None:
        self._check_address(msg.sender, "sender")
        self._check_address(msg.contract, "contract")
        check_funds(msg.funds)
        with wrapped("payload msg"):
            check_message(msg.msg)

    def _check_migrate(self, msg: tx.MsgMigrateContract) -> None:
        if msg.code_id == 0:
            raise INVALID_REQUEST("code id is required")
        self._check_address(msg.sender, "sender")
        self._check_address(msg.contract, "contract")
        with wrapped("payload msg"):
            check_message(msg.msg)

    def _check_update_admin(self, msg: tx.MsgUpdateAdmin) -> None:
        self._check_address(msg.sender, "sender")
        self._check_address(msg.contract, "contract")
        self._check_address(msg.new_admin, "new admin")
        if msg.sender.lower() == msg.new_admin.lower():
            raise errors.INVALID("new admin is the same as the old")

    def _check_clear_admin(self, msg: tx.MsgClearAdmin) -> None:
        self._check_address(msg.sender, "sender")
        self._check_address(msg.contract, "contract")

    def _check_update_label(self, msg: tx.MsgUpdateContractLabel) -> None:
        self._check_address(msg.sender, "sender")
        self._check_address(msg.contract, "contract")
        with wrapped("label"):
            check_label(msg.new_label)

    def _check_update_config(self, msg: tx.MsgUpdateInstantiateConfig) -> None:
        self._check_address(msg.sender, "sender")
        if msg.code_id == 0:
            raise INVALID_REQUEST("code id is required")
        if not msg.HasField("new_instantiate_permission"):
            raise INVALID_REQUEST("instantiate permission is required")
        with wrapped("instantiate permission"):
            access.validate(msg.new_instantiate_permission)


def _sender(msg: Any) -> list[str]:
    return [msg.sender]


def _authority(msg: Any) -> list[str]:
    return [msg.authority]


def check_message(message: bytes) -> None:
    """A contract message must be JSON; wasm/14 with the bare text ``invalid`` otherwise, as in wasmd."""
    check_json(message, "")


def check_funds(funds: Any) -> None:
    """``Coins.Validate``: its errors have no registered code."""
    with wrapped("funds"):
        fault = coins.fault(coins.from_pb(funds))
        if fault is not None:
            raise AbciError("undefined", 1, fault)


def check_label(label: str) -> None:
    """1 to 128 bytes, printable, no space at either end."""
    if not label:
        raise errors.EMPTY("is required")
    if len(label.encode()) > MAX_LABEL_SIZE:
        raise errors.LIMIT(f"cannot be longer than {MAX_LABEL_SIZE} characters")
    if label != label.strip():
        raise errors.INVALID("label must not start/end with whitespaces")
    if not label.isprintable():
        raise errors.INVALID("label must have printable characters only")
