"""Transactions: bytes to a checked value, hashes.

What the SDK's decoder refuses is refused here, with codespace ``sdk``, code 2 (cosmos-sdk x/auth/tx/decoder.go,
codec/unknownproto, codec/types/interface_registry.go): an encoding that is not canonical (ADR-027), unknown fields at
any depth, types that nobody serves, amounts and times that are none. Who must sign is found when it is asked for, as
there: after the messages' own validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any, Final, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from chain import coins, goproto, keys, stdtime
from chain.coins import Coin
from chain.errors import TX_DECODE, AbciError
from chain.goproto import GoProtoError
from chain.keys import AccountKey
from chain.router import MessageRouter, Service
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from light_client.values import Timestamp

MESSAGE_INTERFACE: Final = "*interface { ProtoMessage(); Reset(); String() string }"
"""What Go's error texts call the interface of messages."""

MAX_UNPACKED: Final = 100
"""How many Any a message may hold, itself included (cosmos-sdk codec/types MaxUnpackAnySubCalls)."""

_COIN: Final = "cosmos.base.v1beta1.Coin"
_IMPLEMENTATIONS: Final = frozenset(
    f"/{package}.{name}"
    for package, names in (
        ("cosmos.auth.v1beta1", ("BaseAccount", "ModuleAccount", "ModuleCredential")),
        ("cosmos.authz.v1beta1", ("GenericAuthorization",)),
        ("cosmos.bank.v1beta1", ("SendAuthorization",)),
        ("cosmos.crypto.ed25519", ("PrivKey", "PubKey")),
        ("cosmos.crypto.multisig", ("LegacyAminoPubKey",)),
        ("cosmos.crypto.secp256k1", ("PrivKey", "PubKey")),
        ("cosmos.crypto.secp256r1", ("PubKey",)),
        ("cosmos.feegrant.v1beta1", ("AllowedMsgAllowance", "BasicAllowance", "PeriodicAllowance")),
        ("cosmos.staking.v1beta1", ("StakeAuthorization",)),
        ("cosmwasm.wasm.v1", ("AcceptedMessageKeysFilter", "AcceptedMessagesFilter", "AllowAllMessagesFilter")),
        ("cosmwasm.wasm.v1", ("CombinedLimit", "MaxCallsLimit", "MaxFundsLimit")),
        ("cosmwasm.wasm.v1", ("ContractExecutionAuthorization", "ContractMigrationAuthorization")),
        ("cosmwasm.wasm.v1", ("StoreCodeAuthorization",)),
        ("ibc.applications.transfer.v1", ("TransferAuthorization",)),
        ("ibc.lightclients.solomachine.v3", ("ClientState", "ConsensusState", "Header", "Misbehaviour")),
        ("ibc.lightclients.tendermint.v1", ("ClientState", "ConsensusState", "Header", "Misbehaviour")),
    )
    for name in names
)  # fmt: skip
"""What an Any may hold besides messages and their responses."""

_STATE: Final = ("*exported.ClientState", ("ClientState",))
_CONSENSUS: Final = ("*exported.ConsensusState", ("ConsensusState",))
_CLIENT_MESSAGE: Final = ("*exported.ClientMessage", ("Header", "Misbehaviour"))
_INTERFACES: Final = {
    f"ibc.core.client.v1.{field}": interface
    for field, interface in (
        ("MsgCreateClient.client_state", _STATE),
        ("MsgCreateClient.consensus_state", _CONSENSUS),
        ("MsgUpdateClient.client_message", _CLIENT_MESSAGE),
        ("MsgUpgradeClient.client_state", _STATE),
        ("MsgUpgradeClient.consensus_state", _CONSENSUS),
        ("MsgSubmitMisbehaviour.misbehaviour", _CLIENT_MESSAGE),
    )
}
"""Interfaces of fields, by what Go calls them and the names of their types; modules look at the others themselves."""


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """``mode_info`` says how this signer signed, and may be absent; ``mode`` is that of a signer with a simple key."""

    public_key: AccountKey | None
    mode_info: tx_pb2.ModeInfo | None
    sequence: int
    mode: int | None


