"""Types of account keys. Codes, texts, gas and the recorded transaction are what wasmd 0.61.14 answered and took."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from helpers.accounts import Person, fee, pack, public_key
from helpers.chains import CHAIN_ID, Solo, genesis

from chain import signatures
from chain.errors import AbciError, GenesisError
from chain.keys import PublicKey, from_any
from chain.modules.auth.params import Params
from chain.signing import DIRECT
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmos.crypto.ed25519 import keys_pb2 as ed25519_pb2
from cosmos_pb.cosmos.crypto.multisig import keys_pb2 as multisig_pb2
from cosmos_pb.cosmos.crypto.multisig.v1beta1 import multisig_pb2 as signature_pb2
from cosmos_pb.cosmos.crypto.secp256k1 import keys_pb2 as secp256k1_pb2
from cosmos_pb.cosmos.crypto.secp256r1 import keys_pb2 as secp256r1_pb2
from cosmos_pb.cosmos.tx.v1beta1 import service_pb2, tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci
from light_client import addresses, bech32, wire

ALICE = Person("alice")
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
R1: Final = "/cosmos.crypto.secp256r1.PubKey"
SINGLE = tx_pb2.ModeInfo(single=tx_pb2.ModeInfo.Single(mode=DIRECT))


@dataclass(frozen=True)
class Passkey:
    """An account of a secp256r1 key that follows from ``name``."""

    name: str

    @property
    def _private(self) -> ec.EllipticCurvePrivateKey:
        digest = sha256(f"lightship test key {self.name}".encode()).digest()
        return ec.derive_private_key(int.from_bytes(digest, "big") % ORDER, ec.SECP256R1())

    @property
    def public(self) -> bytes:
        point = serialization.PublicFormat.CompressedPoint
        return self._private.public_key().public_bytes(serialization.Encoding.X962, point)

    @property
    def key(self) -> any_pb2.Any:
        return pack(secp256r1_pb2.PubKey(key=self.public))

    @property
    def address(self) -> str:
        raw = addresses.hashed(b"cosmos.crypto.secp256r1.PubKey", self.public)
        return bech32.encode("cosmos", raw)

    def sign(self, document: bytes, *, high: bool = False) -> bytes:
        r, s = utils.decode_dss_signature(
            self._private.sign(document, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        )
        low = min(s, ORDER - s)
        return r.to_bytes(32, "big") + (ORDER - low if high else low).to_bytes(32, "big")


@dataclass(frozen=True)
class Validator:
    """An account of an ed25519 key."""

    name: str

    @property
    def _private(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(sha256(self.name.encode()).digest())

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    @property
    def key(self) -> any_pb2.Any:
        return pack(ed25519_pb2.PubKey(key=self.public))

    @property
    def address(self) -> str:
        return bech32.encode("cosmos", sha256(self.public).digest()[:20])

    def sign(self, document: bytes) -> bytes:
        return self._private.sign(document)


Holder = Passkey | Validator
PASSKEY, OTHER, VALIDATOR = Passkey("one"), Passkey("other"), Validator("one")


@pytest.fixture
def solo() -> Solo:
    chain = Solo(genesis({ALICE: "100000000stake"}))
    chain.block()
    for address in (PASSKEY.address, VALIDATOR.address):
        send = _send(ALICE.address, address, "1000000")
        assert chain.block(chain.tx(ALICE, send))[0].code == 0
    return chain


def _send(sender: str, recipient: str, amount: str) -> bank_tx.MsgSend:
    coins = [coin_pb2.Coin(denom="stake", amount=amount)]
    return bank_tx.MsgSend(from_address=sender, to_address=recipient, amount=coins)


def _raw(
    solo: Solo,
    holder: Holder,
    key: any_pb2.Any | None = None,
    *,
    unsigned: bool = False,
    high: bool = False,
) -> bytes:
    """A transaction of one coin from ``holder`` to Alice; ``key`` is shown in the place of his own."""
    account = solo.app.auth.account(solo.app.context_at(0), holder.address)
    assert account is not None
    info = tx_pb2.SignerInfo(
        public_key=key or holder.key, mode_info=SINGLE, sequence=account.sequence
    )
    document = tx_pb2.SignDoc(
        body_bytes=tx_pb2.TxBody(
            messages=[pack(_send(holder.address, ALICE.address, "1"))]
        ).SerializeToString(),
        auth_info_bytes=tx_pb2.AuthInfo(
            signer_infos=[info], fee=fee("100stake", 300_000)
        ).SerializeToString(),
        chain_id=CHAIN_ID,
        account_number=account.number,
    )
    signed = document.SerializeToString()
    signature = holder.sign(signed, high=True) if high else holder.sign(signed)  # type: ignore[call-arg]
    return tx_pb2.TxRaw(
        body_bytes=document.body_bytes,
        auth_info_bytes=document.auth_info_bytes,
        signatures=[b"" if unsigned else signature],
    ).SerializeToString()


def _simulated(solo: Solo, raw: bytes) -> abci.ResponseQuery:
    request = service_pb2.SimulateRequest(tx_bytes=raw)
    return solo.query("/cosmos.tx.v1beta1.Service/Simulate", request)


@pytest.mark.parametrize("holder", [PASSKEY, VALIDATOR])
def test_accounts_of_other_keys_send(solo: Solo, holder: Holder) -> None:
    for sequence in range(2):
        assert solo.block(_raw(solo, holder))[0].code == 0
        account = solo.app.auth.account(solo.app.context_at(0), holder.address)
        assert account is not None
        assert account.sequence == sequence + 1
        assert account.pub_key == from_any(holder.key)


RECORDED = base64.b64decode(
    "Cp0BCpoBChwvY29zbW9zLmJhbmsudjFiZXRhMS5Nc2dTZW5kEnoKP3dhc20xeXYwZ3UwZzNhazQ4Z2Zsa2hnaHJ2OWVuZ2Zw"
    "OXNzOHduNDU5bDI3azh3ZXhhdmw5OWF3c2hzYzlndRIrd2FzbTE4czVseW5ubXgzN2hxNHdscnc5Z2RuNjhzZzJ1eHA1cjIz"
    "Z2xuNBoKCgVzdGFrZRIBMRJnClAKRgofL2Nvc21vcy5jcnlwdG8uc2VjcDI1NnIxLlB1YktleRIjCiEDbJAPxLUXVborZeI8"
    "o/cnlT8nRALTlpEzV/XICS1GuE4SBAoCCAEYARITCg0KBXN0YWtlEgQzMDAxEMCpBxpAN78t1gOCHg2aH29U1LV5I2xEQA20"
    "nyOnQEPgZkxL/q5Tb8n4RjSpJYPM4JZ4rtL6nGH/d+zVYMxbvh1iSnCx4g=="
)
"""Of account 18 on the chain wasm-acct-1, which took it."""


def test_a_transaction_that_wasmd_took() -> None:
    raw = tx_pb2.TxRaw.FromString(RECORDED)
    info = tx_pb2.AuthInfo.FromString(raw.auth_info_bytes).signer_infos[0]
    key = from_any(info.public_key)
    sent = tx_pb2.TxBody.FromString(raw.body_bytes).messages[0]
    sender = bank_tx.MsgSend.FromString(sent.value).from_address
    assert bech32.encode("wasm", key.address) == sender
    document = tx_pb2.SignDoc(
        body_bytes=raw.body_bytes,
        auth_info_bytes=raw.auth_info_bytes,
        chain_id="wasm-acct-1",
        account_number=18,
    ).SerializeToString()
    assert isinstance(key, PublicKey)
    assert key.verify(document, raw.signatures[0])
    assert not key.verify(document + b"x", raw.signatures[0])


SIGNED = PASSKEY.sign(b"text")


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        SIGNED[:63],
        SIGNED + b"\0",
        bytes(64),
        SIGNED[:32] + bytes(32),
        bytes(32) + SIGNED[32:],
        ORDER.to_bytes(32, "big") + SIGNED[32:],
        b"\xff" * 32 + SIGNED[32:],
        PASSKEY.sign(b"text", high=True),
        OTHER.sign(b"text"),
    ],
)
def test_signatures_that_do_not_hold(signature: bytes) -> None:
    key = from_any(PASSKEY.key)
    assert isinstance(key, PublicKey)
    assert key.verify(b"text", SIGNED)
    assert not key.verify(b"text", signature)


def test_a_signature_with_a_high_s_is_refused(solo: Solo) -> None:
    result = solo.check(_raw(solo, PASSKEY, high=True))
    assert (result.codespace, result.code) == ("sdk", 4)
    assert "(unable to verify single signer signature): unauthorized" in result.log


@pytest.mark.parametrize(
    ("holder", "cost", "text"),
    [
        (PASSKEY, 500, "ante verify: secp256r1"),
        (VALIDATOR, 590, "ante verify: ed25519"),
    ],
)
def test_what_a_signature_costs(holder: Holder, cost: int, text: str) -> None:
    charged: list[tuple[int, str]] = []

    class Meter:
        def consume(self, amount: int, descriptor: str) -> None:
            charged.append((amount, descriptor))

    signatures.charge(Meter(), from_any(holder.key), None, Params())  # type: ignore[arg-type]
    assert charged == [(cost, text)]


def _of(url: str, *fields: bytes) -> any_pb2.Any:
    return any_pb2.Any(type_url=url, value=b"".join(fields))


def _field(key: bytes, number: int = 1) -> bytes:
    return wire.bytes_field(number, key) if key else bytes([number << 3 | 2, 0])


K1, ED = "/cosmos.crypto.secp256k1.PubKey", "/cosmos.crypto.ed25519.PubKey"
CURVE = "wrong ECDSA PK bytes"
NO_KEY = "against interface *types.PubKey"
UNDECODED = ": tx parse error: tx parse error"
REFUSED: dict[str, tuple[any_pb2.Any, int, str]] = {
    "32 bytes": (
        _of(R1, _field(PASSKEY.public[:32])),
        2,
        f"{CURVE}, expecting 33 bytes, got 32: invalid pubkey{UNDECODED}",
    ),
    "34 bytes": (
        _of(R1, _field(PASSKEY.public + b"\1")),
        2,
        f"{CURVE}, expecting 33 bytes, got 34: invalid pubkey{UNDECODED}",
    ),
    "none": (
        _of(R1, _field(b"")),
        2,
        f"{CURVE}, expecting 33 bytes, got 0: invalid pubkey{UNDECODED}",
    ),
    "no point": (
        _of(R1, _field(b"\2" + b"\xff" * 32)),
        2,
        f"{CURVE}, unknown curve type: 2: invalid pubkey{UNDECODED}",
    ),
    "another form of point": (
        _of(R1, _field(b"\4" + PASSKEY.public[1:])),
        2,
        f"{CURVE}, unknown curve type: 4: invalid pubkey{UNDECODED}",
    ),
    "not there": (
        _of(R1),
        111222,
        "recovered: runtime error: invalid memory address or nil pointer dereference: panic",
    ),
    "an unknown field": (
        _of(R1, _field(PASSKEY.public), _field(b"x", 2)),
        2,
        f'errUnknownField "*secp256r1.PubKey": {{TagNum: 2, WireType:"bytes"}}{UNDECODED}',
    ),
    "an unknown field of secp256k1": (
        _of(K1, _field(b"\2" * 33), _field(b"x", 2)),
        2,
        f'errUnknownField "*secp256k1.PubKey": {{TagNum: 2, WireType:"bytes"}}{UNDECODED}',
    ),
    "32 bytes of secp256k1": (
        pack(secp256k1_pb2.PubKey(key=b"\2" * 32)),
        111222,
        "recovered: length of pubkey is incorrect: panic",
    ),
    "none of secp256k1": (
        pack(secp256k1_pb2.PubKey()),
        111222,
        "recovered: length of pubkey is incorrect: panic",
    ),
    "31 bytes of ed25519": (
        pack(ed25519_pb2.PubKey(key=b"\2" * 31)),
        111222,
        "recovered: pubkey is incorrect size: panic",
    ),
    "Ethereum's": (
        _of("/ethermint.crypto.v1.ethsecp256k1.PubKey", _field(PASSKEY.public)),
        2,
        f"unable to resolve type URL /ethermint.crypto.v1.ethsecp256k1.PubKey{UNDECODED}",
    ),
    "sr25519": (
        _of("/cosmos.crypto.sr25519.PubKey", _field(PASSKEY.public)),
        2,
        f"unable to resolve type URL /cosmos.crypto.sr25519.PubKey{UNDECODED}",
    ),
    "no type": (_of("", _field(PASSKEY.public)), 2, f"unable to resolve type URL {UNDECODED}"),
    "no slash": (
        _of(K1[1:], _field(PASSKEY.public)),
        2,
        f"unable to resolve type URL {K1[1:]}{UNDECODED}",
    ),
    "a message": (
        _of("/cosmos.bank.v1beta1.MsgSend", _field(PASSKEY.public)),
        2,
        f"no concrete type registered for type URL /cosmos.bank.v1beta1.MsgSend {NO_KEY}{UNDECODED}",
    ),
    "a private key": (
        _of("/cosmos.crypto.secp256k1.PrivKey", _field(PASSKEY.public)),
        2,
        f"no concrete type registered for type URL /cosmos.crypto.secp256k1.PrivKey {NO_KEY}{UNDECODED}",
    ),
    "somebody else's": (
        OTHER.key,
        8,
        f"pubKey does not match signer address {PASSKEY.address} with signer index: 0: invalid pubkey",
    ),
    "a threshold key's member": (
        pack(multisig_pb2.LegacyAminoPubKey(threshold=1, public_keys=[OTHER.key])),
        111222,
        "recovered: Unregistered interface elliptic.Curve: panic",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_keys_that_are_refused(solo: Solo, name: str) -> None:
    key, code, text = REFUSED[name]
    result = solo.check(_raw(solo, PASSKEY, key))
    assert (result.code, result.log) == (code, text)


@pytest.mark.parametrize("name", ["32 bytes of secp256k1", "no point"])
def test_without_a_meter_only_the_context_costs(solo: Solo, name: str) -> None:
    """As in wasmd, where that is a read of the consensus parameters: after a panic, and before the ante handler."""
    key, _, _ = REFUSED[name]
    stored = solo.app.context_at(0).store.get("consensus", b"Consensus")
    assert stored is not None
    result = solo.check(_raw(solo, PASSKEY, key))
    assert (result.gas_wanted, result.gas_used) == (0, 1000 + 3 * (len(b"Consensus") + len(stored)))


def test_a_simulation_of_a_known_key_panics_in_amino(solo: Solo) -> None:
    """As in wasmd, where wallets with such keys have to simulate with a signature."""
    first = _simulated(solo, _raw(solo, PASSKEY, unsigned=True))
    assert first.code == 0, first.log
    assert solo.block(_raw(solo, PASSKEY))[0].code == 0
    unsigned = _simulated(solo, _raw(solo, PASSKEY, unsigned=True))
    text = "recovered: Cannot encode unregistered concrete type secp256r1.PubKey.: panic"
    assert (unsigned.codespace, unsigned.code) == ("sdk", 6)
    assert text in unsigned.log
    assert _simulated(solo, _raw(solo, PASSKEY)).code == 0


@pytest.mark.parametrize("key", [pack(secp256k1_pb2.PubKey(key=b"\2" * 32)), OTHER.key])
def test_a_simulation_looks_at_no_address(solo: Solo, key: any_pb2.Any) -> None:
    assert _simulated(solo, _raw(solo, PASSKEY, key, unsigned=True)).code == 0


def test_a_threshold_key_of_them_can_only_be_simulated(solo: Solo) -> None:
    key = pack(multisig_pb2.LegacyAminoPubKey(threshold=1, public_keys=[OTHER.key]))
    raw = tx_pb2.TxRaw.FromString(_raw(solo, PASSKEY, key))
    auth = tx_pb2.AuthInfo.FromString(raw.auth_info_bytes)
    bits = signature_pb2.CompactBitArray(extra_bits_stored=1, elems=b"\x80")
    multi = tx_pb2.ModeInfo.Multi(bitarray=bits, mode_infos=[SINGLE])
    auth.signer_infos[0].mode_info.CopyFrom(tx_pb2.ModeInfo(multi=multi))
    raw.auth_info_bytes = auth.SerializeToString()
    raw.signatures[0] = signature_pb2.MultiSignature(signatures=[SIGNED]).SerializeToString()
    simulated = _simulated(solo, raw.SerializeToString())
    assert simulated.code == 0, simulated.log


def test_a_genesis_may_hold_them(solo: Solo) -> None:
    for holder in (PASSKEY, VALIDATOR):
        assert solo.block(_raw(solo, holder))[0].code == 0
    again = Solo(solo.app.export_genesis())
    again.block()
    for holder in (PASSKEY, VALIDATOR):
        assert again.block(_raw(again, holder))[0].code == 0


def test_a_genesis_with_a_key_that_is_none_is_refused(solo: Solo) -> None:
    assert solo.block(_raw(solo, PASSKEY))[0].code == 0
    state = solo.app.export_genesis()
    account = next(
        one for one in state["auth"]["accounts"] if one.get("address") == PASSKEY.address
    )
    account["pub_key"]["key"] = base64.b64encode(b"\2" + b"\xff" * 32).decode()
    with pytest.raises(GenesisError, match="unknown curve type: 2"):
        Solo(state)


def test_an_account_that_amino_cannot_tell(solo: Solo) -> None:
    with pytest.raises(AbciError, match="unregistered concrete type"):
        signatures.imagined_size(from_any(PASSKEY.key), 7)
    assert signatures.imagined_size(from_any(public_key(ALICE)), 7) == 40 + 66 + 6
