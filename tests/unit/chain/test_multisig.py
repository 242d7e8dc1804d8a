"""Accounts of threshold keys. Codes and texts are those that wasmd 0.61.14 answers for the same transactions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from helpers.accounts import Person, Threshold, fee, pack, public_key
from helpers.chains import CHAIN_ID, Solo, genesis

from chain import signatures
from chain.keys import Multisig, from_any
from chain.signing import DIRECT, LEGACY_AMINO_JSON, TEXTUAL
from cosmos_pb.cosmos.auth.v1beta1 import auth_pb2, query_pb2
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.crypto.multisig.v1beta1.multisig_pb2 import CompactBitArray, MultiSignature
from cosmos_pb.cosmos.tx.signing.v1beta1.signing_pb2 import SignMode
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import amino

ALICE = Person("alice")
MEMBERS = tuple(Person(f"member {number}") for number in range(9))
A, B, C, D, E, F = MEMBERS[:6]
TWO_OF_THREE = Threshold(2, (A, B, C))
NESTED = Threshold(2, (Threshold(1, (D, E)), F))

Document = Callable[[int], bytes]
Signing = Callable[[Document], bytes]
Account = Threshold | Person


def single(mode: SignMode.ValueType) -> tx_pb2.ModeInfo:
    return tx_pb2.ModeInfo(single=tx_pb2.ModeInfo.Single(mode=mode))


def multi(bits: Sequence[int], *modes: tx_pb2.ModeInfo) -> tx_pb2.ModeInfo:
    array = amino.CompactBitArray.of(map(bool, bits))
    packed = CompactBitArray(extra_bits_stored=array.extra_bits_stored, elems=array.elems)
    return tx_pb2.ModeInfo(multi=tx_pb2.ModeInfo.Multi(bitarray=packed, mode_infos=modes))


def joined(*signatures: bytes) -> bytes:
    return MultiSignature(signatures=signatures).SerializeToString()


def by(*signers: tuple[Person, int]) -> Signing:
    return lambda document: joined(*(who.sign(document(mode)) for who, mode in signers))


AMINO_MODE, DIRECT_MODE = single(LEGACY_AMINO_JSON), single(DIRECT)


@dataclass
class Office:
    """A chain with one multisig account on it."""

    account: Account

    def __post_init__(self) -> None:
        self.solo = Solo(genesis({ALICE: "100000000stake"}))
        self.solo.block()
        coins = [coin_pb2.Coin(denom="stake", amount="1000000")]
        funding = bank_tx.MsgSend(
            from_address=ALICE.address, to_address=self.account.address, amount=coins
        )
        assert self.solo.block(self.solo.tx(ALICE, funding))[0].code == 0

    def tx(
        self,
        info: tx_pb2.ModeInfo | None,
        signing: Signing,
        *,
        sequence: int = 0,
        key: Account | None = None,
    ) -> bytes:
        chosen = key or self.account
        packed = public_key(chosen) if isinstance(chosen, Person) else chosen.key
        signer = tx_pb2.SignerInfo(sequence=sequence, public_key=packed, mode_info=info)
        return self.raw(signer, signing, sequence)

    def raw(self, signer: tx_pb2.SignerInfo, signing: Signing, sequence: int = 0) -> bytes:
        coins = [coin_pb2.Coin(denom="stake", amount="5")]
        send = bank_tx.MsgSend(
            from_address=self.account.address, to_address=ALICE.address, amount=coins
        )
        body = tx_pb2.TxBody(messages=[pack(send)]).SerializeToString()
        auth = tx_pb2.AuthInfo(signer_infos=[signer], fee=fee("100stake", 300_000))
        raw = tx_pb2.TxRaw(body_bytes=body, auth_info_bytes=auth.SerializeToString())
        raw.signatures.append(signing(lambda mode: self.document(raw, mode, sequence)))
        return raw.SerializeToString()

    def document(self, raw: tx_pb2.TxRaw, mode: int, sequence: int) -> bytes:
        if mode != LEGACY_AMINO_JSON:
            return tx_pb2.SignDoc(
                body_bytes=raw.body_bytes,
                auth_info_bytes=raw.auth_info_bytes,
                chain_id=CHAIN_ID,
                account_number=self.number,
            ).SerializeToString()
        value = {
            "from_address": self.account.address,
            "to_address": ALICE.address,
            "amount": [{"denom": "stake", "amount": "5"}],
        }
        document = {
            "account_number": str(self.number),
            "chain_id": CHAIN_ID,
            "fee": {"amount": [{"denom": "stake", "amount": "100"}], "gas": "300000"},
            "memo": "",
            "msgs": [{"type": "cosmos-sdk/MsgSend", "value": value}],
            "sequence": str(sequence),
        }
        return amino.sign_bytes(document)

    @property
    def number(self) -> int:
        found = self.solo.app.auth.account(self.solo.app.context_at(0), self.account.address)
        assert found is not None
        return found.number

    def run(self, tx: bytes) -> abci.ExecTxResult:
        return self.solo.block(tx)[0]


def _signatures(result: abci.ExecTxResult) -> list[int]:
    """How many base64 characters each signature of the events has."""
    pairs = [pair for event in result.events for pair in event.attributes]
    return [len(pair.value) for pair in pairs if pair.key == "signature"]


ACCEPTED: dict[str, tuple[Account, tx_pb2.ModeInfo, Signing, list[int]]] = {
    "amino": (
        TWO_OF_THREE,
        multi([1, 0, 1], AMINO_MODE, AMINO_MODE),
        by((A, LEGACY_AMINO_JSON), (C, LEGACY_AMINO_JSON)),
        [88, 88, 176],
    ),
    "both modes": (
        TWO_OF_THREE,
        multi([1, 1, 0], DIRECT_MODE, AMINO_MODE),
        by((A, DIRECT), (B, LEGACY_AMINO_JSON)),
        [88, 88, 176],
    ),
    "more than it needs": (
        TWO_OF_THREE,
        multi([1, 1, 1], DIRECT_MODE, AMINO_MODE, DIRECT_MODE),
        by((A, DIRECT), (B, LEGACY_AMINO_JSON), (C, DIRECT)),
        [88, 88, 88, 264],
    ),
    "a threshold key inside": (
        NESTED,
        multi([1, 1], multi([0, 1], AMINO_MODE), DIRECT_MODE),
        lambda document: joined(
            joined(E.sign(document(LEGACY_AMINO_JSON))), F.sign(document(DIRECT))
        ),
        [88, 88, 88, 268],
    ),
    "seven": (
        Threshold(7, MEMBERS[:7]),
        multi([1] * 7, *[AMINO_MODE] * 7),
        by(*((member, LEGACY_AMINO_JSON) for member in MEMBERS[:7])),
        [*[88] * 7, 616],
    ),
    "the same key twice": (
        Threshold(2, (A, A)),
        multi([1, 1], DIRECT_MODE, DIRECT_MODE),
        by((A, DIRECT), (A, DIRECT)),
        [88, 88, 176],
    ),
    "a threshold of nothing": (Threshold(0, (A,)), multi([0]), by(), [0]),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    account, info, signing, sizes = ACCEPTED[name]
    office = Office(account)
    result = office.run(office.tx(info, signing))
    assert result.code == 0, result.log
    assert _signatures(result) == sizes


TWO: Signing = by((A, DIRECT), (B, DIRECT))
BOTH = multi([1, 1, 0], DIRECT_MODE, DIRECT_MODE)


def _extra_bits(count: int) -> tx_pb2.ModeInfo:
    info = multi([1, 1, 0], DIRECT_MODE, DIRECT_MODE)
    info.multi.bitarray.extra_bits_stored = count
    return info


def _failed(reason: str = "") -> str:
    found = "account number (N)"
    found += (
        f" and chain-id (test-1): ({reason})" if reason else ", sequence (0) and chain-id (test-1)"
    )
    return f"signature verification failed; please verify {found}: unauthorized"


PANICKED = "recovered: runtime error: index out of range [{}] with length {}: panic"
NIL = "recovered: runtime error: invalid memory address or nil pointer dereference: panic"

REFUSED: dict[str, tuple[Account, tx_pb2.ModeInfo | None, Signing, int, str]] = {
    "signatures in another order": (
        TWO_OF_THREE,
        multi([1, 0, 1], DIRECT_MODE, AMINO_MODE),
        by((C, DIRECT), (A, LEGACY_AMINO_JSON)),
        4,
        _failed("unable to verify signature at index 0"),
    ),
    "the same, all in amino": (
        TWO_OF_THREE,
        multi([1, 0, 1], AMINO_MODE, AMINO_MODE),
        by((C, LEGACY_AMINO_JSON), (A, LEGACY_AMINO_JSON)),
        4,
        _failed(),
    ),
    "too few signatures": (
        TWO_OF_THREE,
        multi([1, 0, 0], DIRECT_MODE),
        by((A, DIRECT)),
        4,
        _failed("signature size is incorrect 1"),
    ),
    "more signatures than keys": (
        TWO_OF_THREE,
        multi([1, 1, 1], *[DIRECT_MODE] * 4),
        by(*[(A, DIRECT)] * 4),
        4,
        _failed("signature size is incorrect 4"),
    ),
    "too few bits": (
        TWO_OF_THREE,
        multi([1, 1], DIRECT_MODE, DIRECT_MODE),
        TWO,
        4,
        _failed("bit array size is incorrect, expecting: 3"),
    ),
    "too many bits": (
        TWO_OF_THREE,
        multi([1, 1, 0, 0], DIRECT_MODE, DIRECT_MODE),
        TWO,
        4,
        _failed("bit array size is incorrect, expecting: 3"),
    ),
    "a bit of a key that is not there": (
        TWO_OF_THREE,
        multi([1, 0, 0, 1], DIRECT_MODE, DIRECT_MODE),
        TWO,
        111222,
        PANICKED.format(3, 3),
    ),
    "too few bits that are set": (
        TWO_OF_THREE,
        multi([1, 0, 0], DIRECT_MODE, DIRECT_MODE),
        TWO,
        4,
        _failed("not enough signatures set, have 1, expected 2"),
    ),
    "more bits than signatures": (
        TWO_OF_THREE,
        multi([1, 1, 0], DIRECT_MODE),
        by((A, DIRECT)),
        111222,
        PANICKED.format(1, 1),
    ),
    "more signatures than modes": (
        TWO_OF_THREE,
        multi([1, 1, 0], DIRECT_MODE),
        TWO,
        1,
        "got empty SignatureData",
    ),
    "more modes than signatures": (
        TWO_OF_THREE,
        BOTH,
        by((A, DIRECT)),
        111222,
        PANICKED.format(1, 1),
    ),
    "one signature as of a simple key": (
        TWO_OF_THREE,
        DIRECT_MODE,
        lambda document: A.sign(document(DIRECT)),
        1,
        "expected *signing.MultiSignatureData, got, *signing.SingleSignatureData",
    ),
    "no word of how": (TWO_OF_THREE, None, TWO, 1, "got empty SignatureData"),
    "an empty word of how": (
        TWO_OF_THREE,
        tx_pb2.ModeInfo(),
        TWO,
        111222,
        "recovered: unexpected ModeInfo data type <nil>: panic",
    ),
    "no bits": (
        TWO_OF_THREE,
        tx_pb2.ModeInfo(multi=tx_pb2.ModeInfo.Multi(mode_infos=[DIRECT_MODE, DIRECT_MODE])),
        TWO,
        111222,
        NIL,
    ),
    "more bits than bytes": (TWO_OF_THREE, _extra_bits(9), TWO, 111222, PANICKED.format(1, 1)),
    "unknown fields in the signature": (
        TWO_OF_THREE,
        BOTH,
        lambda document: TWO(document) + b"\x78\x01",
        1,
        "rejecting unrecognized fields found in MultiSignature",
    ),
    "a mode that is not served": (
        TWO_OF_THREE,
        multi([1, 1, 0], single(TEXTUAL), DIRECT_MODE),
        TWO,
        4,
        _failed("unsuppored sign mode SIGN_MODE_TEXTUAL"),
    ),
    "several signatures for a simple key inside": (
        TWO_OF_THREE,
        multi([1, 1, 0], multi([1], DIRECT_MODE), DIRECT_MODE),
        lambda document: joined(joined(A.sign(document(DIRECT))), B.sign(document(DIRECT))),
        4,
        _failed("unable to parse pubkey of index 0"),
    ),
    "one signature for a threshold key inside": (
        NESTED,
        multi([1, 1], DIRECT_MODE, DIRECT_MODE),
        by((E, DIRECT), (F, DIRECT)),
        1,
        "expected *signing.MultiSignatureData, got, *signing.SingleSignatureData",
    ),
    "a wrong signature inside": (
        NESTED,
        multi([1, 1], multi([0, 1], DIRECT_MODE), DIRECT_MODE),
        lambda document: joined(joined(D.sign(document(DIRECT))), F.sign(document(DIRECT))),
        4,
        _failed("unable to verify signature at index 1"),
    ),
    "eight keys": (
        Threshold(1, MEMBERS[:8]),
        multi([1, *[0] * 7], DIRECT_MODE),
        by((A, DIRECT)),
        14,
        "signatures: 8, limit: 7: maximum number of signatures exceeded",
    ),
    "several signatures for an account of one": (
        A,
        multi([1], DIRECT_MODE),
        by((A, DIRECT)),
        4,
        _failed("expected <nil>, got *secp256k1.PubKey"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    account, info, signing, code, text = REFUSED[name]
    office = Office(account)
    result = office.run(office.tx(info, signing))
    log = re.sub(r"account number \(\d+\)", "account number (N)", result.log)
    assert (result.code, log) == (code, text)


def test_bytes_that_are_no_multisignature_are_refused() -> None:
    office = Office(TWO_OF_THREE)
    result = office.run(office.tx(BOTH, lambda document: A.sign(document(DIRECT))))
    assert (result.codespace, result.code) == ("undefined", 1)


@pytest.mark.parametrize("other", [Threshold(1, (A, B, C)), Threshold(2, (B, A, C))])
def test_threshold_and_order_make_the_address(other: Threshold) -> None:
    office = Office(TWO_OF_THREE)
    result = office.run(office.tx(BOTH, TWO, key=other))
    text = f"pubKey does not match signer address {TWO_OF_THREE.address} with signer index: 0"
    assert (result.code, result.log) == (8, f"{text}: invalid pubkey")


def _levels(count: int) -> tuple[Threshold, tx_pb2.ModeInfo, Signing]:
    """Threshold keys of one member, inside one another."""
    account, info = Threshold(1, (A,)), multi([1], DIRECT_MODE)
    for _ in range(count - 1):
        account, info = Threshold(1, (account,)), multi([1], info)

    def sign(document: Document) -> bytes:
        signature = A.sign(document(DIRECT))
        for _ in range(count):
            signature = joined(signature)
        return signature

    return account, info, sign


@pytest.mark.parametrize(
    ("count", "code", "text"),
    [
        (8, 0, ""),
        (
            9,
            111222,
            "recovered: collections: encoding error: value decode: max depth exceeded: panic",
        ),
        (10, 2, "tx parse error"),
    ],
)
def test_how_deep_keys_may_be(count: int, code: int, text: str) -> None:
    account, info, sign = _levels(count)
    office = Office(account)
    result = office.run(office.tx(info, sign))
    assert (result.code, result.log) == (code, text)


def test_the_account_shows_its_key() -> None:
    office = Office(TWO_OF_THREE)
    assert office.run(office.tx(BOTH, TWO)).code == 0
    answer = office.solo.query(
        "/cosmos.auth.v1beta1.Query/Account",
        query_pb2.QueryAccountRequest(address=TWO_OF_THREE.address),
    )
    account = query_pb2.QueryAccountResponse.FromString(answer.value).account
    assert auth_pb2.BaseAccount.FromString(account.value).pub_key == TWO_OF_THREE.key


def test_a_genesis_may_hold_it() -> None:
    office = Office(TWO_OF_THREE)
    assert office.run(office.tx(BOTH, TWO)).code == 0
    again = Solo(office.solo.app.export_genesis())
    again.block()
    account = again.app.auth.account(again.app.context_at(0), TWO_OF_THREE.address)
    assert account is not None
    assert isinstance(account.pub_key, Multisig)
    assert account.pub_key.address == TWO_OF_THREE.amino.address
    assert account.sequence == 1


def test_gas_is_charged_for_each_signature() -> None:
    """As in wasmd 0.61.14: a third signature costs 1000 for itself and 720 for the 72 bytes that it adds."""
    office = Office(TWO_OF_THREE)
    office.run(office.tx(BOTH, TWO))
    two = office.run(office.tx(BOTH, TWO, sequence=1))
    three_bits = multi([1, 1, 1], DIRECT_MODE, DIRECT_MODE, DIRECT_MODE)
    three = office.run(office.tx(three_bits, by((A, DIRECT), (B, DIRECT), (C, DIRECT)), sequence=2))
    assert (two.code, three.code) == (0, 0)
    assert three.gas_used - two.gas_used == 1000 + 10 * 72


def test_a_simulation_imagines_as_many_signatures_as_there_may_be() -> None:
    """128 bytes of the key as amino has it, 66 of a signature, 6 around them; wasmd 0.61.14 charges the same."""
    assert signatures.imagined_size(from_any(TWO_OF_THREE.key), 7) == 7 * (128 + 66 + 6)
    assert signatures.imagined_size(from_any(public_key(A)), 7) == 40 + 66 + 6
