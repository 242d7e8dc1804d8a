"""Invariants of the light client, for inputs that nobody thought of."""

import json
import random
from dataclasses import dataclass, replace
from typing import Any

from helpers.trees import Store, multistore
from helpers.validators import GENESIS, SECOND, make_block, signers, validator_set
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.lightclients.tendermint.v1 import tendermint_pb2
from cosmos_pb.tendermint.types import types_pb2, validator_pb2
from light_client import bech32, client, codec, commitment, host, ics23, proof_codec, rpcjson
from light_client.client import ClientHeader, ClientState, ConsensusState
from light_client.errors import LightClientError
from light_client.proofs import IAVL_SPEC, SDK_SPECS, ExistenceProof, NonExistenceProof
from light_client.values import (
    MAX_TIME,
    ZERO_HEIGHT,
    ZERO_TIME,
    Fraction,
    Height,
    Timestamp,
)

thorough = settings(deadline=None, max_examples=150)

KEYS = st.binary(min_size=1, max_size=12)
ITEMS = st.dictionaries(KEYS, st.binary(min_size=1, max_size=12), min_size=1, max_size=12)


@thorough
@given(ITEMS, KEYS)
def test_a_key_is_provable_or_its_absence_is(items: dict[bytes, bytes], key: bytes) -> None:
    store = Store(items)
    proof = proof_codec.encode(store.prove(key))
    if key in items:
        ics23.verify_membership(IAVL_SPEC, store.root, proof, key, items[key])
        assert not holds(ics23.verify_non_membership, IAVL_SPEC, store.root, proof, key)
    else:
        ics23.verify_non_membership(IAVL_SPEC, store.root, proof, key)
        for claimed in items.values():
            assert not holds(ics23.verify_membership, IAVL_SPEC, store.root, proof, key, claimed)


@thorough
@given(ITEMS, st.data())
def test_a_proof_holds_for_one_key_and_value(
    items: dict[bytes, bytes], data: st.DataObject
) -> None:
    store = Store(items)
    key = data.draw(st.sampled_from(store.keys))
    other_key, other_value = data.draw(KEYS), data.draw(KEYS)
    proof = store.existence(key)
    held = holds(ics23.verify_membership, IAVL_SPEC, store.root, proof, other_key, other_value)
    assert held == ((other_key, other_value) == (key, items[key]))


@thorough
@given(ITEMS, KEYS, st.data())
def test_no_two_neighbours_hide_a_key(
    items: dict[bytes, bytes], key: bytes, data: st.DataObject
) -> None:
    """Whatever leaves are put together, what is there is never proven absent."""
    store = Store(items)
    chosen = st.none() | st.sampled_from(store.keys).map(store.existence)
    present = data.draw(st.sampled_from(store.keys))
    for wanted in (present, key):
        proof = NonExistenceProof(wanted, data.draw(chosen), data.draw(chosen))
        if holds(ics23.verify_non_membership, IAVL_SPEC, store.root, proof, wanted):
            assert wanted not in items


@thorough
@given(ITEMS, KEYS, st.data())
def test_a_flipped_bit_of_a_proof_is_refused(
    items: dict[bytes, bytes], key: bytes, data: st.DataObject
) -> None:
    """But for the key of an absence, which only informs, and for bytes that mean nothing."""
    store = Store(items)
    root, stores = multistore({"ibc": store.root, "bank": b"\1" * 32, "wasm": b"\2" * 32})
    proofs = (store.prove(key), stores["ibc"])
    encoded = proof_codec.encode_merkle(proofs)
    changed = flip(encoded, data.draw(st.integers(0, len(encoded) * 8 - 1)))
    path = (b"ibc", key)
    if key in items:
        held = holds(commitment.verify_membership, SDK_SPECS, root, path, items[key], changed)
    else:
        held = holds(commitment.verify_non_membership, SDK_SPECS, root, path, changed)
    if held:
        assert meaning(proof_codec.decode_merkle(changed)) == meaning(proofs)


MEMBERS = signers(7)
BLOCK = make_block("chain-1", 9, MEMBERS, app_hash=b"\x0a" * 32)
TRUSTED = make_block("chain-1", 5, MEMBERS)
MESSAGE = ClientHeader(BLOCK.signed_header, BLOCK.validators, Height(1, 5), validator_set(MEMBERS))
ENCODED = codec.client_header_to_pb(MESSAGE).SerializeToString()
STATE = ClientState(
    "chain-1", Fraction(1, 3), 10**6 * SECOND, 10**7 * SECOND, SECOND, ZERO_HEIGHT, Height(1, 5)
)
NOW = GENESIS.add(100 * SECOND)


