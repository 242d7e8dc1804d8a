"""What a transaction is refused for: code and text of each, as Cosmos SDK 0.53 reports them."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from helpers.accounts import Person, fee, finish, pack, sign_tx, signer_info
from helpers.chains import CHAIN_ID, GENESIS_TIME, Solo, genesis

from chain import gojson
from chain.ante import required_fees
from chain.coins import Coin
from chain.keys import SECP256K1, PublicKey
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.crypto.ed25519 import keys_pb2 as ed25519_pb2
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2, timestamp_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import bech32

ALICE, BOB, STRANGER = Person("alice"), Person("bob"), Person("stranger")
PRICES = (("atom", "0"), ("stake", "0.025"))


def _send(sender: Person = ALICE, recipient: Person = BOB, amount: str = "10") -> bank_tx.MsgSend:
    coins = [coin_pb2.Coin(denom="stake", amount=amount)]
    return bank_tx.MsgSend(from_address=sender.address, to_address=recipient.address, amount=coins)


def _chain(**options: Any) -> Solo:
    solo = Solo(genesis({ALICE: "1000000stake", BOB: "100stake"}), **options)
    solo.block()
    return solo


def _sign(*, number: int = 0, sequence: int = 0, chain_id: str = CHAIN_ID, **fields: Any) -> bytes:
    signers = fields.pop("signers", [(ALICE, number, sequence)])
    messages = fields.pop("messages", [_send()])
    charged = fields.pop("fee", fee("5000stake"))
    return sign_tx(signers, messages, chain_id=chain_id, fee=charged, **fields)


def _parts(info: tx_pb2.AuthInfo, signatures: list[bytes]) -> bytes:
    body = tx_pb2.TxBody(messages=[pack(_send())]).SerializeToString()
    return tx_pb2.TxRaw(
        body_bytes=body, auth_info_bytes=info.SerializeToString(), signatures=signatures
    ).SerializeToString()


def _wrong_key() -> bytes:
    """Signed by Bob, whose key is in the signer info, for Alice."""
    body = tx_pb2.TxBody(messages=[pack(_send())]).SerializeToString()
    info = tx_pb2.AuthInfo(signer_infos=[signer_info(BOB, 0)], fee=fee("5000stake"))
    return finish(body, info.SerializeToString(), [(BOB, 0, 0)], CHAIN_ID)


def _unsigned_key() -> bytes:
    """A first transaction that leaves out the key."""
    info = signer_info(ALICE, 0)
    info.ClearField("public_key")
    return _parts(tx_pb2.AuthInfo(signer_infos=[info], fee=fee("5000stake")), [b"s" * 64])


def _high_s() -> bytes:
    """The other signature of the same message, which libsecp256k1 and the SDK refuse."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    tx = tx_pb2.TxRaw.FromString(_sign())
    low = tx.signatures[0]
    tx.signatures[0] = low[:32] + (order - int.from_bytes(low[32:], "big")).to_bytes(32, "big")
    return tx.SerializeToString()


def _signature_failed(number: int = 0, chain_id: str = CHAIN_ID) -> str:
    return (
        f"signature verification failed; please verify account number ({number}) and chain-id "
        f"({chain_id}): (unable to verify single signer signature): unauthorized"
    )


