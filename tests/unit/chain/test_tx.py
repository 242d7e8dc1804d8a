"""Decoding transactions: every refusal of the SDK's decoder, and other implementations' sign bytes."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from helpers.accounts import Person, fee, finish, pack, sign_tx, signer_info
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import AbciError
from chain.keys import SECP256K1, PublicKey
from chain.modules.auth.module import Auth
from chain.router import MessageRouter
from chain.signing import DIRECT, SignerData, SigningError, sign_bytes
from chain.tx import MESSAGE_INTERFACE, DecodedTx, decode, tx_hash
from cosmos_pb.cosmos.authz.v1beta1 import tx_pb2 as authz_tx
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.applications.transfer.v1 import tx_pb2 as transfer_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx

ALICE, BOB = Person("alice"), Person("bob")
AUTH = Auth("cosmos", {})


def _router() -> MessageRouter:
    router = MessageRouter()
    router.register(bank_tx.MsgSend, _never, lambda msg: [msg.from_address])
    router.register(transfer_tx.MsgTransfer, _never, lambda msg: [msg.sender])
    router.register(client_tx.MsgUpdateClient, _never, lambda msg: [msg.signer])
    router.register(authz_tx.MsgExec, _never, lambda msg: [msg.grantee])
    return router


def _never(_: Any, __: Any) -> Any:
    raise AssertionError("decoding runs nothing")


ROUTER = _router()
SEND = bank_tx.MsgSend(from_address=ALICE.address, to_address=BOB.address)


def _decode(raw: bytes) -> DecodedTx:
    return decode(raw, ROUTER, AUTH.address_bytes)


def _tx(*messages: Any, **body: Any) -> bytes:
    return sign_tx([(ALICE, 7, 3)], messages, chain_id="chain-1", fee=fee("5stake"), **body)


def test_a_transaction_is_read_whole() -> None:
    raw = _tx(SEND, memo="hello", timeout_height=9)
    tx = _decode(raw)
    assert tx.messages == (SEND,)
    assert tx.signers == (ALICE.raw_address,)
    assert (tx.memo, tx.timeout_height, tx.gas_limit) == ("hello", 9, 200_000)
    assert tx.signer_infos[0].sequence == 3
    assert tx.signer_infos[0].public_key == PublicKey(SECP256K1, ALICE.public_key)
    assert tx.signer_infos[0].mode == DIRECT
    document = sign_bytes(tx, DIRECT, SignerData("chain-1", 7, 3))
    assert PublicKey(SECP256K1, ALICE.public_key).verify(document, tx.signatures[0])
    assert tx_hash(raw) == sha256(raw).digest()


def test_signers_are_each_message_s_then_the_fee_payer_without_repetition() -> None:
    carol = Person("carol")
    other = bank_tx.MsgSend(from_address=BOB.address, to_address=ALICE.address)
    signers = [(ALICE, 0, 0), (BOB, 1, 0), (carol, 2, 0)]
    raw = sign_tx(
        signers, [SEND, other, SEND], chain_id="x", fee=fee("1stake", payer=carol.address)
    )
    assert _decode(raw).signers == (ALICE.raw_address, BOB.raw_address, carol.raw_address)


BODY = tx_pb2.TxBody(messages=[pack(SEND)]).SerializeToString()
INFO = tx_pb2.AuthInfo(signer_infos=[signer_info(ALICE, 0)], fee=fee()).SerializeToString()


def _raw(body: bytes = BODY, info: bytes = INFO) -> bytes:
    return finish(body, info, [(ALICE, 0, 0)], "chain-1")


def _field(number: int, data: bytes) -> bytes:
    head, tag = b"", number << 3 | 2
    while tag > 127:
        head += bytes([tag & 127 | 128])
        tag >>= 7
    return head + bytes([tag, len(data)]) + data


def _body(message: any_pb2.Any) -> bytes:
    return tx_pb2.TxBody(messages=[message]).SerializeToString()


def _exec(*messages: any_pb2.Any) -> any_pb2.Any:
    return pack(authz_tx.MsgExec(grantee=ALICE.address, msgs=messages))


SEND_URL = pack(SEND).type_url

REFUSED: dict[str, tuple[bytes, str]] = {
    "no field of a TxRaw": (b"\x08\x01", "expected 2 wire type, got 0"),
    "body after auth info": (
        _field(2, INFO) + _field(1, b""),
        "txRaw must follow ADR-027, got tagNum 1 after tagNum 2",
    ),
    "a long length": (
        b"\x0a\x81\x00\x00",
        "length prefix varint for tagNum 1 is not as short as possible, read 2, only need 1",
    ),
    "cut off": (_raw()[:-1], "invalid length; unexpected EOF"),
    "cut off in a length": (b"\x0a\x80", "invalid length; unexpected EOF"),
    "an endless length": (
        b"\x0a" + b"\xff" * 10,
        "invalid length; proto: variable length integer overflow",
    ),
    "an unknown field of TxRaw": (
        _raw() + _field(4, b"x"),
        'errUnknownField "*tx.TxRaw": {TagNum: 4, WireType:"bytes"}',
    ),
    "an unknown critical field of TxBody": (
        _raw(BODY + _field(99, b"x")),
        'errUnknownField "*tx.TxBody": {TagNum: 99, WireType:"bytes"}',
    ),
    "an unknown field of AuthInfo, critical or not": (
        _raw(info=INFO + _field(2047, b"x")),
        'errUnknownField "*tx.AuthInfo": {TagNum: 2047, WireType:"bytes"}',
    ),
    "an unknown field within a message": (
        _raw(_body(any_pb2.Any(type_url=SEND_URL, value=b"\x48\x01"))),
        'errUnknownField "*types.MsgSend": {TagNum: 9, WireType:"varint"}',
    ),
    "an unknown field deep in a message": (
        _raw(_body(any_pb2.Any(type_url=SEND_URL, value=_field(3, _field(5, b"x"))))),
        'errUnknownField "*types.Coin": {TagNum: 5, WireType:"bytes"}',
    ),
    "a type that nobody serves": (
        _raw(_body(any_pb2.Any(type_url="/cosmos.gov.v1.MsgVote"))),
        "unable to resolve type URL /cosmos.gov.v1.MsgVote",
    ),
    "a key type that nobody knows": (
        _raw(
            info=tx_pb2.AuthInfo(
                signer_infos=[tx_pb2.SignerInfo(public_key=any_pb2.Any(type_url="/x.Key"))]
            ).SerializeToString()
        ),
        "unable to resolve type URL /x.Key",
    ),
    "a field of another wire type": (
        _raw(BODY + b"\x10\x05"),
        'Mismatched "*tx.TxBody": {TagNum: 2, GotWireType: "varint" != WantWireType: "bytes"}',
    ),
    "a packed number where one is wanted": (
        _raw(BODY + _field(3, b"\1")),
        "proto: wrong wireType = 2 for field TimeoutHeight",
    ),
    "a group that ends otherwise than it began": (
        _raw(BODY + b"\x8b\x40\x94\x40"),
        (
            'could not consume field value for tagNum: 1025, wireType: "start_group"; '
            "proto: mismatching end group marker"
        ),
    ),
    "a message that is cut off": (
        _raw(_body(any_pb2.Any(type_url=SEND_URL, value=b"\x0a\x05a"))),
        'could not consume field value for tagNum: 1, wireType: "bytes"; unexpected EOF',
    ),
    "an amount that is none": (
        _raw(_body(any_pb2.Any(type_url=SEND_URL, value=_field(3, _field(2, b"x"))))),
        'math/big: cannot unmarshal "x" into a *big.Int',
    ),
    "a key in the place of a message": (
        _raw(_body(any_pb2.Any(type_url=SECP256K1))),
        f"no concrete type registered for type URL {SECP256K1} against interface {MESSAGE_INTERFACE}",
    ),
    "a message in the place of a key": (
        _raw(
            info=tx_pb2.AuthInfo(
                signer_infos=[tx_pb2.SignerInfo(public_key=pack(SEND))]
            ).SerializeToString()
        ),
        f"no concrete type registered for type URL {SEND_URL} against interface *types.PubKey",
    ),
    "an unknown field in a message within a message": (
        _raw(_body(_exec(any_pb2.Any(type_url=SEND_URL, value=b"\x48\x01")))),
        'errUnknownField "*types.MsgSend": {TagNum: 9, WireType:"varint"}',
    ),
    "a hundred messages within a message": (
        _raw(_body(_exec(*[pack(SEND)] * 100))),
        "call limit exceeded",
    ),
}


@pytest.mark.parametrize(("raw", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals(raw: bytes, text: str) -> None:
    with pytest.raises(AbciError) as refused:
        _decode(raw)
    assert (refused.value.codespace, refused.value.code) == ("sdk", 2)
    assert refused.value.log == f"{text}: tx parse error"


def test_ninety_nine_messages_within_a_message_are_read() -> None:
    [message] = _decode(_raw(_body(_exec(*[pack(SEND)] * 99)))).messages
    assert isinstance(message, authz_tx.MsgExec)
    assert len(message.msgs) == 99


@pytest.mark.parametrize(
    ("sender", "codespace", "code", "text"),
    [
        ("", "undefined", 1, "empty address string is not allowed"),
        (
            Person("alice", "osmo").address,
            "sdk",
            35,
            "hrp does not match bech32 prefix: expected 'cosmos' got 'osmo': internal logic error",
        ),
    ],
)
def test_signers_that_are_no_addresses_are_told_when_they_are_asked_for(
    sender: str, codespace: str, code: int, text: str
) -> None:
    tx = _decode(_raw(_body(pack(bank_tx.MsgSend(from_address=sender)))))
    with pytest.raises(AbciError) as refused:
        tx.signers  # noqa: B018 - it is found when it is read
    assert (refused.value.codespace, refused.value.code) == (codespace, code)
    assert refused.value.log == text


def test_unknown_non_critical_fields_of_the_body_are_let_through() -> None:
    tx = _decode(_raw(BODY + _field(2046, b"later")))
    assert tx.messages == (SEND,)
    assert tx.body_bytes.endswith(b"later")


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        (0, "unsupported sign mode SIGN_MODE_UNSPECIFIED"),
        (2, "unsuppored sign mode SIGN_MODE_TEXTUAL"),  # so says x/tx
        (191, "unsupported sign mode SIGN_MODE_EIP_191"),
        (99, "unsupported sign mode 99"),
    ],
)
def test_sign_modes_that_are_not_served(mode: int, text: str) -> None:
    with pytest.raises(SigningError) as refused:
        sign_bytes(_decode(_tx(SEND)), mode, SignerData("x", 0, 0))
    assert str(refused.value) == text


@given(st.binary(max_size=200))
def test_any_bytes_are_a_transaction_or_a_refusal(raw: bytes) -> None:
    _one_of_ours(lambda: _decode(raw))


@given(st.data())
def test_any_flipped_byte_is_a_transaction_or_a_refusal(data: st.DataObject) -> None:
    raw = bytearray(_tx(SEND, memo="m"))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    _one_of_ours(lambda: _decode(bytes(raw)))


def _one_of_ours(action: Callable[[], DecodedTx]) -> None:
    refused = None
    try:
        assert isinstance(action(), DecodedTx)
    except AbciError as error:
        refused = (error.codespace, error.code)
    assert refused in {None, ("sdk", 2)}