@dataclass(frozen=True)
class DecodedTx:
    """A transaction whose encoding is canonical; ``body_bytes`` and ``auth_info_bytes`` are what was signed.

    ``address_bytes`` turns a bech32 address of this chain into bytes, or refuses it. A transaction may lack a fee
    altogether, which is not the same as an empty one.
    """

    raw: bytes
    body_bytes: bytes
    auth_info_bytes: bytes
    messages: tuple[Message, ...]
    services: tuple[Service, ...]
    address_bytes: Callable[[str], bytes]
    memo: str
    timeout_height: int
    timeout_time: Timestamp | None
    unordered: bool
    has_fee: bool
    fee: tuple[Coin, ...]
    gas_limit: int
    fee_payer: str
    fee_granter: str
    signer_infos: tuple[SignerInfo, ...]
    signatures: tuple[bytes, ...]

    @cached_property
    def signers(self) -> tuple[bytes, ...]:
        """The addresses whose signatures it must carry, in order: those of the messages, then the fee payer.

        Raises AbciError where one of them is no address.
        """
        found: dict[bytes, None] = {}
        for service, message in zip(self.services, self.messages, strict=True):
            for address in service.signers(message):
                found[self.address_bytes(address)] = None
        if self.fee_payer:
            with suppress(AbciError):  # no address: refused in the ante handler
                found[self.address_bytes(self.fee_payer)] = None
        return tuple(found)


def tx_hash(raw: bytes) -> bytes:
    """The 32 bytes that a transaction is known by."""
    return sha256(raw).digest()


def decode(raw: bytes, router: MessageRouter, address_bytes: Callable[[str], bytes]) -> DecodedTx:
    """Read a TxRaw; sdk/2 with the decoder's own text for anything that is not one.

    ``address_bytes`` turns a bech32 address of this chain into bytes, or refuses it.
    """
    try:
        return _decode(raw, router, address_bytes)
    except GoProtoError as error:
        raise TX_DECODE(str(error)) from error
    except AbciError as error:
        raise TX_DECODE(error.log.removesuffix(f": {TX_DECODE.text}")) from error


def inspect(raw: bytes) -> None:
    """Refuse what is no transaction, as ``decode`` does, whether or not its messages are served here."""
    try:
        _reject_non_canonical(raw)
        tx = goproto.strict(tx_pb2.TxRaw, raw)
        goproto.strict(tx_pb2.TxBody, tx.body_bytes, non_critical=True)
        goproto.strict(tx_pb2.AuthInfo, tx.auth_info_bytes)
    except GoProtoError as error:
        raise TX_DECODE(str(error)) from error


def _decode(raw: bytes, router: MessageRouter, address_bytes: Callable[[str], bytes]) -> DecodedTx:
    _reject_non_canonical(raw)
    read = _Reader(router)
    tx = read.message(tx_pb2.TxRaw, raw)
    body = read.message(tx_pb2.TxBody, tx.body_bytes, _in_body, non_critical=True)
    timeout = _timeout(body)
    services = tuple(map(read.service, body.messages))
    messages = tuple(map(read.unpacked, services, body.messages))
    _check_options(body)
    auth = read.message(tx_pb2.AuthInfo, tx.auth_info_bytes, _in_auth_info)
    return DecodedTx(
        raw=raw,
        body_bytes=tx.body_bytes,
        auth_info_bytes=tx.auth_info_bytes,
        messages=messages,
        services=services,
        address_bytes=address_bytes,
        memo=body.memo,
        timeout_height=body.timeout_height,
        timeout_time=timeout,
        unordered=body.unordered,
        has_fee=auth.HasField("fee"),
        fee=tuple(Coin(each.denom, _amount(each.amount)) for each in auth.fee.amount),
        gas_limit=auth.fee.gas_limit,
        fee_payer=auth.fee.payer,
        fee_granter=auth.fee.granter,
        signer_infos=tuple(map(_signer_info, auth.signer_infos)),
        signatures=tuple(tx.signatures),
    )


def _descriptor(kind: type[Any]) -> Descriptor:
    return cast("Descriptor", kind.DESCRIPTOR)


def _in_body(body: tx_pb2.TxBody) -> Iterator[any_pb2.Any]:
    yield from body.messages
    yield from body.extension_options
    yield from body.non_critical_extension_options


def _in_auth_info(auth: tx_pb2.AuthInfo) -> Iterator[any_pb2.Any]:
    return (info.public_key for info in auth.signer_infos if info.HasField("public_key"))


