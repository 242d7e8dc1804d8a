"""The messages of x/wasm: who signs them and what they do (wasmd ``x/wasm/keeper/msg_server.go``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chain import coins
from chain.context import Context
from chain.errors import UNAUTHORIZED
from chain.modules.wasm import access, errors, keys
from chain.modules.wasm.codes import Upload
from chain.modules.wasm.keeper import AddressMaker, Keeper, Wanted
from chain.modules.wasm.validate import Validator
from chain.router import MessageRouter
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as tx
from cosmos_pb.cosmwasm.wasm.v1.types_pb2 import ACCESS_TYPE_ANY_OF_ADDRESSES, Params


class Messages:
    """Handlers. ``authority`` is the address that governs the chain. Addresses go inside in lower case."""

    def __init__(self, keeper: Keeper, authority: str) -> None:
        self._keeper = keeper
        self._authority = authority

    def register(self, router: MessageRouter) -> None:
        check = Validator(self._keeper.auth)
        for message, handler, validate in (
            (tx.MsgStoreCode, self.store_code, check.store),
            (tx.MsgInstantiateContract, self.instantiate, check.instantiate),
            (tx.MsgInstantiateContract2, self.instantiate2, check.instantiate2),
            (tx.MsgExecuteContract, self.execute, check.execute),
            (tx.MsgMigrateContract, self.migrate, check.migrate),
            (tx.MsgUpdateAdmin, self.update_admin, check.update_admin),
            (tx.MsgClearAdmin, self.clear_admin, check.clear_admin),
            (tx.MsgUpdateContractLabel, self.update_label, check.update_label),
            (tx.MsgUpdateInstantiateConfig, self.update_config, check.update_config),
        ):
            router.register(message, handler, _sender, validate)
        self._register_of_authority(router, check)

    def _register_of_authority(self, router: MessageRouter, check: Validator) -> None:
        for governed, act, validate in (
            (tx.MsgUpdateParams, self.update_params, check.update_params),
            (tx.MsgSudoContract, self.sudo, check.sudo),
            (tx.MsgPinCodes, self.pin, check.pins),
            (tx.MsgUnpinCodes, self.unpin, check.pins),
            (tx.MsgAddCodeUploadParamsAddresses, self.add_uploaders, check.uploaders),
            (tx.MsgRemoveCodeUploadParamsAddresses, self.remove_uploaders, check.uploaders),
        ):
            router.register(governed, self._governed(act), _authority, validate)
        # Anybody may sign these two, and has then the rights of anybody.
        router.register(
            tx.MsgStoreAndInstantiateContract,
            self.store_and_instantiate,
            _authority,
            check.store_and_instantiate,
        )
        router.register(
            tx.MsgStoreAndMigrateContract,
            self.store_and_migrate,
            _authority,
            check.store_and_migrate,
        )

    # -- codes and contracts

    def store_code(self, ctx: Context, msg: tx.MsgStoreCode) -> tx.MsgStoreCodeResponse:
        code_id, checksum = self._store(ctx, msg, msg.sender)
        return tx.MsgStoreCodeResponse(code_id=code_id, checksum=checksum)

    def instantiate(
        self, ctx: Context, msg: tx.MsgInstantiateContract
    ) -> tx.MsgInstantiateContractResponse:
        made = self._instantiate(ctx, msg, msg.sender, msg.code_id, self._keeper.classic_address)
        return tx.MsgInstantiateContractResponse(address=made[0], data=made[1])

    def instantiate2(
        self, ctx: Context, msg: tx.MsgInstantiateContract2
    ) -> tx.MsgInstantiateContract2Response:
        creator = self._keeper.auth.acc_address_bytes(msg.sender)
        fixed = msg.msg if msg.fix_msg else b""

        def predictable(_: Context, __: int, checksum: bytes) -> bytes:
            return keys.predictable_address(checksum, creator, msg.salt, fixed)

        made = self._instantiate(ctx, msg, msg.sender, msg.code_id, predictable)
        return tx.MsgInstantiateContract2Response(address=made[0], data=made[1])

    def execute(self, ctx: Context, msg: tx.MsgExecuteContract) -> tx.MsgExecuteContractResponse:
        sender, funds = msg.sender.lower(), coins.from_pb(msg.funds)
        data = self._keeper.execute(ctx, msg.contract, sender, msg.msg, funds)
        return tx.MsgExecuteContractResponse(data=data or b"")

    def migrate(self, ctx: Context, msg: tx.MsgMigrateContract) -> tx.MsgMigrateContractResponse:
        data = self._migrate(ctx, msg, msg.sender, msg.code_id)
        return tx.MsgMigrateContractResponse(data=data)

    def update_admin(self, ctx: Context, msg: tx.MsgUpdateAdmin) -> tx.MsgUpdateAdminResponse:
        self._set_admin(ctx, msg, msg.new_admin.lower())
        return tx.MsgUpdateAdminResponse()

    def clear_admin(self, ctx: Context, msg: tx.MsgClearAdmin) -> tx.MsgClearAdminResponse:
        self._set_admin(ctx, msg, "")
        return tx.MsgClearAdminResponse()

    def update_label(
        self, ctx: Context, msg: tx.MsgUpdateContractLabel
    ) -> tx.MsgUpdateContractLabelResponse:
        raw, info = self._modifiable(ctx, msg)
        info.label = msg.new_label
        self._keeper.save_info(ctx, raw, info)
        ctx.emit(
            "update_contract_label",
            ("_contract_address", self._keeper.auth.address_text(raw)),
            ("new_label", msg.new_label),
        )
        return tx.MsgUpdateContractLabelResponse()

    def update_config(
        self, ctx: Context, msg: tx.MsgUpdateInstantiateConfig
    ) -> tx.MsgUpdateInstantiateConfigResponse:
        """Only the creator, and only towards a kind that the default contains; the authority may do anything."""
        codes, wanted = self._keeper.codes, msg.new_instantiate_permission
        info = codes.require(ctx, msg.code_id)
        default = codes.params(ctx).instantiate_default_permission
        narrower = access.is_subtype(wanted.permission, default)
        if not self._governs(msg.sender) and not (info.creator == msg.sender.lower() and narrower):
            raise UNAUTHORIZED("can not modify code access config")
        info.instantiate_config.CopyFrom(wanted)
        codes.save(ctx, msg.code_id, info)
        attributes = [
            ("code_permission", access.NAMES[wanted.permission]),
            ("code_id", str(msg.code_id)),
        ]
        if wanted.permission == ACCESS_TYPE_ANY_OF_ADDRESSES:
            attributes.append(("authorized_addresses", ",".join(wanted.addresses)))
        ctx.emit("update_code_access_config", *attributes)
        return tx.MsgUpdateInstantiateConfigResponse()

    def store_and_instantiate(
        self, ctx: Context, msg: tx.MsgStoreAndInstantiateContract
    ) -> tx.MsgStoreAndInstantiateContractResponse:
        code_id, _ = self._store(ctx, msg, msg.authority)
        made = self._instantiate(ctx, msg, msg.authority, code_id, self._keeper.classic_address)
        return tx.MsgStoreAndInstantiateContractResponse(address=made[0], data=made[1])

    def store_and_migrate(
        self, ctx: Context, msg: tx.MsgStoreAndMigrateContract
    ) -> tx.MsgStoreAndMigrateContractResponse:
        code_id, checksum = self._store(ctx, msg, msg.authority)
        data = self._migrate(ctx, msg, msg.authority, code_id)
        return tx.MsgStoreAndMigrateContractResponse(code_id=code_id, checksum=checksum, data=data)

    # -- what only the authority may do

    def update_params(self, ctx: Context, msg: tx.MsgUpdateParams) -> tx.MsgUpdateParamsResponse:
        self._keeper.codes.set_params(ctx, msg.params)
        return tx.MsgUpdateParamsResponse()

    def sudo(self, ctx: Context, msg: tx.MsgSudoContract) -> tx.MsgSudoContractResponse:
        return tx.MsgSudoContractResponse(data=self._keeper.sudo(ctx, msg.contract, msg.msg) or b"")

    def pin(self, ctx: Context, msg: tx.MsgPinCodes) -> tx.MsgPinCodesResponse:
        for code_id in msg.code_ids:
            self._keeper.codes.pin(ctx, code_id)
        return tx.MsgPinCodesResponse()

    def unpin(self, ctx: Context, msg: tx.MsgUnpinCodes) -> tx.MsgUnpinCodesResponse:
        for code_id in msg.code_ids:
            self._keeper.codes.unpin(ctx, code_id)
        return tx.MsgUnpinCodesResponse()

    def add_uploaders(
        self, ctx: Context, msg: tx.MsgAddCodeUploadParamsAddresses
    ) -> tx.MsgAddCodeUploadParamsAddressesResponse:
        params = self._listed_uploaders(ctx)
        listed = params.code_upload_access.addresses
        listed.extend(one for one in dict.fromkeys(msg.addresses) if one not in listed)
        self._keeper.codes.set_params(ctx, params)
        return tx.MsgAddCodeUploadParamsAddressesResponse()

    def remove_uploaders(
        self, ctx: Context, msg: tx.MsgRemoveCodeUploadParamsAddresses
    ) -> tx.MsgRemoveCodeUploadParamsAddressesResponse:
        params = self._listed_uploaders(ctx)
        listed = params.code_upload_access.addresses
        listed[:] = [one for one in listed if one not in msg.addresses]
        self._keeper.codes.set_params(ctx, params)
        return tx.MsgRemoveCodeUploadParamsAddressesResponse()

    # -- pieces

    def _store(self, ctx: Context, msg: Any, creator: str) -> tuple[int, bytes]:
        permission = msg.instantiate_permission if msg.HasField("instantiate_permission") else None
        upload = Upload(creator.lower(), msg.wasm_byte_code, permission)
        return self._keeper.codes.store(ctx, upload, authority=self._governs(creator))

    def _instantiate(
        self, ctx: Context, msg: Any, creator: str, code_id: int, make_address: AddressMaker
    ) -> tuple[str, bytes]:
        funds = coins.from_pb(msg.funds)
        wanted = Wanted(code_id, creator.lower(), msg.admin.lower(), msg.label, msg.msg, funds)
        address, data = self._keeper.instantiate(
            ctx, wanted, make_address, authority=self._governs(creator)
        )
        return address, data or b""

    def _migrate(self, ctx: Context, msg: Any, sender: str, code_id: int) -> bytes:
        free = self._governs(sender)
        data = self._keeper.migrate(
            ctx, msg.contract, sender.lower(), code_id, msg.msg, authority=free
        )
        return data or b""

    def _set_admin(self, ctx: Context, msg: Any, admin: str) -> None:
        raw, info = self._modifiable(ctx, msg)
        info.admin = admin
        self._keeper.save_info(ctx, raw, info)
        ctx.emit(
            "update_contract_admin",
            ("_contract_address", self._keeper.auth.address_text(raw)),
            ("new_admin_address", admin),
        )

    def _modifiable(self, ctx: Context, msg: Any) -> Any:
        return self._keeper.modifiable(
            ctx,
            msg.contract,
            msg.sender.lower(),
            "modify contract",
            authority=self._governs(msg.sender),
        )

    def _listed_uploaders(self, ctx: Context) -> Params:
        params = self._keeper.codes.params(ctx)
        if params.code_upload_access.permission != ACCESS_TYPE_ANY_OF_ADDRESSES:
            raise errors.INVALID("permission")
        return params

    def _governs(self, actor: str) -> bool:
        return actor == self._authority

    def _governed(self, act: Callable[[Context, Any], Any]) -> Callable[[Context, Any], Any]:
        def handler(ctx: Context, msg: Any) -> Any:
            if not self._governs(msg.authority):
                raise errors.INVALID(
                    f"invalid authority; expected {self._authority}, got {msg.authority}"
                )
            return act(ctx, msg)

        return handler


def _sender(msg: Any) -> list[str]:
    return [msg.sender]


def _authority(msg: Any) -> list[str]:
    return [msg.authority]
