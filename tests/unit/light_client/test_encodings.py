"""Addresses without keys, amino, ABI, Keccak: against figures that are known, and the refusals."""

from hashlib import sha256

import pytest

from light_client import abi, addresses, amino, bech32
from light_client.attestation import PacketAttestation, StateAttestation
from light_client.errors import DecodeError
from light_client.gmp import GmpAcknowledgement, GmpPacketData
from light_client.keccak import keccak256

KEY = amino.Key(amino.SECP256K1, b"\x02" + bytes(32))
OTHER = amino.Key(amino.ED25519, bytes(range(32)))


def test_keccak_is_not_sha3() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"").hex() == empty
    assert keccak256(b"transfer(address,uint256)")[:4].hex() == "a9059cbb"
    assert len({keccak256(bytes(size)) for size in (0, 134, 135, 136, 137, 272)}) == 6


def test_modules_have_the_accounts_of_the_cosmos_hub() -> None:
    gov = bech32.encode("cosmos", addresses.module_account("gov"))
    assert gov == "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn"


def test_who_speaks_for_whom_differs_by_channel_and_sender() -> None:
    made = [
        addresses.hooked(channel, who) for channel in ("channel-0", "channel-1") for who in "ab"
    ]
    assert len(set(made)) == 4
    assert {len(each) for each in made} == {32}
    assert len(addresses.forwarded("channel-0", "a")) == 20
    assert addresses.gmp_account("07-tendermint-0", "a", b"") != addresses.gmp_account(
        "07-tendermint-0", "", b"a"
    )
    one, two = (addresses.interchain_account("connection-0", "p", each) for each in (b"1", b"2"))
    assert one != two


def test_amino_keys_come_back() -> None:
    for key in (KEY, OTHER):
        assert amino.decode_key(key.encode()) == key
    assert OTHER.address == sha256(OTHER.data).digest()[:20]
    for broken in (b"", KEY.encode()[:-1], OTHER.encode() + b"x"):
        with pytest.raises(DecodeError, match="no amino key"):
            amino.decode_key(broken)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"type": amino.ED25519},
        {"type": amino.ED25519, "value": "*"},
        {"type": "x", "value": ""},
        {"type": {}, "value": ""},
    ],
)
def test_json_that_is_no_key(value: object) -> None:
    with pytest.raises(DecodeError, match="key"):
        amino.key_from_json(value)


def test_the_order_of_keys_is_part_of_a_multisig() -> None:
    both, turned = (amino.Multisig(1, keys) for keys in ((KEY, OTHER), (OTHER, KEY)))
    assert both.address != turned.address
    nested = amino.Multisig(2, (both, KEY))
    assert both.encode() in nested.encode()


def test_signed_json_is_sorted_and_escaped_as_in_go() -> None:
    document = {"b": "<&>", "a": ["\u2028", None, True, 1]}
    assert (
        amino.sign_bytes(document) == b'{"a":["\\u2028",null,true,1],"b":"\\u003c\\u0026\\u003e"}'
    )


def test_a_key_from_json_has_the_accounts_address() -> None:
    value = "AtQaCqFnshaZQp6rIkvAPyzThvCvXSDO+9AzbxVErqJP"
    key = amino.key_from_json({"type": amino.SECP256K1, "value": value})
    assert bech32.encode("cosmos", key.address) == "cosmos1h806c7khnvmjlywdrkdgk2vrayy2mmvf9rxk2r"


@pytest.mark.parametrize("count", range(18))
def test_bit_arrays_come_back(count: int) -> None:
    bits = [at % 3 == 0 for at in range(count)]
    array = amino.CompactBitArray.of(bits)
    assert array.bits() == bits
    assert array.extra_bits_stored == count % 8


def test_abi_puts_what_has_no_fixed_size_behind_the_rest() -> None:
    words = [abi.encode(abi.Tuple((1, "ab", 2)))[at : at + 32] for at in range(0, 192, 32)]
    assert [int.from_bytes(word, "big") for word in words[:5]] == [32, 1, 96, 2, 2]
    assert words[5] == b"ab" + bytes(30)
    assert abi.encode(abi.Array(())) == (32).to_bytes(32, "big") + bytes(32)
    assert abi.encode(abi.Tuple((abi.Fixed(b"x" * 32), 3))) == b"x" * 32 + (3).to_bytes(32, "big")
    with pytest.raises(OverflowError):
        abi.encode(2**256)


def test_attestations_of_one_kind_do_not_pass_for_the_other() -> None:
    state, packets = StateAttestation(5, 0), PacketAttestation(5, ((bytes(32), b"\1" * 32),))
    assert state.digest() != packets.digest()
    assert state.digest() == sha256(b"\1" + sha256(state.encode()).digest()).digest()
    assert packets.encode()[-64:] == bytes(32) + b"\1" * 32


def test_gmp_packets_and_answers() -> None:
    data = GmpPacketData("a", "b", b"", b"\1", "")
    assert data.to_proto() == b"\x0a\x01a\x12\x01b\x22\x01\x01"
    assert len(data.to_abi()) % 32 == 0
    answer = GmpAcknowledgement(b"\7")
    assert answer.to_proto() == b"\x0a\x01\x07"
    assert answer.to_abi()[-32:] == b"\7" + bytes(31)