class _Reader:
    """Messages out of bytes, with the types that ``router`` serves."""

    def __init__(self, router: MessageRouter) -> None:
        self._router = router

    def message(
        self,
        kind: type[Any],
        data: bytes,
        packed: Callable[[Any], Iterable[any_pb2.Any]] = lambda _: (),
        *,
        non_critical: bool = False,
    ) -> Any:
        """``packed`` are the Any in a message of this kind."""
        found = goproto.clean(kind, data)
        if found is not None and all(map(self._is_clean, packed(found))):
            return found
        goproto.reject_unknown(data, _descriptor(kind), self._resolve, non_critical=non_critical)
        return goproto.parse(kind, data)

    def _is_clean(self, packed: any_pb2.Any) -> bool:
        """Whether nothing is wrong with what an Any holds, as can be told without a look at its bytes one by one."""
        try:
            inside = self._resolve(packed.type_url)
        except GoProtoError:
            return False
        return goproto.is_clean(packed.value, inside)

    def service(self, packed: any_pb2.Any) -> Service:
        """An Any that says nothing of its type unpacks to nothing, of which the SDK wants a message."""
        service = self._router.services.get(packed.type_url)
        if service is None:
            raise GoProtoError(goproto.unregistered(packed.type_url, MESSAGE_INTERFACE))
        return service

    def unpacked(self, service: Service, packed: any_pb2.Any) -> Any:
        """The message inside, its amounts looked at."""
        message = goproto.parse(service.message, packed.value)
        self._count(message, MAX_UNPACKED - 1)
        _check_amounts(message)
        return message

    def _resolve(self, url: str) -> Descriptor:
        service = self._router.services.get(url)
        if service is not None:
            return _descriptor(service.message)
        if url in _IMPLEMENTATIONS or url.removesuffix("Response") in self._router.services:
            with suppress(KeyError):
                return _descriptor(goproto.class_of(url.removeprefix("/")))
        raise GoProtoError(f"unable to resolve type URL {url}")

    def _count(self, message: Message, left: int) -> int:
        """How many more Any may follow after those of a message that is decoded."""
        if not goproto.holds_any(message.DESCRIPTOR):
            return left
        for field, held in message.ListFields():
            if field.message_type is None:
                continue
            interface = _INTERFACES.get(field.full_name)
            for inner in held if field.is_repeated else (held,):
                if interface is not None:
                    _check_interface(inner, *interface)
                left = self._count_any(inner, left)
        return left

    def _count_any(self, inner: Message, left: int) -> int:
        if not isinstance(inner, any_pb2.Any):
            return self._count(inner, left)
        if not left:
            raise GoProtoError("call limit exceeded")
        service = self._router.services.get(inner.type_url)
        nested = None if service is None else goproto.parse(service.message, inner.value)
        return left - 1 if nested is None else self._count(nested, left - 1)


def _check_interface(packed: any_pb2.Any, interface: str, names: tuple[str, ...]) -> None:
    if packed.type_url and packed.type_url.rpartition(".")[2] not in names:
        raise GoProtoError(goproto.unregistered(packed.type_url, interface))


def _check_amounts(message: Message) -> None:
    """Go decodes the amounts of coins together with the message that holds them."""
    for field, held in message.ListFields():
        inside = field.message_type
        if inside is None or not _has_coins(inside):
            continue
        for inner in held if field.is_repeated else (held,):
            if inside.full_name == _COIN:
                _amount(inner.amount)
            else:
                _check_amounts(inner)


@lru_cache(maxsize=4096)
def _has_coins(descriptor: Descriptor) -> bool:
    """Whether a message of this type is a coin or may hold one."""
    seen, waiting = {descriptor.full_name}, [descriptor]
    while waiting:
        each = waiting.pop()
        if each.full_name == _COIN:
            return True
        inside = [field.message_type for field in each.fields if field.message_type is not None]
        waiting += [inner for inner in inside if inner.full_name not in seen]
        seen.update(inner.full_name for inner in inside)
    return False


def _amount(text: str) -> int:
    try:
        return coins.unmarshalled(text)
    except ValueError as error:
        raise GoProtoError(str(error)) from error


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
    if body.extension_options or body.non_critical_extension_options:
        raise GoProtoError("no registered implementations of type tx.TxExtensionOptionI")


def _reject_non_canonical(raw: bytes) -> None:
    """ADR-027: a TxRaw's fields come in ascending order, each length as short as it can be."""
    at, previous = 0, 0
    while at < len(raw):
        try:
            number, wire, begin = goproto.tag(raw, at)
            if wire != goproto.BYTES:
                raise TX_DECODE(f"expected {goproto.BYTES} wire type, got {wire}")
            if number < previous:
                raise TX_DECODE(
                    f"txRaw must follow ADR-027, got tagNum {number} after tagNum {previous}"
                )
            previous = number
            length, after = goproto.varint(raw, begin)
            needed = max(1, (length.bit_length() + 6) // 7)
            if after - begin != needed:
                raise TX_DECODE(
                    f"length prefix varint for tagNum {number} is not as short as possible, "
                    f"read {after - begin}, only need {needed}"
                )
            at = goproto.skip(raw, begin, number, wire)
        except GoProtoError as error:
            raise GoProtoError(f"invalid length; {error}") from error