REFUSED: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "nothing": (
        lambda: b"",
        18,
        "must contain at least one message: invalid request",
    ),
    "no TxRaw": (
        lambda: b"\x08\x01",
        2,
        "expected 2 wire type, got 0: tx parse error: tx parse error",
    ),
    "amounts that are no numbers": (
        lambda: _sign(messages=[_send(amount="many")]),
        2,
        'math/big: cannot unmarshal "many" into a *big.Int: tx parse error: tx parse error',
    ),
    "an extension option": (
        lambda: _sign(extension_options=[any_pb2.Any(type_url="/x.Y")]),
        2,
        "unable to resolve type URL /x.Y: tx parse error: tx parse error",
    ),
    "an extension option that is a message": (
        lambda: _sign(non_critical_extension_options=[pack(_send())]),
        2,
        (
            "no registered implementations of type tx.TxExtensionOptionI: tx parse error: "
            "tx parse error"
        ),
    ),
    "a timeout before the year 1": (
        lambda: _sign(timeout_timestamp=timestamp_pb2.Timestamp(seconds=-62_135_596_801)),
        2,
        (
            "timestamp: &timestamppb.Timestamp{Seconds: -62135596801,\nNanos: 0,\n} "
            "before 0001-01-01: tx parse error: tx parse error"
        ),
    ),
    "a timeout after the year 9999": (
        lambda: _sign(timeout_timestamp=timestamp_pb2.Timestamp(seconds=253_402_300_800)),
        2,
        (
            "timestamp: &timestamppb.Timestamp{Seconds: 253402300800,\nNanos: 0,\n} "
            "after 10000-01-01: tx parse error: tx parse error"
        ),
    ),
    "a timeout of negative nanoseconds": (
        lambda: _sign(timeout_timestamp=timestamp_pb2.Timestamp(seconds=5, nanos=-1)),
        2,
        (
            "timestamp: &timestamppb.Timestamp{Seconds: 5,\nNanos: -1,\n}: nanos not in range "
            "[0, 1e9): tx parse error: tx parse error"
        ),
    ),
    "a fee payer that is no address": (
        lambda: _sign(fee=fee("5000stake", payer="nobody")),
        7,
        (
            "Invalid fee payer address (decoding bech32 failed: invalid bech32 string length 6): "
            "invalid address"
        ),
    ),
    "more gas than there can be": (
        lambda: _sign(fee=fee("5000stake", 2**63)),
        18,
        "invalid gas supplied; 9223372036854775808 > 9223372036854775807: invalid request",
    ),
    "a negative fee": (
        lambda: _sign(fee=fee("-5stake")),
        13,
        "invalid fee provided: -5stake: insufficient fee",
    ),
    "no signature": (
        lambda: _parts(tx_pb2.AuthInfo(fee=fee("5000stake")), []),
        15,
        "no signatures supplied",
    ),
    "a signature too many": (
        lambda: _sign(signers=[(ALICE, 0, 0), (BOB, 1, 0)]),
        4,
        "wrong number of signers; expected 1, got 2: unauthorized",
    ),
    "a signer info too few": (
        lambda: _parts(tx_pb2.AuthInfo(fee=fee("5000stake")), [b"s" * 64]),
        4,
        "invalid number of signer;  expected: 1, got 0: unauthorized",
    ),
    "a signer info too many": (
        lambda: _parts(
            tx_pb2.AuthInfo(
                signer_infos=[signer_info(ALICE, 0), signer_info(BOB, 0)], fee=fee("5000stake")
            ),
            [b"s" * 64],
        ),
        4,
        "invalid number of signer;  expected: 1, got 2: unauthorized",
    ),
    "a timeout height that has passed": (
        lambda: _sign(timeout_height=1),
        30,
        "block height: 2, timeout height: 1: tx timeout height",
    ),
    "a timeout time that has passed": (
        lambda: _sign(timeout_timestamp=timestamp_pb2.Timestamp(seconds=GENESIS_TIME)),
        42,
        (
            "block time: 2023-11-14 22:13:30 +0000 UTC, timeout timestamp: "
            "2023-11-14 22:13:20 +0000 UTC: tx timeout"
        ),
    ),
    "a long memo, in bytes": (
        lambda: _sign(memo="ü" * 129),
        12,
        "maximum number of characters is 256 but received 258 characters: memo too large",
    ),
    "no gas": (
        lambda: _sign(fee=fee("5000stake", 0)),
        11,
        "out of gas in location: Has; gasWanted: 0, gasUsed: 1000: out of gas",
    ),
    "too little gas for its size": (
        lambda: _sign(fee=fee("5000stake", 4000)),
        11,
        "out of gas in location: txSize; gasWanted: 4000, gasUsed: 5172: out of gas",
    ),
    "too small a fee": (
        lambda: _sign(fee=fee("4999stake")),
        13,
        "insufficient fees; got: 4999stake required: 0atom,5000stake: insufficient fee",
    ),
    "no fee": (
        lambda: _sign(fee=fee()),
        13,
        "insufficient fees; got:  required: 0atom,5000stake: insufficient fee",
    ),
    "a fee that the payer does not have": (
        lambda: _sign(fee=fee("2000000stake")),
        5,
        (
            "spendable balance 1000000stake is smaller than 2000000stake: insufficient funds: "
            "insufficient funds"
        ),
    ),
    "unsorted fees": (
        lambda: _sign(
            fee=tx_pb2.Fee(
                amount=[
                    coin_pb2.Coin(denom="stake", amount="5000"),
                    coin_pb2.Coin(denom="atom", amount="1"),
                ],
                gas_limit=200_000,
            )
        ),
        13,
        "invalid fee amount: 5000stake,1atom: insufficient fee",
    ),
    "a fee grant that is not there": (
        lambda: _sign(fee=fee("5000stake", granter=BOB.address)),
        38,
        (
            f"{gojson.text(BOB.raw_address)} does not allow to pay fees for "
            f"{gojson.text(ALICE.raw_address)}: fee-grant not found: not found"
        ),
    ),
    "an account that does not exist": (
        lambda: _sign(signers=[(STRANGER, 9, 0)], messages=[_send(STRANGER)]),
        9,
        f"fee payer address: {gojson.text(STRANGER.raw_address)} does not exist: unknown address",
    ),
    "another's key": (
        _wrong_key,
        8,
        (
            f"pubKey does not match signer address {ALICE.address} with signer index: 0: "
            "invalid pubkey"
        ),
    ),
    "no key, and none known": (
        _unsigned_key,
        8,
        "unrecognized public key type: <nil>: invalid pubkey",
    ),
    "a sequence of the past or future": (
        lambda: _sign(sequence=4),
        32,
        "account sequence mismatch, expected 0, got 4: incorrect account sequence",
    ),
    "another account number": (lambda: _sign(number=5), 4, _signature_failed()),
    "another chain id": (lambda: _sign(chain_id="other-1"), 4, _signature_failed()),
    "a malleated signature": (_high_s, 4, _signature_failed()),
    "an unordered transaction": (
        lambda: _sign(unordered=True),
        37,
        "unordered transactions are not enabled: feature not supported",
    ),
}


