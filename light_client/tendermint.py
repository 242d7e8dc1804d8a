"""Light clients for CometBFT: everything that is needed to follow a chain and to believe what it says.

    root = Trusted.from_block(block)                     # by decree: its hash came from somebody you trust
    rules = Rules(trusting_period_ns=14 * 24 * 3600 * 10**9)
    trusted = verify(root, newer_block, rules, now)      # one step, or NotEnoughTrust: try a nearer block
    asks = bisect(root, height, rules, now)              # a generator: yields heights, is sent light blocks
    commitment.verify_membership(SDK_SPECS, trusted.app_hash, path, value, proof)

A `LightBlock` comes from RPC JSON by `light_client.answers`, from protobuf by `light_client.codec`. What a chain keeps
of another one is `ClientState` and `ConsensusState`; `light_client.client` says what becomes of them. When two sources
disagree, `first_conflict` finds out where, and its `Conflict` is the evidence. Errors carry what they compared.
"""

from light_client.client import (
    ClientState,
    ConsensusState,
    History,
    Recovery,
    Status,
    Update,
    check_for_misbehaviour,
    freeze,
    recover,
    status,
    update_state,
    verify_client_message,
    verify_membership,
    verify_non_membership,
    verify_upgrade_and_update,
)
from light_client.commit import Commit, CommitSig, LightBlock, SignedHeader
from light_client.detector import (
    Ask,
    Attack,
    Conflict,
    FaultySource,
    Source,
    WitnessBehind,
    counter_accusation,
    drive,
    first_conflict,
)
from light_client.errors import (
    ClientError,
    DecodeError,
    DoubleVote,
    HeaderExpired,
    HeaderFromFuture,
    HeightNotIncreasing,
    LightClientError,
    Mismatch,
    NotEnoughPower,
    NotEnoughTrust,
    TimeNotIncreasing,
    VerificationError,
    WrongSignature,
)
from light_client.evidence import DuplicateVoteEvidence, LightClientAttackEvidence
from light_client.header import BlockID, Header, PartSetHeader, Version
from light_client.keys import KEY_TYPES, KeyType, PublicKey, UnsupportedKey
from light_client.message import ClientHeader, Misbehaviour
from light_client.validators import Validator, ValidatorSet
from light_client.values import Fraction, Height, Timestamp
from light_client.verify import (
    Rules,
    Trusted,
    bisect,
    trace,
    verify,
    verify_commit_light,
    verify_commit_trusting,
)

__all__ = [
    "KEY_TYPES",
    "Ask",
    "Attack",
    "BlockID",
    "ClientError",
    "ClientHeader",
    "ClientState",
    "Commit",
    "CommitSig",
    "Conflict",
    "ConsensusState",
    "DecodeError",
    "DoubleVote",
    "DuplicateVoteEvidence",
    "FaultySource",
    "Fraction",
    "Header",
    "HeaderExpired",
    "HeaderFromFuture",
    "Height",
    "HeightNotIncreasing",
    "History",
    "KeyType",
    "LightBlock",
    "LightClientAttackEvidence",
    "LightClientError",
    "Misbehaviour",
    "Mismatch",
    "NotEnoughPower",
    "NotEnoughTrust",
    "PartSetHeader",
    "PublicKey",
    "Recovery",
    "Rules",
    "SignedHeader",
    "Source",
    "Status",
    "TimeNotIncreasing",
    "Timestamp",
    "Trusted",
    "UnsupportedKey",
    "Update",
    "Validator",
    "ValidatorSet",
    "VerificationError",
    "Version",
    "WitnessBehind",
    "WrongSignature",
    "bisect",
    "check_for_misbehaviour",
    "counter_accusation",
    "drive",
    "first_conflict",
    "freeze",
    "recover",
    "status",
    "trace",
    "update_state",
    "verify",
    "verify_client_message",
    "verify_commit_light",
    "verify_commit_trusting",
    "verify_membership",
    "verify_non_membership",
    "verify_upgrade_and_update",
]
