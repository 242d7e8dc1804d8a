"""Validator keys: who signs this chain's blocks.

The file has CometBFT's key objects in a list, so that one of them is a ``priv_validator_key.json``
as it stands.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.node.errors import NodeError
from light_client import rpcjson
from light_client.keys import ED25519, PublicKey

_PRIVATE_TYPE = "tendermint/PrivKeyEd25519"


@dataclass(frozen=True, slots=True)
class ValidatorKey:
    """An ed25519 key pair; ``seed`` is its 32 secret bytes."""

    seed: bytes
    pub_key: PublicKey
    _private: Ed25519PrivateKey = field(compare=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> ValidatorKey:
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(seed, PublicKey(ED25519, private.public_key().public_bytes_raw()), private)

    @classmethod
    def generate(cls) -> ValidatorKey:
        return cls.from_seed(os.urandom(32))

    @classmethod
    def from_secret(cls, secret: str) -> ValidatorKey:
        """The same key for the same text: for chains that must come out alike every time."""
        return cls.from_seed(sha256(secret.encode()).digest())

    @property
    def address(self) -> bytes:
        return self.pub_key.address

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)

    def __repr__(self) -> str:
        return f"ValidatorKey({self.address.hex().upper()})"


def save(keys: Sequence[ValidatorKey], path: Path) -> None:
    """Write the keys, readable by their owner only."""
    text = json.dumps({"validators": [_to_json(key) for key in keys]}, indent=2)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")


def load(path: Path) -> tuple[ValidatorKey, ...]:
    """The keys of a file that ``save`` wrote, or of a single ``priv_validator_key.json``."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        keys = tuple(_from_json(entry) for entry in data.get("validators", [data]))
    except OSError as error:
        raise NodeError(f"validator keys {path}: {error.strerror}") from error
    except KeyError as error:
        raise NodeError(f"validator keys {path}: a key has no {error}") from error
    except (TypeError, AttributeError) as error:
        raise NodeError(f"validator keys {path}: expected a list of key objects") from error
    except ValueError as error:
        raise NodeError(f"validator keys {path}: {error}") from error
    if not keys:
        raise NodeError(f"validator keys {path}: the list is empty")
    return keys


def _to_json(key: ValidatorKey) -> dict[str, Any]:
    pair = base64.b64encode(key.seed + key.pub_key.data).decode()
    return {
        "address": rpcjson.to_hex(key.address),
        "pub_key": rpcjson.public_key_to_json(key.pub_key),
        "priv_key": {"type": _PRIVATE_TYPE, "value": pair},
    }


def _from_json(entry: Any) -> ValidatorKey:
    private = entry["priv_key"]
    if private["type"] != _PRIVATE_TYPE:
        raise ValueError(f"key type {private['type']!r} is not {_PRIVATE_TYPE}")
    pair = base64.b64decode(private["value"], validate=True)
    if len(pair) != 64:
        raise ValueError(f"a private key has 64 bytes, got {len(pair)}")
    key = ValidatorKey.from_seed(pair[:32])
    if key.pub_key.data != pair[32:]:
        raise ValueError(f"private and public half of {key.address.hex().upper()} do not match")
    return key