@pytest.fixture(scope="module")
def solo() -> Solo:
    chain = _chain(min_gas_prices=PRICES)
    chain.block()
    return chain


@pytest.mark.parametrize(("build", "code", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_by_the_mempool(
    solo: Solo, build: Callable[[], bytes], code: int, text: str
) -> None:
    answer = solo.check(build())
    assert (answer.codespace, answer.code, answer.log) == ("sdk", code, text)
    assert not answer.events
    solo.app.simulate(_sign())  # nothing of what was refused has stayed in the mempool's state


@pytest.mark.parametrize(
    ("sender", "refusal"),
    [
        ("", ("undefined", 1, "empty address string is not allowed")),
        ("x", ("undefined", 1, "decoding bech32 failed: invalid bech32 string length 1")),
        (
            Person("alice", "osmo").address,
            (
                "sdk",
                35,
                "hrp does not match bech32 prefix: expected 'cosmos' got 'osmo': internal logic error",
            ),
        ),
        (bech32.encode("cosmos", bytes(300)), ("sdk", 7, "invalid address")),
    ],
)
def test_a_signer_that_is_no_address(
    solo: Solo, sender: str, refusal: tuple[str, int, str]
) -> None:
    """The message's own error, where the ante handler comes to it: there are signatures, whatever they are worth."""
    message = bank_tx.MsgSend(from_address=sender, to_address=BOB.address)
    answer = solo.check(_sign(messages=[message]))
    assert (answer.codespace, answer.code, answer.log) == refusal
    assert answer.gas_used == 1000
    unsigned = solo.check(_sign(messages=[message], signers=[]))
    assert answer.code != unsigned.code == 15


def test_too_many_signers() -> None:
    people = [Person(f"signer {index}") for index in range(8)]
    solo = Solo(genesis(dict.fromkeys(people, "10stake")))
    solo.block()
    messages = [_send(person, ALICE, "1") for person in people]
    signers = [(person, number, 0) for number, person in enumerate(people)]
    fine = _sign(signers=signers[:7], messages=messages[:7], fee=fee(gas=2_000_000))
    assert solo.check(fine).code == 0
    answer = solo.check(_sign(signers=signers, messages=messages, fee=fee(gas=2_000_000)))
    assert (answer.code, answer.log) == (
        14,
        "signatures: 8, limit: 7: maximum number of signatures exceeded",
    )


def test_the_mempool_counts_sequences_of_what_it_holds() -> None:
    solo = _chain()
    first, second = _sign(), _sign(sequence=1)
    assert solo.check(second).code == 32
    assert [solo.check(first).code, solo.check(second).code, solo.check(second).code] == [0, 0, 32]


def test_recheck_checks_again_all_but_the_signature() -> None:
    solo = _chain()
    first, second = _sign(), _sign(sequence=1)
    forged = _sign(number=9, sequence=1)
    assert solo.check(first).code == 0
    assert solo.block(first)[0].code == 0
    assert solo.check(second, again=True).code == 0
    assert solo.check(first, again=True).code == 32
    solo.block()
    assert solo.check(forged, again=True).code == 0  # as in the SDK: it was verified when it came


def test_only_the_mempool_holds_fees_against_minimum_prices() -> None:
    solo = _chain(min_gas_prices=PRICES)
    cheap = _sign(fee=fee())
    assert solo.check(cheap).code == 13
    assert solo.block(cheap)[0].code == 0


@pytest.mark.parametrize("seconds", [0, -62_135_596_800])
def test_no_timeout_at_the_times_that_mean_none(seconds: int) -> None:
    tx = _sign(timeout_timestamp=timestamp_pb2.Timestamp(seconds=seconds))
    assert _chain().block(tx)[0].code == 0


def test_the_key_may_not_be_left_out_even_when_it_is_known() -> None:
    """Cosmos SDK 0.53 reads it from the transaction (x/auth/tx/adapter.go), and so fails where there is none."""
    solo = _chain()
    assert solo.block(_sign())[0].code == 0
    info = signer_info(ALICE, 1)
    info.ClearField("public_key")
    body = tx_pb2.TxBody(messages=[pack(_send())]).SerializeToString()
    auth = tx_pb2.AuthInfo(signer_infos=[info], fee=fee("5000stake")).SerializeToString()
    result = solo.block(finish(body, auth, [(ALICE, 0, 1)], CHAIN_ID))[0]
    assert (result.codespace, result.code) == ("undefined", 111222)
    assert "invalid memory address or nil pointer dereference" in result.log


def test_a_fee_granter_that_is_no_address() -> None:
    answer = _chain().check(_sign(fee=fee("5000stake", granter="nobody")))
    assert (answer.codespace, answer.code, answer.log) == (
        "undefined",
        111222,
        "recovered: decoding bech32 failed: invalid bech32 string length 6: panic",
    )


def test_an_account_with_an_ed25519_key() -> None:
    secret = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = ed25519_pb2.PubKey(key=secret.public_key().public_bytes_raw())
    address = bech32.encode("cosmos", sha256(key.key).digest()[:20])
    solo = _chain()
    coins = [coin_pb2.Coin(denom="stake", amount="1000")]
    send = bank_tx.MsgSend(from_address=ALICE.address, to_address=address, amount=coins)
    solo.block(_sign(messages=[send]))
    account = solo.app.auth.account(solo.app.context_at(0), address)
    assert account is not None
    back = bank_tx.MsgSend(from_address=address, to_address=BOB.address, amount=coins)
    info = signer_info(ALICE, 0)
    info.public_key.CopyFrom(pack(key))
    document = tx_pb2.SignDoc(
        body_bytes=tx_pb2.TxBody(messages=[pack(back)]).SerializeToString(),
        auth_info_bytes=tx_pb2.AuthInfo(signer_infos=[info], fee=fee()).SerializeToString(),
        chain_id=CHAIN_ID,
        account_number=account.number,
    )
    signed = tx_pb2.TxRaw(body_bytes=document.body_bytes, auth_info_bytes=document.auth_info_bytes)
    signed.signatures.append(bytes(64))
    assert solo.check(signed.SerializeToString()).log == _signature_failed(account.number)
    signed.signatures[0] = secret.sign(document.SerializeToString())
    assert solo.block(signed.SerializeToString())[0].code == 0


def test_required_fees_are_rounded_up() -> None:
    assert required_fees((("b", "0.0000001"), ("a", "1.5")), 3) == (Coin("a", 5), Coin("b", 1))
    assert required_fees((("a", "0"), ("b", "0.0")), 3) == ()


def test_fee_sequence_and_key_stay_when_a_message_fails() -> None:
    solo = _chain()
    result = solo.block(_sign(messages=[_send(amount="5000000")]))[0]
    assert (result.codespace, result.code) == ("sdk", 5)
    account = solo.app.auth.account(solo.app.context_at(0), ALICE.address)
    assert account is not None
    assert account.sequence == 1
    assert account.pub_key == PublicKey(SECP256K1, ALICE.public_key)
    assert solo.balance(ALICE) == 1_000_000 - 5000
    assert [event.type for event in result.events] == FEE_EVENTS


FEE_EVENTS = ["coin_spent", "coin_received", "transfer", "message", "tx", "tx", "tx"]


def test_events_of_the_ante_handlers() -> None:
    solo = _chain()
    result = solo.block(_sign())[0]
    events = list(result.events)[:7]
    assert [event.type for event in events] == FEE_EVENTS
    assert not any(pair.key == "msg_index" for event in events for pair in event.attributes)
    pairs = [(pair.key, pair.value) for event in events[4:] for pair in event.attributes]
    assert pairs[:3] == [
        ("fee", "5000stake"),
        ("fee_payer", ALICE.address),
        ("acc_seq", f"{ALICE.address}/0"),
    ]
    assert pairs[3][0] == "signature"
    assert _attribute(events[2], "recipient") == solo.app.auth.module_address("fee_collector")


def _attribute(event: abci.Event, key: str) -> str:
    return next(pair.value for pair in event.attributes if pair.key == key)


def test_another_signer_may_pay_the_fee() -> None:
    solo = _chain()
    signers = [(ALICE, 0, 0), (BOB, 1, 0)]
    result = solo.block(_sign(signers=signers, fee=fee("60stake", payer=BOB.address)))[0]
    assert result.code == 0
    assert solo.balance(BOB) == 100 - 60 + 10


def test_simulation_needs_neither_gas_nor_signature_nor_key() -> None:
    solo = _chain()
    info = signer_info(ALICE, 0)
    info.ClearField("public_key")
    bare = _parts(tx_pb2.AuthInfo(signer_infos=[info], fee=fee("5000stake", 0)), [b""])
    estimate, result = solo.app.simulate(bare)
    used = solo.block(_sign())[0].gas_used
    assert used < estimate.gas_used < used + 3000
    assert estimate.gas_wanted == 2**64 - 1
    assert result.msg_responses[0].type_url == "/cosmos.bank.v1beta1.MsgSendResponse"
    assert solo.balance(BOB) == 110
