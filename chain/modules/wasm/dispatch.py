"""Messages that contracts return: turned into the chain's own, run in order, and reported back
(wasmd ``x/wasm/keeper/msg_dispatcher.go``, ``handler_plugin.go``, ``handler_plugin_encoders.go``).

Each message runs in a scope of its own. What succeeds is kept; what fails is forgotten but its gas is not. Whether the
contract hears of it, and whether a failure ends the whole call, is the message's ``reply_on``:

==========  =================  ==================
reply_on    success            failure
==========  =================  ==================
always      reply              reply with error
success     reply              end with the error
error       –                  reply with error
never       –                  end with the error
==========  =================  ==================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from chain import coins
from chain.coins import Coin
from chain.context import Context
from chain.errors import OUT_OF_GAS, UNAUTHORIZED, AbciError, OutOfGas
from chain.events import Event
from chain.gas import GasMeter
from chain.modules.ibc.module import Ibc
from chain.modules.wasm import errors, gas, keys, wire
from chain.modules.wasm.keeper import Instance, Keeper, wrapped
from chain.router import MessageRouter, type_url
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmwasm.wasm.v1 import ibc_pb2 as wasm_ibc
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from light_client import codec
from light_client.values import Height

MAX_ANY_SIZE: Final = 512 * 1024
MAX_PAYLOAD_SIZE: Final = 128 * 1024
ANY_BASE_COST: Final = 5
REPLIES_ON_SUCCESS: Final = {"always": True, "success": True, "error": False, "never": False}
REPLIES_ON_FAILURE: Final = {"always": True, "success": False, "error": True, "never": False}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message left: responses of the chain's messages it became, in order."""

    responses: tuple[any_pb2.Any, ...] = ()