@dataclass
class OneState:
    """A client that knows one height."""

    state: ConsensusState

    def get(self, height: Height, /) -> ConsensusState | None:
        return self.state if height == Height(1, 5) else None

    def previous(self, _height: Height, /) -> tuple[Height, ConsensusState] | None:
        return None

    next = previous

    def processed(self, _height: Height, /) -> tuple[int | None, Height | None] | None:
        return None


HISTORY = OneState(
    ConsensusState(
        TRUSTED.header.time, TRUSTED.header.app_hash, TRUSTED.header.next_validators_hash
    )
)


@settings(deadline=None, max_examples=400)
@given(st.integers(0, len(ENCODED) * 8 - 1))
def test_a_flipped_bit_of_a_header_changes_nothing_that_becomes_trusted(bit: int) -> None:
    """Most flips are refused; the rest hit what nobody counts, such as a late signature."""
    try:
        pb = codec.parse(tendermint_pb2.Header, flip(ENCODED, bit))
        message = codec.client_header_from_pb(pb)
        client.verify_client_message(STATE, HISTORY, message, NOW)
    except LightClientError:
        return
    assert message.signed_header.header == MESSAGE.signed_header.header
    assert message.consensus_state == MESSAGE.consensus_state
    assert message.height == MESSAGE.height


@thorough
@given(st.data())
def test_a_flipped_bit_of_a_header_field_is_refused(data: st.DataObject) -> None:
    header = BLOCK.header
    name = data.draw(
        st.sampled_from(
            [field for field in header.__slots__ if isinstance(getattr(header, field), bytes)]
        )
    )
    value = getattr(header, name)
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    changes: dict[str, Any] = {name: flip(value, bit)}
    changed = replace(header, **changes)
    assert refused(replace(MESSAGE, signed_header=replace(BLOCK.signed_header, header=changed)))


@thorough
@given(st.integers(0, 4), st.integers(0, 64 * 8 - 1))
def test_a_flipped_bit_of_a_counted_signature_is_refused(index: int, bit: int) -> None:
    """Five of seven votes exceed two thirds, so the first five are checked."""
    votes = list(BLOCK.commit.signatures)
    votes[index] = replace(votes[index], signature=flip(votes[index].signature, bit))
    commit = replace(BLOCK.commit, signatures=tuple(votes))
    assert refused(replace(MESSAGE, signed_header=replace(BLOCK.signed_header, commit=commit)))


@thorough
@given(st.integers(0, 6), st.integers(0, 32 * 8 - 1), st.integers(-9, 9), st.booleans())
def test_a_changed_key_or_power_is_refused(index: int, bit: int, power: int, ours: bool) -> None:
    members = list(BLOCK.validators.validators)
    old = members[index]
    key = replace(old.pub_key, data=flip(old.pub_key.data, bit))
    changed = replace(old, power=old.power + power) if power else replace(old, pub_key=key)
    members[index] = changed
    forged = replace(BLOCK.validators, validators=tuple(members), proposer=members[0])
    message = (
        replace(MESSAGE, validator_set=forged)
        if ours
        else replace(MESSAGE, trusted_validators=forged)
    )
    assert refused(message)


BINARY_DECODERS = {
    "proof": proof_codec.decode,
    "merkle proof": proof_codec.decode_merkle,
    "header": lambda raw: codec.header_from_pb(codec.parse(types_pb2.Header, raw)),
    "commit": lambda raw: codec.commit_from_pb(codec.parse(types_pb2.Commit, raw)),
    "validators": lambda raw: codec.validator_set_from_pb(
        codec.parse(validator_pb2.ValidatorSet, raw)
    ),
    "light block": lambda raw: codec.light_block_from_pb(codec.parse(types_pb2.LightBlock, raw)),
    "packet": lambda raw: codec.packet_from_pb(codec.parse(channel_pb2.Packet, raw)),
    "client state": lambda raw: codec.client_state_from_pb(
        codec.parse(tendermint_pb2.ClientState, raw)
    ),
    "consensus state": lambda raw: codec.consensus_state_from_pb(
        codec.parse(tendermint_pb2.ConsensusState, raw)
    ),
    "client header": lambda raw: codec.client_header_from_pb(
        codec.parse(tendermint_pb2.Header, raw)
    ),
    "misbehaviour": lambda raw: codec.misbehaviour_from_pb(
        codec.parse(tendermint_pb2.Misbehaviour, raw)
    ),
}
SEEDS = [
    b"",
    ENCODED,
    proof_codec.encode(Store({b"a": b"b", b"c": b"d"}).prove(b"b")),
    codec.client_state_to_pb(STATE).SerializeToString(),
    codec.validator_set_to_pb(BLOCK.validators).SerializeToString(),
    codec.commit_to_pb(BLOCK.commit).SerializeToString(),
]


