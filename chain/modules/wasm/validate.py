"""What is checked of the messages before any state is read (``ValidateBasic`` in wasmd ``x/wasm/types/tx.go``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from chain import coins
from chain.errors import INVALID_REQUEST, AbciError, unregistered
from chain.gotext import WHITE_SPACE
from chain.modules import grants
from chain.modules.auth.module import Auth
from chain.modules.wasm import access, errors, wire
from chain.modules.wasm.codes import MAX_WASM_SIZE
from chain.modules.wasm.errors import wrapped
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as tx

MAX_LABEL_SIZE: Final = 128
MAX_SALT_SIZE: Final = 64
MAX_CODE_IDS: Final = 50


class Validator:
    """One method for each message; every check in wasmd's order."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def store(self, msg: tx.MsgStoreCode) -> None:
        self.address(msg.sender)
        self._upload(msg)

    def instantiate(self, msg: tx.MsgInstantiateContract | tx.MsgInstantiateContract2) -> None:
        grants.check(msg)
        self.address(msg.sender, "sender")
        _check_code_id(msg.code_id)
        self._creation(msg)
        _check_payload(msg.msg)

    def instantiate2(self, msg: tx.MsgInstantiateContract2) -> None:
        self.instantiate(msg)
        with wrapped("salt"):
            if not msg.salt:
                raise errors.EMPTY("is required")
            if len(msg.salt) > MAX_SALT_SIZE:
                raise errors.LIMIT(f"cannot be longer than {MAX_SALT_SIZE} characters")

    def execute(self, msg: tx.MsgExecuteContract) -> None:
        grants.check(msg)
        self._sender_and_contract(msg)
        _check_funds(msg.funds)
        _check_payload(msg.msg)

    def migrate(self, msg: tx.MsgMigrateContract) -> None:
        _check_code_id(msg.code_id)
        self._sender_and_contract(msg)
        _check_payload(msg.msg)

    def update_admin(self, msg: tx.MsgUpdateAdmin) -> None:
        self._sender_and_contract(msg)
        self.address(msg.new_admin, "new admin")
        if msg.sender.lower() == msg.new_admin.lower():
            raise errors.INVALID("new admin is the same as the old")

    def clear_admin(self, msg: tx.MsgClearAdmin) -> None:
        self._sender_and_contract(msg)

    def update_label(self, msg: tx.MsgUpdateContractLabel) -> None:
        self.address(msg.sender, "sender")
        _check_label(msg.new_label)
        self.address(msg.contract, "contract")

    def update_config(self, msg: tx.MsgUpdateInstantiateConfig) -> None:
        self.address(msg.sender, "sender")
        _check_code_id(msg.code_id)
        if not msg.HasField("new_instantiate_permission"):
            raise INVALID_REQUEST("instantiate permission is required")
        with wrapped("instantiate permission"):
            access.validate(msg.new_instantiate_permission, self.address)

    # -- messages of the authority

    def update_params(self, msg: tx.MsgUpdateParams) -> None:
        self.address(msg.authority, "authority")
        with wrapped("instantiate default permission"):
            access.validate_type(msg.params.instantiate_default_permission)
        with wrapped("upload access"):
            access.validate(msg.params.code_upload_access, self.address)

    def sudo(self, msg: tx.MsgSudoContract) -> None:
        self.address(msg.authority, "authority")
        self.address(msg.contract, "contract")
        _check_payload(msg.msg)

    def pins(self, msg: tx.MsgPinCodes | tx.MsgUnpinCodes) -> None:
        self.address(msg.authority, "authority")
        _check_code_ids(msg.code_ids)

    def uploaders(
        self, msg: tx.MsgAddCodeUploadParamsAddresses | tx.MsgRemoveCodeUploadParamsAddresses
    ) -> None:
        self.address(msg.authority, "authority")
        access.validate_addresses(msg.addresses, self.address)

    def store_and_instantiate(self, msg: tx.MsgStoreAndInstantiateContract) -> None:
        self.address(msg.authority, "authority")
        self._creation(msg)
        _check_payload(msg.msg)
        self._upload(msg)

    def store_and_migrate(self, msg: tx.MsgStoreAndMigrateContract) -> None:
        self.address(msg.authority, "authority")
        self.address(msg.contract, "contract")
        _check_payload(msg.msg)
        self._upload(msg)

    # -- pieces

    def address(self, address: str, what: str = "") -> None:
        """``AccAddressFromBech32``; ``what`` stands before its errors."""
        try:
            self._auth.acc_address_bytes(address)
        except AbciError as error:
            raise (error.wrap(what) if what else error) from error

    def _sender_and_contract(self, msg: Any) -> None:
        self.address(msg.sender, "sender")
        self.address(msg.contract, "contract")

    def _creation(self, msg: Any) -> None:
        _check_label(msg.label)
        _check_funds(msg.funds)
        if msg.admin:
            self.address(msg.admin, "admin")

    def _upload(self, msg: Any) -> None:
        if not msg.wasm_byte_code:
            raise INVALID_REQUEST("code bytes is required: empty")
        if len(msg.wasm_byte_code) > MAX_WASM_SIZE:
            raise INVALID_REQUEST(
                f"code bytes cannot be longer than {MAX_WASM_SIZE} bytes: exceeds limit"
            )
        if msg.HasField("instantiate_permission"):
            with wrapped("instantiate permission"):
                access.validate(msg.instantiate_permission, self.address)


def _check_payload(message: bytes) -> None:
    with wrapped("payload msg"):
        wire.check_message(message)


def _check_funds(funds: Any) -> None:
    """``Coins.Validate``: its errors have no registered code."""
    with wrapped("funds"):
        fault = coins.fault(coins.from_pb(funds))
        if fault is not None:
            raise unregistered(fault)


def _check_code_id(code_id: int) -> None:
    if code_id == 0:
        raise INVALID_REQUEST("code id is required")


def _check_code_ids(ids: Sequence[int]) -> None:
    if not ids:
        raise INVALID_REQUEST("empty code ids")
    if len(ids) > MAX_CODE_IDS:
        raise INVALID_REQUEST(f"total number of code ids is greater than {MAX_CODE_IDS}")
    if len(set(ids)) != len(ids):
        raise INVALID_REQUEST("duplicate code ids")


def _check_label(label: str) -> None:
    """1 to 128 bytes, printable, no space at either end."""
    with wrapped("label"):
        if not label:
            raise errors.EMPTY("is required")
        if len(label.encode()) > MAX_LABEL_SIZE:
            raise errors.LIMIT(f"cannot be longer than {MAX_LABEL_SIZE} characters")
        if label != label.strip(WHITE_SPACE):
            raise errors.INVALID("label must not start/end with whitespaces")
        if not label.isprintable():
            raise errors.INVALID("label must have printable characters only")
