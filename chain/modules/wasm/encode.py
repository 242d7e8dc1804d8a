"""Contracts' messages as messages of the chain (wasmd ``x/wasm/keeper/handler_plugin_encoders.go``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from chain import coins
from chain.coins import Coin
from chain.context import Context
from chain.errors import INVALID_COINS, AbciError, unregistered
from chain.modules.transfer import store as transfer_store
from chain.modules.wasm import errors, wire
from chain.modules.wasm.errors import wrapped
from chain.modules.wasm.keeper import Instance
from chain.modules.wasm.versions import Version
from chain.router import MessageRouter
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.channel.v2 import packet_pb2
from cosmos_pb.ibc.core.channel.v2 import tx_pb2 as channel_v2_tx
from light_client.values import Height

NOTHING_TO_PACK: Final = (
    "expecting non nil value to create a new Any, failed packing protobuf message to Any"
)


def encode(
    ctx: Context,
    router: MessageRouter,
    contract: Instance,
    message: wire.CosmosMsg,
    version: Version,
) -> Message | None:
    """The chain's message for a contract's; None where nothing is to do; wasm/20 for what this chain lacks.

    Of a message with several variants the first counts, in the order of ``MessageEncoders.Encode``.
    """
    if message.bank is not None:
        return _bank(contract.address, message.bank)
    if message.custom is not None or message.distribution is not None:
        raise _unknown()
    if message.ibc is not None:
        return _ibc(ctx, contract.address, message.ibc)
    if message.ibc2 is not None and version.ibc2_port:
        return _ibc2(contract.address, message.ibc2)
    if message.ibc2 is not None or message.staking is not None:
        raise _unknown()
    packed = message.any or message.stargate
    if packed is not None:
        return _unpack(ctx, router, packed, version)
    if message.wasm is not None:
        return _wasm(contract.address, message.wasm)
    raise _unknown()


def coins_of(amount: Sequence[wire.WireCoin] | None) -> tuple[Coin, ...]:
    """Coins as contracts write them; equal denoms are summed, as ``sdk.NewCoins(...).Add`` does."""
    return coins.total([[_coin(item)] for item in amount or ()])


def height_of(timeout: wire.WireTimeout) -> Height:
    return Height(timeout.block.revision, timeout.block.height) if timeout.block else Height(0, 0)


def _unknown() -> AbciError:
    return errors.UNKNOWN_MSG("unknown variant")


def _coin(item: wire.WireCoin) -> Coin:
    """``ConvertWasmCoinToSdkCoin``: a negative amount and a bad denomination have no registered code."""
    try:
        amount = coins.amount_of(item.amount)
    except AbciError as error:
        raise INVALID_COINS(f"{item.amount}{item.denom}") from error
    if not coins.is_denom(item.denom):
        raise unregistered(f"invalid denom: {item.denom}")
    if amount < 0:
        raise unregistered(f"negative coin amount: {amount}")
    return Coin(item.denom, amount)


def _unpack(ctx: Context, router: MessageRouter, message: wire.AnyMsg, version: Version) -> Message:
    size = len(message.value)
    if version.max_any is not None and size > version.max_any:
        raise errors.LIMIT(f"AnyMsg value size {size} exceeds limit {version.max_any}")
    cost = version.any_cost + version.any_cost_per_kib * size // 1024
    ctx.gas.consume(cost, "unpacking AnyMsg")
    if not message.type_url:  # unpacks to nothing, of which the SDK then asks the signers
        raise unregistered(NOTHING_TO_PACK)
    text = f"Cannot unpack proto message with type URL: {message.type_url}"
    service = router.services.get(message.type_url)
    if service is None:
        raise errors.INVALID_MSG(text)
    try:
        return service.message.FromString(message.value)
    except ProtobufDecodeError as error:
        raise errors.INVALID_MSG(text) from error


def _bank(sender: str, message: wire.BankMsg) -> Message | None:
    send = message.send
    if send is None:
        raise _unknown()
    if not send.amount:
        return None
    amount = coins.to_pb(coins_of(send.amount))
    return bank_tx.MsgSend(from_address=sender, to_address=send.to_address, amount=amount)


def _ibc(ctx: Context, sender: str, message: wire.IbcMsg) -> Message:
    if message.close_channel is not None:
        return channel_tx.MsgChannelCloseInit(
            port_id=f"wasm.{sender}", channel_id=message.close_channel.channel_id, signer=sender
        )
    if message.transfer is None:
        raise _unknown()
    transfer = message.transfer
    with wrapped("amount"):
        token = _coin(transfer.amount).to_pb()
    sent = transfer_tx.MsgTransfer(
        source_port=transfer_store.port(ctx),
        source_channel=transfer.channel_id,
        token=token,
        sender=sender,
        receiver=transfer.to_address,
        timeout_timestamp=transfer.timeout.nanoseconds,
        memo=transfer.memo or "",
    )
    height = height_of(transfer.timeout)
    sent.timeout_height.revision_number = height.revision_number
    sent.timeout_height.revision_height = height.revision_height
    sent.timeout_height.SetInParent()
    return sent


def _ibc2(sender: str, message: wire.Ibc2Msg) -> Message:
    packet = message.send_packet
    if packet is None:
        raise _unknown()
    payloads = [
        packet_pb2.Payload(
            source_port=each.source_port,
            destination_port=each.destination_port,
            version=each.version,
            encoding=each.encoding,
            value=each.value,
        )
        for each in packet.payloads or ()
    ]
    return channel_v2_tx.MsgSendPacket(
        source_client=packet.source_client,
        timeout_timestamp=packet.seconds,
        payloads=payloads,
        signer=sender,
    )


def _wasm(sender: str, message: wire.WasmMsg) -> Message:
    for kind, encoder in _WASM.items():
        body = getattr(message, kind)
        if body is not None:
            return encoder(sender, body)
    raise _unknown()


def _execute(sender: str, body: wire.WasmExecute) -> Message:
    funds = coins.to_pb(coins_of(body.funds))
    return wasm_tx.MsgExecuteContract(
        sender=sender, contract=body.contract_addr, msg=body.msg, funds=funds
    )


def _creation(sender: str, body: wire.WasmInstantiate) -> dict[str, Any]:
    return {
        "sender": sender,
        "admin": body.admin or "",
        "code_id": body.code_id,
        "label": body.label,
        "msg": body.msg,
        "funds": coins.to_pb(coins_of(body.funds)),
    }


def _instantiate(sender: str, body: wire.WasmInstantiate) -> Message:
    return wasm_tx.MsgInstantiateContract(**_creation(sender, body))


def _instantiate2(sender: str, body: wire.WasmInstantiate) -> Message:
    return wasm_tx.MsgInstantiateContract2(**_creation(sender, body), salt=body.salt)


def _migrate(sender: str, body: wire.WasmMigrate) -> Message:
    return wasm_tx.MsgMigrateContract(
        sender=sender, contract=body.contract_addr, code_id=body.new_code_id, msg=body.msg
    )


def _clear_admin(sender: str, body: wire.WasmClearAdmin) -> Message:
    return wasm_tx.MsgClearAdmin(sender=sender, contract=body.contract_addr)


def _update_admin(sender: str, body: wire.WasmUpdateAdmin) -> Message:
    return wasm_tx.MsgUpdateAdmin(sender=sender, contract=body.contract_addr, new_admin=body.admin)


_WASM: Final[Mapping[str, Callable[[str, Any], Message]]] = {
    "execute": _execute,
    "instantiate": _instantiate,
    "instantiate2": _instantiate2,
    "migrate": _migrate,
    "clear_admin": _clear_admin,
    "update_admin": _update_admin,
}