@thorough
@given(st.binary(max_size=200))
@example(b"\x0a\x00\x12\x00\x1a\x00")
def test_arbitrary_bytes_are_a_value_or_our_error(raw: bytes) -> None:
    for decode in BINARY_DECODERS.values():
        value_or_our_error(decode, raw)


@thorough
@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False))
def test_damaged_bytes_are_a_value_or_our_error(seed: bytes, random_: random.Random) -> None:
    damaged = bytearray(seed)
    for _ in range(random_.randint(1, 4)):
        position = random_.randint(0, len(damaged))
        damaged[position : position + random_.randint(0, 2)] = random_.randbytes(
            random_.randint(0, 2)
        )
    for decode in BINARY_DECODERS.values():
        value = value_or_our_error(decode, bytes(damaged))
        if isinstance(value, ClientHeader):
            assert refused(value) or value.consensus_state == MESSAGE.consensus_state


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
RPC_READERS = (
    rpcjson.header_from_json,
    rpcjson.commit_from_json,
    rpcjson.signed_header_from_json,
    rpcjson.block_id_from_json,
    rpcjson.validators_from_json,
    rpcjson.validator_set_from_json,
    rpcjson.public_key_from_json,
    rpcjson.evidence_from_json,
)
SIGNED = rpcjson.signed_header_to_json(BLOCK.signed_header)


@thorough
@given(JSON)
def test_arbitrary_json_is_a_value_or_our_error(value: Any) -> None:
    for read in RPC_READERS:
        value_or_our_error(read, value)


@thorough
@given(st.sampled_from(sorted(SIGNED["header"])), JSON)
def test_a_header_with_an_arbitrary_field_hashes_or_is_our_error(name: str, value: Any) -> None:
    header = value_or_our_error(rpcjson.header_from_json, {**SIGNED["header"], name: value})
    if header is not None:
        assert len(header.hash()) in {0, 32}
        value_or_our_error(lambda it: it.validate_basic(), header)


@thorough
@given(st.sampled_from(sorted(SIGNED["commit"]["signatures"][0])), JSON)
def test_a_vote_with_an_arbitrary_field_hashes_or_is_our_error(name: str, value: Any) -> None:
    commit = json.loads(json.dumps(SIGNED["commit"]))
    commit["signatures"][0][name] = value
    read = value_or_our_error(rpcjson.commit_from_json, commit)
    if read is not None:
        assert len(read.hash()) == 32
        assert read.sign_bytes("chain-1", 0)


@thorough
@given(st.text(max_size=60))
def test_arbitrary_text_is_a_value_or_our_error(text: str) -> None:
    for read in (
        bech32.decode,
        host.parse_client_id,
        host.parse_channel_id,
        host.parse_connection_id,
        host.parse_height,
        host.validate_client_id,
        host.validate_connection_id,
        host.validate_channel_id,
        host.validate_port_id,
    ):
        value_or_our_error(read, text)


@thorough
@given(st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True), st.binary(max_size=64))
def test_bech32_comes_back(hrp: str, data: bytes) -> None:
    assert bech32.decode(bech32.encode(hrp, data)) == (hrp, data)


@thorough
@given(st.integers(ZERO_TIME.ns, MAX_TIME.ns))
def test_times_come_back(ns: int) -> None:
    time = Timestamp.from_ns(ns)
    assert time.ns == ns
    assert Timestamp.parse(time.rfc3339()) == time


def holds(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except LightClientError:
        return False
    return True


def refused(message: ClientHeader) -> bool:
    return not holds(client.verify_client_message, STATE, HISTORY, message, NOW)


def value_or_our_error(read: Any, argument: Any) -> Any:
    try:
        return read(argument)
    except LightClientError:
        return None


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def meaning(proofs: Any) -> Any:
    """A proof without the key that an absence names, and with an unwritten suffix as empty."""
    return [
        (strip(proof.left), strip(proof.right))
        if isinstance(proof, NonExistenceProof)
        else strip(proof)
        for proof in proofs
    ]


def strip(proof: ExistenceProof | None) -> Any:
    if proof is None:
        return None
    path = [(op.hash, op.prefix, op.suffix or b"") for op in proof.path]
    return proof.key, proof.value, proof.leaf, path