class Dispatcher:
    """Runs contracts' messages through the chain's own message table."""

    def __init__(self, keeper: Keeper, ibc: Ibc, router: MessageRouter) -> None:
        self._keeper = keeper
        self._ibc = ibc
        self._router = router

    def __call__(
        self, ctx: Context, contract: Instance, response: wire.Response, data: bytes | None
    ) -> bytes | None:
        """Run every sub-message; the last reply that sets data wins over ``data``."""
        for message in response.messages or ():
            replied = self._run(ctx, contract, message)
            data = data if replied is None else replied
        return data

    def _run(self, ctx: Context, contract: Instance, message: wire.SubMsg) -> bytes | None:
        if message.reply_on not in REPLIES_ON_SUCCESS:
            raise errors.VM_ERROR(f"invalid reply_on value '{message.reply_on}'")
        if len(message.payload) > MAX_PAYLOAD_SIZE:
            raise errors.VM_ERROR(
                f"payload is {len(message.payload)} bytes, at most {MAX_PAYLOAD_SIZE}"
            )
        inner = ctx.fork()
        try:
            outcome = self._dispatch_limited(inner, contract, message)
        except OutOfGas:
            raise
        except AbciError as error:
            if not REPLIES_ON_FAILURE[message.reply_on]:
                raise
            return self._reply(ctx, contract, message, {"error": errors.redacted(error)}, ())
        kept = [event for event in inner.events.events if event.type != "message"]
        if message.msg.wasm is not None:
            kept = [Event(event.type, _by_key(event.attributes)) for event in kept]
        ctx.merge(inner, events=False)
        ctx.events.extend(kept)
        if not REPLIES_ON_SUCCESS[message.reply_on]:
            return None
        seen = kept if message.msg.wasm is not None else []
        return self._reply(ctx, contract, message, {"ok": _success(outcome, seen)}, seen)

    def _reply(
        self,
        ctx: Context,
        contract: Instance,
        message: wire.SubMsg,
        result: dict[str, Any],
        seen: Sequence[Event],
    ) -> bytes | None:
        reply: dict[str, Any] = {"gas_used": 0, "id": message.id, "result": result}
        if message.payload:
            reply["payload"] = message.payload
        cost = gas.reply_cost([_wire_event(event) for event in seen])
        with wrapped("reply"):
            return self._keeper.reply(ctx, contract.address, reply, cost)

    def _dispatch_limited(self, ctx: Context, contract: Instance, message: wire.SubMsg) -> Outcome:
        """With a gas limit below what is left the message has a meter of its own; running it dry is only a failure."""
        limit, remaining = message.gas_limit, ctx.gas.remaining
        if limit is None or (remaining is not None and limit >= remaining):
            return self._dispatch(ctx, contract, message.msg)
        meter = GasMeter(limit)
        try:
            outcome = self._dispatch(ctx.with_gas(meter), contract, message.msg)
        except OutOfGas as error:
            ctx.gas.consume(limit, "Sub-Message OutOfGas panic")
            raise AbciError(
                OUT_OF_GAS.codespace, OUT_OF_GAS.code, "SubMsg hit gas limit: out of gas"
            ) from error
        except BaseException:
            ctx.gas.consume(meter.consumed, "From limited Sub-Message")
            raise
        ctx.gas.consume(meter.consumed, "From limited Sub-Message")
        return outcome

    def _dispatch(self, ctx: Context, contract: Instance, message: wire.CosmosMsg) -> Outcome:
        if message.ibc is not None and message.ibc.send_packet is not None:
            return self._send_packet(ctx, contract, message.ibc.send_packet)
        if message.ibc is not None and message.ibc.write_acknowledgement is not None:
            return self._write_acknowledgement(ctx, contract, message.ibc.write_acknowledgement)
        if message.bank is not None and message.bank.burn is not None:
            return self._burn(ctx, contract, message.bank.burn)
        return self._route(ctx, contract, self._encode(ctx, contract, message))

    def _route(self, ctx: Context, contract: Instance, message: Message | None) -> Outcome:
        """Hand one of the chain's messages to its module, signed by nobody but the contract."""
        if message is None:
            return Outcome()
        service = self._router.service(type_url(message.DESCRIPTOR.full_name))
        name = message.DESCRIPTOR.name
        with wrapped(f"failed basic validation for message type *types.{name}"):
            service.validate(message)
        if any(signer != contract.address for signer in service.signers(message)):
            raise UNAUTHORIZED("contract doesn't have permission")
        return Outcome((self._router.dispatch(ctx, message).response,))

    # -- messages that have no message of the chain

    def _send_packet(
        self, ctx: Context, contract: Instance, message: wire.IbcSendPacket
    ) -> Outcome:
        port = _port(contract)
        if not message.channel_id:
            raise errors.EMPTY("ibc channel")
        timeout = message.timeout
        with wrapped("channel"):
            sequence = self._ibc.send_packet(
                ctx, port, message.channel_id, _height(timeout), timeout.nanoseconds, message.data
            )
        return _packed(wasm_ibc.MsgIBCSendResponse(sequence=sequence))

    def _write_acknowledgement(
        self, ctx: Context, contract: Instance, message: wire.IbcWriteAcknowledgement
    ) -> Outcome:
        """Acknowledge a packet that was received earlier; its stored copy is used up."""
        port = _port(contract)
        if not message.channel_id:
            raise errors.EMPTY("ibc channel")
        store = ctx.kv("wasm")
        key = keys.async_ack(port, message.channel_id, message.packet_sequence)
        stored = store.get(key)
        if stored is None:
            raise errors.INVALID("packet")
        packet = codec.packet_from_pb(channel_pb2.Packet.FromString(stored))
        with wrapped("acknowledgement"):
            self._ibc.write_acknowledgement(ctx, packet, message.ack.data)
        store.delete(key)
        return _packed(wasm_ibc.MsgIBCWriteAcknowledgementResponse())

    def _burn(self, ctx: Context, contract: Instance, message: wire.BankBurn) -> Outcome:
        amount = _coins(message.amount)
        if not amount:
            raise errors.EMPTY("amount")
        with wrapped("transfer to module"):
            self._keeper.bank.send_to_module(ctx, contract.address, "wasm", amount)
        with wrapped("burn coins"):
            self._keeper.bank.burn(ctx, "wasm", amount)
        return Outcome()

    # -- messages that have one

    def _encode(self, ctx: Context, contract: Instance, message: wire.CosmosMsg) -> Message | None:
        """The chain's message for a contract's; None where nothing is to do; wasm/20 for what this chain lacks."""
        if message.bank is not None and message.bank.send is not None:
            return _bank_send(contract.address, message.bank.send)
        if message.wasm is not None:
            return _wasm(contract.address, message.wasm)
        if message.ibc is not None:
            return _ibc(contract, message.ibc)
        packed = message.any or message.stargate
        if packed is not None:
            if message.any is not None and message.stargate is not None:
                raise errors.VM_ERROR("invalid CosmosMsg: both 'any' and 'stargate' fields are set")
            return self._unpack(ctx, packed)
        raise errors.UNKNOWN_MSG(f"{_kind(message)} messages are not served by this chain")

    def _unpack(self, ctx: Context, message: wire.AnyMsg) -> Message:
        if len(message.value) > MAX_ANY_SIZE:
            raise errors.LIMIT(
                f"AnyMsg value size {len(message.value)} exceeds limit {MAX_ANY_SIZE}"
            )
        ctx.gas.consume(ANY_BASE_COST + len(message.value) // 1024, "unpacking AnyMsg")
        service = self._router.services.get(message.type_url)
        if service is None:
            raise errors.INVALID_MSG(
                f"Cannot unpack proto message with type URL: {message.type_url}"
            )
        try:
            return service.message.FromString(message.value)
        except ProtobufDecodeError as error:
            raise errors.INVALID_MSG(
                f"Cannot unpack proto message with type URL: {message.type_url}"
            ) from error


def _success(outcome: Outcome, seen: Sequence[Event]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "events": [
            {
                "type": event.type,
                "attributes": [{"key": key, "value": value} for key, value in event.attributes],
            }
            for event in seen
        ]
    }
    if outcome.responses and outcome.responses[0].value:
        result["data"] = outcome.responses[0].value
    result["msg_responses"] = [
        {"type_url": response.type_url, "value": response.value} for response in outcome.responses
    ]
    return result


def _by_key(attributes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Wasmd sorts the attributes it shows to the contract in place, so everybody sees them sorted."""
    return tuple(sorted(attributes, key=lambda pair: pair[0].encode()))


def _wire_event(event: Event) -> wire.ContractEvent:
    attributes = [wire.EventAttribute(key, value) for key, value in event.attributes]
    return wire.ContractEvent(event.type, attributes)


def _packed(response: Message) -> Outcome:
    url = type_url(response.DESCRIPTOR.full_name)
    return Outcome((any_pb2.Any(type_url=url, value=response.SerializeToString()),))


def _port(contract: Instance) -> str:
    if not contract.info.ibc_port_id:
        raise errors.UNSUPPORTED_FOR_CONTRACT("ibc not supported")
    return contract.info.ibc_port_id


def _height(timeout: wire.WireTimeout) -> Height:
    return Height(timeout.block.revision, timeout.block.height) if timeout.block else Height(0, 0)


def _coins(amount: Sequence[wire.WireCoin] | None) -> tuple[Coin, ...]:
    """Coins as contracts write them; equal denoms are summed, as ``sdk.NewCoins(...).Add`` does."""
    parts = [Coin(item.denom, coins.amount_of(item.amount)) for item in amount or ()]
    return coins.total([[part] for part in parts])


def _bank_send(sender: str, message: wire.BankSend) -> Message | None:
    if not message.amount:
        return None
    amount = coins.to_pb(_coins(message.amount))
    return bank_tx.MsgSend(from_address=sender, to_address=message.to_address, amount=amount)


def _ibc(contract: Instance, message: wire.IbcMsg) -> Message:
    if message.close_channel is not None:
        return channel_tx.MsgChannelCloseInit(
            port_id=f"wasm.{contract.address}",
            channel_id=message.close_channel.channel_id,
            signer=contract.address,
        )
    transfer = message.transfer
    if transfer is None:
        raise errors.UNKNOWN_MSG("unknown variant of IBC")
    with wrapped("amount"):
        token = Coin(transfer.amount.denom, coins.amount_of(transfer.amount.amount)).to_pb()
    sent = transfer_tx.MsgTransfer(
        source_port="transfer",
        source_channel=transfer.channel_id,
        token=token,
        sender=contract.address,
        receiver=transfer.to_address,
        timeout_timestamp=transfer.timeout.nanoseconds,
        memo=transfer.memo or "",
    )
    height = _height(transfer.timeout)
    sent.timeout_height.revision_number = height.revision_number
    sent.timeout_height.revision_height = height.revision_height
    sent.timeout_height.SetInParent()
    return sent


def _wasm(sender: str, message: wire.WasmMsg) -> Message:
    if (execute := message.execute) is not None:
        return wasm_tx.MsgExecuteContract(
            sender=sender,
            contract=execute.contract_addr,
            msg=execute.msg,
            funds=coins.to_pb(_coins(execute.funds)),
        )
    if (create := message.instantiate) is not None:
        return wasm_tx.MsgInstantiateContract(
            sender=sender,
            admin=create.admin or "",
            code_id=create.code_id,
            label=create.label,
            msg=create.msg,
            funds=coins.to_pb(_coins(create.funds)),
        )
    if (create := message.instantiate2) is not None:
        return wasm_tx.MsgInstantiateContract2(
            sender=sender,
            admin=create.admin or "",
            code_id=create.code_id,
            label=create.label,
            msg=create.msg,
            funds=coins.to_pb(_coins(create.funds)),
            salt=create.salt,
        )
    if (migrate := message.migrate) is not None:
        return wasm_tx.MsgMigrateContract(
            sender=sender,
            contract=migrate.contract_addr,
            code_id=migrate.new_code_id,
            msg=migrate.msg,
        )
    if (update := message.update_admin) is not None:
        return wasm_tx.MsgUpdateAdmin(
            sender=sender, contract=update.contract_addr, new_admin=update.admin
        )
    if (clear := message.clear_admin) is not None:
        return wasm_tx.MsgClearAdmin(sender=sender, contract=clear.contract_addr)
    raise errors.UNKNOWN_MSG("unknown variant of Wasm")


def _kind(message: wire.CosmosMsg) -> str:
    return next(
        (name for name in message.__struct_fields__ if getattr(message, name) is not None), "empty"
    )
