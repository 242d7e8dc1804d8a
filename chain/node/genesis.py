"""The genesis document (CometBFT ``types/genesis.go``): how a chain begins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chain.errors import GenesisError
from chain.node.params import ConsensusParams, whole_number
from light_client import rpcjson
from light_client.errors import LightClientError
from light_client.keys import PublicKey
from light_client.values import Timestamp

MAX_CHAIN_ID: Final = 50


@dataclass(frozen=True, slots=True)
class GenesisValidator:
    pub_key: PublicKey
    power: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Genesis:
    """``app_state`` is the application's: a JSON object, module name to module state."""

    chain_id: str
    genesis_time: Timestamp
    validators: tuple[GenesisValidator, ...] = ()
    app_state: Mapping[str, Any] = field(default_factory=dict)
    initial_height: int = 1
    consensus_params: ConsensusParams = field(default_factory=ConsensusParams)
    app_hash: bytes = b""

    def __post_init__(self) -> None:
        if not self.chain_id:
            raise GenesisError("genesis chain_id must not be empty")
        if len(self.chain_id.encode()) > MAX_CHAIN_ID:
            raise GenesisError(
                f"genesis chain_id is too long: {len(self.chain_id.encode())} bytes, "
                f"at most {MAX_CHAIN_ID}"
            )
        if self.initial_height < 1:
            raise GenesisError(f"genesis initial_height must be positive: {self.initial_height}")
        self.consensus_params.validate()
        for index, validator in enumerate(self.validators):
            if validator.power <= 0:
                raise GenesisError(
                    f"genesis validators[{index}].power must be positive: {validator.power}"
                )
        if len({each.pub_key for each in self.validators}) != len(self.validators):
            raise GenesisError("genesis validators name a public key twice")

    @property
    def app_state_bytes(self) -> bytes:
        """What ``RequestInitChain`` carries."""
        return json.dumps(self.app_state, separators=(",", ":"), ensure_ascii=False).encode()

    def to_json(self) -> dict[str, Any]:
        validators = [_validator_json(validator) for validator in self.validators]
        return {
            "genesis_time": self.genesis_time.rfc3339(),
            "chain_id": self.chain_id,
            "initial_height": str(self.initial_height),
            "consensus_params": self.consensus_params.to_json(),
            **({"validators": validators} if validators else {}),
            "app_hash": self.app_hash.hex().upper(),
            "app_state": self.app_state,
        }

    @classmethod
    def from_json(cls, data: Any) -> Genesis:
        """Raises GenesisError that names the field."""
        if not isinstance(data, Mapping):
            raise GenesisError("a genesis document is a JSON object")
        validators = _of(data, "validators", list | None, None) or []
        return cls(
            chain_id=_of(data, "chain_id", str, ""),
            genesis_time=_time(data),
            validators=tuple(_validator(index, entry) for index, entry in enumerate(validators)),
            app_state=_of(data, "app_state", Mapping | None, None) or {},
            initial_height=_integer("initial_height", data.get("initial_height", 1)) or 1,
            consensus_params=ConsensusParams.from_json(
                _of(data, "consensus_params", Mapping | None, None) or {}
            ),
            app_hash=_hex("app_hash", _of(data, "app_hash", str, "")),
        )

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Genesis:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise GenesisError(f"cannot read the genesis {path}: {error.strerror}") from error
        except ValueError as error:
            raise GenesisError(f"the genesis {path} is not JSON: {error}") from error
        try:
            return cls.from_json(data)
        except GenesisError as error:
            raise GenesisError(f"{path}: {error}") from error


def equal_validators(
    keys: Sequence[PublicKey], power: int = 10, name: str = "validator"
) -> tuple[GenesisValidator, ...]:
    """Validators of the same power, named by number."""
    return tuple(
        GenesisValidator(key, power, f"{name}-{number}") for number, key in enumerate(keys)
    )


def _validator_json(validator: GenesisValidator) -> dict[str, Any]:
    return {
        "address": rpcjson.to_hex(validator.pub_key.address),
        "pub_key": rpcjson.public_key_to_json(validator.pub_key),
        "power": str(validator.power),
        "name": validator.name,
    }


def _validator(index: int, entry: Any) -> GenesisValidator:
    where = f"validators[{index}]"
    if not isinstance(entry, Mapping):
        raise GenesisError(f"genesis {where} must be an object")
    try:
        key = rpcjson.public_key_from_json(entry.get("pub_key"))
    except LightClientError as error:
        raise GenesisError(f"genesis {where}.pub_key: {error}") from error
    address = _hex(f"{where}.address", entry.get("address") or key.address.hex())
    if address != key.address:
        raise GenesisError(
            f"genesis {where}.address: expected {key.address.hex().upper()} of its key, "
            f"got {address.hex().upper()}"
        )
    return GenesisValidator(
        key, _integer(f"{where}.power", entry.get("power")), str(entry.get("name", ""))
    )


def _of(data: Mapping[str, Any], name: str, kind: Any, default: Any) -> Any:
    value = data.get(name, default)
    if not isinstance(value, kind):
        raise GenesisError(f"genesis {name} has the wrong type: {type(value).__name__}")
    return value


def _time(data: Mapping[str, Any]) -> Timestamp:
    try:
        return Timestamp.parse(_of(data, "genesis_time", str, ""))
    except ValueError as error:
        raise GenesisError(f"genesis genesis_time: {error}") from error


def _integer(name: str, value: Any) -> int:
    number = whole_number(value)
    if number is None:
        raise GenesisError(f"genesis {name} must be a whole number, got {value!r}")
    return number


def _hex(name: str, value: Any) -> bytes:
    try:
        return bytes.fromhex(value)
    except (ValueError, TypeError):
        raise GenesisError(f"genesis {name} must be hexadecimal, got {value!r}") from None
