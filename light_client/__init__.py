"""Light clients for CometBFT chains: evidence in, trust out.

Pure functions over bytes: no I/O, no clock, no event loop; time is an argument.

* `verify`, `bisect` in `light_client.verify`: from a trusted header to a new one.
* `light_client.answers`: what a node's RPC answers say, and values that a header proves.
* `light_client.ics23` and `light_client.commitment`: proofs against a verified app hash.
* `light_client.client`: the 07-tendermint client that chains run.
* `light_client.codec` and `light_client.rpcjson`: protobuf and RPC JSON to values and back.

Names below are loaded when first used, so that importing one small module stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from light_client.client import ClientState, ConsensusState, History, Status
    from light_client.commit import Commit, CommitSig, LightBlock, SignedHeader
    from light_client.errors import (
        ClientError,
        DecodeError,
        IdentifierError,
        LightClientError,
        NotEnoughPower,
        NotEnoughTrust,
        ProofError,
        VerificationError,
    )
    from light_client.header import BlockID, Header, PartSetHeader, Version
    from light_client.keys import PublicKey
    from light_client.message import ClientHeader, Misbehaviour
    from light_client.packet import Packet
    from light_client.proofs import IAVL_SPEC, SMT_SPEC, TENDERMINT_SPEC, ProofSpec
    from light_client.validators import Validator, ValidatorSet
    from light_client.values import Fraction, Height, Timestamp
    from light_client.verify import Rules, Trusted, bisect

_NAMES: Final = {
    "client": ("ClientState", "ConsensusState", "History", "Status"),
    "commit": ("Commit", "CommitSig", "LightBlock", "SignedHeader"),
    "errors": (
        "ClientError",
        "DecodeError",
        "IdentifierError",
        "LightClientError",
        "NotEnoughPower",
        "NotEnoughTrust",
        "ProofError",
        "VerificationError",
    ),
    "header": ("BlockID", "Header", "PartSetHeader", "Version"),
    "keys": ("PublicKey",),
    "message": ("ClientHeader", "Misbehaviour"),
    "packet": ("Packet",),
    "proofs": ("IAVL_SPEC", "SMT_SPEC", "TENDERMINT_SPEC", "ProofSpec"),
    "validators": ("Validator", "ValidatorSet"),
    "values": ("Fraction", "Height", "Timestamp"),
    "verify": ("Rules", "Trusted", "bisect"),
}
_HOME: Final = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "IAVL_SPEC",
    "SMT_SPEC",
    "TENDERMINT_SPEC",
    "BlockID",
    "ClientError",
    "ClientHeader",
    "ClientState",
    "Commit",
    "CommitSig",
    "ConsensusState",
    "DecodeError",
    "Fraction",
    "Header",
    "Height",
    "History",
    "IdentifierError",
    "LightBlock",
    "LightClientError",
    "Misbehaviour",
    "NotEnoughPower",
    "NotEnoughTrust",
    "Packet",
    "PartSetHeader",
    "ProofError",
    "ProofSpec",
    "PublicKey",
    "Rules",
    "SignedHeader",
    "Status",
    "Timestamp",
    "Trusted",
    "Validator",
    "ValidatorSet",
    "VerificationError",
    "Version",
    "bisect",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
