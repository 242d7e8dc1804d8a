"""Every decoder of the light client as a function of bytes, and honest input for each to be damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from helpers.trees import Store
from helpers.validators import make_block, signers, validator_set

from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.lightclients.tendermint.v1 import tendermint_pb2
from cosmos_pb.tendermint.types import types_pb2, validator_pb2
from light_client import amino, answers, bech32, codec, host, ics23, proof_codec, rpcjson
from light_client.message import ClientHeader, Misbehaviour
from light_client.packet import Packet
from light_client.state import ClientState, ConsensusState
from light_client.values import ZERO_HEIGHT, Fraction, Height, Timestamp

Decode = Callable[[bytes], object]

BLOCK: Final = make_block("fuzz-1", 7, signers(4))
SIGNED: Final = rpcjson.signed_header_to_json(BLOCK.signed_header)
STORE: Final = Store({f"key-{n}".encode(): b"value" for n in range(7)})
HEADER: Final = ClientHeader(BLOCK.signed_header, BLOCK.validators, Height(1, 3), BLOCK.validators)
STATE: Final = ClientState(
    "fuzz-1", Fraction(1, 3), 10**15, 2 * 10**15, 10**10, ZERO_HEIGHT, Height(1, 7)
)
PACKET: Final = Packet(1, "a", "channel-0", "b", "channel-1", b"data", Height(1, 9), 5)


@dataclass(frozen=True, slots=True)
class Decoder:
    """`decode` must end in a value or in one of the light client's errors."""

    decode: Decode
    seeds: tuple[bytes, ...]


def _protobuf(kind: type[Message], convert: Callable[[Any], object], *seeds: Message) -> Decoder:
    encoded = tuple(seed.SerializeToString() for seed in seeds)
    return Decoder(lambda raw: convert(codec.parse(kind, raw)), encoded)


def _json(read: Callable[[Any], object], *seeds: Any) -> Decoder:
    """Bytes that are no JSON are nobody's error here: a reader is handed values."""

    def decode(raw: bytes) -> object:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return None
        return read(value)

    return Decoder(decode, tuple(json.dumps(seed).encode() for seed in seeds))


def _text(read: Callable[[str], object], *seeds: str) -> Decoder:
    return Decoder(lambda raw: read(raw.decode("utf-8", "replace")), tuple(map(str.encode, seeds)))


def _verified(raw: bytes) -> None:
    ics23.verify_membership(ics23.IAVL_SPEC, STORE.root, raw, b"key-3", b"value")


def _absent(raw: bytes) -> None:
    ics23.verify_non_membership(ics23.IAVL_SPEC, STORE.root, raw, b"key-3x")


_PROOF: Final = proof_codec.encode(STORE.prove(b"key-3"))
_GAP: Final = proof_codec.encode(STORE.prove(b"key-3x"))
_BATCH: Final = proof_codec.compress(ics23.BatchProof((STORE.existence(b"key-1"),)))
_TM: Final = tendermint_pb2
_VOTE: Final = {
    "type": 2,
    "height": "7",
    "round": 0,
    "block_id": SIGNED["commit"]["block_id"],
    "timestamp": "2024-01-01T00:00:00Z",
    "validator_address": "AA" * 20,
    "validator_index": 0,
    "signature": "A" * 86 + "==",
}
_DUPLICATE: Final = {
    "type": "tendermint/DuplicateVoteEvidence",
    "value": {
        "vote_a": _VOTE,
        "vote_b": _VOTE,
        "TotalVotingPower": "40",
        "ValidatorPower": "10",
        "Timestamp": "2024-01-01T00:00:00Z",
    },
}

DECODERS: Final[dict[str, Decoder]] = {
    "proof": Decoder(proof_codec.decode, (_PROOF, _GAP, _BATCH)),
    "merkle proof": Decoder(
        proof_codec.decode_merkle, (proof_codec.encode_merkle([STORE.prove(b"key-3")]),)
    ),
    "membership": Decoder(_verified, (_PROOF,)),
    "non-membership": Decoder(_absent, (_GAP,)),
    "header": _protobuf(types_pb2.Header, codec.header_from_pb, codec.header_to_pb(BLOCK.header)),
    "commit": _protobuf(types_pb2.Commit, codec.commit_from_pb, codec.commit_to_pb(BLOCK.commit)),
    "validators": _protobuf(
        validator_pb2.ValidatorSet,
        codec.validator_set_from_pb,
        codec.validator_set_to_pb(validator_set(signers(3))),
    ),
    "light block": _protobuf(
        types_pb2.LightBlock, codec.light_block_from_pb, codec.light_block_to_pb(BLOCK)
    ),
    "packet": _protobuf(channel_pb2.Packet, codec.packet_from_pb, codec.packet_to_pb(PACKET)),
    "client state": _protobuf(
        _TM.ClientState, codec.client_state_from_pb, codec.client_state_to_pb(STATE)
    ),
    "consensus state": _protobuf(
        _TM.ConsensusState,
        codec.consensus_state_from_pb,
        codec.consensus_state_to_pb(ConsensusState(Timestamp(1), b"root", b"\1" * 32)),
    ),
    "client header": _protobuf(
        _TM.Header, codec.client_header_from_pb, codec.client_header_to_pb(HEADER)
    ),
    "misbehaviour": _protobuf(
        _TM.Misbehaviour,
        codec.misbehaviour_from_pb,
        codec.misbehaviour_to_pb(Misbehaviour("07-tendermint-0", HEADER, HEADER)),
    ),
    "json header": _json(rpcjson.header_from_json, SIGNED["header"]),
    "json commit": _json(rpcjson.commit_from_json, SIGNED["commit"]),
    "json signed header": _json(rpcjson.signed_header_from_json, SIGNED),
    "json validators": _json(
        rpcjson.validators_from_json, rpcjson.validators_to_json(BLOCK.validators.validators)
    ),
    "json evidence": _json(rpcjson.evidence_from_json, _DUPLICATE),
    "json answer": _json(answers.signed_header, {"result": {"signed_header": SIGNED}}),
    "json key": _json(amino.key_from_json, {"type": amino.ED25519, "value": "AA" * 21 + "A="}),
    "amino key": Decoder(amino.decode_key, (amino.Key(amino.ED25519, bytes(32)).encode(),)),
    "bech32": _text(bech32.decode, bech32.encode("cosmos", bytes(20))),
    "client id": _text(host.parse_client_id, "07-tendermint-0"),
    "height": _text(host.parse_height, "1-2"),
    "time": _text(
        lambda text: rpcjson.header_from_json({**SIGNED["header"], "time": text}),
        "2024-01-01T00:00:00Z",
    ),
}
