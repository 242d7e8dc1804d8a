"""Consensus parameters (CometBFT ``types/params.go``): defaults, checks, JSON and protobuf forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from chain.errors import GenesisError
from cosmos_pb.google.protobuf import duration_pb2
from cosmos_pb.tendermint.types import params_pb2
from light_client import hashes
from light_client.keys import KEY_TYPES
from light_client.values import NS_PER_SECOND

MAX_BLOCK_BYTES: Final = 104_857_600
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ConsensusParams:
    """Sizes in bytes, gas in SDK gas (-1: no limit), durations in nanoseconds."""

    max_bytes: int = 22_020_096
    max_gas: int = -1
    evidence_max_age_blocks: int = 100_000
    evidence_max_age_ns: int = 172_800 * NS_PER_SECOND
    evidence_max_bytes: int = 1_048_576
    pub_key_types: tuple[str, ...] = ("ed25519",)
    app_version: int = 0
    vote_extensions_enable_height: int = 0

    def hash(self) -> bytes:
        """What headers carry as ``consensus_hash``."""
        return hashes.consensus_params_hash(self.max_bytes, self.max_gas)

    def validate(self) -> None:
        """Raises GenesisError, in the words of ``ConsensusParams.ValidateBasic``."""
        if self.max_bytes == 0 or self.max_bytes < -1:
            raise GenesisError(f"block.MaxBytes must be -1 or greater than 0. Got {self.max_bytes}")
        if self.max_bytes > MAX_BLOCK_BYTES:
            raise GenesisError(f"block.MaxBytes is too big. {self.max_bytes} > {MAX_BLOCK_BYTES}")
        if self.max_gas < -1:
            raise GenesisError(f"block.MaxGas must be greater or equal to -1. Got {self.max_gas}")
        if self.evidence_max_age_blocks <= 0:
            raise GenesisError(
                "evidence.MaxAgeNumBlocks must be greater than 0. "
                f"Got {self.evidence_max_age_blocks}"
            )
        if self.evidence_max_age_ns <= 0:
            raise GenesisError(
                f"evidence.MaxAgeDuration must be greater than 0. Got {self.evidence_max_age_ns}"
            )
        self._validate_key_types()

    def _validate_key_types(self) -> None:
        if not self.pub_key_types:
            raise GenesisError("len(Validator.PubKeyTypes) must be greater than 0")
        for name in self.pub_key_types:
            if name not in KEY_TYPES:
                raise GenesisError(f"params.Validator.PubKeyTypes: unknown pubkey type {name}")

    def updated(self, changes: params_pb2.ConsensusParams) -> ConsensusParams:
        """With the groups that ``changes`` carries replaced (``ConsensusParams.Update``)."""
        fields: dict[str, Any] = {}
        if changes.HasField("block"):
            fields |= {"max_bytes": changes.block.max_bytes, "max_gas": changes.block.max_gas}
        if changes.HasField("evidence"):
            age = changes.evidence.max_age_duration
            fields |= {
                "evidence_max_age_blocks": changes.evidence.max_age_num_blocks,
                "evidence_max_age_ns": age.seconds * NS_PER_SECOND + age.nanos,
                "evidence_max_bytes": changes.evidence.max_bytes,
            }
        if changes.HasField("validator"):
            fields["pub_key_types"] = tuple(changes.validator.pub_key_types)
        if changes.HasField("version"):
            fields["app_version"] = changes.version.app
        if changes.HasField("abci"):
            fields["vote_extensions_enable_height"] = changes.abci.vote_extensions_enable_height
        return replace(self, **fields)

    def to_pb(self) -> params_pb2.ConsensusParams:
        age = duration_pb2.Duration(
            seconds=self.evidence_max_age_ns // NS_PER_SECOND,
            nanos=self.evidence_max_age_ns % NS_PER_SECOND,
        )
        message = params_pb2.ConsensusParams(
            block=params_pb2.BlockParams(max_bytes=self.max_bytes, max_gas=self.max_gas),
            evidence=params_pb2.EvidenceParams(
                max_age_num_blocks=self.evidence_max_age_blocks,
                max_age_duration=age,
                max_bytes=self.evidence_max_bytes,
            ),
            validator=params_pb2.ValidatorParams(pub_key_types=self.pub_key_types),
            version=params_pb2.VersionParams(app=self.app_version),
        )
        message.abci.vote_extensions_enable_height = self.vote_extensions_enable_height
        return message

    def to_json(self) -> dict[str, Any]:
        return {
            "block": {"max_bytes": str(self.max_bytes), "max_gas": str(self.max_gas)},
            "evidence": {
                "max_age_num_blocks": str(self.evidence_max_age_blocks),
                "max_age_duration": str(self.evidence_max_age_ns),
                "max_bytes": str(self.evidence_max_bytes),
            },
            "validator": {"pub_key_types": list(self.pub_key_types)},
            "version": {"app": str(self.app_version)},
            "abci": {"vote_extensions_enable_height": str(self.vote_extensions_enable_height)},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ConsensusParams:
        """Absent groups and fields keep their defaults; raises GenesisError that names the field."""
        default = cls()
        block, evidence = _group(data, "block"), _group(data, "evidence")
        key_types = _group(data, "validator").get("pub_key_types", list(default.pub_key_types))
        if not isinstance(key_types, list) or not all(isinstance(each, str) for each in key_types):
            raise GenesisError("consensus_params.validator.pub_key_types must be a list of names")
        found = cls(
            max_bytes=_integer(block, "block.max_bytes", default.max_bytes),
            max_gas=_integer(block, "block.max_gas", default.max_gas),
            evidence_max_age_blocks=_integer(
                evidence, "evidence.max_age_num_blocks", default.evidence_max_age_blocks
            ),
            evidence_max_age_ns=_integer(
                evidence, "evidence.max_age_duration", default.evidence_max_age_ns
            ),
            evidence_max_bytes=_integer(evidence, "evidence.max_bytes", default.evidence_max_bytes),
            pub_key_types=tuple(key_types),
            app_version=_integer(_group(data, "version"), "version.app", 0),
            vote_extensions_enable_height=_integer(
                _group(data, "abci"), "abci.vote_extensions_enable_height", 0
            ),
        )
        found.validate()
        return found


def _group(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    group = data.get(name) or {}
    if not isinstance(group, Mapping):
        raise GenesisError(f"consensus_params.{name} must be an object")
    return group


def _integer(group: Mapping[str, Any], path: str, default: int) -> int:
    value = group.get(path.rpartition(".")[2], default)
    number = whole_number(value)
    if number is None:
        raise GenesisError(f"consensus_params.{path} must be a whole number, got {value!r}")
    return number


def whole_number(value: Any) -> int | None:
    """A 64-bit integer out of JSON, where CometBFT writes it as a string; None for anything else."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -(2**63) <= value < 2**63 else None
