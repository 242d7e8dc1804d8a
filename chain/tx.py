"""Transactions: bytes to a checked value, hashes.

What the SDK's decoder refuses is refused here, with codespace ``sdk``, code 2 (cosmos-sdk x/auth/tx/decoder.go,
adr027.go, codec/unknownproto): an encoding that is not canonical (ADR-027), unknown fields, types that nobody serves.
An Any inside a message is left to the message's handler.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from google.protobuf.message import Message

from chain import coins, keys, stdtime
from chain.coins import Coin
from chain.errors import TX_DECODE, AbciError
from chain.keys import AccountKey
from chain.router import MessageRouter, Service
from chain.unknownproto import is_known, parse
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from light_client.values import Timestamp


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """``mode_info`` says how this signer signed, and may be absent; ``mode`` is that of a signer with a simple key."""

    public_key: AccountKey | None
    mode_info: tx_pb2.ModeInfo | None
    sequence: int
    mode: int | None


@dataclass(frozen=True, slots=True)
class DecodedTx:
    """A transaction whose encoding is canonical; ``body_bytes`` and ``auth_info_bytes`` are what was signed.

    ``signers`` are the addresses whose signatures it must carry, in order: those of the messages, then the fee payer.
    ``no_signer`` is why one of the messages' is no address, which the ante handler refuses.
    """

    raw: bytes
    body_bytes: bytes
    auth_info_bytes: bytes
    messages: tuple[Message, ...]
    services: tuple[Service, ...]
    signers: tuple[bytes, ...]
    no_signer: AbciError | None
    memo: str
    timeout_height: int
    timeout_time: Timestamp | None
    unordered: bool
    fee: tuple[Coin, ...]
    gas_limit: int
    fee_payer: str
    fee_granter: str
    signer_infos: tuple[SignerInfo, ...]
    signatures: tuple[bytes, ...]


def tx_hash(raw: bytes) -> bytes:
    """The 32 bytes that a transaction is known by."""
    return sha256(raw).digest()


def decode(raw: bytes, router: MessageRouter, address_bytes: Callable[[str], bytes]) -> DecodedTx:
    """Read a TxRaw; sdk/2 with the decoder's own text for anything that is not one.

    ``address_bytes`` turns a bech32 address of this chain into bytes, or refuses it.
    """
    try:
        return _decode(raw, router, address_bytes)
    except AbciError as error:
        raise TX_DECODE(error.log.removesuffix(f": {TX_DECODE.text}")) from error


def _decode(raw: bytes, router: MessageRouter, address_bytes: Callable[[str], bytes]) -> DecodedTx:
    _reject_non_canonical(raw)
    tx = parse(tx_pb2.TxRaw, raw)
    body = parse(tx_pb2.TxBody, tx.body_bytes, non_critical=True)
    auth = parse(tx_pb2.AuthInfo, tx.auth_info_bytes)
    services = tuple(_service(router, packed.type_url) for packed in body.messages)
    messages = tuple(
        parse(service.message, packed.value, non_critical=True)
        for service, packed in zip(services, body.messages, strict=True)
    )
    payer = auth.fee.payer
    signers, no_signer = _signers(services, messages, payer, address_bytes)
    _check_options(body)
    return DecodedTx(
        raw=raw,
        body_bytes=tx.body_bytes,
        auth_info_bytes=tx.auth_info_bytes,
        messages=messages,
        services=services,
        signers=signers,
        no_signer=no_signer,
        memo=body.memo,
        timeout_height=body.timeout_height,
        timeout_time=_timeout(body),
        unordered=body.unordered,
        fee=coins.from_pb(auth.fee.amount),
        gas_limit=auth.fee.gas_limit,
        fee_payer=payer,
        fee_granter=auth.fee.granter,
        signer_infos=tuple(map(_signer_info, auth.signer_infos)),
        signatures=tuple(tx.signatures),
    )


def _service(router: MessageRouter, url: str) -> Service:
    service = router.services.get(url)
    if service is None:
        raise TX_DECODE(f"unable to resolve type URL {url}")
    return service


def _signers(
    services: tuple[Service, ...],
    messages: tuple[Message, ...],
    payer: str,
    address_bytes: Callable[[str], bytes],
) -> tuple[tuple[bytes, ...], AbciError | None]:
    found: dict[bytes, None] = {}
    try:
        for service, message in zip(services, messages, strict=True):
            for address in service.signers(message):
                found[address_bytes(address)] = None
    except AbciError as error:
        return (), error
    if payer:
        with suppress(AbciError):  # no address: refused in the ante handler
            found[address_bytes(payer)] = None
    return tuple(found), None


def _signer_info(info: tx_pb2.SignerInfo) -> SignerInfo:
    mode = info.mode_info
    return SignerInfo(
        public_key=keys.from_any(info.public_key) if info.HasField("public_key") else None,
        mode_info=mode if info.HasField("mode_info") else None,
        sequence=info.sequence,
        mode=mode.single.mode if mode.HasField("single") else None,
    )


def _timeout(body: tx_pb2.TxBody) -> Timestamp | None:
    return stdtime.instant(body.timeout_timestamp) if body.HasField("timeout_timestamp") else None


def _check_options(body: tx_pb2.TxBody) -> None:
    """No extension option has an implementation (types/tx TxExtensionOptionI)."""
    options = [*body.extension_options, *body.non_critical_extension_options]
    for option in options:
        if not is_known(option.type_url):
            raise TX_DECODE(f"unable to resolve type URL {option.type_url}")
    if options:
        raise TX_DECODE("no registered implementations of type tx.TxExtensionOptionI")


def _reject_non_canonical(raw: bytes) -> None:
    """ADR-027: a TxRaw's fields come in ascending order, each length as short as it can be."""
    at, previous = 0, 0
    while at < len(raw):
        tag, at, _ = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire != 2:
            raise TX_DECODE(f"expected 2 wire type, got {wire}")
        if number < previous:
            raise TX_DECODE(
                f"txRaw must follow ADR-027, got tagNum {number} after tagNum {previous}"
            )
        previous = number
        length, at, read = _varint(raw, at)
        needed = max(1, (length.bit_length() + 6) // 7)
        if read != needed:
            raise TX_DECODE(
                f"length prefix varint for tagNum {number} is not as short as possible, "
                f"read {read}, only need {needed}"
            )
        at += length
    if at > len(raw):
        raise TX_DECODE("invalid length; unexpected EOF")


def _varint(data: bytes, at: int) -> tuple[int, int, int]:
    """The number at an offset, the offset after it, and how many bytes it took."""
    value = 0
    for count in range(10):
        if at + count >= len(data):
            raise TX_DECODE("invalid length; unexpected EOF")
        byte = data[at + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1, count + 1
    raise TX_DECODE("invalid length; variable length integer overflow")
