"""The JSON that contracts read and write (wasmvm ``types``), as Go's ``encoding/json`` spells it.

Field order, omitted fields and HTML escaping matter: the contract pays gas for every byte it parses. What contracts
return is decoded into the structs below; unknown fields are ignored, as in Go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeVar

import msgspec

from chain import gojson
from chain.coins import Coin
from chain.context import Context
from chain.modules.ibc.v2.port import Delivery
from chain.modules.wasm.errors import INVALID
from light_client.packet import Packet
from light_client.packet_v2 import Payload

MAX_U64: Final = 2**64 - 1
MAX_PAYLOAD: Final = 128 * 1024
_NANOSECONDS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)

Shape = TypeVar("Shape")


def decode(data: bytes, shape: type[Shape]) -> Shape:
    """JSON that a contract wrote. ValueError for what is not JSON, or not of that shape.

    Where a shape knows no null, null says nothing, as in Go's ``encoding/json``.
    """
    try:
        return msgspec.json.decode(data, type=shape)
    except RecursionError:
        raise ValueError("exceeded max depth") from None
    except msgspec.ValidationError:
        if b"null" not in data:
            raise
        return msgspec.json.decode(
            msgspec.json.encode(_said(msgspec.json.decode(data))), type=shape
        )


def _said(value: Any) -> Any:
    """Without what is null; ``reply_on`` keeps it, for it is read by a method of its own there."""
    if isinstance(value, dict):
        return {k: _said(v) for k, v in value.items() if v is not None or k == "reply_on"}
    if isinstance(value, list):
        return [_said(item) for item in value]
    return {} if value is None else value


def check_message(message: bytes) -> None:
    """A message for a contract is JSON (``RawContractMessage.ValidateBasic``); wasm/14 otherwise."""
    if not gojson.valid(message):
        raise INVALID("")


def check_u64(*values: int | None) -> None:
    for value in values:
        if value is not None and not 0 <= value <= MAX_U64:
            raise ValueError(f"{value} does not fit into 64 bits without a sign")


class EventAttribute(msgspec.Struct):
    key: str = ""
    value: str = ""


class ContractEvent(msgspec.Struct):
    type: str = ""
    attributes: list[EventAttribute] = []


class WireCoin(msgspec.Struct):
    denom: str = ""
    amount: str = "0"


class BankSend(msgspec.Struct):
    to_address: str = ""
    amount: list[WireCoin] | None = None


class BankBurn(msgspec.Struct):
    amount: list[WireCoin] | None = None


class BankMsg(msgspec.Struct):
    send: BankSend | None = None
    burn: BankBurn | None = None


class WasmExecute(msgspec.Struct):
    contract_addr: str = ""
    msg: bytes = b""
    funds: list[WireCoin] | None = None


class WasmInstantiate(msgspec.Struct):
    code_id: int = 0
    msg: bytes = b""
    funds: list[WireCoin] | None = None
    label: str = ""
    admin: str | None = None
    salt: bytes = b""

    def __post_init__(self) -> None:
        check_u64(self.code_id)


class WasmMigrate(msgspec.Struct):
    contract_addr: str = ""
    new_code_id: int = 0
    msg: bytes = b""

    def __post_init__(self) -> None:
        check_u64(self.new_code_id)


class WasmUpdateAdmin(msgspec.Struct):
    contract_addr: str = ""
    admin: str = ""


class WasmClearAdmin(msgspec.Struct):
    contract_addr: str = ""


class WasmMsg(msgspec.Struct):
    execute: WasmExecute | None = None
    instantiate: WasmInstantiate | None = None
    instantiate2: WasmInstantiate | None = None
    migrate: WasmMigrate | None = None
    update_admin: WasmUpdateAdmin | None = None
    clear_admin: WasmClearAdmin | None = None


class TimeoutBlock(msgspec.Struct):
    revision: int = 0
    height: int = 0

    def __post_init__(self) -> None:
        check_u64(self.revision, self.height)


class WireTimeout(msgspec.Struct):
    block: TimeoutBlock | None = None
    timestamp: str | None = None

    def __post_init__(self) -> None:
        if self.timestamp is not None:
            if not _NANOSECONDS.fullmatch(self.timestamp):
                raise ValueError(f"timestamp {self.timestamp!r} is not a number of nanoseconds")
            check_u64(self.nanoseconds)

    @property
    def nanoseconds(self) -> int:
        return int(self.timestamp or "0")


class IbcSendPacket(msgspec.Struct):
    channel_id: str = ""
    data: bytes = b""
    timeout: WireTimeout = msgspec.field(default_factory=WireTimeout)


class WireAck(msgspec.Struct):
    data: bytes = b""


class IbcWriteAcknowledgement(msgspec.Struct):
    channel_id: str = ""
    packet_sequence: int = 0
    ack: WireAck = msgspec.field(default_factory=WireAck)

    def __post_init__(self) -> None:
        check_u64(self.packet_sequence)


class IbcTransfer(msgspec.Struct):
    channel_id: str = ""
    to_address: str = ""
    amount: WireCoin = msgspec.field(default_factory=WireCoin)
    timeout: WireTimeout = msgspec.field(default_factory=WireTimeout)
    memo: str | None = None


class IbcCloseChannel(msgspec.Struct):
    channel_id: str = ""


class IbcMsg(msgspec.Struct):
    transfer: IbcTransfer | None = None
    send_packet: IbcSendPacket | None = None
    write_acknowledgement: IbcWriteAcknowledgement | None = None
    close_channel: IbcCloseChannel | None = None


class Ibc2Payload(msgspec.Struct):
    source_port: str = ""
    destination_port: str = ""
    version: str = ""
    encoding: str = ""
    value: bytes = b""


class Ibc2SendPacket(msgspec.Struct):
    """``timeout`` in nanoseconds since 1970, though packets have seconds."""

    source_client: str = ""
    payloads: list[Ibc2Payload] | None = None
    timeout: str = "0"

    def __post_init__(self) -> None:
        if not _NANOSECONDS.fullmatch(self.timeout):
            raise ValueError(f"timeout {self.timeout!r} is not a number of nanoseconds")
        check_u64(int(self.timeout))

    @property
    def seconds(self) -> int:
        """``uint64(time.Unix(0, int64(timeout)).Unix())``."""
        signed = (int(self.timeout) + 2**63) % 2**64 - 2**63
        return signed // 10**9 % 2**64


class Ibc2WriteAcknowledgement(msgspec.Struct):
    ack: WireAck = msgspec.field(default_factory=WireAck)
    source_client: str = ""
    destination_client: str = ""
    packet_sequence: int = 0

    def __post_init__(self) -> None:
        check_u64(self.packet_sequence)


class Ibc2Msg(msgspec.Struct):
    send_packet: Ibc2SendPacket | None = None
    write_acknowledgement: Ibc2WriteAcknowledgement | None = None


class AnyMsg(msgspec.Struct):
    type_url: str = ""
    value: bytes = b""


class CosmosMsg(msgspec.Struct):
    """Exactly one field is set. Kinds whose modules this chain does not have are not read, only refused."""

    bank: BankMsg | None = None
    custom: Any = None
    distribution: Any = None
    gov: Any = None
    ibc: IbcMsg | None = None
    ibc2: Ibc2Msg | None = None
    staking: Any = None
    any: AnyMsg | None = None
    stargate: AnyMsg | None = None
    wasm: WasmMsg | None = None

    def __post_init__(self) -> None:
        if self.any is not None and self.stargate is not None:
            raise ValueError("invalid CosmosMsg: both 'any' and 'stargate' fields are set")


class SubMsg(msgspec.Struct):
    msg: CosmosMsg = msgspec.field(default_factory=CosmosMsg)
    reply_on: Literal["always", "success", "error", "never"] | msgspec.UnsetType = msgspec.UNSET
    id: int = 0
    payload: bytes = b""
    gas_limit: int | None = None

    def __post_init__(self) -> None:
        check_u64(self.id, self.gas_limit)
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(f"payload larger than {MAX_PAYLOAD} bytes: {len(self.payload)} bytes")


class Response(msgspec.Struct):
    """``Response``, ``IbcBasicResponse`` and ``IbcReceiveResponse`` in one: fields that do not apply stay unset."""

    messages: list[SubMsg] | None = None
    data: bytes | None = None
    acknowledgement: bytes | None = None
    attributes: list[EventAttribute] | None = None
    events: list[ContractEvent] | None = None


class ContractResult(msgspec.Struct):
    ok: Response | None = None
    error: str = ""


class ChannelOpenResponse(msgspec.Struct):
    version: str = ""


class ChannelOpenResult(msgspec.Struct):
    ok: ChannelOpenResponse | None = None
    error: str = ""


class QueryResult(msgspec.Struct):
    ok: bytes | None = None
    error: str = ""


def env(ctx: Context, contract: str, transaction: dict[str, Any] | None) -> dict[str, Any]:
    """``Env``; ``transaction`` is ``{"index", "hash"}`` inside a transaction, None elsewhere."""
    return {
        "block": {"height": ctx.height, "time": str(ctx.time.ns), "chain_id": ctx.chain_id},
        "transaction": transaction,
        "contract": {"address": contract},
    }


def coins(amount: Sequence[Coin]) -> list[dict[str, str]]:
    return [{"denom": coin.denom, "amount": str(coin.amount)} for coin in amount]


def info(sender: str, funds: Sequence[Coin]) -> dict[str, Any]:
    return {"sender": sender, "funds": coins(funds)}


def endpoint(port: str, channel: str) -> dict[str, str]:
    return {"port_id": port, "channel_id": channel}


def channel(
    port: str,
    channel_id: str,
    counterparty: tuple[str, str],
    order: str,
    version: str,
    connection: str,
) -> dict[str, Any]:
    """``IbcChannel``; ``order`` is ``ORDER_ORDERED`` or ``ORDER_UNORDERED``."""
    return {
        "endpoint": endpoint(port, channel_id),
        "counterparty_endpoint": endpoint(*counterparty),
        "order": order,
        "version": version,
        "connection_id": connection,
    }


def relayed(value: Packet, relayer: str) -> dict[str, Any]:
    """``IbcPacketReceiveMsg`` and ``IbcPacketTimeoutMsg``."""
    return {"packet": packet(value), "relayer": relayer}


def acknowledged(value: Packet, ack: bytes, relayer: str) -> dict[str, Any]:
    """``IbcPacketAckMsg``."""
    return {
        "acknowledgement": {"data": ack},
        "original_packet": packet(value),
        "relayer": relayer,
    }


def packet(value: Packet) -> dict[str, Any]:
    """``IbcPacket``: a zero timeout height is ``null``, a zero timestamp is left out."""
    height = value.timeout_height
    block = {"revision": height.revision_number, "height": height.revision_height}
    timeout: dict[str, Any] = {"block": None if height.is_zero else block}
    if value.timeout_timestamp:
        timeout["timestamp"] = str(value.timeout_timestamp)
    return {
        "data": value.data,
        "src": endpoint(value.source_port, value.source_channel),
        "dest": endpoint(value.destination_port, value.destination_channel),
        "sequence": value.sequence,
        "timeout": timeout,
    }


def sent_v2(delivery: Delivery, signer: str) -> dict[str, Any]:
    """``Ibc2PacketSendMsg``."""
    return {
        "payload": payload(delivery.payload),
        **_clients(delivery),
        **_sequence(delivery),
        "signer": signer,
    }


def received_v2(delivery: Delivery, relayer: str) -> dict[str, Any]:
    """``Ibc2PacketReceiveMsg``."""
    return {
        "payload": payload(delivery.payload),
        "relayer": relayer,
        **_clients(delivery),
        **_sequence(delivery),
    }


def timed_out_v2(delivery: Delivery, relayer: str) -> dict[str, Any]:
    """``Ibc2PacketTimeoutMsg``."""
    return {
        "payload": payload(delivery.payload),
        **_clients(delivery),
        **_sequence(delivery),
        "relayer": relayer,
    }


def acknowledged_v2(delivery: Delivery, ack: bytes, relayer: str) -> dict[str, Any]:
    """``Ibc2PacketAckMsg``, which does not know the packet's sequence."""
    about = {"data": payload(delivery.payload), "acknowledgement": ack, "relayer": relayer}
    return {**_clients(delivery), **about}


def payload(value: Payload) -> dict[str, Any]:
    """``Ibc2Payload``."""
    return {
        "source_port": value.source_port,
        "destination_port": value.destination_port,
        "version": value.version,
        "encoding": value.encoding,
        "value": value.value,
    }


def _clients(delivery: Delivery) -> dict[str, str]:
    return {
        "source_client": delivery.source_client,
        "destination_client": delivery.destination_client,
    }


def _sequence(delivery: Delivery) -> dict[str, int]:
    return {"packet_sequence": delivery.sequence}
